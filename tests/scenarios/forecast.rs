//! Kills that are forecast: before they come, when they come, and when they do not.
use crate::support::{
    people::Person::Olivia,
    shop::{app, limited},
    stories::Can,
    story::{says, says_nothing_of},
    world::{NAMESPACE, Setup, WORKS, World},
};
use heal::{
    domain::{
        forecast::{Outcome, Source, Tier, Told},
        memory::Memory,
    },
    sim::slack::Message,
};
use serde_json::json;

/// Healthy, within a limit.
async fn checkout(world: &World, replicas: u32) {
    world
        .runs_well(app("checkout", replicas, limited(WORKS, "256Mi")))
        .await;
}

/// A cluster in which nobody runs pods: tests write their states. With one pod of `checkout` that works.
async fn with_states_by_hand() -> World {
    let options = |mut options: heal::sim::kube::Options| {
        options.kubelet = false;
        options
    };
    let world = World::with(Setup {
        options,
        ..Setup::default()
    })
    .await;
    world.applies(app("checkout", 1, limited(WORKS, "256Mi")));
    let running = json!({"running": {"startedAt": world.now().strftime("%FT%TZ").to_string()}});
    world.container_is("checkout", running, json!({}), 0).await;
    world.passes(10).await;
    world
}

/// The kernel kills the container at its limit, and the kubelet waits before it starts it again.
async fn is_killed(world: &World) {
    let waits = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container=app"}});
    let end = world.ended("OOMKilled", 137, "", 1);
    world.container_is("checkout", waits, end, 1).await;
}

/// The rows of the ledger as stored: outcome and why.
fn outcomes(world: &World) -> Vec<(Outcome, String)> {
    rows(world)
        .into_iter()
        .filter_map(|told| told.ended)
        .map(|ended| (ended.outcome, ended.why))
        .collect()
}

fn rows(world: &World) -> Vec<Told> {
    world.store.load().unwrap().forecasts
}

fn memory(world: &World) -> Memory {
    world.store.load().unwrap().memory
}

async fn paged(world: &World) -> (heal::domain::forecast::Outlook, Message) {
    let outlook = world.outlook("checkout", 110);
    world.foresees(&outlook).await;
    (outlook, world.offer("checkout").await)
}

#[tokio::test(start_paused = true)]
async fn a_page_offers_more_room_and_an_approved_raise_prevents_the_kill() {
    let world = World::start().await;
    checkout(&world, 1).await;
    let (outlook, card) = paged(&world).await;
    says(
        &card,
        &[
            "Memory of app grows towards its memory limit of 256Mi",
            "--limits=memory=384Mi",
            "At this growth 384Mi lasts 3 h 40 min longer than 256Mi",
        ],
    );
    Olivia.approves(&world, &card).await;
    world.passes(60).await;
    world.run_ends(&outlook, false).await;
    world.sees_nothing_more(&outlook).await;
    world.thread_says(&card, "Recovered in").await;
    world.thread_says(&card, "the old estimate was").await;
    assert_eq!(world.changes(), 1);
    assert_eq!(
        outcomes(&world),
        [(Outcome::Withdrawn, "the fix replaced the pod".to_owned())]
    );
    let said = Olivia.types(&world, "forecast").await;
    assert!(
        said.contains("1 forecast told: 0 right, 0 wrong, 1 withdrawn (1 of them because an approved fix prevented the kill)."),
        "{said}"
    );
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn growth_that_began_with_a_rollout_is_rolled_back() {
    let world = World::start().await;
    checkout(&world, 2).await;
    world
        .runs_well(app(
            "checkout",
            2,
            limited("echo v2; echo ready; sleep infinity", "256Mi"),
        ))
        .await;
    let mut outlook = world.outlook("checkout", 110);
    outlook.rising_since = world.now();
    world.foresees(&outlook).await;
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "since the newest rollout; before it, it never was as high",
            "kubectl rollout undo deployment/checkout -n shop --to-revision=1",
        ],
    );
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Recovered in").await;
    assert_eq!(world.changes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_leak_is_answered_by_a_restart_one_pod_after_the_other() {
    let world = World::start().await;
    checkout(&world, 2).await;
    let mut outlook = world.outlook("checkout", 110);
    (outlook.rising, outlook.leak_proved) = (2, true);
    world.foresees(&outlook).await;
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "app leaks memory: all its pods fill up",
            "kubectl rollout restart deployment/checkout -n shop",
            "Each pod is replaced only when its successor is ready.",
        ],
    );
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Recovered in").await;
    assert_eq!(world.changes(), 1);
    assert_eq!(memory(&world).entries().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_disruption_budget_without_room_keeps_a_leak_from_being_restarted() {
    let world = World::start().await;
    let mut manifest = app("checkout", 2, limited(WORKS, "256Mi"));
    manifest["spec"]["strategy"] =
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}});
    world.runs_well(manifest).await;
    world.applies(json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "steady", "namespace": NAMESPACE},
        "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "checkout"}}},
    }));
    world.passes(10).await;
    let mut outlook = world.outlook("checkout", 110);
    (outlook.rising, outlook.leak_proved) = (2, true);
    world.foresees(&outlook).await;
    let card = world.offer("checkout").await;
    says(&card, &["--limits=memory=384Mi"]);
    says_nothing_of(&card, &["kubectl rollout restart"]);
    let details = Olivia.types(&world, "show H1").await;
    assert!(
        details.contains(
            "A restart takes 1 pod away at a time, and disruption budget steady allows 0."
        ),
        "{details}"
    );
}

#[tokio::test(start_paused = true)]
async fn growth_that_stops_closes_the_card_and_nothing_is_learnt() {
    let world = World::start().await;
    checkout(&world, 1).await;
    let (outlook, card) = paged(&world).await;
    world.passes(1800).await;
    world.sees_nothing_more(&outlook).await;
    world.passes(5).await;
    Olivia.presses(&world, &card, "approve").await;
    world.thread_says(&card, "The growth stopped").await;
    let card = world.again(&card);
    says(&card, &["The growth stopped"]);
    assert!(!card.can("approve"));
    assert_eq!(world.changes(), 0, "nothing is approved for what is over");
    assert!(memory(&world).entries().is_empty());
    world.passes(6 * 3600).await;
    assert_eq!(
        outcomes(&world),
        [(
            Outcome::False,
            "the growth stopped, and no kill came".to_owned()
        )]
    );
}

#[tokio::test(start_paused = true)]
async fn the_kill_that_comes_and_its_forecast_are_one_story() {
    let world = with_states_by_hand().await;
    let (outlook, card) = paged(&world).await;
    world.passes(1200).await;
    is_killed(&world).await;
    world.run_ends(&outlook, true).await;
    world
        .thread_says(&card, "The kill that was forecast at")
        .await;
    let now = world
        .card_says(
            &card,
            "Container app was killed at its memory limit of 256Mi.",
        )
        .await;
    says(&now, &["--limits=memory=384Mi"]);
    assert_eq!(world.says(&card, "The kill that was forecast at"), 1);
    assert_eq!(outcomes(&world)[0].0, Outcome::Hit);
    let said = Olivia.types(&world, "forecast").await;
    assert!(said.contains("1 kill, 1 foreseen, 0 missed."), "{said}");
    world.stays_one_card(600).await;
}

#[tokio::test(start_paused = true)]
async fn a_kill_comes_to_an_offer_that_was_dismissed_and_gets_a_new_one() {
    let world = with_states_by_hand().await;
    let (_, card) = paged(&world).await;
    Olivia
        .dismisses(&world, &card, "false_alarm", "a cache")
        .await;
    world.card_offers(&card, false).await;
    is_killed(&world).await;
    let card = world.card_offers(&card, true).await;
    says(&card, &["was killed at its memory limit"]);
    world.stays_one_card(60).await;
}

#[tokio::test(start_paused = true)]
async fn a_kill_that_nobody_foresaw_is_on_record() {
    let world = with_states_by_hand().await;
    let outlook = world.outlook("checkout", 110);
    is_killed(&world).await;
    world.run_ends(&outlook, true).await;
    let card = world.offer("checkout").await;
    says(&card, &["was killed at its memory limit"]);
    assert_eq!(
        outcomes(&world),
        [(Outcome::Miss, "nobody had told it".to_owned())]
    );
    let said = Olivia.types(&world, "forecast").await;
    assert!(said.contains("1 kill, 0 foreseen, 1 missed."), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_notice_calls_nobody_and_is_listed() {
    let world = World::start().await;
    checkout(&world, 1).await;
    world.figures_come_from(Source::Prometheus).await;
    let mut outlook = world.outlook("checkout", 200);
    outlook.tier = Tier::Notice;
    world.foresees(&outlook).await;
    world.passes(30).await;
    let messages = world.top_level();
    assert_eq!(messages.len(), 1, "one message, and no card");
    says(
        &messages[0],
        &["Memory is rising", "shop/checkout app", "75 % of 256Mi"],
    );
    assert!(!messages[0].can("approve"));
    let said = Olivia.types(&world, "forecast").await;
    for part in [
        "Rising, worth an eye",
        "shop/checkout",
        "75 % of 256Mi",
        "rising 1 MiB/min for 3 h",
        "Memory figures: Prometheus",
    ] {
        assert!(said.contains(part), "“{part}” is missing in {said}");
    }
    let status = Olivia.types(&world, "status").await;
    assert!(status.contains("Memory figures: Prometheus"), "{status}");
    outlook.tier = Tier::Page;
    world.foresees(&outlook).await;
    world.offer("checkout").await;
    let told = &rows(&world)[0];
    assert!(told.notice < told.page, "{told:?}");
    world.passes(400).await;
    let list = world.again(&messages[0]);
    says(
        &list,
        &["Nothing of what was listed here rises or is unusual any more"],
    );
}

#[tokio::test(start_paused = true)]
async fn the_list_of_notices_is_edited_also_after_a_restart_and_posted_once_a_day() {
    let mut world = World::start().await;
    checkout(&world, 1).await;
    let mut outlook = world.outlook("checkout", 200);
    outlook.tier = Tier::Notice;
    world.foresees(&outlook).await;
    world.passes(60).await;
    world.restart().await;
    for _ in 0..12 {
        world.passes(600).await;
        outlook.used += 1024 * 1024;
        outlook.at = world.now();
        world.foresees(&outlook).await;
    }
    world.passes(600).await;
    assert_eq!(world.top_level().len(), 1, "edits make no sound");
    says(&world.top_level()[0], &["80 % of 256Mi"]);
    world.passes(24 * 3600).await;
    outlook.at = world.now();
    outlook.used += 1024 * 1024;
    world.foresees(&outlook).await;
    world.passes(600).await;
    assert_eq!(world.top_level().len(), 2, "the old one has scrolled away");
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_the_middle_loses_neither_the_offer_nor_the_forecast() {
    let mut world = World::start().await;
    checkout(&world, 1).await;
    let (outlook, card) = paged(&world).await;
    world.crash().await;
    let said = Olivia.types(&world, "forecast").await;
    assert!(said.contains("Will be killed"), "{said}");
    Olivia.approves(&world, &card).await;
    world.passes(60).await;
    world.crash().await;
    world.run_ends(&outlook, false).await;
    world.sees_nothing_more(&outlook).await;
    world.thread_says(&card, "Recovered in").await;
    assert_eq!(world.changes(), 1);
    assert_eq!(outcomes(&world).len(), 1);
    world.stays_one_card(600).await;
}

#[tokio::test(start_paused = true)]
async fn a_false_alarm_is_on_record_and_the_card_stays_closed_to_offers() {
    let world = World::start().await;
    checkout(&world, 1).await;
    let (outlook, card) = paged(&world).await;
    Olivia
        .dismisses(
            &world,
            &card,
            "false_alarm",
            "a cache that fills once a week",
        )
        .await;
    world.card_offers(&card, false).await;
    let (who, detail) = world.audited("decision.dismissed");
    assert_eq!(who, Olivia.id());
    assert_eq!(detail["reason"], "false_alarm");
    assert_eq!(
        rows(&world)[0].called_false_by.as_deref(),
        Some(Olivia.id())
    );
    let mut sooner = outlook.clone();
    sooner.at = world.minutes(0);
    sooner.when = world.outlook("checkout", 30).when;
    world.foresees(&sooner).await;
    world.passes(60).await;
    assert!(!world.again(&card).can("approve"), "no means no");
    world.sees_nothing_more(&outlook).await;
    world.thread_says(&card, "The growth stopped").await;
}

#[tokio::test(start_paused = true)]
async fn a_page_for_the_new_pods_means_that_the_fix_did_not_help() {
    let world = World::start().await;
    checkout(&world, 2).await;
    let mut outlook = world.outlook("checkout", 110);
    (outlook.rising, outlook.leak_proved) = (2, true);
    world.foresees(&outlook).await;
    let card = world.offer("checkout").await;
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Clear since").await;
    world.passes(120).await;
    let mut again = world.outlook("checkout", 60);
    assert_ne!(again.pod, outlook.pod);
    (again.rising, again.leak_proved) = (2, true);
    again.rising_since = world.minutes(-1);
    world.foresees(&again).await;
    world.thread_says(&card, "The fix did not help").await;
    world
        .thread_says(&card, "The new pods run out of memory, too")
        .await;
    let next = world.newer_offer(&card).await;
    says(&next, &["--limits=memory=384Mi"]);
    says_nothing_of(&next, &["kubectl rollout restart"]);
}

#[tokio::test(start_paused = true)]
async fn an_approval_after_the_pod_is_gone_changes_nothing() {
    let world = World::start().await;
    checkout(&world, 1).await;
    let (outlook, card) = paged(&world).await;
    assert!(world.kube.delete("Pod", NAMESPACE, &outlook.pod.name));
    world.passes(5).await;
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "which filled up, is gone").await;
    assert_eq!(world.changes(), 0);
    world.run_ends(&outlook, false).await;
    world
        .thread_says(&card, "The container ended before, for another reason")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_silence_keeps_a_page_quiet_and_its_end_shows_it() {
    let world = World::start().await;
    checkout(&world, 1).await;
    Olivia
        .types(&world, "silence shop/checkout 30m forecast")
        .await;
    let before = world.top_level().len();
    let outlook = world.outlook("checkout", 110);
    world.foresees(&outlook).await;
    world.passes(300).await;
    assert_eq!(world.top_level().len(), before);
    let said = Olivia.types(&world, "forecast").await;
    assert!(said.contains("silenced"), "{said}");
    for asked in ["shop", "shop/check*"] {
        let said = Olivia.types(&world, &format!("forecast {asked}")).await;
        assert!(said.contains("shop/checkout"), "{asked}: {said}");
    }
    let said = Olivia.types(&world, "forecast depot/*").await;
    assert!(!said.contains("shop/checkout"), "{said}");
    world.passes(1800).await;
    world.offer("checkout").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_unusual_is_listed_calls_nobody_and_offers_nothing() {
    let world = World::start().await;
    checkout(&world, 1).await;
    world.figures_come_from(Source::Prometheus).await;
    world
        .is_unusual(
            "checkout",
            "CPU is at 82 % of its limit; usual at this hour is 18 % to 35 %",
        )
        .await;
    world.passes(30).await;
    let messages = world.top_level();
    assert_eq!(messages.len(), 1, "one message, and no card");
    let parts = ["Unusual", "shop/checkout", "82 % of its limit"];
    says(&messages[0], &parts);
    assert!(!messages[0].can("approve"));
    let said = Olivia.types(&world, "forecast").await;
    for part in parts {
        assert!(said.contains(part), "“{part}” is missing in {said}");
    }
    Olivia
        .types(&world, "silence shop/checkout 1h forecast")
        .await;
    let said = Olivia.types(&world, "forecast").await;
    assert!(said.contains("silenced"), "{said}");
    world.passes(400).await;
    says(
        &world.again(&messages[0]),
        &["Nothing of what was listed here rises or is unusual any more"],
    );
    world.is_as_usual("checkout").await;
    let said = Olivia.types(&world, "forecast").await;
    assert!(!said.contains("Unusual"), "{said}");
    assert_eq!(world.changes(), 0);
}

#[tokio::test(start_paused = true)]
async fn forecasts_that_turn_out_wrong_make_those_to_come_less_sure_and_heal_says_so() {
    let mut world = World::start().await;
    for name in ["a", "b", "c", "d"] {
        world.runs_well(app(name, 1, limited(WORKS, "256Mi"))).await;
        let mut outlook = world.outlook(name, 110);
        outlook.tier = Tier::Notice;
        world.foresees(&outlook).await;
        world.sees_nothing_more(&outlook).await;
    }
    let line = "What would be P 0.90 is told as 0.81: 0 of 4 told came true.";
    let said = Olivia.types(&world, "forecast").await;
    assert!(!said.contains("told came true"), "{said}");
    world.passes(7 * 3600).await;
    let said = Olivia.types(&world, "forecast").await;
    assert!(said.contains(line), "{said}");
    world.crash().await;
    let said = Olivia.types(&world, "forecast").await;
    assert!(said.contains(line), "stored: {said}");
    let (_, figures) = world.reads("/metrics").await;
    let shift = |line: &&str| line.starts_with("heal_forecast_shift -0.7");
    assert!(figures.lines().any(|line| shift(&line)), "{figures}");
}
