"""All texts go through gettext, and the Dutch catalogue holds each of them: complete, sound and compiled."""

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.template import engines
from django.template.base import Lexer, TokenType
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

ROOT = Path(settings.BASE_DIR)
CATALOGUE = ROOT / "labeller" / "locale" / "nl" / "LC_MESSAGES" / "django.po"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
MODULES = sorted(path for path in (ROOT / "labeller").rglob("*.py") if "migrations" not in path.parts)
WORKERS = [*MODULES, *sorted((ROOT / "tl_core").rglob("*.py"))]
# Which arguments of each function are the message, its plural and its context.
FUNCTIONS = {
    "gettext": (0, None, None),
    "gettext_lazy": (0, None, None),
    "gettext_noop": (0, None, None),
    "ngettext": (0, 1, None),
    "ngettext_lazy": (0, 1, None),
    "pgettext": (1, None, 0),
    "pgettext_lazy": (1, None, 0),
    "npgettext": (1, 2, 0),
    "npgettext_lazy": (1, 2, 0),
}
# The program's name, the sign for a number of samples, a measure's name, and a letter that stands for the size of type.
UNTRANSLATED = {"labeller", "n", "LogME", "A"}
PARTS = re.compile(r"%\(\w+\)[sd]|%%|\{\w+\}|</?\w[^>]*>")
GIVEN = re.compile(r'_\("([^"]+)"\)')  # {% include … text=_("Blank") %}

Message = tuple[str, str, str]  # context, message, plural


def of_templates():
    engine = engines["django"].engine
    for path in TEMPLATES:
        nodes = engine.get_template(str(path.relative_to(ROOT / "templates"))).nodelist
        for node in nodes.get_nodes_by_type(TranslateNode):
            context = node.message_context.var if node.message_context else ""
            yield str(context), node.filter_expression.var.literal.replace("%", "%%"), ""
        for node in nodes.get_nodes_by_type(BlockTranslateNode):
            context = node.message_context.var if node.message_context else ""
            plural = node.render_token_list(node.plural)[0] if node.plural else ""
            yield str(context), node.render_token_list(node.singular)[0], plural
        for token in Lexer(path.read_text()).tokenize():
            if token.token_type == TokenType.BLOCK and token.contents.startswith("include "):
                yield from (("", text.replace("%", "%%"), "") for text in GIVEN.findall(token.contents))


def calls(path):
    """Calls of gettext's functions in a module, by whatever name they are imported: (function, call)."""
    tree = ast.parse(path.read_text())
    names = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.name in FUNCTIONS
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield names[node.func.id], node


def of_modules():
    for path in MODULES:
        for function, call in calls(path):
            arguments = ["" if at is None else getattr(call.args[at], "value", None) for at in FUNCTIONS[function]]
            message, plural, context = arguments
            if isinstance(message, str):
                yield context, message, plural


@pytest.fixture(scope="module")
def catalogue():
    return polib.pofile(str(CATALOGUE))


def key(entry):
    return entry.msgctxt or "", entry.msgid, entry.msgid_plural


def told(entry):
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def test_the_catalogue_holds_every_text_of_the_site_and_no_other(catalogue):
    """Where this fails: `make messages`, then translate what is new."""
    used, known = {*of_templates(), *of_modules()}, {key(entry) for entry in catalogue if not entry.obsolete}
    assert sorted(used - known) == [] and sorted(known - used) == []


def test_every_text_is_translated(catalogue):
    assert [entry.msgid for entry in catalogue if entry.fuzzy or entry.obsolete or not all(told(entry))] == []
    assert all(len(told(entry)) == 2 for entry in catalogue if entry.msgid_plural)


def test_translations_hold_the_same_placeholders_and_tags(catalogue):
    """A plural may say its number in a word; all other parts must be there."""
    for entry in catalogue:
        parts = sorted(PARTS.findall(entry.msgid_plural or entry.msgid))
        for text in told(entry):
            assert sorted(PARTS.findall(text)) == parts, entry.msgid


def test_translations_begin_and_end_as_the_texts_do(catalogue):
    """A sentence stays a sentence: with its full stop, its ellipsis and its colon."""
    for entry in catalogue:
        for text in told(entry):
            ends = [each[-1] if each[-1] in ".…:?!" else "" for each in (entry.msgid_plural or entry.msgid, text)]
            assert ends[0] == ends[1], entry.msgid
            assert text == text.strip() and "  " not in text


def test_the_compiled_catalogue_is_that_of_the_texts(catalogue):
    """A clone speaks Dutch without gettext's tools, so the compiled file is committed."""
    compiled = polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    assert {key(entry): told(entry) for entry in compiled} == {key(entry): told(entry) for entry in catalogue}
    assert compiled.metadata["Plural-Forms"] == catalogue.metadata["Plural-Forms"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_text_is_complete_before_it_is_looked_up(path):
    """What is put together first, by an f-string or %, is in no catalogue."""
    for _function, call in calls(path):
        assert not any(isinstance(each, ast.JoinedStr | ast.BinOp) for each in call.args), ast.unparse(call)


SHOWN = {
    "ValidationError",
    "BadRequest",
    "FolderError",
    "NotOffered",
    "Recorded",
    "Event",
}  # people read what these say
MESSAGES = {"success", "info", "warning", "error", "add_error"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_people_are_told_is_looked_up(path):
    """Sentences in exceptions, answers and messages that reach the browser."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
        of = getattr(getattr(node.func, "value", None), "id", "")
        if name in SHOWN or (name in MESSAGES and of in {"messages", "form"}):
            said = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg in {"detail", "problem"})]
            assert not any(map(_is_sentence, said)), ast.unparse(node)


def _is_sentence(node):
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and " " in str(node.value))


# What workers leave in rows is read by people of several languages: notices, never sentences.
LEFT_BY_WORKERS = {
    *("progress", "put_back", "Outcome", "Refusal", "refusal", "note", "Found", "_named", "ImageRefused"),
    *("Postponed", "NoSpace", "SourceGone", "Repairing", "BaseMissing", "Waiting", "CannotLearn", "NothingToHunt"),
    *("Criterion", "Forecast", "Savings", "SafeThreshold", "Acceptance"),
}


@pytest.mark.parametrize("path", WORKERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_workers_leave_is_in_no_language(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
            said = [*node.args, *(keyword.value for keyword in node.keywords)]
            assert name not in LEFT_BY_WORKERS or not any(map(_is_sentence, said)), ast.unparse(node)


class _Plain(HTMLParser):
    """Gathers what a template shows without asking gettext."""

    SAID = {"aria-label", "title", "placeholder", "alt"}

    def __init__(self):
        super().__init__()
        self.found, self.inside = [], []

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if value and name in self.SAID]
        if tag in {"code", "kbd", "script", "style"}:
            self.inside.append(tag)

    def handle_endtag(self, tag):
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data):
        if not self.inside:
            self.found.append(data)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_says_nothing_past_gettext(path):
    parser, skipping = _Plain(), ""
    for token in Lexer(path.read_text()).tokenize():
        if token.token_type == TokenType.BLOCK:
            tag = token.contents.split()[0]
            if tag == "include":
                assert not re.search(r"\b(text|hint)=[\"']", token.contents), "a text is given as _(…)"
            else:
                assert "_(" not in token.contents, "the test of the catalogue doesn't look it up there"
            if tag == "blocktranslate" or token.contents == "block body_class":
                skipping = f"end{tag}"
            elif tag == skipping:
                skipping = ""
        elif token.token_type == TokenType.TEXT and not skipping:
            parser.feed(token.contents)
    words = {word for text in parser.found for word in re.findall(r"[^\W\d_]+", text)}
    assert words <= UNTRANSLATED
