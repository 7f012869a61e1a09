//! `heal demo` as a visitor starts it.
use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

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
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = loop {
            let line = tokio::time::timeout(Duration::from_secs(120), lines.next_line()).await;
            let Ok(Ok(Some(line))) = line else {
                panic!("the demo did not start")
            };
            if let Some(at) = line.find("http://") {
                break line[at..].trim().to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
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
