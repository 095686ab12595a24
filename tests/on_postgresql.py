"""Run pytest on a throw-away PostgreSQL server, with the same words:

.venv/bin/python -m tests.on_postgresql tests/projects -q
"""

import os
import subprocess
import sys

from tests.faults import servers


def main(words: list[str]) -> int:
    """The exit code of pytest; every worker of xdist makes its own database on the one server."""
    with servers.postgresql() as url:
        # Named here, for importing the site has named its own settings in the environment.
        environment = {**os.environ, "DATABASE_URL": f"{url}/labeller", "DJANGO_SETTINGS_MODULE": "tests.settings"}
        return subprocess.call([sys.executable, "-m", "pytest", *words], env=environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
