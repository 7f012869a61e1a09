//! Memory figures of a real cluster: what its Prometheus and its metrics-server know of a container that grows. Only where
//! `HEAL_TEST_PROMETHEUS` names the address of a Prometheus that scrapes the cluster of `HEAL_TEST_KUBECONFIG`.
use crate::support::{
    leak::prometheus,
    place::{Place, real, real_prometheus},
};
use heal::{
    cluster::{Clients, ClusterConfig, KubeCluster},
    domain::forecast::Source,
    ports::{Clock, PastRun, Reading, Span, UsageSource},
    usage::prometheus::{Measure, Prometheus},
};
use jiff::Timestamp;
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// Takes 16 MB at once and then 150 KB a second in steps of that size: some five minutes to a limit of 64 MiB. (A shell's texts
/// would be copied, and killed half-way.)
const LEAKS: &str = r#"exec awk 'BEGIN { a[i++] = sprintf("%16000000s", "x");
while (1) { a[i++] = sprintf("%150000s", "x"); system("sleep 1") } }'"#;
/// Reads a file of 40 MiB again and again: all of that is page cache, and active.
const READS: &str =
    "head -c 40m /dev/zero > /tmp/f; while true; do cat /tmp/f > /dev/null; sleep 1; done";

/// So often the cluster is asked for its figures, every two seconds.
const TRIES: usize = 150;

struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

fn given() -> Option<(Place, String)> {
    Some((real()?, real_prometheus()?))
}

/// A namespace of this process: one of the same name may still be going from the run before.
fn own(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

fn runs(place: &Place, namespace: &str, name: &str, script: &str, limit: &str) {
    place.apply(&json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{
            "name": "app", "image": "docker.io/library/busybox:1.36", "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", script], "resources": {"limits": {"memory": limit}}}]},
    }));
}

/// Waits for a reading of this pod that is as it should be; the last one is in the message of the failure.
async fn reading(
    source: &dyn UsageSource,
    namespace: &str,
    pod: &str,
    fits: impl Fn(&Reading) -> bool,
) -> Reading {
    let mut last = None;
    for _ in 0..TRIES {
        if let Ok(readings) = source.read().await {
            let mut all = readings.containers.into_iter();
            let found = all.find(|of| of.namespace == namespace && of.pod == pod);
            if let Some(found) = found {
                if fits(&found) {
                    return found;
                }
                last = Some(found);
            }
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    panic!("no such reading of {pod}; the last was {last:?}");
}

/// Waits until the past of this pod has two points: cAdvisor looks at a container every ten to twenty seconds only, whatever
/// the scrapes do.
async fn past(source: &Prometheus, namespace: &str, from: i64, pod: &str) -> PastRun {
    for _ in 0..TRIES {
        let span = Span {
            namespace: namespace.to_owned(),
            from,
            to: Timestamp::now().as_second(),
            step: 10,
        };
        let runs = source.past(span).await.unwrap();
        let found = runs.into_iter().find(|run| run.pod == pod);
        if let Some(run) = found.filter(|run| run.points.len() >= 2) {
            return run;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    panic!("no past of {pod}");
}

#[tokio::test]
async fn a_container_that_grows_and_one_that_reads_files_are_told_apart() {
    let Some((place, url)) = given() else { return };
    let namespace = &own("heal-figures");
    place.namespace(namespace);
    runs(&place, namespace, "grows", LEAKS, "128Mi");
    runs(&place, namespace, "reads", READS, "128Mi");
    let began = Timestamp::now().as_second();
    let prometheus = prometheus(&url);
    let mib = 1024.0 * 1024.0;
    let low = reading(&prometheus, namespace, "grows", |of| of.used > 2.0 * mib).await;
    // The endpoint that tells page cache apart may answer later than the one that does not.
    let mut measure = Measure::WorkingSet;
    for _ in 0..TRIES {
        measure = prometheus.probe().await.unwrap().measure;
        if measure != Measure::WorkingSet {
            break;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    assert_eq!(measure, Measure::ActiveFile);
    // A busy machine scrapes late now and then.
    let age = |of: &Reading| Timestamp::now().as_second() as f64 - of.at;
    let high = reading(&prometheus, namespace, "grows", |of| {
        of.used > low.used + 4.0 * mib && age(of).abs() < 30.0
    })
    .await;
    assert!(high.at > low.at, "by the time of the scrape");
    let read = reading(&prometheus, namespace, "reads", |_| true).await;
    assert!(
        read.used < 20.0 * mib,
        "page cache is not counted: {read:?}"
    );
    let readings = prometheus.read().await.unwrap();
    assert_eq!(readings.source, Source::Prometheus);
    let mut names: Vec<[&str; 3]> = readings
        .containers
        .iter()
        .map(|of| [&*of.namespace, &*of.pod, &*of.container])
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "each container once");
    let run = past(&prometheus, namespace, began - 60, "grows").await;
    assert!(run.points.iter().all(|point| point.max >= point.mean));

    let clients = Clients::of(place.heal_client().await);
    let cluster = KubeCluster::new(clients, ClusterConfig::named("real"), Arc::new(Now));
    let api = cluster.usage();
    match api.read().await {
        Ok(_) => {
            let small = reading(&api, namespace, "grows", |of| of.used > 2.0 * mib).await;
            assert!(age(&small).abs() < 300.0, "{small:?}");
        }
        Err(error) => eprintln!("skipped: {error}"),
    }
    place.delete("Namespace", "", namespace);
}
