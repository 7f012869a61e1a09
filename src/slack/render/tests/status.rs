//! `/heal status`.
use super::super::{Message, limits::problems, reply, sample::*, seen::seen};
use crate::domain::{
    family::Family,
    incident::IncidentId,
    object::ObjectRef,
    report::{Brief, Report, Stage, Status, WatchHealth},
};
use jiff::SignedDuration;

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn brief(id: u64, name: &str, headline: &str, stage: Stage) -> Brief {
    Brief {
        id: IncidentId(id),
        owner: ObjectRef::new("Deployment", "shop", name, "u"),
        family: Family::Crash,
        headline: headline.into(),
        opened: at(0),
        stage,
        card: Some(("C1".into(), "1.2".into())),
    }
}

fn watch(kind: &str) -> WatchHealth {
    WatchHealth {
        kind: kind.into(),
        synced: true,
        last: Some(at(90)),
        error: None,
    }
}

fn quiet() -> Status {
    Status {
        source: None,
        cluster: "prod-eu".into(),
        now: at(100),
        version: "0.1.0".into(),
        open: vec![],
        muted: vec![],
        memory: (0, 0, 0),
        suppressed: vec![],
        silences: vec![],
        watches: vec![watch("pods"), watch("deployments")],
        slack: None,
        paused: None,
        outbox: (0, seconds(0)),
    }
}

fn status(status: Status) -> Message {
    reply::report(&Report::Status(Box::new(status)))
}

#[test]
fn a_quiet_status_is_short_and_only_claims_quiet_when_heal_can_see() {
    insta::assert_snapshot!(seen(&status(quiet())), @r"
    # ✅ All quiet
    Nothing is open on prod-eu, and every watch works.
    (Watching pods, deployments.
    Heal remembers no fixes yet.
    Heal 0.1.0 · prod-eu · as of <!date^1795230820^{time}|03:13 UTC>)
    =
    Nothing is open on prod-eu, and every watch works.
    ");
    let blind = Status {
        watches: vec![
            watch("pods"),
            WatchHealth {
                kind: "nodes".into(),
                synced: false,
                last: None,
                error: Some("nodes is forbidden".into()),
            },
        ],
        ..quiet()
    };
    insta::assert_snapshot!(seen(&status(blind)), @r"
    # ⚠ Heal cannot see everything
    Nothing is open on prod-eu, but that says little now: ⚠️ *1 of 2 watches do not work*: Heal may miss things.
    ⚠️ *Watches that do not work*
    • nodes, never worked: nodes is forbidden.
    (Watching pods.
    Heal remembers no fixes yet.
    Heal 0.1.0 · prod-eu · as of <!date^1795230820^{time}|03:13 UTC>)
    =
    Nothing is open on prod-eu, but that says little now: ⚠️ 1 of 2 watches do not work: Heal may miss things.
    ");
    let young = Status {
        watches: vec![],
        ..quiet()
    };
    insta::assert_snapshot!(status(young).text, @"Nothing is open on prod-eu, but that says little now: ⚠️ No watch has started yet.");
    let silenced = Status {
        muted: vec![brief(15, "loadtest", "runs out of memory", Stage::Decision)],
        ..quiet()
    };
    insta::assert_snapshot!(status(silenced).text, @"No decision is needed on prod-eu: what is wrong there is silenced.");
}

pub(super) fn busy() -> Message {
    status(Status {
        open: vec![
            brief(17, "checkout", "is crash-looping", Stage::Decision),
            brief(18, "cart", "runs out of memory", Stage::Verifying),
            brief(19, "search", "fits on no node", Stage::Person),
            brief(20, "mail", "cannot pull its image", Stage::Diagnosing),
            brief(21, "web", "cannot start", Stage::Executing),
        ],
        muted: vec![brief(15, "loadtest", "runs out of memory", Stage::Decision)],
        memory: (3, 9, 2),
        suppressed: vec![("event older than the last start".into(), 12)],
        silences: vec![silence()],
        paused: Some(pause()),
        outbox: (3, seconds(40)),
        ..quiet()
    })
}

#[test]
fn a_busy_status_begins_with_what_needs_a_decision() {
    let message = busy();
    assert_eq!(problems(&message), Vec::<String>::new());
    insta::assert_snapshot!(seen(&message), @r"
    # 🖐 A decision is needed
    *1 incident needs a decision* on prod-eu; 5 open.
    ⏸️ *Actions are paused* by <@U0BEN> since <!date^1795230770^{date_short_pretty}, {time}|2026-11-21 03:12 UTC>: deploy freeze. Heal goes on watching and diagnosing. `/heal resume` ends the pause.
    🖐 *Needs a decision* (1)
    • *H17* shop/checkout is crash-looping · <!date^1795230720^{ago}|since 03:12 UTC>
    👤 *Needs a person – no safe fix* (1)
    • *H19* shop/search fits on no node · <!date^1795230720^{ago}|since 03:12 UTC>
    ⏳ *Running a fix* (1)
    • *H21* shop/web cannot start · <!date^1795230720^{ago}|since 03:12 UTC>
    ⏳ *Checking whether the fix helped* (1)
    • *H18* shop/cart runs out of memory · <!date^1795230720^{ago}|since 03:12 UTC>
    🔎 *Being diagnosed* (1)
    • *H20* shop/mail cannot pull its image · <!date^1795230720^{ago}|since 03:12 UTC>
    🔕 *Silenced, and still wrong* (1)
    • *H15* shop/loadtest runs out of memory · <!date^1795230720^{ago}|since 03:12 UTC>
    🔕 *Silences*
    • 3: `load/* (oom)` until <!date^1795245120^{date_short_pretty}, {time}|2026-11-21 07:12 UTC>, by <@U0ANA>, kept 4 incidents quiet · `/heal unsilence 3`
    🧹 *Not shown, and why*
    • 12 × event older than the last start
    (`/heal show H17` opens one.
    Waiting to be sent to Slack: 3 messages, the oldest for 40 s.
    Watching pods, deployments.
    Fixes remembered: 9 worked, 2 did not. `/heal memory` lists them.
    Heal 0.1.0 · prod-eu · as of <!date^1795230820^{time}|03:13 UTC>)
    =
    1 incident needs a decision on prod-eu; 5 open. H17 shop/checkout is crash-looping. H19 shop/search fits on no node. ⏸️ Actions are paused by <@U0BEN> since <!date^1795230770^{date_short_pretty}, {time}|2026-11-21 03:12 UTC>: deploy freeze. Heal goes on watching and diagnosing. `/heal resume` ends the pause.
    ");
}

#[test]
fn the_first_sentence_of_a_status_fits_what_is_open() {
    let with = |stages: &[Stage]| {
        let open = stages
            .iter()
            .map(|stage| brief(1, "a", "fails", *stage))
            .collect();
        let message = status(Status { open, ..quiet() });
        format!(
            "{} | {}",
            message.blocks[0]["text"]["text"].as_str().unwrap(),
            message.blocks[1]["text"]["text"].as_str().unwrap()
        )
    };
    let lines = [
        with(&[Stage::Decision]),
        with(&[Stage::Decision, Stage::Decision, Stage::Person]),
        with(&[Stage::Person]),
        with(&[Stage::Verifying]),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    🖐 A decision is needed | *1 incident needs a decision* on prod-eu; 1 open.
    🖐 A decision is needed | *2 incidents need a decision* on prod-eu; 3 open.
    👤 A person is needed | Nothing to approve on prod-eu, but for 1 of 1 open Heal has no safe fix.
    ⏳ Heal is at work | No decision is needed on prod-eu. 1 incident open.
    ");
}

#[test]
fn a_status_with_very_much_in_it_is_still_a_message_that_slack_takes() {
    let long = "long words ".repeat(60);
    let crowded = Status {
        open: (0..400)
            .map(|id| {
                brief(
                    id,
                    &"n".repeat(200),
                    &long,
                    if id % 2 == 0 {
                        Stage::Decision
                    } else {
                        Stage::Person
                    },
                )
            })
            .collect(),
        muted: (0..400)
            .map(|id| brief(id, &"n".repeat(200), &long, Stage::Person))
            .collect(),
        suppressed: vec![(long.clone(), u64::MAX); 100],
        silences: vec![silence(); 100],
        watches: vec![
            WatchHealth {
                kind: long.clone(),
                synced: false,
                last: None,
                error: Some(long)
            };
            50
        ],
        paused: Some(pause()),
        ..quiet()
    };
    assert_eq!(problems(&status(crowded)), Vec::<String>::new());
}
