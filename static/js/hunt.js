// Hunt mode: the likeliest pictures of a class, or what looks like an example, page by page. What was confirmed teaches
// the head, and the pages to come are fetched anew from a fresh hunt; the one in view never changes under the hand.

import { number } from "./class_side.js";
import { byId, fill, format } from "./dom.js";
import { HuntView } from "./hunt_view.js";
import { newUuid } from "./outbox.js";
import { openSession } from "./session.js";
import { TileSupply } from "./tile_supply.js";
import { Tiles } from "./tiles.js";
import { TypeAhead } from "./typeahead.js";

const MOST = 40; // tiles: fewer than in the grid, so that the ranking follows sooner
const FEWEST = 20;
const FRESH_MS = 700; // after labels were saved, in which further ones share a hunt
const GUARD_MS = 400; // between two Enters that mean two things
const LATE_MS = 10_000; // after which people are told that a worker is waited for
const REMEMBERED = 1000; // passed over and not shown again: as many as a request may name
const LIKELY = 0.5; // share of a page from which on people mark what is not the class
const BACK_OFF_MS = [500, 1000, 2000, 4000, 8000, 15_000];

const session = openSession({ mode: "hunt" });
const { boot, texts, history: decisions, outbox, pace } = session;

let aim = null; // {class, like}: what is hunted; the class is null until somebody has said what the examples are
let job = null; // the newest hunt that is done
let hunt = null; // what the server says of it, and foundThen: how many had been found when it was asked for
let examples = [];
let ended = null; // {state, message} of a hunt that brings no more tiles
let isLate = false;
let page = null; // {target, subjects, seenMs, since}
let next = null; // the page to come
let marks = "are"; // what a mark means: "are" of the class, or "not"
let rest = null; // the class of what isn't marked, where marks are "are"; null = it stays open
let isMarksChosen = false; // by the person
let wish = 0; // the newest hunt counts
let isNews = false; // decided since the last hunt was asked for
let lastConfirm = 0;
let said = ""; // of the last decision, for who can't see it
let passed = []; // sample ids passed over, the newest last
const waiting = []; // pages to return to once one that was taken back is done
const bySample = new Map(); // sample id -> subject
const steps = { undo: [], redo: [] }; // {page, passed: subjects} beside each step of the history

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
  look: () => ({ aim, page, hunt, examples, ended, isLate, marks, rest }),
  whyNot: () => whyNot(),
  onClass: (id) => choose(id),
  onExample: (sample) => begin({ class: aim.class, like: [sample] }),
  onMarks: (meaning) => mean(meaning),
  onRest: (id) => {
    rest = id;
    render();
  },
});

// --- hunting --------------------------------------------------------------------------------------

/** Hunt for something else; null leads back to the choice. */
function begin(wanted) {
  for (const subject of [...openOf(page), ...waiting.flatMap(openOf)]) subject.isGone = true;
  if (aim && wanted?.class !== aim.class) passed = [];
  waiting.length = 0;
  [aim, page, next, hunt, job, ended] = [wanted, null, null, null, null, null];
  [examples, rest, isMarksChosen, isLate] = [[], null, false, false];
  remember();
  show();
  if (wanted) start();
  else wish += 1;
}

/** The address says what is hunted, so that a reload goes on with it. */
function remember() {
  const query = new URLSearchParams();
  if (aim?.class) query.set("class", aim.class);
  for (const sample of aim?.like ?? []) query.append("like", sample);
  globalThis.history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
}

/** Ask a worker for a hunt, and take its tiles once it is done; the page in view stays meanwhile. */
async function start() {
  const mine = ++wish;
  const isCurrent = () => mine === wish;
  isNews = false;
  const foundThen = session.tally.counts.get(aim.class) ?? 0;
  const late = setTimeout(() => isCurrent() && setLate(), LATE_MS);
  const asked = await ask(isCurrent);
  if (asked) examples = asked.examples;
  for (let looks = 0; asked && isCurrent(); looks += 1) {
    const answer = await supply.look({ job: asked.job });
    if (answer && answer.state !== "hunting" && isCurrent()) {
      arrived(asked.job, answer, foundThen);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, answer ? supply.pause(looks) : BACK_OFF_MS[Math.min(looks, 5)]));
  }
  clearTimeout(late);
}

async function ask(isCurrent) {
  for (let tries = 0; isCurrent(); tries += 1) {
    const { class: id, like } = aim;
    const body = { like, without: passed.slice(-REMEMBERED), ...(id === null ? {} : { class: id }) };
    const { status, data, failure } = await session.post(boot.urls.hunt_start, body);
    if (!isCurrent()) return null;
    if (data?.job) return data;
    if (!failure && status >= 400 && status < 500) {
      end("failed", data?.detail ?? "");
      return null;
    }
    supply.isTroubled = true;
    render();
    await new Promise((resolve) => setTimeout(resolve, BACK_OFF_MS[Math.min(tries, BACK_OFF_MS.length - 1)]));
  }
  return null;
}

function arrived(done, answer, foundThen) {
  isLate = false;
  if (answer.state === "failed") {
    // A page in view is finished first; what comes after it is what this hunt could not tell.
    if (!page) end("failed", answer.message);
    return;
  }
  job = done;
  hunt = { ...answer.hunt, foundThen };
  ended = null;
  render();
  prepare();
}

function end(state, message = "") {
  ended = { state, message };
  session.announce([said, view.emptyText()].filter(Boolean).join(". "));
  said = "";
  render();
}

function setLate() {
  isLate = true;
  render();
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
  if (!job) return;
  next = null;
  const found = await supply.next({ job, without: passed.slice(-REMEMBERED) });
  if (!found) return;
  if (!found.subjects.length) {
    if (!page) end("over");
    return;
  }
  next = { target: aim.class, subjects: found.subjects, seenMs: 0, since: 0 };
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
  if (page && !isMarksChosen && !steps.undo.some((step) => step.aim === aim)) {
    const purity = hunt?.by === "head" ? HuntView.purity(page) : null;
    marks = purity !== null && purity >= LIKELY ? "not" : "are";
  }
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
  if (page && !document.querySelector("dialog[open]") && !document.activeElement?.closest("select, input")) tiles.focus();
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
  more_like: () => tiles.current && begin({ class: aim.class, like: [tiles.current.sample] }),
  restart: () => begin(null),
  again: () => begin({ ...aim }),
  palette: () => typeAhead.open("", aim?.class ? [aim.class] : []),
  help: () => byId("help").showModal(),
  digit: ({ digit }) => {
    const row = session.classes.rows[(digit || 10) - 1];
    if (row) choose(row.id);
  },
  letter: ({ letter }) => {
    const row = session.classes.byKey(letter);
    if (row) choose(row.id);
    else typeAhead.open(letter, aim?.class ? [aim.class] : []);
  },
};

/** A class was named: the marked tiles are of it, or the examples are, or it is what to hunt for. */
function choose(id) {
  if (tiles.selected.length) {
    decideMarked({ verdict: "answer", classes: [id] });
  } else if (aim && aim.class === null) {
    aim = { ...aim, class: id };
    for (const one of [page, next, ...waiting]) if (one) one.target = id;
    remember();
    session.notify("");
    session.announce(view.spoken());
    start();
    render();
  } else if (id !== aim?.class || aim.like.length || ended) {
    begin({ class: id, like: [] });
  }
}

/** Say what a mark means from now on. What is marked already goes on meaning the same. */
function mean(meaning) {
  if (!aim || meaning === marks) return;
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
  if (!page || performance.now() - lastConfirm < GUARD_MS) return;
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
  steps.undo.push({ page, aim, passed: over });
  steps.redo = [];
  pass(over, true);
  isNews ||= list.length > 0;
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
  isNews ||= taken.length > 0;
  tell(format(texts.undone, { n: number(taken.length + step.passed.length) }));
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
  isNews ||= again.length > 0;
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
  if (its !== aim) resume(its);
  show();
}

/** Go back to an earlier hunt, of which a page is in view again. */
function resume(its) {
  [aim, next, hunt, job, ended, examples, rest] = [its, null, null, null, null, [], null];
  remember();
  start();
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
  freshTimer = setTimeout(() => aim && isNews && start(), FRESH_MS);
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
session.showProblems((sample) => bySample.get(sample) ?? null, () => tiles.refresh());

const query = new URLSearchParams(location.search);
const like = query.getAll("like").map(Number).filter(Number.isSafeInteger);
const id = Number(query.get("class"));
const named = session.classes.get(id) ? id : null;
render();
outbox.ready().then(() => begin(named !== null || like.length ? { class: named, like } : null));
