//! Answers to commands and clicks.
use super::super::{limits::problems, reply, sample::*, seen::seen};
use crate::{
    domain::{
        action::ActionKind,
        incident::ClickReply,
        memory::{Entry, Tally},
        report::{Pause, Report},
    },
    slack::commands,
};

#[test]
fn answers_to_commands_say_what_is_so_now_and_how_to_take_it_back() {
    let answers = [
        Report::Silenced(silence()),
        Report::Unsilenced(silence()),
        Report::Paused(pause()),
        Report::Paused(Pause { reason: String::new(), ..pause() }),
        Report::Resumed { by: "U0ANA".into(), was: pause() },
        Report::Refused("You may not approve RolloutUndo in namespace shop. These may: <@U0BEN>, <!subteam^S1>.".into()),
        Report::Memory(vec![]),
    ];
    let lines: Vec<String> = answers
        .iter()
        .map(|answer| reply::report(answer).text)
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    🔕 <@U0ANA> silenced `load/* (oom)` until <!date^1795245120^{date_short_pretty}, {time}|2026-11-21 07:12 UTC>. Heal goes on watching, and `/heal status` shows what stays quiet. `/heal unsilence 3` lifts it.
    🔔 Silence 3 on `load/* (oom)` is lifted. It kept 4 incidents quiet; what is still wrong gets its card now.
    ⏸️ Actions are paused by <@U0BEN> since <!date^1795230770^{date_short_pretty}, {time}|2026-11-21 03:12 UTC>: deploy freeze. Heal goes on watching and diagnosing. `/heal resume` ends the pause.
    ⏸️ Actions are paused by <@U0BEN> since <!date^1795230770^{date_short_pretty}, {time}|2026-11-21 03:12 UTC>. Heal goes on watching and diagnosing. `/heal resume` ends the pause.
    ▶️ Actions can be approved again, thanks to <@U0ANA>. They were paused by <@U0BEN> since <!date^1795230770^{date_short_pretty}, {time}|2026-11-21 03:12 UTC>.
    ✋ You may not approve RolloutUndo in namespace shop. These may: <@U0BEN>, <!subteam^S1>.
    🧠 Heal remembers nothing yet. It learns from every fix that it could verify.
    ");
}

#[test]
fn the_memory_is_listed_with_shares_and_certainty() {
    let entry = |name: &str, successes, failures| Entry {
        signature: "oom.container".into(),
        action: ActionKind::SetMemoryLimit,
        workload: format!("prod-eu/Deployment/shop/{name}"),
        tally: Tally {
            successes,
            failures,
        },
    };
    insta::assert_snapshot!(seen(&reply::report(&Report::Memory(vec![entry("cart", 4, 1), entry("web", 0, 1)]))), @r"
    # 🧠 Which fixes worked
    • SetMemoryLimit for oom.container on prod-eu/Deployment/shop/cart: worked 4 of 5 times — confidence 0.80, at least 0.38
    • SetMemoryLimit for oom.container on prod-eu/Deployment/shop/web: worked 0 of 1 time — confidence 0.00, at least 0.00
    (“At least” is what the share is with 95 % certainty, given how few tries there were.)
    =
    Which fixes worked: 2 combinations remembered. SetMemoryLimit for oom.container on prod-eu/Deployment/shop/cart: worked 4 of 5 times — confidence 0.80, at least 0.38. SetMemoryLimit for oom.container on prod-eu/Deployment/shop/web: worked 0 of 1 time — confidence 0.00, at least 0.00.
    ");
    let many = reply::report(&Report::Memory(vec![entry(&"x".repeat(250), 1, 1); 500]));
    assert_eq!(problems(&many), Vec::<String>::new());
    assert!(many.blocks.to_string().contains("470 more"));
}

#[test]
fn help_and_misunderstandings_say_what_to_write() {
    insta::assert_snapshot!(reply::help().text, @r"
    What you can write
    • `/heal status` – what is open, what needs you, and how Heal is
    • `/heal show H17` – one incident with all its details
    • `/heal memory` – which fixes worked where
    • `/heal forecast` – what is running out of memory and when, and how good such forecasts were; `shop` or `shop/checkout` after it lists all of that
    • `/heal silence shop/checkout 4h` – keep one workload quiet; `shop/*` is a whole namespace, `node/worker-1` a node; `oom` or another kind of trouble may follow
    • `/heal unsilence 3` – lift a silence
    • `/heal pause deploy freeze` – nobody can approve actions until resumed; a reason is welcome
    • `/heal resume` – actions can be approved again
    • `/heal help` – this list
    Times are like `30m`, `4h` or `1d`, seven days at most. A name may end in `*`.
    ");
    let wrong = |text: &str| reply::misunderstood(&commands::parse(text).unwrap_err()).text;
    insta::assert_snapshot!([wrong("sttaus"), wrong("silence shop/checkout"), wrong("<!channel> `x`")].join("\n"), @r"
    🤔 “sttaus” is not a command. Did you mean status?
    Write `/heal status`
    These exist: `/heal status`, `/heal show H17`, `/heal memory`, `/heal forecast`, `/heal silence shop/checkout 4h`, `/heal unsilence 3`, `/heal pause deploy freeze`, `/heal resume`, `/heal help`
    🤔 For how long? Seven days at most.
    Write `/heal silence shop/checkout 4h`
    🤔 “&lt;!channel&gt;” is not a command.
    Write `/heal help`
    These exist: `/heal status`, `/heal show H17`, `/heal memory`, `/heal forecast`, `/heal silence shop/checkout 4h`, `/heal unsilence 3`, `/heal pause deploy freeze`, `/heal resume`, `/heal help`
    ");
}

#[test]
fn every_click_that_needs_words_gets_them() {
    assert_eq!(reply::click(&ClickReply::Accepted), None);
    let lines: Vec<String> = [
        ClickReply::NeedsAnother,
        ClickReply::Refused("This offer has run out. <@U0BEN> may & <x>".into()),
    ]
    .iter()
    .filter_map(reply::click)
    .map(super::super::mrkdwn::Markup::into_string)
    .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    👍 Your approval counts. One more person has to approve before anything happens.
    ✋ This offer has run out. <@U0BEN> may &amp; &lt;x&gt;
    ");
}
