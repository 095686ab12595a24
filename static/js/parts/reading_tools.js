// How texts are read: size, room between lines, typeface; kept for the person's next visit. Buttons: _reading_tools.html.

import { remember, remembered } from "../core/memory.js";
import { faced, inWords, readingOf, resized, SIZES, SPACINGS, spaced } from "../core/reading.js";
import { all, fill, number } from "./dom.js";

export class ReadingTools {
  #root;
  #options;
  #reading;

  /** `root` holds the texts. options: scope, under which a person's choice is remembered; texts; onChange() */
  constructor(root, options) {
    this.#root = root;
    this.#options = options;
    this.#reading = readingOf(remembered(this.#key));
    this.commands = {
      text_bigger: () => this.#change(resized(this.#reading, 1)),
      text_smaller: () => this.#change(resized(this.#reading, -1)),
      spacing: () => this.#change(spaced(this.#reading)),
      typeface: () => this.#change(faced(this.#reading)),
    };
    this.#show();
  }

  get #key() {
    return `labeller-reading:${this.#options.scope}`;
  }

  #change(reading) {
    this.#reading = reading;
    remember(this.#key, inWords(reading));
    this.#show();
    this.#options.onChange?.();
  }

  #show() {
    const { size, spacing, face } = this.#reading;
    const { texts } = this.#options;
    this.#root.style.setProperty("--reading-size", `${SIZES[size]}rem`);
    this.#root.style.setProperty("--reading-spacing", String(SPACINGS[spacing]));
    this.#root.dataset.face = face;
    tool("text_bigger", { isDisabled: size === SIZES.length - 1 });
    tool("text_smaller", { isDisabled: size === 0 });
    tool("spacing", { value: number(SPACINGS[spacing]) });
    tool("typeface", { value: texts[`face${face[0].toUpperCase()}${face.slice(1)}`] ?? face });
  }
}

/**
 * @param {string} command
 * @param {{ value?: string, isDisabled?: boolean }} state
 */
function tool(command, { value, isDisabled = false }) {
  const [button] = all(`[data-command=${command}]`);
  if (!button) return;
  button.disabled = isDisabled;
  if (value !== undefined) fill(button.querySelector(".value"), value);
}
