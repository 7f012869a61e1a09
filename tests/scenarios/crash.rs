//! Containers that end again and again.
use crate::support::{
    shop::{app, pods_with, script},
    story::{says, says_nothing_of},
    world::{WORKS, World, container},
};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_crash_loop_after_a_rollout_is_rolled_back_proved_and_remembered() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.rolls_out(
        "checkout",
        2,
        "echo 'FATAL: PAYMENT_URL is not set' >&2; sleep 1; exit 1",
    );
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "FATAL: PAYMENT_URL is not set",
            "setting PAYMENT_URL is missing",
            "Roll back to revision 1",
            "kubectl rollout undo deployment/checkout -n shop --to-revision=1",
            "never tried here",
        ],
    );
    world.is_healed_by(&card).await;
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_init_container_is_named_and_its_rollout_rolled_back() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    let mut migrate = container("echo migrating; echo 'relation orders is locked'; exit 3");
    migrate["name"] = json!("migrate");
    world.applies(pods_with(
        app("checkout", 2, json!({})),
        json!({"initContainers": [migrate]}),
    ));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "cannot start: an init container fails",
            "Init container migrate fails with exit code 3, so the pod never starts",
            "relation orders is locked",
            "kubectl rollout undo deployment/checkout -n shop --to-revision=1",
        ],
    );
    world.is_healed_by(&card).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_with_success_is_told_to_stay_in_the_foreground() {
    let world = World::start().await;
    world.rolls_out("mailer", 1, "echo 'all mail sent'; sleep 2");
    let card = world.card_without_offer("mailer").await;
    says(
        &card,
        &[
            "ends by itself with success, again and again",
            "exit code 0, reason Completed",
            "all mail sent",
            "Run the server in the foreground; for work that ends, use a Job.",
            "No safe fix",
        ],
    );
    world.stays_one_card(1800).await;
    assert_eq!(world.changes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_crash_that_tells_nothing_is_shown_as_it_is_and_nothing_is_offered() {
    let world = World::start().await;
    world.rolls_out(
        "checkout",
        1,
        "echo 'step 7'; echo 'done here'; sleep 1; exit 3",
    );
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &[
            "ends with exit code 3 again and again; its log does not say why",
            "done here",
            "No safe fix",
            "Read the log in full",
            "Nothing waits for approval",
        ],
    );
    says_nothing_of(&card, &["kubectl"]);
    world.stays_one_card(3600).await;
    assert_eq!(world.changes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_workload_that_is_mended_by_its_people_clears_by_itself() {
    let world = World::start().await;
    world.rolls_out("checkout", 1, "echo 'step 7'; sleep 1; exit 3");
    let card = world.card_without_offer("checkout").await;
    world.applies(app("checkout", 1, script(WORKS)));
    world.clears_by_itself(&card).await;
    world.stays_one_card(600).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_containers_the_one_that_fails_is_named() {
    let world = World::start().await;
    let mut proxy = container("echo 'proxy: listening on :15001'; sleep infinity");
    proxy["name"] = json!("proxy");
    let both = |text: &str| {
        let mut object = app("checkout", 1, script(text));
        let containers = &mut object["spec"]["template"]["spec"]["containers"];
        containers.as_array_mut().unwrap().insert(0, proxy.clone());
        object
    };
    world.runs_well(both(WORKS)).await;
    world.applies(both(
        "echo 'panic: runtime error: index out of range' >&2; exit 2",
    ));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "Container app ends with exit code 2",
            "panic: runtime error",
        ],
    );
    says_nothing_of(&card, &["proxy: listening"]);
    world.is_healed_by(&card).await;
}

#[tokio::test(start_paused = true)]
async fn two_workloads_in_trouble_have_a_card_each() {
    let world = World::start().await;
    world.runs("checkout", 1, WORKS).await;
    world.runs("search", 1, WORKS).await;
    world.rolls_out(
        "checkout",
        1,
        "echo 'FATAL: PAYMENT_URL is not set' >&2; exit 1",
    );
    world.applies(app("search", 1, json!({"image": "busybox:1.63"})));
    let (one, other) = (world.offer("checkout").await, world.offer("search").await);
    assert_ne!(one.ts, other.ts);
    says(&one, &["setting PAYMENT_URL is missing"]);
    says(&other, &["the registry has no such tag"]);
    world.is_healed_by(&one).await;
    assert!(
        world
            .again(&other)
            .action_ids()
            .contains(&"approve".to_owned())
    );
    assert_eq!(world.top_level().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_first_look_at_a_crash_finds_its_cause() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.rolls_out("checkout", 2, "echo 'FATAL: broken' >&2; sleep 1; exit 1");
    world.offer("checkout").await;
    let audit = world
        .store
        .read(|connection| heal::store::list_audit(connection, None))
        .unwrap();
    let diagnoses: Vec<_> = audit
        .iter()
        .filter(|row| row.what == "incident.diagnosed")
        .map(|row| &row.detail)
        .collect();
    assert_eq!(diagnoses.len(), 1, "{diagnoses:#?}");
}
