"""Give a person a one-time password, and print it: they choose their own when they log in with it."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeller.accounts import admitting
from labeller.accounts.models import User
from labeller.config.commands import SiteCommand


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            password = admitting.reset_password(options["username"])
        except User.DoesNotExist as error:
            raise CommandError(f"There is no account {options['username']!r}.") from error
        days = admitting.ONE_TIME_DAYS
        self.stdout.write(f"For {days} days {options['username']} can log in, to choose a password, with {password}")
