//! Images that cannot be had.
use super::{
    bed::{Bed, number, text},
    contracts,
    objects::{NO_IMAGE, idle, pod},
};
use serde_json::{Value, json};

contracts! {
    an_image_that_cannot_be_pulled_backs_off_with_the_cause,
    an_image_that_may_not_be_pulled_says_so,
    a_name_that_is_no_image_says_so,
}

fn with_image(name: &str, image: &str, policy: &str) -> Value {
    let mut container = idle();
    (container["image"], container["imagePullPolicy"]) = (json!(image), json!(policy));
    pod(name, container)
}

async fn an_image_that_cannot_be_pulled_backs_off_with_the_cause(bed: Bed) {
    bed.create("pods", &with_image("nopull", NO_IMAGE, "IfNotPresent"))
        .await;
    let first = bed.waiting("nopull", "ErrImagePull").await;
    insta::allow_duplicates! {
        insta::assert_snapshot!(text(&first, "/state/waiting/message"), @r#"failed to pull and unpack image "127.0.0.1:1/shop/web:2": failed to resolve image: failed to do request: Head "https://127.0.0.1:1/v2/shop/web/manifests/2": dial tcp 127.0.0.1:1: connect: connection refused"#);
    }
    let status = bed.waiting("nopull", "ImagePullBackOff").await;
    assert_eq!(
        text(&status, "/state/waiting/message"),
        format!(
            "Back-off pulling image \"{NO_IMAGE}\": ErrImagePull: {}",
            text(&first, "/state/waiting/message")
        )
    );
    assert_eq!(
        (
            text(&status, "/image"),
            text(&status, "/imageID"),
            number(&status, "/restartCount")
        ),
        (NO_IMAGE, "", Some(0))
    );
    assert_eq!(status["lastState"], json!({}));
    let pod = bed.get("pods", "nopull").await;
    assert_eq!(text(&pod, "/status/phase"), "Pending");
    let failed = bed
        .event_with("nopull", "Failed", |event| {
            text(event, "/message").starts_with("Failed to pull")
        })
        .await;
    assert_eq!(
        text(&failed, "/message"),
        format!(
            "Failed to pull image \"{NO_IMAGE}\": {}",
            text(&first, "/state/waiting/message")
        )
    );
    for reason in ["ErrImagePull", "ImagePullBackOff"] {
        let message = format!("Error: {reason}");
        let event = bed
            .event_with("nopull", "Failed", |event| {
                text(event, "/message") == message
            })
            .await;
        assert_eq!(text(&event, "/type"), "Warning");
    }
    let pause = bed.event("nopull", "BackOff").await;
    assert_eq!(
        (text(&pause, "/type"), text(&pause, "/message")),
        (
            "Normal",
            "Back-off pulling image \"127.0.0.1:1/shop/web:2\""
        )
    );
}

async fn an_image_that_may_not_be_pulled_says_so(bed: Bed) {
    bed.create("pods", &with_image("never", NO_IMAGE, "Never"))
        .await;
    let status = bed.waiting("never", "ErrImageNeverPull").await;
    insta::allow_duplicates! {
        insta::assert_snapshot!(text(&status, "/state/waiting/message"), @r#"Container image "127.0.0.1:1/shop/web:2" is not present with pull policy of Never"#);
    }
}

async fn a_name_that_is_no_image_says_so(bed: Bed) {
    bed.create("pods", &with_image("shout", "Shop/WEB:2", "IfNotPresent"))
        .await;
    let status = bed.waiting("shout", "InvalidImageName").await;
    insta::allow_duplicates! {
        insta::assert_snapshot!(text(&status, "/state/waiting/message"), @r#"Failed to apply default image tag "Shop/WEB:2": couldn't parse image name "Shop/WEB:2": invalid reference format: repository name (WEB) must be lowercase"#);
    }
    let event = bed.event("shout", "InspectFailed").await;
    assert_eq!(
        text(&event, "/message"),
        text(&status, "/state/waiting/message")
    );
}
