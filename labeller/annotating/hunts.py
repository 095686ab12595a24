"""Hunts: asking a worker for one, and what is told of what it found."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from labeller.accounts.models import User
from labeller.annotating.forms import BadRequest, whole_number, whole_numbers
from labeller.annotating.handing import state, tiles
from labeller.annotating.holding import HoldsEnough, Wanted
from labeller.annotating.wire import pages
from labeller.annotating.wire.tiles import tiles_json
from labeller.codes import WorkerCode
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels import selectors as labels
from labeller.learning.models import TileGroup
from labeller.messages import sentence
from labeller.projects.models import Project, Question
from labeller.samples import hiding
from labeller.samples.models import Sample
from labeller.text import clean
from labeller.transfer import networks
from tl_core.notices import notice

MOST_LIKE = 20
MOST_WORDS = 200  # characters
MOST_WAITING = 5  # hunts of one person, one a tab
SHOWN_EXAMPLES = 12


@dataclass(frozen=True)
class HuntRequest:
    """What somebody hunts for: a class, what looks like some samples or fits some words, or a class by one of these."""

    class_id: int | None
    like: list[int]
    without: list[int]  # samples that this person passed over already
    text: str = ""


@dataclass(frozen=True)
class HuntState:
    """How far a hunt is: hunting, ready with its tiles, lost (to be asked for again), or failed with the reason."""

    state: str
    group: TileGroup | None = None
    message: str = ""


def aim(user: User, parsed: dict[str, Any], question: Question) -> HuntRequest:
    """What a person's page wants hunted; BadRequest names what is wrong with it."""
    like = list(dict.fromkeys(whole_numbers(parsed.get("like", []), "like")))
    given = parsed.get("class")
    class_id = None if given is None else whole_number(given, "class")
    text = words(parsed.get("text", ""), question)
    if not like and class_id is None and not text:
        raise BadRequest(_("Give `class`, what to hunt for, `like`, what it looks like, or `text`, words for it."))
    if like and text:
        raise BadRequest(_("Give `like` or `text`, not both."))
    if len(like) > MOST_LIKE:
        raise BadRequest(_("`like` must name at most %(n)s samples.") % {"n": MOST_LIKE})
    seen = Sample.objects.filter(hiding.shown_to(user, question.project), pk__in=like, project=question.project)
    if seen.count() != len(like):
        raise BadRequest(_("`like` must name samples of this project."))
    if class_id is not None and not question.classes.filter(pk=class_id).exists():
        raise BadRequest(_("`class` must be one of this question’s classes."))
    return HuntRequest(class_id, like, passed_over(parsed), text)


def words(given: object, question: Question) -> str:
    """The words of a hunt by words; BadRequest where they can't be some, or the featuriser reads none."""
    if not isinstance(given, str):
        raise BadRequest(_("`%(field)s` must be a text.") % {"field": "text"})
    text = clean(given)
    if len(text) > MOST_WORDS:
        raise BadRequest(_("`text` must have at most %(n)s characters.") % {"n": MOST_WORDS})
    is_text = question.project.kind == Project.Kind.TEXT  # found by its words, whatever embeds it
    if text and not is_text and not networks.reads_texts(question.project.featuriser):
        raise BadRequest(sentence(notice(WorkerCode.NO_TEXTS)))
    return text


def passed_over(parsed: dict[str, Any]) -> list[int]:
    return whole_numbers(parsed.get("without", []), "without")


def start(user: User, question: Question, wanted: HuntRequest, tab: str = "") -> Job:
    """Ask a worker for a hunt, in the place of the one this tab waits for. The same one is pending once.

    Raises HoldsEnough where this person's other tabs wait for all they may.
    """
    payload = {
        "question": question.pk,
        "user": user.pk,
        "class": wanted.class_id,
        "like": wanted.like,
        "without": wanted.without,
        "text": wanted.text,
    }
    of_person = f"question:{question.pk}:user:{user.pk}:"
    of_tab = f"{of_person}{_digest(tab)}:"
    key = of_tab + _digest(repr((wanted.class_id, wanted.like, wanted.text)))
    waiting = Job.objects.filter(kind="hunt", key__startswith=of_person, state=Job.State.QUEUED).exclude(key=key)
    keys = list(waiting.values_list("key", flat=True))
    elsewhere = [each for each in keys if not each.startswith(of_tab)]
    if len(elsewhere) >= MOST_WAITING:
        text = _("You wait for %(n)d hunts already, in other tabs: wait for one of them, or close a tab.")
        raise HoldsEnough(text % {"n": MOST_WAITING})
    if len(elsewhere) < len(keys):
        jobs.cancel(waiting.filter(key__startswith=of_tab))
    return jobs.enqueue("hunt", key=key, project=question.project, payload=payload)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def outcome(user: User, question: Question, job_id: int) -> HuntState:
    """What became of a person's hunt."""
    mine = Job.objects.filter(kind="hunt", payload__user=user.pk, payload__question=question.pk)
    job = mine.filter(pk=job_id).first()
    if job is not None and job.state == Job.State.QUEUED:
        jobs.remind(job)
        return HuntState("hunting", message=sentence(job.message))
    if job is not None and job.state == Job.State.RUNNING:
        looking = _("A worker is looking through all pictures.")
        if question.project.kind == Project.Kind.TEXT:
            looking = _("A worker is looking through all texts.")
        return HuntState("hunting", message=sentence(job.message) or looking)
    if job is not None and job.state == Job.State.FAILED:
        return HuntState("failed", message=sentence(job.error.splitlines()[-1] if job.error else str(job)))
    found = TileGroup.objects.filter(kind=TileGroup.Kind.HUNT, question=question, hunter=user, job=job_id).first()
    if found is None and job is not None:  # another tab asked for the same and has replaced it
        aimed = job.payload["class"], job.payload["like"], job.payload.get("text", "")
        found = TileGroup.hunts(question.pk, user.pk, *aimed).first()
    if found is None:
        return HuntState("lost", message=_("This hunt is over. Start it again."))
    if not found.estimate.get("by"):
        return HuntState("failed", message=sentence(found.estimate.get("reason")))
    return HuntState("ready", found)


def page_json(user: User, question: Question, wanted: Wanted, found: HuntState, without: list[int]) -> dict[str, Any]:
    """The best of a hunt that nobody has and that wasn't passed over, held by this tab; and how many remain."""
    group = found.group
    listed = [
        (sample_id, number) for sample_id, number in (group.tiles if group else []) if sample_id not in {*without}
    ]
    held, kept = tiles.next_of_group(user, question, wanted, group.pk if group else 0, listed)
    return {
        "state": found.state,
        "message": found.message,
        "hunt": hunt_json(group) if group else None,
        "group": {"id": group.pk, "kind": group.kind, "class": group.label_class_id} if group else None,
        "tiles": tiles_json(user, question, held, shows=question.show_suggestions),
        "groups": [],
        "kept": sorted(kept),
        "round": pages.round_json(state.current_round(question)),
        "pool": None if kept else pages.pool(question),
        "audits": 0,
    }


def hunt_json(group: TileGroup) -> dict[str, Any]:
    """What a page says of a hunt: by what it goes, what was found, and how many remain."""
    known = group.estimate
    return {
        "by": known["by"],
        "class": group.label_class_id,
        "like": group.like,
        "text": group.text,
        **{name: known[name] for name in ("found", "expected", "accepted", "at_most")},
        "reason": sentence(known["reason"]),
    }


def examples(user: User, question: Question, wanted: HuntRequest) -> list[int]:
    """The newest samples that people gave the hunted class, of those that this person may see."""
    if wanted.class_id is None:
        return []
    found = labels.newest_naming(question, wanted.class_id, SHOWN_EXAMPLES)
    seen = hiding.shown_among(user, question.project, found)
    return [each for each in found if each in seen]
