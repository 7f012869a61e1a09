//! `heal check`, wired to the real cluster and the real Slack.
use crate::{
    app::SystemClock,
    check::{self, Identity, Membership, Permission, Probe},
    cli::{CheckArgs, Exit},
    cluster::{KubeCluster, access},
    config::Config,
    domain::action::ActionKind,
    run,
    slack::{api::SlackApi, transport::network},
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
                network()?,
                config.slack.api_url.clone(),
                &config.slack.bot_token,
            )),
            actions: config.actions.clone(),
            namespaces: exact(&config.kubernetes.namespaces),
        },
        Err(_) => Live {
            cluster: Err(String::new()),
            slack: None,
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

struct Live {
    cluster: Result<KubeCluster, String>,
    slack: Option<SlackApi>,
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

    fn identity(&self) -> BoxFuture<'_, Result<Identity, String>> {
        Box::pin(async {
            let found = self
                .slack()?
                .identity()
                .await
                .map_err(|error| error.to_string())?;
            Ok(Identity {
                team_id: found.team_id,
                team: found.team,
                user_id: found.user_id,
                // `auth.test` does not name the app; requests are checked against the configured one all the same.
                app_id: None,
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
                Err(error) => Membership::Unknown(error.to_string()),
            }
        })
    }
}
