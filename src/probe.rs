//! `heal check`, wired to the real cluster and the real Slack.
use crate::{
    app::SystemClock,
    check::{self, Figures, Identity, Membership, Permission, Probe, Seen},
    cli::{CheckArgs, Exit},
    cluster::{KubeCluster, access},
    config::Config,
    domain::action::ActionKind,
    ports::{Reading, UsageSource},
    run,
    slack::{api::SlackApi, connector::LIMITS},
    usage::prometheus::Prometheus,
    wire::network,
};
use futures::future::BoxFuture;

/// Runs it.
///
/// # Errors
/// When no TLS client can be made.
pub async fn run(args: &CheckArgs) -> anyhow::Result<Exit> {
    let config = Config::load(&args.config.config);
    let probe = match &config {
        Ok(config) => Live {
            cluster: run::cluster(config)
                .await
                .map_err(|error| format!("{error:#}")),
            slack: Some(SlackApi::new(
                network(LIMITS, None)?,
                config.slack.api_url.clone(),
                &config.slack.bot_token,
            )),
            prometheus: run::prometheus(config)
                .map_err(|error| format!("{error:#}"))
                .transpose(),
            actions: config.actions.clone(),
            namespaces: exact(&config.kubernetes.namespaces),
        },
        Err(_) => Live {
            cluster: Err(String::new()),
            slack: None,
            prometheus: None,
            actions: Vec::new(),
            namespaces: Vec::new(),
        },
    };
    let report = check::gather(&config, &probe, &SystemClock).await;
    println!(
        "{}",
        if args.json {
            report.json()
        } else {
            report.text()
        }
    );
    Ok(report.exit())
}

/// Namespaces that are named outright. With a pattern among them, rights are asked for in all namespaces.
fn exact(namespaces: &[String]) -> Vec<String> {
    if namespaces.iter().any(|name| name.ends_with('*')) {
        Vec::new()
    } else {
        namespaces.to_vec()
    }
}

/// How many of the running containers a source knows.
async fn seen(
    cluster: &KubeCluster,
    source: &dyn UsageSource,
    measure: &str,
) -> Result<Seen, String> {
    let readings = source.read().await.map_err(|error| error.to_string())?;
    let running = cluster.running().await.map_err(|error| error.to_string())?;
    let known = readings.containers.into_iter();
    let known = known.filter(|reading| {
        let Reading {
            namespace,
            pod,
            container,
            ..
        } = reading;
        running.contains(&(namespace.clone(), pod.clone(), container.clone()))
    });
    Ok(Seen {
        measure: measure.to_owned(),
        known: known.count(),
        running: running.len(),
    })
}

struct Live {
    cluster: Result<KubeCluster, String>,
    slack: Option<SlackApi>,
    prometheus: Option<Result<Prometheus, String>>,
    actions: Vec<ActionKind>,
    namespaces: Vec<String>,
}

impl Live {
    fn slack(&self) -> Result<&SlackApi, String> {
        self.slack
            .as_ref()
            .ok_or_else(|| "there is no configuration".to_owned())
    }
}

impl Probe for Live {
    fn cluster_version(&self) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async {
            let cluster = self.cluster.as_ref().map_err(String::clone)?;
            cluster.version().await.map_err(|error| error.to_string())
        })
    }

    fn permissions(&self) -> BoxFuture<'_, Result<Vec<Permission>, String>> {
        Box::pin(async {
            let cluster = self.cluster.as_ref().map_err(String::clone)?;
            let found = access::permissions(cluster, &self.actions, &self.namespaces).await;
            let found = found.map_err(|error| error.to_string())?;
            let place = |namespace: &str| {
                if namespace.is_empty() {
                    String::new()
                } else {
                    format!(" in {namespace}")
                }
            };
            Ok(found
                .into_iter()
                .map(|permission| Permission {
                    verb: permission.verb.to_owned(),
                    resource: format!("{}{}", permission.resource, place(&permission.namespace)),
                    why: permission.why.to_owned(),
                    allowed: permission.allowed,
                })
                .collect())
        })
    }

    fn figures(&self) -> BoxFuture<'_, Figures> {
        Box::pin(async {
            let cluster = match &self.cluster {
                Ok(cluster) => cluster,
                Err(error) => {
                    return Figures {
                        prometheus: None,
                        metrics_api: Err(error.clone()),
                    };
                }
            };
            let prometheus = match &self.prometheus {
                None => None,
                Some(Err(error)) => Some(Err(error.clone())),
                Some(Ok(source)) => Some(match source.probe().await {
                    Ok(exported) => seen(cluster, source, exported.words()).await,
                    Err(error) => Err(error.to_string()),
                }),
            };
            let measure = "working set, which may hold page cache";
            Figures {
                prometheus,
                metrics_api: seen(cluster, &cluster.usage(), measure).await,
            }
        })
    }

    fn identity(&self) -> BoxFuture<'_, Result<Identity, String>> {
        Box::pin(async {
            let slack = self.slack()?;
            let found = slack.identity().await.map_err(|error| error.to_string())?;
            // `auth.test` does not name the app. Without the scope it stays unknown; requests are checked all the same.
            let app_id = match &found.bot_id {
                Some(bot) => slack.app_of(bot).await.ok().flatten(),
                None => None,
            };
            Ok(Identity {
                team_id: found.team_id,
                team: found.team,
                user_id: found.user_id,
                app_id,
                scopes: found.scopes,
                date: found.date,
            })
        })
    }

    fn membership<'a>(&'a self, channel: &'a str) -> BoxFuture<'a, Membership> {
        Box::pin(async move {
            let slack = match self.slack() {
                Ok(slack) => slack,
                Err(why) => return Membership::Unknown(why),
            };
            match slack.channel(channel).await {
                Ok(found) if found.is_member => Membership::Member,
                Ok(_) => Membership::Outside,
                Err(error) if error.code() == Some("channel_not_found") => Membership::NoChannel,
                Err(error) if error.code() == Some("missing_scope") => Membership::NoScope,
                Err(error) => Membership::Unknown(error.to_string()),
            }
        })
    }
}
