// Grid mode: pages of tiles that probably are of one class. The odd ones out are selected, Enter confirms the rest.

import { newUuid } from "../core/outbox.js";
import { TileSupply } from "../core/tile_supply.js";
import { byId, fill, format, number } from "../parts/dom.js";
import { GridView } from "../parts/grid_view.js";
import { openSession } from "../parts/session.js";
import { Tiles } from "../parts/tiles.js";
import { TypeAhead } from "../parts/typeahead.js";

const MOST = 60;
const FEWEST = 40; // also where they are too many to be seen at once
const FRESH_MS = 2500; // after labels were saved: by then their round is there, and the page to come is of it
const GUARD_MS = 400; // between two Enters that mean two things
const REMEMBERED = 120; // outliers left undecided that don't come again, and pages to go back to

const session = openSession({ mode: "grid" });
const { boot, texts, history, outbox, pace } = session;

let page = null; // {group, target, subjects, seenMs, since}
let next = null; // the page to come
const waiting = []; // pages to return to once one that was taken back is done
let passed = []; // subjects left undecided: held on to, so that they don't come again at once
const bySample = new Map(); // sample id -> subject
let decided = new Map(); // what was decided since the groups were counted: subject -> group
let lastConfirm = 0;
let said = ""; // of the last decision, for who can't see it

const tiles = new Tiles(byId("tiles"), {
  address: (sample, size) => session.address(sample, size),
  state: stateOf,
  texts,
  scope: boot.user,
  onChange: () => render(),
  onToggle: (_, label) => session.announce(label),
});
const supply = new TileSupply({
  session,
  url: boot.urls.grid_tiles,
  keep: () => held().map(({ sample }) => sample),
  count: () => Math.min(MOST, Math.max(FEWEST, tiles.capacity)),
});
const typeAhead = new TypeAhead({
  classes: () => session.classes.rows,
  create: session.canCreate ? (name) => session.createClass(name) : null,
  onPick: (id) => choose(id),
  scope: session.scope,
  texts,
});

const view = new GridView({
  session,
  tiles,
  supply,
  left,
  whyNot: () => whyNot(),
  onClass: (id) => choose(id),
  onGroup: (group) => turnTo({ group: group.id }),
});

// --- pages ----------------------------------------------------------------------------------------

function stateOf(subject) {
  if (subject.isDone) return { text: session.say(subject.stands), colour: session.colour(subject.stands.classes[0]) };
  if (subject.isGone) return { text: texts.gone };
  if (subject.isPassed) return { text: subject.flag ? texts.flagged : texts.left };
  return null;
}

const isOpen = (subject) => !stateOf(subject);
const openOf = (one) => (one?.subjects ?? []).filter(isOpen);

/** All that this page holds and has not decided. */
const held = () => [...[page, next, ...waiting].flatMap(openOf), ...passed.filter(({ isDone }) => !isDone)];

function pageOf({ group, subjects }) {
  const target = group.class ?? (group.id === page?.group.id ? page.target : null);
  const made = { group, target, subjects, seenMs: 0, since: 0 };
  for (const subject of subjects) {
    subject.page = made;
    bySample.set(subject.sample, subject);
  }
  return made;
}

/** Fetch the page to come, pictures and all; what was fetched before is given back. */
async function prepare(asked = { group: page?.group.id, class: page?.group.class }) {
  next = null;
  await outbox.ready(); // what earlier pages left unsaved is held by nobody else
  const found = await supply.next(asked);
  if (!found) return;
  next = pageOf(found);
  if (page && openOf(page).length) await tiles.prepare(next.subjects);
  else turn();
}

/** To the next page; it may still be on its way. */
function turn() {
  clock(false);
  page = waiting.shift() ?? next;
  if (page === next) next = null;
  show();
  if (page && !next) prepare();
}

function show() {
  byId("tiles").hidden = !page; // what is hidden can't take the focus
  tiles.show((page?.subjects ?? []).filter(({ isGone }) => !isGone));
  clock(!document.hidden);
  session.notify("");
  if (page && !document.querySelector("dialog[open]") && !document.activeElement?.closest("select, input"))
    tiles.focus();
  session.announce([said, view.spoken(page)].filter(Boolean).join(". "));
  said = "";
  render();
}

/** Leave this page for another group or class; what is not decided on it is given back. */
function turnTo(asked) {
  for (const subject of [...openOf(page), ...waiting.flatMap(openOf)]) subject.isGone = true;
  waiting.length = 0;
  page = null;
  show();
  prepare(asked);
}

/** Time in view counts: a page behind another tab is not looked at. */
function clock(isRunning) {
  if (!page) return;
  if (page.since) page.seenMs += performance.now() - page.since;
  page.since = isRunning ? performance.now() : 0;
}

/** Milliseconds a tile of this page was looked at, on average. */
function dwell() {
  clock(!document.hidden);
  return Math.round(page.seenMs / Math.max(1, page.subjects.length));
}

// --- what a person can do -------------------------------------------------------------------------

const commands = {
  ...tiles.commands,
  ...view.commands,
  confirm,
  undo,
  redo,
  skip: () => decideSelected({ verdict: "skip", classes: [] }),
  unsure: () => decideSelected({ verdict: "unsure", classes: [] }),
  blank: () => (session.classes.blank ? choose(session.classes.blank.id) : session.notify(texts.noBlank)),
  flag,
  palette: () => typeAhead.open("", page?.target ? [page.target] : []),
  help: () => byId("help").showModal(),
  digit: ({ digit }) => {
    const row = session.classes.rows[(digit || 10) - 1];
    if (row) choose(row.id);
  },
  letter: (meant) => {
    const row = session.classes.byKey(meant);
    if (row) choose(row.id);
    else typeAhead.open(meant.letter, page?.target ? [page.target] : []);
  },
};

/** A class was named: the selected tiles are of it, or else it is what the page is to be of. */
function choose(id) {
  if (tiles.selected.length) {
    decide(tiles.selected, { verdict: "answer", classes: [id] });
    return;
  }
  const group = supply.groups.find((each) => each.class === id && left(each) > 0);
  if (group && group.class !== page?.group.class) {
    turnTo({ group: group.id, class: id });
    return;
  }
  if (!page && supply.state === null) turnTo({ class: id }); // before any answer: the first page is to be of it
  if (!page) return;
  page.target = id;
  session.notify("");
  session.announce(view.spoken(page));
  render();
}

function decideSelected(after) {
  if (tiles.selected.length) decide(tiles.selected, after);
  else session.notify(texts.selectFirst);
}

/** The rest is what the page is of; where only outliers are left, they stay undecided. */
function confirm() {
  if (!page) return session.notify(view.emptyText());
  if (performance.now() - lastConfirm < GUARD_MS) return;
  const rest = tiles.unselected;
  if (!rest.length) {
    lastConfirm = performance.now();
    pass(tiles.selected);
    turn();
    return;
  }
  const obstacle = whyNot();
  if (obstacle) {
    session.notify(obstacle);
    session.announce(obstacle);
    if (tiles.seen < tiles.open.length && tiles.unseen) tiles.focus(tiles.unseen);
    return;
  }
  lastConfirm = performance.now();
  decide(rest, { verdict: "answer", classes: [page.target] }, texts.confirmed);
}

/** Why the rest can't be confirmed now, in words; empty where it can. */
function whyNot() {
  if (!page) return view.emptyText();
  if (page.target === null) return texts.noTarget;
  if (!tiles.loaded) return texts.notLoaded;
  const [seen, total] = [tiles.seen, tiles.open.length];
  return seen < total ? format(texts.notSeen, { n: seen, total }) : "";
}

function decide(subjects, after, text = texts.given) {
  const timed = { ...after, dwell_ms: dwell() };
  history.decide(subjects.map((subject) => ({ subject, after: timed })));
  for (const subject of subjects) decided.set(subject, subject.page.group);
  if (after.verdict === "answer") pace.count(subjects.length);
  step(text, subjects.length, after);
  afterwards();
}

/** What follows a decision: the next page where nothing is open on this one. */
function afterwards() {
  tiles.refresh();
  if (!tiles.open.length) turn();
  else if (byId("stage").contains(document.activeElement)) tiles.focus();
}

/** Leave tiles undecided: they are held on to for a while, and come again to somebody else, or later. */
function pass(subjects) {
  for (const subject of subjects) subject.isPassed = true;
  passed = [...subjects, ...passed].slice(0, REMEMBERED);
}

/** Say what was done. */
function step(text, count, decision) {
  const values = { n: number(count), name: session.say(decision), left: number(tiles.open.length) };
  said = format(text, values);
  fill(byId("last"), format(texts.last, { name: said }));
  session.notify("");
  session.announce(said);
}

function undo() {
  const taken = history.undo();
  if (!taken) return;
  for (const subject of taken) decided.delete(subject);
  pace.count(-taken.length);
  step(texts.undone, taken.length);
  goBack(taken);
  tiles.refresh();
}

function redo() {
  const again = history.redo();
  if (!again) return;
  lastConfirm = performance.now();
  for (const subject of again) decided.set(subject, subject.page.group);
  pace.count(again.length);
  goBack(again);
  step(texts.given, again.length, again[0].stands);
  afterwards();
}

/** Show the page that a step back or forward was about; the one in view waits meanwhile. */
function goBack([{ page: theirs }]) {
  if (theirs === page) return;
  for (const subject of theirs.subjects) subject.isPassed = false;
  const at = waiting.indexOf(theirs);
  if (at >= 0) waiting.splice(at, 1);
  clock(false);
  if (page && openOf(page).length) waiting.unshift(page);
  page = theirs;
  show();
}

/** Flag the selected tiles, with one note for all: they need another look, and are left for it. */
function flag() {
  const [first, ...others] = tiles.selected;
  if (!first) {
    session.notify(texts.selectFirst);
    return;
  }
  session.flag(first, () => {
    if (!first.flag) return;
    for (const subject of others) {
      subject.flag = { uuid: newUuid(), note: first.flag.note };
      outbox.add({ uuid: subject.flag.uuid, kind: "flag", sample: subject.sample, note: first.flag.note });
    }
    pass([first, ...others]);
    afterwards();
  });
}

// --- what a person sees ---------------------------------------------------------------------------

/** How many of a group nobody has decided on, as far as is known here. */
function left(group) {
  const isIts = (each) => each.id === group.id || (group.class !== null && each.class === group.class);
  return Math.max(0, group.left - Array.from(decided.values()).filter(isIts).length);
}

let isDue = false;

/** Once for all that changes together. */
function render() {
  if (isDue) return;
  isDue = true;
  queueMicrotask(() => {
    isDue = false;
    view.draw(page);
  });
}

// --- wiring ---------------------------------------------------------------------------------------

let freshTimer = null;
let fetchedRound = 0;

// What was saved brings a round, and with it better pages: the one to come is fetched anew.
outbox.addEventListener("answer", () => {
  clearTimeout(freshTimer);
  freshTimer = setTimeout(() => page && prepare(), FRESH_MS);
});
supply.addEventListener("change", () => {
  session.showNumbers(supply);
  if (supply.round?.number > fetchedRound && fetchedRound) session.showBanner(supply.round.number);
  fetchedRound = supply.round?.number ?? fetchedRound;
  const unsaved = new Set(Array.from(outbox.pending.values(), ({ sample }) => sample));
  decided = new Map([...decided].filter(([{ sample }]) => unsaved.has(sample)));
  render();
});
supply.addEventListener("kept", ({ detail: { asked, kept } }) => {
  for (const sample of asked) {
    const subject = bySample.get(sample);
    if (subject && !kept.has(sample) && !subject.isDone) subject.isGone = true; // somebody else's by now
  }
  tiles.refresh();
});
document.addEventListener("visibilitychange", () => clock(!document.hidden));
byId("stage").addEventListener("focus", () => tiles.focus());

session.listen(commands);
session.releaseOnLeave(() => held().map(({ sample }) => sample));
session.showProblems(
  (sample) => bySample.get(sample) ?? null,
  () => tiles.refresh(),
);
render();
prepare({});
