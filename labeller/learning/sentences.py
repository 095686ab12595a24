"""Sentences that workers and tl_core write in English, said again in the reader's language.

What a worker stores is read by people of several languages, and tl_core knows of none. So a page hands such a text to
`reworded`, which knows it by its pattern and fills the translated one with the numbers of the original. A text that is
none of these sentences (an error, mostly) comes back as it is.
"""

import functools
import re
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

TEXTS = {"path", "name", "error"}  # placeholders for any text; all others are numbers
SENTENCES = (
    # Jobs: how far they are, and what they wait for.
    gettext_noop("%(n)s new files"),
    gettext_noop("decoding %(path)s"),
    gettext_noop("loading the network"),
    gettext_noop("reading the index"),
    gettext_noop("saving the index"),
    gettext_noop("choosing penalty and temperature"),
    gettext_noop("ranking"),
    gettext_noop("Only %(n)s MB are free at %(path)s: make room, work goes on by itself."),
    gettext_noop("No space left at %(path)s while writing derivatives."),
    gettext_noop("No space left at %(path)s: make room, work goes on by itself."),
    gettext_noop("The folder %(path)s is not there: work goes on by itself when it is back."),
    gettext_noop("%(n)s damaged shards are being embedded again."),
    gettext_noop("Shard %(n)s waits for its embeddings by %(name)s."),
    gettext_noop("The strategy %(name)s can't be used: %(error)s. Choose another one in the project's settings."),
    gettext_noop("The head %(name)s can't be used: %(error)s. Choose another one in the project's settings."),
    # When to stop.
    gettext_noop("%(n)s of the %(wanted)s rounds it takes to see whether predictions are stable"),
    gettext_noop("predictions hardly change from round to round (kappa %(kappa)s, wanted %(wanted)s)"),
    gettext_noop("predictions still change from round to round (kappa %(kappa)s, wanted %(wanted)s)"),
    gettext_noop("accuracy is surely %(low)s%% or more, as wanted %(target)s%%"),
    gettext_noop("accuracy is surely %(low)s%% or more, but not the wanted %(target)s%%"),
    gettext_noop("no audit labels yet to tell what is undiscovered"),
    gettext_noop("a new class came %(n)s labels ago, wanted %(wanted)s without one"),
    gettext_noop(
        "classes seen so far surely make up %(low)s%% of the pool (wanted %(wanted)s%%), and about %(missing)s more "
        "classes are there (wanted below 1)"
    ),
    gettext_noop("no new class in %(n)s labels, and those seen surely make up %(low)s%% of the pool"),
    # The forecast, and the comparison with random labels.
    gettext_noop("too early to tell: %(n)s of the %(wanted)s audit samples it takes"),
    gettext_noop("too early to tell: %(n)s of the %(wanted)s points it takes"),
    gettext_noop("not within %(n)s times the present labels, as the curve runs now"),
    gettext_noop("only for questions with one class a sample"),
    gettext_noop("too early to tell: it takes %(n)s sizes of random samples"),
    gettext_noop(
        "cannot be told yet: %(used)s labels were worth at least %(low)s random ones; how many at most cannot be told"
    ),
    gettext_noop("cannot be told yet: %(used)s labels were worth at least %(low)s random ones; at most %(high)s"),
    gettext_noop(
        "%(used)s labels were worth about %(n)s random ones (at least %(low)s; how many at most cannot be told)"
    ),
    gettext_noop("%(used)s labels were worth about %(n)s random ones (at least %(low)s; at most %(high)s)"),
    gettext_noop(
        "%(used)s labels were worth about %(n)s random ones, extrapolated from %(largest)s (at least %(low)s; how many "
        "at most cannot be told)"
    ),
    gettext_noop(
        "%(used)s labels were worth about %(n)s random ones, extrapolated from %(largest)s (at least %(low)s; at most "
        "%(high)s)"
    ),
    gettext_noop(
        "%(used)s labels were worth more than %(n)s random ones, extrapolated from %(largest)s (at least %(low)s; how "
        "many at most cannot be told)"
    ),
    # Accepting predictions, and the recall of starred classes.
    gettext_noop("%(n)s audit samples; it takes at least %(enough)s to show an error of %(epsilon)s%% or less"),
    gettext_noop(
        "not safe even where the head is surest: %(wrong)s of %(audited)s audit samples were wrong, so at most "
        "%(bound)s%% of %(accepted)s accepted ones"
    ),
    gettext_noop("no audit sample has been drawn from the whole pool yet"),
    gettext_noop("the rounds contradict each other: more of the class was found than can have been there"),
)
NUMBER = r"-?\d[\d,]*(?:\.\d+)?"


def reworded(text: str) -> str:
    """The sentence in the reader's language, its numbers written as they are there."""
    for sentence, pattern in _patterns():
        if found := pattern.fullmatch(text):
            parts = {name: part if name in TEXTS else _number(part) for name, part in found.groupdict().items()}
            return _(sentence) % parts
    return text


@functools.cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(sentence, re.compile(_pattern(sentence), re.DOTALL)) for sentence in SENTENCES]


def _pattern(sentence: str) -> str:
    """The regular expression of an English sentence, with a group for each placeholder."""
    plain, *rest = re.split(r"%\((\w+)\)s", sentence.replace("%%", "%"))
    named = (
        f"(?P<{name}>{'.+' if name in TEXTS else NUMBER}){re.escape(then)}"
        for name, then in zip(rest[::2], rest[1::2], strict=True)
    )
    return re.escape(plain) + "".join(named)


def _number(text: str) -> str:
    """A number written in English, as it is written in the reader's language."""
    decimals = len(text.partition(".")[2])
    return number_format(Decimal(text.replace(",", "")), decimals, force_grouping="," in text)
