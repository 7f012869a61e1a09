//! The grammar, pinned, and two properties of it.
use super::*;
use crate::domain::family::Family;
use proptest::prelude::*;

fn silence(
    namespace: Option<&str>,
    name: Option<&str>,
    family: Option<Family>,
    minutes: i64,
) -> Request {
    Request::Run(Command::Silence {
        scope: Scope {
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            family,
        },
        span: SignedDuration::from_mins(minutes),
    })
}

#[test]
fn every_command_is_understood_whatever_its_capitals_quotes_and_order() {
    let run = |command| Ok(Request::Run(command));
    assert_eq!(parse(""), run(Command::Status));
    assert_eq!(parse("  Status "), run(Command::Status));
    assert_eq!(parse("help"), Ok(Request::Help));
    assert_eq!(parse("show h17"), run(Command::Show(IncidentId(17))));
    assert_eq!(parse("show 17"), run(Command::Show(IncidentId(17))));
    assert_eq!(parse("Memory"), run(Command::Memory));
    let ahead = |namespace: Option<&str>, name: Option<&str>| {
        run(Command::Forecast(Some(Scope {
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            family: None,
        })))
    };
    assert_eq!(parse("forecast"), run(Command::Forecast(None)));
    assert_eq!(parse("forecast Shop"), ahead(Some("shop"), None));
    assert_eq!(parse("forecast shop/*"), ahead(Some("shop"), None));
    assert_eq!(
        parse("forecast shop/check*"),
        ahead(Some("shop"), Some("check*"))
    );
    assert_eq!(parse("forecast node/*"), ahead(Some(""), None));
    assert_eq!(parse("forecast *"), ahead(None, None));
    assert_eq!(parse("unsilence #3"), run(Command::Unsilence(3)));
    assert_eq!(parse("resume"), run(Command::Resume));
    assert_eq!(
        parse("pause"),
        run(Command::Pause {
            reason: String::new()
        })
    );
    assert_eq!(
        parse("pause  “deploy freeze, don\u{2019}t touch”"),
        run(Command::Pause {
            reason: "deploy freeze, don\u{2019}t touch".into()
        })
    );
    let oom = Some(Family::Oom);
    assert_eq!(
        parse("silence shop/checkout 4h"),
        Ok(silence(Some("shop"), Some("checkout"), None, 240))
    );
    assert_eq!(
        parse("Silence OOM 30m \"Shop/Check*\""),
        Ok(silence(Some("shop"), Some("check*"), oom, 30))
    );
    assert_eq!(
        parse("silence shop/* 7d"),
        Ok(silence(Some("shop"), None, None, 7 * 1_440))
    );
    assert_eq!(
        parse("silence */* 1d (oom)"),
        Ok(silence(None, None, oom, 1_440))
    );
    assert_eq!(
        parse("silence node/worker-1 2hours"),
        Ok(silence(Some(""), Some("worker-1"), None, 120))
    );
}

#[test]
fn every_error_says_what_to_write() {
    let wrong = [
        "sttaus",
        "forcast",
        "predict",
        "mute shop/x 1h",
        "frobnicate",
        "status now",
        "forecast shop/a shop/b",
        "forecast H17!",
        "show",
        "show me",
        "show H-1",
        "unsilence",
        "unsilence x",
        "silence",
        "silence shop/checkout",
        "silence 4h",
        "silence shop/checkout 8d",
        "silence shop/checkout 0m",
        "silence shop/checkout 4x",
        "silence shop/checkout 99999999999999999999d",
        "silence sh*op/x 1h",
        "silence shop/ 1h",
        "silence a/b c/d 1h",
        "silence */* 1h",
        "silence H17 4h",
        "silence shop/checkout 4h omm",
        "silence shop/checkout 4h because",
    ];
    let lines: Vec<String> = wrong
        .iter()
        .map(|text| format!("{text}: {}", parse(text).unwrap_err()))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    sttaus: “sttaus” is not a command. Did you mean status? Write /heal status
    forcast: “forcast” is not a command. Did you mean forecast? Write /heal forecast
    predict: “predict” is not a command. Did you mean forecast? Write /heal forecast
    mute shop/x 1h: “mute” is not a command. Did you mean silence? Write /heal silence shop/checkout 4h
    frobnicate: “frobnicate” is not a command. Write /heal help
    status now: “now” is not needed here. Write /heal status
    forecast shop/a shop/b: “shop/a shop/b” is not NAMESPACE/NAME. A name has letters, digits, dots and dashes, and may end in a star. Write /heal forecast shop/checkout
    forecast H17!: “h17!” is not NAMESPACE/NAME. A name has letters, digits, dots and dashes, and may end in a star. Write /heal forecast shop/checkout
    show: Which incident? Its id stands at the end of its card. Write /heal show H17
    show me: “me” is not an incident id. Write /heal show H17
    show H-1: “H-1” is not an incident id. Write /heal show H17
    unsilence: Which silence? /heal status lists their numbers. Write /heal unsilence 3
    unsilence x: “x” is not the number of a silence; /heal status lists them. Write /heal unsilence 3
    silence: Silence what? A workload is NAMESPACE/NAME; a star for the name means the whole namespace. Write /heal silence shop/checkout 4h
    silence shop/checkout: For how long? Seven days at most. Write /heal silence shop/checkout 4h
    silence 4h: Silence what? A workload is NAMESPACE/NAME; a star for the name means the whole namespace. Write /heal silence shop/checkout 4h
    silence shop/checkout 8d: A silence lasts seven days at most. Write /heal silence shop/checkout 7d
    silence shop/checkout 0m: A silence lasts one minute at least. Write /heal silence shop/checkout 4h
    silence shop/checkout 4x: “4x” is not a time. Times are like 30m, 4h or 1d. Write /heal silence shop/checkout 4h
    silence shop/checkout 99999999999999999999d: A silence lasts seven days at most. Write /heal silence shop/checkout 7d
    silence sh*op/x 1h: “sh*op/x” is not NAMESPACE/NAME. A name has letters, digits, dots and dashes, and may end in a star. Write /heal silence shop/checkout 4h
    silence shop/ 1h: “shop/” is not NAMESPACE/NAME. A name has letters, digits, dots and dashes, and may end in a star. Write /heal silence shop/checkout 4h
    silence a/b c/d 1h: Two workloads are too many: a silence has one. Write /heal silence shop/checkout 4h
    silence */* 1h: That would silence everything, and then silence would mean nothing. Name a namespace, or a kind of trouble. Write /heal silence shop/* 1h
    silence H17 4h: One incident is silenced from its card: More → Silence. Here, name its workload instead of “h17”. Write /heal silence shop/checkout 4h
    silence shop/checkout 4h omm: “omm” is not a kind of trouble. Did you mean oom? Write /heal silence shop/checkout 4h
    silence shop/checkout 4h because: “because” is neither NAMESPACE/NAME nor a time nor a kind of trouble. Kinds are oom, forecast, crash, start, image, config, scheduling, probe, job, admission, node, eviction, rollout. Write /heal silence shop/checkout 4h
    ");
}

#[test]
fn scopes_are_shown_as_they_are_written() {
    let node = Scope {
        namespace: Some(String::new()),
        name: Some("worker-1".into()),
        family: None,
    };
    let family = Scope {
        family: Some(Family::Oom),
        ..Scope::default()
    };
    assert_eq!(
        [scope(&node), scope(&family)],
        ["node/worker-1", "*/* (oom)"]
    );
}

#[test]
fn the_help_lists_commands_that_are_understood() {
    for (command, _) in USAGE {
        assert!(
            parse(command.strip_prefix("/heal").unwrap()).is_ok(),
            "{command}"
        );
    }
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(WORDS.to_vec()).prop_map(str::to_owned),
        prop::sample::select(vec![
            "shop/checkout",
            "shop/*",
            "*/*",
            "node/w-1",
            "4h",
            "30m",
            "1d",
            "oom",
            "(crash)",
            "H17",
            "17",
            "-1",
            "/"
        ])
        .prop_map(str::to_owned),
        "[\"'“”a-zA-Z0-9/*.#-]{0,8}",
        "\\PC{0,6}",
    ]
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "(?s).{0,80}") {
        let _ = parse(&text);
    }

    #[test]
    fn what_is_printed_is_understood_as_the_same(words in prop::collection::vec(word(), 0..6)) {
        if let Ok(request) = parse(&words.join(" ")) {
            prop_assert_eq!(parse(&print(&request)), Ok(request));
        }
    }
}
