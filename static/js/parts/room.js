// How much room an element gives to what lies in it.

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
