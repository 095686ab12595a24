// Type-ahead: pick a class by a part of its name, or make a new one.

import { build, byId, fill, format } from "./dom.js";

const SHOWN = 10;

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** How well a name fits what was typed: higher is better, 0 is not at all. */
export function fit(name, typed) {
  if (!typed) return 1;
  if (name === typed) return 6;
  if (name.startsWith(typed)) return 5;
  if (name.includes(` ${typed}`) || name.includes(`-${typed}`)) return 4;
  if (name.includes(typed)) return 3;
  let at = 0;
  for (const letter of name) if (letter === typed[at]) at += 1;
  return at === typed.length ? 2 : 0;
}

export class TypeAhead {
  #dialog = byId("typeahead");
  #input = byId("typeahead-input");
  #list = byId("typeahead-list");
  #problem = byId("typeahead-problem");
  #options;
  #choices = [];
  #active = 0;
  #recent = [];
  #suggested = [];
  #isBusy = false;

  /** options: classes() -> rows, create(name) -> {row} or {detail}, or null where nobody may, onPick(id), texts */
  constructor(options) {
    this.#options = options;
    this.#input.addEventListener("input", () => this.#refresh());
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.#list.addEventListener("click", (event) => {
      const item = event.target.closest("[role=option]");
      if (item) this.#take(this.#choices[Number(item.dataset.at)]);
    });
    // A click on the backdrop closes.
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
  }

  open(text, suggested) {
    this.#suggested = suggested;
    this.#input.value = text;
    this.#refresh();
    this.#dialog.showModal();
    this.#input.focus();
    this.#input.setSelectionRange(text.length, text.length);
  }

  #key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move && this.#choices.length) {
      event.preventDefault();
      this.#active = (this.#active + move + this.#choices.length) % this.#choices.length;
      this.#mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!event.repeat) this.#take(this.#choices[this.#active]);
    }
  }

  #refresh() {
    fill(this.#problem, "");
    const name = this.#input.value.trim().replace(/\s+/g, " ");
    const typed = plain(name);
    this.#choices = this.#rank(typed).slice(0, SHOWN);
    const exists = this.#options.classes().some((row) => row.name.toLowerCase() === name.toLowerCase());
    if (name && !exists && this.#options.create) this.#choices.push({ create: name });
    this.#active = 0;
    this.#list.replaceChildren(...this.#choices.map((choice, at) => this.#item(choice, at)));
    if (!this.#choices.length) fill(this.#problem, this.#options.texts.noMatch);
    this.#mark();
  }

  /** By fit, then suggestion, then how lately it was picked, then the order of the list. */
  #rank(typed) {
    const place = (list, id) => (list.includes(id) ? list.length - list.indexOf(id) : 0);
    return this.#options
      .classes()
      .map((row, order) => ({ row, order, fit: fit(plain(row.name), typed) }))
      .filter(({ fit: score }) => score > 0)
      .sort(
        (a, b) =>
          b.fit - a.fit ||
          place(this.#suggested, b.row.id) - place(this.#suggested, a.row.id) ||
          place(this.#recent, b.row.id) - place(this.#recent, a.row.id) ||
          a.order - b.order,
      );
  }

  #item(choice, at) {
    const attributes = { role: "option", id: `typeahead-${at}`, "data-at": at, "data-testid": "typeahead-option" };
    if (choice.create) {
      const text = format(this.#options.texts.create, { name: choice.create });
      return build("li", { ...attributes, class: "create" }, [text]);
    }
    const dot = build("span", { class: "dot" });
    dot.style.backgroundColor = choice.row.colour;
    const key = choice.row.key ? [build("kbd", {}, [choice.row.key])] : [];
    return build("li", attributes, [dot, build("span", { class: "name" }, [choice.row.name]), ...key]);
  }

  #mark() {
    [...this.#list.children].forEach((item, at) => {
      item.setAttribute("aria-selected", String(at === this.#active));
      if (at === this.#active) item.scrollIntoView({ block: "nearest" });
    });
    if (this.#choices.length) this.#input.setAttribute("aria-activedescendant", `typeahead-${this.#active}`);
    else this.#input.removeAttribute("aria-activedescendant");
  }

  async #take(choice) {
    if (!choice || this.#isBusy) return;
    let row = choice.row;
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
    this.#recent = [row.id, ...this.#recent.filter((id) => id !== row.id)].slice(0, 20);
    this.#dialog.close();
    this.#options.onPick(row.id);
  }
}
