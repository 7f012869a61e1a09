//! The first half of an incident's life: evidence, diagnosis, candidates, dry run, offer.
use super::super::{
    action::Action,
    diagnosis::{self, Candidate, Case, Diagnosis},
    evidence::Evidence,
    memory::TrackRecord,
    proposal::{DryRun, Proposal},
    recovery::{Verdict, later},
};
use super::Note;
use super::step::{Context, workload_key};
use super::{Effect, Incident, State, Step, Why, following};
use jiff::Timestamp;
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

/// Whether a new fact about the cause may start another inspection: nothing is being done, and nobody has begun to approve.
pub(super) fn may_look_again(incident: &Incident) -> bool {
    match &incident.state {
        State::Inspecting { .. } | State::Preparing { .. } | State::Waiting { .. } => true,
        State::Proposed { proposal } => proposal.approvals.is_empty(),
        State::Executing { .. } | State::Verifying { .. } | State::Closed { .. } => false,
    }
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
            let unread = evidence.gaps.first().filter(|_| evidence.partial).cloned();
            diagnose(step, *evidence, undo, now, ctx);
            if let Some(error) = unread.filter(|_| has_nothing(&step.incident)) {
                // What could not be read may be what tells the cause, or the fix: Heal looks again.
                step.wait(Why::Blind { error }, now, ctx);
            }
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

/// Something could not be read: it is read again when a look gets an answer.
pub(super) fn is_blind(incident: &Incident) -> bool {
    matches!(
        incident.state,
        State::Waiting {
            why: Why::Blind { .. }
        }
    )
}

/// The diagnosis led to no offer.
fn has_nothing(incident: &Incident) -> bool {
    matches!(
        incident.state,
        State::Waiting {
            why: Why::NothingSafe | Why::Unknown
        }
    )
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
        forecast: incident.forecast.as_deref(),
        pace: ctx.pace,
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
    let candidates = rank(incident, &diagnosis, undo, ctx);
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

/// The candidates of a diagnosis that may still be offered, the most promising first.
fn rank(
    incident: &Incident,
    diagnosis: &Diagnosis,
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
    let mut fresh: Vec<Candidate> = diagnosis
        .candidates
        .iter()
        .filter(|candidate| ctx.allowed.contains(&candidate.action.kind()))
        .filter(|candidate| {
            // What was tried here and did not help, or was taken back, is not offered again.
            !incident.tries.iter().any(|done| {
                done.action.kind() == candidate.action.kind()
                    && !matches!(done.verdict, Verdict::Failed | Verdict::Inconclusive)
            })
        })
        .cloned()
        .collect();
    let score = |candidate: &Candidate| {
        let record = record_of(incident, &diagnosis.signature, &candidate.action, ctx);
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
