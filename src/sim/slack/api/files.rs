//! files.*: the two steps of an upload, and the upload URL between them.

use axum::extract::{Path, State as Extracted};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Args, Outcome, Refused, with_faults};
use crate::sim::slack::message::{Author, Message};
use crate::sim::slack::state::{File, State};
use crate::sim::slack::{SlackSim, sign};

/// Bytes that a file may have.
const LARGEST: u64 = 4 << 20;
/// Files that are kept.
const MOST: usize = 200;

pub(super) fn upload_url(state: &mut State, args: &Args) -> Outcome {
    let name = args.required("filename")?.to_owned();
    let Some(length) = args.number("length").filter(|&n| n > 0) else {
        return Err(Refused::missing("length"));
    };
    if length > LARGEST {
        return Err(Refused::error("file_upload_size_restricted"));
    }
    let number = state.next_serial();
    let id = format!("F{number:08}");
    let url = format!(
        "{}/upload/{}",
        state.identity.base_url,
        upload_key(state, &id)
    );
    state.files.push(File {
        id: id.clone(),
        title: name.clone(),
        name,
        length,
        content: None,
        ready: None,
        shared: None,
    });
    forget_the_oldest(state);
    Ok(json!({"upload_url": url, "file_id": id}))
}

pub(super) fn complete(state: &mut State, args: &Args) -> Outcome {
    let Some(files) = args.get("files").and_then(Value::as_array) else {
        return Err(Refused::missing("files"));
    };
    let channel = args.text("channel_id").map(str::to_owned);
    let thread = args.text("thread_ts").map(str::to_owned);
    if let Some(id) = &channel {
        match state.channel(id) {
            None => return Err(Refused::error("channel_not_found")),
            Some(c) if !c.app_is_member => return Err(Refused::error("not_in_channel")),
            Some(_) => {}
        }
        if thread
            .as_ref()
            .is_some_and(|ts| state.visible(id, ts).is_none())
        {
            return Err(Refused::error("thread_not_found"));
        }
    }
    // All are looked at before any is shared: the call takes effect as a whole.
    let uploaded = |f: &Value| {
        state
            .files
            .iter()
            .any(|have| f["id"] == have.id && have.content.is_some())
    };
    if files.is_empty() || !files.iter().all(uploaded) {
        return Err(Refused::error("file_not_found"));
    }
    let mut done = Vec::new();
    for file in files {
        let Some(have) = state.files.iter_mut().find(|have| file["id"] == have.id) else {
            continue;
        };
        if let Some(title) = file["title"].as_str() {
            have.title = title.to_owned();
        }
        have.ready = Some(Instant::now() + state.files_ready_after);
        have.shared = channel.clone().map(|channel| (channel, thread.clone()));
        done.push(
            json!({"id": have.id, "title": have.title, "name": have.name, "size": have.length}),
        );
    }
    // Sharing writes a message of the app, as Slack does.
    if let Some(channel) = channel {
        let ids = done.iter().filter_map(|file| file["id"].as_str());
        let files = ids.map(str::to_owned).collect();
        let already = |m: &Message| m.channel == channel && m.files == files;
        if !state.messages.iter().any(already) {
            state.add(Message {
                thread_ts: thread,
                files,
                ..Message::new(&channel, Author::App)
            });
        }
    }
    Ok(json!({"files": done}))
}

/// `POST /upload/{key}`: the bytes, raw. Slack answers in plain text.
pub(in crate::sim::slack) async fn upload(
    Extracted(sim): Extracted<SlackSim>,
    Path(key): Path<String>,
    body: Bytes,
) -> Response {
    let arguments = json!({"bytes": body.len()});
    with_faults(&sim, "upload", arguments, |state| {
        let id = state
            .files
            .iter()
            .find(|f| upload_key(state, &f.id) == key)
            .map(|f| f.id.clone());
        let file = id.and_then(|id| state.files.iter_mut().find(|f| f.id == id));
        let Some(file) = file else {
            return Err(Refused::error("file_not_found"));
        };
        if u64::try_from(body.len()).ok() != Some(file.length) {
            return Err(Refused::error("invalid_length"));
        }
        file.content = Some(body);
        Ok(Value::from(format!("OK - {}", file.length)))
    })
    .await
}

/// A workspace for play keeps the newest files only.
fn forget_the_oldest(state: &mut State) {
    let too_many = state.files.len().saturating_sub(MOST);
    state.files.drain(..too_many);
}

/// `GET /files/{id}`: the file as the page shows it. Only pictures are given a type that browsers draw.
pub(in crate::sim::slack) async fn content(
    Extracted(sim): Extracted<SlackSim>,
    Path(id): Path<String>,
) -> Response {
    let file = sim.look(|state| state.files.iter().find(|f| f.id == id).cloned());
    let Some(content) = file.filter(|f| f.shared.is_some()).and_then(|f| f.content) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let kind = if is_png(&content) {
        "image/png"
    } else {
        "text/plain; charset=utf-8"
    };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A file never changes under its id.
        (header::CACHE_CONTROL, "private, max-age=3600, immutable"),
    ];
    (headers, content).into_response()
}

/// Whether it is a picture that the page can draw.
pub(in crate::sim::slack) fn is_png(content: &[u8]) -> bool {
    content.starts_with(b"\x89PNG\r\n\x1a\n")
}

fn upload_key(state: &State, file: &str) -> String {
    sign::unguessable(&state.identity.signing_secret, file, 0)
}
