import assert from "node:assert/strict";
import test from "node:test";
import "./browser.js";
import { fit, fold, NameIndex, nearly, plain } from "../../static/js/core/names.js";
import { Recents } from "../../static/js/core/recents.js";

const ROWS = [
  { id: 1, name: "Red fox", scientific: "Vulpes vulpes", parent: 5 },
  { id: 2, name: "Arctic fox", scientific: "Vulpes lagopus", parent: 5 },
  { id: 3, name: "Foxglove" },
  { id: 4, name: "Roe deer", local: "Reh", code: "CAPCAP" },
  { id: 5, name: "Foxes", scientific: "Vulpes", parent: 6 },
  { id: 6, name: "Carnivores" },
];
const index = new NameIndex(ROWS);
const names = (text, options) => index.search(text, options).matches.map(({ row }) => row.name);

test("names are compared without accents, signs and case", () => {
  assert.equal(plain("  L'Écureuil-roux "), "lecureuil roux");
  assert.equal(fold("STRASSE"), fold("straße"));
  assert.equal(fold("Ο\u0394ΟΣ"), fold("οδος"));
  assert.equal(fold("fo\u200Bx"), "fox", "what can't be seen does not tell names apart");
});

test("better fits come first: all of it, its beginning, a word's, its middle, initials, scattered letters", () => {
  const scores = ["fox", "fox den", "red fox", "outfoxed", "far over xanadu", "fa oxen"].map((name) =>
    fit(name, "fox"),
  );
  assert.deepEqual(
    scores,
    [...scores].sort((a, b) => b - a),
  );
  assert.equal(new Set(scores).size, scores.length);
  assert.equal(fit("wolf", "fox"), 0);
});

test("what begins with what was typed comes before what holds it", () => {
  assert.deepEqual(names("fox").slice(0, 2), ["Foxglove", "Foxes"]);
  assert.deepEqual(names("fox", { suggested: [2] })[0], "Arctic fox", "among equals the suggested one");
  assert.deepEqual(names("fox", { recent: [1] })[0], "Red fox");
});

test("other names find a class, and say how", () => {
  const [match] = index.search("capcap").matches;
  assert.deepEqual([match.row.id, match.via], [4, "CAPCAP"]);
  assert.equal(index.search("reh").matches[0].via, "Reh");
});

test("one slip is forgiven in longer words", () => {
  for (const typed of ["carnvo", "carnnivo", "carinvo", "carmivo"]) assert.ok(nearly("carnivores", typed), typed);
  assert.ok(!nearly("carnivores", "cranvio"));
  assert.deepEqual(names("carnvo"), ["Carnivores"]);
  assert.deepEqual(names("gox"), [], "short words are too easily another one");
});

test("what was typed before only narrows what is searched", () => {
  const fresh = new NameIndex(ROWS);
  for (const typed of ["f", "fo", "fox", "foxg", "fo", "vul"]) {
    const anew = new NameIndex(ROWS).search(typed);
    assert.deepEqual(fresh.search(typed), anew, typed);
  }
});

test("signs alone find nothing, nothing finds all", () => {
  assert.equal(index.search("!?").total, 0);
  assert.equal(index.search("").total, ROWS.length);
  assert.equal(index.search("", { limit: 2 }).matches.length, 2);
});

test("the way up ends, also where classes are each other's parents", () => {
  assert.deepEqual(
    index.path(ROWS[0]).map(({ name }) => name),
    ["Carnivores", "Foxes"],
  );
  const circle = new NameIndex([
    { id: 1, name: "a", parent: 2 },
    { id: 2, name: "b", parent: 1 },
  ]);
  assert.ok(circle.path({ id: 1, name: "a", parent: 2 }).length <= 20);
});

test("the classes picked lately are remembered, the last one first", () => {
  const recents = Recents.of("here");
  for (const id of [1, 2, 3, 1]) recents.use(id);
  assert.deepEqual(recents.ids, [1, 3, 2]);
  assert.deepEqual(new Recents("here").ids, [1, 3, 2]);
  assert.deepEqual(new Recents("elsewhere").ids, []);
  localStorage.setItem("labeller-recent:damaged", "{");
  assert.deepEqual(new Recents("damaged").ids, []);
});
