// The image in view: the sample's own, or another frame of its burst; whole, or just the box that is the sample. Over the
// whole image lie the outlines of its boxes.

import { WHOLE, withMargin } from "../core/boxes.js";
import { nearest } from "../core/nearest.js";
import { cropInto } from "./crop.js";
import { build } from "./dom.js";
import { LookAhead } from "./lookahead.js";

const MARGIN = 0.08; // around a box, as a share of its longer side
const SIDES = ["left", "top", "width", "height"];
const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

const lay = (element, box) => SIDES.forEach((side, at) => (element.style[side] = `${100 * box[at]}%`));

export class Stage {
  #root;
  #describe;
  #ahead;
  #frame = build("div", { class: "stage-frame" });
  #box = build("div", { class: "stage-box", hidden: "", "data-testid": "stage-box" });
  /** What lies over the whole image, and takes the pointer while boxes are drawn. */
  layer = build("div", { class: "stage-marks", "aria-hidden": "true", "data-testid": "stage-marks" });
  #marks = []; // {box, kind}
  #isMarking = false;
  #entry = null; // the sample to decide
  #inView = null; // it, or another frame of its burst
  /** @type {[Entry[], number]} */
  #around = [[], 0]; // what `prepare` was told last
  #isWhole = true;
  #wanted = []; // to be decoded, nearest first
  #soon = null; // and it is about to be
  #since = 0;
  #seenMs = 0;

  /** `source(sampleId)` gives an address, `describe(entry)` the text for who can't see the image. */
  constructor(root, { source, describe }) {
    this.#root = root;
    this.#describe = describe;
    this.#ahead = new LookAhead(source, (image) => this.#arrived(image));
    this.pane = build("div", { class: "stage-pane crop-ground" }, [this.#frame]);
    this.viewport = build("div", { class: "stage-viewport" }, [this.pane]);
    this.#frame.append(this.#box, this.layer);
    root.prepend(this.viewport);
    document.addEventListener("visibilitychange", () => this.#clock());
  }

  /** Show a sample to decide. */
  show(entry) {
    if (entry === this.#entry) return;
    this.#entry = entry;
    this.#seenMs = 0;
    this.#since = 0;
    this.#put(entry);
  }

  /** Look at another frame of the same burst (null: back to the sample itself); what is decided stays the same. */
  look(frame) {
    const wanted = frame && frame.sample !== this.#entry?.sample ? frame : this.#entry;
    if (wanted === this.#inView) return;
    this.#put(wanted);
    this.#prepare();
  }

  /** Decode the images around the one in view, and let go of the others. */
  prepare(entries, index) {
    this.#around = [entries, index];
    this.#prepare();
  }

  /** The sample or frame in view. */
  get inView() {
    return this.#inView;
  }

  /** Whether the sample to decide can be seen. */
  get isVisible() {
    return this.#entry !== null && this.#ahead.isReady(this.#entry.sample);
  }

  /** The photograph itself is not there any more. */
  get isGone() {
    return this.#ahead.find(this.#inView?.sample)?.dataset.gone === "true";
  }

  get isBroken() {
    return this.#ahead.find(this.#inView?.sample)?.dataset.ready === "failed";
  }

  /** Milliseconds a person could see the sample, or another frame of its burst. */
  get dwell() {
    return Math.round(this.#seenMs + (this.#since ? performance.now() - this.#since : 0));
  }

  /** Ids of the samples whose images are held decoded. */
  get held() {
    return this.#ahead.samples;
  }

  isReady(sample) {
    return this.#ahead.isReady(sample);
  }

  retry() {
    this.#ahead.retry();
  }

  get isWhole() {
    return this.#isWhole;
  }

  /** Of a sample that is a box of its image: show all of the image, with the box drawn. */
  set isWhole(value) {
    this.#isWhole = value;
    this.#layOut();
  }

  /**
   * Outline these boxes, [{box, kind: other, own or chosen}]: a chosen one has handles. While boxes are drawn
   * (`isMarking`) the whole image is shown, whatever else is wanted, and all outlines are among the marks.
   */
  mark(marks, isMarking = false) {
    this.#marks = marks;
    this.#isMarking = isMarking;
    this.#layOut();
  }

  /** Where in the image a point of the screen is: shares of its width and height. */
  placeOf({ clientX, clientY }) {
    const { left, top, width, height } = this.layer.getBoundingClientRect();
    return [(clientX - left) / width, (clientY - top) / height];
  }

  /** Lay something over the image in view, in its exact place (null: nothing). */
  cover(element) {
    this.#frame.querySelector(".stage-cover")?.remove();
    if (!element) return;
    element.classList.add("stage-cover");
    this.#box.before(element);
    this.#layOut();
  }

  #put(entry) {
    this.#frame.querySelector("img")?.remove();
    this.cover(null);
    this.#inView = entry;
    if (!entry) return;
    this.#ahead.retry(entry.sample);
    const image = this.#ahead.load(entry, "high");
    image.alt = this.#describe(entry);
    image.dataset.testid = "stage-image";
    image.dataset.sample = entry.sample;
    image.dataset.round = entry.round ?? "";
    this.#frame.prepend(image);
    this.#layOut();
    this.#arrived(image);
  }

  #layOut() {
    const entry = this.#inView;
    if (!entry) return;
    const { box, width, height } = entry;
    const isWhole = this.#isWhole || this.#isMarking;
    const region = box && !isWhole ? withMargin(box, MARGIN, width, height) : WHOLE;
    for (const element of this.#frame.querySelectorAll("img, .stage-cover")) {
      cropInto(element, this.#frame, region, width, height);
    }
    this.#box.hidden = !box || !isWhole || this.#isMarking;
    if (!this.#box.hidden) lay(this.#box, box);
    this.layer.hidden = region !== WHOLE || entry !== this.#entry;
    this.#drawMarks();
  }

  #drawMarks() {
    const { layer } = this;
    this.#marks.forEach(({ box, kind }, at) => {
      const mark = layer.children[at] ?? layer.appendChild(build("div", { class: "stage-mark" }));
      lay(mark, box);
      if (mark.dataset.kind === kind) return;
      mark.dataset.kind = kind;
      mark.replaceChildren(...(kind === "chosen" ? HANDLES : []).map((side) => build("i", { "data-handle": side })));
    });
    while (layer.children.length > this.#marks.length) layer.lastElementChild.remove();
  }

  #prepare() {
    const [entries, index] = this.#around;
    const frames = entries[index] === this.#entry ? (this.#entry?.burst ?? []) : [];
    const at = frames.findIndex(({ sample }) => sample === this.#inView?.sample);
    const near = nearest(entries, index, frames, at);
    const shown = [this.#entry, this.#inView].filter(Boolean).map(({ sample }) => sample);
    this.#ahead.keep(new Set([...near.map(({ sample }) => sample), ...shown]));
    const passed = new Set(entries.slice(0, index).map(({ sample }) => sample));
    this.#wanted = near.filter(({ sample }) => !passed.has(sample));
    // The image in view is painted first.
    cancelAnimationFrame(this.#soon);
    const load = () => this.#wanted.forEach((entry) => this.#ahead.load(entry));
    this.#soon = requestAnimationFrame(() => setTimeout(load));
  }

  #arrived(image) {
    if (!image.isConnected) return;
    this.#root.dataset.state = image.dataset.ready;
    this.#clock();
    this.#root.dispatchEvent(new CustomEvent("imagestate"));
  }

  #clock() {
    if (this.#since) {
      this.#seenMs += performance.now() - this.#since;
      this.#since = 0;
    }
    const isThere = this.#inView !== null && this.#ahead.isReady(this.#inView.sample);
    if (!document.hidden && isThere) this.#since = performance.now();
  }
}
