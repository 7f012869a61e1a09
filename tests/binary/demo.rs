//! `heal demo --real-cluster`: a cluster of the visitor's own, and the workspace's page in Slack's place.
use crate::support::{
    demo::Demo,
    installation::deployment,
    place::{Place, is_whole, real},
};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// A namespace of the test's own; goes with it, and so does the kubeconfig.
struct Visit {
    place: Place,
    namespace: String,
    kubeconfig: PathBuf,
}

impl Visit {
    fn begins(place: Place) -> Self {
        let namespace = format!("heal-t-demo-{}", std::process::id());
        let kubeconfig = std::env::temp_dir().join(format!("{namespace}.kubeconfig"));
        place.namespace(&namespace);
        place.write_kubeconfig(&kubeconfig, None);
        Self {
            place,
            namespace,
            kubeconfig,
        }
    }

    fn rolls_out(&self, script: &str) {
        let container = json!({"command": ["sh", "-c", script]});
        let object = deployment(&self.namespace, "checkout", 1, container);
        self.place.apply(&object);
    }

    /// The script that the Deployment has now, once all its pods have it and work.
    fn works_with(&self) -> Option<Value> {
        let object = self.place.get("Deployment", &self.namespace, "checkout")?;
        let command = &object["spec"]["template"]["spec"]["containers"][0]["command"][2];
        is_whole(&object).then(|| command.clone())
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.place.delete("Namespace", "", &self.namespace);
        let _ = std::fs::remove_file(&self.kubeconfig);
    }
}

/// What the page shows, and what it does.
struct Page<'a> {
    client: reqwest::Client,
    demo: &'a Demo,
}

impl Page<'_> {
    /// All that the page shows, as the workspace holds it.
    async fn state(&self) -> Value {
        let url = format!("{}/sim/state", self.demo.url);
        let state = self.client.get(url).send().await.unwrap();
        state.json().await.unwrap()
    }

    /// The card of the workload, if it has this button.
    async fn card(&self, button: &str) -> Option<Value> {
        let mut state = self.state().await;
        let messages = state["messages"].as_array_mut().unwrap();
        let shows = |message: &&mut Value| {
            let blocks = message["blocks"].to_string();
            message["text"].to_string().contains("/checkout") && blocks.contains(button)
        };
        messages.iter_mut().find(shows).map(Value::take)
    }

    async fn presses(&self, card: &Value, button: &str) {
        let click = json!({"user": "U0OLIVIA", "channel": card["channel"], "ts": card["ts"], "action_id": button});
        let request = self
            .client
            .post(format!("{}/sim/click", self.demo.url))
            .header("Origin", &self.demo.url)
            .json(&click);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["ok"], true, "{answer}");
    }
}

/// Waits in real time: the cluster is one. `None` when it was in vain.
async fn wait<T>(mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(600) {
        if let Some(found) = look().await {
            return Some(found);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    None
}

async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    let Some(found) = wait(look).await else {
        panic!("waited in vain for {what}")
    };
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_on_a_real_cluster_shows_the_card_on_its_page_and_an_approval_there_repairs_it() {
    const WORKS: &str = "echo ready; sleep 3600";
    let Some(place) = real() else { return };
    // Only the first call of the process installs it; the page's client needs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let visit = Visit::begins(place);
    visit.rolls_out(WORKS);
    until("checkout to work", async || visit.works_with()).await;
    let options = ["--real-cluster", "--namespace", &visit.namespace];
    let demo = Demo::with(&options, Some(&visit.kubeconfig)).await;
    let page = Page {
        client: reqwest::Client::new(),
        demo: &demo,
    };
    visit.rolls_out("echo 'FATAL: PAYMENT_URL is not set' >&2; sleep 1; exit 1");
    let card = wait(async || page.card("approve").await).await;
    let Some(card) = card else {
        panic!("no card with an offer, but {}", page.state().await)
    };
    let words = card["blocks"].to_string();
    assert!(words.contains("PAYMENT_URL is not set"), "{words}");
    assert!(
        words.contains("kubectl rollout undo deployment/checkout"),
        "{words}"
    );
    page.presses(&card, "approve").await;
    until("checkout to be as it was", async || {
        visit.works_with().filter(|script| script == WORKS)
    })
    .await;
    assert_eq!(demo.interrupt().await.0, Some(0));
}
