//! ConfigMaps, Secrets and keys that are not there.
use crate::support::{
    shop::{app, data, pods_with},
    story::{says, says_nothing_of},
    world::{WORKS, World},
};
use serde_json::{Value, json};

const UNDO: &str = "kubectl rollout undo deployment/checkout -n shop --to-revision=1";

fn settings_of(name: &str) -> Value {
    json!({"envFrom": [{"configMapRef": {"name": name}}]})
}

#[tokio::test(start_paused = true)]
async fn a_new_reference_to_a_config_map_that_does_not_exist_is_rolled_back_and_the_nearest_name_told()
 {
    let world = World::start().await;
    world.applies(data(
        "ConfigMap",
        "checkout-settings",
        json!({"COLOUR": "green"}),
    ));
    world
        .runs_well(app("checkout", 2, settings_of("checkout-settings")))
        .await;
    world.applies(app("checkout", 2, settings_of("checkout-setings")));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "misses configuration",
            "Container app needs ConfigMap checkout-setings, which does not exist in namespace shop.",
            "configmap \"checkout-setings\" not found",
            "ConfigMap checkout-settings exists: is that the one?",
            UNDO,
        ],
    );
    world.is_healed_by(&card).await;
    world.stays_one_card(600).await;
}

#[tokio::test(start_paused = true)]
async fn a_workload_that_comes_before_its_config_map_is_offered_nothing_and_clears_when_it_appears()
{
    let world = World::start().await;
    world.applies(app("checkout", 1, settings_of("checkout-settings")));
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &[
            "needs ConfigMap checkout-settings, which does not exist",
            "Create ConfigMap checkout-settings: the kubelet retries by itself and the container starts.",
        ],
    );
    world.applies(data(
        "ConfigMap",
        "checkout-settings",
        json!({"COLOUR": "green"}),
    ));
    world.clears_by_itself(&card).await;
    world.stays_one_card(600).await;
}

#[tokio::test(start_paused = true)]
async fn a_config_map_that_comes_within_seconds_is_no_news() {
    let world = World::start().await;
    world.applies(app("checkout", 1, settings_of("checkout-settings")));
    world.passes(5).await;
    world.applies(data(
        "ConfigMap",
        "checkout-settings",
        json!({"COLOUR": "green"}),
    ));
    world.stays_quiet(600).await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_config_map_is_not_the_rollouts_fault() {
    let world = World::start().await;
    world.applies(data(
        "ConfigMap",
        "checkout-settings",
        json!({"COLOUR": "green"}),
    ));
    world
        .runs_well(app("checkout", 1, settings_of("checkout-settings")))
        .await;
    world.kube.delete("ConfigMap", "shop", "checkout-settings");
    world.kube.delete(
        "Pod",
        "shop",
        world.pod_of("checkout")["metadata"]["name"]
            .as_str()
            .unwrap(),
    );
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &["needs ConfigMap checkout-settings, which does not exist"],
    );
    says_nothing_of(&card, &["rollout undo"]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_secret_is_named_and_no_other_secret_is() {
    let world = World::start().await;
    world.applies(data("Secret", "payment-keys", json!({"KEY": "c2VjcmV0"})));
    world.runs("checkout", 1, WORKS).await;
    world.applies(app(
        "checkout",
        1,
        json!({"envFrom": [{"secretRef": {"name": "payment-key"}}]}),
    ));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "needs Secret payment-key, which does not exist in namespace shop",
            UNDO,
        ],
    );
    says_nothing_of(&card, &["payment-keys", "c2VjcmV0"]);
    let reads = world.kube.requests();
    assert!(
        reads
            .iter()
            .all(|request| !request.path.contains("secrets")),
        "Heal has no business with Secrets"
    );
    world.is_healed_by(&card).await;
}

#[tokio::test(start_paused = true)]
async fn a_missing_key_is_named_with_the_keys_there_are() {
    let world = World::start().await;
    world.applies(data(
        "ConfigMap",
        "settings",
        json!({"payment_url": "https://pay", "colour": "green"}),
    ));
    world.runs("checkout", 1, WORKS).await;
    let from = json!({"configMapKeyRef": {"name": "settings", "key": "payment_uri"}});
    world.applies(app(
        "checkout",
        1,
        json!({"env": [{"name": "PAYMENT_URL", "valueFrom": from}]}),
    ));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "needs key payment_uri of ConfigMap settings",
            "keys there: colour, payment_url",
            "key payment_url exists: is that the one?",
            UNDO,
        ],
    );
    says_nothing_of(&card, &["https://pay"]);
    world.is_healed_by(&card).await;
}

#[tokio::test(start_paused = true)]
async fn a_volume_without_its_config_map_is_told_by_the_event_alone() {
    let world = World::start().await;
    world.runs("checkout", 1, WORKS).await;
    let mount = json!({"volumeMounts": [{"name": "rules", "mountPath": "/rules"}]});
    let volumes = json!({"volumes": [{"name": "rules", "configMap": {"name": "tax-rules"}}]});
    world.applies(pods_with(app("checkout", 1, mount), volumes));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "needs ConfigMap tax-rules, which does not exist in namespace shop",
            "MountVolume.SetUp failed",
            UNDO,
        ],
    );
    world.is_healed_by(&card).await;
}
