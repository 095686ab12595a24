"""Jobs that work out what pages of numbers show."""

from labeller.insights import site_days
from labeller.jobs.registry import handler

handler(site_days.KIND)(site_days.work_out)
