"""Why a sample is shown: workers store a code, and pages say it in the reader's language.

The codes: audit, random, typical, similar, doubt, between, and hunted:<class id>. Which classes a sample is in doubt or
between of is told by its suggestions. So a class that is renamed is called by its new name.
"""

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from labeller.learning.models import RoundEntry
from labeller.projects.models import LabelClass

AUDIT, RANDOM, TYPICAL, SIMILAR, DOUBT, BETWEEN, HUNTED = (
    "audit", "random", "typical", "similar", "doubt", "between", "hunted",
)  # fmt: skip

# In words without a class: also what people read who see no suggestions, for a name would be one.
PLAIN = {
    AUDIT: gettext_noop("audit: drawn at random"),
    RANDOM: gettext_noop("drawn at random"),
    TYPICAL: gettext_noop("typical of a group of similar pictures"),
    SIMILAR: gettext_noop("looks like one of the examples"),
    DOUBT: gettext_noop("like many that are not sure yet"),
    BETWEEN: gettext_noop("between two classes"),
    HUNTED: gettext_noop("may be of a class that is looked for"),
}
OF_TEXTS = {**PLAIN, TYPICAL: gettext_noop("typical of a group of similar texts")}


def hunted(class_id: int) -> str:
    """The code of a sample that may be of a class looked for on purpose."""
    return f"{HUNTED}:{class_id}"


def names(entries: Iterable[RoundEntry]) -> dict[int, str]:
    """Names of the classes that the reasons of these entries speak of."""
    ids = {class_id for entry in entries for class_id in _classes(entry)}
    return dict(LabelClass.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}


def describe(entry: RoundEntry, names: Mapping[int, str], is_text: bool = False) -> str:
    """The reason in words. Names that aren't given are left out; rows from before there were codes hold words."""
    code = entry.reason.partition(":")[0]
    about = _classes(entry)
    if code not in PLAIN or (":" in entry.reason and not about):
        return entry.reason
    known = [names[class_id] for class_id in about if class_id in names]
    if code == BETWEEN and len(known) > 1:
        return _("between %(one)s and %(other)s") % {"one": known[0], "other": known[1]}
    if code == DOUBT and known:
        return _("like many that are not sure yet, may be %(name)s") % {"name": known[0]}
    if code == HUNTED and known:
        return _("may be %(name)s") % {"name": known[0]}
    return _((OF_TEXTS if is_text else PLAIN)[code])


def _classes(entry: RoundEntry) -> list[int]:
    """Ids of the classes that the reason is about."""
    code, _colon, class_id = entry.reason.partition(":")
    if code == HUNTED:
        return [int(class_id)] if class_id.isdecimal() else []
    count = {DOUBT: 1, BETWEEN: 2}.get(code, 0)
    return [int(suggested) for suggested, _p in entry.suggestions[:count]]
