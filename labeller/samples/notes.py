"""What a person should know about a picture, as sentences in the reader's language."""

from collections.abc import Iterable
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def sentences(notes: Iterable[dict[str, Any]]) -> list[str]:
    """A sentence for each note; codes that this version doesn't know are passed over."""
    return [text for text in map(_sentence, notes) if text]


def _sentence(note: dict[str, Any]) -> str:
    match note:
        case {"code": "stretched", "low": low, "high": high}:
            shown = {"low": _number(low), "high": _number(high)}
            return _("Stretched: %(low)s is shown as black, %(high)s as white.") % shown
        case {"code": "pages", "n": int(n)}:
            text = ngettext("%(n)s page; the first is used.", "%(n)s pages; the first is used.", n)
            return text % {"n": _number(n)}
        case {"code": "preview"}:
            return _("A camera raw file; the preview in it is used.")
        case {"code": "changed"}:
            return _("The file has changed since it was imported: labels may be of the older picture.")
    return ""


def _number(value: float) -> str:
    return str(number_format(int(value) if value == int(value) else value, force_grouping=True))
