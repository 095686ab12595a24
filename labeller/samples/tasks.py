"""Jobs on the queue io: scan a folder, ingest a shard of files, group frames into bursts, apply what is known."""

from labeller.jobs.registry import handler
from labeller.samples import bursts, known, services

handler("scan")(services.scan)
handler("ingest")(services.ingest)
handler("bursts")(bursts.group)
handler("known")(known.apply)
