//! The card of a forecast in every state.
use super::super::{
    Message,
    card::{Extras, card_with},
    forecast,
    limits::problems,
    note::note,
    sample::{self, at, execution, tracking},
    seen::seen,
};
use crate::domain::{
    family::Family,
    forecast::{Boundary, Outlook, Source},
    incident::{Incident, Note, State, Why},
    object::ObjectRef,
    recovery::Verdict,
};
use jiff::SignedDuration;

fn shown(incident: &Incident) -> Message {
    let extras = Extras {
        paused: None,
        picture: Some("F0PIC"),
    };
    let message = card_with(incident, extras, at(100));
    assert_eq!(problems(&message), Vec::<String>::new());
    message
}

fn offer() -> Incident {
    sample::forecast(State::Proposed {
        proposal: sample::risky(),
    })
}

fn with(change: impl FnOnce(&mut Outlook)) -> Incident {
    let mut incident = offer();
    change(incident.forecast.as_mut().unwrap());
    incident
}

/// The lines of the card's part about the forecast.
fn part(incident: &Incident) -> String {
    let all = seen(&shown(incident));
    let (_, rest) = all.split_once(")\n").unwrap();
    rest.split("\n[picture").next().unwrap().to_owned()
}

#[test]
fn a_forecast_says_when_and_why_and_what_to_do() {
    insta::assert_snapshot!(seen(&shown(&offer())), @r"
    # 🟠 Major: shop/checkout is running out of memory
    (Cluster *prod-eu* · Deployment `shop/checkout` · forecast since <!date^1795230720^{time} ({ago})|03:12 UTC>)
    `checkout` (Deployment, `shop`) will be OOM-killed in *1 h 50 min* (1 h 10 min – 2 h 50 min), P = 0.93, as of <!date^1795230720^{time}|03:12 UTC>.
    That is at *<!date^1795237320^{time}|05:02 UTC>* (<!date^1795234920^{time}|04:22 UTC> – <!date^1795240920^{time}|06:02 UTC>); counted down: <!date^1795237320^{ago}|in 1 h 50 min>.
    Rising 0.66 MiB/min for 3 h 20 min; now 439 MiB, 86 % of the limit of 512 MiB. In the 7 d before, never above 71 %. Of 3 replicas `checkout-7d9f-x2k4q` is the fullest.
    [picture F0PIC: Chart: memory of app in shop/checkout, 439 MiB at 03:12 UTC, 300 MiB at 23:12 UTC. The limit is 512 MiB; 364 MiB was survived before. The expected path reaches it at 05:02 UTC; the kill is most likely between 04:22 UTC and 06:02 UTC.]
    *Cause:* app leaks memory: all its pods fill up towards its memory limit of 512Mi and give nothing back.
    • rises in 3 of 3 pods
    ---
    *Proposed: Raise limit to 512Mi*
    The container was killed at its limit of 256Mi.
      | kubectl set resources deployment/checkout -n shop -c app --limits=memory=512Mi
    Dry run – this would change (now → then):
      | containers[app].image: checkout:2.4.0 → checkout:2.3.9
      | containers[app].env: – → DATABASE_URL
    *Risk: medium* – pods are replaced or capacity changes. It can be taken back.
    *Track record:* never tried here.
    ⚠️ Argo CD manages this Deployment and may put the old limit back.
    👥 *1 of 2 approvals:* <@U0ANA> at <!date^1795230840^{time}|03:14 UTC>. One more person has to approve.
    [Raise limit to 512Mi (danger)]?{Raise limit to 512Mi? / Cluster prod-eu. Sets the memory limit of container app of Deployment shop/checkout from 256Mi to 512Mi; its pods are replaced. / Raise limit to 512Mi / Not now} [Dismiss] [⋯ Details, Silence for 1 hour, Silence for 4 hours, Silence for 1 day, Check again]
    (*H17* · offer ends at <!date^1795234320^{time}|04:12 UTC>)
    =
    🟠 Major: Deployment shop/checkout will be OOM-killed in 1 h 50 min (1 h 10 min – 2 h 50 min), P = 0.93 (cluster prod-eu, as of 03:12 UTC). Expected at 05:02 UTC, with 90 % between 04:22 UTC and 06:02 UTC. Rising 0.66 MiB/min for 3 h 20 min; now 439 MiB, 86 % of the limit of 512 MiB. In the 7 d before, never above 71 %. Of 3 replicas `checkout-7d9f-x2k4q` is the fullest. Cause: app leaks memory: all its pods fill up towards its memory limit of 512Mi and give nothing back. Proposed: Raise limit to 512Mi. Command: kubectl set resources deployment/checkout -n shop -c app --limits=memory=512Mi
    Risk: medium. A decision is needed by 04:12 UTC: Raise limit to 512Mi or Dismiss. H17
    ");
}

#[test]
fn what_makes_it_more_or_less_certain_is_said() {
    let texts = [
        with(|outlook| outlook.source = Source::PrometheusWorkingSet),
        with(|outlook| {
            outlook.source = Source::MetricsApi;
            outlook.known_since = at(-1_800);
        }),
        with(|outlook| {
            outlook.survived = Some(450 << 20);
            outlook.replicas = 1;
            outlook.rate = 9_000.0;
        }),
        with(|outlook| {
            outlook.boundary = Boundary::Node;
            outlook.owner = ObjectRef::new("Node", "", "worker-1", "n");
            outlook.container = String::new();
            outlook.limit = 15 << 30;
            outlook.used = 13 << 30;
            outlook.rate = 3_000_000.0;
        }),
        with(|outlook| {
            let when = outlook.when.as_mut().unwrap();
            (when.earliest, when.median, when.latest) = (at(72), at(80), at(110));
        }),
    ]
    .map(|incident| part(&incident));
    insta::assert_snapshot!(texts.join("\n--\n"), @r"
    `checkout` (Deployment, `shop`) will be OOM-killed in *1 h 50 min* (1 h 10 min – 2 h 50 min), P = 0.93, as of <!date^1795230720^{time}|03:12 UTC>.
    That is at *<!date^1795237320^{time}|05:02 UTC>* (<!date^1795234920^{time}|04:22 UTC> – <!date^1795240920^{time}|06:02 UTC>); counted down: <!date^1795237320^{ago}|in 1 h 50 min>.
    Rising 0.66 MiB/min for 3 h 20 min; now 439 MiB, 86 % of the limit of 512 MiB. In the 7 d before, never above 71 %. Of 3 replicas `checkout-7d9f-x2k4q` is the fullest.
    ⚠️ Measured as working set: some of it may be page cache, which the kernel takes back before it kills.
    --
    `checkout` (Deployment, `shop`) will be OOM-killed in *1 h 50 min* (1 h 10 min – 2 h 50 min), P = 0.93, as of <!date^1795230720^{time}|03:12 UTC>.
    That is at *<!date^1795237320^{time}|05:02 UTC>* (<!date^1795234920^{time}|04:22 UTC> – <!date^1795240920^{time}|06:02 UTC>); counted down: <!date^1795237320^{ago}|in 1 h 50 min>.
    Rising 0.66 MiB/min for 3 h 20 min; now 439 MiB, 86 % of the limit of 512 MiB. Of 3 replicas `checkout-7d9f-x2k4q` is the fullest.
    ⚠️ Measured by the metrics API: it has no history, and some of it may be page cache, which the kernel takes back before it kills.
    --
    `checkout` (Deployment, `shop`) will be OOM-killed in *1 h 50 min* (1 h 10 min – 2 h 50 min), P = 0.93, as of <!date^1795230720^{time}|03:12 UTC>.
    That is at *<!date^1795237320^{time}|05:02 UTC>* (<!date^1795234920^{time}|04:22 UTC> – <!date^1795240920^{time}|06:02 UTC>); counted down: <!date^1795237320^{ago}|in 1 h 50 min>.
    Rising 0.51 MiB/min for 3 h 20 min; now 439 MiB, 86 % of the limit of 512 MiB. In the 7 d before, it lived through 88 %.
    --
    Node `worker-1` will run out of memory and evict pods in *1 h 50 min* (1 h 10 min – 2 h 50 min), P = 0.93, as of <!date^1795230720^{time}|03:12 UTC>.
    That is at *<!date^1795237320^{time}|05:02 UTC>* (<!date^1795234920^{time}|04:22 UTC> – <!date^1795240920^{time}|06:02 UTC>); counted down: <!date^1795237320^{ago}|in 1 h 50 min>.
    Rising 172 MiB/min for 3 h 20 min; now 13 GiB, 87 % of the level at which the node evicts pods, 15 GiB. In the 7 d before, never above 2 %.
    --
    `checkout` (Deployment, `shop`) will be OOM-killed in *1 min 20 s* (1 min 12 s – 1 min 50 s), P = 0.93, as of <!date^1795230720^{time}|03:12 UTC>.
    That is at *<!date^1795230800^{time}|03:13 UTC>*; counted down: <!date^1795230800^{ago}|in 1 min 20 s>.
    Rising 0.66 MiB/min for 3 h 20 min; now 439 MiB, 86 % of the limit of 512 MiB. In the 7 d before, never above 71 %. Of 3 replicas `checkout-7d9f-x2k4q` is the fullest.
    ");
}

#[test]
fn when_the_growth_stops_the_card_says_so_and_closes() {
    let stopped = with(|outlook| outlook.when = None);
    insta::assert_snapshot!(part(&stopped), @"📉 *No kill is in sight any more.* Now 439 MiB, 86 % of the limit of 512 MiB.");
    let mut over = stopped.clone();
    over.state = State::Closed {
        verdict: Verdict::RecoveredByItself,
        detail: "memory is level at 439 MiB since 03:40".into(),
        at: at(2_000),
        execution: None,
    };
    insta::assert_snapshot!(seen(&shown(&over)), @r"
    # ✅ The growth stopped: shop/checkout
    No kill came, and Heal changed nothing. Memory is level at 439 MiB since 03:40.
    [⋯ Details, Silence for 1 hour, Silence for 4 hours, Silence for 1 day]
    (H17 · Cluster prod-eu · forecast since <!date^1795230720^{time}|03:12 UTC> · closed <!date^1795232720^{date_short_pretty}, {time}|2026-11-21 03:45 UTC>)
    =
    ✅ The growth stopped: Deployment shop/checkout in cluster prod-eu. No kill came, and Heal changed nothing. Memory is level at 439 MiB since 03:40. H17
    ");
}

#[test]
fn after_the_change_the_card_shows_what_it_was_about() {
    let running = sample::forecast(State::Executing {
        execution: execution(),
    });
    insta::assert_snapshot!(seen(&shown(&running)), @r"
    # ⏳ Running the fix: shop/checkout is running out of memory
    (Cluster *prod-eu* · Deployment `shop/checkout` · forecast since <!date^1795230720^{time} ({ago})|03:12 UTC>)
    *Rolling back to revision 41*
    Approved by <@U0ANA> at <!date^1795230780^{time}|03:13 UTC>.
    [⋯ Details, Silence for 1 hour, Silence for 4 hours, Silence for 1 day]
      | kubectl rollout undo deployment/checkout -n shop --to-revision=41
    As of <!date^1795230720^{time}|03:12 UTC>: OOM kill expected at <!date^1795237320^{time}|05:02 UTC> (<!date^1795234920^{time}|04:22 UTC> – <!date^1795240920^{time}|06:02 UTC>), P = 0.93.
    [picture F0PIC: Chart: memory of app in shop/checkout, 439 MiB at 03:12 UTC, 300 MiB at 23:12 UTC. The limit is 512 MiB; 364 MiB was survived before. The expected path reaches it at 05:02 UTC; the kill is most likely between 04:22 UTC and 06:02 UTC.]
    (*H17*)
    =
    Running the fix: Deployment shop/checkout is running out of memory (cluster prod-eu, since 03:12 UTC). As of 03:12 UTC: OOM kill expected between 04:22 UTC and 06:02 UTC. Rolling back to revision 41, approved by <@U0ANA>. Command: kubectl rollout undo deployment/checkout -n shop --to-revision=41
    No decision is needed. H17
    ");
    let verifying = sample::forecast(State::Verifying {
        execution: execution(),
        tracking: tracking(),
    });
    insta::assert_snapshot!(seen(&shown(&verifying)), @r"
    # ⏳ Checking the fix: shop/checkout is running out of memory
    (Cluster *prod-eu* · Deployment `shop/checkout` · forecast since <!date^1795230720^{time} ({ago})|03:12 UTC>)
    *Rolled back to revision 41*, approved by <@U0ANA> at <!date^1795230780^{time}|03:13 UTC>.
    Now: 3 of 3 pods ready.
    Clear since <!date^1795230842^{time}|03:14 UTC>. It counts as recovered if it stays clear until <!date^1795230962^{time}|03:16 UTC>.
    [⋯ Details, Silence for 1 hour, Silence for 4 hours, Silence for 1 day]
    As of <!date^1795230720^{time}|03:12 UTC>: OOM kill expected at <!date^1795237320^{time}|05:02 UTC> (<!date^1795234920^{time}|04:22 UTC> – <!date^1795240920^{time}|06:02 UTC>), P = 0.93.
    [picture F0PIC: Chart: memory of app in shop/checkout, 439 MiB at 03:12 UTC, 300 MiB at 23:12 UTC. The limit is 512 MiB; 364 MiB was survived before. The expected path reaches it at 05:02 UTC; the kill is most likely between 04:22 UTC and 06:02 UTC.]
    (*H17*)
    =
    Checking the fix: Deployment shop/checkout is running out of memory (cluster prod-eu, since 03:12 UTC). As of 03:12 UTC: OOM kill expected between 04:22 UTC and 06:02 UTC. Rolled back to revision 41, approved by <@U0ANA> at <!date^1795230780^{time}|03:13 UTC>. Clear since <!date^1795230842^{time}|03:14 UTC>. It counts as recovered if it stays clear until <!date^1795230962^{time}|03:16 UTC>. No decision is needed. H17
    ");
    let mut done = sample::forecast(State::Closed {
        verdict: Verdict::Recovered,
        detail: "no kill in sight; the old estimate was 05:02".into(),
        at: at(242),
        execution: Some(execution()),
    });
    done.forecast.as_mut().unwrap().when = None;
    insta::assert_snapshot!(seen(&shown(&done)), @r"
    # ✅ No kill in sight: shop/checkout
    Rolled back to revision 41, approved by <@U0ANA>. No kill in sight; the old estimate was 05:02.
    [⋯ Details, Silence for 1 hour, Silence for 4 hours, Silence for 1 day]
    (H17 · Cluster prod-eu · forecast since <!date^1795230720^{time}|03:12 UTC> · closed <!date^1795230962^{date_short_pretty}, {time}|2026-11-21 03:16 UTC>)
    =
    ✅ No kill in sight: Deployment shop/checkout in cluster prod-eu. Rolled back to revision 41, approved by <@U0ANA>. No kill in sight; the old estimate was 05:02. H17
    ");
}

#[test]
fn the_thread_says_in_the_same_words_how_it_ended() {
    let said = |verdict, detail: &str| {
        let told = Note::Verdict {
            verdict,
            detail: detail.into(),
            took: SignedDuration::from_mins(35),
            action: None,
            record: None,
        };
        note(&offer(), &told).text
    };
    let words = [
        said(Verdict::RecoveredByItself, "memory is level at 439 MiB"),
        said(
            Verdict::Recovered,
            "no kill in sight; the old estimate was 05:02",
        ),
    ];
    insta::assert_snapshot!(words.join("\n"), @r"
    ✅ The growth stopped after 35 min: shop/checkout. Memory is level at 439 MiB.
    ✅ Recovered in 35 min: shop/checkout. No kill in sight; the old estimate was 05:02.
    ");
}

#[test]
fn when_the_kill_came_the_forecast_and_the_kill_are_one_story() {
    let killed = Incident {
        family: Family::Oom,
        diagnosis: Some(sample::diagnosis()),
        ..sample::forecast(State::Waiting {
            why: Why::NothingSafe,
        })
    };
    insta::assert_snapshot!(seen(&shown(&killed)), @r"
    # 🔴 Critical: shop/checkout is crash-looping
    (Cluster *prod-eu* · Deployment `shop/checkout` · since <!date^1795230720^{time} ({ago})|03:12 UTC> · seen 7 times)
    🔮 *This was forecast* at <!date^1795230720^{time}|03:12 UTC>: expected at <!date^1795237320^{time}|05:02 UTC> (<!date^1795234920^{time}|04:22 UTC> – <!date^1795240920^{time}|06:02 UTC>), P = 0.93.
    [picture F0PIC: Chart: memory of app in shop/checkout, 439 MiB at 03:12 UTC, 300 MiB at 23:12 UTC. The limit is 512 MiB; 364 MiB was survived before. The expected path reaches it at 05:02 UTC; the kill is most likely between 04:22 UTC and 06:02 UTC.]
    *Cause:* Revision 42 does not find the variable DATABASE_URL and exits with code 1.
    • exit code 1, 4 times in 6 min
    • 2 pods of revision 41 are available now
    Last lines of app before it ended:
      | INFO  starting checkout 2.4.0
      | ERROR KeyError: 'DATABASE_URL' <!channel> ``` *boom*
    ---
    *No safe fix.* None of the changes that Heal may make would help here, so it offers none.
    [Check again] [⋯ Details, Silence for 1 hour, Silence for 4 hours, Silence for 1 day]
    (*H17* · Heal keeps watching and tells you here when it clears)
    =
    🔴 Critical: Deployment shop/checkout is crash-looping (cluster prod-eu, since 03:12 UTC, seen 7 times). It was forecast at 03:12 UTC: expected between 04:22 UTC and 06:02 UTC. Cause: Revision 42 does not find the variable DATABASE_URL and exits with code 1. No safe fix. None of the changes that Heal may make would help here, so it offers none.  Nothing waits for approval. H17
    ");
}

#[test]
fn a_rate_is_told_in_the_unit_that_is_easy_to_imagine() {
    let mib = f64::from(1 << 20);
    let of = [
        3.12 * mib / 60.0,
        0.66 * mib / 60.0,
        0.2 * mib / 60.0,
        25.4 * mib / 60.0,
        1_500.0 * mib / 60.0,
        0.0,
        f64::NAN,
        f64::INFINITY,
    ]
    .map(forecast::rate);
    insta::assert_snapshot!(of.join(" | "), @"3.1 MiB/min | 0.66 MiB/min | 12 MiB/h | 25 MiB/min | 1.5 GiB/min | 0 KiB/h | 0 KiB/h | 55879354 GiB/min");
}
