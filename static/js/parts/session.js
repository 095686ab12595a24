// What every labelling screen shares: the server's word on the question, outbox and undo, and what stands around the stage.

import { ClassList } from "../core/class_list.js";
import { History } from "../core/history.js";
import { remember, remembered } from "../core/memory.js";
import { Outbox } from "../core/outbox.js";
import { postJson, signWith } from "../core/server.js";
import { Pace, Tally } from "../core/tally.js";
import { format } from "../core/texts.js";
import { newUuid } from "../core/uuid.js";
import { all, byId, fill, number } from "./dom.js";
import { listen } from "./keys.js";
import { showProblems } from "./problems.js";

const BANNER_MS = 10_000;
const GUARD_MS = 400; // between two clicks on one button that mean two things
const TROUBLES = new Set(["offline", "busy", "signed-out"]);

/** The token of now: after a new log-in in another tab the cookie has it, and what the page was given is stale. */
function csrfToken({ csrf, csrf_cookie: name }) {
  const found = document.cookie.split(/;\s*/).find((each) => each.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : csrf;
}

class Session {
  /** A name of this page's own: what it holds is told apart from what other tabs hold. */
  tab = newUuid();
  /** @type {any} */
  boot = JSON.parse(byId("boot").textContent);
  /** @type {Texts} */
  texts = Object.assign({}, ...all("[data-texts]").map(({ dataset }) => dataset));

  constructor(mode) {
    const { boot } = this;
    signWith(() => csrfToken(boot));
    this.mode = mode ?? boot.mode;
    this.scope = [boot.project.slug, boot.question.key, boot.user].join("/");
    this.#isHidden = remembered(`labeller-hidden:${this.scope}`) === "yes";
    this.classes = new ClassList(boot.classes);
    // Follow-up questions have classes of their own; a class's name is looked up in all.
    this.followers = boot.followers.map((each) => ({ ...each, classes: new ClassList(each.classes) }));
    this.tally = new Tally();
    this.pace = new Pace(this.scope);
    this.outbox = new Outbox({ scope: this.scope, url: boot.urls.save, user: boot.user });
    this.history = new History(this.outbox, {
      mode: this.mode,
      isShown: (subject) => !this.isHidden && !subject.blind && subject.suggestions?.length > 0,
      onStep: (event, before, after) => {
        if (!event.question) this.tally.expect(event.uuid, before, after);
      },
    });
    this.tally.known({ counts: Object.fromEntries(boot.classes.map(({ id, count }) => [id, count ?? 0])) });
    this.#wire();
  }

  // --- what is known ------------------------------------------------------------------------------

  /** Whether suggestions are kept from the person: by the project, or because they asked for it. */
  get isHidden() {
    return !this.boot.show_suggestions || this.#isHidden;
  }

  /** Whether a person can see this page now: it may lie behind another tab. */
  get isInView() {
    return !document.hidden;
  }

  hideSuggestions(isHidden) {
    this.#isHidden = isHidden;
    remember(`labeller-hidden:${this.scope}`, isHidden ? "yes" : "");
  }

  classOf(id) {
    return this.classes.get(id) ?? this.followers.map(({ classes }) => classes.get(id)).find(Boolean) ?? null;
  }

  name(id) {
    return this.classOf(id)?.name ?? this.texts.unknown;
  }

  colour(id) {
    return this.classOf(id)?.colour;
  }

  /** A decision (or an event of the outbox) in words. */
  say(decision) {
    const { texts } = this;
    if (decision?.kind === "flag") return texts.flagged;
    if (decision?.kind === "unflag") return texts.unflagged;
    if (decision && "box" in decision) return decision.box ? texts.boxPlaced : texts.boxGone;
    if (!decision || decision.verdict === "withdraw") return texts.takenBack;
    const words = { skip: texts.skipped, unsure: texts.unsure, ignore: texts.ignored };
    return words[decision.verdict] ?? decision.classes.map((id) => this.name(id)).join(", ");
  }

  /** Which follow-up questions an answer asks for. */
  followersOf({ verdict, classes }) {
    if (verdict !== "answer") return [];
    const isBlank = classes.every((id) => this.classOf(id)?.blank);
    return this.followers.filter(({ only_for: only }) =>
      only.length ? classes.some((id) => only.includes(id)) : !isBlank,
    );
  }

  get isOfTexts() {
    return this.boot.kind === "text";
  }

  /** Where a text goes on from that character. */
  pieceAddress(sample, start) {
    return this.boot.urls.reading.replace("/0/0/", `/${sample}/${start}/`);
  }

  address(sample, size) {
    return this.boot.urls.image.replace(/\/0\/\d+/, `/${sample}/${size}`);
  }

  // --- what a person does ---------------------------------------------------------------------------

  post(url, body, options) {
    return postJson(url, { ...body, tab: this.tab, user: this.boot.user }, options);
  }

  async createClass(name) {
    const { data } = await this.post(this.boot.urls.classes, { name });
    if (!data?.class) return { detail: data?.detail };
    this.classes.add(data.class);
    return { row: data.class };
  }

  get canCreate() {
    return this.boot.can_create_classes;
  }

  /** Ask for a note, and flag a sample with it (or take the flag off); `after` is called once that is settled. */
  flag(subject, after) {
    const dialog = byId("flag");
    byId("flag-note").value = subject.flag?.note ?? "";
    byId("flag-remove").hidden = !subject.flag;
    dialog.returnValue = "";
    dialog.onclose = () => {
      if (dialog.returnValue === "flag") this.#raise(subject, byId("flag-note").value.trim());
      else if (dialog.returnValue === "remove") this.#lower(subject);
      after();
    };
    dialog.showModal();
    byId("flag-note").focus();
  }

  #raise(subject, note) {
    const uuid = newUuid();
    this.outbox.add({ uuid, kind: "flag", sample: subject.sample, note });
    subject.flag = { uuid, note };
    this.acknowledge(this.texts.flagged);
  }

  #lower(subject) {
    if (!subject.flag) return;
    this.outbox.add({ uuid: newUuid(), kind: "unflag", sample: subject.sample, flag: subject.flag.uuid });
    subject.flag = null;
    this.acknowledge(this.texts.unflagged);
  }

  /** Call `commands[name](meant)` for every key press and every button with that data-command. */
  listen(commands) {
    for (const element of all("[data-command]")) {
      const { command } = element.dataset;
      if (commands[command]) {
        element.addEventListener("click", (event) => this.clicked(event, () => commands[command]({ event })));
      }
    }
    byId("labelling").inert = false; // nothing on it is pressed in vain
    listen(commands, { keys: this.boot.keys, hasAlone: this.mode === "sequence" });
  }

  /** A mouse click gives the keyboard back to the stage: Space must not press the same button again. */
  clicked(event, act) {
    if (!this.#isSecondHalf(event)) act();
    if (event.detail > 0 && !document.querySelector("dialog[open]")) byId("stage").focus({ preventScroll: true });
  }

  /** A double click or tap decides once: its second half must not be taken for the sample that came into view since. */
  #isSecondHalf({ detail, currentTarget, timeStamp }) {
    const { on, at } = this.#clickedLast;
    const isSoon = detail > 0 && currentTarget === on && timeStamp - at < GUARD_MS;
    if (isSoon && this.history.decidedAt >= at) return true;
    this.#clickedLast = { on: currentTarget, at: timeStamp };
    return false;
  }

  /** What the page holds undecided is given back when it goes; `held()` gives the sample ids. */
  releaseOnLeave(held) {
    addEventListener("pagehide", () => {
      const samples = held().filter((sample) => !this.outbox.samples.has(sample));
      if (samples.length) this.post(this.boot.urls.release, { samples }, { keepalive: true });
    });
    // Shown again from the browser's memory: what it held may be somebody else's by now.
    addEventListener("pageshow", (event) => event.persisted && location.reload());
  }

  // --- what a person sees ---------------------------------------------------------------------------

  notify(text) {
    fill(byId("notice"), text);
  }

  announce(text) {
    fill(byId("live"), text);
  }

  /** Say what was done, and what comes next, to eyes and to screen readers. */
  acknowledge(name, next = "") {
    fill(byId("last"), format(this.texts.last, { name }));
    const left = this.#pool ? Math.max(0, this.#pool.total - (this.tally.labelled ?? 0)) : "";
    this.announce(`${format(this.texts.announce, { name, left })} ${next}`.trim());
    this.showNumbers();
  }

  #isHidden;
  #clickedLast = { on: null, at: -Infinity }; // the button, and when
  /** @type {any} */
  #pool = null;
  /** @type {any} */
  #round = null;
  #bannerTimer = null;
  #troubleSaid = null; // the state of the outbox that was last announced

  /** @param {{ pool?: any, round?: any }} [numbers] */
  showNumbers({ pool, round } = {}) {
    if (pool) {
      this.#pool = pool;
      this.tally.known({ labelled: pool.labelled });
    }
    this.#round = round ?? this.#round;
    const { labelled } = this.tally;
    const shown = (n) => (n === null || n === undefined ? "–" : number(n));
    fill(byId("labelled"), shown(labelled));
    fill(byId("total"), shown(this.#pool?.total));
    fill(byId("round"), shown(this.#round?.number));
    byId("pool-progress").max = Math.max(1, this.#pool?.total ?? 1);
    byId("pool-progress").value = labelled ?? 0;
    const speed = this.pace.perMinute;
    fill(byId("pace"), speed === null ? "" : format(this.texts.pace, { n: speed }));
  }

  showBanner(number) {
    fill(byId("banner"), format(this.texts.fresh, { n: number }));
    clearTimeout(this.#bannerTimer);
    this.#bannerTimer = setTimeout(() => fill(byId("banner"), ""), BANNER_MS);
  }

  /** `find(sampleId)` gives the subject on this page, `onChange()` draws it anew. */
  showProblems(find, onChange) {
    showProblems({ root: byId("problems"), session: this, find, onChange });
    this.outbox.addEventListener("settled", ({ detail: { uuid, status, event, current } }) => {
      const subject = find(event.sample, event.question);
      if (status >= 400 && subject?.lastUuid === uuid) subject.lastUuid = current?.uuid ?? event.supersedes;
    });
  }

  #wire() {
    this.outbox.addEventListener("change", () => this.#showSaveState());
    document.addEventListener("visibilitychange", () => this.isInView || this.outbox.hurry());
    this.outbox.addEventListener("settled", ({ detail: { uuid } }) => this.tally.settled(uuid));
    this.outbox.addEventListener("answer", ({ detail }) => {
      this.tally.known(detail);
      this.showNumbers({ round: detail.round });
    });
    this.#showSaveState();
  }

  #showSaveState() {
    const { outbox, texts } = this;
    const words = { saved: texts.saved, saving: texts.saving, offline: texts.offline, busy: texts.busy };
    const element = byId("save-state");
    element.dataset.state = outbox.state;
    const text = format(words[outbox.state] ?? texts.signedOut, { n: outbox.pending.size });
    fill(element, text);
    this.#announceTrouble(outbox.state, text);
    if (!outbox.isDurable) this.notify(texts.notKept);
  }

  /** Trouble is announced once, however often it is tried again meanwhile, and that it is over. */
  #announceTrouble(state, text) {
    const isNew = TROUBLES.has(state) && state !== this.#troubleSaid;
    const isOver = state === "saved" && this.#troubleSaid !== null;
    if (!isNew && !isOver) return;
    this.#troubleSaid = isNew ? state : null;
    fill(byId("connection"), text);
  }
}

/** @param {{ mode?: string }} [options] */
export const openSession = ({ mode } = {}) => new Session(mode);
