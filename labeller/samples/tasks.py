"""Jobs on the queue io: scan, ingest, group frames into bursts, apply what is known, make lost pictures anew."""

from labeller.jobs.registry import handler
from labeller.samples import bursts, deriving, importing, known, rereading

handler("scan")(importing.scan)
handler("ingest")(importing.ingest)
handler("bursts")(bursts.group)
handler("known")(known.apply)
handler("derive")(deriving.derive)
handler("reread")(rereading.reread)
