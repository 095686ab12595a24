// Suggestions and classes as buttons. Elements are made once and refilled, so that a focused one stays.

import { build, fill, format } from "./dom.js";
import { Recents } from "./names.js";

const SUGGESTIONS = 5;
const MOST = 30; // buttons; the others are found by typing

export class Panel {
  #suggestions = [];
  #list;
  #options;
  #rows = new Map(); // id -> row, of the question that is shown
  #buttons = new Map(); // id -> {button, count}
  #used = new Map(); // id -> labels
  #isMulti;
  #more = build("p", { class: "more small muted", hidden: "", "data-testid": "more-classes" });
  #recents;

  /** options: list, suggestions, isMulti, texts, scope, onClass(id, event), onSuggestion(number, event) */
  constructor(options) {
    this.#options = options;
    this.#list = options.list;
    this.#isMulti = options.isMulti;
    this.#recents = new Recents(options.scope ?? "");
    this.#list.append(this.#more);
    for (let number = 1; number <= SUGGESTIONS; number += 1) {
      const button = build("button", { type: "button", class: "suggestion", "data-testid": "suggestion" }, [
        build("kbd", {}, [String(number)]),
        build("span", { class: "dot" }),
        build("span", { class: "name" }),
        build("span", { class: "percent number" }),
        build("span", { class: "bar", "aria-hidden": "true" }, [build("span")]),
      ]);
      button.addEventListener("click", (event) => options.onSuggestion(number, event));
      options.suggestions.append(button);
      this.#suggestions.push(button);
    }
  }

  /** Show the classes of another question: {multi_label, classes: ClassList}. */
  setQuestion({ multi_label: isMulti, classes }) {
    this.#isMulti = isMulti;
    this.#rows = new Map(classes.rows.map((row) => [row.id, row]));
    this.#arrange();
  }

  addClass(row) {
    this.#rows.set(row.id, row);
    this.#arrange();
  }

  /** With more classes than fit, the ones used lately and those used most have a button. */
  #arrange() {
    let shown = [...this.#rows.values()];
    if (shown.length > MOST) {
      const order = new Map(shown.map((row, at) => [row.id, at]));
      const recent = (id) => (this.#recents.ids.includes(id) ? this.#recents.ids.length - this.#recents.ids.indexOf(id) : 0);
      const used = (id) => this.#used.get(id) ?? 0;
      shown.sort((a, b) => recent(b.id) - recent(a.id) || used(b.id) - used(a.id) || order.get(a.id) - order.get(b.id));
      shown = shown.slice(0, MOST).sort((a, b) => order.get(a.id) - order.get(b.id));
    }
    const left = this.#rows.size - shown.length;
    this.#more.hidden = left === 0;
    fill(this.#more, format(this.#options.texts.more, { n: left.toLocaleString(document.documentElement.lang) }));
    for (const [id, { button }] of this.#buttons) if (!shown.some((row) => row.id === id)) button.remove();
    const hasPlaces = this.#rows.size <= MOST;
    shown.forEach((row, at) => {
      const { button, place } = this.#buttons.get(row.id) ?? this.#build(row);
      fill(place, hasPlaces && at < 10 ? String((at + 1) % 10) : "");
      if (this.#list.children[at] !== button) this.#list.insertBefore(button, this.#list.children[at] ?? null);
    });
  }

  #build(row) {
    const count = build("span", { class: "count number", "data-testid": "class-count" });
    const place = build("kbd", { class: "place" });
    const button = build(
      "button",
      {
        type: "button",
        class: "class-button",
        "aria-pressed": "false",
        "data-testid": "class-button",
        "data-class": row.id,
        "data-name": row.name,
      },
      [
        build("span", { class: "dot" }),
        build("span", { class: "name" }, [row.name]),
        count,
        place,
        build("kbd", { class: "letter", hidden: row.key ? null : "" }, [row.key]),
      ],
    );
    button.querySelector(".dot").style.backgroundColor = row.colour;
    button.addEventListener("click", (event) => this.#options.onClass(row.id, event));
    const made = { button, count, place };
    this.#buttons.set(row.id, made);
    return made;
  }

  /** Show an entry's suggestions, and the classes it has been given. */
  show(entry, { note, isDigitForClass }) {
    const { texts } = this.#options;
    const chosen = new Set(this.#isMulti && entry?.draft ? entry.draft : entry?.stands?.classes ?? []);
    note.hidden = !entry || entry.suggestions.length > 0;
    fill(note, !entry ? "" : entry.blind ? texts.blind : texts.noneYet);
    this.#suggestions.forEach((button, at) => this.#showSuggestion(button, entry?.suggestions[at], chosen));
    this.#list.classList.toggle("digits", isDigitForClass);
    for (const [id, { button }] of this.#buttons) {
      button.setAttribute("aria-pressed", String(chosen.has(id)));
      button.disabled = !entry;
    }
  }

  #showSuggestion(button, suggestion, chosen) {
    // Kept in the layout when empty: nothing jumps from image to image.
    button.classList.toggle("empty", !suggestion);
    button.disabled = !suggestion;
    if (!suggestion) {
      fill(button.querySelector(".name"), "");
      fill(button.querySelector(".percent"), "");
      return;
    }
    const [id, probability] = suggestion;
    const row = this.#rows.get(id);
    const percent = Math.round(probability * 100);
    fill(button.querySelector(".name"), row?.name ?? this.#options.texts.unknown);
    fill(button.querySelector(".percent"), percent < 1 ? "< 1 %" : `${percent} %`);
    button.querySelector(".dot").style.backgroundColor = row?.colour ?? "";
    button.querySelector(".bar > span").style.inlineSize = `${probability * 100}%`;
    button.dataset.class = id;
    button.setAttribute("aria-pressed", String(chosen.has(id)));
  }

  showCounts(counts) {
    const isFirst = !this.#used.size && counts.size > 0;
    this.#used = counts;
    if (isFirst && this.#rows.size > MOST) this.#arrange();
    for (const [id, { count }] of this.#buttons) {
      const n = counts.get(id);
      fill(count, n === undefined ? "" : String(n));
    }
  }
}
