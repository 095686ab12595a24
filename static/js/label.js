// The labelling page: wires keys, stage, panel, supply and outbox together.

import { button, byId, fill, format } from "./dom.js";
import { Held } from "./held.js";
import { History } from "./history.js";
import { listen, shortcuts } from "./keys.js";
import { newUuid, Outbox } from "./outbox.js";
import { Panel } from "./panel.js";
import { showProblems } from "./problems.js";
import { postJson, useToken } from "./server.js";
import { Stage } from "./stage.js";
import { Strip } from "./strip.js";
import { Supply } from "./supply.js";
import { Tabs } from "./tabs.js";
import { Pace, Tally } from "./tally.js";
import { TypeAhead } from "./typeahead.js";

const BANNER_MS = 10_000;

const boot = JSON.parse(byId("boot").textContent);
const texts = { ...byId("texts").dataset };
const isMulti = boot.question.multi_label;
const person = boot.user?.id ?? boot.user?.username ?? boot.user ?? "";
const scope = [boot.project.slug, boot.question.key, person].join("/");
useToken(boot.csrf);

const address = (size) => (sample) => boot.urls.image.replace(/\/0\/\d+/, `/${sample}/${size}`);
const held = new Held();
const tally = new Tally();
const pace = new Pace(scope);
const outbox = new Outbox({ scope, url: boot.urls.save });
const history = new History(outbox, (uuid, before, after) => tally.expect(uuid, before, after));
const tabs = new Tabs(scope, newUuid());
const supply = new Supply({ url: boot.urls.next, question: boot.question.key, held, outbox, tabs });
const stage = new Stage(byId("stage"), {
  source: address(1280),
  describe: (entry) => format(texts.image, { id: entry.sample, path: entry.path }),
});
const panel = new Panel({
  list: byId("classes"),
  suggestions: byId("suggestions"),
  isMulti,
  texts,
  onClass: (id, event) => clicked(event, () => choose(id)),
  onSuggestion: (number, event) => clicked(event, () => takeSuggestion(number)),
});
const strip = new Strip(byId("strip"), {
  source: address(256),
  state: (entry) => (entry.isDone ? say(entry.stands) : texts.open),
  colour: (entry) => panel.get(entry.stands?.classes[0])?.colour,
  texts,
  onPick: (entry, event) => clicked(event, () => goTo(entry)),
});
const typeAhead = new TypeAhead({
  classes: () => panel.classes,
  create: boot.can_create_classes ? createClass : null,
  onPick: (id) => choose(id),
  texts,
});

// --- what a person can do -------------------------------------------------------------------------

const commands = {
  previous: () => step(-1, texts.nothingBefore),
  next: () => step(1, texts.nothingAfter),
  skip: () => decide("skip", []),
  undo,
  redo,
  accept: () => takeSuggestion(1),
  confirm: () => isMulti && confirm(),
  palette: () => openTypeAhead(""),
  help: () => byId("help").showModal(),
  digit: ({ digit }) => takeDigit(digit),
  letter: ({ letter }) => {
    const row = panel.classes.find(({ key }) => key && key.toLowerCase() === letter);
    if (row) choose(row.id);
    else openTypeAhead(letter);
  },
};

function choose(id) {
  const entry = held.current;
  if (!entry) return;
  if (!isMulti) {
    decide("answer", [id]);
    return;
  }
  entry.draft ??= new Set(entry.stands?.classes);
  if (!entry.draft.delete(id)) entry.draft.add(id);
  notify("");
  render();
}

function confirm() {
  const entry = held.current;
  if (!entry) return;
  const chosen = [...(entry.draft ?? entry.stands?.classes ?? [])];
  if (chosen.length) decide("answer", chosen);
  else notify(texts.noClass);
}

function decide(verdict, classes) {
  const entry = held.current;
  if (!entry) return;
  if (verdict === "answer" && !stage.isVisible) {
    notify(texts.notShown); // nobody can judge what isn't there
    return;
  }
  const decision = { verdict, classes, dwell_ms: stage.dwell };
  history.decide(entry, decision);
  if (verdict === "answer") pace.count(1);
  held.advance();
  acknowledge(say(decision));
  supply.refill();
}

function undo() {
  const entry = history.undo();
  if (!entry) return;
  if (!entry.isDone) pace.count(-1);
  held.goTo(entry);
  acknowledge(texts.takenBack);
}

function redo() {
  const entry = history.redo();
  if (!entry) return;
  pace.count(1);
  held.goTo(entry);
  held.advance(); // as the decision itself did: the next key is for the next image
  acknowledge(say(entry.stands));
  supply.refill();
}

function takeSuggestion(number) {
  const entry = held.current;
  const suggestion = entry?.suggestions[number - 1];
  if (suggestion) choose(suggestion[0]);
  else if (entry && !entry.suggestions.length) notify(entry.blind ? texts.blind : texts.noneYet);
}

function takeDigit(digit) {
  if (!held.current) return;
  const place = digit === 0 ? 10 : digit;
  if (held.current.suggestions.length) {
    takeSuggestion(place);
    return;
  }
  const row = panel.classes[place - 1];
  if (row) choose(row.id);
}

function step(by, otherwise) {
  notify(held.step(by) ? "" : otherwise);
  render();
}

function goTo(entry) {
  held.goTo(entry);
  notify("");
  render();
}

function openTypeAhead(text) {
  if (held.current) typeAhead.open(text, held.current.suggestions.map(([id]) => id));
}

async function createClass(name) {
  const { data } = await postJson(boot.urls.classes, { name });
  if (!data?.class) return { detail: data?.detail };
  panel.addClass(data.class);
  return { row: data.class };
}

/** A mouse click gives the keyboard back to the stage: Space must not press the same button again. */
function clicked(event, act) {
  act();
  if (event.detail > 0 && !document.querySelector("dialog[open]")) byId("stage").focus({ preventScroll: true });
}

// --- what a person sees ---------------------------------------------------------------------------

function say(decision) {
  if (!decision || decision.verdict === "withdraw") return texts.takenBack;
  return decision.verdict === "skip" ? texts.skipped : decision.classes.map((id) => panel.name(id)).join(", ");
}

function acknowledge(name) {
  render();
  fill(byId("last"), format(texts.last, { name }));
  notify("");
  const left = supply.pool ? Math.max(0, supply.pool.total - (tally.labelled ?? 0)) : "";
  fill(byId("live"), format(texts.announce, { name, left }));
}

const notify = (text) => fill(byId("notice"), text);

function render() {
  const entry = held.current;
  stage.show(entry);
  panel.show(entry, { note: byId("no-suggestion"), isDigitForClass: Boolean(entry) && !entry.suggestions.length });
  strip.show(held.entries, held.index);
  fill(byId("reason"), entry?.reason ?? "");
  fill(byId("path"), entry?.path ?? "");
  showMessage();
  showNumbers();
  for (const each of document.querySelectorAll("[data-command]")) {
    const { command } = each.dataset;
    if (command === "undo") each.disabled = !history.canUndo;
    else if (command === "redo") each.disabled = !history.canRedo;
    else if (["skip", "confirm", "palette"].includes(command)) each.disabled = !entry;
  }
  if (entry && entry.isDone) notify(format(texts.previous, { name: say(entry.stands) }));
  stage.prepare(held.entries, held.index);
}

function showMessage() {
  const box = byId("stage-message");
  const bar = byId("stage-progress");
  const isBroken = Boolean(held.current) && stage.isBroken;
  box.hidden = Boolean(held.current) && !isBroken;
  fill(byId("stage-text"), isBroken ? texts.broken : emptyText());
  const isPreparing = !held.current && supply.state === "preparing" && supply.pool?.embedded < supply.pool?.total;
  bar.hidden = !isPreparing;
  if (isPreparing) {
    bar.max = Math.max(1, supply.pool.total);
    bar.value = supply.pool.embedded;
  }
  byId("stage-links").hidden = Boolean(held.current) || !["finished", "preparing"].includes(supply.state);
  byId("stage-retry").hidden = !isBroken;
}

function emptyText() {
  if (supply.isTroubled) return texts.noServer;
  if (supply.state === null) return texts.loading;
  if (supply.message) return supply.message;
  if (supply.state === "finished") return texts.finished;
  if (supply.state !== "preparing") return texts.waiting;
  return format(texts.preparing, { done: supply.pool?.embedded ?? 0, total: supply.pool?.total ?? 0 });
}

function showNumbers() {
  const { labelled } = tally;
  const number = (n) => (n === null || n === undefined ? "–" : n.toLocaleString(document.documentElement.lang));
  fill(byId("labelled"), number(labelled));
  fill(byId("total"), number(supply.pool?.total));
  fill(byId("round"), number(supply.round?.number));
  byId("pool-progress").max = Math.max(1, supply.pool?.total ?? 1);
  byId("pool-progress").value = labelled ?? 0;
  const speed = pace.perMinute;
  fill(byId("pace"), speed === null ? "" : format(texts.pace, { n: speed }));
  panel.showCounts(tally.counts);
}

function showSaveState() {
  const words = { saved: texts.saved, saving: texts.saving, offline: texts.offline, busy: texts.busy };
  const element = byId("save-state");
  element.dataset.state = outbox.state;
  fill(element, format(words[outbox.state] ?? texts.signedOut, { n: outbox.pending.size }));
  if (!outbox.isDurable) notify(texts.notKept);
}

let bannerTimer = null;

function showBanner(number) {
  fill(byId("banner"), format(texts.fresh, { n: number }));
  clearTimeout(bannerTimer);
  bannerTimer = setTimeout(() => fill(byId("banner"), ""), BANNER_MS);
}

// --- wiring ---------------------------------------------------------------------------------------

outbox.addEventListener("change", showSaveState);
outbox.addEventListener("settled", ({ detail: { uuid, status, event, current } }) => {
  tally.settled(uuid);
  const entry = held.find(event.sample);
  if (status >= 400 && entry?.lastUuid === uuid) entry.lastUuid = current?.uuid ?? event.supersedes;
});
outbox.addEventListener("answer", ({ detail }) => {
  tally.known(detail);
  showNumbers();
  supply.hear(detail.round);
});
supply.addEventListener("answer", ({ detail: { isFreshRound } }) => {
  if (supply.pool) tally.known({ labelled: supply.pool.labelled });
  if (isFreshRound) showBanner(supply.round.number);
  render();
});
supply.addEventListener("trouble", render);
byId("stage").addEventListener("imagestate", showMessage);

byId("stage-message").append(button(texts.retry, () => stage.retry(), { id: "stage-retry", hidden: "" }));
for (const element of document.querySelectorAll("[data-command]")) {
  element.addEventListener("click", (event) => clicked(event, () => commands[element.dataset.command]()));
}
document.querySelector("[data-command=confirm]").hidden = !isMulti;
byId("shortcuts").checked = shortcuts.on;
byId("shortcuts").addEventListener("change", (event) => {
  shortcuts.on = event.target.checked;
});
listen((meant) => commands[meant.name](meant));

for (const row of boot.classes) panel.addClass(row);
tally.known({ counts: Object.fromEntries(boot.classes.flatMap(({ id, count }) => (count >= 0 ? [[id, count]] : []))) });
showProblems({ root: byId("problems"), outbox, history, held, texts, say, onChange: render });
render();
outbox.ready().then(() => supply.refill());
