// Grid mode: pages of tiles that probably are of one class. The odd ones out are selected, Enter confirms the rest.

import { GridView } from "../parts/grid_view.js";
import { TileScreen } from "../parts/tile_screen.js";

const MOST = 60;
const FEWEST = 40; // also where they are too many to be seen at once
const FRESH_MS = 2500; // after labels were saved: by then their round is there, and the page to come is of it
const REMEMBERED = 120; // outliers left undecided that don't come again

class Grid extends TileScreen {
  #passed = []; // subjects left undecided: held on to, so that they don't come again at once
  #decided = new Map(); // what was decided since the groups were counted: subject -> group
  #fetchedRound = 0;

  constructor() {
    super({ mode: "grid", url: "grid_tiles", most: MOST, fewest: FEWEST, sizes: [], freshMs: FRESH_MS });
    this.view = new GridView({
      session: this.session,
      tiles: this.tiles,
      supply: this.supply,
      page: () => this.pages.current,
      left: (group) => this.#left(group),
      whyNot: () => this.whyNot(),
      onClass: (id) => this.choose(id),
      onGroup: (group) => this.#turnTo({ group: group.id }),
    });
    this.supply.addEventListener("change", () => this.#hear(this.supply.round));
  }

  #hear(round) {
    if (round?.number > this.#fetchedRound && this.#fetchedRound) this.session.showBanner(round.number);
    this.#fetchedRound = round?.number ?? this.#fetchedRound;
    const unsaved = this.session.outbox.samples;
    this.#decided = new Map([...this.#decided].filter(([{ sample }]) => unsaved.has(sample)));
  }

  /** How many of a group nobody has decided on, as far as is known here. */
  #left(group) {
    const isIts = (each) => each.id === group.id || (group.class !== null && each.class === group.class);
    return Math.max(0, group.left - Array.from(this.#decided.values()).filter(isIts).length);
  }

  // --- pages --------------------------------------------------------------------------------------

  get held() {
    return [...this.pages.held, ...this.#passed.filter(({ isDone }) => !isDone)];
  }

  /** @param {{ group?: string, class?: number }} asked */
  async prepare(asked = this.#sameAgain) {
    this.pages.next = null;
    await this.session.outbox.ready(); // what earlier pages left unsaved is held by nobody else
    const found = await this.supply.next(asked);
    if (!found) return;
    const { group, subjects } = found;
    const { current } = this.pages;
    const target = group.class ?? (group.id === current?.group.id ? current.target : null);
    this.pages.expect(subjects, { group, target });
    await this.arrived();
  }

  get #sameAgain() {
    const group = this.pages.current?.group;
    return { group: group?.id, class: group?.class };
  }

  refreshPages() {
    if (this.pages.current) this.prepare();
  }

  /** Leave this page for another group or class; what is not decided on it is given back. */
  #turnTo(asked) {
    this.pages.close();
    this.show();
    this.prepare(asked);
  }

  // --- what a person can do -----------------------------------------------------------------------

  get likely() {
    const target = this.pages.current?.target;
    return target ? [target] : [];
  }

  /** A class was named: the selected tiles are of it, or else it is what the page is to be of. */
  choose(id) {
    const { pages, session, supply, tiles } = this;
    if (tiles.selected.length) {
      this.decideSelected({ verdict: "answer", classes: [id] });
      return;
    }
    const page = pages.current;
    const group = supply.groups.find((each) => each.class === id && this.#left(each) > 0);
    if (group && group.class !== page?.group.class) {
      this.#turnTo({ group: group.id, class: id });
      return;
    }
    if (!page && supply.state === null) this.#turnTo({ class: id }); // before any answer: the first page is to be of it
    if (!page) return;
    page.target = id;
    session.notify("");
    session.announce(this.view.spoken());
    this.render();
  }

  chooseBlank(id) {
    this.choose(id);
  }

  /** Why the rest can't be confirmed now. */
  whyNot() {
    const { pages, texts, tiles } = this;
    if (!pages.current) return this.view.emptyText();
    if (!tiles.unselected.length) return "";
    if (pages.current.target === null) return texts.noTarget;
    if (!tiles.loaded) return texts.notLoaded;
    return this.whyUnseen();
  }

  /** The rest is what the page is of; where only outliers are left, they stay undecided. */
  take() {
    const { target } = this.pages.current;
    const rest = this.tiles.unselected;
    if (!rest.length) {
      this.pass(this.tiles.selected);
      this.turn();
      return;
    }
    const after = { verdict: "answer", classes: [target] };
    this.decide(rest.map((subject) => ({ subject, after })));
    this.tell(this.texts.confirmed, { n: rest.length, name: this.session.say(after) });
    this.afterwards();
  }

  /** They are held on to for a while, and come again to somebody else, or later. */
  pass(subjects) {
    for (const subject of subjects) subject.isPassed = true;
    this.#passed = [...subjects, ...this.#passed].slice(0, REMEMBERED);
  }

  counted(subjects, _passed, isDone) {
    for (const subject of subjects) {
      if (isDone) this.#decided.set(subject, subject.page.group);
      else this.#decided.delete(subject);
    }
  }

  reopen({ page }) {
    for (const subject of page.subjects) subject.isPassed = false;
  }
}

const grid = new Grid();
grid.session.listen(grid.commands);
grid.render();
grid.prepare({});
