//! The card of a forecast in every state.
use super::super::{
    Message,
    card::{Extras, card_with},
    forecast,
    limits::{problems, seen},
    sample::{self, at, execution, tracking},
};
use crate::domain::{
    family::Family,
    forecast::{Boundary, Outlook, Source},
    incident::{Incident, State, Why},
    object::ObjectRef,
    recovery::Verdict,
};

fn shown(incident: &Incident) -> Message {
    let extras = Extras {
        paused: None,
        picture: Some("F0PIC"),
    };
    let message = card_with(incident, extras, at(100));
    assert_eq!(problems(&message), Vec::<String>::new());
    message
}

fn offer() -> Incident {
    sample::forecast(State::Proposed {
        proposal: sample::risky(),
    })
}

fn with(change: impl FnOnce(&mut Outlook)) -> Incident {
    let mut incident = offer();
    change(incident.forecast.as_mut().unwrap());
    incident
}

/// The lines of the card's part about the forecast.
fn part(incident: &Incident) -> String {
    let all = seen(&shown(incident));
    let (_, rest) = all.split_once(")\n").unwrap();
    rest.split("\n[picture").next().unwrap().to_owned()
}

#[test]
fn a_forecast_says_when_and_why_and_what_to_do() {
    insta::assert_snapshot!(seen(&shown(&offer())), @r"");
}

#[test]
fn what_makes_it_more_or_less_certain_is_said() {
    let texts = [
        with(|outlook| outlook.source = Source::PrometheusWorkingSet),
        with(|outlook| {
            outlook.source = Source::MetricsApi;
            outlook.known_since = at(-1_800);
        }),
        with(|outlook| {
            outlook.survived = Some(450 << 20);
            outlook.killed_before = true;
            outlook.cap = Some("-Xmx`400m <!here>".into());
            outlook.replicas = 1;
            outlook.rate = 9_000.0;
        }),
        with(|outlook| {
            outlook.boundary = Boundary::Node;
            outlook.owner = ObjectRef::new("Node", "", "worker-1", "n");
            outlook.container = String::new();
            outlook.limit = 15 << 30;
            outlook.used = 13 << 30;
            outlook.rate = 3_000_000.0;
        }),
    ]
    .map(|incident| part(&incident));
    insta::assert_snapshot!(texts.join("\n--\n"), @r"");
}

#[test]
fn when_the_growth_stops_the_card_says_so_and_closes() {
    let stopped = with(|outlook| outlook.when = None);
    insta::assert_snapshot!(part(&stopped), @r"");
    let mut over = stopped.clone();
    over.state = State::Closed {
        verdict: Verdict::RecoveredByItself,
        detail: "memory is level at 439 MiB since 03:40".into(),
        at: at(2_000),
        execution: None,
    };
    insta::assert_snapshot!(seen(&shown(&over)), @r"");
}

#[test]
fn after_the_change_the_card_shows_what_it_was_about() {
    let running = sample::forecast(State::Executing {
        execution: execution(),
    });
    insta::assert_snapshot!(seen(&shown(&running)), @r"");
    let verifying = sample::forecast(State::Verifying {
        execution: execution(),
        tracking: tracking(),
    });
    insta::assert_snapshot!(seen(&shown(&verifying)), @r"");
    let mut done = sample::forecast(State::Closed {
        verdict: Verdict::Recovered,
        detail: "no kill in sight; the old estimate was 05:02".into(),
        at: at(242),
        execution: Some(execution()),
    });
    done.forecast.as_mut().unwrap().when = None;
    insta::assert_snapshot!(seen(&shown(&done)), @r"");
}

#[test]
fn when_the_kill_came_the_forecast_and_the_kill_are_one_story() {
    let killed = Incident {
        family: Family::Oom,
        diagnosis: Some(sample::diagnosis()),
        ..sample::forecast(State::Waiting {
            why: Why::NothingSafe,
        })
    };
    insta::assert_snapshot!(seen(&shown(&killed)), @r"");
}

#[test]
fn a_rate_is_told_in_the_unit_that_is_easy_to_imagine() {
    let mib = f64::from(1 << 20);
    let of = [
        3.14 * mib / 60.0,
        0.66 * mib / 60.0,
        0.2 * mib / 60.0,
        25.4 * mib / 60.0,
        1_500.0 * mib / 60.0,
        0.0,
        f64::NAN,
        f64::INFINITY,
    ]
    .map(forecast::rate);
    insta::assert_snapshot!(of.join(" | "), @"");
}
