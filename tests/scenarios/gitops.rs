//! Workloads that something else applies: a direct change may be undone, and the card says so.
use crate::support::{
    people::Person::Olivia,
    shop::{annotated, app},
    story::{says, says_nothing_of},
    world::World,
};
use serde_json::{Value, json};

/// Puts a tool's mark on a workload.
type Mark = Box<dyn Fn(Value) -> Value>;

async fn broken_by_rollout(
    world: &World,
    mark: impl Fn(Value) -> Value,
) -> heal::sim::slack::Message {
    world.runs_well(mark(app("checkout", 2, json!({})))).await;
    world.applies(mark(app("checkout", 2, json!({"image": "busybox:1.63"}))));
    world.offer("checkout").await
}

#[tokio::test(start_paused = true)]
async fn the_tool_that_applies_a_workload_is_named_with_a_warning() {
    let labels = |labels: Value| {
        move |mut object: Value| {
            object["metadata"]["labels"] = labels.clone();
            object
        }
    };
    let argo = |object: Value| {
        annotated(
            object,
            json!({"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/checkout"}),
        )
    };
    let helm = |object: Value| annotated(object, json!({"meta.helm.sh/release-name": "webshop"}));
    let flux = labels(json!({"kustomize.toolkit.fluxcd.io/name": "apps"}));
    let rows: [(&str, Mark); 3] = [
        ("Argo CD (shop)", Box::new(argo)),
        ("Flux (apps)", Box::new(flux)),
        ("Helm (webshop)", Box::new(helm)),
    ];
    for (tool, mark) in rows {
        let world = World::start().await;
        let card = broken_by_rollout(&world, mark).await;
        let warning = format!(
            "{tool} applies this object: a direct change may be reverted; fix it in Git too."
        );
        says(&card, &[&format!("managed by {tool}"), &warning]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_workload_that_nobody_applies_has_no_such_warning() {
    let world = World::start().await;
    let card = broken_by_rollout(&world, |object| object).await;
    says_nothing_of(&card, &["managed by", "applies this object"]);
}

#[tokio::test(start_paused = true)]
async fn a_fix_that_the_tool_takes_back_is_left_to_people_and_teaches_nothing() {
    let world = World::start().await;
    let argo = |object: Value| {
        annotated(
            object,
            json!({"argocd.argoproj.io/instance": "shop", "argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/checkout"}),
        )
    };
    let card = broken_by_rollout(&world, argo).await;
    Olivia.approves(&world, &card).await;
    world
        .thread_says(&card, "Done: rolled back to revision 1")
        .await;
    world.passes(20).await;
    world.applies(argo(app("checkout", 2, json!({"image": "busybox:1.63"}))));
    world.thread_says(&card, "The fix was taken back").await;
    let card = world.turns(&card, "This needs a person").await;
    says(
        &card,
        &["Argo CD applies this object: the change has to be made there."],
    );
    world.stays_one_card(3600).await;
    assert_eq!(world.changes(), 1, "Heal does not fight with Argo CD");
    let memory = Olivia.types(&world, "memory").await;
    assert!(!memory.contains("worked"), "{memory}");
}
