//! The answers, read into typed values: nothing of a hundred thousand series is built that is not used.
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use std::{borrow::Cow, fmt};

/// An answer of the query API.
#[derive(Deserialize)]
pub struct Answer<'a, T> {
    /// `success` or `error`.
    #[serde(borrow)]
    pub status: Cow<'a, str>,
    /// What was asked for.
    pub data: Option<Data<T>>,
    /// Kind of the error: `bad_data`, `execution`, `timeout`.
    #[serde(rename = "errorType")]
    pub error_type: Option<String>,
    /// The error in words.
    pub error: Option<String>,
}

/// The result of a query.
#[derive(Deserialize)]
pub struct Data<T> {
    /// Series.
    pub result: Vec<T>,
}

/// A series of an instant query: its newest value.
#[derive(Deserialize)]
pub struct Instant<'a> {
    /// Its labels.
    #[serde(borrow)]
    pub metric: Metric<'a>,
    /// Time of the evaluation, and the value.
    pub value: (f64, Value),
}

/// A series of a range query.
#[derive(Deserialize)]
pub struct Range<'a> {
    /// Its labels.
    #[serde(borrow)]
    pub metric: Metric<'a>,
    /// Time and value of each step that has one.
    pub values: Vec<(f64, Value)>,
}

/// A value; texts such as `NaN` and `+Inf` are values, too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value(pub f64);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number as text")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
                text.parse().map(Value).map_err(E::custom)
            }
        }
        d.deserialize_str(Text)
    }
}

/// Labels in their order; there are few, so that a list is searched faster than a map.
#[derive(Debug, Default, PartialEq)]
pub struct Metric<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl Metric<'_> {
    /// The value of a label; empty when there is none, as PromQL has it.
    pub fn get(&self, label: &str) -> &str {
        self.0
            .iter()
            .find(|(name, _)| name == label)
            .map_or("", |(_, value)| value)
    }
}

/// A text that is borrowed unless it has escapes.
#[derive(Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Metric<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Labels;
        impl<'de> Visitor<'de> for Labels {
            type Value = Metric<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("labels")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metric<'de>, A::Error> {
                let mut labels = Vec::with_capacity(4);
                while let Some((Borrowed(name), Borrowed(value))) = map.next_entry()? {
                    labels.push((name, value));
                }
                Ok(Metric(labels))
            }
        }
        d.deserialize_map(Labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_no_numbers_are_read_and_labels_are_found() {
        let text = r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"pod":"a","x":"q\"t"},"value":[1790000000.781,"NaN"]},
            {"metric":{},"value":[1790000000,"+Inf"]},
            {"metric":{"pod":"b"},"value":[1790000000,"1.5e+09"]}]},"warnings":["slow"]}"#;
        let answer: Answer<'_, Instant<'_>> = serde_json::from_str(text).unwrap();
        let series = answer.data.unwrap().result;
        assert!(series[0].value.1.0.is_nan());
        assert_eq!(series[0].metric.get("x"), "q\"t");
        assert_eq!(series[1].metric.get("pod"), "");
        assert_eq!(series[1].value.1.0, f64::INFINITY);
        assert_eq!(series[2].value, (1_790_000_000.0, Value(1.5e9)));
    }
}
