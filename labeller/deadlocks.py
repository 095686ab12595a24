"""Two transactions that wait for each other: the database ends one of them, and that one is tried again."""

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection

ATTEMPTS = 4
# How PostgreSQL tells that it ended a transaction for another's sake: deadlock_detected, serialization_failure.
ENDED = {"40P01", "40001"}

P = ParamSpec("P")
R = TypeVar("R")


def again_on_deadlock(function: Callable[P, R]) -> Callable[P, R]:
    """Call the function again where the database ended its transaction; within a larger one that is left to its owner.

    For functions that do nothing but one transaction, or nothing that may not be done twice.
    """

    @wraps(function)
    def repeated(*args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(1, ATTEMPTS):
            try:
                return function(*args, **kwargs)
            except OperationalError as error:
                if connection.in_atomic_block or getattr(error.__cause__, "sqlstate", None) not in ENDED:
                    raise
                time.sleep(random.uniform(0, 0.05 * attempt))
        return function(*args, **kwargs)

    return repeated
