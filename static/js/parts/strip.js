// The strip of held samples under the stage.

import { readable } from "../core/passages.js";
import { format } from "../core/texts.js";
import { build } from "./dom.js";

const BEHIND = 10; // decided lately
const AHEAD = 5;
const BEGINNING = 60; // characters

const beginning = ({ text = "" }) => readable(text.slice(0, BEGINNING)).trim();

export class Strip {
  #root;
  #items = new Map(); // entry -> <li>
  #options;

  /** options: source(sampleId), or isOfTexts: whether beginnings of texts stand for pictures; isDone(entry), state(entry) -> text, colour(entry), texts, onPick(entry, event) */
  constructor(root, options) {
    this.#root = root;
    this.#options = { isDone: (entry) => entry.isDone, ...options };
  }

  show(entries, index) {
    const from = Math.max(0, Math.min(index - BEHIND, entries.length - BEHIND - AHEAD));
    const shown = entries.slice(from, from + BEHIND + AHEAD);
    const wanted = new Set(shown);
    for (const [entry, item] of this.#items) {
      if (!wanted.has(entry)) {
        item.remove();
        this.#items.delete(entry);
      }
    }
    shown.forEach((entry, at) => {
      const item = this.#items.get(entry) ?? this.#make(entry);
      if (this.#root.children[at] !== item) this.#root.insertBefore(item, this.#root.children[at] ?? null);
      this.#refresh(item, entry, entries[index] === entry);
    });
  }

  #make(entry) {
    const button = build("button", { type: "button", class: "thumb", "data-testid": "thumb" }, [
      this.#small(entry),
      build("span", { class: "dot", hidden: "" }),
    ]);
    button.addEventListener("click", (event) => this.#options.onPick(entry, event));
    const item = build("li", {}, [button]);
    this.#items.set(entry, item);
    return item;
  }

  #small(entry) {
    if (this.#options.isOfTexts) {
      return build("span", { class: "thumb-text", dir: "auto" }, [beginning(entry)]);
    }
    return build("img", { src: this.#options.source(entry.sample), alt: "", decoding: "async" });
  }

  #refresh(item, entry, isCurrent) {
    const button = item.firstElementChild;
    const text = beginning(entry);
    const label = format(this.#options.texts.thumb, { id: entry.sample, state: this.#options.state(entry), text });
    if (button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
    if (isCurrent) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
    const isDone = this.#options.isDone(entry);
    button.classList.toggle("done", isDone);
    const dot = button.querySelector(".dot");
    dot.hidden = !isDone;
    dot.style.backgroundColor = this.#options.colour(entry) ?? "";
  }
}
