//! WATCH: the stream of JSON lines that begins at a resource version and ends by timeout, cut or expiry.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, stream};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    resources::Resource,
    selectors::Selectors,
    status::ApiError,
    store::{Change, ChangeKind, Pulse, Store},
};

/// How often an idle watch reports the version it has reached, when the client allows bookmarks.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// The end of a watch without `timeoutSeconds`; the real server picks 30 to 60 minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(45 * 60);

/// What a client asks of a watch.
pub(super) struct WatchRequest {
    pub(super) resource: &'static Resource,
    pub(super) selectors: Selectors,
    /// Where to begin; `None` begins with the present objects.
    pub(super) version: Option<u64>,
    pub(super) bookmarks: bool,
    pub(super) initial_events: bool,
    pub(super) timeout: Option<Duration>,
    /// Turns an object into what is sent (whole or metadata only).
    pub(super) project: fn(&Value) -> Value,
}

struct State {
    store: Arc<Store>,
    request: WatchRequest,
    cursor: u64,
    cuts: u64,
    mutes: u64,
    pulse: tokio::sync::watch::Receiver<Pulse>,
    pending: VecDeque<Bytes>,
    ends: Instant,
    bookmark: Instant,
    over: bool,
}

/// Opens the stream; every item is one or more whole lines.
pub(super) fn open(
    store: Arc<Store>,
    request: WatchRequest,
) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
    let pulse = store.pulse();
    let now = Instant::now();
    let Pulse { cuts, mutes, .. } = *pulse.borrow();
    let mut state = State {
        cursor: request.version.unwrap_or(0),
        cuts,
        mutes,
        ends: now + request.timeout.unwrap_or(DEFAULT_TIMEOUT),
        bookmark: now + BOOKMARK_EVERY,
        store,
        request,
        pulse,
        pending: VecDeque::new(),
        over: false,
    };
    if state.request.version.is_none() {
        state.send_present_objects();
    }
    stream::unfold(state, |mut state| async move {
        let line = state.next().await?;
        Some((Ok(line), state))
    })
}

impl State {
    fn send_present_objects(&mut self) {
        let page = self.store.page(
            self.request.resource,
            self.request.selectors.namespace.as_deref(),
        );
        self.cursor = page.version;
        for object in page.items {
            if self.request.selectors.matches(&object) {
                self.push("ADDED", &(self.request.project)(&object));
            }
        }
        if self.request.initial_events {
            self.push_bookmark(true);
        }
    }

    fn push(&mut self, kind: &str, object: &Value) {
        let mut line = json!({"type": kind, "object": object}).to_string();
        line.push('\n');
        self.pending.push_back(Bytes::from(line));
    }

    fn push_bookmark(&mut self, initial: bool) {
        let resource = self.request.resource;
        let mut object = json!({
            "kind": resource.kind, "apiVersion": resource.api_version(),
            "metadata": {"resourceVersion": self.cursor.to_string(), "creationTimestamp": null},
        });
        if initial {
            object["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        self.push("BOOKMARK", &object);
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.pulse.borrow().mutes != self.mutes {
                // Nobody is at the other end any more, and nobody says so.
                std::future::pending::<()>().await;
            }
            if let Some(line) = self.pending.pop_front() {
                return Some(line);
            }
            if self.over || self.pulse.borrow_and_update().cuts != self.cuts {
                return None;
            }
            match self.store.changes_since(self.cursor) {
                Ok(changes) => changes.into_iter().for_each(|change| self.take(change)),
                Err(expired) => self.expire(&expired),
            }
            if !self.pending.is_empty() {
                continue;
            }
            tokio::select! {
                changed = self.pulse.changed() => {
                    if changed.is_err() {
                        return None;
                    }
                }
                () = tokio::time::sleep_until(self.ends) => {
                    self.over = true;
                    if self.request.bookmarks {
                        self.push_bookmark(false);
                    }
                }
                () = tokio::time::sleep_until(self.bookmark), if self.request.bookmarks => {
                    self.bookmark += BOOKMARK_EVERY;
                    self.push_bookmark(false);
                }
            }
        }
    }

    fn expire(&mut self, error: &ApiError) {
        self.over = true;
        self.push("ERROR", &error.to_value());
    }

    /// An object that begins or ceases to match the selectors is added or deleted for this watch.
    fn take(&mut self, change: Change) {
        self.cursor = change.version;
        if change.resource != self.request.resource {
            return;
        }
        let selectors = &self.request.selectors;
        let matched = change
            .previous
            .as_ref()
            .is_some_and(|previous| selectors.matches(previous));
        let matches = change.kind != ChangeKind::Deleted && selectors.matches(&change.object);
        let kind = match (matched, matches) {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            (false, false) => return,
        };
        self.push(kind, &(self.request.project)(&change.object));
    }
}
