"""What is what in a table: which columns hold texts, labels and groups. Guessed, for people to correct."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from tl_core.notices import Code, Notice, notice

# Names of columns in lower case without blanks, signs and accents; of several the earliest here is meant.
TEXTS = (
    "text", "texts", "fulltext", "content", "contents", "body", "message", "document", "documenttext", "doc",
    "sentence", "passage", "review", "reviewtext", "comment", "commenttext", "abstract", "article", "post", "tweet",
    "utterance", "query", "description", "summary", "feedback", "remark", "remarks", "note", "notes", "input", "prompt",
    "texte", "contenu", "corps", "avis", "commentaire", "phrase", "paragraphe", "tekst", "inhoud", "bericht", "zin",
    "opmerking", "omschrijving", "nachricht", "inhalt", "kommentar", "satz", "beschreibung", "bewertung", "texto",
    "contenido", "mensaje", "comentario", "frase", "descripcion", "resena", "mensagem", "conteudo", "testo",
    "messaggio", "commento", "descrizione", "question", "title", "subject", "headline", "titre", "titel", "titulo",
)  # fmt: skip
LABELS = (
    "label", "labels", "labelname", "labeltext", "class", "classes", "classname", "category", "categories",
    "categoryname", "answer", "answers", "target", "intent", "topic", "topics", "section", "sentiment", "tag", "tags",
    "truth", "groundtruth", "gold", "genre", "type", "stars", "rating", "score", "polarity", "etiquette", "classe",
    "categorie", "theme", "rubrique", "klasse", "klas", "etiket", "onderwerp", "rubriek", "kategorie", "thema",
    "etiqueta", "clase", "categoria", "tema", "etichetta", "argomento", "y",
)  # fmt: skip
GROUPS = (
    "group", "groups", "groupid", "author", "authorid", "user", "userid", "username", "customer", "customerid",
    "speaker", "thread", "threadid", "conversation", "conversationid", "session", "sessionid", "patient", "patientid",
    "documentid", "docid", "articleid", "groupe", "auteur", "client", "groep", "klant", "gruppe", "autor", "kunde",
    "grupo", "cliente", "gruppo", "autore",
)  # fmt: skip
_NO_LABELS = {"split", "fold", "lang", "language", "langue", "sprache", "taal", "date", "year", "id", "source", "set"}
_LONG_NAME = 40  # characters: what names a column is shorter
_NUMBER = re.compile(r"[-+]?[\d.,\s]+(e[-+]?\d+)?%?")


@dataclass(frozen=True)
class Layout:
    """How a table is read. `dataclasses.replace` corrects it, as does `guess` with what is known.

    Attributes
    ----------
    kind : str
        ``"csv"`` (whatever stands between its cells), ``"jsonl"``, ``"json"``, ``"parquet"`` or ``"arrow"``.
    columns : tuple of str
        Their names, in order; the same name may be there twice. Empty names where there is no header.
    text : tuple of int
        Columns whose cells, with an empty line between them, are the text.
    labels : tuple of int
        Columns of labels.
    group : int or None
        The column of what texts belong together with.
    encoding : str
        As Python calls it.
    delimiter : str
        One character between cells; none: every line is one cell.
    quote : str
        What cells are quoted with; none: quotes are characters like others.
    has_header : bool
        The first row names the columns.
    skipped : int
        Lines before the table, such as "sep=;".
    reasons : tuple of Notice
        Why, for people.
    """

    kind: str
    columns: tuple[str, ...]
    text: tuple[int, ...]
    labels: tuple[int, ...] = ()
    group: int | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    has_header: bool = True
    skipped: int = 0
    reasons: tuple[Notice, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return what JSON can hold of it: all.

        Returns
        -------
        dict
            For `from_json`.
        """
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Layout":
        """Return what `as_json` stored.

        Parameters
        ----------
        stored : dict
            As it comes from JSON.

        Returns
        -------
        Layout
        """
        lists = {name: tuple(stored.get(name, ())) for name in ("columns", "text", "labels")}
        reasons = tuple(Notice(each["code"], each["parameters"]) for each in stored.get("reasons", ()))
        return cls(**{**stored, **lists, "reasons": reasons})


def plain_name(name: str) -> str:
    """Return a column's name as it is looked up: lower case, without blanks, signs and accents."""
    return re.sub(r"[^\w]|_", "", unicodedata.normalize("NFKD", name).lower())


def names_columns(row: Sequence[str]) -> bool:
    """Return whether a first row has a name for a text or a label in it, and none that is too long to be one."""
    names = {plain_name(cell) for cell in row}
    known = names & {*TEXTS, *LABELS}
    return bool(known) and all(len(cell) <= _LONG_NAME for cell in row)


def looks_like_header(rows: Sequence[Sequence[str]]) -> bool:
    """Tell a row of names from a row of data, where no name is known.

    Parameters
    ----------
    rows : sequence of sequences of str
        The first rows.

    Returns
    -------
    bool
        Its cells are short and all different, and somewhere below are numbers or long texts instead.
    """
    first, rest = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    short = all(0 < len(cell.strip()) <= _LONG_NAME and not _NUMBER.fullmatch(cell.strip()) for cell in first)
    if not rest or not short or len(set(first)) < len(first):
        return False
    below = list(zip(*rest, strict=True))
    numbers = any(all(_NUMBER.fullmatch(cell.strip() or "0") for cell in cells) for cells in below)
    longer = any(fmean(map(len, cells)) > 3 * len(name) for name, cells in zip(first, below, strict=True))
    repeated = any(name in cells for name, cells in zip(first, below, strict=True))
    return (numbers or longer) and not repeated and all(len(cell.split()) <= 3 for cell in first)


@dataclass(frozen=True)
class Columns:
    """Which columns are what, and why."""

    text: tuple[int, ...]
    labels: tuple[int, ...]
    group: int | None
    reasons: tuple[Notice, ...]


def columns_of(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Columns:
    """Guess which columns hold texts, labels and groups, by their names, or by what is in them.

    Parameters
    ----------
    names : sequence of str
        Of all columns; empty where they have none.
    rows : sequence of sequences of str
        The first rows; those with too few cells do not count.

    Returns
    -------
    Columns
        Without text where no column can be one.
    """
    cells = list(zip(*[row[: len(names)] for row in rows if len(row) >= len(names)], strict=True)) or [()] * len(names)
    plain = [plain_name(name) for name in names]
    reasons: list[Notice] = []
    reasons.extend(notice(Code.SAME_HEADER, name=name) for name in dict.fromkeys(names) if name and _twice(name, names))
    text = _named(plain, TEXTS, [at for at, column in enumerate(cells) if not _is_number(column)])
    if text is not None:
        reasons.append(notice(Code.TEXT_BY_NAME, name=names[text]))
    else:
        text = _longest(cells)
        if text is not None:
            length = round(fmean(map(len, cells[text])))
            reasons.append(notice(Code.TEXT_BY_LENGTH, name=names[text] or str(text + 1), n=length))
    others = [at for at in range(len(names)) if at != text]
    label = _named(plain, LABELS, others)
    if label is not None:
        reasons.append(notice(Code.LABEL_BY_NAME, name=names[label]))
    else:
        label = _repeating(cells, [at for at in others if plain[at] not in {*_NO_LABELS, *GROUPS}])
        if label is not None:
            n = len(set(cells[label]))
            reasons.append(notice(Code.LABEL_BY_REPEATS, name=names[label] or str(label + 1), n=n, of=len(rows)))
    group = _named(plain, GROUPS, [at for at in others if at != label])
    if group is not None:
        reasons.append(notice(Code.GROUP_BY_NAME, name=names[group]))
    return Columns(() if text is None else (text,), () if label is None else (label,), group, tuple(reasons))


def _twice(name: str, names: Sequence[str]) -> bool:
    return list(names).count(name) > 1


def _named(plain: Sequence[str], known: Iterable[str], among: Sequence[int]) -> int | None:
    return next(_matches(plain, known, among), None)


def _matches(plain: Sequence[str], known: Iterable[str], among: Sequence[int]) -> Iterator[int]:
    for name in known:
        yield from (at for at in among if plain[at] == name)


def _is_number(column: Sequence[str]) -> bool:
    return bool(column) and all(_NUMBER.fullmatch(cell.strip() or "0") for cell in column)


def _longest(cells: Sequence[Sequence[str]]) -> int | None:
    """The column with the longest cells that are no numbers and seldom the same."""
    lengths = {
        at: fmean(map(len, column))
        for at, column in enumerate(cells)
        if column and not _is_number(column) and (len(set(column)) > len(column) / 2 or len(cells) == 1)
    }
    longest = max(lengths, key=lengths.__getitem__, default=None)
    return longest if longest is not None and lengths[longest] > 0 else None


def _repeating(cells: Sequence[Sequence[str]], among: Sequence[int]) -> int | None:
    """The first column whose few, short cells come again and again."""
    for at in among:
        kinds = {cell for cell in cells[at] if cell}
        if 2 <= len(kinds) <= len(cells[at]) / 2 and fmean(map(len, cells[at])) <= _LONG_NAME:
            return at
    return None
