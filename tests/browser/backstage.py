"""What tests need done behind the running program's back: people, and questions with their classes.

    python -m tests.browser.backstage '{"people": {"mia": "manager"}, "password": "…"}'
    python -m tests.browser.backstage '{"question": {"key": "grid", "classes": ["fox", "empty"]}}'

A process of its own, for tests run with other settings than the program. Prints JSON.
"""

import csv
import io
import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import django

django.setup()

from django.apps import apps  # noqa: E402
from django.db import transaction  # noqa: E402

from labeller.accounts.models import Membership, User  # noqa: E402
from labeller.exchange import importing, starting  # noqa: E402
from labeller.insights import site_days  # noqa: E402
from labeller.learning import asking as learning  # noqa: E402
from labeller.projects.making import ensure_class  # noqa: E402
from labeller.projects.models import PALETTE, LabelClass, Project, Question  # noqa: E402
from labeller.samples.models import File  # noqa: E402
from labeller.transfer import uploading  # noqa: E402
from tests.browser import passages  # noqa: E402


def people(project: Project, roles: dict[str, str], password: str) -> None:
    """Accounts with that password; an empty role makes a stranger."""
    for name, role in roles.items():
        user = User.objects.create_user(name, password=password)
        if role:
            Membership.objects.create(project=project, user=user, role=role)


def question(
    project: Project,
    key: str,
    text: str = "",
    classes: tuple[str, ...] = (),
    names: str = "",
    multi_label: bool = False,
    follows: str = "",
) -> dict[str, Any]:
    """The question of that key, made where it is missing, with these classes and those of a file of names."""
    made, _ = Question.objects.get_or_create(
        project=project,
        key=key,
        defaults={
            "text": text or f"What do you see? ({key})",
            "multi_label": multi_label,
            "position": project.questions.count(),
            "follows": project.questions.filter(key=follows).first(),
        },
    )
    for name in classes:
        ensure_class(made, name)
    if names:
        _add_names(made, Path(names))
    learning.request_refit(made, at_once=True)
    if made.follows is not None:
        learning.ask_anew(made.follows)
    rows = made.classes.values_list("name", "pk", "key")
    return {"classes": {name: pk for name, pk, _ in rows}, "letters": {name: letter for name, _, letter in rows}}


@transaction.atomic
def _add_names(question: Question, file: Path) -> None:
    rows = list(csv.DictReader(file.open(newline="", encoding="utf-8")))
    made = LabelClass.objects.bulk_create(
        [
            LabelClass(
                question=question,
                name=row["common"],
                scientific_name=row["scientific"],
                local_name=row["local"],
                code=row["code"],
                colour=PALETTE[at % len(PALETTE)],
                position=at + 100,
            )
            for at, row in enumerate(rows)
        ]
    )
    by_name = {each.name: each for each in made}
    for row, each in zip(rows, made, strict=True):
        each.parent = by_name.get(row["parent"])
    LabelClass.objects.bulk_update(made, ["parent"], batch_size=500)


def texts(slug: str, key: str) -> dict[str, Any]:
    """A project of texts beside the other one, with the same people, and a question about them."""
    first = Project.objects.order_by("pk").first()
    made = Project.objects.create(slug=slug, name="Passages", kind=Project.Kind.TEXT)
    for each in Membership.objects.filter(project=first):
        Membership.objects.create(project=made, user=each.user, role=each.role)
    known = passages.write(made)
    told = question(made, key, "What is it about?", tuple(passages.KINDS))
    passages.answer(made.questions.get(key=key), known["kinds"], [*known["odd"].values()])
    return {**known, **told, "odd_question": question(made, "odd", "And this one?", tuple(passages.KINDS))}


def days(project: Project, key: str) -> dict[str, Any]:
    """What was seen where on which day, worked out as a worker does it."""

    class Progress:
        job = SimpleNamespace(payload={"question": project.questions.get(key=key).pk})

        def __call__(self, done: int, total: int | None = None) -> None: ...

    site_days.work_out(cast("Any", Progress()))
    return {}


def network(name: str) -> dict[str, Any]:
    """A tiny CLIP of the site's own."""
    from tests.tl_core import clips  # it imports torch, which takes seconds

    with tempfile.TemporaryDirectory() as folder:
        file = clips.checkpoint(Path(folder))
        return {"digest": uploading.add(file, name, "clip", clips.DESCRIPTION).digest}


def detections(project: Project) -> dict[str, Any]:
    """A file of detections of the project's pictures, looked at."""
    paths = File.objects.filter(project=project).order_by("pk").values_list("path", flat=True)[:8]
    box = [{"category": "1", "conf": 0.9, "bbox": [0.1, 0.2, 0.5, 0.6]}]
    images = [{"file": path, "detections": box} for path in [*paths, "nowhere.jpg"]]
    told = {"info": {"format_version": "1.4"}, "detection_categories": {"1": "animal"}, "images": images}
    content = io.BytesIO(json.dumps(told).encode())
    wanted = starting.of_upload(project.first_question, content, "detections.json")
    importing.look(wanted, lambda done, total: None)
    return {"import": wanted.pk}


def main(asked: dict[str, Any]) -> dict[str, Any]:
    project = Project.objects.order_by("pk").first()
    if fields := asked.get("project"):
        Project.objects.filter(pk=project.pk).update(**fields)
    for place, fields in asked.get("change", {}).items():  # {"samples.File/17": {"path": "…"}}
        model, _, pk = place.partition("/")
        apps.get_model(model).objects.filter(pk=pk).update(**fields)
    if asked.get("people"):
        people(project, asked["people"], asked["password"])
    if asked.get("site_days"):
        return days(project, asked["site_days"])
    if asked.get("detections"):
        return detections(project)
    if asked.get("network"):
        return network(asked["network"])
    if asked.get("texts"):
        return texts(**asked["texts"])
    return question(project, **asked["question"]) if asked.get("question") else {}


if __name__ == "__main__":
    json.dump(main(json.loads(sys.argv[1])), sys.stdout)
