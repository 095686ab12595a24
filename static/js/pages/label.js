// Single and sequence mode: one image, or one burst of frames, after the other.

import { followerOf, Held } from "../core/held.js";
import { Supply } from "../core/supply.js";
import { format } from "../core/texts.js";
import { afterPaint, button, byId, fill } from "../parts/dom.js";
import { Panel } from "../parts/panel.js";
import { openSession } from "../parts/session.js";
import { Strip } from "../parts/strip.js";
import { TypeAhead } from "../parts/typeahead.js";
import { Viewer } from "../parts/viewer.js";

const session = openSession();
const { boot, texts, history, outbox, tally, pace } = session;
const isSequence = session.mode === "sequence";
const query = new URLSearchParams(location.search);
const ask = { mode: session.mode };
if (query.get("only") === "audit") ask.only = "audit";
if (/^\d+$/.test(query.get("sample") ?? "")) ask.sample = Number(query.get("sample"));

const held = new Held({ wholeBursts: isSequence });
const supply = new Supply({ session, held, ask });
let follower = null; // the follow-up question asked of the sample in view; null = the page's own question
let about = []; // the samples, or frames of a burst, that a follow-up question is about
let isFrameOnly = false; // whether the next decision about a burst is for the frame in view alone
let lastAnswer = null; // class ids

const main = { key: null, text: boot.question.text, multi_label: boot.question.multi_label, classes: session.classes };
const question = () => follower ?? main;

const viewer = new Viewer(byId("stage"), {
  source: (sample, size) => session.address(sample, size),
  describe: (entry) => format(texts.image, { id: entry.sample, path: entry.path ?? "" }),
  texts,
  notify: (text) => session.notify(text),
  clicked: (event, act) => session.clicked(event, act),
  frameState,
  decides: isSequence ? "burst" : "sample",
  covers: () => {
    const n = held.current ? subjects().length : 0;
    return isFrameOnly ? texts.frameAlone : n > 1 ? format(texts.frameAll, { n }) : "";
  },
});
const panel = new Panel({
  list: byId("classes"),
  suggestions: byId("suggestions"),
  isMulti: main.multi_label,
  scope: session.scope,
  texts,
  onClass: (id, event) => session.clicked(event, () => choose(id, { shift: event.shiftKey })),
  onSuggestion: (number, event) => session.clicked(event, () => takeSuggestion(number, { shift: event.shiftKey })),
});
const strip = new Strip(byId("strip"), {
  source: (sample) => session.address(sample, 256),
  isDone: (entry) => held.isSettled(entry),
  state: (entry) => (held.isSettled(entry) ? session.say(entry.stands) : texts.open),
  colour: (entry) => session.colour(entry.stands?.classes[0]),
  texts,
  onPick: (entry, event) => session.clicked(event, () => goTo(entry)),
});
const typeAhead = new TypeAhead({
  classes: () => question().classes.rows,
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
  resume: () => goTo(held.ahead()[0]),
  skip: (meant) => decide("skip", [], meant),
  unsure: (meant) => decide("unsure", [], meant),
  undo,
  redo,
  accept: (meant) => takeSuggestion(1, meant),
  confirm: (meant) => question().multi_label && confirm(meant),
  repeat: (meant) => (lastAnswer ? decide("answer", lastAnswer, meant) : session.notify(texts.noneLast)),
  blank: (meant) => {
    const { blank } = question().classes;
    if (blank) decide("answer", [blank.id], meant);
    else session.notify(texts.noBlank);
  },
  flag: () => held.current && session.flag(held.current, render),
  hide_suggestions: () => {
    session.hideSuggestions(!session.isHidden);
    render();
  },
  palette: () => openTypeAhead(""),
  help: () => byId("help").showModal(),
  this_frame: () => {
    isFrameOnly = !isFrameOnly;
    render();
  },
  digit: (meant) => takeDigit(meant),
  letter: (meant) => {
    const row = question().classes.byKey(meant);
    if (row) choose(row.id, meant);
    else openTypeAhead(meant.letter);
  },
};

/** What the next decision is about: the sample, all frames of its burst that are open, or one of them. */
function subjects({ shift = false } = {}) {
  if (follower) return about.map((each) => followerOf(each, follower.key));
  return held.subjects(shift || isFrameOnly ? viewer.inView : null);
}

/** Where several classes are gathered before they are confirmed. */
const asking = () => (follower ? followerOf(about[0], follower.key) : held.current);

/** What stands for that which the next decision is about. */
const standing = () => (subjects()[0] ?? held.current).stands;

/** A key for an image that isn't there decides nothing, but is not passed over in silence. */
function nothingYet() {
  session.notify(emptyText());
  session.announce(emptyText());
}

function choose(id, meant = {}) {
  if (!held.current) return nothingYet();
  if (!question().multi_label) {
    decide("answer", [id], meant);
    return;
  }
  const subject = asking();
  subject.draft ??= new Set(standing()?.classes);
  if (!subject.draft.delete(id)) subject.draft.add(id);
  session.notify("");
  render();
}

function confirm(meant) {
  if (!held.current) return;
  const chosen = [...(asking().draft ?? standing()?.classes ?? [])];
  if (chosen.length) decide("answer", chosen, meant);
  else session.notify(texts.noClass);
}

function decide(verdict, classes, { shift = false } = {}) {
  const entry = held.current;
  if (!entry) return nothingYet();
  if (verdict === "answer" && !viewer.isVisible) {
    session.notify(texts.notShown); // nobody can judge what isn't there
    return;
  }
  const decided = subjects({ shift });
  if (!decided.length) {
    session.notify(texts.notYours);
    return;
  }
  const isAlone = isSequence && !follower && (shift || isFrameOnly) && entry.burst.length > 1;
  const after = { verdict, classes, dwell_ms: viewer.dwell, ...(isAlone && { alone: true }) };
  asking().draft = null;
  history.decide(decided.map((subject) => ({ subject, after })));
  if (!follower) about = decided;
  if (verdict === "answer") {
    pace.count(decided.length);
    lastAnswer = follower ? lastAnswer : classes;
  }
  const name = session.say(after);
  moveOn(entry, after);
  if (isAlone) acknowledge(format(texts.thisFrame, { name }));
  else acknowledge(decided.length > 1 ? `${name} (${format(texts.frames, { n: decided.length })})` : name);
}

/** To the follow-up question this answer asks for, else to the next sample; a burst stays while frames of it are open. */
function moveOn(entry, after) {
  const asked = follower ? entry.asked : session.followersOf(after);
  entry.asked = asked;
  const at = follower ? asked.indexOf(follower) + 1 : 0;
  askFollowUp(asked[at] ?? null);
  isFrameOnly = false;
  if (follower || !held.isSettled(entry)) return;
  held.advance();
  supply.refill();
}

function askFollowUp(next) {
  if (next === follower) return;
  follower = next;
  panel.setQuestion(question());
}

function undo() {
  const taken = history.undo()?.subjects;
  if (!taken) return;
  return returnTo(taken, texts.takenBack);
}

function redo() {
  const again = history.redo()?.subjects;
  if (!again) return;
  const [subject] = again;
  pace.count(again.length);
  returnTo(again, session.say(subject.stands), () => {
    // As the decision itself did: the next key is for what comes next.
    moveOn(held.current, subject.stands);
  });
}

/** Show the sample again that a step back or forward was about, with the question it was about. */
function returnTo(changed, text, then = () => {}) {
  const [subject] = changed;
  if (!subject.isDone) pace.count(-changed.length);
  held.goTo(held.showing(subject.sample) ?? subject);
  const shown = new Set([held.current, ...held.current.burst]);
  about = [...shown].filter(({ sample }) => changed.some((each) => each.sample === sample));
  askFollowUp(session.followers.find(({ key }) => key === subject.question) ?? null);
  then();
  acknowledge(text);
}

function takeSuggestion(number, meant) {
  const entry = held.current;
  if (!entry) return nothingYet();
  if (follower) return;
  const suggestion = session.isHidden ? null : entry.suggestions[number - 1];
  if (suggestion) choose(suggestion[0], meant);
  else session.notify(noSuggestion(entry));
}

function takeDigit(meant) {
  const entry = held.current;
  if (!entry) return nothingYet();
  const place = meant.digit === 0 ? 10 : meant.digit;
  if (!follower && entry.suggestions.length && !session.isHidden) {
    takeSuggestion(place, meant);
    return;
  }
  const id = panel.at(place);
  if (id !== null) choose(id, meant);
}

function step(by, otherwise) {
  askFollowUp(null);
  session.notify(held.step(by) ? "" : otherwise);
  render();
  session.announce(spoken());
}

function goTo(entry) {
  if (!entry) return;
  askFollowUp(null);
  held.goTo(entry);
  session.notify("");
  render();
  session.announce(spoken());
}

function openTypeAhead(text) {
  const entry = held.current;
  const isShown = entry && !session.isHidden && !follower;
  typeAhead.open(text, isShown ? entry.suggestions.map(([id]) => id) : []);
}

async function createClass(name) {
  if (follower) return { detail: texts.cannotCreate };
  const answer = await session.createClass(name);
  if (answer.row) panel.addClass(answer.row);
  return answer;
}

// --- what a person sees ---------------------------------------------------------------------------

function acknowledge(name) {
  render();
  session.notify("");
  session.acknowledge(name, spoken());
}

/** The sample in view, for who can't see it. */
function spoken() {
  const entry = held.current;
  if (!entry) return emptyText();
  if (follower) return format(texts.followUp, { text: follower.text });
  const shown = session.isHidden ? [] : entry.suggestions;
  const list = shown.map(([id, p], at) => `${at + 1} ${session.name(id)} ${Math.round(p * 100)} %`).join(", ");
  const suggestions = list ? format(texts.suggested, { list }) : noSuggestion(entry);
  const burst = isSequence && entry.burst.length > 1 ? format(texts.frames, { n: entry.burst.length }) : "";
  return [format(texts.nextImage, { id: entry.sample, reason: entry.reason, suggestions }), burst].join(" ").trim();
}

function noSuggestion(entry) {
  if (!boot.show_suggestions) return texts.hiddenByProject;
  if (entry.blind) return texts.blind;
  return session.isHidden && entry.suggestions.length ? texts.hidden : texts.noneYet;
}

function render() {
  const entry = held.current;
  viewer.show(entry);
  showPanel(entry);
  fill(byId("question"), question().text);
  fill(byId("reason"), entry?.reason ?? "");
  byId("reason").dataset.blind = String(Boolean(entry?.blind));
  fill(byId("path"), entry?.path ?? "");
  showMessage();
  if (entry?.isDone && !follower) session.notify(format(texts.previous, { name: session.say(entry.stands) }));
  renderAround();
}

/** What nobody waits for: the image and what may be said of it are painted first. */
const renderAround = afterPaint(() => {
  viewer.refresh();
  strip.show(held.entries, held.index);
  showButtons(held.current);
  session.showNumbers();
  panel.showCounts(follower ? new Map() : tally.counts);
  viewer.prepare(held.entries, held.index);
});

function showPanel(entry) {
  const suggestions = follower || session.isHidden ? [] : entry?.suggestions;
  const shown = entry && { ...asking(), stands: standing(), suggestions };
  panel.show(shown, { note: byId("no-suggestion"), isDigitForClass: Boolean(shown) && !shown.suggestions.length });
  if (shown && !shown.suggestions.length) fill(byId("no-suggestion"), follower ? "" : noSuggestion(entry));
}

/** What was decided for a frame of the burst in view. */
function frameState(frame) {
  const { stands } = frame;
  if (stands) return { text: session.say(stands), colour: session.colour(stands.classes[0]) };
  const isTheirs = isSequence && !frame.mine && frame !== held.current;
  return isTheirs ? { text: texts.theirs, isClosed: true } : null;
}

function showButtons(entry) {
  const never = ["previous", "next", "help", "hide_suggestions"];
  for (const each of document.querySelectorAll(".panel [data-command]")) {
    const { command } = each.dataset;
    if (command === "undo") each.disabled = !history.canUndo;
    else if (command === "redo") each.disabled = !history.canRedo;
    else if (!never.includes(command)) each.disabled = !entry;
  }
  document.querySelector("[data-command=confirm]").hidden = !question().multi_label;
  document.querySelector("[data-command=accept]").disabled = !entry?.suggestions.length || session.isHidden;
  const only = document.querySelector("[data-command=this_frame]");
  only?.setAttribute("aria-pressed", String(isFrameOnly));
  only?.toggleAttribute("disabled", !(entry?.burst.length > 1));
  const hide = document.querySelector("[data-command=hide_suggestions]");
  hide.hidden = !boot.show_suggestions;
  hide.setAttribute("aria-pressed", String(session.isHidden));
  document.querySelector("[data-command=flag]").setAttribute("aria-pressed", String(Boolean(entry?.flag)));
  byId("like-this").hidden = !entry;
  if (entry) byId("like-this").href = `${boot.urls.hunt}?like=${entry.sample}`;
}

function showMessage() {
  const box = byId("stage-message");
  const bar = byId("stage-progress");
  const isBroken = Boolean(held.current) && viewer.isBroken;
  box.hidden = Boolean(held.current) && !isBroken;
  fill(byId("stage-text"), isBroken ? (viewer.isGone ? texts.gone : texts.broken) : emptyText());
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
  if (supply.isTroubled) return supply.refusal || texts.noServer;
  if (supply.state === null) return texts.loading;
  if (supply.message) return supply.message;
  if (supply.state === "finished") return ask.only === "audit" ? texts.noneAudit : texts.finished;
  if (supply.state !== "preparing") return texts.waiting;
  return format(texts.preparing, { done: supply.pool?.embedded ?? 0, total: supply.pool?.total ?? 0 });
}

// --- wiring ---------------------------------------------------------------------------------------

outbox.addEventListener("answer", ({ detail }) => supply.hear(detail.round));
supply.addEventListener("answer", ({ detail: { isFreshRound, pool } }) => {
  session.showNumbers({ pool, round: supply.round });
  if (isFreshRound) session.showBanner(supply.round.number);
  const isFirst = viewer.inView === null;
  render();
  if (isFirst && held.current) session.announce(spoken());
});
supply.addEventListener("trouble", render);
byId("stage").addEventListener("imagestate", showMessage);
byId("stage").addEventListener("frame", () => isFrameOnly && render());
byId("stage").addEventListener("swipe", ({ detail: { command } }) => commands[command]?.({}));
byId("stage-message").append(button(texts.retry, () => viewer.retry(), { id: "stage-retry", hidden: "" }));

session.listen(commands);
session.releaseOnLeave(() => held.open());
session.showProblems((sample, key) => held.subject(sample, key), render);
panel.setQuestion(main);
render();
outbox.ready().then(() => supply.refill());
