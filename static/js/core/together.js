// What is asked of a sample where one queue serves several questions, and what is let stand. No network, no DOM.
//
// The server says what is asked in any case (`asks`), and of the other questions what is done where they apply (`plan`):
// one that follows another applies once the answer to that one says so. All else follows from what has been decided.

/**
 * Whether a question is asked of a sample, by what stands on the question before it.
 *
 * @param {Follower} question
 * @param {Entry} entry
 * @param {Follower[]} questions
 */
export function applies(question, entry, questions) {
  if (!question.follows) return true;
  const before = questions.find(({ key }) => key === question.follows);
  const stands = before && entry.followers.get(before.key)?.stands;
  if (!before || stands?.verdict !== "answer") return false;
  if (question.only_for.length) return stands.classes.some((id) => question.only_for.includes(id));
  return !stands.classes.every((id) => before.classes.get(id)?.blank);
}

/**
 * The answer to a question about this sample: the subject of decisions.
 *
 * @param {Entry} entry
 * @param {string} question
 * @returns {Subject}
 */
export function subjectOf(entry, question) {
  const known = entry.followers.get(question);
  if (known) return known;
  const stood = entry.answered[question];
  const stands = stood && stood.verdict !== "withdraw" ? { verdict: stood.verdict, classes: stood.classes } : null;
  const subject = {
    sample: entry.sample,
    question,
    of: entry,
    entry: entry.asks?.find((each) => each.question === question)?.entry ?? entry.asks?.[0]?.entry ?? null,
    blind: entry.blind,
    suggestions: entry.foreseen[question] ?? [],
    isDone: false,
    stands,
    lastUuid: stood?.uuid ?? null,
    draft: null,
  };
  entry.followers.set(question, subject);
  return subject;
}

/**
 * What is let stand of this sample on a question: decided along with the last answer, and taken back with it.
 *
 * @param {Entry} entry
 * @param {string} question
 * @returns {Subject}
 */
export function defaultOf(entry, question) {
  entry.lets ??= new Map();
  const known = entry.lets.get(question);
  if (known) return known;
  const subject = {
    sample: entry.sample,
    question,
    kind: "default",
    of: entry,
    entry: entry.defaults?.[question]?.entry ?? null,
    isDone: false,
    stands: null,
    lastUuid: entry.let?.[question] ?? null,
    draft: null,
  };
  entry.lets.set(question, subject);
  return subject;
}

/**
 * The questions that are asked of this sample, in their order, as far as is known by now.
 *
 * @param {Entry} entry
 * @param {Follower[]} questions
 * @returns {string[]}
 */
export function askedOf(entry, questions) {
  const keys = (entry.asks ?? []).map(({ question }) => question);
  for (const question of questions) {
    const { key } = question;
    if (keys.includes(key) || !applies(question, entry, questions)) continue;
    const how = entry.plan?.[key];
    const isDecided = entry.followers.get(key)?.isDone;
    if (how === "ask" || isDecided || (how === "let" && entry.isAskedAll)) keys.push(key);
  }
  return keys;
}

/**
 * The first question that is not decided; null where the sample is done.
 *
 * @param {Entry} entry
 * @param {Follower[]} questions
 */
export function nextOf(entry, questions) {
  return askedOf(entry, questions).find((key) => !entry.followers.get(key)?.isDone) ?? null;
}

/**
 * What is let stand of this sample as things are: the questions' keys.
 *
 * @param {Entry} entry
 * @param {Follower[]} questions
 * @returns {string[]}
 */
export function letOf(entry, questions) {
  if (entry.blind) return [];
  const asked = new Set(askedOf(entry, questions));
  return questions
    .filter(({ key }) => entry.plan?.[key] === "let" && entry.defaults?.[key] && !asked.has(key))
    .filter((question) => applies(question, entry, questions))
    .map(({ key }) => key);
}

/**
 * Bring what the entry says of itself, as a whole, to what was decided on its questions.
 *
 * @param {Entry} entry
 * @param {Follower[]} questions
 */
export function settle(entry, questions) {
  const subjects = askedOf(entry, questions).flatMap((key) => entry.followers.get(key) ?? []);
  const done = subjects.filter(({ isDone }) => isDone);
  entry.isDone = nextOf(entry, questions) === null;
  entry.lastUuid = done.at(-1)?.lastUuid ?? subjects.at(-1)?.lastUuid ?? null;
  const stand = done.flatMap(({ stands }) => stands ?? []);
  const classes = stand.flatMap((each) => each.classes);
  entry.stands = stand.length ? { verdict: classes.length ? "answer" : stand[0].verdict, classes } : null;
}
