//! CronJobs whose runs fail: one card for all of them.
use crate::support::{
    shop::job,
    story::{says, says_nothing_of},
    world::{NAMESPACE, World},
};
use serde_json::json;

/// Makes the CronJob `nightly`. The simulation does not make its runs: the tests do.
fn nightly(world: &World) {
    world.applies(json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly", "namespace": NAMESPACE},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": job("nightly", 0, "exit 1")["spec"]}},
    }));
}

/// A run of it, which does this.
fn runs(world: &World, number: u32, image: &str, script: &str) {
    let cron = world.kube.get("CronJob", NAMESPACE, "nightly").unwrap();
    let mut run = job(&format!("nightly-{number}"), 0, script);
    run["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": cron["metadata"]["uid"],
        "controller": true,
    }]);
    run["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
    world.applies(run);
}

const BUSYBOX: &str = "busybox:1.36";
const NO_URL: &str = "echo 'KeyError: \"DATABASE_URL\"' >&2; exit 1";
const NO_DISK: &str = "echo 'OSError: [Errno 28] No space left on device' >&2; exit 1";

#[tokio::test(start_paused = true)]
async fn runs_that_fail_are_one_card_with_the_latest_of_them_and_a_success_ends_it() {
    let world = World::start().await;
    nightly(&world);
    runs(&world, 1, BUSYBOX, NO_URL);
    let card = world.card_without_offer("shop/nightly").await;
    says(
        &card,
        &[
            "CronJob shop/nightly failed",
            "1 failed run: nightly-1",
            "setting DATABASE_URL is missing",
            "the next run of the CronJob tries again",
        ],
    );
    says_nothing_of(&card, &["kubectl", "create the Job again"]);
    world.passes(600).await;
    runs(&world, 2, BUSYBOX, NO_URL);
    world
        .turns(&card, "2 failed runs, the latest: nightly-2")
        .await;
    world.passes(600).await;
    runs(&world, 3, BUSYBOX, NO_DISK);
    world
        .turns(&card, "3 failed runs, the latest: nightly-3")
        .await;
    let card = world.card("shop/nightly", "No space left on device").await;
    says_nothing_of(&card, &["DATABASE_URL"]);
    // The history limit of the CronJob takes old runs away.
    world.kube.delete("Job", NAMESPACE, "nightly-1");
    world.kube.delete("Job", NAMESPACE, "nightly-2");
    world.stays_one_card(600).await;
    runs(&world, 4, BUSYBOX, "echo done");
    world.clears_by_itself(&card).await;
    world.stays_one_card(3600).await;
}

#[tokio::test(start_paused = true)]
async fn neither_the_removal_of_a_failed_run_nor_an_older_success_ends_it_but_the_end_of_the_cron_job()
 {
    let world = World::start().await;
    nightly(&world);
    runs(&world, 1, BUSYBOX, "echo done");
    world.stays_quiet(60).await;
    runs(&world, 2, BUSYBOX, NO_URL);
    let card = world.card_without_offer("shop/nightly").await;
    world.kube.delete("Job", NAMESPACE, "nightly-2");
    world.stays_one_card(1800).await;
    let still = world.again(&card);
    says(&still, &["CronJob shop/nightly failed"]);
    says_nothing_of(&still, &["Cleared by itself", "no longer exists"]);
    world.kube.delete("CronJob", NAMESPACE, "nightly");
    world.turns(&card, "no longer exists").await;
    world.stays_one_card(600).await;
}

#[tokio::test(start_paused = true)]
async fn runs_that_cannot_even_start_are_one_card_too() {
    let world = World::start().await;
    nightly(&world);
    runs(&world, 1, "nosuch:1", "echo done");
    let card = world.card_without_offer("shop/nightly").await;
    says(&card, &["1 failed run: nightly-1"]);
    runs(&world, 2, "nosuch:1", "echo done");
    world
        .turns(&card, "2 failed runs, the latest: nightly-2")
        .await;
    runs(&world, 3, BUSYBOX, NO_URL);
    let card = world
        .card("shop/nightly", "setting DATABASE_URL is missing")
        .await;
    says(&card, &["3 failed runs, the latest: nightly-3"]);
    world.stays_one_card(600).await;
}

#[tokio::test(start_paused = true)]
async fn a_cron_job_goes_on_with_its_card_after_a_restart() {
    let mut world = World::start().await;
    nightly(&world);
    runs(&world, 1, BUSYBOX, NO_URL);
    let card = world.card_without_offer("shop/nightly").await;
    world.restart().await;
    runs(&world, 2, BUSYBOX, NO_URL);
    world
        .turns(&card, "2 failed runs, the latest: nightly-2")
        .await;
    runs(&world, 3, BUSYBOX, "echo done");
    world.clears_by_itself(&card).await;
    world.stays_one_card(600).await;
}
