//! Events about an object, as the watch tells them and as a read tells them.
use super::*;
use crate::cluster::events;

#[tokio::test(start_paused = true)]
async fn what_the_watch_told_is_what_a_read_tells() {
    let world = World::new(|_| {});
    let read = world.another();
    let owner = world.apply("web", 1, BUSYBOX, "exit 1");
    let _watching = world.watch();
    pass(90).await;
    let subject = world.subject(&owner, Family::Crash);
    let evidence = world.cluster.inspect(subject).await.unwrap();
    let pod = evidence.pods[0].object();
    for object in [owner, pod] {
        let told = events::about(&world.cluster, &object).await.unwrap();
        let mut live = events::about(&read, &object).await.unwrap();
        live.sort_by_key(|event| told.iter().position(|other| other.uid == event.uid));
        assert_eq!(told, live);
        assert_eq!(told.is_empty(), object.kind != Kind::Pod, "{object}");
    }
}
