//! What containers use, for whoever measures the simulation.
use super::{KubeSim, object, resources};
use jiff::Timestamp;

/// What a running container uses at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerUsage {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// The runtime's id of the run.
    pub id: String,
    /// Memory of its processes in bytes.
    pub anon: u64,
    /// Active page cache in bytes.
    pub file: u64,
}

impl KubeSim {
    /// What all running containers use.
    pub fn usage(&self) -> Vec<ContainerUsage> {
        let mut all = Vec::new();
        for pod in self.core().store.list(&resources::PODS, None) {
            for container in object::beside(&pod) {
                let name = object::text(container, "/name");
                let Some((id, anon, file)) = self.core().runtime.usage(object::uid(&pod), name)
                else {
                    continue;
                };
                all.push(ContainerUsage {
                    namespace: object::namespace(&pod).to_owned(),
                    pod: object::name(&pod).to_owned(),
                    container: name.to_owned(),
                    id,
                    anon,
                    file,
                });
            }
        }
        all
    }

    /// The simulation's wall clock.
    pub fn now(&self) -> Timestamp {
        (self.core().store.clock)()
    }
}
