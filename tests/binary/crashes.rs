//! kill -9 at the worst moments: after the restart there is exactly one execution, and a verdict.
use super::story;
use crate::support::installation::Installation;
use heal::sim::{proxy::Mode, slack::Message};
use serde_json::json;
use std::time::Duration;

/// A broken rollout with an offer on the card, and the generation before any fix.
async fn broken(heal: &Installation) -> (Message, i64) {
    heal.runs(
        "checkout",
        2,
        json!({"command": ["sh", "-c", "echo ready; sleep 3600"]}),
    )
    .await;
    heal.rolls_out(
        "checkout",
        2,
        json!({"command": ["sh", "-c", "echo 'FATAL: broken' >&2; sleep 1; exit 1"]}),
    );
    let card = heal.offer("checkout").await;
    let generation = heal.generation("checkout");
    (card, generation)
}

async fn ends_well_with_one_change(heal: &Installation, card: &Message, before: i64) {
    heal.card_says(card, "Recovered").await;
    assert_eq!(
        heal.generation("checkout"),
        before + 1,
        "changed exactly once"
    );
    assert_eq!(heal.audit("execution.intended").len(), 1);
    assert_eq!(heal.audit("execution.verdict").len(), 1);
    assert_eq!(heal.cards().len(), 1, "one card, before and after the kill");
    assert!(heal.audit_holds());
}

story!(killed_between_the_click_and_the_execution);
async fn killed_between_the_click_and_the_execution(mut heal: Installation) {
    let (card, before) = broken(&heal).await;
    heal.proxy.set(Mode::Hold);
    heal.presses(&card, "approve").await;
    heal.kill().await;
    assert_eq!(
        heal.generation("checkout"),
        before,
        "nothing was done before the kill"
    );
    heal.proxy.set(Mode::Pass);
    heal.start().await;
    ends_well_with_one_change(&heal, &card, before).await;
}

story!(killed_while_the_answer_to_the_change_is_under_way);
async fn killed_while_the_answer_to_the_change_is_under_way(mut heal: Installation) {
    let (card, before) = broken(&heal).await;
    heal.proxy
        .set(Mode::LateAnswers(Duration::from_millis(700)));
    heal.presses(&card, "approve").await;
    heal.until("the change", || {
        (heal.generation("checkout") > before).then_some(())
    })
    .await;
    heal.kill().await;
    heal.proxy.set(Mode::Pass);
    heal.start().await;
    ends_well_with_one_change(&heal, &card, before).await;
}

story!(killed_between_the_execution_and_the_verdict);
async fn killed_between_the_execution_and_the_verdict(mut heal: Installation) {
    let (card, before) = broken(&heal).await;
    heal.presses(&card, "approve").await;
    heal.until("the result on record", || {
        (!heal.audit("execution.result").is_empty()).then_some(())
    })
    .await;
    heal.kill().await;
    heal.start().await;
    ends_well_with_one_change(&heal, &card, before).await;
}

story!(killed_while_an_offer_is_on_the_table);
async fn killed_while_an_offer_is_on_the_table(mut heal: Installation) {
    let (card, before) = broken(&heal).await;
    heal.kill().await;
    heal.start().await;
    heal.presses(&card, "approve").await;
    ends_well_with_one_change(&heal, &card, before).await;
}
