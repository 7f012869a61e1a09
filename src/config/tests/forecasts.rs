//! `[forecast]`.
use super::*;
use crate::{domain::forecast::Tier, usage::prometheus::Auth};

#[test]
fn are_on_by_default_and_every_key_reaches_its_field() {
    let config = parse(MINIMAL).unwrap().forecast;
    assert!(config.enabled && config.prometheus.is_none());
    assert_eq!(config.tuning, crate::domain::forecast::Tuning::default());
    let text = format!(
        "{MINIMAL}{}",
        r#"
[forecast]
enabled = true
interval = "10s"
horizon = "2h"
min_age = "1m"
backfill = "0s"
pace = 0.05
cards = "notice"
[forecast.prometheus]
url = "https://thanos.example/prefix"
token_file = "/run/token"
headers = { "X-Scope-OrgID" = "shop" }
namespace_label = "kubernetes_namespace"
run_label = "id"
matcher = 'cluster="eu"'
"#
    );
    let config = Config::parse(&text, &env, &|_| Ok(String::new()))
        .unwrap()
        .forecast;
    assert_eq!(config.interval, SignedDuration::from_secs(10));
    assert_eq!(
        (
            config.tuning.horizon,
            config.tuning.min_age,
            config.tuning.pace
        ),
        (7200.0, 60.0, 0.05)
    );
    assert_eq!(
        (config.backfill, config.cards),
        (SignedDuration::ZERO, Some(Tier::Notice))
    );
    let place = config.prometheus.unwrap().place;
    assert_eq!(place.url.as_str(), "https://thanos.example/prefix");
    assert!(matches!(place.auth, Auth::BearerFile(path) if path == Path::new("/run/token")));
    assert_eq!(place.headers[0].0, "x-scope-orgid");
    assert_eq!(place.labels.namespace, "kubernetes_namespace");
    assert_eq!(
        (place.labels.pod.as_str(), place.labels.run.as_str()),
        ("pod", "id")
    );
    assert_eq!(place.labels.matcher, "cluster=\"eu\"");
}

#[test]
fn say_everything_that_is_wrong_at_once() {
    let said = problems(with(
        r#"
[forecast]
pace = 7
cards = "loud"
[forecast.prometheus]
url = "prometheus:9090"
username = "ann"
password = "x"
pod_label = "a-b"
headers = { "a b" = "c" }
matcher = "{cluster}"
ca_file = "/ca"
"#,
    ));
    insta::assert_snapshot!(said, @r#"
    line 13: forecast.pace is 7: out of range
      → a number from 0.01 to 1.0; 1.0 in production
    line 14: forecast.cards is none of "page", "notice", "never"
      → cards = "page", "notice" (louder: both tiers) or "never"
    line 16: forecast.prometheus.url is "prometheus:9090"
      → its address, with the path below which /api/v1 lies: url = "http://prometheus-operated.monitoring:9090"
    line 17: forecast.prometheus.username has no password
      → PROMETHEUS_PASSWORD in the environment, or password_file
    line 18: forecast.prometheus.password does not belong here
      → take it out of the file; set PROMETHEUS_PASSWORD or name a file in password_file
    line 19: forecast.prometheus.pod_label is "a-b"
      → the name of a label
    line 20: forecast.prometheus.headers has "a b", which is no name of a header
      → names and values: headers = { "X-Scope-OrgID" = "shop" }
    line 21: forecast.prometheus.matcher is "{cluster}"
      → matchers as PromQL writes them, without braces: matcher = 'cluster="prod-eu"'
    line 22: forecast.prometheus.ca_file names a file that cannot be read: entity not found
      → a file that Heal's user may read
    "#);
}

#[test]
fn a_file_of_certificates_that_cannot_be_trusted_is_told_with_everything_else() {
    let pem = |inside: &str| {
        Ok(format!(
            "-----BEGIN CERTIFICATE-----\n{inside}\n-----END CERTIFICATE-----\n"
        ))
    };
    let file = |path: &Path| match path.to_str() {
        Some("/gone") => Err(io::ErrorKind::NotFound.into()),
        Some("/der") => Err(io::ErrorKind::InvalidData.into()),
        Some("/key") => {
            Ok("-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n".to_owned())
        }
        Some("/cut") => pem("MIIB"),
        _ => pem("?"),
    };
    let said = |path: &str| {
        let text = format!(
            "{MINIMAL}[forecast]\npace = 7\n[forecast.prometheus]\nurl = \"https://p\"\nca_file = \"{path}\"\n"
        );
        problems(Config::parse(&text, &env, &file))
    };
    insta::assert_snapshot!(said("/gone"), @r"
    line 11: forecast.pace is 7: out of range
      → a number from 0.01 to 1.0; 1.0 in production
    line 14: forecast.prometheus.ca_file names a file that cannot be read: entity not found
      → a file that Heal's user may read
    ");
    let others = ["/der", "/key", "/cut", "/garbled"].map(|path| {
        let text = said(path);
        text.lines().skip(2).collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!(others.join("\n"), @r"
    line 14: forecast.prometheus.ca_file names a file that is no text
      → a file of certificates in PEM form, which begin with -----BEGIN CERTIFICATE-----
    line 14: forecast.prometheus.ca_file names a file without a certificate
      → a file of certificates in PEM form, which begin with -----BEGIN CERTIFICATE-----
    line 14: forecast.prometheus.ca_file names a file with a certificate that cannot be read
      → a file of certificates in PEM form, which begin with -----BEGIN CERTIFICATE-----
    line 14: forecast.prometheus.ca_file names a file with a certificate that cannot be read
      → a file of certificates in PEM form, which begin with -----BEGIN CERTIFICATE-----
    ");
}

#[test]
fn secrets_never_show() {
    let text =
        format!("{MINIMAL}[forecast.prometheus]\nurl = \"http://p:9090\"\nusername = \"ann\"\n");
    let with_password = |name: &str| match name {
        "PROMETHEUS_PASSWORD" => Some("hunter2hunter2".to_owned()),
        name => env(name),
    };
    let config = Config::parse(&text, &with_password, &no_file).unwrap();
    assert!(
        matches!(&config.forecast.prometheus.as_ref().unwrap().place.auth, Auth::Basic { user, .. } if user == "ann")
    );
    assert!(!format!("{config:?}").contains("hunter2"));
}
