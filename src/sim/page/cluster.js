// The right panel: the simulated cluster, and the buttons that cause trouble in it. Also the guided tour on top of the page.
import { $, flash, getJson, h, icon, post, sync } from "./dom.js";
import { toast } from "./dialogs.js";

const EVERY_MS = 1000;
const FINE = ["Running", "Succeeded", "Completed"];
const BAD = /BackOff|Error|OOM|Err|Failed|Evicted|Invalid|Cannot|NotFound|Unknown|Lost|DeadlineExceeded/;

/** `good`, `bad`, `wait` or `gone`; colour never says it alone, the words stand beside it. */
function health(pod) {
  const words = pod.reason || pod.phase || "";
  if (BAD.test(words) || pod.phase === "Failed") return "bad";
  if (/Terminating|Completed/.test(words) || pod.phase === "Succeeded") return "gone";
  return pod.ready ? "good" : "wait";
}

/** How a workload does: its worst pod decides when not all are ready. */
function standing(load) {
  if (load.ready >= load.desired) return load.desired ? "good" : "gone";
  return load.pods?.some((pod) => health(pod) === "bad") ? "bad" : "wait";
}

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

function makePod() {
  return h("li.pod", null, h("span.id", null, h("b"), h("span.restarts")), h("span.why"), h("span.meter", null, h("i")), h("span.small"));
}

function drawPod(node, pod, isNew) {
  const state = health(pod);
  const changed = node.dataset.state && node.dataset.state !== state;
  const [id, why, meter, small] = node.children;
  const [name, restarts] = id.children;
  const words = pod.reason || pod.phase || "Unknown";
  const limit = pod.limit_mib || 0;
  const share = limit ? Math.min(1, (pod.memory_mib ?? 0) / limit) : 0;
  node.dataset.state = state;
  name.textContent = pod.name.split("-").at(-1);
  const said = FINE.includes(words) && state === "wait" ? `${words}, not ready` : words;
  // Long reasons may break between their words: CrashLoop-BackOff.
  why.replaceChildren(...said.split(/(?<=[a-z])(?=[A-Z])/).flatMap((part) => [h("wbr"), part]));
  meter.hidden = !limit;
  meter.firstElementChild.style.width = `${(share * 100).toFixed(1)}%`;
  meter.classList.toggle("high", share >= 0.8);
  meter.classList.toggle("full", share >= 0.95);
  const memory = limit ? `${Math.round(pod.memory_mib ?? 0)} / ${Math.round(limit)} MiB` : pod.memory_mib ? `${Math.round(pod.memory_mib)} MiB` : "";
  restarts.hidden = !pod.restarts;
  restarts.textContent = `↻ ${pod.restarts}`;
  restarts.setAttribute("aria-label", plural(pod.restarts, "restart"));
  small.textContent = memory;
  const exit = pod.exit_reason && `last exit: ${pod.exit_reason}`;
  node.title = [pod.name, words, memory && `memory ${memory}`, plural(pod.restarts ?? 0, "restart"), exit].filter(Boolean).join("\n");
  if (changed && !isNew) flash(node);
}

function makeWorkload() {
  return h("article.workload", null, h("header", null, h("h4"), h("span.ready")), h("p.meta"), h("ul.pods"));
}

function drawWorkload(node, load) {
  const [header, meta, pods] = node.children;
  const [title, ready] = header.children;
  title.replaceChildren(h("span.kind", null, load.kind), load.name);
  ready.textContent = `${load.ready}/${load.desired} ready`;
  ready.dataset.state = standing(load);
  const rolling = load.updated !== undefined && load.updated !== null && load.updated < load.desired;
  const image = String(load.image ?? "");
  meta.replaceChildren(
    h("span", null, load.namespace),
    load.revision ? h("span", null, `revision ${load.revision}`) : "",
    h("code", { title: image }, image.split("/").at(-1)),
    rolling ? h("span", null, `${load.updated} of ${load.desired} updated`) : "",
  );
  const before = node.dataset.revision;
  node.dataset.revision = load.revision ?? "";
  if (before !== undefined && before !== node.dataset.revision) flash(meta);
  sync(pods, load.pods ?? [], (pod) => pod.name, makePod, drawPod);
}

function makeNode() {
  return h("li.node", null, h("b"), h("span"));
}

function drawNode(node, item) {
  const [name, words] = node.children;
  node.dataset.state = item.ready ? "good" : "bad";
  name.textContent = item.name;
  words.textContent = `${item.ready ? "Ready" : "NotReady"} · ${plural(item.pods, "pod")}`;
  node.title = `${item.name}: ${(item.memory_mib / 1024).toFixed(1)} GiB of memory`;
}

function makeTrouble(item) {
  const node = h("button.trouble", { type: "button" }, h("b"), h("span"));
  node.addEventListener("click", async () => {
    node.setAttribute("aria-busy", "true");
    const answer = await post("/sim/trouble", { id: item.id });
    node.removeAttribute("aria-busy");
    if (!answer.ok) toast("alert", answer.error ?? `The demo server refused this trouble (HTTP ${answer.status}).`);
    poll();
  });
  return node;
}

function drawTrouble(node, item) {
  const [label, explains] = node.children;
  label.replaceChildren(item.label, item.active ? h("span.badge", null, "happening now") : "");
  explains.textContent = item.explains;
  node.classList.toggle("active", Boolean(item.active));
}

const OWN =
  " Heal watches it through your kubeconfig; nothing here is simulated, and the page causes no trouble in it." +
  " Break something yourself and watch the channel.";

function build() {
  $("cluster").replaceChildren(
    h("header.bar", null, h("h2", null, icon("cube"), "Cluster"), h("span.answer", { id: "cluster-sum" })),
    h("div.scroll", { id: "cluster-scroll", tabindex: "0" },
      h("p.own", { id: "own", hidden: true }, h("b", null, "This is your own cluster."), OWN),
      h("div", { id: "simulated" },
        h("ul.nodes", { id: "nodes", "aria-label": "Nodes" }),
        h("div", { id: "workloads" }))),
    h("section.cause", { id: "cause", "aria-labelledby": "cause-title" }, h("h3", { id: "cause-title" }, "Cause trouble"), h("div.troubles", { id: "troubles" })));
}

function draw(cluster) {
  const loads = cluster.workloads ?? [];
  $("own").hidden = !cluster.real;
  $("simulated").hidden = Boolean(cluster.real);
  $("cause").hidden = !cluster.troubles?.length;
  sync($("nodes"), cluster.nodes ?? [], (node) => node.name, makeNode, drawNode);
  sync($("workloads"), loads, (load) => `${load.kind}/${load.namespace}/${load.name}`, makeWorkload, drawWorkload);
  sync($("troubles"), cluster.troubles ?? [], (trouble) => trouble.id, makeTrouble, drawTrouble);
  // A workload whose old pods go on serving is all ready, and in trouble all the same; so is one between two crashes.
  const troubled = (load) => load.pods?.some((pod) => health(pod) === "bad" || (health(pod) === "wait" && pod.restarts));
  const broken = loads.filter((load) => standing(load) === "bad" || troubled(load)).length + (cluster.nodes ?? []).filter((node) => !node.ready).length;
  const settling = loads.some((load) => standing(load) === "wait" || load.pods?.some((pod) => health(pod) === "wait"));
  $("cluster-sum").textContent = cluster.real ? "your own" : broken ? `${broken} in trouble` : settling ? "settling" : "all healthy";
  $("cluster-sum").classList.toggle("late", broken > 0);
  $("tab-cluster").querySelector(".pip").hidden = broken === 0;
  drawStory(cluster.story);
}

function drawStory(story) {
  const steps = story?.steps ?? [];
  $("story").hidden = steps.length === 0;
  if (!steps.length) return;
  const open = steps.findIndex((step) => !step.done);
  const now = open < 0 ? steps.length - 1 : open;
  const key = `${now}:${steps[now].title}`;
  if ($("story").dataset.at !== key) {
    if ($("story").dataset.at) flash($("story"));
    $("story").dataset.at = key;
  }
  $("story-title").textContent = steps[now].title;
  $("story-text").textContent = steps[now].text;
  $("story-count").textContent = open < 0 ? "done" : `${now + 1} of ${steps.length}`;
  const byIndex = (_, index) => index;
  const marked = steps.map((step, index) => ({ ...step, mark: step.done ? "done" : index === now ? "now" : "" }));
  sync($("story-dots"), marked, byIndex, () => h("i"), (node, step) => (node.className = step.mark));
  sync($("story-steps"), marked, byIndex, () => h("li", null, h("b"), " ", h("span")), (node, step) => {
    node.className = step.mark;
    node.children[0].textContent = step.title;
    node.children[1].textContent = step.text;
    if (step.mark === "now") node.setAttribute("aria-current", "step");
    else node.removeAttribute("aria-current");
  });
}

let busy = false;

let drawn = false;

async function poll() {
  if (busy || (drawn && document.hidden)) return;
  busy = true;
  try {
    draw(await getJson("/sim/cluster"));
    drawn = true;
  } catch {
    // The banner of the Slack side says that the server is away; the next poll tries again.
  } finally {
    busy = false;
  }
}

/** Starts to show the cluster, once a second while the page is visible. */
export function startCluster() {
  build();
  poll();
  setInterval(poll, EVERY_MS);
  document.addEventListener("visibilitychange", poll);
}
