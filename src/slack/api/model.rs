//! What goes into the Web API and what comes out, as far as Heal uses it.
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// Who the token belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// `T…`
    pub team_id: String,
    /// The workspace's name.
    pub team: String,
    /// The bot's user id.
    pub user_id: String,
    /// `B…`: the bot behind the token.
    pub bot_id: Option<String>,
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
