// The samples this page holds: what was decided, the one in view, what comes next. No network, no DOM.

const KEPT_BEHIND = 100;

/** A sample as handed out, with what the person decided about it here. */
function entryOf(sample) {
  const previous = sample.previous;
  const stands = previous && previous.verdict !== "withdraw";
  return {
    ...sample,
    suggestions: sample.blind ? [] : sample.suggestions ?? [],
    isDone: false,
    stands: stands ? { verdict: previous.verdict, classes: previous.classes } : null,
    lastUuid: previous?.uuid ?? null,
    draft: null,
  };
}

export class Held {
  entries = [];
  index = 0;

  get current() {
    return this.entries[this.index] ?? null;
  }

  find(sampleId) {
    return this.entries.find((entry) => entry.sample === sampleId) ?? null;
  }

  /** Undecided entries, the one in view first. */
  ahead() {
    const open = this.entries.filter((entry) => !entry.isDone);
    const current = this.current;
    return current && !current.isDone ? [current, ...open.filter((entry) => entry !== current)] : open;
  }

  /** Add fresh samples at the end; those known or in `unwanted` are left out. Returns how many came. */
  add(samples, unwanted = new Set()) {
    const fresh = samples.filter(({ sample }) => !unwanted.has(sample) && !this.find(sample)).map(entryOf);
    this.entries.push(...fresh);
    return fresh.length;
  }

  /** Let go of every undecided entry except these and the one in view. */
  release(keep) {
    const current = this.current;
    this.#filter((entry) => entry.isDone || entry === current || keep.has(entry.sample));
  }

  step(by) {
    const wanted = this.index + by;
    if (wanted < 0 || wanted >= this.entries.length) return false;
    this.index = wanted;
    return true;
  }

  goTo(entry) {
    if (!this.entries.includes(entry)) this.entries.unshift(entry);
    this.index = this.entries.indexOf(entry);
  }

  /** To the next undecided entry, else to one left open earlier, else to the end. */
  advance() {
    const after = this.entries.findIndex((entry, at) => at > this.index && !entry.isDone);
    const any = this.entries.findIndex((entry) => !entry.isDone);
    this.index = after >= 0 ? after : any >= 0 ? any : this.entries.length;
    const surplus = this.index - KEPT_BEHIND;
    let position = 0;
    if (surplus > 0) this.#filter((entry) => position++ >= surplus || !entry.isDone);
  }

  #filter(wanted) {
    const current = this.current;
    this.entries = this.entries.filter(wanted);
    this.index = current ? this.entries.indexOf(current) : this.entries.length;
  }
}
