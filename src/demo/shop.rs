//! The little web shop that the demo's cluster runs, and the troubles that a visitor can cause in it.
use crate::sim::{
    kube::{Image, KubeSim, Options, Refused},
    prometheus::{Labels, Point, PrometheusSim},
};
use serde_json::{Value, json};

/// Its namespace.
pub const NAMESPACE: &str = "shop";

/// Something that a visitor can make happen.
pub struct Trouble {
    /// Its name in the page's requests.
    pub id: &'static str,
    /// What its button says.
    pub label: &'static str,
    /// What it does, in one sentence.
    pub explains: &'static str,
    cause: fn(&KubeSim) -> Result<(), Refused>,
}

impl Trouble {
    /// Makes it happen.
    pub fn cause(&self, cluster: &KubeSim) -> Result<(), Refused> {
        (self.cause)(cluster)
    }
}

/// All troubles, in the order of the page.
pub const TROUBLES: [Trouble; 5] = [
    Trouble {
        id: "bad_rollout",
        label: "Roll out a version that crashes",
        explains: "checkout 2.0 forgets a setting and ends at once; the old pods go on serving.",
        cause: |cluster| {
            cluster
                .apply(deployment("checkout", "shop/checkout:2.0", 3, None))
                .map(drop)
        },
    },
    Trouble {
        id: "small_limit",
        label: "Start a job with too little memory",
        explains: "reports needs about 90 MiB and may use 64: the kernel kills it again and again.",
        cause: |cluster| {
            cluster.delete("Deployment", NAMESPACE, "reports");
            cluster
                .apply(deployment("reports", "shop/reports:1.0", 1, Some("64Mi")))
                .map(drop)
        },
    },
    Trouble {
        id: "wrong_tag",
        label: "Roll out an image that does not exist",
        explains: "Somebody mistypes the tag of frontend: its image cannot be pulled.",
        cause: |cluster| {
            cluster
                .apply(deployment("frontend", "shop/frontend:1.O", 2, None))
                .map(drop)
        },
    },
    Trouble {
        id: "leak",
        label: "Roll out a version that leaks",
        explains: "search 1.1 takes a little more memory every second, and would be killed after about four minutes.",
        cause: |cluster| {
            let now = cluster.get("Deployment", NAMESPACE, "search");
            let leaks = now.is_some_and(|object| object.to_string().contains(LEAKS));
            // Where it leaks already, everything begins anew.
            if leaks {
                cluster.apply(deployment("search", KEEPS, 2, Some("128Mi")))?;
            }
            cluster
                .apply(deployment("search", LEAKS, 2, Some("128Mi")))
                .map(drop)
        },
    },
    Trouble {
        id: "healthy_rollout",
        label: "Roll out a good version",
        explains: "catalog gets a new version that works. Heal must stay silent.",
        cause: |cluster| {
            let now = cluster.get("Deployment", NAMESPACE, "catalog");
            let old = now.is_some_and(|object| object.to_string().contains("shop/catalog:1.0"));
            let image = if old {
                "shop/catalog:1.1"
            } else {
                "shop/catalog:1.0"
            };
            cluster
                .apply(deployment("catalog", image, 2, None))
                .map(drop)
        },
    },
];

/// The version of search whose memory stays as it is.
const KEEPS: &str = "shop/search:1.0";
/// The version of search that leaks.
const LEAKS: &str = "shop/search:1.1";

/// The images of the shop.
pub fn images(options: Options) -> Options {
    let serves = |what: &str| {
        Image::script(format!(
            "echo {what} is starting; sleep 1; echo {what} listens on :8080; serve 8080"
        ))
    };
    options
        .with_image("shop/checkout:1.0", serves("checkout 1.0"))
        .with_image(
            "shop/checkout:2.0",
            Image::script(
                "echo checkout 2.0 is starting; echo reading settings from the environment; sleep 1; \
                 echo 'FATAL: required setting PAYMENT_URL is not set' >&2; exit 1",
            ),
        )
        .with_image("shop/frontend:1.0", serves("frontend 1.0"))
        .with_image("shop/catalog:1.0", serves("catalog 1.0"))
        .with_image("shop/catalog:1.1", serves("catalog 1.1"))
        .with_image(
            KEEPS,
            Image::script("echo search 1.0 keeps its index in memory; leak 0 66"),
        )
        .with_image(
            LEAKS,
            Image::script("echo search 1.1 keeps its index in memory; leak 0.25 66"),
        )
        .with_image(
            "shop/reports:1.0",
            Image::script("echo loading the orders of the last year; sleep 2; head -c 90m /dev/zero | tail | sleep infinity"),
        )
}

/// Sets the shop up: four healthy workloads.
pub fn open(cluster: &KubeSim) -> Result<(), Refused> {
    cluster.apply(deployment("checkout", "shop/checkout:1.0", 3, None))?;
    cluster.apply(deployment("frontend", "shop/frontend:1.0", 2, None))?;
    cluster.apply(deployment("catalog", "shop/catalog:1.0", 2, None))?;
    cluster.apply(deployment("search", KEEPS, 2, Some("128Mi")))?;
    Ok(())
}

/// What Prometheus still knows of search: an earlier pod of the version that keeps its memory, `span` seconds long.
pub fn remember(prometheus: &PrometheusSim, now: f64, span: f64) {
    let labels = Labels {
        namespace: NAMESPACE.to_owned(),
        pod: "search-6d9f7c5b84-x2lqz".to_owned(),
        container: "app".to_owned(),
        name: "an-earlier-run".to_owned(),
    };
    let step = 30.0;
    let count = (span / step) as u32;
    let points = (0..count).map(|i| {
        let before = f64::from(count - i) * step;
        // Two and a half calm waves between 62 and 70 MiB.
        let wave = (before / span * std::f64::consts::TAU * 2.5).sin();
        Point {
            t: now - before,
            anon: ((66.0 + 4.0 * wave) * f64::from(1 << 20)) as u64,
            file: 0,
            shmem: 0,
            stale: i + 1 == count,
        }
    });
    prometheus.remember(labels, points);
}

fn deployment(name: &str, image: &str, replicas: u32, memory: Option<&str>) -> Value {
    let mut container = json!({
        "name": "app", "image": image,
        "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": memory.unwrap_or("128Mi")}},
    });
    if memory.is_none() {
        // A version that never listens does not become ready, so that the old one goes on serving.
        container["readinessProbe"] =
            json!({"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 2});
    }
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container]},
            },
        },
    })
}
