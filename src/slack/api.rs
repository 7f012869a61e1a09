//! The few Web API methods that Heal uses.
//!
//! Calls go through slack-morphism's session. Where its models would lose or refuse what Slack sends, the bodies are ours:
//! messages are rendered as JSON already; its message metadata takes no numbers, and a post whose answer it cannot read looks
//! failed although the message is there; its user profile refuses unusual e-mail addresses.
pub use super::error::SlackError;
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

/// Who the token belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// `T…`
    pub team_id: String,
    /// The workspace's name.
    pub team: String,
    /// The bot's user id.
    pub user_id: String,
    /// The token's scopes, if Slack names them.
    pub scopes: Option<Vec<String>>,
    /// Slack's time of day, if it tells: signatures fail when the clocks differ by more than five minutes.
    pub date: Option<Timestamp>,
}

/// A user, as far as it decides about trust. What is missing counts as not so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct User {
    /// `T…`
    pub team_id: Option<String>,
    /// Deactivated.
    pub deleted: bool,
    /// An app.
    pub is_bot: bool,
    /// A guest in several channels.
    pub is_restricted: bool,
    /// A guest in one channel.
    pub is_ultra_restricted: bool,
    /// From another workspace.
    pub is_stranger: bool,
}

/// A channel, as far as `heal check` asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Channel {
    /// Without `#`.
    pub name: String,
    /// The bot was invited.
    pub is_member: bool,
    /// Nobody can write any more.
    pub is_archived: bool,
    /// Shared with another workspace.
    pub is_ext_shared: bool,
}

/// What a posted message is about; readable by every app of the workspace, so ids only.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Mark {
    /// `heal_incident`, `heal_note`, `heal_digest`
    pub event_type: String,
    /// Ids.
    pub event_payload: Value,
}

/// Where and how a message is posted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// Channel id.
    pub channel: &'a str,
    /// Time stamp of the message whose thread it goes to.
    pub thread: Option<&'a str>,
    /// Also show the reply in the channel.
    pub broadcast: bool,
}

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

    /// `conversations.info`.
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
mod tests {
    use super::*;
    use crate::{
        sim::slack::{Fault, SlackSim, SlackSimOptions},
        wire::{Broken, in_process},
    };
    use std::time::Duration;
    use tower::{service_fn, util::BoxCloneSyncService};

    fn api(transport: Transport) -> SlackApi {
        let base = "http://slack.local/api".parse().unwrap();
        SlackApi::new(transport, base, &"xoxb-simulated".into())
    }

    fn message() -> Message {
        Message {
            text: "hello".into(),
            blocks: json!([]),
        }
    }

    fn mark() -> Mark {
        Mark {
            event_type: "heal_incident".into(),
            event_payload: json!({"incident": "H1"}),
        }
    }

    fn ops() -> Place<'static> {
        Place {
            channel: "C0OPS",
            ..Place::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_trouble_is_another_decision() {
        let sim = SlackSim::new(SlackSimOptions::default());
        let api = api(in_process(sim.router()));
        let refused = |code: &str| SlackError::Refused {
            code: code.into(),
            messages: vec![],
        };
        let unknown = |why: &str| SlackError::Ambiguous(why.into());
        for (fault, expected) in [
            (
                Fault::RateLimited { retry_after: 7 },
                SlackError::RateLimited(Duration::from_secs(7)),
            ),
            (Fault::Status(502), unknown("status 502")),
            (Fault::Status(404), refused("http_404")),
            (Fault::Error("fatal_error".into()), unknown("fatal_error")),
            (
                Fault::Error("not_in_channel".into()),
                refused("not_in_channel"),
            ),
            (
                Fault::Error("thread_not_found".into()),
                SlackError::NotFound("thread_not_found".into()),
            ),
            (Fault::AcceptThenHang, unknown("timed out")),
        ] {
            sim.fail(None, fault.clone(), 1);
            assert_eq!(
                api.post(ops(), &message(), &mark()).await,
                Err(expected),
                "{fault:?}"
            );
        }
        // The one that Slack accepted can be found.
        let found = api
            .marks("C0OPS", None, Timestamp::UNIX_EPOCH)
            .await
            .unwrap();
        assert_eq!(
            found
                .iter()
                .map(|(_, mark)| mark.clone())
                .collect::<Vec<_>>(),
            [mark()]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_layout_comes_with_what_is_wrong_with_it() {
        let sim = SlackSim::new(SlackSimOptions::default());
        let wrong = Message {
            blocks: json!([{"type": "section"}]),
            ..message()
        };
        let error = api(in_process(sim.router()))
            .post(ops(), &wrong, &mark())
            .await;
        let Err(SlackError::Refused { code, messages }) = error else {
            panic!("{error:?}");
        };
        assert_eq!(code, "invalid_blocks");
        assert!(!messages.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_never_left_may_be_repeated() {
        let closed = service_fn(|_| async { Err(Broken::Unsent("refused".into())) });
        let api = api(BoxCloneSyncService::new(closed));
        let error = api.post(ops(), &message(), &mark()).await;
        assert_eq!(error, Err(SlackError::Unsent("refused".into())));
    }

    #[tokio::test(start_paused = true)]
    async fn the_token_is_in_no_error_and_goes_to_no_response_url() {
        let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let log = seen.clone();
        let echo = service_fn(move |request: http::Request<Bytes>| {
            log.lock().unwrap().push(request.headers().clone());
            let text = format!("{:?}", request.headers());
            async move { Ok(http::Response::new(Bytes::from(text))) }
        });
        let api = api(BoxCloneSyncService::new(echo));
        let error = api.post(ops(), &message(), &mark()).await.unwrap_err();
        let said = format!("{error} {error:?} {api:?}");
        assert!(!said.contains("xoxb"), "{said}");
        let url = "https://hooks.slack.com/actions/T1/2/secret";
        let error = api.respond(url, &json!({})).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
        assert!(seen.lock().unwrap()[0].contains_key("authorization"));
        assert!(!seen.lock().unwrap()[1].contains_key("authorization"));
    }

    #[test]
    fn only_slacks_own_response_urls_are_used() {
        let nowhere = service_fn(|_| async { Err(Broken::Unsent(String::new())) });
        let api = api(BoxCloneSyncService::new(nowhere));
        for (url, is_ours) in [
            ("https://hooks.slack.com/actions/T1/2/x", true),
            ("https://hooks.slack-gov.com/actions/T1/2/x", true),
            ("http://slack.local/response/1", true),
            ("http://hooks.slack.com/actions/T1/2/x", false),
            ("https://hooks.slack.com:8443/x", false),
            ("https://hooks.slack.com.evil.example/x", false),
            ("https://evil.example/hooks.slack.com", false),
            ("https://hooks.slack.com@evil.example/x", false),
            ("https://user:pass@hooks.slack.com/x", false),
            ("https://169.254.169.254/latest", false),
            ("https://slack.local/response/1", false),
            ("http://slack.local:81/response/1", false),
            ("file:///etc/passwd", false),
            ("", false),
        ] {
            assert_eq!(api.response_url(url).is_ok(), is_ours, "{url}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_token_says_who_it_is_and_what_it_may() {
        let sim = SlackSim::new(SlackSimOptions::default());
        let api = api(in_process(sim.router()));
        let identity = api.identity().await.unwrap();
        assert_eq!(identity.team_id, "T0HEAL");
        assert!(identity.scopes.unwrap().contains(&"chat:write".to_owned()));
        let channel = api.channel("C0OPS").await.unwrap();
        assert!(channel.is_member && !channel.is_ext_shared);
        let mut headers = HeaderMap::new();
        headers.insert("date", "Sat, 21 Nov 2026 03:12:00 GMT".parse().unwrap());
        let date = date(&headers).unwrap();
        assert_eq!(date.to_string(), "2026-11-21T03:12:00Z");
    }

    #[tokio::test(start_paused = true)]
    async fn long_texts_are_cut_before_slack_refuses_them() {
        let sim = SlackSim::new(SlackSimOptions::default());
        let api = api(in_process(sim.router()));
        let ts = api.post(ops(), &message(), &mark()).await.unwrap();
        let long = Message {
            text: "x".repeat(5_000),
            blocks: json!([]),
        };
        api.update("C0OPS", &ts, &long).await.unwrap();
        let shown = sim.message("C0OPS", &ts).unwrap();
        assert_eq!(shown.text.chars().count(), 3_900);
        assert!(shown.metadata.is_some());
    }
}
