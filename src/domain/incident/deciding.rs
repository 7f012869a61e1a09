//! What people decide about an offer, and what becomes of it: approved, dismissed, checked again, expired; within the budget.
use super::super::{
    action::Action,
    policy::Person,
    proposal::{Approval, Proposal},
    recovery::later,
    text,
};
use super::step::{Context, budget_key};
use super::{
    Click, ClickKind, ClickReply, DismissReason, Effect, Execution, Incident, Note, State, Step,
    Why, forecasting, offering::inspect,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// Nobody decided in time.
pub(super) fn expire(step: &mut Step, now: Timestamp, ctx: &Context<'_>) {
    let State::Proposed { proposal } = &step.incident.state else {
        return;
    };
    let action = proposal.action.clone();
    step.note_down(
        "heal",
        "decision.expired",
        json!({"kind": action.kind(), "action": action.kubectl(), "proposal": proposal.number}),
    );
    step.tell(Note::Expired {
        action: action.clone(),
    });
    step.wait(Why::Expired { action, at: now }, now, ctx);
}

/// A button was pressed. Every path answers.
pub(super) fn click(step: &mut Step, click: Click, now: Timestamp, ctx: &Context<'_>) {
    let verdict = match click.kind {
        ClickKind::Approve => approve(step, &click, now, ctx),
        ClickKind::Dismiss {
            reason,
            ref comment,
        } => dismiss(step, &click, reason, comment.clone(), now, ctx),
        ClickKind::CheckAgain => check_again(step, &click, now, ctx),
    };
    match verdict {
        Ok(reply) => step.answer(reply),
        Err(refusal) => {
            let button = match click.kind {
                ClickKind::Approve => "approve",
                ClickKind::Dismiss { .. } => "dismiss",
                ClickKind::CheckAgain => "check_again",
            };
            let mut detail = json!({"button": button, "why": refusal});
            // Of what was on offer, if anything was.
            if let Some(proposal) = step.incident.proposal() {
                detail["kind"] = json!(proposal.action.kind());
            }
            step.note_down(&click.by.id, "click.refused", detail);
            step.answer(ClickReply::Refused(refusal));
        }
    }
}

/// The proposal that a click is about, or why there is none to decide on.
fn current<'a>(incident: &'a Incident, click: &Click) -> Result<&'a Proposal, String> {
    let decided = |execution: &Execution| {
        let who: Vec<String> = execution
            .proposal
            .approvals
            .iter()
            .map(|approval| format!("<@{}>", approval.by.id))
            .collect();
        format!("This was already approved by {}.", who.join(" and "))
    };
    match &incident.state {
        State::Proposed { proposal } if proposal.token == click.token => Ok(proposal),
        State::Proposed { .. } => {
            Err("This offer was replaced by a newer one. Look at the card again.".to_owned())
        }
        State::Executing { execution } | State::Verifying { execution, .. } => {
            Err(decided(execution))
        }
        State::Closed {
            execution: Some(execution),
            ..
        } => Err(decided(execution)),
        State::Closed { .. } => Err(format!(
            "{} is over. Nothing is left to decide.",
            incident.id
        )),
        State::Waiting {
            why: Why::Dismissed { by, .. },
        } => Err(format!("This was already dismissed by <@{}>.", by.id)),
        State::Waiting {
            why: Why::Expired { .. },
        } => Err("This offer has expired. Press “Check again” for a new one.".to_owned()),
        State::Inspecting { .. } | State::Preparing { .. } | State::Waiting { .. } => Err(
            "This offer is no longer valid: things have changed. The card shows the latest."
                .to_owned(),
        ),
    }
}

fn approve(
    step: &mut Step,
    click: &Click,
    now: Timestamp,
    ctx: &Context<'_>,
) -> Result<ClickReply, String> {
    let incident = &step.incident;
    let proposal = current(incident, click)?;
    let action = proposal.action.clone();
    let namespace = &incident.owner.namespace;
    let needed = ctx
        .policy
        .may_approve(&click.by, action.kind(), namespace)
        .map_err(|refusal| refusal.to_string())?;
    if now >= proposal.expires {
        expire(step, now, ctx);
        return Err("This offer has expired. Press “Check again” for a new one.".to_owned());
    }
    if !ctx.allowed.contains(&action.kind()) {
        return Err(format!(
            "{} is switched off in the configuration ([actions] enabled).",
            action.kind()
        ));
    }
    if let Some(pause) = ctx.paused {
        return Err(format!(
            "Actions are paused by <@{}>. `/heal resume` lets them run again.",
            pause.by
        ));
    }
    within_budget(&action, now, ctx)?;
    if forecasting::is_over(incident) {
        return Err("The growth has stopped since then: there is nothing to do now.".to_owned());
    }
    if proposal
        .approvals
        .iter()
        .any(|approval| approval.by.id == click.by.id)
    {
        return Err("You have approved this already. It needs a second person.".to_owned());
    }
    let State::Proposed { proposal } = &mut step.incident.state else {
        return Err(String::new());
    };
    proposal.approvals_needed = needed.max(1);
    proposal.approvals.push(Approval {
        by: click.by.clone(),
        at: now,
    });
    let complete = proposal.approvals.len() >= usize::from(proposal.approvals_needed);
    let what = if complete {
        "decision.approved"
    } else {
        "decision.first_approval"
    };
    let detail = json!({
        "kind": action.kind(), "action": action.kubectl(), "proposal": proposal.number, "generation": proposal.dry_run.generation,
        "before": proposal.dry_run.diff, "approvals": proposal.approvals.len(), "needed": proposal.approvals_needed,
    });
    if !complete {
        let needed = proposal.approvals_needed;
        step.note_down(&click.by.id, what, detail);
        step.tell(Note::FirstApproval {
            by: click.by.clone(),
            needed,
        });
        return Ok(ClickReply::NeedsAnother);
    }
    step.note_down(&click.by.id, what, detail);
    run(step, now, ctx);
    Ok(ClickReply::Accepted)
}

/// Turns the approved proposal into an execution.
fn run(step: &mut Step, now: Timestamp, ctx: &Context<'_>) {
    let State::Proposed { proposal } = &step.incident.state else {
        return;
    };
    let proposal = proposal.clone();
    // Unique over all installations that may ever touch this object: the seed is random.
    let id = format!(
        "{}-{}-{}",
        step.incident.id,
        proposal.number,
        text::clip(&step.incident.seed, 9).replace('…', "")
    );
    step.tell(Note::Approved {
        by: proposal
            .approvals
            .iter()
            .map(|approval| approval.by.clone())
            .collect(),
        action: proposal.action.clone(),
    });
    step.note_down(
        "heal",
        "execution.intended",
        json!({"kind": proposal.action.kind(), "execution": id, "action": proposal.action.kubectl()}),
    );
    step.incident.clear_since = None;
    step.incident.state = State::Executing {
        execution: Execution {
            id: id.clone(),
            proposal,
            decided: now,
            applied: None,
        },
    };
    step.effects.push(Effect::Execute { execution: id });
    step.incident.wake = Some(later(now, ctx.waits.idle_look));
}

fn within_budget(action: &Action, now: Timestamp, ctx: &Context<'_>) -> Result<(), String> {
    let done = ctx
        .executions
        .get(budget_key(action.target()))
        .map_or(&[][..], Vec::as_slice);
    let target = action.target();
    if let Some(last) = done.iter().max() {
        let rest = ctx
            .waits
            .target_pause
            .saturating_sub(now.duration_since(*last));
        if rest > SignedDuration::ZERO {
            return Err(format!(
                "{target} was changed {} ago. Heal waits {} between two changes of one object; try again in {}.",
                text::duration(now.duration_since(*last)),
                text::duration(ctx.waits.target_pause),
                text::duration(rest),
            ));
        }
    }
    let day = SignedDuration::from_hours(24);
    let today = done
        .iter()
        .filter(|at| now.duration_since(**at) < day)
        .count();
    if today >= ctx.waits.target_per_day as usize {
        return Err(format!(
            "{target} was changed {today} times in 24 h, which is the limit. A person should look at the cause."
        ));
    }
    Ok(())
}

fn dismiss(
    step: &mut Step,
    click: &Click,
    reason: DismissReason,
    comment: String,
    now: Timestamp,
    ctx: &Context<'_>,
) -> Result<ClickReply, String> {
    let incident = &step.incident;
    let proposal = current(incident, click)?;
    let kind = proposal.action.kind();
    ctx.policy
        .may_approve(&click.by, kind, &incident.owner.namespace)
        .map_err(|refusal| refusal.to_string())?;
    let by: Person = click.by.clone();
    step.note_down(
        &by.id,
        "decision.dismissed",
        json!({"kind": kind,
            "action": proposal.action.kubectl(), "reason": reason, "comment": comment,
        }),
    );
    step.tell(Note::Dismissed {
        by: by.clone(),
        reason,
        comment: comment.clone(),
    });
    step.wait(
        Why::Dismissed {
            by,
            at: now,
            reason,
            comment,
        },
        now,
        ctx,
    );
    Ok(ClickReply::Accepted)
}

fn check_again(
    step: &mut Step,
    click: &Click,
    now: Timestamp,
    ctx: &Context<'_>,
) -> Result<ClickReply, String> {
    ctx.policy
        .may_speak(&click.by)
        .map_err(|refusal| refusal.to_string())?;
    match &step.incident.state {
        State::Waiting { .. } => {}
        State::Proposed { proposal } if proposal.approvals.is_empty() => {}
        State::Inspecting { .. } | State::Preparing { .. } => return Ok(ClickReply::Accepted),
        _ => return Err("There is nothing to check again: a decision was made.".to_owned()),
    }
    step.note_down(&click.by.id, "incident.check_again", json!({}));
    inspect(step, None, now, ctx);
    Ok(ClickReply::Accepted)
}
