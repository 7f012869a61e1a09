//! The few Block Kit blocks that Heal uses, within Slack's limits whatever is put into them.
use super::{
    clean::{self, units},
    mrkdwn::Markup,
    short_hash,
};
use serde_json::{Value, json};

/// Blocks that a message may have.
pub const MAX_BLOCKS: usize = 50;
/// Units of text that all blocks of a message may have together. Slack documents none; it was seen to refuse about 13,200.
pub const TOTAL_LIMIT: usize = 12_000;
/// Units of one section.
pub const SECTION_LIMIT: usize = 3_000;
/// Units of one preformatted block: no documented limit, kept as short as a section.
const PREFORMATTED_LIMIT: usize = 2_800;
const HEADER_LIMIT: usize = 150;
const ALT_LIMIT: usize = 2_000;

/// Blocks being put together, top to bottom.
#[derive(Debug, Default)]
pub struct Blocks {
    blocks: Vec<Block>,
}

#[derive(Debug)]
struct Block {
    value: Value,
    /// May be left out when the message would be too large.
    expendable: bool,
}

/// How a button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Like any other.
    Default,
    /// The one to press.
    Primary,
    /// The one to press with care.
    Danger,
}

/// A question before a button acts.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// At most 100 units are shown.
    pub title: String,
    /// At most 300 units are shown.
    pub text: String,
    /// What the button of the dialog says: at most 30 units.
    pub yes: String,
}

impl Blocks {
    /// A large line.
    pub fn header(&mut self, text: &str) {
        self.push(json!({"type": "header", "text": plain_text(text, HEADER_LIMIT)}));
    }

    /// A paragraph. Nothing when it is empty.
    pub fn section(&mut self, text: Markup) {
        if !text.is_empty() {
            self.push(json!({"type": "section", "text": mrkdwn(text, SECTION_LIMIT)}));
        }
    }

    /// A paragraph with a button or menu beside it.
    pub fn section_with(&mut self, text: Markup, accessory: Value) {
        self.push(
            json!({"type": "section", "text": mrkdwn(text, SECTION_LIMIT), "accessory": accessory}),
        );
    }

    /// Small grey lines: one for each text that is not empty, ten at most.
    pub fn context(&mut self, texts: impl IntoIterator<Item = Markup>) {
        let lines: Vec<Markup> = texts.into_iter().filter(|text| !text.is_empty()).collect();
        if !lines.is_empty() {
            let all = Markup::join(&lines, "\n");
            self.push(json!({"type": "context", "elements": [mrkdwn(all, 2_000)]}));
        }
    }

    /// Exact text in a fixed-width box, under a title. Nothing in it means anything to Slack. Nothing when it is empty.
    pub fn preformatted(&mut self, title: &str, text: &str) {
        let text = clean::cut(&clean::lines(text), PREFORMATTED_LIMIT);
        if text.is_empty() {
            return;
        }
        let mut elements = Vec::new();
        let title = clean::cut(&clean::line(title), 300);
        if !title.is_empty() {
            elements.push(
                json!({"type": "rich_text_section", "elements": [{"type": "text", "text": title}]}),
            );
        }
        elements.push(
            json!({"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}),
        );
        self.push(json!({"type": "rich_text", "elements": elements}));
    }

    /// A picture that was uploaded before, by its file's id, with what is said instead of it.
    pub fn image(&mut self, file: &str, alt: &str) {
        let alt = clean::cut(&clean::line(alt), ALT_LIMIT);
        self.push(json!({"type": "image", "slack_file": {"id": file}, "alt_text": alt}));
    }

    /// Buttons and menus.
    pub fn actions(&mut self, elements: Vec<Value>) {
        self.push(json!({"type": "actions", "elements": elements}));
    }

    /// A thin line.
    pub fn divider(&mut self) {
        self.push(json!({"type": "divider"}));
    }

    /// Marks what was added last: it may be left out when the message would be too large.
    pub fn expendable(&mut self) {
        if let Some(block) = self.blocks.last_mut() {
            block.expendable = true;
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// None yet.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Units of text so far.
    pub fn size(&self) -> usize {
        self.blocks
            .iter()
            .map(|block| text_units(&block.value))
            .sum()
    }

    /// The array that Slack gets. Ids are unique, and new when the content is new, as `chat.update` wants it.
    pub fn finish(mut self) -> Value {
        while self.size() > TOTAL_LIMIT || self.len() > MAX_BLOCKS {
            let Some(last) = self.blocks.iter().rposition(|block| block.expendable) else {
                break;
            };
            self.blocks.remove(last);
        }
        // Nothing that is built here gets this far without expendable blocks; still, a refused message helps nobody.
        while self.size() > TOTAL_LIMIT || self.len() > MAX_BLOCKS {
            self.blocks.pop();
        }
        let with_id = |(index, block): (usize, Block)| {
            let mut value = block.value;
            let id = format!("{index}.{}", short_hash(&value.to_string()));
            if let Some(object) = value.as_object_mut() {
                object.insert("block_id".to_owned(), Value::String(id));
            }
            value
        };
        Value::Array(self.blocks.into_iter().enumerate().map(with_id).collect())
    }

    fn push(&mut self, value: Value) {
        self.blocks.push(Block {
            value,
            expendable: false,
        });
    }
}

/// A button.
pub fn button(
    action_id: &str,
    label: &str,
    token: &str,
    style: Style,
    confirm: Option<Confirm>,
) -> Value {
    let mut button = json!({
        "type": "button",
        "action_id": action_id,
        "text": plain_text(label, 75),
        "value": token,
    });
    match style {
        Style::Default => {}
        Style::Primary => button["style"] = json!("primary"),
        Style::Danger => button["style"] = json!("danger"),
    }
    if let Some(confirm) = confirm {
        button["confirm"] = json!({
            "title": plain_text(&confirm.title, 100),
            "text": plain_text(&confirm.text, 300),
            "confirm": plain_text(&confirm.yes, 30),
            "deny": plain_text("Not now", 30),
        });
        if style == Style::Danger {
            button["confirm"]["style"] = json!("danger");
        }
    }
    button
}

/// A menu behind three dots: labels and values, five at most.
pub fn overflow(action_id: &str, options: &[(&str, String)]) -> Value {
    let options: Vec<Value> = options
        .iter()
        .map(|(label, value)| option(label, value))
        .collect();
    json!({"type": "overflow", "action_id": action_id, "options": options})
}

/// One choice of a menu or of radio buttons.
pub fn option(label: &str, value: &str) -> Value {
    json!({"text": plain_text(label, 75), "value": value})
}

/// A plain text object: no formatting is read in it, and it is escaped all the same.
pub fn plain_text(text: &str, limit: usize) -> Value {
    let text = Markup::plain(text).clip(limit);
    let text = if text.is_empty() {
        Markup::own("(empty)")
    } else {
        text
    };
    json!({"type": "plain_text", "text": text.as_str(), "emoji": true})
}

/// A markup object. `verbatim`: Slack makes links of nothing that is not marked as one.
fn mrkdwn(text: Markup, limit: usize) -> Value {
    json!({"type": "mrkdwn", "text": text.clip(limit).as_str(), "verbatim": true})
}

/// Units of all texts in a block.
fn text_units(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(text_units).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) if name == "text" => units(text),
                other => text_units(other),
            })
            .sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_loses_its_expendable_blocks_from_the_end() {
        let mut blocks = Blocks::default();
        for index in 0..6 {
            blocks.section(Markup::plain(&format!("{index}{}", "x".repeat(2_990))));
            if index % 2 == 1 {
                blocks.expendable();
            }
        }
        let left: Vec<String> = blocks
            .finish()
            .as_array()
            .unwrap()
            .iter()
            .map(|block| block["text"]["text"].as_str().unwrap()[..1].to_owned())
            .collect();
        assert_eq!(left, ["0", "1", "2", "4"]);
    }

    #[test]
    fn a_block_has_a_new_id_when_it_says_something_new() {
        let id = |text: &'static str| {
            let mut blocks = Blocks::default();
            blocks.section(Markup::own(text));
            blocks.finish()[0]["block_id"].as_str().unwrap().to_owned()
        };
        assert_eq!(id("a"), id("a"));
        assert_ne!(id("a"), id("b"));
    }

    #[test]
    fn nothing_that_is_empty_becomes_a_block() {
        let mut blocks = Blocks::default();
        blocks.section(Markup::plain(" \n "));
        blocks.preformatted("log", "\n\u{200b}\n");
        blocks.context([Markup::default()]);
        assert!(blocks.is_empty());
        assert_eq!(plain_text("\u{200b}", 10)["text"], "(empty)");
    }
}
