import assert from "node:assert/strict";
import test from "node:test";
import "./browser.js";
import { ClassList } from "../../static/js/core/class_list.js";
import { entryOf } from "../../static/js/core/held.js";
import { History } from "../../static/js/core/history.js";
import { askedOf, defaultOf, letOf, nextOf, settle, subjectOf } from "../../static/js/core/together.js";
import { sample } from "./browser.js";

const FOX = 1;
const EMPTY = 2;
const DAY = 3;
const RESTS = 5;
const questions = [
  {
    key: "species",
    follows: null,
    only_for: [],
    classes: new ClassList([
      { id: FOX, name: "fox" },
      { id: EMPTY, name: "empty", blank: true },
    ]),
  },
  { key: "light", follows: null, only_for: [], classes: new ClassList([{ id: DAY, name: "day" }]) },
  { key: "doing", follows: "species", only_for: [], classes: new ClassList([{ id: RESTS, name: "rests" }]) },
];
const handed = (more = {}) =>
  entryOf(
    sample(7, {
      asks: [{ question: "species", entry: 70 }],
      plan: { light: "let", doing: "ask" },
      defaults: { light: { class: DAY, p: 0.99, entry: 70 } },
      ...more,
    }),
  );
const answer = (...classes) => ({ verdict: "answer", classes });

function decide(entry, key, decision) {
  Object.assign(subjectOf(entry, key), { stands: decision, isDone: true, lastUuid: `${key}'s` });
  settle(entry, questions);
}

test("a question that follows is asked once the answer before it says so, and not of what is blank", () => {
  const entry = handed();
  assert.deepEqual(askedOf(entry, questions), ["species"]);
  decide(entry, "species", answer(FOX));
  assert.deepEqual(askedOf(entry, questions), ["species", "doing"]);
  assert.equal(nextOf(entry, questions), "doing");
  assert.equal(entry.isDone, false);
  decide(entry, "species", answer(EMPTY));
  assert.equal(nextOf(entry, questions), null);
  assert.equal(entry.isDone, true);
  decide(entry, "species", { verdict: "unsure", classes: [] });
  assert.deepEqual(askedOf(entry, questions), ["species"]);
});

test("one that is for some classes alone is asked of these alone", () => {
  const only = questions.map((each) => (each.key === "doing" ? { ...each, only_for: [EMPTY] } : each));
  const entry = handed();
  decide(entry, "species", answer(FOX));
  assert.deepEqual(askedOf(entry, only), ["species"]);
});

test("what is let stand is asked where the person wants it, and stands no more then", () => {
  const entry = handed();
  assert.deepEqual(letOf(entry, questions), ["light"]);
  entry.isAskedAll = true;
  assert.deepEqual(letOf(entry, questions), []);
  assert.deepEqual(askedOf(entry, questions), ["species", "light"]);
});

test("of an audit sample nothing is let stand, whatever the server says, and nothing is suggested", () => {
  const entry = handed({ blind: true, foreseen: { species: [[FOX, 0.9]] } });
  assert.deepEqual(letOf(entry, questions), []);
  assert.deepEqual(subjectOf(entry, "species").suggestions, []);
});

test("the last answer and what is let stand are one step, and their events say what they are", () => {
  const events = [];
  const history = new History(
    { add: (...added) => events.push(...added) },
    { mode: "together", isShown: () => false, onStep: () => {} },
  );
  const entry = handed({ let: { light: "earlier" } });
  history.decide([
    { subject: subjectOf(entry, "species"), after: answer(EMPTY) },
    { subject: defaultOf(entry, "light"), after: answer(DAY) },
  ]);
  history.undo();
  assert.deepEqual(
    events.map(({ kind, question, entry: place, verdict, supersedes }) => [kind, question, place, verdict, supersedes]),
    [
      [undefined, "species", 70, "answer", null],
      ["default", "light", 70, "answer", "earlier"],
      [undefined, "species", 70, "withdraw", events[0].uuid],
      ["default", "light", 70, "withdraw", events[1].uuid],
    ],
  );
});

test("an entry says of itself what was decided on its questions", () => {
  const entry = handed();
  decide(entry, "species", answer(FOX));
  decide(entry, "doing", { verdict: "skip", classes: [] });
  assert.deepEqual([entry.isDone, entry.stands, entry.lastUuid], [true, answer(FOX), "doing's"]);
  subjectOf(entry, "doing").isDone = false;
  settle(entry, questions);
  assert.equal(entry.isDone, false);
});

test("what the person said before is known by question", () => {
  const entry = handed({ followers: { species: { uuid: "u", verdict: "answer", classes: [FOX] } } });
  const { stands, lastUuid, isDone } = subjectOf(entry, "species");
  assert.deepEqual([stands, lastUuid, isDone], [answer(FOX), "u", false]);
});
