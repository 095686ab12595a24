// Suggestions and classes as buttons. Elements are made once and refilled, so that a focused one stays.

import { Recents } from "../core/recents.js";
import { format } from "../core/texts.js";
import { build, fill, number } from "./dom.js";
import { showLetter } from "./keys.js";

const SUGGESTIONS = 5;
const MOST = 30; // buttons; the others are found by typing
const DIGITS = 10; // places that a digit picks: they stay as they are

export class Panel {
  #suggestions = [];
  #list;
  #options;
  #rows = new Map(); // id -> row, of the question that is shown
  #questions = new WeakMap(); // ClassList -> {places: ids of the classes that have a button, isCounted}
  #question = { places: [], isCounted: false };
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
    this.#recents = Recents.of(options.scope ?? "");
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

  /** Show the classes of another question: {multi_label, classes: ClassList}. Those of one seen before lie as they lay. */
  setQuestion({ multi_label: isMulti, classes }) {
    this.#isMulti = isMulti;
    this.#rows = new Map(classes.rows.map((row) => [row.id, row]));
    const known = this.#questions.get(classes);
    this.#question = known ?? { places: [], isCounted: false };
    this.#questions.set(classes, this.#question);
    if (known) this.#draw();
    else this.#arrange();
  }

  addClass(row) {
    this.#rows.set(row.id, row);
    this.#bring(row.id);
  }

  /** The class in that place of the list, from 1 on, which a digit picks; null where there is none. */
  at(place) {
    return place <= DIGITS ? (this.#question.places[place - 1] ?? null) : null;
  }

  /** With more classes than fit, the ones used lately and those used most have a button, and the starred ones. */
  #arrange() {
    let ids = [...this.#rows.keys()];
    if (ids.length > MOST) {
      const recent = this.#recents.ids.filter((id) => this.#rows.has(id));
      const used = (id) => this.#used.get(id) ?? 0;
      const often = ids.filter((id) => used(id) > 0).sort((a, b) => used(b) - used(a));
      const starred = ids.filter((id) => this.#rows.get(id).starred);
      ids = [...new Set([...recent, ...often, ...starred])].slice(0, MOST);
    }
    this.#question.places = ids;
    this.#draw();
  }

  /** Give a class a button that has none: at the end, or instead of the one used least of those no digit picks. */
  #bring(id) {
    const { places } = this.#question;
    if (!this.#rows.has(id) || places.includes(id)) return;
    if (places.length < MOST) {
      places.push(id);
    } else {
      const worth = (each) => (this.#recents.ids.includes(each) ? 1e9 : 0) + (this.#used.get(each) ?? 0);
      const least = places.slice(DIGITS).reduce((a, b) => (worth(b) <= worth(a) ? b : a));
      places[places.indexOf(least)] = id;
    }
    this.#draw();
  }

  #draw() {
    const { places } = this.#question;
    const left = this.#rows.size - places.length;
    this.#more.hidden = left === 0;
    fill(this.#more, format(this.#options.texts.more, { n: number(left) }));
    const wanted = new Set(places);
    for (const [id, { button }] of this.#buttons) if (!wanted.has(id)) button.remove();
    places.forEach((id, at) => {
      const { button, place } = this.#buttons.get(id) ?? this.#build(this.#rows.get(id));
      fill(place, at < DIGITS ? String((at + 1) % 10) : "");
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
        build("kbd", { class: "letter", hidden: row.key ? null : "" }),
      ],
    );
    showLetter(button.querySelector(".letter"), row.key ?? "");
    button.querySelector(".dot").style.backgroundColor = row.colour;
    button.addEventListener("click", (event) => this.#options.onClass(row.id, event));
    const made = { button, count, place };
    this.#buttons.set(row.id, made);
    return made;
  }

  /** Show an entry's suggestions, and the classes it has been given. */
  show(entry, { note, isDigitForClass }) {
    const chosen = new Set(this.#isMulti && entry?.draft ? entry.draft : (entry?.stands?.classes ?? []));
    const told = entry ? this.#note(entry) : "";
    note.hidden = !told;
    fill(note, told);
    this.#suggestions.forEach((button, at) => this.#showSuggestion(button, entry?.suggestions[at], chosen));
    this.#list.classList.toggle("digits", isDigitForClass);
    if (this.#rows.size > MOST) this.#bring(this.#recents.ids[0]); // just picked by its name
    if (this.#isMulti) for (const id of chosen) this.#bring(id);
    for (const [id, { button }] of this.#buttons) {
      button.setAttribute("aria-pressed", String(chosen.has(id)));
      button.disabled = !entry;
    }
  }

  /** What is said beside an entry's suggestions, or in their place. */
  #note({ suggestions, by_names: isByNames, by_model: model, blind }) {
    const { texts } = this.#options;
    if (suggestions.length && model) return format(texts.byModel, { name: model });
    if (suggestions.length) return isByNames ? texts.byNames : "";
    return blind ? texts.blind : texts.noneYet;
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
    this.#used = counts;
    if (!this.#question.isCounted && counts.size) {
      this.#question.isCounted = true;
      if (this.#rows.size > MOST) this.#arrange();
    }
    for (const [id, { count }] of this.#buttons) {
      const n = counts.get(id);
      fill(count, n === undefined ? "" : String(n));
    }
  }
}
