//! `/heal forecast`: what fills up and when it will be killed, how good such forecasts were, and where the figures come from.
use super::{
    Message,
    block::Blocks,
    clean,
    listing::{Room, sections},
    mrkdwn::{Markup, markup},
    words,
};
use crate::domain::{
    anomaly::Unusual,
    forecast::{Boundary, Calibration, Outlook, Score, Series, Source, SourceHealth, Tier},
    object::ObjectRef,
    report::{Foresight, Rising},
    silence::Scope,
    text::{bytes, count, duration},
};
use crate::{ports::Notices, slack::commands};
use jiff::{SignedDuration, Timestamp};

/// Lines that are listed of each tier when nobody asked for all of a namespace.
const MAX_LISTED: usize = 12;
/// Units that the list of a tier may take where it is shown: with both, what is unusual, the score and the source below what a message may have.
const SHOWN: usize = 4_000;
/// The same for what is unusual.
const SHOWN_UNUSUAL: usize = 2_000;
/// Units that each list may take in the text of the message, which is for screen readers and is short.
const SPOKEN: usize = 1_200;
/// Units of the forecaster's sentence: it is cut only when it is not one of ours.
const WHY: usize = 220;
/// Figures older than this are called old.
const OLD: SignedDuration = SignedDuration::from_mins(5);

/// The answer.
pub fn foresight(foresight: &Foresight) -> Message {
    let (pages, notices): (Vec<&Rising>, Vec<&Rising>) = foresight
        .rising
        .iter()
        .partition(|rising| rising.outlook.tier == Tier::Page);
    let mut blocks = Blocks::default();
    let (header, summary) = summary(foresight, pages.len(), notices.len());
    blocks.header(header);
    blocks.section(summary.clone());
    let pages = of_tier("🔴 *Will be killed*", &pages);
    let notices = of_tier("🟡 *Rising, worth an eye*", &notices);
    let unusual = unusual(foresight.unusual.iter().map(|(one, muted)| (one, *muted)));
    let lines = match foresight.scope {
        None => MAX_LISTED,
        Some(_) => usize::MAX,
    };
    let mut text = summary;
    for (list, room) in [(pages, SHOWN), (notices, SHOWN), (unusual, SHOWN_UNUSUAL)] {
        list.tell(
            &mut blocks,
            &mut text,
            Room { lines, units: room },
            foresight.scope.as_ref(),
        );
    }
    let score = score(&foresight.score);
    blocks.section(score.clone());
    let source = source_or_none(foresight);
    blocks.context([
        source.clone(),
        markup!(
            "{} · as of {}",
            clean::cut(&foresight.cluster, 80),
            Markup::clock(foresight.now)
        ),
    ]);
    for part in [score, source] {
        if !part.is_empty() {
            text.line(part);
        }
    }
    Message::new(text, blocks)
}

/// " (`/heal forecast shop/*`)": what to write to see this owner, who was left out; nothing when that is what was asked for.
fn narrower(scope: Option<&Scope>, owner: &ObjectRef) -> Markup {
    let mut next = Scope::of(owner);
    if scope.is_none() {
        next.name = None;
    }
    if scope == Some(&next) {
        return Markup::default();
    }
    let command = format!("/heal forecast {}", commands::scope(&next));
    markup!(" ({})", Markup::code(&clean::cut(&command, 300)))
}

fn summary(foresight: &Foresight, pages: usize, notices: usize) -> (&'static str, Markup) {
    let mut cluster = markup!("{}", clean::cut(&foresight.cluster, 80));
    if let Some(scope) = &foresight.scope {
        let scope = clean::cut(&commands::scope(scope), 300);
        cluster = markup!("{} in {}", cluster, Markup::code(&scope));
    }
    match (pages, notices, &foresight.source) {
        (0, 0, None) => (
            "📈 No forecasts",
            markup!(
                "Forecasts are switched off on {}: no source of memory figures is configured.",
                cluster
            ),
        ),
        (0, 0, Some(health)) if is_blind(health, foresight.now) => (
            "⚠ Heal does not see the memory",
            markup!(
                "Nothing is forecast on {}, but that says little now:",
                cluster
            ),
        ),
        (0, 0, Some(_)) => (
            "✅ Nothing is running out of memory",
            markup!(
                "No container on {} is expected to reach its memory limit.",
                cluster
            ),
        ),
        (0, _, _) => (
            "📈 Memory is rising",
            markup!("No kill is near on {}; {} rising.", cluster, are(notices)),
        ),
        _ => (
            "📈 Kills are coming",
            markup!(
                "On {} {} expected to be killed at the memory limit{}.",
                cluster,
                are(pages),
                match notices {
                    0 => Markup::default(),
                    1 => Markup::own("; 1 more is rising"),
                    n => markup!("; {} more are rising", n),
                }
            ),
        ),
    }
}

/// There are no figures, or old ones.
fn is_blind(health: &SourceHealth, now: Timestamp) -> bool {
    health
        .last
        .is_none_or(|last| now.duration_since(last) > OLD)
}

/// "1 container is", "3 containers are"
fn are(n: usize) -> String {
    let verb = if n == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(n, "container"))
}

fn counted(n: usize, noun: &str) -> String {
    count(i64::try_from(n).unwrap_or(i64::MAX), noun)
}

/// Lines of one kind, each with what it is about.
struct List<'a> {
    heading: Markup,
    lines: Vec<Markup>,
    owners: Vec<&'a ObjectRef>,
}

impl List<'_> {
    /// Puts it into the blocks, within this room, and in short into the text. `scope` is what was asked about.
    fn tell(&self, blocks: &mut Blocks, text: &mut Markup, room: Room, scope: Option<&Scope>) {
        let hint = |left_out: usize| narrower(scope, self.owners[left_out]);
        let within = |room| sections(self.heading.clone(), &self.lines, room, hint);
        for part in within(room) {
            blocks.section(part);
        }
        let units = SPOKEN;
        for part in within(Room { units, ..room }) {
            text.line(part);
        }
    }
}

fn of_tier<'a>(heading: &'static str, rising: &[&'a Rising]) -> List<'a> {
    List {
        heading: markup!("{} ({})", Markup::own(heading), rising.len()),
        lines: rising.iter().map(|one| line(one)).collect(),
        owners: rising.iter().map(|one| &one.outlook.owner).collect(),
    }
}

/// The message that lists what rises or is unusual, and calls nobody.
pub fn notices(notices: &Notices) -> Message {
    let mut blocks = Blocks::default();
    if notices.is_empty() {
        return Message::paragraph(Markup::own(
            "✅ Nothing of what was listed here rises or is unusual any more, or it has a card of its own.",
        ));
    }
    let rising = List {
        heading: Markup::own("🟡 *Memory is rising; no kill is near enough to call anybody*"),
        lines: notices
            .rising
            .iter()
            .map(|one| markup!("• {}", outlook(one)))
            .collect(),
        owners: notices.rising.iter().map(|one| &one.owner).collect(),
    };
    let unusual = unusual(notices.unusual.iter().map(|one| (one, false)));
    let mut text = Markup::default();
    for list in [rising, unusual] {
        let room = Room {
            lines: MAX_LISTED,
            units: SHOWN,
        };
        list.tell(&mut blocks, &mut text, room, None);
    }
    blocks.context([Markup::own(
        "Kept up to date, posted anew once a day at most. `/heal forecast` lists everything.",
    )]);
    Message::new(text, blocks)
}

/// What is not as usual: "• shop/checkout: CPU is at 82 % of its limit; usual at this hour is 18 % to 35 % · since 04:50"
fn unusual<'a>(all: impl Iterator<Item = (&'a Unusual, bool)>) -> List<'a> {
    let (owners, lines): (Vec<&ObjectRef>, Vec<Markup>) = all
        .flat_map(|(one, muted)| {
            one.anomalies
                .iter()
                .map(move |anomaly| (one, anomaly, muted))
        })
        .map(|(one, anomaly, muted)| {
            let mut line = markup!(
                "• *{}*: {}",
                words::short(&one.owner),
                clean::cut(&clean::line(&anomaly.why), 200)
            );
            if let Ok(since) = Timestamp::from_second(anomaly.since as i64) {
                line = markup!("{} · since {}", line, Markup::clock(since));
            }
            if muted {
                line = markup!("{} · 🔕 silenced", line);
            }
            (&one.owner, line)
        })
        .unzip();
    List {
        heading: markup!("🔎 *Unusual* ({})", lines.len()),
        lines,
        owners,
    }
}

/// One container: "• shop/checkout app: about 04:50 (04:10 – 06:20), P 0.93 · 78 % of 512Mi · rising 3.1 MiB/min for 3 h · H17"
fn line(rising: &Rising) -> Markup {
    let mut text = markup!("• {}", outlook(&rising.outlook));
    if let Some((id, _)) = &rising.incident {
        text = markup!("{} · *{}*", text, *id);
    }
    if rising.muted {
        text = markup!("{} · 🔕 silenced", text);
    }
    text
}

/// A forecast as one line, without a bullet.
pub fn outlook(outlook: &Outlook) -> Markup {
    let mut text = markup!("*{}*", words::short(&outlook.owner));
    if !outlook.container.is_empty() {
        text = markup!(
            "{} {}",
            text,
            clean::cut(&clean::line(&outlook.container), 64)
        );
    }
    if let Some(when) = outlook.when {
        text = markup!(
            "{}: about {} ({} – {}), P {}",
            text,
            Markup::clock(when.median),
            Markup::clock(when.earliest),
            Markup::clock(when.latest),
            format!("{:.2}", outlook.p)
        );
    }
    let of = match outlook.boundary {
        Boundary::Limit => "",
        Boundary::Node => " of the node",
    };
    let text = markup!(
        "{} · {} of {}{} · {}",
        text,
        percent(outlook.used as f64, outlook.limit as f64),
        bytes(outlook.limit),
        Markup::own(of),
        clean::cut(&clean::line(&outlook.why), WHY)
    );
    if outlook.leak_proved {
        markup!("{} · leak proved", text)
    } else {
        text
    }
}

fn percent(part: f64, whole: f64) -> String {
    format!("{:.0} %", 100.0 * part / whole.max(1.0))
}

/// "The last 30 days: 12 forecasts, …"
fn score(score: &Score) -> Markup {
    let mut text = Markup::own("*The last 30 days*");
    if score.made + score.misses == 0 {
        text.line(Markup::own("No forecast has ended yet, and no kill came."));
        return text;
    }
    text.line(markup!(
        "{} told: {} right, {} wrong, {} withdrawn ({} of them because an approved fix prevented the kill).",
        count(i64::from(score.made), "forecast"),
        score.right(),
        score.falses,
        score.withdrawn,
        score.averted
    ));
    let kills = score.hits + score.misses;
    if kills == 0 {
        text.line(Markup::own("No kill came."));
    } else {
        text.line(markup!(
            "{}, {} foreseen, {} missed.",
            count(i64::from(kills), "kill"),
            score.hits,
            score.misses
        ));
    }
    if let Some(median) = score.median_lead() {
        let of = |seconds: i64| duration(SignedDuration::from_secs(seconds));
        let shortest = score.leads.first().copied().unwrap_or(median);
        text.line(markup!(
            "Told {} before (median), at least {}. The 90 % interval held for {} of {}.",
            of(median),
            of(shortest),
            score.covered,
            score.right()
        ));
    }
    if let Some(learned) = learned(&score.calibration) {
        text.line(learned);
    }
    text
}

/// "Intervals are widened by 1.2, from 14 recorded kills."; nothing when next to nothing is corrected.
fn learned(calibration: &Calibration) -> Option<Markup> {
    let widening = calibration.correction.widening;
    let width = ((widening - 1.0).abs() >= 0.05).then(|| {
        let word = if widening > 1.0 {
            "widened"
        } else {
            "narrowed"
        };
        let by = widening.max(1.0 / widening);
        let kills = count(i64::from(calibration.kills), "recorded kill");
        format!("Intervals are {word} by {by:.1}, from {kills}.")
    });
    let p = calibration.correction.probability(0.9);
    let sureness = ((p - 0.9).abs() >= 0.03).then(|| {
        let told = calibration.right + calibration.wrong;
        let came = calibration.right;
        format!("What would be P 0.90 is told as {p:.2}: {came} of {told} told came true.")
    });
    let all: Vec<String> = [width, sureness].into_iter().flatten().collect();
    (!all.is_empty()).then(|| markup!("{}", all.join(" ")))
}

fn source_or_none(foresight: &Foresight) -> Markup {
    foresight
        .source
        .as_ref()
        .map_or_else(Markup::default, |health| source(health, foresight.now))
}

/// Where memory figures come from, and how fresh they are.
pub fn source(health: &SourceHealth, now: Timestamp) -> Markup {
    let name = health.source.map(|source| match source {
        Source::Prometheus => "Prometheus",
        Source::PrometheusWorkingSet => {
            "Prometheus, without a measure of the page cache (less certain)"
        }
        Source::MetricsApi => "metrics.k8s.io (less certain)",
    });
    let mut text = match (name, health.last) {
        (Some(name), Some(last)) => {
            let age = now.duration_since(last);
            let sign = if age > OLD { "⚠️ " } else { "" };
            let mut text = markup!(
                "{}Memory figures: {}, {} old, of {}",
                Markup::own(sign),
                Markup::own(name),
                duration(age),
                count(
                    i64::try_from(health.containers).unwrap_or(i64::MAX),
                    "container"
                )
            );
            if health.missing > 0 {
                text = markup!("{}; {} have none", text, health.missing);
            }
            markup!("{}.", text)
        }
        _ => Markup::own("⚠️ Memory figures: none yet."),
    };
    if let Some(of) = health
        .unwatched_of
        .as_ref()
        .filter(|_| health.unwatched > 0)
    {
        let verb = if health.unwatched == 1 { "is" } else { "are" };
        text = markup!(
            "{} ⚠️ {} {} not watched, for example of {}: of one workload Heal watches {} at most.",
            text,
            count(
                i64::try_from(health.unwatched).unwrap_or(i64::MAX),
                "container"
            ),
            Markup::own(verb),
            clean::cut(&format!("{}/{}", of.namespace, of.name), 120),
            Series::MOST
        );
    }
    if let Some(error) = &health.error {
        text = markup!("{} ⚠️ {}", text, words::sentence(error, 300));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        anomaly::{Anomaly, Metric, Side},
        object::ObjectRef,
    };

    #[test]
    fn what_is_unusual_is_a_line_each_with_its_reason() {
        let anomaly = |metric, why: &str| Anomaly {
            metric,
            since: 1_790_000_000.0,
            level: 0.82,
            usual: (0.18, 0.35),
            side: Side::High,
            why: why.to_owned(),
        };
        let unusual = Unusual {
            at: Timestamp::UNIX_EPOCH,
            owner: ObjectRef::new("Deployment", "shop", "checkout", "u1"),
            anomalies: vec![
                anomaly(
                    Metric::Cpu,
                    "CPU is at 82 % of its limit; usual at this hour is 18 % to 35 %",
                ),
                anomaly(
                    Metric::Restarts,
                    "4 restarts in the last 60 min (3 × Error, 1 × OOMKilled); usual is none",
                ),
            ],
        };
        let message = notices(&Notices {
            rising: Vec::new(),
            unusual: vec![unusual],
        });
        insta::assert_snapshot!(message.text, @r"
        🔎 Unusual (2)
        • shop/checkout: CPU is at 82 % of its limit; usual at this hour is 18 % to 35 % · since <!date^1790000000^{time}|14:13 UTC>
        • shop/checkout: 4 restarts in the last 60 min (3 × Error, 1 × OOMKilled); usual is none · since <!date^1790000000^{time}|14:13 UTC>
        ");
    }
}
