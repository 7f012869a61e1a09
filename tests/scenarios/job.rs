//! Jobs that give up.
use crate::support::{
    shop::{job, limited},
    story::{says, says_nothing_of},
    world::World,
};

#[tokio::test(start_paused = true)]
async fn a_job_that_gives_up_is_told_with_the_reason_of_its_pods_and_never_run_again() {
    let world = World::start().await;
    world.applies(job(
        "migrate",
        1,
        "echo 'KeyError: \"DATABASE_URL\"' >&2; exit 1",
    ));
    let card = world.card_without_offer("migrate").await;
    says(
        &card,
        &[
            "Job",
            "The Job gave up: its pods failed more often than backoffLimit allows.",
            "setting DATABASE_URL is missing",
            "2 failed and 0 succeeded, backoffLimit 1",
            "KeyError",
            "Heal does not, because it might do its work twice",
        ],
    );
    says_nothing_of(&card, &["kubectl"]);
    world.stays_one_card(3600).await;
    assert_eq!(world.changes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_job_that_is_deleted_ends_its_incident() {
    let world = World::start().await;
    world.applies(job("migrate", 0, "exit 1"));
    let card = world.card_without_offer("migrate").await;
    world.kube.delete("Job", "shop", "migrate");
    world.turns(&card, "no longer exists").await;
    world.stays_one_card(600).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_gives_up_for_lack_of_memory_says_so_and_that_its_template_cannot_be_changed() {
    let world = World::start().await;
    let mut import = job("import", 1, "");
    let fields = limited("head -c 80m /dev/zero | tail", "64Mi");
    let container = &mut import["spec"]["template"]["spec"]["containers"][0];
    container["command"] = fields["command"].clone();
    container["resources"] = fields["resources"].clone();
    world.applies(import);
    let card = world.card_without_offer("import").await;
    says(
        &card,
        &[
            "The Job gave up",
            "was killed at its memory limit of 64Mi",
            "The template of a Job cannot be changed",
        ],
    );
    says_nothing_of(&card, &["kubectl"]);
    world.stays_one_card(1800).await;
}
