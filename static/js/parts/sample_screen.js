// A screen of one sample after the other: what labelling and reviewing have in common. What differs, each of them says
// itself.

import { Held } from "../core/held.js";
import { Supply } from "../core/supply.js";
import { format } from "../core/texts.js";
import { all, button, buttonOf, byId, fill } from "./dom.js";
import { Panel } from "./panel.js";
import { openSession } from "./session.js";
import { Strip } from "./strip.js";
import { TextViewer } from "./text_viewer.js";
import { TypeAhead } from "./typeahead.js";
import { Viewer } from "./viewer.js";

const ALWAYS = ["previous", "next", "help", "hide_suggestions"]; // buttons that do something without a sample too

export class SampleScreen {
  /**
   * mode: by default the one that the server says; url: name of the server's address for samples; suggestions: the
   * element for them; hasRecents: whether classes picked lately come first
   *
   * @param {{ mode?: string, url?: string, suggestions: Element, hasRecents?: boolean }} options
   */
  constructor({ mode, url = "next", suggestions, hasRecents = false }) {
    this.session = openSession({ mode });
    const { session } = this;
    const { boot, texts } = session;
    this.texts = texts;
    this.isSequence = session.mode === "sequence";
    const sample = new URLSearchParams(location.search).get("sample") ?? "";
    /** @type {{ mode: string, only?: string, sample?: number, passed?: number[] }} */
    this.ask = { mode: session.mode, ...(/^\d+$/.test(sample) ? { sample: Number(sample) } : {}) };
    this.held = new Held({ wholeBursts: this.isSequence });
    this.supply = new Supply({ session, held: this.held, ask: this.ask, url: boot.urls[url] });
    this.main = {
      key: null,
      text: boot.question.text,
      multi_label: boot.question.multi_label,
      classes: session.classes,
    };
    this.viewer = this.#makeViewer();
    this.panel = new Panel({
      list: byId("classes"),
      suggestions,
      isMulti: this.main.multi_label,
      scope: hasRecents ? session.scope : "",
      texts,
      onClass: (id, event) => session.clicked(event, () => this.choose(id, { shift: event.shiftKey })),
      onSuggestion: (number, event) =>
        session.clicked(event, () => this.takeSuggestion(number, { shift: event.shiftKey })),
    });
    this.strip = this.#makeStrip();
    this.typeAhead = new TypeAhead({
      classes: () => this.question.classes.rows,
      create: session.canCreate ? (name) => this.createClass(name) : null,
      onPick: (id) => this.choose(id),
      scope: session.scope,
      texts,
    });
    this.#wire();
  }

  #makeViewer() {
    const { session, texts } = this;
    if (session.isOfTexts) {
      return new TextViewer(byId("stage"), {
        texts,
        notify: (text) => session.notify(text),
        scope: session.boot.user,
        address: (sample, start) => session.pieceAddress(sample, start),
      });
    }
    return new Viewer(byId("stage"), {
      source: (id, size) => session.address(id, size),
      describe: (entry) => format(texts.image, { id: entry.sample, path: entry.path ?? "" }),
      texts,
      notify: (text) => session.notify(text),
      clicked: (event, act) => session.clicked(event, act),
      frameState: (frame) => this.frameState(frame),
      decides: this.isSequence ? "burst" : "sample",
      covers: () => this.covers(),
    });
  }

  #makeStrip() {
    const { held, session, texts } = this;
    return new Strip(byId("strip"), {
      isOfTexts: session.isOfTexts,
      source: (id) => session.address(id, 256),
      isDone: (entry) => held.isSettled(entry),
      state: (entry) => {
        if (entry.isAway) return texts.boxGone;
        return held.isSettled(entry) ? session.say(entry.stands) : texts.open;
      },
      colour: (entry) => session.colour(entry.stands?.classes[0]),
      texts,
      onPick: (entry, event) => session.clicked(event, () => this.goTo(entry)),
    });
  }

  #wire() {
    const { held, session, supply, texts, viewer } = this;
    supply.addEventListener("answer", ({ detail }) => this.answered(detail));
    supply.addEventListener("trouble", () => this.render());
    byId("stage").addEventListener("imagestate", () => this.showMessage());
    byId("stage").addEventListener("swipe", ({ detail: { command } }) => this.commands[command]?.({}));
    byId("stage-message").append(button(texts.retry, () => viewer.retry(), { id: "stage-retry", hidden: "" }));
    session.releaseOnLeave(() => held.open());
    session.showProblems(
      (id, key) => held.subject(id, key),
      () => this.render(),
    );
  }

  /** Begin: with what earlier pages left unsaved known, it is held by nobody else. */
  start() {
    this.panel.setQuestion(this.main);
    this.render();
    this.session.outbox.ready().then(() => this.supply.refill());
  }

  // --- what each screen says itself ---------------------------------------------------------------

  /** Draw all that depends on the sample in view. */
  render() {}

  /** The sample in view, for who can't see it. */
  spoken() {
    return "";
  }

  /** Why there is none in view, in words. */
  emptyText() {
    return "";
  }

  /** A class was named. */
  choose(_id, _meant = {}) {}

  takeSuggestion(_number, _meant) {}

  decide(_verdict, _classes, _meant) {}

  /** The server sent samples, or said why not. */
  answered(_detail) {}

  /** Class ids to offer first. */
  get likely() {
    return [];
  }

  /** What is asked now. */
  get question() {
    return this.main;
  }

  /** What was decided for a frame of the burst in view. */
  frameState(_frame) {
    return null;
  }

  /** What the next decision is for, in words, where whole bursts are decided. */
  covers() {
    return "";
  }

  /** Another sample is about to come into view. */
  leave() {}

  // --- what a person can do -----------------------------------------------------------------------

  get commands() {
    const { session, texts } = this;
    return {
      ...this.viewer.commands,
      previous: () => this.#step(-1, texts.nothingBefore),
      next: () => this.#step(1, texts.nothingAfter),
      blank: (meant) => {
        const { blank } = this.question.classes;
        if (blank) this.decide("answer", [blank.id], meant);
        else session.notify(texts.noBlank);
      },
      flag: () => this.held.current && session.flag(this.held.current, () => this.render()),
      palette: () => this.openTypeAhead(""),
      help: () => byId("help").showModal(),
      letter: (meant) => {
        const row = this.question.classes.byKey(meant);
        if (row) this.choose(row.id, meant);
        else this.openTypeAhead(meant.letter);
      },
    };
  }

  /** A key for an image that isn't there decides nothing, but is not passed over in silence. */
  nothingYet() {
    this.session.notify(this.emptyText());
    this.session.announce(this.emptyText());
  }

  #step(by, otherwise) {
    this.leave();
    this.session.notify(this.held.step(by) ? "" : otherwise);
    this.render();
    this.session.announce(this.spoken());
  }

  goTo(entry) {
    if (!entry) return;
    this.leave();
    this.held.goTo(entry);
    this.session.notify("");
    this.render();
    this.session.announce(this.spoken());
  }

  openTypeAhead(text) {
    this.typeAhead.open(text, this.likely);
  }

  async createClass(name) {
    const answer = await this.session.createClass(name);
    if (answer.row) this.panel.addClass(answer.row);
    return answer;
  }

  // --- what a person sees -------------------------------------------------------------------------

  showButtons(entry) {
    const { boot, history } = this.session;
    for (const each of all(".panel [data-command]")) {
      const { command } = each.dataset;
      if (command === "undo") each.disabled = !history.canUndo;
      else if (command === "redo") each.disabled = !history.canRedo;
      else if (!ALWAYS.includes(command)) each.disabled = !entry;
    }
    buttonOf("flag").setAttribute("aria-pressed", String(Boolean(entry?.flag)));
    byId("like-this").hidden = !entry;
    if (entry) byId("like-this").href = `${boot.urls.hunt}?like=${entry.sample}`;
  }

  /** In place of the image: why there is none, and what can be done about it. */
  showMessage() {
    const { viewer } = this;
    const hasEntry = Boolean(this.held.current);
    const isBroken = hasEntry && viewer.isBroken;
    byId("stage-message").hidden = hasEntry && !isBroken;
    const brokenText = viewer.isGone ? this.texts.gone : this.texts.broken;
    fill(byId("stage-text"), isBroken ? brokenText : this.emptyText());
    byId("stage-retry").hidden = !isBroken;
  }
}
