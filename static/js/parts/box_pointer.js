// Mouse, finger and pen while boxes are drawn: a drag draws a box, moves the one it begins in, or takes it by a handle.

import { between, moved, taken } from "../core/boxes.js";

const CLICK_PX = 4; // what moved less has drawn nothing

/**
 * Listen on the layer over the photograph. `tool`: isOn(), shown() -> the box in hand or null, aim(point) -> takes what
 * is there in hand, drag(box) -> shows it so, drop(from) -> it stays so; from = where it was, null of a new one.
 */
export function listenToPointer(viewer, tool) {
  const { layer } = viewer;
  let drag = null;

  const giveUp = () => {
    if (drag?.isMoved) tool.drag(drag.from);
    drag = null;
  };

  layer.addEventListener("pointerdown", (event) => {
    if (!tool.isOn() || event.button !== 0) return;
    event.stopPropagation(); // the photograph stays where it is
    if (!event.isPrimary) {
      giveUp(); // a second finger means something else
      return;
    }
    layer.setPointerCapture(event.pointerId);
    const at = viewer.placeOf(event);
    const { handle } = event.target.dataset;
    if (!handle) tool.aim(at);
    drag = { at, handle, from: tool.shown(), x: event.clientX, y: event.clientY, isMoved: false };
  });

  layer.addEventListener("pointermove", (event) => {
    if (!drag || !event.isPrimary) return;
    drag.isMoved ||= Math.hypot(event.clientX - drag.x, event.clientY - drag.y) >= CLICK_PX;
    if (drag.isMoved) tool.drag(dragged(drag, viewer.placeOf(event)));
  });

  layer.addEventListener("pointerup", (event) => {
    if (!drag || !event.isPrimary) return;
    const { isMoved, from } = drag;
    drag = null;
    if (isMoved) tool.drop(from);
  });

  layer.addEventListener("pointercancel", giveUp);
  layer.addEventListener("dblclick", (event) => tool.isOn() && event.stopPropagation());
}

function dragged({ at, handle, from }, point) {
  if (!from) return between(at, point);
  return handle ? taken(from, handle, point) : moved(from, point[0] - at[0], point[1] - at[1]);
}
