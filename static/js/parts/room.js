// How much room an element gives to what lies in it, and how large its type is.

import { picturesIn, textsIn } from "../core/tile_layout.js";

/** Width and height inside the padding of `outer`, and the gap between the rows of `grid` in it; in pixels. */
export function roomIn(outer, grid) {
  const style = getComputedStyle(outer);
  const pixels = (text) => Number.parseFloat(text) || 0;
  return {
    width: outer.clientWidth - pixels(style.paddingLeft) - pixels(style.paddingRight),
    height: outer.clientHeight - pixels(style.paddingTop) - pixels(style.paddingBottom),
    gap: pixels(getComputedStyle(grid).rowGap),
  };
}

/** Tell `root` how large tiles of these subjects are (core/tile_layout.js says what it goes by); their columns. */
export function sized(root, shown, isOfTexts) {
  const sizes = isOfTexts ? textsIn({ ...shown, ...typeOf(root) }) : picturesIn(shown);
  for (const [name, value] of Object.entries(sizes)) root.style.setProperty(`--${name}`, String(value));
  return sizes.columns;
}

/** Size of the type of an element, and height of its lines; in pixels. */
function typeOf(element) {
  const style = getComputedStyle(element);
  const em = Number.parseFloat(style.fontSize);
  return { em, line: Number.parseFloat(style.lineHeight) || 1.5 * em };
}
