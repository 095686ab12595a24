// Fetches samples to label: refills what is held, and exchanges it when a new round has been ranked.
//
// Events: "answer" (detail: {isFreshRound, pool: the numbers of now, or null}), "trouble" (no answer; tried again by itself).

import { Leases } from "./leases.js";

const HOLD = 40; // samples; of bursts fewer, for each holds many
const HOLD_BURSTS = 12;
const LOW = 0.7; // of these
const KEPT_OVER_A_ROUND = 3; // the one in view and the next two
/** @type {Record<string, number>} */
const POLL_MS = { preparing: 1000, ready: 2000, finished: 10_000 };
const EXPECT_MS = 1500; // between two looks for the round that saved labels bring
const EXPECT_TRIES = 5;
const BACK_OFF_MS = [1000, 2000, 4000, 8000, 15_000];

/**
 * @typedef {object} Options
 * @property {Asking} session
 * @property {import("./held.js").Held} held
 * @property {{ mode: string, only?: string, sample?: number, passed?: number[] }} ask
 * @property {string} [url]
 */

export class Supply extends EventTarget {
  /** @type {string | null} */
  state = null; // null before the first answer, then ready, preparing or finished
  message = "";
  /** @type {any} */
  round = null;
  /** @type {any} */
  pool = null;
  /** @type {any} */
  answer = null; // the server's last, whole
  isTroubled = false;
  refusal = ""; // what the server says instead of an answer

  #options;
  #hold;
  #isBusy = false;
  #isStale = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #failures = 0;
  #expected = 0;
  /** @type {number[]} */
  #named = []; // samples to ask for by name
  #leases;

  /**
   * options: session, held, ask (what to ask for beside a number: mode, only, sample), url (the screen's `next`)
   *
   * @param {Options} options
   */
  constructor(options) {
    super();
    this.#options = options;
    this.#hold = options.ask.mode === "sequence" ? HOLD_BURSTS : HOLD;
    addEventListener("online", () => this.isTroubled && this.#ask());
    this.#leases = new Leases({
      isInView: () => options.session.isInView,
      renew: () => this.state === "ready" && this.#ask(),
    });
  }

  /** Fetch more where few are left. */
  refill() {
    if (!this.#isBusy && !this.isTroubled && this.#options.held.ahead().length < LOW * this.#hold) this.#ask();
  }

  /**
   * Have this sample handed out, too.
   *
   * @param {number} sample
   */
  want(sample) {
    this.#named.push(sample);
    if (!this.#isBusy && !this.isTroubled) this.#ask();
  }

  /**
   * Labels were saved while this was the newest round: exchange what isn't about to be seen where it is news.
   *
   * @param {any} round
   */
  hear(round) {
    if (!round) return;
    if (this.round && round.number <= this.round.number) {
      // The round these labels bring is being made: look for it, should the person rest on one image now.
      this.#expected = EXPECT_TRIES;
      this.#later(EXPECT_MS);
      return;
    }
    this.#isStale = true;
    if (!this.#isBusy && !this.isTroubled) this.#ask();
  }

  async #ask() {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#leases.said();
    clearTimeout(this.#timer);
    const isRenewal = this.#isStale;
    this.#isStale = false;
    const { session, held } = this.#options;
    const ahead = held.ahead();
    // What was decided and taken back stays too: redo must find it.
    /**
     * @param {Entry} entry
     * @param {number} at
     */
    const stays = (entry, at) => !isRenewal || at < KEPT_OVER_A_ROUND || entry.lastUuid !== null;
    const kept = ahead.filter(stays);
    const keep = new Set([...this.#samplesOf(kept), ...this.#spokenFor()]);
    const pool = !this.pool || isRenewal || this.state !== "ready";
    const named = this.#options.ask.sample === undefined ? this.#named.slice(0, 1) : [];
    const rest = { pool, count: Math.max(0, this.#hold - kept.length), keep: [...keep] };
    const ask = { ...this.#options.ask, ...(named.length ? { sample: named[0] } : {}), ...rest };
    const { data, failure } = await session.post(this.#options.url ?? session.boot.urls.next, ask);
    this.#isBusy = false;
    this.refusal = failure ? "" : (data?.detail ?? "");
    if (failure || !Array.isArray(data?.samples)) {
      this.#isStale ||= isRenewal;
      this.#fail();
      return;
    }
    this.#named = this.#named.filter((sample) => sample !== named[0]);
    this.#fill(data, kept, isRenewal);
    if (this.#isStale || this.#named.length) this.#ask();
    else if (!held.ahead().length) this.#later(POLL_MS[this.state ?? ""] ?? POLL_MS.ready);
    else if (this.#expected-- > 0) this.#later(EXPECT_MS);
  }

  /**
   * Take in what came, beside what was asked to be kept.
   *
   * @param {any} data
   * @param {Entry[]} kept
   * @param {boolean} isRenewal
   */
  #fill(data, kept, isRenewal) {
    const { held } = this.#options;
    this.#failures = 0;
    this.isTroubled = false;
    this.answer = data;
    held.forget(new Set(this.#samplesOf(kept)), new Set(data.kept ?? []));
    if (isRenewal) held.release(new Set(kept.map((entry) => entry.sample)));
    held.add(data.samples, this.#spokenFor());
    delete this.#options.ask.sample; // asked for by name: once
    const isFreshRound = this.#take(data);
    if (isFreshRound) this.#expected = 0;
    this.#isStale ||= isFreshRound && !isRenewal;
  }

  /** @param {Entry[]} entries */
  #samplesOf(entries) {
    /** @param {Entry} entry */
    const frames = (entry) => entry.burst.filter(({ mine }) => mine).map(({ sample }) => sample);
    return entries.flatMap((entry) => [entry.sample, ...frames(entry)]);
  }

  /** Samples decided but not yet saved, in any tab: not to be given back, nor handed out here. */
  #spokenFor() {
    return this.#options.session.outbox.samples;
  }

  /** @param {any} answer */
  #take({ round, pool, state, message }) {
    const isFreshRound = Boolean(round && this.round && round.number > this.round.number);
    if (round && (!this.round || round.number >= this.round.number)) this.round = round;
    this.pool = pool ?? this.pool;
    this.state = state;
    this.message = message ?? "";
    this.dispatchEvent(new CustomEvent("answer", { detail: { isFreshRound, pool } }));
    return isFreshRound;
  }

  #fail() {
    this.isTroubled = true;
    this.#later(BACK_OFF_MS[Math.min(this.#failures, BACK_OFF_MS.length - 1)]);
    this.#failures += 1;
    this.dispatchEvent(new Event("trouble"));
  }

  /** @param {number} ms */
  #later(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), ms);
  }
}
