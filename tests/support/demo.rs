//! `heal demo` as a visitor starts it.
use super::output;
use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::process::{Child, Command};

/// The longest that it may take to start.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running `heal demo`.
pub struct Demo {
    child: Child,
    /// Where its page is.
    pub url: String,
}

impl Demo {
    /// Starts it on a free port.
    pub async fn start(options: &[&str]) -> Self {
        Self::with(options, None).await
    }

    /// The same with a kubeconfig of its own.
    pub async fn with(options: &[&str], kubeconfig: Option<&Path>) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_heal"))
            .args(["demo", "--port", "0"])
            .args(options)
            .envs(kubeconfig.map(|file| ("KUBECONFIG", file)))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let address = |line: &str| Some(line[line.find("http://")?..].trim().to_owned());
        let said = child.stdout.take().unwrap();
        let Some(url) = output::first(said, PATIENCE, address).await else {
            panic!("the demo did not start")
        };
        Self { child, url }
    }

    /// Presses Ctrl-C; gives the exit code and how long the end took.
    pub async fn interrupt(mut self) -> (Option<i32>, Duration) {
        let id = self.child.id().unwrap().to_string();
        let began = Instant::now();
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .await
            .unwrap();
        let status = self.child.wait().await.unwrap();
        (status.code(), began.elapsed())
    }
}
