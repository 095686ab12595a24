// One tile: its cell in the grid and the picture in it.

import { derivativeFor, WHOLE, withMargin } from "../core/boxes.js";
import { cropInto } from "./crop.js";
import { build, fill } from "./dom.js";

const RETRY_MS = [1000, 3000, 9000];
const MARGIN = 0.08; // around a box, as a share of its longer side
const CROP_PIXELS = 96; // that a box should have on its long side
const WHOLE_SIZE = 256; // derivative
const LARGEST = 512; // sixty larger ones are too much to fetch

export class TileCell {
  isReady = false;
  isBroken = false; // for good, or until somebody tries again
  promise = null; // resolves once the picture is there, or isn't

  #subject;
  #address;
  #onChange;
  #tries = 0;
  #image = new Image();
  #said = build("span", { class: "tile-said", hidden: "" });

  /** `address(sample, size)` is the picture's; `onChange(cell)` hears when it is there, or can't be. */
  constructor(subject, { address, onChange }) {
    this.#subject = subject;
    this.#address = address;
    this.#onChange = onChange;
    this.#image.alt = "";
    this.#image.draggable = false;
    this.#image.decoding = "sync"; // decoded before it is shown: painted with the next frame
    const frame = build("div", { class: "tile-frame" }, [this.#image]);
    const ground = build("div", { class: "tile-ground crop-ground" }, [frame]);
    const mark = build("span", { class: "tile-mark", "aria-hidden": "true" }, ["✕"]);
    const attributes = { role: "gridcell", class: "tile", tabindex: "-1", "data-testid": "tile" };
    this.element = build("div", { ...attributes, "data-sample": subject.sample }, [ground, mark, this.#said]);
    const { box, width, height } = subject;
    cropInto(this.#image, frame, box ? withMargin(box, MARGIN, width, height) : WHOLE, width, height);
    this.fetch();
  }

  fetch() {
    const size = this.#subject.box ? Math.min(LARGEST, derivativeFor(this.#subject, CROP_PIXELS)) : WHOLE_SIZE;
    this.isBroken = false;
    this.element.dataset.ready = "false";
    this.#image.src = this.#address(this.#subject.sample, size);
    this.promise = this.#image.decode().then(
      () => this.#arrived(true),
      () => this.#arrived(false),
    );
  }

  #arrived(isReady) {
    this.isReady = isReady;
    this.element.dataset.ready = isReady ? "true" : "failed";
    const wait = RETRY_MS[this.#tries];
    if (!isReady && wait) {
      this.#tries += 1;
      setTimeout(() => this.fetch(), wait);
    } else {
      this.isBroken = !isReady;
      this.#onChange(this);
    }
  }

  set isCurrent(value) {
    this.element.tabIndex = value ? 0 : -1;
  }

  focus() {
    this.element.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "nearest" });
  }

  /** `decided` is {text, colour?}, or null; `place` the column. */
  draw({ label, isSelected, decided, place, isCurrent }) {
    const { element } = this;
    element.setAttribute("aria-selected", String(isSelected));
    element.setAttribute("aria-label", decided ? `${label}: ${decided.text}` : label);
    element.setAttribute("aria-colindex", String(place));
    element.toggleAttribute("data-decided", Boolean(decided));
    this.isCurrent = isCurrent;
    this.#said.hidden = !decided;
    fill(this.#said, decided?.text ?? "");
    if (decided?.colour) this.#said.style.setProperty("--class-colour", decided.colour);
    else this.#said.style.removeProperty("--class-colour");
  }
}
