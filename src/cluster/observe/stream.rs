//! One watch as a stream of news that does not end: it backs off, starts over and reports its own health.
use super::pulse::{Pulse, felt};
use crate::cluster::{
    ClusterConfig, project, rest,
    slim::{self, Served, Shape},
    template,
};
use crate::domain::{
    forecast::Cap,
    object::Kind,
    view::{EventView, NodeView, PodView, WorkloadView},
};
use futures::{StreamExt, stream::BoxStream};
use kube::{
    Api, Client,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use std::sync::Arc;

/// An object as a watch delivered it.
#[derive(Clone, Debug)]
pub enum Seen {
    /// A pod, with what caps its containers' memory, by container.
    Pod(PodView, Vec<(String, Cap)>),
    /// A workload, with what its view leaves out.
    Workload(Box<WorkloadView>, Told),
    /// A node.
    Node(NodeView),
    /// An event.
    Event(EventView),
}

/// What a workload tells beside its view.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The name of its newest revision when its status says that (StatefulSets).
    pub revision: Option<String>,
    /// Its label selector.
    pub selector: Option<String>,
}

/// What a watch reports.
#[derive(Clone, Debug)]
pub enum What {
    /// A list begins: what it does not contain is gone.
    Begin,
    /// An object of the list that began.
    Listed(Seen),
    /// The list is complete.
    Done,
    /// An object is new or changed.
    Changed(Seen),
    /// The object with this uid is gone.
    Gone(String),
    /// The watch failed; it goes on trying.
    Failed(String),
    /// The server accepted the watch (again).
    Alive,
}

/// News of one watch.
#[derive(Clone, Debug)]
pub struct News {
    /// Which watch: `pods`.
    pub watch: &'static str,
    /// What.
    pub what: What,
    /// The resource version of the object in it, where that is a number (since Kubernetes 1.35 it always is).
    pub version: Option<u64>,
}

/// All watches of a cluster.
pub fn all(client: &Client, config: &ClusterConfig) -> Vec<BoxStream<'static, News>> {
    let mut streams = vec![
        one(client, config, slim::PODS, |pod: slim::Pod| {
            Seen::Pod(project::pod(&pod), project::caps(&pod))
        }),
        one(client, config, slim::NODES, |node: slim::Node| {
            Seen::Node(project::node(&node))
        }),
        one(client, config, slim::EVENTS, |event: slim::Event| {
            Seen::Event(project::event(&event))
        }),
    ];
    for served in [
        slim::REPLICA_SETS,
        slim::DEPLOYMENTS,
        slim::STATEFUL_SETS,
        slim::DAEMON_SETS,
        slim::JOBS,
    ] {
        let project = move |of: slim::Workload| {
            let kind = Kind::from(served.kind);
            let told = Told {
                revision: (kind == Kind::StatefulSet).then(|| of.status.update_revision.clone()),
                selector: template::selector(&of.spec.selector),
            };
            Seen::Workload(Box::new(project::workload(&kind, &of)), told)
        };
        streams.push(one(client, config, served, project));
    }
    streams
}

struct Watch<S: Shape> {
    client: Client,
    served: Served,
    page_size: u32,
    silence: std::time::Duration,
    pulse: Arc<Pulse>,
    inner: BoxStream<'static, watcher::Result<Event<S>>>,
    /// The list is complete: only then is an answer of the server good news.
    listed: bool,
}

fn one<S: Shape>(
    client: &Client,
    config: &ClusterConfig,
    served: Served,
    project: impl Fn(S) -> Seen + Send + Sync + 'static,
) -> BoxStream<'static, News> {
    let pulse = Pulse::new();
    let client = felt(client.clone(), Arc::clone(&pulse));
    let watch = Watch {
        inner: events(&client, &served, config.page_size),
        client,
        served,
        page_size: config.page_size,
        silence: config.timeouts.silence,
        pulse,
        listed: false,
    };
    futures::stream::unfold((watch, project), |(mut watch, project)| async move {
        let (what, version) = watch.next(&project).await;
        let news = News {
            watch: watch.served.plural,
            what,
            version,
        };
        Some((news, (watch, project)))
    })
    .boxed()
}

fn version<S: Shape>(event: &watcher::Result<Event<S>>) -> Option<u64> {
    let object = match event {
        Ok(Event::InitApply(object) | Event::Apply(object)) => object,
        _ => return None,
    };
    object.meta().resource_version.as_ref()?.parse().ok()
}

fn events<S: Shape>(
    client: &Client,
    served: &Served,
    page_size: u32,
) -> BoxStream<'static, watcher::Result<Event<S>>> {
    let api: Api<S> = Api::all_with(client.clone(), served);
    let config = watcher::Config::default().page_size(page_size);
    watcher(api, config).default_backoff().boxed()
}

impl<S: Shape> Watch<S> {
    /// What comes next, with the version of the object in it.
    async fn next(&mut self, project: &impl Fn(S) -> Seen) -> (What, Option<u64>) {
        loop {
            let silent_at = self.pulse.last() + self.silence;
            tokio::select! {
                event = self.inner.next() => match event {
                    Some(event) => {
                        let version = version(&event);
                        return (self.translate(event, project), version);
                    }
                    None => self.rebuild(),
                },
                () = self.pulse.answered.notified() => {
                    if self.listed {
                        return (What::Alive, None);
                    }
                }
                () = tokio::time::sleep_until(silent_at) => {
                    if self.pulse.last().elapsed() >= self.silence {
                        self.rebuild();
                        let text = format!(
                            "no sign of life for {} s; starting over",
                            self.silence.as_secs()
                        );
                        return (What::Failed(text), None);
                    }
                }
            }
        }
    }

    fn translate(
        &mut self,
        event: watcher::Result<Event<S>>,
        project: &impl Fn(S) -> Seen,
    ) -> What {
        match event {
            Ok(Event::Init) => {
                self.listed = false;
                What::Begin
            }
            Ok(Event::InitApply(object)) => What::Listed(project(object)),
            Ok(Event::InitDone) => {
                self.listed = true;
                What::Done
            }
            Ok(Event::Apply(object)) => What::Changed(project(object)),
            Ok(Event::Delete(object)) => What::Gone(project::uid(object.meta()).to_owned()),
            Err(error) => {
                // As the status of a watch call, 410 leaves the watcher asking for the same lost version for ever.
                if matches!(&error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 410)
                {
                    self.rebuild();
                }
                What::Failed(project::text(&rest::chain(&error)))
            }
        }
    }

    fn rebuild(&mut self) {
        self.listed = false;
        self.pulse.beat();
        self.inner = events(&self.client, &self.served, self.page_size);
    }
}
