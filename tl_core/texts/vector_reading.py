"""Word vectors that somebody else trained: those of the words that are wanted, read from whatever file they come in.

A file may have millions of words and a pool thousands, so nothing is read whole: text files line by line, all others
mapped. Taken are the words that are wanted and the file's first, which are its most frequent by custom, so that texts
which come later are read too. What a file is, its content says.
"""

from collections.abc import Collection
from pathlib import Path

from tl_core.notices import notice
from tl_core.texts import fasttext_files, vector_files, vector_packages, vector_pickles
from tl_core.texts.vectors import COMMON, Taking, WordVectors
from tl_core.texts.word_notices import VectorsRefused, WordCode

SUFFIXES = (".vec", ".txt", ".bin", ".kv", ".gz")
_FASTTEXT = (793712314).to_bytes(4, "little")


def read(source: str, wanted: Collection[str], common: int = COMMON) -> WordVectors:
    """Read word vectors.

    Parameters
    ----------
    source : str
        A path: text of word2vec, fastText or GloVe (``.vec``, ``.txt``, with and without header, also gzipped), binary
        word2vec, fastText's ``.bin`` (not quantised), gensim's ``.kv``, a spaCy pipeline's folder. Or the name of an
        installed spaCy pipeline, or ``glove-6b-50d``.
    wanted : collection of str
        Words in small letters.
    common : int
        How many of the file's first words are taken besides.

    Returns
    -------
    WordVectors
        Of those that are there.

    Raises
    ------
    VectorsRefused
        It is not there, is no such file or is broken; file and line are named.
    FeaturiserUnavailable
        A package it takes is not installed; the message says which.
    """
    taking = Taking(wanted, common)
    if source in vector_packages.NAMED:
        return vector_packages.NAMED[source](taking)
    path = Path(source)
    if not path.exists():
        folder = vector_packages.spacy_folder(source)
        if folder is None:
            raise VectorsRefused("missing", notice(WordCode.VECTORS_MISSING, file=path.name))
        path = folder
    try:
        return vector_packages.of_spacy(path, taking) if path.is_dir() else _of_file(path, taking)
    except OSError as error:
        detail = notice(WordCode.VECTORS_UNREADABLE, file=path.name, error=error.strerror or str(error))
        raise VectorsRefused("unreadable", detail) from error


def in_folder(folder: Path) -> tuple[str, ...]:
    """Return the paths of what looks like word vectors in a folder, by name alone.

    Parameters
    ----------
    folder : Path
        Need not be there.

    Returns
    -------
    tuple of str
        Files that end in one of `SUFFIXES`, and folders of spaCy pipelines; for `read`, which looks into them.
    """
    if not folder.is_dir():
        return ()
    return tuple(
        str(path)
        for path in sorted(folder.iterdir())
        if (path.is_file() and path.suffix.lower() in SUFFIXES) or (path / "vocab").is_dir()
    )


def _of_file(path: Path, taking: Taking) -> WordVectors:
    with path.open("rb") as file:
        start = file.read(1 << 16)
    if start[:4] == _FASTTEXT:
        return fasttext_files.read(path, taking)
    if start[:1] == b"\x80":
        return vector_pickles.read(path, taking)
    if vector_files.is_binary(start):
        return vector_files.read_binary(path, taking)
    return vector_files.read_text(path, taking)
