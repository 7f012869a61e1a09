// Slack's text formats as DOM nodes: mrkdwn, the `markdown` block's dialect, plain text with emoji, and date tokens.
//
// Rule for hostile text: `<…>` tokens are found in the text as sent, and entities are decoded once, in what is left over, straight
// into a text node. So `&lt;!channel&gt;` reads "<!channel>" and can never become a mention.
import { h } from "./dom.js";

const EMOJI = Object.fromEntries(
  [...`red_circle 🔴 large_orange_circle 🟠 large_yellow_circle 🟡 large_green_circle 🟢 large_blue_circle 🔵 white_circle ⚪ black_circle ⚫
  white_check_mark ✅ heavy_check_mark ✔️ ballot_box_with_check ☑️ x ❌ heavy_multiplication_x ✖️ warning ⚠️ no_entry ⛔ no_entry_sign 🚫
  octagonal_sign 🛑 hourglass ⌛ hourglass_flowing_sand ⏳ stopwatch ⏱️ timer_clock ⏲️ alarm_clock ⏰ mag 🔍 mag_right 🔎 wrench 🔧
  hammer 🔨 hammer_and_wrench 🛠️ gear ⚙️ rewind ⏪ fast_forward ⏩ arrow_forward ▶️ double_vertical_bar ⏸️ arrows_counterclockwise 🔄
  leftwards_arrow_with_hook ↩️ arrow_up ⬆️ arrow_down ⬇️ arrow_upper_right ↗️ arrow_right ➡️ memo 📝 clipboard 📋 page_facing_up 📄
  bell 🔔 no_bell 🔕 zzz 💤 mute 🔇 robot_face 🤖 eyes 👀 rotating_light 🚨 fire 🔥 boom 💥 bulb 💡 lock 🔒 unlock 🔓 key 🔑 shield 🛡️
  package 📦 whale 🐳 wheel_of_dharma ☸️ computer 💻 floppy_disk 💾 electric_plug 🔌 satellite_antenna 📡 chart_with_upwards_trend 📈
  chart_with_downwards_trend 📉 bar_chart 📊 crystal_ball 🔮 thermometer 🌡️ ambulance 🚑 adhesive_bandage 🩹 stethoscope 🩺 pill 💊
  heart ❤️ green_heart 💚 tada 🎉 rocket 🚀 zap ⚡ broken_heart 💔 thumbsup 👍 +1 👍 thumbsdown 👎 -1 👎 wave 👋 raised_hand ✋ pray 🙏
  point_right 👉 bust_in_silhouette 👤 busts_in_silhouette 👥 speech_balloon 💬 question ❓ exclamation ❗ information_source ℹ️
  link 🔗 pushpin 📌 label 🏷️ calendar 📅 clock3 🕒 broom 🧹 bug 🐛 test_tube 🧪 recycle ♻️ skull 💀 ghost 👻 snail 🐌 seedling 🌱`
    .matchAll(/(\S+)\s+(\S+)/g)].map(([, name, char]) => [name, char]),
);

const ENTITY = { lt: "<", gt: ">", amp: "&" };
export const decode = (text) => String(text ?? "").replace(/&(lt|gt|amp);/g, (_, name) => ENTITY[name]);

/** An emoji by its short name, or the short name itself when the table does not know it. */
export function emoji(name) {
  const char = EMOJI[name.split("::")[0]];
  return char ? h("span.emoji", { role: "img", "aria-label": name.replaceAll("_", " "), title: `:${name}:` }, char) : `:${name}:`;
}

/** A link, or only its text when the address is not one that a browser should open. */
export function link(url, ...label) {
  const safe = /^(https?:\/\/|mailto:)/i.test(url);
  return safe ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer", title: url }, label) : h("span", null, label);
}

export const mention = (text, loud) => h(loud ? "span.mention.loud" : "span.mention", null, text);

// --- dates -----------------------------------------------------------------------------------------------------------------

const say = (date, options) => new Intl.DateTimeFormat("en", options).format(date);
const dayOf = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());

function pretty(date, otherwise) {
  const days = Math.round((dayOf(date) - dayOf(new Date())) / 86_400_000);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days] ?? otherwise;
}

function ago(date) {
  const seconds = Math.round((date - Date.now()) / 1000);
  const size = Math.abs(seconds);
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (size < 60) return relative.format(seconds, "second");
  if (size < 3600) return relative.format(Math.trunc(seconds / 60), "minute");
  if (size < 86_400) return relative.format(Math.trunc(seconds / 3600), "hour");
  return relative.format(Math.trunc(seconds / 86_400), "day");
}

/** A time of day in the reader's own clock (12 or 24 hours). */
export const clock = (date, seconds) =>
  new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit", second: seconds ? "2-digit" : undefined }).format(date);

export const dayName = (date) => {
  const name = pretty(date, say(date, { weekday: "long", month: "long", day: "numeric" }));
  return name[0].toUpperCase() + name.slice(1);
};

const SHORT = { month: "short", day: "numeric", year: "numeric" };
const MEDIUM = { month: "long", day: "numeric", year: "numeric" };
const LONG = { weekday: "long", ...MEDIUM };
const DATES = {
  date_num: (d) => `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, "0")}-${String(d.getDate()).padStart(2, "0")}`,
  date_slash: (d) => say(d, { month: "2-digit", day: "2-digit", year: "numeric" }),
  date: (d) => say(d, MEDIUM),
  date_short: (d) => say(d, SHORT),
  date_long: (d) => say(d, LONG),
  date_pretty: (d) => pretty(d, say(d, MEDIUM)),
  date_short_pretty: (d) => pretty(d, say(d, SHORT)),
  date_long_pretty: (d) => pretty(d, say(d, LONG)),
  time: (d) => clock(d),
  time_secs: (d) => clock(d, true),
  ago,
};

function dateText(seconds, format) {
  const date = new Date(seconds * 1000);
  return format.replace(/\{(\w+)\}/g, (whole, name) => DATES[name]?.(date) ?? whole);
}

/** A date token: drawn in the reader's own time zone, and kept fresh. */
export function dateNode(seconds, format, fallback, url) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return fallback ?? "";
  const time = h("time", { datetime: date.toISOString(), title: `${dayName(date)} ${clock(date, true)}` }, dateText(seconds, format));
  time.dataset.seconds = seconds;
  time.dataset.format = format;
  return url ? link(url, time) : time;
}

/** Rewrites the date tokens on the page whose words changed with time ("2 minutes ago", "today"). */
export function refreshDates() {
  for (const time of document.querySelectorAll("time[data-format]")) {
    const text = dateText(Number(time.dataset.seconds), time.dataset.format);
    if (time.textContent !== text) time.textContent = text;
  }
}

// --- inline ----------------------------------------------------------------------------------------------------------------

/** What stands between `<` and `>`: a mention, a date or a link. */
function token(body, names) {
  const bar = body.indexOf("|");
  const target = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? null : decode(body.slice(bar + 1));
  if (/^@[UWB]\w*$/.test(target)) return mention(`@${label ?? names.user(target.slice(1))}`);
  if (/^#C\w*$/.test(target)) return mention(`#${label || names.channel(target.slice(1))}`);
  if (/^!subteam\^\w+$/.test(target)) return mention(label ?? `@${names.group(target.slice(9))}`);
  if (/^!(here|channel|everyone)$/.test(target)) return mention(`@${target.slice(1)}`, true);
  if (target.startsWith("!date^")) {
    const [, seconds, format, url] = target.split("^");
    return dateNode(Number(seconds), decode(format ?? ""), label, url && decode(url));
  }
  if (/^(https?:\/\/|mailto:)/i.test(target)) {
    const url = decode(target);
    return link(url, label ? plain(label, true) : url.replace(/^mailto:/, ""));
  }
  return document.createTextNode(decode(`<${body}>`));
}

// The inside of a style never crosses a line, and takes links and code as one piece. Its alternatives exclude one another, so
// that no log line can make the match slow.
const inside = (mark) => `((?:<[^<>\\n]+>|<(?![^<>\\n]+>)|\`[^\`\\n]+\`|\`(?![^\`\\n]+\`)|[^\\n<\`${mark}])+)`;
const style = (mark, tag, stop = mark) => ({ tag, re: new RegExp(`${mark}(?=\\S)${inside(stop)}(?<=\\S)${mark}`, "y") });
const MRKDWN = { "*": [style("\\*", "strong")], _: [style("_", "em")], "~": [style("~", "s")] };
const MARKDOWN = {
  "*": [style("\\*\\*", "strong", "\\*"), style("\\*", "em")],
  _: [style("__", "strong", "_"), style("_", "em")],
  "~": [style("~~", "s", "~")],
};
const WORD = /[\p{L}\p{N}]/u;

function at(re, text, index) {
  re.lastIndex = index;
  return re.exec(text);
}

/** Appends one line of text to `out`. `how`: `{names, code, verbatim, markdown}`. */
function inline(out, text, how) {
  let rest = "";
  const emit = (node) => {
    if (rest) out.append(decode(rest));
    rest = "";
    if (node) out.append(node);
  };
  const styled = (tag, inner, more) => {
    const node = h(tag);
    inline(node, inner, { ...how, ...more });
    return node;
  };
  let i = 0;
  while (i < text.length) {
    const char = text[i];
    const wordBefore = i > 0 && WORD.test(text[i - 1]);
    let node = null;
    let m = null;
    if (char === "<" && (m = at(/<([^<>\n]+)>/y, text, i))) node = token(m[1], how.names);
    else if (how.code) m = null;
    else if (char === "`" && (m = at(/`([^`\n]+)`/y, text, i))) node = styled("code", m[1], { code: true });
    else if (char === ":" && (m = at(/:([a-z0-9_+'-]+):(?::skin-tone-\d:)?/y, text, i)) && EMOJI[m[1]]) node = emoji(m[1]);
    else if (char === "[" && how.markdown && (m = at(/\[([^[\]\n]+)\]\(([^()\s]+)\)/y, text, i))) node = link(decode(m[2]), decode(m[1]));
    else if (char === "h" && !how.verbatim && !wordBefore && (m = at(/https?:\/\/[^\s<>|*`"]+[^\s<>|*`".,;:!?)']/y, text, i))) node = link(decode(m[0]), decode(m[0]));
    else if (!wordBefore) {
      for (const { tag, re } of (how.markdown ? MARKDOWN : MRKDWN)[char] ?? []) {
        const found = at(re, text, i);
        if (!found || WORD.test(text[i + found[0].length] ?? " ")) continue;
        m = found;
        node = styled(tag, found[1]);
        break;
      }
    }
    if (node) {
      emit(node);
      i += m[0].length;
    } else {
      rest += char;
      i += 1;
    }
  }
  emit(null);
}

// --- whole texts -----------------------------------------------------------------------------------------------------------

const QUOTE = /^(?:>|&gt;) ?/;

/** Lines to blocks: fenced code, quotes, list lines, and (in the markdown dialect) headings. */
function lines(text, how) {
  const out = document.createDocumentFragment();
  const paragraph = (body) => {
    let quote = null;
    for (const line of body.split("\n")) {
      if (QUOTE.test(line)) {
        if (!quote) out.append((quote = h("blockquote")));
        const row = h("div");
        inline(row, line.replace(QUOTE, ""), how);
        quote.append(row);
        continue;
      }
      quote = null;
      const item = /^(\s*)([•◦▪-]|\*(?=\s)|\d+[.)])\s+(.*)$/.exec(line);
      const title = how.markdown && /^#{1,6}\s+(.*)$/.exec(line);
      const row = h(item ? "div.li" : title ? "div.title" : line.trim() ? "div" : "div.gap");
      if (item) {
        row.append(h("span.bullet", null, `${/[-*]/.test(item[2]) && how.markdown ? "•" : item[2]} `));
        row.style.marginLeft = `${Math.min(item[1].length, 8) * 0.5}em`;
      }
      inline(row, item ? item[3] : title ? title[1] : line, how);
      out.append(row);
    }
  };
  text.split(/```(?:\w*\n)?([\s\S]*?)\n?```\n?/).forEach((part, index) => {
    if (index % 2) {
      const pre = h("pre");
      inline(pre, part, { ...how, code: true });
      out.append(pre);
    } else if (part) paragraph(index ? part : part.replace(/\n$/, ""));
  });
  return out;
}

/** mrkdwn. `names` turns ids into names: `{user(id), channel(id), group(id)}`. */
export const mrkdwn = (text, names, verbatim) => lines(String(text ?? ""), { names, verbatim });

/** The `markdown` block's dialect, as far as a demo needs it. */
export const markdown = (text, names) => lines(String(text ?? ""), { names, markdown: true });

/** Plain text with emoji short names; `asIs` when entities are already decoded. */
export function plain(text, asIs) {
  const out = document.createDocumentFragment();
  for (const part of (asIs ? text : decode(text)).split(/(:[a-z0-9_+'-]+:)/)) {
    const name = part.length > 2 && part.startsWith(":") && part.endsWith(":") && part.slice(1, -1);
    out.append(name && EMOJI[name] ? emoji(name) : part);
  }
  return out;
}

/** mrkdwn as words, for a screen reader. */
export function spoken(text, names) {
  const out = mrkdwn(text, names);
  out.querySelectorAll(".emoji").forEach((node) => node.replaceWith(node.getAttribute("aria-label")));
  return [...out.children].map((row) => row.textContent).join("\n");
}
