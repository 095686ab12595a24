import assert from "node:assert/strict";
import test from "node:test";
import { between, isTooSmall, leastOf, moved, resized, taken, tidied, under } from "../../static/js/core/boxes.js";

const photograph = { width: 800, height: 400 };

test("a box ends where its picture does, and is rounded as the server rounds", () => {
  assert.deepEqual(tidied([-0.1, 0.9, 0.3, 0.3]), [0, 0.9, 0.2, 0.1]);
  assert.deepEqual(tidied([1 / 3, 1 / 3, 1, 1 / 3]), [0.333333, 0.333333, 0.666667, 0.333334]);
});

test("it may be drawn from any corner, and over the edge", () => {
  const drawn = [0.2, 0.1, 0.3, 0.4];
  for (const [one, other] of [
    [
      [0.2, 0.1],
      [0.5, 0.5],
    ],
    [
      [0.5, 0.5],
      [0.2, 0.1],
    ],
    [
      [0.5, 0.1],
      [0.2, 0.5],
    ],
  ]) {
    assert.deepEqual(between(one, other), drawn);
  }
  assert.deepEqual(between([0.9, -0.2], [1.4, 0.5]), [0.9, 0, 0.1, 0.5]);
});

test("it is moved as it is, up to the edges", () => {
  assert.deepEqual(moved([0.2, 0.2, 0.3, 0.3], 0.1, -0.1), [0.3, 0.1, 0.3, 0.3]);
  assert.deepEqual(moved([0.2, 0.2, 0.3, 0.3], 2, -2), [0.7, 0, 0.3, 0.3]);
  assert.deepEqual(moved([0, 0, 1, 1], 0.1, 0.1), [0, 0, 1, 1]);
});

test("it is resized by its far edges, or by the handle that is taken, also beyond the other side", () => {
  const box = [0.2, 0.2, 0.4, 0.4];
  const least = leastOf(photograph);
  assert.deepEqual(least, [0.01, 0.02]);
  assert.deepEqual(resized(box, 0.1, -0.1, least), [0.2, 0.2, 0.5, 0.3]);
  assert.deepEqual(resized(box, -1, -1, least), [0.2, 0.2, 0.01, 0.02]);
  assert.deepEqual(resized(box, 1, 0, least), [0.2, 0.2, 0.8, 0.4]);
  assert.deepEqual(taken(box, "se", [0.7, 0.9]), [0.2, 0.2, 0.5, 0.7]);
  assert.deepEqual(taken(box, "n", [0.9, 0.1]), [0.2, 0.1, 0.4, 0.5]);
  assert.deepEqual(taken(box, "w", [0.9, 0]), [0.6, 0.2, 0.3, 0.4]);
});

test("what the server would refuse is known before", () => {
  assert.ok(isTooSmall([0, 0, 0.009, 0.5], photograph));
  assert.ok(isTooSmall([0, 0, 0.5, 0.019], photograph));
  assert.ok(!isTooSmall([0, 0, 0.01, 0.02], photograph));
});

test("a point is on the smallest box that it lies in", () => {
  const boxes = [
    [0, 0, 1, 1],
    [0.2, 0.2, 0.2, 0.2],
    [0.3, 0.3, 0.5, 0.5],
  ];
  assert.equal(under(boxes, [0.35, 0.35]), 1);
  assert.equal(under(boxes, [0.6, 0.6]), 2);
  assert.equal(under(boxes, [0.9, 0.9]), 0);
  assert.equal(under(boxes.slice(1), [0.9, 0.1]), -1);
});
