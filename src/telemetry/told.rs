//! The forecasts that stand, container by container: what `/heal forecast` lists, for Prometheus.
use super::{
    register::{plain, seconds},
    values::lock,
};
use crate::domain::forecast::Outlook;
use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use std::{
    collections::HashSet,
    sync::{Mutex, atomic::AtomicU64},
};

type GaugeF = Gauge<f64, AtomicU64>;

/// So many have series of their own, the most urgent ones.
pub(super) const MOST: usize = 100;

/// The gauges.
pub(super) struct Told {
    eta: Family<ContainerLabels, GaugeF>,
    probability: Family<ContainerLabels, GaugeF>,
    shown: Mutex<HashSet<ContainerLabels>>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ContainerLabels {
    workload: String,
    namespace: String,
    container: String,
    tier: &'static str,
}

impl Told {
    pub(super) fn new(r: &mut Registry) -> Self {
        Self {
            eta: seconds(
                r,
                "forecast_eta",
                "Time until a container that is told is expected to be killed at its limit (median)",
            ),
            probability: plain(
                r,
                "forecast_probability",
                "Probability of the kill of a container that is told",
            ),
            shown: Mutex::default(),
        }
    }

    pub(super) fn set<'a>(&self, outlooks: impl Iterator<Item = &'a Outlook>, now: Timestamp) {
        let mut told: Vec<&Outlook> = outlooks.filter(|outlook| outlook.stands()).collect();
        told.sort_by(|a, b| a.by_urgency(b));
        told.truncate(MOST);
        let mut shown = lock(&self.shown);
        let mut before = std::mem::take(&mut *shown);
        for outlook in told {
            let labels = ContainerLabels {
                workload: format!("{}/{}", outlook.owner.kind, outlook.owner.name),
                namespace: outlook.owner.namespace.clone(),
                container: outlook.container.clone(),
                tier: outlook.tier.as_str(),
            };
            before.remove(&labels);
            self.probability.get_or_create(&labels).set(outlook.p);
            match outlook.when {
                Some(when) => {
                    let left = when.median.duration_since(now).as_secs_f64().max(0.0);
                    self.eta.get_or_create(&labels).set(left);
                }
                None => drop(self.eta.remove(&labels)),
            }
            shown.insert(labels);
        }
        for labels in before {
            self.eta.remove(&labels);
            self.probability.remove(&labels);
        }
    }
}
