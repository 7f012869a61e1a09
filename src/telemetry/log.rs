//! Log lines: to standard error, as text or as one JSON object per line. Secrets are redacted wherever they stand in a
//! line, and control characters are escaped, so that text from a cluster can forge no line. What a span is about (the
//! incident, as a rule) is said of every line inside it.
use crate::{
    config::{LogConfig, LogFormat},
    redact::redact,
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value};
use std::fmt::{self, Write as _};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter,
    field::RecordFields,
    filter::ParseError,
    fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

/// Libraries that log requests and answers with their particulars at lower levels. A filter that names one wins.
const QUIET: [&str; 2] = ["slack_morphism=info", "hyper=info"];

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `log.filter` is no filter.
    #[error("log.filter is not understood: {0}")]
    Filter(#[from] ParseError),
    /// A log was set up before; there is one per process.
    #[error("a log is already set up")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sets up the log of the process. Once, at the start.
///
/// # Errors
/// When the filter is wrong, or when there is a log already.
pub fn init(config: &LogConfig) -> Result<(), LogError> {
    subscriber(config, Timestamp::now, std::io::stderr)?.try_init()?;
    Ok(())
}

/// The subscriber that [`init`] installs, with another clock and another place to write to.
///
/// # Errors
/// When the filter is wrong.
pub fn subscriber<W>(
    config: &LogConfig,
    clock: fn() -> Timestamp,
    writer: W,
) -> Result<impl Subscriber + Send + Sync, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // What stands later wins, so the user's own words do.
    let filter = format!("{},{}", QUIET.join(","), config.filter);
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(writer)
        .fmt_fields(SpanFields)
        .event_format(Line {
            format: config.format,
            clock,
        });
    Ok(tracing_subscriber::registry()
        .with(EnvFilter::builder().parse(filter)?)
        .with(layer))
}

/// Formats one event as one line.
struct Line {
    format: LogFormat,
    clock: fn() -> Timestamp,
}

impl<S> FormatEvent<S, SpanFields> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, SpanFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let meta = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let spans: Vec<Around> = ctx
            .event_scope()
            .into_iter()
            .flat_map(|scope| scope.from_root())
            .map(|span| Around {
                name: span.name(),
                fields: span
                    .extensions()
                    .get::<FormattedFields<SpanFields>>()
                    .map_or_else(Map::new, |fields| SpanFields::read(fields.as_str())),
            })
            .collect();
        // Milliseconds are enough, and lines stay aligned.
        let time = (self.clock)()
            .to_zoned(TimeZone::UTC)
            .strftime("%Y-%m-%dT%H:%M:%S.%3fZ")
            .to_string();
        let line = match self.format {
            LogFormat::Text => text(&time, meta, &spans, fields)?,
            LogFormat::Json => json(time, meta, spans, fields),
        };
        writeln!(writer, "{}", redact(&line))
    }
}

fn text(
    time: &str,
    meta: &tracing::Metadata<'_>,
    spans: &[Around],
    fields: Fields,
) -> Result<String, fmt::Error> {
    let mut line = format!("{time} {:>5} {}: ", meta.level(), short(meta.target()));
    for span in spans {
        line.push_str(span.name);
        if !span.fields.is_empty() {
            write!(line, "{{{}}}", words(&span.fields)?)?;
        }
        line.push_str(": ");
    }
    line.push_str(&escaped(&fields.message));
    if !fields.others.is_empty() {
        write!(line, " {}", words(&fields.others)?)?;
    }
    Ok(line)
}

/// `name=value name="two words"`
fn words(fields: &Map<String, Value>) -> Result<String, fmt::Error> {
    let mut line = String::new();
    for (name, value) in fields {
        if !line.is_empty() {
            line.push(' ');
        }
        match value {
            Value::String(text) if text.contains([' ', '"', '=']) || text.is_empty() => {
                write!(line, "{name}={text:?}")?;
            }
            Value::String(text) => write!(line, "{name}={}", escaped(text))?,
            other => write!(line, "{name}={other}")?,
        }
    }
    Ok(line)
}

fn json(time: String, meta: &tracing::Metadata<'_>, spans: Vec<Around>, fields: Fields) -> String {
    let mut object = Map::new();
    object.insert("time".into(), time.into());
    object.insert("level".into(), meta.level().as_str().to_lowercase().into());
    object.insert("target".into(), short(meta.target()).into());
    object.insert("message".into(), fields.message.into());
    if !spans.is_empty() {
        let names: Vec<&str> = spans.iter().map(|span| span.name).collect();
        object.insert("spans".into(), names.into());
    }
    // What stands nearer to the event wins.
    let mut all = Map::new();
    for mut span in spans {
        all.append(&mut span.fields);
    }
    all.extend(fields.others);
    // Under a key of their own: a field can be named like one of the above.
    if !all.is_empty() {
        object.insert("fields".into(), Value::Object(all));
    }
    Value::Object(object).to_string()
}

/// `heal::slack::send` → `slack::send`.
fn short(target: &str) -> &str {
    target.strip_prefix("heal::").unwrap_or(target)
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// A span around an event.
struct Around {
    name: &'static str,
    fields: Map<String, Value>,
}

/// Keeps the fields of a span as JSON, so that a line can show them in its own format.
struct SpanFields;

impl<'w> FormatFields<'w> for SpanFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut seen = Fields::default();
        fields.record(&mut seen);
        write!(writer, "{}", Value::Object(seen.others))
    }
}

impl SpanFields {
    /// The fields again. What was recorded later follows as an object of its own.
    fn read(text: &str) -> Map<String, Value> {
        serde_json::Deserializer::from_str(text)
            .into_iter::<Map<String, Value>>()
            .map_while(Result::ok)
            .flatten()
            .collect()
    }
}

/// The fields of one event or span.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match value {
            Value::String(text) if field.name() == "message" => self.message = text,
            value => {
                self.others.insert(field.name().to_owned(), value);
            }
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        // The whole chain: the cause is what helps.
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            let _ = write!(text, ": {cause}");
            source = cause.source();
        }
        self.put(field, text.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str, work: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let config = LogConfig {
            format,
            filter: filter.into(),
        };
        let clock = || Timestamp::from_millisecond(1_790_000_000_007).unwrap();
        let subscriber = subscriber(&config, clock, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, work);
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn some_lines() {
        let span = tracing::error_span!("execute", incident = %"H17");
        let _inside = span.enter();
        tracing::info!(target: "heal::slack::send", method = "chat.update", tries = 2, ok = true, "card updated");
        let error = io::Error::other("connection reset\nlevel=ERROR forged");
        tracing::warn!(target: "heal::cluster", error = &error as &dyn std::error::Error, "hostile\n\u{1b}[31m text");
    }

    #[test]
    fn text_is_one_line_per_event_with_short_targets() {
        insta::assert_snapshot!(logged(LogFormat::Text, "info", some_lines), @r#"
        2026-09-21T14:13:20.007Z  INFO slack::send: execute{incident=H17}: card updated method=chat.update ok=true tries=2
        2026-09-21T14:13:20.007Z  WARN cluster: execute{incident=H17}: hostile\n\u{1b}[31m text error="connection reset\nlevel=ERROR forged"
        "#);
    }

    #[test]
    fn json_is_one_object_per_event() {
        let lines = logged(LogFormat::Json, "info", some_lines);
        assert!(
            lines
                .lines()
                .all(|line| serde_json::from_str::<Value>(line).is_ok())
        );
        insta::assert_snapshot!(lines, @r#"
        {"fields":{"incident":"H17","method":"chat.update","ok":true,"tries":2},"level":"info","message":"card updated","spans":["execute"],"target":"slack::send","time":"2026-09-21T14:13:20.007Z"}
        {"fields":{"error":"connection reset\nlevel=ERROR forged","incident":"H17"},"level":"warn","message":"hostile\n\u001b[31m text","spans":["execute"],"target":"cluster","time":"2026-09-21T14:13:20.007Z"}
        "#);
    }

    #[test]
    fn no_secret_gets_into_a_line_whether_in_message_field_span_or_error() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let lines = logged(format, "trace", || {
                let span = tracing::info_span!("call", auth = "Bearer SECRET1", url = %"https://hooks.slack.com/actions/T1/2/SECRET2");
                let _inside = span.enter();
                tracing::info!(token = "xoxb-1-2-SECRET3", debug = ?Some("xapp-1-A1-SECRET4"), "sent xoxp-9-SECRET5");
                let error = io::Error::other(
                    "https://hooks.slack.com/services/T0/B0/SECRET6 refused xoxe.xoxb-1-SECRET7",
                );
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "Authorization: Bearer SECRET8"
                );
            });
            assert_eq!(lines.lines().count(), 2);
            assert!(!lines.contains("SECRET"), "{lines}");
            assert!(
                lines.contains("[redacted]") && lines.contains("refused"),
                "{lines}"
            );
        }
    }

    #[test]
    fn the_slack_library_is_quiet_unless_the_filter_names_it() {
        let work = || tracing::debug!(target: "slack_morphism::client", "a whole answer");
        assert_eq!(logged(LogFormat::Text, "debug", work), "");
        assert!(logged(LogFormat::Text, "slack_morphism=debug", work).contains("a whole answer"));
    }
}
