"""Why a text, a row of a table or a whole file is not taken."""

from tl_core.notices import Notice


class TextRefused(Exception):
    """A file, a document or a row is not taken as text.

    Parameters
    ----------
    reason : str
        One of ``"missing"``, ``"empty"``, ``"not-a-text"``, ``"unsupported-format"``, ``"unreadable"``,
        ``"truncated"``, ``"encrypted"``, ``"scanned"``, ``"too-large"``, ``"too-slow"``, ``"out-of-memory"``,
        ``"leads-out"``, ``"wrong-layout"``, ``"package-missing"``; of rows also ``"broken-bytes"``, ``"nul"``,
        ``"cells"``, ``"quotes"``, ``"json"``.
    detail : Notice
        What exactly is wrong.
    """

    def __init__(self, reason: str, detail: Notice) -> None:
        super().__init__(reason, detail)  # both, so that the exception survives a way between processes
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return str(self.detail)
