// Small helpers over the DOM. Text always goes in as text.

/**
 * An element of the page's own template, which says of what kind it is.
 *
 * @param {string} id
 * @returns {any}
 */
export const byId = (id) => document.getElementById(id);

/**
 * The page's button for a command.
 *
 * @param {string} command
 * @returns {any}
 */
export const buttonOf = (command) => document.querySelector(`[data-command=${command}]`);

/**
 * All elements of the page, or below `root`, that a selector finds.
 *
 * @param {string} selector
 * @param {Document | Element} root
 * @returns {any[]}
 */
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]  null: not that one
 * @param {(Node | string)[]} [children]
 * @returns {any}
 */
export function build(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * Set the text only where it differs: no needless layout, no needless announcement.
 *
 * @param {Element} element
 * @param {string} text
 */
export function fill(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * A function that has `act` called once the next frame is painted, however often it is called until then.
 *
 * @param {() => void} act
 */
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

/**
 * A number as people here write it.
 *
 * @param {number} n
 */
export const number = (n) => counted.format(n);

/**
 * Say that this page's script runs (started.js waits for it). Returns the key presses that came before, in their order.
 *
 * @returns {KeyboardEvent[]}
 */
export function started() {
  const detail = { keys: [] };
  dispatchEvent(new CustomEvent("started", { detail }));
  return detail.keys;
}

/**
 * @param {string} label
 * @param {(event: MouseEvent) => void} onClick
 * @param {Record<string, unknown>} [attributes]
 */
export function button(label, onClick, attributes = {}) {
  const element = build("button", { type: "button", class: "button", ...attributes }, [label]);
  element.addEventListener("click", onClick);
  return element;
}
