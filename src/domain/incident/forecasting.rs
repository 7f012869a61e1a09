//! Incidents about what has not happened yet: a forecast comes in or moves, the growth stops, the kill comes after all.
//!
//! While an execution is under way the forecast that led to it is kept as it was: the verdict tells what was expected then.
use super::super::{
    family::Family,
    forecast::{Boundary, Outlook, RunEnd, Tier},
    recovery::{Observation, Verdict},
    signal::Signal,
    text,
    view::MEMORY_PRESSURE,
};
use super::step::Context;
use super::{Incident, Note, State, Step, following, offering};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// Without a word about the memory for this long, nobody can tell any more whether the kill will come. (A forecast that stands
/// is brought up to date every few minutes.)
const SILENT: SignedDuration = SignedDuration::from_hours(2);
/// After a fix, a new forecast that is this many times as far away as the old one was is what the fix was to bring.
const FAR_BEYOND: i32 = 3;

/// A forecast as a signal, which opens an incident.
pub fn signal(cluster: &str, outlook: &Outlook) -> Signal {
    Signal {
        cluster: cluster.to_owned(),
        key: format!(
            "forecast:{}:{}:{}",
            outlook.pod.uid, outlook.container, outlook.run
        ),
        at: outlook.at,
        owner: outlook.owner.clone(),
        subject: outlook.pod.clone(),
        run: None,
        family: Family::Forecast,
        container: container(outlook),
        reason: "Forecast".to_owned(),
        message: outlook.why.clone(),
        from_start: false,
    }
}

fn container(outlook: &Outlook) -> Option<String> {
    (!outlook.container.is_empty()).then(|| outlook.container.clone())
}

/// A newer forecast for the incident's owner.
pub(super) fn forecast(step: &mut Step, outlook: Box<Outlook>, now: Timestamp, ctx: &Context<'_>) {
    if step.incident.is_closed() {
        return;
    }
    let told = step.incident.forecast.as_deref();
    let other = told.filter(|told| told.container != outlook.container);
    let switched = other.is_some();
    // Of two containers of one workload, the more urgent one is told.
    if other.is_some_and(|told| told.stands() && !outlook.is_more_urgent_than(told)) {
        return;
    }
    if relapses(step, &outlook, now, ctx) {
        return;
    }
    let incident = &mut step.incident;
    let acting = matches!(
        incident.state,
        State::Executing { .. } | State::Verifying { .. }
    );
    let own = incident.family == Family::Forecast;
    if !outlook.stands() {
        if own {
            incident.latest.at = outlook.at;
            incident.clear_since.get_or_insert(now);
            if !acting {
                incident.forecast = Some(outlook);
                soak(step, now, ctx);
            }
        }
        return;
    }
    if own {
        incident.latest.at = outlook.at;
        incident.clear_since = None;
    }
    if acting
        || incident
            .forecast
            .as_deref()
            .is_some_and(|told| !told.differs(&outlook))
    {
        return;
    }
    if own {
        incident.latest.subject = outlook.pod.clone();
        incident.latest.container = container(&outlook);
        incident.latest.message = outlook.why.clone();
    }
    incident.forecast = Some(outlook);
    if own && switched && offering::may_look_again(incident) {
        offering::inspect(step, None, now, ctx);
    }
}

/// The growth has stopped: the incident is looked at until that has lasted.
fn soak(step: &mut Step, now: Timestamp, ctx: &Context<'_>) {
    if matches!(
        step.incident.state,
        State::Proposed { .. } | State::Waiting { .. }
    ) {
        step.rest(now, ctx);
    }
}

/// A run of one of the owner's containers ended.
pub(super) fn run_ended(step: &mut Step, end: &RunEnd, now: Timestamp, ctx: &Context<'_>) {
    let incident = &mut step.incident;
    if incident.is_closed() || incident.family != Family::Forecast {
        return;
    }
    let Some(told) = incident.forecast.as_deref() else {
        return;
    };
    if end.oom && told.container == end.container {
        incident.latest.at = end.at;
        incident.latest.subject = end.pod.clone();
        incident.latest.reason = match told.boundary {
            Boundary::Limit => "OOMKilled",
            Boundary::Node => MEMORY_PRESSURE,
        }
        .to_owned();
        incident.latest.message = String::new();
        return kill_came(step, end.at, now, ctx);
    }
    if told.is_about(&end.pod, &end.container, end.run) {
        incident.clear_since.get_or_insert(now);
        soak(step, now, ctx);
    }
}

/// Whether this signal is what this incident told of: a kill of the container, or that the node has no memory left.
pub fn came_true(incident: &Incident, signal: &Signal) -> bool {
    if incident.family != Family::Forecast {
        return false;
    }
    match incident.forecast.as_deref() {
        Some(told) if told.boundary == Boundary::Node => {
            signal.family == Family::Node && signal.reason == MEMORY_PRESSURE
        }
        told => {
            let pair = told.zip(signal.container.as_ref());
            let same = pair.is_none_or(|(told, name)| told.container == *name);
            signal.family == Family::Oom && same
        }
    }
}

/// The kill that was forecast is there: from now on it is an incident of that kill, in the same thread.
pub(super) fn kill_came(step: &mut Step, at: Timestamp, now: Timestamp, ctx: &Context<'_>) {
    let incident = &mut step.incident;
    incident.family = match incident.forecast.as_deref() {
        Some(told) if told.boundary == Boundary::Node => Family::Node,
        _ => Family::Oom,
    };
    incident.clear_since = None;
    let expected = incident
        .forecast
        .as_deref()
        .and_then(|told| told.when)
        .map(|when| (when.earliest, when.latest));
    let forecast = incident.opened;
    let again = offering::may_look_again(incident);
    step.note_down(
        "heal",
        "forecast.kill_came",
        json!({"forecast": forecast, "at": at, "expected": expected}),
    );
    step.tell(Note::KillCame {
        forecast,
        at,
        expected,
    });
    if again {
        offering::inspect(step, None, now, ctx);
    }
}

/// A look at a forecast's incident on which nothing is being done. There is nothing to see in the cluster yet, except that the
/// owner is gone, or that the cluster answers again: whether the growth stopped is told by the forecaster.
pub(super) fn idle_look(step: &mut Step, seen: &Observation, now: Timestamp, ctx: &Context<'_>) {
    if seen.target.is_none() {
        let detail = "the object is gone".to_owned();
        return following::close(step, Verdict::TargetGone, detail, None, now);
    }
    idle(step, now, ctx);
    if offering::is_blind(&step.incident) && step.incident.clear_since.is_none() {
        offering::inspect(step, None, now, ctx);
    }
}

/// Closes it when the growth has stopped for good, or when nothing was heard for too long.
pub(super) fn idle(step: &mut Step, now: Timestamp, ctx: &Context<'_>) {
    let incident = &step.incident;
    let quiet = now.duration_since(incident.latest.at);
    if let Some(since) = incident.clear_since {
        let span = now.duration_since(since);
        if span >= ctx.waits.soak {
            let stopped = incident.forecast.as_deref().filter(|told| !told.stands());
            let detail = match stopped {
                Some(told) if told.why.is_empty() => "the growth stopped".to_owned(),
                Some(told) => text::clip(&told.why, 300),
                None => "the container ended before, for another reason".to_owned(),
            };
            return following::close(step, Verdict::RecoveredByItself, detail, None, now);
        }
    } else if quiet >= SILENT.mul_f64(ctx.pace) {
        let detail = format!(
            "no memory figures for {}: nobody can tell whether the kill will come",
            text::duration(quiet)
        );
        return following::close(step, Verdict::Inconclusive, detail, None, now);
    }
    step.rest(now, ctx);
}

/// Whether the growth has stopped, so that there is nothing to approve.
pub(super) fn is_over(incident: &Incident) -> bool {
    incident.family == Family::Forecast && incident.clear_since.is_some()
}

/// What "recovered" means for a forecast, in words.
pub(super) fn recovered(incident: &Incident, detail: String) -> String {
    let old = incident
        .forecast
        .as_deref()
        .filter(|_| incident.family == Family::Forecast)
        .and_then(|told| told.when);
    match old {
        Some(when) => format!(
            "{detail}; the old estimate was {}",
            when.median.strftime("%H:%M UTC")
        ),
        None => detail,
    }
}

/// A page for a run that began after the fix: the fix did not help. True when that ended the execution.
fn relapses(step: &mut Step, outlook: &Outlook, now: Timestamp, ctx: &Context<'_>) -> bool {
    let State::Verifying {
        execution,
        tracking,
    } = &step.incident.state
    else {
        return false;
    };
    let old = step.incident.forecast.as_deref();
    let anew = outlook.tier == Tier::Page
        && outlook.rising_since >= tracking.since
        && old.is_none_or(|old| old.about() != outlook.about());
    let left = |of: &Outlook, from: Timestamp| of.when.map(|when| when.median.duration_since(from));
    let far_beyond = old
        .and_then(|old| left(old, execution.decided))
        .zip(left(outlook, now))
        .is_some_and(|(old, new)| new >= old.saturating_mul(FAR_BEYOND));
    if !anew || far_beyond {
        return false;
    }
    let (execution, tracking) = (execution.clone(), tracking.clone());
    let detail = match outlook.when {
        Some(when) => format!(
            "the new pods run out of memory, too, at about {}",
            when.median.strftime("%H:%M UTC")
        ),
        None => "the new pods run out of memory, too".to_owned(),
    };
    let incident = &mut step.incident;
    incident.clear_since = None;
    incident.latest.at = outlook.at;
    incident.latest.subject = outlook.pod.clone();
    incident.forecast = Some(Box::new(outlook.clone()));
    following::conclude(
        step,
        execution,
        &tracking,
        Verdict::Ineffective,
        detail,
        now,
        ctx,
    );
    true
}

/// The soak of a fix: what fills slowly is watched as long as anything is.
pub(super) fn soak_of(ctx: &Context<'_>) -> SignedDuration {
    ctx.waits.soak_max.max(ctx.waits.soak)
}
