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
