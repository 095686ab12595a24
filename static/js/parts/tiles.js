// Tiles: many samples side by side, of which some are selected. For the grid and for hunts.
//
//   const tiles = new Tiles(byId("tiles"), {
//     address: (sample, size) => session.address(sample, size),
//     state: (subject) => null, or {text, colour?} of what is decided: such a tile stays in its place, but faintly
//     texts,        // tile, tileSelected, tileBroken (see _tile_texts.html)
//     isOfTexts,    // whether texts stand in the tiles, and no pictures
//     scope,        // under which this person's tile size is remembered
//     onChange,     // selection, focus, what has been seen or loaded changed
//     leaveOut,     // (subject) that can't be shown, so that nobody decides on it; by default it is selected
//   });
//   tiles.show(subjects)     a page of them: held.js entryOf(…) with {sample, width, height, box, isSelected}
//   tiles.prepare(subjects)  builds and decodes the pictures of a page to come; resolves once they are there
//   tiles.refresh()          after subjects were decided, or that was taken back
//   tiles.open, .selected, .unselected, .current     subjects; what is decided is in none
//   tiles.seen, .loaded      how many of the open ones were really looked at, and whether all pictures are there
//   {...tiles.commands}      for session.listen
//
// `root` is role=grid inside an element that scrolls and has the class "tiles-stage".

import { remember, remembered } from "../core/memory.js";
import { format } from "../core/texts.js";
import { capacity, fitting, LISTED, STEPS } from "../core/tile_layout.js";
import { afterPaint, build } from "./dom.js";
import { roomIn, sized } from "./room.js";
import { TextCell } from "./text_cell.js";
import { TileCell } from "./tile_cell.js";
import { Seen } from "./tile_seen.js";

export class Tiles {
  #root;
  #options;
  #stage;
  #cells = new Map(); // subject -> TileCell
  #subjects = [];
  #coming = new Set(); // subjects of the page to come
  #columns = 1;
  #current = null; // the subject with tabindex 0
  #anchor = null; // where a range starts
  #step; // of the tile size, 0 = as large as fits
  #seen;

  constructor(root, options) {
    this.#root = root;
    this.#options = options;
    this.#stage = root.closest(".tiles-stage");
    this.#step = Math.min(STEPS, Number(remembered(this.#sizeKey)) || 0);
    this.#seen = new Seen(this.#stage, () => options.onChange());
    new ResizeObserver(() => this.layOut()).observe(this.#stage);
    root.addEventListener("click", (event) => this.#clicked(event));
    root.addEventListener("keydown", (event) => this.#key(event));
    root.addEventListener("focusin", (event) => this.#focused(event));
    this.#stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    addEventListener("online", () => this.retry());
  }

  // --- what is shown --------------------------------------------------------------------------------

  /** Show these, the first open one in focus; what was seen before counts no more. */
  show(subjects) {
    this.#subjects = subjects;
    this.#coming = new Set();
    this.#anchor = null;
    this.#forget();
    this.#seen.watch(subjects.map((subject) => this.#cell(subject)));
    this.#current = this.open[0] ?? null;
    this.#stage.scrollTop = 0;
    this.#columns = 0;
    this.layOut();
    this.refresh();
  }

  /** Fetch and decode the pictures of a page to come; resolves once they are there. */
  async prepare(subjects) {
    this.#coming = new Set(subjects);
    this.#forget();
    await Promise.all(subjects.map((subject) => this.#cell(subject).promise));
  }

  /** Draw anew what may have changed in the subjects. */
  refresh() {
    if (!this.open.includes(this.#current)) this.#current = this.#nearestOpen();
    this.#subjects.forEach((subject, at) => this.#draw(subject, at));
    this.#options.onChange();
  }

  /** Try again to show what could not be shown. */
  retry() {
    for (const cell of this.#cells.values()) if (cell.isBroken) cell.fetch();
  }

  get open() {
    return this.#subjects.filter((subject) => !this.#options.state(subject));
  }

  get selected() {
    return this.open.filter(({ isSelected }) => isSelected);
  }

  get unselected() {
    return this.open.filter(({ isSelected }) => !isSelected);
  }

  get current() {
    return this.#current;
  }

  /** How many of the open tiles were in view for a moment, with their picture. */
  get seen() {
    return this.open.filter((subject) => this.#seen.has(this.#cells.get(subject))).length;
  }

  /** The first open tile that was not, to lead there. */
  get unseen() {
    return this.open.find((subject) => !this.#seen.has(this.#cells.get(subject))) ?? null;
  }

  /** Whether the pictures are there of all that isn't selected. */
  get loaded() {
    return this.unselected.every((subject) => this.#cells.get(subject).isReady);
  }

  #cell(subject) {
    let cell = this.#cells.get(subject);
    if (!cell) {
      const told = { address: this.#options.address, onChange: () => this.#arrived(subject, cell) };
      cell = this.#options.isOfTexts ? new TextCell(subject) : new TileCell(subject, told);
      this.#cells.set(subject, cell);
    }
    return cell;
  }

  #forget() {
    for (const subject of this.#cells.keys()) {
      if (!this.#subjects.includes(subject) && !this.#coming.has(subject)) this.#cells.delete(subject);
    }
  }

  #arrived(subject, cell) {
    if (this.#cells.get(subject) !== cell || !this.#subjects.includes(subject)) return;
    // Nobody can judge what can't be shown: it is left out of what is confirmed.
    if (cell.isBroken && this.#options.leaveOut) this.#options.leaveOut(subject);
    else if (cell.isBroken) subject.isSelected = true;
    this.#seen.look();
    this.#refreshSoon();
  }

  #refreshSoon = afterPaint(() => this.refresh()); // once for sixty pictures that come together

  #draw(subject, at) {
    const decided = this.#options.state(subject);
    this.#cells.get(subject).draw({
      decided,
      label: this.label(subject),
      isSelected: Boolean(subject.isSelected) && !decided,
      place: (at % this.#columns) + 1,
      isCurrent: subject === this.#current,
    });
  }

  #rove() {
    for (const subject of this.#subjects) this.#cells.get(subject).isCurrent = subject === this.#current;
  }

  // --- what a person does ---------------------------------------------------------------------------

  commands = {
    toggle: () => this.toggle(this.#current),
    select_all: () => this.#select(() => true),
    clear: () => this.#select(() => false),
    tile_bigger: () => this.resize(1),
    tile_smaller: () => this.resize(-1),
    focus_left: () => this.#go(-1),
    focus_right: () => this.#go(1),
    focus_up: () => this.#go(-this.#columns),
    focus_down: () => this.#go(this.#columns),
    extend_left: () => this.#go(-1, true),
    extend_right: () => this.#go(1, true),
    extend_up: () => this.#go(-this.#columns, true),
    extend_down: () => this.#go(this.#columns, true),
  };

  toggle(subject) {
    if (!subject || this.#options.state(subject)) return;
    subject.isSelected = !subject.isSelected;
    this.#anchor = subject;
    this.#current = subject;
    this.refresh();
    this.#options.onToggle?.(subject, this.label(subject));
  }

  /** Show all tiles one step larger (1) or smaller (-1); kept for this person's next visit. */
  resize(by) {
    const step = Math.max(0, Math.min(STEPS, this.#step + by));
    if (step === this.#step) return;
    this.#step = step;
    remember(this.#sizeKey, step ? String(step) : "");
    this.layOut();
    this.#cells.get(this.#current)?.element.scrollIntoView({ block: "nearest" });
    this.#options.onChange();
  }

  get isLargest() {
    return this.#step === STEPS;
  }

  get isSmallest() {
    return this.#step === 0;
  }

  focus(subject = this.#current) {
    if (!subject) return;
    this.#current = subject;
    this.#rove();
    this.#cells.get(subject).focus();
  }

  /** "tile 7 of 60, selected" */
  label(subject) {
    const { texts } = this.#options;
    const values = { n: this.#subjects.indexOf(subject) + 1, total: this.#subjects.length, text: subject.text ?? "" };
    const tile = this.#cells.get(subject);
    const text = tile.isBroken ? texts.tileBroken : subject.isSelected ? texts.tileSelected : texts.tile;
    return format(text, values);
  }

  #select(choose) {
    for (const subject of this.open) subject.isSelected = choose(subject);
    this.#anchor = null;
    this.refresh();
  }

  /** Select all from the anchor to this tile, and nothing else that was not selected one by one. */
  #extendTo(subject) {
    this.#anchor ??= this.#current ?? subject;
    const [from, to] = [this.#anchor, subject].map((each) => this.#subjects.indexOf(each));
    const range = this.#subjects.slice(Math.min(from, to), Math.max(from, to) + 1);
    const open = new Set(this.open);
    for (const each of range) if (open.has(each)) each.isSelected = true;
    this.#current = subject;
    this.refresh();
  }

  /** Move the focus by so many places, over what is decided, and select on the way where asked to. */
  #go(by, isRange = false) {
    const rtl = Math.abs(by) === 1 && getComputedStyle(this.#root).direction === "rtl" ? -1 : 1;
    let at = this.#subjects.indexOf(this.#current) + by * rtl;
    while (this.#subjects[at] && this.#options.state(this.#subjects[at])) at += by * rtl;
    const target = this.#subjects[at];
    if (!target) return;
    if (isRange) this.#extendTo(target);
    else this.#anchor = null;
    this.focus(target);
    this.#options.onChange();
  }

  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const { open } = this;
    const rows = { PageUp: -this.#rowsInView, PageDown: this.#rowsInView }[event.key];
    const at = open.indexOf(this.#current) + (rows ?? 0) * this.#columns;
    const places = { Home: 0, End: open.length - 1, PageUp: Math.max(0, at), PageDown: Math.min(open.length - 1, at) };
    const target = open[places[event.key]];
    if (!target) return;
    event.preventDefault();
    this.#anchor = null;
    this.focus(target);
  }

  #clicked(event) {
    const cell = event.target.closest("[role=gridcell]");
    const subject = this.#subjects.find((each) => this.#cells.get(each).element === cell);
    if (!subject || this.#options.state(subject)) return;
    if (event.shiftKey) this.#extendTo(subject);
    else this.toggle(subject);
    this.focus(subject);
  }

  #focused(event) {
    const subject = this.#subjects.find((each) => this.#cells.get(each).element === event.target);
    if (!subject || subject === this.#current) return;
    this.#current = subject;
    this.#rove();
  }

  #wheel(event) {
    if (!event.ctrlKey || !event.deltaY) return;
    event.preventDefault(); // the browser would zoom the whole page
    this.resize(event.deltaY < 0 ? 1 : -1);
  }

  #nearestOpen() {
    const at = Math.max(0, this.#subjects.indexOf(this.#current));
    const open = new Set(this.open);
    const after = this.#subjects.slice(at).find((subject) => open.has(subject));
    return after ?? this.#subjects.slice(0, at).findLast((subject) => open.has(subject)) ?? null;
  }

  // --- layout ---------------------------------------------------------------------------------------

  get #sizeKey() {
    return `labeller-tile-size:${this.#options.scope}`;
  }

  /** How many tiles can be seen at once, as large as they have to be; of texts, how many are read at a time. */
  get capacity() {
    return this.#options.isOfTexts ? LISTED : capacity({ ...this.#room(), ratio: fitting(this.#subjects) });
  }

  /** How many rows are wholly in view: PageDown brings the next ones, and leaves none out. */
  get #rowsInView() {
    const { height, gap } = this.#room();
    const row = this.#cells.get(this.#current).element.offsetHeight + gap;
    return Math.max(1, Math.floor((height + gap) / row));
  }

  #room() {
    return roomIn(this.#stage, this.#root);
  }

  /** Lay them out anew: room or type is another by now. */
  layOut() {
    if (!this.#subjects.length) {
      this.#root.replaceChildren();
      return;
    }
    const room = this.#room();
    if (room.width <= 0 || room.height <= 0) return;
    const columns = sized(this.#root, { ...room, subjects: this.#subjects, step: this.#step }, this.#options.isOfTexts);
    if (columns !== this.#columns) this.#rows(columns);
  }

  /** Rows as assistive technology knows them: moved from one to the other, tiles keep focus and picture. */
  #rows(columns) {
    const focused = /** @type {HTMLElement} */ (document.activeElement);
    this.#columns = columns;
    const rows = [];
    for (let start = 0; start < this.#subjects.length; start += columns) {
      const cells = this.#subjects.slice(start, start + columns).map((subject) => this.#cells.get(subject).element);
      rows.push(build("div", { role: "row", class: "tile-row" }, cells));
    }
    this.#root.replaceChildren(...rows);
    this.#root.setAttribute("aria-colcount", String(columns));
    this.#root.setAttribute("aria-rowcount", String(rows.length));
    this.#subjects.forEach((subject, at) => this.#draw(subject, at));
    if (this.#root.contains(focused)) focused.focus({ preventScroll: true });
  }
}
