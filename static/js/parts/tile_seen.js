// Which tiles were really looked at: in view for a moment, with their picture, on a page that was in view itself.

const SEEN_MS = 500;
const SHARE = 0.6; // of a tile that must be in view

export class Seen {
  #root;
  #onChange;
  #observer;
  #watched = new Map(); // element -> {tile, inView, since}
  #seen = new Set(); // elements
  #timer = null;

  /** `root` scrolls; `onChange()` hears when more has been seen. */
  constructor(root, onChange) {
    this.#root = root;
    this.#onChange = onChange;
    this.#observer = new IntersectionObserver((entries) => this.#crossed(entries), {
      root: this.#root,
      threshold: SHARE,
    });
    document.addEventListener("visibilitychange", () => this.look());
  }

  /** Begin anew with these TileCells. */
  watch(tiles) {
    this.#observer.disconnect();
    this.#seen.clear();
    this.#watched = new Map(tiles.map((tile) => [tile.element, { tile, inView: false, since: 0 }]));
    for (const element of this.#watched.keys()) this.#observer.observe(element);
  }

  has(tile) {
    return this.#seen.has(tile.element);
  }

  #crossed(entries) {
    for (const { target, isIntersecting } of entries) {
      const known = this.#watched.get(target);
      if (known) known.inView = isIntersecting;
    }
    this.look();
  }

  /** Start and stop the clocks; called too when a picture has come. */
  look() {
    const now = performance.now();
    let next = Infinity;
    let isNews = false;
    for (const [element, known] of this.#watched) {
      if (this.#seen.has(element)) continue;
      const isVisible = known.inView && (known.tile.isReady || known.tile.isBroken) && !document.hidden;
      known.since = isVisible ? known.since || now : 0;
      if (!isVisible) continue;
      if (now - known.since >= SEEN_MS) isNews = Boolean(this.#seen.add(element));
      else next = Math.min(next, known.since + SEEN_MS - now);
    }
    clearTimeout(this.#timer);
    if (next < Infinity) this.#timer = setTimeout(() => this.look(), next + 1);
    if (isNews) this.#onChange();
  }
}
