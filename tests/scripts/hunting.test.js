import assert from "node:assert/strict";
import test from "node:test";
import { Hunting } from "../../static/js/core/hunting.js";
import { clock, sessionThat } from "./browser.js";

/** A hunt whose jobs come to what `looks(job, n)` says: an answer, or null for none from the server. */
function begin(looks, { counts = new Map(), start } = {}) {
  let jobs = 0;
  const session = sessionThat(start ?? (() => ({ job: `job ${++jobs}`, examples: [3] })), { counts });
  const seen = new Map();
  const supply = {
    isTroubled: false,
    pause: () => 100,
    async look({ job }) {
      seen.set(job, (seen.get(job) ?? 0) + 1);
      return looks(job, seen.get(job));
    },
  };
  const told = [];
  const hunting = new Hunting({ session, supply, without: () => [8] });
  for (const name of ["arrived", "ended"]) hunting.addEventListener(name, () => told.push(name));
  return { hunting, told, supply, sent: session.sent };
}

const ready = (job) => ({ state: "ready", hunt: { by: "head", of: job } });

test("it asks, waits for a worker, and tells what was found", async () => {
  const counts = new Map([[5, 12]]);
  const { hunting, told, sent } = begin((job, looks) => (looks < 3 ? { state: "hunting" } : ready(job)), { counts });
  hunting.begin({ class: 5, like: [] });
  await clock.advance(1000);
  assert.deepEqual(sent, [{ like: [], without: [8], class: 5 }]);
  assert.deepEqual([told, hunting.job, hunting.known.foundThen], [["arrived"], "job 1", 12]);
  assert.deepEqual(hunting.examples, [3]);
});

test("a lost hunt is asked for anew, a few times", async () => {
  const { hunting, told, sent } = begin((job) => (job === "job 3" ? ready(job) : { state: "lost" }));
  hunting.begin({ class: 5, like: [] });
  await clock.advance(1000);
  assert.deepEqual([sent.length, told, hunting.job], [3, ["arrived"], "job 3"]);
  const hopeless = begin(() => ({ state: "lost", message: "no worker" }));
  hopeless.hunting.begin({ class: 5, like: [] });
  await clock.advance(1000);
  assert.deepEqual([hopeless.told, hopeless.hunting.ended.state], [["ended"], "failed"]);
});

test("a hunt that another took the place of is not heard any more", async () => {
  const { hunting, told } = begin((job) => (job === "job 1" ? { state: "hunting" } : ready(job)));
  hunting.begin({ class: 5, like: [] });
  await clock.advance(300);
  hunting.begin({ class: 6, like: [] });
  await clock.advance(2000);
  assert.deepEqual([told, hunting.job, hunting.aim.class], [["arrived"], "job 2", 6]);
});

test("the one in use stays while it is asked for anew", async () => {
  let isSlow = false;
  const { hunting } = begin((job) => (isSlow ? { state: "hunting" } : ready(job)));
  hunting.begin({ class: 5, like: [] });
  await clock.advance(500);
  isSlow = true;
  hunting.renew();
  await clock.advance(11_000);
  assert.deepEqual([hunting.job, hunting.isLate], ["job 1", true]);
});

test("examples lead to a class; once something was found, the class itself is hunted", async () => {
  const { hunting, sent } = begin(ready);
  hunting.begin({ class: null, like: [4] });
  await clock.advance(500);
  hunting.name(5);
  await clock.advance(500);
  hunting.isNews = true;
  hunting.renew();
  await clock.advance(500);
  assert.deepEqual(
    sent.map(({ class: id, like }) => [id, like]),
    [
      [undefined, [4]],
      [5, [4]],
      [5, []],
    ],
  );
});

test("a refusal ends it in the server's words; no answer is waited for", async () => {
  const refused = begin(ready, { start: () => ({ status: 400, detail: "too few" }) });
  refused.hunting.begin({ class: 5, like: [] });
  await clock.advance(500);
  assert.deepEqual(refused.hunting.ended, { state: "failed", message: "too few" });
  let isThere = false;
  const late = begin(ready, { start: () => (isThere ? { job: "at last", examples: [] } : null) });
  late.hunting.begin({ class: 5, like: [] });
  await clock.advance(3000);
  assert.ok(late.supply.isTroubled);
  isThere = true;
  await clock.advance(20_000);
  assert.equal(late.hunting.job, "at last");
});

test("nothing is hunted for nothing", async () => {
  const { hunting, told, sent } = begin(ready);
  hunting.begin(null);
  await clock.advance(1000);
  assert.deepEqual([told, sent], [[], []]);
});

test("words lead to a class, which is hunted itself once there are labels of it", async () => {
  const { hunting, sent } = begin((job) => ready(job));
  hunting.begin({ class: null, like: [], text: "a lynx at night" });
  await clock.advance(1000);
  hunting.name(5);
  await clock.advance(1000);
  hunting.isNews = true;
  hunting.renew();
  await clock.advance(1000);
  assert.deepEqual(sent, [
    { like: [], without: [8], text: "a lynx at night" },
    { like: [], without: [8], class: 5, text: "a lynx at night" },
    { like: [], without: [8], class: 5 },
  ]);
});
