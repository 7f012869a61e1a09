//! Scoped, expiring, durable mutes.
use super::{family::Family, object::ObjectRef};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A mute: incidents that it covers are recorded and shown in `/heal status`, and get no card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// Number for `/heal unsilence`.
    pub id: u32,
    /// What it covers.
    pub scope: Scope,
    /// Slack user id of who set it.
    pub by: String,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Incidents that it kept quiet so far.
    pub muted: u32,
}

/// What a silence covers: all the parts that are given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Namespace, may end in `*`.
    pub namespace: Option<String>,
    /// Name of the owner, may end in `*`.
    pub name: Option<String>,
    /// Family.
    pub family: Option<Family>,
}

impl Scope {
    /// The scope of one workload, whatever its trouble.
    pub fn of(owner: &ObjectRef) -> Self {
        Self {
            namespace: Some(owner.namespace.clone()),
            name: Some(owner.name.clone()),
            family: None,
        }
    }

    /// Whether an incident falls under it.
    pub fn covers(&self, owner: &ObjectRef, family: Family) -> bool {
        self.namespace
            .as_deref()
            .is_none_or(|pattern| matches(pattern, &owner.namespace))
            && self
                .name
                .as_deref()
                .is_none_or(|pattern| matches(pattern, &owner.name))
            && self.family.is_none_or(|wanted| wanted == family)
    }
}

impl std::fmt::Display for Scope {
    /// `shop/checkout`, `shop/*`, `node/worker-1`, with `(oom)` behind it for one family.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}/{}",
            self.namespace.as_deref().unwrap_or("*"),
            self.name.as_deref().unwrap_or("*")
        )?;
        self.family
            .map_or(Ok(()), |family| write!(f, " ({family})"))
    }
}

/// Whether `text` fits `pattern`: equal, or beginning with what stands before a final `*`.
pub fn matches(pattern: &str, text: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == text, |prefix| text.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_covers_only_what_fits_all_its_parts() {
        let owner = ObjectRef::new("Deployment", "shop", "checkout", "u");
        let scope = |namespace: &str, name: &str, family| Scope {
            namespace: Some(namespace.into()),
            name: Some(name.into()),
            family,
        };
        assert!(scope("sh*", "*", None).covers(&owner, Family::Oom));
        assert!(scope("shop", "checkout", Some(Family::Oom)).covers(&owner, Family::Oom));
        assert!(!scope("shop", "checkout", Some(Family::Crash)).covers(&owner, Family::Oom));
        assert!(!scope("shop", "check", None).covers(&owner, Family::Oom));
        assert_eq!(Scope::of(&owner).to_string(), "shop/checkout");
    }
}
