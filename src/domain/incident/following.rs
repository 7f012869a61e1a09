//! The second half of an incident's life: the result of the execution, the recovery, the verdict.
use super::super::{
    action::Action,
    diagnosis::{Diagnosis, Severity},
    family::Family,
    object::Kind,
    recovery::{self, Observation, Target, Tracking, Verdict, later},
    text,
};
use super::step::{Context, workload_key};
use super::{
    Effect, Execution, Incident, Lesson, Note, Outcome, State, Step, Try, Why, forecasting,
    offering,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// The executor has answered.
pub(super) fn executed(
    step: &mut Step,
    id: &str,
    outcome: Outcome,
    now: Timestamp,
    ctx: &Context<'_>,
) {
    let State::Executing { execution } = &step.incident.state else {
        return;
    };
    if execution.id != id {
        return;
    }
    let mut execution = execution.clone();
    let action = execution.proposal.action.clone();
    step.note_down(
        "heal",
        "execution.result",
        json!({"kind": action.kind(), "execution": id, "action": action.kubectl(), "result": outcome}),
    );
    match outcome {
        Outcome::Applied {
            generation,
            at,
            available_before,
            after: _,
        } => {
            execution.applied = Some(at);
            let soak = soak_of(&step.incident, ctx);
            let tracking = Tracking::begin(at, generation, available_before, soak, ctx.waits);
            step.incident.state = State::Verifying {
                execution,
                tracking,
            };
            step.tell(Note::Applied { action, soak });
            step.observe();
            step.incident.wake = Some(later(now, ctx.waits.look));
        }
        Outcome::Stale { why } => {
            step.tell(Note::NotDone {
                action,
                why: format!("the cluster has changed since the diagnosis: {why}"),
            });
            offering::inspect(step, None, now, ctx);
        }
        Outcome::Healed => {
            step.tell(Note::NotDone {
                action,
                why: "it is not broken any more".to_owned(),
            });
            step.wait(Why::Cleared, now, ctx);
        }
        Outcome::Refused { why } => {
            ended(step, &execution, Verdict::Failed, now);
            step.tell(Note::NotDone {
                action: action.clone(),
                why: why.clone(),
            });
            step.wait(
                Why::Refused {
                    action,
                    refusal: why,
                },
                now,
                ctx,
            );
        }
        Outcome::Unknown { why } => {
            ended(step, &execution, Verdict::Inconclusive, now);
            step.tell(Note::Unclear { action, why });
            offering::inspect(step, None, now, ctx);
        }
    }
}

fn soak_of(incident: &Incident, ctx: &Context<'_>) -> SignedDuration {
    if incident.family == Family::Forecast {
        return forecasting::soak_of(ctx);
    }
    let failure = incident
        .diagnosis
        .as_ref()
        .and_then(|diagnosis| diagnosis.time_to_failure);
    recovery::soak(incident.family, failure, ctx.waits)
}

/// The pause before the next look at a recovery is over.
pub(super) fn look_again(step: &mut Step, now: Timestamp, ctx: &Context<'_>) {
    judge(step, None, now, ctx);
    if matches!(step.incident.state, State::Verifying { .. }) {
        step.observe();
        step.incident.wake = Some(later(now, ctx.waits.look));
    }
}

/// A look was taken, or failed.
pub(super) fn observed(
    step: &mut Step,
    result: Result<Box<Observation>, String>,
    now: Timestamp,
    ctx: &Context<'_>,
) {
    match &step.incident.state {
        State::Verifying { .. } => judge(step, result.ok().as_deref(), now, ctx),
        State::Proposed { .. } | State::Waiting { .. } => {
            if let Ok(seen) = result {
                idle_look(step, &seen, now, ctx);
            }
        }
        _ => {}
    }
}

/// A look at an incident on which nothing is being done: it may clear by itself.
fn idle_look(step: &mut Step, seen: &Observation, now: Timestamp, ctx: &Context<'_>) {
    if step.incident.family == Family::Forecast {
        return forecasting::idle_look(step, seen, now, ctx);
    }
    let Some(target) = seen.target else {
        return close(
            step,
            Verdict::TargetGone,
            "the object is gone".to_owned(),
            None,
            now,
        );
    };
    let clear = seen.symptom.is_none() && (target.complete || target.available >= target.desired);
    if !clear {
        step.incident.clear_since = None;
        // The cluster answers again, or it has become possible to tidy up.
        if offering::is_blind(&step.incident) || may_be_tidied_up(&step.incident, &target) {
            return offering::inspect(step, None, now, ctx);
        }
        return step.rest(now, ctx);
    }
    let since = *step.incident.clear_since.get_or_insert(seen.at);
    let span = seen.at.duration_since(since);
    if span >= soak_of(&step.incident, ctx) {
        return close(
            step,
            Verdict::RecoveredByItself,
            format!("clear for {}", text::duration(span)),
            None,
            now,
        );
    }
    step.rest(now, ctx);
}

/// The replacement of an evicted pod works now, which it did not when the evidence was gathered: what is left is the record of
/// the eviction, and that may be deleted.
fn may_be_tidied_up(incident: &Incident, target: &Target) -> bool {
    let was_short = |diagnosis: &Diagnosis| {
        diagnosis.family == Family::Eviction && diagnosis.severity > Severity::Warning
    };
    matches!(
        incident.state,
        State::Waiting {
            why: Why::NothingSafe
        }
    ) && target.available >= target.desired
        && incident.diagnosis.as_ref().is_some_and(was_short)
}

fn judge(step: &mut Step, seen: Option<&Observation>, now: Timestamp, ctx: &Context<'_>) {
    let State::Verifying {
        execution,
        tracking,
    } = &step.incident.state
    else {
        return;
    };
    let (execution, before) = (execution.clone(), tracking.clone());
    let judgement = recovery::judge(before.clone(), seen, now, ctx.waits);
    let tracking = judgement.tracking;
    if let Some((mut verdict, detail)) = judgement.verdict {
        if verdict == Verdict::Ineffective && is_half_a_fix(&execution.proposal.action, seen) {
            verdict = Verdict::Inconclusive;
        }
        let detail = match verdict {
            Verdict::Recovered => forecasting::recovered(&step.incident, detail),
            _ => detail,
        };
        return conclude(step, execution, &tracking, verdict, detail, now, ctx);
    }
    let news = tracking.summary != before.summary
        || tracking.clear_since.is_some() != before.clear_since.is_some();
    if news {
        step.tell(Note::Progress {
            execution: execution.id.clone(),
            summary: tracking.summary.clone(),
            clear: tracking.clear_since.map(|since| (since, tracking.soak)),
        });
    }
    step.incident.state = State::Verifying {
        execution,
        tracking,
    };
}

/// The undo of a StatefulSet does not replace a pod that is stuck on the broken revision. While no pod of the newest template is
/// in trouble, nothing speaks against it. (Between two looks there is nothing to see: such a pod would have ended it already.)
fn is_half_a_fix(action: &Action, seen: Option<&Observation>) -> bool {
    matches!(action, Action::RolloutUndo { target, .. } if target.kind == Kind::StatefulSet)
        && seen.is_none_or(|seen| seen.symptom.is_none())
}

/// An execution has its verdict.
pub(super) fn conclude(
    step: &mut Step,
    execution: Execution,
    tracking: &Tracking,
    verdict: Verdict,
    detail: String,
    now: Timestamp,
    ctx: &Context<'_>,
) {
    let action = execution.proposal.action.clone();
    let record = ended(step, &execution, verdict, now).map(|(signature, success)| {
        let mut record =
            ctx.memory
                .record(&signature, action.kind(), &workload_key(&step.incident));
        for tally in [&mut record.here, &mut record.anywhere] {
            if success {
                tally.successes += 1
            } else {
                tally.failures += 1
            }
        }
        record
    });
    step.tell(Note::Verdict {
        verdict,
        detail: detail.clone(),
        took: now.duration_since(tracking.since),
        action: Some(action.clone()),
        record,
    });
    match verdict {
        Verdict::Recovered | Verdict::RecoveredByItself | Verdict::TargetGone => {
            end(step, verdict, detail, Some(execution), now);
        }
        Verdict::Regressed => offering::inspect(step, action.inverse(), now, ctx),
        Verdict::Ineffective | Verdict::Inconclusive => offering::inspect(step, None, now, ctx),
        Verdict::Reverted | Verdict::Failed => {
            let who = step
                .incident
                .managed_by
                .as_ref()
                .map_or_else(String::new, |owner| {
                    format!(
                        " {} applies this object: the change has to be made there.",
                        owner.tool
                    )
                });
            step.wait(
                Why::NeedsHuman {
                    detail: format!("The change was taken back.{who}"),
                },
                now,
                ctx,
            );
        }
    }
}

/// Records the end of an execution; gives back what was learnt, if anything was.
fn ended(
    step: &mut Step,
    execution: &Execution,
    verdict: Verdict,
    now: Timestamp,
) -> Option<(String, bool)> {
    let action: Action = execution.proposal.action.clone();
    step.note_down(
        "heal",
        "execution.verdict",
        json!({"kind": action.kind(),
            "execution": execution.id, "action": action.kubectl(), "verdict": verdict,
        }),
    );
    step.incident.tries.push(Try {
        action: action.clone(),
        verdict,
        at: now,
    });
    let success = verdict.lesson()?;
    let signature = step
        .incident
        .diagnosis
        .as_ref()
        .map(|diagnosis| diagnosis.signature.clone())?;
    step.learn(Lesson {
        signature: signature.clone(),
        action,
        success,
        execution: execution.id.clone(),
    });
    Some((signature, success))
}

/// Closes an incident on which nothing was executed last, and says so in the thread.
pub(super) fn close(
    step: &mut Step,
    verdict: Verdict,
    detail: String,
    execution: Option<Execution>,
    now: Timestamp,
) {
    step.tell(Note::Verdict {
        verdict,
        detail: detail.clone(),
        took: now.duration_since(step.incident.opened),
        action: None,
        record: None,
    });
    end(step, verdict, detail, execution, now);
}

fn end(
    step: &mut Step,
    verdict: Verdict,
    detail: String,
    execution: Option<Execution>,
    now: Timestamp,
) {
    step.note_down(
        "heal",
        "incident.closed",
        json!({"verdict": verdict, "detail": detail}),
    );
    // Answers that are still under way find no request to answer.
    step.new_request();
    step.effects
        .retain(|effect| !matches!(effect, Effect::Observe { .. }));
    step.incident.state = State::Closed {
        verdict,
        detail,
        at: now,
        execution,
    };
    step.incident.wake = None;
}
