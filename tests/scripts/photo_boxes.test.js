import assert from "node:assert/strict";
import test from "node:test";
import "./browser.js";
import { entryOf } from "../../static/js/core/held.js";
import { History } from "../../static/js/core/history.js";
import { PhotoBoxes } from "../../static/js/core/photo_boxes.js";
import { sample } from "./browser.js";

const HERE = [0.1, 0.1, 0.2, 0.2];
const THERE = [0.5, 0.5, 0.2, 0.2];
const ELSEWHERE = [0.7, 0.1, 0.2, 0.2];
const place = (box) => ({ verdict: "place", classes: [], box });
const gone = { verdict: "withdraw", classes: [], box: null };

/** A photograph, 3, with a box that is the sample 11; what is sent waits in `pending` until it is answered. */
function begin() {
  const pending = new Map();
  const photos = new PhotoBoxes((uuid) => pending.has(uuid));
  const outbox = { add: (...events) => events.forEach((event) => pending.set(event.uuid, event)) };
  const history = new History(outbox, { mode: "single", isShown: () => false, onStep: () => {} });
  const shown = sample(11, { photo: 3, boxes: [{ sample: 11, box: HERE, edit: null }] });
  photos.learn(shown);
  const answer = (uuid, told) => {
    const event = pending.get(uuid);
    pending.delete(uuid);
    return photos.settled({ uuid, event, status: 200, ...told });
  };
  return { pending, photos, history, entry: entryOf(shown), answer, shown };
}

const boxes = (photos) => photos.of(3).map(({ stands }) => stands.box);

test("a box is moved, and moved back, each time over what was last", () => {
  const { pending, photos, history } = begin();
  const box = photos.ofSample(11);
  history.decide([{ subject: box, after: place(THERE) }]);
  history.undo();
  const [first, second] = pending.values();
  assert.deepEqual([first.kind, first.sample, first.part, first.box, first.supersedes], ["box", 11, 11, THERE, null]);
  assert.deepEqual([second.box, second.supersedes], [HERE, first.uuid]);
  assert.deepEqual(boxes(photos), [HERE]);
});

test("a box that was drawn gets its sample from the server, and only the page that drew it waits for that", () => {
  const { pending, photos, history, entry, answer } = begin();
  const box = photos.make(entry);
  history.decide([{ subject: box, after: place(THERE) }]);
  const [{ uuid, part, supersedes }] = pending.values();
  assert.deepEqual([part, supersedes], [null, null]);
  assert.deepEqual(boxes(photos), [HERE, THERE]);
  assert.equal(answer(uuid, { label: { uuid, sample: 12, box: THERE } }), 12);
  assert.equal(photos.ofSample(12), box);
  const event = { kind: "box", sample: 11, part: null, uuid: "of another tab", box: ELSEWHERE };
  const label = { uuid: event.uuid, sample: 13, box: ELSEWHERE };
  assert.equal(photos.settled({ uuid: event.uuid, status: 200, event, label }), null);
  assert.deepEqual(boxes(photos), [HERE, THERE, ELSEWHERE]);
});

test("a drawn box that is taken back before the server answered is not there, and nobody waits for it", () => {
  const { pending, photos, history, entry, answer } = begin();
  history.decide([{ subject: photos.make(entry), after: place(THERE) }]);
  history.undo();
  const [drawn, taken] = pending.values();
  assert.deepEqual([taken.part, taken.box, taken.supersedes], [null, null, drawn.uuid]);
  assert.equal(answer(drawn.uuid, { label: { uuid: drawn.uuid, sample: 12, box: THERE } }), null);
  assert.deepEqual(boxes(photos), [HERE]);
  answer(taken.uuid, { label: { uuid: taken.uuid, sample: 12, box: null } });
  assert.deepEqual(boxes(photos), [HERE]);
});

test("what was refused lies where the server has it", () => {
  const { pending, photos, history, answer } = begin();
  const box = photos.ofSample(11);
  history.decide([{ subject: box, after: place(THERE) }]);
  const [{ uuid }] = pending.values();
  answer(uuid, { status: 409, current: { uuid: "theirs", sample: 11, box: ELSEWHERE } });
  assert.deepEqual([boxes(photos), box.lastUuid], [[ELSEWHERE], "theirs"]);
  history.decide([{ subject: box, after: gone }]);
  assert.equal([...pending.values()][0].supersedes, "theirs");
  answer([...pending.keys()][0], { status: 422 });
  assert.deepEqual(boxes(photos), [ELSEWHERE]);
});

test("the server's word counts, but for what it was not told yet", () => {
  const { pending, photos, history, shown } = begin();
  const box = photos.ofSample(11);
  photos.learn({ ...shown, boxes: [{ sample: 11, box: THERE, edit: "theirs" }] });
  assert.deepEqual([boxes(photos), box.lastUuid], [[THERE], "theirs"]);
  history.decide([{ subject: box, after: gone }]);
  photos.learn({ ...shown, boxes: [{ sample: 11, box: THERE, edit: "theirs" }] });
  assert.deepEqual([boxes(photos), pending.size], [[], 1]);
});

test("what the server tells of no more is not there, and can be put back by who took it away", () => {
  const { pending, photos, history, shown, answer } = begin();
  history.decide([{ subject: photos.ofSample(11), after: gone }]);
  photos.learn({ ...shown, boxes: [] });
  const [{ uuid }] = pending.values();
  answer(uuid, { label: { uuid, sample: 11, box: null } });
  photos.learn({ ...shown, boxes: [] });
  assert.deepEqual(boxes(photos), []);
  history.undo();
  const [back] = pending.values();
  assert.deepEqual([back.box, back.supersedes, boxes(photos)], [HERE, uuid, [HERE]]);
});
