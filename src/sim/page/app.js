// The page of the demo: state comes from the server, this file decides who looks at which channel and thread, and wires the rest.
import { $, getJson, h, icon, post, sync } from "./dom.js";
import { refreshDates, spoken } from "./mrkdwn.js";
import { dropStrayMenu, judge, showView } from "./dialogs.js";
import { avatar, drawRow, makeRow, messageList } from "./messages.js";
import { startCluster } from "./cluster.js";
import { startComposer } from "./composer.js";

let state = { team: {}, channels: [], users: [], messages: [], views: [], files: [] };
let me = null;
let channel = null;
let thread = null;
const seen = new Set();
let first = true;

const SLACKBOT = { id: "USLACKBOT", name: "Slackbot", color: "#5b6b7a" };

const names = {
  person: (id) => state.users.find((user) => user.id === id) ?? (id === SLACKBOT.id ? SLACKBOT : undefined),
  user: (id) => names.person(id)?.name ?? (id === "BOT" ? "Heal" : id),
  channel: (id) => state.channels.find((one) => one.id === id)?.name ?? id,
  group: (id) => state.groups?.find((group) => group.id === id)?.name ?? id,
  file: (id) => state.files.find((file) => file.id === id)?.url,
};

// What a person chose survives a reload; a browser that keeps nothing is no reason to fail.
const recall = (key) => { try { return sessionStorage.getItem(key); } catch { return null; } };
const keep = (key, value) => { try { sessionStorage.setItem(key, value); } catch { /* private mode */ } };

// --- drawing ---------------------------------------------------------------------------------------------------------------

const mine = (message) => !message.ephemeral_to || message.ephemeral_to === me;
const isReply = (message) => message.thread_ts && message.thread_ts !== message.ts;

function repliesOf(ts, messages) {
  const replies = messages.filter((message) => isReply(message) && message.thread_ts === ts && !message.ephemeral_to);
  if (!replies.length) return null;
  const who = [...new Set(replies.map((message) => message.user))].slice(0, 4);
  return { count: replies.length, last: replies.at(-1).ts, faces: who.map((id) => names.person(id) ?? null) };
}

/** Draws into a scrolling box, and stays at its end if that is where the reader was. Returns whether something is below. */
function follow(box, draw) {
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  draw();
  if (atEnd) box.scrollTop = box.scrollHeight;
  return !atEnd;
}

function drawMessages() {
  const context = { names, me: () => me, openThread };
  const here = state.messages.filter((message) => message.channel === channel && mine(message)).sort((a, b) => Number(a.ts) - Number(b.ts));
  const filesOf = (message) => (message.files ?? []).map((id) => state.files.find((file) => file.id === id) ?? { id, name: "a file that is not kept any more" });
  const top = here
    .filter((message) => !isReply(message) || message.broadcast)
    .map((message) => ({ ...message, replies: isReply(message) ? null : repliesOf(message.ts, here), files: filesOf(message) }));
  const fresh = state.messages.filter((message) => mine(message) && !seen.has(`${message.channel} ${message.ts}`));
  for (const message of state.messages) if (mine(message)) seen.add(`${message.channel} ${message.ts}`);
  const below = follow($("scroll"), () => sync($("messages"), messageList(top), (row) => row.key, makeRow, drawRow(context)));
  $("empty").hidden = top.length > 0;
  if (below && fresh.some((message) => message.channel === channel && !isReply(message))) $("newer").hidden = false;

  const root = here.find((message) => message.ts === thread);
  $("thread").hidden = !root;
  if (root) {
    const all = [root, ...here.filter((message) => isReply(message) && message.thread_ts === thread)]
      .map((message) => ({ ...message, inThread: true, files: filesOf(message) }));
    follow($("thread-scroll"), () => sync($("thread-messages"), messageList(all), (row) => row.key, makeRow, drawRow(context)));
    $("thread-channel").textContent = `# ${names.channel(channel)}`;
  }
  if (!first) tell(fresh);
  first = false;
}

/** Reads new messages out, and marks what cannot be seen right now. */
function tell(fresh) {
  const loud = fresh.filter((message) => message.user !== me);
  if (!loud.length) return;
  $("announce").replaceChildren(...loud.map((message) => h("p", null, `${names.user(message.user)}: ${spoken(message.text, names)}`)));
  for (const message of loud) if (message.channel !== channel) unread.add(message.channel);
  if ($("main").dataset.tab !== "slack") $("tab-slack").querySelector(".pip").hidden = false;
}

const unread = new Set();

function drawSide() {
  $("team").textContent = state.team.name ?? "Workspace";
  const channels = state.channels.map((one) => ({ ...one, here: one.id === channel, unread: unread.has(one.id) }));
  const makeChannel = ({ id }) => h("li", null, h("button", { type: "button", onclick: () => goTo(id) }, icon("hash"), h("span")));
  sync($("channels"), channels, (one) => one.id, makeChannel, (node, one) => {
    const button = node.firstElementChild;
    button.lastElementChild.textContent = one.name;
    button.classList.toggle("unread", one.unread);
    button.setAttribute("aria-current", one.here ? "true" : "false");
  });
  const users = state.users.map((user) => ({ ...user, chosen: user.id === me }));
  const words = () => h("span", null, h("b"), h("small"));
  const makeUser = (user) => h("button", { type: "button", role: "radio", onclick: () => become(user.id) }, avatar(user), words());
  sync($("users"), users, (user) => user.id, makeUser, (node, user) => {
    node.querySelector("b").textContent = user.name;
    node.querySelector("small").textContent = user.title ?? "";
    node.setAttribute("aria-checked", String(user.chosen));
    node.setAttribute("aria-label", user.title ? `${user.name}, ${user.title}` : user.name);
    node.tabIndex = user.chosen ? 0 : -1;
  });
  $("channel-name").textContent = names.channel(channel);
  $("command").placeholder = `Message #${names.channel(channel)} – type / for commands`;
}

function draw() {
  if (!state.users.some((user) => user.id === me)) me = state.users[0]?.id ?? null;
  if (!state.channels.some((one) => one.id === channel)) channel = state.channels[0]?.id ?? null;
  drawSide();
  drawMessages();
  dropStrayMenu();
  const views = state.views.filter((entry) => entry.user === me);
  const top = views.at(-1);
  showView(top, top && { names, act: async (action) => judge(await post("/sim/click", { user: me, view_id: top.id, ...action }), "the click") });
}

// --- choosing --------------------------------------------------------------------------------------------------------------

function become(id) {
  me = id;
  keep("user", id);
  first = true; // What only this person can see is new to nobody: it is not announced.
  draw();
}

function goTo(id) {
  channel = id;
  thread = null;
  unread.delete(id);
  keep("channel", id);
  $("newer").hidden = true;
  draw();
  $("scroll").scrollTop = $("scroll").scrollHeight;
}

function openThread(ts) {
  thread = ts;
  draw();
  $("thread-scroll").scrollTop = $("thread-scroll").scrollHeight;
  $("thread-close").focus();
}

function closeThread() {
  const from = thread;
  thread = null;
  draw();
  $("messages").querySelector(`[data-key="${CSS.escape(`${channel} ${from} `)}"] .replies`)?.focus();
}

function showTab(name) {
  $("main").dataset.tab = name;
  for (const one of ["slack", "cluster"]) {
    $(`tab-${one}`).setAttribute("aria-selected", String(one === name));
    $(`tab-${one}`).tabIndex = one === name ? 0 : -1;
  }
  if (name === "slack") $("tab-slack").querySelector(".pip").hidden = true;
}

/** Arrow keys walk through a row of buttons of which one is chosen. */
function arrows(box, selector) {
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const all = [...box.querySelectorAll(selector)];
    const next = step && all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
    if (!next) return;
    event.preventDefault();
    next.click();
    next.focus();
  });
}

// --- the server ------------------------------------------------------------------------------------------------------------

let loading = false;
let again = false;

async function load() {
  again = loading;
  if (loading) return;
  loading = true;
  try {
    state = { ...state, ...(await getJson("/sim/state")) };
    $("offline").hidden = true;
    draw();
  } catch (error) {
    // A TypeError is what fetch throws when nobody listens; anything else is a fault that somebody should see.
    if (!(error instanceof TypeError)) console.error(error);
    $("offline").hidden = false;
  } finally {
    loading = false;
  }
  if (again) load();
}

function listen() {
  const stream = new EventSource("/sim/stream");
  stream.addEventListener("open", load);
  stream.addEventListener("changed", load);
  stream.addEventListener("error", () => {
    $("offline").hidden = false;
    // A dropped connection is taken up again by the browser; a refused one is not.
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  });
}

me = recall("user");
channel = recall("channel");
$("thread-close").addEventListener("click", closeThread);
$("thread").addEventListener("keydown", (event) => { if (event.key === "Escape") closeThread(); });
$("newer").addEventListener("click", () => { $("scroll").scrollTop = $("scroll").scrollHeight; });
$("scroll").addEventListener("scroll", () => {
  const box = $("scroll");
  if (box.scrollHeight - box.scrollTop - box.clientHeight < 60) $("newer").hidden = true;
});
for (const name of ["slack", "cluster"]) $(`tab-${name}`).addEventListener("click", () => showTab(name));
arrows(document.querySelector(".tabs"), "[role=tab]");
arrows($("users"), "[role=radio]");
setInterval(refreshDates, 1000);
startComposer({ commands: () => state.commands, send: async (text) => judge(await post("/sim/command", { user: me, channel, text }), "the command") });
startCluster();
listen();
