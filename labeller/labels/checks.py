"""Known answers (helper "grid" writes this file: replace all of it)."""

from labeller.labels import services


def record(judgement, known):
    return services.record(judgement)
