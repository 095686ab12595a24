// What scripts without a DOM find around them in a browser, for tests: events of the window, a clock that tests turn, and
// a server that says what it is told to. Import it first.

import { webcrypto } from "node:crypto";

process.env.TZ = "UTC"; // what is today doesn't depend on where tests run
const soon = setImmediate;
const window = new EventTarget();

/** Time stands still but for `advance`. */
class Clock {
  now = Date.parse("2026-03-01T08:00:00Z");
  #timers = new Map();
  #last = 0;

  set(act, ms = 0, every = null) {
    this.#last += 1;
    this.#timers.set(this.#last, { act, at: this.now + ms, every });
    return this.#last;
  }

  clear(id) {
    this.#timers.delete(id);
  }

  /** Forget what was to happen. */
  reset() {
    this.#timers.clear();
  }

  /** Let what is due within so many milliseconds happen, one after the other. */
  async advance(ms) {
    const until = this.now + ms;
    await settled();
    for (let next = this.#next(until); next; next = this.#next(until)) {
      const [id, { act, at, every }] = next;
      this.now = Math.max(this.now, at);
      if (every === null) this.#timers.delete(id);
      else this.#timers.get(id).at = at + every;
      act();
      await settled();
    }
    this.now = until;
  }

  #next(until) {
    const due = [...this.#timers].filter(([, { at }]) => at <= until);
    return due.sort(([, one], [, other]) => one.at - other.at)[0];
  }
}

export const clock = new Clock();

/** Resolves once all that waits for nothing but its turn has had it. */
export async function settled() {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => soon(resolve));
}

/** The window hears of this: "online", "keydown". */
export const happens = (type) => window.dispatchEvent(new Event(type));

/** Channels of one name hear each other, as tabs do. */
class Channel {
  static all = new Set();
  onmessage = null;

  constructor(name) {
    this.name = name;
    Channel.all.add(this);
  }

  postMessage(data) {
    for (const each of Channel.all) {
      if (each !== this && each.name === this.name) soon(() => each.onmessage?.({ data: structuredClone(data) }));
    }
  }
}

class DetailedEvent extends Event {
  constructor(type, { detail = null } = {}) {
    super(type);
    this.detail = detail;
  }
}

const kept = new Map();
const around = {
  addEventListener: window.addEventListener.bind(window),
  BroadcastChannel: Channel,
  clearTimeout: (id) => clock.clear(id),
  crypto: webcrypto,
  CustomEvent: DetailedEvent,
  localStorage: { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) },
  navigator: { onLine: true },
  performance: { now: () => clock.now },
  setInterval: (act, ms) => clock.set(act, ms, ms),
  setTimeout: (act, ms) => clock.set(act, ms),
};
for (const [name, value] of Object.entries(around)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length ? given : [clock.now]));
  }

  static now() {
    return clock.now;
  }
};

/** Answer requests with `answer(body, url)`: {status?, json} or "offline". Returns the bodies that were sent. */
export function serve(answer) {
  const sent = [];
  globalThis.fetch = async (url, { body }) => {
    const asked = JSON.parse(body);
    sent.push(asked);
    const given = await answer(asked, url);
    if (given === "offline") throw new TypeError("no network");
    const { status = 200, json = {} } = given;
    return { status, type: "basic", ok: status < 400, json: async () => json };
  };
  return sent;
}

/** A session for what only asks the server: `answer(body, url)` is its JSON, or null for no answer. */
export function sessionThat(answer, { counts = new Map(), saving = [] } = {}) {
  const sent = [];
  return {
    sent,
    isInView: true,
    boot: { urls: { next: "next", hunt_start: "start" } },
    tally: { counts },
    outbox: { samples: new Set(saving), ready: async () => {} },
    async post(url, body) {
      sent.push(body);
      const data = await answer(body, url);
      return data ? { status: data.status ?? 200, data, failure: null } : { status: 0, data: null, failure: "offline" };
    },
  };
}

/** A sample as the server hands it out. */
export const sample = (id, more = {}) => ({ sample: id, width: 400, height: 300, suggestions: [], ...more });
