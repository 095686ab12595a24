"""A bar in a terminal, for commands that do what a job does."""

from typing import Any

from labeller.messages import sentence
from tl_core.notices import Notice


class Bar:
    """Moves a progress bar as a job's progress is told."""

    def __init__(self, bar: Any) -> None:
        self.bar = bar
        self._said: Notice | str = ""  # to look up a sentence for every row takes longer than many a row

    def __call__(self, done: int, total: int | None = None, message: Notice | str = "", *, now: bool = False) -> None:
        if total is not None and total != self.bar.total:
            self.bar.reset(total)
        if message != self._said:
            self._said = message
            self.bar.set_description_str(sentence(message))
        self.bar.update(done - self.bar.n)
