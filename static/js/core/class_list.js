// What may be answered to a question.

/** The classes of a question by id, in their order. */
export class ClassList {
  #rows = new Map();
  #keys = new Map();

  constructor(rows) {
    for (const row of rows) this.add(row);
  }

  get rows() {
    return [...this.#rows.values()];
  }

  get(id) {
    return this.#rows.get(id) ?? null;
  }

  add(row) {
    if (this.#rows.has(row.id)) return;
    this.#rows.set(row.id, row);
    if (row.key) this.#keys.set(row.key.toLowerCase(), row);
  }

  /** The class that says that there is nothing to see. */
  get blank() {
    return this.rows.find((row) => row.blank) ?? null;
  }

  /** The class with the letter that was pressed, else with the Latin one of its place. */
  byKey({ letter, place = "" }) {
    return this.#keys.get(letter) ?? this.#keys.get(place) ?? null;
  }
}
