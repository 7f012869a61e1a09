//! Finding the container that shows the trouble, and the lines and events that tell about it.
use super::Case;
use crate::domain::{
    family::Family,
    symptom::has_outlived,
    text::clip,
    view::{ContainerSpec, ContainerState, ContainerView, EventView, PodView, Terminated},
};
use jiff::SignedDuration;
use regex::Regex;

/// Lines of a log that a card can show.
const LINES: usize = 8;
/// Of which this many stand before the line that tells.
const BEFORE: usize = 3;
/// A line longer than this says nothing more on a phone.
const LINE_LENGTH: usize = 300;
/// An event about the end of a container comes this close to it.
const NEAR_END: SignedDuration = SignedDuration::from_mins(2);

/// A container of a pod that shows the trouble.
#[derive(Clone, Copy)]
pub(super) struct Spot<'a> {
    pub pod: &'a PodView,
    pub container: &'a ContainerView,
}

impl<'a> Spot<'a> {
    /// The last known end, if the container has not worked since for longer than before it.
    pub fn fresh_end(&self, case: &Case<'_>) -> Option<&'a Terminated> {
        self.container
            .last_end()
            .filter(|_| !has_outlived(self.container, case.now))
    }

    /// Reason and message of a waiting container.
    pub fn waiting(&self) -> Option<(&'a str, &'a str)> {
        match &self.container.state {
            ContainerState::Waiting { reason, message } => Some((reason, message)),
            _ => None,
        }
    }

    /// What is to be told is its last end: it does not run, or the incident is about its ends and it runs between two of them.
    pub fn ended(&self, case: &Case<'_>) -> bool {
        let between = || {
            matches!(case.family, Family::Crash | Family::Oom)
                && self.container.restarts > 0
                && self.fresh_end(case).is_some()
        };
        !self.runs() || between()
    }

    /// It runs now.
    pub fn runs(&self) -> bool {
        matches!(self.container.state, ContainerState::Running { .. })
    }

    /// "Container app", or "Init container migrate".
    pub fn name(&self) -> String {
        let kind = if self.container.init {
            "Init container"
        } else {
            "Container"
        };
        format!("{kind} {}", self.container.name)
    }
}

impl<'a> Case<'a> {
    /// The containers to look at: of the container that raised the signal if one did, otherwise all. Pods that go anyway and
    /// pods that are done are left out; pods of the newest template come first.
    pub(super) fn spots(&self) -> impl Iterator<Item = Spot<'a>> {
        let only = self.container;
        let current = self.current_hash();
        let pods = &self.evidence.pods;
        let is_new =
            move |pod: &PodView| current.is_none() || pod.template_hash.as_deref() == current;
        pods.iter()
            .filter(move |pod| is_new(pod))
            .chain(pods.iter().filter(move |pod| !is_new(pod)))
            .filter(|pod| !pod.deleting && pod.phase != "Succeeded")
            .flat_map(move |pod| {
                pod.containers
                    .iter()
                    .filter(move |container| only.is_none_or(|name| name == container.name))
                    .map(move |container| Spot { pod, container })
            })
    }

    /// Template hash of the newest revision.
    pub(super) fn current_hash(&self) -> Option<&'a str> {
        self.evidence
            .revisions
            .iter()
            .find(|revision| revision.current)
            .map(|revision| revision.hash.as_str())
    }

    /// A container as the owner's template specifies it.
    pub(super) fn spec(&self, container: &str) -> Option<&'a ContainerSpec> {
        self.evidence
            .workload
            .as_ref()?
            .containers
            .iter()
            .find(|spec| spec.name == container)
    }

    /// The log that tells about a container; empty when there is none.
    pub(super) fn log(&self, spot: Spot<'_>) -> &'a [String] {
        let (pod, container) = (&spot.pod.name, &spot.container.name);
        // What runs tells about itself; what ended, about its end.
        let present = self
            .evidence
            .logs
            .iter()
            .find(|log| {
                log.pod == *pod
                    && log.container == *container
                    && !log.previous
                    && !log.lines.is_empty()
            })
            .filter(|_| !spot.ended(self));
        present
            .or_else(|| self.evidence.log_of(pod, container))
            .map_or(&[], |log| &log.lines)
    }

    /// The newest event of a reason about a pod (and, where the event names one, the container).
    pub(super) fn event(&self, spot: Spot<'_>, reason: &str) -> Option<&'a EventView> {
        self.evidence.events.iter().rev().find(|event| {
            event.reason == reason
                && event.about.name == spot.pod.name
                && event
                    .container
                    .as_ref()
                    .is_none_or(|name| *name == spot.container.name)
        })
    }

    /// The newest failure of a probe: of one that can end the container, if one did.
    pub(super) fn unhealthy(&self, spot: Spot<'_>, kills: bool) -> Option<&'a EventView> {
        let of = |readiness: bool| {
            self.evidence.events.iter().rev().find(|event| {
                event.reason == "Unhealthy"
                    && event.about.name == spot.pod.name
                    && event
                        .container
                        .as_ref()
                        .is_none_or(|name| *name == spot.container.name)
                    && event.note.starts_with("Readiness") == readiness
            })
        };
        of(!kills).or_else(|| of(kills))
    }

    /// The event that says why: the kubelet ended this container because of a probe, close to its last end.
    pub(super) fn killed_by_probe(&self, spot: Spot<'_>) -> Option<&'a EventView> {
        let end = spot.fresh_end(self);
        let killing = self.event(spot, "Killing").filter(|event| {
            event.note.contains("failed liveness probe")
                || event.note.contains("failed startup probe")
        });
        // Events get lost. A signal from outside right after failures of a probe that kills says the same.
        let signalled =
            end.is_some_and(|end| end.reason == "Error" && matches!(end.exit_code, 137 | 143));
        let event = killing.or_else(|| {
            self.unhealthy(spot, true)
                .filter(|event| signalled && !event.note.starts_with("Readiness"))
        })?;
        let near = end
            .and_then(|end| end.finished)
            .is_none_or(|end| end.duration_since(event.at).abs() <= NEAR_END);
        // A pod that loops uses up its share of events: then the length of the run has to tell that it goes on.
        let goes_on =
            || event.reason == "Killing" && end.is_some_and(|end| self.ends_on_time(spot, end));
        (near || goes_on()).then_some(event)
    }

    /// A run lasted as long as a probe that fails from the start lets it: not less, and not more than two periods longer.
    fn ends_on_time(&self, spot: Spot<'_>, end: &Terminated) -> bool {
        let (Some(started), Some(finished)) = (end.started, end.finished) else {
            return false;
        };
        let ran = finished.duration_since(started).as_secs();
        let spec = self.spec(&spot.container.name);
        let probes = spec
            .into_iter()
            .flat_map(|spec| [&spec.liveness, &spec.startup]);
        probes.flatten().any(|probe| {
            let (period, failures) = (
                i64::from(probe.period.max(1)),
                i64::from(probe.failures.max(1)),
            );
            let least = i64::from(probe.initial_delay.max(0))
                .saturating_add(period.saturating_mul(failures - 1));
            (least..=least.saturating_add(period.saturating_mul(2))).contains(&ran)
        })
    }
}

/// The last line that a pattern matches.
pub(super) fn last_match(lines: &[String], pattern: &Regex) -> Option<usize> {
    lines.iter().rposition(|line| pattern.is_match(line))
}

/// The line at `index` with its context, few enough for a card.
pub(super) fn excerpt(lines: &[String], index: usize) -> Vec<String> {
    let start = index.saturating_sub(BEFORE);
    lines
        .iter()
        .skip(start)
        .take(LINES)
        .map(|line| clip(line, LINE_LENGTH))
        .collect()
}

/// The last lines, few enough for a card.
pub(super) fn tail(lines: &[String]) -> Vec<String> {
    let start = lines.len().saturating_sub(LINES);
    excerpt(&lines[start..], 0)
}

/// The name among `names` that was probably meant: at most two edits, or a third of its length, away.
pub(super) fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let limit = (wanted.chars().count() / 3).max(2);
    names
        .filter(|name| *name != wanted)
        .map(|name| (distance(wanted, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

/// Edits (insert, delete, replace) from one name to another.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
