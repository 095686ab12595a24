// Suggestions and classes as buttons. Elements are made once and refilled, so that a focused one stays.

import { build, fill } from "./dom.js";

const SUGGESTIONS = 5;

export class Panel {
  #classes = new Map(); // id -> {row, button, count}
  #suggestions = [];
  #list;
  #isMulti;
  #texts;

  constructor({ list, suggestions, isMulti, texts, onClass, onSuggestion }) {
    this.#list = list;
    this.#isMulti = isMulti;
    this.#texts = texts;
    this.onClass = onClass;
    for (let number = 1; number <= SUGGESTIONS; number += 1) {
      const button = build("button", { type: "button", class: "suggestion", "data-testid": "suggestion" }, [
        build("kbd", {}, [String(number)]),
        build("span", { class: "dot" }),
        build("span", { class: "name" }),
        build("span", { class: "percent number" }),
        build("span", { class: "bar", "aria-hidden": "true" }, [build("span")]),
      ]);
      button.addEventListener("click", (event) => onSuggestion(number, event));
      suggestions.append(button);
      this.#suggestions.push(button);
    }
  }

  get classes() {
    return Array.from(this.#classes.values(), ({ row }) => row);
  }

  get(id) {
    return this.#classes.get(id)?.row ?? null;
  }

  name(id) {
    return this.get(id)?.name ?? this.#texts.unknown;
  }

  addClass(row) {
    if (this.#classes.has(row.id)) return;
    const count = build("span", { class: "count number", "data-testid": "class-count" });
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
        build("kbd", { class: "place" }),
        build("kbd", { class: "letter", hidden: row.key ? null : "" }, [row.key]),
      ],
    );
    button.querySelector(".dot").style.backgroundColor = row.colour;
    button.addEventListener("click", (event) => this.onClass(row.id, event));
    this.#classes.set(row.id, { row, button, count });
    const place = this.#classes.size % 10;
    button.querySelector(".place").textContent = this.#classes.size <= 10 ? String(place) : "";
    this.#list.append(button);
  }

  /** Show an entry's suggestions, and the classes it has been given. */
  show(entry, { note, isDigitForClass }) {
    const chosen = new Set(this.#isMulti && entry?.draft ? entry.draft : entry?.stands?.classes ?? []);
    note.hidden = !entry || entry.suggestions.length > 0;
    fill(note, !entry ? "" : entry.blind ? this.#texts.blind : this.#texts.noneYet);
    this.#suggestions.forEach((button, at) => this.#showSuggestion(button, entry?.suggestions[at], chosen));
    this.#list.classList.toggle("digits", isDigitForClass);
    for (const { row, button } of this.#classes.values()) {
      button.setAttribute("aria-pressed", String(chosen.has(row.id)));
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
    const percent = Math.round(probability * 100);
    fill(button.querySelector(".name"), this.name(id));
    fill(button.querySelector(".percent"), percent < 1 ? "< 1 %" : `${percent} %`);
    button.querySelector(".dot").style.backgroundColor = this.get(id)?.colour ?? "";
    button.querySelector(".bar > span").style.inlineSize = `${probability * 100}%`;
    button.dataset.class = id;
    button.setAttribute("aria-pressed", String(chosen.has(id)));
  }

  showCounts(counts) {
    for (const [id, { count }] of this.#classes) {
      const n = counts.get(id);
      fill(count, n === undefined ? "" : String(n));
    }
  }
}
