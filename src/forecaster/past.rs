//! Back-fill: what a source remembers from before Heal watched.
//!
//! Namespaces are asked for one after the other, small ones first, each in pieces of bounded size. Live samples of a workload
//! wait until its past is there; when that takes too long, they go on without it.
use super::{Ledger, ledger::exit_of, line::Line, names};
use crate::{
    domain::forecast::{Boundary, Exit, Past, Sample, Tuning},
    ports::{PastPoint, PastRun, Span, UsageError, UsageSource},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::sync::mpsc::Sender;

/// Values that one query may bring, about.
const VALUES: i64 = 100_000;
/// Prometheus refuses more steps than this in one query.
const STEPS: i64 = 10_000;
/// A namespace that does not answer is asked again so often.
const TRIES: u32 = 3;
/// What was stored more recently than this needs no past, in seconds.
const RECENT: f64 = 3600.0;
/// Numbers of replicas that are no longer alive begin here.
const BYGONE: u64 = 1 << 32;

/// What is to be asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// The namespace.
    pub namespace: String,
    /// Unix seconds from which on the past is wanted.
    pub from: i64,
    /// Unix seconds until which.
    pub to: i64,
    /// Length of a step in seconds.
    pub step: i64,
    /// Containers in it now.
    pub containers: i64,
}

/// The past of a namespace, as far as it could be had.
pub struct Found {
    /// The namespace.
    pub namespace: String,
    /// Length of a step in seconds.
    pub step: f64,
    /// All runs.
    pub runs: Vec<PastRun>,
    /// Why it is not complete.
    pub error: Option<UsageError>,
}

/// Asks for everything; ends when nobody listens any more.
pub async fn ask(source: Arc<dyn UsageSource>, wishes: Vec<Wish>, sink: Sender<Found>) {
    for wish in wishes {
        let mut found: BTreeMap<(String, String, String), Vec<PastPoint>> = BTreeMap::new();
        let error = pieces(&*source, &wish, &mut found).await.err();
        let runs = found
            .into_iter()
            .map(|((pod, container, run), points)| PastRun {
                pod,
                container,
                run,
                points,
            });
        let found = Found {
            namespace: wish.namespace,
            step: wish.step as f64,
            runs: runs.collect(),
            error,
        };
        if sink.send(found).await.is_err() {
            return;
        }
    }
}

async fn pieces(
    source: &dyn UsageSource,
    wish: &Wish,
    found: &mut BTreeMap<(String, String, String), Vec<PastPoint>>,
) -> Result<(), UsageError> {
    let mut steps = (VALUES / wish.containers.max(1)).clamp(6, STEPS);
    let (mut from, mut tries) = (wish.from, 0);
    while from < wish.to {
        let span = Span {
            namespace: wish.namespace.clone(),
            from,
            to: (from + (steps - 1) * wish.step).min(wish.to),
            step: wish.step,
        };
        let next = span.to + wish.step;
        match source.past(span).await {
            Ok(runs) => {
                for run in runs {
                    let key = (run.pod, run.container, run.run);
                    found.entry(key).or_default().extend(run.points);
                }
                (from, tries) = (next, 0);
            }
            Err(UsageError::TooMuch(_)) if steps > 6 => steps = (steps / 2).max(6),
            Err(UsageError::Away(_)) if tries + 1 < TRIES => {
                tries += 1;
                tokio::time::sleep(Duration::from_secs(10 << tries)).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Something that happened to a line in the past.
enum Event {
    Point(u64, PastPoint),
    End(u64, Exit),
}

impl Ledger {
    /// What past is wanted, small namespaces first.
    pub fn wishes(&self, now: f64) -> Vec<Wish> {
        let total: usize = self.pods.iter().map(|pod| pod.containers.len()).sum();
        // A week of a large cluster at five minutes would be gigabytes.
        let step = match total {
            0..=5_000 => 300.0,
            5_001..=20_000 => 900.0,
            _ => 3600.0,
        };
        let step = (step * self.options.tuning.pace).max(10.0) as i64;
        let earliest = now - self.options.backfill;
        let mut wishes: Vec<Wish> = self
            .pods
            .namespaces()
            .filter_map(|namespace| {
                let (mut from, mut containers) = (now, 0);
                for pod in self.pods.of_namespace(namespace) {
                    for tracked in &pod.containers {
                        containers += 1;
                        let line = tracked
                            .place
                            .and_then(|place| self.lines[place.series].as_ref());
                        match line {
                            Some(line) if line.lacks_past => from = earliest,
                            Some(line) if line.expects_past() => {
                                from = from.min(line.known_until.max(earliest));
                            }
                            _ => {}
                        }
                    }
                }
                (from < now - step as f64).then(|| Wish {
                    namespace: namespace.clone(),
                    // Whole steps: a service can then use what it computed for others.
                    from: from as i64 / step * step,
                    to: now as i64 / step * step,
                    step,
                    containers,
                })
            })
            .collect();
        wishes.sort_by(|a, b| (a.containers, &a.namespace).cmp(&(b.containers, &b.namespace)));
        wishes
    }

    /// Whether a line is to wait for its past.
    pub(super) fn wants_past(&self, line: &Line, now: f64) -> bool {
        let old = line.known_until < now - RECENT;
        self.expecting && line.boundary == Boundary::Limit && (old || line.lacks_past)
    }

    /// Nobody will bring any past: whoever waits goes on.
    pub fn no_more_past(&mut self) {
        self.expecting = false;
        let tuning = self.options.tuning;
        for line in self.lines.iter_mut().flatten() {
            line.catch_up(&tuning);
        }
    }

    /// Takes the past of a namespace in.
    pub fn past(&mut self, found: Found, now: f64) {
        let complete = found.error.is_none();
        let mut by_line: HashMap<usize, Vec<PastRun>> = HashMap::new();
        let owners = names::Owners::of(self.pods.of_namespace(&found.namespace));
        for run in found.runs {
            if let Some(at) = self.line_of(&found.namespace, &run, &owners) {
                by_line.entry(at).or_default().push(run);
            }
        }
        let mut lines: Vec<(usize, Vec<PastRun>)> = by_line.into_iter().collect();
        lines.sort_by_key(|(at, _)| *at);
        for (at, runs) in lines {
            self.line_past(&found.namespace, at, runs, found.step, now);
        }
        // Also those that the source knew nothing of.
        let tuning = self.options.tuning;
        let waiting: Vec<usize> = self
            .pods
            .of_namespace(&found.namespace)
            .flat_map(|pod| pod.containers.iter().filter_map(|tracked| tracked.place))
            .map(|place| place.series)
            .collect();
        for at in waiting {
            if let Some(line) = self.line_mut(at) {
                line.catch_up(&tuning);
                line.lacks_past &= !complete;
            }
        }
    }

    /// Whose past a run is: by the pod while it exists, otherwise by the name that its controller gave it.
    fn line_of(&self, namespace: &str, run: &PastRun, owners: &names::Owners) -> Option<usize> {
        let uid = match self.pods.get(namespace, &run.pod) {
            Some(pod) => &pod.line.uid,
            None => owners.of_pod(&run.pod)?,
        };
        self.index
            .get(&(uid.clone(), run.container.clone()))
            .copied()
    }

    fn line_past(
        &mut self,
        namespace: &str,
        at: usize,
        mut runs: Vec<PastRun>,
        step: f64,
        now: f64,
    ) {
        let last = |run: &PastRun| run.points.last().map_or(0.0, |point| point.t);
        runs.sort_by(|a, b| last(a).total_cmp(&last(b)));
        let mut events: Vec<(f64, Event)> = Vec::new();
        let limit = self.lines[at].as_ref().and_then(|line| {
            line.runs
                .iter()
                .flatten()
                .map(|run| run.limit)
                .reduce(f64::max)
        });
        let (Some(limit), Some(line)) = (limit, self.lines[at].as_ref()) else {
            return;
        };
        // What was observed before its past came, by this process or by one before it, cannot be continued backwards: its past is
        // taken as that of other runs.
        let (known_until, late) = if line.lacks_past {
            (0.0, line.known_until > 0.0 || !line.expects_past())
        } else {
            (line.known_until, !line.expects_past())
        };
        let until = line.waits_since().unwrap_or(now);
        let mut newest: HashMap<&str, usize> = HashMap::new();
        for (number, run) in runs.iter().enumerate() {
            newest.insert(&run.pod, number);
        }
        for (number, run) in runs.iter().enumerate() {
            let tracked = self.pods.get(namespace, &run.pod).and_then(|pod| {
                let mut all = pod.containers.iter();
                all.find(|tracked| tracked.fact.name == run.container)
            });
            let place = tracked.and_then(|tracked| tracked.place);
            let began = tracked
                .and_then(|tracked| tracked.fact.running.flatten())
                .map_or(0.0, super::time::seconds);
            let is_newest = newest.get(run.pod.as_str()) == Some(&number);
            let alive = place.filter(|_| is_newest && !late && last(run) > began);
            let replica = alive.map_or(BYGONE + number as u64, |place| place.replica as u64);
            let since = if alive.is_some() {
                began.max(known_until)
            } else {
                known_until
            };
            let points = run
                .points
                .iter()
                .filter(|point| point.t > since && point.t < until);
            let mut end = None;
            for point in points {
                end = Some(point.t);
                events.push((point.t, Event::Point(replica, *point)));
            }
            if let (Some(end), None) = (end, alive) {
                // Of a pod that exists it is known how its previous run ended.
                let told = tracked.and_then(|tracked| tracked.fact.end.as_deref());
                let told = told.filter(|told| {
                    let at = told.at.map_or(0.0, super::time::seconds);
                    (at - end).abs() <= 2.0 * step
                });
                let exit = told.map_or(Exit::Unknown, |told| exit_of(told, false, false));
                events.push((end, Event::End(replica, exit)));
            }
        }
        // A stable order: of one time, points come before the end that follows them.
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        let tuning = Tuning {
            // Without an id a container that was started again goes on under the same name.
            restarts_told: runs.iter().all(|run| !run.run.is_empty()),
            ..self.options.tuning
        };
        let Some(line) = self.line_mut(at) else {
            return;
        };
        for (t, event) in events {
            match event {
                // A run that was observed before the restart goes on being observed.
                Event::Point(replica, point) if known_until > 0.0 && replica < BYGONE => {
                    let sample = Sample {
                        t,
                        used: point.mean,
                        limit,
                        cpu: None,
                    };
                    line.series.observe(replica, &sample, &tuning);
                }
                Event::Point(replica, point) => {
                    let past = Past {
                        t,
                        span: step,
                        mean: point.mean,
                        max: point.max,
                        limit,
                    };
                    line.series.remember(replica, &past, &tuning);
                }
                Event::End(replica, exit) => line.series.ended(replica, t, exit, &tuning),
            }
        }
        line.series.pack();
        line.dirty.get_or_insert(now);
        line.catch_up(&tuning);
    }
}
