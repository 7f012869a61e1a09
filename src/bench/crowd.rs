//! Healthy pods in the background: what Heal's memory is measured with.
use super::{
    ground::Ground,
    objects::{self, POD_SIZE},
    requests::together,
};
use jiff::Timestamp;
use serde_json::Value;

/// Pods of one workload.
const PER_WORKLOAD: u32 = 20;
/// Pods of one namespace.
const PER_NAMESPACE: u32 = 1000;

/// The pods that were made so far.
pub struct Crowd {
    /// Start of the names of its namespaces.
    prefix: String,
    count: u32,
    padding: usize,
    owner: Value,
    namespace: String,
    /// Size of one pod as JSON, in bytes, as the API server gives it out.
    pub size: usize,
}

impl Crowd {
    /// Nobody yet. Makes one pod to see how large it gets.
    ///
    /// # Errors
    /// When the cluster refuses something.
    pub async fn new(ground: &Ground, prefix: &str) -> anyhow::Result<Self> {
        let namespace = format!("{prefix}probe");
        ground.namespace(&namespace).await?;
        let mut crowd = Self {
            prefix: prefix.to_owned(),
            count: 0,
            padding: 0,
            owner: ground
                .deploy(&namespace, &objects::deployment("probe", 0, 1))
                .await?,
            namespace,
            size: 0,
        };
        let bare = crowd.add(ground, "bare").await?;
        crowd.padding = POD_SIZE.saturating_sub(bare);
        crowd.size = crowd.add(ground, "padded").await?;
        ground.remove(&crowd.namespace).await?;
        Ok(crowd)
    }

    /// Makes more, until there are so many.
    ///
    /// # Errors
    /// When the cluster refuses something.
    pub async fn grow(&mut self, ground: &Ground, count: u32) -> anyhow::Result<()> {
        while self.count < count {
            if self.count.is_multiple_of(PER_NAMESPACE) {
                self.namespace = format!("{}{}", self.prefix, self.count / PER_NAMESPACE);
                ground.namespace(&self.namespace).await?;
            }
            if self.count.is_multiple_of(PER_WORKLOAD) {
                let name = format!("crowd-{}", self.count / PER_WORKLOAD);
                self.owner = ground
                    .deploy(&self.namespace, &objects::deployment(&name, 0, 1))
                    .await?;
            }
            // Up to the end of this workload, which is also the end of the namespace now and then.
            let end = (self.count / PER_WORKLOAD + 1) * PER_WORKLOAD;
            let numbers = self.count..end.min(count);
            self.count = numbers.end;
            let crowd = &*self;
            together(
                numbers.map(async |number| crowd.add(ground, &format!("crowd-{number}")).await),
            )
            .await?;
        }
        Ok(())
    }

    /// Adds a pod that runs, and says how large it is.
    async fn add(&self, ground: &Ground, name: &str) -> anyhow::Result<usize> {
        let pod = objects::heavy_pod(&self.owner, name, self.padding);
        ground
            .create(&format!("/api/v1/namespaces/{}/pods", self.namespace), &pod)
            .await?;
        let pod = ground
            .set_status(
                &self.namespace,
                name,
                &objects::running(true, Timestamp::now()),
            )
            .await?;
        Ok(pod.to_string().len())
    }
}
