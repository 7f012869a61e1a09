//! What the engine counts, and what it says in the log.
use super::Engine;
use crate::{
    domain::{
        action::ActionKind,
        incident::{State as Stage, Step},
        recovery::Verdict,
    },
    store::AuditHead,
    telemetry::Decided,
};
use serde_json::Value;

impl Engine {
    /// Says where the audit log ends, so that rows that are cut off are missed.
    pub(super) fn note_audit(&self, head: Option<AuditHead>) {
        if let Some(AuditHead { seq, hash }) = head {
            tracing::info!(rows = seq, hash, "audit.head");
            self.parts.metrics.audit_rows(seq);
        }
    }

    /// Counts what the audit says: the figures and the log can not differ.
    pub(super) fn measure(&self, result: &Step, what: &str, detail: &Value) {
        tracing::info!(incident = %result.incident.id, owner = %result.incident.owner, what, "{what}");
        let metrics = &self.parts.metrics;
        if what == "incident.closed" {
            // A closing that follows an execution has its verdict counted with that execution.
            if let Stage::Closed {
                verdict,
                execution: None,
                ..
            } = &result.incident.state
            {
                metrics.verdict(*verdict, None);
            }
            return;
        }
        let Some(kind) = detail["kind"].as_str().and_then(ActionKind::parse) else {
            return;
        };
        match what {
            "decision.approved" => metrics.decision(Decided::Approved, kind),
            "decision.first_approval" => metrics.decision(Decided::FirstApproval, kind),
            "decision.dismissed" => metrics.decision(Decided::Dismissed, kind),
            "decision.expired" => metrics.decision(Decided::Expired, kind),
            "click.refused" => metrics.decision(Decided::Refused, kind),
            "execution.result" => {
                let word = detail["result"]["is"].as_str().unwrap_or_default();
                let known = ["applied", "stale", "healed", "refused", "unknown"];
                metrics.execution(
                    kind,
                    known
                        .into_iter()
                        .find(|known| *known == word)
                        .unwrap_or("unknown"),
                );
            }
            "execution.verdict" => {
                let word = detail["verdict"].as_str().unwrap_or_default();
                if let Some(verdict) = Verdict::ALL
                    .into_iter()
                    .find(|verdict| verdict.as_str() == word)
                {
                    metrics.verdict(verdict, Some(kind));
                }
            }
            _ => {}
        }
    }
}
