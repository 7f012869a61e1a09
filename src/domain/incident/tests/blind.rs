//! What could not be read.
use super::*;

/// The incident after evidence in which no revision is known to go back to, and a look at it that shows it still broken.
fn after(gap: &str, partial: bool) -> (State, Vec<Effect>) {
    let world = World::new(1);
    let incident = world.open();
    let mut evidence = crash_evidence();
    evidence.revisions.truncate(1);
    evidence.gaps = vec![gap.to_owned()];
    evidence.partial = partial;
    let inspected = Input::Inspected {
        request: incident.request,
        result: Ok(Box::new(evidence)),
    };
    let waiting = world.step(incident, inspected, start()).incident;
    (waiting.state.clone(), looked_at(&world, waiting))
}

/// What follows from a look, a minute later, that gets an answer and shows it still broken.
fn looked_at(world: &World, incident: Incident) -> Vec<Effect> {
    let look = Happening::Observed {
        right: true,
        clear: false,
        gone: false,
        on_new: false,
        persisted: true,
    };
    let now = start() + SignedDuration::from_mins(1);
    let woken = world.step(incident, Input::Wake, now).incident;
    let seen = input(&look, &woken, now).unwrap();
    world.step(woken, seen, now).effects
}

#[test]
fn what_could_not_be_read_for_now_is_read_again_while_it_is_broken() {
    let (state, effects) = after("revisions: no answer within 10 s", true);
    let State::Waiting {
        why: Why::Blind { error },
    } = state
    else {
        panic!("{state:?}")
    };
    assert_eq!(error, "revisions: no answer within 10 s");
    assert!(matches!(effects[..], [Effect::Inspect { .. }]));
}

#[test]
fn what_may_not_be_read_is_said_and_not_asked_for_again() {
    let (state, effects) = after("revisions: forbidden", false);
    assert!(matches!(
        state,
        State::Waiting {
            why: Why::NothingSafe | Why::Unknown
        }
    ));
    assert_eq!(effects, []);
}

#[test]
fn what_could_not_be_read_of_a_forecast_is_read_again_while_the_growth_goes_on() {
    let world = World::new(1);
    let mut incident = world.foreseen();
    incident.state = State::Waiting {
        why: Why::Blind {
            error: "no answer within 10 s".to_owned(),
        },
    };
    let over = Input::Forecast(Box::new(foreseen(0, 0, 110, false, start())));
    let ended = world.step(incident.clone(), over, start()).incident;
    assert!(matches!(
        looked_at(&world, incident)[..],
        [Effect::Inspect { .. }]
    ));
    assert_eq!(looked_at(&world, ended), []);
}
