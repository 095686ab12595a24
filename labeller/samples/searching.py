"""Finding texts by their words: whole words, and beginnings of words.

Both databases keep an index of their own up to date (migration 0011): SQLite a table of FTS5 that follows its texts by
triggers, PostgreSQL an index of an expression. Words are compared without case, in SQLite without accents, too.
"""

import re
from typing import Any

from django.db import connection

from labeller.projects.models import Project
from labeller.samples.models import Text

INDEX = "samples_text_words"
INDEXED = 100_000  # characters of a text that PostgreSQL looks at: more words than that it refuses to index
MOST_WORDS = 20
_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_MANY = "SELECT rowid FROM samples_text_words WHERE samples_text_words MATCH %s ORDER BY rowid LIMIT %s"


def search(project: Project, words: str, limit: int = 1_000) -> list[int]:
    """Ids of the samples whose texts hold all of these words, at most so many, those that came in first before others.

    Words between quotation marks stand one after the other; one that ends in * stands for all that begin so.
    """
    terms = _terms(words)
    if not terms:
        return []
    if connection.vendor == "postgresql":
        found = Text.objects.filter(project=project).extra(  # noqa: S610 - the words are a parameter
            where=[f"to_tsvector('simple', left(content, {INDEXED})) @@ to_tsquery('simple', %s)"],
            params=[" & ".join(" <-> ".join(_lexeme(word, is_prefix) for word, is_prefix in term) for term in terms)],
        )
        return list(found.order_by("pk").values_list("pk", flat=True)[:limit])
    phrases = (" + ".join(_phrase(word, is_prefix) for word, is_prefix in term) for term in terms)
    match = f"project_id : {project.pk} AND content : ({' AND '.join(phrases)})"
    with connection.cursor() as cursor:
        cursor.execute(_MANY, [match, limit])
        return [pk for (pk,) in cursor.fetchall()]


def _terms(words: str) -> list[list[tuple[str, bool]]]:
    """Phrases of words, and whether each word is only the beginning of what is meant."""
    terms: list[list[tuple[str, bool]]] = []
    for quoted, plain in re.findall(r'"([^"]*)"|([^\s"]+)', words):
        term = [(word, False) for word in _WORD.findall(quoted or plain)]
        if term and not quoted and plain.endswith("*"):
            term[-1] = (term[-1][0], True)
        if term:
            terms.append(term)
    return terms[:MOST_WORDS]


def _lexeme(word: str, is_prefix: bool) -> str:
    return f"'{word}':*" if is_prefix else f"'{word}'"


def _phrase(word: str, is_prefix: bool) -> Any:
    return f'"{word}" *' if is_prefix else f'"{word}"'
