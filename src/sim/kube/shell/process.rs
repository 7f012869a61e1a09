//! What the processes of one container share: memory, files, listening ports, signals and the log.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use tokio::sync::watch;

use super::Stop;
use crate::sim::kube::{
    lock,
    quantity::MIB,
    time::{Clock, nanos},
};

/// What an idle process uses.
const BASELINE: u64 = MIB;
/// Lines that the log of one container keeps.
const LOG_LINES: usize = 5000;

/// Where a command writes.
#[derive(Clone, Default)]
pub(in crate::sim::kube) enum Output {
    /// The container's log, stream stdout.
    #[default]
    Stdout,
    /// The container's log, stream stderr.
    Stderr,
    /// Nowhere.
    Null,
    /// A pipe, a substitution or a probe.
    Buffer(Arc<Mutex<String>>),
    /// A file of the container.
    File(String),
}

impl Output {
    pub(in crate::sim::kube) fn buffer() -> Self {
        Self::Buffer(Arc::default())
    }

    /// What was written to a buffer so far.
    pub(in crate::sim::kube) fn take(&self) -> String {
        match self {
            Self::Buffer(buffer) => std::mem::take(&mut lock(buffer)),
            _ => String::new(),
        }
    }
}

/// The log of one run of a container. Both streams end up in it in the order of writing.
#[derive(Debug, Default)]
pub(in crate::sim::kube) struct Log {
    lines: Mutex<VecDeque<(Timestamp, String)>>,
}

impl Log {
    pub(in crate::sim::kube) fn push(&self, at: Timestamp, line: &str) {
        let mut lines = lock(&self.lines);
        lines.push_back((at, line.to_owned()));
        if lines.len() > LOG_LINES {
            lines.pop_front();
        }
    }

    /// The text as the API returns it.
    pub(in crate::sim::kube) fn text(
        &self,
        tail: Option<usize>,
        limit: Option<usize>,
        timestamps: bool,
    ) -> String {
        let lines = lock(&self.lines);
        let skip = tail.map_or(0, |tail| lines.len().saturating_sub(tail));
        let mut text = String::new();
        for (at, line) in lines.iter().skip(skip) {
            if timestamps {
                text.push_str(&nanos(*at));
                text.push(' ');
            }
            text.push_str(line);
            text.push('\n');
        }
        if let Some(mut limit) = limit.filter(|limit| *limit < text.len()) {
            while !text.is_char_boundary(limit) {
                limit -= 1;
            }
            text.truncate(limit);
        }
        text
    }
}

/// What answers on a port.
#[derive(Debug, Clone)]
pub(in crate::sim::kube) enum Server {
    /// Accepts connections and answers every path with 200.
    Everything,
    /// Serves the files of a directory and answers 404 for others.
    Files(String),
}

/// The shared state of the processes of one container run.
pub(in crate::sim::kube) struct Process {
    pub(in crate::sim::kube) environment: BTreeMap<String, String>,
    pub(in crate::sim::kube) log: Arc<Log>,
    clock: Clock,
    files: Mutex<BTreeMap<String, String>>,
    memory: Mutex<u64>,
    file_cache: Mutex<u64>,
    limit: Mutex<Option<u64>>,
    ports: Mutex<BTreeMap<u16, Server>>,
    terminating: watch::Sender<bool>,
}

impl Process {
    pub(in crate::sim::kube) fn new(
        clock: Clock,
        environment: BTreeMap<String, String>,
        files: BTreeMap<String, String>,
        limit: Option<u64>,
    ) -> Self {
        Self {
            environment,
            log: Arc::default(),
            clock,
            files: Mutex::new(files),
            memory: Mutex::new(BASELINE),
            file_cache: Mutex::new(0),
            limit: Mutex::new(limit),
            ports: Mutex::default(),
            terminating: watch::Sender::new(false),
        }
    }

    /// Bytes in use.
    pub(in crate::sim::kube) fn memory(&self) -> u64 {
        *lock(&self.memory)
    }

    /// Bytes of files that were read lately and are kept in memory for as long as nobody else needs it.
    pub(in crate::sim::kube) fn file_cache(&self) -> u64 {
        let room = lock(&self.limit).map(|limit| limit.saturating_sub(self.memory()));
        let cached = *lock(&self.file_cache);
        room.map_or(cached, |room| cached.min(room))
    }

    /// Sets how much of files has been read.
    pub(super) fn set_file_cache(&self, bytes: u64) {
        *lock(&self.file_cache) = bytes;
    }

    /// Changes the memory limit (bytes) of a running container.
    pub(in crate::sim::kube) fn set_limit(&self, limit: Option<u64>) {
        *lock(&self.limit) = limit;
    }

    /// Sets the bytes in use; an error when they exceed the limit.
    pub(in crate::sim::kube) fn set_memory(&self, bytes: u64) -> Result<(), Stop> {
        let limit = *lock(&self.limit);
        *lock(&self.memory) = limit.map_or(bytes, |limit| bytes.min(limit));
        match limit {
            Some(limit) if bytes > limit => Err(Stop::OutOfMemory),
            _ => Ok(()),
        }
    }

    /// Sends SIGTERM.
    pub(in crate::sim::kube) fn terminate(&self) {
        self.terminating.send_replace(true);
    }

    pub(super) fn is_terminating(&self) -> bool {
        *self.terminating.borrow()
    }

    /// Waits for SIGTERM.
    pub(super) async fn terminated(&self) {
        let mut receiver = self.terminating.subscribe();
        // The sender lives in self, so the channel cannot close while we wait.
        let _ = receiver.wait_for(|terminating| *terminating).await;
    }

    pub(super) fn listen(&self, port: u16, server: Server) {
        lock(&self.ports).insert(port, server);
    }

    pub(super) fn close(&self, port: u16) {
        lock(&self.ports).remove(&port);
    }

    /// The HTTP status of a path on a port; `None` when nothing listens.
    pub(in crate::sim::kube) fn http_status(&self, port: u16, path: &str) -> Option<u16> {
        let server = lock(&self.ports).get(&port).cloned()?;
        let Server::Files(root) = server else {
            return Some(200);
        };
        let path = path.split('?').next().unwrap_or("/");
        let page = if path.ends_with('/') {
            format!("{path}index.html")
        } else {
            path.to_owned()
        };
        let file = format!("{}{page}", root.trim_end_matches('/'));
        Some(if lock(&self.files).contains_key(&file) {
            200
        } else {
            404
        })
    }

    pub(super) fn read(&self, path: &str) -> Option<String> {
        if path == "/dev/null" {
            return Some(String::new());
        }
        lock(&self.files).get(path).cloned()
    }

    /// Whether a path is a file, or a directory above one.
    pub(super) fn exists(&self, path: &str) -> bool {
        let directory = format!("{}/", path.trim_end_matches('/'));
        let known = matches!(
            path,
            "/" | "/tmp" | "/etc" | "/bin" | "/dev" | "/dev/null" | "/dev/zero" | "/proc" | "/var"
        );
        known
            || lock(&self.files)
                .keys()
                .any(|file| file == path || file.starts_with(&directory))
    }

    pub(super) fn remove_file(&self, path: &str) -> bool {
        lock(&self.files).remove(path).is_some()
    }

    /// The names below a directory.
    pub(super) fn names(&self, directory: &str) -> Vec<String> {
        let prefix = format!("{}/", directory.trim_end_matches('/'));
        let files = lock(&self.files);
        let mut names: Vec<String> = files
            .keys()
            .filter_map(|file| {
                file.strip_prefix(&prefix)?
                    .split('/')
                    .next()
                    .map(str::to_owned)
            })
            .collect();
        names.dedup();
        names
    }

    /// Opens a path for writing.
    pub(super) fn open(&self, path: &str, append: bool) -> Output {
        match path {
            "/dev/null" => Output::Null,
            "/dev/stdout" | "/proc/1/fd/1" => Output::Stdout,
            "/dev/stderr" | "/proc/1/fd/2" => Output::Stderr,
            path => {
                let mut files = lock(&self.files);
                let content = files.entry(path.to_owned()).or_default();
                if !append {
                    content.clear();
                }
                Output::File(path.to_owned())
            }
        }
    }

    /// Writes text; log lines are split at newlines.
    pub(super) fn write(&self, output: &Output, text: &str) {
        match output {
            Output::Stdout | Output::Stderr => {
                let now = (self.clock)();
                text.lines().for_each(|line| self.log.push(now, line));
            }
            Output::Null => {}
            Output::Buffer(buffer) => lock(buffer).push_str(text),
            Output::File(path) => lock(&self.files)
                .entry(path.clone())
                .or_default()
                .push_str(text),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}
