"""Jobs that write exports."""

from labeller.exchange import making
from labeller.jobs.registry import handler

handler(making.KIND)(making.make)
