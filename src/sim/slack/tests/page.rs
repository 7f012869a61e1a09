use super::*;

async fn page(
    sim: &SlackSim,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Response<Body> {
    let mut request = if body.is_some() {
        Request::post(path)
    } else {
        Request::get(path)
    };
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    };
    sim.router()
        .oneshot(request.expect("a request"))
        .await
        .expect("routers do not fail")
}

const HERE: &[(&str, &str)] = &[
    ("host", "127.0.0.1:3000"),
    ("origin", "http://127.0.0.1:3000"),
];

#[tokio::test(start_paused = true)]
async fn the_page_sees_everything() {
    let sim = workspace();
    call(
        &sim,
        "chat.postMessage",
        json!({"channel": "C1", "text": "hello", "blocks": [{"type": "divider"}]}),
    )
    .await;
    let state = json_of(page(&sim, "/sim/state", HERE, None).await).await;
    assert_eq!(state["team"], json!({"id": "T1", "name": "Heal"}));
    assert_eq!(
        state["users"][0],
        json!({"id": "U1", "name": "alice", "title": "", "color": "#4a154b"})
    );
    insta::assert_json_snapshot!(state["messages"], @r#"
    [
      {
        "blocks": [
          {
            "block_id": "b0001",
            "type": "divider"
          }
        ],
        "broadcast": false,
        "channel": "C1",
        "edited": false,
        "ephemeral_to": null,
        "files": [],
        "text": "hello",
        "thread_ts": null,
        "ts": "1800000000.000100",
        "user": "BOT"
      }
    ]
    "#);
}

#[tokio::test(start_paused = true)]
async fn the_page_gets_pictures_as_pictures_and_nobody_else_gets_them() {
    let sim = workspace();
    let share = async |name: &str, content: &'static [u8]| {
        let length = content.len();
        let query = format!("filename={name}&length={length}");
        let place = get(&sim, "files.getUploadURLExternal", &query).await;
        let url = place["upload_url"].as_str().expect("a URL");
        let path = url.strip_prefix("http://127.0.0.1").expect("the base URL");
        let upload = Request::post(path).body(Body::from(content));
        let upload = upload.expect("a request");
        sim.router().oneshot(upload).await.expect("an answer");
        let id = place["file_id"].as_str().expect("an id").to_owned();
        let files = json!({"files": [{"id": id, "title": name}], "channel_id": "C1"});
        call(&sim, "files.completeUploadExternal", files).await;
        format!("/files/{id}")
    };
    let picture = share("a.png", b"\x89PNG\r\n\x1a\nrest").await;
    let text = share("a.html", b"<script>").await;
    let kind = async |path: &str, headers: &[(&str, &str)]| {
        let answer = page(&sim, path, headers, None).await;
        let kind = answer.headers().get("content-type").cloned();
        (
            answer.status().as_u16(),
            kind.map(|kind| kind.to_str().expect("text").to_owned()),
        )
    };
    assert_eq!(kind(&picture, HERE).await, (200, Some("image/png".into())));
    let plain = Some("text/plain; charset=utf-8".into());
    assert_eq!(kind(&text, HERE).await, (200, plain));
    assert_eq!(kind("/files/F9", HERE).await.0, 404);
    assert_eq!(kind(&picture, &[("host", "evil.example")]).await.0, 403);
    let state = json_of(page(&sim, "/sim/state", HERE, None).await).await;
    assert_eq!(
        (&state["files"][0]["url"], &state["files"][0]["text"]),
        (&json!(picture), &Value::Null)
    );
    assert_eq!(
        (&state["files"][1]["url"], &state["files"][1]["text"]),
        (&Value::Null, &json!("<script>"))
    );
    assert_eq!(
        state["messages"][0]["files"],
        json!([state["files"][0]["id"]])
    );
}

#[tokio::test(start_paused = true)]
async fn the_page_clicks_types_and_submits() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    let ts = card(&sim).await;
    let click = json!({"user": "U1", "channel": "C1", "ts": ts, "block_id": "m", "action_id": "more",
        "selected_option": {"value": "details"}});
    let told = json_of(page(&sim, "/sim/click", HERE, Some(click)).await).await;
    assert_eq!(told, json!({"ok": true, "status": 200, "ms": 0}));
    assert_eq!(
        last_payload(&seen)["actions"][0]["selected_option"]["value"],
        "details"
    );

    let typed = |text: &str| json!({"user": "U2", "channel": "C1", "text": text});
    json_of(page(&sim, "/sim/command", HERE, Some(typed("/heal status now"))).await).await;
    let form = seen
        .lock()
        .expect("the log")
        .last()
        .expect("a command")
        .body()
        .clone();
    assert!(
        form_urlencoded::parse(&form).any(|(name, value)| name == "text" && value == "status now")
    );
    json_of(page(&sim, "/sim/command", HERE, Some(typed("thanks"))).await).await;
    assert_eq!(
        sim.messages("C1").last().expect("a message").author,
        Author::Person("U2".to_owned())
    );

    let close = json!({"user": "U1", "view_id": "V9"});
    let told = json_of(page(&sim, "/sim/view_close", HERE, Some(close)).await).await;
    assert_eq!(told["error"], "there is no message or view V9");
}

#[tokio::test(start_paused = true)]
async fn other_sites_and_other_names_are_turned_away() {
    let sim = workspace();
    let body = || Some(json!({"user": "U1", "channel": "C1", "text": "hi"}));
    let cases: [(&[(&str, &str)], u16); 7] = [
        (HERE, 200),
        (&[("host", "localhost:3000")], 200),
        (
            &[("host", "[::1]:3000"), ("origin", "http://[::1]:3000")],
            200,
        ),
        (
            &[
                ("host", "127.0.0.1:3000"),
                ("origin", "http://evil.example"),
            ],
            403,
        ),
        (
            &[
                ("host", "127.0.0.1:3000"),
                ("origin", "http://127.0.0.1:4000"),
            ],
            403,
        ),
        (
            &[
                ("host", "evil.example:3000"),
                ("origin", "http://evil.example:3000"),
            ],
            403,
        ),
        (&[], 403),
    ];
    for (headers, status) in cases {
        assert_eq!(
            page(&sim, "/sim/command", headers, body()).await.status(),
            status,
            "{headers:?}"
        );
    }
    assert_eq!(sim.messages("C1").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_stream_tells_a_burst_of_changes_once() {
    let sim = workspace();
    let response = page(&sim, "/sim/stream", HERE, None).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut next = async || {
        let frame = body.frame().await.expect("a frame").expect("no error");
        String::from_utf8(frame.into_data().expect("data").to_vec()).expect("text")
    };
    assert!(next().await.starts_with("event: changed\n"));
    for _ in 0..10 {
        sim.say("U1", "C1", "hi").expect("alice is here");
    }
    assert_eq!(next().await, "event: changed\ndata: 10\n\n");
}
