//! What reaches Slack when Slack is in trouble, and how little it takes.
use crate::support::{
    people::Person::Olivia,
    stories::{CRASHES, Can},
    world::{CHANNEL, NAMESPACE, Setup, WORKS, World, deployment},
};
use heal::sim::slack::{Fault, Message};
use jiff::SignedDuration;
use serde_json::Value;

const POST: &str = "chat.postMessage";

#[tokio::test(start_paused = true)]
async fn slacks_wish_to_wait_is_kept_over_a_restart() {
    let mut world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.slack.fail(Some(POST), Fault::RateLimited { retry_after: 120 }, 1);
    world.rolls_out("checkout", 2, CRASHES);
    let refused = world.until("the refusal", || world.calls(POST).into_iter().find(|call| !call.is_ok())).await.at;
    world.passes(5).await;
    world.restart().await;
    world.offer("checkout").await;
    let posted = world.calls(POST).into_iter().find(|call| call.is_ok()).unwrap().at;
    assert!(posted.duration_since(refused) >= SignedDuration::from_secs(120), "{refused} {posted}");
    assert_eq!(world.cards("checkout").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_happens_while_slack_is_away_is_told_later_once_and_in_order() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    // Who she is was asked a moment ago: while Slack cannot be asked, a stranger's click would be refused.
    Olivia.types(&world, "status").await;
    world.slack.set_down(true);
    Olivia.presses(&world, &card, "approve").await;
    let over = || (!world.audit("incident.closed").is_empty()).then_some(());
    world.until("the end of the incident", over).await;
    world.passes(300).await;
    assert_eq!(world.thread(&card), "");
    world.slack.set_down(false);
    world.card_says(&card, "Recovered in").await;
    world.thread_says(&card, "Recovered in").await;
    let told = world.thread_texts(&card);
    let place = |word: &str| {
        let places: Vec<usize> = (0..told.len()).filter(|index| told[*index].contains(word)).collect();
        assert_eq!(places.len(), 1, "{word}: {told:#?}");
        places[0]
    };
    assert!(place("approved “") < place("Done:") && place("Done:") < place("Recovered in"), "{told:#?}");
    assert_eq!(world.cards("checkout").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn while_slack_cannot_say_who_somebody_is_nothing_is_approved() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    world.passes(600).await;
    world.slack.fail(Some("users.info"), Fault::Status(503), 100);
    Olivia.presses(&world, &card, "approve").await;
    Olivia.is_told(&world, "Slack did not say who you are, so nothing was done").await;
    assert_eq!(world.audited("refused.outsider").0, "U0OLIVIA");
    world.passes(60).await;
    assert_eq!(world.changes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_card_that_could_not_be_posted_shows_the_latest_when_it_comes() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.slack.set_down(true);
    world.rolls_out("checkout", 2, CRASHES);
    world.passes(3700).await;
    world.slack.set_down(false);
    let card = world.card("checkout", "Nobody decided in time").await;
    assert_eq!(card.updates, 0);
    assert_eq!(world.cards("checkout").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_card_is_brought_to_the_latest_after_an_outage_without_the_states_between() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    let before = world.again(&card).updates;
    world.slack.set_down(true);
    world.passes(3700).await;
    world.rolls_out("checkout", 2, WORKS);
    world.passes(600).await;
    world.slack.set_down(false);
    world.card_says(&card, "It cleared without a change by Heal").await;
    world.passes(60).await;
    assert_eq!(world.again(&card).updates, before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_post_without_an_answer_is_looked_up_and_not_repeated() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.slack.fail(Some(POST), Fault::AcceptThenHang, 1);
    world.rolls_out("checkout", 2, CRASHES);
    let card = world.offer("checkout").await;
    world.until("the search", || world.calls("conversations.history").pop()).await;
    world.passes(120).await;
    assert_eq!(world.cards("checkout").len(), 1);
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Recovered").await;
}

#[tokio::test(start_paused = true)]
async fn a_thread_message_without_an_answer_is_said_once() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    world.slack.fail(Some(POST), Fault::AcceptThenReset, 1);
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Recovered").await;
    assert_eq!(world.says(&card, "approved “"), 1, "{:#?}", world.thread_texts(&card));
}

#[tokio::test(start_paused = true)]
async fn without_the_scope_to_look_the_card_is_posted_again_and_the_older_one_says_so() {
    let scopes = ["chat:write", "commands", "usergroups:read", "users:read"].map(str::to_owned).to_vec();
    let world = World::with(Setup { scopes: Some(scopes), ..Setup::default() }).await;
    world.runs("checkout", 2, WORKS).await;
    world.slack.fail(Some(POST), Fault::AcceptThenHang, 1);
    world.rolls_out("checkout", 2, CRASHES);
    world.until("the second card", || (world.cards("checkout").len() == 2).then_some(())).await;
    world.passes(30).await;
    let cards = world.cards("checkout");
    assert_eq!(cards.len(), 2);
    Olivia.presses(&world, &cards[0], "approve").await;
    Olivia.is_told(&world, "This is not the current card of that incident").await;
    assert_eq!(world.changes(), 0);
    Olivia.approves(&world, &cards[1]).await;
    world.thread_says(&cards[1], "Recovered").await;
    assert_eq!(world.changes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_layout_that_slack_refuses_is_sent_as_plain_text() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.slack.fail(Some(POST), Fault::Error("invalid_blocks".to_owned()), 1);
    world.rolls_out("checkout", 2, CRASHES);
    let card = world.card("checkout", "PAYMENT_URL").await;
    assert!(card.text.contains("kubectl rollout undo deployment/checkout"), "{}", card.text);
    assert_eq!(card.blocks, Vec::<Value>::new());
    // What comes next is sent with its layout again.
    world.rolls_out("checkout", 2, WORKS);
    let card = world.card_says(&card, "It cleared without a change by Heal").await;
    assert!(!card.blocks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_storm_is_one_message_that_names_all_of_it() {
    let world = World::start().await;
    let names: Vec<String> = (0..60).map(|number| format!("service-{number:02}")).collect();
    for name in &names {
        world.applies(deployment(name, 1, CRASHES));
    }
    let named = |message: &Message| names.iter().filter(|name| message.words().contains(*name)).count();
    let digest = || world.top_level().into_iter().find(|message| named(message) == names.len());
    world.until("a message that names all", digest).await;
    world.passes(600).await;
    assert!(world.top_level().len() <= 7, "{} messages", world.top_level().len());
    let calls = world.calls(POST).len() + world.calls("chat.update").len();
    assert!(calls <= 60, "{calls} calls");
    // Each of them can be opened.
    assert!(Olivia.types(&world, "show H33").await.contains("service-"));
    world.until("a card of its own", || world.top_level().into_iter().find(|card| card.text.contains("H33"))).await;
}

#[tokio::test(start_paused = true)]
async fn text_from_the_cluster_mentions_nobody_and_links_nowhere() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    let evil = "FATAL: <!channel> <@U0IVAN> <https://evil.example|click here> &lt;!here&gt; *bold* `code` :boom:";
    world.rolls_out("checkout", 2, &format!("echo '{evil}' >&2; sleep 1; exit 1"));
    let mut bad = deployment("billing", 1, WORKS);
    bad["spec"]["template"]["spec"]["containers"][0]["image"] = "evil.example/<!channel>:<@U0IVAN>".into();
    world.applies(bad);
    let card = world.offer("checkout").await;
    world.until("the other card", || world.cards("billing").pop()).await;
    Olivia.dismisses(&world, &card, "other", "<!everyone> </nope> <@U0GUEST>").await;
    world.card_says(&card, "Dismissed").await;
    world.thread_says(&card, "dismissed the fix").await;
    let details = Olivia.types(&world, "show H1").await;
    for text in world.slack.messages(CHANNEL).iter().flat_map(live).chain([details]) {
        for alive in ["<!channel", "<!here", "<!everyone", "<@U0IVAN", "<@U0GUEST", "</nope", "<https://evil", "<http://evil"] {
            assert!(!text.contains(alive), "{alive} in {text}");
        }
    }
    // Nothing of it is lost to the reader either.
    assert!(world.again(&card).words().contains("click here"));
}

/// The texts of a message in which Slack would see mentions and links: all but `plain_text` and rich text.
fn live(message: &Message) -> Vec<String> {
    fn walk(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, into)),
            Value::Object(fields) => {
                if fields.get("type").is_some_and(|kind| kind == "mrkdwn") {
                    into.extend(fields["text"].as_str().map(str::to_owned));
                }
                fields.values().for_each(|value| walk(value, into));
            }
            _ => {}
        }
    }
    let mut found = vec![message.text.clone()];
    message.blocks.iter().for_each(|block| walk(block, &mut found));
    found
}

#[tokio::test(start_paused = true)]
async fn a_deleted_card_comes_back_while_there_is_something_to_decide() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    world.slack.fail(Some("chat.update"), Fault::Error("message_not_found".to_owned()), 1);
    Olivia.types(&world, "pause").await;
    Olivia.types(&world, "resume").await;
    let second = world.until("another card", || world.cards("checkout").into_iter().find(|other| other.ts != card.ts && other.can("approve"))).await;
    Olivia.approves(&world, &second).await;
    world.thread_says(&second, "Recovered").await;
    assert_eq!(world.kube.list("Deployment", Some(NAMESPACE)).len(), 1);
    assert_eq!(world.changes(), 1);
}
