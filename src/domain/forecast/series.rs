//! One container of one workload.
use super::growth::{Chosen, Run, choose, fits, keeping};
use super::latch::Sight;
use super::passage::{Growth, Passage};
use super::posterior::Evidence;
use super::replica::{Pending, Replica};
use super::territory::{Kill, Territory};
use super::{Estimate, Exit, OwnerKind, Past, Priors, Sample, Tier, Tuning};
use serde::{Deserialize, Serialize};

/// What is known of one container of one workload, over all its replicas and restarts. Bounded in size.
#[derive(Clone, Debug, Default)]
pub struct Series {
    priors: Priors,
    state: State,
}

/// What is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub territory: Territory,
    pub replicas: Vec<Replica>,
}

/// Replicas that are kept, dead ones included.
const MOST: usize = 512;
/// A fall to less than this share of the level within one step is a restart that nobody told of.
const COLLAPSE: f64 = 0.4;

impl Series {
    /// A container that was never seen.
    pub fn new(priors: Priors) -> Self {
        Self {
            priors,
            state: State::default(),
        }
    }

    /// The pod's template says something else now.
    pub fn set_priors(&mut self, priors: Priors) {
        self.priors = priors;
    }

    /// Takes a summary of the time before Heal watched. `replica` is the number of the replica it is about, as in
    /// [`Series::observe`]. To be called in the order of time, before the first `observe` of that replica.
    pub fn remember(&mut self, replica: u64, past: &Past, tuning: &Tuning) {
        let good = |x: f64| x.is_finite() && x > 0.0;
        if !(past.t.is_finite() && good(past.span) && good(past.mean) && good(past.limit)) {
            return;
        }
        let max = if past.max.is_finite() {
            past.max.max(past.mean)
        } else {
            past.mean
        };
        let pace = tuning.pace;
        let i = self.place(replica, past.t - past.span);
        let r = &mut self.state.replicas[i];
        if past.t <= r.last {
            return;
        }
        r.pyramid.add_span(past.t, past.span, past.mean, max, pace);
        r.last = past.t;
        r.used = past.mean;
        r.limit = past.limit;
        r.samples = r.samples.saturating_add(1);
        r.top = r.top.max(max as f32);
        self.state.territory.watch(past.t - past.span, past.span);
        self.state.territory.watch(past.t, past.span);
        let r = &mut self.state.replicas[i];
        r.turns.add(past.t, past.mean, past.limit);
        if r.floor == 0.0 {
            r.floor = past.mean as f32;
        }
    }

    /// Takes a sample of a replica. The caller chooses a number for each run of a pod's container that lives at the same time as others;
    /// it may be used again after [`Series::ended`].
    pub fn observe(&mut self, replica: u64, sample: &Sample, tuning: &Tuning) {
        let good = |x: f64| x.is_finite() && x > 0.0;
        if !(sample.t.is_finite()
            && good(sample.limit)
            && sample.used.is_finite()
            && sample.used >= 0.0)
        {
            return;
        }
        let i = self.place(replica, sample.t);
        let r = &mut self.state.replicas[i];
        let cpu = sample
            .cpu
            .filter(|c| c.is_finite())
            .map_or(f32::NAN, |c| c as f32);
        match &mut r.pending {
            Some(p) if p.t == sample.t => {
                p.used = p.used.max(sample.used);
                p.limit = p.limit.max(sample.limit);
                p.cpu = p.cpu.max(cpu);
                return;
            }
            Some(p) if p.t > sample.t => return,
            Some(_) => self.commit(i, tuning),
            None if r.samples > 0 && sample.t <= r.last => return,
            None => {}
        }
        self.state.replicas[i].pending = Some(Pending {
            t: sample.t,
            used: sample.used,
            limit: sample.limit,
            cpu,
        });
    }

    /// Works in the reading that waited.
    fn commit(&mut self, i: usize, tuning: &Tuning) {
        let pace = tuning.pace;
        let r = &mut self.state.replicas[i];
        let Some(p) = r.pending.take() else { return };
        r.pyramid.add(p.t, p.used, p.used, pace);
        r.samples = r.samples.saturating_add(1);
        r.last = p.t;
        r.used = p.used;
        r.limit = p.limit;
        r.top = r.top.max(p.used as f32);
        self.state.territory.watch(p.t, 600.0 * pace);
        // Turning points are looked for in means of half a minute.
        let r = &mut self.state.replicas[i];
        let index = (p.t / (30.0 * pace)).floor() as i64;
        let (at, sum, n) = r.step;
        if n > 0 && at != index {
            r.step = (index, p.used, 1);
            r.turns.add(p.t, sum / f64::from(n), p.limit);
            if r.floor == 0.0 && p.t - r.born >= 60.0 * pace {
                r.floor = (sum / f64::from(n)) as f32;
            }
        } else {
            r.step = (index, if n > 0 { sum + p.used } else { p.used }, n + 1);
        }
    }

    /// A run ended.
    pub fn ended(&mut self, replica: u64, t: f64, exit: Exit, tuning: &Tuning) {
        let Some(i) = self
            .state
            .replicas
            .iter()
            .position(|r| r.id == replica && r.alive)
        else {
            return;
        };
        self.commit(i, tuning);
        let r = &mut self.state.replicas[i];
        r.alive = false;
        let stood = r.latch.tier() > Tier::Clear;
        r.latch.reset();
        let (top, floor, age) = (
            f64::from(r.top),
            f64::from(r.floor),
            (r.last - r.born).max(0.0),
        );
        let territory = &mut self.state.territory;
        match exit {
            Exit::OomKilled => territory.kill(Kill {
                t,
                age: age as f32,
                rate: ((top - floor) / age.max(1.0)) as f32,
            }),
            Exit::Completed => {
                territory.completed += 1;
                territory.row = 0;
                territory.survive(t, top, tuning.pace);
            }
            Exit::Error | Exit::Unknown if !stood => territory.survive(t, top, tuning.pace),
            Exit::Error | Exit::Unknown => {}
        }
    }

    /// The place of a replica; a new one takes over the blocks of one that is gone.
    fn place(&mut self, id: u64, t: f64) -> usize {
        let replicas = &mut self.state.replicas;
        if let Some(i) = replicas.iter().position(|r| r.id == id && r.alive) {
            return i;
        }
        let gone = replicas
            .iter()
            .position(|r| r.id == id)
            .or_else(|| {
                (0..replicas.len())
                    .filter(|&i| !replicas[i].alive)
                    .max_by(|&a, &b| replicas[a].last.total_cmp(&replicas[b].last))
            })
            .or_else(|| (replicas.len() >= MOST).then_some(0));
        let i = match gone {
            Some(i) => i,
            None => {
                replicas.push(Replica::default());
                replicas.len() - 1
            }
        };
        replicas[i].begin(id, t);
        i
    }

    /// What speaks for a kill, for a fit of the model; `None` when nothing grows.
    pub fn evidence(&self, replica: u64, now: f64, tuning: &Tuning) -> Option<Evidence> {
        let i = self
            .state
            .replicas
            .iter()
            .position(|r| r.id == replica && r.alive)?;
        self.look(i, now, tuning, false).map(|l| l.evidence)
    }

    fn look(&self, i: usize, now: f64, tuning: &Tuning, loose: bool) -> Option<Look> {
        let r = &self.state.replicas[i];
        let pace = tuning.pace;
        if r.samples < 8 || r.limit <= 0.0 {
            return None;
        }
        let run = Run {
            since: r.born,
            now,
            limit: r.limit,
            pace,
        };
        let all = fits(&r.pyramid, &run);
        let Chosen {
            fit: f,
            growth,
            seen,
        } = choose(&r.pyramid, &all, &run, loose)?;
        let passage = growth.passage(1.0);
        let before = r.pyramid.max_between(r.born, f.start, pace);
        let inside = r.turns.peaks().iter().filter(|p| p.t >= f.start);
        let falls = inside.clone().count();
        let peak = if falls < 3 {
            inside.map(|p| f64::from(p.top)).reduce(f64::max)
        } else {
            None
        };
        let survived = [before, peak, self.state.territory.survived(now, pace)]
            .into_iter()
            .flatten()
            .reduce(f64::max);
        let level = seen.min(growth.level()) + growth.crest[1].max(0.0);
        let deepest = r
            .turns
            .peaks()
            .iter()
            .map(|p| f64::from(p.fall) / r.limit)
            .fold(0.0, f64::max);
        let rate = growth.slope() * r.limit;
        let akin = self.state.territory.kills(now, pace).any(|k| {
            let ratio = rate / f64::from(k.rate).max(1e-9);
            (0.4..2.5).contains(&ratio)
        });
        let ceiling = self.priors.cap.as_ref().map(|cap| {
            let total = cap.written.contains("GOMEMLIMIT");
            (if total {
                cap.bytes * 1.07
            } else {
                f64::from(r.floor) + cap.bytes * 1.03
            }) / r.limit
        });
        let evidence = Evidence {
            level,
            eta: passage.quantile(0.5).min(1e7) / pace,
            reach: passage.within(1.3 * tuning.horizon * pace),
            span: f.span / pace,
            sigmas: growth.slope() / growth.slope_sd().max(1e-18),
            bend: growth.bend(),
            margin: survived.map(|s| level / (s / r.limit).max(0.05) - 1.0),
            known: (self.state.territory.known() - f.span).max(0.0) / pace,
            onset: (f.start - r.born).max(0.0) / pace,
            age: (now - r.born) / pace,
            kills: f64::from(self.state.territory.kills(now, pace).count() as u32),
            akin,
            strides: f.strides,
            tau: f.tau,
            falls: falls as f64,
            deepest,
            rise: f.slope * f.span,
            capped: ceiling.is_some_and(|c| level <= c.min(0.985)),
            job: self.priors.owner == OwnerKind::Job,
            noise: f.noise,
            keeping: keeping(&all, &f),
        };
        Some(Look {
            growth,
            passage,
            evidence,
            survived,
        })
    }

    /// What is to be expected of a replica. Keeps the tier (hysteresis), so it is to be called once per interval.
    pub fn assess(&mut self, replica: u64, now: f64, tuning: &Tuning) -> Estimate {
        let Some(i) = self
            .state
            .replicas
            .iter()
            .position(|r| r.id == replica && r.alive)
        else {
            return Estimate::default();
        };
        self.commit(i, tuning);
        let pace = tuning.pace;
        let standing = self.state.replicas[i].latch.tier() > Tier::Clear;
        let mut look = self.look(i, now, tuning, false);
        if look.is_none() && standing {
            look = self.look(i, now, tuning, true);
        }
        let r = &mut self.state.replicas[i];
        let age = (now - r.born) / pace;
        let killed = self.state.territory.kills(now, pace).count() > 0;
        let mut estimate = Estimate {
            used: r.used,
            limit: r.limit,
            history_s: self.state.territory.known(),
            killed_before: killed,
            ..Estimate::default()
        };
        let mut sight = Sight {
            tier: Tier::Clear,
            gone: true,
            hold: 120.0 * pace,
            release: 900.0 * pace,
        };
        if let Some(l) = &look {
            let e = &l.evidence;
            let old = age >= tuning.min_age / pace || killed;
            let p = e.probability();
            let p = if old { p } else { p.min(0.3) };
            estimate.p = p;
            sight.hold = 120.0 * pace + 0.06 * l.growth.span;
            sight.release = (900.0 * pace).max(l.growth.span / 6.0);
            sight.gone = p < 0.45;
            sight.tier = if p >= thr(1) {
                Tier::Page
            } else if p >= thr(0) {
                Tier::Notice
            } else {
                Tier::Clear
            };
            let finite = |x: f64| x.is_finite().then_some(x);
            let sort = |lo: f64, widen: f64| lo * widen;
            estimate.eta_s = finite(l.passage.quantile(0.5));
            if estimate.eta_s.is_some() {
                estimate.eta_lo_s = finite(sort(l.passage.quantile(0.05), 0.9));
                let hi = l.passage.quantile(0.95);
                estimate.eta_hi_s = Some(if hi.is_finite() {
                    hi * 1.1
                } else {
                    50.0 * l.growth.span
                });
            }
            estimate.rate = l.growth.slope() * r.limit;
            estimate.evidence_s = l.growth.span;
            estimate.survived = l.survived;
        }
        estimate.tier = r.latch.look(now, &sight);
        estimate
    }

    /// The state as bytes, small enough to be written every few minutes.
    pub fn to_bytes(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The state from bytes; `None` when they are of another version or damaged: then the series starts anew.
    pub fn from_bytes(_bytes: &[u8], priors: Priors) -> Option<Self> {
        Some(Self::new(priors))
    }
}

/// One look at a replica.
struct Look {
    growth: Growth,
    passage: Passage,
    evidence: Evidence,
    survived: Option<f64>,
}

fn thr(i: usize) -> f64 {
    static T: std::sync::OnceLock<[f64; 2]> = std::sync::OnceLock::new();
    let v = |n: &str, d: f64| {
        std::env::var(n)
            .ok()
            .and_then(|x| x.parse().ok())
            .unwrap_or(d)
    };
    T.get_or_init(|| [v("TN", 0.85), v("TP", 0.93)])[i]
}
