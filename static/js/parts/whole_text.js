// All of a text that is longer than its tile, to be read before it is decided.

import { blocksOf, readable } from "../core/passages.js";
import { getJson } from "../core/server.js";
import { build, byId, fill } from "./dom.js";

export class WholeText {
  #session;

  constructor(session) {
    this.#session = session;
  }

  async show(subject) {
    if (!subject) return;
    this.#fill(subject, subject.text);
    byId("whole-text").showModal();
    byId("whole-text-body").scrollTop = 0;
    if (!subject.more) return;
    const { status, data } = await getJson(this.#session.pieceAddress(subject.sample, 0));
    if (status === 200) this.#fill(subject, data.text, data.next !== null);
    else fill(byId("whole-text-end"), this.#session.texts.noServer);
  }

  #fill(subject, given, isMore = subject.more) {
    const text = readable(given);
    const body = byId("whole-text-body");
    body.dataset.face = byId("tiles").dataset.face;
    for (const name of ["--reading-size", "--reading-spacing"]) {
      body.style.setProperty(name, byId("tiles").style.getPropertyValue(name));
    }
    body.replaceChildren(
      ...blocksOf(text).map(({ start, end, isFixed }) =>
        build(
          "div",
          { class: isFixed ? "reader-block fixed" : "reader-block", dir: "auto", lang: subject.lang || null },
          [text.slice(start, end)],
        ),
      ),
    );
    fill(byId("whole-text-end"), isMore ? this.#session.texts.goesOn : "");
  }
}
