//! One container of one workload: what comes out.
use super::evidence::Evidence;
use super::explain::{Facts, sentence};
use super::latch::Sight;
use super::look::Look;
use super::replica::Told;
use super::{Estimate, OwnerKind, Series, Tier, Trust, Tuning};

/// A run that is too young to be judged has at most this probability.
const YOUNG: f64 = 0.3;
/// A forecast is told when its median is within this share of the horizon: what is expected late is often expected wrongly.
const NEAR: f64 = 0.85;
/// From this probability on a line in the digest is told of a workload that is known,
const NOTICE: f64 = 0.92;
/// and from this one on of one that is not known yet.
const NEW: f64 = 0.90;
/// So much more is needed when a part of the growth, or what came shortly before it, was hidden by an outage of the scraper: growth that
/// seems to have begun after an outage looks younger than it is, and so a little more like a leak.
const HALF_SEEN: f64 = 0.02;
/// From this one on when the kill is at hand and the workload is not known yet: what would make it more certain comes after the kill.
const AT_HAND: f64 = 0.77;
/// With so much time left a forecast can wait until it is certain, in seconds at pace 1.
const TIME: f64 = 3600.0;
/// Growth that was seen for less than this is no reason to hurry, in seconds at pace 1: heaps and caches make such jumps.
const JUMP: f64 = 600.0;
/// From this probability on somebody is called.
const PAGE: f64 = 0.94;
/// Below this probability a forecast is taken back.
const GONE: f64 = 0.45;
/// A run of this age that does not grow has held its level, in seconds at pace 1.
const CALM: f64 = 3.0 * 3600.0;
/// A workload that is known for so long shows what is usual, in seconds at pace 1.
const SETTLED: f64 = 24.0 * 3600.0;
/// A level this much above all that was survived is beyond the usual, as a share of it.
const FAR: f64 = 0.15;
/// Readings older than this say nothing new, in seconds at pace 1,
const STALE: f64 = 300.0;
/// unless they are usually that far apart: then it takes so many that did not come.
const MISSED: f64 = 2.5;
/// Growth that went on for so long may be proof of a leak, in seconds at pace 1.
const PROOF: f64 = 4.0 * 3600.0;

/// The probability from which on a notice is told, `left` seconds before the limit (at pace 1). Growth that nobody saw, in an outage
/// of the scraper, is no reason to hurry, either.
fn notice(e: &Evidence, left: f64) -> f64 {
    let usual = if e.known >= SETTLED { NOTICE } else { NEW };
    if e.hidden > 0.0 || e.known >= SETTLED || e.span < JUMP {
        return usual + more(e);
    }
    AT_HAND + (usual - AT_HAND) * (left / TIME).min(1.0)
}

/// What is needed beyond the usual.
fn more(e: &Evidence) -> f64 {
    if e.hidden > 0.0 { HALF_SEEN } else { 0.0 }
}

impl Series {
    /// What is to be expected of a replica. Keeps the tier (hysteresis), so it is to be called once per interval.
    pub fn assess(&mut self, replica: u64, now: f64, tuning: &Tuning) -> Estimate {
        self.assess_with(replica, now, tuning, &Trust::default())
    }

    /// The same where estimates are not to be taken as they are.
    pub fn assess_with(
        &mut self,
        replica: u64,
        now: f64,
        tuning: &Tuning,
        trust: &Trust,
    ) -> Estimate {
        let Some(i) = self.index(replica) else {
            return Estimate::default();
        };
        let mut r = self.up_to_date(i, tuning);
        let pace = tuning.pace;
        let standing = r.latch.tier() > Tier::Clear;
        let mut look = self.look(&r, now, tuning, false);
        if look.is_none() && standing {
            look = self.look(&r, now, tuning, true);
        }
        let age = (now - r.born) / pace;
        let stale = now - r.front.last > (STALE * pace).max(MISSED * f64::from(r.spacing));
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
        // A day of the workload's life tells what is usual for a young run, too.
        let beyond = look.as_ref().is_some_and(|l| {
            l.evidence.known >= SETTLED
                && l.evidence.vouched
                && l.evidence.margin.is_some_and(|m| m >= FAR)
        });
        let young = age < tuning.min_age && kills == 0 && !(beyond && age >= 0.2 * tuning.min_age);
        if let Some(l) = &look {
            let e = &l.evidence;
            let p = trust.probability(e.probability(), kills > 0);
            let p = if young { p.min(YOUNG) } else { p };
            // Without new readings nothing can become more likely.
            estimate.p = if stale { p.min(f64::from(r.p)) } else { p };
            let left = l.left(pace);
            sight.hold = (120.0 * pace + 0.06 * l.growth.span).min(0.1 * left * pace);
            sight.release = (900.0 * pace).max(l.growth.span / 6.0);
            sight.gone = estimate.p < GONE;
            let near = left <= NEAR * tuning.horizon;
            sight.tier = match estimate.p {
                _ if !near => Tier::Clear,
                p if p >= PAGE + more(e) => Tier::Page,
                p if p >= notice(e, left) => Tier::Notice,
                _ => Tier::Clear,
            };
            sight.tier = sight.tier.min(trust.loudest(kills > 0));
            estimate.used = l.seen * r.limit;
            estimate.rate = l.growth.slope() * r.limit;
            estimate.evidence_s = l.growth.span;
            estimate.leak_proved = self.is_proved(e, now, pace);
        }
        let eta = look.as_ref().and_then(Look::interval);
        if let Some((lo, median, hi)) = eta {
            r.told = Some(Told {
                at: now,
                eta: [lo, median, hi].map(|t| t as f32),
            });
        }
        if let Some(told) = r.told.filter(|_| eta.is_some() || standing) {
            let [lo, median, hi] = told.eta.map(|t| (f64::from(t) - (now - told.at)).max(0.0));
            let (lo, median, hi) = trust.correction.interval((lo, median, hi));
            estimate.eta_lo_s = Some(lo);
            estimate.eta_s = Some(median);
            estimate.eta_hi_s = Some(hi);
        }
        estimate.survived = match &look {
            Some(l) => l.survived,
            None => self.state.territory.survived(now, pace),
        };
        if !stale {
            r.p = estimate.p as f32;
        }
        if look.is_none() && age >= CALM {
            r.rest(now, pace);
        }
        let tier = r.latch.look(now, &sight);
        self.state.replicas[i].keep(&r);
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
            && e.rise * e.level >= 0.25
            && e.margin.is_none_or(|m| m >= 0.15)
            && e.ceiling.is_none()
            && !e.job;
        again || long
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_certainty_is_enough_when_the_kill_is_at_hand_and_the_workload_hardly_known() {
        let unknown = Evidence {
            span: JUMP,
            ..Evidence::default()
        };
        assert_eq!(notice(&unknown, 0.0), AT_HAND);
        assert_eq!(notice(&unknown, TIME), NEW);
        assert_eq!(notice(&unknown, f64::INFINITY), NEW);
        assert!(notice(&unknown, 600.0) < notice(&unknown, 1200.0));
        let known = Evidence {
            known: SETTLED,
            ..unknown
        };
        assert_eq!(notice(&known, 0.0), NOTICE);
        let jump = Evidence {
            span: JUMP - 30.0,
            ..unknown
        };
        assert_eq!(notice(&jump, 0.0), NEW);
        let half_seen = Evidence {
            hidden: 60.0,
            ..unknown
        };
        assert_eq!(notice(&half_seen, 0.0), NEW + HALF_SEEN);
    }
}
