//! What the web page reads and does: `/sim/…`, and the pictures in `/files/…`. These endpoints act as a person, so they answer only to pages of this server.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Request, State as Extracted};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::Stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::SlackSim;
use super::api;
use super::deliver::Answer;
use super::message::{Author, Message};
use super::people::{CannotDo, Press};
use super::state::State;

/// Changes closer together than this are told as one.
const COALESCE: Duration = Duration::from_millis(50);

/// The routes of the page's data.
pub(super) fn router() -> Router<SlackSim> {
    Router::new()
        .route("/sim/state", get(state))
        .route("/sim/stream", get(stream))
        .route("/sim/click", post(click))
        .route("/sim/command", post(command))
        .route("/sim/view_submit", post(view_submit))
        .route("/sim/view_close", post(view_close))
        .route("/files/{id}", get(api::content))
        .layer(middleware::from_fn(same_origin))
}

/// Lets through what comes from a page of this very server on a loopback address. Another site's page sends its own `Origin`;
/// a name that was made to point here (DNS rebinding) shows in `Host`.
async fn same_origin(request: Request, next: Next) -> Response {
    if is_same_origin(request.headers()) {
        return next.run(request).await;
    }
    (
        StatusCode::FORBIDDEN,
        Json(json!({"ok": false, "status": 0, "ms": 0, "error": "not the same origin"})),
    )
        .into_response()
}

fn is_same_origin(headers: &HeaderMap) -> bool {
    let one = |name: header::HeaderName| match headers
        .get_all(name)
        .iter()
        .collect::<Vec<_>>()
        .as_slice()
    {
        [] => Some(None),
        [value] => value.to_str().ok().map(Some),
        _ => None,
    };
    let (Some(Some(host)), Some(origin)) = (one(header::HOST), one(header::ORIGIN)) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    ["127.0.0.1", "localhost", "[::1]"].contains(&name)
        && origin.is_none_or(|o| o == format!("http://{host}"))
}

async fn state(Extracted(sim): Extracted<SlackSim>) -> Json<Value> {
    Json(sim.look(describe))
}

fn describe(state: &State) -> Value {
    let about = &state.identity;
    let channels: Vec<Value> = state
        .channels
        .iter()
        .map(|c| json!({"id": c.id, "name": c.name}))
        .collect();
    let person =
        |u: &super::User| json!({"id": u.id, "name": u.name, "title": u.title, "color": u.color});
    let users: Vec<Value> = state.users.iter().map(person).collect();
    let messages: Vec<Value> = state.messages.iter().map(message).collect();
    let view =
        |v: &super::View| json!({"id": v.id, "user": v.user, "view": v.view, "errors": v.errors});
    let views: Vec<Value> = state.views.iter().map(view).collect();
    let file = |f: &super::File| {
        let (channel, thread_ts) = f.shared.clone().unzip();
        // Pictures are fetched by the page; texts are small and come along.
        let picture = f.content.as_ref().is_some_and(|bytes| api::is_png(bytes));
        let url = picture.then(|| format!("/files/{}", f.id));
        let text = f.content.as_ref().filter(|_| !picture);
        let text = text.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        json!({"id": f.id, "name": f.name, "title": f.title, "size": f.length, "channel": channel,
            "thread_ts": thread_ts.flatten(), "text": text, "url": url})
    };
    let files: Vec<Value> = state.files.iter().map(file).collect();
    json!({
        "team": {"id": about.team_id, "name": about.team_name}, "channels": channels, "users": users, "messages": messages,
        "views": views, "files": files,
    })
}

fn message(m: &Message) -> Value {
    let user = match &m.author {
        Author::App => "BOT",
        Author::Person(id) => id,
        Author::Slackbot => "USLACKBOT",
    };
    json!({
        "channel": m.channel, "ts": m.ts, "thread_ts": m.thread_ts, "user": user, "text": m.text, "blocks": m.blocks,
        "files": m.files,
        "edited": m.edited, "broadcast": m.broadcast, "ephemeral_to": m.ephemeral_to,
    })
}

/// One `changed` event at once, then one per change or burst of changes.
async fn stream(Extracted(sim): Extracted<SlackSim>) -> impl IntoResponse {
    Sse::new(changes(&sim)).keep_alive(KeepAlive::default())
}

fn changes(sim: &SlackSim) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
    let mut changes = sim.0.changes.subscribe();
    changes.mark_changed();
    futures::stream::unfold(changes, |mut changes| async move {
        // The workspace is gone: so is the stream.
        changes.changed().await.ok()?;
        tokio::time::sleep(COALESCE).await;
        let count = *changes.borrow_and_update();
        Some((
            Ok(Event::default().event("changed").data(count.to_string())),
            changes,
        ))
    })
}

#[derive(Deserialize)]
struct Click {
    user: String,
    channel: String,
    ts: String,
    block_id: Option<String>,
    action_id: String,
    /// The value of the option, or the whole option.
    selected_option: Option<Value>,
}

async fn click(Extracted(sim): Extracted<SlackSim>, Json(c): Json<Click>) -> Json<Value> {
    let option = c.selected_option.and_then(|option| match option {
        Value::String(value) => Some(value),
        option => option["value"].as_str().map(str::to_owned),
    });
    let press = Press {
        block_id: c.block_id,
        action_id: c.action_id,
        option,
    };
    told(sim.press(&c.user, &c.channel, &c.ts, press).await.map(Some))
}

#[derive(Deserialize)]
struct Typed {
    user: String,
    channel: String,
    text: String,
}

async fn command(Extracted(sim): Extracted<SlackSim>, Json(typed): Json<Typed>) -> Json<Value> {
    let Typed {
        user,
        channel,
        text,
    } = typed;
    if text.starts_with('/') {
        let (command, rest) = text.split_once(char::is_whitespace).unwrap_or((&text, ""));
        return told(
            sim.command(&user, &channel, command, rest.trim())
                .await
                .map(Some),
        );
    }
    told(sim.say(&user, &channel, &text).map(|_| None))
}

#[derive(Deserialize)]
struct Submit {
    user: String,
    view_id: String,
    #[serde(default)]
    values: Value,
}

async fn view_submit(Extracted(sim): Extracted<SlackSim>, Json(s): Json<Submit>) -> Json<Value> {
    told(
        sim.submit_view(&s.user, &s.view_id, s.values)
            .await
            .map(Some),
    )
}

#[derive(Deserialize)]
struct Close {
    user: String,
    view_id: String,
}

async fn view_close(Extracted(sim): Extracted<SlackSim>, Json(c): Json<Close>) -> Json<Value> {
    told(sim.close_view(&c.user, &c.view_id).await)
}

/// What the page is told. Where the app had no part in it, the status is 200 in no time.
fn told(outcome: Result<Option<Answer>, CannotDo>) -> Json<Value> {
    Json(match outcome {
        Err(cannot) => json!({"ok": false, "status": 0, "ms": 0, "error": cannot.to_string()}),
        Ok(None) => json!({"ok": true, "status": 200, "ms": 0}),
        Ok(Some(answer)) => {
            let ms = u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX);
            let mut told =
                json!({"ok": answer.is_ok(), "status": answer.status.unwrap_or(0), "ms": ms});
            if let Some(problem) = answer.problem {
                told["error"] = json!(problem);
            }
            told
        }
    })
}
