//! Forecasts of the real binary on a real cluster, from the figures of a real Prometheus: real memory, real kills. Hours of
//! production pass in minutes here, by `pace`.
use crate::support::{
    channel::CHANNEL,
    installation::Installation,
    leak::{Leak, Running, limited},
    place::{real, real_prometheus},
};
use heal::sim::slack::Message;
use std::time::{Duration, Instant};

/// Above its limit of 64 MiB it is killed, below a higher one it stays: a page comes when nine tenths are full.
const GROWS: Leak = Leak {
    first: 30,
    rate: 110_000.0,
    most: 80,
};
/// A cache: fills ever more slowly to 80 % of 64 MiB, and stays.
const FILLS: &str = r#"exec awk 'BEGIN { left = 51500000;
while (left > 200000) { n = int(left / 50); a[i++] = sprintf("%" n "s", "x"); left -= n; system("sleep 1") } while (1) system("sleep 100") }'"#;

/// Reads a file of 40 MiB again and again: all of that is page cache, and active.
const READS: &str =
    "head -c 40m /dev/zero > /tmp/f; while true; do cat /tmp/f > /dev/null; sleep 1; done";

/// With its figures, and at a pace: the kubelet measures every ten seconds or so, which is little at a pace faster than 0.05.
async fn installed(name: &str, pace: f64, cards: &str) -> Option<Installation> {
    let (place, prometheus) = (real()?, real_prometheus()?);
    let more = format!(
        r#"
[forecast]
pace = {pace}
min_age = "45s"
interval = "5s"
backfill = "0s"
cards = "{cards}"
[forecast.prometheus]
url = "{prometheus}"
"#
    );
    Some(Installation::with(place, name, &more).await)
}

/// The picture is on the card: an image block of a file that was uploaded.
async fn has_its_picture(heal: &Installation, card: &Message) {
    let file = heal
        .until("the picture on the card", || {
            let card = heal.slack.message(CHANNEL, &card.ts)?;
            let image = card.blocks.iter().find(|block| block["type"] == "image")?;
            Some(image["slack_file"]["id"].as_str()?.to_owned())
        })
        .await;
    let files = heal.slack.files();
    let file = files.iter().find(|known| known.id == file).unwrap();
    let content = file.content.as_ref().expect("it was uploaded");
    assert!(content.starts_with(b"\x89PNG"), "{file:?}");
}

impl Installation {
    /// Rolls out a version that leaks. It does so for as long as the answer lives.
    async fn leaks(&self, name: &str, leak: Leak) -> Running {
        let prometheus = real_prometheus().unwrap();
        self.place.apply(&leak.deployment(&self.namespace, name));
        leak.runs_in(&self.place, &self.namespace, &prometheus)
            .await
    }

    /// Time passes, in which the figures of what runs are taken.
    async fn knows_it_for(&self, span: Duration) {
        let since = Instant::now();
        self.until("the workload to be known", || {
            (since.elapsed() > span).then_some(())
        })
        .await;
    }
}

/// A workload leaks after it was known for half an hour of this pace, which is too short for its rollout to be blamed; growth of a
/// container that nobody knew is told late, for start-ups look like it. Its card, before the kill.
async fn reports_leaks(heal: &Installation) -> (Running, Message) {
    heal.runs("reports", 1, limited("echo ready; sleep 3600"))
        .await;
    heal.knows_it_for(Duration::from_secs(100)).await;
    let grows = heal.leaks("reports", GROWS).await;
    let card = heal.offer("reports").await;
    let words = card.words();
    assert!(words.contains("will be OOM-killed"), "{words}");
    assert_eq!(restarts(heal, "reports"), 0, "nothing was killed yet");
    (grows, card)
}

/// Restarts of all pods of a Deployment.
fn restarts(heal: &Installation, name: &str) -> u64 {
    let pods = heal.place.list("Pod", &heal.namespace);
    let own = pods.iter().filter(|pod| {
        let pod = pod["metadata"]["name"].as_str();
        pod.is_some_and(|pod| pod.starts_with(name))
    });
    own.filter_map(|pod| pod["status"]["containerStatuses"][0]["restartCount"].as_u64())
        .sum()
}

const AVERTED: &str = "1 forecast told: 0 right, 0 wrong, 1 withdrawn (1 of them because an approved fix prevented the kill)";

/// One card, and beside it at most the list of notices, which says nothing of this workload.
fn leaves_in_peace(heal: &Installation, card: &Message, name: &str) {
    for message in heal.cards().iter().filter(|other| other.ts != card.ts) {
        let words = message.words();
        let is_the_list = words.contains("Memory is rising; no kill is near enough")
            || words.contains("Nothing of what was listed here");
        assert!(is_the_list && !words.contains(name), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leak_is_told_before_the_kill_and_a_higher_limit_prevents_it() {
    let Some(heal) = installed("leak-is-told", 0.05, "page").await else {
        return;
    };
    heal.rolls_out("files", 1, limited(FILLS));
    let (_grows, card) = reports_leaks(&heal).await;
    assert!(
        card.words().contains("--limits=memory="),
        "{}",
        card.words()
    );
    leaves_in_peace(&heal, &card, "files");
    has_its_picture(&heal, &card).await;
    assert_eq!(restarts(&heal, "reports"), 0, "nothing was killed yet");
    heal.presses(&card, "approve").await;
    heal.card_says(&card, "No kill in sight").await;
    assert_eq!(
        heal.audit("execution.verdict")[0]["detail"]["verdict"],
        "recovered"
    );
    assert_eq!(restarts(&heal, "reports"), 0, "it was never killed");
    heal.answers("forecast", AVERTED).await;
    leaves_in_peace(&heal, &card, "files");
    assert!(heal.audit_holds());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leak_that_came_with_a_rollout_goes_with_its_undo() {
    // The workload is known for three minutes only: nearly certain is said of it when it is nearly dead. Its card comes earlier.
    let Some(heal) = installed("leak-is-undone", 0.05, "notice").await else {
        return;
    };
    heal.runs("checkout", 1, limited("echo ready; sleep 3600"))
        .await;
    // Before a rollout is blamed, the older release must have been watched for an hour; at this pace, for three minutes.
    heal.knows_it_for(Duration::from_secs(185)).await;
    let _grows = heal.leaks("checkout", GROWS).await;
    let card = heal.offer("checkout").await;
    assert!(
        card.words()
            .contains("kubectl rollout undo deployment/checkout"),
        "{}",
        card.words()
    );
    heal.presses(&card, "approve").await;
    heal.card_says(&card, "No kill in sight").await;
    heal.is_available("checkout").await;
    let command = &heal.object("checkout")["spec"]["template"]["spec"]["containers"][0]["command"];
    assert_eq!(command[2], "echo ready; sleep 3600");
    assert_eq!(restarts(&heal, "checkout"), 0, "it was never killed");
    heal.answers("forecast", AVERTED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leak_that_nobody_stops_is_killed_as_it_was_foretold() {
    let Some(heal) = installed("leak-is-right", 0.05, "page").await else {
        return;
    };
    heal.rolls_out("files", 1, limited(READS));
    let (_grows, card) = reports_leaks(&heal).await;
    heal.thread_says(&card, "The kill that was forecast at")
        .await;
    heal.card_says(&card, "was killed at its memory limit of 64Mi")
        .await;
    heal.answers("forecast", "1 forecast told: 1 right, 0 wrong, 0 withdrawn")
        .await;
    heal.answers("forecast", "1 kill, 1 foreseen, 0 missed.")
        .await;
    leaves_in_peace(&heal, &card, "files");
    assert!(heal.audit_holds());
}
