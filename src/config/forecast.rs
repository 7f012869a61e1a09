//! `[forecast]` and `[forecast.prometheus]`: whether and how forecasts are made, and where memory figures come from.
use super::{
    ReadEnv, ReadFile,
    findings::Findings,
    reader::Section,
    secrets::{self, Found},
};
use crate::{
    domain::forecast::{Tier, Tuning},
    usage::prometheus::{Auth, Labels, Place},
    wire::check_authority,
};
use http::{HeaderName, HeaderValue};
use jiff::SignedDuration;
use std::{
    io,
    path::{Path, PathBuf},
};
use toml::de::{DeTable, DeValue};
use url::Url;

/// The bearer token of Prometheus.
pub const TOKEN: &str = "PROMETHEUS_TOKEN";
/// The password of Prometheus, beside `forecast.prometheus.username`.
pub const PASSWORD: &str = "PROMETHEUS_PASSWORD";

/// Whether and how forecasts are made.
#[derive(Clone, Debug)]
pub struct ForecastConfig {
    /// Whether they are made at all.
    pub enabled: bool,
    /// Time between two readings of memory figures.
    pub interval: SignedDuration,
    /// How far into the past the first start looks.
    pub backfill: SignedDuration,
    /// The rules of the forecasts.
    pub tuning: Tuning,
    /// The tier from which on a forecast gets a card; `None`: none ever does.
    pub cards: Option<Tier>,
    /// Prometheus, if there is one. Without it, `metrics.k8s.io` is asked.
    pub prometheus: Option<PrometheusConfig>,
}

impl Default for ForecastConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: SignedDuration::from_secs(30),
            backfill: SignedDuration::from_hours(7 * 24),
            tuning: Tuning::default(),
            cards: Some(Tier::Page),
            prometheus: None,
        }
    }
}

/// Where Prometheus is.
#[derive(Clone, Debug)]
pub struct PrometheusConfig {
    /// Its address and how it is asked.
    pub place: Place,
    /// Certificates in PEM form that are trusted instead of the usual ones.
    pub authority: Option<String>,
}

/// Reads both sections.
pub(super) fn read(
    findings: &mut Findings,
    source: &str,
    table: Option<&DeTable<'_>>,
    env: ReadEnv<'_>,
    read_file: ReadFile<'_>,
) -> ForecastConfig {
    let default = ForecastConfig::default();
    let second = SignedDuration::from_secs(1);
    let hour = SignedDuration::from_hours(1);
    let mut section = Section::new(findings, source, "forecast", table);
    let enabled = section.read("enabled", "true", "enabled = true or false", |value| {
        value
            .as_bool()
            .ok_or_else(|| "is neither true nor false".to_owned())
    });
    let interval = section.duration("interval", default.interval, second * 5..=second * 600);
    let horizon = section.duration(
        "horizon",
        span(default.tuning.horizon),
        second * 300..=hour * 48,
    );
    let min_age = section.duration(
        "min_age",
        span(default.tuning.min_age),
        SignedDuration::ZERO..=hour * 24,
    );
    let backfill = section.duration(
        "backfill",
        default.backfill,
        SignedDuration::ZERO..=hour * 24 * 30,
    );
    let pace = section.read(
        "pace",
        "1.0",
        "a number from 0.01 to 1.0; 1.0 in production",
        |value| {
            let text = match value {
                DeValue::Float(number) => number.as_str(),
                DeValue::Integer(number) => number.as_str(),
                _ => return Err("is no number".to_owned()),
            };
            text.parse()
                .ok()
                .filter(|pace| (0.01..=1.0).contains(pace))
                .ok_or_else(|| format!("is {text}: out of range"))
        },
    );
    let cards = section.read(
        "cards",
        "\"page\"",
        "cards = \"page\", \"notice\" (louder: both tiers) or \"never\"",
        |value| match value.as_str() {
            Some("page") => Ok(Some(Tier::Page)),
            Some("notice") => Ok(Some(Tier::Notice)),
            Some("never") => Ok(None),
            _ => Err("is none of \"page\", \"notice\", \"never\"".to_owned()),
        },
    );
    let below = section.table("prometheus");
    section.close();
    let section = Section::new(findings, source, "forecast.prometheus", below);
    ForecastConfig {
        enabled: enabled.unwrap_or(default.enabled),
        interval,
        backfill,
        tuning: Tuning {
            horizon: horizon.as_secs_f64(),
            min_age: min_age.as_secs_f64(),
            pace: pace.unwrap_or(default.tuning.pace),
            ..default.tuning
        },
        cards: cards.unwrap_or(default.cards),
        prometheus: prometheus(section, env, read_file),
    }
}

fn span(seconds: f64) -> SignedDuration {
    SignedDuration::from_secs(seconds as i64)
}

fn prometheus(
    mut section: Section<'_, '_>,
    env: ReadEnv<'_>,
    read_file: ReadFile<'_>,
) -> Option<PrometheusConfig> {
    let want = "its address, with the path below which /api/v1 lies: url = \"http://prometheus-operated.monitoring:9090\"";
    let url = section.text("url", "", want, |text| parse_url(text).is_some());
    let auth = auth(&mut section, url.is_some(), env, read_file);
    let ca_file = section.text(
        "ca_file",
        "",
        "a file of certificates in PEM form",
        |path| !path.trim().is_empty(),
    );
    let authority = ca_file.and_then(|path| authority(&mut section, Path::new(&path), read_file));
    let headers = section.read(
        "headers",
        "{}",
        "names and values: headers = { \"X-Scope-OrgID\" = \"shop\" }",
        headers,
    );
    let default = Labels::default();
    let want = "the name of a label";
    let mut label = |key, default: String| {
        section
            .text(key, &default, want, is_label)
            .unwrap_or(default)
    };
    let mut labels = Labels {
        namespace: label("namespace_label", default.namespace),
        pod: label("pod_label", default.pod),
        container: label("container_label", default.container),
        run: label("run_label", default.run),
        matcher: String::new(),
    };
    labels.matcher = section
        .text(
            "matcher",
            "",
            "matchers as PromQL writes them, without braces: matcher = 'cluster=\"prod-eu\"'",
            is_matcher,
        )
        .unwrap_or_default();
    if url.is_none() && !section.has("url") && section.exists() {
        section.wrong("url", "is missing", want_url());
    }
    section.close();
    let url = url.and_then(|url| parse_url(&url))?;
    Some(PrometheusConfig {
        place: Place {
            url,
            auth,
            headers: headers.unwrap_or_default(),
            labels,
        },
        authority,
    })
}

/// The certificates of a file, when all of them can be trusted.
fn authority(
    section: &mut Section<'_, '_>,
    path: &Path,
    read_file: ReadFile<'_>,
) -> Option<String> {
    let pem = "a file of certificates in PEM form, which begin with -----BEGIN CERTIFICATE-----";
    let (wrong, want) = match read_file(path) {
        Ok(text) => match check_authority(&text) {
            Ok(()) => return Some(text),
            Err(wrong) => (format!("names a file {wrong}"), pem),
        },
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            ("names a file that is no text".to_owned(), pem)
        }
        Err(error) => (
            format!("names a file that cannot be read: {error}"),
            "a file that Heal's user may read",
        ),
    };
    section.wrong("ca_file", &wrong, want);
    None
}

fn want_url() -> &'static str {
    "url = \"http://prometheus-operated.monitoring:9090\", or no [forecast.prometheus] at all"
}

/// Token or user; both would leave open which counts.
fn auth(
    section: &mut Section<'_, '_>,
    used: bool,
    env: ReadEnv<'_>,
    read_file: ReadFile<'_>,
) -> Auth {
    let filled = |text: &str| !text.trim().is_empty();
    // Without an address the variables may be meant for other programs.
    let env = |name: &str| env(name).filter(|_| used);
    let token_file = section.text(
        "token_file",
        "",
        "a file that holds nothing but the token",
        filled,
    );
    let user = section.text("username", "", "the user, beside a password", filled);
    let password = secrets::secret(section, PASSWORD, "password_file", &env, read_file);
    let token = env(TOKEN);
    if (token.is_some() || token_file.is_some()) && user.is_some() {
        section.wrong(
            "username",
            "is given, and a token, too",
            "either a token, or a user with a password",
        );
    }
    match (token, token_file, user) {
        (Some(_), Some(_), _) => {
            section.wrong(
                "token_file",
                &format!("is given, and {TOKEN} is set too"),
                "only one of them, so that nobody has to guess which one counts",
            );
            Auth::None
        }
        (Some(token), None, _) => Auth::Bearer(token.trim().to_owned().into()),
        (None, Some(path), _) => {
            if let Err(error) = read_file(Path::new(&path)) {
                section.wrong(
                    "token_file",
                    &format!("names a file that cannot be read: {error}"),
                    "a file that Heal's user may read",
                );
            }
            Auth::BearerFile(PathBuf::from(path))
        }
        (None, None, Some(user)) => match password {
            Found::Secret(password) => Auth::Basic { user, password },
            Found::Missing => {
                section.wrong(
                    "username",
                    "has no password",
                    &format!("{PASSWORD} in the environment, or password_file"),
                );
                Auth::None
            }
            Found::Wrong => Auth::None,
        },
        (None, None, None) => {
            if matches!(password, Found::Secret(_)) {
                section.wrong(
                    "username",
                    "is missing beside the password",
                    "username = \"heal\"",
                );
            }
            Auth::None
        }
    }
}

fn headers(value: &DeValue<'_>) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let table = value.as_table().ok_or("is no table")?;
    let header = |name: &str, value: &DeValue<'_>| {
        let text = value
            .as_str()
            .ok_or_else(|| format!("has {name:?}, which is no text"))?;
        let name = HeaderName::try_from(name)
            .map_err(|_| format!("has {name:?}, which is no name of a header"))?;
        let mut value = HeaderValue::try_from(text)
            .map_err(|_| format!("has {name} with a value that no header can have"))?;
        // It may be a key.
        value.set_sensitive(true);
        Ok((name, value))
    };
    table
        .iter()
        .map(|(name, value)| header(name.get_ref(), value.get_ref()))
        .collect()
}

/// An address without credentials: those would end up in errors and logs.
fn parse_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    (plain && url.has_host() && matches!(url.scheme(), "http" | "https")).then_some(url)
}

fn is_label(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(letter) && text.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// One or more `label="value"`. What stands between the quotes is Prometheus' business; that no brace ends the selector is ours.
fn is_matcher(text: &str) -> bool {
    let quotes = text.matches('"').count();
    !text.trim().is_empty()
        && text.contains('=')
        && quotes >= 2
        && quotes.is_multiple_of(2)
        && !text.contains(['{', '}', '\n'])
}
