// Fingers, pen and mouse on the stage: drag where zoomed in, pinch with two fingers, swipe where not zoomed.

const SWIPE_PX = 48;
const SWIPE_MS = 700;
const STRAIGHT = 1.5; // how much longer one way must be than the other

const middle = ([one, other]) => ({ clientX: (one.x + other.x) / 2, clientY: (one.y + other.y) / 2 });
const span = ([one, other]) => Math.hypot(one.x - other.x, one.y - other.y);

/** "left", "right", "up", "down", or null where it was no swipe. */
export function swiped({ x, y, time }, end) {
  const [across, down] = [end.x - x, end.y - y];
  const [wide, high] = [Math.abs(across), Math.abs(down)];
  if (Math.max(wide, high) < SWIPE_PX || end.time - time > SWIPE_MS) return null;
  if (wide > STRAIGHT * high) return across < 0 ? "left" : "right";
  if (high > STRAIGHT * wide) return down < 0 ? "up" : "down";
  return null;
}

/** Listen on the viewport; what the hands do goes to `zoom`, a swipe to `onSwipe(direction)`. */
export function listenToHands(viewport, zoom, onSwipe) {
  const pointers = new Map(); // pointer id -> {x, y, time}
  let start = null; // of a movement that may become a swipe

  const place = (event) => ({ x: event.clientX, y: event.clientY, time: event.timeStamp });

  viewport.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("button, a")) return;
    viewport.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    start = pointers.size === 1 && event.pointerType !== "mouse" && !zoom.isZoomed ? place(event) : null;
  });

  viewport.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const pair = [...pointers.values()];
    pointers.set(event.pointerId, place(event));
    if (pointers.size === 1) {
      if (zoom.isZoomed) zoom.drag(event.clientX - before.x, event.clientY - before.y);
    } else if (pointers.size === 2) {
      pinch(pair, [...pointers.values()]);
    }
  });

  function pinch(before, now) {
    const [from, to] = [middle(before), middle(now)];
    zoom.drag(to.clientX - from.clientX, to.clientY - from.clientY);
    if (span(before) > 0) zoom.to((zoom.scale * span(now)) / span(before), to);
  }

  const end = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    const direction = start && event.type === "pointerup" ? swiped(start, place(event)) : null;
    start = null;
    if (direction) onSwipe(direction);
  };
  viewport.addEventListener("pointerup", end);
  viewport.addEventListener("pointercancel", end);
}
