//! `[[approvers]]`: who may approve what.
use super::{
    findings::Findings,
    reader::Section,
    sections::{is_id, is_namespace_pattern},
};
use crate::domain::{
    action::ActionKind,
    policy::{Policy, Rule},
};
use std::collections::BTreeSet;
use toml::{Spanned, de::DeValue};

/// Reads all rules. A rule with a mistake is left out; the mistake is recorded.
pub(super) fn rules<'a>(
    findings: &mut Findings,
    source: &'a str,
    tables: &'a [Spanned<DeValue<'a>>],
) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        let section = Section::element(findings, source, "approvers", at + 1, table);
        rules.extend(rule(section));
    }
    rules
}

fn rule(mut section: Section<'_, '_>) -> Option<Rule> {
    let names = ActionKind::ALL.map(ActionKind::as_str);
    let want = format!("[\"*\"] or some of {names:?}");
    let actions = section.require("actions", &want, |value| {
        let names = value.as_array().ok_or("is no list")?;
        let mut actions = BTreeSet::new();
        for name in names {
            match name.get_ref().as_str() {
                Some("*") => actions.extend(ActionKind::ALL),
                Some(name) => {
                    actions.insert(
                        ActionKind::parse(name).ok_or(format!("names {name:?}: no action"))?,
                    );
                }
                None => return Err("has entries that are no texts".to_owned()),
            }
        }
        if actions.is_empty() {
            return Err("is empty: the rule would be about nothing".to_owned());
        }
        Ok(actions.into_iter().collect())
    });
    let namespaces = section.texts(
        "namespaces",
        "[\"*\"]",
        "namespaces, each may end in *: [\"shop-*\"], or [\"*\"] for all",
        is_namespace_pattern,
    );
    let users = section.texts(
        "users",
        "[]",
        "ids of people, from their profile: users = [\"U0123456789\"]",
        |id| is_id(id, &['U', 'W']),
    );
    let groups = section.texts(
        "groups",
        "[]",
        "ids of user groups: groups = [\"S0123456789\"]",
        |id| is_id(id, &['S']),
    );
    let approvals = section.number("approvals", 1, 1..=2);
    let path = section.path("namespaces");
    let nowhere = namespaces.as_ref().is_some_and(Vec::is_empty);
    if nowhere {
        section.findings().warn(
            &path,
            "is empty, so the rule fits nowhere",
            "namespaces = [\"*\"] for all",
        );
    }
    section.close();
    Some(Rule {
        actions: actions?,
        namespaces: namespaces.unwrap_or_else(|| vec!["*".to_owned()]),
        users: users.unwrap_or_default(),
        groups: groups.unwrap_or_default(),
        // One or two: checked above.
        approvals: if approvals == 2 { 2 } else { 1 },
    })
}

/// What the rules amount to together, where that is probably not meant.
pub(super) fn warn(findings: &mut Findings, policy: &Policy, enabled: &[ActionKind]) {
    let names_somebody = |rule: &Rule| !rule.users.is_empty() || !rule.groups.is_empty();
    // Rules with mistakes were left out, so the rest would be misjudged.
    if findings
        .problems
        .iter()
        .any(|problem| problem.key.starts_with("approvers"))
    {
        return;
    }
    if !policy.rules.iter().any(names_somebody) {
        findings.warn(
            "approvers",
            "nobody can approve anything: Heal diagnoses and proposes, and nothing is ever run",
            "an [[approvers]] entry with actions, namespaces and users or groups",
        );
        return;
    }
    for (at, rule) in policy.rules.iter().enumerate() {
        let key = format!("approvers[{}]", at + 1);
        if !names_somebody(rule) {
            findings.warn(
                &key,
                "names nobody: it lets nobody approve and can only raise the number of approvals",
                "users = [\"U…\"] or groups = [\"S…\"]",
            );
        }
        let unused: Vec<&str> = rule
            .actions
            .iter()
            .filter(|action| {
                rule.actions.len() < ActionKind::ALL.len() && !enabled.contains(action)
            })
            .map(|action| action.as_str())
            .collect();
        if !unused.is_empty() {
            findings.warn(
                &key,
                format!(
                    "is about {}, which actions.enabled leaves out",
                    unused.join(", ")
                ),
                "add it there or take it out here",
            );
        }
    }
    for action in enabled {
        let fitting: Vec<&Rule> = policy
            .rules
            .iter()
            .filter(|rule| rule.actions.contains(action))
            .collect();
        let people: BTreeSet<&String> = fitting.iter().flat_map(|rule| &rule.users).collect();
        let groups = fitting.iter().any(|rule| !rule.groups.is_empty());
        if people.is_empty() && !groups {
            findings.warn(
                "approvers",
                format!("nobody can approve {action}, though it is proposed"),
                "name it in an [[approvers]] entry, or leave it out of actions.enabled",
            );
        } else if people.len() == 1 && !groups && fitting.iter().all(|rule| rule.approvals == 2) {
            findings.warn(
                "approvers",
                format!("{action} needs two people and only one is named, so it can never be run"),
                "a second person or a group, or approvals = 1",
            );
        }
    }
}
