//! An installation of Heal as people run it: the real binary, a configuration file, a database file, and a local Slack
//! workspace in Slack's place.
use super::{
    channel, output,
    people::Person,
    place::{Place, is_whole},
};
use heal::sim::proxy::Proxy;
use heal::sim::slack::{Channel, Message, SlackSim, SlackSimOptions, over_http};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
};

pub use super::channel::CHANNEL;
/// The longest that a sentence waits, in real time: longer than a recovery may take, and a leak on a busy machine.
const PATIENCE: Duration = Duration::from_secs(1000);

pub struct Installation {
    pub place: Place,
    pub slack: SlackSim,
    pub namespace: String,
    pub proxy: Proxy,
    slack_url: String,
    /// Where Heal listens.
    url: String,
    folder: PathBuf,
    child: Option<Child>,
}

impl Installation {
    /// Installs and starts Heal for one namespace of its own.
    pub async fn new(place: Place, name: &str) -> Self {
        Self::with(place, name, "").await
    }

    /// The same with more in the configuration file.
    pub async fn with(place: Place, name: &str, more: &str) -> Self {
        let mut installation = Self::prepared(place, name, more, |_| {}).await;
        installation.start().await;
        installation
    }

    /// Installs Heal and does not start it; the workspace is changed before it opens.
    pub async fn prepared(
        place: Place,
        name: &str,
        more: &str,
        adjust: impl FnOnce(&mut SlackSimOptions),
    ) -> Self {
        // Only the first call of the process installs it; the workspace's HTTP client needs one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("heal-t-{name}-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(&namespace);
        std::fs::create_dir_all(&folder).unwrap();
        place.namespace(&namespace);
        let server = place.server();
        let (scheme, target) = server.split_once("://").unwrap();
        let proxy = Proxy::before(target).await.unwrap();
        place.write_kubeconfig(
            &folder.join("kubeconfig"),
            Some(format!("{scheme}://{}", proxy.address)),
        );
        let (slack, slack_url) = workspace(adjust).await;
        let installation = Self {
            place,
            slack,
            namespace,
            proxy,
            slack_url,
            url: String::new(),
            folder,
            child: None,
        };
        installation.write_config(more);
        installation
    }

    fn write_config(&self, more: &str) {
        let options = SlackSimOptions::default();
        let slack_url = &self.slack_url;
        let file = |name: &str| self.folder.join(name).display().to_string();
        let config = format!(
            r#"
cluster = "test"
[slack]
channel = "{CHANNEL}"
team_id = "{team}"
app_id = "{app}"
api_url = "{slack_url}/api"
[http]
listen = "127.0.0.1:0"
[store]
path = "{db}"
[kubernetes]
kubeconfig = "{kubeconfig}"
namespaces = ["{namespace}"]
[waits]
soak = "6s"
soak_max = "10s"
look = "1s"
idle_look = "3s"
recovery = "8m"
target_pause = "1s"
[grace]
config = "2s"
not_ready = "10s"
[[approvers]]
actions = ["*"]
namespaces = ["*"]
users = ["{olivia}"]
{more}
"#,
            team = options.team_id,
            app = options.app_id,
            db = file("heal.db"),
            kubeconfig = file("kubeconfig"),
            namespace = self.namespace,
            olivia = Person::Olivia.id(),
        );
        std::fs::write(self.folder.join("heal.toml"), config).unwrap();
    }

    /// Starts the binary and waits until it listens.
    pub async fn start(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .unwrap();
        let mut child = self
            .command("run")
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let address = |line: &str| Some(line.strip_prefix("listening on ")?.to_owned());
        let said = child.stdout.take().unwrap();
        let Some(url) = output::first(said, PATIENCE, address).await else {
            panic!("heal did not start:\n{}", self.log())
        };
        self.slack
            .set_deliver(over_http(reqwest::Client::new(), &url));
        self.url = url;
        self.child = Some(child);
    }

    /// A command of the binary with this configuration and the secrets of a usual workspace.
    fn command(&self, name: &str) -> Command {
        let options = SlackSimOptions::default();
        let mut command = Command::new(env!("CARGO_BIN_EXE_heal"));
        command
            .args([name, "--config"])
            .arg(self.folder.join("heal.toml"))
            .env("SLACK_BOT_TOKEN", options.bot_token)
            .env("SLACK_SIGNING_SECRET", options.signing_secret);
        command
    }

    /// `heal check` with a secret that looks like one of Slack's: the exit code and the text, with `…` for the folder of this
    /// installation and `shop` for its namespace.
    pub async fn check(&self) -> (Option<i32>, String) {
        let output = self
            .command("check")
            .env("SLACK_SIGNING_SECRET", "0123456789abcdef".repeat(2))
            .output()
            .await
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let folder = self.folder.display().to_string();
        let text = text.replace(&folder, "…").replace(&self.namespace, "shop");
        (output.status.code(), text)
    }

    /// kill -9.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().await.unwrap();
    }

    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    // --- the cluster

    /// Creates or changes a Deployment of one container that runs a script.
    pub fn rolls_out(&self, name: &str, replicas: u32, container: Value) {
        self.place
            .apply(&deployment(&self.namespace, name, replicas, container));
    }

    /// Runs a Deployment until it is available.
    pub async fn runs(&self, name: &str, replicas: u32, container: Value) {
        self.rolls_out(name, replicas, container);
        self.is_available(name).await;
    }

    /// Waits until the newest template of a Deployment is available everywhere, and nothing is left of an older one.
    pub async fn is_available(&self, name: &str) {
        self.until(&format!("{name} to be available"), || {
            is_whole(&self.object(name)).then_some(())
        })
        .await;
    }

    pub fn object(&self, name: &str) -> Value {
        self.place
            .get("Deployment", &self.namespace, name)
            .unwrap_or_default()
    }

    /// `metadata.generation`: counts every change of the spec, whoever made it.
    pub fn generation(&self, name: &str) -> i64 {
        self.object(name)["metadata"]["generation"]
            .as_i64()
            .unwrap()
    }

    // --- Slack

    pub fn cards(&self) -> Vec<Message> {
        channel::top_level(&self.slack)
    }

    /// The card of a workload with an offer.
    pub async fn offer(&self, name: &str) -> Message {
        let offered = |card: &Message| {
            card.words().contains(name) && card.action_ids().iter().any(|id| id == "approve")
        };
        self.until(&format!("an offer for {name}"), || {
            self.cards().into_iter().find(offered)
        })
        .await
    }

    /// Waits until a card says something.
    pub async fn card_says(&self, card: &Message, saying: &str) -> Message {
        let ts = card.ts.clone();
        self.until(&format!("the card to say “{saying}”"), || {
            self.slack
                .message(CHANNEL, &ts)
                .filter(|card| card.words().contains(saying) || card.text.contains(saying))
        })
        .await
    }

    /// Waits until a card's thread says something.
    pub async fn thread_says(&self, card: &Message, saying: &str) {
        self.until(&format!("the thread to say “{saying}”"), || {
            self.slack
                .thread(CHANNEL, &card.ts)
                .iter()
                .any(|reply| reply.words().contains(saying))
                .then_some(())
        })
        .await;
    }

    /// Olivia presses a button.
    pub async fn presses(&self, card: &Message, button: &str) {
        let answer = self
            .slack
            .click(Person::Olivia.id(), CHANNEL, &card.ts, button)
            .await
            .unwrap();
        assert!(answer.is_ok(), "{button}: {answer:?}\n{}", self.log());
    }

    /// Olivia types `/heal …`.
    pub async fn types(&self, text: &str) -> String {
        let answer = self
            .slack
            .command(Person::Olivia.id(), CHANNEL, "/heal", text)
            .await
            .unwrap();
        assert!(answer.is_ok(), "{text}: {answer:?}");
        answer.text()
    }

    /// Olivia types `/heal …` until the answer says something.
    pub async fn answers(&self, text: &str, saying: &str) {
        let began = Instant::now();
        loop {
            let answer = self.types(text).await;
            if answer.contains(saying) {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "/heal {text} does not say “{saying}”:\n{answer}"
            );
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Rows of the audit log of one kind.
    pub fn audit(&self, what: &str) -> Vec<Value> {
        let text = self.audited(&["--json"]);
        let rows = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.filter(|row| row["what"] == what).collect()
    }

    /// What `heal audit` prints.
    pub fn audited(&self, arguments: &[&str]) -> String {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_heal"))
            .args(["audit", "--db"])
            .arg(self.folder.join("heal.db"))
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Everything that Heal has said or kept, by name: calls of Slack, figures, audit, database file, log.
    pub async fn traces(&self) -> Vec<(&'static str, String)> {
        let metrics = reqwest::get(format!("{}/metrics", self.url)).await.unwrap();
        let calls = self.slack.calls();
        let calls = calls
            .iter()
            .map(|call| format!("{} {}", call.method, call.arguments));
        let file = |name: &str| {
            let bytes = std::fs::read(self.folder.join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        vec![
            ("Slack", calls.collect::<Vec<_>>().join("\n")),
            ("/metrics", metrics.text().await.unwrap()),
            ("audit", self.audited(&["--json"])),
            ("database", file("heal.db") + &file("heal.db-wal")),
            ("log", file("log")),
        ]
    }

    /// `heal audit --verify`.
    pub fn audit_holds(&self) -> bool {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_heal"));
        command
            .args(["audit", "--verify", "--db"])
            .arg(self.folder.join("heal.db"))
            .status()
            .unwrap()
            .success()
    }

    /// Waits (in real time) until `find` finds something.
    pub async fn until<T>(&self, what: &str, find: impl Fn() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = find() {
                return found;
            }
            if begun.elapsed() > PATIENCE {
                let said: Vec<String> = self
                    .slack
                    .messages(CHANNEL)
                    .into_iter()
                    .map(|message| message.text)
                    .collect();
                panic!(
                    "waited in vain for {what}\nSlack:\n{}\nlog:\n{}",
                    said.join("\n"),
                    self.log()
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.place.delete("Namespace", "", &self.namespace);
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// A Deployment of one container, as Heal's stories need it.
pub fn deployment(namespace: &str, name: &str, replicas: u32, mut container: Value) -> Value {
    container["name"] = json!("app");
    if container["image"].is_null() {
        container["image"] = json!("docker.io/library/busybox:1.36");
    }
    container["imagePullPolicy"] = json!("IfNotPresent");
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            // A pod that crashes after a second never counts as available: the old ones stay.
            "minReadySeconds": 3,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
            },
        },
    })
}

/// A local Slack workspace over loopback HTTP.
async fn workspace(adjust: impl FnOnce(&mut SlackSimOptions)) -> (SlackSim, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let users: Vec<_> = Person::ALL.iter().map(|person| person.user()).collect();
    let channel = Channel::new(CHANNEL, "ops");
    let mut options = SlackSimOptions {
        users,
        channels: vec![channel],
        base_url: base_url.clone(),
        // How fast Heal answers is for the bench to say, not for a busy machine.
        patience: Duration::from_secs(60),
        ..SlackSimOptions::default()
    };
    adjust(&mut options);
    let slack = SlackSim::new(options);
    let router = slack.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (slack, base_url)
}
