//! Slack's limits as a check for tests.
use super::{Message, clean::units};
use regex::Regex;
use serde_json::Value;
use std::{collections::HashSet, sync::LazyLock};

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
