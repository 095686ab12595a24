"""Featurisers of texts: which one a spec means, what has to be fitted first, and which encoder stands beside it."""

import functools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from labeller.projects.models import Project
from labeller.samples.bursts import pages
from labeller.samples.models import Text
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.texts import registry, svd
from tl_core.texts.base import TextFeaturiser

AT_ONCE = 256  # texts between two reports
TOLD_BY = 1_000  # texts that tell the language


def unfitted(spec: str) -> str:
    """The kind of featuriser that has to see the pool before a run of that spec can be; "" where none has to."""
    return spec if spec in registry.kinds() else ""


def is_fitted_by_itself(spec: str) -> bool:
    """Whether what was fitted to texts is fitted anew when they have doubled; vectors are trained when asked for."""
    return spec.startswith(f"{svd.KIND}/")


@functools.lru_cache(maxsize=2)
def loaded(spec: str) -> TextFeaturiser:
    """The featuriser, loaded once a worker process. Raises as `registry.make` does."""
    return registry.make(spec)


def contents(project: Project) -> Iterator[str]:
    """All texts of a project, a page at a time."""
    for _pk, content in pages(Text.objects.filter(project=project), "content", size=1_000):
        yield content


def drawn(project: Project, most: int) -> Iterator[str]:
    """Texts of random shards, which are spread over a table, until there are so many: always the same ones."""
    read = 0
    for number in np.random.default_rng(0).permutation(project.next_shard or 1):
        if read >= most:
            return
        of_shard = Text.objects.filter(sample__project=project, sample__shard=int(number)).order_by("pk")
        for content in of_shard.values_list("content", flat=True):
            read += 1
            yield content


def vectors(spec: str, texts: Sequence[str]) -> Iterator[NDArray[np.float32]]:
    """The embeddings of texts, some rows at a time."""
    featuriser = loaded(spec)
    for start in range(0, len(texts), AT_ONCE):
        yield featuriser.embed(texts[start : start + AT_ONCE])


def tell_language(project: Project) -> str:
    """Which language a project's texts are in, as far as can be told; it is remembered. "" = several, or no telling."""
    from tl_core.texts import languages

    drawn = Text.objects.filter(project=project).order_by("sample__shard", "pk").values_list("content", flat=True)
    try:
        found = languages.language(list(drawn[:TOLD_BY])).code
    except FeaturiserUnavailable:
        found = ""
    Project.objects.filter(pk=project.pk).update(language=found)
    return found


def companion(project: Project, spec: str) -> str:
    """The spec of the encoder that is weighed beside what was fitted on the pool; "" where there is none."""
    if not any(spec.startswith(f"{kind}/") for kind in registry.kinds()):
        return ""
    return next((each for each in registry.default(project.language) if not unfitted(each)), "")


def encode(spec: str, words: str) -> NDArray[np.float32]:
    """What somebody typed as a vector beside those of the pool, (1, dimension)."""
    return loaded(spec).embed([words])
