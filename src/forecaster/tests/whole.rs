//! The task with its real surroundings: the simulated cluster's watches, the simulated Prometheus, a store.
mod away;

use super::super::{Forecaster, Options, Parts};
use crate::{
    cluster::{self, Clients, ClusterConfig, KubeCluster},
    domain::forecast::{self, Boundary, Correction, Outlook, Source, SourceHealth, Tier, Tuning},
    ports::{Clock, Sighting, UsageSource},
    sim::{
        kube::{Clock as SimClock, KubeSim, Options as SimOptions, tokio_clock},
        prometheus::{Labels, Point, PrometheusSim},
    },
    store::Store,
    telemetry::Metrics,
    usage::{
        Fallback,
        prometheus::{Auth, Labels as SeriesLabels, Place, Prometheus},
    },
    wire::in_process,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

struct Now(SimClock);

impl Clock for Now {
    fn now(&self) -> Timestamp {
        (self.0)()
    }
}

struct World {
    kube: KubeSim,
    prometheus: PrometheusSim,
    clock: SimClock,
    store: Store,
    options: Options,
    /// No Prometheus is configured.
    alone: bool,
    running: Option<Running>,
    /// What outcomes teach.
    learned: watch::Sender<Correction>,
    /// Everything that was told.
    told: Vec<Sighting>,
}

struct Running {
    sightings: mpsc::Receiver<Sighting>,
    /// What the watches say to others.
    _watched: mpsc::Receiver<Sighting>,
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl World {
    fn new() -> Self {
        let clock = tokio_clock("2026-11-20T08:00:00Z".parse().unwrap());
        let kube = KubeSim::new(SimOptions::new(clock.clone()));
        Self {
            prometheus: PrometheusSim::new(kube.clone(), Duration::from_secs(30)),
            kube,
            clock,
            store: Store::in_memory().unwrap(),
            options: Options {
                backfill: 0.0,
                ..Options::default()
            },
            alone: false,
            running: None,
            learned: watch::Sender::default(),
            told: Vec::new(),
        }
    }

    fn start(&mut self) {
        let service = tower::ServiceBuilder::new()
            .map_request(|request: http::Request<kube::client::Body>| {
                request.map(axum::body::Body::new)
            })
            .service(self.kube.router());
        let clients = Clients::of(kube::Client::new(service, "default"));
        let clock: Arc<dyn Clock> = Arc::new(Now(self.clock.clone()));
        let cluster = KubeCluster::new(clients, ClusterConfig::named("sim"), clock.clone());
        let place = Place {
            url: "http://prometheus.invalid".parse().unwrap(),
            auth: Auth::None,
            headers: vec![],
            labels: SeriesLabels::default(),
        };
        let first = Prometheus::new(in_process(self.prometheus.router()), place);
        let interval = Duration::from_secs_f64(self.options.interval);
        let second = Arc::new(cluster.usage());
        let source: Arc<dyn UsageSource> = match self.alone {
            true => second,
            false => Arc::new(Fallback::new(Arc::new(first), second, interval)),
        };
        let (sink, sightings) = mpsc::channel(100_000);
        let (pods, news) = mpsc::channel(100);
        let cancel = CancellationToken::new();
        let (others, watched) = mpsc::channel(100_000);
        tokio::spawn(cluster::watch(
            cluster,
            others,
            Some(pods),
            cancel.clone(),
            None,
        ));
        let forecaster = Forecaster::start(Parts {
            options: self.options,
            source,
            store: self.store.clone(),
            clock,
            metrics: Arc::new(Metrics::new()),
            correction: self.learned.subscribe(),
            pods: news,
            sink,
            cancel: cancel.clone(),
        });
        let task = tokio::spawn(forecaster.unwrap().run());
        self.running = Some(Running {
            sightings,
            _watched: watched,
            cancel,
            task,
        });
    }

    async fn stop(&mut self) {
        let running = self.running.take().unwrap();
        running.cancel.cancel();
        running.task.await.unwrap();
    }

    async fn minutes(&mut self, count: u64) {
        tokio::time::sleep(Duration::from_secs(count * 60)).await;
        let running = self.running.as_mut().unwrap();
        while let Ok(sighting) = running.sightings.try_recv() {
            self.told.push(sighting);
        }
    }

    fn runs(&self, name: &str, script: &str, limit: Option<&str>) {
        let mut container =
            json!({"name": "app", "image": "busybox:1.36", "command": ["sh", "-c", script]});
        if let Some(limit) = limit {
            container["resources"] = json!({"limits": {"memory": limit}});
        }
        self.kube.apply(deployment(name, container)).unwrap();
    }

    fn outlooks(&self) -> impl Iterator<Item = &Outlook> {
        self.told.iter().filter_map(|sighting| match sighting {
            Sighting::Forecast(outlook) => Some(&**outlook),
            _ => None,
        })
    }

    /// How runs ended: number, killed for its memory, not seen.
    fn ends(&self) -> impl Iterator<Item = (u32, bool, bool)> {
        self.told.iter().filter_map(|sighting| match sighting {
            Sighting::RunEnded(end) => Some((end.run, end.oom, end.unseen)),
            _ => None,
        })
    }

    fn health(&self) -> Vec<&SourceHealth> {
        let all = self.told.iter().filter_map(|sighting| match sighting {
            Sighting::ForecastSource(health) => Some(health),
            _ => None,
        });
        all.collect()
    }

    /// The first source answers again, and nothing is wrong with it.
    fn figures_come_from_prometheus(&self) -> SourceHealth {
        let health = (*self.health().last().unwrap()).clone();
        assert_eq!(
            (health.source, &health.error),
            (Some(Source::Prometheus), &None)
        );
        health
    }
}

fn deployment(name: &str, container: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 1}}},
    })
}

/// How many queries ask for the past.
fn pasts(queries: &[String]) -> usize {
    let about = |query: &&String| query.contains("_over_time");
    queries.iter().filter(about).count()
}

#[tokio::test(start_paused = true)]
async fn a_leak_is_forecast_before_the_kill_and_a_full_cache_is_left_in_peace() {
    let mut world = World::new();
    // 240 MiB in 4 h: a megabyte a minute. The other one reads files until its limit is reached, and keeps them.
    world.runs("checkout", "leak 0.016 10", Some("256Mi"));
    world.runs("files", "pagecache 60; sleep infinity", Some("64Mi"));
    world.start();
    world.minutes(260).await;
    let killed = world.told.iter().find_map(|sighting| match sighting {
        Sighting::RunEnded(end) if end.oom => Some(end.clone()),
        _ => None,
    });
    let killed = killed.expect("the leak ends in a kill");
    assert_eq!(killed.owner.name, "checkout");
    let first = world.outlooks().next().expect("a forecast").clone();
    assert!(first.tier >= Tier::Notice);
    assert_eq!(
        (first.owner.name.as_str(), first.container.as_str()),
        ("checkout", "app")
    );
    assert_eq!(
        (first.boundary, first.source),
        (Boundary::Limit, Source::Prometheus)
    );
    assert_eq!(
        (first.pod.uid.as_str(), first.run),
        (killed.pod.uid.as_str(), killed.run)
    );
    let chart = &first.chart;
    assert!(
        (10..=240).contains(&chart.past.len()),
        "{}",
        chart.past.len()
    );
    assert!(chart.past.windows(2).all(|pair| pair[0].t < pair[1].t));
    assert_eq!(chart.fan.len(), 24);
    assert!(
        chart
            .fan
            .iter()
            .all(|at| at.low <= at.median && at.median <= at.high)
    );
    // Nearly a mebibyte a minute makes more than a gibibyte of a day.
    let needed = first.needed_limit.expect("what a day would take");
    assert!((1..4).contains(&(needed >> 30)), "{needed}");
    let lead = killed.at.duration_since(first.at);
    assert!(lead.as_mins() >= 15, "{lead:?}");
    assert!(
        world
            .outlooks()
            .all(|outlook| outlook.owner.name == "checkout")
    );
    let refreshed = world
        .outlooks()
        .filter(|outlook| outlook.tier != Tier::Clear)
        .count();
    assert!(refreshed > 5, "brought up to date: {refreshed}");
    world.minutes(5).await;
    let last = world.outlooks().last().unwrap();
    assert_eq!(
        (last.tier, last.when),
        (Tier::Clear, None),
        "the new run is another matter"
    );
}

#[tokio::test(start_paused = true)]
async fn the_source_is_told_and_what_steps_in_for_it() {
    let mut world = World::new();
    world.runs("web", "sleep infinity", Some("64Mi"));
    world.start();
    world.minutes(3).await;
    let health = world.figures_come_from_prometheus();
    assert_eq!((health.containers, health.missing), (1, 0));
    world.prometheus.set_down(true);
    world.minutes(3).await;
    let health = (*world.health().last().unwrap()).clone();
    assert_eq!(health.source, Some(Source::MetricsApi));
    assert_eq!(
        health.error.as_deref(),
        Some("it failed (503): Service Unavailable")
    );
    assert_eq!(health.containers, 1);
    world.prometheus.set_down(false);
    world.minutes(10).await;
    world.figures_come_from_prometheus();
}

#[tokio::test(start_paused = true)]
async fn when_prometheus_has_lost_its_series_the_second_source_steps_in_and_goes_again() {
    const WORKING_SET: &str = "container_memory_working_set_bytes";
    let mut world = World::new();
    world.runs("web", "sleep infinity", Some("64Mi"));
    world.start();
    world.minutes(3).await;
    world.prometheus.hide(WORKING_SET);
    world.minutes(4).await;
    let health = (*world.health().last().unwrap()).clone();
    assert_eq!(health.source, Some(Source::MetricsApi));
    let why = "it has no container_memory_working_set_bytes with the configured labels: is cAdvisor scraped?";
    assert_eq!(health.error.as_deref(), Some(why));
    assert_eq!((health.containers, health.missing), (1, 0), "not blind");
    world.prometheus.show(WORKING_SET);
    world.minutes(10).await;
    world.figures_come_from_prometheus();
}

#[tokio::test(start_paused = true)]
async fn the_past_is_asked_for_when_prometheus_is_there_at_last() {
    let mut world = World::new();
    world.options.backfill = 86_400.0;
    world.runs("web", "sleep infinity", Some("64Mi"));
    world.prometheus.set_down(true);
    world.start();
    world.minutes(8).await;
    assert_eq!(pasts(&world.prometheus.queries()), 0);
    world.prometheus.set_down(false);
    world.minutes(8).await;
    assert!(pasts(&world.prometheus.queries()) >= 2);
}

#[tokio::test(start_paused = true)]
async fn with_the_metrics_api_alone_a_leak_is_a_notice_before_the_kill_also_over_a_restart() {
    let mut world = World::new();
    world.alone = true;
    world.runs("checkout", "leak 0.016 10", Some("256Mi"));
    world.start();
    world.minutes(120).await;
    let restart = world.kube.now();
    world.stop().await;
    world.start();
    world.minutes(150).await;
    let killed = world.told.iter().find_map(|sighting| match sighting {
        Sighting::RunEnded(end) if end.oom => Some(end.at),
        _ => None,
    });
    let killed = killed.expect("the leak ends in a kill");
    let told: Vec<&Outlook> = world.outlooks().filter(|told| told.stands()).collect();
    let first = told.first().expect("a notice");
    assert!(killed.duration_since(first.at).as_mins() >= 5, "{first:?}");
    assert_eq!(first.source, Source::MetricsApi);
    assert!(first.rising_since < restart, "what was known is known");
    assert!(told.iter().all(|told| told.tier == Tier::Notice));
    assert_eq!(world.prometheus.queries(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_past_of_pods_that_are_gone_is_known_after_the_first_minutes() {
    let mut world = World::new();
    world.options = Options {
        backfill: 3.0 * 86_400.0,
        ..Options::default()
    };
    world.runs("checkout", "leak 0.016 10", Some("256Mi"));
    let now = world.kube.now().as_second() as f64;
    // For three days it filled to 90 % within some hours after each rollout and stayed there.
    for day in 0..3 {
        let labels = Labels {
            namespace: "shop".to_owned(),
            pod: format!("checkout-7d9f8b6c5d-x2x4{day}"),
            container: "app".to_owned(),
            name: format!("r{day}"),
        };
        let points = (0..288).map(|number| {
            let filled = 10.0 + 220.0 * (f64::from(number) / 50.0).min(1.0);
            Point {
                t: now - f64::from(3 - day) * 86_400.0 + f64::from(number) * 300.0,
                anon: (filled * 1024.0 * 1024.0) as u64,
                file: 0,
                shmem: 0,
                stale: false,
            }
        });
        world.prometheus.remember(labels, points);
    }
    world.start();
    world.minutes(60).await;
    assert!(pasts(&world.prometheus.queries()) >= 2);
    let early: Vec<String> = world
        .outlooks()
        .map(|outlook| format!("{:?} {}", outlook.tier, outlook.why))
        .collect();
    assert_eq!(
        early,
        Vec::<String>::new(),
        "so high it was before, and lived"
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_heal_asks_for_no_past_that_is_stored() {
    let mut world = World::new();
    world.options = Options {
        backfill: 86_400.0,
        tuning: Tuning::default(),
        ..Options::default()
    };
    world.runs("web", "sleep infinity", Some("64Mi"));
    world.start();
    world.minutes(20).await;
    world.stop().await;
    let mut rows = 0;
    world.store.each_series(|_| rows += 1).unwrap();
    assert_eq!(rows, 1);
    let asked = world.prometheus.queries().len();
    world.start();
    world.minutes(10).await;
    let queries = world.prometheus.queries();
    assert_eq!(pasts(&queries[asked..]), 0);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_fills_is_forecast_with_the_container_that_fills_it() {
    let mut world = World::new();
    // 8 GiB allocatable: 34 MiB a minute are there after four hours.
    world.runs("hungry", "leak 0.57 100", None);
    world.runs("calm", "sleep infinity", None);
    world.start();
    world.minutes(220).await;
    let outlook = world
        .outlooks()
        .find(|outlook| outlook.tier == Tier::Page || outlook.tier == Tier::Notice);
    let outlook = outlook.expect("a forecast");
    assert_eq!(outlook.boundary, Boundary::Node);
    assert_eq!(
        (outlook.owner.name.as_str(), outlook.container.as_str()),
        ("node-1", "")
    );
    assert_eq!(outlook.limit, 8192 << 20);
    assert!(
        outlook.why.contains("Container app of pod hungry-"),
        "{}",
        outlook.why
    );
    assert!(
        outlook.why.ends_with("has no limit and grows most."),
        "{}",
        outlook.why
    );
    // It evicts, twice, and says so more than once.
    for status in ["True", "True", "False", "True"] {
        let mut node = world.kube.get("Node", "", "node-1").unwrap();
        for condition in node["status"]["conditions"].as_array_mut().unwrap() {
            if condition["type"] == "MemoryPressure" {
                condition["status"] = json!(status);
            }
        }
        node["metadata"]["labels"]["touched"] = json!(world.told.len().to_string());
        world.kube.apply(node).unwrap();
        world.minutes(1).await;
    }
    let ends: Vec<_> = world.ends().collect();
    assert_eq!(ends, [(0, true, false), (1, true, false)]);
    let newest = world.outlooks().last().unwrap();
    assert_eq!(newest.tier, Tier::Clear, "a new run is not judged yet");
}

#[tokio::test(start_paused = true)]
async fn what_outcomes_teach_while_it_runs_holds_for_the_next_forecast() {
    let mut world = World::new();
    world.runs("checkout", "leak 0.016 10", Some("256Mi"));
    world.start();
    world.minutes(60).await;
    let learned = Correction {
        widening: 1.4,
        shift: -0.2,
    };
    world.learned.send_replace(learned);
    world.minutes(190).await;
    let told: Vec<Correction> = world.outlooks().map(|told| told.correction).collect();
    assert!(!told.is_empty());
    assert_eq!(told, vec![learned; told.len()]);
}
