//! What each action does, as `docs/SAFETY.md` shows it.
use super::{ActionKind, Risk};

/// API calls, preconditions, and what undoes it.
fn words(kind: ActionKind) -> [&'static str; 3] {
    match kind {
        ActionKind::RolloutUndo => [
            "JSON patch of `/spec/template` of a Deployment, StatefulSet or DaemonSet: the template of the older revision replaces the newer one",
            "the older revision has proof that it was healthy: pods of it are available now, or Heal saw the workload fully available on it; not paused; specification unchanged",
            "rolling forward again",
        ],
        ActionKind::RolloutRestart => [
            "strategic merge patch of the annotation `kubectl.kubernetes.io/restartedAt` of the template",
            "not paused; specification unchanged; for a leak also: all pods available, one is left at every moment, and no disruption budget forbids it",
            "–",
        ],
        ActionKind::SetMemoryLimit => [
            "strategic merge patch of one container's memory limit (and request, when both were equal)",
            "computed, not typed: at most twice the old limit, and within LimitRange, quota and the largest node",
            "setting it back",
        ],
        ActionKind::DeletePod => [
            "mark on the owner, then delete with the pod's uid as precondition",
            "the pod has a controller that replaces it",
            "–",
        ],
        ActionKind::Scale => [
            "mark on the owner, then patch of the `scale` subresource with `resourceVersion`",
            "no autoscaler owns the number. **Heal never offers it yet**: none of the troubles below is cured by another number of pods",
            "scaling back",
        ],
    }
}

/// The table as Markdown, for people.
pub fn actions_table() -> String {
    let mut page = String::from(
        "| Action | API calls | Preconditions | Undone by | Risk |\n|---|---|---|---|---|\n",
    );
    for kind in ActionKind::ALL {
        let [calls, conditions, undone] = words(kind);
        let risk = match kind.risk() {
            Risk::Low => "low",
            Risk::Medium => "medium",
        };
        page += &format!("| `{kind}` | {calls} | {conditions} | {undone} | {risk} |\n");
    }
    page
}
