//! The state machine: `step(incident, input, now) → incident and effects`. Pure and total; this file routes, its siblings
//! hold the rest: [`super::offering`] until an offer stands, [`super::deciding`] until it is decided, [`super::following`] after that.
use super::super::{
    action::ActionKind, family::Family, forecast::Outlook, memory::Memory, object::ObjectRef,
    policy::Policy, recovery::later, report::Pause, signal::Signal, waits::Waits,
};
use super::{
    AuditEntry, ClickReply, Effect, Incident, IncidentId, Input, Latest, Lesson, Note, Runs, State,
    Step, Why, deciding, following, forecasting, offering,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::HashMap;

/// What a step may know beside the incident. All of it is data.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Waiting times.
    pub waits: &'a Waits,
    /// Every time of the rules about forecasts is multiplied by this; 1 in production.
    pub pace: f64,
    /// Who may decide.
    pub policy: &'a Policy,
    /// What worked before.
    pub memory: &'a Memory,
    /// The kill switch, if it is on.
    pub paused: Option<&'a Pause>,
    /// Executions of the last day, by uid of the target.
    pub executions: &'a HashMap<String, Vec<Timestamp>>,
    /// The actions that the configuration allows at all.
    pub allowed: &'a [ActionKind],
    /// Revisions that were seen healthy, by workload uid and revision name.
    pub healthy: &'a HashMap<(String, String), Timestamp>,
}

/// What a new incident is given by the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// Its id.
    pub id: IncidentId,
    /// Random text for its button values.
    pub seed: String,
    /// The silence that covers it, if one does.
    pub muted: Option<u32>,
    /// Closed incidents of the same key in the last day, newest first.
    pub before: Vec<IncidentId>,
    /// What is expected of the memory of the signal's container, if a forecast stands.
    pub forecast: Option<Box<Outlook>>,
}

/// Opens an incident for a signal that belongs to none.
pub fn open(opening: Opening, signal: &Signal, now: Timestamp, ctx: &Context<'_>) -> Step {
    let incident = Incident {
        id: opening.id,
        cluster: signal.cluster.clone(),
        owner: signal.owner.clone(),
        family: signal.family,
        opened: now,
        latest: latest(signal),
        signals: 1,
        runs: signal.run.as_ref().map(Runs::begin),
        state: State::Inspecting {
            since: now,
            attempts: 0,
            undo: None,
        },
        diagnosis: None,
        managed_by: None,
        forecast: opening.forecast,
        tries: Vec::new(),
        muted: opening.muted,
        clear_since: None,
        request: 0,
        proposals: 0,
        wake: None,
        seed: opening.seed,
        before: opening.before,
    };
    let mut step = Step::of(incident);
    step.note_down("heal", "incident.opened", json!({
        "owner": signal.owner.to_string(), "family": signal.family, "reason": signal.reason, "signal": signal.key,
        "muted_by_silence": opening.muted,
    }));
    offering::inspect(&mut step, None, now, ctx);
    step
}

/// Applies one input.
pub fn step(incident: Incident, input: Input, now: Timestamp, ctx: &Context<'_>) -> Step {
    let mut step = Step::of(incident);
    match input {
        Input::Signal(signal) => on_signal(&mut step, &signal, now, ctx),
        Input::LooksClear => {
            if matches!(
                step.incident.state,
                State::Proposed { .. } | State::Waiting { .. }
            ) {
                step.observe();
            }
        }
        Input::Inspected { request, result } => {
            offering::inspected(&mut step, request, result, now, ctx)
        }
        Input::DryRan { request, result } => {
            offering::dry_ran(&mut step, request, result, now, ctx)
        }
        Input::Executed { execution, outcome } => {
            following::executed(&mut step, &execution, outcome, now, ctx)
        }
        Input::Observed { request, result } => {
            if request == step.incident.request {
                following::observed(&mut step, result, now, ctx);
            }
        }
        Input::Click(click) => deciding::click(&mut step, click, now, ctx),
        Input::Wake => on_wake(&mut step, now, ctx),
        Input::Muted(silence) => step.incident.muted = silence,
        Input::Forecast(outlook) => forecasting::forecast(&mut step, outlook, now, ctx),
        Input::RunEnded(end) => forecasting::run_ended(&mut step, &end, now, ctx),
    }
    if step.incident.is_closed() {
        step.incident.wake = None;
    }
    step
}

pub(super) fn latest(signal: &Signal) -> Latest {
    Latest {
        at: signal.at,
        subject: signal.subject.clone(),
        container: signal.container.clone(),
        reason: signal.reason.clone(),
        message: signal.message.clone(),
    }
}

/// After an inspection that knew nothing, another signal is worth another inspection, but not more often than this.
const INSPECT_AGAIN: SignedDuration = SignedDuration::from_secs(5);

fn on_signal(step: &mut Step, signal: &Signal, now: Timestamp, ctx: &Context<'_>) {
    let incident = &mut step.incident;
    if incident.is_closed() {
        return;
    }
    if forecasting::came_true(incident, signal) {
        incident.signals += 1;
        incident.latest = latest(signal);
        return forecasting::kill_came(step, signal.at, now, ctx);
    }
    let known_for = now.duration_since(incident.latest.at);
    incident.signals += 1;
    incident.clear_since = None;
    let another_run = signal
        .run
        .as_ref()
        .is_some_and(|run| match &mut incident.runs {
            Some(runs) => runs.take(run),
            none => {
                *none = Some(Runs::begin(run));
                true
            }
        });
    if another_run && may_look_at_another_run(incident) {
        // The latest run is what people can still look at, and may fail for another reason.
        incident.family = signal.family;
        incident.latest = latest(signal);
        return offering::inspect(step, None, now, ctx);
    }
    let family = Family::merged(incident.family, signal.family);
    let sharper = family != incident.family;
    // A weak signal (a missed deadline) does not replace what a specific one said (which pod, which container).
    if signal.family == family || !incident.family.is_weak() && signal.family == incident.family {
        incident.latest = latest(signal);
    }
    incident.family = family;
    let again = match &incident.state {
        State::Inspecting { .. } | State::Preparing { .. } => sharper,
        State::Proposed { proposal } => sharper && proposal.approvals.is_empty(),
        State::Waiting {
            why: Why::Dismissed { .. } | Why::NeedsHuman { .. } | Why::Expired { .. },
        } => false,
        State::Waiting {
            why: Why::Unknown | Why::Blind { .. } | Why::Cleared,
        } => sharper || known_for >= INSPECT_AGAIN,
        State::Waiting { .. } => sharper,
        State::Executing { .. } | State::Verifying { .. } | State::Closed { .. } => false,
    };
    if again {
        offering::inspect(step, None, now, ctx);
    }
}

/// Whether another failed run of a CronJob is looked into: unless a person or an execution has begun with it.
fn may_look_at_another_run(incident: &Incident) -> bool {
    let decided = matches!(
        incident.state,
        State::Waiting {
            why: Why::Dismissed { .. } | Why::NeedsHuman { .. } | Why::Expired { .. }
        }
    );
    offering::may_look_again(incident) && !decided && incident.family != Family::Forecast
}

fn on_wake(step: &mut Step, now: Timestamp, ctx: &Context<'_>) {
    match &step.incident.state {
        State::Inspecting { .. } | State::Preparing { .. } => offering::overdue(step, now, ctx),
        State::Proposed { proposal } if now >= proposal.expires => deciding::expire(step, now, ctx),
        State::Proposed { .. } | State::Waiting { .. } => {
            step.observe();
            step.rest(now, ctx);
        }
        // The executor answers in the end, and after a restart it is asked again: nothing to do but to stay awake.
        State::Executing { .. } => step.incident.wake = Some(later(now, ctx.waits.idle_look)),
        State::Verifying { .. } => following::look_again(step, now, ctx),
        State::Closed { .. } => {}
    }
}

impl Step {
    /// A step that has changed nothing yet.
    pub(super) fn of(incident: Incident) -> Self {
        Self {
            incident,
            effects: Vec::new(),
            audit: Vec::new(),
            lesson: None,
            reply: None,
        }
    }

    /// Adds a line to the audit log.
    pub(super) fn note_down(&mut self, actor: &str, what: &str, detail: Value) {
        self.audit.push(AuditEntry {
            actor: actor.to_owned(),
            what: what.to_owned(),
            detail,
        });
    }

    /// Says something in the thread.
    pub(super) fn tell(&mut self, note: Note) {
        self.effects.push(Effect::Tell { note });
    }

    /// Sets the answer to a click.
    pub(super) fn answer(&mut self, reply: ClickReply) {
        self.reply = Some(reply);
    }

    /// A number for a new request; answers to older ones are ignored from now on.
    pub(super) fn new_request(&mut self) -> u64 {
        self.incident.request += 1;
        self.incident.request
    }

    /// Asks for a look at the owner.
    pub(super) fn observe(&mut self) {
        let request = self.new_request();
        self.effects.push(Effect::Observe { request });
    }

    /// Sets the alarm of an incident that waits for people: the next look, or the expiry if that comes first.
    pub(super) fn rest(&mut self, now: Timestamp, ctx: &Context<'_>) {
        let incident = &mut self.incident;
        let pause = match incident.clear_since {
            Some(_) => ctx.waits.look,
            // What is old and still broken changes seldom; a watch that sees a change looks sooner.
            None if now.duration_since(incident.opened)
                > ctx.waits.idle_look.saturating_mul(30) =>
            {
                ctx.waits.idle_look.saturating_mul(5)
            }
            None => ctx.waits.idle_look,
        };
        let next = later(now, pause);
        incident.wake = Some(
            incident
                .proposal()
                .map_or(next, |proposal| next.min(proposal.expires)),
        );
    }

    /// Puts the incident where nothing is on offer.
    pub(super) fn wait(&mut self, why: Why, now: Timestamp, ctx: &Context<'_>) {
        self.incident.state = State::Waiting { why };
        self.rest(now, ctx);
    }

    /// What the memory learns from the end of an execution.
    pub(super) fn learn(&mut self, lesson: Lesson) {
        self.lesson = Some(lesson);
    }
}

/// The key under which an incident's action is remembered.
pub(super) fn workload_key(incident: &Incident) -> String {
    Memory::workload(&incident.cluster, &incident.owner)
}

/// Whether two references are the same workload for the action budget.
pub(super) fn budget_key(target: &ObjectRef) -> &str {
    &target.uid
}
