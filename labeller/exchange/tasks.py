"""Jobs that read somebody's file."""

from labeller.exchange import importing
from labeller.jobs.registry import handler

handler("import")(importing.work)
