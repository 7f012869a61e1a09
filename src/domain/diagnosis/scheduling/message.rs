//! The scheduler's sentence:
//! `0/N nodes are available: [for all nodes.] n reason, n reason. no new claims to deallocate, preemption: 0/N …`.
use crate::domain::diagnosis::pattern;
use regex::Regex;
use std::sync::LazyLock;

static HEAD: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\d+/(\d+) nodes are available: ?(?s)(.*)$"));
/// The start of a token. Reasons may hold commas (in the braces of taints), but no comma followed by a number and a word.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|, |\. )(\d+) [A-Za-z]"));

/// What the scheduler said.
#[derive(Debug, PartialEq)]
pub(super) struct Message {
    /// Nodes of the cluster.
    pub nodes: u32,
    /// What holds for all nodes: said before the counts.
    pub before: String,
    /// How many nodes, and what they lack. One node may lack two resources, so that the sum may exceed the nodes.
    pub reasons: Vec<(u32, String)>,
}

impl Message {
    /// Takes the sentence apart. A text in another form has no reasons, and is all "before".
    pub fn parse(text: &str) -> Self {
        let Some(found) = HEAD.captures(text) else {
            return Self {
                nodes: 0,
                before: text.to_owned(),
                reasons: Vec::new(),
            };
        };
        let nodes = found[1].parse().unwrap_or(0);
        let body = found.get(2).map_or("", |body| body.as_str());
        let body = body
            .rsplit_once("preemption:")
            .map_or(body, |(body, _)| body);
        let body = body
            .trim_end()
            .trim_end_matches("no new claims to deallocate,");
        let starts: Vec<usize> = TOKEN
            .captures_iter(body)
            .filter_map(|found| Some(found.get(1)?.start()))
            .collect();
        let before = &body[..starts.first().copied().unwrap_or(body.len())];
        let tidy = |text: &str| text.trim_matches([' ', ',', '.']).to_owned();
        let reasons = starts
            .iter()
            .enumerate()
            .filter_map(|(index, start)| {
                let end = starts.get(index + 1).copied().unwrap_or(body.len());
                let (number, reason) = body[*start..end].split_once(' ')?;
                Some((number.parse().ok()?, tidy(reason)))
            })
            .collect();
        Self {
            nodes,
            before: tidy(before),
            reasons,
        }
    }

    /// Whether reasons of this kind cover every node.
    pub fn all_nodes(&self, matches: impl Fn(&str) -> bool) -> bool {
        let covered: u32 = self
            .reasons
            .iter()
            .filter(|(_, reason)| matches(reason))
            .fold(0, |sum, (nodes, _)| sum.saturating_add(*nodes));
        covered > 0 && covered >= self.nodes
    }

    /// Whether any reason is of this kind.
    pub fn any(&self, matches: impl Fn(&str) -> bool) -> bool {
        self.reasons.iter().any(|(_, reason)| matches(reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (u32, String, Vec<(u32, String)>) {
        let message = Message::parse(text);
        (message.nodes, message.before, message.reasons)
    }

    #[test]
    fn counts_and_reasons_are_taken_apart_and_the_preemption_is_left_out() {
        assert_eq!(
            of(
                "0/4 nodes are available: 1 node(s) had untolerated taint(s), 3 Insufficient cpu. no new claims to deallocate, preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."
            ),
            (
                4,
                String::new(),
                vec![
                    (1, "node(s) had untolerated taint(s)".into()),
                    (3, "Insufficient cpu".into())
                ]
            )
        );
    }

    #[test]
    fn a_taint_in_braces_stays_whole() {
        assert_eq!(
            of(
                "0/3 nodes are available: 1 node(s) had untolerated taint {a: b, c: d}, 2 node(s) didn't match Pod's node affinity/selector."
            )
            .2,
            [
                (1, "node(s) had untolerated taint {a: b, c: d}".to_owned()),
                (
                    2,
                    "node(s) didn't match Pod's node affinity/selector".to_owned()
                )
            ]
        );
    }

    #[test]
    fn what_holds_for_all_nodes_stands_before_the_counts() {
        assert_eq!(
            of("0/4 nodes are available: persistentvolumeclaim \"redis-cart-pvc\" not found."),
            (
                4,
                "persistentvolumeclaim \"redis-cart-pvc\" not found".into(),
                vec![]
            )
        );
        assert_eq!(
            of("0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.").1,
            "pod has unbound immediate PersistentVolumeClaims"
        );
    }

    #[test]
    fn another_text_is_kept_as_it_is() {
        assert_eq!(of("no idea").1, "no idea");
    }
}
