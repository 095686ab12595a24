// A tile of a picture.

import { derivativeFor, WHOLE, withMargin } from "../core/boxes.js";
import { Cell } from "./cell.js";
import { cropInto } from "./crop.js";
import { build } from "./dom.js";

const RETRY_MS = [1000, 3000, 9000];
const MARGIN = 0.08; // around a box, as a share of its longer side
const CROP_PIXELS = 96; // that a box should have on its long side
const WHOLE_SIZE = 256; // derivative
const LARGEST = 512; // sixty larger ones are too much to fetch

export class TileCell extends Cell {
  #subject;
  #address;
  #onChange;
  #tries = 0;
  #image;

  /** `address(sample, size)` is the picture's; `onChange(cell)` hears when it is there, or can't be. */
  constructor(subject, { address, onChange }) {
    const image = new Image();
    image.alt = "";
    image.draggable = false;
    image.decoding = "sync"; // decoded before it is shown: painted with the next frame
    const frame = build("div", { class: "tile-frame" }, [image]);
    super(subject, build("div", { class: "tile-ground crop-ground" }, [frame]));
    this.#image = image;
    this.#subject = subject;
    this.#address = address;
    this.#onChange = onChange;
    const { box, width, height } = subject;
    cropInto(image, frame, box ? withMargin(box, MARGIN, width, height) : WHOLE, width, height);
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
}
