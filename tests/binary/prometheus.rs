//! A Prometheus that is reached over TLS with a certificate of its own authority, and lets in only who proves itself.
use crate::support::{
    installation::Installation,
    place::{Place, simulated},
    tls,
};
use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
};
use heal::sim::prometheus::{Labels, Point, PrometheusSim};
use http::StatusCode;
use jiff::Timestamp;
use std::time::Duration;

/// What `heal check` says of the figures of a Prometheus that wants this proof and a further header, when these lines of the
/// configuration say how it is asked.
async fn checked(name: &str, wants: &'static str, lines: &str) -> String {
    let place = simulated().await;
    let Place::Simulated { cluster, .. } = &place else {
        unreachable!("it was just made")
    };
    let figures = PrometheusSim::new(cluster.clone(), Duration::from_secs(3600));
    let labels = Labels {
        namespace: "shop".to_owned(),
        pod: "checkout".to_owned(),
        container: "app".to_owned(),
        name: "r1".to_owned(),
    };
    let point = Point {
        t: Timestamp::now().as_second() as f64,
        anon: 1 << 20,
        file: 0,
        shmem: 0,
        stale: false,
    };
    figures.remember(labels, [point]);
    let guard = move |request: Request, next: Next| async move {
        let proof = shown(&request, "authorization") == Some(wants);
        if proof && shown(&request, "x-scope-orgid") == Some("shop") {
            Ok(next.run(request).await)
        } else {
            Err(StatusCode::UNAUTHORIZED)
        }
    };
    let router = Router::new().nest("/prometheus", figures.router());
    let url = tls::serve(router.layer(from_fn(guard))).await;
    let lines = format!(
        "[forecast.prometheus]\nurl = \"{url}/prometheus\"\nheaders = {{ \"X-Scope-OrgID\" = \"shop\" }}\n{lines}"
    );
    let installation = Installation::prepared(place, name, &lines, |_| {}).await;
    let (_, text) = installation.check().await;
    let mut lines = text.lines();
    let found = lines.find(|line| line.contains("memory figures of Prometheus"));
    let remedy = lines.next().filter(|line| line.contains('→'));
    let said: Vec<&str> = found.into_iter().chain(remedy).collect();
    said.join("\n")
}

fn shown<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// A line of the configuration that names a file with a secret.
fn secret(key: &str, value: &str) -> String {
    let name = format!("heal-t-{key}-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, value).unwrap();
    format!("{key} = {path:?}\n")
}

fn trusting(file: &str) -> String {
    format!("ca_file = {:?}\n", tls::file(file))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_its_authority_a_token_or_a_user_and_a_further_header_it_answers() {
    let token = trusting("authority.pem") + &secret("token_file", "s3cret\n");
    let user =
        trusting("authority.pem") + "username = \"ann\"\n" + &secret("password_file", "x:y\n");
    let said = [
        checked("ca-token", "Bearer s3cret", &token).await,
        // ann:x:y
        checked("ca-user", "Basic YW5uOng6eQ==", &user).await,
        checked("ca-none", "Bearer s3cret", &trusting("authority.pem")).await,
    ];
    insta::assert_snapshot!(said.join("\n"), @r"
    ok       memory figures of Prometheus: working set without active page cache; 0 of 0 running containers
    ok       memory figures of Prometheus: working set without active page cache; 0 of 0 running containers
    PROBLEM  memory figures of Prometheus: it wants other credentials (401)
             → the keys under [forecast.prometheus]; a way from Heal to its address
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_authority_the_setting_that_is_missing_is_named() {
    let said = [
        checked("ca-usual", "Bearer s3cret", "").await,
        checked("ca-another", "Bearer s3cret", &trusting("server.pem")).await,
    ];
    insta::assert_snapshot!(said.join("\n"), @r"
    PROBLEM  memory figures of Prometheus: its certificate is signed by an unknown authority: name the file of that authority in forecast.prometheus.ca_file
             → the keys under [forecast.prometheus]; a way from Heal to its address
    PROBLEM  memory figures of Prometheus: its certificate is signed by an unknown authority: name the file of that authority in forecast.prometheus.ca_file
             → the keys under [forecast.prometheus]; a way from Heal to its address
    ");
}
