"""Delete a project, a source, a question, a class without labels or an account, for good."""

from typing import Any, TypeVar

from django.core.management.base import CommandError, CommandParser
from django.db.models import Model, QuerySet
from django.utils import timezone

from labeller.accounts.models import User
from labeller.config.commands import SiteCommand
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.managing import previewing, removing
from labeller.messages import sentence
from labeller.projects.models import Project
from labeller.samples import names, scanning

Row = TypeVar("Row", bound=Model)


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", metavar="SLUG", help="the project; alone: all of it")
        parser.add_argument("--source", metavar="FOLDER", help="only the photographs of this folder")
        parser.add_argument("--question", metavar="KEY", help="only this question, and those that follow it")
        parser.add_argument("--class", metavar="NAME", dest="label_class", help="only this class of the question")
        parser.add_argument("--account", metavar="NAME", help="an account; its labels stay, under a pseudonym")
        parser.add_argument("--yes", action="store_true", help="do it; without, only what would go is said")

    def handle(self, *args: Any, **options: Any) -> None:
        row = _row(options)
        preview = previewing.of(row)
        if preview.problem:
            raise CommandError(preview.problem)
        counts = ", ".join(f"{n} {words}" for words, n in preview.counts)
        size = "" if preview.megabytes is None else f", about {preview.megabytes:,.0f} MB"
        if not options["yes"]:
            self.stdout.write(f"{preview.name}: {counts}{size} would be deleted for good. Add --yes to do it.")
            return
        job = removing.ask(row, None)
        Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(not_before=timezone.now())
        jobs.run(job.pk, lambda kind: removing.remove)
        job.refresh_from_db()
        if job.state != Job.State.DONE:
            raise CommandError(f"Not done yet ({job.state}): {sentence(job.error) or 'a worker goes on with it'}")
        self.stdout.write(f"{preview.name}: {sentence(job.message) or f'{counts}{size} deleted.'}")


def _row(options: dict[str, Any]) -> removing.Removable:
    """The row that the words name."""
    if options["account"]:
        return _found(User.objects.filter(username=options["account"], closing_at=None), options["account"])
    project = _found(Project.objects.filter(slug=options["project"] or ""), options["project"] or "(none named)")
    if options["source"]:
        folder = names.shown(scanning.tidy_folder(options["source"]))
        return _found(project.sources.filter(path=folder).select_related("project"), folder)
    if options["question"] or options["label_class"]:
        of_key = project.questions.filter(key=options["question"]) if options["question"] else project.questions.all()
        question = _found(of_key.select_related("project").order_by("position", "pk"), options["question"])
        name = options["label_class"]
        return _found(question.classes.filter(name=name), name) if name else question
    return project


def _found(rows: QuerySet[Row], name: str) -> Row:
    row = rows.first()
    if row is None:
        raise CommandError(f"There is no {name!r}.")
    return row
