//! A plain-text view of messages, to pin.
use super::Message;
use serde_json::Value;

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
