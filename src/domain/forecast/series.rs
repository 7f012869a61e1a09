//! One container of one workload.
use super::codec::{decode, encode};
use super::explain::{Facts, sentence};
use super::growth::{Chosen, Run, choose, fits, keeping};
use super::latch::Sight;
use super::passage::{Growth, Passage};
use super::picture::past;
use super::posterior::Evidence;
use super::replica::{Pending, Replica, Told};
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
/// A peak inside a window counts as survived when this share of the window's rise was lost after it.
const DIP: f64 = 0.35;
/// A fall to less than this share of the level within one step is a restart that nobody told of.
const COLLAPSE: f64 = 0.25;
/// What a program has after so many seconds is its start-up, at pace 1.
const START: f64 = 600.0;
/// Above this share of the limit such a restart may have been a kill: the level does not count as survived.
const DEADLY: f64 = 0.88;
/// A run that is too young to be judged has at most this probability.
const YOUNG: f64 = 0.3;
/// A forecast is told when its median is within this share of the horizon: what is expected late is often expected wrongly.
const NEAR: f64 = 0.85;
/// From this probability on a line in the digest is told.
const NOTICE: f64 = 0.85;
/// From this probability on somebody is called.
const PAGE: f64 = 0.93;
/// The interval's ends are moved away from the median by this power: calibrated on the training seed.
const WIDER: f64 = 1.25;
/// Below this probability a forecast is taken back.
const GONE: f64 = 0.45;
/// A run of this age that does not grow has held its level, in seconds at pace 1.
const CALM: f64 = 3.0 * 3600.0;
/// Readings older than this say nothing new, in seconds at pace 1.
const STALE: f64 = 300.0;
/// Growth that went on for so long may be proof of a leak, in seconds at pace 1.
const PROOF: f64 = 4.0 * 3600.0;

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
        if past.t <= self.state.replicas[i].last {
            return;
        }
        self.collapse(i, past.t - past.span, past.mean, tuning);
        let r = &mut self.state.replicas[i];
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
        if past.t - r.born <= START * pace {
            r.floor = r.floor.max(past.mean as f32);
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
        let Some(p) = self.state.replicas[i].pending.take() else {
            return;
        };
        self.collapse(i, p.t, p.used, tuning);
        let r = &mut self.state.replicas[i];
        r.tick(p.t, pace);
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
            if p.t - r.born <= START * pace {
                r.floor = r.floor.max((sum / f64::from(n)) as f32);
            }
        } else {
            r.step = (index, if n > 0 { sum + p.used } else { p.used }, n + 1);
        }
    }

    /// A restart that nobody told of: memory is gone from one reading to the next.
    fn collapse(&mut self, i: usize, t: f64, used: f64, tuning: &Tuning) {
        let r = &mut self.state.replicas[i];
        if r.samples < 3 || used >= COLLAPSE * r.used {
            return;
        }
        let (id, top, stood) = (r.id, f64::from(r.top), r.latch.tier() > Tier::Clear);
        if !stood && top < DEADLY * r.limit {
            self.state.territory.survive(t, top, tuning.pace);
        }
        let last = r.last;
        r.begin(id, t);
        r.last = last;
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
            outage: r.outage,
            pace,
        };
        let all = fits(&r.pyramid, &run);
        let Chosen {
            fit: f,
            growth,
            seen,
            top,
        } = choose(&r.pyramid, &all, &run, loose)?;
        let passage = growth.passage(1.0);
        let before = r.pyramid.max_between(r.born, f.start, pace);
        let inside = r.turns.peaks().iter().filter(|p| p.t >= f.start);
        let falls = inside.clone().count();
        // A dip in growth is no peak: what counts has taken back a good part of the rise.
        let deep = DIP * f.slope * f.span * r.limit;
        let peak = inside
            .filter(|p| f64::from(p.fall) >= deep)
            .map(|p| f64::from(p.top))
            .reduce(f64::max);
        let siblings = self
            .state
            .replicas
            .iter()
            .enumerate()
            .filter(|(j, s)| *j != i && s.alive && s.calm > 0.0)
            .map(|(_, s)| f64::from(s.calm))
            .reduce(f64::max);
        let highest = |of: [Option<f64>; 2]| of.into_iter().flatten().reduce(f64::max);
        let others = highest([siblings, self.state.territory.survived(now, pace)]);
        let own = highest([before, peak]);
        let survived = highest([own, others]);
        let level = (seen.min(growth.level()) + growth.crest[1].max(0.0)).min(top);
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
            // A cap of the whole process, or of the part that grows on top of what the program had after its start.
            let total = cap.written.contains("GOMEMLIMIT");
            let bytes = if total {
                cap.bytes * 1.01
            } else {
                f64::from(r.floor) + 1.02 * cap.bytes
            };
            bytes / r.limit
        });
        let evidence = Evidence {
            level,
            eta: passage.quantile(0.5).min(1e7) / pace,
            reach: passage.within(1.5 * tuning.horizon * pace),
            span: f.span / pace,
            sigmas: growth.slope() / growth.slope_sd().max(1e-18),
            bend: growth.bend(),
            margin: survived.map(|s| level / (s / r.limit).max(0.05) - 1.0),
            vouched: others.is_some_and(|o| own.is_none_or(|own| o >= own)),
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
            ceiling: ceiling.filter(|c| *c < 0.985),
            job: self.priors.owner == OwnerKind::Job,
            noise: f.noise,
            keeping: keeping(&all, &f),
        };
        Some(Look {
            growth,
            passage,
            evidence,
            survived,
            seen,
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
        let r = &self.state.replicas[i];
        let age = (now - r.born) / pace;
        let stale = now - r.last > STALE * pace;
        let kills = self.state.territory.kills(now, pace).count();
        let mut estimate = Estimate {
            used: r.used,
            limit: r.limit,
            history_s: self.state.territory.known(),
            killed_before: kills > 0,
            ..Estimate::default()
        };
        let mut sight = Sight {
            tier: Tier::Clear,
            gone: true,
            hold: 120.0 * pace,
            release: 900.0 * pace,
        };
        let young = age < tuning.min_age && kills == 0;
        if let Some(l) = &look {
            let e = &l.evidence;
            let p = e.probability();
            let p = if young { p.min(YOUNG) } else { p };
            // Without new readings nothing can become more likely.
            estimate.p = if stale { p.min(f64::from(r.p)) } else { p };
            sight.hold = (120.0 * pace + 0.06 * l.growth.span).min(0.15 * e.eta * pace);
            sight.release = (900.0 * pace).max(l.growth.span / 6.0);
            sight.gone = estimate.p < GONE;
            let near = e.eta <= NEAR * tuning.horizon;
            sight.tier = match estimate.p {
                _ if !near => Tier::Clear,
                p if p >= PAGE => Tier::Page,
                p if p >= NOTICE => Tier::Notice,
                _ => Tier::Clear,
            };
            estimate.used = l.seen * r.limit;
            estimate.rate = l.growth.slope() * r.limit;
            estimate.evidence_s = l.growth.span;
            estimate.leak_proved = self.is_proved(e, now, pace);
        }
        let eta = look.as_ref().and_then(interval);
        let replica = &mut self.state.replicas[i];
        if let Some((lo, median, hi)) = eta {
            replica.told = Some(Told {
                at: now,
                eta: [lo, median, hi].map(|t| t as f32),
            });
        }
        if let Some(told) = replica.told.filter(|_| eta.is_some() || standing) {
            let [lo, median, hi] = told.eta.map(|t| (f64::from(t) - (now - told.at)).max(0.0));
            estimate.eta_lo_s = Some(lo);
            estimate.eta_s = Some(median);
            estimate.eta_hi_s = Some(hi);
        }
        estimate.survived = match &look {
            Some(l) => l.survived,
            None => self.state.territory.survived(now, pace),
        };
        let replica = &mut self.state.replicas[i];
        if !stale {
            replica.p = estimate.p as f32;
        }
        if look.is_none() && age >= CALM {
            replica.rest(now, pace);
        }
        let tier = replica.latch.look(now, &sight);
        estimate.tier = tier;
        estimate.why = sentence(&Facts {
            rate: look.is_some().then_some(estimate.rate),
            grown: estimate.evidence_s,
            level: estimate.used / estimate.limit.max(1.0),
            survived: estimate.survived.map(|s| s / estimate.limit.max(1.0)),
            known: estimate.history_s,
            kills,
            cap: self
                .priors
                .cap
                .as_ref()
                .filter(|_| {
                    look.as_ref().is_some_and(|l| {
                        l.evidence
                            .ceiling
                            .is_some_and(|c| l.evidence.level <= 1.05 * c)
                    })
                })
                .map(|c| c.written.as_str()),
            young,
            job: self.priors.owner == OwnerKind::Job,
            quiet: tier == Tier::Clear,
        });
        estimate
    }

    /// Whether the memory is lost rather than used.
    fn is_proved(&self, e: &Evidence, now: f64, pace: f64) -> bool {
        let rates: Vec<f64> = self
            .state
            .territory
            .kills(now, pace)
            .map(|k| f64::from(k.rate))
            .collect();
        let (least, most) = rates
            .iter()
            .fold((f64::INFINITY, 0.0f64), |(a, b), r| (a.min(*r), b.max(*r)));
        let again = rates.len() >= 2 && e.akin && most <= 2.0 * least;
        let long = e.span >= PROOF
            && e.sigmas >= 6.0
            && e.bend >= -0.5
            && e.rise >= 0.25
            && e.margin.is_none_or(|m| m >= 0.15)
            && e.ceiling.is_none()
            && !e.job;
        again || long
    }

    /// The past of a replica for a picture: (time, mean, maximum), oldest first, at most so many points; in bytes.
    pub fn history(
        &self,
        replica: u64,
        now: f64,
        most: usize,
        tuning: &Tuning,
    ) -> Vec<(f64, f64, f64)> {
        self.live(replica).map_or_else(Vec::new, |r| {
            past(&r.pyramid, now, tuning.pace, most)
                .into_iter()
                .map(|p| (p.t, p.mean, p.max))
                .collect()
        })
    }

    /// The future of a replica for a picture, nearest first: (time, 10 %, median, 90 %) in bytes, up to a little beyond the expected
    /// kill. Empty when nothing is to be expected.
    pub fn fan(
        &self,
        replica: u64,
        now: f64,
        points: usize,
        tuning: &Tuning,
    ) -> Vec<(f64, f64, f64, f64)> {
        let look = self
            .index(replica)
            .and_then(|i| self.any_look(i, now, tuning));
        let Some((look, limit)) = look.zip(self.live(replica).map(|r| r.limit)) else {
            return Vec::new();
        };
        let Some((_, median, hi)) = interval(&look) else {
            return Vec::new();
        };
        let far = hi.min(2.0 * median);
        (1..=points)
            .map(|n| {
                let h = far * n as f64 / points as f64;
                let [low, median, high] = look.growth.level_after(h);
                (now + h, low * limit, median * limit, high * limit)
            })
            .collect()
    }

    /// A limit in bytes that would not be reached within so many seconds, with 90 %. `None` when nothing grows.
    pub fn needed_limit(
        &self,
        replica: u64,
        now: f64,
        span_s: f64,
        tuning: &Tuning,
    ) -> Option<f64> {
        let i = self.index(replica)?;
        let look = self.any_look(i, now, tuning)?;
        let limit = self.state.replicas[i].limit;
        let [_, _, high] = look.growth.level_after(span_s);
        Some(high.max(look.seen) * limit).filter(|bytes| bytes.is_finite())
    }

    fn index(&self, replica: u64) -> Option<usize> {
        self.state
            .replicas
            .iter()
            .position(|r| r.id == replica && r.alive)
    }

    fn live(&self, replica: u64) -> Option<&Replica> {
        self.index(replica).map(|i| &self.state.replicas[i])
    }

    fn any_look(&self, i: usize, now: f64, tuning: &Tuning) -> Option<Look> {
        self.look(i, now, tuning, false)
            .or_else(|| self.look(i, now, tuning, true))
    }

    /// The state as bytes, small enough to be written every few minutes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(&self.state)
    }

    /// The state from bytes; `None` when they are of another version or damaged: then the series starts anew.
    pub fn from_bytes(bytes: &[u8], priors: Priors) -> Option<Self> {
        decode(bytes).map(|state| Self { priors, state })
    }
}

impl State {
    /// Whether bytes from a disk are what this code makes.
    pub(super) fn is_sound(&self) -> bool {
        self.replicas.len() <= MOST
            && self.territory.is_sound()
            && self.replicas.iter().all(Replica::is_sound)
    }
}

/// The 90 % interval with its median; `None` when the limit may never be reached.
fn interval(look: &Look) -> Option<(f64, f64, f64)> {
    let median = look.passage.quantile(0.5);
    if !median.is_finite() {
        return None;
    }
    // What the model cannot know (load that changes, the block that ends) is a tenth of the time; its own spread is a quarter too small.
    let lo = median * (look.passage.quantile(0.05) / median.max(1.0)).powf(WIDER) * 0.9;
    let hi = look.passage.quantile(0.95);
    let hi = if hi.is_finite() {
        hi
    } else {
        50.0 * look.growth.span
    };
    let hi = median * (hi / median.max(1.0)).powf(WIDER) * 1.1;
    Some((lo, median, hi.max(median)))
}

/// One look at a replica.
struct Look {
    growth: Growth,
    passage: Passage,
    evidence: Evidence,
    survived: Option<f64>,
    seen: f64,
}
