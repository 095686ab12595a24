"""Texts that have some words: what a hunt by words looks for where a project is of texts."""

import functools
import operator

from django.db.models import Q

from labeller.projects.models import Project
from labeller.samples.models import Text


def search(project: Project, words: str, limit: int) -> list[int]:
    """Samples whose texts have all of these words somewhere, the oldest first."""
    has_all = functools.reduce(operator.and_, (Q(content__icontains=word) for word in words.split()), Q())
    return list(Text.objects.filter(has_all, project=project).order_by("pk").values_list("pk", flat=True)[:limit])
