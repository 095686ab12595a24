// The classes beside the tiles: with how many are predicted as each, to turn to, or to give to what is selected.

import { format } from "../core/texts.js";
import { build, fill, number } from "./dom.js";
import { showLetter } from "./keys.js";

const MOST = 120; // buttons; the others are found by typing

export class ClassSide {
  #root;
  #options;
  #rows = new Map(); // class id or cluster -> {button, count, place}

  /** options: texts, onClass(id, event), onGroup(group, event) for groups that no class is predicted for */
  constructor(root, options) {
    this.#root = root;
    this.#options = options;
  }

  /** `classes` in their order, `groups` as the server gives them, `leftOf(group)`; `target` and `group` in use. */
  show({ classes, groups, leftOf, target, group }) {
    const byClass = new Map(groups.filter((each) => each.class !== null).map((each) => [each.class, each]));
    const isShort = classes.length <= MOST;
    const shown = classes.filter(({ id }, at) => isShort || at < 10 || byClass.has(id) || id === target).slice(0, MOST);
    const clusters = groups.filter((each) => each.class === null);
    const wanted = [
      ...shown.map((row) => this.#class(row, classes.indexOf(row), byClass.get(row.id), leftOf, row.id === target)),
      ...clusters.map((each) => this.#cluster(each, leftOf(each), each.id === group?.id)),
    ];
    const { children } = this.#root;
    // Only what is new moves: a focused button stays where it is.
    if (children.length !== wanted.length || wanted.some((button, at) => children[at] !== button)) {
      this.#root.replaceChildren(...wanted);
    }
  }

  #class(row, place, group, leftOf, isTarget) {
    const { texts, onClass } = this.#options;
    const known = this.#rows.get(row.id) ?? this.#build(row.id, (event) => onClass(row.id, event));
    known.button.dataset.class = row.id;
    known.button.dataset.name = row.name;
    fill(known.name, row.name);
    known.dot.style.backgroundColor = row.colour;
    fill(known.place, place < 10 ? String((place + 1) % 10) : "");
    showLetter(known.letter, row.key ?? "");
    known.letter.hidden = !row.key;
    this.#mark(
      known,
      group ? leftOf(group) : null,
      isTarget,
      group ? format(texts.predictedAs, { n: number(group.n) }) : "",
    );
    return known.button;
  }

  #cluster(group, left, isInUse) {
    const { texts, onGroup } = this.#options;
    const key = `cluster ${group.number}`;
    const known = this.#rows.get(key) ?? this.#build(key, (event) => onGroup(known.group, event));
    known.group = group;
    known.button.classList.add("cluster");
    fill(known.name, format(texts.cluster, { n: group.number }));
    this.#mark(known, left, isInUse, format(texts.clusterOf, { n: number(group.n) }));
    return known.button;
  }

  #mark({ button, count }, left, isInUse, title) {
    fill(count, left === null ? "" : number(left));
    button.title = title;
    button.setAttribute("aria-pressed", String(isInUse));
    button.toggleAttribute("data-used-up", left === 0);
  }

  #build(key, onClick) {
    const part = (name, tag = "span") => build(tag, { class: name });
    const known = {
      dot: part("dot"),
      name: part("name"),
      count: build("span", { class: "count number", "data-testid": "left" }),
      place: part("place", "kbd"),
      letter: build("kbd", { class: "letter", hidden: "" }),
    };
    known.button = build(
      "button",
      { type: "button", class: "class-button", "aria-pressed": "false", "data-testid": "class-button" },
      [known.dot, known.name, known.count, known.place, known.letter],
    );
    known.button.addEventListener("click", onClick);
    this.#rows.set(key, known);
    return known;
  }
}
