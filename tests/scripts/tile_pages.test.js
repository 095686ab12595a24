import assert from "node:assert/strict";
import test from "node:test";
import "./browser.js";
import { entryOf } from "../../static/js/core/held.js";
import { isOpen, openOf, TilePages } from "../../static/js/core/tile_pages.js";
import { clock, sample } from "./browser.js";

const view = { isInView: true };
const tiles = (...ids) => ids.map((id) => entryOf(sample(id)));
const ids = (subjects) => subjects.map((subject) => subject.sample);

function showing(...pages) {
  const made = new TilePages({ isInView: () => view.isInView });
  for (const each of pages) {
    made.expect(tiles(...each), { target: 1 });
    made.turn();
    made.clock();
  }
  return made;
}

test("what is decided, somebody else's or left for later is not open", () => {
  const subjects = tiles(1, 2, 3, 4);
  Object.assign(subjects[0], { isDone: true });
  Object.assign(subjects[1], { isGone: true });
  Object.assign(subjects[2], { isPassed: true });
  assert.deepEqual(subjects.map(isOpen), [false, false, false, true]);
  assert.deepEqual(openOf(null), []);
});

test("the page to come is turned to once, and held until then", () => {
  const pages = showing([1, 2]);
  pages.expect(tiles(3, 4), { target: 2 });
  assert.deepEqual(ids(pages.held), [1, 2, 3, 4]);
  pages.turn();
  assert.deepEqual([pages.current.target, pages.next], [2, null]);
  pages.turn();
  assert.equal(pages.current, null);
  assert.equal(pages.dwell, 0);
});

test("a page left half done waits while an earlier one is looked at, and comes before the next", () => {
  const pages = showing([1], [2, 3]);
  const [first, second] = [pages.find(1).page, pages.current];
  pages.expect(tiles(4), { target: 1 });
  assert.ok(pages.goBack(first));
  assert.ok(!pages.goBack(first), "it is in view already");
  pages.turn();
  assert.equal(pages.current, second);
  pages.turn();
  assert.deepEqual(ids(pages.current.subjects), [4]);
});

test("a page that is done does not wait", () => {
  const pages = showing([1], [2]);
  pages.find(2).isDone = true;
  pages.goBack(pages.find(1).page);
  pages.turn();
  assert.equal(pages.current, null);
});

test("going back from page to page and on shows each once", () => {
  const pages = showing([1], [2], [3]);
  const [first, second, third] = [1, 2, 3].map((id) => pages.find(id).page);
  pages.goBack(second);
  pages.goBack(first);
  const seen = [];
  for (pages.turn(); pages.current; pages.turn()) seen.push(pages.current);
  assert.deepEqual(seen, [second, third]);
});

test("closing gives everything back but what is decided", () => {
  const pages = showing([1, 2]);
  pages.find(1).isDone = true;
  pages.close();
  assert.deepEqual([pages.all, pages.find(1).isGone, pages.find(2).isGone], [[], undefined, true]);
});

test("what could not be kept is gone, unless it is decided", () => {
  const pages = showing([1, 2, 3]);
  pages.find(2).isDone = true;
  pages.lose([1, 2, 3, 99], new Set([3]));
  assert.deepEqual(ids(pages.held), [3]);
});

test("time counts only while the page can be seen", async () => {
  const pages = showing([1, 2]);
  await clock.advance(1000);
  view.isInView = false;
  pages.clock();
  await clock.advance(60_000);
  view.isInView = true;
  pages.clock();
  await clock.advance(3000);
  assert.equal(pages.dwell, 2000, "four seconds over two tiles");
});
