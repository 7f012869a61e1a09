//! Who and what is in the workspace: channels, people and user groups.

use serde_json::{Value, json};

/// A channel; the app is in it unless `app_is_member` says otherwise.
#[derive(Debug, Clone)]
pub struct Channel {
    /// `C…`
    pub id: String,
    /// Without `#`.
    pub name: String,
    /// User ids; `None` means everyone in the workspace.
    pub members: Option<Vec<String>>,
    /// Whether the app was invited; it can neither post to nor read other channels.
    pub app_is_member: bool,
    /// Whether the channel is archived: nobody can post.
    pub is_archived: bool,
    /// Whether it is shared with another workspace (Slack Connect).
    pub is_ext_shared: bool,
}

impl Channel {
    /// A channel with everyone in it, the app too.
    pub fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            members: None,
            app_is_member: true,
            is_archived: false,
            is_ext_shared: false,
        }
    }

    /// Whether this person is in the channel.
    pub fn has(&self, user: &str) -> bool {
        self.members
            .as_ref()
            .is_none_or(|members| members.iter().any(|m| m == user))
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "name_normalized": self.name, "is_channel": true, "is_group": false, "is_im": false,
            "is_mpim": false, "is_private": false, "created": 1_700_000_000, "is_archived": self.is_archived, "is_general": false,
            "unlinked": 0, "is_shared": self.is_ext_shared, "is_org_shared": false, "is_pending_ext_shared": false,
            "pending_shared": [], "is_ext_shared": self.is_ext_shared, "is_member": self.app_is_member,
            "topic": {"value": "", "creator": "", "last_set": 0}, "purpose": {"value": "", "creator": "", "last_set": 0},
            "previous_names": [],
        })
    }
}

/// A person (or another bot), with the flags by which strangers and guests are told from colleagues.
#[derive(Debug, Clone, Default)]
pub struct User {
    /// `U…`
    pub id: String,
    /// The handle.
    pub name: String,
    /// What the person does, for the web page.
    pub title: String,
    /// A CSS colour for the web page's avatar.
    pub color: String,
    /// The workspace of the person; `None` means this one.
    pub team_id: Option<String>,
    /// A guest of several channels.
    pub is_restricted: bool,
    /// A guest of one channel.
    pub is_ultra_restricted: bool,
    /// Not a person.
    pub is_bot: bool,
    /// Someone of another workspace, seen through a shared channel.
    pub is_stranger: bool,
    /// The account was closed.
    pub deleted: bool,
}

impl User {
    /// A full member of the workspace.
    pub fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            color: "#4a154b".to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn team<'a>(&'a self, home: &'a str) -> &'a str {
        self.team_id.as_deref().unwrap_or(home)
    }

    pub(super) fn to_json(&self, home: &str) -> Value {
        let mut user = json!({
            "id": self.id, "team_id": self.team(home), "name": self.name, "deleted": self.deleted, "real_name": self.name,
            "color": self.color.trim_start_matches('#'), "tz": "Etc/UTC", "tz_label": "UTC", "tz_offset": 0,
            "profile": {"title": self.title, "real_name": self.name, "real_name_normalized": self.name, "display_name": self.name,
                "display_name_normalized": self.name, "team": self.team(home)},
            "is_admin": false, "is_owner": false, "is_primary_owner": false, "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted, "is_bot": self.is_bot, "is_app_user": false, "updated": 1_700_000_000,
        });
        // Slack sends this flag only about strangers.
        if self.is_stranger {
            user["is_stranger"] = json!(true);
        }
        user
    }
}

/// A user group (`@sre`).
#[derive(Debug, Clone)]
pub struct Usergroup {
    /// `S…`
    pub id: String,
    /// Without `@`.
    pub handle: String,
    /// User ids.
    pub users: Vec<String>,
    /// Whether it was disabled; such groups are listed only on request.
    pub disabled: bool,
}

impl Usergroup {
    /// A group in use.
    pub fn new(id: &str, handle: &str, users: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            handle: handle.to_owned(),
            users: users.iter().map(|&u| u.to_owned()).collect(),
            disabled: false,
        }
    }

    pub(super) fn to_json(&self, home: &str, with_users: bool) -> Value {
        let mut group = json!({
            "id": self.id, "team_id": home, "is_usergroup": true, "is_subteam": true, "name": self.handle, "description": "",
            "handle": self.handle, "is_external": false, "date_create": 1_700_000_000, "date_update": 1_700_000_000,
            "date_delete": i64::from(self.disabled) * 1_700_000_000, "auto_type": null,
            "created_by": "UADMIN", "updated_by": "UADMIN", "deleted_by": self.disabled.then_some("UADMIN"), "auto_provision": false,
            "enterprise_subteam_id": "", "user_count": self.users.len(), "prefs": {"channels": [], "groups": []},
        });
        if with_users {
            group["users"] = json!(self.users);
        }
        group
    }
}
