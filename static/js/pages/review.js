// Review mode: what people said of an image, and what should stand.

import { choicesOf } from "../core/choices.js";
import { format } from "../core/texts.js";
import { Answers } from "../parts/answers.js";
import { build, button, buttonOf, byId, fill, number } from "../parts/dom.js";
import { SampleScreen } from "../parts/sample_screen.js";

const MOST_PASSED = 1000;

const givenOf = (entry) => choicesOf(entry).filter(({ isHeads }) => !isHeads);

class Review extends SampleScreen {
  #waiting = { left: null, done: 0 }; // what the server last said waits, and how many were decided here by then
  #plainKeep = byId("keep-text").textContent;
  #answers;

  constructor() {
    super({ mode: "review", url: "review_next", suggestions: build("div") }); // they are among the answers
    this.ask.passed = [];
    const { session, texts } = this;
    this.#answers = new Answers(byId("answers"), {
      name: (classes) => this.#names(classes),
      colour: (id) => session.colour(id),
      who: (given) => this.#who(given),
      texts,
      onPick: (number, event) => session.clicked(event, () => this.#takeAnswer(number)),
    });
    byId("stage-message").append(
      button(texts.again, () => this.#passedAgain(), { id: "stage-again", class: "button primary", hidden: "" }),
    );
  }

  answered({ pool }) {
    const { held, session, supply, viewer } = this;
    session.showNumbers({ pool, round: supply.round });
    for (const entry of held.entries) {
      // Undo brings a label of one's own back as it was given.
      if (entry.stands && !entry.isDone) entry.stands.mode ??= entry.given.find(({ mine }) => mine)?.mode;
    }
    const unsaved = session.outbox.samples;
    const saved = held.entries.filter((entry) => entry.isDone && !unsaved.has(entry.sample)).length;
    this.#waiting = { left: supply.answer.left, done: saved };
    const shown = () => viewer.inView?.sample ?? this.emptyText();
    const before = shown();
    this.render();
    // What wasn't said with the last decision: the first image, or that there is none left.
    if (before !== shown()) session.announce(this.spoken());
  }

  // --- what a person can do -----------------------------------------------------------------------

  get commands() {
    return {
      ...super.commands,
      keep: () => this.#keep(),
      ignore: () => this.decide("ignore", []),
      unsure: () => this.decide("unsure", []),
      skip: () => this.#pass(),
      undo: () => this.#undo(),
      redo: () => this.#redo(),
      accept: () => {
        const [top] = this.held.current?.suggestions ?? [];
        if (top) this.choose(top[0]);
        else this.session.notify(this.texts.noOpinion);
      },
      digit: ({ digit }) => this.#takeAnswer(digit === 0 ? 10 : digit),
    };
  }

  get likely() {
    return (this.held.current?.suggestions ?? []).map(([id]) => id);
  }

  /** The answer that stands as it is: what was picked of several classes, else the only one that was given. */
  #kept(entry) {
    if (entry.draft?.size) return [...entry.draft];
    const given = givenOf(entry);
    return given.length === 1 ? given[0].classes : null;
  }

  #keep() {
    const entry = this.held.current;
    if (!entry) return this.nothingYet();
    const classes = this.#kept(entry);
    if (classes) this.decide("answer", classes);
    else this.session.notify(givenOf(entry).length ? this.texts.chooseOne : this.texts.nothingToKeep);
  }

  #takeAnswer(number) {
    if (!this.held.current) return this.nothingYet();
    const choice = choicesOf(this.held.current)[number - 1];
    if (choice) this.decide("answer", choice.classes);
  }

  choose(id) {
    const entry = this.held.current;
    if (!entry) return this.nothingYet();
    if (!this.main.multi_label) {
      this.decide("answer", [id]);
      return;
    }
    entry.draft ??= new Set(entry.stands?.classes ?? this.#kept(entry) ?? []);
    if (!entry.draft.delete(id)) entry.draft.add(id);
    this.session.notify("");
    this.render();
  }

  decide(verdict, classes) {
    const entry = this.held.current;
    const { session, viewer } = this;
    if (!entry) return this.nothingYet();
    if (verdict !== "unsure" && !viewer.isVisible) {
      session.notify(this.texts.notShown); // nobody can judge what isn't there
      return;
    }
    const after = { verdict, classes, dwell_ms: viewer.dwell };
    session.history.decide([{ subject: entry, after }]);
    session.pace.count(1);
    this.#moveOn(session.say(after));
  }

  /** Say nothing of it now: it goes back, for later or for another reviewer. */
  #pass() {
    const entry = this.held.current;
    const { ask, session } = this;
    if (!entry || entry.isDone) return;
    ask.passed = [...ask.passed, entry.sample].slice(-MOST_PASSED);
    this.held.forget(new Set([entry.sample]), new Set());
    session.post(session.boot.urls.release, { samples: [entry.sample] });
    this.supply.refill();
    this.#acknowledge(this.texts.passed);
  }

  #passedAgain() {
    this.ask.passed = [];
    this.supply.refill();
  }

  #moveOn(text) {
    this.held.advance();
    this.supply.refill();
    this.#acknowledge(text);
  }

  #undo() {
    const step = this.session.history.undo();
    if (!step) return;
    this.session.pace.count(-1);
    this.held.goTo(step.subjects[0]);
    this.#acknowledge(this.texts.takenBack);
  }

  #redo() {
    const step = this.session.history.redo();
    if (!step) return;
    const [subject] = step.subjects;
    this.session.pace.count(1);
    this.held.goTo(subject);
    this.#moveOn(this.session.say(subject.stands));
  }

  // --- what a person sees -------------------------------------------------------------------------

  #acknowledge(name) {
    const { session, texts } = this;
    this.render();
    session.notify("");
    fill(byId("last"), format(texts.last, { name }));
    session.announce(`${format(texts.reviewed, { name, left: this.#left ?? "" })} ${this.spoken()}`);
  }

  #names(classes) {
    return classes.map((id) => this.session.name(id)).join(", ");
  }

  /** Who gave an answer, in words. */
  #who({ annotator, mine }) {
    if (mine) return this.texts.you;
    return annotator || this.texts.imported;
  }

  /** @param {Entry} entry */
  #why({ why }) {
    return this.texts[`why${why[0].toUpperCase()}${why.slice(1)}`] ?? "";
  }

  /** How many wait, less those decided since the server counted. */
  get #left() {
    const { left, done } = this.#waiting;
    const decided = this.held.entries.filter(({ isDone }) => isDone).length;
    return left === null ? null : Math.max(0, left - (decided - done));
  }

  /** What is known of an image besides answers: who was unsure, what flags say. */
  #remarks(entry) {
    const unsure = entry.given
      .filter(({ verdict }) => verdict !== "answer")
      .map((each) => ({ name: this.#who(each), text: this.session.say(each) }));
    const notes = entry.flags.map(({ author, note }) => ({
      name: author,
      text: note || this.texts.noNote,
      isNote: true,
    }));
    return [...unsure, ...notes];
  }

  spoken() {
    const entry = this.held.current;
    const { texts } = this;
    if (!entry) return this.emptyText();
    const list = choicesOf(entry).map(({ classes, by }, at) =>
      format(texts.spokenAnswer, {
        n: at + 1,
        name: this.#names(classes),
        who: by.length ? by.map((given) => this.#who(given)).join(", ") : texts.head,
      }),
    );
    const remarks = this.#remarks(entry).map((each) => `${format(texts.remark, each)}.`);
    return format(texts.spoken, {
      id: entry.sample,
      why: this.#why(entry),
      answers: list.join(" ") || texts.noAnswer,
      remarks: remarks.join(" "),
    }).trim();
  }

  render() {
    const { held, panel, session, strip, viewer } = this;
    const entry = held.current;
    viewer.show(entry);
    panel.show(entry, { note: build("p"), isDigitForClass: false });
    strip.show(held.entries, held.index);
    fill(byId("reason"), entry ? this.#why(entry) : "");
    byId("reason").dataset.why = entry?.why ?? "";
    fill(byId("left"), this.#left === null ? "–" : number(this.#left));
    fill(byId("path"), entry?.path ?? "");
    this.#showAnswers(entry);
    this.showMessage();
    this.showButtons(entry);
    session.showNumbers();
    panel.showCounts(session.tally.counts);
    if (entry?.isDone) session.notify(format(this.texts.previous, { name: session.say(entry.stands) }));
    viewer.prepare(held.entries, held.index);
  }

  #showAnswers(entry) {
    const choices = entry ? choicesOf(entry) : [];
    this.#answers.show(choices, entry?.isDone ? entry.stands?.classes : null);
    const rows = entry ? this.#remarks(entry) : [];
    if (entry && !choices.length) rows.unshift({ name: "", text: this.texts.noAnswer });
    byId("remarks").replaceChildren(
      ...rows.map(({ name, text, isNote }) =>
        build("li", { class: isNote ? "note" : null }, [
          ...(name ? [build("strong", {}, [name]), " "] : []),
          build(isNote ? "q" : "span", {}, [text]),
        ]),
      ),
    );
  }

  showButtons(entry) {
    super.showButtons(entry);
    const classes = entry ? this.#kept(entry) : null;
    buttonOf("keep").disabled = !classes;
    fill(byId("keep-text"), this.#keepText(entry, classes));
  }

  #keepText(entry, classes) {
    if (!entry) return this.#plainKeep;
    if (classes) return format(this.texts.keep, { name: this.#names(classes) });
    const given = givenOf(entry).length;
    return given ? format(this.texts.keepChoice, { n: given }) : this.texts.keepNone;
  }

  showMessage() {
    super.showMessage();
    const hasEntry = Boolean(this.held.current);
    const hasPassed = this.ask.passed.length > 0;
    byId("stage-links").hidden = hasEntry || this.supply.state !== "finished" || hasPassed;
    byId("stage-again").hidden = hasEntry || !hasPassed;
  }

  emptyText() {
    const { supply, texts } = this;
    if (supply.isTroubled) return supply.refusal || texts.noServer;
    if (supply.state === null) return texts.loading;
    if (supply.state !== "finished") return texts.waiting;
    if (this.ask.passed.length) return texts.allPassed;
    return this.#left ? texts.othersReview : texts.allReviewed;
  }
}

const review = new Review();
review.session.listen(review.commands);
review.start();
