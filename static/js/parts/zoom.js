// Zoom and pan of one pane in its viewport, by @panzoom/panzoom: never smaller than the viewport, never out of it.

import Panzoom from "../../vendor/panzoom/panzoom.es.js";

const MOST = 8;
const STEP = 1.5; // a key press
const CLOSE_UP = 2.5; // a double click
const WHEEL = 0.0022; // of a pixel scrolled
const PINCHED_WHEEL = 0.01; // a trackpad's pinch comes as a wheel with Ctrl, in smaller steps
const LINE = 32; // pixels, where a wheel counts lines
const SLIDE = 0.2; // of the viewport, a key press

export class Zoom {
  #viewport;
  #pane;
  #panzoom;
  #onChange;

  /** `onChange()` hears of every change. */
  constructor(viewport, pane, onChange) {
    this.#viewport = viewport;
    this.#pane = pane;
    this.#onChange = onChange;
    this.#panzoom = Panzoom(pane, {
      canvas: true,
      noBind: true, // the gestures are ours: a swipe is none of panzoom's affair
      contain: "outside",
      minScale: 1,
      maxScale: MOST,
      cursor: "",
      setTransform: () => this.#apply(),
    });
    viewport.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    viewport.addEventListener("dblclick", (event) => (this.isZoomed ? this.fit() : this.to(CLOSE_UP, event)));
  }

  get scale() {
    return this.#panzoom.getScale();
  }

  get isZoomed() {
    return this.scale > 1.001;
  }

  /** One step nearer, or further away, around the middle of what is seen. */
  step(isNearer) {
    this.#panzoom.zoom(this.scale * (isNearer ? STEP : 1 / STEP));
    this.#changed();
  }

  /** To a scale, so that the point ({clientX, clientY}) stays where it is. */
  to(scale, point) {
    this.#panzoom.zoomToPoint(scale, point);
    this.#changed();
  }

  /** Move the image by pixels of the screen. */
  drag(across, down) {
    this.#panzoom.pan(across / this.scale, down / this.scale, { relative: true });
    this.#changed();
  }

  /** Look further left (-1, 0), right (1, 0), up (0, -1) or down (0, 1). */
  slide(across, down) {
    const { clientWidth, clientHeight } = this.#viewport;
    this.drag(-across * SLIDE * clientWidth, -down * SLIDE * clientHeight);
  }

  fit() {
    this.#panzoom.reset({ animate: false });
    this.#changed();
  }

  #wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : LINE);
    if (pixels) this.to(this.scale * Math.exp(-pixels * (event.ctrlKey ? PINCHED_WHEEL : WHEEL)), event);
  }

  #changed() {
    this.#apply(); // panzoom itself waits for the next frame, and would measure stale places until then
    this.#onChange();
  }

  #apply() {
    const { x, y } = this.#panzoom.getPan();
    const { scale } = this;
    this.#pane.style.transform = scale === 1 ? "" : `scale(${scale}) translate(${x}px, ${y}px)`;
    this.#pane.style.setProperty("--zoom", scale);
    this.#viewport.toggleAttribute("data-zoomed", this.isZoomed);
  }
}
