//! Probes that fail.
use crate::support::{shop::app, story::says, world::World};
use serde_json::{Value, json};

const UNDO: &str = "kubectl rollout undo deployment/checkout -n shop --to-revision=1";
const SERVES: &str = "echo 'listening on :8080'; serve 8080";

fn probe(path: &str, port: u16) -> Value {
    json!({"httpGet": {"path": path, "port": port}, "periodSeconds": 5, "failureThreshold": 2})
}

fn serving(probes: &[(&str, Value)]) -> Value {
    let mut fields = json!({"command": ["sh", "-c", SERVES], "ports": [{"containerPort": 8080}]});
    for (which, probe) in probes {
        fields[format!("{which}Probe")] = probe.clone();
    }
    fields
}

#[tokio::test(start_paused = true)]
async fn a_liveness_probe_on_a_wrong_port_stays_one_incident_although_it_becomes_a_crash_loop() {
    let world = World::start().await;
    world
        .runs_well(app(
            "checkout",
            2,
            serving(&[("liveness", probe("/", 8080))]),
        ))
        .await;
    world.applies(app(
        "checkout",
        2,
        serving(&[("liveness", probe("/", 8081))]),
    ));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "The liveness probe of container app asks port 8081, where nobody listens.",
            "Kubernetes ends the container for it, again and again.",
            "the container declares port 8080",
            UNDO,
        ],
    );
    world
        .until("a crash loop", || {
            let pods = world.kube.list("Pod", Some("shop"));
            let loops = |pod: &Value| {
                pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]
                    == json!("CrashLoopBackOff")
            };
            pods.iter().any(loops).then_some(())
        })
        .await;
    world.stays_one_card(1200).await;
    let card = world.offer("checkout").await;
    says(&card, &["asks port 8081, where nobody listens"]);
    world.is_healed_by(&card).await;
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn a_readiness_probe_that_fails_after_a_rollout_is_rolled_back() {
    let world = World::start().await;
    let files = |path: &str| {
        let mut fields = serving(&[("readiness", probe(path, 8080))]);
        fields["command"] = json!(["sh", "-c", "touch /www/healthz; httpd -f -p 8080 -h /www"]);
        fields
    };
    world.runs_well(app("checkout", 2, files("/healthz"))).await;
    world.applies(app("checkout", 2, files("/ready")));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "The readiness probe of container app is answered with HTTP 404 for /ready.",
            "It runs and gets no traffic.",
            UNDO,
        ],
    );
    world.is_healed_by(&card).await;
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_for_half_a_minute_while_the_application_starts_is_no_news() {
    let world = World::start().await;
    let mut fields = serving(&[("readiness", probe("/", 8080))]);
    fields["command"] = json!(["sh", "-c", "sleep 30; serve 8080"]);
    world.applies(app("checkout", 2, fields));
    world.stays_quiet(900).await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_tool_is_not_in_the_image_names_the_tool() {
    let world = World::start().await;
    let check = json!({"exec": {"command": ["curl", "-f", "localhost:8080"]}, "periodSeconds": 5});
    world.applies(app("checkout", 1, serving(&[("readiness", check)])));
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &[
            "the image does not contain “curl”",
            "Install the tool in the image",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_misses_its_deadline_for_a_probe_is_the_same_problem() {
    let world = World::start().await;
    world
        .runs_well(app(
            "checkout",
            2,
            serving(&[("readiness", probe("/", 8080))]),
        ))
        .await;
    world.applies(app(
        "checkout",
        2,
        serving(&[("readiness", probe("/", 8081))]),
    ));
    let card = world.offer("checkout").await;
    world
        .until("the missed deadline", || {
            let object = world.kube.get("Deployment", "shop", "checkout")?;
            let conditions = object["status"]["conditions"].as_array()?.clone();
            conditions
                .iter()
                .any(|condition| condition["reason"] == json!("ProgressDeadlineExceeded"))
                .then_some(())
        })
        .await;
    world.stays_one_card(300).await;
    let card = world.again(&card);
    says(&card, &["asks port 8081, where nobody listens", UNDO]);
    world.is_healed_by(&card).await;
}
