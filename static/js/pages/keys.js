// The page of a person's own keys: a key is pressed instead of written, and the server says at once what is wrong with it.

import { digitOf, readings } from "../core/keymap.js";
import { Layout } from "../core/layout.js";
import { format } from "../core/texts.js";
import { all, byId, fill, started } from "../parts/dom.js";

const form = byId("keys");
const isMac = /Mac|iP(hone|ad|od)/.test(navigator.platform ?? "");
const layout = new Layout();
let capturing = null; // the button of the command that waits for its key
let asked = 0;

function start(button) {
  stop();
  capturing = button;
  button.setAttribute("aria-pressed", "true");
  fill(button.firstElementChild, form.dataset.press);
  fill(byId("key-status"), form.dataset.press);
}

function stop() {
  if (!capturing) return;
  capturing.setAttribute("aria-pressed", "false");
  fill(capturing.firstElementChild, capturing.dataset.text);
  capturing = null;
}

function take(event) {
  if (!capturing || event.isComposing || event.keyCode === 229) return;
  if (event.key === "Tab") {
    stop();
    return;
  }
  layout.learn(event);
  const key = keyOf(event);
  if (!key) return; // a modifier: what it modifies is still to come
  event.preventDefault();
  event.stopPropagation();
  const input = inputOf(capturing.dataset.capture);
  stop();
  if (event.key === "Escape" || event.repeat) return;
  input.value = key;
  changed(input);
}

/** As the labelling screens take it: a digit's place is a digit, whatever is written there, unless Shift makes a sign. */
function keyOf(event) {
  const [key] = readings(event, { isMac, layout });
  const digit = key?.length === 1 && !event.getModifierState("AltGraph") ? digitOf(event) : null;
  return digit !== null && (!event.shiftKey || /^[0-9]$/.test(event.key) || layout.digitsNeedShift)
    ? String(digit)
    : key;
}

const inputOf = (command) => form.elements.namedItem(`key-${command}`);

/** Tell what is wrong with a key that has been written, and that it is not saved yet. */
async function changed(input) {
  const row = input.closest(".key-row");
  const isOwn = input.value !== "" && input.value !== input.placeholder;
  row.classList.toggle("own", isOwn);
  row.querySelector("[name=restore]").disabled = !isOwn;
  const command = row.dataset.command;
  const data = new FormData(form);
  data.set("check", command);
  asked += 1;
  const ask = asked;
  const answer = await fetch(form.action, { method: "POST", body: data }).catch(() => null);
  if (!answer?.ok || ask !== asked) return;
  const problem = (await answer.text()).trim();
  fill(byId(`problem-${command}`), problem);
  if (problem) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  fill(byId("key-status"), problem ? "" : format(form.dataset.pressed, { key: input.value || input.placeholder }));
}

for (const button of all("[data-capture]", form)) {
  button.hidden = false;
  button.dataset.text = button.firstElementChild.textContent;
  button.addEventListener("click", () => (capturing === button ? stop() : start(button)));
  button.addEventListener("blur", stop);
}
form.addEventListener("change", ({ target }) => target.matches("input[type=text]") && changed(target));
addEventListener("keydown", take, true);
layout.ask();
started();
