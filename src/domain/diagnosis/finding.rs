//! Building a diagnosis: every family fills the same form, and the rules that hold for all are applied once, in [`Finding::done`].
use super::{
    Candidate, Case, Diagnosis, OFFER_FROM, Proof, Severity,
    look::{Spot, excerpt, tail},
    remedy, table,
};
use crate::domain::{
    family::Family,
    text::{clip, count, duration},
};

/// What the absence of the fact that tells two causes apart takes from the confidence.
const DISCRIMINATOR: f64 = 0.2;
/// What a gap in the evidence takes from it.
const GAP: f64 = 0.02;
/// More gaps than this take no more: rights that a cluster does not grant are missing in every incident.
const GAPS: usize = 2;
/// More than this an umbrella signature is never sure of.
const UMBRELLA: f64 = 0.6;
/// A text inside a sentence is cut here.
const QUOTE: usize = 240;

/// A diagnosis in the making.
pub(super) struct Finding<'c, 'a> {
    case: &'c Case<'a>,
    diagnosis: Diagnosis,
}

impl<'c, 'a> Finding<'c, 'a> {
    /// A signature that fits, with its prior confidence and the cause in words.
    pub fn new(
        case: &'c Case<'a>,
        family: Family,
        signature: &str,
        prior: f64,
        cause: impl Into<String>,
    ) -> Self {
        Self {
            case,
            diagnosis: Diagnosis {
                signature: signature.to_owned(),
                family,
                headline: family.headline().to_owned(),
                cause: cause.into(),
                proof: Vec::new(),
                severity: severity(case),
                confidence: prior,
                candidates: Vec::new(),
                advice: None,
                time_to_failure: None,
                details: Vec::new(),
            },
        }
    }

    /// Another headline than the family's.
    pub fn headline(mut self, text: &str) -> Self {
        self.diagnosis.headline = text.to_owned();
        self
    }

    /// A fact on the card.
    pub fn fact(mut self, text: impl Into<String>) -> Self {
        self.diagnosis.proof.push(Proof::Fact { text: text.into() });
        self
    }

    /// What proves another diagnosis that is the cause of this one.
    pub fn proof(mut self, proof: Vec<Proof>) -> Self {
        self.diagnosis.proof.extend(proof);
        self
    }

    /// Lines on the card; nothing if there are none.
    pub fn lines(mut self, title: impl Into<String>, lines: Vec<String>) -> Self {
        if !lines.is_empty() {
            self.diagnosis.proof.push(Proof::Log {
                title: title.into(),
                lines,
            });
        }
        self
    }

    /// The log of a container: around the line that tells, or its end.
    pub fn log(self, spot: Spot<'_>, telling: Option<usize>) -> Self {
        let log = self.case.log(spot);
        let lines = telling.map_or_else(|| tail(log), |index| excerpt(log, index));
        let name = &spot.container.name;
        let title = if spot.ended(self.case) {
            format!("last lines of {name} before it ended")
        } else {
            format!("log of {name}")
        };
        self.lines(title, lines)
    }

    /// How the container ended last and how often, and how long it ran.
    pub fn end(mut self, spot: Spot<'_>) -> Self {
        let Some(end) = spot.container.last_end() else {
            return self;
        };
        let mut text = format!(
            "{} of pod {}: exit code {}, reason {}",
            spot.name(),
            spot.pod.name,
            end.exit_code,
            end.reason
        );
        if spot.container.restarts > 0 {
            text += &format!(", {}", count(i64::from(spot.container.restarts), "restart"));
        }
        if let (Some(started), Some(finished)) = (end.started, end.finished)
            && finished >= started
        {
            let ran = finished.duration_since(started);
            text += &format!(", {} after its start", duration(ran));
            self.diagnosis.time_to_failure = Some(ran);
        }
        self.fact(text)
    }

    /// What a person should look at or do; sentences add up.
    pub fn advise(mut self, text: impl AsRef<str>) -> Self {
        let advice = self.diagnosis.advice.get_or_insert_default();
        if !advice.is_empty() {
            advice.push(' ');
        }
        advice.push_str(text.as_ref());
        self
    }

    /// A detail for those who want to know more.
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.diagnosis.details.push(text.into());
        self
    }

    /// The fact is missing that tells this cause from similar ones.
    pub fn unsure(mut self) -> Self {
        self.diagnosis.confidence -= DISCRIMINATOR;
        self
    }

    /// The cause is an umbrella for several.
    pub fn umbrella(mut self) -> Self {
        self.diagnosis.confidence = self.diagnosis.confidence.min(UMBRELLA);
        self
    }

    /// Another severity than availability suggests.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.diagnosis.severity = severity;
        self
    }

    /// An action that may help, if there is one; the best comes first.
    pub fn offer(mut self, candidate: Option<Candidate>) -> Self {
        self.diagnosis.candidates.extend(candidate);
        self
    }

    /// The undo of the newest revision, if it introduced the fault by changing one of these parts of the template (any part if
    /// none is named). Proof that it did makes the diagnosis surer than its log line alone.
    pub fn offer_undo(mut self, parts: &[&str]) -> Self {
        if let Some(undo) = remedy::undo(self.case, parts) {
            let diagnosis = &mut self.diagnosis;
            diagnosis.confidence = diagnosis.confidence.max(undo.certainty);
            diagnosis.proof.push(Proof::Fact { text: undo.fact });
            diagnosis.details.extend(undo.diff);
            diagnosis.candidates.push(undo.candidate);
        }
        self
    }

    /// Applies what holds for every diagnosis: gaps cost confidence, nothing is offered on a guess, and nothing that the table
    /// forbids; every action carries the warnings of the workload it changes.
    pub fn done(self) -> Diagnosis {
        let Self {
            case,
            mut diagnosis,
        } = self;
        diagnosis.confidence = (diagnosis.confidence
            - GAP * case.evidence.gaps.len().min(GAPS) as f64)
            .clamp(0.0, 1.0);
        for gap in &case.evidence.gaps {
            diagnosis
                .details
                .push(format!("Not read: {}", clip(gap, QUOTE)));
        }
        let (family, signature) = (diagnosis.family, diagnosis.signature.clone());
        let sure = diagnosis.confidence >= OFFER_FROM;
        diagnosis.candidates.retain(|candidate| {
            sure && table::permitted(family, &signature, candidate.action.kind()).is_ok()
        });
        for candidate in &mut diagnosis.candidates {
            remedy::warn(case, candidate);
        }
        if let Some(owner) = case
            .evidence
            .workload
            .as_ref()
            .and_then(|workload| workload.owner.as_ref())
        {
            diagnosis.details.push(format!(
                "It is made by {} {}, which may undo direct changes: Heal offers none.",
                owner.kind, owner.name
            ));
        }
        if let Some(workload) = &case.evidence.workload
            && workload.paused
            && workload.job.is_none()
        {
            diagnosis.details.push(
                "The rollout is paused: changes of the template do nothing until it is resumed."
                    .to_owned(),
            );
        }
        diagnosis
    }
}

/// How bad it is, by what is left available.
fn severity(case: &Case<'_>) -> Severity {
    match &case.evidence.workload {
        Some(workload) if workload.job.is_some() || workload.desired <= 0 => Severity::Warning,
        Some(workload) if workload.available <= 0 => Severity::Critical,
        Some(workload) if workload.available < workload.desired => Severity::Major,
        Some(_) => Severity::Warning,
        None => Severity::Major,
    }
}

/// A foreign text inside a sentence of ours: one line, no longer than a card can bear.
pub(super) fn quote(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    clip(&line.join(" "), QUOTE)
}
