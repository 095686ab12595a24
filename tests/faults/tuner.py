# ruff: noqa: E402 - Django is set up before its models are imported
"""Run as a process of its own: a fine-tuning killed at random moments until it is done, then its switch likewise.

    DATA=… python -m tests.faults.tuner 8

Prints JSON: how often it was killed in which phase, how often it began anew what was done, and every violation found.
"""

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "labeller.config.settings"
django.setup()

from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing, registry
from labeller.jobs.models import Job
from labeller.labels.models import Label
from labeller.projects.making import ensure_class
from labeller.projects.models import Project, Question
from labeller.transfer import tuning
from labeller.transfer.models import FineTuning, Switch
from tests import factories
from tests.transfer import tuning_site
from tl_core import featurisers
from tl_core.adaptation import work as work_of
from tl_core.adaptation.training import Recipe


def prepare():
    call_command("migrate", verbosity=0)
    cast = factories.cast()
    data = Path(os.environ["DATA"])
    (folder := data.with_name(f"{data.name}-striped")).mkdir()
    (networks := data / "tiny").mkdir()
    tuning_site.prepare(cast, folder, networks)
    tuning.ask(cast.question, 600, is_quick=True, is_mirrored=False)
    return cast.question


def work(kind):
    """One job of that kind, as a worker would; what a killed one left is put back first, as the sweep does."""
    real = work_of.Work
    work_of.Work = lambda **given: real(**given, recipe=Recipe(epochs=4, rate=5e-3, batch=16))
    for left in Job.objects.filter(state=Job.State.RUNNING):
        queueing._requeue(left)
    job = Job.objects.filter(kind=kind, state=Job.State.QUEUED).first()
    if job is not None:
        Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
        queueing.run(job.pk, registry.get)


def killed(kind, delay):
    """Fork the work and kill it after so long; whether it was killed."""
    connections.close_all()
    child = os.fork()
    if not child:
        work(kind)
        os._exit(0)
    deadline = time.monotonic() + delay
    while time.monotonic() < deadline:
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def violations(question):
    """The project learns from one run or the other, whole, and a network that a row names can be read."""
    project = Project.objects.get(pk=question.project_id)
    wrong = []
    run = EmbeddingRun.in_use(project)
    if run is None:
        return [f"no run of {project.featuriser}"]
    if sum(run.shards.values_list("embedded", flat=True)) != tuning_site.N:
        wrong.append(f"{run.featuriser} is in use and not whole")
    for row in FineTuning.objects.exclude(spec=""):
        featurisers.get(row.spec).module()
    if project.featuriser.startswith("own/") and not Switch.objects.filter(run=run).exists():
        wrong.append("switched without a trace")
    other, _ = Question.objects.get_or_create(project=project, key="day", defaults={"text": "Is it day?"})
    seen = Label.objects.filter(question=other).count()
    people_go_on = project.samples.order_by("pk")[seen]
    factories.label(other, people_go_on, factories.person("ana"), ensure_class(other, "day")[0].pk)
    return wrong


def main(count):
    question = Question.objects.get(pk=prepare().pk)
    rng = random.Random(7)
    killings, wrong = Counter(), []
    started = time.monotonic()
    for _ in range(count):  # of a training: somewhere in what one takes
        if not killed("finetune", rng.uniform(1.0, 6.0)):
            break
        killings["finetune"] += 1
        wrong += violations(question)
    if FineTuning.objects.filter(finished_at=None).exists():
        work("finetune")
    done = FineTuning.objects.get()
    wrong += [] if done.verdict == "better" else [f"the verdict is {done.verdict!r}"]
    work("switch")
    work("embed")
    for _ in range(count):
        if not killed("switch", rng.uniform(0.0, 0.15)):
            break
        killings["switch"] += 1
        wrong += violations(question)
    work("switch")
    wrong += violations(question)
    project = Project.objects.get(pk=question.project_id)
    return {
        "killings": killings,
        "violations": wrong,
        "switched": project.featuriser == done.spec,
        "seconds": round(time.monotonic() - started, 1),
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
