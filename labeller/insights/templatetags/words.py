"""Filters that say in the reader's language what rows hold as codes, or as sentences in English."""

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from labeller.learning.sentences import reworded

register = template.Library()
register.filter("reworded", reworded)

JOB_KINDS = {
    "scan": gettext_noop("look through the folder"),
    "ingest": gettext_noop("import images"),
    "bursts": gettext_noop("find bursts"),
    "known": gettext_noop("apply what is known"),
    "plan": gettext_noop("plan the embedding"),
    "embed": gettext_noop("embed images"),
    "index": gettext_noop("index neighbours"),
    "refit": gettext_noop("refit"),
    "retrain": gettext_noop("full refit"),
    "assess": gettext_noop("assess"),
    "hunt": gettext_noop("hunt"),
}
REFUSALS = {
    "crashed": gettext_noop("decoding it stopped the worker"),
    "duplicate": gettext_noop("same content as another file"),
    "empty": gettext_noop("empty file"),
    "missing": gettext_noop("not there any more"),
    "not-an-image": gettext_noop("not an image"),
    "out-of-memory": gettext_noop("not enough memory to decode it"),
    "too-large": gettext_noop("too large"),
    "truncated": gettext_noop("ends before the image is complete"),
    "unreadable": gettext_noop("damaged or not readable"),
    "unsupported-format": gettext_noop("a format that is not supported"),
}


@register.filter
def job_kind(kind: str) -> str:
    """What a job of this kind does."""
    return _(JOB_KINDS[kind]) if kind in JOB_KINDS else kind


@register.filter
def refusal(reason: str) -> str:
    """Why a file was refused."""
    return _(REFUSALS[reason]) if reason in REFUSALS else reason
