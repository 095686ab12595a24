// One tile: its cell in the grid, and what is said of it. What is shown in it, each kind says itself.

import { build, fill } from "./dom.js";

export class Cell {
  isReady = false;
  isBroken = false; // for good, or until somebody tries again
  /** @type {Promise<unknown> | null} */
  promise = null; // resolves once it can be seen, or can't be

  #said = build("span", { class: "tile-said", hidden: "" });

  /** `shown` is what the tile shows. */
  constructor(subject, shown) {
    const mark = build("span", { class: "tile-mark", "aria-hidden": "true" }, ["✕"]);
    const attributes = { role: "gridcell", class: "tile", tabindex: "-1", "data-testid": "tile" };
    this.element = build("div", { ...attributes, "data-sample": subject.sample }, [shown, mark, this.#said]);
  }

  /** Try to show it. */
  fetch() {}

  set isCurrent(value) {
    this.element.tabIndex = value ? 0 : -1;
  }

  focus() {
    this.element.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "nearest" });
  }

  /** `decided` is {text, colour?}, or null; `place` the column. */
  draw({ label, isSelected, decided, place, isCurrent }) {
    const { element } = this;
    element.setAttribute("aria-selected", String(isSelected));
    element.setAttribute("aria-label", decided ? `${label}: ${decided.text}` : label);
    element.setAttribute("aria-colindex", String(place));
    element.toggleAttribute("data-decided", Boolean(decided));
    this.isCurrent = isCurrent;
    this.#said.hidden = !decided;
    fill(this.#said, decided?.text ?? "");
    if (decided?.colour) this.#said.style.setProperty("--class-colour", decided.colour);
    else this.#said.style.removeProperty("--class-colour");
  }
}
