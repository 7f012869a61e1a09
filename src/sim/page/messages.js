// One message as a DOM node: who, when, blocks, attachments, the way to its thread.
import { flash, h, icon, post } from "./dom.js";
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
  return h("article.message", { tabindex: "-1" }, h("span.face"), h("div.main", null, h("div.only", { hidden: true }), h("div.who"), h("div.body"), h("div.attachments"), h("div.foot")));
}

function drawFoot(foot, message, openThread) {
  const { replies } = message;
  if (!replies) return foot.replaceChildren();
  const last = dateNode(Number(replies.last), "{ago}", "");
  foot.replaceChildren(h("button.replies", { type: "button", "data-act": "thread", onclick: () => openThread(message.ts) }, replies.faces.map(avatar), h("b", null, `${replies.count} ${replies.count === 1 ? "reply" : "replies"}`), h("span", null, "Last reply ", last)));
}

function drawMessage(node, message, isNew, context) {
  const { names, me, openThread } = context;
  const user = names.person(message.user);
  const name = names.user(message.user);
  const [face, main] = node.children;
  const [only, who, body, attachments, foot] = main.children;
  const at = dateOf(message.ts);
  face.replaceChildren(avatar(user));
  node.setAttribute("aria-label", `${name}, ${clock(at)}`);
  node.classList.toggle("ephemeral", Boolean(message.ephemeral_to));
  only.hidden = !message.ephemeral_to && !message.broadcast;
  only.replaceChildren(icon(message.ephemeral_to ? "eye" : "reply"), message.ephemeral_to ? "Only visible to you" : "Replied to a thread");
  who.replaceChildren(h("b", null, name), user ? "" : h("span.app", null, "APP"), h("time", { datetime: at.toISOString(), title: `${dayName(at)} ${clock(at, true)}` }, clock(at)), message.inThread || message.thread_ts || message.ephemeral_to ? "" : h("button.ghost.to-thread", { type: "button", "aria-label": "Open the thread", title: "Open the thread", onclick: () => openThread(message.ts) }, icon("reply")));
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
    const box = h("div.attachment", null, one.pretext && h("div.text", null, mrkdwn(one.pretext, names)), one.title && h("b", null, one.title), one.text && h("div.text", null, mrkdwn(one.text, names)), inner);
    const color = { good: "#2fa36b", warning: "#d99a1c", danger: "#c8233c" }[one.color] ?? (one.color && `#${one.color.replace(/^#/, "")}`);
    if (color) box.style.borderLeftColor = color;
    drawBlocks(inner, one.blocks, env);
    return box;
  }));
  attachments.append(...message.files.map((file) => h("details.file", null, h("summary", null, `📄 ${file.title ?? file.name}`), h("pre", { tabindex: "0" }, file.text ?? "(not uploaded)"))));
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
