// The image viewer of the single, sequence and review screens: stage, zoom, filters, frames of a burst, their tools.
//
// Events on the stage: "imagestate" (an image is there, or isn't), "frame" (detail: {frame}: another one is in view),
// "swipe" (detail: {direction: left | right | up | down, command: next | previous | accept | null}).

import { FEWEST, nearestInTime } from "../core/median.js";
import { remember, remembered } from "../core/memory.js";
import { format } from "../core/texts.js";
import { Difference } from "./difference.js";
import { afterPaint, byId, fill, number } from "./dom.js";
import { Filters } from "./filters.js";
import { Frames, Play } from "./frames.js";
import { listenToHands } from "./gestures.js";
import { Stage } from "./stage.js";
import { Zoom } from "./zoom.js";

const LARGE = 1280; // pixels of the long side
const CROPPED = "labeller-box-alone"; // whether somebody wants to see boxes alone, without their photograph
const isRtl = () => document.documentElement.dir === "rtl";
// Of a key, Shift may be what the layout needs to write it at all.
/** @param {Meant} [meant] */
const isBack = ({ shift = false, event } = {}) => shift || (event instanceof MouseEvent && event.shiftKey);
const { lang } = document.documentElement;
// The camera's own clock, whatever its zone: shown as it stood there.
const cameraTime = new Intl.DateTimeFormat(lang || undefined, {
  dateStyle: "medium",
  timeStyle: "medium",
  hourCycle: "h23",
  timeZone: "UTC",
});
const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Viewer {
  #root;
  #options;
  #stage;
  #zoom;
  #filters;
  #frames;
  #play;
  #difference;
  #isDifferent = false;
  #isMarking = false;
  #entry = null;
  #burst = []; // its frames, where there are at least two
  #seen = { box: false, burst: false }; // since the page was opened: their tools then stay where they are

  /**
   * `root` is the stage. Options: source(sampleId, size) -> address; describe(entry) -> text for who can't see it;
   * texts (templates/annotating/_viewer.html has them); notify(text); clicked(event, act);
   * frameState(frame) -> {text, colour, isClosed} | null, what was decided for a frame itself, or that it's not theirs;
   * decides: "sample" or "burst"; covers() -> what the next decision about a burst is for, in words.
   */
  constructor(root, options) {
    this.#root = root;
    const usual = { notify: () => {}, clicked: (_, act) => act(), frameState: () => null };
    this.#options = { ...usual, decides: "sample", covers: () => "", ...options };
    const { source, texts, clicked } = this.#options;
    this.#stage = new Stage(root, { source: (id) => source(id, LARGE), describe: (entry) => this.#describe(entry) });
    this.#stage.isWhole = remembered(CROPPED) !== "yes";
    this.#zoom = new Zoom(this.#stage.viewport, this.#stage.pane, () => this.#showTools());
    this.#filters = new Filters(this.#stage.viewport);
    this.#difference = new Difference(source);
    this.#frames = new Frames({
      list: byId("frames"),
      note: byId("frames-note"),
      source,
      texts,
      state: this.#options.frameState,
      covers: this.#options.covers,
      onPick: (frame, event) => clicked(event, () => this.lookAt(frame)),
    });
    this.#play = new Play({
      step: () => this.#go(this.#following(1, true)),
      isNextReady: () => this.#stage.isReady(this.#following(1, true)?.sample),
      onChange: () => this.#showTools(),
    });
    listenToHands(this.#stage.viewport, this.#zoom, (direction) => this.#swiped(direction));
    document.addEventListener("fullscreenchange", () => this.#showTools());
    this.#showTools();
  }

  /** What keys and the buttons with `data-command` call. */
  commands = {
    zoom_in: (meant) => this.#zoom.step(!isBack(meant)),
    zoom_out: () => this.#zoom.step(false),
    fit: () => this.#zoom.fit(),
    pan_left: () => this.#zoom.slide(-1, 0),
    pan_right: () => this.#zoom.slide(1, 0),
    pan_up: () => this.#zoom.slide(0, -1),
    pan_down: () => this.#zoom.slide(0, 1),
    brighter: (meant) => this.#filter(() => this.#filters.brighter(isBack(meant) ? -1 : 1)),
    contrast: (meant) => this.#filter(() => this.#filters.moreContrast(isBack(meant) ? -1 : 1)),
    invert: () => this.#filter(() => this.#filters.invert()),
    reset: () => this.#filter(() => this.#filters.reset()),
    whole_frame: () => this.#toggleWhole(),
    full_screen: () => this.#toggleFullScreen(),
    play: () => this.#togglePlay(),
    frame_previous: () => this.#stepByHand(-1),
    frame_next: () => this.#stepByHand(1),
    difference: () => this.#toggleDifference(),
  };

  /** Show a sample to decide (null: none). */
  show(entry) {
    if (entry === this.#entry) return;
    this.#entry = entry;
    this.#burst = (entry?.burst ?? []).length > 1 ? entry.burst : [];
    this.#seen.box ||= Boolean(entry?.box);
    this.#seen.burst ||= this.#burst.length > 0;
    this.#isDifferent = false;
    this.#play.stop();
    if (this.#zoom.isZoomed) this.#zoom.fit();
    this.#stage.show(entry);
    this.#showAround();
  }

  /** What stands around the image comes after it. */
  #showAround = afterPaint(() => {
    this.#frames.show(this.#burst, this.#options.decides === "burst" ? null : this.#entry?.sample);
    this.#shown();
  });

  /** Decode the images around the one in view, and let go of the others. */
  prepare(entries, index) {
    this.#stage.prepare(entries, index);
  }

  /** Look at a frame of the burst; what is to be decided stays the same. */
  lookAt(frame) {
    this.#play.stop();
    this.#go(frame);
  }

  /** Outline boxes of the photograph in view; `isMarking`: they are being drawn. See parts/stage.js. */
  mark(marks, isMarking = false) {
    const isNew = isMarking !== this.#isMarking;
    this.#isMarking = isMarking;
    this.#stage.mark(marks, isMarking);
    if (!isNew) return;
    const isCropped = this.#stage.inView?.box && !this.#stage.isWhole;
    if (isCropped && this.#zoom.isZoomed) this.#zoom.fit();
    this.#showTools();
  }

  /** What takes the pointer while boxes are drawn. */
  get layer() {
    return this.#stage.layer;
  }

  placeOf(point) {
    return this.#stage.placeOf(point);
  }

  /** Decisions for single frames changed: say them anew. */
  refresh() {
    this.#frames.refresh();
  }

  /** The frame in view, or the sample where there is no burst. */
  get inView() {
    return this.#burst.find(({ sample }) => sample === this.#stage.inView?.sample) ?? this.#stage.inView;
  }

  /** Whether the sample to decide can be seen. */
  get isVisible() {
    return this.#stage.isVisible;
  }

  get isGone() {
    return this.#stage.isGone;
  }

  get isBroken() {
    return this.#stage.isBroken;
  }

  /** Milliseconds the sample, or another frame of its burst, has been visible to a person. */
  get dwell() {
    return this.#stage.dwell;
  }

  get isZoomed() {
    return this.#zoom.isZoomed;
  }

  /** Ids of the samples whose images are held decoded. */
  get held() {
    return this.#stage.held;
  }

  retry() {
    this.#stage.retry();
  }

  #describe(entry) {
    if (entry === this.#entry) return this.#options.describe(entry);
    return this.#frames.name(entry);
  }

  // --- frames of a burst ---------------------------------------------------------------------------

  #following(by, isRound = false) {
    const at = this.#burst.findIndex(({ sample }) => sample === this.#stage.inView?.sample);
    if (at < 0) return null;
    const n = this.#burst.length;
    return this.#burst[isRound ? (at + by + n) % n : at + by] ?? null;
  }

  #stepByHand(by) {
    this.#play.stop();
    this.#go(this.#following(by));
  }

  #go(frame) {
    if (!frame || frame.sample === this.#stage.inView?.sample) return;
    this.#stage.look(frame);
    this.#shown();
    this.#root.dispatchEvent(new CustomEvent("frame", { detail: { frame } }));
  }

  #togglePlay() {
    if (!this.#burst.length) return;
    if (this.#play.isRunning) this.#play.stop();
    else if (isStill())
      this.#go(this.#following(1, true)); // nothing moves by itself: a press is a step
    else this.#play.start(this.#burst.length);
  }

  #toggleDifference() {
    if (!this.#stage.inView) return;
    this.#isDifferent = !this.#isDifferent;
    this.#options.notify("");
    if (this.#isDifferent) this.#showDifference();
    else this.#stage.cover(null);
    this.#showTools();
  }

  async #showDifference() {
    const { texts } = this.#options;
    const frame = this.#stage.inView;
    const n = nearestInTime(this.#burst, frame).length;
    if (n < FEWEST) {
      this.#noDifference(format(texts.differenceFew, { n, fewest: FEWEST }));
      return;
    }
    const { canvas } = this.#difference;
    canvas.setAttribute("aria-label", texts.differenceAlt);
    this.#stage.cover(canvas);
    const isDrawn = await this.#difference.draw(this.#burst, frame);
    if (isDrawn === false && this.#isDifferent) this.#noDifference(texts.differenceFailed);
  }

  #noDifference(why) {
    this.#isDifferent = false;
    this.#stage.cover(null);
    this.#showTools();
    this.#options.notify(why);
  }

  // --- how it is looked at -------------------------------------------------------------------------

  #filter(change) {
    change();
    this.#showTools();
  }

  #toggleWhole() {
    if (!this.#stage.inView?.box || this.#isMarking) return;
    this.#stage.isWhole = !this.#stage.isWhole;
    remember(CROPPED, this.#stage.isWhole ? "" : "yes");
    if (this.#zoom.isZoomed) this.#zoom.fit();
    this.#showTools();
  }

  async #toggleFullScreen() {
    const side = this.#root.closest(".stage-side") ?? this.#root;
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await side.requestFullscreen();
    } catch {
      this.#options.notify(this.#options.texts.noFullScreen);
    }
  }

  #swiped(direction) {
    const [next, previous] = isRtl() ? ["right", "left"] : ["left", "right"];
    const command = { [next]: "next", [previous]: "previous", up: "accept" }[direction] ?? null;
    this.#root.dispatchEvent(new CustomEvent("swipe", { detail: { direction, command } }));
  }

  // --- what a person sees --------------------------------------------------------------------------

  /** Another sample or frame came into view. */
  #shown() {
    const frame = this.inView;
    this.#frames.mark(frame);
    this.#showWhen(frame);
    this.#showTools();
    if (this.#isDifferent) this.#showDifference();
  }

  #showWhen(frame) {
    const time = byId("taken-at");
    const taken = frame?.taken_at ? new Date(frame.taken_at) : null;
    fill(time, taken ? cameraTime.format(taken) : "");
    time.dateTime = taken ? taken.toISOString() : "";
    fill(byId("deployment"), this.#entry?.deployment ?? "");
    fill(byId("notes"), (this.#entry?.notes ?? []).join(" "));
  }

  #showTools() {
    const filters = this.#filters;
    const hasBurst = this.#burst.length > 0;
    const percent = (value) => (value === 1 ? "" : value.toLocaleString(lang, { style: "percent" }));
    this.#tool("zoom_in", { value: this.#zoom.isZoomed ? `${number(Math.round(this.#zoom.scale * 10) / 10)}×` : "" });
    this.#tool("brighter", { isOn: filters.brightness !== 1, value: percent(filters.brightness) });
    this.#tool("contrast", { isOn: filters.contrast !== 1, value: percent(filters.contrast) });
    this.#tool("invert", { isOn: filters.isInverted });
    this.#tool("full_screen", { isOn: document.fullscreenElement !== null, isHidden: !document.fullscreenEnabled });
    const noBox = !this.#stage.inView?.box || this.#isMarking;
    this.#tool("whole_frame", { isOn: this.#stage.isWhole, isHidden: !this.#seen.box, isDisabled: noBox });
    this.#tool("play", { isOn: this.#play.isRunning, isDisabled: !hasBurst });
    this.#tool("difference", { isOn: this.#isDifferent, isDisabled: !hasBurst });
    this.#tool("frame_previous", { isDisabled: !hasBurst });
    this.#tool("frame_next", { isDisabled: !hasBurst });
    byId("burst").hidden = !this.#seen.burst;
  }

  /**
   * @param {string} command
   * @param {{ isOn?: boolean, value?: string, isDisabled?: boolean, isHidden?: boolean }} state
   */
  #tool(command, { isOn, value, isDisabled, isHidden = false }) {
    const button = byId("viewer").querySelector(`[data-command="${command}"]`);
    if (isOn !== undefined) button.setAttribute("aria-pressed", String(isOn));
    if (isDisabled !== undefined) button.disabled = isDisabled;
    if (value !== undefined) fill(button.querySelector(".value"), value);
    button.hidden = isHidden;
  }
}
