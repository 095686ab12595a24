// How texts are laid out: blocks, code and tables, marked words, scripts.

import assert from "node:assert/strict";
import test from "node:test";
import { blocksOf, isFixed, readable, runsOf, unitsOf, wordsOf, writingOf } from "../../static/js/core/passages.js";
import { faced, inWords, readingOf, resized, SIZES, SPACINGS, spaced } from "../../static/js/core/reading.js";
import { textsIn } from "../../static/js/core/tile_layout.js";

const shown = (text) => blocksOf(text).map(({ start, end }) => text.slice(start, end));

test("blocks hold all of a text, in order, and none is too long", () => {
  const texts = [
    "",
    "one",
    "a\n\nb\n",
    "word ".repeat(5000),
    "x".repeat(10_000),
    "line\n".repeat(10_000),
    "🧄".repeat(4001),
  ];
  for (const text of texts) {
    assert.equal(shown(text).join(""), text);
    for (const block of shown(text)) {
      assert.ok(block.length <= 3000 && block.split("\n").length <= 62, `${block.length}`);
      assert.ok(block.isWellFormed(), "a character is cut in two");
    }
  }
});

test("what is cut within a line is cut between words", () => {
  for (const block of shown("word ".repeat(2000)).slice(0, -1)) assert.match(block, / $/);
});

test("code and tables are told from prose", () => {
  assert.equal(isFixed(["def f(x):", "    return x;"]), true);
  assert.equal(isFixed(["a  one    10:02", "b  two    10:45", "c  three  11:20"]), true);
  assert.equal(isFixed(["| a | b |", "|---|---|", "| 1 | 2 |"]), true);
  assert.equal(isFixed(["name\tage", "ana\t41"]), true);
  assert.equal(isFixed(["The court held that", "the clause is void; so", "ended the matter."]), false);
  assert.equal(isFixed(["return to sender"]), false);
  assert.equal(isFixed(["    Roses are red,", "    violets are blue,", "    indented is verse."]), false);
  assert.equal(isFixed([]), false);
});

test("what is fenced is code, blank lines or not, and prose goes on after it", () => {
  const text = "Before.\n\n```\nall of\n\nthis\n```\nAfter.\n";
  const kinds = blocksOf(text).map(({ start, end, isFixed }) => [text.slice(start, end).trim(), isFixed]);
  assert.deepEqual(kinds, [
    ["Before.", false],
    ["```\nall of\n\nthis\n```", true],
    ["After.", false],
  ]);
});

test("what shows nothing is shown by a sign, and nothing moves", () => {
  const text = "a\0b\u001bc\td\r\ne\rf";
  assert.equal(readable(text), "a␀b␛c\td\r\ne\nf");
  assert.equal(readable(text).length, text.length);
});

test("spans of characters become spans of units", () => {
  const text = "🧄 garlic 👩🏽‍🍳 roast";
  const at = [...text].join("|").split("|").indexOf("g");
  const [[start, end]] = unitsOf(text, [[at, at + 6, 1]]);
  assert.equal(text.slice(start, end), "garlic");
  assert.deepEqual(unitsOf("plain", [[0, 5, 1]]), [[0, 5, 1]]);
});

test("a block in runs says what the block says, with marks where spans are", () => {
  const text = "No badger: a fox, and a hen.";
  const spans = [
    [3, 9, -0.5],
    [13, 16, 1],
    [24, 27, 1],
  ];
  const runs = runsOf(text, { start: 0, end: text.length, isFixed: false }, spans);
  assert.equal(runs.map((run) => run.text).join(""), text);
  assert.deepEqual(
    runs.filter(({ weight }) => weight !== null).map((run) => run.text),
    ["badger", "fox", "hen"],
  );
  assert.equal(
    runsOf(text, { start: 14, end: 28, isFixed: false }, spans)
      .map((run) => run.text)
      .join(""),
    text.slice(14),
  );
  assert.deepEqual(wordsOf(text, spans), { for: ["fox", "hen"], against: ["badger"] });
});

test("the script says which signs are meant, and whether lines run downwards", () => {
  assert.deepEqual(writingOf("ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ᠌"), { lang: "mn-Mong", isVertical: true });
  assert.equal(writingOf("裁判所は契約を無効と判断した。").lang, "ja");
  assert.equal(writingOf("법원은 계약을 무효로 판단했다").lang, "ko");
  assert.deepEqual(writingOf("A fox"), { lang: "", isVertical: false });
  assert.deepEqual(writingOf(""), { lang: "", isVertical: false });
});

test("how somebody reads is remembered, and what can't be understood is as usual", () => {
  let reading = readingOf("");
  for (const change of [(each) => resized(each, 1), spaced, faced]) reading = change(reading);
  assert.deepEqual(readingOf(inWords(reading)), reading);
  assert.deepEqual(readingOf("9 9 comic"), readingOf(""));
  for (let at = 0; at < 20; at += 1) reading = resized(reading, 1);
  assert.equal(reading.size, SIZES.length - 1);
  for (let at = 0; at < SPACINGS.length; at += 1) reading = spaced(reading);
  assert.equal(reading.spacing, spaced(readingOf("")).spacing);
});

test("tiles of texts are as high as the longest needs, and never higher than what is in view", () => {
  const room = { width: 900, height: 600, gap: 8, step: 0, em: 16, line: 24 };
  const of = (length, more = {}) => textsIn({ ...room, subjects: [{ text: "x".repeat(length) }], ...more });
  assert.deepEqual(of(10), { columns: 2, lines: 2 });
  assert.equal(of(5000).lines, 6);
  assert.ok(of(5000, { step: 2 }).lines > 6);
  assert.equal(of(5000, { step: 6 }).columns, 1);
  assert.ok(of(5000, { step: 6, height: 200 }).lines * 24 < 200);
  assert.equal(of(5000, { width: 280 }).columns, 1);
});
