// Type-ahead: pick a class by any of its names, back off to its parent, or make a new one.

import { NameIndex } from "../core/names.js";
import { Recents } from "../core/recents.js";
import { format } from "../core/texts.js";
import { build, byId, fill, number } from "./dom.js";
import { showLetter } from "./keys.js";

const SHOWN = 10;
const isRtl = () => document.documentElement.dir === "rtl";
const soon = globalThis.requestIdleCallback ?? ((act) => setTimeout(act, 200));

export class TypeAhead {
  #dialog = byId("typeahead");
  #input = byId("typeahead-input");
  #list = byId("typeahead-list");
  #problem = byId("typeahead-problem");
  #status = byId("typeahead-status");
  #wider = byId("typeahead-wider");
  #options;
  #index = new NameIndex();
  #recents;
  #choices = []; // {row, via, isSuggested, isRecent, narrower: the choice this is wider than} or {create: name}
  #active = 0;
  #suggested = [];
  #isBusy = false;

  /**
   * options: classes() -> rows; create(name) -> {row} or {detail}, or null where this person may not; onPick(id);
   * scope, under which it is remembered what was picked lately; texts
   */
  constructor(options) {
    this.#options = options;
    this.#recents = Recents.of(options.scope ?? "");
    this.#input.addEventListener("input", () => this.#refresh());
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.#list.addEventListener("click", (event) => {
      const item = event.target.closest("[role=option]");
      if (item) this.#take(this.#choices[Number(item.dataset.at)]);
    });
    this.#wider.addEventListener("click", () => {
      this.#widen();
      this.#input.focus();
    });
    // A click on the backdrop closes.
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
    // Names are made comparable once: with 5,000 of them not at the first key.
    soon(() => new NameIndex(options.classes()));
  }

  open(text, suggested = []) {
    this.#suggested = suggested;
    this.#index = new NameIndex(this.#options.classes());
    this.#input.value = text;
    this.#refresh();
    this.#dialog.showModal();
    this.#input.focus();
    this.#input.setSelectionRange(text.length, text.length);
  }

  #key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    if (this.#move(event)) event.preventDefault();
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) this.#take(this.#choices[this.#active]);
  }

  /** Move among the choices, or to a wider or narrower one; returns whether the key was for that. */
  #move({ key }) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (by && this.#choices.length) {
      this.#active = (this.#active + by + this.#choices.length) % this.#choices.length;
      this.#mark();
      return true;
    }
    const [wider, narrower] = isRtl() ? ["ArrowLeft", "ArrowRight"] : ["ArrowRight", "ArrowLeft"];
    if (key === wider) return this.#input.selectionStart === this.#input.value.length && this.#widen();
    const choice = key === narrower && this.#choices[this.#active]?.narrower;
    if (choice) this.#replace(choice);
    return Boolean(choice);
  }

  /** From the species to its genus: for who isn't sure. Returns whether there is one. */
  #widen() {
    const choice = this.#choices[this.#active];
    const row = choice?.row && this.#index.parent(choice.row);
    if (!row) return false;
    this.#replace({ row, narrower: choice });
    return true;
  }

  #replace(choice) {
    this.#choices[this.#active] = choice;
    this.#list.children[this.#active].replaceWith(this.#item(choice, this.#active));
    this.#mark();
    fill(this.#status, choice.row.name);
  }

  #refresh() {
    fill(this.#problem, "");
    const { texts, create } = this.#options;
    const name = this.#input.value.trim().replace(/\s+/g, " ");
    const options = { suggested: this.#suggested, recent: this.#recents.ids, limit: SHOWN };
    const { total, matches } = this.#index.search(name, options);
    this.#choices = matches;
    if (name && create && !this.#index.named(name)) this.#choices.push({ create: name });
    this.#active = 0;
    this.#list.replaceChildren(...this.#choices.map((choice, at) => this.#item(choice, at)));
    this.#input.setAttribute("aria-expanded", String(this.#choices.length > 0));
    if (!this.#choices.length) fill(this.#problem, texts.noMatch);
    fill(this.#status, total ? format(texts.matches, { n: number(total) }) : "");
    this.#mark();
  }

  #item(choice, at) {
    const { texts } = this.#options;
    const attributes = { role: "option", id: `typeahead-${at}`, "data-at": at, "data-testid": "typeahead-option" };
    if (choice.create) {
      const text = format(texts.create, { name: choice.create });
      return build("li", { ...attributes, class: "create" }, [text]);
    }
    const { row, via } = choice;
    const dot = build("span", { class: "dot" });
    dot.style.backgroundColor = row.colour;
    const other = [
      via ?? row.scientific,
      ...this.#index
        .path(row)
        .map(({ name }) => name)
        .slice(-2),
    ];
    const lines = build("span", { class: "lines" }, [
      build("span", { class: "name" }, [row.name]),
      build("span", { class: "other" }, [other.filter(Boolean).join(" · ")]),
    ]);
    const tag = choice.isSuggested ? texts.isSuggested : choice.isRecent ? texts.isRecent : "";
    const tags = tag ? [build("span", { class: "tag" }, [tag])] : [];
    const key = row.key ? [build("kbd")] : [];
    if (row.key) showLetter(key[0], row.key);
    return build("li", attributes, [dot, lines, ...tags, ...key]);
  }

  #mark() {
    [...this.#list.children].forEach((item, at) => {
      item.setAttribute("aria-selected", String(at === this.#active));
      if (at === this.#active) item.scrollIntoView({ block: "nearest" });
    });
    if (this.#choices.length) this.#input.setAttribute("aria-activedescendant", `typeahead-${this.#active}`);
    else this.#input.removeAttribute("aria-activedescendant");
    const { row } = this.#choices[this.#active] ?? {};
    const parent = row && this.#index.parent(row);
    this.#wider.hidden = !parent;
    if (parent) fill(this.#wider.querySelector(".name"), format(this.#options.texts.onlyAs, { name: parent.name }));
  }

  async #take(choice) {
    if (!choice || this.#isBusy) return;
    let { row } = choice;
    if (choice.create) {
      this.#isBusy = true;
      const answer = await this.#options.create(choice.create);
      this.#isBusy = false;
      if (!this.#dialog.open) return; // closed meanwhile: the class is there, but nobody chose it
      if (!answer.row) {
        fill(this.#problem, answer.detail || this.#options.texts.cannotCreate);
        return;
      }
      row = answer.row;
    }
    this.#recents.use(row.id);
    this.#dialog.close();
    this.#options.onPick(row.id);
  }
}
