// What floats above the page: confirm dialogs, menus, toasts and modals (Slack's views).
import { $, h, icon, post } from "./dom.js";
import { decode, mrkdwn, plain } from "./mrkdwn.js";
import { drawBlocks } from "./blocks.js";

// --- confirm ---------------------------------------------------------------------------------------------------------------

const noNames = { user: String, channel: String, group: String };

/** Shows Slack's confirm object; resolves to whether the person confirmed. */
export function confirmed(confirm, elementStyle) {
  const dialog = $("confirm");
  const say = (object) => (object?.type === "mrkdwn" ? mrkdwn(object.text, noNames) : plain(object?.text));
  const close = (answer) => () => dialog.close(answer);
  const style = (confirm.style ?? elementStyle) === "danger" ? "danger" : "primary";
  const yes = h(`button.btn.${style}`, { type: "button", onclick: close("yes") }, plain(confirm.confirm?.text ?? "Yes"));
  const no = h("button.btn", { type: "button", onclick: close("no") }, plain(confirm.deny?.text ?? "Cancel"));
  const title = h("h3", { id: "confirm-title" }, plain(confirm.title?.text ?? "Are you sure?"));
  dialog.replaceChildren(title, h("div.dialog-body.text", null, say(confirm.text)), h("footer", null, no, yes));
  dialog.setAttribute("aria-labelledby", "confirm-title");
  dialog.returnValue = "no";
  dialog.showModal();
  yes.focus();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

// --- menu ------------------------------------------------------------------------------------------------------------------

let closeMenu = () => {};

/** A menu below `anchor`. `groups`: `[{label?, options: [{text, value, description?}]}]`; `pick(option)` when one is taken. */
export function menu(anchor, groups, pick) {
  const wasOpen = anchor.getAttribute("aria-expanded") === "true";
  closeMenu();
  if (wasOpen) return;
  const entry = (option) => {
    const take = () => {
      closeMenu(true);
      pick(option);
    };
    const more = option.description && h("small", null, plain(option.description.text));
    return h("button", { type: "button", role: "menuitem", tabindex: "-1", onclick: take }, plain(option.text?.text), more);
  };
  const box = h("div.menu", { role: "menu" }, groups.map((group) => [group.label && h("div.menu-label", null, group.label), group.options.map(entry)]));
  const entries = [...box.querySelectorAll("button")];
  const outside = (event) => { if (!box.contains(event.target) && !anchor.contains(event.target)) closeMenu(); };
  closeMenu = (refocus) => {
    box.remove();
    anchor.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside);
    if (refocus) anchor.focus();
    closeMenu = () => {};
  };
  box.addEventListener("keydown", (event) => {
    const now = entries.indexOf(document.activeElement);
    const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: entries.length - 1 }[event.key];
    if (next !== undefined) entries[(next + entries.length) % entries.length]?.focus();
    else if (event.key === "Escape") closeMenu(true);
    else if (event.key === "Tab") return closeMenu(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.addEventListener("pointerdown", outside);
  anchor.setAttribute("aria-expanded", "true");
  (anchor.closest("dialog") ?? document.body).append(box);
  const place = anchor.getBoundingClientRect();
  box.style.left = `${Math.max(8, Math.min(place.left, innerWidth - box.offsetWidth - 8))}px`;
  const below = place.bottom + 4;
  box.style.top = `${below + box.offsetHeight > innerHeight - 8 ? Math.max(8, place.top - box.offsetHeight - 4) : below}px`;
  entries[0]?.focus();
}

/** Closes a menu whose button is no longer on the page. */
export function dropStrayMenu() {
  if (document.querySelector(".menu") && !document.querySelector("[aria-haspopup][aria-expanded=true]")) closeMenu();
}

// --- toasts ----------------------------------------------------------------------------------------------------------------

const closer = (onclick) => h("button.ghost", { type: "button", "aria-label": "Close", onclick }, icon("close"));

/** A short message above everything; goes by itself. */
export function toast(name, words) {
  const box = h("div.toast", null, icon(name), h("span", null, words), closer(() => box.remove()));
  $("toasts").append(box);
  setTimeout(() => box.remove(), 9000);
}

/** Says what Slack would say when the app was late or answered with an error. */
export function judge(answer, what) {
  const late = answer.ms >= 3000;
  const why = answer.error ? ` (${answer.error})` : "";
  if (answer.away) toast("alert", `The demo server did not answer, so ${what} was not delivered.`);
  else if (late) toast("slow", `Heal took ${(answer.ms / 1000).toFixed(1)} s for ${what}. Slack waits 3 seconds and then shows “operation timed out”.`);
  else if (answer.status === 0) toast("alert", `Heal could not be asked: ${answer.error ?? "no answer"}.`);
  else if (answer.status !== 200) toast("alert", `Heal answered ${what} with HTTP ${answer.status}${why}. Slack would show a warning sign.`);
  else if (answer.ok === false) toast("alert", answer.error ?? `Slack did not accept the answer to ${what}.`);
  const box = $("answer");
  box.textContent = answer.status ? `Heal answered in ${answer.ms} ms` : "";
  box.classList.toggle("late", answer.status !== 200 || late);
}

// --- modals ----------------------------------------------------------------------------------------------------------------

let shown = null;
let complaints = "";

async function close() {
  const { id, user } = shown;
  hideView();
  judge(await post("/sim/view_close", { user, view_id: id }), "closing the dialog");
}

async function submit(event) {
  event.preventDefault();
  const dialog = $("modal");
  const fields = [...dialog.querySelectorAll(".input")].filter((field) => field.read);
  const values = {};
  let complete = true;
  for (const field of fields) {
    const { block } = field;
    const value = field.read();
    const empty = value.value === null || value.selected_option === null || value.selected_options?.length === 0;
    field.complain(null);
    if (empty && !block.optional && complete) {
      field.complain("Please complete this required field.");
      complete = false;
    }
    (values[block.block_id ?? ""] ??= {})[block.element.action_id ?? ""] = value;
  }
  if (!complete) return;
  complaints = "";
  const go = dialog.querySelector("[type=submit]");
  go.setAttribute("aria-busy", "true");
  const answer = await post("/sim/view_submit", { user: shown.user, view_id: shown.id, values });
  go.removeAttribute("aria-busy");
  judge(answer, "the dialog");
}

function hideView() {
  shown = null;
  if ($("modal").open) $("modal").close();
}

/** What the app found wrong with the last submission, at the inputs; once, so that it does not come back while typing. */
function complain(dialog, errors) {
  const told = JSON.stringify(errors ?? {});
  if (told === complaints) return;
  complaints = told;
  for (const field of dialog.querySelectorAll(".input")) if (errors?.[field.block.block_id]) field.complain(decode(errors[field.block.block_id]));
}

/** Shows the view (`{id, user, view, errors?}`) that lies on top for the selected person, or none. What was typed stays when it is updated. */
export function showView(entry, env) {
  const dialog = $("modal");
  if (!entry) return hideView();
  const { view } = entry;
  if (shown?.id !== entry.id) {
    const blocks = h("div.dialog-body");
    const title = h("h3", { id: "modal-title" });
    const foot = h("footer");
    dialog.replaceChildren(h("form", { onsubmit: submit, novalidate: true }, h("header", null, title, closer(close)), blocks, foot));
    complaints = "";
    dialog.setAttribute("aria-labelledby", "modal-title");
    dialog.oncancel = (event) => { event.preventDefault(); close(); };
  }
  shown = entry;
  dialog.querySelector("h3").replaceChildren(plain(view.title?.text));
  drawBlocks(dialog.querySelector(".dialog-body"), view.blocks, env);
  const needsSubmit = view.submit || view.blocks?.some((block) => block.type === "input");
  dialog.querySelector("form > footer").replaceChildren(
    h("button.btn", { type: "button", onclick: close }, plain(view.close?.text ?? "Close")),
    needsSubmit ? h("button.btn.primary", { type: "submit" }, plain(view.submit?.text ?? "Submit")) : "",
  );
  if (!dialog.open) dialog.showModal();
  complain(dialog, entry.errors);
}
