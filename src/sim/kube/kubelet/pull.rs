//! Image pulls: success, or ErrImagePull and ImagePullBackOff with the cause that the reference stands for.

use std::time::Duration;

use serde_json::{Value, json};

use super::pod::Pod;
use crate::sim::kube::{
    image::{Image, invalid_name, normalise, pull_error},
    object,
};

/// How long a pull takes, successful or not.
const PULL: Duration = Duration::from_secs(1);
/// First and longest back-off between pulls.
pub(super) const BACK_OFF: (Duration, Duration) =
    (Duration::from_secs(10), Duration::from_secs(300));
/// How long ErrImagePull is shown before the back-off is.
const SHOWN: Duration = Duration::from_secs(1);

/// The image of a container, pulled; `None` when the pod stops before.
pub(super) async fn pull(pod: &Pod, spec: &Value) -> Option<Image> {
    let container = object::text(spec, "/name");
    let mut delay = BACK_OFF.0;
    loop {
        // The image may have been corrected meanwhile.
        let current = pod.current_spec(container)?;
        let image = object::text(&current, "/image").to_owned();
        let policy = object::text(&current, "/imagePullPolicy").to_owned();
        if let Some(why) = invalid_name(&image) {
            let message = format!(
                "Failed to apply default image tag \"{image}\": couldn't parse image name \"{image}\": {why}"
            );
            pod.event(spec, "Warning", "InspectFailed", message.clone());
            pod.event(
                spec,
                "Warning",
                "Failed",
                "Error: InvalidImageName".to_owned(),
            );
            waiting(pod, container, "InvalidImageName", message);
            if pod.pause(BACK_OFF.0).await {
                return None;
            }
            continue;
        }
        let found = find(pod, &image);
        if policy == "Never" {
            match found {
                Some(image) => return Some(image),
                None => {
                    let message = format!(
                        "Container image \"{image}\" is not present with pull policy of Never"
                    );
                    pod.event(spec, "Warning", "ErrImageNeverPull", message.clone());
                    pod.event(
                        spec,
                        "Warning",
                        "Failed",
                        "Error: ErrImageNeverPull".to_owned(),
                    );
                    waiting(pod, container, "ErrImageNeverPull", message);
                }
            }
            if pod.pause(BACK_OFF.0).await {
                return None;
            }
            continue;
        }
        if let Some(found) = found {
            // Known images are on the node already, as after an import.
            pod.event(
                spec,
                "Normal",
                "Pulled",
                format!("Container image \"{image}\" already present on machine"),
            );
            return Some(found);
        }
        pod.event(
            spec,
            "Normal",
            "Pulling",
            format!("Pulling image \"{image}\""),
        );
        if pod.pause(PULL).await {
            return None;
        }
        let error = pull_error(&image);
        pod.event(
            spec,
            "Warning",
            "Failed",
            format!("Failed to pull image \"{image}\": {error}"),
        );
        pod.event(spec, "Warning", "Failed", "Error: ErrImagePull".to_owned());
        waiting(pod, container, "ErrImagePull", error.clone());
        if pod.pause(SHOWN).await {
            return None;
        }
        pod.event(
            spec,
            "Normal",
            "BackOff",
            format!("Back-off pulling image \"{image}\""),
        );
        pod.event(
            spec,
            "Warning",
            "Failed",
            "Error: ImagePullBackOff".to_owned(),
        );
        waiting(
            pod,
            container,
            "ImagePullBackOff",
            format!("Back-off pulling image \"{image}\": ErrImagePull: {error}"),
        );
        if pod.pause(delay).await {
            return None;
        }
        delay = (delay * 2).min(BACK_OFF.1);
    }
}

fn waiting(pod: &Pod, container: &str, reason: &str, message: String) {
    pod.change(container, |status| {
        status.state = json!({"waiting": {"reason": reason, "message": message}})
    });
}

fn find(pod: &Pod, reference: &str) -> Option<Image> {
    let wanted = normalise(reference);
    if wanted == "docker.io/library/busybox:1.36" {
        return Some(Image {
            entrypoint: vec!["sh".to_owned()],
            ..Image::default()
        });
    }
    let mut images = pod.core.options.images.iter();
    images
        .find(|(name, _)| normalise(name) == wanted)
        .map(|(_, image)| image.clone())
}
