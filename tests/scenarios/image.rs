//! Images that cannot be had.
use crate::support::{
    shop::app,
    story::{says, says_nothing_of},
    world::{WORKS, World},
};
use heal::sim::kube::RequestMatcher;
use http::Method;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_tag_that_does_not_exist_is_rolled_back() {
    let world = World::start().await;
    world.runs("checkout", 3, WORKS).await;
    world.applies(app("checkout", 3, json!({"image": "busybox:1.63"})));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "cannot pull its image",
            "cannot get image busybox:1.63: the registry has no such tag or repository.",
            "kubectl rollout undo deployment/checkout -n shop --to-revision=1",
            "busybox:1.63 → busybox:1.36",
        ],
    );
    world.is_healed_by(&card).await;
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_is_read_again_until_the_fix_is_known() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    let revisions = RequestMatcher::new(Method::GET, "/namespaces/shop/replicasets");
    world.kube.fail_next(revisions, 503, 40);
    // A pod that waits for its image says so once.
    world.applies(app("checkout", 2, json!({"image": "busybox:1.63"})));
    let card = world.card("checkout", "cannot see enough").await;
    says(
        &card,
        &[
            "Not everything could be read",
            "Heal looks again by itself.",
        ],
    );
    let card = world.offer("checkout").await;
    says(&card, &["Roll back to revision 1"]);
    world.is_healed_by(&card).await;
}

#[tokio::test(start_paused = true)]
async fn each_way_to_miss_an_image_has_its_own_cause() {
    let rows = [
        (
            "private.example.com/shop/a:1",
            "the registry refuses access, or the repository does not exist",
            true,
        ),
        (
            "registry.invalid/shop/a:1",
            "the name of its registry does not resolve",
            true,
        ),
        (
            "127.0.0.1:5000/shop/a:1",
            "its registry does not answer",
            true,
        ),
        (
            "armonly.example.com/shop/a:1",
            "it has no build for the CPU architecture of the node",
            true,
        ),
        ("Shop/A:1", "this is not a valid image reference", true),
        // A rollback pulls images as well, and would use up more of the limit.
        (
            "ratelimited.example.com/shop/a:1",
            "the registry limits how many images may be pulled (HTTP 429)",
            false,
        ),
    ];
    for (image, cause, undo) in rows {
        let world = World::start().await;
        world.runs("checkout", 1, WORKS).await;
        world.applies(app("checkout", 1, json!({"image": image})));
        let card = match undo {
            true => world.offer("checkout").await,
            false => world.card_without_offer("checkout").await,
        };
        says(&card, &[&format!("cannot get image {image}: {cause}.")]);
        if undo {
            world.is_healed_by(&card).await;
        } else {
            says_nothing_of(&card, &["kubectl"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_was_never_there_offers_nothing_and_clears_when_it_is_corrected() {
    let world = World::start().await;
    world.applies(app("checkout", 1, json!({"image": "busybox:1.63"})));
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &[
            "the registry has no such tag or repository",
            "Push the tag, or correct the image reference.",
        ],
    );
    world.applies(app("checkout", 1, json!({})));
    world.clears_by_itself(&card).await;
}
