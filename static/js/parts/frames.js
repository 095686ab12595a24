// The frames of a burst: a strip to choose from, and a player.

import { derivativeFor } from "../core/boxes.js";
import { format } from "../core/texts.js";
import { cropInto } from "./crop.js";
import { build, fill } from "./dom.js";

const THUMB = 96; // pixels
const FRAME_MS = 250; // four a second
const ROUNDS = 2;
const PATIENCE = 8; // frames' time to wait for an image that isn't here yet

export class Frames {
  #options;
  #frames = [];
  #items = [];
  #own = null;
  #marked = null;

  /**
   * options: list, note, source(id, size), texts, onPick(frame, event), state(frame) -> {text, colour, isClosed} | null
   * (closed: not this person's to decide), covers() -> what the next decision is for, in words, where whole bursts are decided
   */
  constructor(options) {
    this.#options = options;
  }

  /** Show these frames; `own` is the sample id of the one to decide, null where the whole burst is decided. */
  show(frames, own) {
    this.#frames = frames;
    this.#own = own;
    this.#items = frames.map((frame, at) => this.#make(frame, at));
    this.#options.list.replaceChildren(...this.#items);
    this.refresh();
  }

  /** Say anew what was decided for each frame. */
  refresh() {
    this.#frames.forEach((frame, at) => {
      const button = this.#items[at].firstElementChild;
      const { text = "", colour = "", isClosed = false } = this.#options.state(frame) ?? {};
      const [dot, words] = button.querySelector(".frame-state").children;
      button.toggleAttribute("data-closed", isClosed);
      dot.hidden = !text || isClosed;
      dot.style.backgroundColor = colour ?? "";
      fill(words, text);
      const parts = [this.name(frame), frame.sample === this.#own ? this.#options.texts.frameOwn : "", text];
      button.setAttribute("aria-label", parts.filter(Boolean).join(", "));
    });
    this.#say();
  }

  /** Mark the frame in view. */
  mark(frame) {
    const { list } = this.#options;
    this.#marked = frame;
    const at = this.#frames.findIndex(({ sample }) => sample === frame?.sample);
    this.#items.forEach((item, place) => {
      if (place === at) item.firstElementChild.setAttribute("aria-current", "true");
      else item.firstElementChild.removeAttribute("aria-current");
    });
    const item = this.#items[at];
    if (item) list.scrollTo({ left: item.offsetLeft - (list.clientWidth - item.offsetWidth) / 2 });
    this.#say();
  }

  /** Say which frame is in view, and what the next decision is for. */
  #say() {
    const { note, texts, covers } = this.#options;
    const at = this.#frames.findIndex(({ sample }) => sample === this.#marked?.sample);
    const own = this.#frames.findIndex(({ sample }) => sample === this.#own);
    const isOther = at >= 0 && own >= 0 && own !== at;
    const decides = isOther ? format(texts.frameDecide, { n: own + 1 }) : at >= 0 && own < 0 ? covers() : "";
    fill(note, [at >= 0 ? this.name(this.#marked) : "", decides].filter(Boolean).join(" · "));
    note.toggleAttribute("data-other", isOther);
  }

  /** "Frame 3 of 9" */
  name(frame) {
    const n = this.#frames.findIndex(({ sample }) => sample === frame.sample) + 1;
    return format(this.#options.texts.frame, { n, total: this.#frames.length });
  }

  #make(frame, at) {
    const image = build("img", { alt: "", decoding: "async", draggable: "false" });
    image.src = this.#options.source(frame.sample, derivativeFor(frame, THUMB));
    const crop = build("span", { class: "frame-crop" }, [image]);
    cropInto(image, crop, frame.box, frame.width, frame.height);
    const state = build("span", { class: "frame-state" }, [build("span", { class: "dot" }), build("span")]);
    const attributes = { type: "button", class: "frame", "data-testid": "frame", "data-sample": frame.sample };
    const button = build("button", attributes, [
      build("span", { class: "frame-picture crop-ground" }, [crop]),
      build("span", { class: "frame-number number" }, [String(at + 1)]),
      state,
    ]);
    if (frame.sample === this.#own) button.classList.add("own");
    button.addEventListener("click", (event) => this.#options.onPick(frame, event));
    return build("li", {}, [button]);
  }
}

/** Steps through the frames four times a second and stops by itself after two rounds. */
export class Play {
  #options;
  #timer = null;
  #left = 0;
  #waited = 0;

  /** options: step(), isNextReady(), onChange() */
  constructor(options) {
    this.#options = options;
  }

  get isRunning() {
    return this.#timer !== null;
  }

  start(frames) {
    this.stop();
    this.#left = frames * ROUNDS;
    this.#waited = 0;
    this.#timer = setInterval(() => this.#tick(), FRAME_MS);
    this.#options.onChange();
  }

  stop() {
    if (!this.isRunning) return;
    clearInterval(this.#timer);
    this.#timer = null;
    this.#options.onChange();
  }

  #tick() {
    if (!this.#options.isNextReady() && this.#waited < PATIENCE) {
      this.#waited += 1;
      return;
    }
    this.#waited = 0;
    this.#left -= 1;
    this.#options.step();
    if (this.#left === 0 || document.hidden) this.stop();
  }
}
