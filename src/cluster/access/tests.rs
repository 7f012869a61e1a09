//! What is asked for, held against the manifests.
use super::*;
use std::collections::BTreeSet;

type Rights = BTreeSet<(String, String, String)>;

fn asked<'n>(needs: impl IntoIterator<Item = &'n Need>) -> Rights {
    let of = |need: &Need| {
        let (group, resource) = (need.group.to_owned(), need.resource.to_owned());
        let right = move |verb: &&str| (group.clone(), resource.clone(), (*verb).to_owned());
        need.verbs.iter().map(right).collect::<Vec<_>>()
    };
    needs.into_iter().flat_map(of).collect()
}

/// The rights of the ClusterRole in a manifest, whose rules are written one list to a line.
fn granted(manifest: &str) -> Rights {
    let role = manifest.split("\n---\n").next().unwrap();
    let list = |line: &str| -> Vec<String> {
        let items = line.split_once('[').unwrap().1.trim_end_matches(']');
        let item = |item: &str| item.trim().trim_matches('"').to_owned();
        items.split(',').map(item).collect()
    };
    let (mut groups, mut resources, mut rights) = (vec![], vec![], Rights::new());
    for line in role.lines().map(str::trim) {
        match line.trim_start_matches("- ").split_once(':') {
            Some(("apiGroups", _)) => groups = list(line),
            Some(("resources", _)) => resources = list(line),
            Some(("verbs", _)) => {
                for group in &groups {
                    for resource in &resources {
                        let right = |verb| (group.clone(), resource.clone(), verb);
                        rights.extend(list(line).into_iter().map(right));
                    }
                }
            }
            _ => assert!(
                !["*", "nonResourceURLs", "resourceNames"]
                    .iter()
                    .any(|word| line.starts_with(word)),
                "{line}"
            ),
        }
    }
    rights
}

#[test]
fn what_is_asked_for_is_what_the_manifests_grant_and_nothing_else() {
    assert_eq!(
        granted(include_str!("../../../manifests/rbac-observe.yaml")),
        asked(&OBSERVE)
    );
    assert_eq!(
        granted(include_str!("../../../manifests/rbac-act.yaml")),
        asked(ActionKind::ALL.iter().flat_map(|action| acting(*action)))
    );
}
