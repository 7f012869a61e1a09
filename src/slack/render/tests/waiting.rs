//! The card without an offer: not yet, or for a reason.
use super::{
    super::{sample::*, seen::seen},
    cards::shown,
};
use crate::domain::{
    diagnosis::Severity,
    incident::{Incident, State, Why},
    recovery::Verdict,
};

#[test]
fn an_incident_without_a_diagnosis_says_what_heal_is_doing() {
    let inspecting = Incident {
        diagnosis: None,
        signals: 1,
        ..incident(State::Inspecting {
            since: at(0),
            attempts: 0,
            undo: None,
        })
    };
    let preparing = incident(State::Preparing {
        candidates: vec![],
        since: at(1),
        attempts: 0,
    });
    insta::assert_snapshot!(seen(&shown(&inspecting)), @r"
    # 🔎 Diagnosing: shop/checkout is crash-looping
    (Cluster *prod-eu* · Deployment `shop/checkout` · since <!date^1795230720^{time} ({ago})|03:12 UTC> · seen once)
    Heal is gathering the evidence: container states, logs, events and past revisions.
    Latest signal: CrashLoopBackOff – back-off 40s restarting failed container.
    (*H17*)
    =
    Diagnosing: Deployment shop/checkout is crash-looping (cluster prod-eu, since 03:12 UTC, seen once). No decision is needed yet. H17
    ");
    insta::assert_snapshot!(seen(&shown(&preparing)), @r"
    # 🔎 Diagnosing: shop/checkout is crash-looping
    (Cluster *prod-eu* · Deployment `shop/checkout` · since <!date^1795230720^{time} ({ago})|03:12 UTC> · seen 7 times)
    Heal is asking the cluster what a fix would change, without changing anything.
    *Cause:* Revision 42 does not find the variable DATABASE_URL and exits with code 1.
    • exit code 1, 4 times in 6 min
    • 2 pods of revision 41 are available now
    Last lines of app before it ended:
      | INFO  starting checkout 2.4.0
      | ERROR KeyError: 'DATABASE_URL' <!channel> ``` *boom*
    (*H17*)
    =
    Diagnosing: Deployment shop/checkout is crash-looping (cluster prod-eu, since 03:12 UTC, seen 7 times). No decision is needed yet. H17
    ");
}

#[test]
fn without_an_offer_the_card_says_why_and_what_a_person_can_do() {
    let mut incident = incident(State::Waiting {
        why: Why::NothingSafe,
    });
    incident.diagnosis.as_mut().unwrap().advice = Some("Add DATABASE_URL to the Deployment".into());
    incident.diagnosis.as_mut().unwrap().severity = Severity::Warning;
    incident.tries = vec![tried(Verdict::Ineffective)];
    incident.muted = Some(3);
    insta::assert_snapshot!(seen(&shown(&incident)), @r"
    # 🟡 Warning: shop/checkout is crash-looping
    (Cluster *prod-eu* · Deployment `shop/checkout` · since <!date^1795230720^{time} ({ago})|03:12 UTC> · seen 7 times)
    *Cause:* Revision 42 does not find the variable DATABASE_URL and exits with code 1.
    • exit code 1, 4 times in 6 min
    • 2 pods of revision 41 are available now
    Last lines of app before it ended:
      | INFO  starting checkout 2.4.0
      | ERROR KeyError: 'DATABASE_URL' <!channel> ``` *boom*
    ---
    *No safe fix.* None of the changes that Heal may make would help here, so it offers none.
    *What you can do:* Add DATABASE_URL to the Deployment.
    • Tried at <!date^1795231020^{time}|03:17 UTC>: rolled back to revision 41 – the fix did not help
    [Check again] [⋯ Details, Silence for 1 hour, Silence for 4 hours, Silence for 1 day]
    (*H17* · Heal keeps watching and tells you here when it clears · 🔕 silenced, `/heal unsilence 3` lifts it)
    =
    🟡 Warning: Deployment shop/checkout is crash-looping (cluster prod-eu, since 03:12 UTC, seen 7 times). Cause: Revision 42 does not find the variable DATABASE_URL and exits with code 1. No safe fix. None of the changes that Heal may make would help here, so it offers none. What you can do: Add DATABASE_URL to the Deployment. Nothing waits for approval. H17
    ");
}

#[test]
fn every_reason_not_to_offer_a_fix_is_in_plain_words() {
    let reasons: Vec<String> = every_why()
        .into_iter()
        .map(|why| {
            let message = shown(&incident(State::Waiting { why }));
            message.blocks[4]["text"]["text"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
                + "\n"
                + message.blocks[5]["text"]["text"]
                    .as_str()
                    .unwrap_or_default()
        })
        .collect();
    insta::assert_snapshot!(reasons.join("\n"), @r"

    *No safe fix.* None of the changes that Heal may make would help here, so it offers none.

    *Unknown cause.* Heal has not seen this kind of failure before. It does not guess, so it offers no fix.

    *Heal cannot see enough.* Not everything could be read: the cluster did not answer: connection refused. Heal looks again by itself.

    *The fix does not work here.* Heal tested “Raise limit to 512Mi” without changing anything, and it cannot be done: exceeded quota: compute, requested: limits.memory=512Mi.

    *Dismissed* by <@U0ANA> at <!date^1795230810^{time}|03:13 UTC>: wrong fix. “The database moved; I fix the secret”

    *Nobody decided in time.* The offer “Roll back to revision 41” ran out at <!date^1795234320^{time}|04:12 UTC>; the evidence is too old to act on. Check again makes a fresh offer.

    *This needs a person.* Two fixes did not help.
    ");
}
