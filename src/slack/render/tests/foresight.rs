//! `/heal forecast`, and what a thread says when the kill came.
use super::super::{Message, limits, note::note, reply, sample::closed, seen::seen};
use crate::domain::{
    family::Family,
    forecast::{
        Boundary, Calibration, Correction, Outlook, Score, Source, SourceHealth, Tier,
        testkit::{after, now, outlook},
    },
    incident::{IncidentId, Note},
    object::ObjectRef,
    recovery::Verdict,
    report::{Foresight, Report, Rising},
    silence::Scope,
};

fn rising(outlook: Outlook) -> Rising {
    Rising {
        outlook: Box::new(outlook),
        incident: None,
        muted: false,
    }
}

fn quiet() -> Foresight {
    Foresight {
        cluster: "prod".into(),
        now: now(),
        scope: None,
        rising: vec![],
        unusual: vec![],
        score: Score::default(),
        source: Some(SourceHealth {
            source: Some(Source::Prometheus),
            error: None,
            last: Some(after(-12)),
            containers: 812,
            missing: 3,
            ..SourceHealth::default()
        }),
    }
}

fn said(foresight: Foresight) -> String {
    let message = reply::report(&Report::Forecast(Box::new(foresight)));
    assert_eq!(limits::problems(&message), Vec::<String>::new());
    message.text
}

#[test]
fn what_rises_is_listed_with_its_time_and_the_score() {
    let mut page = rising(outlook("app", 6600));
    page.incident = Some((IncidentId(17), None));
    let mut notice = outlook("sidecar", 12_000);
    notice.tier = Tier::Notice;
    notice.p = 0.7;
    let mut node = outlook("", 9_000);
    node.tier = Tier::Notice;
    node.boundary = Boundary::Node;
    node.owner = ObjectRef::new("Node", "", "worker-1", "n1");
    let mut node = rising(node);
    node.muted = true;
    let all = Foresight {
        rising: vec![page, rising(notice), node],
        score: Score {
            made: 12,
            hits: 8,
            further: 0,
            misses: 1,
            falses: 1,
            withdrawn: 3,
            averted: 2,
            leads: vec![600, 7200, 7500],
            covered: 7,
            standing: 3,
            calibration: Calibration::default(),
        },
        ..quiet()
    };
    insta::assert_snapshot!(said(all), @"
        On prod 1 container is expected to be killed at the memory limit; 2 more are rising.
        🔴 Will be killed (1)
        • shop/checkout app: about <!date^1795236600^{time}|04:50 UTC> (<!date^1795234400^{time}|04:13 UTC> – <!date^1795239900^{time}|05:45 UTC>), P 0.93 · 78 % of 512Mi · rising 1 MiB/min for 3 h 20 min · H17
        🟡 Rising, worth an eye (2)
        • shop/checkout sidecar: about <!date^1795242000^{time}|06:20 UTC> (<!date^1795238000^{time}|05:13 UTC> – <!date^1795248000^{time}|08:00 UTC>), P 0.70 · 78 % of 512Mi · rising 1 MiB/min for 3 h 20 min
        • worker-1: about <!date^1795239000^{time}|05:30 UTC> (<!date^1795236000^{time}|04:40 UTC> – <!date^1795243500^{time}|06:45 UTC>), P 0.93 · 78 % of 512Mi of the node · rising 1 MiB/min for 3 h 20 min · 🔕 silenced
        The last 30 days
        12 forecasts told: 8 right, 1 wrong, 3 withdrawn (2 of them because an approved fix prevented the kill).
        9 kills, 8 foreseen, 1 missed.
        Told 2 h before (median), at least 10 min. The 90 % interval held for 7 of 8.
        Memory figures: Prometheus, 12 s old, of 812 containers; 3 have none.
        ");
}

#[test]
fn what_earlier_outcomes_changed_is_told_in_one_line() {
    let line = |widening, shift, kills, right, wrong| {
        let text = said(Foresight {
            score: Score {
                made: right + wrong,
                hits: right,
                falses: wrong,
                leads: vec![3600],
                calibration: Calibration {
                    correction: Correction { widening, shift },
                    kills,
                    right,
                    wrong,
                },
                ..Score::default()
            },
            ..quiet()
        });
        text.lines().nth(5).unwrap_or_default().to_owned()
    };
    let lines = [
        line(1.22, -0.05, 14, 14, 1),
        line(0.8, 0.0, 22, 22, 2),
        line(1.02, -0.9, 9, 9, 11),
        line(1.4, -0.9, 1, 1, 11),
        line(1.01, 0.02, 3, 3, 0),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    Intervals are widened by 1.2, from 14 recorded kills.
    Intervals are narrowed by 1.2, from 22 recorded kills.
    What would be P 0.90 is told as 0.79: 9 of 20 told came true.
    Intervals are widened by 1.4, from 1 recorded kill. What would be P 0.90 is told as 0.79: 1 of 12 told came true.
    Memory figures: Prometheus, 12 s old, of 812 containers; 3 have none.
    ");
}

#[test]
fn when_nothing_rises_it_says_so_and_whether_heal_could_see_it() {
    insta::assert_snapshot!(said(quiet()), @"
        No container on prod is expected to reach its memory limit.
        The last 30 days
        No forecast has ended yet, and no kill came.
        Memory figures: Prometheus, 12 s old, of 812 containers; 3 have none.
        ");
    let off = Foresight {
        source: None,
        ..quiet()
    };
    insta::assert_snapshot!(said(off), @"
        Forecasts are switched off on prod: no source of memory figures is configured.
        The last 30 days
        No forecast has ended yet, and no kill came.
        ");
    let stale = Foresight {
        source: Some(SourceHealth {
            source: Some(Source::MetricsApi),
            error: Some("Prometheus does not answer: 503 Service Unavailable".into()),
            last: Some(after(-900)),
            containers: 40,
            missing: 0,
            unwatched: 88,
            unwatched_of: Some(ObjectRef::new("Deployment", "shop", "web", "w2")),
        }),
        score: Score {
            made: 1,
            falses: 1,
            ..Score::default()
        },
        ..quiet()
    };
    insta::assert_snapshot!(said(stale), @"
        Nothing is forecast on prod, but that says little now:
        The last 30 days
        1 forecast told: 0 right, 1 wrong, 0 withdrawn (0 of them because an approved fix prevented the kill).
        No kill came.
        ⚠️ Memory figures: metrics.k8s.io (less certain), 15 min old, of 40 containers. ⚠️ 88 containers are not watched, for example of shop/web: of one workload Heal watches 512 at most. ⚠️ Prometheus does not answer: 503 Service Unavailable.
        ");
}

#[test]
fn the_strongest_proof_of_a_leak_is_told_in_full() {
    let mut leak = outlook("app", 6600);
    leak.tier = Tier::Notice;
    // The longest that the forecaster says of what it tells.
    leak.why = "rising 102 MiB/min for 13 h 40 min; never above 71 % in the last 6 d 23 h; killed at its limit 12 times in the last week".into();
    leak.leak_proved = true;
    let one = Foresight {
        rising: vec![rising(leak)],
        ..quiet()
    };
    let text = said(one);
    insta::assert_snapshot!(text.lines().nth(2).unwrap(), @"• shop/checkout app: about <!date^1795236600^{time}|04:50 UTC> (<!date^1795234400^{time}|04:13 UTC> – <!date^1795239900^{time}|05:45 UTC>), P 0.93 · 78 % of 512Mi · rising 102 MiB/min for 13 h 40 min; never above 71 % in the last 6 d 23 h; killed at its limit 12 times in the last week · leak proved");
}

/// Twenty containers of two namespaces, the first dozen and a half of them in `shop`.
fn twenty(scope: Option<Scope>) -> Message {
    let each = |n: usize| {
        let mut one = outlook("app", 6600);
        one.owner.namespace = if n < 16 { "shop" } else { "depot" }.into();
        one.owner.name = format!("worker-{n:02}");
        rising(one)
    };
    let asked = scope.clone().unwrap_or_default();
    let told = (0..20)
        .map(each)
        .filter(|one| asked.covers(&one.outlook.owner, Family::Forecast));
    let message = reply::report(&Report::Forecast(Box::new(Foresight {
        rising: told.collect(),
        scope,
        ..quiet()
    })));
    assert_eq!(limits::problems(&message), Vec::<String>::new());
    message
}

/// What is shown, without the times.
fn lines(message: &Message) -> Vec<String> {
    let all = seen(message);
    let (shown, _) = all.split_once("\n=\n").unwrap();
    let line = |line: &str| line.split(": about").next().unwrap().to_owned();
    shown.lines().map(line).collect()
}

#[test]
fn what_is_left_out_of_the_list_can_be_asked_for() {
    let all = lines(&twenty(None));
    insta::assert_snapshot!(all[..4].join("\n"), @r"
    # 📈 Kills are coming
    On prod 20 containers are expected to be killed at the memory limit.
    🔴 *Will be killed* (20)
    • *shop/worker-00* app
    ");
    insta::assert_snapshot!(all[13..16].join("\n"), @r"
    • *shop/worker-10* app
    • *shop/worker-11* app
    … and 8 more (`/heal forecast shop/*`)
    ");
    let shop = Scope {
        namespace: Some("shop".into()),
        ..Scope::default()
    };
    let all = lines(&twenty(Some(shop)));
    insta::assert_snapshot!(all[..3].join("\n"), @r"
    # 📈 Kills are coming
    On prod in `shop/*` 16 containers are expected to be killed at the memory limit.
    🔴 *Will be killed* (16)
    ");
    insta::assert_snapshot!(all[17..20].join("\n"), @r"
    • *shop/worker-14* app
    • *shop/worker-15* app
    *The last 30 days*
    ");
}

#[test]
fn hundreds_of_rising_containers_with_hostile_names_fit_into_a_message() {
    let mut hostile = outlook("<!channel>", 6600);
    hostile.owner.name = "x".repeat(253);
    hostile.why = "`*_~<@U0>".repeat(40);
    let many = Foresight {
        rising: vec![rising(hostile); 300],
        ..quiet()
    };
    let shop = Scope::of(&many.rising[0].outlook.owner);
    said(Foresight {
        scope: Some(shop),
        ..many.clone()
    });
    let text = said(many);
    assert!(text.contains("… and 29"), "{text}");
    assert!(
        !text.contains("<!channel>") && !text.contains("<@U0>"),
        "{text}"
    );
}

#[test]
fn the_thread_says_when_the_kill_came_and_when_it_was_expected() {
    let came = Note::KillCame {
        forecast: after(-6000),
        at: now(),
        expected: Some((after(-900), after(1800))),
    };
    insta::assert_snapshot!(note(&closed(Verdict::Recovered, ""), &came).text, @"💥 The kill that was forecast at <!date^1795224000^{time}|01:20 UTC> came at <!date^1795230000^{time}|03:00 UTC>. It was expected between <!date^1795229100^{time}|02:45 UTC> and <!date^1795231800^{time}|03:30 UTC>.");
    let mut of_node = closed(Verdict::RecoveredByItself, "");
    let mut told = outlook("", 6600);
    told.boundary = Boundary::Node;
    of_node.forecast = Some(Box::new(told));
    insta::assert_snapshot!(note(&of_node, &came).text, @"💥 The shortage of memory that was forecast at <!date^1795224000^{time}|01:20 UTC> came at <!date^1795230000^{time}|03:00 UTC>. It was expected between <!date^1795229100^{time}|02:45 UTC> and <!date^1795231800^{time}|03:30 UTC>.");
}
