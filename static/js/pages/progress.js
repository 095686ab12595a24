// The progress page: the learning curve, and the parts that htmx refreshes.

import uPlot from "../../vendor/uplot/uPlot.esm.js";
import { build, byId, number, started } from "../parts/dom.js";

const HEIGHT = 300;

const root = byId("curve");
const texts = root.dataset;
let chart = null;
let rounds = [];
let random = []; // pairs of a number of random labels and the accuracy they would have given

const percent = (value) => (value === null || value === undefined ? "–" : `${Math.round(value * 100)} %`);

/** What a custom property comes to, in a form that a canvas understands. */
function colour(name) {
  const probe = build("span");
  probe.style.color = `var(${name})`;
  root.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function faint(rgb) {
  return rgb.replace(/^rgb\((.+)\)$/, (_, parts) => `rgba(${parts}, 0.16)`);
}

function options(width) {
  const [accent, text, line, warn] = ["--accent", "--text-2", "--line", "--warn"].map(colour);
  const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  const shown = (_, value) => percent(value);
  const edge = { stroke: accent, width: 0.5, scale: "%", value: shown, points: { show: false }, spanGaps: true };
  return {
    width,
    height: HEIGHT,
    scales: {
      x: { time: false },
      "%": { range: [0, 1] },
      n: { range: (_, _low, high) => [0, Math.max(2, Math.ceil((high ?? 1) * 1.15))] },
    },
    axes: [
      { ...axis, label: texts.labels, labelSize: 22 },
      { ...axis, scale: "%", values: (_, ticks) => ticks.map(percent), size: 60 },
      {
        ...axis,
        scale: "n",
        side: 1,
        size: 40,
        grid: { show: false },
        values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? tick : "")),
      },
    ],
    series: [
      { label: texts.labels },
      { ...edge, label: texts.accuracy, width: 2, points: { size: 6, fill: accent } },
      { ...edge, label: texts.high },
      { ...edge, label: texts.low },
      {
        label: texts.classes,
        stroke: warn,
        width: 2,
        dash: [6, 4],
        scale: "n",
        paths: uPlot.paths.stepped({ align: 1 }),
        spanGaps: true,
        points: { show: false },
      },
      {
        label: texts.random,
        stroke: text,
        width: 2,
        dash: [2, 4],
        scale: "%",
        value: shown,
        spanGaps: true,
        points: { show: false },
      },
    ],
    bands: [{ series: [2, 3], fill: faint(accent) }],
    cursor: { drag: { x: false, y: false } },
  };
}

function draw() {
  chart?.destroy();
  chart = null;
  byId("curve-empty").hidden = rounds.length > 0;
  if (!rounds.length) return;
  const column = (name) => rounds.map((round) => round[name] ?? null);
  const known = ["n_labels", "accuracy", "high", "low", "classes_found"].map(column);
  const byRandom = [0, 1].map((column) => random.map((pair) => pair[column]));
  chart = new uPlot(options(root.clientWidth), uPlot.join([known, byRandom]), root);
}

function tabulate() {
  const cell = (text) => build("td", { class: "number" }, [text]);
  const rows = rounds.toReversed().map((round) => {
    const interval = round.accuracy === null ? "–" : `${percent(round.low)} – ${percent(round.high)}`;
    const audit = [percent(round.accuracy), interval, number(round.audit_n)];
    const values = [String(round.number), number(round.n_labels), ...audit, number(round.classes_found)];
    return build("tr", {}, values.map(cell));
  });
  byId("curve-rows").replaceChildren(...rows);
}

async function load() {
  if (!texts.url) return draw(); // nothing is asked yet
  try {
    const response = await fetch(texts.url, { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    ({ rounds, random } = await response.json());
  } catch {
    return; // the next round tries again
  }
  draw();
  tabulate();
}

// --- the parts that htmx refreshes ----------------------------------------------------------------

let drawnRound = byId("live").dataset.round;

const scrollers = (element) => [...element.querySelectorAll(".scroll, .scroll-y")];

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden) event.preventDefault(); // nobody looks
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  event.detail.shouldSwap = false; // part by part instead: nothing else moves under the reader's hands
  if (xhr.responseURL && new URL(xhr.responseURL).pathname !== location.pathname) {
    location.reload(); // signed out: the log-in page came instead
    return;
  }
  const fresh = new DOMParser().parseFromString(xhr.responseText, "text/html").getElementById("live");
  if (fresh) refresh(fresh);
});

function refresh(fresh) {
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const now = byId("live").querySelector(`[data-part="${part.dataset.part}"]`);
    if (now && !isSame(part, now)) replace(now, document.adoptNode(part));
  }
  byId("live").dataset.round = fresh.dataset.round;
  if (fresh.dataset.round === drawnRound) return;
  drawnRound = fresh.dataset.round;
  load();
}

/** Put a part in another's place, and keep what the reader had opened, scrolled to and focused. */
function replace(now, part) {
  const opened = [...now.querySelectorAll("details[open][id]")].map(({ id }) => id);
  const scrolled = scrollers(now).map(({ scrollLeft, scrollTop }) => [scrollLeft, scrollTop]);
  const focused = now.contains(document.activeElement) ? document.activeElement.id : "";
  now.replaceWith(part);
  for (const id of opened) byId(id)?.setAttribute("open", "");
  scrollers(part).forEach((each, at) => each.scrollTo(...(scrolled[at] ?? [0, 0])));
  if (focused) byId(focused)?.focus({ preventScroll: true });
}

function isSame(part, now) {
  const plain = (element) => {
    const copy = element.cloneNode(true);
    for (const each of copy.querySelectorAll("details")) each.removeAttribute("open");
    return copy.outerHTML;
  };
  return plain(part) === plain(now);
}

new ResizeObserver(() => chart?.setSize({ width: root.clientWidth, height: HEIGHT })).observe(root);
document.documentElement.addEventListener("themechange", draw);
for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"]) {
  matchMedia(query).addEventListener("change", draw);
}
started();
load();
