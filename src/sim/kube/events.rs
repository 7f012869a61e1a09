//! Event recorders with the habits of the real ones: the legacy recorder counts repeats in one object and is throttled, the
//! scheduler's recorder keeps a series that it hardly ever refreshes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    object, resources,
    store::Store,
    time::{micros, seconds, since},
};

/// Events that one source may write about one object at once …
const BURST: f64 = 25.0;
/// … and how long one more takes to become available.
const REFILL: Duration = Duration::from_secs(300);
/// How often an unfinished series is refreshed.
const SERIES_REFRESH: Duration = Duration::from_secs(30 * 60);

/// One event to record.
pub(super) struct Note<'a> {
    /// `kubelet`, `deployment-controller`, …
    pub(super) component: &'a str,
    /// The node, for events of a kubelet.
    pub(super) host: &'a str,
    /// The object that the event is about.
    pub(super) about: &'a Value,
    /// `spec.containers{app}`, or empty.
    pub(super) field_path: String,
    /// `Normal` or `Warning`.
    pub(super) kind: &'static str,
    pub(super) reason: &'a str,
    pub(super) message: String,
}

impl<'a> Note<'a> {
    pub(super) fn normal(
        component: &'a str,
        about: &'a Value,
        reason: &'a str,
        message: impl Into<String>,
    ) -> Self {
        let message = message.into();
        Self {
            component,
            host: "",
            about,
            field_path: String::new(),
            kind: "Normal",
            reason,
            message,
        }
    }

    pub(super) fn warning(
        component: &'a str,
        about: &'a Value,
        reason: &'a str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind: "Warning",
            ..Self::normal(component, about, reason, message)
        }
    }
}

struct Bucket {
    tokens: f64,
    at: Timestamp,
}

/// Writes events into the store.
pub(super) struct Recorder {
    store: Arc<Store>,
    /// Name of the event object of each distinct text, so that repeats find it.
    known: Mutex<HashMap<String, String>>,
    buckets: Mutex<HashMap<(String, String), Bucket>>,
}

impl Recorder {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            known: Mutex::default(),
            buckets: Mutex::default(),
        }
    }

    /// Records with the legacy recorder: a repeat raises `count` and `lastTimestamp` of the same object.
    pub(super) fn record(&self, note: Note<'_>) {
        if !self.take_token(&note) {
            return;
        }
        let now = (self.store.clock)();
        let key = key(&note);
        let namespace = namespace(note.about);
        let known = super::lock(&self.known).get(&key).cloned();
        if let Some(name) = known {
            let repeated = self
                .store
                .update(&resources::EVENTS, &namespace, &name, |event| {
                    event["count"] = json!(object::int(event, "/count").unwrap_or(1) + 1);
                    event["lastTimestamp"] = json!(seconds(now));
                    Ok(())
                });
            if repeated.is_ok() {
                return;
            }
        }
        let mut event = self.base(&note, &namespace);
        event["source"] = json!({"component": note.component});
        if !note.host.is_empty() {
            event["source"]["host"] = json!(note.host);
        }
        event["reportingComponent"] = json!(note.component);
        event["reportingInstance"] = json!(note.host);
        event["count"] = json!(1);
        event["firstTimestamp"] = json!(seconds(now));
        event["lastTimestamp"] = json!(seconds(now));
        event["eventTime"] = Value::Null;
        self.save(key, event);
    }

    /// Records with the newer recorder: `eventTime`, and a `series` from the second occurrence on.
    pub(super) fn record_series(&self, note: Note<'_>, action: &str) {
        let now = (self.store.clock)();
        let key = key(&note);
        let namespace = namespace(note.about);
        let known = super::lock(&self.known).get(&key).cloned();
        if let Some(name) = known {
            let repeated = self
                .store
                .update(&resources::EVENTS, &namespace, &name, |event| {
                    let count = object::int(event, "/series/count").unwrap_or(1);
                    let last = object::text(event, "/series/lastObservedTime");
                    if last.is_empty() || since(last, now) >= SERIES_REFRESH {
                        event["series"] =
                            json!({"count": count + 1, "lastObservedTime": micros(now)});
                    }
                    Ok(())
                });
            if repeated.is_ok() {
                return;
            }
        }
        let mut event = self.base(&note, &namespace);
        event["source"] = json!({});
        event["reportingComponent"] = json!(note.component);
        event["reportingInstance"] = json!(format!("{}-0", note.component));
        event["action"] = json!(action);
        event["eventTime"] = json!(micros(now));
        event["firstTimestamp"] = Value::Null;
        event["lastTimestamp"] = Value::Null;
        self.save(key, event);
    }

    fn base(&self, note: &Note<'_>, namespace: &str) -> Value {
        let about = note.about;
        let mut involved = json!({
            "kind": about["kind"], "apiVersion": about["apiVersion"], "name": about["metadata"]["name"],
            "uid": about["metadata"]["uid"], "resourceVersion": about["metadata"]["resourceVersion"],
        });
        if !object::namespace(about).is_empty() {
            involved["namespace"] = about["metadata"]["namespace"].clone();
        }
        if about["kind"] == "Node" {
            // Events about nodes carry the node's name as uid.
            involved["uid"] = about["metadata"]["name"].clone();
        }
        if !note.field_path.is_empty() {
            involved["fieldPath"] = json!(note.field_path);
        }
        json!({
            "metadata": {
                "name": format!("{}.{}", object::name(about), self.store.names.hex()),
                "namespace": namespace,
            },
            "involvedObject": involved, "reason": note.reason, "message": note.message, "type": note.kind,
        })
    }

    fn save(&self, key: String, event: Value) {
        let name = object::name(&event).to_owned();
        // The only error is a name that exists, and names carry sixteen generated digits.
        if self.store.create(&resources::EVENTS, event).is_ok() {
            super::lock(&self.known).insert(key, name);
        }
    }

    fn take_token(&self, note: &Note<'_>) -> bool {
        let now = (self.store.clock)();
        let mut buckets = super::lock(&self.buckets);
        let key = (
            format!("{}/{}", note.component, note.host),
            object::uid(note.about).to_owned(),
        );
        let bucket = buckets.entry(key).or_insert(Bucket {
            tokens: BURST,
            at: now,
        });
        let passed = Duration::try_from(now.duration_since(bucket.at)).unwrap_or_default();
        bucket.tokens = (bucket.tokens + passed.as_secs_f64() / REFILL.as_secs_f64()).min(BURST);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }

    /// Drops events that nobody touched for an hour, as the API server does.
    pub(super) fn forget_old(&self) {
        let now = (self.store.clock)();
        for event in self.store.list(&resources::EVENTS, None) {
            let last = [
                "/series/lastObservedTime",
                "/lastTimestamp",
                "/eventTime",
                "/metadata/creationTimestamp",
            ]
            .iter()
            .map(|pointer| object::text(&event, pointer))
            .find(|text| !text.is_empty())
            .unwrap_or("");
            if since(last, now) > Duration::from_secs(3600) {
                self.store.remove(
                    &resources::EVENTS,
                    object::namespace(&event),
                    object::name(&event),
                );
            }
        }
    }
}

fn namespace(about: &Value) -> String {
    // Events about cluster-wide objects live in the default namespace.
    match object::namespace(about) {
        "" => "default".to_owned(),
        namespace => namespace.to_owned(),
    }
}

fn key(note: &Note<'_>) -> String {
    let uid = object::uid(note.about);
    [
        note.component,
        note.host,
        uid,
        note.kind,
        note.reason,
        &note.field_path,
        &note.message,
    ]
    .join("\u{0}")
}
