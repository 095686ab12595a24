// The words of the text in view that speak for its suggestion and against it: asked for, marked in it and listed below.

import { remember, remembered } from "../core/memory.js";
import { readable, unitsOf, wordsOf } from "../core/passages.js";
import { format } from "../core/texts.js";
import { build, buttonOf, byId, fill } from "./dom.js";

const SOON_MS = 60; // a text that is only passed is not asked about
const LISTED = 6; // words a side
const KEPT = 60; // answers

export class Speaking {
  #session;
  #viewer;
  #isOn;
  #known = new Map(); // "sample class" -> spans
  /** @type {string | null} */
  #wanted = null; // what is in view
  #timer = null;

  constructor({ session, viewer }) {
    this.#session = session;
    this.#viewer = viewer;
    this.#isOn = remembered(this.#key) !== "off";
    this.commands = { speaking: () => this.#toggle() };
  }

  get #key() {
    return `labeller-speaking:${this.#session.boot.user}`;
  }

  #toggle() {
    this.#isOn = !this.#isOn;
    remember(this.#key, this.#isOn ? "" : "off");
    const [entry, classId] = this.#last;
    this.#wanted = null;
    this.show(entry, classId);
  }

  #last = [null, null];

  /** A text is in view; `classId` is what is suggested to the person, null where they are shown nothing. */
  show(entry, classId) {
    this.#last = [entry, classId];
    buttonOf("speaking")?.setAttribute("aria-pressed", String(this.#isOn));
    const isShown = this.#isOn && entry && !entry.blind && classId !== null;
    const wanted = isShown ? `${entry.sample} ${classId}` : "";
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    clearTimeout(this.#timer);
    this.#draw(entry, classId, this.#known.get(wanted) ?? []);
    if (wanted && !this.#known.has(wanted)) {
      this.#timer = setTimeout(() => this.#ask(wanted, entry, classId), SOON_MS);
    }
  }

  async #ask(wanted, entry, classId) {
    const { boot } = this.#session;
    const { status, data } = await this.#session.post(boot.urls.speaking, { sample: entry.sample, class: classId });
    if (status !== 200) return;
    this.#known.set(wanted, data.spans);
    if (this.#known.size > KEPT) this.#known.delete(this.#known.keys().next().value);
    if (wanted === this.#wanted) this.#draw(entry, classId, data.spans);
  }

  #draw(entry, classId, spans) {
    if (entry) this.#viewer.mark(spans);
    const { texts } = this.#session;
    const text = readable(entry?.text ?? "");
    const words = wordsOf(text, unitsOf(text, spans));
    const list = (title, side, found) =>
      found.length
        ? build("p", { class: "side" }, [
            build("span", { class: "small" }, [title]),
            ...found.slice(0, LISTED).flatMap((word) => [" ", build("mark", { class: side }, [word])]),
          ])
        : "";
    const name = classId === null ? "" : this.#session.name(classId);
    const box = byId("speaking-words");
    box.replaceChildren(
      list(format(texts.speaksFor ?? "", { name }), "for", words.for),
      list(format(texts.speaksAgainst ?? "", { name }), "against", words.against),
    );
    if (!spans.length) fill(box, "");
  }
}
