// From a key press to the command it stands for. Which command has which keys is told by the server: no list here.
//
// Keyboards differ, the answer must not. Digits go by their place, whatever is written there: ' on the 4 of a French
// keyboard is 4. Letters go by what is written on the key; a letter of another script stands for the Latin one of its
// place too. Other signs go by what is written.

import { isForeign, letterAt } from "./layout.js";

const MODIFIERS = new Set(["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "NumLock", "Fn", "OS"]);
/** @type {Record<string, string>} */
const DEAD = { Quote: "'", Backquote: "`" }; // of a US-International keyboard
const GIVES_WAY = new Set(["Space", "Enter", "Backspace", "Delete"]); // Shift with one of these is the same command
/** @type {Record<string, string>} */
const SWAPPED = { previous: "next", next: "previous" };
/** @type {Record<string, string>} */
const NAMED = { " ": "Space", Esc: "Escape", Del: "Delete" };
const COMPOSING = 229; // the key code of a press that an input method takes for itself

/**
 * @typedef {object} Options
 * @property {boolean} [isRtl]
 * @property {boolean} [isMac]
 * @property {import("./layout.js").Layout | null} [layout]
 * @property {boolean} [hasAlone]
 */

/**
 * Rows of {name, keys, own, decides, repeats} as a map from key to row.
 *
 * @param {KeyRow[]} rows
 * @returns {Map<string, KeyRow>}
 */
export const keymap = (rows) => new Map(rows.flatMap((row) => row.keys.map((key) => [key, row])));

/**
 * Letter, digit or name of the key under Ctrl or Alt: from its place where Option or the layout makes another character.
 *
 * @param {Press} event
 * @param {Options["layout"]} layout
 */
function underModifier({ key, code }, layout) {
  if (/^[a-z0-9]$/i.test(key)) return key.toUpperCase();
  const written = layout?.at(code ?? "") ?? "";
  if (/^[a-z]$/i.test(written)) return written.toUpperCase();
  const place = /^(?:Key|Digit)([A-Z0-9])$/.exec(code ?? "");
  return place ? place[1] : named(key);
}

/** @param {string} key */
const named = (key) => NAMED[key] ?? key;

/** @param {Press} event */
const isAltGr = (event) => Boolean(event.getModifierState?.("AltGraph") || (event.ctrlKey && event.altKey));
/** @param {Press} event */
const isPlain = (event) => !event.ctrlKey && !event.metaKey && !event.altKey && !isAltGr(event);

/**
 * What was pressed, as the server writes keys: the likeliest reading first; nothing for a modifier alone.
 *
 * @param {Press} event
 * @param {Options} options
 * @returns {string[]}
 */
export function readings(event, { isMac = false, layout = null } = {}) {
  const { key, shiftKey } = event;
  if (!key || key === "Unidentified" || MODIFIERS.has(key)) return [];
  if (isAltGr(event)) return key.length === 1 ? [key] : [];
  if (event.ctrlKey || event.metaKey || event.altKey) return combinations(event, isMac, layout);
  const isDead = key === "Dead";
  const plain = isDead ? DEAD[event.code ?? ""] : named(key);
  if (!plain || (isDead && layout && !layout.isLikeUs)) return [];
  return plain.length > 1 && shiftKey ? [`Shift+${plain}`] : [plain];
}

/**
 * @param {Press} event
 * @param {boolean} isMac
 * @param {Options["layout"]} layout
 */
function combinations(event, isMac, layout) {
  const rest = `${event.shiftKey ? "Shift+" : ""}${underModifier(event, layout)}`;
  if (event.ctrlKey || event.metaKey) return [`Ctrl+${rest}`];
  // Option writes characters on a Mac: \ is Option+Shift+7 on a German one.
  const isSign = event.key.length === 1 && !/[\p{L}\p{N}\s]/u.test(event.key);
  return isMac && isSign ? [`Alt+${rest}`, event.key] : [`Alt+${rest}`];
}

/**
 * The digit that a press stands for: what it writes, else its place, also on the keypad; null elsewhere.
 *
 * @param {Press} event
 */
export function digitOf({ key, code }) {
  if (/^[0-9]$/.test(key)) return Number(key);
  const [, place, digit] = /^(Digit|Numpad)([0-9])$/.exec(code ?? "") ?? [];
  // A keypad without its number lock moves.
  return place && (place === "Digit" || /^\p{Nd}$/u.test(key)) ? Number(digit) : null;
}

/**
 * What this key press asks for: {name, key, shift, digit?, letter?, place?}, or null where it is not for us.
 *
 * `shift` beside a digit, a letter or Space is meant: this frame only. `place` is the Latin letter of the place of a
 * letter of another script. options: isRtl, isMac, layout (a Layout), hasAlone: whether Shift means something here.
 *
 * @param {Press} pressed
 * @param {Map<string, KeyRow>} map
 * @param {Options} options
 * @returns {Meant | null}
 */
export function intent(pressed, map, options = {}) {
  if (pressed.isComposing || pressed.defaultPrevented) return null;
  const event = pressed.keyCode === COMPOSING || pressed.key === "Process" ? placed(pressed) : pressed;
  const digit = isPlain(event) ? digitMeant(event, map, options) : null;
  if (digit) return event.repeat ? null : digit;
  const found = assigned(event, map, options);
  if (found) return event.repeat && !found.row.repeats ? null : commanded(found, options);
  return event.repeat || !isPlain(event) ? null : letterMeant(event);
}

/**
 * A press that an input method took, though nobody writes anything: by its place alone.
 *
 * @param {Press} event
 * @returns {Press}
 */
function placed(event) {
  const { code = "", shiftKey, ctrlKey, altKey, metaKey, repeat } = event;
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(code)?.[1];
  const isNamed = /^(Enter|Backspace|Delete|Escape|Home|End|PageUp|PageDown|Arrow\w+)$/.test(code);
  const key = letterAt(code) || digit || (code === "Space" ? " " : isNamed ? code : "Unidentified");
  return { key, code, shiftKey, ctrlKey, altKey, metaKey, repeat };
}

/**
 * @param {Press} event
 * @param {Map<string, KeyRow>} map
 * @param {Options} options
 * @returns {Meant | null}
 */
function digitMeant(event, map, { layout, hasAlone }) {
  const digit = digitOf(event);
  if (digit === null) return null;
  const { key, code, shiftKey } = event;
  const row = map.get(key);
  if (row?.own) return null; // somebody chose this very sign
  const isWrittenWithShift = !/^Numpad/.test(code ?? "") && (/^[0-9]$/.test(key) || layout?.digitsNeedShift);
  const shift = Boolean(shiftKey) && !isWrittenWithShift;
  // With Shift another sign may be meant: / is Shift+7 on a German keyboard, but never a judgement in a digit's place.
  if (shift && row && !(row.decides && hasAlone)) return null;
  return { name: "digit", key: String(digit), digit, shift };
}

/**
 * @param {Press} event
 * @param {Map<string, KeyRow>} map
 * @param {Options} options
 */
function assigned(event, map, options) {
  for (const key of readings(event, options)) {
    const row = map.get(key);
    if (row) return { row, key, shift: false };
    const [, plain] = /^Shift\+(.+)$/.exec(key) ?? [];
    const plainRow = plain && GIVES_WAY.has(plain) ? map.get(plain) : null;
    if (plainRow) return { row: plainRow, key: plain, shift: true };
  }
  return null;
}

/**
 * To the left is back, and where one reads from the right, on.
 *
 * @param {{ row: KeyRow, key: string, shift: boolean }} found
 * @param {Options} options
 * @returns {Meant}
 */
function commanded({ row, key, shift }, { isRtl }) {
  const isMirrored = isRtl && /^Arrow(Left|Right)$/.test(key) && row.name in SWAPPED;
  return { name: isMirrored ? SWAPPED[row.name] : row.name, key, shift };
}

/**
 * @param {Press} event
 * @returns {Meant | null}
 */
function letterMeant({ key, code, shiftKey }) {
  if (!/^\p{L}$/u.test(key)) return null;
  const place = isForeign(key) ? letterAt(code) : "";
  return { name: "letter", key, letter: key.toLowerCase(), place, shift: Boolean(shiftKey) };
}
