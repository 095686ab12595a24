// Single and sequence mode: one image, or one burst of frames, after the other.

import { followerOf } from "../core/held.js";
import { format } from "../core/texts.js";
import { whyNone } from "../core/waiting.js";
import { Boxing } from "../parts/boxing.js";
import { afterPaint, buttonOf, byId, fill } from "../parts/dom.js";
import { SampleScreen } from "../parts/sample_screen.js";
import { Speaking } from "../parts/speaking.js";

class Label extends SampleScreen {
  #follower = null; // the follow-up question asked of the sample in view; null = the page's own question
  #about = []; // the samples, or frames of a burst, that a follow-up question is about
  #isFrameOnly = false; // whether the next decision about a burst is for the frame in view alone
  #lastAnswer = null; // class ids
  /** @type {Speaking | null} */
  #speaking = null; // where texts are labelled
  #boxing = null; // where single photographs are

  constructor() {
    super({ suggestions: byId("suggestions"), hasRecents: true });
    if (new URLSearchParams(location.search).get("only") === "audit") this.ask.only = "audit";
    if (this.session.isOfTexts) this.#speaking = new Speaking(this);
    else if (!this.isSequence) this.#boxing = new Boxing(this);
    this.session.outbox.addEventListener("answer", ({ detail }) => this.supply.hear(detail.round));
    byId("stage").addEventListener("frame", () => this.#isFrameOnly && this.render());
  }

  answered({ isFreshRound, pool }) {
    const { held, session, supply, viewer } = this;
    session.showNumbers({ pool, round: supply.round });
    if (isFreshRound) session.showBanner(supply.round.number);
    const isFirst = viewer.inView === null;
    this.#boxing?.learn(supply.answer.samples);
    this.render();
    if (isFirst && held.current) session.announce(this.spoken());
  }

  // --- what is asked, and of what -----------------------------------------------------------------

  get question() {
    return this.#follower ?? this.main;
  }

  /** What the next decision is about: the sample, all frames of its burst that are open, or one of them. */
  #subjects({ shift = false } = {}) {
    if (this.#follower) return this.#about.map((each) => followerOf(each, this.#follower.key));
    return this.held.subjects(shift || this.#isFrameOnly ? this.viewer.inView : null);
  }

  /** Where several classes are gathered before they are confirmed. */
  get #gathering() {
    return this.#follower ? followerOf(this.#about[0], this.#follower.key) : this.held.current;
  }

  /** What stands for that which the next decision is about. */
  get #standing() {
    return (this.#subjects()[0] ?? this.held.current).stands;
  }

  /** What the head thinks of the sample in view, as far as the person wants to know. */
  get #suggested() {
    const entry = this.held.current;
    if (!entry || this.session.isHidden) return [];
    return this.#follower ? (entry.foreseen[this.#follower.key] ?? []) : entry.suggestions;
  }

  get likely() {
    return this.#suggested.map(([id]) => id);
  }

  #askFollowUp(follower) {
    if (follower === this.#follower) return;
    this.#follower = follower;
    this.panel.setQuestion(this.question);
  }

  leave() {
    this.#boxing?.leave();
    this.#askFollowUp(null);
  }

  // --- what a person can do -----------------------------------------------------------------------

  get commands() {
    const { held, session, texts } = this;
    return {
      ...super.commands,
      ...this.#speaking?.commands,
      ...this.#boxing?.commands,
      resume: () => this.goTo(held.ahead()[0]),
      skip: (meant) => this.decide("skip", [], meant),
      unsure: (meant) => this.decide("unsure", [], meant),
      undo: () => this.#undo(),
      redo: () => this.#redo(),
      accept: (meant) => this.takeSuggestion(1, meant),
      confirm: (meant) => this.question.multi_label && this.#confirm(meant),
      repeat: (meant) => {
        if (this.#lastAnswer) this.decide("answer", this.#lastAnswer, meant);
        else session.notify(texts.noneLast);
      },
      hide_suggestions: () => {
        session.hideSuggestions(!session.isHidden);
        this.render();
      },
      this_frame: () => {
        this.#isFrameOnly = !this.#isFrameOnly;
        this.render();
      },
      digit: (meant) => this.#takeDigit(meant),
    };
  }

  choose(id, meant = {}) {
    if (!this.held.current) return this.nothingYet();
    if (!this.question.multi_label) {
      this.decide("answer", [id], meant);
      return;
    }
    const subject = this.#gathering;
    subject.draft ??= new Set(this.#standing?.classes);
    if (!subject.draft.delete(id)) subject.draft.add(id);
    this.session.notify("");
    this.render();
  }

  #confirm(meant) {
    if (!this.held.current) return;
    const chosen = [...(this.#gathering.draft ?? this.#standing?.classes ?? [])];
    if (chosen.length) this.decide("answer", chosen, meant);
    else this.session.notify(this.texts.noClass);
  }

  /** Why the sample can't be decided now, in words; empty where it can. */
  #whyNot(verdict, subjects) {
    if (this.#boxing?.isOn) return this.texts.boxesFirst;
    if (verdict === "answer" && !this.viewer.isVisible) return this.texts.notShown; // nobody can judge what isn't there
    return subjects.length ? "" : this.texts.notYours;
  }

  decide(verdict, classes, { shift = false } = {}) {
    const entry = this.held.current;
    if (!entry) return this.nothingYet();
    const subjects = this.#subjects({ shift });
    const obstacle = this.#whyNot(verdict, subjects);
    if (obstacle) {
      this.session.notify(obstacle);
      return;
    }
    const isWhole = !this.isSequence || this.#follower || entry.burst.length < 2;
    const isAlone = !isWhole && (shift || this.#isFrameOnly);
    const after = { verdict, classes, dwell_ms: this.viewer.dwell, ...(isAlone && { alone: true }) };
    this.#record(subjects, after);
    this.#moveOn(entry, after);
    this.#acknowledge(this.#inWords(after, subjects.length));
  }

  #record(subjects, after) {
    const { history, pace } = this.session;
    this.#gathering.draft = null;
    history.decide(subjects.map((subject) => ({ subject, after })));
    if (!this.#follower) this.#about = subjects;
    if (after.verdict !== "answer") return;
    pace.count(subjects.length);
    if (!this.#follower) this.#lastAnswer = after.classes;
  }

  #inWords(after, frames) {
    const name = this.session.say(after);
    if (after.alone) return format(this.texts.thisFrame, { name });
    return frames > 1 ? `${name} (${format(this.texts.frames, { n: frames })})` : name;
  }

  /** To the follow-up question this answer asks for, else to the next sample; a burst stays while frames of it are open. */
  #moveOn(entry, after) {
    entry.asked = this.#follower ? entry.asked : this.session.followersOf(after);
    const at = this.#follower ? entry.asked.indexOf(this.#follower) + 1 : 0;
    this.#askFollowUp(entry.asked[at] ?? null);
    this.#isFrameOnly = false;
    if (this.#follower || !this.held.isSettled(entry)) return;
    this.held.advance();
    this.supply.refill();
  }

  #undo() {
    const step = this.session.history.undo();
    if (!step) return;
    if (!this.#boxing?.returned(step.subjects)) this.#returnTo(step.subjects);
    this.#acknowledge(this.texts.takenBack);
  }

  #redo() {
    const step = this.session.history.redo();
    if (!step) return;
    const { subjects } = step;
    if (!this.#boxing?.returned(subjects)) {
      this.session.pace.count(subjects.length);
      this.#returnTo(subjects);
      this.#moveOn(this.held.current, subjects[0].stands); // as the decision itself did: the next key is for what comes next
    }
    this.#acknowledge(this.session.say(subjects[0].stands));
  }

  /** Show the sample again that a step back or forward was about, with the question it was about. */
  #returnTo(subjects) {
    const { held, session } = this;
    const [subject] = subjects;
    if (!subject.isDone) session.pace.count(-subjects.length);
    held.goTo(held.showing(subject.sample) ?? subject);
    const shown = new Set([held.current, ...held.current.burst]);
    this.#about = [...shown].filter(({ sample }) => subjects.some((each) => each.sample === sample));
    this.#askFollowUp(session.followers.find(({ key }) => key === subject.question) ?? null);
  }

  takeSuggestion(number, meant) {
    const entry = this.held.current;
    if (!entry) return this.nothingYet();
    const suggestion = this.#suggested[number - 1];
    if (suggestion) this.choose(suggestion[0], meant);
    else this.session.notify(this.#noSuggestion(entry));
  }

  #takeDigit(meant) {
    const entry = this.held.current;
    if (!entry) return this.nothingYet();
    const place = meant.digit === 0 ? 10 : meant.digit;
    if (this.#suggested.length) {
      this.takeSuggestion(place, meant);
      return;
    }
    const id = this.panel.at(place);
    if (id !== null) this.choose(id, meant);
  }

  async createClass(name) {
    return this.#follower ? { detail: this.texts.cannotCreate } : super.createClass(name);
  }

  // --- what a person sees -------------------------------------------------------------------------

  #acknowledge(name) {
    this.render();
    this.session.notify("");
    this.session.acknowledge(name, this.spoken());
  }

  spoken() {
    const entry = this.held.current;
    const { session, texts } = this;
    if (!entry) return this.emptyText();
    const shown = this.#suggested.map(([id, p], at) => `${at + 1} ${session.name(id)} ${Math.round(p * 100)} %`);
    const list = shown.length ? format(texts.suggested, { list: shown.join(", ") }) : "";
    if (this.#follower) return `${format(texts.followUp, { text: this.#follower.text })} ${list}`.trim();
    const suggestions = list || this.#noSuggestion(entry);
    const n = entry.burst.length;
    const burst = this.isSequence && n > 1 ? format(texts.frames, { n }) : "";
    return [format(texts.nextImage, { id: entry.sample, reason: entry.reason, suggestions }), burst].join(" ").trim();
  }

  #noSuggestion(entry) {
    const { boot, isHidden } = this.session;
    if (!boot.show_suggestions) return this.texts.hiddenByProject;
    if (entry.blind) return this.texts.blind;
    return isHidden && entry.suggestions.length ? this.texts.hidden : this.texts.noneYet;
  }

  covers() {
    const n = this.held.current ? this.#subjects().length : 0;
    if (this.#isFrameOnly) return this.texts.frameAlone;
    return n > 1 ? format(this.texts.frameAll, { n }) : "";
  }

  frameState(frame) {
    const { stands } = frame;
    if (stands) return { text: this.session.say(stands), colour: this.session.colour(stands.classes[0]) };
    const isTheirs = this.isSequence && !frame.mine && frame !== this.held.current;
    return isTheirs ? { text: this.texts.theirs, isClosed: true } : null;
  }

  render() {
    const entry = this.held.current;
    this.viewer.show(entry);
    this.#boxing?.show();
    this.#showPanel(entry);
    fill(byId("question"), this.question.text);
    fill(byId("reason"), entry?.reason ?? "");
    byId("reason").dataset.blind = String(Boolean(entry?.blind));
    fill(byId("path"), entry?.path ?? "");
    this.showMessage();
    if (entry?.isDone && !this.#follower) {
      this.session.notify(format(this.texts.previous, { name: this.session.say(entry.stands) }));
    }
    this.#renderAround();
  }

  /** What nobody waits for: the image and what may be said of it are painted first. */
  #renderAround = afterPaint(() => {
    const { held, panel, session, strip, viewer } = this;
    viewer.refresh();
    strip.show(held.entries, held.index);
    this.showButtons(held.current);
    session.showNumbers();
    panel.showCounts(this.#follower ? new Map() : session.tally.counts);
    this.#speaking?.show(held.current, this.#follower ? null : (this.#suggested[0]?.[0] ?? null));
    viewer.prepare(held.entries, held.index);
  });

  #showPanel(entry) {
    const note = byId("no-suggestion");
    if (!entry) {
      this.panel.show(null, { note, isDigitForClass: false });
      return;
    }
    const suggestions = this.#suggested;
    const shown = { ...this.#gathering, stands: this.#standing, suggestions };
    this.panel.show(shown, { note, isDigitForClass: !suggestions.length });
    if (!suggestions.length) fill(note, this.#follower ? "" : this.#noSuggestion(entry));
  }

  showButtons(entry) {
    super.showButtons(entry);
    const { boot, isHidden } = this.session;
    buttonOf("confirm").hidden = !this.question.multi_label;
    buttonOf("accept").disabled = !this.#suggested.length;
    const only = buttonOf("this_frame");
    only?.setAttribute("aria-pressed", String(this.#isFrameOnly));
    only?.toggleAttribute("disabled", !(entry?.burst.length > 1));
    const hide = buttonOf("hide_suggestions");
    hide.hidden = !boot.show_suggestions;
    hide.setAttribute("aria-pressed", String(isHidden));
  }

  showMessage() {
    super.showMessage();
    const { state, pool } = this.supply;
    const hasEntry = Boolean(this.held.current);
    const bar = byId("stage-progress");
    bar.hidden = hasEntry || state !== "preparing" || !(pool?.embedded < pool?.total);
    if (!bar.hidden) Object.assign(bar, { max: Math.max(1, pool.total), value: pool.embedded });
    byId("stage-links").hidden = hasEntry || !["finished", "preparing"].includes(state);
  }

  emptyText() {
    return whyNone(this.supply, this.texts, this.ask.only);
  }
}

const label = new Label();
label.session.listen(label.commands);
label.start();
