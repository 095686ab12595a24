// What may be answered, and what was.

import assert from "node:assert/strict";
import test from "node:test";
import "./browser.js";
import { choicesOf, keyOf } from "../../static/js/core/choices.js";
import { ClassList } from "../../static/js/core/class_list.js";
import { format } from "../../static/js/core/texts.js";
import { newUuid } from "../../static/js/core/uuid.js";

const given = (...classes) => ({ verdict: "answer", classes, annotator: "ana", mine: false });

test("equal answers are one choice, those with most voices first, then what the head thinks", () => {
  const unsure = { ...given(), verdict: "unsure" };
  const choices = choicesOf({
    given: [given(1), given(3, 2), given(2, 3), unsure],
    suggestions: [
      [4, 0.7],
      [1, 0.2],
      [5, 0.05],
    ],
    suggested: [4],
  });
  assert.deepEqual(
    choices.map(({ classes, by, p, isHeads }) => [keyOf(classes), by.length, p, isHeads]),
    [
      ["2 3", 2, null, false],
      ["1", 1, 0.2, false],
      ["4", 0, 0.7, true],
    ],
  );
});

test("never more choices than there are digits", () => {
  const suggestions = Array.from({ length: 20 }, (_, id) => [id, 0.5]);
  assert.equal(choicesOf({ given: [], suggestions, suggested: null }).length, 9);
});

test("a class answers to its letter, else to the Latin one of its place", () => {
  const classes = new ClassList([
    { id: 1, name: "fox", key: "F" },
    { id: 2, name: "empty", blank: true },
  ]);
  classes.add({ id: 1, name: "another", key: "x" });
  assert.equal(classes.byKey({ letter: "f" }).id, 1);
  assert.equal(classes.byKey({ letter: "ф", place: "f" }).id, 1);
  assert.equal(classes.byKey({ letter: "x" }), null);
  assert.deepEqual([classes.blank.id, classes.get(9), classes.rows.length], [2, null, 2]);
});

test("a text keeps the places nothing is known for", () => {
  assert.equal(format("{n} of {total}, {n}", { n: 0, total: null }), "0 of {total}, 0");
});

test("names of events are UUIDs, also where the browser makes none", () => {
  const random = crypto.randomUUID;
  Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
  const made = new Set(Array.from({ length: 50 }, newUuid));
  Object.defineProperty(crypto, "randomUUID", { value: random, configurable: true });
  assert.equal(made.size, 50);
  for (const uuid of made) assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
