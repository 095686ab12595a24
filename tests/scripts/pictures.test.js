// What is laid out, chosen and computed about pictures.

import assert from "node:assert/strict";
import test from "node:test";
import "./browser.js";
import { derivativeFor, withMargin } from "../../static/js/core/boxes.js";
import { differenceTo, MOST, medianOf, nearestInTime } from "../../static/js/core/median.js";
import { AHEAD, BEHIND, BUDGET, nearest, weight } from "../../static/js/core/nearest.js";
import { capacity, columnsFor, fitting, STEPS } from "../../static/js/core/tile_layout.js";
import { sample } from "./browser.js";

test("a margin ends where the image does", () => {
  const box = withMargin([0, 0.9, 0.5, 0.1], 0.1, 1000, 500);
  for (const [at, wanted] of [0, 0.8, 0.55, 0.2].entries()) assert.ok(Math.abs(box[at] - wanted) < 1e-9);
});

test("the smallest derivative that shows enough of the part, else the largest", () => {
  const of = (across, down) => derivativeFor({ box: [0, 0, across, down], width: 1000, height: 500 }, 200);
  assert.deepEqual([of(1, 1), of(0.4, 0.4), of(0.001, 0.001)], [256, 512, 1280]);
  assert.equal(derivativeFor({ box: null, width: 1000, height: 500 }, 256), 256);
});

test("what comes next is decoded first, within memory", () => {
  const small = Array.from({ length: 60 }, (_, id) => sample(id));
  const near = nearest(small, 20);
  assert.equal(near.length, 1 + AHEAD + BEHIND);
  assert.deepEqual(
    near.slice(0, 3).map((entry) => entry.sample),
    [20, 21, 19],
  );
  const large = Array.from({ length: 60 }, (_, id) => sample(id, { width: 4000, height: 4000 }));
  const bytes = nearest(large, 20).reduce((sum, entry) => sum + weight(entry), 0);
  assert.ok(bytes <= BUDGET && bytes > BUDGET / 2);
});

test("the median keeps what stands, the difference shows what moved", () => {
  const pixel = (value) => Uint8ClampedArray.from([value, value, value, 255]);
  const median = medianOf([pixel(10), pixel(200), pixel(14)]);
  assert.deepEqual([...median].slice(0, 3), [14, 14, 14]);
  assert.deepEqual(
    [...medianOf([pixel(10), pixel(20)])].slice(0, 3),
    [15, 15, 15].map((value) => Math.round(value)),
  );
  assert.deepEqual([...differenceTo(median, pixel(200))], [255, 255, 255, 255]);
  assert.deepEqual([...differenceTo(median, pixel(14))], [0, 0, 0, 255]);
});

test("neighbours in time are of the same size, the nearest first", () => {
  const at = (id, second, more) =>
    sample(id, { taken_at: `2026-03-01T08:00:${String(second).padStart(2, "0")}Z`, ...more });
  const frames = [at(1, 0), at(2, 30), at(3, 31), at(4, 32, { width: 100 })];
  assert.deepEqual(
    nearestInTime(frames, frames[1]).map((frame) => frame.sample),
    [2, 3, 1],
  );
  const many = Array.from({ length: 40 }, (_, id) => sample(id));
  assert.equal(nearestInTime(many, many[5]).length, MOST, "also where no times are known");
});

test("as few columns as show all tiles, and fewer where they are wanted larger", () => {
  const space = { width: 1000, height: 600, gap: 8, ratio: 4 / 3 };
  for (const count of [1, 7, 24, 60]) {
    const columns = columnsFor({ ...space, count });
    const tile = (space.width - space.gap * (columns - 1)) / columns;
    const rows = Math.ceil(count / columns);
    const isAllInView = rows * (tile / space.ratio) + (rows - 1) * space.gap <= space.height;
    assert.ok(isAllInView || tile <= 84 * 1.2, `${count} tiles in ${columns} columns`);
    let before = columns;
    for (let step = 1; step <= STEPS; step += 1) {
      const larger = columnsFor({ ...space, count, step });
      assert.ok(larger <= before && larger >= 1);
      before = larger;
    }
  }
  assert.ok(capacity(space) >= 60);
});

test("tiles take the shape of most pictures, within reason", () => {
  assert.equal(fitting([]), Number((4 / 3).toFixed(3)));
  assert.equal(fitting([sample(1, { width: 5000, height: 100 })]), 1.5);
  assert.equal(fitting([sample(1, { box: [0, 0, 0.5, 0.5] })]), Number((4 / 3).toFixed(3)));
});
