// Boxes of the photograph in view: outlined, and drawn, moved, resized and taken away by mouse, finger and keyboard.
//
// While boxes are drawn the keys are theirs: arrows move the chosen one, Shift and arrows resize it, Tab goes to the
// next, Space makes a new one, Enter keeps what was changed, Delete takes away, Escape leaves.

import { isTooSmall, LEAST, leastOf, moved, resized, under } from "../core/boxes.js";
import { PhotoBoxes } from "../core/photo_boxes.js";
import { format } from "../core/texts.js";
import { listenToPointer } from "./box_pointer.js";
import { buttonOf, byId } from "./dom.js";
import { isElsewhere } from "./keys.js";

const STEP = 0.005; // of the photograph, a key press
const MIDDLE = [0.4, 0.4, 0.2, 0.2]; // where a box begins that is made by a key
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Boxing {
  #screen;
  #session;
  #photos;
  #isOn = false;
  /** @type {BoxSubject | null} */
  #chosen = null; // null with a draft: a new one
  /** @type {Box | null} */
  #draft = null; // where it would be, until it is kept
  /** @type {Set<number>} */
  #awaited = new Set(); // samples that were drawn here and are to come next

  /** `screen`: a SampleScreen of single images */
  constructor(screen) {
    this.#screen = screen;
    this.#session = screen.session;
    const { outbox } = this.#session;
    this.#photos = new PhotoBoxes((uuid) => outbox.pending.has(uuid));
    outbox.addEventListener("settled", ({ detail }) => this.#settled(detail));
    addEventListener("keydown", (event) => this.#pressed(event), { capture: true });
    listenToPointer(screen.viewer, {
      isOn: () => this.#isOn,
      shown: () => this.#shown,
      aim: (point) => this.#aim(point),
      drag: (box) => this.#dragged(box),
      drop: (from) => this.#dropped(from),
    });
    this.commands = {
      boxes: () => (this.#isOn ? this.leave() : this.#enter()),
      box_new: () => this.#isOn && this.#begin(),
      box_keep: () => this.#isOn && this.#keep(),
      box_delete: () => this.#isOn && this.#remove(),
    };
  }

  get isOn() {
    return this.#isOn;
  }

  get #entry() {
    return this.#screen.held.current;
  }

  get #boxes() {
    return this.#photos.of(this.#entry?.photo);
  }

  // --- what comes and goes ------------------------------------------------------------------------

  /** Take in what the server says of samples. */
  learn(samples) {
    for (const sample of samples) this.#photos.learn(sample);
    const { held } = this.#screen;
    for (const id of this.#awaited) {
      const entry = held.find(id);
      if (!entry) continue;
      held.comeNext(entry);
      this.#awaited.delete(id);
    }
  }

  /** Outline the boxes of the photograph in view; a sample that is one lies where it was put last. */
  show() {
    const { viewer } = this.#screen;
    const own = this.#entry?.sample;
    const place = this.#photos.ofSample(own)?.stands?.box;
    if (place) this.#entry.box = place;
    const others = this.#boxes.filter((each) => each !== this.#chosen);
    const marks = others.map(({ stands, part }) => ({ box: stands.box, kind: part === own ? "own" : "other" }));
    const shown = this.#shown;
    if (this.#isOn) viewer.mark(shown ? [...marks, { box: shown, kind: "chosen" }] : marks, true);
    else viewer.mark(marks.filter(({ kind }) => kind === "other"));
    this.#showTools();
  }

  #showTools() {
    byId("stage").toggleAttribute("data-boxing", this.#isOn);
    buttonOf("boxes").setAttribute("aria-pressed", String(this.#isOn));
    buttonOf("boxes").disabled = this.#entry?.photo === undefined;
    byId("box-tools").hidden = !this.#isOn;
    buttonOf("box_keep").disabled = !this.#draft;
    buttonOf("box_delete").disabled = !this.#chosen && !this.#draft;
  }

  /** Steps were taken back, or done again: whether they were about boxes, which are shown then. */
  returned(subjects) {
    const [subject] = subjects;
    if (subject?.kind !== "box") return false;
    const { held } = this.#screen;
    this.#reckon(subject);
    const isIn = ({ photo, isAway }) => photo === subject.photo && !isAway;
    const entry = [held.find(subject.part), this.#entry, ...held.entries].find((each) => each && isIn(each));
    if (entry) held.goTo(entry);
    else if (this.#entry?.isAway) held.advance();
    this.#chosen = this.#isOn && subject.stands?.box ? subject : null;
    this.#draft = null;
    return true;
  }

  #settled(detail) {
    const drawn = this.#photos.settled(detail);
    if (detail.event.kind !== "box") return;
    if (drawn !== null) {
      this.#awaited.add(drawn);
      this.#screen.supply.want(drawn);
    }
    const own = this.#photos.ofSample(detail.event.part ?? detail.event.sample);
    if (own) this.#reckon(own);
    if (this.#chosen && !this.#chosen.stands?.box) this.#chosen = null;
    this.#screen.render();
  }

  /** A sample whose box was taken away is not to be decided; put back it is again. */
  #reckon({ part, stands }) {
    const entry = part === null ? null : this.#screen.held.find(part);
    const isAway = !stands?.box;
    if (!entry || Boolean(entry.isAway) === isAway) return;
    if (isAway) Object.assign(entry, { isAway, wasDone: entry.isDone, isDone: true });
    else Object.assign(entry, { isAway, isDone: entry.wasDone });
  }

  // --- what a person does -------------------------------------------------------------------------

  #enter() {
    const entry = this.#entry;
    if (entry?.photo === undefined) return;
    this.#isOn = true;
    this.#draft = null;
    this.#chosen = this.#photos.ofSample(entry.sample) ?? this.#boxes[0] ?? null;
    byId("stage").focus({ preventScroll: true });
    this.show();
    const { texts } = this.#session;
    this.#say(`${format(texts.boxesOn, { n: this.#boxes.length })} ${this.#inWords()}`);
  }

  /** Back to labelling; what was not kept is forgotten. */
  leave() {
    if (!this.#isOn) return;
    this.#isOn = false;
    this.#chosen = null;
    this.#draft = null;
    this.show();
    this.#say(this.#session.texts.boxesOff);
  }

  #begin() {
    this.#chosen = null;
    this.#change(MIDDLE);
  }

  #choose(subject) {
    this.#chosen = subject;
    this.#draft = null;
    this.show();
    this.#say(this.#inWords());
  }

  #next(by) {
    const boxes = this.#boxes;
    if (!boxes.length) return;
    const at = boxes.indexOf(this.#chosen);
    const from = at < 0 && by < 0 ? 0 : at;
    this.#choose(boxes[(from + by + boxes.length) % boxes.length]);
  }

  /** Where the chosen box is, or would be. */
  get #shown() {
    return this.#draft ?? this.#chosen?.stands?.box ?? null;
  }

  #change(box) {
    this.#draft = box;
    this.show();
    this.#say(this.#inWords());
  }

  #arrow(way, isResizing) {
    const box = this.#shown;
    if (!box) return;
    const [right, lower] = way.map((each) => each * STEP);
    this.#change(isResizing ? resized(box, right, lower, leastOf(this.#entry)) : moved(box, right, lower));
  }

  #keep() {
    const { texts } = this.#session;
    const box = this.#draft;
    if (!box) {
      this.#notify(texts.boxNothing);
      return;
    }
    if (isTooSmall(box, this.#entry)) {
      this.#notify(format(texts.boxSmall, { n: LEAST }));
      return;
    }
    this.#chosen ??= this.#photos.make(this.#entry);
    this.#draft = null;
    this.#decide(this.#chosen, { verdict: "place", classes: [], box });
  }

  #remove() {
    const subject = this.#chosen;
    this.#draft = null;
    this.#chosen = null;
    if (!subject?.stands?.box) {
      this.show(); // a new one that nobody kept
      return;
    }
    this.#decide(subject, { verdict: "withdraw", classes: [], box: null });
  }

  #decide(subject, after) {
    const { history, outbox } = this.#session;
    history.decide([{ subject, after }]);
    outbox.hurry();
    this.#reckon(subject);
    const { held, supply } = this.#screen;
    if (this.#entry?.isAway) {
      this.leave();
      held.advance();
      supply.refill();
    }
    this.#screen.render();
    this.#notify("");
    this.#session.acknowledge(this.#session.say(after), this.#isOn ? this.#inWords() : this.#screen.spoken());
  }

  // --- keys ---------------------------------------------------------------------------------------

  #pressed(event) {
    const { target, ctrlKey, metaKey, altKey, shiftKey, key } = event;
    if (!this.#isOn || ctrlKey || metaKey || altKey || event.isComposing || isElsewhere(event)) return;
    if (target !== document.body && !target.closest("#stage")) return; // a button of the page
    const act = this.#meant(key, shiftKey, event.repeat);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  #meant(key, isShift, isHeld) {
    if (WAYS[key]) return () => this.#arrow(WAYS[key], isShift);
    if (key === "Tab") return this.#boxes.length ? () => this.#next(isShift ? -1 : 1) : null;
    const act = {
      Enter: () => this.#keep(),
      Escape: () => this.leave(),
      Delete: () => this.#remove(),
      " ": () => this.#begin(),
    }[key];
    return act && isHeld ? () => {} : act;
  }

  // --- what the pointer asks for ------------------------------------------------------------------

  /** What is at that place becomes the chosen box; where there is none a new one is about to be drawn. */
  #aim(point) {
    const shown = this.#shown;
    if (shown && under([shown], point) === 0) return;
    const boxes = this.#boxes;
    const places = boxes.map(({ stands }) => stands.box);
    this.#choose(boxes[under(places, point)] ?? null);
  }

  /** While it is dragged nothing is said: many places a second. */
  #dragged(box) {
    this.#draft = box;
    this.show();
  }

  #dropped(from) {
    this.#keep();
    if (!from) this.#draft = null; // a new one that was not kept: that was said
    this.show();
  }

  // --- in words -----------------------------------------------------------------------------------

  /** The chosen box for who can't see it. */
  #inWords() {
    const { texts } = this.#session;
    const box = this.#shown;
    if (!box) return texts.boxNone;
    const [left, top, width, height] = box.map((share) => Math.round(100 * share));
    const at = this.#boxes.indexOf(this.#chosen) + 1;
    const name = at ? format(texts.boxAt, { n: at, total: this.#boxes.length }) : texts.boxNew;
    return format(texts.boxWhere, { name, left, top, width, height });
  }

  #say(text) {
    this.#session.announce(text);
  }

  #notify(text) {
    this.#session.notify(text);
    if (text) this.#say(text);
  }
}
