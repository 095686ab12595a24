// The outbox: every decision is stored before it is sent, sent in order, and removed only once answered for.
//
// Requests are serialised over all tabs (navigator.locks), and each starts at the oldest unsettled event, so a
// withdrawal never overtakes its label. Sending twice is harmless: the server applies a UUID once.
//
// A request that fails whole is halved, down to the decision that can't be saved: that one is put among the problems,
// for the person to deal with, and holds nothing else up.
//
// Events: "change" (pending or state changed), "answer" (detail: the server's answer), "problem" (problems changed),
// "settled" (detail: {uuid, status, event, label, current}).

import { MemoryStore, openStore } from "./outbox_store.js";
import { postJson } from "./server.js";

const BATCH_MS = 500;
const BATCH_EVENTS = 5;
const REQUEST_EVENTS = 25;
const AWAY = new Set([401, 403, 408, 429, 502, 503, 504]); // of the server, or of the person: no fault of what is sent
const BACK_OFF_MS = [1000, 2000, 4000, 8000, 15000, 30000];

/**
 * @param {SaveEvent} event
 * @param {Stored | null} current
 */
const isSame = (event, current) =>
  current && (event.kind === "box" ? isSamePlace(event.box, current.box) : isSameAnswer(event, current));

/**
 * @param {SaveEvent} event
 * @param {Stored} current
 */
const isSameAnswer = (event, current) =>
  current.verdict === event.verdict && [...current.classes].sort().join() === [...(event.classes ?? [])].sort().join();

/**
 * @param {Box | null | undefined} one
 * @param {Box | null | undefined} other
 */
const isSamePlace = (one, other) => String(one ?? "") === String(other ?? "");

/**
 * @typedef {import("./outbox_store.js").Waiting} Waiting
 * @typedef {import("./outbox_store.js").Problem} Problem
 * @typedef {Awaited<ReturnType<typeof openStore>>} Store
 * @typedef {{ uuid: string, status: number, label?: Stored | null, current: Stored | null, event: SaveEvent }} Settled
 */

export class Outbox extends EventTarget {
  state = "saved"; // saved, saving, offline, busy, signed-out
  /** @type {Map<string, SaveEvent>} */
  pending = new Map(); // uuid -> event, of all tabs, as far as known
  /** @type {Problem[]} */
  problems = [];

  #scope;
  #url;
  #user;
  /** @type {Store | MemoryStore} */
  #store = new MemoryStore(); // until that of the disk is open
  #isOpen = false;
  #opening;
  /** @type {Map<string, Waiting>} */
  #mine = new Map(); // uuid -> record made in this tab and not settled
  #adding = Promise.resolve();
  /** @type {ReturnType<typeof setTimeout> | null} */
  #timer = null;
  #isSending = false;
  #failures = 0;
  #limit = REQUEST_EVENTS;
  /** @type {string | null} */
  #doubted = null; // uuid of what failed by itself just now
  /** @type {BroadcastChannel | null} */
  #channel = null;

  /**
   * `user` is whose decisions these are: sent along, for somebody else may have logged in by then.
   *
   * @param {{ scope: string, url: string, user: number }} options
   */
  constructor({ scope, url, user }) {
    super();
    this.#user = user;
    this.#scope = scope;
    this.#url = url;
    if ("BroadcastChannel" in globalThis) {
      this.#channel = new BroadcastChannel(`labeller-outbox-${scope}`);
      this.#channel.onmessage = ({ data }) => this.#hear(data);
    }
    this.#opening = this.#open();
    addEventListener("online", () => this.#soon(0));
    addEventListener("offline", () => this.#become("offline"));
    addEventListener("pagehide", () => this.#lastWords());
    addEventListener("pageshow", (event) => "persisted" in event && event.persisted && this.#soon(0));
  }

  /** Resolves once what earlier pages left behind is known. */
  ready() {
    return this.#opening;
  }

  /** The samples that something is still to be saved about, from any tab. */
  get samples() {
    return new Set(Array.from(this.pending.values(), ({ sample }) => sample));
  }

  /** Send what waits now: the page may be gone soon. */
  hurry() {
    if (this.pending.size) this.#soon(0);
  }

  get isDurable() {
    return !this.#isOpen || this.#store.isDurable;
  }

  /**
   * Take in events that were made together.
   *
   * @param {SaveEvent[]} events
   */
  add(...events) {
    const records = events.map((event) => ({ scope: this.#scope, uuid: event.uuid, event }));
    for (const record of records) {
      this.pending.set(record.uuid, record.event);
      this.#mine.set(record.uuid, record);
    }
    this.#adding = this.#adding.then(() => this.#write(records));
    if (this.#failures === 0) this.#soon(this.pending.size >= BATCH_EVENTS ? 0 : BATCH_MS);
    this.#changed();
  }

  /**
   * Forget a refused decision; the person said so.
   *
   * @param {string} uuid
   */
  async dismiss(uuid) {
    await this.#store.dismiss(uuid);
    await this.#readProblems();
    this.#channel?.postMessage({ problems: true });
  }

  async #open() {
    this.#store = await openStore();
    this.#isOpen = true;
    for (const record of await this.#store.pending(this.#scope)) this.pending.set(record.uuid, record.event);
    await this.#readProblems();
    if (this.pending.size) this.#soon(0);
    this.#changed();
  }

  /** @param {Waiting[]} records */
  async #write(records) {
    await this.#opening;
    try {
      await this.#store.add(records);
    } catch {
      // The disk is full or gone. What lies there is sent first, then this and all that follows from memory.
      const older = await this.#store.pending(this.#scope).catch(() => []);
      this.#store = new MemoryStore();
      await this.#store.add([...older, ...records]);
      this.#changed();
    }
    this.#channel?.postMessage({ added: records.map(({ event }) => event) });
  }

  // --- sending --------------------------------------------------------------------------------------

  /** @param {number} ms */
  #soon(ms) {
    if (ms > 0 && this.#timer !== null) return;
    clearTimeout(this.#timer ?? undefined);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#flush();
    }, ms);
  }

  async #flush() {
    if (this.#isSending) return; // the loop in #drain sees what has come meanwhile
    this.#isSending = true;
    try {
      await this.#opening;
      const drain = () => this.#drain();
      if (navigator.locks) await navigator.locks.request(`labeller-outbox-${this.#scope}`, drain);
      else await drain();
    } catch {
      this.#failed("busy"); // the store failed under our hands
    } finally {
      this.#isSending = false;
      // What came in after the last look must not wait for the next decision.
      if (this.#failures === 0 && this.pending.size) this.#soon(BATCH_MS);
      this.#changed();
    }
  }

  async #drain() {
    for (;;) {
      await this.#adding;
      const batch = await this.#store.pending(this.#scope, this.#limit);
      if (!batch.length) {
        this.#recount();
        return;
      }
      if (this.#failures === 0) this.#become("saving");
      const outcome = await this.#send(batch);
      if (outcome) {
        this.#failed(outcome);
        return;
      }
      this.#failures = 0;
    }
  }

  /**
   * Send a batch and settle what was answered; returns why it must be tried again, or null.
   *
   * @param {Waiting[]} batch
   * @returns {Promise<string | null>}
   */
  async #send(batch) {
    const body = { user: this.#user, events: batch.map(({ event }) => event) };
    const { status, data, failure } = await postJson(this.#url, body, { keepalive: true });
    if (!failure && Array.isArray(data?.results)) return (await this.#settle(batch, data)) ? null : "busy";
    if (status < 400 || AWAY.has(status)) return failure ?? "busy";
    if (batch.length > 1) {
      this.#limit = Math.ceil(batch.length / 2); // one of them can't be saved: find out which
      return null;
    }
    const [{ uuid }] = batch;
    if (status >= 500 && !(await this.#isItsFault(uuid))) return "busy";
    await this.#settle(batch, { results: [{ uuid, status, detail: data?.detail ?? "" }] }, true);
    return null;
  }

  /**
   * Whether the server fails for this decision only: it did so twice, and answers where there is nothing to save.
   *
   * @param {string} uuid
   */
  async #isItsFault(uuid) {
    const isSecond = this.#doubted === uuid;
    this.#doubted = uuid;
    if (!isSecond) return false;
    const { status, failure } = await postJson(this.#url, { user: this.#user, events: [] });
    return !failure && status >= 400;
  }

  /**
   * @param {Waiting[]} batch
   * @param {any} answer
   */
  async #settle(batch, answer, isRefused = false) {
    const byUuid = new Map(batch.map((record) => [record.uuid, record]));
    const isWhole = answer.results.length === batch.length; // then they are in the order of what was sent
    const done = [];
    const problems = [];
    for (const [at, { uuid: given, status, label = null, current = null, detail = "" }] of answer.results.entries()) {
      const record = byUuid.get(given) ?? (isWhole && !byUuid.has(given) ? byUuid.get(batch[at].uuid) : undefined);
      const isFinal = isRefused || (status >= 200 && status < 300) || (status >= 400 && status < 500);
      if (!record || !isFinal) continue;
      const { uuid } = record;
      byUuid.delete(uuid);
      done.push({ record, status, label, current });
      if (status >= 400 && !isSame(record.event, current)) {
        problems.push({ scope: this.#scope, uuid, event: record.event, status, current, detail });
      }
    }
    await this.#store.settle(
      done.map(({ record }) => record),
      problems,
    );
    const settled = done.map(({ record, status, label, current }) => ({
      uuid: record.uuid,
      status,
      label,
      current,
      event: record.event,
    }));
    this.#limit = REQUEST_EVENTS;
    this.#settled(settled, answer);
    this.#channel?.postMessage({ settled, answer });
    if (problems.length) await this.#readProblems();
    return done.length > 0;
  }

  /** @param {string} state */
  #failed(state) {
    const wait = BACK_OFF_MS[Math.min(this.#failures, BACK_OFF_MS.length - 1)];
    this.#failures += 1;
    this.#become(state);
    this.#soon(wait * (0.8 + 0.4 * Math.random()));
  }

  /** The page goes: hand over everything of this tab once more, without waiting for an answer. */
  #lastWords() {
    if (!this.#mine.size) return;
    const events = Array.from(this.#mine.values(), ({ event }) => event);
    while (events.length && JSON.stringify(events).length > 60_000) events.pop(); // what a keepalive may carry
    postJson(this.#url, { user: this.#user, events }, { keepalive: true }).catch(() => {});
  }

  // --- what is known --------------------------------------------------------------------------------

  /** @param {{ added?: SaveEvent[], settled?: Settled[], answer?: any, problems?: boolean }} data  of another tab */
  #hear(data) {
    for (const event of data.added ?? []) this.pending.set(event.uuid, event);
    if (data.settled) this.#settled(data.settled, data.answer);
    if (data.problems || data.settled?.some(({ status }) => status >= 400)) this.#readProblems();
    this.#changed();
  }

  /**
   * @param {Settled[]} settled
   * @param {any} answer
   */
  #settled(settled, answer) {
    for (const each of settled) {
      this.pending.delete(each.uuid);
      this.#mine.delete(each.uuid);
      this.dispatchEvent(new CustomEvent("settled", { detail: each }));
    }
    this.dispatchEvent(new CustomEvent("answer", { detail: answer }));
    this.#changed();
  }

  /** The store is empty, so whatever else was thought to be pending has been settled by another tab. */
  #recount() {
    for (const uuid of this.pending.keys()) if (!this.#mine.has(uuid)) this.pending.delete(uuid);
    this.#changed();
  }

  async #readProblems() {
    this.problems = await this.#store.problems(this.#scope);
    this.dispatchEvent(new CustomEvent("problem"));
  }

  /** @param {string} state */
  #become(state) {
    this.state = state;
    this.#changed();
  }

  #changed() {
    if (!this.pending.size) {
      this.state = "saved";
      this.#failures = 0;
    } else if (this.state === "saved") {
      this.state = navigator.onLine ? "saving" : "offline";
    }
    this.dispatchEvent(new CustomEvent("change"));
  }
}
