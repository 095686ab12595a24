// How tiles are looked at: their size, full screen; of pictures brightness, contrast, inversion; of texts their type.
// Buttons: _tile_tools.html.

import { all, byId, fill } from "./dom.js";
import { Filters } from "./filters.js";
import { ReadingTools } from "./reading_tools.js";
import { WholeText } from "./whole_text.js";

// Of a key, Shift may be what the layout needs to write it at all.
/** @param {Meant} [meant] */
const isBack = ({ shift = false, event } = {}) => shift || (event instanceof MouseEvent && event.shiftKey);

export class TileTools {
  #tiles;
  #filters;

  /** `root` holds what is shown, `tiles` are the Tiles in it. */
  constructor(root, tiles, session) {
    this.#tiles = tiles;
    this.#filters = new Filters(root);
    this.commands = {
      ...(session.isOfTexts ? this.#ofTexts(root, session) : {}),
      brighter: (meant) => this.#change(() => this.#filters.brighter(isBack(meant) ? -1 : 1)),
      contrast: (meant) => this.#change(() => this.#filters.moreContrast(isBack(meant) ? -1 : 1)),
      invert: () => this.#change(() => this.#filters.invert()),
      reset: () => this.#change(() => this.#filters.reset()),
      full_screen: () => {
        if (document.fullscreenElement) document.exitFullscreen();
        else
          byId("labelling")
            .requestFullscreen()
            .catch(() => session.notify(session.texts.noFullScreen));
      },
    };
    document.addEventListener("fullscreenchange", () => this.refresh());
    this.refresh();
  }

  /** Texts have a typeface, and may be longer than their tiles. */
  #ofTexts(root, session) {
    root.classList.add("texts");
    const { boot, texts } = session;
    const reading = new ReadingTools(root, { scope: boot.user, texts, onChange: () => this.#tiles.layOut() });
    const whole = new WholeText(session);
    return { ...reading.commands, whole_text: () => whole.show(this.#tiles.current) };
  }

  #change(act) {
    act();
    this.refresh();
  }

  refresh() {
    const { brightness, contrast, isInverted } = this.#filters;
    const percent = (share) => (share === 1 ? "" : `${Math.round(100 * share)} %`);
    show("brighter", { isOn: brightness !== 1, value: percent(brightness) });
    show("contrast", { isOn: contrast !== 1, value: percent(contrast) });
    show("invert", { isOn: isInverted });
    show("full_screen", { isOn: document.fullscreenElement !== null });
    show("tile_bigger", { isDisabled: this.#tiles.isLargest });
    show("tile_smaller", { isDisabled: this.#tiles.isSmallest });
  }
}

/**
 * @param {string} command
 * @param {{ isOn?: boolean, value?: string, isDisabled?: boolean }} state
 */
function show(command, { isOn, value, isDisabled = false }) {
  const [button] = all(`.tile-tools [data-command=${command}]`);
  if (!button) return;
  button.disabled = isDisabled;
  if (isOn !== undefined) button.setAttribute("aria-pressed", String(isOn));
  if (value !== undefined) fill(button.querySelector(".value"), value);
}
