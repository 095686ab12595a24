// Finding classes by what people call them: common, scientific and local names, and codes. No DOM.

/** @type {("local" | "code" | "scientific")[]} */
const OTHER_NAMES = ["local", "code", "scientific"]; // beside `name`, in the order in which they are told apart
const TYPO_FROM = 4; // shorter words are too easily somebody else's
const DEEPEST = 20;

/**
 * Letters and digits in small letters, without accents and apostrophes; all else parts words.
 *
 * @param {string} text
 */
export const plain = (text) =>
  text
    .normalize("NFKD")
    .replace(/[\p{M}'’ʼ`]/gu, "")
    .toLowerCase()
    .replace(/ß/g, "ss")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();

/**
 * What names are compared by: one key for every spelling of one look, as the server folds them (labeller/text.py).
 *
 * @param {string} name
 */
export const fold = (name) =>
  name
    .normalize("NFD")
    .replace(/[\p{Cc}\p{Default_Ignorable_Code_Point}]/gu, (hidden) => (/\s/.test(hidden) ? " " : ""))
    .replace(/ß|ẞ/g, "ss")
    .toLowerCase()
    .replace(/ς/g, "σ")
    .normalize("NFC")
    .replace(/\s+/g, " ")
    .trim();

// How well one name fits what was typed. The tens are tiers: within one, suggestions and recent picks come first.
const EXACT = 40;
const PREFIX = 34;
const WORD = 32;
const WORDS = 31;
const INSIDE = 20;
const INITIALS = 12;
const SCATTERED = 11;
const TYPO = 10;

/**
 * How well a plain name fits what was typed, itself plain: higher is better, 0 is not at all.
 *
 * @param {string} name
 * @param {string} typed
 */
export function fit(name, typed) {
  if (!typed) return 1;
  if (name.startsWith(typed)) return name.length === typed.length ? EXACT : PREFIX;
  const at = name.indexOf(typed);
  if (at > 0) return name[at - 1] === " " || name.includes(` ${typed}`) ? WORD : INSIDE;
  if (typed.includes(" ")) return typed.split(" ").every((word) => ` ${name}`.includes(` ${word}`)) ? WORDS : 0;
  return scattered(name, typed);
}

/**
 * Its letters in their order, from the start of a word on: the first ones of words, or with gaps.
 *
 * @param {string} name
 * @param {string} typed
 */
function scattered(name, typed) {
  let at = 0;
  let initials = 0;
  for (let place = 0; place < name.length; place += 1) {
    const isStart = place === 0 || name[place - 1] === " ";
    if (isStart && name[place] === typed[initials]) initials += 1;
    if (name[place] === typed[at] && (at > 0 || isStart)) at += 1;
  }
  if (initials >= typed.length) return INITIALS;
  return at >= typed.length ? SCATTERED : 0;
}

/**
 * Whether one slip (a letter wrong, missing, doubled, or two swapped) parts what was typed from how a word begins.
 *
 * @param {string} word
 * @param {string} typed
 */
export function nearly(word, typed) {
  let at = 0;
  while (at < typed.length && word[at] === typed[at]) at += 1;
  if (at === typed.length) return true;
  const [wrong, after] = [typed[at], typed[at + 1]];
  // Most words are another one altogether: told by two letters, before anything is cut.
  if (after !== undefined && after !== word[at + 1] && after !== word[at] && wrong !== word[at + 1]) return false;
  return (
    word.startsWith(typed.slice(at + 1), at + 1) ||
    word.startsWith(typed.slice(at + 1), at) ||
    word.startsWith(typed.slice(at), at + 1) ||
    (typed[at] === word[at + 1] && typed[at + 1] === word[at] && word.startsWith(typed.slice(at + 2), at + 2))
  );
}

/**
 * Which letters a text has, as bits: where one that was typed is missing, no look at the names is needed.
 *
 * @param {string} text
 */
function lettersOf(text) {
  let bits = 0;
  for (let at = 0; at < text.length; at += 1) bits |= 1 << (text.charCodeAt(at) & 31);
  return bits & ~1; // the space is none
}

/** @typedef {{ names: string[], words: string[][], letters: number }} Prepared */
/** @typedef {Prepared & { row: ClassRow, order: number }} Indexed */
/** @typedef {{ suggested: Map<number, number>, recent: Map<number, number> }} Preferred */
/** @typedef {{ row: ClassRow, via: string | null | undefined, isSuggested: boolean, isRecent: boolean }} Match */

/** @type {WeakMap<ClassRow, Prepared>} */
const prepared = new WeakMap(); // row -> {its names, plain, their words and letters}

/** @param {ClassRow} row */
function prepare(row) {
  let found = prepared.get(row);
  if (!found) {
    const names = [row.name, ...OTHER_NAMES.map((kind) => row[kind])].map((name) => (name ? plain(name) : ""));
    const words = names.map((name) => (name ? name.split(" ") : []));
    found = { names, words, letters: lettersOf(names.join("")) };
    prepared.set(row, found);
  }
  return found;
}

/** The classes of one question, ready to be searched. */
export class NameIndex {
  /** @type {Indexed[]} */
  #entries = [];
  /** @type {Map<number, ClassRow>} */
  #byId = new Map();
  /** @type {Map<string, ClassRow>} */
  #byName = new Map();
  /** @type {{ typed: string, entries: Indexed[] }} */
  #last = { typed: "", entries: [] }; // what matched: more letters can only match fewer

  /**
   * Rows are {id, name, scientific?, local?, code?, parent?}.
   *
   * @param {ClassRow[]} rows
   */
  constructor(rows = []) {
    for (const row of rows) this.add(row);
  }

  get size() {
    return this.#entries.length;
  }

  /** @param {ClassRow} row */
  add(row) {
    if (this.#byId.has(row.id)) return;
    this.#byId.set(row.id, row);
    this.#byName.set(fold(row.name), row);
    this.#entries.push({ row, ...prepare(row), order: this.#entries.length });
    this.#last = { typed: "", entries: this.#entries };
  }

  /**
   * @param {number | null} [id]
   * @returns {ClassRow | null}
   */
  get(id) {
    return this.#byId.get(id ?? 0) ?? null;
  }

  /**
   * The row of exactly that name, however it is spelt.
   *
   * @param {string} name
   */
  named(name) {
    return this.#byName.get(fold(name)) ?? null;
  }

  /** @param {ClassRow} row */
  parent(row) {
    return this.get(row.parent);
  }

  /**
   * The parents of a class, the widest first.
   *
   * @param {ClassRow} row
   */
  path(row) {
    /** @type {ClassRow[]} */
    const found = [];
    for (let at = this.parent(row); at && found.length < DEEPEST; at = this.parent(at)) found.unshift(at);
    return found;
  }

  /**
   * The best matches: {total, matches: [{row, via, isSuggested, isRecent}]}; `via` is the other name that matched.
   *
   * Names that begin, or have a word that begins, with what was typed come before those that merely hold it. Among
   * equals suggestions come first, then what was picked lately, then the better fit, then the order of the classes.
   *
   * @param {string} text
   * @param {{ suggested?: number[], recent?: number[], limit?: number }} options
   * @returns {{ total: number, matches: Match[] }}
   */
  search(text, { suggested = [], recent = [], limit = 10 } = {}) {
    const typed = plain(text);
    if (text.trim() && !typed) return { total: 0, matches: [] };
    const from = typed.startsWith(this.#last.typed) ? this.#last.entries : this.#entries;
    const place = { suggested: places(suggested), recent: places(recent) };
    /** @type {Indexed[]} */
    const matched = [];
    const best = new Best(limit);
    const letters = lettersOf(typed);
    for (const entry of from) {
      if (letters & ~entry.letters) continue;
      const found = fitOf(entry.names, typed);
      if (!found) continue;
      matched.push(entry);
      best.add(score(entry, found, place), entry, found.kind);
    }
    this.#last = { typed, entries: matched };
    let total = matched.length;
    if (total < limit && typed.length >= TYPO_FROM) total += this.#addTypos(typed, new Set(matched), best, place);
    return { total, matches: best.rows.map(({ entry, kind }) => tell(entry, kind, typed, place)) };
  }

  /**
   * @param {string} typed
   * @param {Set<Indexed>} matched
   * @param {Best} best
   * @param {Preferred} place
   */
  #addTypos(typed, matched, best, place) {
    let total = 0;
    for (const entry of this.#entries) {
      if (matched.has(entry)) continue;
      const kind = entry.words.findIndex((words) => words.some((word) => nearly(word, typed)));
      if (kind < 0) continue;
      total += 1;
      best.add(score(entry, { fit: TYPO, kind }, place), entry, kind);
    }
    return total;
  }
}

/**
 * @param {number[]} ids
 * @returns {Map<number, number>}
 */
const places = (ids) => new Map(ids.map((id, at) => [id, ids.length - at]));

/**
 * The best fit over all of a class's names; the common name wins a tie.
 *
 * @param {string[]} names
 * @param {string} typed
 */
function fitOf(names, typed) {
  /** @type {{ fit: number, kind: number } | null} */
  let best = null;
  for (let kind = 0; kind < names.length; kind += 1) {
    const found = names[kind] ? fit(names[kind], typed) : 0;
    if (found > (best?.fit ?? 0)) best = { fit: found, kind };
  }
  return best;
}

/**
 * @param {Indexed} entry
 * @param {{ fit: number, kind: number }} found
 * @param {Preferred} place
 */
function score({ row, order }, { fit: found, kind }, place) {
  const tier = Math.floor(found / 10);
  const known = (place.suggested.get(row.id) ?? 0) * 64 + Math.min(place.recent.get(row.id) ?? 0, 63);
  return (((tier * 4096 + Math.min(known, 4095)) * 10 + (found % 10)) * 4 + (3 - kind)) * 1e5 - order;
}

/**
 * @param {Indexed} entry
 * @param {number} kind
 * @param {string} typed
 * @param {Preferred} place
 * @returns {Match}
 */
function tell({ row }, kind, typed, place) {
  const via = typed && kind > 0 ? row[OTHER_NAMES[kind - 1]] : null;
  return { row, via, isSuggested: place.suggested.has(row.id), isRecent: place.recent.has(row.id) };
}

/** Keeps the few best of many. */
class Best {
  /** @type {{ score: number, entry: Indexed, kind: number }[]} */
  rows = []; // {score, entry, kind}, the best first
  #limit;

  /** @param {number} limit */
  constructor(limit) {
    this.#limit = limit;
  }

  /**
   * @param {number} score
   * @param {Indexed} entry
   * @param {number} kind
   */
  add(score, entry, kind) {
    const { rows } = this;
    if (rows.length === this.#limit && score <= rows[rows.length - 1].score) return;
    if (rows.length === this.#limit) rows.pop();
    let at = rows.length;
    while (at > 0 && rows[at - 1].score < score) at -= 1;
    rows.splice(at, 0, { score, entry, kind });
  }
}
