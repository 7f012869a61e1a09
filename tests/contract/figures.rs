//! Memory figures of a real cluster: what its Prometheus and its metrics-server know of a container that grows. Only where
//! `HEAL_TEST_PROMETHEUS` names the address of a Prometheus that scrapes the cluster of `HEAL_TEST_KUBECONFIG`.
use crate::support::place::{Place, real};
use heal::{
    cluster::{Clients, ClusterConfig, KubeCluster},
    domain::forecast::Source,
    ports::{Clock, Reading, Span, UsageSource},
    usage::{
        prometheus::{Auth, Labels, Measure, Prometheus},
        transport::network,
    },
};
use jiff::Timestamp;
use serde_json::json;
use std::{sync::Arc, time::Duration};

const NAMESPACE: &str = "heal-figures";
/// Grows by some 400 KiB a second, until it is killed.
const GROWS: &str =
    "s=x; while true; do s=\"$s$(head -c 400000 /dev/zero | tr '\\0' x)\"; sleep 1; done";
/// Reads a file of 40 MiB again and again: all of that is page cache, and active.
const READS: &str =
    "head -c 40m /dev/zero > /tmp/f; while true; do cat /tmp/f > /dev/null; sleep 1; done";

struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

fn given() -> Option<(Place, String)> {
    let place = real()?;
    let Ok(url) = std::env::var("HEAL_TEST_PROMETHEUS") else {
        eprintln!("skipped: HEAL_TEST_PROMETHEUS names no address");
        return None;
    };
    Some((place, url))
}

fn runs(place: &Place, name: &str, script: &str) {
    place.apply(&json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{
            "name": "app", "image": "docker.io/library/busybox:1.36", "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", script], "resources": {"limits": {"memory": "128Mi"}}}]},
    }));
}

/// Waits for a reading of this pod that is as it should be; the last one is in the message of the failure.
async fn reading(source: &dyn UsageSource, pod: &str, fits: impl Fn(&Reading) -> bool) -> Reading {
    let mut last = None;
    for _ in 0..60 {
        if let Ok(readings) = source.read().await {
            let mut all = readings.containers.into_iter();
            let found = all.find(|of| of.namespace == NAMESPACE && of.pod == pod);
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

#[tokio::test]
async fn a_container_that_grows_and_one_that_reads_files_are_told_apart() {
    let Some((place, url)) = given() else { return };
    place.namespace(NAMESPACE);
    runs(&place, "grows", GROWS);
    runs(&place, "reads", READS);
    let at = heal::usage::prometheus::Place {
        url: url.parse().unwrap(),
        auth: Auth::None,
        headers: vec![],
        labels: Labels::default(),
    };
    let began = Timestamp::now().as_second();
    let prometheus = Prometheus::new(network(None).unwrap(), at);
    let mib = 1024.0 * 1024.0;
    let low = reading(&prometheus, "grows", |of| of.used > 2.0 * mib).await;
    let exported = prometheus.probe().await.unwrap();
    assert_eq!(exported.measure, Measure::ActiveFile);
    let high = reading(&prometheus, "grows", |of| of.used > low.used + 4.0 * mib).await;
    assert!(high.at > low.at, "by the time of the scrape");
    let now = Timestamp::now().as_second() as f64;
    assert!((now - high.at).abs() < 30.0, "{} {now}", high.at);
    let read = reading(&prometheus, "reads", |_| true).await;
    assert!(
        read.used < 20.0 * mib,
        "page cache is not counted: {read:?}"
    );
    let readings = prometheus.read().await.unwrap();
    assert_eq!(readings.source, Source::Prometheus);
    let mut names: Vec<(&str, &str)> = readings
        .containers
        .iter()
        .map(|of| (of.pod.as_str(), of.container.as_str()))
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "each container once");
    let span = Span {
        namespace: NAMESPACE.to_owned(),
        from: began,
        to: Timestamp::now().as_second(),
        step: 10,
    };
    let past = prometheus.past(span).await.unwrap();
    let run = past.iter().find(|run| run.pod == "grows").unwrap();
    assert!(run.points.len() >= 2 && run.points.iter().all(|point| point.max >= point.mean));

    let clients = Clients::of(place.heal_client().await);
    let cluster = KubeCluster::new(clients, ClusterConfig::named("real"), Arc::new(Now));
    let own = cluster.usage();
    match own.read().await {
        Ok(_) => {
            let small = reading(&own, "grows", |of| of.used > 2.0 * mib).await;
            assert!((now - small.at).abs() < 300.0, "{small:?}");
        }
        Err(error) => eprintln!("skipped: {error}"),
    }
    place.delete("Namespace", "", NAMESPACE);
}
