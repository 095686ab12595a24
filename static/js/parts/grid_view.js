// What the grid's page shows around its tiles: what they are taken for, how far one is, what can be done.

import { format } from "../core/texts.js";
import { ClassSide } from "./class_side.js";
import { all, buttonOf, byId, fill, number } from "./dom.js";
import { TileTools } from "./tile_tools.js";

const MESSAGE_LINKS = ["used_up", "finished", "preparing"]; // states that may last: with ways to elsewhere

export class GridView {
  #session;
  #options;
  #side;
  #tools;

  /** options: session, tiles, supply, page(), left(group), whyNot() -> text, onClass(id), onGroup(group) */
  constructor(options) {
    const { session, tiles, onClass, onGroup } = options;
    this.#options = options;
    this.#session = session;
    this.#tools = new TileTools(byId("tiles"), tiles, session);
    this.commands = this.#tools.commands;
    this.#side = new ClassSide(byId("classes"), {
      texts: session.texts,
      onClass: (id, event) => session.clicked(event, () => onClass(id)),
      onGroup: (group, event) => session.clicked(event, () => onGroup(group)),
    });
  }

  draw() {
    const { supply } = this.#options;
    const page = this.#options.page();
    this.#drawTarget(page);
    byId("audits").toggleAttribute("data-none", supply.audits === 0); // keeps its room: nothing jumps
    fill(byId("audits-n"), format(this.#session.texts.audits, { n: number(supply.audits) }));
    this.#side.show({
      classes: this.#session.classes.rows,
      groups: supply.groups,
      leftOf: this.#options.left,
      target: page?.target,
      group: page?.group,
    });
    this.#drawButtons(page);
    this.#drawMessage(page);
    this.#tools.refresh();
    this.#session.showNumbers();
  }

  /** The page in view, or why there is none, for who can't see it. */
  spoken() {
    const page = this.#options.page();
    if (!page) return this.emptyText();
    const values = { n: this.#options.tiles.open.length, name: this.#targetName(page) };
    return `${format(this.#session.texts.page, values)} ${this.#reason(page)}.`;
  }

  emptyText() {
    const { isTroubled, refusal, state, message } = this.#options.supply;
    const { texts } = this.#session;
    if (isTroubled) return refusal || texts.noServer;
    if (state === "used_up") return texts.usedUp;
    if (state === "finished") return texts.finished;
    return (state === "preparing" && message) || texts.loading;
  }

  #targetName({ target }) {
    return target === null ? this.#session.texts.noTargetYet : this.#session.name(target);
  }

  /** Why these tiles are together. */
  #reason({ group, subjects }) {
    const { texts } = this.#session;
    if (group.class === null) return texts.similar;
    const sure = subjects.map(({ p }) => p).filter((p) => p !== null);
    const [low, high] = [Math.min(...sure), Math.max(...sure)].map((p) => Math.floor(100 * p));
    const name = this.#session.name(group.class);
    return format(low === high ? texts.predicted : texts.predictedRange, { name, low, high });
  }

  #drawTarget(page) {
    const { tiles, supply, left } = this.#options;
    const { texts } = this.#session;
    const known = page && supply.groups.find(({ class: id }) => id !== null && id === page.group.class);
    fill(byId("target"), page ? this.#targetName(page) : "");
    byId("target").toggleAttribute("data-open", page?.target === null);
    byId("target-dot").hidden = !page?.target;
    byId("target-dot").style.backgroundColor = page?.target ? this.#session.colour(page.target) : "";
    fill(byId("reason"), page ? this.#reason(page) : "");
    fill(byId("left"), page ? format(texts.leftOf, { n: number(left(known || page.group)) }) : "");
    const [seen, total] = [tiles.seen, tiles.open.length];
    fill(byId("seen"), page ? format(texts.seen, { n: seen, total }) : "");
    byId("seen").toggleAttribute("data-all", seen === total);
  }

  #drawButtons(page) {
    const { texts, history } = this.#session;
    const { tiles, whyNot } = this.#options;
    const [selected, rest] = [tiles.selected.length, tiles.unselected.length];
    const isLeaving = Boolean(page) && !rest && selected > 0;
    fill(byId("confirm-text"), isLeaving ? format(texts.leave, { n: selected }) : this.#confirmText(page, rest));
    byId("confirm").disabled = !page || (!isLeaving && whyNot() !== "");
    fill(byId("selection"), selected ? format(texts.selected, { n: selected }) : texts.noneSelected);
    fill(byId("classes-title"), selected ? format(texts.classTitleSelected, { n: selected }) : texts.classTitle);
    byId("labelling").toggleAttribute("data-selecting", selected > 0);
    byId("labelling").toggleAttribute("data-odd-ones-left", isLeaving);
    for (const each of all("[data-needs-selection]")) each.disabled = !selected;
    buttonOf("select_all").disabled = !rest;
    buttonOf("undo").disabled = !history.canUndo;
    buttonOf("redo").disabled = !history.canRedo;
  }

  #confirmText(page, rest) {
    const { texts } = this.#session;
    if (!page) return texts.confirm;
    return page.target === null
      ? texts.chooseFirst
      : format(texts.confirmAs, { n: rest, name: this.#targetName(page) });
  }

  #drawMessage(page) {
    const { state, pool } = this.#options.supply;
    byId("stage-message").hidden = Boolean(page);
    fill(byId("stage-text"), this.emptyText());
    const bar = byId("stage-progress");
    bar.hidden = !(state === "preparing" && pool?.embedded < pool?.total);
    if (!bar.hidden) Object.assign(bar, { max: Math.max(1, pool.total), value: pool.embedded });
    byId("stage-links").hidden = !MESSAGE_LINKS.includes(state);
    byId("to-single").hidden = state !== "used_up";
  }
}
