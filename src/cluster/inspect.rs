//! Gathers the evidence of one incident: few requests, as many at once as their answers allow.
use super::{
    KubeCluster, budgets, current, events, limits, logs, project, references,
    rest::{Fault, Rest},
    revisions,
    runs::{self, Run},
    scene::{self, Survey},
    slim,
};
use crate::domain::{
    demand::demand,
    evidence::Evidence,
    family::Family,
    object::{Kind, ObjectRef},
    view::{EventView, NodeView, PodView},
};
use crate::ports::{ClusterError, Subject};
use serde_json::Value;
use std::{collections::HashMap, future::Future};

const PODS: usize = 20;
const EVENTS: usize = 50;
const NODES: usize = 200;
/// Pods whose requests are summed up per node. Beyond that the sums are a gap, not a guess.
const SUMMED: usize = 20_000;

/// Gathers the evidence for a subject, within the time limit.
///
/// # Errors
/// When neither the owner nor its pods could be read. Everything else that fails is a gap in words.
pub async fn inspect(cluster: &KubeCluster, subject: Subject) -> Result<Evidence, ClusterError> {
    let limit = cluster.config.timeouts.inspect;
    let gather = async {
        if subject.owner.kind == Kind::Node {
            node(cluster, &subject).await
        } else if subject.owner.kind == Kind::CronJob {
            run(cluster, &subject).await
        } else {
            workload(cluster, &subject).await
        }
    };
    match tokio::time::timeout(limit, gather).await {
        Ok(evidence) => evidence,
        Err(_) => Err(ClusterError::Unavailable(format!(
            "the evidence could not be read within {} s",
            limit.as_secs()
        ))),
    }
}

/// Something that could not be read.
pub(super) struct Gap {
    /// What, and why, in words.
    text: String,
    /// The same read may work later.
    passing: bool,
}

impl Gap {
    /// What could not be read because of this.
    pub fn new(what: &str, fault: &Fault) -> Self {
        Self {
            text: format!("{what}: {fault}"),
            passing: fault.may_pass(),
        }
    }
}

/// Notes gaps in the evidence.
fn miss(evidence: &mut Evidence, gaps: impl IntoIterator<Item = Gap>) {
    for gap in gaps {
        evidence.partial |= gap.passing;
        evidence.gaps.push(gap.text);
    }
}

/// Runs a read that may fail: a failure becomes a gap.
async fn or_gap<T: Default>(
    what: &str,
    needed: bool,
    read: impl Future<Output = Result<T, Fault>>,
) -> (T, Option<Gap>) {
    if !needed {
        return (T::default(), None);
    }
    match read.await {
        Ok(value) => (value, None),
        Err(fault) => (T::default(), Some(Gap::new(what, &fault))),
    }
}

/// The evidence of a CronJob is that of its latest failed run.
async fn run(cluster: &KubeCluster, subject: &Subject) -> Result<Evidence, ClusterError> {
    match runs::latest(cluster, subject).await? {
        Run::Is(run) => workload(cluster, &run).await,
        Run::None => {
            // The CronJob is there: whatever is gone of its runs, its incident goes on.
            let mut evidence = Evidence::empty(cluster.clock.now());
            evidence.gaps.push("none of its runs is left".to_owned());
            Ok(evidence)
        }
        Run::Gone => Ok(Evidence::empty(cluster.clock.now())),
    }
}

async fn workload(cluster: &KubeCluster, subject: &Subject) -> Result<Evidence, ClusterError> {
    let (reader, owner, family) = (&cluster.reader, &subject.owner, subject.family);
    let mut evidence = Evidence::empty(cluster.clock.now());
    let about_object = subject.object.uid != owner.uid;
    let cramped = matches!(family, Family::Oom | Family::Forecast | Family::Admission);
    let scaled = cramped && matches!(owner.kind, Kind::Deployment | Kind::StatefulSet);
    let everywhere = matches!(family, Family::Scheduling | Family::Forecast);
    let (survey, own, others, limits, autoscaler, nodes, early) = tokio::join!(
        scene::survey(cluster, owner),
        or_gap("events", true, events::about(cluster, owner)),
        or_gap(
            "events",
            about_object,
            events::about(cluster, &subject.object)
        ),
        or_gap("quotas", cramped, limits::of(reader, &owner.namespace)),
        or_gap("autoscalers", scaled, limits::autoscaler(reader, owner)),
        or_gap("nodes", everywhere, nodes(cluster)),
        logs::early(reader, subject),
    );
    let Some(Survey { scene, whole, kept }) = survey? else {
        evidence.gaps.push(format!("{owner} is gone"));
        return Ok(evidence);
    };
    let gaps = [own.1, others.1, limits.1, autoscaler.1, nodes.1];
    miss(&mut evidence, gaps.into_iter().flatten());
    evidence.events = own.0.into_iter().chain(others.0).collect();
    evidence.limits = limits.0;
    evidence.autoscaler = autoscaler.0;
    let (nodes, nodes_gap) = nodes.0;
    evidence.nodes = nodes;
    evidence.gaps.extend(nodes_gap);

    let mut pods = scene.pods;
    pods.sort_by_cached_key(|pod| {
        (
            badness(pod),
            std::cmp::Reverse(pod.created),
            pod.name.clone(),
        )
    });
    let kept = kept.unwrap_or_else(|fault| {
        miss(&mut evidence, [Gap::new("revisions", &fault)]);
        Vec::new()
    });
    if let Some(whole) = whole {
        cluster.shelf.put(&owner.uid, whole, kept.clone());
    }
    let wanted = logs::wanted(&pods, &subject.object.name, subject.container.as_deref());
    let tails = wanted
        .iter()
        .map(|(pod, container)| logs::tails(reader, pod, container, early.as_ref()));
    let sick: Vec<ObjectRef> = related(&pods, subject, &scene.revision, owner);
    let more = sick.iter().map(|object| events::about(cluster, object));
    let configured = family == Family::Config;
    let labels = scene
        .raw
        .as_ref()
        .map(|raw| raw.spec.template.metadata.labels.clone())
        .unwrap_or_default();
    let ahead = family == Family::Forecast;
    let (tails, more, references, budget) = tokio::join!(
        futures::future::join_all(tails),
        or_gap("events of pods", true, futures::future::try_join_all(more)),
        or_gap("ConfigMaps", configured, config_maps(reader, pods.first())),
        or_gap(
            "disruption budgets",
            ahead,
            budgets::of(reader, owner, &labels)
        ),
    );
    miss(
        &mut evidence,
        [more.1, references.1, budget.1].into_iter().flatten(),
    );
    evidence.budget = budget.0;
    for (logs, gaps) in tails {
        evidence.logs.extend(logs);
        miss(&mut evidence, gaps);
    }
    evidence.events.extend(more.0.into_iter().flatten());
    sort_events(&mut evidence.events);
    evidence.references = references.0;
    evidence.revisions = revisions::revisions(kept, scene.revision.as_deref(), &pods);
    evidence.workload = scene.workload;
    if let Some(view) = &mut evidence.workload
        && view.revision.is_none()
    {
        view.revision = evidence
            .revisions
            .iter()
            .find(|r| r.current)
            .map(|r| r.number);
    }
    evidence.pod_count = u32::try_from(pods.len()).unwrap_or(u32::MAX);
    pods.truncate(PODS);
    evidence.pods = pods;
    Ok(evidence)
}

/// Worst first: 0 is broken.
fn badness(pod: &PodView) -> u8 {
    match (pod.deleting, pod.ready || pod.phase == "Succeeded") {
        (false, false) => 0,
        (false, true) if pod.restarts() > 0 => 1,
        (false, true) => 2,
        (true, _) => 3,
    }
}

/// Objects beside the owner and the subject whose events may tell the cause: two sick pods, and the newest ReplicaSet,
/// which is where a refusal to create pods is written down.
fn related(
    pods: &[PodView],
    subject: &Subject,
    revision: &Option<String>,
    owner: &ObjectRef,
) -> Vec<ObjectRef> {
    let sick = pods
        .iter()
        .filter(|pod| badness(pod) < 2 && pod.uid != subject.object.uid);
    let mut objects: Vec<ObjectRef> = sick.take(2).map(PodView::object).collect();
    let refused = matches!(subject.family, Family::Admission | Family::Rollout);
    if let (Kind::Deployment, Some(name), true) = (&owner.kind, revision, refused) {
        objects.push(ObjectRef::new(Kind::ReplicaSet, &owner.namespace, name, ""));
    }
    objects
}

async fn config_maps(
    reader: &Rest,
    pod: Option<&PodView>,
) -> Result<Vec<crate::domain::evidence::Reference>, Fault> {
    let Some(pod) = pod else {
        return Ok(Vec::new());
    };
    let raw: Value = reader.get(&slim::PODS, &pod.namespace, &pod.name).await?;
    let names = references::names(raw.get("spec").unwrap_or(&Value::Null));
    references::read(reader, &pod.namespace, &names).await
}

fn sort_events(events: &mut Vec<EventView>) {
    events.sort_by(|a, b| (a.at, &a.uid).cmp(&(b.at, &b.uid)));
    events.dedup_by(|a, b| a.uid == b.uid);
    let old = events.len().saturating_sub(EVENTS);
    events.drain(..old);
}

async fn node(cluster: &KubeCluster, subject: &Subject) -> Result<Evidence, ClusterError> {
    let reader = &cluster.reader;
    let mut evidence = Evidence::empty(cluster.clock.now());
    let on_it = format!("spec.nodeName={}", subject.owner.name);
    let query = [("fieldSelector", on_it.as_str()), ("limit", "500")];
    let (found, events, pods) = tokio::join!(
        current::<slim::Node>(reader, &slim::NODES, &subject.owner),
        or_gap("events", true, events::about(cluster, &subject.owner)),
        or_gap("pods", true, async {
            reader.list::<slim::Pod>(&slim::PODS, "", &query).await
        }),
    );
    miss(&mut evidence, [events.1, pods.1].into_iter().flatten());
    evidence.events = events.0;
    sort_events(&mut evidence.events);
    let requested = pods
        .0
        .iter()
        .filter(|pod| runs(pod))
        .map(requests)
        .fold((0, 0), add);
    let mut views: Vec<PodView> = pods.0.iter().map(project::pod).collect();
    views.sort_by_cached_key(|pod| (badness(pod), pod.name.clone()));
    evidence.pod_count = u32::try_from(views.len()).unwrap_or(u32::MAX);
    views.truncate(PODS);
    evidence.pods = views;
    evidence.node = found?.as_ref().map(project::node).map(|node| NodeView {
        requested: Some(requested),
        ..node
    });
    if evidence.node.is_none() {
        evidence.gaps.push(format!("{} is gone", subject.owner));
    }
    Ok(evidence)
}

type Sums = (Vec<NodeView>, Option<String>);

/// All nodes with what their pods request; with a gap instead of the sums when there are too many pods.
async fn nodes(cluster: &KubeCluster) -> Result<Sums, Fault> {
    let reader = &cluster.reader;
    let limit = NODES.to_string();
    let page = [("limit", limit.as_str())];
    let (nodes, sums) = tokio::try_join!(
        reader.list::<slim::Node>(&slim::NODES, "", &page),
        sums(reader),
    )?;
    let view = |node: &slim::Node| {
        let mut view = project::node(node);
        view.requested = sums
            .as_ref()
            .map(|sums| sums.get(&view.name).copied().unwrap_or_default());
        view
    };
    let gap = sums
        .is_none()
        .then(|| "requests per node: too many pods to add up".to_owned());
    Ok((nodes.iter().map(view).collect(), gap))
}

async fn sums(reader: &Rest) -> Result<Option<HashMap<String, (u64, u64)>>, Fault> {
    let mut sums: HashMap<String, (u64, u64)> = HashMap::new();
    let (mut next, mut seen) = (String::new(), 0);
    loop {
        let query = [("limit", "500"), ("continue", next.as_str())];
        let query = if next.is_empty() {
            &query[..1]
        } else {
            &query[..]
        };
        let (pods, token) = reader.page::<slim::Pod>(&slim::PODS, "", query).await?;
        seen += pods.len();
        for pod in pods.iter().filter(|pod| runs(pod)) {
            if let Some(node) = &pod.spec.node_name {
                let sum = sums.entry(node.clone()).or_default();
                *sum = add(*sum, requests(pod));
            }
        }
        match token {
            None => return Ok(Some(sums)),
            Some(_) if seen >= SUMMED => return Ok(None),
            Some(token) => next = token,
        }
    }
}

fn runs(pod: &slim::Pod) -> bool {
    !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed")
}

/// What a pod requests: CPU in thousandths of a core, memory in bytes.
fn requests(pod: &slim::Pod) -> (u64, u64) {
    let of = |amount: fn(&slim::Amounts) -> Option<u64>| {
        let asks = |stays: bool, container: &slim::PodContainer| {
            (stays, amount(&container.resources.requests).unwrap_or(0))
        };
        let init = pod.spec.init_containers.iter();
        let init = init.map(|container| asks(container.is_sidecar(), container));
        let main = pod.spec.containers.iter();
        demand(init.chain(main.map(|container| asks(true, container))))
    };
    (of(|amounts| amounts.cpu), of(|amounts| amounts.memory))
}

fn add(a: (u64, u64), b: (u64, u64)) -> (u64, u64) {
    (a.0.saturating_add(b.0), a.1.saturating_add(b.1))
}
