// Small helpers to build the page. Everything becomes text nodes and attributes: no string is ever parsed as HTML.

/** Builds an element: `h("button.primary", { onclick, "aria-label": "…" }, "text", node)`. */
export function h(spec, attrs, ...kids) {
  const [tag, ...classes] = spec.split(".");
  const node = document.createElement(tag || "div");
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(attrs ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...kids.flat(Infinity).filter((kid) => kid !== null && kid !== undefined && kid !== false));
  return node;
}

export const $ = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

/** One of the symbols that index.html defines. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

const drawn = new WeakMap();

/**
 * Makes the children of `parent` show `items` in order, and touches only what differs: a child keeps its node (with scroll
 * position, focus and open menus) as long as its key stays, and `update(node, item, isNew)` runs only when the item changed.
 */
export function sync(parent, items, keyOf, make, update) {
  const keys = items.map((item, index) => String(keyOf(item, index)));
  const wanted = new Set(keys);
  const old = new Map();
  for (const node of [...parent.children]) {
    if (wanted.has(node.dataset.key)) old.set(node.dataset.key, node);
    else node.remove();
  }
  let cursor = parent.firstElementChild;
  items.forEach((item, index) => {
    const key = keys[index];
    let node = old.get(key);
    if (!node) {
      node = make(item);
      node.dataset.key = key;
    }
    if (node === cursor) cursor = cursor.nextElementSibling;
    else parent.insertBefore(node, cursor);
    const json = JSON.stringify(item);
    if (drawn.get(node) === json) return;
    const isNew = !drawn.has(node);
    drawn.set(node, json);
    update(node, item, isNew);
  });
}

/** Marks a node that just changed, so that eyes find it. */
export function flash(node) {
  node.classList.remove("flash");
  requestAnimationFrame(() => node.classList.add("flash"));
}

export async function getJson(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.json();
}

/** Posts JSON. Never throws: a server that is away becomes `{away: true}`. */
export async function post(path, body) {
  const started = performance.now();
  try {
    const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    const ms = Math.round(performance.now() - started);
    return { ok: answer.ok, status: answer.status, ms, ...(await answer.json().catch(() => ({}))) };
  } catch (error) {
    return { away: true, ok: false, status: 0, ms: Math.round(performance.now() - started), error: String(error.message ?? error) };
  }
}
