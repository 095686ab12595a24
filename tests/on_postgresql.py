"""Run pytest on a throw-away PostgreSQL server, with the same words:

.venv/bin/python -m tests.on_postgresql tests/projects -q

Of the tests asked for, those run that a database could make a difference to.
"""

import os
import subprocess
import sys

import pytest
from django.test import SimpleTestCase

from tests.faults import servers


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what did on the other database all that it does here."""
    config.hook.pytest_deselected(items=[item for item in items if not may_ask(item)])
    items[:] = filter(may_ask, items)


def may_ask(item: pytest.Item) -> bool:
    """Whether the test may ask the database, or starts processes, which may. Any other would fail if it asked."""
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(
        item.get_closest_marker("django_db")
        or fixtures & {"db", "transactional_db", "_django_db_helper"}
        or issubclass(getattr(item, "cls", None) or object, SimpleTestCase)
        or hasattr(getattr(item, "module", None), "subprocess")
    )


def main(words: list[str]) -> int:
    """The exit code of pytest; every worker of xdist makes its own database on the one server."""
    with servers.postgresql() as url:
        # Named here, for importing the site has named its own settings in the environment.
        environment = {**os.environ, "DATABASE_URL": f"{url}/labeller", "DJANGO_SETTINGS_MODULE": "tests.settings"}
        command = [sys.executable, "-m", "pytest", "-p", "tests.on_postgresql", *words]
        return subprocess.call(command, env={**environment, "TABLES": servers.TABLES})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
