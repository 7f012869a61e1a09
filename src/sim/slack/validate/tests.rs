use serde_json::json;

use super::*;

fn problems(blocks: Value) -> Vec<String> {
    match message(blocks.as_array().expect("a list of blocks"), &|file| {
        file == "F1"
    }) {
        Ok(()) => Vec::new(),
        Err(Refusal::Invalid(problems)) => problems,
        Err(Refusal::TooLong) => vec!["too long".to_owned()],
    }
}

fn text(length: usize) -> Value {
    json!({"type": "mrkdwn", "text": "x".repeat(length)})
}

fn plain(length: usize) -> Value {
    json!({"type": "plain_text", "text": "x".repeat(length)})
}

fn section(length: usize) -> Value {
    json!({"type": "section", "text": text(length)})
}

fn actions(elements: Value) -> Value {
    json!([{"type": "actions", "elements": elements}])
}

fn button(id: &str, label: usize) -> Value {
    json!({"type": "button", "action_id": id, "text": plain(label)})
}

fn with(mut value: Value, name: &str, field: Value) -> Value {
    value[name] = field;
    value
}

#[test]
fn every_limit_holds_exactly_at_its_edge() {
    let confirm = |title: usize, body: usize, yes: usize, no: usize| {
        let confirm = json!({"title": plain(title), "text": text(body), "confirm": plain(yes), "deny": plain(no)});
        actions(json!([with(button("a", 1), "confirm", confirm)]))
    };
    let repeat = |value: Value, times: usize| Value::from(vec![value; times]);
    let buttons = |count: usize| actions((0..count).map(|i| button(&i.to_string(), 1)).collect());
    let fields = |count: usize, length: usize| json!([{"type": "section", "fields": repeat(text(length), count)}]);
    let header = |length: usize| json!([{"type": "header", "text": plain(length)}]);
    let context = |count: usize| json!([{"type": "context", "elements": repeat(text(1), count)}]);
    let value = |length: usize| {
        actions(json!([with(
            button("a", 1),
            "value",
            json!("x".repeat(length))
        )]))
    };
    let cases: Vec<(&str, Value, Value)> = vec![
        ("blocks", repeat(section(1), 50), repeat(section(1), 51)),
        (
            "section text",
            json!([section(3000)]),
            json!([section(3001)]),
        ),
        ("empty text", json!([section(1)]), json!([section(0)])),
        ("fields", fields(10, 1), fields(11, 1)),
        ("field text", fields(1, 2000), fields(1, 2001)),
        ("header", header(150), header(151)),
        ("context elements", context(10), context(11)),
        ("buttons", buttons(25), buttons(26)),
        (
            "button text",
            actions(json!([button("a", 75)])),
            actions(json!([button("a", 76)])),
        ),
        ("button value", value(2000), value(2001)),
        (
            "action id",
            actions(json!([button(&"a".repeat(255), 1)])),
            actions(json!([button(&"a".repeat(256), 1)])),
        ),
        (
            "confirm title",
            confirm(100, 1, 1, 1),
            confirm(101, 1, 1, 1),
        ),
        ("confirm text", confirm(1, 300, 1, 1), confirm(1, 301, 1, 1)),
        ("confirm button", confirm(1, 1, 30, 1), confirm(1, 1, 31, 1)),
        ("deny button", confirm(1, 1, 1, 30), confirm(1, 1, 1, 31)),
    ];
    for (what, good, bad) in cases {
        assert_eq!(problems(good), Vec::<String>::new(), "{what}");
        assert_eq!(problems(bad).len(), 1, "{what}");
    }
}

#[test]
fn a_picture_is_an_address_or_a_file_that_is_there() {
    let image = |source: Value| {
        let mut image = json!({"type": "image", "alt_text": "a chart"});
        if let (Some(all), Some(more)) = (image.as_object_mut(), source.as_object()) {
            all.extend(more.clone());
        }
        problems(json!([image]))
    };
    assert_eq!(
        image(json!({"slack_file": {"id": "F1"}})),
        Vec::<String>::new()
    );
    assert_eq!(
        image(json!({"slack_file": {"url": "https://files.slack.com/a"}})),
        Vec::<String>::new()
    );
    let wrong = [
        image(json!({"slack_file": {"id": "F2"}})),
        image(json!({"slack_file": {}})),
        image(json!({"slack_file": {"id": "F1"}, "image_url": "https://example.com/a.png"})),
        image(json!({})),
    ];
    insta::assert_snapshot!(wrong.map(|all| all.join(" | ")).join("\n"), @r"
    invalid slack file [json-pointer:/blocks/0/slack_file]
    missing required field: url [json-pointer:/blocks/0/slack_file]
    must define either `image_url` or `slack_file` [json-pointer:/blocks/0]
    missing required field: image_url [json-pointer:/blocks/0]
    ");
}

#[test]
fn problems_say_what_and_where_as_slack_does() {
    let blocks = json!([
        {"type": "header", "text": plain(151)},
        {"type": "section", "text": {"type": "mrkdwn", "text": ""}},
        {"type": "section", "text": "a string"},
        {"type": "blink"},
        {"type": "divider", "text": "no"},
        {"type": "image", "image_url": "https://example.com/a.png"},
        {"type": "header", "text": text(3)},
        {"type": "actions", "elements": [
            with(button("a", 1), "style", json!("green")),
            {"type": "plain_text_input", "action_id": "b"},
        ]},
    ]);
    insta::assert_snapshot!(problems(blocks).join("\n"), @r#"
    must be less than 151 characters [json-pointer:/blocks/0/text/text]
    must be more than 0 characters [json-pointer:/blocks/1/text/text]
    missing required field: type [json-pointer:/blocks/2/text]
    unsupported type: blink [json-pointer:/blocks/3]
    invalid additional property: text [json-pointer:/blocks/4]
    missing required field: alt_text [json-pointer:/blocks/5]
    unsupported type: mrkdwn [json-pointer:/blocks/6/text/type]
    must be a valid enum value [json-pointer:/blocks/7/elements/0/style]
    unsupported type: plain_text_input [json-pointer:/blocks/7/elements/1]
    "#);
}

#[test]
fn an_action_id_may_recur_in_another_block_but_not_in_its_own() {
    let twice = actions(json!([button("a", 1), button("a", 1)]));
    insta::assert_snapshot!(
        problems(twice).join("\n"),
        @r#"`action_id` "a" already exists for another element [json-pointer:/blocks/0/elements/1/action_id]"#
    );
    let block = json!({"type": "actions", "elements": [button("a", 1)]});
    assert!(problems(json!([block, block])).is_empty());
}

#[test]
fn a_block_id_occurs_once() {
    let block = json!({"type": "divider", "block_id": "same"});
    assert_eq!(problems(json!([block, block])).len(), 1);
}

#[test]
fn all_blocks_together_have_a_limit_that_none_of_them_reaches() {
    let blocks = |count: usize| Value::from(vec![section(2900); count]);
    assert!(problems(blocks(4)).is_empty());
    assert_eq!(problems(blocks(5)), ["too long"]);
}

#[test]
fn preformatted_text_takes_text_and_links_only() {
    let block = |leaf: Value| json!([{"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [leaf]}]}]);
    assert!(problems(block(json!({"type": "text", "text": "OOMKilled"}))).is_empty());
    assert_eq!(
        problems(block(json!({"type": "user", "user_id": "U1"}))).len(),
        1
    );
    assert_eq!(
        problems(block(json!({"type": "text", "text": ""}))).len(),
        1
    );
}

#[test]
fn an_alert_stands_in_a_modal_and_not_in_a_message() {
    let alert = json!({"type": "alert"});
    let modal = json!({"type": "modal", "title": plain(24), "blocks": [alert]});
    assert_eq!(view(&modal), Ok(()));
    assert_eq!(problems(json!([alert])).len(), 1);
}

#[test]
fn a_modal_with_inputs_needs_a_submit_button_and_a_short_title() {
    let input = json!({"type": "input", "label": plain(5), "element": {"type": "plain_text_input", "action_id": "a"}});
    let modal = json!({"type": "modal", "title": plain(25), "blocks": [input], "private_metadata": "x".repeat(3001)});
    insta::assert_snapshot!(view(&modal).expect_err("three mistakes").join("\n"), @r"
    must be less than 25 characters [json-pointer:/view/title/text]
    must be less than 3001 characters [json-pointer:/view/private_metadata]
    missing required field: submit [json-pointer:/view]
    ");
}

#[test]
fn metadata_has_a_type_and_a_payload() {
    assert_eq!(
        metadata(&json!({"event_type": "heal", "event_payload": {"id": "1"}})),
        Ok(())
    );
    assert_eq!(metadata(&json!({})), Ok(()));
    assert_eq!(
        metadata(&json!({"event_type": "heal"})),
        Err("invalid_metadata_schema")
    );
    assert_eq!(metadata(&json!([])), Err("invalid_metadata_format"));
}
