//! Slack's limits as a check for tests, a plain-text view of messages to pin, and the property that hostile text stays harmless.
use super::{Message, clean::units, digest::digest, modal, note::note, reply, sample};
use crate::domain::{
    diagnosis::Proof,
    incident::{ClickReply, DismissReason, Incident, Note, State, Why},
    memory::TrackRecord,
    object::ObjectRef,
    policy::Person,
    recovery::Verdict,
    report::{Pause, Report},
    view::GitOps,
};
use jiff::SignedDuration;
use proptest::prelude::*;
use regex::Regex;
use serde_json::Value;
use std::{collections::HashSet, sync::LazyLock};

/// What a person sees, as text: one block after the other.
pub fn seen(message: &Message) -> String {
    let blocks = message.blocks.as_array().unwrap();
    let lines: Vec<String> = blocks.iter().map(seen_block).collect();
    format!("{}\n=\n{}", lines.join("\n"), message.text)
}

fn seen_block(block: &Value) -> String {
    let text = |value: &Value| value["text"].as_str().unwrap_or_default().to_owned();
    match block["type"].as_str().unwrap() {
        "header" => format!("# {}", text(&block["text"])),
        "section" if block["accessory"].is_object() => format!(
            "{}\n{}",
            text(&block["text"]),
            seen_element(&block["accessory"])
        ),
        "section" => text(&block["text"]),
        "context" => format!("({})", text(&block["elements"][0])),
        "divider" => "---".to_owned(),
        "image" => format!(
            "[picture {}: {}]",
            block["slack_file"]["id"].as_str().unwrap(),
            block["alt_text"].as_str().unwrap()
        ),
        "rich_text" => {
            let part = |part: &Value| {
                let words = text(&part["elements"][0]);
                match part["type"].as_str() {
                    Some("rich_text_preformatted") => {
                        format!("  | {}", words.replace('\n', "\n  | "))
                    }
                    _ => words,
                }
            };
            let parts: Vec<String> = block["elements"]
                .as_array()
                .unwrap()
                .iter()
                .map(part)
                .collect();
            parts.join("\n")
        }
        "actions" => {
            let all: Vec<String> = block["elements"]
                .as_array()
                .unwrap()
                .iter()
                .map(seen_element)
                .collect();
            all.join(" ")
        }
        other => panic!("unknown block {other}"),
    }
}

fn seen_element(element: &Value) -> String {
    let words = |value: &Value| {
        value["text"]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    if element["type"] == "overflow" {
        let options: Vec<String> = element["options"]
            .as_array()
            .unwrap()
            .iter()
            .map(words)
            .collect();
        return format!("[⋯ {}]", options.join(", "));
    }
    let mut text = format!("[{}", words(element));
    if let Some(style) = element["style"].as_str() {
        text += &format!(" ({style})");
    }
    text += "]";
    if let Some(confirm) = element.get("confirm") {
        let say = |name: &str| confirm[name]["text"].as_str().unwrap().to_owned();
        text += &format!(
            "?{{{} / {} / {} / {}}}",
            say("title"),
            say("text"),
            say("confirm"),
            say("deny")
        );
    }
    text
}

/// Everything that Slack would refuse in a message.
pub fn problems(message: &Message) -> Vec<String> {
    let mut problems = of_blocks(&message.blocks, 50);
    if !(1..=3_900).contains(&units(&message.text)) {
        problems.push(format!("text of {}", units(&message.text)));
    }
    live(&message.text, "text", &mut problems);
    problems
}

/// Everything that Slack would refuse in the blocks of a message or a view.
pub fn of_blocks(blocks: &Value, most: usize) -> Vec<String> {
    let mut problems = Vec::new();
    let all = blocks.as_array().unwrap();
    if !(1..=most).contains(&all.len()) {
        problems.push(format!("{} blocks", all.len()));
    }
    let ids: HashSet<&str> = all
        .iter()
        .map(|b| b["block_id"].as_str().unwrap())
        .collect();
    if ids.len() != all.len() {
        problems.push("block ids are not unique".into());
    }
    let mut total = 0;
    for block in all {
        total += walk(block, &mut problems);
        let len = |value: &Value| units(value["text"].as_str().unwrap_or_default());
        let limit = |what: &str, n: usize, most: usize, problems: &mut Vec<String>| {
            if !(1..=most).contains(&n) {
                problems.push(format!("{what} of {n}"));
            }
        };
        match block["type"].as_str().unwrap() {
            "header" => limit("header", len(&block["text"]), 150, &mut problems),
            "section" => limit("section", len(&block["text"]), 3_000, &mut problems),
            "context" => {
                let elements = block["elements"].as_array().unwrap();
                limit("context", elements.len(), 10, &mut problems);
                elements
                    .iter()
                    .for_each(|e| limit("context text", len(e), 3_000, &mut problems));
            }
            "image" => {
                let alt = units(block["alt_text"].as_str().unwrap());
                limit("alternative text", alt, 2_000, &mut problems);
            }
            "actions" => {
                let elements = block["elements"].as_array().unwrap();
                limit("actions", elements.len(), 25, &mut problems);
                let ids: HashSet<&str> = elements
                    .iter()
                    .map(|e| e["action_id"].as_str().unwrap())
                    .collect();
                if ids.len() != elements.len() {
                    problems.push("action ids are not unique".into());
                }
            }
            "rich_text" => {
                for part in block["elements"].as_array().unwrap() {
                    for element in part["elements"].as_array().unwrap() {
                        limit("rich text", len(element), 3_000, &mut problems);
                        assert_eq!(element["type"], "text");
                    }
                }
            }
            _ => {}
        }
    }
    if total > 12_000 {
        problems.push(format!("{total} units in all"));
    }
    problems
}

/// Walks one block: limits of elements, and that no foreign text is alive in markup. Returns its units of text.
fn walk(value: &Value, problems: &mut Vec<String>) -> usize {
    match value {
        Value::Array(items) => items.iter().map(|item| walk(item, problems)).sum(),
        Value::Object(fields) => {
            let text_of = |name: &str| value[name]["text"].as_str().map_or(0, units);
            match value["type"].as_str() {
                Some("button") if text_of("text") > 75 => problems.push("button".into()),
                Some("overflow")
                    if !(2..=5).contains(&value["options"].as_array().unwrap().len()) =>
                {
                    problems.push("overflow".into());
                }
                Some("mrkdwn" | "plain_text") => {
                    live(value["text"].as_str().unwrap(), "markup", problems)
                }
                _ => {}
            }
            for name in ["action_id", "block_id"] {
                if value
                    .get(name)
                    .is_some_and(|id| units(id.as_str().unwrap()) > 255)
                {
                    problems.push(name.into());
                }
            }
            if value
                .get("value")
                .is_some_and(|v| v.as_str().is_some_and(|v| units(v) > 2_000))
            {
                problems.push("value".into());
            }
            if let Some(confirm) = value.get("confirm").filter(|c| c.get("deny").is_some()) {
                for (name, most) in [("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)] {
                    if !(1..=most).contains(&units(confirm[name]["text"].as_str().unwrap())) {
                        problems.push(format!("confirm {name}"));
                    }
                }
            }
            fields
                .iter()
                .map(|(name, value)| match value {
                    Value::String(text) if name == "text" => units(text),
                    other => walk(other, problems),
                })
                .sum()
        }
        _ => 0,
    }
}

/// Live tokens: only dates, and people and channels that the tests use.
fn live(text: &str, place: &str, problems: &mut Vec<String>) {
    static OWN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"<(@U0[A-Z]+|#C1|!subteam\^S1|!date\^\d+\^[^|<>]*\|[^|<>]*)>").unwrap()
    });
    static ENTITY: LazyLock<Regex> = LazyLock::new(|| Regex::new("&(?:amp|lt|gt);").unwrap());
    let rest = OWN.replace_all(text, "");
    if rest.contains('<') || rest.contains('>') {
        problems.push(format!("unescaped in {place}: {rest}"));
    }
    if ENTITY.replace_all(&rest, "").contains('&') {
        problems.push(format!("a broken entity in {place}: {rest}"));
    }
    if rest.contains("```") || rest.matches('`').count() % 2 == 1 {
        problems.push(format!("an open code span in {place}: {rest}"));
    }
    if rest
        .chars()
        .any(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'))
    {
        problems.push(format!("an invisible character in {place}"));
    }
}

/// An incident with this text in every place where foreign text can be.
fn infested(mut incident: Incident, text: &str) -> Incident {
    let object = || ObjectRef::new(text, text, text, text);
    incident.owner = object();
    incident.cluster = text.into();
    incident.latest.subject = object();
    incident.latest.message = text.into();
    incident.latest.reason = text.into();
    incident.latest.container = Some(text.into());
    incident.managed_by = Some(GitOps {
        tool: text.into(),
        name: Some(text.into()),
    });
    if let Some(outlook) = &mut incident.forecast {
        outlook.owner = object();
        outlook.pod = object();
        outlook.container = text.into();
        outlook.why = text.into();
    }
    if let Some(diagnosis) = &mut incident.diagnosis {
        diagnosis.cause = text.into();
        diagnosis.headline = text.into();
        diagnosis.signature = text.into();
        diagnosis.advice = Some(text.into());
        diagnosis.details = vec![text.into(); 40];
        diagnosis.proof = vec![Proof::Fact { text: text.into() }; 8];
        diagnosis.proof.extend(vec![
            Proof::Log {
                title: text.into(),
                lines: vec![text.into(); 8]
            };
            4
        ]);
    }
    match &mut incident.state {
        State::Proposed { proposal } => infest(proposal, text),
        State::Executing { execution } | State::Verifying { execution, .. } => {
            infest(&mut execution.proposal, text)
        }
        State::Closed {
            detail, execution, ..
        } => {
            *detail = text.into();
            if let Some(execution) = execution {
                infest(&mut execution.proposal, text);
                execution.id = text.into();
            }
        }
        State::Waiting { why } => match why {
            Why::Blind { error: words }
            | Why::Refused { refusal: words, .. }
            | Why::NeedsHuman { detail: words } => *words = text.into(),
            Why::Dismissed { comment, .. } => *comment = text.into(),
            _ => {}
        },
        _ => {}
    }
    incident
}

fn infest(proposal: &mut crate::domain::proposal::Proposal, text: &str) {
    use crate::domain::action::Action;
    let object = || ObjectRef::new(text, text, text, text);
    match &mut proposal.action {
        Action::SetMemoryLimit {
            target, container, ..
        } => {
            *target = object();
            *container = text.into();
        }
        Action::RolloutUndo { target, .. } => *target = object(),
        _ => {}
    }
    proposal.reason = text.into();
    proposal.warnings = vec![text.into(); 8];
    proposal.dry_run.diff = vec![text.into(); 20];
}

fn notes(text: &str) -> Vec<Note> {
    let action = sample::raise();
    vec![
        Note::NotDone {
            action: action.clone(),
            why: text.into(),
        },
        Note::Progress {
            execution: text.into(),
            summary: text.into(),
            clear: None,
        },
        Note::Verdict {
            verdict: Verdict::Ineffective,
            detail: text.into(),
            took: SignedDuration::from_secs(9),
            action: Some(action),
            record: Some(TrackRecord::default()),
        },
        Note::Dismissed {
            by: sample::ana(),
            reason: DismissReason::Other,
            comment: text.into(),
        },
        Note::NewCause {
            headline: text.into(),
            cause: text.into(),
        },
        Note::FirstApproval {
            by: Person {
                id: text.into(),
                ..sample::ana()
            },
            needed: 2,
        },
    ]
}

/// Text as bad as it gets: markup, escapes, invisible characters, nothing, and very long.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<!channel>".to_owned()),
        Just("<@UEVIL>".to_owned()),
        Just("<https://evil|click>".to_owned()),
        Just("```".to_owned()),
        Just("`*_~".to_owned()),
        Just("&lt;!here&gt;".to_owned()),
        Just("&".to_owned()),
        Just("\u{202e}\u{200b}\r\n\t".to_owned()),
        Just("\u{1b}[31m".to_owned()),
        Just("<!date^1^{time}|".to_owned()),
        "\\PC{0,8}",
        "[a-z.-]{0,30}",
    ];
    (
        prop::collection::vec(piece, 0..12),
        prop_oneof![Just(1usize), Just(1), Just(8), Just(40)],
    )
        .prop_map(|(pieces, times)| pieces.concat().repeat(times))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_foreign_text_comes_alive_or_makes_a_message_that_slack_refuses(text in hostile()) {
        for incident in sample::every_state() {
            let incident = infested(incident, &text);
            for paused in [None, Some("U0BEN")] {
                let extras = super::card::Extras {
                    paused,
                    picture: Some("F0PIC"),
                };
                let card = super::card::card_with(&incident, extras, sample::at(0));
                prop_assert_eq!(problems(&card), Vec::<String>::new());
            }
            prop_assert_eq!(problems(&modal::details(&incident, None)), Vec::<String>::new());
        }
        let incident = infested(sample::proposed(sample::proposal()), &text);
        for said in notes(&text) {
            prop_assert_eq!(problems(&note(&incident, &said)), Vec::<String>::new());
        }
        let many = vec![&incident; 150];
        prop_assert_eq!(problems(&digest(&many, sample::at(0))), Vec::<String>::new());
        let pause = Pause { by: text.clone(), since: sample::at(0), reason: text.clone() };
        for report in [Report::Paused(pause), Report::Refused(format!("{text} <@U0ANA>")), Report::Incident(Box::new(incident), Some(("C1".into(), text.clone())))] {
            let message = reply::report(&report);
            // A refusal keeps real mentions alive: it is made of Heal's own words.
            let found: Vec<String> = problems(&message).into_iter().filter(|p| !p.contains("<@UEVIL>")).collect();
            prop_assert_eq!(found, Vec::<String>::new());
        }
        let answer = reply::click(&ClickReply::Refused(text)).unwrap();
        prop_assert!(!answer.as_str().contains("<!"));
    }
}

#[test]
fn the_check_itself_finds_what_slack_refuses() {
    let block = |text: &str| serde_json::json!([{"type": "section", "block_id": "1", "text": {"type": "mrkdwn", "text": text}}]);
    assert!(of_blocks(&block(&"x".repeat(3_001)), 50).contains(&"section of 3001".to_owned()));
    assert_eq!(
        of_blocks(&block("a <!channel> b"), 50),
        ["unescaped in markup: a <!channel> b"]
    );
    assert_eq!(
        of_blocks(&block("a &amp b"), 50),
        ["a broken entity in markup: a &amp b"]
    );
    assert_eq!(
        of_blocks(&block("``` b"), 50),
        ["an open code span in markup: ``` b"]
    );
    assert!(of_blocks(&block("fine `x` &lt; <@U0ANA>"), 50).is_empty());
}
