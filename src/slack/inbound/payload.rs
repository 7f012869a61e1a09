//! The JSON of an interaction: only what is used, and all of it optional.
use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct Payload {
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default, deserialize_with = "or_default")]
    pub api_app_id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub team: Id,
    #[serde(default, deserialize_with = "or_default")]
    pub user: User,
    #[serde(default, deserialize_with = "or_default")]
    pub channel: Id,
    #[serde(default, deserialize_with = "or_default")]
    pub container: Container,
    #[serde(default, deserialize_with = "or_default")]
    pub message: MessageTs,
    pub trigger_id: Option<String>,
    pub response_url: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub actions: Vec<Action>,
    #[serde(default, deserialize_with = "or_default")]
    pub view: View,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Id {
    pub id: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub id: String,
    pub team_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Container {
    pub channel_id: Option<String>,
    pub message_ts: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct MessageTs {
    pub ts: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Action {
    pub action_id: String,
    pub value: Option<String>,
    pub selected_option: Option<Choice>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    pub value: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct View {
    pub callback_id: Option<String>,
    pub private_metadata: Option<String>,
    pub state: Option<Values>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Values {
    pub values: Value,
}

/// A field that is null counts as missing.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
