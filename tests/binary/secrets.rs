//! What a cluster should not have said stays in the cluster.
use super::story;
use crate::support::installation::Installation;
use serde_json::{Value, json};

/// A container whose command line, environment and log hold secrets that end so.
fn indiscreet(script: &str, end: &str) -> Value {
    json!({
        "command": ["sh", "-c", script, "app", format!("--password=inline{end}"), "--api-key", format!("listed{end}")],
        "env": [{"name": "SESSION", "value": format!("variable{end}")}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    })
}

const SECRETS: [&str; 11] = [
    "inline4711",
    "listed4711",
    "variable4711",
    "inline0815",
    "listed0815",
    "variable0815",
    "dsn4711",
    "said4711",
    "AKIAIOSFODNN7EXAMPLE",
    "MIIEvQIBADANBgkqhkiG9w0B",
    "noted4711",
];

story!(secrets_of_a_crashing_workload_stay_in_the_cluster);
async fn secrets_of_a_crashing_workload_stay_in_the_cluster(heal: Installation) {
    heal.runs("checkout", 1, indiscreet("echo ready; sleep 3600", "0815"))
        .await;
    let uid = heal.object("checkout")["metadata"]["uid"].clone();
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    heal.place.apply(&json!({
        "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "HookFailed",
        "metadata": {"name": "checkout.1", "namespace": heal.namespace},
        "involvedObject": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout", "namespace": heal.namespace, "uid": uid},
        "message": "hook answered {\"token\":\"noted4711\"}", "count": 1,
        "firstTimestamp": now, "lastTimestamp": now, "source": {"component": "hooks"},
    }));
    let script = "echo 'connecting to postgres://shop:dsn4711@db:5432/shop'; echo '{\"password\": \"said4711\"}'; \
                  echo 'key AKIAIOSFODNN7EXAMPLE'; echo '-----BEGIN PRIVATE KEY-----'; echo MIIEvQIBADANBgkqhkiG9w0B; \
                  echo '-----END PRIVATE KEY-----'; echo 'FATAL: password authentication failed for user shop' >&2; sleep 1; exit 1";
    heal.rolls_out("checkout", 1, indiscreet(script, "4711"));
    let card = heal.offer("checkout").await;
    let words = card.words();
    assert!(
        words.contains("a database refuses its credentials"),
        "{words}"
    );
    assert!(
        words.contains("FATAL: password authentication failed for user shop"),
        "{words}"
    );
    assert!(
        words.contains("postgres://shop:[redacted]@db:5432/shop"),
        "{words}"
    );
    assert!(words.contains("--password=[redacted]"), "{words}");
    heal.presses(&card, "approve").await;
    heal.card_says(&card, "Recovered").await;
    for (place, text) in heal.traces().await {
        assert!(!text.is_empty(), "{place}");
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} in {place}");
        }
    }
}
