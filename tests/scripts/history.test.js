import assert from "node:assert/strict";
import test from "node:test";
import "./browser.js";
import { entryOf, followerOf } from "../../static/js/core/held.js";
import { History } from "../../static/js/core/history.js";
import { sample } from "./browser.js";

const answer = (...classes) => ({ verdict: "answer", classes, dwell_ms: 10 });

function begin() {
  const events = [];
  const steps = [];
  const outbox = { add: (...added) => events.push(...added) };
  const onStep = (_, before, after) => steps.push([before?.classes ?? null, after?.classes ?? null]);
  return { events, steps, history: new History(outbox, { mode: "grid", isShown: () => false, onStep }) };
}

test("each event names the one it supersedes, through undo and redo", () => {
  const { events, history } = begin();
  const subject = entryOf(sample(7, { previous: { uuid: "server's", verdict: "answer", classes: [1] } }));
  history.decide([{ subject, after: answer(2) }]);
  history.decide([{ subject, after: answer(3) }]);
  history.undo();
  history.undo();
  history.redo();
  assert.deepEqual(
    events.map(({ verdict, classes }) => [verdict, classes]),
    [
      ["answer", [2]],
      ["answer", [3]],
      ["answer", [2]],
      ["answer", [1]],
      ["answer", [2]],
    ],
  );
  assert.deepEqual(
    events.map(({ supersedes }) => supersedes),
    ["server's", ...events.slice(0, -1).map(({ uuid }) => uuid)],
  );
  assert.equal(subject.lastUuid, events.at(-1).uuid);
});

test("what was nothing before is withdrawn, and is open again", () => {
  const { events, steps, history } = begin();
  const subject = entryOf(sample(7));
  history.decide([{ subject, after: answer(2) }]);
  assert.ok(subject.isDone);
  history.undo();
  assert.equal(events[1].verdict, "withdraw");
  assert.deepEqual([subject.isDone, subject.stands], [false, null]);
  assert.deepEqual(steps, [
    [null, [2]],
    [[2], null],
  ]);
});

test("what was decided together is taken back together, with the page's note", () => {
  const { events, history } = begin();
  const subjects = [1, 2, 3].map((id) => entryOf(sample(id)));
  const note = { page: "first" };
  history.decide(
    subjects.map((subject) => ({ subject, after: answer(5) })),
    note,
  );
  const step = history.undo();
  assert.deepEqual(step.subjects, subjects);
  assert.equal(step.note, note);
  assert.equal(history.redo().note, note);
  assert.equal(events.length, 9);
});

test("a step without decisions is a step: what was passed over can be brought back", () => {
  const { events, history } = begin();
  history.decide([], { passed: [1] });
  assert.deepEqual(history.undo(), { subjects: [], note: { passed: [1] } });
  assert.equal(events.length, 0);
});

test("a new decision forgets what was taken back", () => {
  const { history } = begin();
  const [one, other] = [entryOf(sample(1)), entryOf(sample(2))];
  history.decide([{ subject: one, after: answer(5) }]);
  history.undo();
  assert.ok(history.canRedo);
  history.decide([{ subject: other, after: answer(5) }]);
  assert.ok(!history.canRedo);
  assert.equal(history.redo(), null);
  history.undo();
  assert.ok(!history.canUndo);
  assert.equal(history.undo(), null);
});

test("a follow-up question has a thread of its own", () => {
  const { events, history } = begin();
  const entry = entryOf(sample(7));
  const follower = followerOf(entry, "behaviour");
  history.decide([{ subject: entry, after: answer(2) }]);
  history.decide([{ subject: follower, after: answer(9) }]);
  assert.equal(events[1].question, "behaviour");
  assert.equal(events[1].supersedes, null);
  assert.equal(events[0].question, undefined);
});

test("who insists sends it once more, over what the server has", () => {
  const { events, history } = begin();
  const uuid = history.insist({ uuid: "refused", sample: 7, verdict: "answer", classes: [1] }, "theirs");
  assert.notEqual(uuid, "refused");
  assert.deepEqual([events[0].uuid, events[0].supersedes, events[0].sample], [uuid, "theirs", 7]);
});
