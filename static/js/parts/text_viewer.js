// A text in view, in the place of a picture: what screens of one sample after the other ask of a viewer.
//
// Long texts come in pieces as they are read. Each piece is laid out in blocks, of which the browser draws what is in
// view (content-visibility, static/css/reading.css).

import { blocksOf, readable, runsOf, unitsOf, writingOf } from "../core/passages.js";
import { getJson } from "../core/server.js";
import { build, byId, fill } from "./dom.js";
import { ReadingTools } from "./reading_tools.js";

const AHEAD = "2000px"; // below what is in view, from which on the next piece is fetched
const STEP = 0.2; // of the height in view: an arrow's
const PAGE = 0.88;
const RETRY_MS = 2000;

export class TextViewer {
  #root;
  #options;
  #article = build("div", { class: "reader", role: "document", "data-testid": "reader", dir: "auto" });
  #end = build("p", { class: "reader-end", hidden: "" });
  #tools;
  #entry = null;
  /** @type {{ text: string, blocks: any[], next: number | null, isBusy: boolean }} */
  #read = { text: "", blocks: [], next: null, isBusy: false };
  #spans = [];
  #since = 0;
  #seenMs = 0;
  #observer;

  /** `root` is the stage. options: texts, notify(text), scope, address(sample, start) -> of a piece of a text */
  constructor(root, options) {
    this.#root = root;
    this.#options = options;
    root.classList.add("reading");
    root.prepend(this.#article, this.#end);
    this.#tools = new ReadingTools(root, { scope: options.scope, texts: options.texts });
    Object.assign(this.commands, this.#tools.commands);
    this.#observer = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && this.#more(), {
      root,
      rootMargin: `0px 0px ${AHEAD} 0px`,
    });
    document.addEventListener("visibilitychange", () => this.#clock());
  }

  /** What keys and the buttons with `data-command` call. */
  commands = {
    scroll_up: () => this.#scroll(-STEP),
    scroll_down: () => this.#scroll(STEP),
    page_up: () => this.#scroll(-PAGE),
    page_down: () => this.#scroll(PAGE),
    full_screen: () => this.#toggleFullScreen(),
  };

  /** Show a sample to decide (null: none). */
  show(entry) {
    if (entry === this.#entry) return;
    this.#entry = entry;
    this.#spans = [];
    this.#seenMs = this.#since = 0;
    this.#observer.disconnect();
    const text = readable(entry?.text ?? "");
    this.#read = { text: "", blocks: [], next: entry?.more ? [...entry.text].length : null, isBusy: false };
    this.#article.replaceChildren();
    this.#write(text);
    const { lang, isVertical } = writingOf(text);
    this.#root.toggleAttribute("data-vertical", isVertical);
    for (const [name, value] of Object.entries({ lang: entry?.lang || lang, "data-sample": entry?.sample ?? "" })) {
      if (value) this.#article.setAttribute(name, String(value));
      else this.#article.removeAttribute(name);
    }
    this.#root.scrollTo({ top: 0, left: 0, behavior: "instant" });
    this.#showEnd();
    fill(byId("deployment"), entry?.deployment ?? "");
    this.#clock();
    if (entry?.more) this.#observer.observe(this.#end);
  }

  /** Mark the words of the sample in view: spans of the server, [first character, one after the last, weight]. */
  mark(spans) {
    const text = this.#entry?.text ?? "";
    this.#spans = unitsOf(text, spans);
    for (const block of this.#read.blocks) if (block.start < text.length) this.#fill(block);
  }

  get inView() {
    return this.#entry;
  }

  get isVisible() {
    return this.#entry !== null;
  }

  /** Milliseconds the text has been visible to a person. */
  get dwell() {
    return Math.round(this.#seenMs + (this.#since ? performance.now() - this.#since : 0));
  }

  // What a viewer of pictures has to say: a text is there with its sample, in one frame, and as large as it is.
  isGone = false;
  isBroken = false;
  prepare() {}
  refresh() {}
  retry() {}

  // --- what it says -------------------------------------------------------------------------------

  /** Go on with more of the text: what stood last may go on in it. */
  #write(more) {
    const { blocks } = this.#read;
    const last = blocks.pop();
    const from = last?.start ?? 0;
    last?.element.remove();
    const text = this.#read.text + more;
    this.#read.text = text;
    for (const { start, end, isFixed } of blocksOf(text.slice(from))) {
      const element = build("div", { class: isFixed ? "reader-block fixed" : "reader-block", dir: "auto" });
      const block = { start: from + start, end: from + end, isFixed, element };
      this.#fill(block);
      blocks.push(block);
      this.#article.append(element);
    }
  }

  #fill(block) {
    const runs = runsOf(this.#read.text, block, this.#spans);
    block.element.replaceChildren(
      ...runs.map(({ text, weight }) => (weight === null ? text : build("mark", { class: sideOf(weight) }, [text]))),
    );
  }

  async #more() {
    const [entry, read] = [this.#entry, this.#read];
    if (!entry || read.next === null || read.isBusy) return;
    read.isBusy = true;
    const { status, data } = await getJson(this.#options.address(entry.sample, read.next));
    if (read !== this.#read) return; // another sample is in view by now
    read.isBusy = false;
    if (status !== 200) {
      setTimeout(() => read === this.#read && this.#more(), RETRY_MS);
      return;
    }
    read.next = data.next;
    this.#write(readable(data.text));
    this.#showEnd();
    this.#observer.disconnect();
    if (data.next !== null) this.#observer.observe(this.#end); // asks anew whether it is near
  }

  #showEnd() {
    this.#end.hidden = this.#read.next === null;
    fill(this.#end, this.#options.texts.goesOn ?? "");
  }

  // --- how it is looked at ------------------------------------------------------------------------

  #scroll(by) {
    const root = this.#root;
    if (root.hasAttribute("data-vertical")) root.scrollBy({ left: by * root.clientWidth });
    else root.scrollBy({ top: by * root.clientHeight });
  }

  async #toggleFullScreen() {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await this.#root.closest(".stage-side").requestFullscreen();
    } catch {
      this.#options.notify(this.#options.texts.noFullScreen);
    }
  }

  #clock() {
    if (this.#since) this.#seenMs += performance.now() - this.#since;
    this.#since = this.#entry && !document.hidden ? performance.now() : 0;
  }
}

const sideOf = (weight) => (weight > 0 ? "for" : "against");
