//! Notes in the thread.
use super::super::{note::note, sample::*};
use crate::domain::{
    incident::{DismissReason, Note},
    memory::{Tally, TrackRecord},
    recovery::Verdict,
};
use jiff::SignedDuration;

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

#[test]
fn notes_are_short_and_say_who_did_what() {
    let ben = crate::domain::policy::Person {
        id: "U0BEN".into(),
        ..ana()
    };
    let record = TrackRecord {
        here: Tally {
            successes: 5,
            failures: 1,
        },
        ..TrackRecord::default()
    };
    let verdict = |verdict, detail: &str, action| Note::Verdict {
        verdict,
        detail: detail.into(),
        took: seconds(180),
        action,
        record: Some(record),
    };
    let notes = [
        Note::FirstApproval {
            by: ana(),
            needed: 2,
        },
        Note::Approved {
            by: vec![ana(), ben],
            action: undo(),
        },
        Note::Approved {
            by: vec![],
            action: undo(),
        },
        Note::Applied {
            action: raise(),
            soak: seconds(120),
        },
        Note::NotDone {
            action: undo(),
            why: "revision 43 was rolled out since the diagnosis".into(),
        },
        Note::Unclear {
            action: undo(),
            why: "no answer within 15 s".into(),
        },
        Note::Progress {
            execution: "x".into(),
            summary: "2 of 3 pods ready, 1 starting".into(),
            clear: None,
        },
        Note::Progress {
            execution: "x".into(),
            summary: "3 of 3 pods ready".into(),
            clear: Some((at(122), seconds(120))),
        },
        verdict(Verdict::Recovered, "clear for 2 min", Some(undo())),
        verdict(Verdict::RecoveredByItself, "clear for 2 min", None),
        verdict(
            Verdict::Ineffective,
            "exit code 1 on a new pod",
            Some(undo()),
        ),
        verdict(Verdict::Regressed, "no pod is available now", Some(undo())),
        verdict(Verdict::Failed, "forbidden", Some(undo())),
        verdict(
            Verdict::Reverted,
            "the change is no longer there",
            Some(undo()),
        ),
        verdict(Verdict::TargetGone, "the object is gone", None),
        verdict(
            Verdict::Inconclusive,
            "the cluster could not be watched",
            Some(undo()),
        ),
        Note::Dismissed {
            by: ana(),
            reason: DismissReason::ByHand,
            comment: "on it".into(),
        },
        Note::Dismissed {
            by: ana(),
            reason: DismissReason::FalseAlarm,
            comment: String::new(),
        },
        Note::Expired { action: undo() },
        Note::NewCause {
            headline: "runs out of memory".into(),
            cause: "app was killed at its limit of 256Mi".into(),
        },
    ];
    let incident = proposed(proposal());
    let lines: Vec<String> = notes
        .iter()
        .map(|said| note(&incident, said).text)
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    👥 <@U0ANA> approved. It needs 2 people: one more has to approve.
    👍 <@U0ANA> and <@U0BEN> approved “Roll back to revision 41”. Puts the template of revision 41 back in place of revision 42 of Deployment shop/checkout; its pods are replaced.
    👍 A rule approved “Roll back to revision 41”. Puts the template of revision 41 back in place of revision 42 of Deployment shop/checkout; its pods are replaced.
    🔧 Done: raised the memory limit of app to 512Mi. Now it has to stay clear for 2 min before Heal calls it recovered.
    ✋ Not done: “Roll back to revision 41”. Revision 43 was rolled out since the diagnosis. Nothing was changed.
    ❔ The cluster did not answer, so it is not known whether the change was made: “Roll back to revision 41”. No answer within 15 s. Heal looks at it again.
    ⏳ 2 of 3 pods ready, 1 starting.
    ⏳ 3 of 3 pods ready. Clear since <!date^1795230842^{time}|03:14 UTC>. It counts as recovered if it stays clear until <!date^1795230962^{time}|03:16 UTC>.
    ✅ Recovered in 3 min: shop/checkout. Clear for 2 min. What was done: rolled back to revision 41. Remembered: it worked 5 of 6 times here — confidence 0.83, at least 0.44.
    ✅ Cleared by itself after 3 min: shop/checkout. Clear for 2 min.
    ❌ The fix did not help: shop/checkout. Exit code 1 on a new pod. What was done: rolled back to revision 41. Remembered: it worked 5 of 6 times here — confidence 0.83, at least 0.44.
    🔻 Worse after the fix: shop/checkout. No pod is available now. What was done: rolled back to revision 41. Remembered: it worked 5 of 6 times here — confidence 0.83, at least 0.44.
    ❌ The fix could not be made: shop/checkout. Forbidden.
    🔄 The fix was taken back: shop/checkout. The change is no longer there. What was done: rolled back to revision 41.
    ⚪ The object is gone: shop/checkout.
    ❔ Cannot tell whether it helped: shop/checkout. The cluster could not be watched. What was done: rolled back to revision 41.
    🚫 <@U0ANA> dismissed the fix: handled by hand. “on it” Nothing was changed.
    🚫 <@U0ANA> dismissed the fix: false alarm. Nothing was changed.
    ⌛ Nobody decided in time, so the offer “Roll back to revision 41” ran out. Nothing was changed. Check again on the card makes a fresh offer.
    🔎 Heal looked again, and the cause is another one: shop/checkout runs out of memory. app was killed at its limit of 256Mi.
    ");
}
