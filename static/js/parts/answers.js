// What was answered so far, and what the head thinks, as numbered buttons: each is an answer that a reviewer may let stand.

import { keyOf } from "../core/choices.js";
import { format } from "../core/texts.js";
import { build, fill } from "./dom.js";

export class Answers {
  #root;
  #options;
  #buttons = [];

  /** options: name(classes) -> text, colour(id), who(given) -> text, texts, onPick(number, event) */
  constructor(root, options) {
    this.#root = root;
    this.#options = options;
  }

  /** Show choices; `stands` are the classes that were decided here, if any. */
  show(choices, stands) {
    while (this.#buttons.length < choices.length) this.#add();
    this.#buttons.forEach(({ button }, at) => (button.hidden = at >= choices.length));
    choices.forEach((choice, at) =>
      this.#refresh(this.#buttons[at], choice, stands && keyOf(stands) === keyOf(choice.classes)),
    );
  }

  #add() {
    const number = this.#buttons.length + 1;
    const part = (name, tag = "span") => build(tag, { class: name });
    const parts = { dot: part("dot"), name: part("name"), who: part("who small"), percent: part("percent number") };
    const bar = build("span");
    const button = build("button", { type: "button", class: "suggestion answer", "data-testid": "answer" }, [
      build("kbd", {}, [String(number)]),
      parts.dot,
      build("span", { class: "answer-text" }, [parts.name, parts.who]),
      parts.percent,
      build("span", { class: "bar", "aria-hidden": "true" }, [bar]),
    ]);
    button.addEventListener("click", (event) => this.#options.onPick(number, event));
    this.#buttons.push({ ...parts, bar, button });
    this.#root.append(button);
  }

  #refresh({ button, dot, name, who, percent, bar }, choice, isStanding) {
    const { name: say, colour, who: voice, texts } = this.#options;
    fill(name, say(choice.classes));
    fill(who, choice.by.map(voice).join(", "));
    const share = choice.p === null ? "" : format(texts.headShare, { n: Math.round(choice.p * 100) });
    fill(percent, share || (choice.isHeads ? texts.head : ""));
    dot.style.backgroundColor = colour(choice.classes[0]) ?? "";
    button.toggleAttribute("data-likely", choice.p !== null);
    bar.style.inlineSize = `${(choice.p ?? 0) * 100}%`;
    button.classList.toggle("heads", choice.isHeads);
    button.setAttribute("aria-pressed", String(Boolean(isStanding)));
  }
}
