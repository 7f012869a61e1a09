//! Whether forecasts have memory figures to go by.
use super::Finding;
use crate::config::Config;

/// What the sources of memory figures answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Prometheus, when one is configured.
    pub prometheus: Option<Result<Seen, String>>,
    /// `metrics.k8s.io`.
    pub metrics_api: Result<Seen, String>,
}

/// What a source knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What is measured, in words.
    pub measure: String,
    /// Running containers that it knows.
    pub known: usize,
    /// Running containers.
    pub running: usize,
}

/// What there is to say about them.
pub(super) fn findings(config: &Config, figures: &Figures) -> Vec<Finding> {
    if !config.forecast.enabled {
        return vec![Finding::good("forecasts", "switched off")];
    }
    let mut findings = Vec::new();
    match &figures.prometheus {
        Some(Ok(seen)) => findings.push(known(
            "memory figures of Prometheus",
            seen,
            "the labels' names and the matcher under [forecast.prometheus]; scrape all kubelets' cAdvisor",
        )),
        Some(Err(error)) => findings.push(Finding::problem(
            "memory figures of Prometheus",
            error,
            "the keys under [forecast.prometheus]; a way from Heal to its address",
        )),
        None => {}
    }
    let what = "memory figures of metrics.k8s.io";
    findings.push(match (&figures.metrics_api, &figures.prometheus) {
        (Ok(seen), _) => known(what, seen, "see why metrics-server does not reach all nodes"),
        (Err(error), Some(Ok(_))) => Finding::warning(
            what,
            format!("{error}; without them nothing steps in while Prometheus is away"),
            "install metrics-server",
        ),
        (Err(error), _) => Finding::warning(
            what,
            format!("{error}; without any figures there are no forecasts"),
            "name a Prometheus under [forecast.prometheus], install metrics-server, or set forecast.enabled = false",
        ),
    });
    findings
}

fn known(what: &str, seen: &Seen, remedy: &str) -> Finding {
    let Seen {
        measure,
        known,
        running,
    } = seen;
    let text = format!("{measure}; {known} of {running} running containers");
    // Some containers are always too young to be known.
    if known * 10 >= running * 9 {
        Finding::good(what, text)
    } else {
        Finding::warning(what, text, remedy)
    }
}
