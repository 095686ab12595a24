// How a text is laid out: in blocks, prose apart from code and tables, and with words marked in it. No DOM.

const MOST = 3000; // UTF-16 units of a block
const MOST_LINES = 60;
const CONTROL_PICTURES = 0x2400;
const SAMPLE = 600; // units that tell a text's script
const MOSTLY = 0.5;

/** @typedef {{ start: number, end: number, isFixed: boolean }} Block  from a unit to the one after the last */
/** @typedef {{ text: string, weight: number | null }} Run */

/**
 * The text with a sign for each character that shows nothing, NUL among them; lines end in one way. As long as before.
 *
 * @param {string} text
 */
export function readable(text) {
  return (
    text
      .replace(/\r(?!\n)/g, "\n")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      .replace(/[\0-\x08\x0b\x0e-\x1f]/g, (found) => String.fromCharCode(CONTROL_PICTURES + found.charCodeAt(0)))
  );
}

/**
 * A text in blocks, each of whole lines where they aren't too long, code and tables apart from prose.
 *
 * @param {string} text
 * @returns {Block[]}
 */
export function blocksOf(text) {
  /** @type {Block[]} */
  const blocks = [];
  let lines = 0;
  for (const part of paragraphsOf(text)) {
    const last = blocks[blocks.length - 1];
    const n = linesIn(text, part);
    const isMore = last && last.isFixed === part.isFixed && part.end - last.start <= MOST && lines + n <= MOST_LINES;
    lines = isMore ? lines + n : n;
    if (isMore) last.end = part.end;
    else blocks.push({ ...part });
  }
  return blocks;
}

/**
 * @param {string} text
 * @param {Block} block
 */
const linesIn = (text, { start, end }) => text.slice(start, end).split("\n").length - 1;

/**
 * Lines up to a blank one belong together; what is fenced is code, blank lines or not.
 *
 * @param {string} text
 * @returns {Block[]}
 */
function paragraphsOf(text) {
  /** @type {Block[]} */
  const found = [];
  /** @type {string[]} */
  let lines = [];
  let [start, at] = [0, 0];
  let isFenced = false;
  /** @param {boolean} isCode */
  const close = (isCode) => {
    if (at > start) found.push(...pieces(text, { start, end: at, isFixed: isCode || isFixed(lines) }));
    start = at;
    lines = [];
  };
  for (const line of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    const isFence = /^\s*(```|~~~)/.test(line);
    if (isFence && !isFenced) close(false);
    at += line.length;
    lines.push(line);
    if (isFence && isFenced) close(true);
    else if (!isFence && !isFenced && (!line.trim() || lines.length >= MOST_LINES)) close(false);
    if (isFence) isFenced = !isFenced;
  }
  close(isFenced);
  return found;
}

/**
 * A paragraph that is too long for one block in several, cut between words.
 *
 * @param {string} text
 * @param {Block} block
 * @returns {Block[]}
 */
function pieces(text, { start, end, isFixed }) {
  const found = [];
  let from = start;
  while (end - from > MOST) {
    const cut = text.slice(from, from + MOST);
    const space = Math.max(cut.lastIndexOf("\n"), cut.lastIndexOf(" "));
    let to = from + (space > MOST / 2 ? space + 1 : MOST);
    if (/[\ud800-\udbff]/.test(text[to - 1])) to -= 1; // never between the halves of a character
    found.push({ start: from, end: to, isFixed });
    from = to;
  }
  return [...found, { start: from, end, isFixed }];
}

const CODE_ENDS = /[;{}]\s*$|^\s*[)}\]]+[;,]?\s*$/;
const CODE_BEGINS =
  /^\s*(def |class \w+[:({]|import |from \w+ import|function\b|const |let |var |#include|return\b|if \(|for \(|while \(|public |private |SELECT |<\/?[a-z][\w-]*[ >/]|\$ |>>> |\/\/|\/\*)/;
const TABLE = /\S\t\S|\S {2,}\S.*\S {2,}\S|\|.*\||[\u2500-\u257f]{2}|\+-{2,}\+/;

/**
 * Whether lines are code or a table, whose columns are lost in any type but a monospaced one.
 *
 * @param {string[]} lines
 */
export function isFixed(lines) {
  const shown = lines.filter((line) => line.trim());
  if (shown.length < 2) return false;
  /** @param {(line: string) => boolean} test */
  const share = (test) => shown.filter(test).length / shown.length;
  const isIndented = share((line) => /^(\t| {4,})\S/.test(line)) > 0.3;
  const code = share((line) => CODE_ENDS.test(line) || CODE_BEGINS.test(line));
  return share((line) => TABLE.test(line)) >= 0.6 || code >= MOSTLY || (isIndented && code >= 0.25);
}

/**
 * Which language's signs a text is written in, where its script tells, and whether its lines run downwards.
 *
 * @param {string} text
 */
export function writingOf(text) {
  const letters = text.slice(0, SAMPLE).match(/\p{L}/gu) ?? [];
  /** @param {RegExp} script */
  const share = (script) => letters.filter((letter) => script.test(letter)).length / Math.max(1, letters.length);
  if (share(/\p{Script=Mongolian}/u) > MOSTLY) return { lang: "mn-Mong", isVertical: true };
  if (share(/[\p{Script=Hiragana}\p{Script=Katakana}]/u) > 0.1) return { lang: "ja", isVertical: false };
  if (share(/\p{Script=Hangul}/u) > MOSTLY) return { lang: "ko", isVertical: false };
  return { lang: "", isVertical: false };
}

/**
 * Spans of the server, which counts characters, as spans of UTF-16 units.
 *
 * @param {string} text
 * @param {[number, number, number][]} spans
 * @returns {[number, number, number][]}
 */
export function unitsOf(text, spans) {
  if (!/[\ud800-\udbff]/.test(text)) return spans;
  const places = [0];
  for (const character of text) places.push(places[places.length - 1] + character.length);
  return spans.map(([start, end, weight]) => [places[start], places[end], weight]);
}

/**
 * A block in runs, of which those of a span have its weight.
 *
 * @param {string} text
 * @param {Block} block
 * @param {[number, number, number][]} spans  in units, in order
 * @returns {Run[]}
 */
export function runsOf(text, { start, end }, spans) {
  /** @type {Run[]} */
  const runs = [];
  let at = start;
  for (const [from, to, weight] of spans) {
    if (from < at || to > end) continue;
    if (from > at) runs.push({ text: text.slice(at, from), weight: null });
    runs.push({ text: text.slice(from, to), weight });
    at = to;
  }
  if (at < end || !runs.length) runs.push({ text: text.slice(at, end), weight: null });
  return runs;
}

/**
 * The words that speak for a class and against it, each once, the strongest first.
 *
 * @param {string} text
 * @param {[number, number, number][]} spans  in units
 */
export function wordsOf(text, spans) {
  /** @param {(weight: number) => boolean} test */
  const side = (test) => {
    const strongest = spans.filter(([, , weight]) => test(weight));
    strongest.sort((one, other) => Math.abs(other[2]) - Math.abs(one[2]));
    return [...new Set(strongest.map(([from, to]) => text.slice(from, to).toLowerCase()))];
  };
  return { for: side((weight) => weight > 0), against: side((weight) => weight < 0) };
}
