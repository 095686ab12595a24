// Decisions the server didn't take: shown until the person has said what should stand.

import { build, button, format } from "./dom.js";

/** options: root, outbox, history, held, texts, say(verdict and classes) -> text, onChange() */
export function showProblems({ root, outbox, history, held, texts, say, onChange }) {
  const render = () => {
    root.replaceChildren(...outbox.problems.map(card));
  };

  const card = (problem) => {
    const { event, current } = problem;
    const values = { id: event.sample, mine: say(event), stored: current ? say(current) : "", detail: problem.detail };
    const text = format(current ? texts.conflict : texts.refused, values);
    const element = build("div", { class: "notice warn problem", "data-testid": "problem" }, [build("p", {}, [text])]);
    const act = (label, deal, testId) => {
      const onClick = once(element, () => deal(problem));
      return button(label, onClick, { "data-testid": testId });
    };
    const [yes, no] = current
      ? [act(texts.useMine, insist, "use-mine"), act(texts.keepStored, keep, "keep-stored")]
      : [act(texts.retry, again, "try-again"), act(texts.discard, keep, "discard")];
    element.append(build("div", { class: "actions" }, [yes, no]));
    return element;
  };

  const insist = async ({ uuid, event, current }) => {
    const fresh = history.insist(event, current.uuid);
    const entry = held.find(event.sample);
    if (entry?.lastUuid === current.uuid) entry.lastUuid = fresh;
    await outbox.dismiss(uuid);
  };

  const again = async ({ uuid, event }) => {
    outbox.add(event);
    await outbox.dismiss(uuid);
  };

  const keep = async ({ uuid, event, current }) => {
    const entry = held.find(event.sample);
    if (entry && current && entry.lastUuid === current.uuid) {
      entry.stands = current.verdict === "withdraw" ? null : { verdict: current.verdict, classes: current.classes };
    }
    await outbox.dismiss(uuid);
    onChange();
  };

  outbox.addEventListener("problem", render);
  render();
}

/** A double click decides once. */
function once(element, act) {
  return () => {
    if (element.dataset.done) return;
    element.dataset.done = "true";
    act();
  };
}
