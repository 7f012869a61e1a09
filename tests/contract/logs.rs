//! Logs: of this run, of the run before, and of none.
use super::{
    bed::{Bed, number, text},
    contracts,
    objects::{NO_IMAGE, container, idle, pod},
};
use serde_json::{Value, json};

contracts! {
    a_log_is_read_whole_or_by_its_tail,
    a_log_of_the_run_before_outlives_the_restart,
    a_log_that_is_not_there_is_a_bad_request,
}

fn log(bed: &Bed, pod: &str, query: &str) -> String {
    format!("{}/log?{query}", bed.path("pods", pod))
}

/// Code, reason and message of a refused log.
fn told(answer: Result<String, Value>) -> (i64, String, String) {
    let status = answer.unwrap_err();
    (
        number(&status, "/code").unwrap(),
        text(&status, "/reason").to_owned(),
        text(&status, "/message").to_owned(),
    )
}

async fn a_log_is_read_whole_or_by_its_tail(bed: Bed) {
    bed.create(
        "pods",
        &pod(
            "talker",
            container("echo one; echo two >&2; echo three; sleep 3600"),
        ),
    )
    .await;
    let whole = bed
        .until("three lines", async || {
            let text = bed
                .heal
                .text(&log(&bed, "talker", "container=app"))
                .await
                .ok()?;
            (text.lines().count() == 3).then_some(text)
        })
        .await;
    // The streams are two, and read separately: their order is not told.
    assert!(whole.ends_with('\n'));
    for line in ["one", "two", "three"] {
        assert!(whole.lines().any(|found| found == line), "{whole}");
    }
    let tail = bed
        .heal
        .text(&log(&bed, "talker", "tailLines=2&limitBytes=1000"))
        .await
        .unwrap();
    assert_eq!(tail.lines().count(), 2);
    assert!(whole.ends_with(&tail));
    let stamped = bed
        .heal
        .text(&log(&bed, "talker", "timestamps=true&tailLines=1"))
        .await
        .unwrap();
    let (stamp, _) = stamped.split_once(' ').unwrap();
    stamp.parse::<jiff::Timestamp>().unwrap();
    let answer = bed.heal.text(&log(&bed, "talker", "previous=true")).await;
    assert_eq!(
        told(answer),
        (
            400,
            "BadRequest".to_owned(),
            "previous terminated container \"app\" in pod \"talker\" not found".to_owned()
        )
    );
}

async fn a_log_of_the_run_before_outlives_the_restart(bed: Bed) {
    // The second run knows of the first by a file in a volume.
    let mut object = pod(
        "twice",
        container(
            "if [ -f /keep/ran ]; then echo second; sleep 3600; fi; touch /keep/ran; echo first; exit 3",
        ),
    );
    object["spec"]["volumes"] = json!([{"name": "keep", "emptyDir": {}}]);
    object["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "keep", "mountPath": "/keep"}]);
    if bed.simulation().is_some() {
        // Volumes are not simulated: there every run crashes, and every run is like the one before.
        object = pod("twice", container("echo first; exit 3"));
    }
    bed.create("pods", &object).await;
    bed.pod("twice", "a restart", |pod| {
        (number(pod, "/status/containerStatuses/0/restartCount")? >= 1).then_some(())
    })
    .await;
    bed.until("the log of the first run", async || {
        let before = log(&bed, "twice", "previous=true&tailLines=5");
        (bed.heal.text(&before).await.ok()? == "first\n").then_some(())
    })
    .await;
}

async fn a_log_that_is_not_there_is_a_bad_request(bed: Bed) {
    let mut object = pod("unborn", idle());
    object["spec"]["containers"][0]["image"] = json!(NO_IMAGE);
    bed.create("pods", &object).await;
    bed.waiting("unborn", "ImagePullBackOff").await;
    let why =
        "container \"app\" in pod \"unborn\" is waiting to start: trying and failing to pull image";
    // While another pull is tried it says that one cannot be had.
    bed.until("the log to be refused between two pulls", async || {
        let answer = bed.heal.text(&log(&bed, "unborn", "container=app")).await;
        let (code, reason, message) = told(answer);
        assert_eq!((code, &*reason), (400, "BadRequest"), "{message}");
        (message == why).then_some(())
    })
    .await;
    let answer = bed
        .heal
        .text(&log(&bed, "unborn", "container=nobody"))
        .await;
    assert_eq!(
        told(answer),
        (
            400,
            "BadRequest".to_owned(),
            "container nobody is not valid for pod unborn".to_owned()
        )
    );
    assert_eq!(told(bed.heal.text(&log(&bed, "nobody", "")).await).0, 404);
}
