"""Jobs on the queue io: scan, ingest, group frames into bursts, apply what is known, make lost pictures anew."""

from labeller.jobs.registry import handler
from labeller.samples import bursts, deriving, ingesting, known

handler("scan")(ingesting.scan)
handler("ingest")(ingesting.ingest)
handler("bursts")(bursts.group)
handler("known")(known.apply)
handler("derive")(deriving.derive)
