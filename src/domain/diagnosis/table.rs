//! The one table of what may be done about what. The engine relies on it to never make things worse: whatever a rule of a family
//! proposes passes [`permitted`], and `docs/SAFETY.md` shows [`safety_table`].
use crate::domain::{action::ActionKind, family::Family};

/// What may be done about a family of failures, and what never.
pub struct Row {
    /// The family.
    pub family: Family,
    /// Actions that can help in it.
    pub allowed: &'static [ActionKind],
    /// Actions that are never taken in it, each with the reason.
    pub never: &'static [(ActionKind, &'static str)],
}

use ActionKind::{DeletePod, RolloutRestart, RolloutUndo, Scale, SetMemoryLimit};

const NOT_MEMORY: &str = "memory is not what it lacks";
const SAME_TEMPLATE: &str = "a new pod of the same template fails the same way";
const MORE_OF_THE_SAME: &str = "more pods fail the same way";
const REFUSED_PODS: &str =
    "the API server would refuse the replacement: the last healthy pods would be lost";
const NODE_FIRST: &str = "the node is the cause: its pods move by themselves when it is given up";
const NO_REVISIONS: &str = "Jobs have no revisions";

/// The table, one row per family.
pub const TABLE: &[Row] = &[
    Row {
        family: Family::Oom,
        allowed: &[SetMemoryLimit, RolloutUndo, DeletePod],
        never: &[
            (
                RolloutRestart,
                "it frees memory for minutes, and the kill comes back",
            ),
            (Scale, "each pod still hits its own limit"),
        ],
    },
    Row {
        family: Family::Forecast,
        allowed: &[RolloutUndo, SetMemoryLimit, RolloutRestart],
        never: &[
            (
                DeletePod,
                "its neighbours fill up as well: a rollout replaces them all, one after the other",
            ),
            (Scale, "each pod still reaches its own limit"),
        ],
    },
    Row {
        family: Family::Crash,
        allowed: &[RolloutUndo, RolloutRestart, DeletePod],
        never: &[(SetMemoryLimit, NOT_MEMORY), (Scale, MORE_OF_THE_SAME)],
    },
    Row {
        family: Family::Start,
        allowed: &[RolloutUndo, DeletePod],
        never: &[
            (RolloutRestart, SAME_TEMPLATE),
            (SetMemoryLimit, NOT_MEMORY),
            (Scale, MORE_OF_THE_SAME),
        ],
    },
    Row {
        family: Family::Image,
        allowed: &[RolloutUndo, DeletePod],
        never: &[
            (
                RolloutRestart,
                "it pulls the same image, and may lose pods that still run",
            ),
            (SetMemoryLimit, NOT_MEMORY),
            (Scale, MORE_OF_THE_SAME),
        ],
    },
    Row {
        family: Family::Config,
        allowed: &[RolloutUndo, DeletePod],
        never: &[
            (
                RolloutRestart,
                "the kubelet retries by itself as soon as the object exists",
            ),
            (SetMemoryLimit, NOT_MEMORY),
            (Scale, MORE_OF_THE_SAME),
        ],
    },
    Row {
        family: Family::Scheduling,
        allowed: &[RolloutUndo, DeletePod],
        never: &[
            (RolloutRestart, "pods that have a place would lose it"),
            (SetMemoryLimit, "a larger pod fits on fewer nodes"),
            (Scale, "how many pods are needed is not for Heal to say"),
        ],
    },
    Row {
        family: Family::Probe,
        allowed: &[RolloutUndo, RolloutRestart, DeletePod],
        never: &[(SetMemoryLimit, NOT_MEMORY), (Scale, MORE_OF_THE_SAME)],
    },
    Row {
        family: Family::Job,
        allowed: &[],
        never: &[
            (RolloutUndo, NO_REVISIONS),
            (RolloutRestart, "running it again may do its work twice"),
            (SetMemoryLimit, "the template of a Job cannot be changed"),
            (DeletePod, "it would take the log with it"),
            (Scale, MORE_OF_THE_SAME),
        ],
    },
    Row {
        family: Family::Admission,
        allowed: &[RolloutUndo],
        never: &[
            (RolloutRestart, REFUSED_PODS),
            (DeletePod, REFUSED_PODS),
            (SetMemoryLimit, REFUSED_PODS),
            (Scale, "the API server refuses the pods there are already"),
        ],
    },
    Row {
        family: Family::Node,
        allowed: &[],
        never: &[
            (RolloutUndo, NODE_FIRST),
            (RolloutRestart, NODE_FIRST),
            (SetMemoryLimit, NODE_FIRST),
            (DeletePod, NODE_FIRST),
            (Scale, NODE_FIRST),
        ],
    },
    Row {
        family: Family::Eviction,
        allowed: &[RolloutUndo, DeletePod],
        never: &[
            (
                RolloutRestart,
                "it moves the load to nodes under the same pressure",
            ),
            (SetMemoryLimit, "a larger limit makes the pressure worse"),
            (Scale, "more pods make the pressure worse"),
        ],
    },
    Row {
        family: Family::Rollout,
        allowed: &[RolloutUndo, DeletePod],
        never: &[
            (
                RolloutRestart,
                "a second rollout on top of a stuck one loses pods",
            ),
            (SetMemoryLimit, NOT_MEMORY),
            (Scale, MORE_OF_THE_SAME),
        ],
    },
];

/// Signatures that forbid what their family allows.
pub const FORBIDDEN: &[(&str, ActionKind, &str)] = &[
    ("adm.psa", RolloutUndo, REFUSED_PODS),
    ("adm.quota_must_specify", RolloutUndo, REFUSED_PODS),
    ("adm.webhook_unreachable", RolloutUndo, REFUSED_PODS),
    (
        "adm.ns_terminating",
        RolloutUndo,
        "the namespace goes on purpose",
    ),
    (
        "adm.mutation_surprise",
        SetMemoryLimit,
        "something rewrites the limit on the way: a raise would be rewritten, too",
    ),
    (
        "adm.mutation_surprise",
        RolloutUndo,
        "the template is not the cause",
    ),
    (
        "evict.node_pressure",
        RolloutUndo,
        "the node is the cause, not the template",
    ),
    ("config.cache_transient", RolloutUndo, "it passes by itself"),
    (
        "forecast.node",
        RolloutUndo,
        "the node is short of memory, not one template",
    ),
    (
        "forecast.node",
        SetMemoryLimit,
        "a larger limit makes the pressure worse",
    ),
    (
        "forecast.tmpfs",
        RolloutRestart,
        "what is kept in memory is data: it is lost, and comes back",
    ),
    (
        "image.rate_limited",
        RolloutUndo,
        "a rollout pulls more images and uses up more of the limit",
    ),
    (
        "image.disk_full_on_pull",
        RolloutUndo,
        "the node is the cause, not the template",
    ),
];

/// Actions that only these signatures may take, where the family alone does not tell enough.
pub const ONLY: &[(ActionKind, &[&str], &str)] = &[
    (
        RolloutRestart,
        &["crash.db_auth", "crash.tls_cert", "forecast.leak"],
        "a restart helps only when pods hold an old credential or certificate, or memory that leaked",
    ),
    (
        DeletePod,
        &[
            "sts.stuck_ordinal",
            "evict.node_pressure",
            "evict.ephemeral_limit",
        ],
        "only evicted leftovers and pods stuck on an old broken revision are deleted",
    ),
];

/// Whether this action may be taken for this cause; the reason if not.
pub fn permitted(family: Family, signature: &str, kind: ActionKind) -> Result<(), &'static str> {
    if let Some((_, _, why)) = FORBIDDEN
        .iter()
        .find(|(forbidden, action, _)| *forbidden == signature && *action == kind)
    {
        return Err(why);
    }
    if let Some((_, _, why)) = ONLY
        .iter()
        .find(|(action, only, _)| *action == kind && !only.contains(&signature))
    {
        return Err(why);
    }
    let row = TABLE.iter().find(|row| row.family == family);
    match row {
        Some(row) if row.allowed.contains(&kind) => Ok(()),
        Some(row) => Err(row
            .never
            .iter()
            .find(|(never, _)| *never == kind)
            .map_or("no rule of this family uses it", |(_, why)| why)),
        None => Err("this family has no row"),
    }
}

/// The table as Markdown, for people.
pub fn safety_table() -> String {
    let mut page = String::from("| Trouble | May be offered | Never, and why |\n|---|---|---|\n");
    for row in TABLE {
        let allowed: Vec<&str> = row.allowed.iter().map(|kind| kind.as_str()).collect();
        let allowed = if allowed.is_empty() {
            "nothing".to_owned()
        } else {
            allowed.join(", ")
        };
        let never: Vec<String> = row
            .never
            .iter()
            .map(|(kind, why)| format!("{kind}: {why}"))
            .collect();
        page += &format!("| {} | {allowed} | {} |\n", row.family, never.join("; "));
    }
    page += "\n| Cause | Never | Why |\n|---|---|---|\n";
    for (signature, kind, why) in FORBIDDEN {
        page += &format!("| `{signature}` | {kind} | {why} |\n");
    }
    page += "\n| Action | Only for | Why |\n|---|---|---|\n";
    for (kind, only, why) in ONLY {
        let only: Vec<String> = only
            .iter()
            .map(|signature| format!("`{signature}`"))
            .collect();
        page += &format!("| {kind} | {} | {why} |\n", only.join(", "));
    }
    page
}
