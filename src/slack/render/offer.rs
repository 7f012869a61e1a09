//! The card with an offer: everything that is needed to say yes or no.
use super::{
    Message,
    block::{Blocks, Confirm, Style, button},
    card::{APPROVE, DISMISS, Extras},
    clean, forecast,
    mrkdwn::{Markup, markup},
    parts::{cause, footer, headline, history, menu, place, sign, title},
    words,
};
use crate::domain::{
    action::{Action, Risk},
    incident::Incident,
    object::ObjectRef,
    proposal::Proposal,
    text::{clip, count},
};
use jiff::Timestamp;
use serde_json::Value;

/// Lines of the dry-run diff on the card; the others stand in the details.
const MAX_DIFF: usize = 8;

/// The card of an incident with an action on offer.
pub fn card(
    incident: &Incident,
    proposal: &Proposal,
    Extras { paused, picture }: Extras<'_>,
    now: Timestamp,
) -> Message {
    let mut blocks = Blocks::default();
    blocks.header(&title(&sign(incident), incident));
    blocks.context([place(incident), history(incident)]);
    forecast::part(&mut blocks, incident, picture);
    if let Some(diagnosis) = &incident.diagnosis {
        cause(&mut blocks, incident, diagnosis);
    }
    blocks.divider();
    blocks.section(markup!(
        "*Proposed: {}*\n{}",
        proposal.action.label(),
        words::sentence(&proposal.reason, 400)
    ));
    blocks.preformatted("", &proposal.action.kubectl());
    blocks.preformatted(
        "Dry run – this would change (now → then):",
        &diff(&proposal.dry_run.diff),
    );
    blocks.expendable();
    blocks.section(judgement(proposal));
    let expired = now >= proposal.expires;
    if let Some(block) = blocked(paused, expired) {
        blocks.section(block);
    }
    blocks.actions(buttons(incident, proposal, paused.is_none() && !expired));
    let ends = if expired {
        Markup::own("the offer has run out")
    } else {
        markup!("offer ends at {}", Markup::clock(proposal.expires))
    };
    blocks.context([footer(incident, ends)]);
    Message::new(text(incident, proposal, paused, expired), blocks)
}

/// Risk, track record, warnings and approvals so far.
fn judgement(proposal: &Proposal) -> Markup {
    let mut text = words::risk(proposal);
    text.line(markup!(
        "*Track record:* {}",
        words::record(&proposal.record)
    ));
    for warning in proposal.warnings.iter().take(5) {
        text.line(markup!("⚠️ {}", words::sentence(warning, 250)));
    }
    if proposal.approvals_needed > 1 {
        text.line(approvals(proposal));
    }
    text.clip(2_500)
}

/// "1 of 2 approvals: @ana at 03:14. One more person has to approve."
fn approvals(proposal: &Proposal) -> Markup {
    let needed = usize::from(proposal.approvals_needed);
    if proposal.approvals.is_empty() {
        return markup!("👥 *Needs {} people* to approve.", needed);
    }
    let people: Vec<Markup> = proposal
        .approvals
        .iter()
        .map(|approval| {
            markup!(
                "{} at {}",
                Markup::user(&approval.by.id),
                Markup::clock(approval.at)
            )
        })
        .collect();
    let missing = needed.saturating_sub(proposal.approvals.len());
    let rest = match missing {
        0 => Markup::default(),
        1 => Markup::own(". One more person has to approve."),
        n => markup!(". {} more people have to approve.", n),
    };
    markup!(
        "👥 *{} of {} approvals:* {}{}",
        proposal.approvals.len(),
        needed,
        Markup::join(&people, ", "),
        rest
    )
}

/// Why there is no button to approve with, if there is none.
fn blocked(paused: Option<&str>, expired: bool) -> Option<Markup> {
    match paused {
        Some(by) => Some(markup!(
            "⏸️ *Actions are paused* by {}. Nothing can be approved until somebody writes `/heal resume`.",
            Markup::user(by)
        )),
        None => expired.then(|| {
            Markup::own("⌛ *This offer has run out.* More → Check again makes a fresh one.")
        }),
    }
}

fn buttons(incident: &Incident, proposal: &Proposal, can_approve: bool) -> Vec<Value> {
    let mut buttons = Vec::new();
    if can_approve {
        let style = match proposal.risk {
            Risk::Low => Style::Primary,
            Risk::Medium => Style::Danger,
        };
        let label = proposal.action.label();
        let confirm = Confirm {
            title: format!("{label}?"),
            text: format!(
                "Cluster {}. {}",
                clean::cut(&incident.cluster, 40),
                effect(&proposal.action)
            ),
            yes: clip(&label, 30),
        };
        buttons.push(button(
            APPROVE,
            &label,
            &proposal.token,
            style,
            Some(confirm),
        ));
    }
    buttons.push(button(
        DISMISS,
        "Dismiss",
        &proposal.token,
        Style::Default,
        None,
    ));
    buttons.push(menu(incident));
    buttons
}

/// The effect, with names short enough for the dialog: it must still say at its end what happens.
fn effect(action: &Action) -> String {
    let shorten = |object: &mut ObjectRef| {
        object.namespace = clean::cut_middle(&object.namespace, 24);
        object.name = clean::cut_middle(&object.name, 36);
    };
    let mut action = action.clone();
    match &mut action {
        Action::RolloutUndo { target, .. }
        | Action::RolloutRestart { target }
        | Action::Scale { target, .. } => shorten(target),
        Action::SetMemoryLimit {
            target, container, ..
        } => {
            shorten(target);
            *container = clean::cut_middle(container, 24);
        }
        Action::DeletePod { pod, target } => {
            shorten(pod);
            shorten(target);
        }
    }
    action.effect()
}

fn diff(lines: &[String]) -> String {
    let mut shown: Vec<String> = lines
        .iter()
        .take(MAX_DIFF)
        .map(|line| {
            let line = clean::line(line);
            // Nearly all changes are in the pod's template: on a phone the path to it only pushes the change out of sight.
            let short = line.strip_prefix("spec.template.spec.").unwrap_or(&line);
            clean::cut(short, 200)
        })
        .collect();
    if lines.len() > MAX_DIFF {
        let hidden = i64::try_from(lines.len() - MAX_DIFF).unwrap_or(i64::MAX);
        shown.push(format!(
            "… {} more in More → Details",
            count(hidden, "line")
        ));
    }
    shown.join("\n")
}

/// What a screen reader says.
fn text(incident: &Incident, proposal: &Proposal, paused: Option<&str>, expired: bool) -> Markup {
    let cause = incident.diagnosis.as_ref().map_or_else(
        || Markup::own("Cause: not known."),
        |diagnosis| markup!("Cause: {}", words::sentence(&diagnosis.cause, 600)),
    );
    let decide = match (paused, expired) {
        (Some(by), _) => markup!(
            "Actions are paused by {}, so nothing can be approved now.",
            Markup::user(by)
        ),
        (None, true) => Markup::own("The offer has run out; Check again makes a fresh one."),
        (None, false) => markup!(
            "A decision is needed by {}: {} or Dismiss.",
            Markup::plain(&proposal.expires.strftime("%H:%M UTC").to_string()),
            proposal.action.label()
        ),
    };
    markup!(
        "{}: {}. {}{} Proposed: {}. Command: {}\n{} {} {}",
        sign(incident),
        headline(incident),
        forecast::spoken(incident),
        cause,
        proposal.action.label(),
        clean::cut(&proposal.action.kubectl(), 900),
        plain_risk(proposal.risk),
        decide,
        incident.id
    )
}

fn plain_risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "Risk: low.",
        Risk::Medium => "Risk: medium.",
    }
}
