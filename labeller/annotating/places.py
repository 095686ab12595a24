"""Places in rankings as pages name them, signed for the person they were handed to.

A sample may be given back while its decision is on its way: the page had asked for a fresh ranking, and the person was
faster than the answer. What chose the sample, and what was shown of it, must be known all the same, and nobody else's
word counts for it.
"""

from django.core.signing import BadSignature, Signer

from labeller.accounts.models import User

SEPARATOR = ":"  # every name has one


def named(entry_id: int | None, user: User) -> str | None:
    """What a page is told of a place, to be sent back with the decision."""
    return None if entry_id is None else _signer(user).sign(str(entry_id))


def read(name: str, user: User) -> int | None:
    """The place that was named to this person; None where it never was."""
    try:
        return int(_signer(user).unsign(name))
    except (BadSignature, ValueError):
        return None


def _signer(user: User) -> Signer:
    return Signer(sep=SEPARATOR, salt=f"labeller.annotating.places.{user.pk}")
