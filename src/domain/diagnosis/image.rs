//! An image cannot be had. The order of the rules matters: the texts about architecture and media type end in "not found" as well.
use super::{
    Case, Diagnosis,
    finding::{Finding, quote},
    look::Spot,
    pattern,
};
use crate::domain::family::Family;
use regex::Regex;
use std::sync::LazyLock;

struct Rule {
    signature: &'static str,
    prior: f64,
    pattern: LazyLock<Regex>,
    cause: &'static str,
    advice: &'static str,
    /// Going back to the image before can help.
    undo: bool,
}

static RULES: [Rule; 10] = [
    Rule {
        signature: "image.arch_mismatch_manifest",
        prior: 0.97,
        pattern: LazyLock::new(|| {
            pattern(
                r"no match for platform in manifest|no matching manifest for \S+ in the manifest list|no image found in (?:image index|manifest list) for architecture",
            )
        }),
        cause: "it has no build for the CPU architecture of the node",
        advice: "Build it for this architecture too, or select nodes by label kubernetes.io/arch.",
        undo: true,
    },
    Rule {
        signature: "image.signature",
        prior: 0.95,
        pattern: LazyLock::new(|| {
            pattern(r"SignatureValidationFailed|signature validation failed")
        }),
        cause: "the signature policy of the node rejects it",
        advice: "Sign the image, or correct the policy.",
        undo: true,
    },
    Rule {
        signature: "image.media_type",
        prior: 0.9,
        pattern: LazyLock::new(|| {
            pattern(
                r"is no longer supported since containerd|unexpected media type|unsupported manifest media type|no unpack platforms defined|no signatures$",
            )
        }),
        cause: "what the registry sends is not an image that this runtime can use",
        advice: "Rebuild images in old formats; text/html means that a proxy answers in place of the registry.",
        undo: true,
    },
    Rule {
        signature: "image.rate_limited",
        prior: 0.97,
        pattern: LazyLock::new(|| {
            pattern(r"429 Too Many Requests|(?i:toomanyrequests)|pull rate limit")
        }),
        cause: "the registry limits how many images may be pulled (HTTP 429)",
        advice: "Pull with an account (imagePullSecrets) or through a mirror. Pods recover by themselves when the window ends.",
        undo: false,
    },
    Rule {
        signature: "image.auth_denied",
        prior: 0.85,
        pattern: LazyLock::new(|| {
            pattern(
                r"401 Unauthorized|403 Forbidden|pull access denied|authorization failed|no basic auth credentials|failed to authorize|insufficient_scope|requested access to the resource is denied|unauthorized: |denied: (?:requested|access|Permission|User|The )|DENIED|unable to retrieve auth token",
            )
        }),
        cause: "the registry refuses access, or the repository does not exist",
        advice: "Check the repository's name and the pull secret of this namespace: it may be missing or expired.",
        undo: true,
    },
    Rule {
        signature: "image.tls",
        prior: 0.95,
        pattern: LazyLock::new(|| {
            pattern(
                r"x509: |tls: |certificate (?:signed by unknown authority|has expired)|server gave HTTP response to HTTPS client",
            )
        }),
        cause: "the TLS connection to the registry fails",
        advice: "Install the registry's CA on the nodes, or renew its certificate.",
        undo: true,
    },
    Rule {
        signature: "image.registry_dns",
        prior: 0.95,
        pattern: LazyLock::new(|| {
            pattern(
                r"lookup \S+(?: on \S+)?: (?:no such host|server misbehaving|Temporary failure|i/o timeout)|no such host",
            )
        }),
        cause: "the name of its registry does not resolve",
        advice: "Correct the registry's host name; if other images fail on this node as well, look at the node's DNS.",
        undo: true,
    },
    Rule {
        signature: "image.registry_unreachable",
        prior: 0.9,
        pattern: LazyLock::new(|| {
            pattern(
                r"connection refused|connection reset by peer|i/o timeout|context deadline exceeded|TLS handshake timeout|no route to host|50[0-4] (?:Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time)|unexpected EOF|RegistryUnavailable|because the registry is unavailable",
            )
        }),
        cause: "its registry does not answer",
        advice: "Check the registry and the way to it. Pods recover by themselves when it answers again.",
        undo: true,
    },
    Rule {
        signature: "image.disk_full_on_pull",
        prior: 0.9,
        pattern: LazyLock::new(|| pattern(r"no space left on device")),
        cause: "the disk of the node is full",
        advice: "Free image space on the node, or cordon it.",
        undo: false,
    },
    Rule {
        signature: "image.not_found",
        prior: 0.95,
        pattern: LazyLock::new(|| {
            pattern(
                r": not found|(?i:manifest.unknown)|(?i:name.unknown)|repository \S+ not found|404 Not Found",
            )
        }),
        cause: "the registry has no such tag or repository",
        advice: "Push the tag, or correct the image reference.",
        undo: true,
    },
];

/// A container whose image cannot be had.
pub(super) fn diagnose(case: &Case<'_>) -> Option<Diagnosis> {
    case.spots().find_map(|spot| {
        let (reason, message) = spot.waiting()?;
        matches!(
            reason,
            "ErrImagePull"
                | "ImagePullBackOff"
                | "InvalidImageName"
                | "ErrImageNeverPull"
                | "ImageInspectError"
                | "RegistryUnavailable"
                | "SignatureValidationFailed"
        )
        .then(|| judge(case, spot, reason, message))
    })
}

fn judge(case: &Case<'_>, spot: Spot<'_>, reason: &str, message: &str) -> Diagnosis {
    let image = quote(&spot.container.image);
    let finding = |signature: &str, prior: f64, cause: &str| {
        Finding::new(
            case,
            Family::Image,
            signature,
            prior,
            format!("{} cannot get image {image}: {cause}.", spot.name()),
        )
        .fact(format!("pod {} waits: {reason}", spot.pod.name))
    };
    match reason {
        "InvalidImageName" => {
            return finding("image.invalid_name", 0.99, "this is not a valid image reference")
                .lines("the kubelet says", said(message))
                .advise("Correct the reference: upper case, blanks and unrendered template variables are the usual reasons.")
                .offer_undo(&["image"])
                .done();
        }
        "ErrImageNeverPull" => {
            return finding(
                "image.never_pull",
                0.9,
                "the pull policy is Never, and the image is not on the node (or the pod has no proven right to it)",
            )
            .lines("the kubelet says", said(message))
            .advise("Import the image on the node, or change imagePullPolicy.")
            .offer_undo(&["image"])
            .done();
        }
        "ImageInspectError" => {
            return finding(
                "image.inspect_error",
                0.8,
                "the runtime cannot read its copy of it",
            )
            .lines("the kubelet says", said(message))
            .advise("Repair the image store of the node.")
            .done();
        }
        _ => {}
    }
    // While it backs off, an older kubelet repeats nothing: the text of the pull is in the event then.
    let pulled = case.evidence.events.iter().rev().find(|event| {
        event.reason == "Failed"
            && event.about.name == spot.pod.name
            && event.note.starts_with("Failed to pull image")
    });
    let texts = [Some(message), pulled.map(|event| event.note.as_str())];
    let hit = texts.into_iter().flatten().find_map(|text| {
        let rule = RULES.iter().find(|rule| rule.pattern.is_match(text))?;
        Some((rule, text))
    });
    let Some((rule, text)) = hit.or_else(|| {
        let rule = RULES.iter().find(|rule| rule.pattern.is_match(reason))?;
        Some((rule, message))
    }) else {
        return finding("image.pull_failed", 0.95, "the pull fails")
            .unsure()
            .lines("the kubelet says", said(message))
            .advise("The kubelet's own words tell what went wrong.")
            .offer_undo(&["image"])
            .done();
    };
    let done = finding(rule.signature, rule.prior, rule.cause)
        .lines("the kubelet says", said(text))
        .advise(rule.advice);
    if rule.undo {
        done.offer_undo(&["image"]).done()
    } else {
        done.done()
    }
}

/// The useful end of a pull error: each layer of the runtime puts its own words before the cause.
fn said(text: &str) -> Vec<String> {
    if text.is_empty() {
        Vec::new()
    } else {
        vec![quote(text)]
    }
}
