//! The message that stands for many at once.
use super::super::{digest::digest, limits::problems, sample::*, seen::seen};
use crate::domain::{
    diagnosis::Severity,
    family::Family,
    incident::{Incident, IncidentId},
};

fn member(id: u64, name: &str, family: Family, severity: Option<Severity>) -> Incident {
    let mut incident = proposed(proposal());
    incident.id = IncidentId(id);
    incident.owner.name = name.into();
    incident.family = family;
    match severity {
        Some(severity) => incident.diagnosis.as_mut().unwrap().severity = severity,
        None => incident.diagnosis = None,
    }
    incident
}

#[test]
fn a_digest_names_every_owner_worst_first() {
    let all = [
        member(17, "checkout", Family::Crash, Some(Severity::Warning)),
        member(18, "cart", Family::Oom, Some(Severity::Critical)),
        member(19, "search", Family::Oom, Some(Severity::Critical)),
        member(20, "mail", Family::Image, None),
    ];
    let message = digest(&all.iter().collect::<Vec<_>>(), at(100));
    insta::assert_snapshot!(seen(&message), @r"
    # 🌩 4 problems at once
    *🔴 Critical – runs out of memory* (2)
    shop/cart *H18* · shop/search *H19*
    *🟡 Warning – is crash-looping* (1)
    shop/checkout *H17*
    *⚪ Not diagnosed yet – cannot pull its image* (1)
    shop/mail *H20*
    (As of <!date^1795230820^{time}|03:13 UTC>. `/heal show H17` opens one.)
    =
    4 problems at once, as of 03:13 UTC. 🔴 Critical – runs out of memory: 2. 🟡 Warning – is crash-looping: 1. ⚪ Not diagnosed yet – cannot pull its image: 1. `/heal show H17` opens one.
    ");
}

#[test]
fn a_digest_of_a_storm_fits_and_counts_what_it_leaves_out() {
    let all: Vec<Incident> = (0..2_000)
        .map(|n| {
            member(
                n,
                &format!("workload-{n}"),
                if n % 3 == 0 {
                    Family::Oom
                } else {
                    Family::Crash
                },
                Some(Severity::Major),
            )
        })
        .collect();
    let message = digest(&all.iter().collect::<Vec<_>>(), at(100));
    assert_eq!(problems(&message), Vec::<String>::new());
    let shown = message.blocks.to_string().matches("shop/workload-").count();
    let end = message
        .blocks
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .nth(1)
        .unwrap()["text"]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    insta::assert_snapshot!(format!("{shown} shown. {end}"), @"386 shown. *Not listed for want of room:* 281 × 🟠 Major – runs out of memory, 1333 × 🟠 Major – is crash-looping. `/heal status` lists the most urgent.");
    // A hundred owners, as a bad rollout of a whole namespace brings them, are all named.
    let hundred = digest(&all.iter().take(100).collect::<Vec<_>>(), at(100));
    assert_eq!(
        hundred.blocks.to_string().matches("shop/workload-").count(),
        100
    );
}
