//! Heal as people run it: this very program, as a child process with a configuration and a database of its own.
use super::{
    ground::{Ground, Way},
    workspace::{CHANNEL, OLIVIA, Workspace},
};
use crate::sim::slack::{SlackSimOptions, over_http};
use anyhow::Context;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// The longest wait for the program to listen, and then for its watches.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often its processor time is read while it settles.
const GLANCE: Duration = Duration::from_millis(500);
/// Ticks of processor time (10 ms each) that count as rest between two glances.
const REST: u64 = 1;
/// Glances at rest in a row after which it has settled.
const RESTS: usize = 4;

/// A running Heal.
pub struct Heal {
    child: Child,
    log: PathBuf,
    process: PathBuf,
}

/// Memory of a process in MiB; `None` where the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    /// Resident now.
    pub resident: Option<f64>,
    /// The most until now.
    pub peak: Option<f64>,
}

impl Heal {
    /// Starts it for some namespaces (patterns), with the database of the folder or an empty one, and waits until its watches are
    /// complete.
    ///
    /// # Errors
    /// When it does not start; its last log lines are in the error.
    pub async fn start(
        folder: &Path,
        (ground, way): (&Ground, Way),
        workspace: &Workspace,
        namespaces: &[&str],
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = |name: &str| folder.join(name);
        ground.write_access(&path("kubeconfig"), way)?;
        fs::write(path("heal.toml"), config(folder, workspace, namespaces))?;
        let log = path("log");
        let options = SlackSimOptions::default();
        let mut child = Command::new(std::env::current_exe()?)
            .args(["run", "--config"])
            .arg(path("heal.toml"))
            .env("SLACK_BOT_TOKEN", options.bot_token)
            .env("SLACK_SIGNING_SECRET", options.signing_secret)
            .env_remove("SLACK_SIGNING_SECRET_PREVIOUS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .kill_on_drop(true)
            .spawn()?;
        let process = PathBuf::from(format!(
            "/proc/{}",
            child.id().context("heal run ended at once")?
        ));
        let output = child.stdout.take().context("heal run has no output")?;
        let heal = Self {
            child,
            log,
            process,
        };
        let url = tokio::time::timeout(PATIENCE, address(output))
            .await
            .ok()
            .flatten();
        let url = url.with_context(|| format!("heal run did not start:\n{}", heal.last_words()))?;
        workspace
            .slack
            .set_deliver(over_http(reqwest::Client::new(), &url));
        heal.is_ready(&url).await?;
        Ok(heal)
    }

    async fn is_ready(&self, url: &str) -> anyhow::Result<()> {
        let (client, begun) = (reqwest::Client::new(), Instant::now());
        loop {
            let answer = client.get(format!("{url}/readyz")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            anyhow::ensure!(
                begun.elapsed() < PATIENCE,
                "heal run did not get ready:\n{}",
                self.last_words()
            );
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Waits until it has nothing to do.
    pub async fn settles(&self) {
        let (mut before, mut rests, begun) = (self.ticks(), 0, Instant::now());
        while rests < RESTS && begun.elapsed() < PATIENCE {
            tokio::time::sleep(GLANCE).await;
            let now = self.ticks();
            rests = if now.saturating_sub(before) <= REST {
                rests + 1
            } else {
                0
            };
            before = now;
        }
    }

    /// Processor time until now.
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(self.process.join("stat")).unwrap_or_default();
        ticks(&stat).unwrap_or(0)
    }

    /// Its memory.
    pub fn memory(&self) -> Memory {
        let status = fs::read_to_string(self.process.join("status")).unwrap_or_default();
        Memory {
            resident: mebibytes(&status, "VmRSS:"),
            peak: mebibytes(&status, "VmHWM:"),
        }
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Ends it.
    pub async fn stop(mut self) {
        // It cannot be waited for when it has ended already, which is as good.
        let _ = self.child.kill().await;
    }
}

/// Reads the line that tells the address, and then on, so that the pipe never fills.
async fn address(output: tokio::process::ChildStdout) -> Option<String> {
    let mut lines = BufReader::new(output).lines();
    let url = loop {
        let line = lines.next_line().await.ok()??;
        if let Some(url) = line.strip_prefix("listening on ") {
            break url.to_owned();
        }
    };
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Some(url)
}

/// Everything that can be left out has its default: what is measured is what people get.
fn config(folder: &Path, workspace: &Workspace, namespaces: &[&str]) -> String {
    let options = SlackSimOptions::default();
    format!(
        r#"cluster = "bench"
[slack]
channel = "{CHANNEL}"
team_id = "{team}"
app_id = "{app}"
api_url = "{slack}/api"
[http]
listen = "127.0.0.1:0"
[store]
path = {db:?}
[kubernetes]
kubeconfig = {kubeconfig:?}
namespaces = {namespaces:?}
[[approvers]]
actions = ["*"]
users = ["{OLIVIA}"]
"#,
        team = options.team_id,
        app = options.app_id,
        slack = workspace.url,
        db = folder.join("heal.db"),
        kubeconfig = folder.join("kubeconfig"),
    )
}

/// User and system time of `/proc/PID/stat`. The name in parentheses may hold anything.
pub(super) fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

pub(super) fn mebibytes(status: &str, field: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((kibibytes / 1024.0 * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_mebibytes() {
        let status = "Name:\theal\nVmHWM:\t   30720 kB\nVmRSS:\t   20582 kB\n";
        assert_eq!(mebibytes(status, "VmRSS:"), Some(20.1));
        assert_eq!(mebibytes(status, "VmHWM:"), Some(30.0));
        assert_eq!(mebibytes(status, "VmSwap:"), None);
    }

    #[test]
    fn processor_time_is_user_and_system_time() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 100 0 0 0 120 34 0 0 20 0 3 0 100 1000 200";
        assert_eq!(ticks(stat), Some(154));
        assert_eq!(ticks(""), None);
    }
}
