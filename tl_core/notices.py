"""What is to be said to people, in no language: codes with parameters. Whoever shows them has the sentences."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Union

Parameter = Union[str, int, float, "Notice"]


class Codes(StrEnum):
    """Base class of codes: each is a word, followed by the names of its parameters.

    Attributes
    ----------
    parameters : frozenset of str
        What a notice with this code says besides.
    """

    parameters: frozenset[str]

    def __new__(cls, code: str, *parameters: str) -> "Codes":
        """Make a member of the word alone, and keep the names beside it."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.parameters = frozenset(parameters)
        return member


class Code(Codes):
    """All that this package has to say to people. Shares are in percent, memory is in MB."""

    # A file is not taken as an image.
    NO_FILE = "no_file"
    EMPTY = "empty"
    NO_REGULAR_FILE = "no_regular_file"
    CANNOT_BE_OPENED = "cannot_be_opened", "error"
    CANNOT_BE_READ = "cannot_be_read", "error"
    TOO_MANY_BYTES = "too_many_bytes", "bytes", "limit"
    TOO_MANY_PIXELS = "too_many_pixels", "width", "height", "limit"
    MORE_PIXELS = "more_pixels", "limit"
    TOO_MUCH_MEMORY = "too_much_memory", "needed", "limit"
    NO_MEMORY = "no_memory"
    CUT_SHORT = "cut_short"
    DAMAGED = "damaged", "kind", "error"
    TOO_MANY_SCANS = "too_many_scans", "scans", "pixels"
    TOO_MANY_PIECES = "too_many_pieces", "n"
    TOO_MANY_NOTES = "too_many_notes", "bytes"
    ODD_PIXELS = "odd_pixels"
    NO_IMAGE = "no_image"
    VIDEO = "video", "supported"
    SOUND = "sound", "supported"
    OTHER_FORMAT = "other_format", "name", "supported"
    CAMERA_RAW = "camera_raw"
    # What to know about an image that is taken.
    STRETCHED = "stretched", "low", "high"
    PREVIEW = "preview"
    PAGES = "pages", "n"
    # A text, a table of texts or a row of it is not taken.
    NO_TEXT = "no_text"
    BINARY = "binary"
    NUL_IN_TEXT = "nul_in_text"
    ENCODING_UNKNOWN = "encoding_unknown"
    BROKEN_BYTES = "broken_bytes", "name"
    ENDS_EARLY = "ends_early"
    ENCRYPTED = "encrypted"
    SCANNED = "scanned", "n"
    LONG_TEXT = "long_text", "n", "limit"
    TOO_SLOW = "too_slow", "seconds"
    READING_MEMORY = "reading_memory", "limit"
    STOPPED_READER = "stopped_reader"
    UNPACKS_TO_TOO_MUCH = "unpacks_to_too_much", "limit"
    TOO_MANY_MEMBERS = "too_many_members", "n", "limit"
    NOT_ONE_FILE = "not_one_file", "n"
    ARCHIVE_INSIDE = "archive_inside"
    LEADS_OUT_OF_ARCHIVE = "leads_out_of_archive"
    PACKAGE_MISSING = "package_missing", "name"
    NO_TABLE_IN_FOLDER = "no_table_in_folder"
    NO_TEXT_COLUMN = "no_text_column"
    NO_SUCH_COLUMN = "no_such_column", "n", "of"
    OTHER_COLUMNS = "other_columns", "name"
    FEW_CELLS = "few_cells", "n", "wanted"
    MORE_CELLS = "more_cells", "n", "wanted"
    LARGE_CELL = "large_cell", "limit"
    OPEN_QUOTE = "open_quote"
    ODD_QUOTE = "odd_quote"
    BAD_JSON = "bad_json", "error"
    NO_OBJECT = "no_object"
    NO_JSON_ROWS = "no_json_rows"
    # How a table of texts is read, and why.
    ENCODING_GIVEN = "encoding_given", "name"
    ENCODING_MARKED = "encoding_marked", "name"
    ENCODING_FITS = "encoding_fits", "name"
    ENCODING_MOSTLY = "encoding_mostly", "name", "n"
    ENCODING_LIKELY = "encoding_likely", "name"
    DELIMITER_PARTS = "delimiter_parts", "name", "n"
    LINES_ARE_TEXTS = "lines_are_texts"
    QUOTES_ARE_PLAIN = "quotes_are_plain"
    HEADER = "header"
    NO_HEADER = "no_header"
    SAME_HEADER = "same_header", "name"
    TEXT_BY_NAME = "text_by_name", "name"
    TEXT_BY_LENGTH = "text_by_length", "name", "n"
    LABEL_BY_NAME = "label_by_name", "name"
    LABEL_BY_REPEATS = "label_by_repeats", "name", "n", "of"
    GROUP_BY_NAME = "group_by_name", "name"
    # What to know about a document that is taken.
    CHARACTERS_REPLACED = "characters_replaced", "n"
    ATTACHMENTS_LEFT = "attachments_left", "n"
    PAGES_WITHOUT_TEXT = "pages_without_text", "n"
    # When to stop.
    FEW_ROUNDS = "few_rounds", "n", "wanted"
    STABLE = "stable", "kappa", "wanted"
    NOT_STABLE = "not_stable", "kappa", "wanted"
    ACCURATE = "accurate", "low", "target"
    NOT_ACCURATE = "not_accurate", "low", "target"
    NOTHING_AUDITED = "nothing_audited"
    NEW_CLASS = "new_class", "n", "wanted"
    NOT_EXPLORED = "not_explored", "low", "wanted", "missing"
    EXPLORED = "explored", "n", "low"
    # How many labels a target takes.
    FEW_POINTS = "few_points", "n", "wanted"
    OUT_OF_SIGHT = "out_of_sight", "n"
    LABELS_BETWEEN = "labels_between", "n", "low", "high"
    LABELS_AT_LEAST = "labels_at_least", "n", "low"
    LABELS_UNKNOWN = "labels_unknown", "low"
    # What labels were worth.
    FEW_SIZES = "few_sizes", "n"
    WORTH_UNCLEAR = "worth_unclear", "used", "low", "high"
    WORTH_UNCLEAR_AT_LEAST = "worth_unclear_at_least", "used", "low"
    WORTH = "worth", "used", "n", "low", "high"
    WORTH_AT_LEAST = "worth_at_least", "used", "n", "low"
    WORTH_BEYOND = "worth_beyond", "used", "n", "low", "high", "largest"
    WORTH_BEYOND_AT_LEAST = "worth_beyond_at_least", "used", "n", "low", "largest"
    WORTH_MORE = "worth_more", "used", "n", "low", "largest"
    # What is safe to accept.
    FEW_AUDITED = "few_audited", "n", "enough", "epsilon"
    SAFE = "safe", "wrong", "audited", "bound", "accepted"
    NOT_SAFE = "not_safe", "wrong", "audited", "bound", "accepted"
    # Why a pool, or a network, is nothing for a way to adapt.
    FEW_CAMERAS = "few_cameras", "n"
    CAMERAS_ALIKE = "cameras_alike"
    NO_BATCH_STATISTICS = "no_batch_statistics"
    NOT_FITTED = "not_fitted", "error"
    HEAD_NOT_STORABLE = "head_not_storable", "name"
    # Whether a pretrained network serves.
    TRANSFERS_WELL = "transfers_well", "name", "score", "rival", "other", "n"
    TRANSFERS_LITTLE = "transfers_little", "name", "score", "rival", "other", "n"
    NO_BETTER = "no_better", "name", "score", "rival", "other", "n"
    FEW_LABELS = "few_labels", "n", "wanted"
    ALIKE_ONLY = "alike_only", "name", "score", "rival", "other"
    NO_NETWORK = "no_network"
    NO_RIVAL = "no_rival"


@dataclass(frozen=True)
class Notice:
    """Something to be said to people. `dataclasses.asdict` makes of it what JSON holds.

    Attributes
    ----------
    code : str
        What it is.
    parameters : mapping of str to str, int, float or Notice
        The texts and numbers in it.
    """

    code: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return code and parameters on one line, for logs."""
        given = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.code} ({given})" if given else self.code

    def with_texts(self, change: Callable[[str], str]) -> "Notice":
        """Return the same with its texts changed.

        Parameters
        ----------
        change : callable
            Takes a text and returns what is to stand in its place.

        Returns
        -------
        Notice
            With the same code and numbers.
        """
        changed = {name: change(each) if isinstance(each, str) else each for name, each in self.parameters.items()}
        return replace(self, parameters=changed)


def notice(code: Codes, **parameters: Parameter) -> Notice:
    """Make a notice.

    Parameters
    ----------
    code : Codes
        What it is.
    **parameters
        Exactly those that the code names.

    Returns
    -------
    Notice
        Plain: its code is a `str`.

    Raises
    ------
    TypeError
        Parameters are missing, or there are others.
    """
    if code.parameters != parameters.keys():
        raise TypeError(f"{code} takes {sorted(code.parameters)}, got {sorted(parameters)}")
    return Notice(code.value, parameters)


def percent(share: float) -> float:
    """Return a share in percent, with the one decimal that people are told.

    Parameters
    ----------
    share : float
        0 to 1.

    Returns
    -------
    float
        0 to 100.
    """
    return round(100 * float(share), 1)
