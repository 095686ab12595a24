"""What stands by going through all labels, in plain words: what the rows of answers are compared with."""

from collections import Counter, defaultdict

from labeller.labels.models import Label

DECIDED = {"answer", "unsure", "ignore"}


def current(question):
    """The labels of each sample that no other has superseded, by the history alone, in the order they were given."""
    found = defaultdict(list)
    history = Label.objects.filter(question=question)
    for label in history.exclude(pk__in=history.exclude(supersedes=None).values("supersedes")).order_by("pk"):
        label.given = frozenset(each.label_class_id for each in label.labelled_classes.all())
        found[label.sample_id].append(label)
    return found


def reviews(labels):
    return [each for each in labels if each.mode == "review" and each.verdict in DECIDED]


def is_left_out(labels):
    """A reviewer left the sample out, and none has answered since."""
    for label in reversed(reviews(labels)):
        if label.verdict != "unsure":
            return label.verdict == "ignore"
    return False


def that_count(labels):
    if is_left_out(labels):
        return []
    answers = [each for each in labels if each.verdict == "answer"]
    return [each for each in answers if each.mode == "review"] or answers


def classes(labels):
    """The latest review's; else what most gave, the latest of these; None where nothing counts."""
    counted = that_count(labels)
    if not counted:
        return None
    if counted[-1].mode == "review":
        return counted[-1].given
    most = max(Counter(each.given for each in counted).values())
    return [each.given for each in counted if sum(other.given == each.given for other in counted) == most][-1]


def is_disputed(labels):
    """Answers that count differ, and no reviewer has spoken since the last of all answers."""
    answers = [each for each in labels if each.verdict == "answer"]
    last_review = reviews(labels)[-1].pk if reviews(labels) else 0
    differ = len({each.given for each in answers}) > 1
    return differ and not is_left_out(labels) and last_review < answers[-1].pk


def is_doubted(labels):
    last_review = reviews(labels)[-1].pk if reviews(labels) else 0
    return any(each.verdict == "unsure" and each.mode != "review" and each.pk > last_review for each in labels)


def is_closed(labels):
    """An import or a reviewer has spoken."""
    return bool(reviews(labels)) or any(each.annotator_id is None and each.verdict == "answer" for each in labels)


def state(labels):
    if is_left_out(labels):
        return "left_out"
    if that_count(labels):
        return "disputed" if is_disputed(labels) else "answered"
    verdicts = {each.verdict for each in labels}
    return "unsure" if "unsure" in verdicts else "skipped" if "skip" in verdicts else "open"


def row(labels):
    """What the row of a sample with these labels must hold."""
    classes_now = classes(labels)
    stands = [each for each in that_count(labels) if each.given == classes_now]
    if stands:
        deciding = stands[-1] if stands[-1].mode == "review" else stands[0]
    else:
        verdict = {"left_out": "ignore", "unsure": "unsure", "skipped": "skip", "open": "withdraw"}[state(labels)]
        deciding = [each for each in labels if each.verdict == verdict][-1]
    return {
        "state": state(labels),
        "class_ids": classes_now or frozenset(),
        "label_id": deciding.pk,
        "votes": len(that_count(labels)),
        "is_imported": any(each.annotator_id is None and each.verdict == "answer" for each in labels),
        "reviewed_at": max((each.created_at for each in reviews(labels)), default=None),
        "is_doubted": is_doubted(labels),
        "newest": labels[-1].pk,
    }


COLUMNS = ("state", "class_ids", "label_id", "votes", "is_imported", "reviewed_at", "is_doubted", "newest")


def rows(question):
    return {sample_id: row(labels) for sample_id, labels in current(question).items()}
