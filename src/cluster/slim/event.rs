//! Events.
use super::{metadata, nullable};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

/// An event of core/v1, with the fields of both writers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    /// `metadata`
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// `type`
    #[serde(rename = "type", deserialize_with = "nullable")]
    pub kind: String,
    /// `reason`
    #[serde(deserialize_with = "nullable")]
    pub reason: String,
    /// `message`
    #[serde(deserialize_with = "nullable")]
    pub message: String,
    /// `involvedObject`
    pub involved_object: About,
    /// `count`
    pub count: Option<u32>,
    /// `series`
    pub series: Option<Series>,
    /// `firstTimestamp`
    pub first_timestamp: Option<Timestamp>,
    /// `lastTimestamp`
    pub last_timestamp: Option<Timestamp>,
    /// `eventTime`
    pub event_time: Option<Timestamp>,
    /// `source`
    #[serde(deserialize_with = "nullable")]
    pub source: Source,
    /// `reportingComponent`
    #[serde(deserialize_with = "nullable")]
    pub reporting_component: String,
}
shape!(
    /// What an event is about.
    About {
        kind: String,
        namespace: String,
        name: String,
        uid: String,
        field_path: String,
    }
);
shape!(
    /// Repeats, as the newer writer counts them.
    Series {
        count: u32,
        last_observed_time: Option<Timestamp>,
    }
);
shape!(
    /// Who wrote an event, as the older writer says it.
    Source {
        component: String,
    }
);
