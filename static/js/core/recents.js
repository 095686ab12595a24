// The classes that were picked lately.

import { remember, remembered } from "./memory.js";

const KEPT_RECENT = 30;

/** @type {Map<string, Recents>} */
const opened = new Map(); // scope -> Recents: all parts of a page see the same

/** The classes that were picked lately, the last one first; kept for the next visit. */
export class Recents {
  #storage;
  /** @type {number[]} */
  ids = [];

  /**
   * @param {string} scope
   * @returns {Recents}
   */
  static of(scope) {
    const known = opened.get(scope) ?? new Recents(scope);
    opened.set(scope, known);
    return known;
  }

  /** @param {string} scope */
  constructor(scope) {
    this.#storage = `labeller-recent:${scope}`;
    try {
      const kept = JSON.parse(remembered(this.#storage) || "[]");
      if (Array.isArray(kept)) this.ids = kept.filter(Number.isInteger).slice(0, KEPT_RECENT);
    } catch {
      // Damaged: begins with none.
    }
  }

  /** @param {number} id */
  use(id) {
    this.ids = [id, ...this.ids.filter((each) => each !== id)].slice(0, KEPT_RECENT);
    remember(this.#storage, JSON.stringify(this.ids));
  }
}
