// Which images to have decoded: those nearest to the one in view, within a budget of memory.

export const AHEAD = 12;
export const BEHIND = 4;
export const BUDGET = 150_000_000; // bytes of decoded pixels
const LONGEST = 1280; // pixels: no derivative is larger
const BYTES_A_PIXEL = 4;

/**
 * Bytes of a sample's image once decoded.
 *
 * @param {Pick<Entry, "width" | "height">} entry
 */
export function weight({ width, height }) {
  const scale = Math.min(1, LONGEST / Math.max(width, height));
  return Math.round(width * scale) * Math.round(height * scale) * BYTES_A_PIXEL;
}

/**
 * What to have decoded, nearest first: what comes next, what was just seen, and the frames of the burst in view
 * around `at`. Ends where the budget does; the image in view is always in it.
 *
 * @param {Entry[]} entries
 * @param {number} index
 * @param {Entry[]} [frames]
 * @param {number} [at]
 * @returns {Entry[]}
 */
export function nearest(entries, index, frames = [], at = 0) {
  const ranked = [
    ...entries.map((entry, place) => ({ entry, rank: place - index })),
    ...frames.map((entry, place) => ({ entry, rank: place < at ? at - place + 0.75 : place - at + 0.5 })),
  ]
    .filter(({ rank }) => rank >= -BEHIND && rank <= AHEAD)
    .sort((one, other) => Math.abs(one.rank) - Math.abs(other.rank) || other.rank - one.rank);
  /** @type {Map<number, Entry>} */
  const near = new Map();
  let bytes = 0;
  for (const { entry } of ranked) {
    if (near.has(entry.sample)) continue;
    bytes += weight(entry);
    if (bytes > BUDGET && near.size > 0) break;
    near.set(entry.sample, entry);
  }
  return [...near.values()];
}
