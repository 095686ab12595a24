"""Filters that say in the reader's language what rows hold as codes."""

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from labeller.messages import sentence
from labeller.samples import refused

register = template.Library()
register.filter("sentence", sentence)
register.filter("refusal", refused.words)
register.filter("left_out", refused.left_out_words)

JOB_KINDS = {
    "scan": gettext_noop("look through the folder"),
    "ingest": gettext_noop("import images"),
    "bursts": gettext_noop("find bursts"),
    "known": gettext_noop("apply what is known"),
    "import": gettext_noop("read a file of others"),
    "count": gettext_noop("count anew"),
    "plan": gettext_noop("plan the embedding"),
    "embed": gettext_noop("embed images"),
    "fit": gettext_noop("fit a featuriser to the texts"),
    "index": gettext_noop("index neighbours"),
    "sum": gettext_noop("sum up the embeddings"),
    "levels": gettext_noop("keep or delete levels"),
    "refit": gettext_noop("refit"),
    "retrain": gettext_noop("full refit"),
    "assess": gettext_noop("assess"),
    "hunt": gettext_noop("hunt"),
    "derive": gettext_noop("make a small picture anew"),
    "remove": gettext_noop("delete"),
    "fold": gettext_noop("fold a near-copy"),
    "reread": gettext_noop("read a table anew"),
    "tidy": gettext_noop("take out what was read wrong"),
    "repeats": gettext_noop("look for boxes that come again and again"),
    "advise": gettext_noop("find out which network serves"),
    "vocabulary": gettext_noop("look for words nobody has seen"),
    "adapt": gettext_noop("adapt without labels"),
    "vectors": gettext_noop("train word vectors on the texts"),
    "finetune": gettext_noop("fine-tune the network"),
    "switch": gettext_noop("change the network"),
    "network": gettext_noop("look at an uploaded network"),
    "help": gettext_noop("compare the questions"),
    "site_days": gettext_noop("work out the site-days"),
    "export": gettext_noop("write an export"),
    "people": gettext_noop("look where people are in pictures"),
}


@register.filter
def job_kind(kind: str) -> str:
    """What a job of this kind does."""
    return _(JOB_KINDS[kind]) if kind in JOB_KINDS else kind
