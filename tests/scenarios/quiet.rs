//! What is no trouble: nothing is said about it. And what must not be lost, or said twice, when the API server is away.
use crate::support::{
    people::Person::Olivia,
    shop::{app, data, job, script},
    story::says,
    world::{NAMESPACE, WORKS, World},
};
use heal::sim::kube::RequestMatcher;
use http::Method;
use serde_json::json;

/// Crashes for ever, and says why.
const CRASHES: &str = "echo 'FATAL: PAYMENT_URL is not set' >&2; sleep 1; exit 1";

#[tokio::test(start_paused = true)]
async fn a_healthy_rollout_is_no_news() {
    let world = World::start().await;
    world.runs("checkout", 3, WORKS).await;
    world.rolls_out("checkout", 3, "echo better; sleep infinity");
    world.is_available("checkout").await;
    world.stays_quiet(1800).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_succeeds_and_one_that_needs_a_retry_are_no_news() {
    let world = World::start().await;
    world.applies(job("report", 2, "echo working; sleep 20"));
    world.applies(data("ConfigMap", "warehouse", json!({"CODE": "1"})));
    let mut import = job("import", 3, "sleep 5; exit $CODE");
    import["spec"]["template"]["spec"]["containers"][0]["envFrom"] =
        json!([{"configMapRef": {"name": "warehouse"}}]);
    world.applies(import);
    world.passes(10).await;
    world.applies(data("ConfigMap", "warehouse", json!({"CODE": "0"})));
    world.stays_quiet(1800).await;
    for (name, failed) in [("report", 0), ("import", 1)] {
        let status = world.kube.get("Job", NAMESPACE, name).unwrap()["status"].clone();
        assert_eq!(
            (
                status["succeeded"].as_i64(),
                status["failed"].as_i64().unwrap_or(0)
            ),
            (Some(1), failed),
            "{name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn pods_that_are_deleted_or_scaled_away_are_no_news() {
    let world = World::start().await;
    // Ends with an error when it is asked to end: that is life, too.
    let rude = "trap 'exit 1' TERM; echo ready; sleep infinity & wait";
    world.runs("checkout", 3, rude).await;
    world.kube.delete(
        "Pod",
        NAMESPACE,
        world.pod_of("checkout")["metadata"]["name"]
            .as_str()
            .unwrap(),
    );
    world.passes(60).await;
    world.rolls_out("checkout", 1, rude);
    world.passes(60).await;
    world.rolls_out("checkout", 0, rude);
    world.stays_quiet(1800).await;
}

#[tokio::test(start_paused = true)]
async fn a_drained_node_is_no_news() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    for pod in world.kube.list("Pod", Some(NAMESPACE)) {
        assert!(
            world
                .evicts(pod["metadata"]["name"].as_str().unwrap())
                .await
        );
    }
    world.stays_quiet(1800).await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_deleted_is_no_news_even_while_its_pods_crash() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.rolls_out("mailer", 1, CRASHES);
    world.passes(3).await;
    world.kube.delete("Namespace", "", NAMESPACE);
    world.stays_quiet(1800).await;
}

#[tokio::test(start_paused = true)]
async fn a_single_crash_that_comes_back_is_no_news() {
    let world = World::start().await;
    world.applies(data("ConfigMap", "mood", json!({"CODE": "1"})));
    let fields = json!({
        "command": ["sh", "-c", "if [ $CODE = 1 ]; then sleep 20; exit 1; fi; sleep infinity"],
        "envFrom": [{"configMapRef": {"name": "mood"}}],
    });
    world.applies(app("checkout", 1, fields));
    world.passes(10).await;
    world.applies(data("ConfigMap", "mood", json!({"CODE": "0"})));
    world.stays_quiet(1800).await;
    let restarts =
        world.pod_of("checkout")["status"]["containerStatuses"][0]["restartCount"].clone();
    assert_eq!(restarts, json!(1));
}

#[tokio::test(start_paused = true)]
async fn an_incident_whose_workload_is_deleted_ends_without_a_word_more_than_that() {
    let world = World::start().await;
    world.rolls_out("checkout", 1, CRASHES);
    let card = world.card_without_offer("checkout").await;
    world.kube.delete("Deployment", NAMESPACE, "checkout");
    world.turns(&card, "no longer exists").await;
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn dropped_watches_and_a_forgotten_history_repeat_nothing_and_lose_nothing() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.runs("mailer", 1, WORKS).await;
    world.rolls_out("checkout", 2, CRASHES);
    let card = world.offer("checkout").await;
    for _ in 0..5 {
        world.kube.drop_watches();
        world.passes(20).await;
        world.kube.expire_history();
        world.kube.drop_watches();
        world.stays_one_card(60).await;
    }
    // What happens while the watches are cut is seen afterwards.
    world.kube.drop_watches();
    world.rolls_out("mailer", 1, CRASHES);
    let other = world.offer("mailer").await;
    world.is_healed_by(&card).await;
    assert_eq!(world.top_level().len(), 2);
    Olivia.approves(&world, &other).await;
    world.thread_says(&other, "Recovered").await;
    assert_eq!(world.changes(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_for_ten_minutes_is_caught_up_with() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.kube.set_down(true);
    world.rolls_out("checkout", 2, CRASHES);
    world.stays_quiet(600).await;
    world.kube.set_down(false);
    let card = world.offer("checkout").await;
    says(&card, &["FATAL: PAYMENT_URL is not set"]);
    world.stays_one_card(300).await;
    // A second absence, in the middle of a recovery.
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Done: rolled back").await;
    world.kube.set_down(true);
    world.passes(120).await;
    world.kube.set_down(false);
    world.thread_says(&card, "Recovered").await;
    assert_eq!(world.changes(), 1);
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn watches_that_fall_silent_are_noticed_reported_and_started_over() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.passes(3600).await;
    assert_eq!(world.reads("/readyz").await, (200, "ready\n".to_owned()));
    world.kube.mute_watches();
    world.rolls_out("checkout", 2, CRASHES);
    world.stays_quiet(175).await;
    // The new list of the pods fails for a while: long enough to look at how that is told.
    let pods = RequestMatcher::new(Method::GET, "/api/v1/pods?");
    world.kube.fail_next(pods, 503, 10);
    let mut silent = 175;
    while world.reads("/readyz").await.0 == 200 {
        assert!(silent < 300, "nobody noticed");
        world.passes(1).await;
        silent += 1;
    }
    assert_eq!(
        world.reads("/readyz").await,
        (503, "waiting for the watches of pods\n".to_owned()),
        "after {silent} s"
    );
    let metrics = world.reads("/metrics").await.1;
    assert!(metrics.contains("heal_watch_synced{kind=\"pods\"} 0"));
    assert!(metrics.contains("heal_watch_synced{kind=\"jobs\"} 1"));
    let status = Olivia.types(&world, "status").await;
    assert!(
        status.contains("Watches that do not work") && status.contains("pods, last worked"),
        "{status}"
    );
    let card = world.offer("checkout").await;
    says(&card, &["FATAL: PAYMENT_URL is not set"]);
    assert_eq!(world.reads("/readyz").await.0, 200);
    let status = Olivia.types(&world, "status").await;
    assert!(!status.contains("Watches that do not work"), "{status}");
    world.is_healed_by(&card).await;
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_while_heal_is_down_is_found_when_it_starts() {
    let mut world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.stop().await;
    world.rolls_out("checkout", 2, CRASHES);
    world.passes(900).await;
    assert!(world.top_level().is_empty());
    world.boot().await;
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "FATAL: PAYMENT_URL is not set",
            "kubectl rollout undo deployment/checkout -n shop --to-revision=1",
        ],
    );
    world.is_healed_by(&card).await;
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn what_came_and_went_while_heal_was_down_is_no_news() {
    let mut world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.stop().await;
    world.rolls_out("checkout", 2, CRASHES);
    world.passes(600).await;
    world.applies(app("checkout", 2, script(WORKS)));
    world.passes(600).await;
    world.boot().await;
    world.stays_quiet(1800).await;
}

#[tokio::test(start_paused = true)]
async fn restarts_of_heal_repeat_nothing() {
    let mut world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.rolls_out("checkout", 2, CRASHES);
    let card = world.offer("checkout").await;
    for _ in 0..3 {
        world.restart().await;
        world.stays_one_card(120).await;
        world.crash().await;
        world.stays_one_card(120).await;
    }
    world.is_healed_by(&card).await;
    world.stays_one_card(1800).await;
}
