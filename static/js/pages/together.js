// All questions of a project in one queue: one image after the other, each asked what is doubtful about it.

import { format } from "../core/texts.js";
import { askedOf, defaultOf, letOf, nextOf, settle, subjectOf } from "../core/together.js";
import { afterPaint, build, buttonOf, byId, fill } from "../parts/dom.js";
import { SampleScreen } from "../parts/sample_screen.js";

class Together extends SampleScreen {
  #key = null; // of the question in view
  #shown = null; // the question whose classes the panel shows

  constructor() {
    super({ suggestions: byId("suggestions") });
    this.session.outbox.addEventListener("answer", ({ detail }) => this.supply.hear(detail.round));
  }

  answered({ isFreshRound, pool }) {
    const { held, session, supply, viewer } = this;
    session.showNumbers({ pool, round: supply.round });
    if (isFreshRound) session.showBanner(supply.round.number);
    const isFirst = viewer.inView === null;
    if (isFirst) this.#key = null;
    this.render();
    if (isFirst && held.current) session.announce(this.spoken());
  }

  // --- what is asked --------------------------------------------------------------------------------

  get #questions() {
    return this.session.followers;
  }

  /** The question in view: the one gone back to, else the first of this sample that isn't decided. */
  get question() {
    const entry = this.held.current;
    if (!entry) return this.main;
    const asked = askedOf(entry, this.#questions);
    const key = asked.includes(this.#key) ? this.#key : (nextOf(entry, this.#questions) ?? asked[0]);
    return this.#questions.find((each) => each.key === key) ?? this.main;
  }

  get #subject() {
    return subjectOf(this.held.current, this.question.key);
  }

  /** What the head thinks, as far as the person wants to know. */
  get #suggested() {
    return this.held.current && !this.session.isHidden ? (this.#subject.suggestions ?? []) : [];
  }

  /** What is let stand of the sample in view: nothing that the person doesn't see. */
  get #let() {
    const entry = this.held.current;
    return entry && !this.session.isHidden ? letOf(entry, this.#questions) : [];
  }

  get likely() {
    return this.#suggested.map(([id]) => id);
  }

  leave() {
    this.#key = null;
  }

  // --- what a person can do -----------------------------------------------------------------------

  get commands() {
    const { held, session } = this;
    return {
      ...super.commands,
      resume: () => this.goTo(held.ahead()[0]),
      skip: () => this.decide("skip", []),
      unsure: () => this.decide("unsure", []),
      undo: () => this.#step(session.history.undo(), () => this.texts.takenBack),
      redo: () => this.#step(session.history.redo(), ({ stands }) => session.say(stands)),
      accept: () => this.takeSuggestion(1),
      confirm: () => this.#confirm(),
      ask_all: () => this.#askAll(),
      hide_suggestions: () => {
        session.hideSuggestions(!session.isHidden);
        this.render();
      },
      digit: ({ digit }) => this.#takeDigit(digit === 0 ? 10 : digit),
    };
  }

  choose(id) {
    if (!this.held.current) return this.nothingYet();
    if (!this.question.multi_label) {
      this.decide("answer", [id]);
      return;
    }
    const subject = this.#subject;
    subject.draft ??= new Set(subject.stands?.classes);
    if (!subject.draft.delete(id)) subject.draft.add(id);
    this.session.notify("");
    this.render();
  }

  #confirm() {
    if (!this.held.current || !this.question.multi_label) return;
    const chosen = [...(this.#subject.draft ?? this.#subject.stands?.classes ?? [])];
    if (chosen.length) this.decide("answer", chosen);
    else this.session.notify(this.texts.noClass);
  }

  decide(verdict, classes) {
    const entry = this.held.current;
    if (!entry) return this.nothingYet();
    if (verdict === "answer" && !this.viewer.isVisible) {
      this.session.notify(this.texts.notShown); // nobody can judge what isn't there
      return;
    }
    const subject = this.#subject;
    const after = { verdict, classes, dwell_ms: this.viewer.dwell };
    this.session.history.decide(this.#withDefaults(entry, subject, after));
    if (verdict === "answer") this.session.pace.count(1);
    this.#moveOn(entry);
    this.#acknowledge(this.session.say(after));
  }

  /** The decision, and with the last of a sample, where it is an answer, what is let stand: one step, taken back as one. */
  #withDefaults(entry, subject, after) {
    const before = { stands: subject.stands, isDone: subject.isDone };
    Object.assign(subject, { stands: after, isDone: true }); // as it will be: what follows depends on it
    const isLast = nextOf(entry, this.#questions) === null;
    const keys = isLast && after.verdict === "answer" ? this.#let : [];
    Object.assign(subject, before);
    const defaults = keys.map((key) => ({
      subject: defaultOf(entry, key),
      after: { verdict: "answer", classes: [entry.defaults[key].class], dwell_ms: after.dwell_ms },
    }));
    return [{ subject, after }, ...defaults.filter((each) => !each.subject.stands)];
  }

  /** To the next question of this sample, else to the next sample. */
  #moveOn(entry) {
    this.#key = null;
    settle(entry, this.#questions);
    if (!entry.isDone) return;
    this.held.advance();
    this.supply.refill();
  }

  /** What was taken back, or decided again, is in view with its question. */
  #step(step, words) {
    if (!step) return;
    const [subject] = step.subjects;
    const entry = subject.of;
    settle(entry, this.#questions);
    this.held.goTo(this.held.find(entry.sample) ?? entry);
    this.session.pace.count(subject.isDone ? 1 : -1);
    if (subject.isDone) this.#moveOn(entry);
    else this.#key = subject.question;
    this.#acknowledge(words(subject));
  }

  /** Ask also what would be let stand of this sample. */
  #askAll() {
    const entry = this.held.current;
    if (!entry) return this.nothingYet();
    const [first] = this.#let;
    if (!first) {
      this.session.notify(this.texts.noneLet);
      return;
    }
    entry.isAskedAll = true;
    settle(entry, this.#questions);
    this.#key = entry.followers.get(this.question.key)?.isDone ? first : this.question.key;
    this.render();
    this.session.announce(this.spoken());
  }

  takeSuggestion(number) {
    if (!this.held.current) return this.nothingYet();
    const suggestion = this.#suggested[number - 1];
    if (suggestion) this.choose(suggestion[0]);
    else this.session.notify(this.#noSuggestion(this.held.current));
  }

  #takeDigit(place) {
    if (!this.held.current) return this.nothingYet();
    if (this.#suggested.length) {
      this.takeSuggestion(place);
      return;
    }
    const id = this.panel.at(place);
    if (id !== null) this.choose(id);
  }

  async createClass(name) {
    const { question, session } = this;
    if (!question.key) return { detail: this.texts.cannotCreate };
    const { data } = await session.post(session.boot.urls.classes[question.key], { name });
    if (!data?.class) return { detail: data?.detail };
    question.classes.add(data.class);
    this.panel.addClass(data.class);
    return { row: data.class };
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
    const list = shown.length ? format(texts.suggested, { list: shown.join(", ") }) : this.#noSuggestion(entry);
    const isFirst = askedOf(entry, this.#questions)[0] === this.question.key;
    const image = format(texts.nextImage, { id: entry.sample, reason: entry.reason, suggestions: "" });
    const let_ = this.#let.map((key) => this.#inWords(entry, key)).join(", ");
    const stands = let_ ? format(texts.letStand, { list: let_ }) : "";
    return [isFirst ? image : "", this.question.text, list, stands].filter(Boolean).join(" ");
  }

  #inWords(entry, key) {
    const { class: id, p } = entry.defaults[key];
    const { text } = this.#questions.find((each) => each.key === key);
    return `${text} ${this.session.name(id)} ${Math.floor(p * 100)} %`;
  }

  #noSuggestion(entry) {
    if (entry.blind) return this.texts.blind;
    return this.session.isHidden ? this.texts.hidden : this.texts.noneYet;
  }

  render() {
    const entry = this.held.current;
    const { question, session, texts } = this;
    this.viewer.show(entry);
    if (question !== this.#shown) {
      this.panel.setQuestion(question);
      this.#shown = question;
    }
    this.#showPanel(entry);
    fill(byId("question"), question.text);
    fill(byId("reason"), entry?.reason ?? "");
    byId("reason").dataset.blind = String(Boolean(entry?.blind));
    fill(byId("path"), entry?.path ?? "");
    this.showMessage();
    this.#showDefaults(entry);
    const subject = entry && this.#subject;
    if (subject?.isDone) session.notify(format(texts.previous, { name: session.say(subject.stands) }));
    this.#renderAround();
  }

  #renderAround = afterPaint(() => {
    const { held, panel, session, strip, viewer } = this;
    viewer.refresh();
    strip.show(held.entries, held.index);
    this.showButtons(held.current);
    session.showNumbers();
    panel.showCounts(session.tally.counts);
    viewer.prepare(held.entries, held.index);
  });

  #showPanel(entry) {
    const note = byId("no-suggestion");
    if (!entry) {
      this.panel.show(null, { note, isDigitForClass: false });
      return;
    }
    const suggestions = this.#suggested;
    this.panel.show({ ...this.#subject, suggestions }, { note, isDigitForClass: !suggestions.length });
    if (!suggestions.length) fill(note, this.#noSuggestion(entry));
  }

  #showDefaults(entry) {
    const keys = this.#let;
    byId("defaults").hidden = !keys.length;
    byId("default-list").replaceChildren(
      ...keys.map((key) => {
        const dot = build("span", { class: "dot" });
        dot.style.backgroundColor = this.session.colour(entry.defaults[key].class) ?? "";
        return build("li", { "data-testid": "default", "data-question": key }, [dot, this.#inWords(entry, key)]);
      }),
    );
  }

  showButtons(entry) {
    super.showButtons(entry);
    buttonOf("confirm").hidden = !this.question.multi_label;
    buttonOf("accept").disabled = !this.#suggested.length;
    buttonOf("hide_suggestions").setAttribute("aria-pressed", String(this.session.isHidden));
  }

  emptyText() {
    const { supply, texts } = this;
    if (supply.isTroubled) return supply.refusal || texts.noServer;
    if (supply.state === null) return texts.loading;
    if (supply.message) return supply.message;
    return supply.state === "finished" ? texts.finished : texts.waiting;
  }
}

const together = new Together();
together.session.listen(together.commands);
together.start();
