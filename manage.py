#!/usr/bin/env python
"""Django's command-line entry point."""

import os
import sys

if sys.version_info < (3, 11):
    sys.exit(
        f"labeller needs Python 3.11 or newer, this is {sys.version.split()[0]}: install Python 3.11 and run again."
    )


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labeller.config.settings")
    try:
        _execute()
    except KeyboardInterrupt:  # while modules are read, which takes a second or two; later commands see to it
        sys.exit(130)


def _execute() -> None:
    from django.core.management import execute_from_command_line

    from labeller.config.commands import end_quietly

    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:
        end_quietly()


if __name__ == "__main__":
    main()
