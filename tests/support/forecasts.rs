//! What the forecaster would tell: forecasts about the pods that are there, and how their runs end.
use super::world::{NAMESPACE, World};
use heal::{
    domain::{
        anomaly::{Anomaly, Metric, Side, Unusual},
        forecast::{Boundary, Chart, Outlook, RunEnd, Source, SourceHealth, Tier, When},
        object::ObjectRef,
    },
    ports::Sighting,
};
use jiff::{SignedDuration, Timestamp};

pub const MI: u64 = 1 << 20;

impl World {
    /// So many minutes from now (or, below zero, ago).
    pub fn minutes(&self, minutes: i64) -> Timestamp {
        self.now() + SignedDuration::from_mins(minutes)
    }

    /// A page for container `app` of the (first) pod of a Deployment: killed in so many minutes, after rising for three hours.
    pub fn outlook(&self, name: &str, minutes: i64) -> Outlook {
        let owner = self.kube.get("Deployment", NAMESPACE, name).unwrap();
        let pod = self.pod_of(name);
        let restarts = pod["status"]["containerStatuses"][0]["restartCount"]
            .as_u64()
            .unwrap_or(0);
        let uid =
            |object: &serde_json::Value| object["metadata"]["uid"].as_str().unwrap().to_owned();
        let limit = pod["spec"]["containers"][0]["resources"]["limits"]["memory"]
            .as_str()
            .and_then(|text| text.strip_suffix("Mi")?.parse::<u64>().ok())
            .expect("a limit in Mi")
            * MI;
        let used = limit / 4 * 3;
        Outlook {
            at: self.now(),
            owner: ObjectRef::new("Deployment", NAMESPACE, name, &uid(&owner)),
            container: "app".into(),
            pod: ObjectRef::new(
                "Pod",
                NAMESPACE,
                pod["metadata"]["name"].as_str().unwrap(),
                &uid(&pod),
            ),
            run: restarts as u32,
            boundary: Boundary::Limit,
            rising: 1,
            replicas: owner["spec"]["replicas"].as_u64().unwrap() as u32,
            tier: Tier::Page,
            p: 0.93,
            correction: Default::default(),
            when: Some(When {
                earliest: self.minutes(minutes * 2 / 3),
                median: self.minutes(minutes),
                latest: self.minutes(minutes * 3 / 2),
            }),
            used,
            limit,
            rate: (limit - used) as f64 / (minutes as f64 * 60.0),
            rising_since: self.minutes(-180),
            survived: Some(used * 8 / 10),
            known_since: self.minutes(-7 * 24 * 60),
            killed_before: false,
            leak_proved: false,
            needed_limit: None,
            cap: None,
            cap_bytes: None,
            source: Source::Prometheus,
            why: "rising 1 MiB/min for 3 h".into(),
            chart: Chart::default(),
        }
    }

    /// The forecaster tells this.
    pub async fn foresees(&self, outlook: &Outlook) {
        self.tells(Sighting::Forecast(Box::new(outlook.clone())))
            .await;
    }

    /// The forecaster sees nothing coming any more.
    pub async fn sees_nothing_more(&self, outlook: &Outlook) {
        let mut over = outlook.clone();
        over.at = self.now();
        over.tier = Tier::Clear;
        over.p = 0.05;
        over.when = None;
        over.why = "it has not grown for 20 min".into();
        self.foresees(&over).await;
    }

    /// The run that a forecast is about ends.
    pub async fn run_ends(&self, outlook: &Outlook, oom: bool) {
        self.tells(Sighting::RunEnded(RunEnd {
            owner: outlook.owner.clone(),
            container: outlook.container.clone(),
            pod: outlook.pod.clone(),
            run: outlook.run,
            began: Some(outlook.rising_since),
            at: self.now(),
            oom,
            unseen: false,
            limit: Some(outlook.limit),
        }))
        .await;
    }

    /// The forecaster says where its figures come from.
    pub async fn figures_come_from(&self, source: Source) {
        self.tells(Sighting::ForecastSource(SourceHealth {
            source: Some(source),
            error: None,
            last: Some(self.now()),
            containers: 12,
            missing: 0,
            ..SourceHealth::default()
        }))
        .await;
    }

    /// The forecaster finds the CPU of a Deployment unusual.
    pub async fn is_unusual(&self, name: &str, why: &str) {
        let anomaly = Anomaly {
            metric: Metric::Cpu,
            since: self.now().as_second() as f64,
            level: 0.82,
            usual: (0.18, 0.35),
            side: Side::High,
            why: why.into(),
        };
        self.finds(name, vec![anomaly]).await;
    }

    /// The forecaster finds nothing unusual about a Deployment any more.
    pub async fn is_as_usual(&self, name: &str) {
        self.finds(name, Vec::new()).await;
    }

    async fn finds(&self, name: &str, anomalies: Vec<Anomaly>) {
        let owner = self.kube.get("Deployment", NAMESPACE, name).unwrap();
        let uid = owner["metadata"]["uid"].as_str().unwrap();
        self.tells(Sighting::Unusual(Unusual {
            at: self.now(),
            owner: ObjectRef::new("Deployment", NAMESPACE, name, uid),
            anomalies,
        }))
        .await;
    }
}
