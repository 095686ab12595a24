// The classes that were picked lately.

import { remember, remembered } from "./memory.js";

const KEPT_RECENT = 30;

const opened = new Map(); // scope -> Recents: all parts of a page see the same

/** The classes that were picked lately, the last one first; kept for the next visit. */
export class Recents {
  #storage;
  ids = [];

  static of(scope) {
    if (!opened.has(scope)) opened.set(scope, new Recents(scope));
    return opened.get(scope);
  }

  constructor(scope) {
    this.#storage = `labeller-recent:${scope}`;
    try {
      const kept = JSON.parse(remembered(this.#storage) || "[]");
      if (Array.isArray(kept)) this.ids = kept.filter(Number.isInteger).slice(0, KEPT_RECENT);
    } catch {
      // Damaged: begins with none.
    }
  }

  use(id) {
    this.ids = [id, ...this.ids.filter((each) => each !== id)].slice(0, KEPT_RECENT);
    remember(this.#storage, JSON.stringify(this.ids));
  }
}
