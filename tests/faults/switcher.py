# ruff: noqa: E402 - Django is set up before its models are imported
"""Run as a process of its own: refits in a loop, each killed at a random moment of its switch of rounds.

    DATA=… python -m tests.faults.switcher 30

Prints JSON: how many refits were killed before, during and after the switch, and every violation found.
"""

import json
import os
import random
import signal
import sys
import time
from collections import Counter

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "labeller.config.settings"
django.setup()

from django.core.management import call_command
from django.db import connections

from labeller.jobs.models import Job
from labeller.jobs.queueing import Progress
from labeller.learning import fitting, rounds
from labeller.learning.models import Head, Round
from labeller.projects.models import Question
from tests import factories

SIZE = 400


def prepare():
    call_command("migrate", verbosity=0)
    foxes = factories.cast(round_size=SIZE)
    vectors, _ = factories.clusters(SIZE, 3)
    wide = vectors @ vectors[: vectors.shape[1]].repeat(160, axis=1)  # as long as the featuriser's
    made = factories.samples(foxes.project, SIZE)
    factories.embed(foxes.project, made, wide)
    for sample, name in zip(made, ("fox", "badger", "empty"), strict=False):
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id(name))
    return foxes.question


def refit(question):
    job = Job(kind="refit", key="x", payload={"question": question.pk}, project=question.project)
    rounds.refit(Progress(job))


def refit_and_tell(question, pipe):
    """In the child: say when the switch begins and when it has ended."""
    real = rounds.switch

    def told(*args):
        os.write(pipe, b"b")
        real(*args)
        os.write(pipe, b"e")

    rounds.switch = told
    refit(question)


def violations(question):
    """The current round is one, whole, and its head is there."""
    found = []
    current = list(Round.objects.filter(question=question, is_current=True))
    if len(current) != 1:
        return [f"{len(current)} current rounds"]
    ranks = list(current[0].entries.order_by("rank").values_list("rank", flat=True))
    if ranks != list(range(current[0].n_pool)):
        found.append(f"round {current[0].number} has {len(ranks)} of {current[0].n_pool} entries")
    if current[0].head is None:
        found.append(f"round {current[0].number} lost its head")
    for head in Head.objects.filter(question=question):
        fitting.head_files.load(fitting.settings.HEADS / head.directory)  # raises where it is not whole
    return found


def kill_one(question, delay):
    """Fork a refit and kill it that long after its switch began; returns whether the switch had ended, and how long."""
    connections.close_all()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        refit_and_tell(question, writing)
        os._exit(0)
    os.close(writing)
    assert os.read(reading, 1) == b"b", "the refit died before its switch"
    began = time.monotonic()
    if delay is None:
        ended = os.read(reading, 1) == b"e"
        took = time.monotonic() - began
    else:
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        ended, took = os.read(reading, 1) == b"e", delay
    os.waitpid(child, 0)
    os.close(reading)
    return ended, took


def main(count):
    question = Question.objects.get(pk=prepare().pk)
    refit(question)
    usual = max(kill_one(question, None)[1] for _ in range(3))
    rng = random.Random(13)
    outcomes, wrong = Counter(), []
    for _ in range(count):
        before = Round.objects.get(question=question, is_current=True).number
        ended, _ = kill_one(question, rng.uniform(0, usual))
        now = Round.objects.filter(question=question, is_current=True).values_list("number", flat=True).first()
        outcome = "ended" if ended else "new" if now != before else "old"
        outcomes[outcome] += 1
        usual *= 1.1 if outcome == "old" else 0.9  # how long it takes changes with what else the machine does
        wrong += violations(question)
    refit(question)
    wrong += violations(question)
    return {"outcomes": outcomes, "violations": wrong}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
