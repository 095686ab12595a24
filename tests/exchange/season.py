"""A season of camera traps that has everything exporters must get right: `season` makes it."""

import hashlib
from datetime import UTC, datetime, timedelta

import numpy as np
from django.conf import settings
from django.utils import timezone

from labeller.embedding import runs
from labeller.exchange import making
from labeller.exchange.exporters import EXPORTERS
from labeller.exchange.exporters.base import ExportWanted
from labeller.labels import tallies
from labeller.learning import accepting
from labeller.learning.models import Acceptance, Head
from labeller.projects.making import ensure_class
from labeller.projects.models import LabelClass, Question
from labeller.samples import parts
from labeller.samples.models import Deployment, File, Sample, Sequence, Source
from labeller.samples.names import decode
from tests import factories
from tl_core.heads import files as head_files
from tl_core.heads.plain import LinearHead

START = datetime(2024, 6, 1, 4, 0, tzinfo=UTC)
ODD = ["=cmd|'calc'!A0.jpg", '"quoted", with comma.jpg', "line%0Abreak.jpg", "éland ünïcode 狐.jpg", "a..b.jpg"]
CLASSES = {
    "red fox": "Vulpes vulpes", "=badger": "Meles meles", "deer": "",
    "blank": "", "unknown": "", "set-up": "", "person": "",
}  # fmt: skip
FOLLOWING = {"count": ("1", "2", "10+"), "sex": ("male", "female", "odd|one")}


def season(foxes, folder):
    """Two cameras; an event of four frames, one of two; boxes, blanks, people, set-up, unknown, doubt, and what a rule
    accepted; a question about counts and one about sexes; names that are not nice. Returns wholes by name, and boxes.
    """
    asks(foxes)
    wholes = {sample.file.path.rpartition("/")[2]: sample for sample in factories.wholes(shots(foxes, folder))}
    for stem in ("burst", "night"):
        files = File.objects.filter(path__contains=f"/{stem}")
        first = files.order_by("pk").first()
        files.update(sequence=Sequence.objects.create(deployment=first.deployment, started_at=first.taken_at))
    boxed = [wholes[name].file_id for name in ("burst1.jpg", "burst1.jpg", "IMG_0001.jpg")]
    places = [(file_id, (0.1 + 0.3 * number, 0.2, 0.25, 0.5)) for number, file_id in enumerate(boxed)]
    boxes = [Sample.objects.get(pk=pk) for pk in parts.add_boxes(foxes.project, places)]
    says(foxes, wholes, boxes)
    tallies.recount(foxes.project)
    return wholes, boxes


def asks(foxes):
    """The species, and of each animal how many there are, and of which sex."""
    for name, scientific in CLASSES.items():
        made, _ = ensure_class(foxes.question, name)
        LabelClass.objects.filter(pk=made.pk).update(scientific_name=scientific)
    for position, (key, names) in enumerate(FOLLOWING.items(), 1):
        asked = {"key": key, "text": f"{key}?", "follows": foxes.question, "position": position}
        following = Question.objects.create(project=foxes.project, **asked)
        for name in names:
            ensure_class(following, name)


def shots(foxes, folder):
    """The files, on the disk, not stored yet."""
    source = Source.objects.create(project=foxes.project, path=str(folder))
    where = {"location_name": "North; =wood", "longitude": 5.1, "camera": "R, 1"}
    zones = ["Europe/Amsterdam", ""]
    places = [
        Deployment.objects.create(
            project=foxes.project, name=f"north/cam {number}", latitude=52.1 + number, time_zone=zone, **where
        )
        for number, zone in enumerate(zones)
    ]
    taken = [(0, name, 60 * number) for number, name in enumerate(ODD)]
    taken += [(0, f"burst{frame}.jpg", 600 + frame) for frame in range(4)]
    taken += [(1, f"night{frame}.jpg", 700 + frame) for frame in range(2)]
    taken += [(1, f"IMG_{number:04}.jpg", 800 + 60 * number) for number in range(8)]
    for seed, (place, name, minutes) in enumerate(taken):
        path = f"{places[place].name}/{name}"
        content = factories.photograph(folder / decode(path), seed).read_bytes()
        yield File(
            project=foxes.project, source=source, path=path, sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content), modified_ns=0, width=64, height=48, deployment=places[place],
            taken_at=START + timedelta(minutes=minutes), clock_time=START,
        )  # fmt: skip


def says(foxes, wholes, boxes):
    """What ana, bo and mia say."""
    count, sex = (foxes.project.questions.get(key=key) for key in FOLLOWING)

    def say(sample, *names, who=foxes.ana, of=foxes.question, **fields):
        factories.label(of, sample, who, *(of.classes.get(name=name).pk for name in names), **fields)

    said = dict(zip(ODD, ("red fox", "=badger", "blank", "unknown", "person"), strict=True))
    said |= {"burst0.jpg": "red fox", "burst2.jpg": "blank", "night0.jpg": "blank", "night1.jpg": "blank"}
    said |= {"IMG_0000.jpg": "set-up", "IMG_0002.jpg": "red fox", "IMG_0007.jpg": "red fox"}
    factories.labelled_each(foxes.question, [(wholes[name], answer) for name, answer in said.items()], foxes.ana)
    say(boxes[0], "red fox", who=None, mode="import")
    say(boxes[1], "red fox")
    say(boxes[0], "2", of=count)
    say(boxes[0], "female", of=sex)
    say(wholes["burst0.jpg"], "odd|one", of=sex)
    say(wholes["IMG_0007.jpg"], "10+", of=count)
    say(wholes["IMG_0002.jpg"], "deer", who=foxes.bo)
    say(wholes["IMG_0003.jpg"], verdict="unsure")
    say(wholes["IMG_0004.jpg"], verdict="skip")
    say(wholes["IMG_0005.jpg"], verdict="ignore", who=foxes.mia, mode="review")


def accepted(foxes, monkeypatch, sample, name, probability=0.97):
    """Have a rule accept a prediction."""
    run = runs.current_run(foxes.project)
    head = Head.objects.create(
        question=foxes.question, run=run, version=7, directory="h", class_ids=[], n_labels=9, fit_seconds=0.1
    )
    Acceptance.objects.create(
        question=foxes.question, head=head, threshold=0.9, epsilon=0.05, bound=0.04, confidence=0.95, n_audited=90,
        audited=80, wrong=1, accepted=1, newest_sample=10**9, reason="", made_at=timezone.now(),
    )  # fmt: skip
    found = {sample.pk: ((foxes.class_id(name),), probability)}
    monkeypatch.setattr(accepting, "accepted", lambda rule: dict(found))


def taught(foxes):
    """A head of two classes, where there is none yet."""
    if Head.latest(foxes.question) is None:
        class_ids = list(foxes.question.classes.order_by("pk").values_list("pk", flat=True)[:2])
        random = np.random.default_rng(5)
        coef, center = random.normal(size=(2, factories.DIMENSION)), random.normal(size=factories.DIMENSION)
        head = LinearHead(np.array(class_ids), coef, np.zeros(2), center)
        head_files.save(head, settings.HEADS / "taught", {})
        Head.objects.create(
            question=foxes.question, run=runs.current_run(foxes.project), version=8, directory="taught",
            name="logistic", class_ids=class_ids, n_labels=9, fit_seconds=0.1,
        )  # fmt: skip


def wanted(foxes, name, **options):
    if name == "classifier":
        taught(foxes)
    exporter = EXPORTERS[name]
    chosen = list(foxes.project.questions.select_related("project", "follows").order_by("position", "pk"))
    chosen = making.asked(exporter, chosen if exporter.several else chosen[:1])
    made_at = datetime(2024, 9, 1, tzinfo=UTC)
    return ExportWanted(foxes.project, chosen, exporter.filled(options), made_at, "Olga")


def write(foxes, name, folder, tell=lambda *args, **kwargs: None, **options):
    """Write the project in that format; returns the manifest."""
    return making.write(EXPORTERS[name], wanted(foxes, name, **options), folder, tell)
