//! Slack's text format, as a type. A [`Markup`] can only be made of Heal's own literals and of foreign text that was escaped
//! on its way in, so text from a cluster can neither mention people nor forge links nor break out of its place.
use super::clean::{self, units};
use jiff::Timestamp;

/// Text that may stand in a Slack message as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markup(String);

/// `markup!("{} of {}", n, name)`: the literal is Heal's own markup, every part is escaped unless it is [`Markup`] already.
macro_rules! markup {
    ($template:literal $(, $part:expr)* $(,)?) => {
        $crate::slack::render::mrkdwn::Markup::fill(
            $template,
            &[$($crate::slack::render::mrkdwn::Part::part(&$part)),*],
        )
    };
}
pub(crate) use markup;

/// What can be put into a hole of `markup!`.
pub trait Part {
    /// As markup; escaped, if it was not markup before.
    fn part(&self) -> Markup;
}

impl Part for Markup {
    fn part(&self) -> Markup {
        self.clone()
    }
}

impl Part for str {
    fn part(&self) -> Markup {
        Markup::plain(self)
    }
}

impl Part for String {
    fn part(&self) -> Markup {
        Markup::plain(self)
    }
}

impl<T: Part + ?Sized> Part for &T {
    fn part(&self) -> Markup {
        (**self).part()
    }
}

macro_rules! as_displayed {
    ($($kind:ty),*) => { $(impl Part for $kind {
        fn part(&self) -> Markup {
            Markup::plain(&self.to_string())
        }
    })* };
}
as_displayed!(
    u8,
    u32,
    u64,
    i64,
    usize,
    crate::domain::incident::IncidentId
);

impl Markup {
    /// Heal's own words, which may contain formatting.
    pub fn own(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// Foreign text on one line, with nothing in it that means anything to Slack.
    pub fn plain(text: &str) -> Self {
        Self(escape(&calm(&clean::line(text))))
    }

    /// Foreign text as a code span, which it cannot leave.
    pub fn code(text: &str) -> Self {
        let line = clean::line(text).replace('`', "'");
        if line.is_empty() {
            return Self::own("(empty)");
        }
        Self(format!("`{}`", escape(&line)))
    }

    /// A person, by Slack user id. Anything that does not look like an id stays text.
    pub fn user(id: &str) -> Self {
        if is_id(id) {
            Self(format!("<@{id}>"))
        } else {
            Self::plain(id)
        }
    }

    /// A channel, by its id.
    pub fn channel(id: &str) -> Self {
        if is_id(id) {
            Self(format!("<#{id}>"))
        } else {
            Self::plain(id)
        }
    }

    /// The time of day, in the reader's own time zone.
    pub fn clock(at: Timestamp) -> Self {
        date(at, "{time}", "%H:%M UTC")
    }

    /// How long ago alone, kept current by the reader's Slack.
    pub fn age(at: Timestamp) -> Self {
        date(at, "{ago}", "since %H:%M UTC")
    }

    /// How far ahead, counted down by the reader's Slack; `otherwise` is for where it is not drawn.
    pub fn until(at: Timestamp, otherwise: &str) -> Self {
        Self(format!(
            "<!date^{}^{{ago}}|{}>",
            at.as_second(),
            escape(&clean::line(otherwise)).replace('|', "/")
        ))
    }

    /// The time of day and how long ago, kept current by the reader's Slack.
    pub fn ago(at: Timestamp) -> Self {
        date(at, "{time} ({ago})", "%H:%M UTC")
    }

    /// Day and time of day, in the reader's own time zone.
    pub fn day_and_clock(at: Timestamp) -> Self {
        date(at, "{date_short_pretty}, {time}", "%Y-%m-%d %H:%M UTC")
    }

    /// Text that Heal's other parts made, with mentions of those who may help in it. Mentions of users and groups stay alive,
    /// everything else is escaped (what is escaped already stays so), and a code span is only left open when it closes again.
    pub fn with_mentions(text: &str) -> Self {
        let mut text = clean::line(text);
        if text.contains("``") || text.matches('`').count() % 2 == 1 {
            text = text.replace('`', "'");
        }
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some(start) = rest.find('<') {
            let (before, from) = rest.split_at(start);
            out.push_str(&escape_once(before));
            let token = from.find('>').map(|end| &from[..=end]);
            match token.filter(|token| is_mention(token)) {
                Some(token) => {
                    out.push_str(token);
                    rest = &from[token.len()..];
                }
                None => {
                    out.push_str("&lt;");
                    rest = &from[1..];
                }
            }
        }
        out.push_str(&escape_once(rest));
        Self(out)
    }

    /// The parts with something of Heal's own between them.
    pub fn join(parts: &[Markup], between: &'static str) -> Self {
        let texts: Vec<&str> = parts.iter().map(Markup::as_str).collect();
        Self(texts.join(between))
    }

    /// Fills the holes (`{}`) of Heal's own template. Used through `markup!`.
    pub fn fill(template: &'static str, parts: &[Markup]) -> Self {
        debug_assert_eq!(
            template.matches("{}").count(),
            parts.len(),
            "holes of {template:?}"
        );
        let mut pieces = template.split("{}");
        let mut out = pieces.next().unwrap_or_default().to_owned();
        for (index, piece) in pieces.enumerate() {
            out.push_str(parts.get(index).map_or("", Markup::as_str));
            out.push_str(piece);
        }
        Self(out)
    }

    /// Adds a line.
    pub fn line(&mut self, line: Markup) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(&line.0);
    }

    /// At most `limit` units; never cut inside a token, an entity or a code span.
    pub fn clip(self, limit: usize) -> Self {
        if units(&self.0) <= limit {
            return self;
        }
        let room = limit.saturating_sub(1);
        let (mut out, mut used, mut rest) = (String::new(), 0, self.0.as_str());
        while let Some(whole) = first_whole(rest) {
            used += units(whole);
            if used > room {
                break;
            }
            out.push_str(whole);
            rest = &rest[whole.len()..];
        }
        out.push('…');
        Self(out)
    }

    /// With a capital letter in front, as sentences begin.
    pub fn capitalised(self) -> Self {
        let mut chars = self.0.chars();
        match chars.next() {
            Some(first) if first.is_ascii_lowercase() => {
                Self(format!("{}{}", first.to_ascii_uppercase(), chars.as_str()))
            }
            _ => self,
        }
    }

    /// Without bold marks, for places where a machine reads it out. Only Heal's own marks are left to be found: foreign stars
    /// became look-alikes, except in code spans, which stay.
    pub fn spoken(self) -> Self {
        let mut in_code = false;
        let keep = |c: &char| {
            in_code ^= *c == '`';
            in_code || *c != '*'
        };
        Self(self.0.chars().filter(keep).collect())
    }

    /// Without any text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As Slack gets it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As Slack gets it.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Slack asks for exactly these three.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn escape_once(text: &str) -> String {
    escape(text)
        .replace("&amp;lt;", "&lt;")
        .replace("&amp;gt;", "&gt;")
        .replace("&amp;amp;", "&amp;")
}

/// mrkdwn knows no way to quote its formatting characters, so where they could act they give way to look-alikes. Exact text
/// (commands, logs, diffs) never comes through here: it stands in preformatted blocks.
fn calm(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let wordy = |index: Option<usize>| {
        index
            .and_then(|index| chars.get(index))
            .is_some_and(|c| c.is_alphanumeric() || *c == '_')
    };
    chars
        .iter()
        .enumerate()
        .map(|(index, c)| match c {
            '`' => '\'',
            '*' => '∗',
            '~' => '∼',
            '_' if !(wordy(index.checked_sub(1)) && wordy(Some(index + 1))) => 'ˍ',
            ':' if begins_emoji(&chars[index..]) => '∶',
            c => *c,
        })
        .collect()
}

/// `:name:`, which Slack would draw as a picture: a hostile `:white_check_mark:` must not look like Heal's own.
fn begins_emoji(chars: &[char]) -> bool {
    let name: Vec<char> = chars[1..]
        .iter()
        .copied()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '\''))
        .collect();
    chars.get(1 + name.len()) == Some(&':')
        && name
            .iter()
            .any(|c| c.is_ascii_alphabetic() || *c == '+' || *c == '-')
}

fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 32
        && id
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

fn is_mention(token: &str) -> bool {
    let inner = token.trim_start_matches('<').trim_end_matches('>');
    inner
        .strip_prefix('@')
        .or_else(|| inner.strip_prefix("!subteam^"))
        .is_some_and(is_id)
}

fn date(at: Timestamp, format: &str, fallback: &str) -> Markup {
    Markup(format!(
        "<!date^{}^{format}|{}>",
        at.as_second(),
        at.strftime(fallback)
    ))
}

/// The first piece of markup that has to stay whole.
fn first_whole(text: &str) -> Option<&str> {
    let first = text.chars().next()?;
    let end = match first {
        '<' => text.find('>').map(|end| end + 1),
        '&' => text.find(';').map(|end| end + 1),
        '`' => text[1..].find('`').map(|end| end + 2),
        _ => None,
    };
    text.get(..end.unwrap_or(first.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn foreign_text_cannot_mention_link_or_format() {
        insta::assert_snapshot!(Markup::plain("<!channel> <@U1> <https://x|y> a & b").as_str(), @"&lt;!channel&gt; &lt;@U1&gt; &lt;https://x|y&gt; a &amp; b");
        insta::assert_snapshot!(Markup::plain("*bold* _it_ ~no~ `code` SNAKE_CASE :fire: 10:30:45").as_str(), @"∗bold∗ ˍitˍ ∼no∼ 'code' SNAKE_CASE ∶fire: 10:30:45");
        insta::assert_snapshot!(Markup::code("a`b\n``` <c>").as_str(), @"`a'b ''' &lt;c&gt;`");
        insta::assert_snapshot!(Markup::user("U0ABC").as_str(), @"<@U0ABC>");
        insta::assert_snapshot!(Markup::user("U1> <!here").as_str(), @"U1&gt; &lt;!here");
    }

    #[test]
    fn mentions_of_those_who_may_help_stay_alive_and_nothing_else() {
        insta::assert_snapshot!(Markup::with_mentions("Ask <@U1>, <!subteam^S1>. <!here> <@u|x> a<b &lt;c&gt; R&D").as_str(), @"Ask <@U1>, <!subteam^S1>. &lt;!here&gt; &lt;@u|x&gt; a&lt;b &lt;c&gt; R&amp;D");
    }

    #[test]
    fn what_is_read_out_has_no_bold_marks() {
        let text = markup!("*Silenced:* {} until {}", Markup::code("shop/*"), "*").spoken();
        insta::assert_snapshot!(text.as_str(), @"Silenced: `shop/*` until ∗");
    }

    #[test]
    fn dates_fall_back_to_utc() {
        let at: Timestamp = "2026-11-21T03:12:09Z".parse().unwrap();
        insta::assert_snapshot!(Markup::clock(at).as_str(), @"<!date^1795230729^{time}|03:12 UTC>");
        insta::assert_snapshot!(Markup::day_and_clock(at).as_str(), @"<!date^1795230729^{date_short_pretty}, {time}|2026-11-21 03:12 UTC>");
    }

    #[test]
    fn a_cut_never_goes_through_a_token_an_entity_or_a_code_span() {
        let text = markup!("ab{} {}", Markup::user("U123"), "<");
        let cuts: Vec<String> = (2..=14)
            .map(|limit| text.clone().clip(limit).into_string())
            .collect();
        insta::assert_snapshot!(cuts.join("\n"), @r"
        a…
        ab…
        ab…
        ab…
        ab…
        ab…
        ab…
        ab…
        ab<@U123>…
        ab<@U123> …
        ab<@U123> …
        ab<@U123> …
        ab<@U123> &lt;
        ");
    }

    proptest! {
        #[test]
        fn no_foreign_text_ever_leaves_its_place(text in "\\PC*|[<>@!#&`*_~:a-z\\n|]{0,60}", limit in 1usize..80) {
            for markup in [Markup::plain(&text), Markup::code(&text), Markup::user(&text), markup!("{}", text)] {
                let clipped = markup.clip(limit);
                prop_assert!(units(clipped.as_str()) <= limit.max(1));
                prop_assert!(!clipped.as_str().contains('<') || is_id(&text));
                prop_assert!(!clipped.as_str().contains("```") && !clipped.as_str().contains('\n'));
                prop_assert!(clipped.as_str().matches('`').count() % 2 == 0);
            }
        }
    }
}
