"""What a fine-tuning learns from: pictures with answers, the embeddings that heads see today, what belongs together.

It is gathered once and kept beside the work, so that one that goes on after a stop goes on with the same answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.labels import selectors as labels
from labeller.learning import fitting, reading
from labeller.projects.models import Project, Question
from labeller.samples.groups import placed
from labeller.samples.models import File, Sample, Text
from tl_core.featurisers import cards
from tl_core.featurisers.spec import canonical, parse
from tl_core.pipeline import Picture
from tl_core.store import files

if TYPE_CHECKING:
    from tl_core.adaptation.outputs import Target

PAGE = 2000
MOST = 20_000  # pictures: more would take more time and room than they are worth
ENOUGH = 50  # answers to another question, for it to be watched
OTHERS = 3  # questions that are watched besides
CAMERAS = 6  # from which on whole cameras are kept together; below, events


@dataclass(frozen=True, eq=False)
class Gathered:
    """Samples (n,), for each question codes (n,) or (n, c) with -1 where there is no answer, and embeddings (n, d)."""

    ids: NDArray[np.int64]
    codes: list[NDArray[np.intp]]
    classes: list[int]
    rivals: list[NDArray[np.float32]]
    groups: NDArray[np.int64] | None

    def pictures(self) -> list[Picture]:
        """Where the samples' pictures lie."""
        places = {}
        for page in in_pages(self.ids.tolist()):
            for sample in Sample.objects.filter(pk__in=page).select_related("file__source"):
                places[sample.pk] = Picture(sample.file.source.location(sample.file.path), sample.box)
        # One deleted meanwhile is a file that is not there: it is left out like one that cannot be read.
        return [places.get(pk, Picture(Path("deleted"))) for pk in self.ids.tolist()]

    def texts(self) -> list[str]:
        """What the samples say, where they are texts; of one deleted meanwhile nothing."""
        contents: dict[int, str] = {}
        for page in in_pages(self.ids.tolist()):
            contents.update(Text.objects.filter(sample__in=page).values_list("sample", "content"))
        return [contents.get(pk, "") for pk in self.ids.tolist()]

    def targets(self) -> "list[Target]":
        """The questions, as a fine-tuning takes them."""
        from tl_core.adaptation.outputs import Target

        return [Target(codes, n) for codes, n in zip(self.codes, self.classes, strict=True)]

    def save(self, path: Path) -> None:
        """Keep it, whole or not at all."""
        arrays: dict[str, Any] = {"ids": self.ids, "classes": np.array(self.classes)}
        arrays |= {f"codes-{at}": codes for at, codes in enumerate(self.codes)}
        arrays |= {f"rival-{at}": rival for at, rival in enumerate(self.rivals)}
        if self.groups is not None:
            arrays["groups"] = self.groups
        files.make_directory(path.parent)
        with files.replacing(path) as temporary, temporary.open("xb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> "Gathered":
        """What was kept."""
        with np.load(path) as kept:
            n = len(kept["classes"])
            return cls(
                kept["ids"],
                [kept[f"codes-{at}"] for at in range(n)],
                kept["classes"].tolist(),
                [kept[f"rival-{at}"] for at in range(n)],
                kept.get("groups"),
            )


def gather(question: Question, run: EmbeddingRun, most: int = MOST) -> Gathered | None:
    """All there is to learn from for the question, first, and others; None while there are no two classes."""
    rng = np.random.default_rng(question.pk)
    main = _of(question, run)
    if main is None:
        return None
    is_of_texts = question.project.kind == Project.Kind.TEXT
    ids = np.sort(main.sample_ids) if is_of_texts else _images(main.sample_ids)
    ids = np.sort(rng.choice(ids, most, replace=False)) if len(ids) > most else ids
    asked = [(question, main), *_others(question, run, ids)]
    codes, classes, rivals = [], [], []
    for each, data in asked:
        at = _positions(ids, data.sample_ids)
        codes.append(_codes(data, at))
        classes.append(len(data.class_ids))
        rivals.append(reading.embeddings_of(each, run))
    seen = [vectors_of(embeddings, ids) for embeddings in rivals]
    return Gathered(ids, codes, classes, seen, groups_of(ids))


def _of(question: Question, run: EmbeddingRun) -> fitting.Training | None:
    return fitting.training(question, reading.embeddings_of(question, run), labels.consensus(question))


def _others(question: Question, run: EmbeddingRun, ids: NDArray[np.int64]) -> Iterator[tuple[Question, Any]]:
    """Other questions that enough of these samples have an answer to: the network serves them, too."""
    watched = 0
    for other in question.project.questions.exclude(pk=question.pk).order_by("position", "pk"):
        data = _of(other, run)
        if data is not None and np.isin(data.sample_ids, ids).sum() >= ENOUGH and watched < OTHERS:
            watched += 1
            yield other, data


def _images(sample_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those that are pictures, ascending."""
    pictures = Sample.objects.filter(file__kind=File.Kind.IMAGE)
    kept = [
        pk for page in in_pages(sample_ids.tolist()) for pk in pictures.filter(pk__in=page).values_list("pk", flat=True)
    ]
    return np.sort(np.array(kept, np.int64))


def _positions(ids: NDArray[np.int64], of: NDArray[np.int64]) -> NDArray[np.intp]:
    """For each of these ids where it stands in the others, -1 = nowhere."""
    order = np.argsort(of)
    near = np.minimum(np.searchsorted(of[order], ids), len(of) - 1)
    return np.where(of[order][near] == ids, order[near], -1)


def _codes(data: fitting.Training, at: NDArray[np.intp]) -> NDArray[np.intp]:
    if data.y.ndim == 2:
        several = data.y[at].astype(np.intp)
        several[at < 0] = -1
        return several
    return np.where(at < 0, -1, np.searchsorted(data.class_ids, data.y[at]))


def vectors_of(embeddings: Any, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """What the question's head sees of each sample; nought where there is no embedding."""
    at = embeddings.positions(ids)
    vectors = np.zeros((len(ids), len(embeddings.mean)), np.float32)
    vectors[at >= 0] = embeddings.vectors[at[at >= 0]]
    return vectors


def groups_of(ids: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """What must not be torn apart: cameras where there are several, else events; None where there is neither."""
    cameras, events = np.full(len(ids), -1, np.int64), np.full(len(ids), -1, np.int64)
    place = {pk: at for at, pk in enumerate(ids.tolist())}
    for page in in_pages(ids.tolist()):
        rows = placed(Sample.objects.filter(pk__in=page)).values_list("pk", "group", "event")
        for pk, camera, event in rows:
            cameras[place[pk]], events[place[pk]] = camera or -1, event or -1
    known = cameras if len(set(cameras.tolist()) - {-1}) >= CAMERAS else events
    if (known < 0).all():
        return None
    return np.where(known < 0, known.max() + 1 + np.arange(len(ids)), known)


def in_pages(ids: list[int]) -> Iterator[list[int]]:
    """These ids, as many at a time as a statement takes."""
    for start in range(0, len(ids), PAGE):
        yield ids[start : start + PAGE]


def begun_with(project: Project) -> str:
    """The featuriser that the project's fine-tunings begin with: of a tuned one, the network it was made from."""
    name, options = parse(runs.underived(project.featuriser))
    if name.startswith(cards.PREFIX):
        card = cards.card_of(cards.local(runs.networks(), name.removeprefix(cards.PREFIX)))
        if card.made_by == "tuning" and card.origin:
            return card.origin
    return canonical(name, {option: value for option, value in options.items() if option in ("size", "weights")})
