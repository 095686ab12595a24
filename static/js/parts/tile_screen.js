// A screen of tiles, page by page: what the grid and a hunt have in common. What differs, each of them says itself.

import { format } from "../core/texts.js";
import { isOpen, openOf, TilePages } from "../core/tile_pages.js";
import { TileSupply } from "../core/tile_supply.js";
import { newUuid } from "../core/uuid.js";
import { byId, fill, number } from "./dom.js";
import { openSession } from "./session.js";
import { Tiles } from "./tiles.js";
import { TypeAhead } from "./typeahead.js";

const GUARD_MS = 400; // between two Enters that mean two things

export class TileScreen {
  /** @type {any} */
  view = null; // draw(), spoken(), emptyText() and commands: what stands around the tiles
  #lastConfirm = 0;
  #said = ""; // of the last decision, for who can't see it
  #isDrawDue = false;
  #freshTimer = null;

  /**
   * mode; url: name of the server's address for tiles; most, fewest: tiles of a page; isOver: see TileSupply; sizes: name
   * beside the person's own under which tile sizes are remembered; freshMs: how long after labels were saved
   * `refreshPages` is called; leaveOut: see Tiles
   *
   * @param {object} options
   * @param {string} options.mode
   * @param {string} options.url
   * @param {number} options.most
   * @param {number} options.fewest
   * @param {string[]} options.sizes
   * @param {number} options.freshMs
   * @param {(answer: any) => boolean} [options.isOver]
   * @param {(subject: Entry) => void} [options.leaveOut]
   */
  constructor({ mode, url, most, fewest, isOver, sizes, freshMs, leaveOut }) {
    this.session = openSession({ mode });
    const { session } = this;
    const { boot, texts } = session;
    this.texts = texts;
    this.pages = new TilePages({ isInView: () => session.isInView });
    this.tiles = new Tiles(byId("tiles"), {
      address: (sample, size) => session.address(sample, size),
      isOfTexts: session.isOfTexts,
      state: (subject) => this.#stateOf(subject),
      texts,
      scope: [boot.user, ...sizes].join(":"),
      onChange: () => this.render(),
      onToggle: (_, label) => session.announce(label),
      leaveOut,
    });
    this.supply = new TileSupply({
      session,
      url: boot.urls[url],
      keep: () => this.held.map(({ sample }) => sample),
      count: () => Math.min(most, Math.max(session.isOfTexts ? 1 : fewest, this.tiles.capacity)),
      isOver,
    });
    this.typeAhead = new TypeAhead({
      classes: () => session.classes.rows,
      create: session.canCreate ? (name) => session.createClass(name) : null,
      onPick: (id) => this.choose(id),
      scope: session.scope,
      texts,
    });
    this.#wire(freshMs);
  }

  #wire(freshMs) {
    const { session, supply } = this;
    session.outbox.addEventListener("answer", () => {
      clearTimeout(this.#freshTimer);
      this.#freshTimer = setTimeout(() => this.refreshPages(), freshMs);
    });
    supply.addEventListener("change", () => {
      session.showNumbers(supply);
      this.render();
    });
    supply.addEventListener("kept", ({ detail: { asked, kept } }) => {
      this.pages.lose(asked, kept);
      this.tiles.refresh();
    });
    document.addEventListener("visibilitychange", () => this.pages.clock());
    byId("stage").addEventListener("focus", () => this.tiles.focus());
    session.releaseOnLeave(() => this.held.map(({ sample }) => sample));
    session.showProblems(
      (sample) => this.pages.find(sample),
      () => this.tiles.refresh(),
    );
  }

  // --- what each screen says itself ---------------------------------------------------------------

  /** Fetch the page to come; what was fetched before is given back. */
  async prepare() {}

  /** This page is about to come into view. */
  turned(_page) {}

  /** Labels were saved a moment ago: pages to come may be better ones. */
  refreshPages() {}

  /** A class was named: what for, depends. */
  choose(_id) {}

  /** Enter: take what is in view as it is. Only called where `whyNot` says nothing. */
  take() {}

  /** Why that can't be done now, in words; empty where it can. */
  whyNot() {
    return "";
  }

  /** Leave subjects undecided; they are not shown again soon. */
  pass(_subjects) {}

  /** Class ids to offer first. */
  get likely() {
    return [];
  }

  /** What is to be known again when a decision is taken back, beside its page and what it passed over. */
  get note() {
    return {};
  }

  /** Subjects were decided, and others passed over (`isDone`), or that was taken back. */
  counted(_subjects, _passed, _isDone) {}

  /** An earlier page is to come into view again, for a decision with this note. */
  reopen(_note) {}

  // --- pages --------------------------------------------------------------------------------------

  /** All that this screen holds. */
  get held() {
    return this.pages.held;
  }

  /** A page has come: show it, or have its pictures ready for when the one in view is done. */
  async arrived() {
    if (openOf(this.pages.current).length) await this.tiles.prepare(this.pages.next.subjects);
    else this.turn();
  }

  /** To the next page; it may still be on its way. */
  turn() {
    this.pages.turn();
    if (this.pages.current) this.turned(this.pages.current);
    this.show();
    if (this.pages.current && !this.pages.next) this.prepare();
  }

  show() {
    const page = this.pages.current;
    byId("tiles").hidden = !page; // what is hidden can't take the focus
    this.tiles.show((page?.subjects ?? []).filter(({ isGone }) => !isGone));
    this.pages.clock();
    this.session.notify("");
    this.view.draw();
    const isElsewhere = document.querySelector("dialog[open]") || document.activeElement?.closest("select, input");
    if (page && !isElsewhere) this.tiles.focus();
    this.announce(this.view.spoken());
  }

  /** Say this after what was done last. */
  announce(text) {
    this.session.announce([this.#said, text].filter(Boolean).join(". "));
    this.#said = "";
  }

  /** Draw what stands around the tiles, once for all that changes together. */
  render() {
    if (this.#isDrawDue) return;
    this.#isDrawDue = true;
    queueMicrotask(() => {
      this.#isDrawDue = false;
      this.view.draw();
    });
  }

  #stateOf(subject) {
    if (isOpen(subject)) return null;
    const { session, texts } = this;
    const { stands } = subject;
    if (subject.isDone) return { text: session.say(stands), colour: session.colour(stands.classes[0]) };
    if (subject.isGone) return { text: texts.gone };
    return { text: subject.flag ? texts.flagged : texts.left };
  }

  // --- what a person can do -----------------------------------------------------------------------

  get commands() {
    const { session, texts } = this;
    return {
      ...this.tiles.commands,
      ...this.view.commands,
      confirm: () => this.#confirm(),
      undo: () => this.#undo(),
      redo: () => this.#redo(),
      skip: () => this.decideSelected({ verdict: "skip", classes: [] }),
      unsure: () => this.decideSelected({ verdict: "unsure", classes: [] }),
      blank: () => {
        const { blank } = session.classes;
        if (blank) this.chooseBlank(blank.id);
        else session.notify(texts.noBlank);
      },
      flag: () => this.#flag(),
      palette: () => this.typeAhead.open("", this.likely),
      help: () => byId("help").showModal(),
      digit: ({ digit }) => {
        const row = session.classes.rows[(digit || 10) - 1];
        if (row) this.choose(row.id);
      },
      letter: (meant) => {
        const row = session.classes.byKey(meant);
        if (row) this.choose(row.id);
        else this.typeAhead.open(meant.letter, this.likely);
      },
    };
  }

  chooseBlank(id) {
    this.decideSelected({ verdict: "answer", classes: [id] });
  }

  #confirm() {
    const { session, tiles } = this;
    if (!this.pages.current) {
      session.notify(this.view.emptyText());
      return;
    }
    if (performance.now() - this.#lastConfirm < GUARD_MS) return;
    const obstacle = this.whyNot();
    if (obstacle) {
      session.notify(obstacle);
      session.announce(obstacle);
      if (tiles.seen < tiles.open.length && tiles.unseen) tiles.focus(tiles.unseen);
      return;
    }
    this.guard();
    this.take();
  }

  /** What is pressed right after this is not meant for the page that comes into view. */
  guard() {
    this.#lastConfirm = performance.now();
  }

  /** Why a page can't be confirmed whose tiles have not all been looked at. */
  whyUnseen() {
    const [seen, total] = [this.tiles.seen, this.tiles.open.length];
    return seen < total ? format(this.texts.notSeen, { n: number(seen), total: number(total) }) : "";
  }

  decideSelected(after) {
    const { selected } = this.tiles;
    if (!selected.length) {
      this.session.notify(this.texts.selectFirst);
      return;
    }
    this.decide(selected.map((subject) => ({ subject, after })));
    this.tell(this.texts.given, { n: selected.length, name: this.session.say(after) });
    this.afterwards();
  }

  /** Decide on subjects ({subject, after} each), and pass over others, in one step. */
  decide(decisions, passed = []) {
    const { dwell, current: page } = this.pages;
    const timed = decisions.map(({ subject, after }) => ({ subject, after: { ...after, dwell_ms: dwell } }));
    this.session.history.decide(timed, { page, passed, ...this.note });
    this.counted(
      decisions.map(({ subject }) => subject),
      passed,
      true,
    );
    this.session.pace.count(decisions.filter(({ after }) => after.verdict === "answer").length);
  }

  /** What follows a decision: the next page where nothing is open on this one. */
  afterwards() {
    this.tiles.refresh();
    if (!this.tiles.open.length) this.turn();
    else if (byId("stage").contains(document.activeElement)) this.tiles.focus();
  }

  /** Say what was done. */
  tell(text, { n, m = 0, name = "" }) {
    const values = { n: number(n), m: number(m), name, left: number(this.tiles.open.length) };
    this.#said = format(text, values);
    fill(byId("last"), format(this.texts.last, { name: this.#said }));
    this.session.notify("");
    this.session.announce(this.#said);
  }

  #undo() {
    const step = this.session.history.undo();
    if (!step) return;
    const { subjects, note } = step;
    this.counted(subjects, note.passed, false);
    this.session.pace.count(-subjects.length);
    this.tell(this.texts.undone, { n: subjects.length || note.passed.length });
    this.#goBack(note);
    this.tiles.refresh();
  }

  #redo() {
    const step = this.session.history.redo();
    if (!step) return;
    const { subjects, note } = step;
    this.guard();
    this.counted(subjects, note.passed, true);
    this.session.pace.count(subjects.length);
    this.#goBack(note);
    this.tellAgain(subjects, note);
    this.afterwards();
  }

  /** Say what was done again. */
  tellAgain(subjects, _note) {
    this.tell(this.texts.given, { n: subjects.length, name: this.session.say(subjects[0].stands) });
  }

  /** Show the page that a step back or forward was about. */
  #goBack(note) {
    if (!this.pages.goBack(note.page)) return;
    this.reopen(note);
    this.show();
  }

  /** Flag what is selected, with one note for all: it needs another look, and is left for it. */
  #flag() {
    const { session } = this;
    const [first, ...others] = this.tiles.selected;
    if (!first) {
      session.notify(this.texts.selectFirst);
      return;
    }
    session.flag(first, () => {
      if (!first.flag) return;
      for (const subject of others) {
        subject.flag = { uuid: newUuid(), note: first.flag.note };
        session.outbox.add({ uuid: subject.flag.uuid, kind: "flag", sample: subject.sample, note: first.flag.note });
      }
      this.pass([first, ...others]);
      this.afterwards();
    });
  }
}
