"""What is to be said to people of word vectors and of words nobody has seen, in no language."""

from tl_core.notices import Codes, Notice


class WordCode(Codes):
    """Codes with their parameters. Shares are in percent."""

    # A file is not taken as word vectors. "place" is a line, or the number of a word in a binary file.
    VECTORS_MISSING = "vectors_missing", "file"
    VECTORS_UNREADABLE = "vectors_unreadable", "file", "error"
    NO_VECTORS = "no_vectors", "file"
    BAD_LINE = "bad_line", "file", "place", "error"
    CUT_AT = "cut_at", "file", "place", "wanted"
    UNSAFE_PICKLE = "unsafe_pickle", "file", "name"
    NOT_SUPPORTED = "vectors_not_supported", "file", "kind"
    # Whether embeddings know a field.
    WORDS_KNOWN = "words_known", "tokens", "mass"
    WORDS_UNKNOWN = "words_unknown", "tokens", "mass"
    AS_ACCURATE = "as_accurate_as_svd", "accuracy", "rival", "n"
    LESS_ACCURATE = "less_accurate_than_svd", "accuracy", "rival", "n"
    WORDS_ALONE = "words_alone_tell_little"


class VectorsRefused(Exception):
    """A file or folder is not taken as word vectors.

    Parameters
    ----------
    reason : str
        One of ``"missing"``, ``"unreadable"``, ``"not-vectors"``, ``"damaged"``, ``"truncated"``, ``"unsafe"``,
        ``"unsupported"``.
    detail : Notice
        What exactly is wrong, with the file's name and the line.
    """

    def __init__(self, reason: str, detail: Notice) -> None:
        super().__init__(reason, detail)  # both, so that the exception survives pickling between processes
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return str(self.detail)
