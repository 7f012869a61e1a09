//! Properties that must hold for every sequence of inputs, in any order, with wrong tokens, wrong answers and wrong people.
use super::{
    happening::{Happening, happening, input},
    *,
};

/// Runs the happenings and checks every property at every step. Gives the number of executions.
fn run(approvals: u8, happenings: &[(Happening, i64)]) -> Result<usize, TestCaseError> {
    let world = World::new(approvals);
    let incident = world.proposed();
    run_from(world, incident, approvals, happenings)
}

fn run_from(
    mut world: World,
    mut incident: Incident,
    approvals: u8,
    happenings: &[(Happening, i64)],
) -> Result<usize, TestCaseError> {
    let mut now = start();
    let (mut executions, mut lessons) = (Vec::new(), Vec::new());
    for (happening, seconds) in happenings {
        now = now
            .checked_add(SignedDuration::from_secs(*seconds))
            .unwrap();
        if let (Happening::Wake, Some(wake)) = (happening, incident.wake) {
            now = now.max(wake);
        }
        if let Happening::Pause(on) = happening {
            world.pause = on.then(|| Pause {
                by: "U1".into(),
                since: now,
                reason: String::new(),
            });
        }
        let Some(input) = input(happening, &incident, now) else {
            continue;
        };
        let before = incident.clone();
        let is_click = matches!(input, Input::Click(_));
        let step = world.step(incident, input.clone(), now);
        let after = &step.incident;

        prop_assert_eq!(
            is_click,
            step.reply.is_some(),
            "every click is answered, and only clicks are"
        );
        prop_assert_eq!(
            after.is_closed(),
            after.wake.is_none(),
            "whatever is not closed has an alarm: {:?}",
            after.state
        );
        if let Some(wake) = after.wake {
            let late = wake.duration_since(now);
            prop_assert!(
                late <= SignedDuration::from_hours(2),
                "the alarm is near: {late:?}"
            );
        }
        prop_assert!(
            before.family == Family::Forecast || after.family != Family::Forecast,
            "what is broken does not become a forecast again"
        );
        if before.is_closed() {
            prop_assert_eq!(&before.state, &after.state, "closed is closed");
        }
        let runs: Vec<&String> = step
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Execute { execution } => Some(execution),
                _ => None,
            })
            .collect();
        prop_assert!(runs.len() <= 1);
        if let Some(id) = runs.first() {
            let Input::Click(click) = &input else {
                return Err(TestCaseError::fail("executed without a click"));
            };
            let offer = before.proposal().expect("an offer was on the table");
            prop_assert_eq!(&click.kind, &ClickKind::Approve);
            prop_assert_eq!(&click.token, &offer.token);
            prop_assert!(
                click.by.standing == Standing::Member
                    && click.by.team == "T"
                    && click.by.id != "U3"
            );
            prop_assert!(now < offer.expires && world.pause.is_none());
            prop_assert!(
                before.family != Family::Forecast || before.clear_since.is_none(),
                "nothing is done about a growth that has stopped"
            );
            let approved = Approved::of(after).expect("the record proves the approval");
            prop_assert_eq!(approved.execution(), id.as_str());
            let mut people: Vec<&str> = after
                .execution()
                .unwrap()
                .proposal
                .approvals
                .iter()
                .map(|a| a.by.id.as_str())
                .collect();
            people.sort_unstable();
            people.dedup();
            prop_assert!(
                people.len() >= usize::from(approvals),
                "that many different people approved"
            );
            prop_assert!(!executions.contains(*id), "no execution is asked for twice");
            prop_assert!(
                step.audit
                    .iter()
                    .any(|entry| entry.what == "decision.approved")
            );
            executions.push((*id).clone());
        }
        if let Some(lesson) = &step.lesson {
            prop_assert!(
                matches!(before.state, State::Verifying { .. }),
                "only a followed recovery teaches"
            );
            prop_assert!(
                !lessons.contains(&lesson.execution),
                "an execution teaches once"
            );
            lessons.push(lesson.execution.clone());
        }
        if matches!(
            after.state,
            State::Closed {
                verdict: Verdict::Recovered,
                ..
            }
        ) && !before.is_closed()
        {
            prop_assert!(
                matches!(before.state, State::Verifying { .. }),
                "recovered only after a followed recovery"
            );
        }
        let reread: Incident =
            serde_json::from_str(&serde_json::to_string(after).unwrap()).unwrap();
        prop_assert_eq!(&reread, after, "what is stored is what comes back");
        incident = step.incident;
    }
    Ok(executions.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_sequence_of_inputs_breaks_an_invariant(
        happenings in prop::collection::vec((happening(), 0i64..400), 1..60),
        approvals in 1u8..=2,
    ) {
        run(approvals, &happenings)?;
    }

    #[test]
    fn nor_does_one_about_what_has_not_happened_yet(
        happenings in prop::collection::vec((happening(), 0i64..400), 1..60),
        approvals in 1u8..=2,
    ) {
        let world = World::new(approvals);
        let incident = world.foreseen();
        run_from(world, incident, approvals, &happenings)?;
    }
}

/// The property test would be worth nothing if its sequences never came to an execution and a verdict.
#[test]
fn the_plain_story_goes_through_the_machine() {
    let approve = (
        Happening::Approve {
            who: 0,
            right: true,
        },
        1,
    );
    let applied = (
        Happening::Executed {
            right: true,
            outcome: 4,
        },
        1,
    );
    let clear = Happening::Observed {
        right: true,
        clear: true,
        gone: false,
        on_new: false,
        persisted: true,
    };
    let story = [
        approve.clone(),
        approve.clone(),
        applied,
        (clear.clone(), 1),
        (Happening::Wake, 0),
        (clear, 130),
    ];
    assert_eq!(run(1, &story).unwrap(), 1, "the second click runs nothing");
    assert_eq!(run(2, &story).unwrap(), 0, "one person is not two");
    let second = (
        Happening::Approve {
            who: 1,
            right: true,
        },
        1,
    );
    assert_eq!(run(2, &[approve, second]).unwrap(), 1);
}
