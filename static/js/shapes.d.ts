// The shapes of what the server sends and what scripts hand to each other, for the type check; browsers never load this.

/** [left, top, width, height] as fractions of an image. */
type Box = number[];
type Texts = Record<string, string>;

/** What was decided about a subject. */
interface Decision {
  verdict: string; // answer, skip, unsure, ignore or withdraw; of a box place or withdraw
  classes: number[];
  box?: Box | null; // where a box is from then on
  mode?: string;
  dwell_ms?: number;
  alone?: boolean; // about one frame of a burst that else is decided as a whole
}

/** A decision as it goes to the server, and as it waits for that. Flags are events too. */
interface SaveEvent extends Partial<Decision> {
  uuid: string;
  sample: number;
  kind?: string; // flag, unflag, default or box; a decision has none
  part?: number | null; // the sample that a box is, where the server has made it
  question?: string;
  supersedes?: string | null;
  note?: string;
  flag?: string;
}

/** A label as the server has it, or where a box is. */
interface Stored {
  uuid: string;
  verdict: string;
  classes: number[];
  sample?: number;
  box?: Box | null;
}

/** What a decision is about: a sample, and the question where it is not the page's own. */
interface Subject {
  sample: number;
  question?: string;
  kind?: string; // default: what the head thinks, let stand; a decision has none
  of?: Entry; // the sample, where several questions are asked of it
  stands: Decision | null;
  lastUuid: string | null;
  draft: Set<number> | null; // classes picked and not confirmed
  isDone: boolean; // decided on this page
  entry?: string | null;
  mode?: string;
  head_version?: string | null;
  blind?: boolean;
  suggestions?: [number, number][];
  flag?: { uuid: string; note: string } | null;
  part?: number | null; // of a box, as below
  uuids?: Set<string>;
}

/** A box of a photograph that this page holds. `sample` is one of the photograph's, by which it is spoken of. */
interface BoxSubject extends Subject {
  photo: number;
  part: number | null; // the sample that it is; null = the server has not made it yet
  kept: { box: Box | null; uuid: string | null }; // where the server has it
  uuids: Set<string>; // of what this page said of it
}

/** A sample as the server hands it out. */
interface Sample {
  sample: number;
  photo?: number;
  boxes?: { sample: number; box: Box; edit: string | null }[]; // all that are asked about in its photograph
  width: number;
  height: number;
  box?: Box | null;
  text?: string; // how it begins, where it is one
  more?: boolean; // whether that is not all of it
  lang?: string;
  path?: string;
  reason?: string;
  round?: number;
  taken_at?: string | null;
  deployment?: string;
  notes?: string[];
  mine?: boolean; // of a frame: whether this person may decide on it
  blind?: boolean;
  suggestions?: [number, number][]; // class id and probability
  by_names?: boolean; // the names of classes suggest them, for there is no head yet
  by_model?: string; // a model of others that suggests them, for there is no head yet
  previous?: Stored | null;
  followers?: Record<string, Stored>;
  foreseen?: Record<string, [number, number][]>; // what is suggested for questions that follow, by their keys
  burst?: Sample[];
  p?: number | null; // of a tile: how likely it is of its page's class
}

/** A sample that this page holds. */
interface Entry extends Omit<Sample, "burst" | "followers">, Subject {
  blind?: boolean;
  suggestions: [number, number][];
  foreseen: Record<string, [number, number][]>;
  answered: Record<string, Stored>;
  followers: Map<string, Subject>;
  burst: Entry[];
  asked?: Follower[];
  isAway?: boolean; // a box that somebody took away here
  // where one queue serves several questions
  asks?: { question: string; entry: string | null }[]; // what is asked in any case
  plan?: Record<string, string>; // ask or let, by question, where it applies
  defaults?: Record<string, { class: number; p: number; entry: string | null }>;
  let?: Record<string, string>; // UUIDs of what was let stand before
  lets?: Map<string, Subject>;
  isAskedAll?: boolean;
  // on a review screen
  why?: string;
  given?: Given[];
  suggested?: number[] | null;
  flags?: { author: string; note: string }[];
  // in a grid or a hunt
  isSelected?: boolean;
  isGone?: boolean; // somebody else's by now, or given back
  isPassed?: boolean; // left undecided
  page?: TilePage;
}

interface TilePage {
  target: number | null; // the class that it is of
  subjects: Entry[];
  group?: Group;
  seenMs: number;
  since: number;
}

/** Samples that are predicted to be of one class, or just look alike. */
interface Group {
  id: string;
  class: number | null;
  number?: number;
  n: number;
  left: number;
}

interface ClassRow {
  id: number;
  name: string;
  colour?: string;
  key?: string;
  scientific?: string;
  local?: string;
  code?: string;
  parent?: number | null;
  blank?: boolean;
  starred?: boolean;
  count?: number;
}

interface Follower {
  key: string;
  text: string;
  multi_label: boolean;
  follows?: string | null;
  only_for: number[];
  classes: import("./core/class_list.js").ClassList;
}

/** An answer somebody gave, as a reviewer sees it. */
interface Given {
  verdict: string;
  classes: number[];
  annotator: string;
  mine: boolean;
  mode?: string;
}

/** What may stand: what some said, or the head thinks. */
interface Choice {
  classes: number[];
  by: Given[];
  p: number | null;
  isHeads: boolean;
}

/** A command with a person's keys. */
interface KeyRow {
  name: string;
  text: string;
  keys: string[];
  own: boolean;
  decides: boolean;
  repeats: boolean;
  shown: string[][];
}

/** What a press of a key asks for. */
interface Meant {
  name?: string;
  key?: string;
  shift?: boolean;
  digit?: number;
  letter?: string;
  place?: string;
  event?: Event;
}

/** A press of a key, or what is known of one. */
interface Press {
  key: string;
  code?: string;
  keyCode?: number;
  shiftKey?: boolean;
  ctrlKey?: boolean;
  altKey?: boolean;
  metaKey?: boolean;
  repeat?: boolean;
  isComposing?: boolean;
  defaultPrevented?: boolean;
  getModifierState?(name: string): boolean;
}

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the server, of a shape for each address
  data: any;
  failure: string | null; // offline, busy or signed-out
}

/** What is hunted: a class, what looks like these samples, or what fits these words. */
interface Aim {
  class: number | null;
  like: number[];
  text?: string;
}

/** What the scripts without a DOM need of a page's session. */
interface Asking {
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the server, of a shape for each page
  boot: any;
  isInView: boolean;
  outbox: { samples: Set<number>; ready(): Promise<void> };
  tally: { counts: Map<number, number> };
  post(url: string, body: object, options?: { keepalive?: boolean; timeout?: number }): Promise<Answer>;
}

// --- events of our own, each with a detail --------------------------------------------------------

interface EventTarget {
  addEventListener(type: "answer" | "kept" | "settled", listener: (event: CustomEvent) => void): void;
}

interface WindowEventMap {
  started: CustomEvent;
}

interface DocumentEventMap {
  "htmx:beforeRequest": CustomEvent;
  "htmx:beforeSwap": CustomEvent;
}
