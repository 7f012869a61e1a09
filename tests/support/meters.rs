//! What Heal says of its own work: figures on `/metrics`, lines in the log.
use super::world::World;
use heal::{
    config::{LogConfig, LogFormat},
    telemetry::log::subscriber,
};
use serde_json::Value;
use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
};
use tracing::{
    Dispatch,
    subscriber::{DefaultGuard, NoSubscriber},
};

impl World {
    /// A sample on `/metrics`, by its name and labels as they stand there; nothing while there is none.
    pub async fn figure(&self, sample: &str) -> Option<f64> {
        let text = self.reads("/metrics").await.1;
        let found = text
            .lines()
            .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        found.map(|value| value.parse().unwrap())
    }

    /// All samples whose names begin like this, but for the buckets and sums of histograms.
    pub async fn figures(&self, beginnings: &[&str]) -> String {
        let text = self.reads("/metrics").await.1;
        let mut lines: Vec<&str> = text
            .lines()
            .filter(|line| beginnings.iter().any(|start| line.starts_with(start)))
            .filter(|line| !line.contains("_bucket{") && !line.contains("_seconds_sum"))
            .collect();
        lines.sort_unstable();
        lines.join("\n")
    }

    /// Waits until a sample on `/metrics` has this value.
    pub async fn figure_becomes(&self, sample: &str, value: f64) {
        for _ in 0..3600 {
            if self.figure(sample).await == Some(value) {
                return;
            }
            self.passes(1).await;
        }
        panic!(
            "{sample} does not become {value}:\n{}",
            self.reads("/metrics").await.1
        );
    }
}

/// The log of this test, from now on, as one JSON object per line.
pub struct Log {
    bytes: Buffer,
    _until_dropped: DefaultGuard,
}

impl Log {
    /// Begins to listen. Only this thread's lines come: under virtual time everything runs on it.
    pub fn begins() -> Self {
        // While a process has one subscriber, a line that a thread without it says first is switched off for all. So there are
        // two.
        static ANOTHER: LazyLock<Dispatch> =
            LazyLock::new(|| Dispatch::new(NoSubscriber::default()));
        LazyLock::force(&ANOTHER);
        let bytes = Buffer::default();
        let writer = bytes.clone();
        let config = LogConfig {
            format: LogFormat::Json,
            filter: "heal=info".into(),
        };
        let subscriber = subscriber(&config, jiff::Timestamp::now, move || writer.clone()).unwrap();
        Self {
            bytes,
            _until_dropped: tracing::subscriber::set_default(subscriber),
        }
    }

    /// The particulars of all lines with this message.
    pub fn lines(&self, message: &str) -> Vec<Value> {
        let bytes = self.bytes.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|line| line["message"] == message)
            .map(|mut line| line["fields"].take())
            .collect()
    }
}

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
