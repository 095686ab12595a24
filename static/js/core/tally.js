// Counts as the person sees them: what the server last said, plus what is still on its way; and the pace of today.

import { remember, remembered } from "./memory.js";

const PAUSE_MS = 60_000; // a longer gap between two decisions is a break, not slowness

export class Tally {
  /** @type {number | null} */
  #labelled = null;
  /** @type {Map<number, number>} */
  #counts = new Map();
  /** @type {Map<string, { labelled: number, classes: Map<number, number> }>} */
  #waiting = new Map(); // uuid -> {labelled, classes: Map}

  /**
   * Note the step from one decision to the next, sent as this event.
   *
   * @param {string} uuid
   * @param {Decision | null} before
   * @param {Decision | null} after
   */
  expect(uuid, before, after) {
    /** @type {Map<number, number>} */
    const classes = new Map();
    /**
     * @param {Decision | null} decision
     * @param {number} by
     */
    const add = (decision, by) => {
      if (decision?.verdict !== "answer") return;
      for (const id of decision.classes) classes.set(id, (classes.get(id) ?? 0) + by);
    };
    add(before, -1);
    add(after, 1);
    const labelled = Number(after?.verdict === "answer") - Number(before?.verdict === "answer");
    this.#waiting.set(uuid, { labelled, classes });
  }

  /** @param {string} uuid */
  settled(uuid) {
    this.#waiting.delete(uuid);
  }

  /** @param {{ labelled?: number | null, counts?: Record<string, number> }} told */
  known({ labelled, counts }) {
    if (labelled !== undefined && labelled !== null) this.#labelled = labelled;
    for (const [id, n] of Object.entries(counts ?? {})) this.#counts.set(Number(id), n);
  }

  get labelled() {
    if (this.#labelled === null) return null;
    let n = this.#labelled;
    for (const { labelled } of this.#waiting.values()) n += labelled;
    return Math.max(0, n);
  }

  get counts() {
    const found = new Map(this.#counts);
    for (const { classes } of this.#waiting.values()) {
      for (const [id, by] of classes) if (found.has(id)) found.set(id, Math.max(0, (found.get(id) ?? 0) + by));
    }
    return found;
  }
}

export class Pace {
  #key;
  #today = { day: "", n: 0, ms: 0, last: 0 };

  /** @param {string} scope */
  constructor(scope) {
    this.#key = `labeller-pace:${scope}`;
    try {
      this.#today = { ...this.#today, ...JSON.parse(remembered(this.#key) || "{}") };
    } catch {
      // Damaged: starts at zero.
    }
  }

  /**
   * One label more (1) or less (-1), now.
   *
   * @param {number} by
   */
  count(by) {
    const now = Date.now();
    const day = new Date(now).toDateString();
    if (this.#today.day !== day) this.#today = { day, n: 0, ms: 0, last: 0 };
    const gap = now - this.#today.last;
    this.#today.ms += gap < PAUSE_MS ? gap : 3000;
    this.#today.n = Math.max(0, this.#today.n + by);
    this.#today.last = now;
    remember(this.#key, JSON.stringify(this.#today));
  }

  /** Labels a minute while at work today; null while there is too little to tell. */
  get perMinute() {
    const { day, n, ms } = this.#today;
    if (day !== new Date().toDateString() || n < 3 || ms < 3000) return null;
    return Math.round(n / (ms / 60_000));
  }
}
