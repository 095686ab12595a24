// What other tabs of this browser hold, so that this one doesn't give it back to the server under their hands.

const FRESH_MS = 150_000; // a background tab may run its timers once a minute only
const BEAT_MS = 20_000;

export class Tabs {
  #prefix;
  #key;
  #ids = [];

  constructor(scope, id) {
    this.#prefix = `labeller-held:${scope}:`;
    this.#key = this.#prefix + id;
    setInterval(() => this.#write(), BEAT_MS);
    addEventListener("pagehide", () => this.#remove(this.#key));
    addEventListener("pageshow", (event) => event.persisted && this.#write());
  }

  hold(ids) {
    this.#ids = ids;
    this.#write();
  }

  /** Sample ids that other living tabs hold. */
  others() {
    const found = new Set();
    try {
      for (const key of Object.keys(localStorage)) {
        if (!key.startsWith(this.#prefix) || key === this.#key) continue;
        const { at, ids } = JSON.parse(localStorage.getItem(key));
        if (Date.now() - at > FRESH_MS) this.#remove(key);
        else for (const id of ids) found.add(id);
      }
    } catch {
      // Without storage every tab is on its own; the server still applies a decision once.
    }
    return found;
  }

  #write() {
    try {
      localStorage.setItem(this.#key, JSON.stringify({ at: Date.now(), ids: this.#ids }));
    } catch {
      // See others().
    }
  }

  #remove(key) {
    try {
      localStorage.removeItem(key);
    } catch {
      // See others().
    }
  }
}
