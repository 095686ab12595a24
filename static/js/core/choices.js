// What a reviewer may let stand: the answers given so far, and what the head thinks.

const MOST = 9; // digits that pick one
const LEAST_LIKELY = 0.1; // what the head thinks less of isn't offered

/**
 * One text for a set of classes, in whatever order they come.
 *
 * @param {number[]} classes
 */
export const keyOf = (classes) => [...classes].sort((a, b) => a - b).join(" ");

/**
 * The distinct answers given, most voices first, then what the head thinks: [{classes, by: given[], p, isHeads}].
 *
 * `p` is the head's probability where an answer is one class that it knows.
 *
 * @param {Entry} entry
 * @returns {Choice[]}
 */
export function choicesOf({ given = [], suggestions, suggested = null }) {
  const likely = new Map(suggestions.map(([id, p]) => [id, p]));
  /** @type {Map<string, Choice>} */
  const found = new Map();
  /**
   * @param {number[]} classes
   * @param {boolean} isHeads
   * @returns {Choice}
   */
  const choice = (classes, isHeads) => {
    const p = classes.length === 1 ? (likely.get(classes[0]) ?? null) : null;
    const known = found.get(keyOf(classes)) ?? { classes, by: [], p, isHeads };
    found.set(keyOf(classes), known);
    return known;
  };
  for (const each of given) if (each.verdict === "answer") choice(each.classes, false).by.push(each);
  const answered = [...found.values()].sort((a, b) => b.by.length - a.by.length);
  if (suggested !== null) choice(suggested, true);
  for (const [id, p] of suggestions) if (p >= LEAST_LIKELY) choice([id], true);
  return [...answered, ...[...found.values()].filter(({ isHeads }) => isHeads)].slice(0, MOST);
}
