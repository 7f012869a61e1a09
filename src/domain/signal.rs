//! One normalised observation that something is wrong.
use super::{family::Family, object::ObjectRef};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something is wrong with an object, as seen by a watch, an event or a forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// The cluster's configured name.
    pub cluster: String,
    /// Says the same thing as another signal exactly when this is equal: subject uid, container, family, and the restart
    /// or event count. The durable dedup works on it.
    pub key: String,
    /// When it happened, as far as the cluster tells.
    pub at: Timestamp,
    /// The top controller, node or claim that has the problem: the owner of the incident.
    pub owner: ObjectRef,
    /// The object that showed it, usually a pod.
    pub subject: ObjectRef,
    /// The run of a CronJob that it is about: a Job. Only when the CronJob is the owner.
    #[serde(default)]
    pub run: Option<ObjectRef>,
    /// What kind of trouble.
    pub family: Family,
    /// The container, when one shows it.
    pub container: Option<String>,
    /// Kubernetes' reason word, e.g. `CrashLoopBackOff`.
    pub reason: String,
    /// Kubernetes' text. Hostile: it can come from images, probes and users.
    pub message: String,
    /// It was already so when Heal started to watch.
    pub from_start: bool,
}
