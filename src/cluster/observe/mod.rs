//! The watches of one cluster: from events of the API server to [`Sighting`]s, without delay and without repeats.
mod book;
mod pulse;
mod roster;
mod settled;
mod stream;

use super::{KubeCluster, current, owners::Parent, project, served, slim};
use crate::{
    domain::{
        object::{Kind, ObjectRef},
        report::WatchHealth,
        text::clip,
    },
    ports::{PodNews, Sighting},
};
use book::Book;
use futures::{StreamExt, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use roster::Roster;
use std::{collections::HashMap, time::Duration};
pub(super) use stream::{News, Seen, What};
use tokio::{sync::mpsc::Sender, time::Instant};
use tokio_util::sync::CancellationToken;

/// At the very first start, events older than this are history.
const HISTORY: SignedDuration = SignedDuration::from_mins(10);
/// Pause before an owner that could not be read is asked for again.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// Watches the cluster until it is cancelled or the sink is closed. `since` is the time of the last run: events that are
/// older were told then.
///
/// `pods` is told about pods and nodes as forecasts need them; it must be read quickly, for the watches wait for it.
///
/// Errors of the API server do not end it: they are told as [`Sighting::Watch`], and the watch backs off and goes on.
pub async fn watch(
    cluster: KubeCluster,
    sink: Sender<Sighting>,
    mut pods: Option<Sender<PodNews>>,
    cancel: CancellationToken,
    since: Option<Timestamp>,
) {
    let now = || cluster.clock.now();
    let cutoff = since.unwrap_or_else(|| now().checked_sub(HISTORY).unwrap_or(Timestamp::MIN));
    let mut book = Book::new(cluster.config.clone(), cutoff);
    let mut roster = Roster::new(cluster.config.clone());
    let mut health = Health::default();
    let mut news = futures::stream::select_all(stream::all(&cluster.watcher, &cluster.config));
    let mut lookups = FuturesUnordered::new();
    loop {
        let due = book.due().map(|at| Instant::now() + until(at, now()));
        let sleep = tokio::time::sleep_until(due.unwrap_or_else(Instant::now));
        tokio::select! {
            () = cancel.cancelled() => return,
            Some(item) = news.next() => {
                if let Some(changed) = health.take(&item, now())
                    && sink.send(Sighting::Watch(changed)).await.is_err()
                {
                    return;
                }
                cluster.selectors.take(&item);
                cluster.versions.take(&item);
                cluster.recent.take(&item, &cluster.config.namespaces);
                let heard = pods.as_ref().and_then(|_| roster.take(&item));
                book.take(item, now());
                if let Some(heard) = heard {
                    tell(&mut pods, roster.tell(heard, &book)).await;
                }
            }
            Some((object, parent)) = lookups.next(), if !lookups.is_empty() => {
                book.answer(&object, parent, now());
            }
            () = sleep, if due.is_some() => book.tick(now()),
        }
        for object in book.asks() {
            lookups.push(parent_of(&cluster, object));
        }
        for sighting in book.sightings() {
            if sink.send(sighting).await.is_err() {
                return;
            }
        }
    }
}

/// Tells the forecasts; when nobody listens any more, never again.
async fn tell(pods: &mut Option<Sender<PodNews>>, news: Vec<PodNews>) {
    for item in news {
        let told = match pods {
            Some(sink) => sink.send(item).await.is_ok(),
            None => return,
        };
        if !told {
            *pods = None;
        }
    }
}

/// The time from now until then, rounded up to what timers can tell apart, so that the book is not asked too early.
fn until(then: Timestamp, now: Timestamp) -> Duration {
    let left = Duration::try_from(then.duration_since(now)).unwrap_or_default();
    left + Duration::from_millis(1)
}

/// Reads who controls an object that the watches have not delivered.
async fn parent_of(
    cluster: &KubeCluster,
    object: ObjectRef,
) -> (ObjectRef, Result<Option<Parent>, Timestamp>) {
    let parent = match served(&object.kind) {
        None => Ok(None),
        Some(of) if object.kind == Kind::Pod => {
            let pod = current::<slim::Pod>(&cluster.reader, of, &object).await;
            pod.map(|pod| {
                pod.map(|pod| Parent {
                    above: project::owner(&pod.metadata),
                    leaving: pod.metadata.deletion_timestamp.is_some(),
                    ready: project::pod(&pod).ready,
                    node: pod.spec.node_name.as_deref().map(Box::from),
                })
            })
        }
        Some(of) => {
            let workload = current::<slim::Workload>(&cluster.reader, of, &object).await;
            workload.map(|workload| {
                workload.map(|workload| Parent {
                    above: project::owner(&workload.metadata),
                    ..Parent::default()
                })
            })
        }
    };
    let parent = parent.or_else(|fault| match fault.code() {
        // Not allowed to climb: better the trouble of a ReplicaSet than none at all.
        Some(401 | 403) => Ok(Some(Parent::default())),
        _ => {
            let now = cluster.clock.now();
            Err(now.checked_add(ASK_AGAIN).unwrap_or(now))
        }
    });
    (object, parent)
}

/// How the watches are, told when it changes and with every sign of life.
#[derive(Default)]
struct Health {
    last: HashMap<&'static str, Timestamp>,
}

impl Health {
    fn take(&mut self, news: &News, now: Timestamp) -> Option<WatchHealth> {
        let error = match &news.what {
            What::Done | What::Alive => {
                self.last.insert(news.watch, now);
                None
            }
            What::Failed(error) => Some(clip(error, 300)),
            _ => return None,
        };
        Some(WatchHealth {
            kind: news.watch.to_owned(),
            synced: error.is_none(),
            last: self.last.get(news.watch).copied(),
            error,
        })
    }
}
