//! What is said about a forecast: on the card, in its text, and instead of the picture.
use super::{
    block::Blocks,
    clean,
    mrkdwn::{Markup, markup},
    words,
};
use crate::domain::{
    family::Family,
    forecast::{Boundary, Outlook, Source, When},
    incident::{Incident, State},
    object::Kind,
    text::{duration, size},
};
use jiff::{SignedDuration, Timestamp};

/// Below this share of what it claims to know, "in the last 10 min" would sound like more than it is.
const WORTH_TELLING: SignedDuration = SignedDuration::from_hours(1);

/// What a forecast is for its incident now.
#[derive(Clone, Copy)]
enum Role<'a> {
    /// A kill is expected.
    Standing(&'a Outlook, When),
    /// It was expected, and now something is being done about it.
    Handled(&'a Outlook, When),
    /// None is, any more.
    Over(&'a Outlook),
    /// The kill came.
    Came(&'a Outlook, When),
}

fn role(incident: &Incident) -> Option<Role<'_>> {
    let outlook = incident.forecast.as_deref()?;
    Some(match (incident.family, outlook.when) {
        // The real trouble has its own card; that it was foreseen is a line on it.
        (family, when) if family != Family::Forecast => Role::Came(outlook, when?),
        (_, Some(when)) if incident.execution().is_some() => Role::Handled(outlook, when),
        (_, Some(when)) => Role::Standing(outlook, when),
        (_, None) => Role::Over(outlook),
    })
}

/// Whether the incident is about something that has not happened.
pub fn is_ahead(incident: &Incident) -> bool {
    matches!(
        role(incident),
        Some(Role::Standing(..) | Role::Handled(..) | Role::Over(_))
    )
}

/// The forecast on a card: when, why, and the picture, if there is one (`picture` is its file's id). Nothing when the incident
/// has none.
pub fn part(blocks: &mut Blocks, incident: &Incident, picture: Option<&str>) {
    let Some(role) = role(incident) else { return };
    let outlook = match role {
        Role::Standing(outlook, when) => {
            let mut text = expected(outlook, when);
            text.line(evidence(outlook));
            if let Some(caveat) = caveat(outlook) {
                text.line(markup!("⚠️ {}", caveat));
            }
            blocks.section(text.clip(2_000));
            outlook
        }
        Role::Handled(outlook, when) => {
            blocks.section(markup!(
                "As of {}: {} expected at {} ({} – {}), P\u{a0}=\u{a0}{}.",
                Markup::clock(outlook.at),
                Markup::own(what(outlook)),
                Markup::clock(when.median),
                Markup::clock(when.earliest),
                Markup::clock(when.latest),
                probability(outlook.p)
            ));
            outlook
        }
        Role::Over(outlook) => {
            blocks.section(markup!(
                "📉 *No kill is in sight any more.* {}",
                level(outlook).capitalised()
            ));
            outlook
        }
        Role::Came(outlook, when) => {
            blocks.section(came(outlook, when));
            outlook
        }
    };
    if let Some(file) = picture {
        blocks.image(file, &alt(outlook));
    }
}

/// "Deployment shop/checkout will be OOM-killed in 1 h 50 min (1 h 10 min – 2 h 50 min), P = 0.93 (cluster prod-eu, as of 03:12
/// UTC)", for the top-level text; `None` when nothing is expected.
pub fn headline(incident: &Incident) -> Option<Markup> {
    let Role::Standing(outlook, when) = role(incident)? else {
        return None;
    };
    let left = |until| left(outlook, until);
    Some(markup!(
        "{} {} {} in {} ({} – {}), P = {} (cluster {}, as of {})",
        clean::cut(incident.owner.kind.as_str(), 63),
        words::short(&incident.owner),
        Markup::own(will(outlook)),
        left(when.median),
        left(when.earliest),
        left(when.latest),
        probability(outlook.p),
        clean::cut(&incident.cluster, 80),
        utc(outlook.at)
    ))
}

/// The same as the card's part, as sentences for the top-level text. Ends with a space, unless it is empty.
pub fn spoken(incident: &Incident) -> Markup {
    match role(incident) {
        None => Markup::default(),
        Some(Role::Standing(outlook, when)) => {
            let mut text = markup!(
                "Expected at {}, with 90 % between {} and {}. {}",
                utc(when.median),
                utc(when.earliest),
                utc(when.latest),
                evidence(outlook)
            );
            if let Some(caveat) = caveat(outlook) {
                text = markup!("{} {}", text, caveat);
            }
            markup!("{} ", text)
        }
        Some(Role::Handled(outlook, when)) => markup!(
            "As of {}: {} expected between {} and {}. ",
            utc(outlook.at),
            Markup::own(what(outlook)),
            utc(when.earliest),
            utc(when.latest)
        ),
        Some(Role::Over(outlook)) => {
            markup!(
                "No kill is in sight any more. {} ",
                level(outlook).capitalised()
            )
        }
        Some(Role::Came(outlook, when)) => markup!(
            "It was forecast at {}: expected between {} and {}. ",
            utc(outlook.at),
            utc(when.earliest),
            utc(when.latest)
        ),
    }
}

fn what(outlook: &Outlook) -> &'static str {
    match outlook.boundary {
        Boundary::Limit => "OOM kill",
        Boundary::Node => "eviction",
    }
}

fn will(outlook: &Outlook) -> &'static str {
    match outlook.boundary {
        Boundary::Limit => "will be OOM-killed",
        Boundary::Node => "will run out of memory and evict pods",
    }
}

/// "`checkout` (Deployment, `shop`) will be OOM-killed in *1 h 50 min* (1 h 10 min – 2 h 50 min), P = 0.93, as of 03:12.
/// That is at *05:02* (04:22 – 06:02); counted down: in 1 hour." Within one minute the times in brackets say nothing, and are left out.
fn expected(outlook: &Outlook, when: When) -> Markup {
    let owner = &outlook.owner;
    let name = Markup::code(&clean::cut_middle(&clean::line(&owner.name), 64));
    let kind = clean::cut(owner.kind.as_str(), 63);
    let who = match (&owner.kind, owner.namespace.is_empty()) {
        (Kind::Node, _) | (_, true) => markup!("{} {}", kind, name),
        (_, false) => {
            let namespace = clean::cut_middle(&clean::line(&owner.namespace), 32);
            markup!("{} ({}, {})", name, kind, Markup::code(&namespace))
        }
    };
    let left = |until| left(outlook, until);
    let mut text = markup!(
        "{} {} in *{}* ({} – {}), P\u{a0}=\u{a0}{}, as of {}.",
        who,
        Markup::own(will(outlook)),
        left(when.median),
        left(when.earliest),
        left(when.latest),
        probability(outlook.p),
        Markup::clock(outlook.at)
    );
    let minute = |at: Timestamp| at.as_second().div_euclid(60);
    let window = if minute(when.earliest) == minute(when.latest) {
        Markup::default()
    } else {
        markup!(
            " ({} – {})",
            Markup::clock(when.earliest),
            Markup::clock(when.latest)
        )
    };
    // What Slack counts down by itself is coarse ("in 1 hour" until it is two), but right however late the card is read.
    text.line(markup!(
        "That is at *{}*{}; counted down: {}.",
        Markup::clock(when.median),
        window,
        Markup::until(when.median, &format!("in {}", left(when.median)))
    ));
    text
}

/// "1 h 50 min": from when the forecast was made.
fn left(outlook: &Outlook, until: Timestamp) -> String {
    duration(about(until.duration_since(outlook.at)))
}

/// "Rising 3.1 MiB/min for 3 h 20 min; now 439 MiB, 86 % of the limit of 512 MiB. In the 7 d before, never above 71 %."
/// What the diagnosis says (replicas, earlier kills, the program's own cap) is not said here.
fn evidence(outlook: &Outlook) -> Markup {
    let mut text = markup!(
        "Rising {} for {}; {}",
        rate(outlook.rate),
        duration(about(outlook.at.duration_since(outlook.rising_since))),
        level(outlook)
    );
    if let Some(territory) = territory(outlook) {
        text = markup!("{} {}", text, territory);
    }
    if outlook.replicas > 1 && outlook.boundary == Boundary::Limit {
        let pod = clean::cut_middle(&clean::line(&outlook.pod.name), 64);
        text = markup!(
            "{} Of {} replicas {} is the fullest.",
            text,
            outlook.replicas,
            Markup::code(&pod)
        );
    }
    text
}

/// Whether a fact of the diagnosis only repeats what the card's part about the forecast says in figures.
pub fn repeats(incident: &Incident, fact: &str) -> bool {
    let why = incident.forecast.as_ref().map(|outlook| outlook.why.trim());
    why.is_some_and(|why| !why.is_empty() && is_ahead(incident) && fact.contains(why))
}

/// "now 439 MiB, 86 % of the limit of 512 MiB."
fn level(outlook: &Outlook) -> Markup {
    let what = match outlook.boundary {
        Boundary::Limit => "of the limit of",
        Boundary::Node => "of the level at which the node evicts pods,",
    };
    match percent(outlook.used, outlook.limit) {
        Some(share) => markup!(
            "now {}, {} {} {}.",
            size(outlook.used),
            share,
            Markup::own(what),
            size(outlook.limit)
        ),
        None => markup!("now {}.", size(outlook.used)),
    }
}

/// What is known of this level: the strongest sign there is.
fn territory(outlook: &Outlook) -> Option<Markup> {
    let known = outlook.at.duration_since(outlook.known_since);
    if known < WORTH_TELLING {
        return None;
    }
    let span = duration(about(known));
    let survived = outlook.survived.filter(|level| *level > 0)?;
    let share = percent(survived, outlook.limit)?;
    Some(if survived < outlook.used {
        markup!("In the {} before, never above {}.", span, share)
    } else {
        markup!("In the {} before, it lived through {}.", span, share)
    })
}

/// What makes the figures less certain.
fn caveat(outlook: &Outlook) -> Option<Markup> {
    match outlook.source {
        Source::Prometheus => None,
        Source::PrometheusWorkingSet => Some(Markup::own(
            "Measured as working set: some of it may be page cache, which the kernel takes back before it kills.",
        )),
        Source::MetricsApi => Some(Markup::own(
            "Measured by the metrics API: it has no history, and some of it may be page cache, which the kernel takes back before it kills.",
        )),
    }
}

/// The kill that was foreseen has come.
fn came(outlook: &Outlook, when: When) -> Markup {
    markup!(
        "🔮 *This was forecast* at {}: expected at {} ({} – {}), P\u{a0}=\u{a0}{}.",
        Markup::clock(outlook.at),
        Markup::clock(when.median),
        Markup::clock(when.earliest),
        Markup::clock(when.latest),
        probability(outlook.p)
    )
}

/// What a screen reader says instead of the picture: all that can be seen on it.
pub fn alt(outlook: &Outlook) -> String {
    let owner = words::short(&outlook.owner);
    let container = clean::cut(&clean::line(&outlook.container), 63);
    let what = match (outlook.boundary, container.is_empty()) {
        (Boundary::Node, _) => format!("memory of node {owner}"),
        (_, true) => format!("memory of {owner}"),
        (_, false) => format!("memory of {container} in {owner}"),
    };
    let mut text = format!(
        "Chart: {what}, {} at {}",
        size(outlook.used),
        clock(outlook.at)
    );
    if let Some(first) = outlook.chart.past.first()
        && let Ok(from) = Timestamp::from_second(first.t)
    {
        text += &format!(", {} at {}", size(first.mean), clock(from));
    }
    if outlook.limit > 0 {
        text += &match outlook.boundary {
            Boundary::Limit => format!(". The limit is {}", size(outlook.limit)),
            Boundary::Node => format!(". The node evicts pods at {}", size(outlook.limit)),
        };
    }
    if let Some(level) = outlook.survived.filter(|level| *level > 0) {
        text += &format!("; {} was survived before", size(level));
    }
    text += &match outlook.when {
        Some(when) => format!(
            ". The expected path reaches it at {}; the kill is most likely between {} and {}.",
            clock(when.median),
            clock(when.earliest),
            clock(when.latest)
        ),
        None => ". No kill is expected.".to_owned(),
    };
    text
}

/// The title of the picture in the thread.
pub fn picture_title(outlook: &Outlook) -> String {
    let owner = words::short(&outlook.owner);
    format!("Memory of {owner}, {}", clock(outlook.at))
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M UTC").to_string()
}

fn utc(at: Timestamp) -> Markup {
    Markup::plain(&clock(at))
}

fn probability(p: f64) -> String {
    // Nothing about the future is certain.
    format!("{:.2}", p.clamp(0.0, 0.99))
}

fn percent(part: u64, whole: u64) -> Option<String> {
    (whole > 0).then(|| format!("{:.0} %", part as f64 / whole as f64 * 100.0))
}

/// "3.1 MiB/min": per minute, or per hour when that is easier to imagine. To two digits: it is not known better.
pub fn rate(bytes_per_second: f64) -> String {
    const UNITS: [(f64, &str); 3] = [
        ((1u64 << 30) as f64, "GiB"),
        ((1u64 << 20) as f64, "MiB"),
        (1024.0, "KiB"),
    ];
    // What is not a number is not a growth, either.
    let known = Some(bytes_per_second).filter(|rate| !rate.is_nan());
    let per_minute = known.unwrap_or(0.0).clamp(0.0, 1e15) * 60.0;
    let (amount, time) = if per_minute >= UNITS[1].0 / 2.0 {
        (per_minute, "min")
    } else {
        (per_minute * 60.0, "h")
    };
    let fits = UNITS.iter().find(|(unit, _)| amount >= unit / 2.0);
    let (unit, name) = fits.copied().unwrap_or((1024.0, "KiB"));
    let value = amount / unit;
    let digits = match value {
        0.0 => 0,
        ..0.995 => 2,
        ..9.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {name}/{time}")
}

/// A span to the accuracy that is of use, so that a card does not change every minute: to 5 min below an hour, to 10 above, to
/// hours above ten, to days above two.
fn about(span: SignedDuration) -> SignedDuration {
    let seconds = span.as_secs().max(0);
    let grain = match seconds {
        ..120 => return SignedDuration::from_secs(seconds),
        120..600 => 60,
        600..3_600 => 300,
        3_600..36_000 => 600,
        36_000..172_800 => 3_600,
        _ => 86_400,
    };
    SignedDuration::from_secs((seconds + grain / 2) / grain * grain)
}

/// Whether the picture belongs on the card: while something is still to be decided or followed.
pub fn wants_picture(incident: &Incident) -> bool {
    incident.forecast.is_some() && !matches!(incident.state, State::Closed { .. })
}
