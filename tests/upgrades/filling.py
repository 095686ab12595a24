"""Fills the empty site of a version with a little of everything, by that version's own code.

It runs inside a checkout of that version (see make_site.py), and so keeps to what all versions know: the endpoints that
pages post to, and the services that were there from the first version on.
"""

import json
import uuid
from pathlib import Path
from unittest import mock

import numpy as np
from django.test import Client
from django.utils import timezone
from PIL import Image

import labeller.learning.tasks
import labeller.samples.tasks  # noqa: F401 - registers the handlers of jobs, as a worker does
from labeller.accounts.models import Membership, Role, User
from labeller.jobs import registry
from labeller.jobs import services as jobs
from labeller.jobs.models import Job
from labeller.labels import checks, flags
from labeller.labels import services as labels
from labeller.labels.models import Check, Label
from labeller.labels.services import Judgement
from labeller.learning import accepting, embedding, whitening
from labeller.learning.models import Acceptance
from labeller.projects import questions
from labeller.projects import services as projects
from labeller.projects.models import Project
from labeller.samples import services as samples
from labeller.samples.models import Source
from tests.conftest import FakeFeaturiser, FakeRuntime

COLOURS = {"fox": (200, 90, 40), "badger": (60, 60, 70), "empty": (90, 160, 90)}
ROLES = {"olga": Role.OWNER, "mia": Role.MANAGER, "ana": Role.ANNOTATOR, "bo": Role.ANNOTATOR, "vic": Role.VIEWER}


class Broker:
    """Takes messages for workers and forgets them: `work` does the jobs."""

    @staticmethod
    def send_task(*args, **kwargs):
        pass


def fill(photographs: Path) -> None:
    """The whole site: three projects, five people, and what they and the workers did."""
    with (
        mock.patch.object(jobs, "current_app", Broker),
        mock.patch.object(embedding.featurisers, "get", lambda name="": FakeFeaturiser()),
        mock.patch.object(embedding, "runtime", lambda name, device: FakeRuntime(FakeFeaturiser())),
    ):
        for name in ROLES:
            User.objects.create(username=name, keys={"skip": "x"} if name == "ana" else {})
        User.objects.create(username="oracle", is_simulated=True)
        foxes(photographs / "foxes")
        pairs(photographs / "pairs")
        birds(photographs / "birds")
        leave_things_unfinished()


# --- projects -------------------------------------------------------------------------------------


def foxes(folder: Path) -> None:
    """One answer a photograph, two questions that follow, bursts, an acceptance, a hunt, every kind of file."""
    draw(folder, "north", 30, burst=5)
    draw(folder, "south", 42)
    (folder / "broken.jpg").write_bytes((folder / "north" / "fox-000.jpg").read_bytes()[:300])
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_text("no picture")
    (folder / "twin.png").write_bytes((folder / "south" / "fox-000.png").read_bytes())
    project = make("Foxes", "Which animal is this?", tuple(COLOURS))
    change(project, audit_share=0.5, accept_error=0.5, refit_every=5, round_size=60, target_accuracy=0.8)
    main = project.first_question
    follow = questions.add_following_question
    classes = {each.name: each for each in main.classes.all()}
    follow(main, text="What does it do?", multi_label=True, class_names=["eats", "runs"], only_for=[classes["fox"]])
    follow(main, text="How old?", class_names=["young", "old"])
    samples.add_source(project, folder)
    work()
    label_as_pages_do(project)
    accepting.accept(Acceptance.objects.get(question=main), User.objects.get(username="mia"))
    work()
    review_and_flag(project)
    Desk("ana", project).ask("hunt/start", **{"class": classes["badger"].pk, "like": []})
    work()


def pairs(folder: Path) -> None:
    """Two people a photograph, who differ, take back and are reviewed; its embedding is paused."""
    draw(folder, "", 16)
    project = make("Pairs", "Fox or not?", ("fox", "badger", "empty"))
    change(project, redundancy=2, show_suggestions=False, retrain_at=None, annotators_add_classes=False)
    samples.add_source(project, folder)
    work()
    for number, sample in enumerate(project.samples.order_by("path")[:12]):
        truth = truth_of(sample)
        given = {"ana": truth, "bo": "empty" if number % 2 == 0 else truth}
        for name, answer in given.items():
            say(project, sample, name, answer)
    first, second, third = Label.objects.filter(project=project, annotator__username="bo").order_by("pk")[:3]
    take_back(first)
    say(project, second.sample, "bo", "badger", supersedes=second)
    say(project, third.sample, "mia", "fox", mode="review")
    ask_for_refit(project)
    work()
    (run,) = project.embedding_runs.all()
    embedding.pause(run)


def birds(folder: Path) -> None:
    """Several answers a photograph, imported ones, known answers, boxes, hidden truth, two kinds of embeddings."""
    for name in ("tit", "wren"):
        draw(folder / "named", name, 8)
    for name in ("tit", "finch"):
        draw(folder / "hidden", name, 6, first=50)
    project = make("Birds", "Which birds are there?", ("tit", "wren", "finch", "none"), multi_label=True)
    change(project, strategy="margin", head="logistic", burst_gap=0)
    songbird, _ = projects.ensure_class(project.first_question, "songbird")
    project.first_question.classes.filter(name__in=["tit", "finch"]).update(parent=songbird)
    starred = project.first_question.classes.get(name="finch")
    starred.is_starred, starred.scientific_name, starred.code = True, "Fringillidae", "FI"
    starred.save()
    samples.add_source(project, folder / "named", Source.Meaning.LABELS)
    samples.add_source(project, folder / "hidden", Source.Meaning.TRUTH)
    work()
    for number, sample in enumerate(project.samples.filter(source__path__endswith="hidden").order_by("path")[:8]):
        say(project, sample, "bo", *(("tit", "finch") if number % 2 else ("finch",)))
    for sample in project.samples.order_by("pk")[:3]:
        sample.box_left, sample.box_top, sample.box_width, sample.box_height = 0.25, 0.1, 0.5, 0.375
        sample.save()
    check(project)
    ask_for_refit(project)
    embedding.resume(whitening.start(embedding.current_run(project), 4))
    work()


def make(name: str, text: str, classes: tuple[str, ...], multi_label: bool = False) -> Project:
    project = projects.create_project(
        name=name,
        owner=User.objects.get(username="olga"),
        question_text=text,
        class_names=classes,
        multi_label=multi_label,
    )
    for person, role in ROLES.items():
        Membership.objects.get_or_create(
            project=project, user=User.objects.get(username=person), defaults={"role": role}
        )
    return project


def change(project: Project, **values: object) -> None:
    for name, value in values.items():
        setattr(project, name, value)
    project.save()


def leave_things_unfinished() -> None:
    """A job of every state, samples in people's hands, a reviewer's too."""
    fox = Project.objects.get(slug="foxes")
    lost = jobs.enqueue("refit", key="question:999999", project=fox, payload={"question": 999999})
    work()
    lost.refresh_from_db()
    assert lost.state == Job.State.FAILED
    cancelled, running, _queued = (
        jobs.enqueue("assess", key=f"question:{number}", project=fox, payload={"question": number})
        for number in (999997, 999998, 999999)
    )
    jobs.cancel(Job.objects.filter(pk=cancelled.pk))
    assert jobs.claim(running.pk)
    Desk("ana", fox).ask("next", count=3)
    Desk("bo", fox).ask("grid/tiles", count=6)
    Desk("mia", fox).ask("review/next", count=2)


# --- people ---------------------------------------------------------------------------------------


class Desk:
    """Somebody's tab."""

    def __init__(self, name: str, project: Project) -> None:
        self.client = Client(SERVER_NAME="localhost")
        self.client.force_login(User.objects.get(username=name), "django.contrib.auth.backends.ModelBackend")
        self.base = f"/projects/{project.slug}/label/{project.first_question.key}/"

    def ask(self, what: str, **body: object) -> dict[str, object]:
        answer = self.client.post(f"{self.base}{what}/", {"tab": "one", **body}, content_type="application/json")
        assert answer.status_code == 200, answer.content
        return json.loads(answer.content)

    def save(self, *events: dict[str, object]) -> None:
        results = self.ask("labels", events=list(events))["results"]
        assert {each["status"] for each in results} == {200}, results


def label_as_pages_do(project: Project) -> None:
    """Fifty samples as they are handed out, and what follows of the foxes among them."""
    follows = {each.key: each for each in project.questions.filter(follows__isnull=False)}
    ids = {(each.key, one.name): one.pk for each in project.questions.all() for one in each.classes.all()}
    main = project.first_question.key
    for turn in range(10):
        desk = Desk(("ana", "bo")[turn % 2], project)
        events = []
        for given in desk.ask("next", count=5)["samples"]:
            sample = project.samples.get(pk=given["sample"])
            name = truth_of(sample)
            shared = {"sample": sample.pk, "verdict": "answer", "dwell_ms": 900 + turn, "suggestion_shown": True}
            events.append({**shared, "uuid": new(), "entry": given.get("entry"), "classes": [ids[main, name]]})
            if name == "fox":
                for key, answers in zip(follows, (("eats", "runs"), ("young",)), strict=True):
                    classes = [ids[key, each] for each in answers]
                    events.append({**shared, "uuid": new(), "question": key, "classes": classes})
        desk.save(*events)
        work()
    page = Desk("bo", project).ask("grid/tiles", count=4)["tiles"]
    shared = {"verdict": "answer", "mode": "grid", "suggestion_shown": True}
    named = [(each["sample"], ids[main, truth_of(project.samples.get(pk=each["sample"]))]) for each in page]
    Desk("bo", project).save(
        *({**shared, "uuid": new(), "sample": sample, "classes": [answer]} for sample, answer in named)
    )
    other = project.samples.exclude(labels__isnull=False).order_by("path")
    for verdict, sample in zip(("skip", "unsure"), other, strict=False):
        Desk("bo", project).save({"uuid": new(), "sample": sample.pk, "verdict": verdict, "classes": []})
    ask_for_refit(project, "retrain")
    work()


def review_and_flag(project: Project) -> None:
    """A reviewer overrules one, leaves one out, takes one in again; flags, open and closed."""
    question = project.first_question
    answered = Label.objects.filter(question=question, verdict="answer", is_current=True).order_by("pk")
    one, two, three, four = (label.sample for label in answered[:4])
    say(project, one, "mia", "badger", mode="review")
    say(project, two, "mia", verdict="ignore", mode="review")
    left_out = say(project, three, "mia", verdict="ignore", mode="review")
    say(project, three, "mia", "empty", mode="review", supersedes=left_out)
    take_back(answered.filter(annotator__username="bo").latest("pk"))
    ana, mia = User.objects.get(username="ana"), User.objects.get(username="mia")
    flags.raise_flag(uuid.uuid4(), question, two.pk, ana, "a fox | or a dog?")
    closed = uuid.uuid4()
    flags.raise_flag(closed, question, four.pk, ana, "")
    flags.lower_flag(closed, question, mia)
    say(project, project.samples.order_by("pk").last(), "oracle", "fox", mode="simulated")


def check(project: Project) -> None:
    """Ana is asked what is known, and errs once, and changes her mind once."""
    question = project.first_question
    ana = User.objects.get(username="ana")
    known = list(checks.known(question).order_by("pk").select_related("sample")[:3])
    for label, name in zip(known, ("tit", "wren", "tit"), strict=True):
        checks.record(judgement(project, label.sample, ana, name), checks.known_answer(question, label.sample_id))
    first = Check.objects.filter(question=question).order_by("pk").first()
    again = judgement(project, known[0].sample, ana, "wren", supersedes=first)
    assert checks.record(again, checks.known_answer(question, known[0].sample_id)).status == 200


def say(project: Project, sample, name: str, *answers: str, **fields):
    """What somebody decides, recorded without a page."""
    recorded = labels.record(judgement(project, sample, User.objects.get(username=name), *answers, **fields))
    assert recorded.status == 200, recorded
    return recorded.label


def judgement(project, sample, annotator, *answers, verdict="answer", mode="single", supersedes=None) -> Judgement:
    question = project.first_question
    return Judgement(
        uuid=uuid.uuid4(),
        question=question,
        sample_id=sample.pk,
        annotator=annotator,
        verdict=verdict,
        class_ids=tuple(projects.ensure_class(question, answer)[0].pk for answer in answers),
        supersedes=supersedes.uuid if supersedes else None,
        mode=mode,
    )


def take_back(label: Label) -> None:
    say(label.project, label.sample, label.annotator.username, verdict="withdraw", supersedes=label)


def ask_for_refit(project: Project, kind: str = "refit") -> None:
    question = project.first_question
    jobs.enqueue(kind, key=f"question:{question.pk}", project=project, payload={"question": question.pk})


def new() -> str:
    return str(uuid.uuid4())


# --- workers and files ----------------------------------------------------------------------------


def work() -> None:
    """Do the queued jobs one after the other, as workers would, until none is left."""
    while job := Job.objects.filter(state=Job.State.QUEUED).order_by("pk").first():
        Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
        assert jobs.run(job.pk, registry.get)


def draw(folder: Path, place: str, count: int, burst: int = 0, first: int = 0) -> None:
    """So many pictures, each named by what it shows; in bursts of so many, three seconds apart, where that is said."""
    (folder / place).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([first, *place.encode()])
    for number in range(first, first + count):
        name = tuple(COLOURS)[number % 3]
        noise = rng.integers(-25, 25, (6, 8, 3))
        pixels = np.clip(np.array(COLOURS[name]) + noise, 0, 255).astype(np.uint8)
        picture = Image.fromarray(pixels).resize((32, 24), Image.Resampling.BICUBIC)
        if not burst:
            picture.save(folder / place / f"{name}-{number:03}.png")
            continue
        exif = picture.getexif()
        minute, second = number // burst, 3 * (number % burst)
        exif.get_ifd(0x8769)[0x9003] = f"2026:06:01 05:{minute * 7:02}:{second:02}"
        picture.save(folder / place / f"{name}-{number:03}.jpg", exif=exif, quality=90)


def truth_of(sample) -> str:
    return Path(sample.path).name.partition("-")[0]
