// Where decisions wait until the server has them: IndexedDB, shared by all tabs.
//
// events    decisions not yet settled, in the order they were made (seq)
// problems  decisions the server refused, until the person has dealt with them

const NAME = "labeller-outbox";

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

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

  constructor(db) {
    this.#use(db);
  }

  #use(db) {
    this.#db = db;
    db.onversionchange = () => db.close();
  }

  async #transaction(mode) {
    const begin = () => this.#db.transaction(["events", "problems"], mode, { durability: "strict" });
    try {
      return begin();
    } catch (error) {
      if (error.name !== "InvalidStateError") throw error;
      this.#use(await open()); // the browser closed the connection
      return begin();
    }
  }

  async add(records) {
    const transaction = await this.#transaction("readwrite");
    for (const record of records) transaction.objectStore("events").add(record);
    transaction.commit(); // by itself it would commit one turn later, and not at all where the tab is closed by then
    await finished(transaction);
  }

  /** The oldest events of a scope, `limit` at most. */
  async pending(scope, limit) {
    const transaction = await this.#transaction("readonly");
    return settled(transaction.objectStore("events").index("scope").getAll(scope, limit));
  }

  async problems(scope) {
    const transaction = await this.#transaction("readonly");
    return settled(transaction.objectStore("problems").index("scope").getAll(scope));
  }

  /** Take these events out and these problems in, both or neither. */
  async settle(records, problems = []) {
    const transaction = await this.#transaction("readwrite");
    for (const record of records) transaction.objectStore("events").delete(record.seq);
    for (const problem of problems) transaction.objectStore("problems").put(problem);
    await finished(transaction);
  }

  async dismiss(uuid) {
    const transaction = await this.#transaction("readwrite");
    transaction.objectStore("problems").delete(uuid);
    await finished(transaction);
  }
}

/** The same for a browser that keeps nothing: lives as long as the page. */
export class MemoryStore {
  isDurable = false;
  #events = [];
  #problems = new Map();

  async add(records) {
    this.#events.push(...records);
  }

  async pending(scope, limit) {
    return this.#events.filter((record) => record.scope === scope).slice(0, limit);
  }

  async problems(scope) {
    return [...this.#problems.values()].filter((problem) => problem.scope === scope);
  }

  async settle(records, problems = []) {
    this.#events = this.#events.filter((record) => !records.includes(record));
    for (const problem of problems) this.#problems.set(problem.uuid, problem);
  }

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
