//! The answers, read into typed values, one series after the other: of a hundred thousand none is held that nobody needs.
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{borrow::Cow, fmt, marker::PhantomData};

/// An answer of the query API, without the series.
pub struct Answer<'a> {
    /// `success` or `error`.
    pub status: Cow<'a, str>,
    /// Kind of the error: `bad_data`, `execution`, `timeout`.
    pub error_type: Option<String>,
    /// The error in words.
    pub error: Option<String>,
}

impl<'a> Answer<'a> {
    /// Reads an answer and hands its series on as they come.
    ///
    /// # Errors
    /// When it is not an answer of the query API; some series may have been handed on by then.
    pub fn read<T: Deserialize<'a>>(
        body: &'a [u8],
        mut each: impl FnMut(T),
    ) -> serde_json::Result<Self> {
        let mut from = serde_json::Deserializer::from_slice(body);
        let answer = Whole(&mut each, PhantomData).deserialize(&mut from)?;
        from.end()?;
        Ok(answer)
    }
}

/// The answer: status, data, error.
struct Whole<'f, F, T>(&'f mut F, PhantomData<T>);
/// Its data: the type of the result, and the result.
struct Data<'f, F, T>(&'f mut F, PhantomData<T>);
/// The result: all series.
struct Found<'f, F, T>(&'f mut F, PhantomData<T>);

impl<'de, T: Deserialize<'de>, F: FnMut(T)> DeserializeSeed<'de> for Whole<'_, F, T> {
    type Value = Answer<'de>;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Answer<'de>, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Whole<'_, F, T> {
    type Value = Answer<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Answer<'de>, A::Error> {
        let (mut status, mut error_type, mut error) = (None, None, None);
        while let Some(Borrowed(key)) = map.next_key()? {
            match &*key {
                "status" => status = Some(map.next_value::<Borrowed<'de>>()?.0),
                "data" => map.next_value_seed(Data(&mut *self.0, PhantomData))?,
                "errorType" => error_type = map.next_value()?,
                "error" => error = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Answer {
            status: status.ok_or_else(|| A::Error::missing_field("status"))?,
            error_type,
            error,
        })
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> DeserializeSeed<'de> for Data<'_, F, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        // An error has no data, or null.
        from.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Data<'_, F, T> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the result of a query")
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = None;
        while let Some(Borrowed(key)) = map.next_key()? {
            match &*key {
                "result" => {
                    found = Some(map.next_value_seed(Found(&mut *self.0, PhantomData))?);
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        found.ok_or_else(|| A::Error::missing_field("result"))
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> DeserializeSeed<'de> for Found<'_, F, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Found<'_, F, T> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("series")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(series) = list.next_element()? {
            (self.0)(series);
        }
        Ok(())
    }
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
        let mut series = Vec::new();
        let answer = Answer::read(text.as_bytes(), |one: Instant<'_>| series.push(one)).unwrap();
        assert_eq!(answer.status, "success");
        assert!(series[0].value.1.0.is_nan());
        assert_eq!(series[0].metric.get("x"), "q\"t");
        assert_eq!(series[1].metric.get("pod"), "");
        assert_eq!(series[1].value.1.0, f64::INFINITY);
        assert_eq!(series[2].value, (1_790_000_000.0, Value(1.5e9)));
    }

    #[test]
    fn what_is_no_answer_is_told_and_an_error_needs_no_data() {
        let lines: Vec<String> = [
            r#"{"status":"error","errorType":"timeout","error":"too slow"}"#,
            r#"{"status":"error","data":null,"error":"too slow"}"#,
            r#"{"status":"success","data":{"resultType":"vector"}}"#,
            r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#,
            r#"{"data":{"result":[]}}"#,
            r#"{"status":"success"} and more"#,
            "[]",
        ]
        .into_iter()
        .map(
            |text| match Answer::read(text.as_bytes(), |_: Instant<'_>| {}) {
                Ok(answer) => format!("{}: {:?}", answer.status, answer.error),
                Err(error) => error.to_string(),
            },
        )
        .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        error: Some("too slow")
        error: Some("too slow")
        missing field `result` at line 1 column 50
        invalid type: integer `1`, expected struct Instant at line 1 column 61
        missing field `status` at line 1 column 22
        trailing characters at line 1 column 22
        invalid type: sequence, expected an answer at line 1 column 0
        "#);
    }
}
