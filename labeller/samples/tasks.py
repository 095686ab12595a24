"""Jobs on the queue io: scan a folder, ingest a shard of files."""

from labeller.jobs.registry import handler
from labeller.samples import services

handler("scan")(services.scan)
handler("ingest")(services.ingest)
