//! Killed at the memory limit. The reason `OOMKilled` decides, never exit code 137: a killed child leaves any exit code behind,
//! and 137 has four other causes. No event tells of it.
use super::{
    Case, Diagnosis,
    finding::{Finding, quote},
    look::{Spot, last_match},
    pattern, remedy,
};
use crate::domain::{
    family::Family,
    text::{bytes, count, duration},
    view::{ContainerState, Terminated},
};
use jiff::SignedDuration;
use regex::Regex;
use std::sync::LazyLock;

static CANNOT_START: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"container init was OOM-killed|unable to set memory limit to \d+"));
static HEAP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"JavaScript heap out of memory|java\.lang\.OutOfMemoryError|GC overhead limit exceeded",
    )
});
static HEAP_FLAG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"-Xmx\d+[kKmMgG]?|--max-old-space-size=\d+|-XX:MaxRAMPercentage=\d+")
});

/// Runs of one container whose lengths differ by less than this share end at the same fill: a leak, not a spike.
const REGULAR: f64 = 0.25;
/// Shorter runs are no leak: the limit does not even suffice for the start.
const LEAK_AT_LEAST: SignedDuration = SignedDuration::from_mins(2);

/// A container that was killed at its limit, or that the limit does not let start.
pub(super) fn diagnose(case: &Case<'_>) -> Option<Diagnosis> {
    case.spots()
        .find_map(|spot| killed(case, spot))
        .or_else(|| case.spots().find_map(|spot| cannot_start(case, spot)))
        .or_else(|| sandbox(case))
}

fn oom_end<'a>(case: &Case<'_>, spot: Spot<'a>) -> Option<&'a Terminated> {
    let end = if case.family == Family::Oom {
        spot.container.last_end()
    } else {
        spot.fresh_end(case)
    }?;
    let init_ended_well = spot.container.init
        && end.exit_code == 0
        && matches!(spot.container.state, ContainerState::Terminated(_));
    (end.reason == "OOMKilled" && !init_ended_well).then_some(end)
}

fn killed(case: &Case<'_>, spot: Spot<'_>) -> Option<Diagnosis> {
    let end = oom_end(case, spot)?;
    let name = &spot.container.name;
    let spec = case.spec(name);
    let limit = spot.container.memory_limit;
    let template_limit = spec.and_then(|spec| spec.memory_limit);
    let is_new =
        case.current_hash().is_some() && spot.pod.template_hash.as_deref() == case.current_hash();

    let at = limit.map_or(
        "the memory of its node (it has no limit)".to_owned(),
        |limit| format!("its memory limit of {}", bytes(limit)),
    );
    let mut cause = format!("{} was killed at {at}.", spot.name());
    if end.exit_code != 137 {
        cause += &format!(
            " The kernel killed a child process; the container itself ended with exit code {}.",
            end.exit_code
        );
    }

    // What runs has less than the template asks for: something rewrites pods on their way, and a raise would be rewritten, too.
    if let (Some(actual), Some(wanted)) = (limit, template_limit)
        && actual < wanted
        && is_new
    {
        cause += &format!(
            " The template asks for {}: an admission webhook or an autoscaler lowers the limit of its pods.",
            bytes(wanted)
        );
        return Some(
            Finding::new(case, Family::Oom, "adm.mutation_surprise", 0.9, cause)
                .end(spot)
                .fact(format!(
                    "limit in the template {}, in pod {} {}",
                    bytes(wanted),
                    spot.pod.name,
                    bytes(actual)
                ))
                .advise("Find what changes the pods: mutating webhooks and VerticalPodAutoscalers of this namespace.")
                .done(),
        );
    }

    let hits = case
        .spots()
        .filter(|other| other.container.name == *name && oom_end(case, *other).is_some())
        .count();
    let mut finding = Finding::new(case, Family::Oom, "oom.container", 0.98, cause).end(spot);
    if hits > 1 {
        finding = finding.fact(format!(
            "killed in {} of {}",
            hits,
            count(i64::from(case.evidence.pod_count), "pod")
        ));
    }
    if let Some(every) = regular_runs(case, spot) {
        finding = finding
            .fact(format!("runs last about {} each: memory grows steadily", duration(every)))
            .advise("This looks like a leak: a higher limit buys time in proportion, and does not end it.");
    }
    let log = case.log(spot);
    if let Some(line) = last_match(log, &HEAP) {
        finding = finding.log(spot, Some(line));
    }
    let flag = spec.and_then(|spec| {
        spec.command
            .iter()
            .find_map(|word| Some(HEAP_FLAG.find(word)?.as_str().to_owned()))
    });
    if let Some(flag) = flag {
        finding = finding.advise(format!(
            "The heap size is set by {}: keep it below the limit, and move it with the limit.",
            quote(&flag)
        ));
    }
    if limit.is_none() {
        return Some(
            finding
                .unsure()
                .advise("Set memory requests and limits on the workloads of this node: without them the kernel chooses the victim.")
                .done(),
        );
    }
    Some(offer(case, finding, name, &["memory"]).done())
}

/// Raise and undo, the better one first. When the newest rollout lowered the limit, going back is the fix itself.
fn offer<'c, 'a>(
    case: &'c Case<'a>,
    finding: Finding<'c, 'a>,
    container: &str,
    parts: &[&str],
) -> Finding<'c, 'a> {
    // The kernel ended it at the limit: what it needs is known only if its growth was followed before.
    let foreseen = case
        .forecast
        .filter(|outlook| outlook.container == container);
    let needed = foreseen.and_then(|outlook| outlook.needed_limit);
    let raise = remedy::raise_limit(case, container, needed);
    let finding = match &raise {
        Err(why) => finding.advise(why),
        Ok(_) => finding,
    };
    let parts: Vec<&str> = parts
        .iter()
        .chain(["image", "command", "args", "env"].iter())
        .copied()
        .collect();
    if remedy::limit_was_lowered(case) {
        finding.offer_undo(&parts).offer(raise.ok())
    } else {
        finding.offer(raise.ok()).offer_undo(&parts)
    }
}

/// The length of its runs, if they are all about the same.
fn regular_runs(case: &Case<'_>, spot: Spot<'_>) -> Option<SignedDuration> {
    let mut runs: Vec<f64> = case
        .spots()
        .filter(|other| other.container.name == spot.container.name)
        .filter_map(|other| {
            let end = oom_end(case, other)?;
            Some(end.finished?.duration_since(end.started?).as_secs_f64())
        })
        .collect();
    // The mean of the runs before the last one: restarts over the life of the pod.
    if spot.container.restarts >= 3
        && let Some(finished) = spot.container.last_end().and_then(|end| end.finished)
    {
        let life = finished.duration_since(spot.pod.created).as_secs_f64();
        runs.push(life / f64::from(spot.container.restarts));
    }
    let mean = runs.iter().sum::<f64>() / runs.len().max(1) as f64;
    let regular = runs.len() >= 2
        && mean >= LEAK_AT_LEAST.as_secs_f64()
        && runs.iter().all(|run| (run - mean).abs() <= REGULAR * mean);
    regular.then(|| SignedDuration::from_secs(mean as i64))
}

/// The runtime could not even start the process within the limit.
fn cannot_start(case: &Case<'_>, spot: Spot<'_>) -> Option<Diagnosis> {
    let text = spot
        .waiting()
        .map(|(_, message)| message)
        .filter(|message| CANNOT_START.is_match(message))
        .or_else(|| {
            spot.fresh_end(case)
                .map(|end| end.message.as_str())
                .filter(|message| CANNOT_START.is_match(message))
        })?;
    Some(too_low(case, Some(spot), &spot.container.name, text))
}

/// The same, told by the pod's sandbox: the event names no container, and the smallest limit is the culprit.
fn sandbox(case: &Case<'_>) -> Option<Diagnosis> {
    let event = case.evidence.events.iter().rev().find(|event| {
        event.reason == "FailedCreatePodSandBox" && CANNOT_START.is_match(&event.note)
    })?;
    let smallest = case
        .evidence
        .workload
        .as_ref()?
        .containers
        .iter()
        .filter(|spec| spec.memory_limit.is_some())
        .min_by_key(|spec| spec.memory_limit)?;
    Some(too_low(case, None, &smallest.name, &event.note))
}

fn too_low(case: &Case<'_>, spot: Option<Spot<'_>>, container: &str, text: &str) -> Diagnosis {
    let limit = spot
        .and_then(|spot| spot.container.memory_limit)
        .or_else(|| case.spec(container)?.memory_limit);
    let limit = limit.map_or("memory limit".to_owned(), |limit| {
        format!("memory limit of {}", bytes(limit))
    });
    let mut finding = Finding::new(
        case,
        Family::Oom,
        "start.memory_limit_too_low",
        0.97,
        format!("Container {container} cannot start: its {limit} is too low even for the start of its process."),
    )
    .headline("cannot start within its memory limit")
    .lines("the runtime says", vec![quote(text)]);
    if let Some(spot) = spot {
        finding = finding.end(spot);
    }
    // The right limit is unknown here: an older template that worked is better than a guess.
    finding = finding.offer_undo(&["memory"]);
    match remedy::raise_limit(case, container, None) {
        Ok(raise) => finding.offer(Some(raise)),
        Err(why) => finding.advise(why),
    }
    .done()
}
