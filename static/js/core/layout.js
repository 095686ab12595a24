// What the keys of this keyboard write, by their place: told by the browser where it may, learned from what is pressed
// otherwise. No DOM.
//
// Event "change": more is known.

const LETTER = /^\p{L}$/u;
const LATIN = /^\p{Script=Latin}$/u;

/**
 * A letter of a script other than Latin: its place stands for the letter that a Latin keyboard has there.
 *
 * @param {string} [key]
 */
export const isForeign = (key) => LETTER.test(key ?? "") && !LATIN.test(key ?? "");

/**
 * The Latin letter of a place, as most keyboards have it: a for KeyA; empty elsewhere.
 *
 * @param {string} [code]
 */
export const letterAt = (code) => /^Key([A-Z])$/.exec(code ?? "")?.[1].toLowerCase() ?? "";

/** @typedef {{ keyboard?: { getLayoutMap?(): Promise<Iterable<[string, string]>> } }} Keyboard */

export class Layout extends EventTarget {
  /** @type {Map<string, string>} */
  #written = new Map(); // place -> what it writes without any other key
  /** @type {boolean | null} */
  #needsShift = null; // whether digits are written with Shift; null = not known

  /** Ask the browser; only some tell, and only over a safe connection. */
  async ask(keyboard = /** @type {Keyboard} */ (globalThis.navigator)?.keyboard) {
    const told = await keyboard?.getLayoutMap?.().catch(() => null);
    if (!told) return;
    for (const [code, key] of told) this.#write(code, key);
    this.dispatchEvent(new Event("change"));
  }

  /**
   * Take a key press for what it tells.
   *
   * @param {Press} event
   */
  learn(event) {
    const { key, code, shiftKey, ctrlKey, altKey, metaKey } = event;
    if (!code || key?.length !== 1 || ctrlKey || altKey || metaKey) return;
    if (event.getModifierState?.("AltGraph") || event.getModifierState?.("CapsLock")) return;
    if (shiftKey) {
      if (/^Digit/.test(code) && /^[0-9]$/.test(key)) this.#needsShift = true;
      return;
    }
    if (this.#written.get(code) === key) return;
    this.#write(code, key);
    this.dispatchEvent(new Event("change"));
  }

  /**
   * @param {string} code
   * @param {string} key
   */
  #write(code, key) {
    this.#written.set(code, key);
    if (/^Digit[1-9]$/.test(code)) this.#needsShift = !/^\p{Nd}$/u.test(key);
  }

  /** Whether it is known that digits take Shift here, as on a French keyboard. */
  get digitsNeedShift() {
    return this.#needsShift === true;
  }

  /** Whether a dead key beside Enter may stand for its own sign: on US-International, not where ñ, ö or ç is near. */
  get isLikeUs() {
    return [
      ["Semicolon", ";"],
      ["Slash", "/"],
    ].every(([code, key]) => (this.#written.get(code) ?? key) === key);
  }

  /**
   * What a place writes, where it is known.
   *
   * @param {string} code
   */
  at(code) {
    return this.#written.get(code);
  }

  /**
   * A letter as this keyboard shows it: where no key writes it, what its place writes.
   *
   * @param {string} letter
   */
  shows(letter) {
    const lower = letter.toLowerCase();
    if (!/^[a-z]$/.test(lower) || [...this.#written.values()].includes(lower)) return letter;
    const there = this.#written.get(`Key${lower.toUpperCase()}`);
    if (!there || !isForeign(there)) return letter;
    return letter === lower ? there : there.toUpperCase();
  }
}
