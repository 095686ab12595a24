"""What an export says in words: how far its decisions are to be trusted, and by which audit."""

from labeller.exchange.exporters.contents import ProjectContents, machine
from labeller.insights.estimates import accuracy
from labeller.labels import selectors as labels


def audited(contents: ProjectContents) -> list[str]:
    """Sentences about each question: its audit, and what was accepted by which rule."""
    said = []
    for question in contents.questions:
        found = accuracy(labels.trail(question))
        if found["n"]:
            said.append(
                f"Audit of “{question.text}”: of {found['n']} samples drawn at random and labelled without a "
                f"suggestion, the predictions were right in {found['value']} % (95 % interval {found['low']} to "
                f"{found['high']} %)."
            )
        rule = contents.rules.get(question.pk)
        if rule is not None:
            said.append(
                f"Answers by {machine(rule)} were accepted at a probability of {rule.threshold:.4g} and above, where "
                f"at most {100 * rule.epsilon:g} % are wrong by {rule.audited} audited samples "
                f"({100 * rule.confidence:.3g} % confidence)."
            )
    return said
