// Tiles: many samples side by side, of which some are selected. For the grid and for hunts.
//
//   const tiles = new Tiles(byId("tiles"), {
//     address: (sample, size) => session.address(sample, size),
//     state: (subject) => null, or {text, colour?} of what is decided: such a tile stays in its place, but faintly
//     texts,        // tile, tileSelected, tileBroken (see _tile_texts.html)
//     scope,        // under which this person's tile size is remembered
//     onChange,     // selection, focus, what has been seen or loaded changed
//   });
//   tiles.show(subjects)     a page of them: held.js entryOf(…) with {sample, width, height, box, isSelected}
//   tiles.prepare(subjects)  builds and decodes the pictures of a page to come; resolves once they are there
//   tiles.refresh()          after subjects were decided, or that was taken back
//   tiles.open, .selected, .unselected, .current     subjects; what is decided is in none
//   tiles.seen, .loaded      how many of the open ones were really looked at, and whether all pictures are there
//   {...tiles.commands}      for session.listen
//
// `root` is role=grid inside an element that scrolls and has the class "tiles-stage".

import { build, fill, format } from "./dom.js";
import { cropInto, derivativeFor, WHOLE, withMargin } from "./crop.js";
import { remember, remembered } from "./session.js";
import { columnsFor, fitting, STEPS } from "./tile_layout.js";

const SEEN_MS = 500; // in view for so long, its picture there: a tile has been looked at
const SEEN_SHARE = 0.6; // of a tile that must be in view
const RETRY_MS = [1000, 3000, 9000];
const MARGIN = 0.08; // around a box, as a share of its longer side
const CROP_PIXELS = 96; // that a box should have on its long side
const LARGEST = 512; // derivative: sixty larger ones are too much to fetch
const PAGE_ROWS = 3;

export class Tiles {
  #root;
  #options;
  #stage;
  #cells = new Map(); // subject -> {cell, image, promise, isReady, isBroken, isSeen, seenSince}
  #subjects = [];
  #columns = 1;
  #current = null; // the subject with tabindex 0
  #anchor = null; // where a range starts
  #step; // of the tile size, 0 = as large as fits
  #observer;

  constructor(root, options) {
    this.#root = root;
    this.#options = options;
    this.#stage = root.closest(".tiles-stage");
    this.#step = Number(remembered(this.#sizeKey)) || 0;
    this.#observer = new IntersectionObserver((entries) => this.#crossed(entries), {
      root: this.#stage,
      threshold: SEEN_SHARE,
    });
    new ResizeObserver(() => this.#layOut()).observe(this.#stage);
    root.addEventListener("click", (event) => this.#clicked(event));
    root.addEventListener("keydown", (event) => this.#key(event));
    root.addEventListener("focusin", (event) => this.#focused(event));
    this.#stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    document.addEventListener("visibilitychange", () => this.#look());
    addEventListener("online", () => this.retry());
  }

  // --- what is shown --------------------------------------------------------------------------------

  show(subjects) {
    this.#observer.disconnect();
    for (const [subject, tile] of this.#cells) {
      tile.isSeen = false; // a page that comes again is looked at again
      tile.seenSince = 0;
      if (!subjects.includes(subject) && !this.#coming.has(subject)) this.#cells.delete(subject);
    }
    this.#subjects = subjects;
    this.#coming = new Set();
    this.#anchor = null;
    for (const subject of subjects) this.#tile(subject);
    this.#current = this.open[0] ?? null;
    this.#stage.scrollTop = 0;
    this.#columns = 0;
    this.#layOut();
    for (const { cell } of this.#shown()) this.#observer.observe(cell);
    this.refresh();
  }

  #coming = new Set(); // subjects of the page to come

  async prepare(subjects) {
    this.#coming = new Set(subjects);
    for (const subject of this.#cells.keys()) {
      if (!this.#subjects.includes(subject) && !this.#coming.has(subject)) this.#cells.delete(subject);
    }
    await Promise.all(subjects.map((subject) => this.#tile(subject).promise));
  }

  /** Draw anew what may have changed in the subjects. */
  refresh() {
    if (!this.open.includes(this.#current)) this.#current = this.#nearestOpen();
    this.#subjects.forEach((subject, at) => this.#draw(subject, at));
    this.#options.onChange();
  }

  retry() {
    for (const [subject, tile] of this.#cells) if (tile.isBroken) this.#fetch(subject, tile);
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
    return this.open.filter((subject) => this.#cells.get(subject).isSeen).length;
  }

  /** Whether all pictures of open tiles are there; a picture that can't be shown is no obstacle once it is selected. */
  get loaded() {
    return this.open.every((subject) => this.#cells.get(subject).isReady || subject.isSelected);
  }

  /** The first open tile that has not been in view, to lead there. */
  get unseen() {
    return this.open.find((subject) => !this.#cells.get(subject).isSeen) ?? null;
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
    this.#layOut();
    this.#cells.get(this.#current)?.cell.scrollIntoView({ block: "nearest" });
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
    const { cell } = this.#cells.get(subject);
    this.#rove();
    cell.focus({ preventScroll: true });
    cell.scrollIntoView({ block: "nearest" });
  }

  /** "tile 7 of 60, selected" */
  label(subject) {
    const { texts } = this.#options;
    const values = { n: this.#subjects.indexOf(subject) + 1, total: this.#subjects.length };
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
    const rows = { PageUp: -PAGE_ROWS, PageDown: PAGE_ROWS }[event.key];
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
    const subject = this.#subjects.find((each) => this.#cells.get(each).cell === cell);
    if (!subject || this.#options.state(subject)) return;
    if (event.shiftKey) this.#extendTo(subject);
    else this.toggle(subject);
    this.focus(subject);
  }

  #focused(event) {
    const subject = this.#subjects.find((each) => this.#cells.get(each).cell === event.target);
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

  // --- cells ----------------------------------------------------------------------------------------

  #tile(subject) {
    let tile = this.#cells.get(subject);
    if (tile) return tile;
    const image = new Image();
    image.alt = "";
    image.draggable = false;
    image.decoding = "sync"; // decoded before it is shown: painted with the next frame
    const frame = build("div", { class: "tile-frame" }, [image]);
    const mark = build("span", { class: "tile-mark", "aria-hidden": "true" }, ["✕"]);
    const said = build("span", { class: "tile-said", hidden: "" });
    const ground = build("div", { class: "tile-ground crop-ground" }, [frame]);
    const cell = build("div", { role: "gridcell", class: "tile", tabindex: "-1", "data-testid": "tile" }, [ground, mark, said]);
    cell.dataset.sample = subject.sample;
    const { box, width, height } = subject;
    cropInto(image, frame, box ? withMargin(box, MARGIN, width, height) : WHOLE, width, height);
    tile = { cell, image, mark, said, isReady: false, isBroken: false, isSeen: false, seenSince: 0, tries: 0 };
    this.#cells.set(subject, tile);
    this.#fetch(subject, tile);
    return tile;
  }

  #fetch(subject, tile) {
    const size = subject.box ? Math.min(LARGEST, derivativeFor(subject, CROP_PIXELS)) : 256;
    tile.isBroken = false;
    tile.cell.dataset.ready = "false";
    tile.image.src = this.#options.address(subject.sample, size);
    tile.promise = tile.image.decode().then(
      () => this.#arrived(subject, tile, true),
      () => this.#arrived(subject, tile, false),
    );
  }

  #arrived(subject, tile, isReady) {
    if (this.#cells.get(subject) !== tile) return;
    Object.assign(tile, { isReady, isBroken: !isReady });
    tile.cell.dataset.ready = isReady ? "true" : "failed";
    const wait = isReady ? undefined : RETRY_MS[tile.tries++];
    if (wait) setTimeout(() => this.#cells.get(subject) === tile && tile.isBroken && this.#fetch(subject, tile), wait);
    if (!this.#subjects.includes(subject)) return;
    // Nobody can judge what can't be shown: it is left out of what is confirmed.
    if (!isReady && !wait) subject.isSelected = true;
    this.#look();
    this.refresh();
  }

  #draw(subject, at) {
    const tile = this.#cells.get(subject);
    const decided = this.#options.state(subject);
    const isSelected = Boolean(subject.isSelected) && !decided;
    tile.cell.setAttribute("aria-selected", String(isSelected));
    tile.cell.setAttribute("aria-label", decided ? `${this.label(subject)}: ${decided.text}` : this.label(subject));
    tile.cell.setAttribute("aria-colindex", String((at % this.#columns) + 1));
    tile.cell.toggleAttribute("data-decided", Boolean(decided));
    tile.cell.tabIndex = subject === this.#current ? 0 : -1;
    tile.said.hidden = !decided?.text;
    fill(tile.said, decided?.text ?? "");
    if (decided?.colour) tile.said.style.setProperty("--class-colour", decided.colour);
    else tile.said.style.removeProperty("--class-colour");
  }

  #rove() {
    for (const subject of this.#subjects) this.#cells.get(subject).cell.tabIndex = subject === this.#current ? 0 : -1;
  }

  // --- layout ---------------------------------------------------------------------------------------

  get #sizeKey() {
    return `labeller-tile-size:${this.#options.scope}`;
  }

  #layOut() {
    if (!this.#subjects.length) {
      this.#root.replaceChildren();
      return;
    }
    const style = getComputedStyle(this.#stage);
    const pad = (side) => parseFloat(style[`padding${side}`]);
    const room = {
      width: this.#stage.clientWidth - pad("Left") - pad("Right"),
      height: this.#stage.clientHeight - pad("Top") - pad("Bottom"),
    };
    if (room.width <= 0 || room.height <= 0) return;
    const gap = parseFloat(getComputedStyle(this.#root).rowGap) || 0;
    const ratio = fitting(this.#subjects);
    const columns = columnsFor({ ...room, gap, ratio, count: this.#subjects.length, step: this.#step });
    this.#root.style.setProperty("--columns", columns);
    this.#root.style.setProperty("--ratio", ratio);
    this.#root.style.setProperty("--tile", `${(room.width - gap * (columns - 1)) / columns}px`);
    if (columns !== this.#columns) this.#rows(columns);
  }

  /** Rows as assistive technology knows them: moved from one to the other, tiles keep focus and picture. */
  #rows(columns) {
    const focused = document.activeElement;
    this.#columns = columns;
    const rows = [];
    for (let start = 0; start < this.#subjects.length; start += columns) {
      const cells = this.#subjects.slice(start, start + columns).map((subject) => this.#cells.get(subject).cell);
      rows.push(build("div", { role: "row", class: "tile-row" }, cells));
    }
    this.#root.replaceChildren(...rows);
    this.#root.setAttribute("aria-colcount", String(columns));
    this.#root.setAttribute("aria-rowcount", String(rows.length));
    this.#subjects.forEach((subject, at) => this.#draw(subject, at));
    if (this.#root.contains(focused)) focused.focus({ preventScroll: true });
  }

  // --- what has been seen -----------------------------------------------------------------------------

  #shown() {
    return this.#subjects.map((subject) => this.#cells.get(subject));
  }

  #crossed(entries) {
    const byCell = new Map(this.#shown().map((tile) => [tile.cell, tile]));
    for (const { target, isIntersecting } of entries) {
      const tile = byCell.get(target);
      if (tile) tile.inView = isIntersecting;
    }
    this.#look();
  }

  #timer = null;

  /** Start and stop the clocks of tiles; a tile that stayed in view long enough has been seen. */
  #look() {
    const now = performance.now();
    let next = Infinity;
    let isNews = false;
    for (const tile of this.#shown()) {
      if (tile.isSeen) continue;
      const isVisible = tile.inView && (tile.isReady || tile.isBroken) && !document.hidden;
      tile.seenSince = isVisible ? tile.seenSince || now : 0;
      if (!isVisible) continue;
      if (now - tile.seenSince >= SEEN_MS) tile.isSeen = isNews = true;
      else next = Math.min(next, tile.seenSince + SEEN_MS - now);
    }
    clearTimeout(this.#timer);
    if (next < Infinity) this.#timer = setTimeout(() => this.#look(), next + 1);
    if (isNews) this.#options.onChange();
  }
}
