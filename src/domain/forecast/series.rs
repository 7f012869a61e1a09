//! One container of one workload: what goes in.
use super::codec::{decode, encode};
use super::packed::{Front, Packed, Pending};
use super::replica::Replica;
use super::territory::{Kill, Territory};
use super::{Exit, Past, Priors, Sample, Tier, Tuning};
use serde::{Deserialize, Serialize};

/// What is known of one container of one workload, over all its replicas and restarts. Bounded in size.
#[derive(Clone, Debug, Default)]
pub struct Series {
    pub(super) priors: Priors,
    pub(super) state: State,
}

/// What is stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub territory: Territory,
    pub replicas: Vec<Packed>,
}

/// A fall to less than this share of the level within one step is a new beginning: a restart that nobody told of, or a task that is done.
const COLLAPSE: f64 = 0.25;
/// What a program has after so many seconds is its start-up, at pace 1.
pub(super) const START: f64 = 600.0;
/// A run that ends for an unknown reason above this share of the limit may have been killed: the level does not count as survived.
const DEADLY: f64 = 0.88;
/// Above this one it may have been a kill also when the run goes on: of a child process.
const CHILD: f64 = 0.95;
/// What a run has held for so long, in seconds at pace 1, it has survived, however it ends.
const HELD: f64 = 3600.0;

impl Series {
    /// Replicas that are kept, dead ones included. More that live at the same time are not taken in.
    pub const MOST: usize = 512;

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
        let Some(i) = self.place(replica, past.t - past.span) else {
            return;
        };
        let State {
            territory,
            replicas,
        } = &mut self.state;
        if past.t <= replicas[i].front.last {
            return;
        }
        replicas[i].change(|r| {
            collapse(r, territory, past.t - past.span, past.mean, tuning);
            settle(r, territory, past.t - past.span, tuning);
            r.pyramid.add_span(past.t, past.span, past.mean, max, pace);
            r.front.last = past.t;
            r.front.samples = r.front.samples.saturating_add(1);
            r.used = past.mean;
            r.limit = past.limit;
            r.top = r.top.max(max as f32);
            territory.watch(past.t - past.span, past.span);
            territory.watch(past.t, past.span);
            r.turns.add(past.t, past.mean, past.limit);
            if past.t - r.born <= START * pace {
                r.floor = r.floor.max(past.mean as f32);
            }
        });
    }

    /// The past is there: packs what is open for it. Whoever forgets this has the same forecasts, in more memory.
    pub fn pack(&mut self) {
        self.state.replicas.iter_mut().for_each(Packed::pack);
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
        let Some(i) = self.place(replica, sample.t) else {
            return;
        };
        let front = &mut self.state.replicas[i].front;
        match &mut front.pending {
            Some(p) if p.t == sample.t => {
                p.used = p.used.max(sample.used);
                p.limit = p.limit.max(sample.limit);
                return;
            }
            Some(p) if p.t > sample.t => return,
            Some(_) => {
                let r = self.up_to_date(i, tuning);
                self.state.replicas[i].keep(&r);
            }
            None if front.samples > 0 && sample.t <= front.last => return,
            None => {}
        }
        self.state.replicas[i].front.pending = Some(Pending {
            t: sample.t,
            used: sample.used,
            limit: sample.limit,
        });
    }

    /// A replica with the reading that waited worked in; it has to be kept afterwards.
    pub(super) fn up_to_date(&mut self, i: usize, tuning: &Tuning) -> Replica {
        let mut r = self.state.replicas[i].open();
        work_in(&mut r, &mut self.state.territory, tuning);
        r
    }

    /// The next run is that of a new pod, not of a container that is started again: it may be of another version.
    pub fn renewed(&mut self, t: f64) {
        self.state.territory.renew(t);
    }

    /// A run ended.
    pub fn ended(&mut self, replica: u64, t: f64, exit: Exit, tuning: &Tuning) {
        let Some(i) = self.index(replica) else {
            return;
        };
        let mut r = self.up_to_date(i, tuning);
        r.front.alive = false;
        let stood = r.latch.tier() > Tier::Clear;
        r.latch.reset();
        let (top, floor, age, limit) = (
            f64::from(r.top),
            f64::from(r.floor),
            (r.front.last - r.born).max(0.0),
            r.limit,
        );
        let safe = match exit {
            Exit::OomKilled => None,
            Exit::Completed => Some(top.max(f64::from(r.fell))),
            Exit::Error | Exit::Unknown => (!stood).then(|| {
                let until = r.front.last - HELD * tuning.pace;
                let held = r.pyramid.max_between(r.born, until, tuning.pace);
                top.min((DEADLY * limit).max(held.unwrap_or(0.0)))
            }),
        };
        self.state.replicas[i].keep(&r);
        let territory = &mut self.state.territory;
        if let Some(safe) = safe {
            territory.survive(t, safe, tuning.pace);
        }
        match exit {
            Exit::OomKilled => territory.kill(Kill {
                t,
                age: age as f32,
                rate: ((top - floor) / age.max(1.0)) as f32,
                limit: limit as f32,
            }),
            Exit::Completed => {
                territory.completed += 1;
                territory.row = 0;
            }
            Exit::Error | Exit::Unknown => {}
        }
    }

    /// The place of a replica; a new one takes over the blocks of one that is gone. None when all are taken by the living.
    fn place(&mut self, id: u64, t: f64) -> Option<usize> {
        let replicas = &mut self.state.replicas;
        let is = |r: &Packed| r.front.id == id;
        if let Some(i) = replicas.iter().position(|r| is(r) && r.front.alive) {
            return Some(i);
        }
        let gone = replicas.iter().position(is).or_else(|| {
            let last = |i: usize| replicas[i].front.last;
            (0..replicas.len())
                .filter(|&i| !replicas[i].front.alive)
                .max_by(|&a, &b| last(a).total_cmp(&last(b)))
        });
        let i = match gone {
            Some(i) => i,
            None if replicas.len() >= Self::MOST => return None,
            None => {
                // Most workloads have few, and no more after a while.
                replicas.reserve_exact(1);
                replicas.push(Packed::default());
                replicas.len() - 1
            }
        };
        let mut r = replicas[i].open();
        r.begin(id, t);
        replicas[i].keep(&r);
        Some(i)
    }

    pub(super) fn index(&self, replica: u64) -> Option<usize> {
        self.state
            .replicas
            .iter()
            .position(|r| r.front.id == replica && r.front.alive)
    }

    pub(super) fn live(&self, replica: u64) -> Option<Replica> {
        self.index(replica).map(|i| self.state.replicas[i].open())
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
        self.replicas.len() <= Series::MOST
            && self.territory.is_sound()
            && self.replicas.iter().all(Packed::is_sound)
    }
}

/// Works in the reading that waited, if there is one.
fn work_in(r: &mut Replica, territory: &mut Territory, tuning: &Tuning) {
    let pace = tuning.pace;
    let Some(p) = r.front.pending.take() else {
        return;
    };
    collapse(r, territory, p.t, p.used, tuning);
    settle(r, territory, p.t, tuning);
    r.tick(p.t, pace);
    r.pyramid.add(p.t, p.used, p.used, pace);
    r.front.samples = r.front.samples.saturating_add(1);
    r.front.last = p.t;
    r.used = p.used;
    r.limit = p.limit;
    r.top = r.top.max(p.used as f32);
    territory.watch(p.t, 600.0 * pace);
    // Turning points are looked for in means of half a minute.
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

/// All memory is gone from one reading to the next: what was before is not continued.
fn collapse(r: &mut Replica, territory: &mut Territory, t: f64, used: f64, tuning: &Tuning) {
    if r.front.samples < 3 || used >= COLLAPSE * r.used {
        return;
    }
    let Front { id, last, .. } = r.front;
    let (top, stood) = (f64::from(r.top), r.latch.tier() > Tier::Clear);
    let sure = !stood && top < DEADLY * r.limit;
    if sure {
        territory.survive(t, top, tuning.pace);
    }
    let may_be = !sure && tuning.restarts_told && top < CHILD * r.limit;
    r.begin(id, t);
    r.front.last = last;
    r.fell = if may_be { top as f32 } else { 0.0 };
}

/// A run that goes on after all its memory was gone, and of which no kill was told since, has survived what it had.
fn settle(r: &mut Replica, territory: &mut Territory, t: f64, tuning: &Tuning) {
    if r.fell > 0.0 && t - r.born >= START * tuning.pace {
        territory.survive(t, f64::from(r.fell), tuning.pace);
        r.fell = 0.0;
    }
}
