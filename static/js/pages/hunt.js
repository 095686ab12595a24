// Hunt mode: the likeliest pictures of a class, or what looks like an example, page by page. What was confirmed teaches
// the head, and the pages to come are fetched anew from a fresh hunt; the one in view never changes under the hand.

import { Hunting } from "../core/hunting.js";
import { byId } from "../parts/dom.js";
import { HuntView } from "../parts/hunt_view.js";
import { TileScreen } from "../parts/tile_screen.js";

const MOST = 40; // tiles: fewer than in the grid, so that the ranking follows sooner
const FEWEST = 20;
const FRESH_MS = 700; // after labels were saved, in which further ones share a hunt
const REMEMBERED = 1000; // passed over and not shown again: as many as a request may name
const LIKELY = 0.5; // share of a page from which on people mark what is not the class

class Hunt extends TileScreen {
  #marks = "are"; // what a mark means: "are" of the class, or "not"
  #rest = null; // the class of what isn't marked, where marks are "are"; null = it stays open
  #isMarksChosen = false; // by the person, or by the first page that was decided
  #passed = []; // sample ids passed over, the newest last

  constructor() {
    super({
      mode: "hunt",
      url: "hunt_tiles",
      most: MOST,
      fewest: FEWEST,
      isOver: ({ state }) => state !== "hunting",
      sizes: ["hunt"],
      freshMs: FRESH_MS,
      leaveOut: (subject) => {
        subject.isPassed = true;
      },
    });
    const { session, supply, tiles } = this;
    this.hunting = new Hunting({ session, supply, without: () => this.#without });
    this.view = new HuntView({
      session,
      tiles,
      supply,
      hunting: this.hunting,
      look: () => ({ page: this.pages.current, marks: this.#marks, rest: this.#rest }),
      whyNot: () => this.whyNot(),
      onClass: (id) => this.choose(id),
      onExample: (sample) => this.begin({ class: this.hunting.aim.class, like: [sample] }),
      onWords: (text) => this.begin({ class: null, like: [], text }),
      onMarks: (meaning) => this.#mean(meaning),
      onRest: (id) => {
        this.#rest = id;
        this.render();
      },
    });
    this.#hear();
  }

  #hear() {
    const { hunting } = this;
    hunting.addEventListener("arrived", () => this.prepare());
    hunting.addEventListener("change", () => {
      this.#remember();
      this.render();
    });
    hunting.addEventListener("ended", () => {
      if (!this.pages.current) this.announce(this.view.emptyText()); // else that page is finished first
    });
  }

  // --- hunting ------------------------------------------------------------------------------------

  get #without() {
    return this.#passed.slice(-REMEMBERED);
  }

  /** Hunt for something else; null leads back to the choice. */
  begin(aim) {
    this.pages.close();
    if (aim?.class !== this.hunting.aim?.class) this.#passed = [];
    this.#rest = null;
    this.#isMarksChosen = false;
    this.hunting.begin(aim);
    this.show();
  }

  /** The address says what is hunted, so that a reload goes on with it. */
  #remember() {
    const { aim } = this.hunting;
    const query = new URLSearchParams();
    if (aim?.class) query.set("class", String(aim.class));
    for (const sample of aim?.like ?? []) query.append("like", String(sample));
    if (aim?.text) query.set("text", aim.text);
    const wanted = query.size ? `?${query}` : "";
    if (location.search !== wanted) history.replaceState(null, "", wanted || location.pathname);
  }

  // --- pages --------------------------------------------------------------------------------------

  async prepare() {
    const { hunting, pages } = this;
    const { job } = hunting;
    if (!job) return;
    pages.next = null;
    const found = await this.supply.next({ job, without: this.#without });
    if (!found || job !== hunting.job) return;
    if (!found.subjects.length) {
      if (!pages.current) hunting.end("over");
      return;
    }
    pages.expect(found.subjects, { target: hunting.aim.class });
    await this.arrived();
  }

  /** What was saved teaches the head: the pages to come are hunted anew, quietly. */
  refreshPages() {
    const { hunting } = this;
    if (hunting.aim && hunting.isNews) hunting.renew();
  }

  turn() {
    super.turn();
    if (!this.pages.current) this.prepare(); // the one that is on its way may hold what was just passed over
  }

  turned(page) {
    if (!this.#isMarksChosen) this.#marks = (this.view.purity(page) ?? 0) >= LIKELY ? "not" : "are";
  }

  // --- what a person can do -----------------------------------------------------------------------

  get commands() {
    return {
      ...super.commands,
      marks: () => this.#mean(this.#marks === "are" ? "not" : "are"),
      more_like: () => this.#more(),
      restart: () => this.begin(null),
      again: () => this.begin({ ...this.hunting.aim }),
    };
  }

  #more() {
    const page = this.pages.current;
    const { current } = this.tiles;
    if (page && current) this.begin({ class: page.target, like: [current.sample] });
  }

  get likely() {
    const { aim } = this.hunting;
    return aim?.class ? [aim.class] : [];
  }

  /** A class was named: the marked tiles are of it, or the examples are, or it is what to hunt for. */
  choose(id) {
    const { aim, ended } = this.hunting;
    if (this.tiles.selected.length) {
      this.decideSelected({ verdict: "answer", classes: [id] });
    } else if (aim && aim.class === null) {
      for (const page of this.pages.all) page.target = id;
      this.hunting.name(id);
      this.session.notify("");
      this.view.draw();
      this.session.announce(this.view.spoken());
    } else if (id !== aim?.class || aim.like.length || aim.text || ended) {
      this.begin({ class: id, like: [] });
    }
  }

  /** Say what a mark means from now on. What is marked already goes on meaning the same. */
  #mean(meaning) {
    const { tiles } = this;
    if (!this.hunting.aim || meaning === this.#marks) return;
    this.#marks = meaning;
    this.#isMarksChosen = true;
    if (tiles.selected.length) for (const subject of tiles.open) subject.isSelected = !subject.isSelected;
    tiles.refresh();
    this.view.draw();
    this.session.announce(byId("marks-say").textContent);
  }

  /** What of the page in view is of the class, and what isn't, as far as the marks say. */
  get #sides() {
    const { selected, unselected } = this.tiles;
    return this.#marks === "are" ? [selected, unselected] : [unselected, selected];
  }

  /** Why Enter does nothing now. */
  whyNot() {
    const page = this.pages.current;
    const { texts, tiles } = this;
    if (!page) return this.view.emptyText();
    const [it] = this.#sides;
    if (page.target === null && it.length) return texts.noTarget;
    if (this.#marks === "not" && !tiles.loaded) return texts.notLoaded;
    return this.whyUnseen();
  }

  /** Take what is of the class; what isn't gets the class of the rest, or is passed over, or waits to be named. */
  take() {
    const { target } = this.pages.current;
    const [it, others] = this.#sides;
    const isRest = this.#marks === "are" && this.#rest !== null;
    const isLeft = this.#marks === "are" ? this.#rest === null : !it.length;
    const passed = isLeft ? others : [];
    const answer = (id) => (subject) => ({ subject, after: { verdict: "answer", classes: [id] } });
    const decisions = [...it.map(answer(target)), ...(isRest ? others.map(answer(this.#rest)) : [])];
    this.decide(decisions, passed);
    this.tell(this.texts.taken, { n: decisions.length, name: this.view.name, m: passed.length });
    this.afterwards();
  }

  decide(decisions, passed) {
    super.decide(decisions, passed);
    this.#isMarksChosen = true;
  }

  pass(subjects) {
    this.#setPassed(subjects, true);
  }

  #setPassed(subjects, isPassed) {
    const ids = new Set(subjects.map(({ sample }) => sample));
    for (const subject of subjects) subject.isPassed = isPassed;
    this.#passed = this.#passed.filter((sample) => !ids.has(sample));
    if (isPassed) this.#passed.push(...ids);
  }

  get note() {
    return { aim: this.hunting.aim };
  }

  counted(subjects, passed, isDone) {
    this.#setPassed(passed, isDone);
    this.hunting.isNews ||= subjects.length > 0;
  }

  tellAgain(subjects, { passed }) {
    const name = subjects.length ? this.session.say(subjects[0].stands) : this.texts.left;
    this.tell(this.texts.taken, { n: subjects.length, name, m: passed.length });
  }

  /** Go back to the hunt of that page, where it is an earlier one. */
  reopen({ page, aim }) {
    for (const subject of page.subjects) subject.isGone = false;
    if (aim.class === this.hunting.aim?.class) return;
    this.pages.next = null;
    this.#rest = null;
    this.hunting.begin(aim);
  }
}

const hunt = new Hunt();
hunt.session.listen(hunt.commands);

const query = new URLSearchParams(location.search);
const like = query.getAll("like").map(Number).filter(Number.isSafeInteger);
const id = Number(query.get("class"));
const named = hunt.session.classes.get(id) ? id : null;
const text = hunt.session.boot.reads_texts && !like.length ? (query.get("text") ?? "") : "";
hunt.begin(named !== null || like.length || text ? { class: named, like, text } : null);
