// Images decoded before they are needed: those nearest to the one in view, within a budget of memory.

const RETRY_MS = 2000;

/** Whether the server says that there is no such photograph any more: trying again does not help. */
async function isGone(address) {
  try {
    return (await fetch(address, { method: "HEAD" })).status === 410;
  } catch {
    return false; // no server: that is said elsewhere
  }
}

export class LookAhead {
  #source;
  #images = new Map(); // sample id -> <img>
  #onChange;

  /** `source(sampleId)` gives an address; `onChange(image)` hears when an image is there, or isn't. */
  constructor(source, onChange) {
    this.#source = source;
    this.#onChange = onChange;
    addEventListener("online", () => this.retry());
  }

  get samples() {
    return [...this.#images.keys()];
  }

  find(sample) {
    return this.#images.get(sample) ?? null;
  }

  isReady(sample) {
    return this.#images.get(sample)?.dataset.ready === "true";
  }

  load(entry, priority = "auto") {
    let image = this.#images.get(entry.sample);
    if (image) return image;
    image = new Image(entry.width || undefined, entry.height || undefined);
    image.fetchPriority = priority;
    image.decoding = "sync"; // already decoded when it comes into view: painted with the next frame
    image.draggable = false;
    this.#images.set(entry.sample, image);
    this.#fetch(entry.sample, image);
    return image;
  }

  /** Let go of all images but those of these samples. */
  keep(samples) {
    for (const [sample, image] of this.#images) {
      if (samples.has(sample)) continue;
      this.#images.delete(sample);
      if (!image.isConnected) image.removeAttribute("src"); // a load under way is given up
    }
  }

  /** Try again what failed: all of it, or one sample's. */
  retry(only = null) {
    for (const [sample, image] of this.#images) {
      if (image.dataset.ready === "failed" && (only ?? sample) === sample) this.#fetch(sample, image);
    }
  }

  #fetch(sample, image) {
    const settle = (state, more = { gone: "false" }) => {
      if (this.#images.get(sample) !== image) return;
      Object.assign(image.dataset, { ready: state, ...more });
      this.#onChange(image);
    };
    image.dataset.ready = "false";
    image.src = this.#source(sample);
    image.decode().then(
      () => settle("true"),
      async () => {
        settle("failed");
        if (await isGone(image.src)) settle("failed", { gone: "true" });
        setTimeout(() => image.isConnected && this.retry(sample), RETRY_MS);
      },
    );
  }
}
