"""Being shown pictures while an import has them in memory, decoded: what else is made of them need not decode again."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from labeller.projects.models import Project
from labeller.samples.signals import pictures_come
from tl_core.images import Examined


class Onlooker(Protocol):
    """Who is shown the pictures of one shard, one after the other."""

    @property
    def min_side(self) -> int:
        """The short side that is needed of each picture's `pixels`."""

    def see(self, examined: Examined) -> None:
        """Be shown a picture. Never raises for what is wrong with one."""

    def keep(self) -> None:
        """All were shown: keep what came of them, before anybody hears of the shard."""

    def forget(self) -> None:
        """None of them became a sample of this shard."""


def onlooker(project: Project, shard: int) -> AbstractContextManager[Onlooker | None]:
    """Whoever wants to be shown this shard's pictures, if anybody does."""
    # Robust: whatever keeps somebody from looking on, which is logged, the import goes on.
    for _, reply in pictures_come.send_robust(Project, project=project, shard=shard):
        if isinstance(reply, AbstractContextManager):
            return reply
    return nullcontext()
