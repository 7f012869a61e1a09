//! The card when it is over.
use super::{
    super::{sample::*, seen::seen},
    cards::shown,
};
use crate::domain::{
    incident::{IncidentId, State},
    recovery::Verdict,
};

#[test]
fn a_recovered_card_is_green_and_short() {
    insta::assert_snapshot!(seen(&shown(&closed(Verdict::Recovered, "clear for 2 min"))), @r"
    # ✅ Recovered in 3 min: shop/checkout
    Rolled back to revision 41, approved by <@U0ANA>. Clear for 2 min.
    [⋯ Details, Silence for 1 hour, Silence for 4 hours, Silence for 1 day]
    (H17 · Cluster prod-eu · broken since <!date^1795230720^{time}|03:12 UTC> · closed <!date^1795230962^{date_short_pretty}, {time}|2026-11-21 03:16 UTC>)
    =
    ✅ Recovered in 3 min: Deployment shop/checkout in cluster prod-eu. Rolled back to revision 41, approved by <@U0ANA>. Clear for 2 min. H17
    ");
}

#[test]
fn every_other_end_is_in_plain_words() {
    let detail = |verdict| match verdict {
        Verdict::Ineffective => "exit code 1 on a pod of revision 41",
        Verdict::Failed => "deployments.apps \"checkout\" is forbidden",
        Verdict::Regressed => "no pod is available now",
        Verdict::Reverted => "the change is no longer there: somebody or something took it back",
        Verdict::RecoveredByItself => "clear for 2 min",
        Verdict::TargetGone => "the object is gone",
        Verdict::Inconclusive => "the cluster could not be watched long enough to tell",
        Verdict::Recovered => "clear for 2 min",
    };
    let mut lines = Vec::new();
    for verdict in Verdict::ALL {
        for with in [true, false] {
            let mut incident = closed(verdict, detail(verdict));
            if let (State::Closed { execution, .. }, false) = (&mut incident.state, with) {
                *execution = None;
            }
            let message = shown(&incident);
            let text = |index: usize| {
                message.blocks[index]["text"]["text"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            };
            lines.push(format!("{}\n  {}", text(0), text(1)));
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    ✅ Recovered in 3 min: shop/checkout
      Rolled back to revision 41, approved by <@U0ANA>. Clear for 2 min.
    ✅ Recovered in 4 min 2 s: shop/checkout
      Heal changed nothing. Clear for 2 min.
    ✅ Cleared by itself: shop/checkout
      It cleared before the approved fix was made, so Heal changed nothing. Clear for 2 min.
    ✅ Cleared by itself: shop/checkout
      It cleared without a change by Heal. Clear for 2 min.
    ❌ The fix did not help: shop/checkout is crash-looping
      Rolled back to revision 41, approved by <@U0ANA>. The problem is still there: exit code 1 on a pod of revision 41.
    ❌ The fix did not help: shop/checkout is crash-looping
      Heal changed nothing. Exit code 1 on a pod of revision 41.
    ❌ The fix could not be made: shop/checkout is crash-looping
      “Roll back to revision 41” was approved by <@U0ANA>, but nothing was changed: deployments.apps "checkout" is forbidden.
    ❌ The fix could not be made: shop/checkout is crash-looping
      Heal changed nothing. Deployments.apps "checkout" is forbidden.
    🔻 Worse after the fix: shop/checkout is crash-looping
      Rolled back to revision 41, approved by <@U0ANA>. Now it is worse than before: no pod is available now.
    🔻 Worse after the fix: shop/checkout is crash-looping
      Heal changed nothing. No pod is available now.
    🔄 The fix was taken back: shop/checkout is crash-looping
      Rolled back to revision 41, approved by <@U0ANA>. The change is no longer there: somebody or something took it back.
    🔄 The fix was taken back: shop/checkout is crash-looping
      Heal changed nothing. The change is no longer there: somebody or something took it back.
    ⚪ The object is gone: shop/checkout
      Rolled back to revision 41, approved by <@U0ANA>. Then the object was deleted, so nobody can tell whether it helped.
    ⚪ The object is gone: shop/checkout
      Deployment `shop/checkout` no longer exists, so there is nothing left to fix.
    ❔ Cannot tell whether it helped: shop/checkout is crash-looping
      Rolled back to revision 41, approved by <@U0ANA>. Heal cannot tell whether it helped: the cluster could not be watched long enough to tell.
    ❔ Cannot tell whether it helped: shop/checkout is crash-looping
      Heal changed nothing. The cluster could not be watched long enough to tell.
    "#);
}

#[test]
fn a_closed_card_lists_what_was_tried_before() {
    let mut incident = closed(Verdict::Recovered, "clear for 2 min");
    incident.tries = vec![tried(Verdict::Ineffective), tried(Verdict::Recovered)];
    incident.before = vec![IncidentId(12)];
    let message = shown(&incident);
    insta::assert_snapshot!(message.blocks[2]["elements"][0]["text"].as_str().unwrap(), @r"
    Before that: rolled back to revision 41 at <!date^1795231020^{time}|03:17 UTC> – the fix did not help
    H17 · Cluster prod-eu · broken since <!date^1795230720^{time}|03:12 UTC> · closed <!date^1795230962^{date_short_pretty}, {time}|2026-11-21 03:16 UTC>
    Second time in 24 h, after H12
    ");
}
