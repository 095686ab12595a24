// Parts of an image: [left, top, width, height] as fractions of it.

export const WHOLE = [0, 0, 1, 1];
const LARGEST = 1280;
const SIZES = [256, 512, LARGEST]; // derivatives the server has, pixels of the long side

/**
 * The box with a margin around it (a share of its longer side), as far as the image goes.
 *
 * @param {Box} box
 * @param {number} margin
 * @param {number} width  of the image
 * @param {number} height
 * @returns {Box}
 */
export function withMargin(box, margin, width, height) {
  const [left, top, across, down] = box;
  const pad = margin * Math.max(across * width, down * height);
  const from = [Math.max(0, left - pad / width), Math.max(0, top - pad / height)];
  const to = [Math.min(1, left + across + pad / width), Math.min(1, top + down + pad / height)];
  return [...from, to[0] - from[0], to[1] - from[1]];
}

/**
 * The smallest derivative in which the part shown still has `pixels` on its long side.
 *
 * @param {Pick<Entry, "box" | "width" | "height">} entry
 * @param {number} pixels
 */
export function derivativeFor({ box, width, height }, pixels) {
  const [, , across, down] = box ?? WHOLE;
  const share = Math.max(across * width, down * height) / Math.max(width, height);
  return SIZES.find((size) => size * share >= pixels) ?? LARGEST;
}

// --- drawn by hand --------------------------------------------------------------------------------

export const LEAST = 8; // pixels of the photograph that a box is wide and high: labeller/samples/boxing.py has the same
const DIGITS = 1e6; // as the server rounds

/** @param {number} share */
const inside = (share) => Math.min(1, Math.max(0, share));

/**
 * The box as the server will store it: as far as it lies in the picture, rounded.
 *
 * @param {Box} box
 * @returns {Box}
 */
export function tidied([left, top, across, down]) {
  const round = (/** @type {number} */ share) => Math.round(share * DIGITS) / DIGITS;
  const [from, to] = [round(inside(left)), round(inside(left + across))];
  const [above, below] = [round(inside(top)), round(inside(top + down))];
  return [from, above, round(to - from), round(below - above)];
}

/**
 * The box between two points, whichever of them comes first.
 *
 * @param {number[]} one  [across, down]
 * @param {number[]} other
 * @returns {Box}
 */
export function between([left, top], [right, bottom]) {
  const [from, above] = [Math.min(left, right), Math.min(top, bottom)];
  return tidied([from, above, Math.abs(right - left), Math.abs(bottom - top)]);
}

/**
 * The box so much further right and down, as large as it was: it stops at the edges.
 *
 * @param {Box} box
 * @param {number} right
 * @param {number} lower
 * @returns {Box}
 */
export function moved([left, top, across, down], right, lower) {
  const within = (/** @type {number} */ at, /** @type {number} */ size) =>
    Math.min(Math.max(0, 1 - size), Math.max(0, at));
  return tidied([within(left + right, across), within(top + lower, down), across, down]);
}

/**
 * The box with its right and lower edges further out, or in: never smaller than `least` [across, down].
 *
 * @param {Box} box
 * @param {number} wider
 * @param {number} higher
 * @param {number[]} least
 * @returns {Box}
 */
export function resized([left, top, across, down], wider, higher, least) {
  return tidied([left, top, Math.max(least[0], across + wider), Math.max(least[1], down + higher)]);
}

/**
 * The box with an edge or a corner taken to a point. `handle` names what is taken: n, e, s, w, or two of them.
 *
 * @param {Box} box
 * @param {string} handle
 * @param {number[]} point
 * @returns {Box}
 */
export function taken([left, top, across, down], handle, [x, y]) {
  const [from, to] = [handle.includes("w") ? x : left, handle.includes("e") ? x : left + across];
  const [above, below] = [handle.includes("n") ? y : top, handle.includes("s") ? y : top + down];
  return between([from, above], [to, below]);
}

/**
 * The smallest width and height that a box may have, as shares of a picture of `width` × `height` pixels.
 *
 * @param {{ width: number, height: number }} picture
 */
export const leastOf = ({ width, height }) => [LEAST / width, LEAST / height];

/**
 * Whether the server would refuse the box.
 *
 * @param {Box} box
 * @param {{ width: number, height: number }} picture
 */
export function isTooSmall([, , across, down], { width, height }) {
  return across * width < LEAST || down * height < LEAST;
}

/**
 * Which of these boxes a point lies in: the place of the smallest, -1 where it lies in none.
 *
 * @param {Box[]} boxes
 * @param {number[]} point
 */
export function under(boxes, [x, y]) {
  const hit = boxes.filter(([left, top, across, down]) => {
    return x >= left && x <= left + across && y >= top && y <= top + down;
  });
  hit.sort((one, other) => one[2] * one[3] - other[2] * other[3]);
  return boxes.indexOf(hit[0]);
}
