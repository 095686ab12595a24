// Decisions the server didn't take: shown until the person has said what should stand.

import { format } from "../core/texts.js";
import { build, button } from "./dom.js";

/** options: root, session, find(sampleId, question) -> the subject on this page or null, onChange() */
export function showProblems({ root, session, find, onChange }) {
  const { history, outbox, texts } = session;

  const render = () => {
    root.replaceChildren(...outbox.problems.map(card));
  };

  const card = (problem) => {
    const { event, current } = problem;
    const stored = current ? session.say(current) : "";
    const isServers = problem.status >= 500;
    const detail = problem.detail || (isServers ? texts.unsaveable : "");
    const values = { id: event.sample, mine: session.say(event), stored, detail };
    const text = format(current ? texts.conflict : texts.refused, values);
    const element = build("div", { class: "notice warn problem", "data-testid": "problem" }, [build("p", {}, [text])]);
    const act = (label, deal, testId) => {
      const onClick = once(element, () => deal(problem));
      return button(label, onClick, { "data-testid": testId });
    };
    const [yes, no] = current
      ? [act(texts.useMine, insist, "use-mine"), act(texts.keepStored, keep, "keep-stored")]
      : [act(texts.retry, again, "try-again"), act(texts.discard, keep, "discard")];
    if (isServers) {
      const code = build("code", {}, [JSON.stringify(event)]);
      element.append(build("details", {}, [build("summary", {}, [texts.toCopy]), code]));
    }
    element.append(build("div", { class: "actions" }, [yes, no]));
    return element;
  };

  const insist = async ({ uuid, event, current }) => {
    const fresh = history.insist(event, current.uuid);
    const subject = find(event.sample, event.question);
    if (subject?.lastUuid === current.uuid) subject.lastUuid = fresh;
    await outbox.dismiss(uuid);
  };

  const again = async ({ uuid, event }) => {
    outbox.add(event);
    await outbox.dismiss(uuid);
  };

  const keep = async ({ uuid, event, current }) => {
    const subject = find(event.sample, event.question);
    if (subject && current && subject.lastUuid === current.uuid) {
      subject.stands = current.verdict === "withdraw" ? null : { verdict: current.verdict, classes: current.classes };
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
