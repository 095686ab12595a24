// Fetches pages of tiles, one request at a time; goes on asking until there is one.
//
// Events: "change" (state, message, groups, round or trouble are others), "kept" (detail: {asked, kept}: of the samples
// that were to be kept, those that still are this tab's), "answer" (detail: all that the server said).

import { entryOf } from "./held.js";
import { Leases } from "./leases.js";

/** @type {Record<string, number>} */
const POLL_MS = { preparing: 1000, ready: 2000, used_up: 4000, finished: 10_000 };
const HUNTING_MS = 200; // at first; the longer it takes, the longer between two looks
const HUNTING_GROWTH = 1.2;
const HUNTING_MOST_MS = 2000;
const BACK_OFF_MS = [1000, 2000, 4000, 8000, 15_000];

/**
 * @typedef {object} Options
 * @property {Asking} session
 * @property {string} url
 * @property {() => number[]} keep
 * @property {() => number} count
 * @property {(answer: any) => boolean} [isOver]
 */

export class TileSupply extends EventTarget {
  /** @type {string | null} */
  state = null; // null before the first answer, then ready, preparing, used_up or finished
  message = "";
  /** @type {Group[]} */
  groups = [];
  audits = 0;
  /** @type {any} */
  round = null;
  /** @type {any} */
  pool = null;
  isTroubled = false;
  refusal = ""; // what the server says instead of an answer

  #options;
  #wish = 0; // the newest one counts
  #wake = () => {};
  /** @type {Promise<unknown>} */
  #requests = Promise.resolve();
  #failures = 0;
  /** @type {object} */
  #last = {}; // what was asked for last
  #leases;

  /**
   * options: session, url, keep() -> sample ids that this page holds and wants to go on holding, count(), isOver(answer):
   * whether asking again would bring no tiles either (by default it goes on asking)
   *
   * @param {Options} options
   */
  constructor(options) {
    super();
    this.#options = options;
    addEventListener("online", () => this.#wake());
    this.#leases = new Leases({
      isInView: () => options.session.isInView,
      renew: () => this.state === "ready" && this.look(this.#last),
    });
  }

  /**
   * The next page of what is asked for ({group?, class?}): {group, subjects}. It takes as long as it takes; a newer wish
   * makes it null. Without subjects where it is over.
   *
   * @param {object} asked
   * @returns {Promise<{ group: Group, subjects: Entry[] } | null>}
   */
  async next(asked) {
    const wish = ++this.#wish;
    this.#last = asked;
    this.#wake();
    for (let looks = 0; ; looks += 1) {
      const data = await this.#request(() => wish === this.#wish, { ...asked, count: this.#options.count() });
      if (wish !== this.#wish) return null;
      if (data && (data.tiles.length || this.#options.isOver?.(data))) {
        return { group: data.group, subjects: data.tiles.map(entryOf) };
      }
      const backOff = BACK_OFF_MS[Math.min(this.#failures, BACK_OFF_MS.length) - 1];
      await this.#sleep(data ? this.pause(looks) : backOff);
      if (wish !== this.#wish) return null;
    }
  }

  /**
   * How things stand, without any tiles; null where the server doesn't answer.
   *
   * @param {object} asked
   */
  look(asked) {
    return this.#request(() => true, { ...asked, count: 0 });
  }

  /**
   * Milliseconds before it makes sense to ask again, after so many looks.
   *
   * @param {number} looks
   */
  pause(looks) {
    if (this.state !== "hunting") return POLL_MS[this.state ?? ""] ?? POLL_MS.ready;
    return Math.min(HUNTING_MOST_MS, HUNTING_MS * HUNTING_GROWTH ** looks);
  }

  /**
   * One after the other: each names what the ones before it brought as kept.
   *
   * @param {() => boolean} isWanted
   * @param {object} body
   * @returns {Promise<any>}
   */
  #request(isWanted, body) {
    const done = this.#requests.then(() => (isWanted() ? this.#ask(body) : null));
    // Not before who asked has taken over what came: else the next request would give it back.
    const settle = () => new Promise((resolve) => setTimeout(resolve));
    this.#requests = done.then(settle, settle);
    return done;
  }

  /** @param {object} body */
  async #ask(body) {
    const { session, url } = this.#options;
    const asked = this.#options.keep();
    this.#leases.said();
    const keep = [...new Set([...asked, ...session.outbox.samples])];
    const { data, failure } = await session.post(url, { ...body, keep });
    this.isTroubled = Boolean(failure) || !Array.isArray(data?.tiles);
    this.refusal = failure ? "" : (data?.detail ?? "");
    this.#failures = this.isTroubled ? this.#failures + 1 : 0;
    if (this.isTroubled) {
      this.dispatchEvent(new Event("change"));
      return null;
    }
    const { state, message, groups, audits, round, pool } = data;
    Object.assign(this, { state, message, groups, audits, round, pool: pool ?? this.pool });
    this.dispatchEvent(new CustomEvent("answer", { detail: data }));
    this.dispatchEvent(new CustomEvent("kept", { detail: { asked, kept: new Set(data.kept) } }));
    this.dispatchEvent(new Event("change"));
    return data;
  }

  /**
   * @param {number} ms
   * @returns {Promise<void>}
   */
  #sleep(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
