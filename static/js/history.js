// Decisions as events, and undo and redo over them. Each event names the one it supersedes.

import { newUuid } from "./outbox.js";

const NOTHING = { verdict: "withdraw", classes: [] };

export class History {
  #outbox;
  #onStep;
  #undo = [];
  #redo = [];

  /** `onStep(uuid, before, after)` is told of every event as it is made. */
  constructor(outbox, onStep) {
    this.#outbox = outbox;
    this.#onStep = onStep;
  }

  get canUndo() {
    return this.#undo.length > 0;
  }

  get canRedo() {
    return this.#redo.length > 0;
  }

  /** Record a decision {verdict, classes, dwell_ms}. */
  decide(entry, after) {
    this.#undo.push({ entry, before: entry.stands, after, wasDone: entry.isDone });
    this.#redo = [];
    this.#apply(entry, after);
    entry.isDone = true;
  }

  /** Take the last decision back; returns its entry, or null. */
  undo() {
    const step = this.#undo.pop();
    if (!step) return null;
    this.#redo.push(step);
    this.#apply(step.entry, step.before);
    step.entry.isDone = step.wasDone;
    return step.entry;
  }

  redo() {
    const step = this.#redo.pop();
    if (!step) return null;
    this.#undo.push(step);
    this.#apply(step.entry, step.after);
    step.entry.isDone = true;
    return step.entry;
  }

  /** Send a refused decision once more, over what the server has: the person insists. Returns the new UUID. */
  insist(event, currentUuid) {
    const uuid = newUuid();
    this.#outbox.add({ ...event, uuid, supersedes: currentUuid });
    return uuid;
  }

  #apply(entry, decision) {
    const { verdict, classes, dwell_ms: dwell = 0 } = decision ?? NOTHING;
    const event = {
      uuid: newUuid(),
      sample: entry.sample,
      entry: entry.entry,
      verdict,
      classes,
      supersedes: entry.lastUuid,
      mode: "single",
      dwell_ms: dwell,
      suggestion_shown: !entry.blind && entry.suggestions.length > 0,
      head_version: entry.head_version ?? null,
    };
    this.#onStep(event.uuid, entry.stands, decision);
    entry.stands = decision;
    entry.lastUuid = event.uuid;
    entry.draft = null;
    this.#outbox.add(event);
  }
}
