//! Containers whose process cannot be started.
use crate::support::{
    shop::{app, script},
    story::says,
    world::{WORKS, World},
};
use serde_json::json;

const UNDO: &str = "kubectl rollout undo deployment/checkout -n shop --to-revision=1";

#[tokio::test(start_paused = true)]
async fn a_command_that_the_image_does_not_have_is_named_and_rolled_back() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.applies(app(
        "checkout",
        2,
        json!({"command": ["checkout-server", "--port=8080"]}),
    ));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "cannot start",
            "The image has no command “checkout-server”.",
            "executable file not found in $PATH",
            UNDO,
        ],
    );
    world.is_healed_by(&card).await;
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn a_path_that_does_not_exist_is_named_too() {
    let world = World::start().await;
    world.applies(app(
        "checkout",
        1,
        json!({"command": ["/opt/checkout/run"]}),
    ));
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &[
            "The image has no command “/opt/checkout/run”.",
            "Correct the command",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn what_only_the_log_tells_is_read_there() {
    let rows = [
        (
            "echo 'exec /usr/bin/server: exec format error' >&2; exit 255",
            "built for another CPU architecture",
        ),
        (
            "echo 'exec /entrypoint.sh: no such file or directory' >&2; exit 127",
            "interpreter of its script is missing",
        ),
        (
            "echo '/bin/sh^M: bad interpreter: No such file or directory' >&2; exit 126",
            "Windows line ends",
        ),
    ];
    for (text, cause) in rows {
        let world = World::start().await;
        world.runs("checkout", 1, WORKS).await;
        world.applies(app("checkout", 1, script(text)));
        let card = world.offer("checkout").await;
        says(&card, &["cannot start", cause, UNDO]);
        world.is_healed_by(&card).await;
    }
}
