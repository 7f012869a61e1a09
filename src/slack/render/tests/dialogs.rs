//! The dialog that asks why, and the details of an incident.
use super::super::{limits::of_blocks, modal, sample::*, seen::seen};
use crate::domain::{
    incident::{State, Why},
    object::ObjectRef,
    recovery::Verdict,
};

#[test]
fn the_dismiss_dialog_asks_why_and_remembers_which_card() {
    let target = modal::DismissTarget {
        token: "tok-1".into(),
        channel: "C1".into(),
        ts: "1.2".into(),
    };
    let view = modal::dismiss(&target);
    let back: modal::DismissTarget =
        serde_json::from_str(view["private_metadata"].as_str().unwrap()).unwrap();
    assert_eq!(back, target);
    assert_eq!(of_blocks(&view["blocks"], 100), Vec::<String>::new());
    insta::assert_json_snapshot!(view, @r#"
    {
      "blocks": [
        {
          "block_id": "reason",
          "element": {
            "action_id": "reason",
            "initial_option": {
              "text": {
                "emoji": true,
                "text": "False alarm",
                "type": "plain_text"
              },
              "value": "false_alarm"
            },
            "options": [
              {
                "text": {
                  "emoji": true,
                  "text": "False alarm",
                  "type": "plain_text"
                },
                "value": "false_alarm"
              },
              {
                "text": {
                  "emoji": true,
                  "text": "Wrong fix",
                  "type": "plain_text"
                },
                "value": "wrong_fix"
              },
              {
                "text": {
                  "emoji": true,
                  "text": "Handled by hand",
                  "type": "plain_text"
                },
                "value": "by_hand"
              },
              {
                "text": {
                  "emoji": true,
                  "text": "Other",
                  "type": "plain_text"
                },
                "value": "other"
              }
            ],
            "type": "radio_buttons"
          },
          "label": {
            "emoji": true,
            "text": "Why?",
            "type": "plain_text"
          },
          "type": "input"
        },
        {
          "block_id": "comment",
          "element": {
            "action_id": "comment",
            "max_length": 500,
            "multiline": true,
            "type": "plain_text_input"
          },
          "hint": {
            "emoji": true,
            "text": "Shown in the thread. Heal changes nothing and keeps watching.",
            "type": "plain_text"
          },
          "label": {
            "emoji": true,
            "text": "What should the others know?",
            "type": "plain_text"
          },
          "optional": true,
          "type": "input"
        }
      ],
      "callback_id": "dismiss",
      "close": {
        "emoji": true,
        "text": "Keep the offer",
        "type": "plain_text"
      },
      "private_metadata": "{\"channel\":\"C1\",\"token\":\"tok-1\",\"ts\":\"1.2\"}",
      "submit": {
        "emoji": true,
        "text": "Dismiss",
        "type": "plain_text"
      },
      "title": {
        "emoji": true,
        "text": "Dismiss this fix",
        "type": "plain_text"
      },
      "type": "modal"
    }
    "#);
}

#[test]
fn details_show_everything_and_the_commands_to_look_for_oneself() {
    let mut incident = proposed(proposal());
    incident.tries = vec![tried(Verdict::Ineffective)];
    insta::assert_snapshot!(seen(&modal::details(&incident, Some(&("C1".into(), "1.2".into())))), @r"
    # H17 · needs a decision: shop/checkout is crash-looping
    (Cluster *prod-eu* · Deployment `shop/checkout` · since <!date^1795230720^{time} ({ago})|03:12 UTC> · seen 7 times)
    *Cause:* Revision 42 does not find the variable DATABASE_URL and exits with code 1.
    • exit code 1, 4 times in 6 min
    • 2 pods of revision 41 are available now
    Last lines of app before it ended:
      | INFO  starting checkout 2.4.0
      | ERROR KeyError: 'DATABASE_URL' <!channel> ``` *boom*
    • Image of revision 42: registry.example/shop/checkout:2.4.0
    The fix:
      | kubectl rollout undo deployment/checkout -n shop --to-revision=41
    What it changes (now → then):
      | spec.template.spec.containers[app].image: checkout:2.4.0 → checkout:2.3.9
      | spec.template.spec.containers[app].env: – → DATABASE_URL
    *Tried so far:*
    • <!date^1795231020^{date_short_pretty}, {time}|2026-11-21 03:17 UTC>: rolled back to revision 41 – the fix did not help
    Look for yourself:
      | kubectl describe deployment checkout -n shop
      | kubectl describe pod checkout-7d9f-x2k4q -n shop
      | kubectl logs checkout-7d9f-x2k4q -n shop -c app --previous --tail=50
      | kubectl rollout history deployment/checkout -n shop
      | kubectl get events -n shop --sort-by=.lastTimestamp
    (Its card is in <#C1>.
    🔴 Critical · signature `crash.exit_code` · family crash · sure of it: 95 %
    uid `uid-1`)
    =
    H17, needs a decision: Deployment shop/checkout is crash-looping (cluster prod-eu, since 03:12 UTC, seen 7 times). Revision 42 does not find the variable DATABASE_URL and exits with code 1.
    ");
    let view = modal::details_view(&incident);
    assert_eq!(view["title"]["text"], "Details of H17");
    assert_eq!(of_blocks(&view["blocks"], 100), Vec::<String>::new());
}

#[test]
fn details_of_a_node_have_the_commands_for_nodes_and_quote_what_a_shell_would_read() {
    let mut incident = incident(State::Waiting { why: Why::Unknown });
    incident.owner = ObjectRef::new("Node", "", "worker-1; rm -rf /", "u");
    let message = modal::details(&incident, None);
    let all = seen(&message);
    let from = all.find("Look for yourself").unwrap();
    insta::assert_snapshot!(all[from..].lines().take(3).collect::<Vec<_>>().join("\n"), @r"
    Look for yourself:
      | kubectl describe node 'worker-1; rm -rf /'
      | kubectl get pods -A -o wide --field-selector spec.nodeName='worker-1; rm -rf /'
    ");
}
