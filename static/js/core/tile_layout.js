// How many tiles fit side by side, and how large they are. No DOM.

export const STEPS = 6; // sizes above the one at which all tiles fit
const GROWTH = 1.25;
const SMALLEST = 84; // pixels: below, people can't tell what they see, and the page scrolls instead
const LARGEST = 320; // a picture of 256 pixels is as good as it gets
const USUAL = 4 / 3;
export const LISTED = 20; // texts a page
const NARROWEST = 20; // ems of a text's tile
const SIGN = 0.5; // ems of a sign, about
const MOST_COLUMNS = 3;
const LINES = 6; // of a text that a tile shows, and how many more a size larger
const LINES_MORE = 4;

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

/**
 * Columns and shape of tiles of pictures.
 *
 * @param {Room & { height: number, subjects: Entry[], step: number }} shown
 */
export function picturesIn({ subjects, step, ...room }) {
  const ratio = fitting(subjects);
  return { columns: columnsFor({ ...room, ratio, count: subjects.length, step }), ratio };
}

/**
 * Columns of tiles of texts, and how many lines each shows: as many as the longest needs, within bounds.
 *
 * `em` and `line` are the size of the type and the height of its lines, in pixels.
 *
 * @param {Room & { height: number, subjects: Pick<Entry, "text">[], step: number, em: number, line: number }} shown
 */
export function textsIn({ width, height, gap, subjects, step, em, line }) {
  const wanted = Math.min(width, NARROWEST * em * GROWTH ** step);
  const columns = Math.max(1, Math.min(MOST_COLUMNS, Math.floor((width + gap) / (wanted + gap))));
  const signs = Math.max(8, widthOf(columns, { width, gap }) / (em * SIGN));
  const needed = subjects.map(({ text = "" }) =>
    text.split("\n").reduce((lines, each) => lines + Math.max(1, Math.ceil(each.length / signs)), 0),
  );
  // A tile that is higher than what is in view could never be looked at.
  const most = Math.max(2, Math.min(LINES + LINES_MORE * step, Math.floor(height / line) - 2));
  return { columns, lines: Math.max(2, Math.min(most, Math.max(1, ...needed))) };
}
