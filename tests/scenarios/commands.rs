//! `/heal …`: what people ask, and what they are told.
use crate::support::{
    people::Person::{Guest, Ivan, Olivia, Omar},
    stories::{CRASHES, Can},
    world::{WORKS, World, deployment},
};
use heal::sim::kube::RequestMatcher;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// A workload that has crashed from the start: there is nothing to go back to.
async fn is_hopeless(world: &World, name: &str) {
    world.applies(deployment(name, 1, CRASHES));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_status_says_that_every_watch_works() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    let status = Olivia.types(&world, "status").await;
    assert!(status.contains("All quiet"), "{status}");
    assert!(status.contains("every watch works"), "{status}");
    assert!(status.contains("Watching "), "{status}");
    assert!(status.contains("Heal remembers no fixes yet"), "{status}");
    assert!(Ivan.types(&world, "").await.contains("All quiet"));
}

#[tokio::test(start_paused = true)]
async fn a_blind_heal_does_not_say_that_all_is_quiet() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.kube.set_down(true);
    world.passes(120).await;
    let status = Olivia.types(&world, "status").await;
    assert!(status.contains("Heal cannot see everything"), "{status}");
    assert!(status.contains("watches do not work"), "{status}");
    assert!(!status.contains("All quiet"), "{status}");
    world.kube.set_down(false);
    world.passes(120).await;
    let status = Olivia.types(&world, "status").await;
    assert!(status.contains("All quiet"), "{status}");
}

#[tokio::test(start_paused = true)]
async fn the_status_lists_what_needs_a_decision_and_what_needs_a_person() {
    let world = World::start().await;
    is_hopeless(&world, "billing").await;
    world.card("billing", "No safe fix").await;
    world.breaks("checkout").await;
    let status = Ivan.types(&world, "status").await;
    assert!(
        status.contains("*1 incident needs a decision* on test; 2 open."),
        "{status}"
    );
    assert!(
        status.contains("*Needs a decision* (1)\n• *H2* shop/checkout is crash-looping · "),
        "{status}"
    );
    assert!(
        status.contains(
            "*Needs a person – no safe fix* (1)\n• *H1* shop/billing is crash-looping · "
        ),
        "{status}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_status_says_how_far_an_incident_is_from_its_diagnosis_to_its_proof() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    // It cannot be looked into at once.
    let reads = RequestMatcher::new(Method::GET, "/deployments/checkout");
    world.kube.fail_next(reads, 503, 2);
    world.rolls_out("checkout", 2, CRASHES);
    let opened = || (!world.audit("incident.opened").is_empty()).then_some(());
    world.until("the incident", opened).await;
    let says = async |summary: &str, heading: &str| {
        let status = Olivia.types(&world, "status").await;
        assert!(status.contains(summary), "{status}");
        let list = format!("*{heading}* (1)\n• *H1* shop/checkout is crash-looping · ");
        assert!(status.contains(&list), "{status}");
    };
    let calm = "No decision is needed on test. 1 incident open.";
    says(calm, "Being diagnosed").await;
    let card = world.offer("checkout").await;
    says(
        "*1 incident needs a decision* on test; 1 open.",
        "Needs a decision",
    )
    .await;
    // The fix runs as long as the cluster does not answer.
    world.kube.set_down(true);
    Olivia.presses(&world, &card, "approve").await;
    says(calm, "Running a fix").await;
    world.kube.set_down(false);
    world.thread_says(&card, "Done:").await;
    says(calm, "Checking whether the fix helped").await;
    world.thread_says(&card, "Recovered").await;
    let status = Olivia.types(&world, "status").await;
    assert!(
        status.contains("All quiet") && !status.contains("*H1*"),
        "{status}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_status_says_what_was_not_shown_and_why() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    Olivia.types(&world, "silence shop/checkout 4h").await;
    world.rolls_out("checkout", 2, CRASHES);
    world.passes(300).await;
    let status = Olivia.types(&world, "status").await;
    for part in [
        "Quiet, because silenced",
        "*Silenced, and still wrong* (1)\n• *H1* shop/checkout is crash-looping · ",
        "*Not shown, and why*\n",
        "• 1 × incidents kept quiet by a silence",
        "Watching ",
    ] {
        assert!(status.contains(part), "“{part}” is missing in {status}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_incident_is_shown_by_its_id_open_closed_or_unknown() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    let shown = Ivan.types(&world, "show h1").await;
    assert!(shown.contains("PAYMENT_URL"), "{shown}");
    assert!(shown.contains("crash.missing_env"), "{shown}");
    Olivia.approves(&world, &card).await;
    world.card_says(&card, "Recovered").await;
    let shown = Ivan.types(&world, "show H1").await;
    assert!(shown.contains("H1 · closed"), "{shown}");
    assert!(
        shown.contains("rolled back to revision 1 – recovered"),
        "{shown}"
    );
    world.passes(26 * 3600).await;
    is_hopeless(&world, "billing").await;
    world.card("billing", "No safe fix").await;
    let shown = Ivan.types(&world, "show H1").await;
    assert!(shown.contains("checkout"), "{shown}");
    let shown = Ivan.types(&world, "show H77").await;
    assert!(shown.contains("There is no incident H77"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn the_memory_tells_what_worked_where() {
    let world = World::start().await;
    assert!(
        Ivan.types(&world, "memory")
            .await
            .contains("remembers nothing yet")
    );
    let card = world.breaks("checkout").await;
    Olivia.approves(&world, &card).await;
    world.card_says(&card, "Recovered").await;
    let memory = Ivan.types(&world, "memory").await;
    assert!(
        memory.contains("RolloutUndo for crash.missing_env on test/Deployment/shop/checkout"),
        "{memory}"
    );
    // The next offer says so.
    let second = world.breaks_again("checkout").await;
    assert!(
        second.words().contains("*Track record:* it worked 1 of 1"),
        "{}",
        second.words()
    );
}

#[tokio::test(start_paused = true)]
async fn a_silenced_workload_gets_no_card_until_the_silence_ends() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    let answer = Olivia.types(&world, "silence shop/checkout 2h").await;
    assert!(
        answer.contains("<@U0OLIVIA> silenced `shop/checkout`"),
        "{answer}"
    );
    world.rolls_out("checkout", 2, CRASHES);
    world.passes(3600).await;
    assert!(
        world
            .cards("checkout")
            .iter()
            .all(|card| card.text.contains("silenced")),
        "{:?}",
        world.cards("checkout")
    );
    let status = Ivan.types(&world, "status").await;
    assert!(
        status.contains("*Silenced, and still wrong* (1)"),
        "{status}"
    );
    assert!(status.contains("kept 1 incident quiet"), "{status}");
    assert!(status.contains("*Not shown, and why*"), "{status}");
    assert!(
        status.contains("incidents kept quiet by a silence"),
        "{status}"
    );
    world.passes(3600).await;
    world.card("checkout", "H1").await;
    assert_eq!(world.audited("silence.set").0, "U0OLIVIA");
    assert_eq!(world.audited("silence.lifted").0, "heal");
}

#[tokio::test(start_paused = true)]
async fn a_silence_is_lifted_by_its_number() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    Olivia.types(&world, "silence shop/* 1d").await;
    world.rolls_out("checkout", 2, CRASHES);
    world.passes(600).await;
    assert!(
        Omar.types(&world, "unsilence 7")
            .await
            .contains("There is no silence 7")
    );
    let answer = Omar.types(&world, "unsilence 1").await;
    assert!(
        answer.contains("Silence 1 on `shop/*` is lifted. It kept 1 incident quiet"),
        "{answer}"
    );
    let card = world.offer("checkout").await;
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Recovered").await;
    assert_eq!(world.audited("silence.lifted").0, "U0OMAR");
}

#[tokio::test(start_paused = true)]
async fn the_menu_of_a_card_silences_its_workload_for_an_hour() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    Olivia.chooses(&world, &card, "silence_1h").await;
    let announced = || {
        world
            .top_level()
            .into_iter()
            .find(|message| message.text.contains("<@U0OLIVIA> silenced"))
    };
    world.until("everybody to be told", announced).await;
    world
        .card_says(&card, "🔕 silenced, `/heal unsilence")
        .await;
    Olivia.approves(&world, &world.again(&card)).await;
    world.card_says(&card, "Recovered").await;
    let before = world.top_level().len();
    world.rolls_out(
        "checkout",
        2,
        "echo 'FATAL: DB_URL is not set' >&2; sleep 1; exit 1",
    );
    world.passes(1200).await;
    assert_eq!(world.top_level().len(), before);
    world.passes(2400).await;
    world.offer("checkout").await;
}

#[tokio::test(start_paused = true)]
async fn each_option_of_the_menu_silences_as_long_as_it_says() {
    for (option, hours) in [("silence_1h", 1), ("silence_4h", 4), ("silence_1d", 24)] {
        let world = World::start().await;
        let card = world.breaks("checkout").await;
        Olivia.chooses(&world, &card, option).await;
        let set = || world.audit("silence.set").pop();
        let set = world.until("the silence", set).await;
        let at: Timestamp = set.at.parse().unwrap();
        let until: Timestamp = set.detail["until"].as_str().unwrap().parse().unwrap();
        assert_eq!(until.duration_since(at), SignedDuration::from_hours(hours));
    }
}

#[tokio::test(start_paused = true)]
async fn a_silence_from_a_card_that_heal_never_made_is_refused_and_on_record() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    let mut payload = Olivia.payload(&card, "approve");
    payload["actions"][0] = json!({
        "type": "overflow", "action_id": "more", "block_id": "b",
        "selected_option": {"text": {"type": "plain_text", "text": "Silence"}, "value": "silence_1h|H1.1.guessed"},
    });
    let answer = world.slack.send(world.signed_click(&payload)).await;
    assert!(answer.is_ok(), "{answer:?}");
    Olivia.is_told(&world, "Heal does not know this card").await;
    let (who, what) = world.audited("command.refused");
    assert_eq!(
        (who.as_str(), &what["command"]),
        ("U0OLIVIA", &json!("silence"))
    );
    assert!(world.audit("silence.set").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_silence_of_one_kind_of_trouble_lets_the_others_through() {
    let world = World::start().await;
    Olivia.types(&world, "silence shop/* 1d oom").await;
    let card = world.breaks("checkout").await;
    assert!(card.can("approve"));
}

#[tokio::test(start_paused = true)]
async fn those_who_approve_nothing_can_neither_silence_nor_pause() {
    let world = World::start().await;
    for words in ["silence shop/* 1h", "unsilence 1", "pause", "resume"] {
        let answer = Ivan.types(&world, words).await;
        assert!(
            answer.contains("Only people whom an [[approvers]] rule names may use"),
            "{words}: {answer}"
        );
    }
    assert_eq!(world.audit("command.refused").len(), 4);
    let answer = Guest.types(&world, "status").await;
    assert!(answer.contains("Guests cannot"), "{answer}");
    let card = world.breaks("checkout").await;
    Ivan.chooses(&world, &card, "silence_1d").await;
    Ivan.is_told(
        &world,
        "Only people whom an [[approvers]] rule names may use `silence`",
    )
    .await;
    let refused = world.audit("command.refused");
    assert_eq!(refused.len(), 5);
    assert_eq!(refused[4].actor, "U0IVAN");
    assert_eq!(refused[4].detail["command"], "silence");
    assert!(world.audit("silence.set").is_empty());
    assert!(world.audit("actions.paused").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_mistyped_is_answered_with_what_was_meant() {
    let world = World::start().await;
    for (typed, said) in [
        ("help", "/heal silence shop/checkout 4h"),
        ("statsu", "Did you mean status?"),
        ("mute shop/checkout 1h", "Did you mean silence?"),
        ("silence checkout 1h", "/heal silence shop/checkout 4h"),
        ("silence shop/checkout 30d", "seven days at most"),
        ("show", "Which incident?"),
        ("dance <!channel>", "“dance” is not a command"),
    ] {
        let answer = Ivan.types(&world, typed).await;
        assert!(answer.contains(said), "{typed}: {answer}");
        assert!(!answer.contains("<!"), "{typed}: {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_details_of_a_card_open_in_a_dialog() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    Ivan.chooses(&world, &card, "details").await;
    let view = world
        .until("the dialog", || world.slack.views(Ivan.id()).pop())
        .await;
    let text = view.view.to_string();
    assert!(text.contains("crash.missing_env"), "{text}");
    assert!(text.contains("PAYMENT_URL"), "{text}");
}
