// From a key to what it means; what to do about it is label.js's affair.

const STORAGE = "labeller-shortcuts";
const NAMED = {
  Backspace: "undo",
  " ": "accept",
  ",": "skip",
  "/": "palette",
  "?": "help",
  F1: "help",
  Enter: "confirm",
};

/** What this key press asks for: {name, digit?, letter?}, or null where it isn't for us. */
export function intent(event, isRtl = false) {
  if (event.repeat || event.isComposing || event.keyCode === 229 || event.defaultPrevented) return null;
  if (event.ctrlKey || event.metaKey) return withControl(event);
  if (event.altKey) return null;
  const { key } = event;
  if (key === "ArrowLeft") return { name: isRtl ? "next" : "previous" };
  if (key === "ArrowRight") return { name: isRtl ? "previous" : "next" };
  if (/^[0-9]$/.test(key)) return { name: "digit", digit: Number(key) };
  if (NAMED[key]) return { name: NAMED[key] };
  // The digit row of layouts that give digits only with Shift.
  const row = /^Digit([0-9])$/.exec(event.code);
  if (row && !event.shiftKey) return { name: "digit", digit: Number(row[1]) };
  if (/^\p{L}$/u.test(key)) return { name: "letter", letter: key.toLowerCase() };
  return null;
}

function withControl(event) {
  if (event.altKey) return null;
  const key = event.key.toLowerCase();
  if (key === "z") return { name: event.shiftKey ? "redo" : "undo" };
  return key === "y" && !event.shiftKey ? { name: "redo" } : null;
}

/** Whether somebody is typing, or a dialog has the keyboard. */
export function isElsewhere(event) {
  if (document.querySelector("dialog[open]")) return true;
  const target = event.target;
  if (!(target instanceof Element)) return false;
  if (target.closest("input, textarea, select, [contenteditable]")) return true;
  // Space and Enter belong to the button that has the focus.
  return [" ", "Enter"].includes(event.key) && target.closest("button, a, summary") !== null;
}

export const shortcuts = {
  get on() {
    try {
      return localStorage.getItem(STORAGE) !== "off";
    } catch {
      return true;
    }
  },
  set on(value) {
    try {
      localStorage.setItem(STORAGE, value ? "on" : "off");
    } catch {
      // Without storage they stay on.
    }
  },
};

/** Call `act(intent)` for every key press meant for this page. */
export function listen(act) {
  const isRtl = document.documentElement.dir === "rtl";
  addEventListener("keydown", (event) => {
    if (isElsewhere(event)) return;
    const meant = intent(event, isRtl);
    if (!meant) {
      // A held-down Space or arrow must not scroll the page either.
      if (event.repeat && [" ", "Backspace"].includes(event.key)) event.preventDefault();
      return;
    }
    if (!shortcuts.on && !event.ctrlKey && !event.metaKey && event.key !== "F1") return;
    event.preventDefault();
    act(meant);
  });
}
