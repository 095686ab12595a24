import assert from "node:assert/strict";
import test from "node:test";
import "./browser.js";
import { digitOf, intent, keymap, readings } from "../../static/js/core/keymap.js";
import { Layout } from "../../static/js/core/layout.js";

const row = (name, keys, more = {}) => ({ name, keys, own: false, decides: false, repeats: false, ...more });
const map = keymap([
  row("undo", ["Ctrl+Z"]),
  row("skip", ["/"], { decides: true }),
  row("toggle", ["Space"]),
  row("next", ["ArrowRight"], { repeats: true }),
  row("previous", ["ArrowLeft"]),
  row("contrast", ["\\"]),
]);

/** A layout that has been asked, and told this. */
async function layoutOf(written) {
  const layout = new Layout();
  await layout.ask({ getLayoutMap: async () => new Map(written) });
  return layout;
}

test("a digit goes by its place, whatever is written there", async () => {
  const layout = await layoutOf([["Digit4", "'"]]);
  const french = { key: "'", code: "Digit4" };
  assert.equal(digitOf(french), 4);
  assert.deepEqual(intent(french, map, { layout }), { name: "digit", key: "4", digit: 4, shift: false });
  const shifted = { key: "4", code: "Digit4", shiftKey: true };
  assert.equal(intent(shifted, map, { layout }).shift, false, "Shift is how 4 is written there");
});

test("a keypad without its number lock moves", () => {
  assert.equal(digitOf({ key: "ArrowLeft", code: "Numpad4" }), null);
  assert.equal(digitOf({ key: "4", code: "Numpad4" }), 4);
});

test("a sign written with Shift on a digit's key is that sign, but decides nothing where Shift means something", () => {
  const german = { key: "/", code: "Digit7", shiftKey: true };
  assert.equal(intent(german, map, {}).name, "skip");
  assert.deepEqual(intent(german, map, { hasAlone: true }), { name: "digit", key: "7", digit: 7, shift: true });
});

test("a letter of another script stands for the Latin one of its place too", () => {
  const russian = { key: "ф", code: "KeyA" };
  assert.deepEqual(intent(russian, map), { name: "letter", key: "ф", letter: "ф", place: "a", shift: false });
  assert.equal(intent({ key: "é", code: "Digit2" }, keymap([row("skip", ["é"], { own: true })])).name, "skip");
});

test("with Ctrl the letter counts that is written there", async () => {
  assert.equal(intent({ key: "z", code: "KeyY", ctrlKey: true }, map).name, "undo");
  const layout = await layoutOf([["KeyZ", "w"]]);
  assert.deepEqual(readings({ key: "Ω", code: "KeyZ", altKey: true }, { layout }), ["Alt+W"]);
});

test("AltGr writes signs, and Option on a Mac too", () => {
  const altGr = { key: "\\", code: "Minus", ctrlKey: true, altKey: true };
  assert.equal(intent(altGr, map).name, "contrast");
  const option = { key: "\\", code: "Digit7", altKey: true, shiftKey: true };
  assert.equal(intent(option, map, { isMac: true }).name, "contrast");
  assert.equal(intent(option, map, { isMac: false }), null);
});

test("a dead key stands for its sign only where a US keyboard may be", async () => {
  const dead = { key: "Dead", code: "Quote" };
  assert.deepEqual(readings(dead), ["'"]);
  assert.deepEqual(readings(dead, { layout: await layoutOf([["Semicolon", "ñ"]]) }), []);
  assert.deepEqual(readings({ key: "Dead", code: "KeyE" }), []);
});

test("nothing is meant while a text is composed, by a modifier alone, or by what somebody else took", () => {
  assert.equal(intent({ key: "a", code: "KeyA", isComposing: true }, map), null);
  assert.equal(intent({ key: "Shift", code: "ShiftLeft", shiftKey: true }, map), null);
  assert.equal(intent({ key: "/", code: "Slash", defaultPrevented: true }, map), null);
});

test("a press that an input method took counts by its place", () => {
  assert.equal(intent({ key: "Process", code: "Digit3", keyCode: 229 }, map).digit, 3);
  assert.equal(intent({ key: "Process", code: "KeyB", keyCode: 229 }, map).letter, "b");
});

test("a held key repeats only what may be repeated", () => {
  assert.equal(intent({ key: "ArrowRight", code: "ArrowRight", repeat: true }, map).name, "next");
  assert.equal(intent({ key: "/", code: "Slash", repeat: true }, map), null);
  assert.equal(intent({ key: "b", code: "KeyB", repeat: true }, map), null);
  assert.equal(intent({ key: "3", code: "Digit3", repeat: true }, map), null);
});

test("where one reads from the right, left is on", () => {
  assert.equal(intent({ key: "ArrowLeft", code: "ArrowLeft" }, map, { isRtl: true }).name, "next");
});

test("Shift with Space is the same command, and said", () => {
  assert.deepEqual(intent({ key: " ", code: "Space", shiftKey: true }, map), {
    name: "toggle",
    key: "Space",
    shift: true,
  });
});
