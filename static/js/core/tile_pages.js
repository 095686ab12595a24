// The pages of tiles of one screen: the one in view, the one to come, and those to return to.
//
// A page is {target: the class it is of, subjects, seenMs, since} and what else a screen wants to know of it.

/**
 * Whether nobody has decided on a subject, holds it instead or has left it for later.
 *
 * @param {Pick<Entry, "isDone" | "isGone" | "isPassed">} subject
 */
export const isOpen = ({ isDone, isGone, isPassed }) => !isDone && !isGone && !isPassed;

/** @param {TilePage | null} page */
export const openOf = (page) => (page?.subjects ?? []).filter(isOpen);

export class TilePages {
  /** @type {TilePage | null} */
  current = null;
  /** @type {TilePage | null} */
  next = null; // the page to come
  /** @type {TilePage[]} */
  #waiting = []; // pages to return to once one that was taken back is done
  /** @type {Map<number, Entry>} */
  #bySample = new Map(); // sample id -> subject
  #isInView;

  /**
   * `isInView()` says whether a person can see the screen now.
   *
   * @param {{ isInView: () => boolean }} options
   */
  constructor({ isInView }) {
    this.#isInView = isInView;
  }

  get all() {
    return [this.current, this.next, ...this.#waiting].filter((page) => page !== null);
  }

  /** All that these pages hold and nobody has decided. */
  get held() {
    return this.all.flatMap(openOf);
  }

  /** @param {number} sample */
  find(sample) {
    return this.#bySample.get(sample) ?? null;
  }

  /**
   * Take these subjects for the page to come; `about` is what else is known of it.
   *
   * @param {Entry[]} subjects
   * @param {{ target: number | null, group?: Group }} about
   * @returns {TilePage}
   */
  expect(subjects, about) {
    const page = { ...about, subjects, seenMs: 0, since: 0 };
    for (const subject of subjects) {
      subject.page = page;
      this.#bySample.set(subject.sample, subject);
    }
    this.next = page;
    return page;
  }

  /** To the next page, of those to return to first; there may be none yet. */
  turn() {
    this.clock(false);
    this.current = this.#waiting.shift() ?? this.next;
    if (this.current === this.next) this.next = null;
  }

  /**
   * To a page that was left; the one in view waits meanwhile. Returns whether it is another one.
   *
   * @param {TilePage} page
   */
  goBack(page) {
    if (page === this.current) return false;
    this.#waiting = this.#waiting.filter((each) => each !== page);
    this.clock(false);
    const left = this.current;
    if (left && openOf(left).length) this.#waiting.unshift(left);
    this.current = page;
    return true;
  }

  /** Give back all that is in view, waits or is to come. */
  close() {
    for (const subject of this.held) subject.isGone = true;
    this.#waiting = [];
    this.current = this.next = null;
  }

  /**
   * Of the samples that were asked to be kept, those that weren't are somebody else's by now.
   *
   * @param {number[]} asked
   * @param {Set<number>} kept
   */
  lose(asked, kept) {
    for (const sample of asked) {
      const subject = this.find(sample);
      if (subject && !kept.has(sample) && !subject.isDone) subject.isGone = true;
    }
  }

  /** Time in view counts: a page behind another tab is not looked at. */
  clock(isRunning = this.#isInView()) {
    const page = this.current;
    if (!page) return;
    if (page.since) page.seenMs += performance.now() - page.since;
    page.since = isRunning ? performance.now() : 0;
  }

  /** Milliseconds a tile of the page in view was looked at, on average. */
  get dwell() {
    this.clock();
    const page = this.current;
    return page ? Math.round(page.seenMs / Math.max(1, page.subjects.length)) : 0;
  }
}
