//! The Web API: `/api/METHOD`, by GET or POST, with a query, a form or a JSON body.

mod args;
mod chat;
mod conversations;
mod files;
mod refused;
mod users;
pub(super) mod views;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State as Extracted};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::future;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::{Value, json};

use super::SlackSim;
use super::faults::Fault;
use super::state::State;
use args::Args;

pub(super) use files::{content, is_png, upload};
pub(super) use refused::Refused;

/// The answer's fields beside `"ok": true`.
type Outcome = Result<Value, Refused>;

/// What is known about a method.
struct Method {
    run: fn(&mut State, &Args) -> Outcome,
    scope: Option<&'static str>,
    /// Only reads: takes no JSON body.
    reads: bool,
    per_minute: u32,
}

fn method(name: &str) -> Option<Method> {
    let write = |run, scope, per_minute| Method {
        run,
        scope: Some(scope),
        reads: false,
        per_minute,
    };
    let read = |run, scope, per_minute| Method {
        run,
        scope: Some(scope),
        reads: true,
        per_minute,
    };
    let free = |run, reads, per_minute| Method {
        run,
        scope: None,
        reads,
        per_minute,
    };
    Some(match name {
        "api.test" => free(api_test, false, 100),
        "auth.test" => free(auth_test, false, 600),
        // Posting is limited per channel, inside the method.
        "chat.postMessage" => write(chat::post_message, "chat:write", 600),
        "chat.postEphemeral" => write(chat::post_ephemeral, "chat:write", 100),
        "chat.update" => write(chat::update, "chat:write", 50),
        "chat.delete" => write(chat::delete, "chat:write", 50),
        "chat.getPermalink" => free(chat::get_permalink, true, 600),
        "conversations.info" => read(conversations::info, "channels:read", 50),
        "conversations.members" => read(conversations::members, "channels:read", 100),
        "conversations.history" => read(conversations::history, "channels:history", 50),
        "conversations.replies" => read(conversations::replies, "channels:history", 50),
        "bots.info" => read(users::bot, "users:read", 100),
        "users.info" => read(users::info, "users:read", 100),
        "usergroups.list" => read(users::groups, "usergroups:read", 20),
        "usergroups.users.list" => read(users::group_members, "usergroups:read", 20),
        "views.open" => free(views::open, false, 100),
        "views.push" => free(views::push, false, 100),
        "views.update" => free(views::update, false, 100),
        "files.getUploadURLExternal" => read(files::upload_url, "files:write", 100),
        "files.completeUploadExternal" => write(files::complete, "files:write", 100),
        _ => return None,
    })
}

/// Answers one call, with the faults that were planned for it.
pub(super) async fn serve(
    Extracted(sim): Extracted<SlackSim>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut args = Args::read(&headers, query.as_deref().unwrap_or_default(), &body);
    // Taken out in any case: the record of calls holds no token.
    let argument = args.as_mut().ok().and_then(Args::take_token);
    let token = bearer(&headers).or(argument);
    let arguments = args.as_ref().map_or(Value::Null, Args::to_json);
    with_faults(&sim, &name, arguments, |state| {
        args.and_then(|args| call(state, &name, token.as_deref(), args))
    })
    .await
}

/// Runs `work` as a call of `name`: notes it, lets the planned fault strike, and notes the answer.
pub(super) async fn with_faults(
    sim: &SlackSim,
    name: &str,
    arguments: Value,
    work: impl FnOnce(&mut State) -> Outcome,
) -> Response {
    let (number, fault) =
        sim.change(|state| (state.note_call(name, arguments), state.faults.strike(name)));
    let refusal = |refused: Refused| (refused.status, refused.body, refused.retry_after);
    let (status, body, retry_after) = match &fault {
        Some(Fault::RateLimited { retry_after }) => refusal(Refused::too_often(*retry_after)),
        Some(Fault::Status(status)) => (*status, Value::from("upstream trouble"), None),
        Some(Fault::Error(word)) => refusal(Refused::error(word)),
        other => {
            if let Some(Fault::Hang(time)) = other {
                tokio::time::sleep(*time).await;
            }
            match sim.change(work) {
                Ok(body) => (200, body, None),
                Err(refused) => refusal(refused),
            }
        }
    };
    match fault {
        Some(Fault::AcceptThenHang) => return future::pending().await,
        Some(Fault::AcceptThenReset) => {
            // A body that breaks off before its first byte: over a socket, the connection is closed.
            let broken = futures::stream::once(future::ready(Err::<Bytes, _>(
                std::io::Error::other("connection reset"),
            )));
            return Body::from_stream(broken).into_response();
        }
        _ => {}
    }
    let (scopes, now) = sim.change(|state| {
        state.note_answer(number, status, body.clone());
        (state.identity.scopes.join(","), (state.clock)())
    });
    let mut response = respond(status, &body, retry_after, &scopes);
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
    if let Some(date) = date.ok().and_then(|date| HeaderValue::from_str(&date).ok()) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

fn respond(status: u16, body: &Value, retry_after: Option<u64>, scopes: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // A body that is only text stands for the pages of proxies and for Slack's plain "ok".
    let (kind, text) = match body {
        Value::String(text) => ("text/html", text.clone()),
        json => ("application/json; charset=utf-8", json.to_string()),
    };
    let mut response = (status, [(header::CONTENT_TYPE, kind)], text).into_response();
    if let Ok(scopes) = HeaderValue::from_str(scopes) {
        response.headers_mut().insert("x-oauth-scopes", scopes);
    }
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    Some(
        headers
            .get(header::AUTHORIZATION)?
            .to_str()
            .ok()?
            .strip_prefix("Bearer ")?
            .to_owned(),
    )
}

fn call(state: &mut State, name: &str, token: Option<&str>, mut args: Args) -> Outcome {
    let Some(method) = method(name) else {
        return Err(Refused::with(
            json!({"ok": false, "error": "unknown_method", "req_method": name}),
        ));
    };
    if name != "api.test" {
        match token {
            None => return Err(Refused::error("not_authed")),
            Some(token) if token != state.identity.bot_token => {
                return Err(Refused::error("invalid_auth"));
            }
            Some(_) => {}
        }
    }
    if let Some(needed) = method.scope
        && !state.identity.scopes.iter().any(|s| s == needed)
    {
        let provided = state.identity.scopes.join(",");
        let body =
            json!({"ok": false, "error": "missing_scope", "needed": needed, "provided": provided});
        return Err(Refused::with(body));
    }
    state
        .buckets
        .call(name, method.per_minute)
        .map_err(Refused::too_often)?;
    if method.reads {
        args.drop_json();
    }
    let mut answer = (method.run)(state, &args)?;
    answer["ok"] = json!(true);
    if args.charset_missing {
        answer["warning"] = json!("missing_charset");
        answer["response_metadata"]["warnings"] = json!(["missing_charset"]);
    }
    Ok(answer)
}

fn api_test(_: &mut State, args: &Args) -> Outcome {
    match args.text("error") {
        Some(word) => Err(Refused::error(word)),
        None => Ok(json!({"args": args.to_json()})),
    }
}

fn auth_test(state: &mut State, _: &Args) -> Outcome {
    let about = &state.identity;
    Ok(json!({
        "url": format!("https://{}.slack.com/", about.team_domain), "team": about.team_name, "user": "heal",
        "team_id": about.team_id, "user_id": about.bot_user_id, "bot_id": about.bot_id, "is_enterprise_install": false,
    }))
}
