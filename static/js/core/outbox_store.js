// Where decisions wait until the server has them: IndexedDB, shared by all tabs.
//
// events    decisions not yet settled, in the order they were made (seq)
// problems  decisions the server refused, until the person has dealt with them

const NAME = "labeller-outbox";

/** @typedef {{ scope: string, uuid: string, event: SaveEvent, seq?: number }} Waiting */
/**
 * @typedef {object} Problem
 * @property {string} scope
 * @property {string} uuid
 * @property {SaveEvent} event
 * @property {number} status
 * @property {Stored | null} current
 * @property {string} detail
 */

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/**
 * @param {IDBTransaction} transaction
 * @returns {Promise<void>}
 */
const finished = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error ?? new Error("aborted"));
  });

function open() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => {
    const db = request.result;
    db.createObjectStore("events", { keyPath: "seq", autoIncrement: true }).createIndex("scope", "scope");
    db.createObjectStore("problems", { keyPath: "uuid" }).createIndex("scope", "scope");
  };
  return settled(request);
}

class DiskStore {
  isDurable = true;
  #db;

  /** @param {IDBDatabase} db */
  constructor(db) {
    this.#db = db;
    this.#watch();
  }

  #watch() {
    const db = this.#db;
    db.onversionchange = () => db.close();
  }

  /** @param {IDBTransactionMode} mode */
  async #transaction(mode) {
    const begin = () => this.#db.transaction(["events", "problems"], mode, { durability: "strict" });
    try {
      return begin();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "InvalidStateError") throw error;
      this.#db = await open(); // the browser closed the connection
      this.#watch();
      return begin();
    }
  }

  /** @param {Waiting[]} records */
  async add(records) {
    const transaction = await this.#transaction("readwrite");
    for (const record of records) transaction.objectStore("events").add(record);
    transaction.commit(); // by itself it would commit one turn later, and not at all where the tab is closed by then
    await finished(transaction);
  }

  /**
   * The oldest events of a scope, `limit` at most.
   *
   * @param {string} scope
   * @param {number} [limit]
   * @returns {Promise<Waiting[]>}
   */
  async pending(scope, limit) {
    const transaction = await this.#transaction("readonly");
    return settled(transaction.objectStore("events").index("scope").getAll(scope, limit));
  }

  /**
   * @param {string} scope
   * @returns {Promise<Problem[]>}
   */
  async problems(scope) {
    const transaction = await this.#transaction("readonly");
    return settled(transaction.objectStore("problems").index("scope").getAll(scope));
  }

  /**
   * Take these events out and these problems in, both or neither.
   *
   * @param {Waiting[]} records
   * @param {Problem[]} problems
   */
  async settle(records, problems = []) {
    const transaction = await this.#transaction("readwrite");
    for (const record of records) transaction.objectStore("events").delete(/** @type {number} */ (record.seq));
    for (const problem of problems) transaction.objectStore("problems").put(problem);
    await finished(transaction);
  }

  /** @param {string} uuid */
  async dismiss(uuid) {
    const transaction = await this.#transaction("readwrite");
    transaction.objectStore("problems").delete(uuid);
    await finished(transaction);
  }
}

/** The same for a browser that keeps nothing: lives as long as the page. */
export class MemoryStore {
  isDurable = false;
  /** @type {Waiting[]} */
  #events = [];
  /** @type {Map<string, Problem>} */
  #problems = new Map();

  /** @param {Waiting[]} records */
  async add(records) {
    this.#events.push(...records);
  }

  /**
   * @param {string} scope
   * @param {number} [limit]
   * @returns {Promise<Waiting[]>}
   */
  async pending(scope, limit) {
    return this.#events.filter((record) => record.scope === scope).slice(0, limit);
  }

  /**
   * @param {string} scope
   * @returns {Promise<Problem[]>}
   */
  async problems(scope) {
    return [...this.#problems.values()].filter((problem) => problem.scope === scope);
  }

  /**
   * @param {Waiting[]} records
   * @param {Problem[]} problems
   */
  async settle(records, problems = []) {
    this.#events = this.#events.filter((record) => !records.includes(record));
    for (const problem of problems) this.#problems.set(problem.uuid, problem);
  }

  /** @param {string} uuid */
  async dismiss(uuid) {
    this.#problems.delete(uuid);
  }
}

export async function openStore() {
  try {
    return new DiskStore(await open());
  } catch {
    return new MemoryStore();
  }
}
