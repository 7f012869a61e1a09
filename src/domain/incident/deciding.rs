//! The first half of an incident's life: inspect, diagnose, offer, decide.
use super::super::{
    action::Action,
    diagnosis::{self, Candidate, Case},
    evidence::Evidence,
    memory::TrackRecord,
    policy::Person,
    proposal::{Approval, DryRun, Proposal},
    recovery::{Verdict, later},
    text,
};
use super::step::{Context, budget_key, workload_key};
use super::{
    Click, ClickKind, ClickReply, DismissReason, Effect, Execution, Incident, Note, State, Step,
    Why, following,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// An inspection or a dry run is tried this often before Heal says that it cannot see.
const ATTEMPTS: u32 = 3;
/// After this many tries that did not help, a person has to look.
const MAX_TRIES: usize = 2;
/// Where an untried action stands among tried ones: about the lower bound of one success in one try.
const UNTRIED: f64 = 0.2;

/// Starts an inspection.
pub(super) fn inspect(step: &mut Step, undo: Option<Action>, now: Timestamp, ctx: &Context<'_>) {
    step.incident.state = State::Inspecting {
        since: now,
        attempts: 0,
        undo,
    };
    ask_for_evidence(step, now, ctx);
}

fn ask_for_evidence(step: &mut Step, now: Timestamp, ctx: &Context<'_>) {
    let request = step.new_request();
    step.effects.push(Effect::Inspect { request });
    step.incident.wake = Some(later(now, ctx.waits.inspect));
}

/// No answer came in time, or a pause after a failed attempt is over.
pub(super) fn overdue(step: &mut Step, now: Timestamp, ctx: &Context<'_>) {
    match &mut step.incident.state {
        State::Inspecting { attempts, .. } => {
            *attempts += 1;
            if *attempts >= ATTEMPTS {
                let error = "the cluster did not answer in time".to_owned();
                step.wait(Why::Blind { error }, now, ctx);
            } else {
                ask_for_evidence(step, now, ctx);
            }
        }
        State::Preparing {
            attempts,
            candidates,
            ..
        } => {
            *attempts += 1;
            let action = candidates.first().map(|candidate| candidate.action.clone());
            match action {
                Some(action) if *attempts < ATTEMPTS => ask_for_dry_run(step, action, now, ctx),
                _ => step.wait(
                    Why::Blind {
                        error: "the dry run got no answer".to_owned(),
                    },
                    now,
                    ctx,
                ),
            }
        }
        _ => {}
    }
}

/// The evidence is there, or cannot be had.
pub(super) fn inspected(
    step: &mut Step,
    request: u64,
    result: Result<Box<Evidence>, String>,
    now: Timestamp,
    ctx: &Context<'_>,
) {
    if request != step.incident.request {
        return;
    }
    let State::Inspecting { attempts, undo, .. } = &mut step.incident.state else {
        return;
    };
    match result {
        Ok(evidence) => {
            let undo = undo.take();
            diagnose(step, *evidence, undo, now, ctx);
        }
        Err(error) => {
            *attempts += 1;
            if *attempts >= ATTEMPTS {
                step.wait(Why::Blind { error }, now, ctx);
            } else {
                // The answer came; the next attempt is due after a pause, and counts as that alarm.
                *attempts -= 1;
                step.incident.wake = Some(later(now, ctx.waits.retry));
            }
        }
    }
}

fn diagnose(
    step: &mut Step,
    mut evidence: Evidence,
    undo: Option<Action>,
    now: Timestamp,
    ctx: &Context<'_>,
) {
    let incident = &mut step.incident;
    let nothing_left =
        evidence.workload.is_none() && evidence.node.is_none() && evidence.pods.is_empty();
    if nothing_left && evidence.gaps.is_empty() {
        return following::close(
            step,
            Verdict::TargetGone,
            "the object is gone".to_owned(),
            None,
            now,
        );
    }
    for revision in &mut evidence.revisions {
        let key = (incident.owner.uid.clone(), revision.name.clone());
        revision.seen_healthy = ctx.healthy.get(&key).copied();
    }
    let case = Case {
        owner: &incident.owner,
        family: incident.family,
        container: incident.latest.container.as_deref(),
        reason: &incident.latest.reason,
        message: &incident.latest.message,
        evidence: &evidence,
        now,
    };
    let mut diagnosis = diagnosis::diagnose(&case);
    // What could not be read belongs to the truth about a diagnosis.
    diagnosis.details.extend(
        evidence
            .gaps
            .iter()
            .map(|gap| format!("Could not be read: {gap}")),
    );
    incident.managed_by = evidence
        .workload
        .as_ref()
        .and_then(|workload| workload.managed_by.clone());
    incident.family = diagnosis.family;
    let changed = incident
        .diagnosis
        .as_ref()
        .is_some_and(|before| before.signature != diagnosis.signature);
    let (headline, cause) = (diagnosis.headline.clone(), diagnosis.cause.clone());
    let unknown = diagnosis.signature.starts_with("unknown");
    let candidates = rank(incident, diagnosis.candidates.clone(), undo, ctx);
    let tried_enough = ineffective(incident) >= MAX_TRIES;
    step.note_down("heal", "incident.diagnosed", json!({
        "signature": diagnosis.signature, "cause": diagnosis.cause, "confidence": diagnosis.confidence,
        "candidates": candidates.iter().map(|candidate| candidate.action.kubectl()).collect::<Vec<_>>(),
    }));
    step.incident.diagnosis = Some(diagnosis);
    if changed {
        step.tell(Note::NewCause { headline, cause });
    }
    if candidates.is_empty() {
        let why = match (tried_enough, unknown) {
            (true, _) => Why::NeedsHuman {
                detail: "Two fixes did not help.".to_owned(),
            },
            (_, true) => Why::Unknown,
            _ => Why::NothingSafe,
        };
        return step.wait(why, now, ctx);
    }
    prepare(step, candidates, now, ctx);
}

/// How many tries on this incident did not help.
fn ineffective(incident: &Incident) -> usize {
    incident
        .tries
        .iter()
        .filter(|done| done.verdict.lesson() == Some(false))
        .count()
}

/// The candidates that may still be offered, the most promising first.
fn rank(
    incident: &Incident,
    candidates: Vec<Candidate>,
    undo: Option<Action>,
    ctx: &Context<'_>,
) -> Vec<Candidate> {
    let undo = undo.map(|action| Candidate {
        action,
        reason: "The last change made it worse: this takes it back.".to_owned(),
        warnings: Vec::new(),
    });
    if ineffective(incident) >= MAX_TRIES {
        return undo.into_iter().collect();
    }
    let signature = incident
        .diagnosis
        .as_ref()
        .map_or("", |diagnosis| &diagnosis.signature)
        .to_owned();
    let mut fresh: Vec<Candidate> = candidates
        .into_iter()
        .filter(|candidate| ctx.allowed.contains(&candidate.action.kind()))
        .filter(|candidate| {
            // What was tried here and did not help, or was taken back, is not offered again.
            !incident.tries.iter().any(|done| {
                done.action.kind() == candidate.action.kind()
                    && !matches!(done.verdict, Verdict::Failed | Verdict::Inconclusive)
            })
        })
        .collect();
    let score = |candidate: &Candidate| {
        let record = record_of(incident, &signature, &candidate.action, ctx);
        if record.anywhere.n() == 0 {
            UNTRIED
        } else {
            record.rank()
        }
    };
    fresh.sort_by(|a, b| score(b).total_cmp(&score(a)));
    undo.into_iter().chain(fresh).collect()
}

fn record_of(
    incident: &Incident,
    signature: &str,
    action: &Action,
    ctx: &Context<'_>,
) -> TrackRecord {
    ctx.memory
        .record(signature, action.kind(), &workload_key(incident))
}

/// Asks the server what the first candidate would do.
fn prepare(step: &mut Step, candidates: Vec<Candidate>, now: Timestamp, ctx: &Context<'_>) {
    let Some(first) = candidates.first() else {
        return step.wait(Why::NothingSafe, now, ctx);
    };
    let action = first.action.clone();
    step.incident.state = State::Preparing {
        candidates,
        since: now,
        attempts: 0,
    };
    ask_for_dry_run(step, action, now, ctx);
}

fn ask_for_dry_run(step: &mut Step, action: Action, now: Timestamp, ctx: &Context<'_>) {
    let request = step.new_request();
    step.effects.push(Effect::DryRun { request, action });
    step.incident.wake = Some(later(now, ctx.waits.inspect));
}

/// The dry run is there: an offer, the next candidate, or none.
pub(super) fn dry_ran(
    step: &mut Step,
    request: u64,
    result: Result<DryRun, String>,
    now: Timestamp,
    ctx: &Context<'_>,
) {
    if request != step.incident.request {
        return;
    }
    let State::Preparing { candidates, .. } = &mut step.incident.state else {
        return;
    };
    match result {
        // The alarm that is set tries again.
        Err(_) => step.incident.wake = Some(later(now, ctx.waits.retry)),
        Ok(dry_run) => {
            let mut rest = std::mem::take(candidates);
            let candidate = rest.remove(0);
            match dry_run.refusal.clone() {
                None => offer(step, candidate, dry_run, now, ctx),
                Some(refusal) => {
                    step.note_down(
                        "heal",
                        "proposal.refused_by_server",
                        json!({
                            "action": candidate.action.kubectl(), "refusal": refusal,
                        }),
                    );
                    if rest.is_empty() {
                        step.wait(
                            Why::Refused {
                                action: candidate.action,
                                refusal,
                            },
                            now,
                            ctx,
                        );
                    } else {
                        prepare(step, rest, now, ctx);
                    }
                }
            }
        }
    }
}

fn offer(
    step: &mut Step,
    candidate: Candidate,
    dry_run: DryRun,
    now: Timestamp,
    ctx: &Context<'_>,
) {
    let incident = &mut step.incident;
    incident.proposals += 1;
    let signature = incident
        .diagnosis
        .as_ref()
        .map_or("", |diagnosis| &diagnosis.signature)
        .to_owned();
    let record = record_of(incident, &signature, &candidate.action, ctx);
    let kind = candidate.action.kind();
    let proposal = Proposal {
        number: incident.proposals,
        token: incident.token(),
        reason: candidate.reason,
        risk: kind.risk(),
        dry_run,
        record,
        warnings: candidate.warnings,
        expires: later(now, ctx.waits.approval),
        approvals: Vec::new(),
        approvals_needed: ctx.policy.approvals_needed(kind, &incident.owner.namespace),
        action: candidate.action,
    };
    step.note_down("heal", "proposal.offered", json!({"kind": proposal.action.kind(), 
        "proposal": proposal.number, "action": proposal.action.kubectl(), "diff": proposal.dry_run.diff,
        "expires": proposal.expires, "approvals_needed": proposal.approvals_needed,
    }));
    step.incident.state = State::Proposed { proposal };
    step.rest(now, ctx);
}

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
            step.note_down(
                &click.by.id,
                "click.refused",
                json!({"button": button, "why": refusal}),
            );
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
