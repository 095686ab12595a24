// The samples this page holds: what was decided, the one in view, what comes next. No network, no DOM.

const KEPT_BEHIND = 100;

/**
 * A sample as handed out, with what the person decided about it here: the subject of decisions.
 *
 * @param {Sample} sample
 * @returns {Entry}
 */
export function entryOf(sample) {
  /** @type {Entry} */
  const entry = {
    ...sample,
    ...decided(sample.previous),
    suggestions: sample.blind ? [] : (sample.suggestions ?? []),
    foreseen: sample.blind ? {} : (sample.foreseen ?? {}),
    answered: sample.followers ?? {},
    followers: new Map(), // question key -> subject
    burst: [],
  };
  // The frames of a burst are subjects too; the sample itself is one of them.
  entry.burst = (sample.burst ?? []).map((frame) => (frame.sample === sample.sample ? entry : entryOf(frame)));
  return entry;
}

/**
 * What an answer to a follow-up question about this entry is about.
 *
 * @param {Entry} entry
 * @param {string} question
 * @returns {Subject}
 */
export function followerOf(entry, question) {
  const known = entry.followers.get(question);
  const { sample, blind, entry: place } = entry;
  const suggestions = entry.foreseen[question] ?? [];
  const stood = decided(entry.answered[question]);
  const follower = known ?? { sample, question, entry: place, blind, suggestions, ...stood };
  entry.followers.set(question, follower);
  return follower;
}

/** @param {Stored | null} [previous] */
function decided(previous) {
  const stands = previous && previous.verdict !== "withdraw" ? previous : null;
  return {
    isDone: false,
    stands: stands && { verdict: stands.verdict, classes: stands.classes },
    lastUuid: previous?.uuid ?? null,
    draft: null,
  };
}

export class Held {
  /** @type {Entry[]} */
  entries = [];
  index = 0;
  #wholeBursts;

  /** options: wholeBursts, whether one decision is for all frames of a burst */
  constructor({ wholeBursts = false } = {}) {
    this.#wholeBursts = wholeBursts;
  }

  /** @returns {Entry | null} */
  get current() {
    return this.entries[this.index] ?? null;
  }

  /** @param {number} sampleId */
  find(sampleId) {
    return this.entries.find((entry) => entry.sample === sampleId) ?? null;
  }

  /**
   * The entry that shows this sample: as itself, else as a frame of its burst.
   *
   * @param {number} sampleId
   */
  showing(sampleId) {
    /** @param {Entry} entry */
    const isIn = ({ burst }) => burst.some(({ sample }) => sample === sampleId);
    return this.find(sampleId) ?? this.entries.find(isIn) ?? null;
  }

  /**
   * The subject of a decision about this sample (or a frame of its burst) and question.
   *
   * @param {number} sampleId
   * @param {string | null} [question]
   * @returns {Subject | null}
   */
  subject(sampleId, question) {
    const entry = this.showing(sampleId);
    const subject = [entry, ...(entry?.burst ?? [])].find((each) => each?.sample === sampleId);
    return (question ? subject?.followers.get(question) : subject) ?? null;
  }

  /**
   * Whether nothing is left to decide: about the sample, or about its whole burst.
   *
   * @param {Entry} entry
   */
  isSettled(entry) {
    return entry.isDone && (!this.#wholeBursts || entry.burst.every(({ isDone, mine }) => isDone || !mine));
  }

  /**
   * What a decision is about: the sample in view; or all frames of its burst that are this person's, but for those
   * decided alone; or the frame `alone` (then nothing where it is somebody else's).
   *
   * @param {Entry | null} alone
   * @returns {Entry[]}
   */
  subjects(alone = null) {
    const entry = this.current;
    if (!entry) return [];
    if (!this.#wholeBursts) return [entry];
    const frame = alone && entry.burst.find(({ sample }) => sample === alone.sample);
    if (frame) return frame === entry || frame.mine || frame.stands ? [frame] : [];
    const open = entry.burst.filter((each) => (each === entry || each.mine) && !each.stands?.alone);
    return open.length ? open : [entry];
  }

  /** Sample ids of all that is held and not decided, frames of bursts too. */
  open() {
    const frames = this.ahead().flatMap((entry) => [entry, ...entry.burst.filter(({ mine }) => mine)]);
    return [...new Set(frames.filter(({ isDone }) => !isDone).map(({ sample }) => sample))];
  }

  /** Undecided entries, the one in view first. */
  ahead() {
    const open = this.entries.filter((entry) => !this.isSettled(entry));
    const current = this.current;
    return current && !this.isSettled(current) ? [current, ...open.filter((entry) => entry !== current)] : open;
  }

  /**
   * Add fresh samples at the end; those known or in `unwanted` are left out. Returns how many came.
   *
   * @param {Sample[]} samples
   * @param {Set<number>} unwanted
   */
  add(samples, unwanted = new Set()) {
    const fresh = samples.filter(({ sample }) => !unwanted.has(sample) && !this.find(sample)).map(entryOf);
    this.entries.push(...fresh);
    this.#join();
    return fresh.length;
  }

  /**
   * Let go of every undecided entry except these and the one in view.
   *
   * @param {Set<number>} keep
   */
  release(keep) {
    const current = this.current;
    this.#filter((entry) => entry.isDone || entry === current || keep.has(entry.sample));
  }

  /**
   * Let go of those asked to be kept that are somebody else's by now, unless they are decided.
   *
   * @param {Set<number>} asked
   * @param {Set<number>} kept
   */
  forget(asked, kept) {
    /** @param {Entry} entry */
    const isLost = ({ sample, isDone }) => !isDone && asked.has(sample) && !kept.has(sample);
    this.#filter((entry) => !isLost(entry));
    for (const frame of this.entries.flatMap(({ burst }) => burst)) {
      if (isLost(frame)) frame.mine = false;
    }
  }

  /** @param {number} by */
  step(by) {
    const wanted = this.index + by;
    if (wanted < 0 || wanted >= this.entries.length) return false;
    this.index = wanted;
    return true;
  }

  /** @param {Entry} entry */
  goTo(entry) {
    if (!this.entries.includes(entry)) this.entries.unshift(entry);
    this.index = this.entries.indexOf(entry);
  }

  /**
   * Let this entry be the next one, or the one in view where there is none.
   *
   * @param {Entry} entry
   */
  comeNext(entry) {
    const current = this.current;
    if (entry === current) return;
    this.entries = this.entries.filter((each) => each !== entry);
    this.index = current ? this.entries.indexOf(current) : this.entries.length;
    this.entries.splice(this.index + (current ? 1 : 0), 0, entry);
  }

  /** To the next undecided entry, else to one left open earlier, else to the end. */
  advance() {
    /** @param {Entry} entry */
    const isOpen = (entry) => !this.isSettled(entry);
    const after = this.entries.findIndex((entry, at) => at > this.index && isOpen(entry));
    const any = this.entries.findIndex(isOpen);
    this.index = after >= 0 ? after : any >= 0 ? any : this.entries.length;
    const surplus = this.index - KEPT_BEHIND;
    let position = 0;
    if (surplus > 0) this.#filter((entry) => position++ >= surplus || !entry.isDone);
  }

  /** A frame of a burst that is held by itself too is one subject, whichever way it is looked at. */
  #join() {
    const own = new Map(this.entries.map((entry) => [entry.sample, entry]));
    for (const entry of this.entries) entry.burst = entry.burst.map((frame) => own.get(frame.sample) ?? frame);
  }

  /** @param {(entry: Entry) => boolean} wanted */
  #filter(wanted) {
    const current = this.current;
    const before = this.index;
    this.entries = this.entries.filter(wanted);
    const at = current ? this.entries.indexOf(current) : -1;
    this.index = at >= 0 ? at : Math.min(before, this.entries.length);
  }
}
