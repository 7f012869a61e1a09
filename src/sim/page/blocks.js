// Block Kit JSON as DOM nodes. What this page cannot draw becomes a visible placeholder, never silence.
//
// `env` is what the blocks need from their surroundings:
//   names            ids to names: {user(id), channel(id), group(id), file(id) → url}
//   act(action)      sends {block_id, action_id, …} and resolves when it is answered
import { decode, dateNode, emoji, link, markdown, mention, mrkdwn, plain } from "./mrkdwn.js";
import { h, icon, sync } from "./dom.js";
import { confirmed, menu } from "./dialogs.js";

/** A text object (`plain_text` or `mrkdwn`). */
function text(object, env) {
  if (!object) return "";
  return object.type === "mrkdwn" ? mrkdwn(object.text, env.names, object.verbatim) : plain(object.text);
}

const unsupported = (what, type) => h("div.unsupported", null, `unsupported ${what}: ${type}`);

// --- elements --------------------------------------------------------------------------------------------------------------

/** Asks when the element has a confirm dialog, sends the action, and shows that it is under way. */
async function act(node, element, block, env, more) {
  if (node.getAttribute("aria-busy") === "true") return false;
  if (element.confirm && !(await confirmed(element.confirm, element.style))) return false;
  node.setAttribute("aria-busy", "true");
  await env.act({ block_id: block.block_id ?? "", action_id: element.action_id ?? "", ...more });
  node.removeAttribute("aria-busy");
  return true;
}

/** Buttons keep the name of their action, so that focus finds its way back when the message is drawn anew. */
const marked = (element, attrs) => ({ type: "button", "data-act": element.action_id, ...attrs });

function button(element, block, env) {
  const style = { primary: ".primary", danger: ".danger" }[element.style] ?? "";
  const node = h(`button.btn${style}`, marked(element, { "aria-label": element.accessibility_label }), plain(element.text?.text));
  node.addEventListener("click", async () => {
    const sent = await act(node, element, block, env, { type: "button", value: element.value });
    if (sent && /^https?:\/\//i.test(element.url ?? "")) window.open(element.url, "_blank", "noopener");
  });
  return node;
}

function overflow(element, block, env) {
  const node = h("button.btn.square", marked(element, { "aria-label": "More", "aria-haspopup": "menu", "aria-expanded": "false" }), icon("more"));
  const pick = (option) => act(node, element, block, env, { type: "overflow", selected_option: option });
  node.addEventListener("click", () => menu(node, groupsOf(element), pick));
  return node;
}

const groupsOf = (element) =>
  element.option_groups?.map((group) => ({ label: decode(group.label?.text), options: group.options })) ?? [{ options: element.options ?? [] }];

function select(element, block, env) {
  const label = h("span", null, plain(element.initial_option?.text?.text ?? element.placeholder?.text ?? "Select an item"));
  const node = h("button.btn.select", marked(element, { "aria-haspopup": "menu", "aria-expanded": "false" }), label, icon("down"));
  node.addEventListener("click", () => menu(node, groupsOf(element), async (option) => {
    if (await act(node, element, block, env, { type: "static_select", selected_option: option })) label.replaceChildren(plain(option.text.text));
  }));
  return node;
}

let serial = 0;

/** Radio buttons or checkboxes, one below the other. `changed` runs with what is selected. */
function choices(element, env, changed) {
  const radio = element.type === "radio_buttons";
  const name = `choice-${++serial}`;
  const start = radio ? [element.initial_option?.value] : (element.initial_options ?? []).map((option) => option.value);
  const type = radio ? "radio" : "checkbox";
  const boxes = (element.options ?? []).map((option) => ({ option, box: h("input", { type, name, checked: start.includes(option.value) }) }));
  const words = (option) => h("span", null, text(option.text, env), option.description && h("small", null, text(option.description, env)));
  const rows = boxes.map(({ option, box }) => h("label", null, box, words(option)));
  const node = h("div.choices", { role: radio ? "radiogroup" : "group" }, rows);
  node.read = () => {
    const picked = boxes.filter(({ box }) => box.checked).map(({ option }) => option);
    return radio ? { type: element.type, selected_option: picked[0] ?? null } : { type: element.type, selected_options: picked };
  };
  if (changed) node.addEventListener("change", () => changed(node, node.read()));
  return node;
}

function element(item, block, env) {
  if (item.type === "button") return button(item, block, env);
  if (item.type === "overflow") return overflow(item, block, env);
  if (item.type === "static_select") return select(item, block, env);
  if (item.type === "radio_buttons" || item.type === "checkboxes") return choices(item, env, (node, value) => act(node, item, block, env, value));
  if (item.type === "image") return image(item, env);
  if (item.type === "mrkdwn" || item.type === "plain_text") return h("span.text", null, text(item, env));
  return unsupported("element", item.type);
}

/** A picture from this server or from a data URL. Others are named only: the page asks nobody else. */
function image(item, env) {
  const url = item.image_url ?? item.slack_file?.url ?? env.names.file(item.slack_file?.id);
  const alt = decode(item.alt_text);
  const near = url && (/^data:image\//.test(url) || ["127.0.0.1", "localhost", location.hostname].includes(new URL(url, location.href).hostname));
  if (near) return h("img", { src: url, alt, title: alt, loading: "lazy" });
  return h("div.unsupported", null, `picture: ${alt || "without a description"} `, url ? link(url, "open") : "(file not found)");
}

// --- inputs of views -------------------------------------------------------------------------------------------------------

function control(item, env) {
  if (item.type === "radio_buttons" || item.type === "checkboxes") return choices(item, env);
  if (item.type === "plain_text_input") {
    const attrs = { placeholder: decode(item.placeholder?.text), maxlength: item.max_length, rows: item.multiline ? 4 : null, autofocus: item.focus_on_load };
    const node = h(item.multiline ? "textarea" : "input", { ...attrs, type: item.multiline ? null : "text" });
    node.value = item.initial_value ?? "";
    node.read = () => ({ type: item.type, value: node.value === "" ? null : node.value });
    return node;
  }
  if (item.type === "static_select") {
    const flat = groupsOf(item).flatMap((group) => group.options);
    const one = (option) => h("option", { value: flat.indexOf(option), selected: option.value === item.initial_option?.value }, decode(option.text?.text));
    const rows = groupsOf(item).map((group) => (group.label ? h("optgroup", { label: group.label }, group.options.map(one)) : group.options.map(one)));
    const node = h("select", null, h("option", { value: "" }, decode(item.placeholder?.text ?? "Select an item")), rows);
    node.read = () => ({ type: item.type, selected_option: node.value === "" ? null : flat[Number(node.value)] });
    return node;
  }
  return unsupported("input", item.type);
}

function input(block, env) {
  const field = control(block.element ?? {}, env);
  field.id ||= `input-${++serial}`;
  const group = field.matches(".choices");
  const words = [plain(block.label?.text), block.optional && h("span.optional", null, " (optional)")];
  const label = group ? h("div.label", { id: `${field.id}-label` }, words) : h("label.label", { for: field.id }, words);
  if (group) field.setAttribute("aria-labelledby", `${field.id}-label`);
  const problem = h("p.problem", { id: `${field.id}-problem`, hidden: true });
  field.setAttribute("aria-describedby", problem.id);
  const node = h("div.input", null, label, field, problem, block.hint && h("p.hint", null, plain(block.hint.text)));
  node.block = block;
  node.read = field.read;
  node.complain = (words) => {
    problem.hidden = !words;
    problem.textContent = words ?? "";
    field.setAttribute("aria-invalid", String(Boolean(words)));
    if (words) (group ? field.querySelector("input") : field)?.focus();
  };
  return node;
}

// --- rich text and tables --------------------------------------------------------------------------------------------------

function styled(node, style) {
  for (const [name, tag] of [["code", "code"], ["strike", "s"], ["italic", "em"], ["bold", "strong"]]) if (style?.[name]) node = h(tag, null, node);
  return node;
}

// Texts of rich text are structure, not markup: nothing in them is parsed, so they go straight into text nodes.
const RICH = {
  text: (e) => e.text ?? "",
  link: (e) => link(e.url ?? "", e.text || e.url),
  user: (e, names) => mention(`@${names.user(e.user_id)}`),
  usergroup: (e, names) => mention(`@${names.group(e.usergroup_id)}`),
  channel: (e, names) => mention(`#${names.channel(e.channel_id)}`),
  broadcast: (e) => mention(`@${e.range}`, true),
  emoji: (e) => emoji(e.name ?? ""),
  date: (e) => dateNode(e.timestamp, e.format ?? "{date}", e.fallback, e.url),
  color: (e) => {
    const swatch = h("i.swatch", { "aria-hidden": "true" });
    swatch.style.backgroundColor = e.value;
    return h("code", null, swatch, e.value);
  },
};
const rich = (elements, env) => (elements ?? []).map((e) => (RICH[e.type] ? styled(RICH[e.type](e, env.names), e.style) : unsupported("text", e.type)));

function richPart(part, env) {
  switch (part.type) {
    case "rich_text_section": return h("div.rich", null, rich(part.elements, env));
    case "rich_text_preformatted": return h("pre", { tabindex: "0" }, rich(part.elements, env));
    case "rich_text_quote": return h("blockquote.rich", null, rich(part.elements, env));
    case "rich_text_list": {
      const items = (part.elements ?? []).map((item) => h("li", null, richPart(item, env)));
      const list = h(part.style === "ordered" ? "ol" : "ul", { start: part.offset ? part.offset + 1 : null }, items);
      list.style.marginLeft = `${(part.indent ?? 0) * 1.5}em`;
      return list;
    }
    default: return unsupported("text", part.type);
  }
}

function table(block, env) {
  const cell = (item, column, tag) => {
    const node = h(tag, null, item.type === "rich_text" ? item.elements.map((part) => richPart(part, env)) : String(item.text ?? item.value ?? ""));
    const { align, is_wrapped: wraps } = block.column_settings?.[column] ?? {};
    if (align) node.style.textAlign = align;
    if (wraps === false) node.style.whiteSpace = "nowrap";
    return node;
  };
  const row = (cells, tag) => h("tr", null, cells.map((item, column) => cell(item, column, tag)));
  const [head = [], ...body] = block.rows ?? [];
  return h("div.table", { tabindex: "0" }, h("table", null, h("thead", null, row(head, "th")), h("tbody", null, body.map((cells) => row(cells, "td")))));
}

// --- blocks ----------------------------------------------------------------------------------------------------------------

const BLOCKS = {
  header: (b) => h("h3", { "aria-level": String(2 + (b.level ?? 1)) }, plain(b.text?.text)),
  section: (b, env) => {
    const one = (object) => h("div.text", null, text(object, env));
    const words = [b.text && one(b.text), b.fields && h("div.fields", null, b.fields.map(one))];
    return h("div.section", null, h("div.words", null, words), b.accessory && h("div.accessory", null, element(b.accessory, b, env)));
  },
  divider: () => h("hr"),
  context: (b, env) => h("div.context", null, (b.elements ?? []).map((item) => element(item, b, env))),
  actions: (b, env) => h("div.actions", null, (b.elements ?? []).map((item) => element(item, b, env))),
  image: (b, env) => h("figure", null, b.title && h("figcaption", null, plain(b.title.text)), image(b, env)),
  rich_text: (b, env) => h("div", null, (b.elements ?? []).map((part) => richPart(part, env))),
  markdown: (b, env) => h("div.text", null, markdown(b.text, env.names)),
  table,
  input,
};

/** One block; a malformed one is shown as such, and does not take the page with it. */
function drawBlock(block, env) {
  if (!Object.hasOwn(BLOCKS, block.type)) return unsupported("block", block.type);
  try {
    return BLOCKS[block.type](block, env);
  } catch (error) {
    console.error(error);
    return unsupported("block", `${block.type} (malformed)`);
  }
}

/** Draws `blocks` into `parent`; blocks that did not change keep their nodes, and with them focus and what was typed. */
export function drawBlocks(parent, blocks, env) {
  sync(parent, blocks ?? [], (block, index) => `${index}:${block.block_id ?? ""}:${block.type}`, () => h("div.block"), (node, block) => {
    const focused = node.contains(document.activeElement) ? document.activeElement.dataset.act : undefined;
    node.replaceChildren(drawBlock(block, env));
    if (focused) node.querySelector(`[data-act="${CSS.escape(focused)}"]`)?.focus();
  });
}
