// The image in view and the ones decoded ahead of it.

const BEHIND = 4;
const AHEAD = 6;
const RETRY_MS = 2000;

export class Stage {
  #root;
  #source;
  #describe;
  #images = new Map(); // sample id -> <img>
  #shown = null; // the entry in view
  #since = 0;
  #seenMs = 0;

  /** `source(sampleId)` gives an address, `describe(entry)` the text for who can't see the image. */
  constructor(root, { source, describe }) {
    this.#root = root;
    this.#source = source;
    this.#describe = describe;
    document.addEventListener("visibilitychange", () => this.#clock());
    addEventListener("online", () => this.retry());
  }

  show(entry) {
    if (entry === this.#shown) return;
    this.#root.querySelector("img")?.remove();
    this.#shown = entry;
    this.#seenMs = 0;
    this.#since = 0;
    if (!entry) return;
    const image = this.#load(entry, "high");
    image.alt = this.#describe(entry);
    image.dataset.testid = "stage-image";
    image.dataset.sample = entry.sample;
    image.dataset.round = entry.round ?? "";
    this.#root.prepend(image);
    this.#arrived(image);
  }

  /** Decode the images around the one in view, and let go of the others. */
  prepare(entries, index) {
    const near = entries.slice(Math.max(0, index - BEHIND), index + AHEAD + 1);
    const wanted = new Set(near.map((entry) => entry.sample));
    for (const id of this.#images.keys()) {
      if (!wanted.has(id) && id !== this.#shown?.sample) this.#images.delete(id);
    }
    for (const entry of entries.slice(index, index + AHEAD + 1)) this.#load(entry, "auto");
  }

  /** Whether the image in view can be seen. */
  get isVisible() {
    return this.#shown !== null && this.#images.get(this.#shown.sample)?.dataset.ready === "true";
  }

  get isBroken() {
    return this.#images.get(this.#shown?.sample)?.dataset.ready === "failed";
  }

  /** Milliseconds the image in view has been visible to a person. */
  get dwell() {
    return Math.round(this.#seenMs + (this.#since ? performance.now() - this.#since : 0));
  }

  retry() {
    for (const [id, image] of this.#images) {
      if (image.dataset.ready === "failed") this.#fetch(id, image);
    }
  }

  #load(entry, priority) {
    let image = this.#images.get(entry.sample);
    if (!image) {
      image = new Image(entry.width || undefined, entry.height || undefined);
      image.fetchPriority = priority;
      image.decoding = "sync"; // already decoded when it comes into view: painted with the next frame
      image.draggable = false;
      this.#images.set(entry.sample, image);
      this.#fetch(entry.sample, image);
    }
    return image;
  }

  #fetch(id, image) {
    image.dataset.ready = "false";
    image.src = this.#source(id);
    image.decode().then(
      () => {
        image.dataset.ready = "true";
        this.#arrived(image);
      },
      () => {
        image.dataset.ready = "failed";
        this.#arrived(image);
        setTimeout(() => image.isConnected && image.dataset.ready === "failed" && this.#fetch(id, image), RETRY_MS);
      },
    );
  }

  #arrived(image) {
    if (!image.isConnected) return;
    this.#root.dataset.state = image.dataset.ready;
    if (image.dataset.ready === "true") this.#clock();
    this.#root.dispatchEvent(new CustomEvent("imagestate"));
  }

  #clock() {
    if (this.#since) {
      this.#seenMs += performance.now() - this.#since;
      this.#since = 0;
    }
    if (!document.hidden && this.isVisible) this.#since = performance.now();
  }
}
