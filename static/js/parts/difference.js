// The difference of the frame in view to the burst's median, as a canvas to lay over the frame.

import { nearestInTime } from "../core/median.js";
import { build } from "./dom.js";

const SIZE = 512; // pixels of the long side: plenty to see what moved

export class Difference {
  canvas = build("canvas", { role: "img", "data-testid": "difference-canvas" });
  #source;
  #worker = null;
  #asked = 0;
  #answered = null;

  /** `source(sampleId, size)` gives an address. */
  constructor(source) {
    this.#source = source;
  }

  /** Draw it. Resolves to false where it failed, to null where something else was asked for meanwhile. */
  draw(frames, frame) {
    const addresses = nearestInTime(frames, frame).map(({ sample }) => this.#source(sample, SIZE));
    const id = ++this.#asked;
    this.canvas.dataset.ready = "false";
    this.canvas.width = this.canvas.height = 1; // nothing of the frame before
    return new Promise((resolve) => {
      this.#answered?.(null);
      this.#answered = resolve;
      this.#ask({ id, addresses, at: this.#source(frame.sample, SIZE) });
    });
  }

  #ask(question) {
    if (!this.#worker) {
      this.#worker = new Worker(new URL("../core/median_worker.js", import.meta.url), { type: "module" });
      this.#worker.addEventListener("message", ({ data }) => data.id === this.#asked && this.#take(data));
      this.#worker.addEventListener("error", () => {
        this.#worker = null;
        this.#take({ failed: true });
      });
    }
    this.#worker.postMessage(question);
  }

  /** @param {{ width?: number, height?: number, pixels?: any, failed?: boolean }} answer */
  #take({ width, height, pixels, failed = false }) {
    if (!failed) {
      Object.assign(this.canvas, { width, height });
      this.canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
      this.canvas.dataset.ready = "true";
    }
    this.#answered?.(!failed);
    this.#answered = null;
  }
}
