"""What the commands of manage.py that work on one question have in common."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeller.projects.models import Project, Question


def add_arguments(parser: CommandParser) -> None:
    """Have a command ask for a project, and which of its questions is meant."""
    parser.add_argument("--project", required=True, metavar="SLUG")
    parser.add_argument("--question", metavar="KEY", help="default: the project's first one")


def asked(options: dict[str, Any]) -> Question:
    """The question that is meant. Raises CommandError where there is none."""
    project = Project.objects.filter(slug=options["project"]).first()
    if project is None:
        raise CommandError(f"There is no project {options['project']!r}.")
    questions = Question.objects.filter(project=project).select_related("project").order_by("position", "pk")
    question = questions.filter(key=options["question"]).first() if options["question"] else questions.first()
    if question is None:
        known = ", ".join(each.key for each in questions)
        raise CommandError(
            f"{project.slug} has no question {options['question']!r}; there are: {known}."
            if known
            else f"{project.slug} asks no question yet."
        )
    return question
