// Review mode: what people said of an image, and what should stand.

import { choicesOf } from "../core/choices.js";
import { Held } from "../core/held.js";
import { Supply } from "../core/supply.js";
import { format } from "../core/texts.js";
import { Answers } from "../parts/answers.js";
import { build, button, byId, fill, number } from "../parts/dom.js";
import { Panel } from "../parts/panel.js";
import { openSession } from "../parts/session.js";
import { Strip } from "../parts/strip.js";
import { TypeAhead } from "../parts/typeahead.js";
import { Viewer } from "../parts/viewer.js";

const MOST_PASSED = 1000;

const session = openSession({ mode: "review" });
const { boot, texts, history, outbox, tally, pace } = session;
const isMulti = boot.question.multi_label;
const sample = new URLSearchParams(location.search).get("sample") ?? "";
const ask = { mode: "review", passed: [], ...(/^\d+$/.test(sample) ? { sample: Number(sample) } : {}) };

const held = new Held();
const supply = new Supply({ session, held, ask, url: boot.urls.review_next });
const plainKeep = byId("keep-text").textContent;
let waiting = { left: null, done: 0 }; // what the server last said waits, and how many were decided here by then

const viewer = new Viewer(byId("stage"), {
  source: (id, size) => session.address(id, size),
  describe: (entry) => format(texts.image, { id: entry.sample, path: entry.path ?? "" }),
  texts,
  notify: (text) => session.notify(text),
  clicked: (event, act) => session.clicked(event, act),
});
const answers = new Answers(byId("answers"), {
  name: (classes) => classes.map((id) => session.name(id)).join(", "),
  colour: (id) => session.colour(id),
  who,
  texts,
  onPick: (number, event) => session.clicked(event, () => takeAnswer(number)),
});
const panel = new Panel({
  list: byId("classes"),
  suggestions: build("div"), // they are among the answers
  isMulti,
  texts,
  onClass: (id, event) => session.clicked(event, () => choose(id)),
  onSuggestion: () => {},
});
const strip = new Strip(byId("strip"), {
  source: (id) => session.address(id, 256),
  state: (entry) => (entry.isDone ? session.say(entry.stands) : texts.open),
  colour: (entry) => session.colour(entry.stands?.classes[0]),
  texts,
  onPick: (entry, event) => session.clicked(event, () => goTo(entry)),
});
const typeAhead = new TypeAhead({
  classes: () => session.classes.rows,
  create: session.canCreate ? createClass : null,
  onPick: (id) => choose(id),
  scope: session.scope,
  texts,
});

// --- what a person can do -------------------------------------------------------------------------

const commands = {
  ...viewer.commands,
  previous: () => step(-1, texts.nothingBefore),
  next: () => step(1, texts.nothingAfter),
  keep,
  ignore: () => decide("ignore", []),
  unsure: () => decide("unsure", []),
  skip: pass,
  undo,
  redo,
  accept: () => {
    const [top] = held.current?.suggestions ?? [];
    if (top) choose(top[0]);
    else session.notify(texts.noOpinion);
  },
  blank: () => {
    const { blank } = session.classes;
    if (blank) decide("answer", [blank.id]);
    else session.notify(texts.noBlank);
  },
  flag: () => held.current && session.flag(held.current, render),
  palette: () => openTypeAhead(""),
  help: () => byId("help").showModal(),
  digit: ({ digit }) => takeAnswer(digit === 0 ? 10 : digit),
  letter: (meant) => {
    const row = session.classes.byKey(meant);
    if (row) choose(row.id);
    else openTypeAhead(meant.letter);
  },
};

/** The answer that stands as it is: what was picked of several classes, else the only one that was given. */
function kept(entry) {
  if (entry.draft?.size) return [...entry.draft];
  const given = choicesOf(entry).filter(({ isHeads }) => !isHeads);
  return given.length === 1 ? given[0].classes : null;
}

/** A key for an image that isn't there decides nothing, but is not passed over in silence. */
function nothingYet() {
  session.notify(emptyText());
  session.announce(emptyText());
}

function keep() {
  const entry = held.current;
  if (!entry) return nothingYet();
  const classes = kept(entry);
  if (classes) decide("answer", classes);
  else session.notify(choicesOf(entry).some(({ isHeads }) => !isHeads) ? texts.chooseOne : texts.nothingToKeep);
}

function takeAnswer(number) {
  if (!held.current) return nothingYet();
  const choice = choicesOf(held.current)[number - 1];
  if (choice) decide("answer", choice.classes);
}

function choose(id) {
  const entry = held.current;
  if (!entry) return nothingYet();
  if (!isMulti) {
    decide("answer", [id]);
    return;
  }
  entry.draft ??= new Set(entry.stands?.classes ?? kept(entry) ?? []);
  if (!entry.draft.delete(id)) entry.draft.add(id);
  session.notify("");
  render();
}

function decide(verdict, classes) {
  const entry = held.current;
  if (!entry) return nothingYet();
  if (verdict !== "unsure" && !viewer.isVisible) {
    session.notify(texts.notShown); // nobody can judge what isn't there
    return;
  }
  const after = { verdict, classes, dwell_ms: viewer.dwell };
  history.decide([{ subject: entry, after }]);
  pace.count(1);
  moveOn(session.say(after));
}

/** Say nothing of it now: it goes back, for later or for another reviewer. */
function pass() {
  const entry = held.current;
  if (!entry || entry.isDone) return;
  ask.passed = [...ask.passed, entry.sample].slice(-MOST_PASSED);
  held.forget(new Set([entry.sample]), new Set());
  session.post(boot.urls.release, { samples: [entry.sample] });
  supply.refill();
  acknowledge(texts.passed);
}

function passedAgain() {
  ask.passed = [];
  supply.refill();
}

function moveOn(text) {
  held.advance();
  supply.refill();
  acknowledge(text);
}

function undo() {
  const taken = history.undo()?.subjects;
  if (!taken) return;
  const [subject] = taken;
  pace.count(-1);
  held.goTo(subject);
  acknowledge(texts.takenBack);
}

function redo() {
  const again = history.redo()?.subjects;
  if (!again) return;
  const [subject] = again;
  pace.count(1);
  held.goTo(subject);
  moveOn(session.say(subject.stands));
}

function step(by, otherwise) {
  session.notify(held.step(by) ? "" : otherwise);
  render();
  session.announce(spoken());
}

function goTo(entry) {
  held.goTo(entry);
  session.notify("");
  render();
  session.announce(spoken());
}

function openTypeAhead(text) {
  typeAhead.open(
    text,
    (held.current?.suggestions ?? []).map(([id]) => id),
  );
}

async function createClass(name) {
  const answer = await session.createClass(name);
  if (answer.row) panel.addClass(answer.row);
  return answer;
}

// --- what a person sees ---------------------------------------------------------------------------

function acknowledge(name) {
  render();
  session.notify("");
  fill(byId("last"), format(texts.last, { name }));
  session.announce(`${format(texts.reviewed, { name, left: left() ?? "" })} ${spoken()}`);
}

/** Who gave an answer, in words. */
function who({ annotator, mine }) {
  if (mine) return texts.you;
  return annotator || texts.imported;
}

const why = (entry) => texts[`why${entry.why[0].toUpperCase()}${entry.why.slice(1)}`] ?? "";

const decidedHere = () => held.entries.filter(({ isDone }) => isDone).length;

/** How many wait, less those decided since the server counted. */
function left() {
  return waiting.left === null ? null : Math.max(0, waiting.left - (decidedHere() - waiting.done));
}

/** What is known of an image besides answers: who was unsure, what flags say. */
function remarks(entry) {
  const unsure = entry.given
    .filter(({ verdict }) => verdict !== "answer")
    .map((each) => ({ name: who(each), text: session.say(each) }));
  const notes = entry.flags.map(({ author, note }) => ({ name: author, text: note || texts.noNote, isNote: true }));
  return [...unsure, ...notes];
}

/** The image in view, for who can't see it. */
function spoken() {
  const entry = held.current;
  if (!entry) return emptyText();
  const list = choicesOf(entry).map(({ classes, by }, at) =>
    format(texts.spokenAnswer, {
      n: at + 1,
      name: classes.map((id) => session.name(id)).join(", "),
      who: by.length ? by.map(who).join(", ") : texts.head,
    }),
  );
  return format(texts.spoken, {
    id: entry.sample,
    why: why(entry),
    answers: list.join(" ") || texts.noAnswer,
    remarks: remarks(entry)
      .map((each) => `${format(texts.remark, each)}.`)
      .join(" "),
  }).trim();
}

function render() {
  const entry = held.current;
  viewer.show(entry);
  panel.show(entry, { note: build("p"), isDigitForClass: false });
  strip.show(held.entries, held.index);
  fill(byId("reason"), entry ? why(entry) : "");
  byId("reason").dataset.why = entry?.why ?? "";
  fill(byId("left"), left() === null ? "–" : number(left()));
  fill(byId("path"), entry?.path ?? "");
  showAnswers(entry);
  showMessage();
  showButtons(entry);
  session.showNumbers();
  panel.showCounts(tally.counts);
  if (entry?.isDone) session.notify(format(texts.previous, { name: session.say(entry.stands) }));
  viewer.prepare(held.entries, held.index);
}

function showAnswers(entry) {
  const choices = entry ? choicesOf(entry) : [];
  answers.show(choices, entry?.isDone ? entry.stands?.classes : null);
  const rows = entry ? remarks(entry) : [];
  if (entry && !choices.length) rows.unshift({ name: "", text: texts.noAnswer });
  byId("remarks").replaceChildren(
    ...rows.map(({ name, text, isNote }) =>
      build("li", { class: isNote ? "note" : null }, [
        ...(name ? [build("strong", {}, [name]), " "] : []),
        build(isNote ? "q" : "span", {}, [text]),
      ]),
    ),
  );
}

function showButtons(entry) {
  const never = ["previous", "next", "help"];
  for (const each of document.querySelectorAll(".panel [data-command]")) {
    const { command } = each.dataset;
    if (command === "undo") each.disabled = !history.canUndo;
    else if (command === "redo") each.disabled = !history.canRedo;
    else if (!never.includes(command)) each.disabled = !entry;
  }
  const classes = entry ? kept(entry) : null;
  document.querySelector("[data-command=keep]").disabled = !classes;
  fill(byId("keep-text"), keepText(entry, classes));
  document.querySelector("[data-command=flag]").setAttribute("aria-pressed", String(Boolean(entry?.flag)));
  byId("like-this").hidden = !entry;
  if (entry) byId("like-this").href = `${boot.urls.hunt}?like=${entry.sample}`;
}

function keepText(entry, classes) {
  if (!entry) return plainKeep;
  if (classes) return format(texts.keep, { name: classes.map((id) => session.name(id)).join(", ") });
  const given = choicesOf(entry).filter(({ isHeads }) => !isHeads).length;
  return given ? format(texts.keepChoice, { n: given }) : texts.keepNone;
}

function showMessage() {
  const isBroken = Boolean(held.current) && viewer.isBroken;
  byId("stage-message").hidden = Boolean(held.current) && !isBroken;
  fill(byId("stage-text"), isBroken ? (viewer.isGone ? texts.gone : texts.broken) : emptyText());
  byId("stage-links").hidden = Boolean(held.current) || supply.state !== "finished" || ask.passed.length > 0;
  byId("stage-retry").hidden = !isBroken;
  byId("stage-again").hidden = Boolean(held.current) || !ask.passed.length;
}

function emptyText() {
  if (supply.isTroubled) return supply.refusal || texts.noServer;
  if (supply.state === null) return texts.loading;
  if (supply.state !== "finished") return texts.waiting;
  if (ask.passed.length) return texts.allPassed;
  return left() ? texts.othersReview : texts.allReviewed;
}

// --- wiring ---------------------------------------------------------------------------------------

supply.addEventListener("answer", ({ detail: { pool } }) => {
  session.showNumbers({ pool, round: supply.round });
  for (const entry of held.entries) {
    // Undo brings a label of one's own back as it was given.
    if (entry.stands && !entry.isDone) entry.stands.mode ??= entry.given.find(({ mine }) => mine)?.mode;
  }
  const unsaved = new Set(Array.from(outbox.pending.values(), (event) => event.sample));
  const saved = held.entries.filter((entry) => entry.isDone && !unsaved.has(entry.sample)).length;
  waiting = { left: supply.answer.left, done: saved };
  const before = viewer.inView?.sample ?? emptyText();
  render();
  // What wasn't said with the last decision: the first image, or that there is none left.
  if (before !== (viewer.inView?.sample ?? emptyText())) session.announce(spoken());
});
supply.addEventListener("trouble", render);
byId("stage").addEventListener("imagestate", showMessage);
byId("stage").addEventListener("swipe", ({ detail: { command } }) => commands[command]?.({}));
byId("stage-message").append(
  button(texts.retry, () => viewer.retry(), { id: "stage-retry", hidden: "" }),
  button(texts.again, passedAgain, { id: "stage-again", class: "button primary", hidden: "" }),
);

session.listen(commands);
session.releaseOnLeave(() => held.open());
session.showProblems((id, key) => held.subject(id, key), render);
panel.setQuestion({ multi_label: boot.question.multi_label, classes: session.classes });
render();
outbox.ready().then(() => supply.refill());
