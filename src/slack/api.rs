//! The few Web API methods that Heal uses.
//!
//! Calls go through slack-morphism's session. Where its models would lose or refuse what Slack sends, the bodies are ours:
//! messages are rendered as JSON already; its message metadata takes no numbers, and a post whose answer it cannot read looks
//! failed although the message is there; its user profile refuses unusual e-mail addresses.
mod model;

pub use super::error::SlackError;
pub use model::{Channel, Identity, Mark, Place, User};

use super::{
    connector::{Connector, JSON, read},
    render::Message,
};
use crate::wire::Transport;
use bytes::Bytes;
use http::{HeaderMap, Method};
use jiff::{Timestamp, fmt::rfc2822};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use slack_morphism::{
    SlackApiToken, SlackClient, SlackUserGroupId, api::SlackApiUserGroupsUsersListRequest,
};
use url::Url;

/// Longer texts are cut: `chat.update` refuses more than 4,000 characters.
const TEXT_LIMIT: usize = 3_900;
/// Messages looked at when a post is searched for.
const SEARCH: &str = "200";
/// Hosts of response URLs.
const RESPONSE_HOSTS: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];

/// The Web API with one token.
#[derive(Clone)]
pub struct SlackApi {
    client: SlackClient<Connector>,
    token: SlackApiToken,
}

impl std::fmt::Debug for SlackApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SlackApi({})", self.connector().base())
    }
}

#[derive(Deserialize)]
struct Nothing {}

impl SlackApi {
    /// The Web API at `base` (`https://slack.com/api`).
    pub fn new(transport: Transport, base: Url, token: &SecretString) -> Self {
        let token = SlackApiToken::new(token.expose_secret().to_owned().into());
        let client = SlackClient::new(Connector::new(transport, base));
        Self { client, token }
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.client.http_api.connector
    }

    pub(super) async fn write<RS: DeserializeOwned + Send>(
        &self,
        method: &str,
        body: &Value,
    ) -> Result<RS, SlackError> {
        let session = self.client.open_session(&self.token);
        let answer = session.http_session_api.http_post(method, body, None).await;
        Ok(answer?)
    }

    pub(super) async fn ask<RS: DeserializeOwned + Send>(
        &self,
        method: &str,
        query: &[(&str, &str)],
    ) -> Result<RS, SlackError> {
        let query: Vec<(&str, Option<&str>)> = query
            .iter()
            .map(|&(name, value)| (name, Some(value)))
            .collect();
        let session = self.client.open_session(&self.token);
        let answer = session
            .http_session_api
            .http_get(method, &query, None)
            .await;
        Ok(answer?)
    }

    /// `auth.test`, with what only its headers say.
    pub async fn identity(&self) -> Result<Identity, SlackError> {
        #[derive(Deserialize)]
        struct Answer {
            team_id: String,
            #[serde(default)]
            team: String,
            user_id: String,
            bot_id: Option<String>,
        }
        let base = self.connector().base().as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{base}/auth.test"))
            .map_err(|error| SlackError::Unsent(error.to_string()))?;
        let token = Some(self.token.token_value.0.as_str());
        let answer = self
            .connector()
            .exchange(
                Method::POST,
                &url,
                token,
                Some((JSON, Bytes::from_static(b"{}"))),
            )
            .await?;
        let who: Answer = read(&answer)?;
        Ok(Identity {
            team_id: who.team_id,
            team: who.team,
            user_id: who.user_id,
            bot_id: who.bot_id,
            scopes: text(answer.headers(), "x-oauth-scopes").map(|list| {
                list.split(',')
                    .map(|scope| scope.trim().to_owned())
                    .collect()
            }),
            date: date(answer.headers()),
        })
    }

    /// `chat.postMessage`; the result is the message's time stamp.
    pub async fn post(
        &self,
        place: Place<'_>,
        message: &Message,
        mark: &Mark,
    ) -> Result<String, SlackError> {
        #[derive(Deserialize)]
        struct Posted {
            ts: String,
        }
        let mut body = content(place.channel, message);
        body["unfurl_links"] = json!(false);
        body["unfurl_media"] = json!(false);
        body["metadata"] =
            json!({"event_type": mark.event_type, "event_payload": mark.event_payload});
        if let Some(thread) = place.thread {
            body["thread_ts"] = json!(thread);
            body["reply_broadcast"] = json!(place.broadcast);
        }
        let posted: Posted = self.write("chat.postMessage", &body).await?;
        Ok(posted.ts)
    }

    /// `chat.update`. Its default for `parse` differs from that of posting and would make links of what looks like one.
    pub async fn update(
        &self,
        channel: &str,
        ts: &str,
        message: &Message,
    ) -> Result<(), SlackError> {
        let mut body = content(channel, message);
        body["ts"] = json!(ts);
        self.write::<Nothing>("chat.update", &body).await.map(drop)
    }

    /// `chat.postEphemeral`: only `user` sees it.
    pub async fn whisper(
        &self,
        channel: &str,
        user: &str,
        message: &Message,
    ) -> Result<(), SlackError> {
        let mut body = content(channel, message);
        body["user"] = json!(user);
        self.write::<Nothing>("chat.postEphemeral", &body)
            .await
            .map(drop)
    }

    /// Posts to a response URL, without the token. Refused unless the URL is Slack's.
    pub async fn respond(&self, url: &str, body: &Value) -> Result<(), SlackError> {
        let url = self.response_url(url)?;
        let body = (JSON, Bytes::from(body.to_string()));
        let answer = self
            .connector()
            .exchange(Method::POST, &url, None, Some(body))
            .await?;
        // Slack answers with the plain text "ok".
        if answer.status().is_success() && answer.body().as_ref() == b"ok" {
            return Ok(());
        }
        read::<Nothing>(&answer)?;
        Ok(())
    }

    fn response_url(&self, url: &str) -> Result<Url, SlackError> {
        self.own_url(url, &RESPONSE_HOSTS)
            .ok_or_else(|| SlackError::Refused {
                code: "foreign_response_url".to_owned(),
                messages: Vec::new(),
            })
    }

    /// The URL, if it is on one of Slack's hosts. A signed request can still name a host that is not Slack's, if the secret ever
    /// leaks. A local workspace serves its own; Slack's Web API origin serves none of them.
    pub(super) fn own_url(&self, url: &str, hosts: &[&str]) -> Option<Url> {
        let url = Url::parse(url).ok()?;
        let slack = url.scheme() == "https"
            && url.port().is_none()
            && url.host_str().is_some_and(|host| hosts.contains(&host));
        let own = self.connector().base().origin() == url.origin();
        let named = !url.username().is_empty() || url.password().is_some();
        ((slack || own) && !named).then_some(url)
    }

    /// `views.open`.
    pub async fn open_view(&self, trigger: &str, view: &Value) -> Result<(), SlackError> {
        let body = json!({"trigger_id": trigger, "view": view});
        self.write::<Nothing>("views.open", &body).await.map(drop)
    }

    /// `users.info`.
    pub async fn user(&self, id: &str) -> Result<User, SlackError> {
        #[derive(Deserialize)]
        struct Answer {
            user: User,
        }
        let answer: Answer = self.ask("users.info", &[("user", id)]).await?;
        Ok(answer.user)
    }

    /// `usergroups.users.list`: the ids of a group's members.
    pub async fn group(&self, id: &str) -> Result<Vec<String>, SlackError> {
        let request = SlackApiUserGroupsUsersListRequest::new(SlackUserGroupId(id.to_owned()));
        let session = self.client.open_session(&self.token);
        let answer = session.usergroups_users_list(&request).await?;
        Ok(answer.users.into_iter().map(|user| user.0).collect())
    }

    /// The id of the app that a bot belongs to: `bots.info`. Needs the scope `users:read`.
    pub async fn app_of(&self, bot: &str) -> Result<Option<String>, SlackError> {
        #[derive(Deserialize)]
        struct Answer {
            bot: Bot,
        }
        #[derive(Deserialize)]
        struct Bot {
            app_id: Option<String>,
        }
        let answer: Answer = self.ask("bots.info", &[("bot", bot)]).await?;
        Ok(answer.bot.app_id)
    }

    /// `conversations.info`. Needs a scope that is optional: `channels:read`, for private channels `groups:read`.
    pub async fn channel(&self, id: &str) -> Result<Channel, SlackError> {
        #[derive(Deserialize)]
        struct Answer {
            channel: Channel,
        }
        let answer: Answer = self.ask("conversations.info", &[("channel", id)]).await?;
        Ok(answer.channel)
    }

    /// Heal's own marks on the newest messages of a channel (or of a thread) since `oldest`, with the messages' time stamps.
    pub async fn marks(
        &self,
        channel: &str,
        thread: Option<&str>,
        oldest: Timestamp,
    ) -> Result<Vec<(String, Mark)>, SlackError> {
        #[derive(Deserialize)]
        struct Answer {
            messages: Vec<Found>,
        }
        #[derive(Deserialize)]
        struct Found {
            ts: String,
            // Other apps' metadata may look like anything.
            #[serde(default)]
            metadata: Value,
        }
        let oldest = format!("{}.000000", oldest.as_second());
        let mut query = vec![
            ("channel", channel),
            ("oldest", oldest.as_str()),
            ("limit", SEARCH),
            ("include_all_metadata", "true"),
        ];
        let method = match thread {
            Some(ts) => {
                query.push(("ts", ts));
                "conversations.replies"
            }
            None => "conversations.history",
        };
        let answer: Answer = self.ask(method, &query).await?;
        let marked = answer.messages.into_iter().filter_map(|found| {
            let mark: Mark = serde_json::from_value(found.metadata).ok()?;
            mark.event_type
                .starts_with("heal_")
                .then_some((found.ts, mark))
        });
        Ok(marked.collect())
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = rfc2822::parse(&text(headers, "date")?).ok()?;
    Some(date.timestamp())
}

fn content(channel: &str, message: &Message) -> Value {
    let mut body = json!({
        "channel": channel, "text": crate::domain::text::clip(&message.text, TEXT_LIMIT),
        "parse": "none", "link_names": false,
    });
    // Text alone takes the blocks off; an empty list would do so without the text being shown.
    if message
        .blocks
        .as_array()
        .is_some_and(|blocks| !blocks.is_empty())
    {
        body["blocks"] = message.blocks.clone();
    }
    body
}

#[cfg(test)]
mod tests;
