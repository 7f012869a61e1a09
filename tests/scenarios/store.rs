//! What Heal promises of its database: nothing leaves before it is stored, and much is stored at once.
use crate::support::{people::Person::Olivia, world::World};
use heal::{ports::Sighting, store::Store};
use std::{sync::mpsc, thread::JoinHandle};

/// The database while somebody else holds it: whoever writes waits. Virtual time stands still then.
struct Held {
    until: mpsc::Sender<()>,
    holder: JoinHandle<()>,
}

impl Held {
    fn take(store: &Store) -> Self {
        let (until, end) = mpsc::channel::<()>();
        let (has, held) = mpsc::channel::<()>();
        let store = store.clone();
        let holder = std::thread::spawn(move || {
            let hold = |_: &_| {
                has.send(()).unwrap();
                end.recv().unwrap();
                Ok(())
            };
            store.read(hold).unwrap();
        });
        held.recv().unwrap();
        Self { until, holder }
    }

    fn let_go(self) {
        self.until.send(()).unwrap();
        self.holder.join().unwrap();
    }
}

/// Lets everything run that can.
async fn all_run() {
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn before_a_decision_is_stored_nothing_of_it_reaches_the_cluster_or_slack() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    // Who she is is known then: the click asks Slack nothing.
    Olivia.types(&world, "status").await;
    world.passes(5).await;
    let seen = || (world.kube.requests().len(), world.slack.calls().len());
    let before = seen();
    let held = Held::take(&world.store);
    let pressing = Olivia.presses(&world, &card, "approve");
    tokio::pin!(pressing);
    tokio::select! {
        biased;
        _ = &mut pressing => panic!("the click was answered"),
        () = all_run() => {}
    }
    assert_eq!(seen(), before);
    held.let_go();
    pressing.await;
    world.thread_says(&card, "Recovered").await;
    assert_eq!(world.changes(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_comes_in_while_the_database_is_busy_is_stored_in_one_go() {
    let world = World::start().await;
    world.passes(60).await;
    let commits = async || world.figure("heal_commit_seconds_count").await.unwrap();
    let before = commits().await;
    let held = Held::take(&world.store);
    for _ in 0..200 {
        let reason = "told by this test".to_owned();
        world.tells(Sighting::Suppressed { reason, count: 1 }).await;
    }
    all_run().await;
    assert_eq!(commits().await, before);
    held.let_go();
    world.passes(1).await;
    let sample = r#"heal_suppressed_total{reason="told by this test"}"#;
    assert_eq!(world.figure(sample).await, Some(200.0));
    // The first to come, for which the others had to wait, and the others.
    assert_eq!(commits().await - before, 2.0);
}
