//! What a simulated cluster is made of.

use std::collections::BTreeMap;

use super::{image::Image, time::Clock};

/// Options of [`super::KubeSim::new`]; start from [`Options::new`].
#[derive(Clone)]
pub struct Options {
    /// The wall clock of all object timestamps. See [`super::tokio_clock`].
    pub clock: Clock,
    /// Seed of all generated names and uids.
    pub seed: u64,
    /// How many nodes (`node-1`, …) exist from the start. With none, pods stay as they are.
    pub nodes: usize,
    /// Allocatable CPU of each node, in thousandths of a core.
    pub node_cpu_millis: u64,
    /// Allocatable memory of each node, in MiB.
    pub node_memory_mib: u64,
    /// Whether pods are scheduled and run. Without it tests write pod status themselves.
    pub kubelet: bool,
    /// Divides the kubelet's own delays (image pulls, back-offs, sync), not the `sleep` of containers. At least 1.
    pub speed: u32,
    /// Images that can be pulled besides `busybox:1.36`.
    pub images: BTreeMap<String, Image>,
    /// How many changes the watch history keeps; a watch that falls further behind gets 410.
    pub history: usize,
}

impl Options {
    /// One node of 4 cores and 8 GiB with a running kubelet, at real speed.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            seed: 1,
            nodes: 1,
            node_cpu_millis: 4000,
            node_memory_mib: 8192,
            kubelet: true,
            speed: 1,
            images: BTreeMap::new(),
            history: 50_000,
        }
    }

    /// Adds an image to the registry.
    #[must_use]
    pub fn with_image(mut self, reference: impl Into<String>, image: Image) -> Self {
        self.images.insert(reference.into(), image);
        self
    }

    /// Whether pods are scheduled and run at all.
    pub(super) fn runs_pods(&self) -> bool {
        self.kubelet && self.nodes > 0
    }
}
