//! Heal is stopped or killed, and goes on where it was.
use crate::support::{
    people::Person::{Olivia, Omar},
    stories::{CRASHES, Can},
    world::{WORKS, World},
};
use heal::sim::slack::Message;
use jiff::SignedDuration;

/// How Heal ends.
#[derive(Clone, Copy, Debug)]
enum End {
    InOrder,
    Killed,
}

const BOTH: [End; 2] = [End::InOrder, End::Killed];

impl End {
    async fn strikes(self, world: &mut World) {
        match self {
            End::InOrder => world.restart().await,
            End::Killed => world.crash().await,
        }
    }
}

/// The incident of `checkout` ends well, by one change, told on one card.
async fn ends_well(world: &World, card: &Message) {
    world.thread_says(card, "Recovered in").await;
    world.card_says(card, "Recovered in").await;
    // The version that works, the one that does not, and back again.
    assert_eq!(world.generation("checkout"), 3);
    assert_eq!(world.cards("checkout").len(), 1);
    assert_eq!(world.says(card, "approved “"), 1, "{:#?}", world.thread_texts(card));
    assert_eq!(world.says(card, "Done:"), 1, "{:#?}", world.thread_texts(card));
    assert_eq!(world.says(card, "Recovered in"), 1, "{:#?}", world.thread_texts(card));
    assert_eq!(world.learnt(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_incident_that_is_being_diagnosed_is_diagnosed_after_a_restart() {
    for end in BOTH {
        let mut world = World::start().await;
        world.runs("checkout", 2, WORKS).await;
        world.rolls_out("checkout", 2, CRASHES);
        world.until("the incident", || (!world.audit("incident.opened").is_empty()).then_some(())).await;
        end.strikes(&mut world).await;
        let card = world.offer("checkout").await;
        assert_eq!(world.audit("incident.opened").len(), 1);
        Olivia.approves(&world, &card).await;
        ends_well(&world, &card).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_button_of_an_offer_works_after_a_restart() {
    for end in BOTH {
        let mut world = World::start().await;
        let card = world.breaks("checkout").await;
        end.strikes(&mut world).await;
        Olivia.approves(&world, &card).await;
        ends_well(&world, &card).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_offer_runs_out_at_its_time_whatever_happens_in_between() {
    for end in BOTH {
        let mut world = World::start().await;
        let card = world.breaks("checkout").await;
        world.passes(1800).await;
        end.strikes(&mut world).await;
        world.passes(1700).await;
        assert!(world.again(&card).can("approve"), "{end:?}");
        world.passes(120).await;
        assert!(world.again(&card).words().contains("Nobody decided in time"), "{end:?}");
        assert_eq!(world.audit("decision.expired").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_approved_fix_is_made_once_when_heal_ends_right_after_the_click() {
    for end in BOTH {
        let mut world = World::start().await;
        let card = world.breaks("checkout").await;
        Olivia.presses(&world, &card, "approve").await;
        end.strikes(&mut world).await;
        ends_well(&world, &card).await;
        assert_eq!(world.audit("decision.approved").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_of_two_approvals_counts_after_a_restart() {
    for end in BOTH {
        let setup = crate::support::world::Setup { approvals: 2, ..Default::default() };
        let mut world = World::with(setup).await;
        let card = world.breaks("checkout").await;
        Olivia.presses(&world, &card, "approve").await;
        end.strikes(&mut world).await;
        Omar.approves(&world, &card).await;
        ends_well(&world, &card).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_recovery_is_followed_to_its_end_over_restarts() {
    for end in BOTH {
        let mut world = World::start().await;
        let card = world.breaks("checkout").await;
        Olivia.approves(&world, &card).await;
        world.thread_says(&card, "Clear since").await;
        let clear = world.now();
        world.passes(40).await;
        end.strikes(&mut world).await;
        world.passes(20).await;
        end.strikes(&mut world).await;
        ends_well(&world, &card).await;
        let soaked = world.now().duration_since(clear);
        let expected = SignedDuration::from_secs(110)..SignedDuration::from_secs(150);
        assert!(expected.contains(&soaked), "{end:?}: {soaked:?}");
        assert_eq!(world.says(&card, "⏳"), 1, "{:#?}", world.thread_texts(&card));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_dismissed_stays_dismissed_and_is_watched_until_it_clears() {
    for end in BOTH {
        let mut world = World::start().await;
        let card = world.breaks("checkout").await;
        Olivia.dismisses(&world, &card, "by_hand", "").await;
        end.strikes(&mut world).await;
        world.passes(600).await;
        assert!(world.again(&card).words().contains("Dismissed"), "{end:?}");
        world.rolls_out("checkout", 2, WORKS);
        world.card_says(&card, "It cleared without a change by Heal").await;
        assert_eq!(world.cards("checkout").len(), 1);
        assert_eq!(world.changes(), 0);
        assert_eq!(world.says(&card, "dismissed the fix"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_clears_while_heal_is_not_running_is_noticed_at_the_next_start() {
    let mut world = World::start().await;
    let card = world.breaks("checkout").await;
    world.stop().await;
    world.rolls_out("checkout", 2, WORKS);
    world.passes(900).await;
    world.boot().await;
    world.card_says(&card, "It cleared without a change by Heal").await;
    assert_eq!(world.cards("checkout").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_breaks_while_heal_is_not_running_is_found_at_the_next_start() {
    let mut world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.stop().await;
    world.rolls_out("checkout", 2, CRASHES);
    world.passes(900).await;
    world.boot().await;
    let card = world.offer("checkout").await;
    Olivia.approves(&world, &card).await;
    ends_well(&world, &card).await;
}

#[tokio::test(start_paused = true)]
async fn a_silence_goes_on_and_ends_at_its_time() {
    for end in BOTH {
        let mut world = World::start().await;
        world.runs("checkout", 2, WORKS).await;
        Olivia.types(&world, "silence shop/checkout 1h").await;
        world.rolls_out("checkout", 2, CRASHES);
        world.passes(600).await;
        end.strikes(&mut world).await;
        let said = world.top_level().len();
        world.passes(2900).await;
        assert_eq!(world.top_level().len(), said, "{end:?}");
        world.passes(120).await;
        world.card("checkout", "H1").await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_pause_and_the_budget_hold_after_a_restart() {
    for end in BOTH {
        let mut world = World::start().await;
        let card = world.breaks("checkout").await;
        Olivia.approves(&world, &card).await;
        world.card_says(&card, "Recovered").await;
        let second = world.breaks_again("checkout").await;
        end.strikes(&mut world).await;
        Omar.presses(&world, &second, "approve").await;
        Omar.is_told(&world, "between two changes of one object").await;
        Olivia.types(&world, "pause freeze").await;
        end.strikes(&mut world).await;
        assert!(Omar.types(&world, "status").await.contains("freeze"), "{end:?}");
        let paused = world.card_offers(&second, false).await;
        assert!(paused.words().contains("paused"), "{}", paused.words());
        assert_eq!(world.generation("checkout"), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn restarting_says_nothing_new() {
    let mut world = World::start().await;
    let card = world.breaks("checkout").await;
    world.passes(30).await;
    let before = (world.everything_said(), world.calls("chat.postMessage").len(), world.again(&card).updates);
    for end in [End::InOrder, End::Killed, End::Killed, End::InOrder] {
        end.strikes(&mut world).await;
        world.passes(60).await;
    }
    let after = (world.everything_said(), world.calls("chat.postMessage").len(), world.again(&card).updates);
    // Only how often it was seen may have changed.
    assert_eq!(before.1, after.1);
    assert_eq!(world.cards("checkout").len(), 1, "{}", after.0);
}
