// Nothing that was decided is lost, overtaken or doubled, whatever the server and the network do.

import assert from "node:assert/strict";
import test, { beforeEach } from "node:test";
import { Outbox } from "../../static/js/core/outbox.js";
import { clock, happens, serve, settled } from "./browser.js";

let scopes = 0;

beforeEach(() => clock.reset()); // what other outboxes would still send

/** An outbox of a scope that no other test has. */
async function begin(scope = `scope ${++scopes}`) {
  const outbox = new Outbox({ scope, url: "/save", user: 1 });
  await outbox.ready();
  return outbox;
}

const event = (uuid, more = {}) => ({ uuid, sample: 1, verdict: "answer", classes: [1], supersedes: null, ...more });
const accepting = ({ events }) => ({ json: { results: events.map(({ uuid }) => ({ uuid, status: 201 })) } });
const sentUuids = (sent) => sent.map(({ events }) => events.map(({ uuid }) => uuid));

test("decisions go together, in their order, and are pending until they are answered for", async () => {
  const sent = serve(accepting);
  const outbox = await begin();
  for (const uuid of ["a", "b", "c"]) outbox.add(event(uuid, { sample: uuid.charCodeAt(0) }));
  assert.equal(outbox.state, "saving");
  assert.deepEqual([...outbox.samples], [97, 98, 99]);
  await clock.advance(1000);
  assert.deepEqual(sentUuids(sent), [["a", "b", "c"]]);
  assert.deepEqual([outbox.state, outbox.pending.size], ["saved", 0]);
});

test("five decisions don't wait for the time to come", async () => {
  const sent = serve(accepting);
  const outbox = await begin();
  outbox.add(...["a", "b", "c", "d", "e"].map((uuid) => event(uuid)));
  await clock.advance(0);
  assert.equal(sent.length, 1);
});

test("without a network it waits longer and longer, and goes on at once when there is one", async () => {
  let isOnline = false;
  const sent = serve((body) => (isOnline ? accepting(body) : "offline"));
  const outbox = await begin();
  outbox.add(event("a"));
  await clock.advance(20_000);
  const tries = sent.length;
  assert.ok(tries >= 4 && tries <= 7, String(tries));
  assert.equal(outbox.state, "offline");
  outbox.add(event("b"));
  isOnline = true;
  happens("online");
  await clock.advance(0);
  assert.deepEqual(sentUuids(sent).at(-1), ["a", "b"]);
  assert.equal(outbox.state, "saved");
});

test("who was signed out loses nothing", async () => {
  serve(() => ({ status: 403 }));
  const outbox = await begin();
  outbox.add(event("a"));
  await clock.advance(3000);
  assert.deepEqual([outbox.state, outbox.pending.size, outbox.problems.length], ["signed-out", 1, 0]);
});

test("a withdrawal never overtakes its label", async () => {
  const sent = serve(async (body) => {
    await settled();
    return accepting(body);
  });
  const outbox = await begin();
  outbox.add(event("label"));
  const first = clock.advance(500);
  await settled();
  outbox.add(event("withdrawal", { verdict: "withdraw", classes: [], supersedes: "label" }));
  await first;
  await clock.advance(2000);
  assert.deepEqual(sentUuids(sent), [["label"], ["withdrawal"]]);
});

test("the one that can't be saved is found, told, and holds nothing else up", async () => {
  const sent = serve((body) => {
    if (!body.events.length) return { status: 400, json: { detail: "nothing to save" } };
    return body.events.some(({ uuid }) => uuid === "bad") ? { status: 500 } : accepting(body);
  });
  const outbox = await begin();
  const uuids = ["a", "b", "c", "bad", "d", "e", "f"];
  outbox.add(...uuids.map((uuid) => event(uuid)));
  await clock.advance(60_000);
  assert.deepEqual(
    outbox.problems.map(({ uuid, status }) => [uuid, status]),
    [["bad", 500]],
  );
  assert.equal(outbox.state, "saved");
  const saved = sent.filter(({ events }) => !events.some(({ uuid }) => uuid === "bad")).flatMap(({ events }) => events);
  assert.deepEqual(new Set(saved.map(({ uuid }) => uuid)), new Set(uuids.filter((uuid) => uuid !== "bad")));
  await outbox.dismiss("bad");
  assert.deepEqual(outbox.problems, []);
});

test("a server that fails for all is waited for, and blamed on no decision", async () => {
  serve(() => ({ status: 503 }));
  const outbox = await begin();
  outbox.add(event("a"));
  await clock.advance(120_000);
  assert.deepEqual([outbox.state, outbox.pending.size, outbox.problems.length], ["busy", 1, 0]);
});

test("what somebody else decided meanwhile is a problem, unless they decided the same", async () => {
  serve(({ events }) => ({
    json: {
      results: events.map(({ uuid, sample }) => ({
        uuid,
        status: 409,
        current: { uuid: "theirs", verdict: "answer", classes: [sample] },
      })),
    },
  }));
  const outbox = await begin();
  outbox.add(event("same", { sample: 1, classes: [1] }), event("other", { sample: 2, classes: [1] }));
  await clock.advance(1000);
  assert.deepEqual(
    outbox.problems.map(({ uuid, current }) => [uuid, current.classes]),
    [["other", [2]]],
  );
});

test("another tab knows what waits here, and that it is settled", async () => {
  serve(accepting);
  const [here, there] = [await begin("both"), await begin("both")];
  here.add(event("a", { sample: 42 }));
  await settled();
  assert.ok(there.samples.has(42));
  await clock.advance(1000);
  assert.deepEqual([...there.samples], []);
  assert.equal(there.state, "saved");
});

test("a page that goes hands over what is its own once more", async () => {
  const sent = serve(() => "offline");
  const outbox = await begin();
  outbox.add(event("a"));
  await settled();
  happens("pagehide");
  await settled();
  assert.ok(sentUuids(sent).some(([uuid]) => uuid === "a"));
});
