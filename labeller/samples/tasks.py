"""Jobs on the queue io: scan a folder, ingest a shard of files, group frames into bursts, make lost pictures anew."""

from labeller.jobs.registry import handler
from labeller.samples import bursts, deriving, services

handler("scan")(services.scan)
handler("ingest")(services.ingest)
handler("bursts")(bursts.group)
handler("derive")(deriving.derive)
