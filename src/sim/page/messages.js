// One message as a DOM node: who, when, blocks, attachments, the way to its thread.
import { flash, h, icon, post, sync } from "./dom.js";
import { clock, dateNode, dayName, mrkdwn } from "./mrkdwn.js";
import { drawBlocks } from "./blocks.js";
import { judge } from "./dialogs.js";

const dateOf = (ts) => new Date(Number(ts) * 1000);

/** A square with the robot's sign or a person's initials. */
export function avatar(user) {
  if (!user) return h("span.avatar.bot", { "aria-hidden": "true" }, icon("heal"));
  const node = h("span.avatar", { "aria-hidden": "true" }, user.name.split(/\s+/).map((word) => word[0]).slice(0, 2).join("").toUpperCase());
  node.style.backgroundColor = /^#[0-9a-f]{3,8}$/i.test(user.color ?? "") ? user.color : "#5b6b7a";
  return node;
}

function makeMessage() {
  const parts = ["div.only", "div.who", "div.body", "div.attachments", "div.files", "div.foot"].map((part) => h(part));
  return h("article.message", { tabindex: "-1" }, h("span.face"), h("div.main", null, parts));
}

function drawFoot(foot, message, openThread) {
  const { replies } = message;
  if (!replies) return foot.replaceChildren();
  const last = dateNode(Number(replies.last), "{ago}", "");
  const words = [h("b", null, `${replies.count} ${replies.count === 1 ? "reply" : "replies"}`), h("span", null, "Last reply ", last)];
  foot.replaceChildren(h("button.replies", { type: "button", onclick: () => openThread(message.ts) }, replies.faces.map(avatar), words));
}

function drawMessage(node, message, isNew, context) {
  const { names, me, openThread } = context;
  const user = names.person(message.user);
  const name = names.user(message.user);
  const [face, main] = node.children;
  const [only, who, body, attachments, files, foot] = main.children;
  const at = dateOf(message.ts);
  face.replaceChildren(avatar(user));
  node.setAttribute("aria-label", `${name}, ${clock(at)}`);
  node.classList.toggle("ephemeral", Boolean(message.ephemeral_to));
  only.hidden = !message.ephemeral_to && !message.broadcast;
  only.replaceChildren(icon(message.ephemeral_to ? "eye" : "reply"), message.ephemeral_to ? "Only visible to you" : "Replied to a thread");
  const time = h("time", { datetime: at.toISOString(), title: `${dayName(at)} ${clock(at, true)}` }, clock(at));
  const toThread = { type: "button", "aria-label": "Open the thread", title: "Open the thread", onclick: () => openThread(message.ts) };
  const threaded = message.inThread || message.thread_ts || message.ephemeral_to;
  who.replaceChildren(h("b", null, name), user ? "" : h("span.app", null, "APP"), time, threaded ? "" : h("button.ghost.to-thread", toThread, icon("reply")));
  const env = {
    names,
    act: async (action) => judge(await post("/sim/click", { user: me(), channel: message.channel, ts: message.ts, ...action }), "the click"),
  };
  if (message.blocks?.length) {
    if (!body.classList.contains("blocks")) body.replaceChildren();
    body.className = "body blocks";
    drawBlocks(body, message.blocks, env);
  } else {
    body.className = "body text";
    body.replaceChildren(mrkdwn(message.text, names), message.edited ? h("span.edited", null, "(edited)") : "");
  }
  attachments.replaceChildren(...(message.attachments ?? []).map((one) => {
    const inner = h("div.blocks");
    const words = (text) => text && h("div.text", null, mrkdwn(text, names));
    const box = h("div.attachment", null, words(one.pretext), one.title && h("b", null, one.title), words(one.text), inner);
    const color = { good: "#2fa36b", warning: "#d99a1c", danger: "#c8233c" }[one.color] ?? (one.color && `#${one.color.replace(/^#/, "")}`);
    if (color) box.style.borderLeftColor = color;
    drawBlocks(inner, one.blocks, env);
    return box;
  }));
  const makeFile = () => h("div.file");
  sync(files, message.files, (file) => file.id, makeFile, (box, file) => {
    const title = file.title ?? file.name;
    if (file.url) return box.replaceChildren(h("b", null, title), h("img", { src: file.url, alt: file.alt ?? title, loading: "lazy" }));
    const text = h("pre", { tabindex: "0" }, file.text ?? "(not uploaded)");
    box.replaceChildren(h("details", null, h("summary", null, `📄 ${title}`), text));
  });
  drawFoot(foot, message, openThread);
  if (!isNew) flash(node);
}

/** The message list with a line between days. Items are messages, each with `replies` and `inThread` worked out. */
export function messageList(messages) {
  const rows = [];
  let day = "";
  for (const message of messages) {
    const name = dayName(dateOf(message.ts));
    if (name !== day) rows.push({ day: name, key: `day ${dateOf(message.ts).toDateString()}` });
    day = name;
    rows.push({ ...message, key: `${message.channel} ${message.ts} ${message.ephemeral_to ?? ""}` });
  }
  return rows;
}

export const makeRow = (row) => (row.day ? h("div.day", null, h("span", null, row.day)) : makeMessage());

export const drawRow = (context) => (node, row, isNew) => {
  if (row.day) node.firstElementChild.textContent = row.day;
  else drawMessage(node, row, isNew, context);
};
