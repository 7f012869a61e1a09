//! Containers that end again and again.
use crate::support::{people::Person::Olivia, world::{WORKS, World}};

#[tokio::test(start_paused = true)]
async fn a_crash_loop_after_a_rollout_is_rolled_back_proved_and_remembered() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.rolls_out("checkout", 2, "echo 'FATAL: PAYMENT_URL is not set' >&2; sleep 1; exit 1");
    let card = world.offer("checkout").await;
    let words = card.words();
    assert!(words.contains("FATAL: PAYMENT_URL is not set"), "{words}");
    assert!(words.contains("Roll back to revision 1"), "{words}");
    assert!(words.contains("kubectl rollout undo deployment/checkout -n shop --to-revision=1"), "{words}");
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Recovered").await;
    assert!(world.again(&card).text.contains("Recovered"));
    assert_eq!(world.changes(), 1);
    let memory = Olivia.types(&world, "memory").await;
    assert!(memory.contains("1 of 1"), "{memory}");
}

#[tokio::test(start_paused = true)]
async fn the_first_look_at_a_crash_finds_its_cause() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.rolls_out("checkout", 2, "echo 'FATAL: broken' >&2; sleep 1; exit 1");
    world.offer("checkout").await;
    let audit = world.store.read(|connection| heal::store::list_audit(connection, None)).unwrap();
    let diagnoses: Vec<_> = audit.iter().filter(|row| row.what == "incident.diagnosed").map(|row| &row.detail).collect();
    assert_eq!(diagnoses.len(), 1, "{diagnoses:#?}");
}
