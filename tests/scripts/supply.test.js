// What a page holds of the server's samples and tiles: enough, not too much, and said in time.

import assert from "node:assert/strict";
import test from "node:test";
import { Held } from "../../static/js/core/held.js";
import { Supply } from "../../static/js/core/supply.js";
import { TileSupply } from "../../static/js/core/tile_supply.js";
import { clock, happens, sample, sessionThat, settled } from "./browser.js";

let given = 0;
const fresh = (count) => Array.from({ length: count }, () => sample(++given));

/** A server with samples without end, of this round. */
function plenty(round = { number: 1 }) {
  return ({ count, keep }) => ({ samples: fresh(count), kept: keep, round, pool: {}, state: "ready" });
}

function begin(answer, options = {}) {
  const session = sessionThat(answer, options);
  const held = new Held();
  const supply = new Supply({ session, held, ask: { mode: "single", ...options.ask } });
  return { session, held, supply, sent: session.sent };
}

test("it fetches once few are left, and names what it keeps", async () => {
  const { held, supply, sent } = begin(plenty());
  supply.refill();
  await settled();
  assert.equal(held.entries.length, 40);
  supply.refill();
  await settled();
  assert.equal(sent.length, 1, "enough are left");
  for (let decided = 0; decided < 20; decided += 1) {
    held.current.isDone = true;
    held.advance();
  }
  supply.refill();
  await settled();
  assert.deepEqual([sent[1].count, sent[1].keep.length], [20, 20]);
});

test("what is not saved yet is neither given back nor taken anew", async () => {
  const answer = ({ keep }) => ({ samples: [sample(7), sample(8)], kept: keep, state: "ready", pool: {} });
  const { held, supply, sent } = begin(answer, { saving: [7] });
  supply.refill();
  await settled();
  assert.ok(sent[0].keep.includes(7));
  assert.equal(held.find(7), null);
  assert.ok(held.find(8));
});

test("a sample that was asked for by name is asked for once", async () => {
  const { supply, sent } = begin(plenty(), { ask: { sample: 5 } });
  supply.refill();
  await clock.advance(0);
  supply.hear({ number: 2 });
  await settled();
  assert.deepEqual(
    sent.map((body) => body.sample),
    [5, undefined],
  );
});

test("a new round exchanges what isn't about to be seen", async () => {
  const round = { number: 1 };
  const { held, supply, sent } = begin((body) => plenty({ ...round })(body));
  supply.refill();
  await settled();
  const before = held.entries.map((entry) => entry.sample);
  round.number = 2;
  supply.hear(round);
  await settled();
  assert.deepEqual(
    held.entries.slice(0, 3).map((entry) => entry.sample),
    before.slice(0, 3),
  );
  assert.ok(!held.entries.slice(3).some((entry) => before.includes(entry.sample)));
  assert.equal(sent.length, 2);
});

test("without an answer it says so, tries again by itself, and at once with a network", async () => {
  let isThere = false;
  const { held, supply, sent } = begin((body) => (isThere ? plenty()(body) : null));
  supply.refill();
  await clock.advance(10_000);
  assert.ok(supply.isTroubled);
  assert.ok(sent.length >= 3 && sent.length <= 6, String(sent.length));
  isThere = true;
  happens("online");
  await settled();
  assert.ok(!supply.isTroubled);
  assert.equal(held.entries.length, 40);
});

test("who looks long at one image keeps it, who left doesn't, nor a page behind another", async () => {
  const { session, supply, sent } = begin(plenty());
  supply.refill();
  await settled();
  await clock.advance(300_000);
  const renewed = sent.length;
  assert.ok(renewed > 1);
  session.isInView = false;
  happens("keydown");
  await clock.advance(600_000);
  assert.equal(sent.length, renewed);
  session.isInView = true;
  await clock.advance(3_600_000);
  assert.ok(sent.length - renewed <= 2, "nobody has touched anything for an hour");
});

// --- tiles ----------------------------------------------------------------------------------------

function tilesFrom(answer, { keep = () => [], isOver } = {}) {
  const session = sessionThat(answer);
  const supply = new TileSupply({ session, url: "tiles", keep, count: () => 2, isOver });
  return { supply, sent: session.sent };
}

const page = (state, tiles = []) => ({ state, tiles, kept: [], groups: [], audits: 0, group: { id: "a", class: 1 } });

test("it goes on asking until there are tiles", async () => {
  let looks = 0;
  const { supply } = tilesFrom(() => page("preparing", ++looks > 3 ? [sample(1), sample(2)] : []));
  const found = supply.next({});
  await clock.advance(5000);
  assert.deepEqual(
    (await found).subjects.map((subject) => subject.sample),
    [1, 2],
  );
  assert.equal(looks, 4);
});

test("a newer wish takes the place of an older one", async () => {
  const { supply } = tilesFrom((body) => page("preparing", body.class === 2 ? [sample(9)] : []));
  const [older, newer] = [supply.next({ class: 1 }), supply.next({ class: 2 })];
  await clock.advance(100);
  assert.equal(await older, null);
  assert.equal((await newer).subjects[0].sample, 9);
});

test("each request names what the one before brought", async () => {
  const held = [];
  const { supply, sent } = tilesFrom(() => page("ready", [sample(held.length + 1)]), { keep: () => [...held] });
  for (let pages = 0; pages < 2; pages += 1) {
    const found = supply.next({});
    await clock.advance(10);
    held.push(...(await found).subjects.map((subject) => subject.sample));
  }
  assert.deepEqual(
    sent.map(({ keep }) => keep),
    [[], [1]],
  );
});

test("where it is over, that is told", async () => {
  const { supply } = tilesFrom(() => page("done"), { isOver: ({ state }) => state === "done" });
  const found = supply.next({});
  await clock.advance(10);
  assert.deepEqual((await found).subjects, []);
});

test("while a hunt is on, looks come further and further apart", () => {
  const { supply } = tilesFrom(() => null);
  supply.state = "hunting";
  const pauses = [0, 5, 10, 50].map((looks) => supply.pause(looks));
  assert.deepEqual(
    pauses,
    [...pauses].sort((a, b) => a - b),
  );
  assert.ok(pauses[0] <= 250 && pauses.at(-1) <= 2000);
});

test("samples that are wanted are asked for by name, each once, however much is held", async () => {
  const answer = ({ sample: named, keep }) => ({
    samples: named ? [sample(named)] : fresh(40),
    kept: keep,
    pool: {},
    state: "ready",
  });
  const { held, supply, sent } = begin(answer);
  supply.refill();
  await settled();
  supply.want(701);
  supply.want(702);
  await settled();
  assert.deepEqual(
    sent.map((body) => body.sample),
    [undefined, 701, 702],
  );
  assert.ok(held.find(701) && held.find(702));
  held.entries.forEach((entry) => Object.assign(entry, { isDone: true }));
  supply.refill();
  await settled();
  assert.equal(sent.at(-1).sample, undefined);
});
