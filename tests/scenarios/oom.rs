//! Containers that are killed at their memory limit.
use crate::support::{
    people::Person::Olivia,
    shop::{app, limited, with_sidecar},
    story::{says, says_nothing_of},
    world::{NAMESPACE, Setup, WORKS, World},
};
use heal::sim::slack::Message;
use serde_json::{Value, json};

/// Needs 80 MiB and then works for ever.
const HUNGRY: &str = "head -c 80m /dev/zero | tail; echo ready; sleep infinity";

/// A cluster in which nobody runs pods: tests write their states.
async fn without_kubelet() -> World {
    let options = |mut options: heal::sim::kube::Options| {
        options.kubelet = false;
        options
    };
    World::with(Setup {
        options,
        ..Setup::default()
    })
    .await
}

/// A rollout replaces its pod without waiting for the new one.
fn all_at_once(mut object: Value) -> Value {
    object["spec"]["strategy"] = json!({"type": "Recreate"});
    object
}

/// Somebody approves, the pod is replaced and the new one works: that is proved and remembered.
async fn recovers_with_its_new_pod(world: &World, card: &Message) {
    let pods = || world.kube.list("Pod", Some(NAMESPACE));
    let old = pods()[0]["metadata"]["uid"].clone();
    Olivia.approves(world, card).await;
    world.thread_says(card, "Done:").await;
    let is_new = |pod: &Value| pod["metadata"]["uid"] != old;
    let replaced = || (pods().len() == 1 && pods().iter().all(is_new)).then_some(());
    world.until("the new pod", replaced).await;
    let running = json!({"running": {"startedAt": world.now().strftime("%FT%TZ").to_string()}});
    world.container_is("checkout", running, json!({}), 0).await;
    world.thread_says(card, "Recovered").await;
    assert_eq!(world.changes(), 1);
    assert_eq!(world.learnt(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_container_killed_at_its_limit_gets_a_higher_one_and_recovers() {
    let world = World::start().await;
    world.applies(app("checkout", 1, limited(HUNGRY, "64Mi")));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "Container app was killed at its memory limit of 64Mi.",
            "exit code 137, reason OOMKilled",
            "kubectl set resources deployment/checkout -n shop -c app --limits=memory=128Mi",
            "Risk: medium",
        ],
    );
    world.is_healed_by(&card).await;
    let limits = world.pod_of("checkout")["spec"]["containers"][0]["resources"].clone();
    assert_eq!(
        limits["limits"]["memory"], limits["requests"]["memory"],
        "request and limit were equal, and stay so"
    );
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_killed_at_its_limit_is_named_and_gets_a_higher_one() {
    let world = World::start().await;
    let checkout = app("checkout", 1, limited(WORKS, "256Mi"));
    world.applies(with_sidecar(checkout, limited(HUNGRY, "64Mi")));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "Container proxy was killed at its memory limit of 64Mi.",
            "kubectl set resources deployment/checkout -n shop -c proxy --limits=memory=128Mi",
        ],
    );
    says_nothing_of(&card, &["init container"]);
    world.is_healed_by(&card).await;
    let proxy = world.pod_of("checkout")["spec"]["initContainers"][0].clone();
    assert_eq!(proxy["resources"]["limits"]["memory"], "128Mi");
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_a_rollout_lowered_is_rolled_back_rather_than_raised() {
    let world = World::start().await;
    world
        .runs_well(app("checkout", 2, limited(HUNGRY, "128Mi")))
        .await;
    world.applies(app("checkout", 2, limited(HUNGRY, "64Mi")));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "was killed at its memory limit of 64Mi",
            "kubectl rollout undo deployment/checkout -n shop --to-revision=1",
            "64Mi → 128Mi",
        ],
    );
    world.is_healed_by(&card).await;
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn a_kill_is_told_by_its_reason_whatever_the_exit_code() {
    for code in [0, 1] {
        let world = without_kubelet().await;
        world.applies(all_at_once(app("checkout", 1, limited(HUNGRY, "64Mi"))));
        let waits = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container=app"}});
        world
            .container_is("checkout", waits, world.ended("OOMKilled", code, "", 5), 2)
            .await;
        let card = world.offer("checkout").await;
        let exit = format!(
            "The kernel killed a child process; the container itself ended with exit code {code}."
        );
        says(
            &card,
            &[
                "was killed at its memory limit of 64Mi",
                &exit,
                "--limits=memory=128Mi",
            ],
        );
        recovers_with_its_new_pod(&world, &card).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_exit_code_of_137_without_that_reason_is_no_lack_of_memory() {
    let world = without_kubelet().await;
    world.applies(app("checkout", 1, limited(HUNGRY, "64Mi")));
    let waits = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container=app"}});
    world
        .container_is("checkout", waits, world.ended("Error", 137, "", 5), 2)
        .await;
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &["was killed (SIGKILL, exit code 137), and not for its memory limit"],
    );
    says_nothing_of(&card, &["--limits"]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_too_low_for_the_start_of_the_process_is_told_apart_from_a_broken_command() {
    let world = without_kubelet().await;
    let tiny = app("checkout", 1, limited("sleep infinity", "6Mi"));
    world.applies(all_at_once(tiny));
    let said = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create \
                failed: unable to start container process: container init was OOM-killed (memory limit too low?)";
    let waits = json!({"waiting": {"reason": "RunContainerError", "message": said}});
    world.container_is("checkout", waits, json!({}), 1).await;
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "cannot start within its memory limit",
            "its memory limit of 6Mi is too low even for the start of its process",
            "container init was OOM-killed",
            "--limits=memory=12Mi",
        ],
    );
    recovers_with_its_new_pod(&world, &card).await;
}
