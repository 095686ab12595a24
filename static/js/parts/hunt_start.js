// Where a hunt begins: the classes as cards, starred ones first, each with how many were found.

import { format } from "../core/texts.js";
import { build, fill, number } from "./dom.js";
import { showLetter } from "./keys.js";

const MOST = 60; // cards; the others are found by typing

export class HuntStart {
  #root;
  #options;
  #cards = new Map(); // class id -> {card, count}

  /** options: session, onPick(id, event) */
  constructor(root, options) {
    this.#root = root;
    this.#options = options;
  }

  show() {
    const { session } = this.#options;
    const counts = session.tally.counts;
    const rows = session.classes.rows.filter(({ blank }) => !blank);
    // Starred ones first, and of the others those that something was found of: sorting keeps their order else.
    const rank = ({ id, starred }) => (starred ? 0 : counts.get(id) ? 1 : 2);
    const shown = rows.sort((one, other) => rank(one) - rank(other)).slice(0, MOST);
    const cards = shown.map((row) => {
      const known = this.#cards.get(row.id) ?? this.#build(row);
      fill(known.count, format(session.texts.foundOf, { n: number(counts.get(row.id) ?? 0) }));
      return known.card;
    });
    const { children } = this.#root;
    if (children.length !== cards.length || cards.some((card, at) => card !== children[at])) {
      this.#root.replaceChildren(...cards);
    }
  }

  #build(row) {
    const { session, onPick } = this.#options;
    const count = build("span", { class: "count number" });
    const dot = build("span", { class: "dot" });
    dot.style.backgroundColor = row.colour;
    const star = build("span", { class: "star", role: "img", "aria-label": session.texts.star }, ["★"]);
    const key = build("kbd", { hidden: row.key ? null : "" });
    showLetter(key, row.key ?? "");
    const attributes = { type: "button", class: "start-class", "data-testid": "start-class", "data-class": row.id };
    const parts = [dot, build("span", { class: "name" }, [row.name]), ...(row.starred ? [star] : []), key, count];
    const card = build("button", attributes, parts);
    card.addEventListener("click", (event) => onPick(row.id, event));
    this.#cards.set(row.id, { card, count });
    return { card, count };
  }
}
