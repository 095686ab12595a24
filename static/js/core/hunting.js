// One hunt after the other: what is looked for, asking a worker, and what it found out. No DOM.
//
// Events: "change" (anything below is another), "arrived" (a hunt is done: its tiles can be had), "ended" (it brings none).

const LATE_MS = 10_000; // after which people are told that a worker is waited for
const LOST_MOST = 3;
const BACK_OFF_MS = [500, 1000, 2000, 4000, 8000, 15_000];
/**
 * @param {number} ms
 * @returns {Promise<void>}
 */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** @param {number} tries */
const backOff = (tries) => sleep(BACK_OFF_MS[Math.min(tries, BACK_OFF_MS.length - 1)]);

/**
 * @typedef {object} Options
 * @property {Asking} session
 * @property {import("./tile_supply.js").TileSupply} supply
 * @property {() => number[]} without
 */

export class Hunting extends EventTarget {
  /** @type {Aim | null} */
  aim = null; // {class, like, text}; the class is null until somebody has said what the examples, or words, are of
  /** @type {string | null} */
  job = null; // the newest one that is done
  /** @type {any} */
  known = null; // what the server says of it, and foundThen: how many had been found when it was asked for
  /** @type {number[]} */
  examples = []; // sample ids of the class
  /** @type {Record<string, string>} */
  excerpts = {}; // how the texts of examples begin, by their ids
  /** @type {{ state: string, message: string } | null} */
  ended = null; // {state: "failed" or "over", message}
  isLate = false;
  isNews = false; // whether something was decided since
  #isSeed = false; // whether the examples, or words, only led to the class

  #options;
  #wish = 0; // the newest hunt counts

  /**
   * options: session, supply, without() -> sample ids that were passed over
   *
   * @param {Options} options
   */
  constructor(options) {
    super();
    this.#options = options;
  }

  /**
   * Hunt for something else, or (null) for nothing.
   *
   * @param {Aim | null} aim
   */
  begin(aim) {
    Object.assign(this, { aim, job: null, known: null, examples: [], ended: null, isLate: false });
    this.#isSeed = false;
    this.#wish += 1;
    if (aim) this.renew();
    this.#tell("change");
  }

  /**
   * Say what the examples are of. Once there are labels of it, the class itself is hunted.
   *
   * @param {number} id
   */
  name(id) {
    this.aim = { like: [], ...this.aim, class: id };
    this.#isSeed = true;
    this.renew();
    this.#tell("change");
  }

  /** Ask for the same hunt anew, now that more is known; what is in use stays meanwhile. */
  async renew() {
    const wish = ++this.#wish;
    const isCurrent = () => wish === this.#wish;
    const { session } = this.#options;
    if (!this.aim) return;
    if (this.#isSeed && this.isNews) this.aim = { ...this.aim, like: [], text: "" };
    this.isNews = false;
    const foundThen = session.tally.counts.get(this.aim.class ?? 0) ?? 0;
    const late = setTimeout(() => isCurrent() && this.#set({ isLate: true }), LATE_MS);
    await session.outbox.ready(); // what earlier pages left unsaved is held by nobody else
    for (let tries = 0; isCurrent(); tries += 1) {
      const asked = await this.#ask(isCurrent);
      if (!asked) break;
      this.#set({ examples: asked.examples, excerpts: asked.excerpts ?? {} });
      const answer = await this.#wait(asked.job, isCurrent);
      if (!isCurrent() || (answer.state === "lost" && tries < LOST_MOST)) continue; // nobody is at it: ask again
      this.#arrived(asked.job, answer, foundThen);
      break;
    }
    clearTimeout(late);
  }

  /**
   * What became of a hunt. Each look reminds the server of one that no worker has begun.
   *
   * @param {string} job
   * @param {() => boolean} isCurrent
   */
  async #wait(job, isCurrent) {
    const { supply } = this.#options;
    for (let looks = 0; isCurrent(); looks += 1) {
      const answer = await supply.look({ job });
      if (answer && answer.state !== "hunting") return answer;
      await (answer ? sleep(supply.pause(looks)) : backOff(looks));
    }
    return { state: "lost" };
  }

  /**
   * The page has come to an end of what this hunt brings.
   *
   * @param {string} state
   */
  end(state, message = "") {
    this.#set({ ended: { state, message } });
    this.#tell("ended");
  }

  /** @param {() => boolean} isCurrent */
  async #ask(isCurrent) {
    const { session, supply, without } = this.#options;
    for (let tries = 0; isCurrent(); tries += 1) {
      if (!this.aim) break;
      const { class: id, like, text } = this.aim;
      const body = { like, without: without(), ...(id === null ? {} : { class: id }), ...(text ? { text } : {}) };
      const { status, data, failure } = await session.post(session.boot.urls.hunt_start, body);
      if (!isCurrent()) return null;
      if (data?.job) return data;
      if (!failure && status >= 400 && status < 500) {
        this.end("failed", data?.detail ?? "");
        return null;
      }
      supply.isTroubled = true;
      this.#tell("change");
      await backOff(tries);
    }
    return null;
  }

  /**
   * @param {string} job
   * @param {any} answer
   * @param {number} foundThen
   */
  #arrived(job, answer, foundThen) {
    if (answer.state === "failed" || answer.state === "lost") {
      this.#set({ isLate: false });
      this.end("failed", answer.message);
      return;
    }
    this.#set({ job, known: { ...answer.hunt, foundThen }, ended: null, isLate: false });
    this.#tell("arrived");
  }

  /** @param {object} fields */
  #set(fields) {
    Object.assign(this, fields);
    this.#tell("change");
  }

  /** @param {string} name */
  #tell(name) {
    this.dispatchEvent(new Event(name));
  }
}
