import assert from "node:assert/strict";
import test from "node:test";
import "./browser.js";
import { Held } from "../../static/js/core/held.js";
import { sample } from "./browser.js";

const ids = (entries) => entries.map((entry) => entry.sample);

function holding(samples, options) {
  const held = new Held(options);
  held.add(samples);
  return held;
}

const done = (entry) => Object.assign(entry, { isDone: true, stands: { verdict: "answer", classes: [1] } });

test("a blind sample shows no suggestions; a withdrawn label stands for nothing", () => {
  const label = { uuid: "u", verdict: "withdraw", classes: [] };
  const held = holding([sample(1, { blind: true, suggestions: [[3, 0.9]], previous: label })]);
  assert.deepEqual([held.current.suggestions, held.current.stands, held.current.lastUuid], [[], null, "u"]);
});

test("after a decision comes the next open one, else one that was left, else the end", () => {
  const held = holding([1, 2, 3].map((id) => sample(id)));
  held.step(1);
  done(held.current);
  held.advance();
  assert.equal(held.current.sample, 3);
  done(held.current);
  held.advance();
  assert.equal(held.current.sample, 1);
  done(held.current);
  held.advance();
  assert.equal(held.current, null);
  assert.equal(held.step(1), false);
  assert.ok(held.step(-1));
});

test("only so much of what is decided is kept", () => {
  const held = holding(Array.from({ length: 300 }, (_, id) => sample(id)));
  for (let decided = 0; decided < 299; decided += 1) {
    done(held.current);
    held.advance();
  }
  assert.equal(held.current.sample, 299);
  assert.ok(held.entries.length < 120);
});

test("what comes twice, or isn't wanted, is held once", () => {
  const held = holding([sample(1), sample(2)]);
  assert.equal(held.add([sample(2), sample(3), sample(4)], new Set([4])), 1);
  assert.deepEqual(ids(held.entries), [1, 2, 3]);
});

test("what somebody else has by now goes, what is decided stays", () => {
  const held = holding([1, 2, 3].map((id) => sample(id)));
  done(held.find(1));
  held.forget(new Set([1, 2, 3]), new Set([3]));
  assert.deepEqual(ids(held.entries), [1, 3]);
});

test("a fresh round exchanges all but what is in view, decided or to be kept", () => {
  const held = holding([1, 2, 3, 4].map((id) => sample(id)));
  held.step(1);
  done(held.find(1));
  held.release(new Set([4]));
  assert.deepEqual(ids(held.entries), [1, 2, 4]);
  assert.equal(held.current.sample, 2);
});

const burst = () => [sample(1), sample(2, { mine: true }), sample(3, { mine: false }), sample(4, { mine: true })];

test("a burst is decided as a whole, but for frames that are others' or were decided alone", () => {
  const held = holding([sample(1, { burst: burst() })], { wholeBursts: true });
  assert.deepEqual(ids(held.subjects()), [1, 2, 4]);
  const [, second, third] = held.current.burst;
  assert.deepEqual(ids(held.subjects(second)), [2]);
  assert.deepEqual(ids(held.subjects(third)), [], "somebody else's");
  second.stands = { verdict: "answer", classes: [1], alone: true };
  assert.deepEqual(ids(held.subjects()), [1, 4]);
  done(held.current);
  assert.ok(!held.isSettled(held.current));
  for (const frame of held.current.burst) if (frame.mine) done(frame);
  assert.ok(held.isSettled(held.current));
});

test("a frame that is held by itself too is one subject", () => {
  const held = holding([sample(1, { burst: burst() }), sample(2)]);
  assert.equal(held.current.burst[1], held.find(2));
  assert.equal(held.showing(4), held.current);
  assert.equal(held.subject(4), held.current.burst[3]);
  assert.equal(held.subject(4, "behaviour"), null);
  assert.deepEqual(new Set(held.open()), new Set([1, 2, 4]));
});

test("without a sample in view nothing is decided on", () => {
  assert.deepEqual(new Held().subjects(), []);
});

test("what was made here comes next, wherever it was, or now where nothing is in view", () => {
  const held = holding([1, 2, 3, 4].map((id) => sample(id)));
  held.step(1);
  held.comeNext(held.find(4));
  assert.deepEqual([ids(held.entries), held.current.sample], [[1, 2, 4, 3], 2]);
  held.comeNext(held.find(1));
  assert.deepEqual([ids(held.entries), held.current.sample], [[2, 1, 4, 3], 2]);
  held.entries.forEach(done);
  held.advance();
  assert.equal(held.current, null);
  held.comeNext(held.find(4));
  assert.deepEqual([ids(held.entries), held.current.sample], [[2, 1, 3, 4], 4]);
});
