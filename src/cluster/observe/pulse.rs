//! Signs of life of a watch. kube's watcher handles bookmarks and reconnects inside and never reports them, so they are
//! counted one level below, where bytes arrive.
use http_body_util::BodyExt;
use kube::Client;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::{sync::Notify, time::Instant};

/// When a watch was last heard of.
pub struct Pulse {
    last: Mutex<Instant>,
    /// Rings when the server accepts a request of the watch.
    pub answered: Notify,
}

impl Pulse {
    /// A watch that begins now.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            last: Mutex::new(Instant::now()),
            answered: Notify::new(),
        })
    }

    /// The last sign of life.
    pub fn last(&self) -> Instant {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sign of life.
    pub fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// The same client, with every piece of a body felt as a pulse. That a request was accepted is none: what accepts it may be a
/// proxy that has lost the server, and kube asks again by itself when a watch stays empty.
pub fn felt(client: Client, pulse: Arc<Pulse>) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |request| {
        let (client, pulse) = (client.clone(), Arc::clone(&pulse));
        async move {
            let response = client.send(request).await?;
            if response.status().is_success() {
                pulse.answered.notify_one();
            }
            Ok::<_, kube::Error>(response.map(|body| {
                body.map_frame(move |frame| {
                    pulse.beat();
                    frame
                })
            }))
        }
    });
    Client::new(service, namespace)
}
