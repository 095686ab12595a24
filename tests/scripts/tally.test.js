import assert from "node:assert/strict";
import test from "node:test";
import "./browser.js";
import { Pace, Tally } from "../../static/js/core/tally.js";
import { clock } from "./browser.js";

const answer = (...classes) => ({ verdict: "answer", classes });

test("counts are the server's last, and what is on its way", () => {
  const tally = new Tally();
  assert.equal(tally.labelled, null);
  tally.known({ labelled: 10, counts: { 1: 4, 2: 6 } });
  tally.expect("a", null, answer(1));
  tally.expect("b", answer(2), answer(1, 2));
  tally.expect("c", answer(2), null);
  assert.equal(tally.labelled, 10);
  assert.deepEqual(
    [...tally.counts],
    [
      [1, 6],
      [2, 5],
    ],
  );
  tally.settled("c");
  assert.equal(tally.labelled, 11);
});

test("what is skipped counts for no class, and nothing goes below zero", () => {
  const tally = new Tally();
  tally.known({ labelled: 0, counts: { 1: 0 } });
  tally.expect("a", answer(1), { verdict: "skip", classes: [] });
  assert.equal(tally.labelled, 0);
  assert.equal(tally.counts.get(1), 0);
});

test("a pace is told once there is enough to tell, and pauses don't count", async () => {
  const pace = new Pace("here");
  for (let label = 0; label < 10; label += 1) {
    pace.count(1);
    await clock.advance(2000);
  }
  const before = pace.perMinute;
  assert.ok(before >= 25 && before <= 32, String(before));
  await clock.advance(3_600_000);
  pace.count(1);
  assert.ok(Math.abs(pace.perMinute - before) <= 3, "an hour's break is no slowness");
  assert.equal(new Pace("here").perMinute, pace.perMinute, "it goes on after a reload");
  await clock.advance(24 * 3_600_000);
  assert.equal(pace.perMinute, null, "tomorrow begins anew");
});

test("a damaged memory begins anew", () => {
  localStorage.setItem("labeller-pace:damaged", "not JSON");
  assert.equal(new Pace("damaged").perMinute, null);
});
