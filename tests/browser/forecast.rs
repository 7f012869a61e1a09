//! The card of a forecast as people see it: the local workspace's page, with a picture that was really uploaded.
use super::{DESK, PHONE, STILL, is_sized, picture};
use crate::support::chromium::{Page, installed};
use axum::{Json, Router, http::header, routing::get};
use heal::{
    domain::{
        action::{Action, Risk},
        diagnosis::{Diagnosis, Proof, Severity},
        family::Family,
        forecast::{Boundary, Chart, ChartPoint, FanPoint, Outlook, Source, Tier, When},
        incident::{Incident, IncidentId, Latest, State},
        memory::{Tally, TrackRecord},
        object::ObjectRef,
        proposal::{DryRun, Proposal},
    },
    ports::{CardState, ChatJob, Clock, Meter},
    sim::slack::{Channel, SlackSim, SlackSimOptions, User},
    slack::{
        api::SlackApi,
        send::{Sender, SenderParts},
    },
    wire::in_process,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::{path::Path, sync::Arc};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const MIB: u64 = 1 << 20;

struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

struct Nobody;

impl Meter for Nobody {
    fn add(&self, _: &'static str, _: &str, _: u64) {}
    fn observe(&self, _: &'static str, _: f64) {}
}

/// `checkout` leaks since two hours; it has less than two hours left.
fn outlook() -> Outlook {
    let now = Timestamp::now();
    let minute = |minutes: i64| now + SignedDuration::from_mins(minutes);
    let level = |minute: i64| {
        let rise = 1.45 * (minute + 130).max(0) as f64;
        let wobble = (minute * 7_919 % 101) as f64 / 17.0 + 6.0 * (minute as f64 / 11.0).sin();
        ((190.0 + rise + wobble) * MIB as f64) as u64
    };
    let used = level(0);
    let ahead = |minutes: i64, rate: f64| used + (rate * minutes as f64 * MIB as f64) as u64;
    let owner = ObjectRef::new("Deployment", "shop", "checkout", "uid-1");
    Outlook {
        at: now,
        owner,
        container: "app".into(),
        pod: ObjectRef::new("Pod", "shop", "checkout-7d9f5b6c8-x2k4q", "uid-2"),
        run: 0,
        boundary: Boundary::Limit,
        rising: 3,
        replicas: 3,
        tier: Tier::Page,
        p: 0.93,
        correction: Default::default(),
        when: Some(When {
            earliest: minute(70),
            median: minute(102),
            latest: minute(160),
        }),
        used,
        limit: 512 * MIB,
        rate: 1.25 * MIB as f64 / 60.0,
        rising_since: minute(-130),
        survived: Some(240 * MIB),
        known_since: minute(-7 * 24 * 60),
        killed_before: false,
        leak_proved: true,
        needed_limit: None,
        cap: None,
        cap_bytes: None,
        source: Source::Prometheus,
        why: "rising 1.2 MiB/min for 2 h 10 min; never above 47 % in the last 7 d".into(),
        chart: Chart {
            past: (-240..=0)
                .step_by(2)
                .map(|at| ChartPoint {
                    t: minute(at).as_second(),
                    mean: level(at),
                    max: level(at) + (3 + at.rem_euclid(7) as u64) * MIB,
                })
                .collect(),
            fan: (1..=20)
                .map(|n| FanPoint {
                    t: minute(9 * n).as_second(),
                    low: ahead(9 * n, 0.8),
                    median: ahead(9 * n, 1.25),
                    high: ahead(9 * n, 1.85),
                })
                .collect(),
        },
    }
}

fn incident() -> Incident {
    let outlook = outlook();
    let owner = outlook.owner.clone();
    let action = Action::SetMemoryLimit {
        target: owner.clone(),
        container: "app".into(),
        from: 512 * MIB,
        to: 768 * MIB,
        request: None,
    };
    let fact = |text: &str| Proof::Fact { text: text.into() };
    Incident {
        id: IncidentId(17),
        cluster: "prod-eu".into(),
        owner: owner.clone(),
        family: Family::Forecast,
        opened: outlook.at,
        latest: Latest {
            at: outlook.at,
            subject: outlook.pod.clone(),
            container: Some("app".into()),
            reason: "Forecast".into(),
            message: outlook.why.clone(),
        },
        signals: 1,
        runs: None,
        state: State::Proposed {
            proposal: Proposal {
                number: 1,
                token: "H17.1.seed".into(),
                reason: "At this growth 768Mi lasts 3 h 24 min longer than 512Mi, and its pods start anew.".into(),
                risk: Risk::Medium,
                action,
                dry_run: DryRun {
                    generation: 1,
                    spec: None,
                    diff: vec![
                        "spec.template.spec.containers[app].resources.limits.memory: 512Mi → 768Mi".into(),
                    ],
                    refusal: None,
                },
                record: TrackRecord {
                    here: Tally {
                        successes: 2,
                        failures: 0,
                    },
                    anywhere: Tally {
                        successes: 2,
                        failures: 0,
                    },
                },
                warnings: vec![],
                expires: outlook.at + SignedDuration::from_hours(1),
                approvals: vec![],
                approvals_needed: 1,
            },
        },
        diagnosis: Some(Diagnosis {
            signature: "forecast.leak".into(),
            family: Family::Forecast,
            headline: "is running out of memory".into(),
            cause: "app leaks memory: all its pods fill up towards its memory limit of 512Mi and give nothing back.".into(),
            proof: vec![fact(&outlook.why), fact("rises in 3 of 3 pods")],
            severity: Severity::Major,
            confidence: 0.9,
            candidates: vec![],
            advice: None,
            time_to_failure: None,
            details: vec![],
        }),
        managed_by: None,
        forecast: Some(Box::new(outlook)),
        tries: vec![],
        muted: None,
        clear_since: None,
        request: 1,
        proposals: 1,
        wake: None,
        seed: "seed".into(),
        before: vec![],
    }
}

/// The page of a workspace without a cluster beside it.
fn page() -> Router {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sim/page");
    let mut router = Router::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let kind = match name.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            _ => "text/javascript; charset=utf-8",
        };
        let at = if name == "index.html" {
            "/".to_owned()
        } else {
            format!("/{name}")
        };
        let file = (
            [(header::CONTENT_TYPE, kind)],
            std::fs::read(&path).unwrap(),
        );
        router = router.route(&at, get(move || async move { file }));
    }
    let nothing =
        json!({"real": true, "nodes": [], "workloads": [], "troubles": [], "story": null});
    router.route("/sim/cluster", get(move || async move { Json(nothing) }))
}

/// How high, in pixels of the page, the smallest capital letters of the picture are drawn: those of "UTC" in its lower left corner.
fn capitals(image: &str) -> String {
    format!(
        "(() => {{
           const canvas = new OffscreenCanvas({image}.naturalWidth, {image}.naturalHeight).getContext('2d');
           canvas.drawImage({image}, 0, 0);
           const [width, height] = [80, 66];
           const {{ data }} = canvas.getImageData(24, {image}.naturalHeight - height, width, height);
           const bright = (row) => Array.from({{ length: width }}, (_, x) => data[4 * (row * width + x)]).some((red) => red > 140);
           const rows = Array.from({{ length: height }}, (_, row) => row).filter(bright);
           return (rows.at(-1) - rows[0] + 1) * {image}.offsetWidth / {image}.naturalWidth;
         }})()"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_card_of_a_forecast_shows_its_picture_by_day_and_night_and_on_a_phone() {
    let Some(browser) = installed() else { return };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let slack = SlackSim::new(SlackSimOptions {
        channels: vec![Channel::new("C0OPS", "incidents")],
        users: vec![User::new("U0OLIVIA", "olivia")],
        base_url: url.clone(),
        ..SlackSimOptions::default()
    });
    let router = page().merge(slack.router());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let (jobs, inbox) = mpsc::unbounded_channel();
    let (delivered, _deliveries) = mpsc::unbounded_channel();
    let base = format!("{url}/api").parse().unwrap();
    let sender = Sender::new(SenderParts {
        api: SlackApi::new(in_process(slack.router()), base, &"xoxb-simulated".into()),
        route: Arc::new(|_| "C0OPS".to_owned()),
        can_search: true,
        can_upload: true,
        not_before: vec![],
        slots: vec![],
        clock: Arc::new(Wall),
        meter: Arc::new(Nobody),
        jobs: inbox,
        delivered,
        stop: CancellationToken::new(),
    });
    let sender = tokio::spawn(sender.run());
    let card = CardState {
        incident: incident(),
        posted: None,
        paused: None,
    };
    jobs.send(ChatJob::Card(Arc::new(card))).unwrap();

    let mut page = Page::open(&browser).await;
    is_sized(&mut page, DESK).await;
    page.goes_to(&url).await;
    let card = "document.querySelector('#messages article.message')";
    let image = format!("{card}?.querySelector('figure img')");
    page.until(
        "the picture on the card",
        &format!("{image} && {image}.complete && {image}.naturalWidth === 1000"),
    )
    .await;
    let alt = page.value(&format!("{image}.alt")).await;
    assert!(
        alt.as_str()
            .unwrap()
            .starts_with("Chart: memory of app in shop/checkout"),
        "{alt}"
    );
    let words = page.value(&format!("{card}.innerText")).await;
    let words = words.as_str().unwrap().replace('\u{a0}', " ");
    for part in [
        "checkout (Deployment, shop) will be OOM-killed in 1 h 40 min (1 h 10 min – 2 h 40 min), P = 0.93, as of ",
        "; counted down: in 1 hour.",
    ] {
        assert!(words.contains(part), "“{part}” is missing in {words}");
    }
    for (size, night, name) in [
        (DESK, false, "forecast-desk.png"),
        (DESK, true, "forecast-desk-dark.png"),
        (PHONE, false, "forecast-phone.png"),
        (PHONE, true, "forecast-phone-dark.png"),
    ] {
        let tall = if picture(name).is_some() {
            1_800
        } else {
            size.1
        };
        is_sized(&mut page, (size.0, tall, size.2)).await;
        page.is_dark(night).await;
        let wide = page
            .value(&format!("[{image}.offsetWidth, {card}.offsetWidth, document.documentElement.scrollWidth - innerWidth]"))
            .await;
        assert!(
            wide[0].as_f64() > Some(280.0),
            "the picture is only {} wide",
            wide[0]
        );
        assert!(
            wide[2].as_f64() <= Some(0.0),
            "the page is wider than the window"
        );
        let capitals = page.value(&capitals(&image)).await;
        assert!(
            capitals.as_f64() >= Some(7.0),
            "capital letters are only {capitals} pixels high"
        );
        page.until("the page to stand still", STILL).await;
        if let Some(file) = picture(name) {
            page.writes_picture(&file, Some(card)).await;
        }
    }
    page.is_dark(false).await;
    is_sized(&mut page, DESK).await;
    page.presses("document.querySelector('.replies')").await;
    page.until(
        "the picture in the thread",
        "document.querySelector('#thread-messages .file img')?.naturalWidth === 1000",
    )
    .await;
    if let Some(file) = picture("forecast-thread.png") {
        page.writes_picture(&file, None).await;
    }
    assert_eq!(
        page.errors,
        Vec::<String>::new(),
        "the page logged no errors"
    );
    page.closes().await;
    sender.abort();
    server.abort();
}
