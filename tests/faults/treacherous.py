# ruff: noqa: E402 - Django is set up before its applications are imported
"""A Celery application for workers that misfortune befalls: `celery -A tests.faults.treacherous worker`.

MISFORTUNE=memory  memory is not enough for shard 1, for which Linux kills the process, nor for 2, which Python notices
MISFORTUNE=stop    the process is stopped (SIGSTOP) the first time that it is about to write a shard
"""

import os
import signal
from pathlib import Path

import django

django.setup()

from labeller.config.celery import app as app
from labeller.embedding import computing, tasks
from labeller.jobs.registry import handler
from tl_core import pipeline


def run_out_of_memory(progress):
    shard = progress.job.payload["shard"]
    if shard == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if shard == 2:
        bytearray(1 << 60)
    computing.embed_shard(progress)


def embed_and_stop(*args, embed_images=pipeline.embed_images):
    yield from embed_images(*args)
    stopped = Path("stopped")
    if not stopped.exists():
        stopped.touch()
        os.kill(os.getpid(), signal.SIGSTOP)


assert tasks  # its handlers are registered, and one may take their place
if os.environ["MISFORTUNE"] == "memory":
    handler("embed")(run_out_of_memory)
else:
    pipeline.embed_images = embed_and_stop
