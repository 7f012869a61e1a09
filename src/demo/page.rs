//! The demo's web page and the view of the cluster beside the workspace.
use super::{shop, story};
use crate::sim::{kube::KubeSim, slack::SlackSim};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// What the page's own routes need.
#[derive(Clone)]
pub(super) struct Stage {
    /// The simulated cluster; none when a real one is used.
    pub(super) cluster: Option<KubeSim>,
    pub(super) slack: SlackSim,
    pub(super) channel: String,
    pub(super) tells_story: bool,
}

/// Path, content and media type of the page's files, built into the program: the demo needs no network and no files.
const FILES: [(&str, &str, &str); 10] = [
    (
        "/",
        include_str!("../sim/page/index.html"),
        "text/html; charset=utf-8",
    ),
    (
        "/style.css",
        include_str!("../sim/page/style.css"),
        "text/css; charset=utf-8",
    ),
    ("/app.js", include_str!("../sim/page/app.js"), JS),
    ("/blocks.js", include_str!("../sim/page/blocks.js"), JS),
    ("/cluster.js", include_str!("../sim/page/cluster.js"), JS),
    ("/composer.js", include_str!("../sim/page/composer.js"), JS),
    ("/dialogs.js", include_str!("../sim/page/dialogs.js"), JS),
    ("/dom.js", include_str!("../sim/page/dom.js"), JS),
    ("/messages.js", include_str!("../sim/page/messages.js"), JS),
    ("/mrkdwn.js", include_str!("../sim/page/mrkdwn.js"), JS),
];
const JS: &str = "text/javascript; charset=utf-8";

/// The page, its data, and the workspace's API.
pub(super) fn router(stage: Stage) -> Router {
    let mut files = Router::new();
    for (path, content, kind) in FILES {
        let file = (
            [
                (header::CONTENT_TYPE, kind),
                (header::CACHE_CONTROL, "no-cache"),
            ],
            content,
        );
        files = files.route(path, get(move || async move { file }));
    }
    let own = Router::new()
        .route("/sim/cluster", get(cluster))
        .route("/sim/trouble", post(trouble))
        .with_state(stage.clone());
    files.merge(own).merge(stage.slack.router())
}

async fn cluster(State(stage): State<Stage>) -> Json<Value> {
    let story = if stage.tells_story {
        story::progress(&stage.slack, &stage.channel, &[super::OLIVIA, super::IVAN])
    } else {
        Value::Null
    };
    let Some(cluster) = &stage.cluster else {
        return Json(
            json!({"real": true, "nodes": [], "workloads": [], "troubles": [], "story": story}),
        );
    };
    let troubles: Vec<Value> = shop::TROUBLES
        .iter()
        .map(|trouble| json!({"id": trouble.id, "label": trouble.label, "explains": trouble.explains, "active": false}))
        .collect();
    // A snapshot is plain data: it always serialises.
    let mut answer = serde_json::to_value(cluster.snapshot()).unwrap_or_default();
    answer["real"] = json!(false);
    answer["troubles"] = json!(troubles);
    answer["story"] = story;
    Json(answer)
}

#[derive(Deserialize)]
struct Wanted {
    id: String,
}

async fn trouble(
    State(stage): State<Stage>,
    headers: HeaderMap,
    Json(wanted): Json<Wanted>,
) -> Response {
    let foreign = |origin: &str| {
        !origin.starts_with("http://127.0.0.1:") && !origin.starts_with("http://localhost:")
    };
    if headers
        .get(header::ORIGIN)
        .and_then(|origin| origin.to_str().ok())
        .is_some_and(foreign)
    {
        return StatusCode::FORBIDDEN.into_response();
    }
    let trouble = shop::TROUBLES
        .iter()
        .find(|trouble| trouble.id == wanted.id);
    let (Some(cluster), Some(trouble)) = (&stage.cluster, trouble) else {
        return (
            StatusCode::NOT_FOUND,
            Json(json!({"ok": false, "error": "no such trouble"})),
        )
            .into_response();
    };
    match trouble.cause(cluster) {
        Ok(()) => Json(json!({"ok": true})).into_response(),
        Err(error) => Json(json!({"ok": false, "error": error.to_string()})).into_response(),
    }
}
