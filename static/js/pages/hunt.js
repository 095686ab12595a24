// Hunt mode: the likeliest pictures of a class, or what looks like an example, page by page. What was confirmed teaches
// the head, and the pages to come are fetched anew from a fresh hunt; the one in view never changes under the hand.

import { Hunting } from "../core/hunting.js";
import { newUuid } from "../core/outbox.js";
import { TileSupply } from "../core/tile_supply.js";
import { byId, fill, format, number } from "../parts/dom.js";
import { HuntView } from "../parts/hunt_view.js";
import { openSession } from "../parts/session.js";
import { Tiles } from "../parts/tiles.js";
import { TypeAhead } from "../parts/typeahead.js";

const MOST = 40; // tiles: fewer than in the grid, so that the ranking follows sooner
const FEWEST = 20;
const FRESH_MS = 700; // after labels were saved, in which further ones share a hunt
const GUARD_MS = 400; // between two Enters that mean two things
const REMEMBERED = 1000; // passed over and not shown again: as many as a request may name
const LIKELY = 0.5; // share of a page from which on people mark what is not the class

const session = openSession({ mode: "hunt" });
const { boot, texts, history: decisions, outbox, pace } = session;

let page = null; // {target, subjects, seenMs, since}
let next = null; // the page to come
let marks = "are"; // what a mark means: "are" of the class, or "not"
let rest = null; // the class of what isn't marked, where marks are "are"; null = it stays open
let isMarksChosen = false; // by the person, or by the first page that was decided
let lastConfirm = 0;
let said = ""; // of the last decision, for who can't see it
let passed = []; // sample ids passed over, the newest last
const waiting = []; // pages to return to once one that was taken back is done
const bySample = new Map(); // sample id -> subject
const steps = { undo: [], redo: [] }; // {page, aim, passed: subjects} beside each step of the history

const tiles = new Tiles(byId("tiles"), {
  address: (sample, size) => session.address(sample, size),
  state: stateOf,
  texts,
  scope: `${boot.user}:hunt`,
  onChange: () => render(),
  onToggle: (_, label) => session.announce(label),
  leaveOut: (subject) => (subject.isPassed = true),
});
const supply = new TileSupply({
  session,
  url: boot.urls.hunt_tiles,
  keep: () => held().map(({ sample }) => sample),
  count: () => Math.min(MOST, Math.max(FEWEST, tiles.capacity)),
  isOver: ({ state }) => state !== "hunting",
});
const hunting = new Hunting({ session, supply, without: () => without() });
const typeAhead = new TypeAhead({
  classes: () => session.classes.rows,
  create: session.canCreate ? (name) => session.createClass(name) : null,
  onPick: (id) => choose(id),
  scope: session.scope,
  texts,
});
const view = new HuntView({
  session,
  tiles,
  supply,
  hunting,
  look: () => ({ page, marks, rest }),
  whyNot: () => whyNot(),
  onClass: (id) => choose(id),
  onExample: (sample) => begin({ class: hunting.aim.class, like: [sample] }),
  onMarks: (meaning) => mean(meaning),
  onRest: (id) => {
    rest = id;
    render();
  },
});

// --- hunting --------------------------------------------------------------------------------------

const without = () => passed.slice(-REMEMBERED);

/** Hunt for something else; null leads back to the choice. */
function begin(aim) {
  for (const subject of [...openOf(page), ...waiting.flatMap(openOf)]) subject.isGone = true;
  if (aim?.class !== hunting.aim?.class) passed = [];
  waiting.length = 0;
  [page, next, rest, isMarksChosen] = [null, null, null, false];
  hunting.begin(aim);
  show();
}

/** The address says what is hunted, so that a reload goes on with it. */
function remember() {
  const { aim } = hunting;
  const query = new URLSearchParams();
  if (aim?.class) query.set("class", aim.class);
  for (const sample of aim?.like ?? []) query.append("like", sample);
  const wanted = query.size ? `?${query}` : "";
  if (location.search !== wanted) globalThis.history.replaceState(null, "", wanted || location.pathname);
}

// --- pages ----------------------------------------------------------------------------------------

function stateOf(subject) {
  if (subject.isDone) return { text: session.say(subject.stands), colour: session.colour(subject.stands.classes[0]) };
  if (subject.isGone) return { text: texts.gone };
  if (subject.isPassed) return { text: subject.flag ? texts.flagged : texts.left };
  return null;
}

const openOf = (one) => (one?.subjects ?? []).filter((subject) => !stateOf(subject));

/** All that this page holds and has not decided. */
const held = () => [page, next, ...waiting].flatMap(openOf);

/** Fetch the page to come, pictures and all; what was fetched before is given back. */
async function prepare() {
  const { job } = hunting;
  if (!job) return;
  next = null;
  const found = await supply.next({ job, without: without() });
  if (!found || job !== hunting.job) return;
  if (!found.subjects.length) {
    if (!page) hunting.end("over");
    return;
  }
  next = { target: hunting.aim.class, subjects: found.subjects, seenMs: 0, since: 0 };
  for (const subject of next.subjects) {
    subject.page = next;
    bySample.set(subject.sample, subject);
  }
  if (page && openOf(page).length) await tiles.prepare(next.subjects);
  else turn();
}

/** To the next page; it may still be on its way. */
function turn() {
  clock(false);
  page = waiting.shift() ?? next;
  if (page === next) next = null;
  if (page && !isMarksChosen) marks = (view.purity(page) ?? 0) >= LIKELY ? "not" : "are";
  show();
  if (!next) prepare();
}

function show() {
  // What is hidden can't take the focus.
  byId("tiles").hidden = !page;
  tiles.show((page?.subjects ?? []).filter(({ isGone }) => !isGone));
  clock(!document.hidden);
  session.notify("");
  view.draw();
  if (page && !document.querySelector("dialog[open]") && !document.activeElement?.closest("select, input"))
    tiles.focus();
  session.announce([said, view.spoken()].filter(Boolean).join(". "));
  said = "";
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
  skip: () => decideMarked({ verdict: "skip", classes: [] }),
  unsure: () => decideMarked({ verdict: "unsure", classes: [] }),
  blank: () => {
    const { blank } = session.classes;
    if (blank) decideMarked({ verdict: "answer", classes: [blank.id] });
    else session.notify(texts.noBlank);
  },
  flag,
  marks: () => mean(marks === "are" ? "not" : "are"),
  more_like: () => page && tiles.current && begin({ class: page.target, like: [tiles.current.sample] }),
  restart: () => begin(null),
  again: () => begin({ ...hunting.aim }),
  palette: () => typeAhead.open("", hunted()),
  help: () => byId("help").showModal(),
  digit: ({ digit }) => {
    const row = session.classes.rows[(digit || 10) - 1];
    if (row) choose(row.id);
  },
  letter: (meant) => {
    const row = session.classes.byKey(meant);
    if (row) choose(row.id);
    else typeAhead.open(meant.letter, hunted());
  },
};

const hunted = () => (hunting.aim?.class ? [hunting.aim.class] : []);

/** A class was named: the marked tiles are of it, or the examples are, or it is what to hunt for. */
function choose(id) {
  const { aim, ended } = hunting;
  if (tiles.selected.length) {
    decideMarked({ verdict: "answer", classes: [id] });
  } else if (aim && aim.class === null) {
    for (const one of [page, next, ...waiting]) if (one) one.target = id;
    hunting.name(id);
    session.notify("");
    view.draw();
    session.announce(view.spoken());
  } else if (id !== aim?.class || aim.like.length || ended) {
    begin({ class: id, like: [] });
  }
}

/** Say what a mark means from now on. What is marked already goes on meaning the same. */
function mean(meaning) {
  if (!hunting.aim || meaning === marks) return;
  marks = meaning;
  isMarksChosen = true;
  if (tiles.selected.length) for (const subject of tiles.open) subject.isSelected = !subject.isSelected;
  tiles.refresh();
  view.draw();
  session.announce(byId("marks-say").textContent);
}

function decideMarked(after) {
  const marked = tiles.selected;
  if (!marked.length) {
    session.notify(texts.selectFirst);
    return;
  }
  decide(marked.map((subject) => ({ subject, after })));
  const name = session.say(after);
  tell(format(texts.given, { n: number(marked.length), name, left: number(tiles.open.length) }));
  afterwards();
}

/** Take what is of the class; what isn't gets the class of the rest, or is passed over, or waits to be named. */
function confirm() {
  if (!page) return session.notify(view.emptyText());
  if (performance.now() - lastConfirm < GUARD_MS) return;
  const obstacle = whyNot();
  if (obstacle) {
    session.notify(obstacle);
    session.announce(obstacle);
    if (tiles.seen < tiles.open.length && tiles.unseen) tiles.focus(tiles.unseen);
    return;
  }
  lastConfirm = performance.now();
  const { selected, unselected } = tiles;
  const [it, others] = marks === "are" ? [selected, unselected] : [unselected, selected];
  const answer = (id) => (subject) => ({ subject, after: { verdict: "answer", classes: [id] } });
  const [isRest, isLeft] = marks === "are" ? [rest !== null, rest === null] : [false, !it.length];
  const over = isLeft ? others : [];
  decide([...it.map(answer(page.target)), ...(isRest ? others.map(answer(rest)) : [])], over);
  const n = it.length + (isRest ? others.length : 0);
  tell(format(texts.taken, { n: number(n), name: view.name, m: number(over.length) }));
  afterwards();
}

/** Why Enter does nothing now, in words; empty where it does. */
function whyNot() {
  if (!page) return view.emptyText();
  const it = marks === "are" ? tiles.selected : tiles.unselected;
  if (page.target === null && it.length) return texts.noTarget;
  if (marks === "not" && !tiles.loaded) return texts.notLoaded;
  const [seen, total] = [tiles.seen, tiles.open.length];
  return seen < total ? format(texts.notSeen, { n: number(seen), total: number(total) }) : "";
}

/** Decide on subjects, and pass over others, in one step. */
function decide(list, over = []) {
  const dwell_ms = dwell();
  decisions.decide(list.map(({ subject, after }) => ({ subject, after: { ...after, dwell_ms } })));
  steps.undo.push({ page, aim: hunting.aim, passed: over });
  steps.redo = [];
  pass(over, true);
  isMarksChosen = true;
  hunting.isNews ||= list.length > 0;
  pace.count(list.filter(({ after }) => after.verdict === "answer").length);
}

function pass(subjects, isPassed) {
  const ids = new Set(subjects.map(({ sample }) => sample));
  for (const subject of subjects) subject.isPassed = isPassed;
  passed = passed.filter((sample) => !ids.has(sample));
  if (isPassed) passed.push(...ids);
}

/** What follows a decision: the next page where nothing is open on this one. */
function afterwards() {
  tiles.refresh();
  if (!tiles.open.length) turn();
  else if (byId("stage").contains(document.activeElement)) tiles.focus();
}

/** Say what was done. */
function tell(text) {
  said = text;
  fill(byId("last"), format(texts.last, { name: said }));
  session.notify("");
  session.announce(said);
}

function undo() {
  const taken = decisions.undo();
  if (!taken) return;
  const step = steps.undo.pop();
  steps.redo.push(step);
  pass(step.passed, false);
  pace.count(-taken.length);
  hunting.isNews ||= taken.length > 0;
  tell(format(texts.undone, { n: number(taken.length || step.passed.length) }));
  goBack(step);
  tiles.refresh();
}

function redo() {
  const again = decisions.redo();
  if (!again) return;
  const step = steps.redo.pop();
  steps.undo.push(step);
  goBack(step);
  pass(step.passed, true);
  pace.count(again.length);
  hunting.isNews ||= again.length > 0;
  const name = again.length ? session.say(again[0].stands) : texts.left;
  tell(format(texts.taken, { n: number(again.length), name, m: number(step.passed.length) }));
  afterwards();
}

/** Show the page that a step back or forward was about; the one in view waits meanwhile. */
function goBack({ page: theirs, aim: its }) {
  if (theirs === page) return;
  const at = waiting.indexOf(theirs);
  if (at >= 0) waiting.splice(at, 1);
  clock(false);
  if (page && openOf(page).length) waiting.unshift(page);
  for (const subject of theirs.subjects) subject.isGone = false;
  page = theirs;
  if (its.class !== hunting.aim?.class) resume(its);
  show();
}

/** Go back to an earlier hunt, of which a page is in view again. */
function resume(aim) {
  [next, rest] = [null, null];
  hunting.begin(aim);
}

/** Flag the marked tiles, with one note for all: they need another look, and are passed over here. */
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
    pass([first, ...others], true);
    afterwards();
  });
}

// --- what a person sees ---------------------------------------------------------------------------

let isDue = false;

/** Once for all that changes together. */
function render() {
  if (isDue) return;
  isDue = true;
  queueMicrotask(() => {
    isDue = false;
    view.draw();
  });
}

// --- wiring ---------------------------------------------------------------------------------------

let freshTimer = null;

// What was saved teaches the head: the pages to come are hunted anew, quietly.
outbox.addEventListener("answer", () => {
  clearTimeout(freshTimer);
  freshTimer = setTimeout(() => hunting.aim && hunting.isNews && hunting.renew(), FRESH_MS);
});
hunting.addEventListener("arrived", () => prepare());
hunting.addEventListener("change", () => {
  remember();
  render();
});
hunting.addEventListener("ended", () => {
  if (page) return; // it is finished first
  session.announce([said, view.emptyText()].filter(Boolean).join(". "));
  said = "";
});
supply.addEventListener("change", () => {
  session.showNumbers(supply);
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

const query = new URLSearchParams(location.search);
const like = query.getAll("like").map(Number).filter(Number.isSafeInteger);
const id = Number(query.get("class"));
const named = session.classes.get(id) ? id : null;
begin(named !== null || like.length ? { class: named, like } : null);
