// How many tiles fit side by side. No DOM.

export const STEPS = 6; // sizes above the one at which all tiles fit
const GROWTH = 1.25;
const SMALLEST = 84; // pixels: below, people can't tell what they see, and the page scrolls instead
const LARGEST = 320; // a picture of 256 pixels is as good as it gets
const USUAL = 4 / 3;

/** @typedef {{ width: number, gap: number }} Room */

/**
 * Width by height that suits most of these pictures: of their boxes where they have one.
 *
 * @param {Pick<Entry, "box" | "width" | "height">[]} subjects
 */
export function fitting(subjects) {
  const ratios = subjects
    .map(({ width, height, box }) => (width * (box?.[2] ?? 1)) / (height * (box?.[3] ?? 1)))
    .filter((ratio) => ratio > 0)
    .sort((one, other) => one - other);
  const middle = ratios[Math.floor(ratios.length / 2)] ?? USUAL;
  return Math.min(1.5, Math.max(0.75, Number(middle.toFixed(3))));
}

/** @param {Room} room */
const most = ({ width, gap }) => Math.max(1, Math.floor((width + gap) / (SMALLEST + gap)));
/**
 * @param {number} columns
 * @param {Room} room
 */
const widthOf = (columns, { width, gap }) => (width - gap * (columns - 1)) / columns;

/**
 * How many tiles can be seen at once.
 *
 * @param {Room & { height: number, ratio: number }} space
 */
export function capacity({ width, height, gap, ratio }) {
  const columns = most({ width, gap });
  return columns * Math.max(1, Math.floor((height + gap) / (widthOf(columns, { width, gap }) / ratio + gap)));
}

/**
 * Columns for `count` tiles of that ratio in a space of width × height: as few as show all without scrolling.
 *
 * `step` says how many sizes larger the person wants them; then they scroll.
 *
 * @param {Room & { height: number, ratio: number, count: number, step?: number }} space
 */
export function columnsFor({ width, height, gap, ratio, count, step = 0 }) {
  const room = { width, gap };
  let columns = Math.min(most(room), Math.max(1, Math.ceil((width + gap) / (LARGEST + gap))));
  while (columns < most(room)) {
    const rows = Math.ceil(count / columns);
    if (rows * (widthOf(columns, room) / ratio) + (rows - 1) * gap <= height) break;
    columns += 1;
  }
  const wanted = Math.min(width, widthOf(columns, room) * GROWTH ** step);
  return step ? Math.max(1, Math.min(columns, Math.floor((width + gap) / (wanted + gap)))) : columns;
}
