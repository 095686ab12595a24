// What the hunt's page shows around its tiles: how many were found and remain, what a mark means, what can be done.

import { format } from "../core/texts.js";
import { ClassSide } from "./class_side.js";
import { all, build, buttonOf, byId, fill, number } from "./dom.js";
import { HuntStart } from "./hunt_start.js";
import { TileTools } from "./tile_tools.js";

const MOST_REST = 60; // classes that all others may be given
const NONE_LEFT = 0.5; // fewer than that are expected
const UNLIKELY = 0.1; // where the likeliest tile is less sure than that, so it is said
const PURE = 0.7; // share of a page from which on marking the odd ones is quicker, if people do the opposite
const SPARSE = 0.3;

export class HuntView {
  #session;
  #options;
  #side;
  #start;
  #tools;
  #examples = "";

  /**
   * options: session, tiles, supply, hunting, look() -> {page, marks, rest}, whyNot(), onClass, onExample, onWords,
   * onMarks, onRest
   */
  constructor(options) {
    const { session, tiles, onClass } = options;
    this.#options = options;
    this.#session = session;
    this.#tools = new TileTools(byId("tiles"), tiles, session);
    this.commands = this.#tools.commands;
    const pick = (id, event) => session.clicked(event, () => onClass(id));
    this.#side = new ClassSide(byId("classes"), {
      texts: { ...session.texts, predictedAs: session.texts.foundOf },
      onClass: pick,
    });
    this.#start = new HuntStart(byId("start-classes"), { session, onPick: pick });
    this.#wire();
  }

  /** A choice by mouse gives the keyboard back to the tiles; one by keyboard stays where it is. */
  #wire() {
    const { onMarks, onRest, onWords, tiles } = this.#options;
    byId("by-words")?.addEventListener("submit", (event) => {
      event.preventDefault();
      const words = byId("words").value.trim();
      if (words) onWords(words);
      byId("words").blur(); // keys are for the tiles again
    });
    let isByPointer = false;
    byId("marks").addEventListener("pointerdown", () => (isByPointer = true));
    byId("marks").addEventListener("keydown", () => (isByPointer = false));
    byId("marks").addEventListener("change", ({ target }) => {
      if (target.id === "rest") onRest(target.value ? Number(target.value) : null);
      else onMarks(target.value);
      if (isByPointer) tiles.focus();
    });
  }

  get #state() {
    const { aim, known, examples, ended, isLate } = this.#options.hunting;
    return { aim, hunt: known, examples, ended, isLate, ...this.#options.look() };
  }

  draw() {
    const { aim, page } = this.#state;
    byId("start").hidden = Boolean(aim);
    byId("tiles").hidden = !page;
    if (!aim) this.#start.show();
    this.#drawHead();
    this.#drawMarks();
    this.#drawButtons();
    this.#drawClasses();
    this.#drawMessage();
    this.#tools.refresh();
    this.#session.showNumbers();
  }

  // --- what is hunted, and how many remain --------------------------------------------------------

  /** The hunted class; "it" while nobody has said. */
  get name() {
    const target = this.#state.page ? this.#state.page.target : this.#state.aim?.class;
    return target === null || target === undefined ? this.#session.texts.it : this.#session.name(target);
  }

  #drawHead() {
    const { aim, page } = this.#state;
    byId("hunt-head").hidden = !aim;
    if (!aim) return;
    const target = page ? page.target : aim.class;
    fill(byId("target"), target === null ? this.#openTarget : this.#session.name(target));
    byId("target").toggleAttribute("data-open", target === null);
    byId("target-dot").hidden = target === null;
    byId("target-dot").style.backgroundColor = target === null ? "" : this.#session.colour(target);
    const numbers = this.numbers;
    const { texts } = this.#session;
    emphasise(byId("found"), texts.foundOf, numbers.found);
    emphasise(byId("remain"), texts.remain, numbers.remain);
    emphasise(byId("at-most"), texts.atMost, numbers.atMost);
    byId("hunted").max = Math.max(1, (numbers.found ?? 0) + (numbers.remain ?? 0));
    byId("hunted").value = numbers.remain === null ? 0 : (numbers.found ?? 0);
    byId("hunted").toggleAttribute("data-unknown", numbers.remain === null);
    fill(byId("estimate"), this.#estimate(numbers));
    this.#drawExamples();
    const { tiles } = this.#options;
    const values = { n: number(tiles.seen), total: number(tiles.open.length) };
    fill(byId("seen"), page ? format(this.#session.texts.seen, values) : "");
    byId("seen").toggleAttribute("data-all", Boolean(page) && tiles.seen === tiles.open.length);
  }

  /** What is hunted while nobody has said which class it is. */
  get #openTarget() {
    const { texts } = this.#session;
    const words = this.#state.aim?.text;
    return words ? format(texts.words, { words }) : texts.likeThis;
  }

  /** Found and remaining, with what was decided since the hunt. */
  get numbers() {
    const { aim, hunt } = this.#state;
    const target = aim.class;
    if (target === null) return { found: null, remain: null, atMost: null, expected: null };
    const found = this.#session.tally.counts.get(target) ?? 0;
    const since = hunt ? found - hunt.foundThen : 0;
    const less = (n) => (n === null || n === undefined ? null : Math.max(0, n - since));
    const [expected, atMost] = [less(hunt?.expected), less(hunt?.at_most)];
    return { found, remain: expected === null ? null : Math.round(expected), atMost, expected };
  }

  #estimate({ expected, atMost }) {
    const { hunt, page } = this.#state;
    const { texts } = this.#session;
    if (!hunt) return "";
    const sure = page && hunt.by === "head" ? Math.max(0, ...page.subjects.map(({ p }) => p ?? 1)) : 1;
    return [
      atMost === 0 ? texts.allFound : expected !== null && expected < NONE_LEFT ? texts.noneLeft : "",
      page?.subjects.length && sure < UNLIKELY
        ? format(texts.unlikely, { p: Math.max(1, Math.round(100 * sure)) })
        : "",
      hunt.reason,
      hunt.accepted ? format(texts.accepted, { n: number(hunt.accepted) }) : "",
    ]
      .filter(Boolean)
      .join(" ");
  }

  #drawExamples() {
    const { aim, examples } = this.#state;
    const shown = aim.like.length ? aim.like : examples;
    byId("examples-box").hidden = !shown.length;
    fill(byId("examples-title"), aim.like.length ? this.#session.texts.likeTitle : this.#session.texts.foundTitle);
    const { excerpts } = this.#options.hunting;
    const wanted = [...shown, ...Object.keys(excerpts)].join();
    if (this.#examples === wanted) return;
    this.#examples = wanted;
    byId("examples").replaceChildren(...shown.map((sample, at) => this.#example(sample, at)));
  }

  #example(sample, at) {
    const { texts } = this.#session;
    const excerpt = this.#options.hunting.excerpts[sample] ?? "";
    const picture = this.#session.isOfTexts
      ? build("span", { dir: "auto" }, [excerpt])
      : build("img", { alt: "", src: this.#session.address(sample, 256), decoding: "async" });
    const label = format(texts.example, { n: number(at + 1), text: excerpt });
    const attributes = { type: "button", class: "example", "aria-label": label, title: label, "data-sample": sample };
    const button = build("button", { ...attributes, "data-testid": "example" }, [picture]);
    button.addEventListener("click", (event) => this.#session.clicked(event, () => this.#options.onExample(sample)));
    return build("li", {}, [button]);
  }

  // --- what a mark means --------------------------------------------------------------------------

  /** How much of the page in view probably is of the class; null where nothing tells. */
  purity(page) {
    const known = (page?.subjects ?? []).map(({ p }) => p);
    if (this.#state.hunt?.by !== "head" || !known.length || known.some((p) => p === null)) return null;
    return known.reduce((sum, p) => sum + p, 0) / known.length;
  }

  #drawMarks() {
    const { marks, rest, aim, page } = this.#state;
    const { texts } = this.#session;
    const { name } = this;
    byId("labelling").toggleAttribute("data-choosing", !aim);
    byId("labelling").dataset.marks = marks;
    all(`#marks input[value=${marks}]`)[0].checked = true;
    fill(byId("marks-are"), format(texts.marksAre, { name }));
    const restName = rest === null ? "" : this.#session.name(rest);
    const isOpen = (page ? page.target : aim?.class) === null;
    const text = marks === "not" ? texts.sayNot : rest === null ? texts.sayAre : texts.sayAreRest;
    fill(byId("marks-say"), format(isOpen ? texts.sayOpen : text, { name, rest: restName }));
    const hint = this.#hint(marks, this.purity(page));
    byId("marks-hint").hidden = !hint;
    fill(byId("marks-hint"), format(hint, { name }));
    byId("rest-line").hidden = marks === "not";
    this.#drawRest(aim?.class);
  }

  /** Whether the opposite would be quicker; nothing changes by itself. */
  #hint(marks, purity) {
    const { texts } = this.#session;
    if (purity === null) return "";
    if (marks === "are") return purity >= PURE ? texts.hintNot : "";
    return purity <= SPARSE ? texts.hintAre : "";
  }

  #drawRest(target) {
    const { rows, blank } = this.#session.classes;
    const others = rows.filter((row) => row !== blank && row.id !== target).slice(0, MOST_REST);
    const wanted = (blank && blank.id !== target ? [blank, ...others] : others).map(({ id, name }) => [
      String(id),
      name,
    ]);
    const select = byId("rest");
    const [open, ...known] = select.options;
    if (known.map(({ value }) => value).join() !== wanted.map(([id]) => id).join()) {
      select.replaceChildren(open, ...wanted.map(([value, name]) => build("option", { value }, [name])));
    }
    select.value = this.#state.rest === null ? "" : String(this.#state.rest);
  }

  // --- what can be done ---------------------------------------------------------------------------

  #drawButtons() {
    const { page } = this.#state;
    const { texts, history } = this.#session;
    const { tiles, whyNot } = this.#options;
    const [marked, others] = [tiles.selected.length, tiles.unselected.length];
    fill(byId("confirm-text"), this.#confirmText(marked, others));
    byId("confirm").disabled = !page || whyNot() !== "";
    fill(byId("selection"), marked ? format(texts.selected, { n: number(marked) }) : texts.noneSelected);
    byId("labelling").toggleAttribute("data-selecting", marked > 0);
    for (const each of all("[data-needs-selection]")) each.disabled = !marked;
    for (const each of all("[data-needs-page]")) each.disabled = !page;
    buttonOf("select_all").disabled = !others;
    buttonOf("undo").disabled = !history.canUndo;
    buttonOf("redo").disabled = !history.canRedo;
  }

  #confirmText(marked, others) {
    const { page, marks, rest } = this.#state;
    const { texts } = this.#session;
    const { name } = this;
    if (!page) return texts.confirm;
    const it = marks === "are" ? marked : others;
    if (marks === "not" && !others) return format(texts.leave, { n: number(marked) });
    if (page.target === null && it) return texts.chooseFirst;
    const restName = rest === null ? "" : this.#session.name(rest);
    const values = { n: number(it), m: number(others), name, rest: restName };
    if (marks === "not" || rest === null || !others) return it ? format(texts.confirmAs, values) : texts.noneOfThese;
    return format(it ? texts.confirmBoth : texts.confirmRest, values);
  }

  #drawClasses() {
    const { aim } = this.#state;
    const { texts, tally, classes } = this.#session;
    const { tiles } = this.#options;
    const counts = tally.counts;
    const marked = tiles.selected.length;
    this.#side.show({
      classes: classes.rows,
      groups: classes.rows.filter(({ id }) => counts.get(id)).map(({ id }) => ({ class: id, n: counts.get(id) })),
      leftOf: ({ n }) => n,
      target: aim?.class ?? undefined,
    });
    const isUnnamed = aim && aim.class === null;
    const title = marked ? texts.classTitleSelected : isUnnamed ? texts.classTitleTarget : texts.classTitle;
    fill(byId("classes-title"), format(title, { n: number(marked) }));
  }

  #drawMessage() {
    const { aim, page, ended } = this.#state;
    byId("stage-message").hidden = !aim || Boolean(page);
    fill(byId("stage-text"), this.emptyText());
    byId("stage-progress").hidden = Boolean(ended);
    byId("stage-links").hidden = !ended;
    byId("again").hidden = ended?.state !== "failed";
  }

  emptyText() {
    const { aim, ended, isLate } = this.#state;
    const { texts } = this.#session;
    const { supply } = this.#options;
    if (!aim) return "";
    const [isOver, isHunting] = this.#waitingTexts(aim);
    const values = { name: aim.class === null ? "" : this.#session.name(aim.class), words: aim.text ?? "" };
    if (ended?.state === "failed") return ended.message;
    if (ended) return format(isOver, values);
    if (supply.isTroubled) return supply.refusal || texts.noServer;
    if (isLate) return supply.message || texts.stillHunting;
    return format(isHunting, values);
  }

  /** What is said once a hunt is over, and while it goes on. */
  #waitingTexts({ class: id, text }) {
    const { texts } = this.#session;
    if (id !== null) return [texts.over, texts.hunting];
    return text ? [texts.overWords, texts.huntingWords] : [texts.overLike, texts.huntingLike];
  }

  /** What is in view, for who can't see it. */
  spoken() {
    const { aim, page } = this.#state;
    const { texts } = this.#session;
    if (!aim) return byId("start-title").textContent;
    if (!page) return this.emptyText();
    const values = { n: number(this.#options.tiles.open.length), name: this.name, words: aim.text ?? "" };
    const text = page.target !== null ? texts.page : aim.text ? texts.pageWords : texts.pageLike;
    return [format(text, values), byId("marks-say").textContent].join(" ");
  }
}

/** "about {n} remain", with the number large; hidden where there is none. */
function emphasise(element, text, n) {
  element.hidden = n === null;
  if (n === null || element.dataset.n === String(n)) return;
  element.dataset.n = n;
  const [before, after] = text.split("{n}");
  element.replaceChildren(before ?? "", build("strong", { class: "number" }, [number(n)]), after ?? "");
}
