//! The methods against the local workspace, and what becomes of trouble.
use super::*;
use crate::{
    sim::slack::{Fault, SlackSim, SlackSimOptions},
    wire::{Broken, in_process},
};
use std::time::Duration;
use tower::{service_fn, util::BoxCloneSyncService};

fn api(transport: Transport) -> SlackApi {
    let base = "http://slack.local/api".parse().unwrap();
    SlackApi::new(transport, base, &"xoxb-simulated".into())
}

fn message() -> Message {
    Message {
        text: "hello".into(),
        blocks: json!([]),
    }
}

fn mark() -> Mark {
    Mark {
        event_type: "heal_incident".into(),
        event_payload: json!({"incident": "H1"}),
    }
}

fn ops() -> Place<'static> {
    Place {
        channel: "C0OPS",
        ..Place::default()
    }
}

#[tokio::test(start_paused = true)]
async fn every_trouble_is_another_decision() {
    let sim = SlackSim::new(SlackSimOptions::default());
    let api = api(in_process(sim.router()));
    let refused = |code: &str| SlackError::Refused {
        code: code.into(),
        messages: vec![],
    };
    let unknown = |why: &str| SlackError::Ambiguous(why.into());
    for (fault, expected) in [
        (
            Fault::RateLimited { retry_after: 7 },
            SlackError::RateLimited(Duration::from_secs(7)),
        ),
        (Fault::Status(502), unknown("status 502")),
        (Fault::Status(404), refused("http_404")),
        (Fault::Error("fatal_error".into()), unknown("fatal_error")),
        (
            Fault::Error("not_in_channel".into()),
            refused("not_in_channel"),
        ),
        (
            Fault::Error("thread_not_found".into()),
            SlackError::NotFound("thread_not_found".into()),
        ),
        (Fault::AcceptThenHang, unknown("timed out")),
    ] {
        sim.fail(None, fault.clone(), 1);
        assert_eq!(
            api.post(ops(), &message(), &mark()).await,
            Err(expected),
            "{fault:?}"
        );
    }
    // The one that Slack accepted can be found.
    let found = api
        .marks("C0OPS", None, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    assert_eq!(
        found
            .iter()
            .map(|(_, mark)| mark.clone())
            .collect::<Vec<_>>(),
        [mark()]
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_layout_comes_with_what_is_wrong_with_it() {
    let sim = SlackSim::new(SlackSimOptions::default());
    let wrong = Message {
        blocks: json!([{"type": "section"}]),
        ..message()
    };
    let error = api(in_process(sim.router()))
        .post(ops(), &wrong, &mark())
        .await;
    let Err(SlackError::Refused { code, messages }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(code, "invalid_blocks");
    assert!(!messages.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_left_may_be_repeated() {
    let closed = service_fn(|_| async { Err(Broken::Unsent("refused".into())) });
    let api = api(BoxCloneSyncService::new(closed));
    let error = api.post(ops(), &message(), &mark()).await;
    assert_eq!(error, Err(SlackError::Unsent("refused".into())));
}

#[tokio::test(start_paused = true)]
async fn the_token_is_in_no_error_and_goes_to_no_response_url() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = seen.clone();
    let echo = service_fn(move |request: http::Request<Bytes>| {
        log.lock().unwrap().push(request.headers().clone());
        let text = format!("{:?}", request.headers());
        async move { Ok(http::Response::new(Bytes::from(text))) }
    });
    let api = api(BoxCloneSyncService::new(echo));
    let error = api.post(ops(), &message(), &mark()).await.unwrap_err();
    let said = format!("{error} {error:?} {api:?}");
    assert!(!said.contains("xoxb"), "{said}");
    let url = "https://hooks.slack.com/actions/T1/2/secret";
    let error = api.respond(url, &json!({})).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
    assert!(seen.lock().unwrap()[0].contains_key("authorization"));
    assert!(!seen.lock().unwrap()[1].contains_key("authorization"));
}

#[test]
fn only_slacks_own_response_urls_are_used() {
    let nowhere = service_fn(|_| async { Err(Broken::Unsent(String::new())) });
    let api = api(BoxCloneSyncService::new(nowhere));
    for (url, is_ours) in [
        ("https://hooks.slack.com/actions/T1/2/x", true),
        ("https://hooks.slack-gov.com/actions/T1/2/x", true),
        ("http://slack.local/response/1", true),
        ("http://hooks.slack.com/actions/T1/2/x", false),
        ("https://hooks.slack.com:8443/x", false),
        ("https://hooks.slack.com.evil.example/x", false),
        ("https://evil.example/hooks.slack.com", false),
        ("https://hooks.slack.com@evil.example/x", false),
        ("https://user:pass@hooks.slack.com/x", false),
        ("https://169.254.169.254/latest", false),
        ("https://slack.local/response/1", false),
        ("http://slack.local:81/response/1", false),
        ("file:///etc/passwd", false),
        ("", false),
    ] {
        assert_eq!(api.response_url(url).is_ok(), is_ours, "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_token_says_who_it_is_and_what_it_may() {
    let sim = SlackSim::new(SlackSimOptions::default());
    let api = api(in_process(sim.router()));
    let identity = api.identity().await.unwrap();
    assert_eq!(identity.team_id, "T0HEAL");
    assert!(identity.scopes.unwrap().contains(&"chat:write".to_owned()));
    let channel = api.channel("C0OPS").await.unwrap();
    assert!(channel.is_member && !channel.is_ext_shared);
    let mut headers = HeaderMap::new();
    headers.insert("date", "Sat, 21 Nov 2026 03:12:00 GMT".parse().unwrap());
    let date = date(&headers).unwrap();
    assert_eq!(date.to_string(), "2026-11-21T03:12:00Z");
}

#[tokio::test(start_paused = true)]
async fn long_texts_are_cut_before_slack_refuses_them() {
    let sim = SlackSim::new(SlackSimOptions::default());
    let api = api(in_process(sim.router()));
    let ts = api.post(ops(), &message(), &mark()).await.unwrap();
    let long = Message {
        text: "x".repeat(5_000),
        blocks: json!([]),
    };
    api.update("C0OPS", &ts, &long).await.unwrap();
    let shown = sim.message("C0OPS", &ts).unwrap();
    assert_eq!(shown.text.chars().count(), 3_900);
    assert!(shown.metadata.is_some());
}
