//! Requests that are not what they seem.
use crate::support::{people::Person::Olivia, stories::Can, world::World};
use heal::sim::slack::{SIGNATURE_HEADER, SignedRequest, TIMESTAMP_HEADER};

/// A click on Approve that Slack has signed, and that was not sent.
async fn approval(world: &World) -> SignedRequest {
    let card = world.breaks("checkout").await;
    world.signed_click(&Olivia.payload(&card, "approve"))
}

/// Nothing came of it.
async fn nothing_happened(world: &World) {
    world.passes(120).await;
    assert_eq!(world.changes(), 0);
    assert!(world.audit("decision.approved").is_empty());
    assert!(world.offer("checkout").await.can("approve"));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_sent_again_has_one_effect() {
    let world = World::start().await;
    let request = approval(&world).await;
    for _ in 0..3 {
        assert!(world.slack.send(request.clone()).await.is_ok());
    }
    world.card("checkout", "Recovered").await;
    assert_eq!(world.changes(), 1);
    assert_eq!(world.audit("decision.approved").len(), 1);
    assert_eq!(world.audit("refused.replay").len(), 2);
    assert_eq!(Olivia.was_told(&world), "");
}

#[tokio::test(start_paused = true)]
async fn a_request_is_remembered_over_a_restart() {
    let mut world = World::start().await;
    let card = world.breaks("checkout").await;
    let again = world.signed_click(&Olivia.payload(&world.again(&card), "dismiss"));
    assert!(world.slack.send(again.clone()).await.is_ok());
    world.restart().await;
    assert!(world.slack.send(again).await.is_ok());
    assert_eq!(world.audit("refused.replay").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_forged_signature_is_refused() {
    let world = World::start().await;
    let mut request = approval(&world).await;
    request.set(SIGNATURE_HEADER, &format!("v0={}", "0".repeat(64)));
    assert_eq!(world.slack.send(request).await.status, Some(401));
    nothing_happened(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_body_is_refused() {
    let world = World::start().await;
    let mut request = approval(&world).await;
    let body = String::from_utf8(request.body.to_vec()).unwrap();
    request.body = body.replace("U0OLIVIA", "U0OMAR").into();
    assert_eq!(world.slack.send(request).await.status, Some(401));
    nothing_happened(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_signature_is_refused() {
    let world = World::start().await;
    let mut request = approval(&world).await;
    request.headers.retain(|(name, _)| name != SIGNATURE_HEADER);
    assert_eq!(world.slack.send(request).await.status, Some(401));
    nothing_happened(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_held_back_for_six_minutes_is_refused() {
    let world = World::start().await;
    let request = approval(&world).await;
    world.passes(360).await;
    assert_eq!(world.slack.send(request).await.status, Some(401));
    nothing_happened(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_time_does_not_make_an_old_signature_good() {
    let world = World::start().await;
    let mut request = approval(&world).await;
    world.passes(360).await;
    request.set(TIMESTAMP_HEADER, &world.now().as_second().to_string());
    assert_eq!(world.slack.send(request).await.status, Some(401));
    nothing_happened(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_of_more_than_slack_ever_sends_is_refused_unread() {
    let world = World::start().await;
    let request = approval(&world).await;
    let mut body = request.body.to_vec();
    body.resize(300 * 1024, b'x');
    let huge = world.slack.signed(&request.path, body);
    assert_eq!(world.slack.send(huge).await.status, Some(413));
    nothing_happened(&world).await;
}
