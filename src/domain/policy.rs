//! Who may decide what. The only place that can make an [`Approved`] action.
use super::{
    action::{Action, ActionKind},
    incident::{Incident, State},
    silence::matches,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A person as Slack knows them at the moment of a click.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Slack user id (`U…` or `W…`). Names are never used.
    pub id: String,
    /// The workspace the user belongs to.
    pub team: String,
    /// User groups (`S…`) they are a member of, as far as the policy names them.
    pub groups: Vec<String>,
    /// What makes the person an outsider, if anything.
    pub standing: Standing,
}

/// Whether a person belongs here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// A full member of the pinned workspace.
    #[default]
    Member,
    /// A single- or multi-channel guest.
    Guest,
    /// From another workspace (Slack Connect).
    Stranger,
    /// A bot or an app.
    Bot,
    /// Deactivated.
    Deleted,
    /// Slack could not be asked: nobody is trusted on a guess.
    Unverified,
}

/// One rule: these people may approve these actions in these namespaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Actions; empty means none, all of [`ActionKind::ALL`] is written as `*` in the configuration.
    pub actions: Vec<ActionKind>,
    /// Namespaces, each may end in `*`.
    pub namespaces: Vec<String>,
    /// User ids.
    pub users: Vec<String>,
    /// User group ids.
    pub groups: Vec<String>,
    /// Approvals needed, 1 or 2.
    pub approvals: u8,
}

/// All rules. No rule means nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The rules.
    pub rules: Vec<Rule>,
    /// The pinned workspace; empty pins nothing (only the demo and tests do that).
    pub team: String,
}

/// Why a person may not.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Refusal {
    /// Not a member.
    #[error("Guests cannot decide on actions. Ask a full member of this workspace.")]
    Guest,
    /// From another workspace.
    #[error("Only members of this workspace can decide on actions.")]
    Stranger,
    /// An app.
    #[error("Apps cannot decide on actions.")]
    Bot,
    /// Deactivated.
    #[error("This account is deactivated.")]
    Deleted,
    /// Slack did not answer.
    #[error("Slack did not say who you are, so nothing was done. Try again in a moment.")]
    Unverified,
    /// No rule names this action in this namespace at all.
    #[error(
        "Nobody may approve {action} in namespace {namespace}: no [[approvers]] rule names it."
    )]
    NobodyMay {
        /// Action.
        action: String,
        /// Namespace.
        namespace: String,
    },
    /// Others may.
    #[error("You may not approve {action} in namespace {namespace}. These may: {who}.")]
    NotYou {
        /// Action.
        action: String,
        /// Namespace.
        namespace: String,
        /// Slack mentions of those who may.
        who: String,
    },
}

impl Policy {
    /// Whether the person belongs here at all (needed for dismissing, silencing and pausing, too).
    pub fn may_speak(&self, person: &Person) -> Result<(), Refusal> {
        match person.standing {
            Standing::Guest => Err(Refusal::Guest),
            Standing::Stranger => Err(Refusal::Stranger),
            Standing::Bot => Err(Refusal::Bot),
            Standing::Deleted => Err(Refusal::Deleted),
            Standing::Unverified => Err(Refusal::Unverified),
            Standing::Member if !self.team.is_empty() && person.team != self.team => {
                Err(Refusal::Stranger)
            }
            Standing::Member => Ok(()),
        }
    }

    /// Whether the person may approve this action in this namespace; how many approvals it needs if so.
    pub fn may_approve(
        &self,
        person: &Person,
        action: ActionKind,
        namespace: &str,
    ) -> Result<u8, Refusal> {
        self.may_speak(person)?;
        let fitting: Vec<&Rule> = self.rules_for(action, namespace).collect();
        let mine = fitting.iter().any(|rule| {
            rule.users.contains(&person.id)
                || rule
                    .groups
                    .iter()
                    .any(|group| person.groups.contains(group))
        });
        if mine {
            return Ok(self.approvals_needed(action, namespace));
        }
        let who: Vec<String> = fitting
            .iter()
            .flat_map(|rule| {
                let users = rule.users.iter().map(|user| format!("<@{user}>"));
                users.chain(
                    rule.groups
                        .iter()
                        .map(|group| format!("<!subteam^{group}>")),
                )
            })
            .collect();
        let (action, namespace) = (action.to_string(), namespace.to_owned());
        if who.is_empty() {
            Err(Refusal::NobodyMay { action, namespace })
        } else {
            Err(Refusal::NotYou {
                action,
                namespace,
                who: who.join(", "),
            })
        }
    }

    /// Whether the person is named by any rule: required for `/heal pause`, `/heal resume` and silences.
    pub fn is_operator(&self, person: &Person) -> bool {
        self.may_speak(person).is_ok()
            && self.rules.iter().any(|rule| {
                rule.users.contains(&person.id)
                    || rule
                        .groups
                        .iter()
                        .any(|group| person.groups.contains(group))
            })
    }

    /// The strictest number of approvals among the rules that fit.
    pub fn approvals_needed(&self, action: ActionKind, namespace: &str) -> u8 {
        self.rules_for(action, namespace)
            .map(|rule| rule.approvals)
            .max()
            .unwrap_or(1)
    }

    /// User groups that any rule names.
    pub fn groups(&self) -> impl Iterator<Item = &String> {
        self.rules.iter().flat_map(|rule| &rule.groups)
    }

    fn rules_for<'a>(
        &'a self,
        action: ActionKind,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().filter(move |rule| {
            rule.actions.contains(&action)
                && rule
                    .namespaces
                    .iter()
                    .any(|pattern| matches(pattern, namespace))
        })
    }
}

/// An action with a recorded, valid decision behind it. Executors take nothing else, and only this module makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Approved {
    action: Action,
    execution: String,
    generation: i64,
    spec: Option<String>,
}

impl Approved {
    /// The approved action of an incident, if its record says that enough allowed people approved it and that it is
    /// neither done nor given up. The same after a restart: the record is what counts.
    pub fn of(incident: &Incident) -> Option<Self> {
        match &incident.state {
            State::Executing { execution }
                if execution.proposal.approvals.len()
                    >= usize::from(execution.proposal.approvals_needed.max(1)) =>
            {
                Some(Self {
                    action: execution.proposal.action.clone(),
                    execution: execution.id.clone(),
                    generation: execution.proposal.dry_run.generation,
                    spec: execution.proposal.dry_run.spec.clone(),
                })
            }
            _ => None,
        }
    }

    /// What to do.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// The id of the execution: written to the object, so that the change is made once.
    pub fn execution(&self) -> &str {
        &self.execution
    }

    /// The generation that was diagnosed.
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// The fingerprint of the specification that was diagnosed, where one was taken.
    pub fn spec(&self) -> Option<&str> {
        self.spec.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: &str) -> Person {
        Person {
            id: id.into(),
            team: "T1".into(),
            ..Person::default()
        }
    }

    fn policy() -> Policy {
        Policy {
            team: "T1".into(),
            rules: vec![
                Rule {
                    actions: vec![ActionKind::RolloutUndo],
                    namespaces: vec!["shop*".into()],
                    users: vec!["U1".into()],
                    groups: vec!["S1".into()],
                    approvals: 1,
                },
                Rule {
                    actions: vec![ActionKind::RolloutUndo],
                    namespaces: vec!["shop-pay".into()],
                    users: vec![],
                    groups: vec![],
                    approvals: 2,
                },
            ],
        }
    }

    #[test]
    fn only_named_people_may_approve_and_others_are_told_whom_to_ask() {
        let policy = policy();
        let undo = ActionKind::RolloutUndo;
        assert_eq!(policy.may_approve(&person("U1"), undo, "shop"), Ok(1));
        let member = Person {
            groups: vec!["S1".into()],
            ..person("U9")
        };
        assert_eq!(policy.may_approve(&member, undo, "shop-a"), Ok(1));
        insta::assert_snapshot!(policy.may_approve(&person("U2"), undo, "shop").unwrap_err(), @"You may not approve RolloutUndo in namespace shop. These may: <@U1>, <!subteam^S1>.");
        insta::assert_snapshot!(policy.may_approve(&person("U1"), ActionKind::Scale, "shop").unwrap_err(), @"Nobody may approve Scale in namespace shop: no [[approvers]] rule names it.");
    }

    #[test]
    fn the_strictest_rule_sets_the_number_of_approvals() {
        assert_eq!(
            policy().may_approve(&person("U1"), ActionKind::RolloutUndo, "shop-pay"),
            Ok(2)
        );
    }

    #[test]
    fn outsiders_are_refused_whatever_the_rules_say() {
        let policy = policy();
        for (standing, refusal) in [
            (Standing::Guest, Refusal::Guest),
            (Standing::Stranger, Refusal::Stranger),
            (Standing::Bot, Refusal::Bot),
            (Standing::Deleted, Refusal::Deleted),
            (Standing::Unverified, Refusal::Unverified),
        ] {
            let outsider = Person {
                standing,
                ..person("U1")
            };
            assert_eq!(
                policy.may_approve(&outsider, ActionKind::RolloutUndo, "shop"),
                Err(refusal)
            );
        }
        let other_team = Person {
            team: "T2".into(),
            ..person("U1")
        };
        assert_eq!(
            policy.may_approve(&other_team, ActionKind::RolloutUndo, "shop"),
            Err(Refusal::Stranger)
        );
    }

    #[test]
    fn an_empty_policy_lets_nobody_approve() {
        let refusal = Policy::default().may_approve(&person("U1"), ActionKind::RolloutUndo, "shop");
        assert!(matches!(refusal, Err(Refusal::NobodyMay { .. })));
        assert!(!Policy::default().is_operator(&person("U1")));
    }
}
