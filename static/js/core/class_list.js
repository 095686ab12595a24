// What may be answered to a question.

/** The classes of a question by id, in their order. */
export class ClassList {
  /** @type {Map<number, ClassRow>} */
  #rows = new Map();
  /** @type {Map<string, ClassRow>} */
  #keys = new Map();

  /** @param {ClassRow[]} rows */
  constructor(rows) {
    for (const row of rows) this.add(row);
  }

  get rows() {
    return [...this.#rows.values()];
  }

  /** @param {number} id */
  get(id) {
    return this.#rows.get(id) ?? null;
  }

  /** @param {ClassRow} row */
  add(row) {
    if (this.#rows.has(row.id)) return;
    this.#rows.set(row.id, row);
    if (row.key) this.#keys.set(row.key.toLowerCase(), row);
  }

  /** The class that says that there is nothing to see. */
  get blank() {
    return this.rows.find((row) => row.blank) ?? null;
  }

  /**
   * The class with the letter that was pressed, else with the Latin one of its place.
   *
   * @param {Meant} pressed
   */
  byKey({ letter = "", place = "" }) {
    return this.#keys.get(letter) ?? this.#keys.get(place) ?? null;
  }
}
