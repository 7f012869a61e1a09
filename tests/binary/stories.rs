//! What people rely on, from the fault to the verdict.
use super::story;
use crate::support::installation::Installation;
use serde_json::{Value, json};

fn script(script: &str) -> Value {
    json!({"command": ["sh", "-c", script]})
}

fn works() -> Value {
    script("echo ready; sleep 3600")
}

fn with_memory(limit: &str, body: &str) -> Value {
    let mut container = script(body);
    container["resources"] = json!({"limits": {"memory": limit}, "requests": {"memory": "16Mi"}});
    container
}

story!(a_crashing_rollout_is_undone_once_and_remembered);
async fn a_crashing_rollout_is_undone_once_and_remembered(heal: Installation) {
    heal.runs("checkout", 2, works()).await;
    heal.rolls_out(
        "checkout",
        2,
        script("echo 'FATAL: PAYMENT_URL is not set' >&2; sleep 1; exit 1"),
    );
    let card = heal.offer("checkout").await;
    assert!(
        card.words().contains("FATAL: PAYMENT_URL is not set"),
        "{}",
        card.words()
    );
    assert!(
        card.words()
            .contains("kubectl rollout undo deployment/checkout"),
        "{}",
        card.words()
    );
    let before = heal.generation("checkout");
    heal.presses(&card, "approve").await;
    heal.card_says(&card, "Recovered").await;
    assert_eq!(
        heal.generation("checkout"),
        before + 1,
        "changed exactly once"
    );
    heal.is_available("checkout").await;
    heal.answers("memory", "1 of 1").await;
    assert_eq!(heal.audit("execution.intended").len(), 1);
    assert_eq!(
        heal.audit("execution.verdict")[0]["detail"]["verdict"],
        "recovered"
    );
    assert!(heal.audit_holds());
}

story!(a_container_killed_at_its_memory_limit_gets_a_higher_one);
async fn a_container_killed_at_its_memory_limit_gets_a_higher_one(heal: Installation) {
    let body = if heal.place.is_real() {
        REAL_HOG_80
    } else {
        "echo loading; sleep 1; head -c 80m /dev/zero | tail | sleep infinity"
    };
    heal.rolls_out("reports", 1, with_memory("64Mi", body));
    let card = heal.offer("reports").await;
    assert!(card.words().contains("OOMKilled"), "{}", card.words());
    assert!(
        card.words().contains("--limits=memory=128Mi"),
        "{}",
        card.words()
    );
    heal.presses(&card, "approve").await;
    heal.card_says(&card, "Recovered").await;
    let limit = &heal.object("reports")["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        ["memory"];
    assert_eq!(limit, "128Mi");
}

/// Needs about 85 MiB for good: busybox' awk keeps 80 strings of one MiB.
const REAL_HOG_80: &str = "echo loading; sleep 1; exec awk 'BEGIN { s = \"0123456789abcdef\"; while (length(s) < 1000000) s = s s; \
                           for (i = 0; i < 80; i++) a[i] = s i; while (1) system(\"sleep 10\") }'";
/// Needs more than 500 MiB: no raise that is allowed helps.
const REAL_HOG_500: &str = "echo loading; sleep 1; exec awk 'BEGIN { s = \"0123456789abcdef\"; while (length(s) < 1000000) s = s s; \
                            for (i = 0; i < 500; i++) a[i] = s i; while (1) system(\"sleep 10\") }'";

story!(a_fix_that_does_not_help_is_ineffective_and_counts_as_a_failure);
async fn a_fix_that_does_not_help_is_ineffective_and_counts_as_a_failure(heal: Installation) {
    let body = if heal.place.is_real() {
        REAL_HOG_500
    } else {
        "echo loading; sleep 1; head -c 500m /dev/zero | tail | sleep infinity"
    };
    heal.rolls_out("reports", 1, with_memory("64Mi", body));
    let card = heal.offer("reports").await;
    heal.presses(&card, "approve").await;
    heal.until("the verdict", || {
        (!heal.audit("execution.verdict").is_empty()).then_some(())
    })
    .await;
    assert_eq!(
        heal.audit("execution.verdict")[0]["detail"]["verdict"],
        "ineffective"
    );
    heal.thread_says(&card, "did not help").await;
    heal.answers("memory", "0 of 1").await;
}

story!(a_wrong_image_tag_is_rolled_back);
async fn a_wrong_image_tag_is_rolled_back(heal: Installation) {
    heal.runs("frontend", 2, works()).await;
    let mut typo = works();
    typo["image"] = json!("docker.io/library/busybox:no-such-tag");
    heal.rolls_out("frontend", 2, typo);
    let card = heal.offer("frontend").await;
    assert!(card.words().contains("no-such-tag"), "{}", card.words());
    heal.presses(&card, "approve").await;
    heal.card_says(&card, "Recovered").await;
    heal.is_available("frontend").await;
}

story!(what_is_healthy_or_planned_gets_no_card);
async fn what_is_healthy_or_planned_gets_no_card(heal: Installation) {
    heal.runs("catalog", 3, works()).await;
    heal.runs("catalog", 3, script("echo version two; sleep 3600"))
        .await;
    let namespace = heal.namespace.clone();
    heal.place.apply(&json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "import", "namespace": namespace},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [
            {"name": "app", "image": "docker.io/library/busybox:1.36", "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", "echo done"]},
        ]}}},
    }));
    heal.until("the job to be complete", || {
        let job = heal.place.get("Job", &namespace, "import")?;
        (job["status"]["succeeded"] == json!(1)).then_some(())
    })
    .await;
    // Not one of the old version that is still ending.
    let pod = heal.place.list("Pod", &namespace).into_iter().find(|pod| {
        let name = pod["metadata"]["name"].as_str();
        name.is_some_and(|name| name.starts_with("catalog"))
            && pod["metadata"]["deletionTimestamp"].is_null()
    });
    let pod = pod.unwrap()["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    heal.place.evict(&namespace, &pod).await;
    heal.until("the drained pod to be replaced", || {
        heal.place
            .get("Pod", &namespace, &pod)
            .is_none()
            .then_some(())
    })
    .await;
    heal.is_available("catalog").await;
    // A real fault after all that shows that Heal was watching all the time.
    heal.rolls_out(
        "canary",
        1,
        script("echo 'FATAL: chirp' >&2; sleep 1; exit 1"),
    );
    heal.until("the canary's card", || {
        heal.cards()
            .iter()
            .any(|card| card.words().contains("canary"))
            .then_some(())
    })
    .await;
    let others: Vec<String> = heal
        .cards()
        .iter()
        .filter(|card| !card.words().contains("canary"))
        .map(|card| card.text.clone())
        .collect();
    assert!(others.is_empty(), "{others:?}");
}
