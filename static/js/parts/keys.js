// Listens to the keyboard for a labelling screen, and shows the person's keys on its buttons.

import { intent, keymap } from "../core/keymap.js";
import { Layout } from "../core/layout.js";
import { remember, remembered } from "../core/memory.js";
import { all, byId, fill, started } from "./dom.js";

const STORAGE = "labeller-shortcuts";
const SCREEN = "#labelling, #stage, [data-stage], [role=grid]"; // keys act while the focus is here, or nowhere
const TYPING = "input, textarea, select, [contenteditable]";
const CONTROL = "button, a[href], summary";
const isMac = /Mac|iP(hone|ad|od)/.test(navigator.platform ?? "");
const isRtl = document.documentElement.dir === "rtl";

let rows = [];
export const layout = new Layout();

/** Whether the key belongs to what has the focus: a text, a dialog, a link, a button that Space presses. */
export function isElsewhere(event) {
  if (document.querySelector("dialog[open]")) return true;
  const { target } = event;
  if (!(target instanceof Element) || target === document.body) return false;
  if (target.closest(TYPING)) return true;
  const control = target.closest(CONTROL);
  if (!control || control.closest("[role=gridcell], [role=option]")) return false;
  if ([" ", "Enter"].includes(event.key)) return true;
  const isCombination = event.ctrlKey || event.metaKey || event.altKey || event.key === "F1";
  return !isCombination && !control.closest(SCREEN);
}

export const shortcuts = {
  get on() {
    return remembered(STORAGE) !== "off";
  },
  set on(value) {
    remember(STORAGE, value ? "on" : "off");
  },
};

/**
 * With single-key shortcuts switched off, these stay: combinations, arrows, and Space on a tile that has the focus.
 *
 * @param {Meant} meant
 */
const isKept = ({ name, key }) => /^(Ctrl|Alt)\+|^F\d+$|Arrow|^Escape$/.test(key) || name === "toggle";

/**
 * Call commands[name]({digit?, letter?, place?, shift, event}) for every key press meant for this page.
 *
 * `keys` are the mode's commands with this person's keys: [{name, text, keys, own, decides, shown, repeats}]; `hasAlone`
 * says whether Shift stands for something here. What was pressed before the page listened comes first.
 */
export function listen(commands, { keys, hasAlone = false }) {
  rows = keys;
  const map = keymap(rows);
  addEventListener("keydown", (event) => {
    layout.learn(event);
    if (isElsewhere(event)) {
      pressedElsewhere(event);
      return;
    }
    const meant = intent(event, map, { isRtl, isMac, layout, hasAlone });
    if (!meant) {
      // A held-down Space must not scroll the page either.
      if (event.repeat && [" ", "Backspace"].includes(event.key)) event.preventDefault();
      return;
    }
    if (!commands[meant.name] || (!shortcuts.on && !isKept(meant))) return;
    event.preventDefault();
    commands[meant.name]({ ...meant, event });
  });
  document.addEventListener("close", () => toStage(document.activeElement), true);
  layout.addEventListener("change", () => showKeys());
  layout.ask();
  showKeys();
  wireSwitch();
  const early = started();
  queueMicrotask(() => early.forEach(pressAgain)); // once the page that called this is wired
}

/** Do what a key was pressed for before anybody listened; into a text that an earlier one opened it is written. */
function pressAgain(event) {
  /** @type {any} */
  const target = document.activeElement ?? document.body;
  const { key, code, location, shiftKey, ctrlKey, altKey, metaKey } = event;
  const modifierAltGraph = event.getModifierState("AltGraph");
  const modifierCapsLock = event.getModifierState("CapsLock");
  const init = { key, code, location, shiftKey, ctrlKey, altKey, metaKey, modifierAltGraph, modifierCapsLock };
  const isDone = !target.dispatchEvent(new KeyboardEvent("keydown", { ...init, bubbles: true, cancelable: true }));
  if (isDone || key.length !== 1 || ctrlKey || altKey || metaKey || !target.matches("input[type=text], textarea"))
    return;
  target.setRangeText(key, target.selectionStart, target.selectionEnd, "end");
  target.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

/** Escape leads from a control back to the stage. */
function pressedElsewhere(event) {
  // A held-down Enter presses the button in focus once: what it decides on is another sample by then.
  if (event.repeat && event.key === "Enter" && event.target.closest?.("button")) event.preventDefault();
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (event.target.closest(CONTROL)) toStage(event.target);
}

/** Give the keyboard to the stage where a button of this page, or nothing, has it. */
function toStage(focused) {
  const stage = byId("stage");
  if (!stage || stage.contains(focused) || document.querySelector("dialog[open]")) return;
  if (!focused?.closest(`${TYPING}, [role=grid]`)) stage.focus({ preventScroll: true });
}

/** One checkbox in the help switches single-key shortcuts off. */
function wireSwitch() {
  const box = byId("shortcuts");
  if (!box) return;
  box.checked = shortcuts.on;
  box.addEventListener("change", () => {
    shortcuts.on = box.checked;
  });
}

// --- keys as a person sees them -------------------------------------------------------------------

const MAC = { Ctrl: "⌘", Alt: "⌥", Shift: "⇧" };
const MIRRORED = { "←": "→", "→": "←" };

function cap(part, name) {
  if (isMac && MAC[part]) return MAC[part];
  const shown = part.length === 1 ? layout.shows(part) : part;
  return isRtl && ["previous", "next"].includes(name) ? (MIRRORED[shown] ?? shown) : shown;
}

/** The person's first key for a command, as text: "Alt+B"; empty where it has none. */
export function hint(command) {
  const row = rows.find(({ name }) => name === command);
  return row?.shown[0]?.map((part) => cap(part, command)).join(isMac ? "" : "+") ?? "";
}

/** Fill each <kbd data-key-of="skip"> below `root`, tell its button's key, and put the help's caps right. */
export function showKeys(root = document) {
  for (const element of all("[data-key-of]", root)) {
    const command = element.dataset.keyOf;
    const text = hint(command);
    fill(element, text);
    element.hidden = !text;
    const key = rows.find(({ name }) => name === command)?.keys[0];
    if (key) element.closest("button")?.setAttribute("aria-keyshortcuts", key.replace("Ctrl", "Control"));
  }
  for (const element of all("kbd[data-cap-of]", root)) {
    element.dataset.part ??= element.textContent;
    fill(element, cap(element.dataset.part, element.dataset.capOf));
  }
  for (const element of all("kbd[data-letter]", root)) showLetter(element, element.dataset.letter);
}

/** Fill a key cap with the letter of a class, as this keyboard shows it. */
export function showLetter(element, letter) {
  element.dataset.letter = letter;
  fill(element, letter && layout.shows(letter));
}
