//! How many times one after the other the API server is waited for between a signal and its card: every such round is
//! milliseconds in which nobody knows. When one of these numbers grows, a read waits for another that it does not need.
use super::*;
use crate::domain::{
    action::RevisionRef,
    view::{ContainerState, PodView},
};
use axum::{
    extract::Request,
    middleware::{Next, from_fn},
};
use std::sync::Mutex;
use tokio::time::Instant;

/// Every answer takes this long, so that the time that passes counts the rounds.
const ANSWER: Duration = Duration::from_millis(10);

/// Method and path of the requests that were not watches.
type Requests = Arc<Mutex<Vec<String>>>;

fn slow(requests: &Requests) -> impl FnOnce(axum::Router) -> axum::Router + use<> {
    let requests = requests.clone();
    move |router| {
        router.layer(from_fn(move |request: Request, next: Next| {
            let requests = requests.clone();
            async move {
                let query = request.uri().query().unwrap_or_default();
                if !query.contains("watch=") {
                    let cached = query.contains("resourceVersion=");
                    let cached = if cached { " from its cache" } else { "" };
                    let line = format!("{} {}{cached}", request.method(), request.uri().path());
                    requests.lock().unwrap().push(line);
                    tokio::time::sleep(ANSWER).await;
                }
                next.run(request).await
            }
        }))
    }
}

/// Runs it: what came, in how many rounds, and with which requests.
async fn counted<T>(
    requests: &Requests,
    pod: &str,
    work: impl Future<Output = T>,
) -> (T, u128, String) {
    requests.lock().unwrap().clear();
    let begun = Instant::now();
    let result = work.await;
    let rounds = begun.elapsed().as_millis() / ANSWER.as_millis();
    let mut lines = std::mem::take(&mut *requests.lock().unwrap());
    lines.sort();
    (result, rounds, lines.join("\n").replace(pod, "POD"))
}

/// A Deployment whose second revision crashes: what the signal is about, and the undo.
async fn crash_loop(world: &World) -> (Subject, Action) {
    world.apply("web", 1, BUSYBOX, FINE);
    pass(60).await;
    let owner = world.apply("web", 1, BUSYBOX, "echo fatal: no PAYMENT_URL; exit 1");
    pass(60).await;
    let (evidence, sick) = loop {
        let subject = world.subject(&owner, Family::Crash);
        let evidence = world.cluster.inspect(subject).await.unwrap();
        let sick = evidence.pods.iter().find(|pod| !pod.ready).cloned();
        let waits = |pod: &PodView| matches!(&pod.containers[0].state, ContainerState::Waiting { reason, .. } if reason == "CrashLoopBackOff");
        if let Some(sick) = sick.filter(waits) {
            break (evidence, sick);
        }
        pass(1).await;
    };
    let subject = Subject {
        object: sick.object(),
        container: Some("app".into()),
        reason: "CrashLoopBackOff".into(),
        ..world.subject(&owner, Family::Crash)
    };
    let of = |index: usize| RevisionRef {
        number: evidence.revisions[index].number,
        name: evidence.revisions[index].name.clone(),
    };
    let undo = Action::RolloutUndo {
        target: owner,
        to: of(1),
        from: of(0),
    };
    (subject, undo)
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_takes_one_round_of_reads_and_one_request_for_the_dry_run() {
    let requests = Requests::default();
    let world = World::behind(slow(&requests), |_| {});
    let _watching = world.watch();
    let (subject, undo) = crash_loop(&world).await;
    let pod = subject.object.name.clone();

    let work = world.cluster.inspect(subject);
    let (evidence, rounds, lines) = counted(&requests, &pod, work).await;
    let evidence = evidence.unwrap();
    assert_eq!(rounds, 1, "{lines}");
    insta::assert_snapshot!(lines, @r"
    GET /api/v1/namespaces/shop/pods from its cache
    GET /api/v1/namespaces/shop/pods/POD/log
    GET /apis/apps/v1/namespaces/shop/deployments/web from its cache
    GET /apis/apps/v1/namespaces/shop/replicasets from its cache
    ");
    assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
    assert_eq!(evidence.logs[0].lines, ["fatal: no PAYMENT_URL"]);
    assert_eq!((evidence.pods.len(), evidence.revisions.len()), (2, 2));
    assert!(evidence.revisions[0].current);

    let work = world.cluster.dry_run(undo);
    let (dry_run, rounds, lines) = counted(&requests, &pod, work).await;
    assert_eq!(rounds, 1, "{lines}");
    insta::assert_snapshot!(lines, @"PATCH /apis/apps/v1/namespaces/shop/deployments/web");
    let dry_run = dry_run.unwrap();
    assert_eq!((dry_run.generation, dry_run.refusal), (2, None));
    assert_eq!(
        dry_run.diff,
        [
            r#"containers[app].command: ["sh","-c","echo fatal: no PAYMENT_URL; exit 1"] → ["sh","-c","sleep 100000"]"#
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_watches_have_not_told_is_read_first() {
    let requests = Requests::default();
    let world = World::behind(slow(&requests), |_| {});
    let (subject, undo) = crash_loop(&world).await;
    let pod = subject.object.name.clone();
    let work = world.cluster.inspect(subject);
    let (evidence, rounds, lines) = counted(&requests, &pod, work).await;
    assert_eq!(rounds, 2, "the owner, then its pods and revisions: {lines}");
    let evidence = evidence.unwrap();
    assert_eq!((evidence.pods.len(), evidence.revisions.len()), (2, 2));
    pass(5).await;
    let work = world.cluster.dry_run(undo);
    let (dry_run, rounds, lines) = counted(&requests, &pod, work).await;
    assert_eq!(
        rounds, 3,
        "the owner, the revision, then the change: {lines}"
    );
    assert_eq!(dry_run.unwrap().refusal, None);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_is_about_what_is_there_now_however_short_ago_the_evidence_was_read() {
    let requests = Requests::default();
    let world = World::behind(slow(&requests), |_| {});
    let _watching = world.watch();
    let (subject, undo) = crash_loop(&world).await;
    let pod = subject.object.name.clone();
    world.cluster.inspect(subject).await.unwrap();
    world.apply("web", 1, BUSYBOX, "exit 2");
    let work = world.cluster.dry_run(undo);
    let (dry_run, rounds, lines) = counted(&requests, &pod, work).await;
    let dry_run = dry_run.unwrap();
    assert_eq!(rounds, 4, "refused as outdated, then read again: {lines}");
    assert_eq!(dry_run.generation, 3);
    assert_eq!(
        dry_run.diff,
        [r#"containers[app].command: ["sh","-c","exit 2"] → ["sh","-c","sleep 100000"]"#]
    );
}

/// A server whose cache never gets as far as the watches were.
fn behind(router: axum::Router) -> axum::Router {
    router.layer(from_fn(|request: Request, next: Next| async move {
        let query = request.uri().query().unwrap_or_default();
        if query.contains("resourceVersionMatch=") {
            return axum::response::IntoResponse::into_response((
                http::StatusCode::GATEWAY_TIMEOUT,
                axum::Json(json!({
                    "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 504, "reason": "Timeout",
                    "message": "Too large resource version: 5, current: 4",
                })),
            ));
        }
        next.run(request).await
    }))
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_behind_the_watches_is_asked_for_what_is_stored() {
    let world = World::behind(behind, |_| {});
    let _watching = world.watch();
    let (subject, _) = crash_loop(&world).await;
    let evidence = world.cluster.inspect(subject).await.unwrap();
    assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
    assert_eq!((evidence.pods.len(), evidence.revisions.len()), (2, 2));
}
