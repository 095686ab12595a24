// A tile of a text: how it begins.

import { isFixed, readable, writingOf } from "../core/passages.js";
import { Cell } from "./cell.js";
import { build } from "./dom.js";

export class TextCell extends Cell {
  constructor(subject) {
    const text = readable(subject.text ?? "").trim();
    const lang = subject.lang || writingOf(text).lang || null;
    const classes = isFixed(text.split("\n")) ? "tile-text fixed" : "tile-text";
    const shown = build("div", { class: classes, dir: "auto", lang }, [subject.more ? `${text}…` : text]);
    super(subject, build("div", { class: "tile-ground" }, [shown]));
    this.element.classList.add("of-text");
    this.element.dataset.ready = "true";
    this.isReady = true;
    this.promise = Promise.resolve();
  }
}
