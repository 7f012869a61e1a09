//! A world for scenarios: the simulated cluster, the local Slack workspace and the whole of Heal in one process, under tokio's
//! paused clock. Nothing sleeps: the clock jumps when everybody waits.
use super::{channel, people::Person};
use heal::{
    app::{App, Outside, Settings},
    cluster::{Clients, ClusterConfig, KubeCluster},
    domain::{
        action::ActionKind,
        policy::{Policy, Rule},
        waits::Waits,
    },
    forecaster,
    ports::Clock,
    ports::UsageSource,
    sim::{
        kube::{KubeSim, Options},
        prometheus::PrometheusSim,
        slack::{Channel, Message, SlackSim, SlackSimOptions, User, Usergroup, through},
    },
    store::Store,
    telemetry::Metrics,
    wire::in_process,
};
use http_body_util::BodyExt;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tower::ServiceExt;

pub use super::channel::CHANNEL;
pub const NAMESPACE: &str = "shop";
/// A user group of the workspace.
pub const ON_CALL: &str = "S0ONCALL";
/// A script that works for ever.
pub const WORKS: &str = "echo ready; sleep infinity";
/// The longest that a sentence waits, in virtual time.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);

/// Reads the simulation's wall clock.
struct SimClock(heal::sim::kube::Clock);

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        (self.0)()
    }
}

pub struct World {
    pub kube: KubeSim,
    pub slack: SlackSim,
    pub store: Store,
    /// The Prometheus that scrapes the cluster, when there are forecasts.
    pub prometheus: Option<PrometheusSim>,
    settings: Settings,
    clock: heal::sim::kube::Clock,
    app: Option<App>,
}

/// What differs from the usual world.
pub struct Setup {
    pub approvals: u8,
    pub waits: Waits,
    pub options: fn(Options) -> Options,
    pub scopes: Option<Vec<String>>,
    /// Slack's rate limits hold.
    pub rate_limits: bool,
    /// Who is in the group [`ON_CALL`]; with anybody in it, the rule names the group.
    pub on_call: Vec<Person>,
    /// Forecasts are made like this.
    pub forecast: Option<forecaster::Options>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            approvals: 1,
            waits: Waits::default(),
            options: |options| options,
            scopes: None,
            rate_limits: false,
            on_call: Vec::new(),
            forecast: None,
        }
    }
}

impl World {
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub async fn with(setup: Setup) -> Self {
        let clock = heal::sim::kube::tokio_clock(Timestamp::from_second(1_790_000_000).unwrap());
        let kube = KubeSim::new((setup.options)(Options::new(clock.clone())));
        let users = Person::ALL
            .iter()
            .map(|person| person.user())
            .collect::<Vec<User>>();
        let channel = Channel::new(CHANNEL, "ops");
        let mut options = SlackSimOptions {
            clock: clock.clone(),
            users,
            channels: vec![channel],
            ..SlackSimOptions::default()
        };
        options.rate_limits = setup.rate_limits;
        if let Some(scopes) = setup.scopes {
            options.scopes = scopes;
        }
        let on_call: Vec<&str> = setup.on_call.iter().map(|person| person.id()).collect();
        let named = (!on_call.is_empty()).then(|| ON_CALL.to_owned());
        options.usergroups = vec![Usergroup::new(ON_CALL, "on-call", &on_call)];
        let rule = Rule {
            actions: ActionKind::ALL.to_vec(),
            namespaces: vec!["*".into()],
            users: vec![
                Person::Olivia.id().into(),
                Person::Omar.id().into(),
                Person::Guest.id().into(),
                Person::Robot.id().into(),
            ],
            groups: named.into_iter().collect(),
            approvals: setup.approvals,
        };
        let settings = Settings {
            cluster_name: "test".into(),
            channel: CHANNEL.into(),
            team_id: options.team_id.clone(),
            app_id: options.app_id.clone(),
            signing_secrets: vec![SecretString::from(options.signing_secret.clone())],
            waits: setup.waits,
            policy: Policy {
                rules: vec![rule],
                team: options.team_id.clone(),
            },
            actions: ActionKind::ALL.to_vec(),
            forecast: setup.forecast.unwrap_or_default(),
        };
        let slack = SlackSim::new(options);
        let store = Store::in_memory().unwrap();
        let scrape = Duration::from_secs(15);
        let forecasts = setup.forecast.is_some();
        let prometheus = forecasts.then(|| PrometheusSim::new(kube.clone(), scrape));
        let mut world = Self {
            prometheus,
            kube,
            slack,
            store,
            settings,
            clock,
            app: None,
        };
        world.boot().await;
        world
    }

    /// Starts Heal.
    pub async fn boot(&mut self) {
        let service = tower::ServiceBuilder::new()
            .map_request(|request: http::Request<kube::client::Body>| {
                request.map(axum::body::Body::new)
            })
            .service(self.kube.router());
        let client = kube::Client::new(service, "default");
        let clock: Arc<dyn Clock> = Arc::new(SimClock(self.clock.clone()));
        let cluster = KubeCluster::new(
            Clients::of(client),
            ClusterConfig::named("test"),
            clock.clone(),
        );
        let usage = self.prometheus.as_ref().map(|prometheus| {
            let place = heal::usage::prometheus::Place {
                url: "http://prometheus.invalid".parse().unwrap(),
                auth: heal::usage::prometheus::Auth::None,
                headers: vec![],
                labels: heal::usage::prometheus::Labels::default(),
            };
            let transport = in_process(prometheus.router());
            let first = heal::usage::prometheus::Prometheus::new(transport, place);
            let interval = Duration::from_secs_f64(self.settings.forecast.interval);
            let both =
                heal::usage::Fallback::new(Arc::new(first), Arc::new(cluster.usage()), interval);
            Arc::new(both) as Arc<dyn UsageSource>
        });
        let outside = Outside {
            cluster,
            slack: heal::slack::api::SlackApi::new(
                in_process(self.slack.router()),
                "http://127.0.0.1/api".parse().unwrap(),
                &SecretString::from("xoxb-simulated"),
            ),
            store: self.store.clone(),
            clock,
            metrics: Arc::new(Metrics::new()),
            usage,
        };
        let app = App::start(self.settings.clone(), outside).await.unwrap();
        self.slack.set_deliver(through(in_process(app.router())));
        self.app = Some(app);
    }

    /// Stops Heal in order.
    pub async fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            app.stop().await;
        }
    }

    /// Stops Heal in order and starts it again over the same database.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.boot().await;
    }

    /// Kills Heal between two instructions: no task of it runs on. Starts it again over the same database.
    pub async fn crash(&mut self) {
        if let Some(app) = self.app.take() {
            app.abort();
        }
        // The tasks are dropped; a write that had begun ends before the next start reads, as after a real kill.
        tokio::task::yield_now().await;
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        self.boot().await;
    }

    /// Tells Heal something, as the forecaster would.
    pub async fn tells(&self, sighting: heal::ports::Sighting) {
        let app = self.app.as_ref().expect("Heal runs");
        app.sightings().send(sighting).await.unwrap();
    }

    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Lets time pass.
    pub async fn passes(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// What Heal answers to a GET: the status and the text.
    pub async fn reads(&self, path: &str) -> (u16, String) {
        let router = self.app.as_ref().unwrap().router();
        let request = http::Request::get(path)
            .body(axum::body::Body::empty())
            .unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    // --- the cluster

    /// Runs a workload and waits until Heal has seen it healthy.
    pub async fn runs(&self, name: &str, replicas: u32, script: &str) {
        self.rolls_out(name, replicas, script);
        self.until(&format!("{name} is available"), || {
            let deployment = self.kube.get("Deployment", NAMESPACE, name)?;
            (deployment["status"]["availableReplicas"] == json!(replicas)).then_some(())
        })
        .await;
        self.passes(15).await;
    }

    /// Creates or changes a workload; does not wait.
    pub fn rolls_out(&self, name: &str, replicas: u32, script: &str) {
        self.applies(deployment(name, replicas, script));
    }

    /// Applies any object.
    pub fn applies(&self, object: Value) {
        self.kube.apply(object).unwrap();
    }

    /// Writes an annotation to a Deployment through the API, which counts that as a generation.
    pub async fn annotates(&self, name: &str, key: &str, value: &str) {
        let patch = json!({"metadata": {"annotations": {key: value}}});
        let path = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{name}");
        let request = http::Request::patch(path)
            .header("content-type", "application/merge-patch+json")
            .body(axum::body::Body::from(patch.to_string()))
            .unwrap();
        let response = self.kube.router().oneshot(request).await.unwrap();
        assert!(response.status().is_success(), "{}", response.status());
    }

    /// How often something was changed for real through the API: by Heal, as a rule.
    pub fn changes(&self) -> usize {
        self.kube
            .requests()
            .iter()
            .filter(|request| request.method != "POST" && !request.query.contains("dryRun"))
            .count()
    }

    // --- Slack

    /// The newest card of a workload, as soon as its words contain `saying`.
    pub async fn card(&self, name: &str, saying: &str) -> Message {
        let what = format!("a card of {name} that says “{saying}”");
        self.until(&what, || {
            self.cards(name)
                .into_iter()
                .rev()
                .find(|card| card.words().contains(saying))
        })
        .await
    }

    /// The card of a workload with an offer.
    pub async fn offer(&self, name: &str) -> Message {
        let offered = |card: &Message| card.action_ids().iter().any(|id| id == "approve");
        self.until(&format!("an offer for {name}"), || {
            self.cards(name).into_iter().rev().find(offered)
        })
        .await
    }

    /// All cards of a workload.
    pub fn cards(&self, name: &str) -> Vec<Message> {
        self.top_level()
            .into_iter()
            .filter(|message| message.words().contains(name))
            .collect()
    }

    /// All messages of Heal in the channel itself.
    pub fn top_level(&self) -> Vec<Message> {
        channel::top_level(&self.slack)
    }

    /// Waits until a message of a card's thread contains `saying`.
    pub async fn thread_says(&self, card: &Message, saying: &str) -> Message {
        let what = format!("a thread message “{saying}”");
        self.until(&what, || {
            self.slack
                .thread(CHANNEL, &card.ts)
                .into_iter()
                .skip(1)
                .find(|reply| reply.words().contains(saying))
        })
        .await
    }

    /// All words of a card's thread.
    pub fn thread(&self, card: &Message) -> String {
        let replies = self.slack.thread(CHANNEL, &card.ts);
        replies
            .iter()
            .filter(|reply| reply.thread_ts.is_some())
            .map(|reply| reply.words())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The card as it is now.
    pub fn again(&self, card: &Message) -> Message {
        self.slack.message(CHANNEL, &card.ts).unwrap()
    }

    /// Waits (in virtual time) until `find` finds something.
    pub async fn until<T>(&self, what: &str, find: impl Fn() -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = find() {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => panic!(
                "waited in vain for {what}; Heal has said:\n{}",
                self.transcript()
            ),
        }
    }

    fn transcript(&self) -> String {
        let line = |message: &Message| format!("[{:?}] {}", message.thread_ts, message.text);
        self.slack
            .messages(CHANNEL)
            .iter()
            .map(line)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// A Deployment of one container that runs a script.
pub fn deployment(name: &str, replicas: u32, script: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container(script)], "terminationGracePeriodSeconds": 1},
            },
        },
    })
}

/// A container that runs a script.
pub fn container(script: &str) -> Value {
    json!({"name": "app", "image": "busybox:1.36", "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", script]})
}
