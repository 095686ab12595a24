"""Why rows are not taken, what was put right, and why a file can't be read: codes, and what they say."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

REFUSED = {
    "no-file": gettext_noop("no picture of this project has that path"),
    "several-files": gettext_noop("several pictures may be meant"),
    "no-path": gettext_noop("no path"),
    "twice": gettext_noop("the same picture came before"),
    "same-id": gettext_noop("the same id came before: %(text)s"),
    "no-such-id": gettext_noop("nothing has the id that it names: %(text)s"),
    "no-class": gettext_noop("names no class"),
    "bad-class": gettext_noop("this cannot be the name of a class: %(text)s"),
    "unknown-class": gettext_noop("the question has no such class: %(text)s"),
    "several-classes": gettext_noop("several classes, and the question takes one: %(text)s"),
    "people": gettext_noop("people labelled it, and their word stands"),
    "other-label": gettext_noop("it has another label of an import"),
    "bad-box": gettext_noop("a box is of four numbers: %(text)s"),
    "box-empty": gettext_noop("the box holds nothing"),
    "box-outside": gettext_noop("the box lies outside its picture: %(text)s"),
    "bad-number": gettext_noop("this is no such number: %(text)s"),
    "bad-date": gettext_noop("this is no date and time: %(text)s"),
    "bad-zone": gettext_noop("there is no time zone of this name: %(text)s"),
    "bad-row": gettext_noop("it is not laid out as its format wants: %(text)s"),
    "bad-place": gettext_noop("latitude and longitude are no place on earth: %(text)s"),
    "ends-first": gettext_noop("it ends before it begins"),
    "kept": gettext_noop("something else is known of this deployment already, and stays: %(text)s"),
    "cycle": gettext_noop("a class would lie below itself: %(text)s"),
    "not-csv": gettext_noop("no CSV: %(text)s"),
    "more-cells": gettext_noop("more cells than there are columns"),
    "wrong-encoding": gettext_noop("not in the encoding of the table: %(text)s"),
    "leads-out": gettext_noop("its name leads out of the zip, or it is a link or encrypted"),
    "not-run": gettext_noop("it was not looked at by the model"),
    "no-medium": gettext_noop("no picture was taken during the event"),
}
REPAIRED = {
    "box-cut": gettext_noop("a box went beyond its picture and was cut"),
    "deployment-made": gettext_noop("no table of deployments names it: made from its pictures"),
    "event-spread": gettext_noop("said of an event: of each of its pictures"),
    "no-zone": gettext_noop("a time without a zone is taken as that of the place"),
    "old-name": gettext_noop("the column has the name of an earlier version: %(text)s"),
}
WRONG = {
    "no-such-file": gettext_noop("There is no such file: %(text)s."),
    "not-recognised": gettext_noop("No format that is read here: %(text)s."),
    "wrong-version": gettext_noop("A version of the format that is not read here: %(text)s."),
    "no-version": gettext_noop("The file does not say which version of the format it is of."),
    "no-json": gettext_noop("This is no JSON: %(text)s."),
    "cut-off": gettext_noop("The file ends in the middle: it did not arrive whole."),
    "empty": gettext_noop("The file is empty: %(text)s."),
    "no-table": gettext_noop("This is no table of text: %(text)s."),
    "no-columns": gettext_noop("Columns are missing: %(text)s."),
    "no-member": gettext_noop("A file is missing in it: %(text)s."),
    "broken-zip": gettext_noop("The zip is damaged: %(text)s."),
    "too-large": gettext_noop("Too large: %(text)s."),
    "too-many-files": gettext_noop("There are too many files in it."),
    "changed": gettext_noop("The file is not the one that was looked at: look at it again."),
    "cannot-be-read": gettext_noop("The file cannot be read: %(text)s."),
    "no-package": gettext_noop("To read this the Python package %(text)s is needed, which is not installed here."),
    "no-such-zone": gettext_noop("There is no time zone of this name: %(text)s."),
}


def words(reason: str, text: str = "") -> str:
    """What a code says, in the reader's language."""
    known = REFUSED.get(reason) or REPAIRED.get(reason) or WRONG.get(reason)
    return _(known) % {"text": text} if known else reason
