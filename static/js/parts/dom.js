// Small helpers over the DOM. Text always goes in as text.

export const byId = (id) => document.getElementById(id);

export function build(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Set the text only where it differs: no needless layout, no needless announcement. */
export function fill(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A function that has `act` called once the next frame is painted, however often it is called until then. */
export function afterPaint(act) {
  let isDue = false;
  const run = () => {
    isDue = false;
    act();
  };
  return () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => setTimeout(run));
  };
}

const counted = new Intl.NumberFormat(document.documentElement.lang || undefined);

/** A number as people here write it. */
export const number = (n) => counted.format(n);

/**
 * Say that this page's script runs (started.js waits for it). Returns the key presses that came before, in their order.
 */
export function started() {
  const detail = { keys: [] };
  dispatchEvent(new CustomEvent("started", { detail }));
  return detail.keys;
}

export function button(label, onClick, attributes = {}) {
  const element = build("button", { type: "button", class: "button", ...attributes }, [label]);
  element.addEventListener("click", onClick);
  return element;
}
