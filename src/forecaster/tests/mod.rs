//! The ledger without a cluster: facts and readings in, sightings out.
mod chunks;
mod loops;
mod trust;
mod whole;

use super::{
    Ledger, Options,
    line::Key,
    past::{Found, Wish},
    time::timestamp,
};
use crate::{
    domain::{
        forecast::{
            Cap, Outlook, Priors, RunEnd, Sample, Series, Source, SourceHealth, Tier, Tuning,
            testkit::outlook,
        },
        object::ObjectRef,
    },
    ports::{ContainerFact, EndFact, PastPoint, PastRun, PodFact, PodNews, Reading, Sighting},
    store::ROWS,
};

const MIB: f64 = 1024.0 * 1024.0;
/// When the tests begin.
const START: f64 = 1_790_000_000.0;

struct World {
    ledger: Ledger,
    now: f64,
}

fn owner(kind: &str, name: &str) -> ObjectRef {
    ObjectRef::new(kind, "shop", name, &format!("uid-{name}"))
}

/// A running pod of `checkout` with one container.
fn pod(name: &str, limit: Option<f64>) -> PodFact {
    PodFact {
        pod: owner("Pod", name),
        owner: owner("Deployment", "checkout"),
        line: owner("Deployment", "checkout"),
        node: Some("node-1".to_owned()),
        leaving: false,
        finished: false,
        containers: vec![ContainerFact {
            name: "app".to_owned(),
            limit: limit.map(|mib| (mib * MIB) as u64),
            cpu_limit: None,
            cap: None,
            restarts: 0,
            running: Some(Some(timestamp(START - 60.0))),
            end: None,
        }],
    }
}

fn end(run: u32, reason: &str, exit_code: i32, at: f64) -> Box<EndFact> {
    Box::new(EndFact {
        run,
        reason: reason.to_owned(),
        exit_code,
        began: None,
        at: Some(timestamp(at)),
    })
}

/// The pod after its container was restarted.
fn restarted(name: &str, how: Box<EndFact>, now: f64) -> PodFact {
    let mut pod = pod(name, Some(64.0));
    pod.containers[0].restarts = how.run + 1;
    pod.containers[0].running = Some(Some(timestamp(now)));
    pod.containers[0].end = Some(how);
    pod
}

impl World {
    fn new() -> Self {
        Self::with(Options {
            backfill: 0.0,
            ..Options::default()
        })
    }

    fn with(options: Options) -> Self {
        Self {
            ledger: Ledger::new(options, START),
            now: START,
        }
    }

    fn hears(&mut self, pod: &PodFact) {
        self.ledger
            .news(PodNews::Pod(Box::new(pod.clone())), self.now);
    }

    /// One interval passes, in which these containers are read: pod and MiB.
    fn reads(&mut self, used: &[(&str, f64)]) -> SourceHealth {
        self.reads_from(Source::Prometheus, used)
    }

    fn reads_from(&mut self, source: Source, used: &[(&str, f64)]) -> SourceHealth {
        self.now += self.ledger.options.interval;
        for (pod, mib) in used {
            let reading = Reading {
                namespace: "shop".to_owned(),
                pod: (*pod).to_owned(),
                container: "app".to_owned(),
                at: self.now - 3.0,
                used: mib * MIB,
                cpu: None,
            };
            self.ledger.reading(&reading, source, self.now);
        }
        let health = self.ledger.round(self.now, None);
        for line in self.ledger.stirred() {
            self.ledger.assess(line, self.now);
        }
        health
    }

    fn ends(&mut self) -> Vec<RunEnd> {
        let ended = |sighting| match sighting {
            Sighting::RunEnded(end) => Some(end),
            _ => None,
        };
        self.ledger
            .sightings()
            .into_iter()
            .filter_map(ended)
            .collect()
    }

    fn key(&self) -> Key {
        ("uid-checkout".to_owned(), "app".to_owned())
    }

    /// The pods of `checkout` with a run that is alive.
    fn alive(&self) -> Vec<&str> {
        let line = self.ledger.line(&self.key()).unwrap();
        let runs = line.runs.iter().flatten();
        runs.map(|run| run.pod.name.as_str()).collect()
    }
}

#[test]
fn a_kill_is_what_the_runtime_calls_so_or_a_sigkill_of_a_full_container() {
    let lines: Vec<String> = [
        ("OOMKilled", 137, 30.0),
        ("OOMKilled", 0, 30.0),
        ("Error", 137, 63.0),
        ("Error", 137, 50.0),
        ("Error", 1, 63.9),
        ("Completed", 0, 63.9),
    ]
    .into_iter()
    .map(|(reason, code, used)| {
        let mut world = World::new();
        world.hears(&pod("a", Some(64.0)));
        world.reads(&[("a", used)]);
        let now = world.now;
        world.hears(&restarted("a", end(0, reason, code, now), now));
        let ends = world.ends();
        let oom = ends.first().map(|end| (end.oom, end.run, end.limit));
        format!("{reason} {code} at {used}: {oom:?}")
    })
    .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    OOMKilled 137 at 30: Some((true, 0, Some(67108864)))
    OOMKilled 0 at 30: Some((true, 0, Some(67108864)))
    Error 137 at 63: Some((true, 0, Some(67108864)))
    Error 137 at 50: None
    Error 1 at 63.9: None
    Completed 0 at 63.9: None
    ");
}

#[test]
fn a_kill_is_told_once_however_often_the_status_repeats_it() {
    let mut world = World::new();
    world.hears(&pod("a", Some(64.0)));
    let now = world.now;
    let mut killed = restarted("a", end(0, "OOMKilled", 137, now), now);
    killed.containers[0].running = None;
    killed.containers[0].restarts = 0;
    world.hears(&killed);
    assert_eq!(world.ends().len(), 1);
    world.hears(&killed);
    killed.containers[0].restarts = 1;
    killed.containers[0].running = Some(Some(timestamp(now + 10.0)));
    world.hears(&killed);
    assert_eq!(world.ends().len(), 0);
}

#[test]
fn a_kill_between_two_looks_counts_and_one_from_before_the_start_does_not() {
    let mut world = World::new();
    world.hears(&restarted(
        "a",
        end(2, "OOMKilled", 137, START - 3600.0),
        START - 3500.0,
    ));
    assert_eq!(world.ends(), []);
    world.hears(&restarted(
        "b",
        end(2, "OOMKilled", 137, START + 1.0),
        START + 2.0,
    ));
    assert_eq!(world.ends().len(), 1);
}

#[test]
fn of_a_container_that_was_restarted_twice_unseen_only_the_last_end_is_known() {
    let mut world = World::new();
    world.hears(&pod("a", Some(64.0)));
    world.reads(&[("a", 30.0)]);
    let key = world.key();
    let at = world.ledger.index[&key];
    let line = world.ledger.line_mut(at).unwrap();
    let told = Outlook {
        pod: owner("Pod", "a"),
        run: 0,
        ..outlook("app", 3600)
    };
    line.told(&told);
    world.now += 600.0;
    let now = world.now;
    // Run 0 was forecast; what is told next is the end of run 2.
    world.hears(&restarted("a", end(2, "OOMKilled", 137, now), now));
    let ends = world.ends().into_iter();
    let ends: Vec<_> = ends.map(|end| (end.run, end.oom, end.unseen)).collect();
    assert_eq!(ends, [(0, false, true), (2, true, false)]);
}

#[test]
fn a_pod_that_is_deleted_was_not_killed_for_its_memory() {
    let mut world = World::new();
    world.hears(&pod("a", Some(64.0)));
    world.reads(&[("a", 63.5)]);
    let mut leaving = pod("a", Some(64.0));
    leaving.leaving = true;
    leaving.containers[0].running = None;
    leaving.containers[0].end = Some(end(0, "Error", 137, world.now));
    world.hears(&leaving);
    world
        .ledger
        .news(PodNews::PodGone("uid-a".to_owned()), world.now);
    assert_eq!(world.ends(), []);
}

#[test]
fn coverage_counts_running_containers_with_and_without_figures() {
    let mut world = World::new();
    for name in ["a", "b", "c"] {
        world.hears(&pod(name, Some(64.0)));
    }
    let health = world.reads(&[("a", 10.0), ("b", 10.0), ("stranger", 10.0)]);
    assert_eq!((health.containers, health.missing), (2, 1));
    assert_eq!(health.last, Some(timestamp(world.now - 3.0)));
    // Figures that are repeated grow old.
    for _ in 0..8 {
        world.now += 30.0;
        world.ledger.round(world.now, None);
    }
    let health = world.ledger.round(world.now, Some("gone".to_owned()));
    assert_eq!((health.containers, health.missing), (0, 3));
    assert_eq!(health.error.as_deref(), Some("gone"));
}

#[test]
fn history_belongs_to_the_workload_and_is_kept_over_a_restart() {
    let mut world = World::new();
    world.hears(&pod("a", Some(64.0)));
    world.hears(&pod("b", Some(64.0)));
    world.reads(&[("a", 10.0), ("b", 20.0)]);
    let rows = world.ledger.unsaved(world.now, true);
    assert_eq!(rows.len(), 1, "two pods, one history");
    assert_eq!(world.ledger.unsaved(world.now, true), [], "and only once");

    let mut later = World::new();
    assert!(later.ledger.restore(rows[0].clone()));
    later.hears(&pod("a", Some(64.0)));
    later.ledger.news(PodNews::Listed, later.now);
    assert_eq!(later.alive(), ["a"], "b went while nobody looked");
    let damaged = crate::store::SeriesRow {
        about: "{".to_owned(),
        ..rows[0].clone()
    };
    assert!(!later.ledger.restore(damaged));
}

#[test]
fn what_is_to_be_stored_comes_in_portions_and_nothing_twice() {
    let mut world = World::new();
    let names: Vec<String> = (0..=ROWS).map(|number| format!("web-{number}")).collect();
    for name in &names {
        let web = owner("Deployment", name);
        world.hears(&PodFact {
            owner: web.clone(),
            line: web,
            ..pod(name, Some(64.0))
        });
    }
    let used: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 10.0)).collect();
    world.reads(&used);
    let portions = std::iter::from_fn(|| Some(world.ledger.unsaved(world.now, true).len()));
    let portions: Vec<usize> = portions.take_while(|rows| *rows > 0).collect();
    assert_eq!(portions, [ROWS, 1]);
}

#[test]
fn what_nobody_has_heard_of_for_a_week_is_forgotten() {
    let mut world = World::new();
    world.hears(&pod("a", Some(64.0)));
    world.reads(&[("a", 10.0)]);
    let week = 7.0 * 86_400.0 + 60.0;
    assert_eq!(world.ledger.forget(world.now + week), [], "it runs");
    world
        .ledger
        .news(PodNews::PodGone("uid-a".to_owned()), world.now);
    assert_eq!(world.ledger.forget(world.now), []);
    assert_eq!(world.ledger.forget(world.now + week), [world.key()]);
    assert!(world.ledger.line(&world.key()).is_none());
}

#[test]
fn live_samples_wait_for_the_past_of_their_workload_and_only_for_so_long() {
    let mut world = World::with(Options::default());
    world.hears(&pod("a", Some(64.0)));
    world.reads(&[("a", 10.0)]);
    let wishes = world.ledger.wishes(world.now);
    assert!(
        matches!(&wishes[..], [Wish { namespace, step: 300, containers: 1, .. }] if namespace == "shop")
    );
    let waits = |world: &World| world.ledger.line(&world.key()).unwrap().expects_past();
    assert!(waits(&world));
    let point = |number: u32| PastPoint {
        t: START - 86_400.0 + f64::from(number) * 300.0,
        mean: 10.0 * MIB,
        max: 20.0 * MIB,
        cpu: None,
    };
    let run = PastRun {
        pod: "checkout-7d9f8b6c5d-x2x4z".to_owned(),
        container: "app".to_owned(),
        run: "r1".to_owned(),
        points: (0..100).map(point).collect(),
    };
    let found = Found {
        namespace: "shop".to_owned(),
        step: 300.0,
        runs: vec![run],
        error: None,
    };
    world.ledger.past(found, world.now);
    assert!(!waits(&world));

    let mut world = World::with(Options::default());
    world.hears(&pod("a", Some(64.0)));
    for _ in 0..50 {
        world.reads(&[("a", 10.0)]);
    }
    assert!(!waits(&world), "twenty minutes are enough");
}

#[test]
fn the_tier_from_which_on_cards_are_posted_can_be_chosen() {
    let told = |cards| {
        let options = Options {
            cards,
            ..Options::default()
        };
        [Tier::Clear, Tier::Notice, Tier::Page].map(|tier| options.told_as(tier).as_str())
    };
    assert_eq!(told(Some(Tier::Page)), ["clear", "notice", "page"]);
    assert_eq!(told(Some(Tier::Notice)), ["clear", "page", "page"]);
    assert_eq!(told(None), ["clear", "notice", "notice"]);
}

#[test]
fn page_cache_that_only_the_second_source_counts_is_no_growth() {
    let mut world = World::new();
    world.hears(&pod("a", Some(64.0)));
    let mut seen = Vec::new();
    for (source, mib) in [
        (Source::Prometheus, 10.0),
        (Source::MetricsApi, 50.0),
        (Source::MetricsApi, 52.0),
        (Source::Prometheus, 13.0),
        (Source::MetricsApi, 12.0),
    ] {
        world.reads_from(source, &[("a", mib)]);
        let line = world.ledger.line(&world.key()).unwrap();
        seen.push(line.runs[0].as_ref().unwrap().used / MIB);
    }
    assert_eq!(seen, [10.0, 10.0, 12.0, 13.0, 12.0]);
}

#[test]
fn what_caps_a_program_is_known_to_the_rules_and_may_change() {
    let mut world = World::new();
    let written = |world: &World| {
        let line = world.ledger.line(&world.key()).unwrap();
        line.priors.cap.as_ref().map(|cap| cap.written.clone())
    };
    let mut capped = pod("a", Some(64.0));
    capped.containers[0].cap = Some(Cap {
        bytes: 40.0 * MIB,
        written: "GOMEMLIMIT=40MiB".to_owned(),
    });
    world.hears(&capped);
    assert_eq!(written(&world).as_deref(), Some("GOMEMLIMIT=40MiB"));
    world.hears(&pod("a", Some(64.0)));
    assert_eq!(written(&world), None);
}

#[test]
fn of_a_workload_with_more_replicas_than_are_kept_the_living_stay_and_the_others_are_counted() {
    let mut world = World::new();
    let names: Vec<String> = (0..=Series::MOST)
        .map(|number| format!("p{number}"))
        .collect();
    for name in &names {
        world.hears(&pod(name, Some(64.0)));
    }
    let used: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 10.0)).collect();
    let mut health = SourceHealth::default();
    for _ in 0..3 {
        health = world.reads(&used);
    }
    assert_eq!((health.containers, health.unwatched), (513, 1));
    assert_eq!(health.unwatched_of, Some(owner("Deployment", "checkout")));
    assert_eq!(world.alive(), names[..Series::MOST]);
    let line = world.ledger.line(&world.key()).unwrap();
    let seen = |replica: u64| {
        let past = line
            .series
            .history(replica, world.now, 10, &world.ledger.options.tuning);
        !past.is_empty()
    };
    assert!(seen(0) && seen(511), "the first of them is still judged");
    // A place that is free is given to the next.
    world
        .ledger
        .news(PodNews::PodGone("uid-p7".to_owned()), world.now);
    world.hears(&pod("p512", Some(64.0)));
    assert_eq!(world.reads(&used).unwatched, 0);
}

#[test]
fn a_series_that_is_full_refuses_another_replica_and_forgets_none() {
    let tuning = Tuning::default();
    let mut series = Series::new(Priors::default());
    for t in 1..4 {
        for replica in 0..=Series::MOST as u64 {
            let sample = Sample {
                t: START + 30.0 * f64::from(t),
                used: 10.0 * MIB,
                limit: 64.0 * MIB,
                cpu: None,
            };
            series.observe(replica, &sample, &tuning);
        }
    }
    let known = |replica: u64| series.history(replica, START + 100.0, 10, &tuning).len();
    assert!(known(0) > 0 && known(511) > 0);
    assert_eq!(known(512), 0);
}
