//! The adapter against the simulated Prometheus over the simulated cluster, and against answers that are none.
use super::*;
use crate::sim::{
    kube::{KubeSim, Options, tokio_clock},
    prometheus::{Labels as SimLabels, Point, PrometheusSim},
};
use crate::wire::in_process;
use axum::{Router, response::IntoResponse};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};

fn place(auth: Auth) -> Place {
    Place {
        url: "http://prometheus.invalid/prefix/".parse().unwrap(),
        auth,
        headers: vec![(
            HeaderName::from_static("x-scope-orgid"),
            HeaderValue::from_static("shop"),
        )],
        labels: Labels::default(),
    }
}

fn pod(name: &str, script: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"containers": [{"name": "app", "image": "busybox:1.36", "command": ["sh", "-c", script],
            "resources": {"limits": {"memory": "64Mi"}}}]},
    })
}

fn world() -> (KubeSim, PrometheusSim, Prometheus) {
    let kube = KubeSim::new(Options::new(tokio_clock(
        "2026-11-20T08:00:00Z".parse().unwrap(),
    )));
    let sim = PrometheusSim::new(kube.clone(), Duration::from_secs(15));
    let router = Router::new().nest("/prefix", sim.router());
    let source = Prometheus::new(in_process(router), place(Auth::None));
    (kube, sim, source)
}

async fn seconds(count: u64) {
    tokio::time::sleep(Duration::from_secs(count)).await;
}

/// MiB in use by pod.
fn used(readings: &Readings) -> String {
    let mut lines: Vec<String> = readings
        .containers
        .iter()
        .map(|reading| {
            let mib = reading.used / 1024.0 / 1024.0;
            format!("{}/{} {mib:.0}", reading.pod, reading.container)
        })
        .collect();
    lines.sort();
    format!("{:?}: {}", readings.source, lines.join(", "))
}

#[tokio::test(start_paused = true)]
async fn page_cache_is_not_counted_where_it_can_be_told_apart() {
    let (kube, sim, source) = world();
    kube.apply(pod("leaky", "leak 0.1 8 32")).unwrap();
    kube.apply(pod("reader", "pagecache 40; sleep infinity"))
        .unwrap();
    // Between two scrapes: one of them may fall between two queries.
    seconds(127).await;
    let mut seen = vec![used(&source.read().await.unwrap())];
    for metric in [
        "container_memory_total_active_file_bytes",
        "container_memory_mapped_file",
    ] {
        sim.hide(metric);
        seconds(3601).await;
        seen.push(used(&source.read().await.unwrap()));
    }
    insta::assert_snapshot!(seen.join("\n"), @r"
    Prometheus: leaky/app 20, reader/app 1
    Prometheus: leaky/app 32, reader/app 1
    PrometheusWorkingSet: leaky/app 32, reader/app 41
    ");
    sim.hide("container_memory_working_set_bytes");
    seconds(3601).await;
    let error = source.read().await.unwrap_err();
    insta::assert_snapshot!(error, @"it has no container_memory_working_set_bytes with the configured labels: is cAdvisor scraped?");
}

#[tokio::test(start_paused = true)]
async fn readings_carry_the_time_of_their_scrape_and_the_processor_time() {
    let (kube, _sim, source) = world();
    kube.apply(pod("leaky", "leak 0.1 8 32")).unwrap();
    seconds(67).await;
    let readings = source.read().await.unwrap();
    let reading = &readings.containers[0];
    let now = kube.now().as_millisecond() as f64 / 1000.0;
    assert!((now - reading.at - 7.0).abs() < 0.1, "{} {now}", reading.at);
    assert!((reading.cpu.unwrap() - 0.01).abs() < 1e-6);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_new_run_is_read_and_not_the_old_one() {
    let (kube, _sim, source) = world();
    kube.apply(pod("leaky", "leak 2 8")).unwrap();
    seconds(20).await;
    let mut last = 0.0;
    for _ in 0..20 {
        seconds(5).await;
        // Between its runs there is no container.
        let Ok(readings) = source.read().await else {
            continue;
        };
        let reading = &readings.containers[0];
        assert_eq!(readings.containers.len(), 1);
        if reading.used < last {
            return;
        }
        last = reading.used;
    }
    panic!("the container was never seen with less than before");
}

#[tokio::test(start_paused = true)]
async fn of_two_series_of_one_container_the_newest_counts() {
    let labels =
        |run: &str| json!({"namespace": "shop", "pod": "a", "container": "app", "name": run});
    let vector = |values: [(&str, &str); 2]| {
        let result: Vec<Value> = values
            .iter()
            .map(|(run, value)| json!({"metric": labels(run), "value": [1000.0, value]}))
            .collect();
        json!({"status": "success", "data": {"resultType": "vector", "result": result}}).to_string()
    };
    let (used, cpu) = (
        vector([("old", "64e6"), ("new", "5e6")]),
        vector([("old", "0.9"), ("new", "0.1")]),
    );
    let keys = RandomState::new();
    let read = |taken: [(&str, &str); 2]| {
        let taken = vector(taken);
        Join::new(Labels::default(), keys.clone())
            .taken(taken.as_bytes())
            .and_then(|join| join.used(used.as_bytes()))
            .and_then(|join| join.cpu(cpu.as_bytes()))
            .unwrap()
            .readings()
    };
    for (taken, used, cpu) in [
        ([("old", "940"), ("new", "990")], 5e6, 0.1),
        ([("old", "990"), ("new", "940")], 64e6, 0.9),
        ([("old", "990"), ("new", "990")], 64e6, 0.9),
    ] {
        let readings = read(taken);
        assert_eq!(readings.len(), 1);
        assert_eq!((readings[0].used, readings[0].cpu), (used, Some(cpu)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_past_has_mean_and_maximum_of_each_run() {
    let (kube, sim, source) = world();
    kube.apply(pod("alive", "sleep infinity")).unwrap();
    seconds(20).await;
    let now = kube.now().as_second() as f64;
    let labels = SimLabels {
        namespace: "shop".to_owned(),
        pod: "gone-7d9f8b6c5d-x2x4z".to_owned(),
        container: "app".to_owned(),
        name: "r1".to_owned(),
    };
    let point = |number: u32| Point {
        t: now - 7200.0 + f64::from(number) * 60.0,
        anon: 1_000_000 * u64::from(number % 5),
        file: 500,
        shmem: 0,
        stale: false,
    };
    sim.remember(labels, (0..60).map(point));
    let span = Span {
        namespace: "shop".to_owned(),
        from: now as i64 - 7200,
        to: now as i64,
        step: 300,
    };
    let runs = source.past(span).await.unwrap();
    let runs: Vec<&PastRun> = runs.iter().filter(|run| run.run == "r1").collect();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].points.len(), 13, "an hour of steps, at both ends");
    let whole = &runs[0].points[3];
    assert_eq!((whole.mean, whole.max), (2e6, 4e6));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_shown_and_its_lack_is_told() {
    let (_kube, sim, refused) = world();
    sim.require_token("s3cret");
    let error = refused.read().await.unwrap_err();
    assert!(matches!(error, UsageError::Refused(_)), "{error:?}");
    insta::assert_snapshot!(error, @"it wants other credentials (401): Unauthorized");
    let router = Router::new().nest("/prefix", sim.router());
    let token = Auth::Bearer(SecretString::from("s3cret"));
    let source = Prometheus::new(in_process(router), place(token));
    let error = source.read().await.unwrap_err();
    assert!(matches!(error, UsageError::Wrong(_)), "let in: {error:?}");
}

#[tokio::test]
async fn user_and_further_headers_are_sent() {
    let router = Router::new().fallback(|headers: HeaderMap| async move {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        let said = format!("{} {}", header("authorization"), header("x-scope-orgid"));
        let body = json!({"status": "error", "errorType": "internal", "error": said});
        (StatusCode::INTERNAL_SERVER_ERROR, body.to_string())
    });
    let auth = Auth::Basic {
        user: "ann".to_owned(),
        password: SecretString::from("x:y"),
    };
    let error = Prometheus::new(in_process(router), place(auth))
        .read()
        .await
        .unwrap_err();
    insta::assert_snapshot!(error, @"it failed (500): Basic YW5uOng6eQ== shop");
}

#[tokio::test]
async fn answers_that_are_none_are_told_as_what_they_are() {
    let html = || [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    let json_type = || [(header::CONTENT_TYPE, "application/json")];
    let error = |text: &str| {
        json!({"status": "error", "errorType": "execution", "error": text}).to_string()
    };
    let answers = [
        (html(), "<html>login</html>").into_response(),
        (StatusCode::NOT_FOUND, "404 page not found").into_response(),
        (StatusCode::FORBIDDEN, html(), "<html>no</html>").into_response(),
        (StatusCode::FOUND, "").into_response(),
        (json_type(), r#"{"kind":"Status"}"#).into_response(),
        (
            json_type(),
            r#"{"status":"success","data":{"result":[{"metric":{},"value":[1,"x"]}]}}"#,
        )
            .into_response(),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            error("query processing would load too many samples"),
        )
            .into_response(),
        (json_type(), error("the series limit was hit")).into_response(),
        (json_type(), error("storage is broken")).into_response(),
        (StatusCode::BAD_GATEWAY, html(), "<html>502</html>").into_response(),
    ];
    let mut lines = Vec::new();
    for answer in answers {
        let answer = std::sync::Arc::new(Mutex::new(Some(answer)));
        let router = Router::new().fallback(move || {
            let answer = answer.lock().unwrap().take().unwrap();
            async move { answer }
        });
        let source = Prometheus::new(in_process(router), place(Auth::None));
        let error = source.read().await.unwrap_err();
        let kind = format!("{error:?}");
        lines.push(format!("{}: {error}", kind.split('(').next().unwrap()));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    Wrong: a web page came instead of figures: is this Prometheus' own address, with its path?
    Wrong: there is no query API at this address (404): 404 page not found
    Refused: these credentials may not query it (403)
    Wrong: it redirects (302), probably to a login page: is this its own address?
    Wrong: its answer is not that of the query API: missing field `status` at line 1 column 17
    Wrong: its answer is not that of the query API: invalid float literal at line 1 column 65
    TooMuch: query processing would load too many samples
    TooMuch: it answered execution: the series limit was hit
    Away: it answered execution: storage is broken
    Away: it failed (502)
    ");
}

#[tokio::test(start_paused = true)]
async fn series_that_are_gone_are_missed_at_once_and_seen_at_once_when_they_are_back() {
    const WORKING_SET: &str = "container_memory_working_set_bytes";
    let (kube, sim, source) = world();
    kube.apply(pod("web", "sleep infinity")).unwrap();
    seconds(40).await;
    assert_eq!(source.read().await.unwrap().containers.len(), 1);
    sim.hide(WORKING_SET);
    seconds(30).await;
    let error = source.read().await.unwrap_err();
    insta::assert_snapshot!(error, @"it has no container_memory_working_set_bytes with the configured labels: is cAdvisor scraped?");
    sim.show(WORKING_SET);
    seconds(30).await;
    assert_eq!(source.read().await.unwrap().containers.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn files_in_memory_count_where_shared_memory_is_exported() {
    let (kube, sim, source) = world();
    let labels = SimLabels {
        namespace: "shop".to_owned(),
        pod: "tmpfs".to_owned(),
        container: "app".to_owned(),
        name: "r1".to_owned(),
    };
    let point = Point {
        t: kube.now().as_second() as f64,
        anon: 2 << 20,
        file: 16 << 20,
        shmem: 40 << 20,
        stale: false,
    };
    sim.remember(labels, [point]);
    sim.hide("container_memory_total_active_file_bytes");
    sim.show("container_memory_shmem");
    let mut seen = vec![used(&source.read().await.unwrap())];
    sim.show("container_memory_kernel_usage");
    let router = Router::new().nest("/prefix", sim.router());
    let again = Prometheus::new(in_process(router), place(Auth::None));
    seen.push(used(&again.read().await.unwrap()));
    // Two MiB are resident; the kernel kills for all of it.
    insta::assert_snapshot!(seen.join("\n"), @r"
    Prometheus: tmpfs/app 42
    Prometheus: tmpfs/app 43
    ");
}

#[tokio::test(start_paused = true)]
async fn labels_may_have_other_names() {
    let (kube, sim, unaware) = world();
    kube.apply(pod("leaky", "leak 0.1 8 32")).unwrap();
    for (label, name) in [
        ("namespace", "kubernetes_namespace"),
        ("pod", "pod_name"),
        ("container", "container_name"),
        ("name", "id"),
    ] {
        sim.rename(label, name);
    }
    seconds(127).await;
    let renamed = Place {
        labels: Labels {
            namespace: "kubernetes_namespace".to_owned(),
            pod: "pod_name".to_owned(),
            container: "container_name".to_owned(),
            run: "id".to_owned(),
            matcher: "job=\"kubelet\"".to_owned(),
        },
        ..place(Auth::None)
    };
    let router = Router::new().nest("/prefix", sim.router());
    let source = Prometheus::new(in_process(router), renamed);
    let readings = source.read().await.unwrap();
    insta::assert_snapshot!(used(&readings), @"Prometheus: leaky/app 20");
    assert_eq!(readings.containers[0].namespace, "shop");
    let now = kube.now().as_second();
    let span = Span {
        namespace: "shop".to_owned(),
        from: now - 120,
        to: now,
        step: 60,
    };
    let runs = source.past(span).await.unwrap();
    assert_eq!((runs.len(), runs[0].pod.as_str()), (1, "leaky"));
    assert!(
        unaware.read().await.is_err(),
        "the default names find nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_in_a_file_is_read_anew_after_it_was_replaced() {
    let (_kube, sim, _) = world();
    let path = std::env::temp_dir().join(format!("heal-token-{}", std::process::id()));
    let router = Router::new().nest("/prefix", sim.router());
    let source = Prometheus::new(in_process(router), place(Auth::BearerFile(path.clone())));
    let mut seen = Vec::new();
    for (wanted, in_file) in [("one", "one"), ("two", "one"), ("two", "two")] {
        sim.require_token(wanted);
        std::fs::write(&path, format!("{in_file}\n")).unwrap();
        let error = source.read().await.unwrap_err();
        seen.push(!matches!(error, UsageError::Refused(_)));
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(seen, [true, false, true], "let in");
    let error = source.read().await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the token's file cannot be read"),
        "{error}"
    );
}
