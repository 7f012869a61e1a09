//! The sentences that many stories share: what is on a card, how a fix ends, and that nothing is said.
use super::{
    people::Person::Olivia,
    place::is_whole,
    world::{NAMESPACE, World},
};
use heal::sim::slack::Message;
use serde_json::{Value, json};

impl World {
    /// Applies a workload, and waits until it is available and Heal has seen it healthy.
    pub async fn runs_well(&self, workload: Value) {
        let name = workload["metadata"]["name"].as_str().unwrap().to_owned();
        self.applies(workload);
        self.is_available(&name).await;
        self.passes(15).await;
    }

    /// Waits until all pods of a Deployment are of its newest template and available.
    pub async fn is_available(&self, name: &str) {
        self.until(&format!("{name} to be available"), || {
            is_whole(&self.kube.get("Deployment", NAMESPACE, name)?).then_some(())
        })
        .await;
    }

    /// The card of a workload that has a diagnosis and offers nothing. It has no command to copy either.
    pub async fn card_without_offer(&self, name: &str) -> Message {
        let diagnosed = |card: &Message| card.action_ids().iter().any(|id| id == "check_again");
        let what = format!("a card of {name} without an offer");
        let card = self
            .until(&what, || self.cards(name).into_iter().rev().find(diagnosed))
            .await;
        assert!(
            !card.action_ids().iter().any(|id| id == "approve"),
            "{}",
            card.words()
        );
        assert!(!card.words().contains("Proposed:"), "{}", card.words());
        card
    }

    /// Approves what a card offers; it has to recover by this one change, and the memory has to know it.
    pub async fn is_healed_by(&self, card: &Message) {
        self.is_healed_by_requests(card, 1).await;
    }

    /// The same, where the change takes so many requests.
    pub async fn is_healed_by_requests(&self, card: &Message, requests: usize) {
        let before = self.changes();
        Olivia.approves(self, card).await;
        self.thread_says(card, "Recovered").await;
        self.turns(card, "Recovered in ").await;
        assert_eq!(
            self.changes(),
            before + requests,
            "one approval is one change"
        );
        let memory = Olivia.types(self, "memory").await;
        assert!(memory.contains("worked 1 of 1 time"), "{memory}");
    }

    /// Waits until a card ends as cleared without a change by Heal.
    pub async fn clears_by_itself(&self, card: &Message) {
        self.thread_says(card, "Cleared by itself").await;
        let card = self.turns(card, "Cleared by itself").await;
        says(&card, &["It cleared without a change by Heal"]);
        assert_eq!(self.changes(), 0);
        let memory = Olivia.types(self, "memory").await;
        assert!(
            !memory.contains("worked"),
            "nothing is learnt from what Heal did not do: {memory}"
        );
    }

    /// Waits until the text of a card contains `saying`.
    pub async fn turns(&self, card: &Message, saying: &str) -> Message {
        let what = format!("the card to say “{saying}”");
        self.until(&what, || {
            Some(self.again(card)).filter(|card| card.text.contains(saying))
        })
        .await
    }

    /// After so many seconds there still is one card in the channel.
    pub async fn stays_one_card(&self, seconds: u64) {
        self.passes(seconds).await;
        let cards: Vec<String> = self.top_level().into_iter().map(|card| card.text).collect();
        assert_eq!(cards.len(), 1, "{cards:#?}");
    }

    /// For so many seconds nothing is said in the channel.
    pub async fn stays_quiet(&self, seconds: u64) {
        self.passes(seconds).await;
        let cards: Vec<String> = self.top_level().into_iter().map(|card| card.text).collect();
        assert!(cards.is_empty(), "{cards:#?}");
        assert_eq!(self.changes(), 0);
    }

    /// Changes a node.
    pub fn node_gets(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut node = self.kube.get("Node", "", name).unwrap();
        change(&mut node);
        self.applies(node);
    }

    /// The only pod of a workload that is not on its way out.
    pub fn pod_of(&self, name: &str) -> Value {
        let leaving = |pod: &Value| !pod["metadata"]["deletionTimestamp"].is_null();
        let of = |pod: &Value| pod["metadata"]["labels"]["app"] == json!(name);
        let pods = self.kube.list("Pod", Some(NAMESPACE));
        pods.into_iter()
            .find(|pod| of(pod) && !leaving(pod))
            .unwrap_or_else(|| panic!("no pod of {name}"))
    }

    /// Writes the state of the only container of a workload's pod, where no kubelet does.
    pub async fn container_is(&self, name: &str, state: Value, last: Value, restarts: u32) {
        let what = format!("a pod of {name}");
        let exists = || {
            self.kube
                .list("Pod", Some(NAMESPACE))
                .iter()
                .any(|pod| pod["metadata"]["labels"]["app"] == json!(name))
                .then_some(())
        };
        self.until(&what, exists).await;
        let mut pod = self.pod_of(name);
        let ready = state.get("running").is_some();
        pod["spec"]["nodeName"] = json!("node-1");
        pod["status"] = json!({
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": self.now().strftime("%FT%TZ").to_string()}],
            "containerStatuses": [{
                "name": "app", "image": "busybox:1.36", "imageID": "", "ready": ready, "started": ready,
                "restartCount": restarts, "state": state, "lastState": last,
                "resources": pod["spec"]["containers"][0]["resources"],
            }],
        });
        self.applies(pod);
    }

    /// Asks the API to evict a pod, as a drain does; whether it may.
    pub async fn evicts(&self, pod: &str) -> bool {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction");
        let body = json!({
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": NAMESPACE},
        });
        let request = http::Request::post(path).header("content-type", "application/json");
        let request = request
            .body(axum::body::Body::from(body.to_string()))
            .unwrap();
        tower::ServiceExt::oneshot(self.kube.router(), request)
            .await
            .unwrap()
            .status()
            .is_success()
    }

    /// The kubelet evicts a pod of a workload; its name.
    pub fn is_evicted(&self, name: &str, message: &str) -> String {
        let pod = self.pod_of(name)["metadata"]["name"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(self.kube.evict(NAMESPACE, &pod, message));
        pod
    }

    /// How a container ended: reason, exit code, and how many seconds ago; it ran for ten.
    pub fn ended(&self, reason: &str, code: i32, message: &str, seconds_ago: i64) -> Value {
        let at = |seconds: i64| {
            let time = jiff::Timestamp::from_second(self.now().as_second() - seconds).unwrap();
            time.strftime("%FT%TZ").to_string()
        };
        json!({"terminated": {
            "reason": reason, "exitCode": code, "message": message,
            "startedAt": at(seconds_ago + 10), "finishedAt": at(seconds_ago),
        }})
    }
}

/// A card has to say all of this.
#[track_caller]
pub fn says(card: &Message, parts: &[&str]) {
    let words = card.words();
    for part in parts {
        assert!(words.contains(part), "“{part}” is missing in\n{words}");
    }
}

/// A card must not say any of this.
#[track_caller]
pub fn says_nothing_of(card: &Message, parts: &[&str]) {
    let words = card.words();
    for part in parts {
        assert!(!words.contains(part), "“{part}” must not be in\n{words}");
    }
}
