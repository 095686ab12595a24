// Decisions as events, and the one place where undo and redo are kept. Each event names the one it supersedes.
//
// A subject is what a decision is about: a sample, and the question where it is not the page's own. It carries what
// stands for it (`stands`), the UUID of its last event (`lastUuid`) and whether it is decided here (`isDone`).

import { newUuid } from "./uuid.js";

const NOTHING = { verdict: "withdraw", classes: [] };

/**
 * @typedef {object} Change
 * @property {Subject} subject
 * @property {Decision | null} before
 * @property {Decision} after
 * @property {boolean} wasDone
 */

/**
 * @typedef {object} Options
 * @property {string} mode
 * @property {(subject: any) => boolean} isShown
 * @property {(event: SaveEvent, before: Decision | null, after: Decision | null) => void} onStep
 */

/** @typedef {{ changes: Change[], note: any }} Step */

/** @type {(step: Step) => { subjects: any[], note: any }} */
const told = ({ changes, note }) => ({ subjects: changes.map(({ subject }) => subject), note });

export class History {
  #outbox;
  #options;
  /** @type {Step[]} */
  #undo = [];
  /** @type {Step[]} */
  #redo = [];
  decidedAt = -Infinity; // by performance.now()

  /**
   * options: mode, isShown(subject) -> whether a suggestion is seen, onStep(event, before, after) for every event
   *
   * @param {{ add(...events: SaveEvent[]): void }} outbox
   * @param {Options} options
   */
  constructor(outbox, options) {
    this.#outbox = outbox;
    this.#options = options;
  }

  get canUndo() {
    return this.#undo.length > 0;
  }

  get canRedo() {
    return this.#redo.length > 0;
  }

  /**
   * Record decisions [{subject, after: {verdict, classes, dwell_ms}}] that are taken back together. `note` is what the
   * page wants to know again when they are: it comes back with them.
   *
   * @param {{ subject: Subject, after: Decision }[]} decisions
   * @param {object | null} note
   */
  decide(decisions, note = null) {
    this.decidedAt = performance.now();
    const changes = decisions.map(({ subject, after }) => ({
      subject,
      before: subject.stands,
      after,
      wasDone: subject.isDone,
    }));
    this.#undo.push({ changes, note });
    this.#redo = [];
    this.#apply(changes.map(({ subject, after }) => ({ subject, decision: after, isDone: true })));
  }

  /** Take the last step back; returns its {subjects, note}, or null. */
  undo() {
    const step = this.#undo.pop();
    if (!step) return null;
    this.#redo.push(step);
    this.#apply(step.changes.map(({ subject, before, wasDone }) => ({ subject, decision: before, isDone: wasDone })));
    return told(step);
  }

  /** Take the last step that was taken back again; returns its {subjects, note}, or null. */
  redo() {
    const step = this.#redo.pop();
    if (!step) return null;
    this.#undo.push(step);
    this.#apply(step.changes.map(({ subject, after }) => ({ subject, decision: after, isDone: true })));
    return told(step);
  }

  /**
   * Send a refused decision once more, over what the server has: the person insists. Returns the new UUID.
   *
   * @param {SaveEvent} event
   * @param {string} currentUuid
   */
  insist(event, currentUuid) {
    const uuid = newUuid();
    this.#outbox.add({ ...event, uuid, supersedes: currentUuid });
    return uuid;
  }

  /** @param {{ subject: Subject, decision: Decision | null, isDone: boolean }[]} changes */
  #apply(changes) {
    const events = changes.map(({ subject, decision, isDone }) => {
      const event = this.#event(subject, decision ?? NOTHING);
      if (subject.kind === "box") subject.uuids?.add(event.uuid);
      this.#options.onStep(event, subject.stands, decision);
      Object.assign(subject, { stands: decision, lastUuid: event.uuid, draft: null, isDone });
      return event;
    });
    this.#outbox.add(...events);
  }

  /**
   * @param {Subject} subject
   * @param {Decision} decision
   */
  #event(subject, { verdict, classes, box = null, mode, dwell_ms: dwell = 0 }) {
    return {
      uuid: newUuid(),
      ...(subject.kind ? { kind: subject.kind } : {}),
      ...(subject.kind === "box" ? { part: subject.part ?? null, box } : {}),
      ...(subject.question ? { question: subject.question } : {}),
      sample: subject.sample,
      entry: subject.entry ?? null,
      verdict,
      classes,
      supersedes: subject.lastUuid,
      mode: mode ?? subject.mode ?? this.#options.mode,
      dwell_ms: dwell,
      suggestion_shown: this.#options.isShown(subject),
      head_version: subject.head_version ?? null,
    };
  }
}
