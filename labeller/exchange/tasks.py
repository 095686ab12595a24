"""Jobs that write exports, and that read somebody's file."""

from labeller.exchange import importing, making
from labeller.jobs.registry import handler

handler(making.KIND)(making.make)
handler("import")(importing.work)
