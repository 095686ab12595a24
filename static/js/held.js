// The samples this page holds: what was decided, the one in view, what comes next. No network, no DOM.

const KEPT_BEHIND = 100;

/** A sample as handed out, with what the person decided about it here: the subject of decisions. */
export function entryOf(sample) {
  const entry = {
    ...sample,
    ...decided(sample.previous),
    suggestions: sample.blind ? [] : sample.suggestions ?? [],
    answered: sample.followers ?? {},
    followers: new Map(), // question key -> subject
  };
  // The frames of a burst are subjects too; the sample itself is one of them.
  entry.burst = (sample.burst ?? []).map((frame) => (frame.sample === sample.sample ? entry : entryOf(frame)));
  return entry;
}

/** What an answer to a follow-up question about this entry is about. */
export function followerOf(entry, question) {
  if (!entry.followers.has(question)) {
    entry.followers.set(question, { sample: entry.sample, question, ...decided(entry.answered[question]) });
  }
  return entry.followers.get(question);
}

function decided(previous) {
  const stands = previous && previous.verdict !== "withdraw";
  return {
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

  /** The subject of a decision about this sample (or a frame of its burst) and question. */
  subject(sampleId, question) {
    const all = this.entries.flatMap((entry) => [entry, ...entry.burst]);
    const entry = all.find(({ sample }) => sample === sampleId);
    return (question ? entry?.followers.get(question) : entry) ?? null;
  }

  /** Sample ids of all that is held and not decided, frames of bursts too. */
  open() {
    const frames = this.ahead().flatMap((entry) => [entry, ...entry.burst.filter(({ mine }) => mine)]);
    return [...new Set(frames.filter(({ isDone }) => !isDone).map(({ sample }) => sample))];
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

  /** Let go of those asked to be kept that are somebody else's by now, unless they are decided. */
  forget(asked, kept) {
    this.#filter((entry) => entry.isDone || !asked.has(entry.sample) || kept.has(entry.sample));
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
    const before = this.index;
    this.entries = this.entries.filter(wanted);
    const at = this.entries.indexOf(current);
    this.index = at >= 0 ? at : Math.min(before, this.entries.length);
  }
}
