//! The dialogs: why an offer is dismissed, and the details of an incident.
use super::{
    Message,
    block::{Blocks, option, plain_text},
    clean,
    mrkdwn::{Markup, markup},
    parts::{facts, headline, history, logs, place, sign, title},
    words,
};
use crate::domain::{
    diagnosis::Diagnosis,
    incident::{DismissReason, Incident, State},
    object::Kind,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// `callback_id` of the dismiss dialog.
pub const DISMISS_VIEW: &str = "dismiss";
/// `block_id` and `action_id` of the reason in it.
pub const REASON: &str = "reason";
/// `block_id` and `action_id` of the comment in it.
pub const COMMENT: &str = "comment";
/// The longest comment, in characters.
pub const COMMENT_LIMIT: usize = 500;

/// What the dismiss dialog is about; travels through Slack in its `private_metadata`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DismissTarget {
    /// The value of the button.
    pub token: String,
    /// Channel of the card.
    pub channel: String,
    /// Time stamp of the card.
    pub ts: String,
}

/// The dialog that asks why an offer is dismissed.
pub fn dismiss(target: &DismissTarget) -> Value {
    let reasons: Vec<Value> = DismissReason::ALL
        .into_iter()
        .map(|reason| option(reason.label(), reason.as_str()))
        .collect();
    json!({
        "type": "modal",
        "callback_id": DISMISS_VIEW,
        "private_metadata": json!(target).to_string(),
        "title": plain_text("Dismiss this fix", 24),
        "submit": plain_text("Dismiss", 24),
        "close": plain_text("Keep the offer", 24),
        "blocks": [
            {
                "type": "input",
                "block_id": REASON,
                "label": plain_text("Why?", 75),
                "element": {
                    "type": "radio_buttons",
                    "action_id": REASON,
                    "options": reasons,
                    "initial_option": reasons[0],
                },
            },
            {
                "type": "input",
                "block_id": COMMENT,
                "optional": true,
                "label": plain_text("What should the others know?", 75),
                "hint": plain_text("Shown in the thread. Heal changes nothing and keeps watching.", 150),
                "element": {
                    "type": "plain_text_input",
                    "action_id": COMMENT,
                    "multiline": true,
                    "max_length": COMMENT_LIMIT,
                },
            },
        ],
    })
}

/// The details as a dialog.
pub fn details_view(incident: &Incident) -> Value {
    json!({
        "type": "modal",
        "title": plain_text(&format!("Details of {}", incident.id), 24),
        "close": plain_text("Close", 24),
        "blocks": details(incident, None).blocks,
    })
}

/// Everything about an incident that does not fit on its card, with the commands to look for oneself. `card` is where its
/// card is: channel and time stamp.
pub fn details(incident: &Incident, card: Option<&(String, String)>) -> Message {
    let mut blocks = Blocks::default();
    blocks.header(&title(
        &format!("{} · {}", incident.id, stage(&incident.state)),
        incident,
    ));
    blocks.context([place(incident), history(incident)]);
    match &incident.diagnosis {
        Some(diagnosis) => diagnosed(&mut blocks, diagnosis),
        None => blocks.section(Markup::own("Heal has no diagnosis yet.")),
    }
    if let Some(proposal) = incident
        .proposal()
        .or_else(|| incident.execution().map(|execution| &execution.proposal))
    {
        blocks.preformatted("The fix:", &proposal.action.kubectl());
        let lines: Vec<String> = proposal
            .dry_run
            .diff
            .iter()
            .map(|line| clean::cut(&clean::line(line), 200))
            .collect();
        blocks.preformatted("What it changes (now → then):", &lines.join("\n"));
        blocks.expendable();
    }
    blocks.section(tries(incident));
    blocks.preformatted("Look for yourself:", &commands(incident).join("\n"));
    let place_of_card = card.map_or(Markup::default(), |(channel, _)| {
        markup!("Its card is in {}.", Markup::channel(channel))
    });
    blocks.context([place_of_card, ids(incident)]);
    let cause = incident
        .diagnosis
        .as_ref()
        .map_or(Markup::default(), |diagnosis| {
            words::sentence(&diagnosis.cause, 600)
        });
    let text = markup!(
        "{}, {}: {}. {}",
        incident.id,
        stage(&incident.state),
        headline(incident),
        cause
    );
    Message::new(text, blocks)
}

fn diagnosed(blocks: &mut Blocks, diagnosis: &Diagnosis) {
    let mut text = markup!("*Cause:* {}", words::sentence(&diagnosis.cause, 900));
    for fact in facts(diagnosis).take(12) {
        text.line(markup!("• {}", clean::cut(&clean::line(fact), 250)));
    }
    if let Some(advice) = &diagnosis.advice {
        text.line(markup!(
            "*What you can do:* {}",
            words::sentence(advice, 600)
        ));
    }
    blocks.section(text);
    logs(blocks, diagnosis, 4);
    let mut more = Markup::default();
    for detail in diagnosis.details.iter().take(30) {
        more.line(markup!("• {}", clean::cut(&clean::line(detail), 250)));
    }
    blocks.section(more);
    blocks.expendable();
}

/// Where it stands, in two or three words.
fn stage(state: &State) -> &'static str {
    match state {
        State::Inspecting { .. } | State::Preparing { .. } => "being diagnosed",
        State::Proposed { .. } => "needs a decision",
        State::Waiting { .. } => "needs a person",
        State::Executing { .. } => "running the fix",
        State::Verifying { .. } => "checking the fix",
        State::Closed { .. } => "closed",
    }
}

fn tries(incident: &Incident) -> Markup {
    let mut text = Markup::default();
    for tried in &incident.tries {
        if text.is_empty() {
            text.line(Markup::own("*Tried so far:*"));
        }
        text.line(markup!(
            "• {}: {} – {}",
            Markup::day_and_clock(tried.at),
            words::tried(tried),
            words::verdict(tried.verdict).1.to_lowercase()
        ));
    }
    text.clip(1_500)
}

/// Commands that change nothing.
fn commands(incident: &Incident) -> Vec<String> {
    let owner = &incident.owner;
    let name = quoted(&owner.name);
    let kind = quoted(&owner.kind.kubectl());
    if owner.namespace.is_empty() {
        return vec![
            format!("kubectl describe {kind} {name}"),
            format!("kubectl get pods -A -o wide --field-selector spec.nodeName={name}"),
        ];
    }
    let namespace = quoted(&owner.namespace);
    let mut commands = vec![format!("kubectl describe {kind} {name} -n {namespace}")];
    let subject = &incident.latest.subject;
    if subject.kind == Kind::Pod {
        let pod = quoted(&subject.name);
        commands.push(format!("kubectl describe pod {pod} -n {namespace}"));
        let container = incident
            .latest
            .container
            .as_ref()
            .map_or(String::new(), |container| {
                format!(" -c {}", quoted(container))
            });
        commands.push(format!(
            "kubectl logs {pod} -n {namespace}{container} --previous --tail=50"
        ));
    }
    if matches!(
        owner.kind,
        Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet
    ) {
        commands.push(format!(
            "kubectl rollout history {kind}/{name} -n {namespace}"
        ));
    }
    commands.push(format!(
        "kubectl get events -n {namespace} --sort-by=.lastTimestamp"
    ));
    commands
}

/// A word for a shell. Kubernetes' names need no quotes; anything else gets them, because people paste these lines.
fn quoted(word: &str) -> String {
    let word = clean::line(word);
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(harmless) {
        word
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn ids(incident: &Incident) -> Markup {
    let signature = incident
        .diagnosis
        .as_ref()
        .map_or("none yet", |diagnosis| &diagnosis.signature);
    let mut text = markup!(
        "{} · signature {} · family {}",
        sign(incident),
        Markup::code(&clean::cut(signature, 80)),
        incident.family.as_str()
    );
    if let Some(diagnosis) = &incident.diagnosis {
        text = markup!(
            "{} · sure of it: {} %",
            text,
            format!("{:.0}", diagnosis.confidence * 100.0)
        );
    }
    text.line(markup!(
        "uid {}",
        Markup::code(&clean::cut(&incident.owner.uid, 64))
    ));
    if let Some(execution) = incident.execution() {
        text = markup!(
            "{} · execution {}",
            text,
            Markup::code(&clean::cut(&execution.id, 64))
        );
    }
    text
}
