// The message box: takes `/heal …`, remembers what was typed, and offers commands.
import { $, h } from "./dom.js";
import { toast } from "./dialogs.js";

// Shown when the server names no commands of its own.
const COMMANDS = [
  { usage: "/heal help", explains: "what can be asked" },
  { usage: "/heal status", explains: "open incidents, silences, what was held back" },
  { usage: "/heal show <incident>", explains: "one incident in full" },
  { usage: "/heal memory", explains: "which fixes worked here, and how often" },
  { usage: "/heal forecast [namespace]", explains: "what will be killed and when, and the score" },
  { usage: "/heal silence <namespace/workload> <time>", explains: "no cards for a while" },
  { usage: "/heal unsilence <number>", explains: "ends a silence early" },
  { usage: "/heal pause [reason]", explains: "no changes to the cluster until resumed" },
  { usage: "/heal resume", explains: "changes are allowed again" },
];

/** `commands()` gives the server's own hints or nothing; `send(text)` delivers a command. */
export function startComposer({ commands, send }) {
  const box = $("command");
  const hints = $("hints");
  const past = [];
  let at = 0;
  let active = -1;

  const options = () => [...hints.children];
  const mark = (index) => {
    active = index;
    options().forEach((node, i) => node.setAttribute("aria-selected", String(i === index)));
    if (index < 0) box.removeAttribute("aria-activedescendant");
    else box.setAttribute("aria-activedescendant", options()[index].id);
  };
  const hide = () => {
    hints.hidden = true;
    box.setAttribute("aria-expanded", "false");
    mark(-1);
  };
  const take = (usage) => {
    // What stands in brackets is for the person to fill in.
    box.value = usage.replace(/\s*[<[].*$/, (rest) => (rest ? " " : ""));
    hide();
    box.focus();
  };
  const offer = () => {
    const typed = box.value.toLowerCase();
    const list = commands()?.length ? commands() : COMMANDS;
    const fits = typed.startsWith("/") ? list.filter(({ usage }) => usage.toLowerCase().startsWith(typed) && usage.toLowerCase() !== typed) : [];
    hints.replaceChildren(...fits.map(({ usage, explains }, i) => {
      const press = (event) => {
        event.preventDefault(); // The box keeps the focus.
        take(usage);
      };
      const attrs = { role: "option", id: `hint-${i}`, "aria-selected": "false", onpointerdown: press };
      return h("li", attrs, h("code", null, usage), h("span", null, explains));
    }));
    hints.hidden = fits.length === 0;
    box.setAttribute("aria-expanded", String(fits.length > 0));
    mark(-1);
  };
  const remember = (step) => {
    const next = at + step;
    if (next < 0 || next > past.length) return;
    at = next;
    box.value = past[at] ?? "";
    hide();
  };

  box.addEventListener("input", offer);
  box.addEventListener("blur", hide);
  box.addEventListener("keydown", (event) => {
    const open = !hints.hidden;
    const count = hints.children.length;
    if (event.key === "ArrowDown" && open) mark((active + 1) % count);
    else if (event.key === "ArrowUp" && open && active >= 0) mark(active - 1);
    else if (event.key === "ArrowUp") remember(-1);
    else if (event.key === "ArrowDown") remember(1);
    else if (event.key === "Escape" && open) hide();
    else if ((event.key === "Enter" || event.key === "Tab") && open && active >= 0) take(options()[active].firstElementChild.textContent);
    else return;
    event.preventDefault();
  });
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = box.value.trim();
    if (!text) return;
    past.push(text);
    at = past.length;
    hide();
    if (/^\/(?!heal(\s|$))/.test(text)) return toast("alert", `${text.split(/\s/)[0]} is not a command here. This workspace knows /heal.`);
    box.value = "";
    send(text);
  });
}
