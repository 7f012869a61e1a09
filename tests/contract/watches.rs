//! Lists and watches: how Heal learns what happens, without a gap.
use super::{
    bed::{Bed, text},
    contracts,
};
use crate::support::installation::deployment;
use futures::StreamExt;
use serde_json::{Value, json};

contracts! {
    pages_of_a_list_show_one_moment_and_a_watch_from_it_misses_nothing,
    a_watch_from_a_forgotten_version_ends_with_410,
    a_bookmark_says_how_far_an_idle_watch_has_come,
    a_selector_narrows_lists_and_watches,
    a_read_from_the_servers_cache_is_no_older_than_the_version_that_it_names,
}

/// An event: an object that no controller touches.
fn note(bed: &Bed, name: &str, kind: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": name}, "type": kind,
        "involvedObject": {"kind": "Pod", "namespace": bed.namespace, "name": "web"},
        "reason": "Tested", "message": name,
    })
}

fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| text(item, "/metadata/name"))
        .collect()
}

async fn pages_of_a_list_show_one_moment_and_a_watch_from_it_misses_nothing(bed: Bed) {
    for name in ["a", "b", "c", "d", "e"] {
        bed.create("events", &note(&bed, name, "Warning")).await;
    }
    let events = bed.path("events", "");
    let first = bed.heal.get(&format!("{events}?limit=2")).await.unwrap();
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    // Between two pages the world goes on.
    bed.create("events", &note(&bed, "aa", "Warning")).await;
    bed.create("events", &note(&bed, "cc", "Warning")).await;
    bed.admin
        .delete(&bed.path("events", "d"), &Value::Null)
        .await
        .unwrap();

    let mut pages = vec![first];
    while let Some(token) = pages.last().unwrap()["metadata"]["continue"]
        .as_str()
        .filter(|token| !token.is_empty())
    {
        let path = format!("{events}?limit=2&continue={token}");
        pages.push(bed.heal.get(&path).await.unwrap());
    }
    let found: Vec<_> = pages.iter().flat_map(names).collect();
    assert_eq!(found, ["a", "b", "c", "d", "e"]);
    let version = text(&pages[0], "/metadata/resourceVersion");
    for page in &pages {
        assert_eq!(text(page, "/metadata/resourceVersion"), version);
        assert_eq!(text(page, "/kind"), "EventList");
    }

    let mut watch = bed.heal.watch(&events, version, "timeoutSeconds=60").await;
    let body = json!({"message": "changed"});
    bed.admin
        .patch(&bed.path("events", "a"), super::call::Format::Merge, &body)
        .await
        .unwrap();
    bed.admin
        .delete(&bed.path("events", "b"), &Value::Null)
        .await
        .unwrap();
    let (mut seen, mut last) = (vec![], 0);
    for _ in 0..5 {
        let line = watch.next().await.unwrap();
        let object = &line["object"];
        assert_eq!(
            (text(object, "/kind"), text(object, "/apiVersion")),
            ("Event", "v1")
        );
        let version: u64 = text(object, "/metadata/resourceVersion").parse().unwrap();
        assert!(version > last, "versions rise");
        last = version;
        seen.push(format!(
            "{} {}",
            text(&line, "/type"),
            text(object, "/metadata/name")
        ));
    }
    assert_eq!(
        seen,
        [
            "ADDED aa",
            "ADDED cc",
            "DELETED d",
            "MODIFIED a",
            "DELETED b"
        ]
    );
}

async fn a_watch_from_a_forgotten_version_ends_with_410(bed: Bed) {
    let mut versions = vec!["1".to_owned()];
    let (path, caller) = if let Some(simulation) = bed.simulation() {
        versions.push(text(&bed.get("pods", "").await, "/metadata/resourceVersion").to_owned());
        simulation.expire_history();
        simulation.drop_watches();
        (bed.path("pods", ""), &bed.heal)
    } else {
        (young_kind(&bed).await, &bed.admin)
    };
    for version in versions {
        let mut watch = caller.watch(&path, &version, "timeoutSeconds=60").await;
        let line = watch.next().await.unwrap();
        assert_eq!(text(&line, "/type"), "ERROR");
        let status = &line["object"];
        assert_eq!(
            (&status["kind"], &status["code"], &status["reason"]),
            (&json!("Status"), &json!(410), &json!("Expired"))
        );
        let start = format!("too old resource version: {version} (");
        assert!(text(status, "/message").starts_with(&start), "{status}");
        assert_eq!(watch.next().await, None, "nothing follows");
    }
    if bed.simulation().is_none() {
        let definition = format!("{DEFINITIONS}/notes.{}", young_group());
        bed.admin.delete(&definition, &Value::Null).await.unwrap();
    }
}

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

fn young_group() -> String {
    format!("t{}.heal.test", std::process::id())
}

/// A kind that was just defined: no server remembers anything of it from before that. Of pods a server that has just started may
/// have forgotten nothing at all. The path of its objects.
async fn young_kind(bed: &Bed) -> String {
    let group = young_group();
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("notes.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": "notes", "singular": "note", "kind": "Note", "listKind": "NoteList"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}}}],
        },
    });
    bed.admin.post(DEFINITIONS, &definition).await.unwrap();
    let path = format!("/apis/{group}/v1/namespaces/{}/notes", bed.namespace);
    bed.until("the new kind to be served", async || {
        bed.admin.get(&path).await.ok()
    })
    .await;
    path
}

async fn a_bookmark_says_how_far_an_idle_watch_has_come(bed: Bed) {
    let list = bed.get("pods", "").await;
    let version = text(&list, "/metadata/resourceVersion");
    let parameters = "allowWatchBookmarks=true&timeoutSeconds=4";
    let pods = bed.path("pods", "");
    // A busy server may miss the moment before the end at which it sends one.
    let bookmark = bed
        .until("a bookmark before the end", async || {
            let watch = bed.heal.watch(&pods, version, parameters).await;
            let mut lines: Vec<Value> = watch.collect().await;
            lines.pop()
        })
        .await;
    assert_eq!(
        (text(&bookmark, "/type"), text(&bookmark, "/object/kind")),
        ("BOOKMARK", "Pod")
    );
    let reached: u64 = text(&bookmark, "/object/metadata/resourceVersion")
        .parse()
        .unwrap();
    assert!(reached >= version.parse().unwrap());
}

async fn a_selector_narrows_lists_and_watches(bed: Bed) {
    let list = bed.get("events", "").await;
    let version = text(&list, "/metadata/resourceVersion");
    bed.create("events", &note(&bed, "calm", "Normal")).await;
    bed.create("events", &note(&bed, "loud", "Warning")).await;
    let path = format!("{}?fieldSelector=type%3DWarning", bed.path("events", ""));
    assert_eq!(names(&bed.heal.get(&path).await.unwrap()), ["loud"]);
    let mut watch = bed.heal.watch(&path, version, "timeoutSeconds=60").await;
    let line = watch.next().await.unwrap();
    assert_eq!(
        (text(&line, "/type"), text(&line, "/object/metadata/name")),
        ("ADDED", "loud")
    );
}

async fn a_read_from_the_servers_cache_is_no_older_than_the_version_that_it_names(bed: Bed) {
    let none = deployment(&bed.namespace, "web", 0, json!({}));
    bed.create("deployments", &none).await;
    let one = bed.path("deployments", "web");
    let all = bed.path("deployments", "");
    for turn in 0..5 {
        let body = json!({"metadata": {"annotations": {"turn": turn.to_string()}}});
        let changed = bed
            .admin
            .patch(&one, super::call::Format::Merge, &body)
            .await
            .unwrap();
        let version = text(&changed, "/metadata/resourceVersion");
        let since = format!("resourceVersion={version}");
        let is_no_older = |found: &Value| {
            assert_eq!(found["metadata"]["annotations"]["turn"], turn.to_string());
        };
        is_no_older(&bed.heal.get(&format!("{one}?{since}")).await.unwrap());
        let path = format!("{all}?{since}&resourceVersionMatch=NotOlderThan");
        is_no_older(&bed.heal.get(&path).await.unwrap()["items"][0]);
    }
    // A real server says the same, after it has waited; a test has no time for that.
    let paths = bed.simulation().map(|_| [one, all]);
    for path in paths.into_iter().flatten() {
        let future = format!("{path}?resourceVersion=999999999");
        let status = bed.heal.get(&future).await.unwrap_err();
        assert_eq!(status["code"], 504, "{status}");
        assert!(text(&status, "/message").contains("Too large resource version"));
    }
}
