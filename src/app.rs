//! Puts the parts together, and starts and stops them in order.
//!
//! Start: store → engine → sender → forecaster → watches → inbound routes. Stop: watches → engine (finishes executions) →
//! forecaster (writes down what it knows) → sender.
use crate::{
    cluster::{self, KubeCluster},
    domain::{action::ActionKind, policy::Policy, waits::Waits},
    engine::{Engine, EngineHandle, Message, Parts},
    forecaster::{self, Forecaster},
    http::{self, SlackParts, WebParts},
    ports::{Clock, Sighting, UsageSource},
    slack::{
        api::SlackApi,
        notices::{self, BoardParts},
        people::People,
        reception::{Pins, Reception, ReceptionParts},
        send::{Sender, SenderParts},
    },
    store::{Store, StoreError},
    telemetry::Metrics,
};
use axum::Router;
use jiff::Timestamp;
use secrecy::SecretString;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Sightings that may wait for the engine; then the watches wait.
const SIGHTINGS: usize = 1024;
/// Messages under way may take this long to leave at the end; what does not is stored.
const FAREWELL: Duration = Duration::from_secs(5);

/// Members of groups are asked for again this often: less than they are remembered.
const WARM: Duration = Duration::from_secs(45);

/// What Heal is told to be.
#[derive(Clone)]
pub struct Settings {
    /// The cluster's name.
    pub cluster_name: String,
    /// The channel of the cards.
    pub channel: String,
    /// The pinned workspace.
    pub team_id: String,
    /// The pinned app.
    pub app_id: String,
    /// Secrets that requests may be signed with.
    pub signing_secrets: Vec<SecretString>,
    /// Waiting times.
    pub waits: Waits,
    /// Who may decide.
    pub policy: Policy,
    /// The actions that are allowed at all.
    pub actions: Vec<ActionKind>,
    /// How forecasts are made, where [`Outside::usage`] gives figures.
    pub forecast: forecaster::Options,
}

/// What Heal is connected to.
pub struct Outside {
    /// The cluster.
    pub cluster: KubeCluster,
    /// Slack.
    pub slack: SlackApi,
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where figures go.
    pub metrics: Arc<Metrics>,
    /// Where memory figures come from; without it there are no forecasts.
    pub usage: Option<Arc<dyn UsageSource>>,
}

/// The wall clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A running Heal.
pub struct App {
    router: Router,
    /// Ends the watches and then the engine.
    cancel: CancellationToken,
    /// Ends the sender.
    farewell: CancellationToken,
    engine: JoinHandle<()>,
    sender: JoinHandle<()>,
    forecaster: Option<JoinHandle<()>>,
    others: Vec<JoinHandle<()>>,
    sightings: mpsc::Sender<Sighting>,
}

/// How the watches are, for `/readyz`.
type Synced = Arc<Mutex<BTreeMap<String, bool>>>;

impl App {
    /// Starts everything. Works on while Slack or the cluster are away; only the database has to be there.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn start(settings: Settings, outside: Outside) -> Result<Self, StoreError> {
        let Outside {
            cluster,
            slack,
            store,
            clock,
            metrics,
            usage,
        } = outside;
        let (chat, jobs) = mpsc::unbounded_channel();
        let (delivered, deliveries) = mpsc::unbounded_channel();
        let (engine, handle) = Engine::start(Parts {
            cluster_name: settings.cluster_name.clone(),
            cluster: Arc::new(cluster.clone()),
            store: store.clone(),
            clock: clock.clone(),
            waits: settings.waits.clone(),
            pace: settings.forecast.tuning.pace,
            policy: settings.policy.clone(),
            actions: settings.actions.clone(),
            metrics: metrics.clone(),
            chat: chat.clone(),
            seed: Arc::new(random_text),
        })?;
        let channel = settings.channel.clone();
        let farewell = CancellationToken::new();
        let (can_search, can_upload) = rights(&slack).await;
        let board = BoardParts {
            api: slack.clone(),
            channel: settings.channel.clone(),
            clock: clock.clone(),
            notices: engine.notices(),
            noticed: engine.noticed(),
            delivered: delivered.clone(),
        };
        let sender = Sender::new(SenderParts {
            can_search,
            can_upload,
            api: slack.clone(),
            route: Arc::new(move |_| channel.clone()),
            not_before: engine.not_before(),
            slots: engine.slots(),
            clock: clock.clone(),
            meter: metrics.clone(),
            jobs,
            delivered,
            stop: farewell.clone(),
        });
        let (trouble, waiting) = (sender.trouble(), sender.waiting());
        let people = People::new(slack.clone(), settings.policy.clone());
        let high_water = engine.high_water();
        let cancel = CancellationToken::new();
        let synced = Synced::default();
        let (sightings, seen) = mpsc::channel(SIGHTINGS);
        let watching = cancel.child_token();
        let (pods, forecaster) = match usage {
            None => (None, None),
            Some(source) => {
                let (pods, news) = mpsc::channel(SIGHTINGS);
                let forecaster = Forecaster::start(forecaster::Parts {
                    options: settings.forecast,
                    source,
                    store,
                    clock: clock.clone(),
                    metrics: metrics.clone(),
                    correction: engine.correction(),
                    pods: news,
                    sink: sightings.clone(),
                    cancel: cancel.child_token(),
                })?;
                (Some(pods), Some(tokio::spawn(forecaster.run())))
            }
        };
        let way_in = sightings.clone();
        let others = vec![
            tokio::spawn(take_deliveries(deliveries, handle.clone())),
            tokio::spawn(take_sightings(seen, handle.clone(), synced.clone())),
            tokio::spawn(tell(trouble, Message::SlackTrouble, handle.clone())),
            tokio::spawn(tell(waiting, Message::Waiting, handle.clone())),
            tokio::spawn(keep_warm(people.clone())),
            tokio::spawn(notices::run(board)),
            tokio::spawn(async move {
                cluster::watch(cluster, sightings, pods, watching, high_water).await
            }),
        ];
        let reception = Reception::new(ReceptionParts {
            api: slack,
            people,
            intake: Arc::new(handle),
            chat,
            pins: Pins {
                app: settings.app_id.clone(),
                team: settings.team_id.clone(),
            },
            meter: metrics.clone(),
            tasks: TaskTracker::new(),
        });
        let figures = (metrics.clone(), clock.clone());
        let router = http::router(WebParts {
            slack: Some(SlackParts {
                reception,
                secrets: settings.signing_secrets.clone(),
                clock,
                meter: metrics,
            }),
            ready: Arc::new(move || ready(&synced)),
            metrics: Arc::new(move || figures.0.render(figures.1.now())),
        });
        let engine = tokio::spawn(engine.run(cancel.clone()));
        let sender = tokio::spawn(sender.run());
        Ok(Self {
            router,
            cancel,
            farewell,
            engine,
            sender,
            forecaster,
            others,
            sightings: way_in,
        })
    }

    /// The inbound routes.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The way by which sightings come in, for whatever watches beside the watches of this process.
    pub fn sightings(&self) -> mpsc::Sender<Sighting> {
        self.sightings.clone()
    }

    /// Stops in order: no new sightings, executions finish, results are stored, messages under way leave.
    pub async fn stop(self) {
        self.cancel.cancel();
        // A task that panicked has said so; there is nothing to add.
        let _ = self.engine.await;
        if let Some(forecaster) = self.forecaster {
            // It writes down what it knows.
            let _ = tokio::time::timeout(FAREWELL, forecaster).await;
        }
        self.farewell.cancel();
        let _ = tokio::time::timeout(FAREWELL, self.sender).await;
        self.others.into_iter().for_each(|task| task.abort());
    }

    /// Ends everything between two instructions, as a kill does.
    pub fn abort(self) {
        self.engine.abort();
        self.sender.abort();
        if let Some(forecaster) = self.forecaster {
            forecaster.abort();
        }
        self.others.into_iter().for_each(|task| task.abort());
    }
}

/// Ready means: every watch has its list. Slack and approvals work before that, too; a card may be missing.
fn ready(synced: &Synced) -> Result<(), String> {
    let synced = synced.lock().unwrap_or_else(PoisonError::into_inner);
    let waiting: Vec<&str> = synced
        .iter()
        .filter(|(_, synced)| !**synced)
        .map(|(kind, _)| kind.as_str())
        .collect();
    match (synced.is_empty(), waiting.is_empty()) {
        (true, _) => Err("the cluster has not answered yet".to_owned()),
        (_, false) => Err(format!("waiting for the watches of {}", waiting.join(", "))),
        _ => Ok(()),
    }
}

/// Whether the token may read channels (then an ambiguous post is looked up before it is repeated), and whether it may upload
/// files (then forecasts get a picture).
async fn rights(slack: &SlackApi) -> (bool, bool) {
    match slack.identity().await {
        Ok(identity) => {
            let may = |scope: &str| {
                let scopes = identity.scopes.as_ref();
                scopes.map(|scopes| scopes.iter().any(|have| have == scope))
            };
            let reads = ["channels:history", "groups:history"];
            (
                reads.iter().any(|scope| may(scope) == Some(true)),
                // Not told is not forbidden: the first upload shows.
                may("files:write") != Some(false),
            )
        }
        Err(error) => {
            tracing::warn!(%error, "Slack did not say what the token may do; assuming the least");
            (false, true)
        }
    }
}

async fn take_sightings(mut seen: mpsc::Receiver<Sighting>, engine: EngineHandle, synced: Synced) {
    while let Some(sighting) = seen.recv().await {
        if let Sighting::Watch(health) = &sighting {
            let mut synced = synced.lock().unwrap_or_else(PoisonError::into_inner);
            let before = synced.insert(health.kind.clone(), health.synced);
            match &health.error {
                // Once per trouble: it is retried, and fails again.
                Some(error) if before != Some(false) => {
                    tracing::warn!(watch = health.kind, error, "watch.failed");
                }
                None if before == Some(false) => {
                    tracing::info!(watch = health.kind, "watch.works_again")
                }
                _ => {}
            }
        }
        if !engine.send(Message::Sighting(sighting)).await {
            return;
        }
    }
}

/// Tells the engine how it is with Slack, for `/heal status`: an answer to a command needs no post.
async fn tell<T: Clone>(
    mut news: watch::Receiver<T>,
    as_message: fn(T) -> Message,
    engine: EngineHandle,
) {
    while news.changed().await.is_ok() {
        let now = news.borrow_and_update().clone();
        if !engine.send(as_message(now)).await {
            return;
        }
    }
}

/// Keeps the members of the approvers' groups at hand, so that a click needs no question.
async fn keep_warm(people: People) {
    loop {
        people.warm().await;
        tokio::time::sleep(WARM).await;
    }
}

async fn take_deliveries(
    mut deliveries: mpsc::UnboundedReceiver<crate::ports::Delivered>,
    engine: EngineHandle,
) {
    while let Some(delivered) = deliveries.recv().await {
        if !engine.send(Message::Delivered(delivered)).await {
            return;
        }
    }
}

/// 128 random bits as text.
fn random_text() -> String {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // Without randomness a button value could be guessed. Signature, pins and policy still guard it; say so and go on.
        tracing::error!("the system gives no random numbers");
    }
    hex::encode(bytes)
}
