"""What a question leaves behind that learns on and on: rows and bytes by table and by folder, after every 100 refits.

    python -m benchmarks.growth [--refits 2000] [--labels 5] [--samples 12000] [--json FILE]

A site is made in the system's temporary directory. Before each refit somebody labels so many samples of the current
round, as the pages do it; after each 100 refits the periodic thinning runs once. What people give stays, and what a
label came of: their answers, the rounds and heads these name, as rows. All else must level off: the last line, JSON,
says how many heads with files there are in the end, what their files weigh, how many finished jobs, and rounds that no
label came of; `of_labels` are the rows that labels hold; `levels_off` says whether none of those is more than a quarter
above what it was half-way.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np

EVERY = 100
CLASSES = 20
SHARD = 512
SLACK = 1.25  # twice the labels bring seven steps more: heads go with their logarithm
MOST_TABLES = 12
LEVELLING = ("heads", "head_mb", "jobs", "rounds")


class Site:
    """A question with everything embedded, and somebody who labels it."""

    def __init__(self, samples: int) -> None:
        from benchmarks.pool import Pool
        from labeller.accounts.models import Membership, Role, User
        from labeller.embedding import runs
        from labeller.embedding.models import EmbeddingShard
        from labeller.labels import answering
        from labeller.projects import making
        from labeller.projects.models import Question
        from labeller.samples.models import File, Sample, Source

        names = [f"class-{number:02}" for number in range(CLASSES)]
        self.project = making.create_project(name="pool", owner=None, question_text="Which?", class_names=names)
        Question.objects.filter(project=self.project).update(head="centroid", strategy="margin")
        self.user = User.objects.create(username="ana")
        Membership.objects.create(project=self.project, user=self.user, role=Role.ANNOTATOR)
        self.question = self.project.first_question
        self.class_ids = list(self.question.classes.order_by("pk").values_list("pk", flat=True))
        source = Source.objects.create(project=self.project, path="/nowhere")
        run = runs.current_run(self.project)
        pool, store, self.truth = Pool(CLASSES, run.dimension), runs.store(run), {}
        for number, start in enumerate(range(0, samples, SHARD)):
            truth, vectors = pool.draw(number, min(SHARD, samples - start))
            files = File.objects.bulk_create(
                File(
                    project=self.project,
                    source=source,
                    path=f"{place:07}.jpg",
                    sha256=f"{place:064x}",
                    bytes=1000,
                    modified_ns=0,
                    width=640,
                    height=480,
                )
                for place in range(start, start + len(truth))
            )
            rows = Sample.objects.bulk_create(Sample(project=self.project, file=each, shard=number) for each in files)
            ids = np.array([row.pk for row in rows], np.int64)
            self.truth |= dict(zip(ids.tolist(), truth.tolist(), strict=True))
            written = store.write_shard(number, ids, vectors, np.ones(len(ids), bool))
            EmbeddingShard.objects.create(run=run, number=number, embedded=len(ids), sha256=written.sha256)
        answering.recount(self.project)

    def label(self, count: int) -> None:
        """Label the next samples, as the labelling page does."""
        from labeller.accounts import access
        from labeller.annotating import saving
        from labeller.annotating.handing import single
        from labeller.annotating.holding import Wanted
        from labeller.labels.recording import Judgement

        member = access.member(self.user, self.project.slug)
        batch = single.next_batch(self.user, self.question, Wanted(count, tab=str(uuid.uuid4())))
        for each in batch.assignments:
            judgement = Judgement(
                uuid=uuid.uuid4(),
                question=self.question,
                sample_id=each.sample_id,
                annotator=self.user,
                verdict="answer",
                class_ids=(self.class_ids[self.truth[each.sample_id]],),
                suggestion_shown=True,
            )
            saving.save_judgement(member, self.question, judgement, each.entry_id)

    def refit(self) -> None:
        """Do all that is queued, as workers would."""
        from django.utils import timezone

        from labeller.jobs import queueing, registry
        from labeller.jobs.models import Job
        from labeller.learning import asking

        asking.request_refit(self.question, at_once=True)
        asking.retrain_due()
        waiting = Job.objects.filter(state=Job.State.QUEUED).order_by("pk")
        while job := waiting.first():
            Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
            queueing.run(job.pk, registry.get)
            job.refresh_from_db()
            if job.state != Job.State.DONE:
                raise RuntimeError(f"{job}: {job.error}")


# --- what there is --------------------------------------------------------------------------------


def figures(data: Path) -> dict[str, Any]:
    """Rows and bytes now."""
    from django.conf import settings
    from django.db.models import Exists, OuterRef

    from labeller.jobs.models import Job
    from labeller.labels.models import Label
    from labeller.learning.models import Head, Round, RoundEntry

    served = Exists(RoundEntry.objects.filter(round=OuterRef("pk"), assignments__is_done=True))
    return {
        "labels": Label.objects.count(),
        "heads": Head.objects.exclude(directory="").count(),
        "head_mb": round(_size(settings.HEADS) / 1e6, 2),
        "jobs": Job.objects.exclude(finished_at=None).count(),
        "rounds": Round.objects.exclude(served).count(),
        "of_labels": {
            "heads": Head.objects.filter(directory="").count(),
            "rounds": Round.objects.filter(served).count(),
        },
        "tables": tables(),
        "folders": {each.name: round(_size(each) / 1e6, 2) for each in sorted(data.iterdir())},
    }


def tables() -> dict[str, dict[str, float]]:
    """Of each table the rows, and the megabytes with its indexes; the largest first."""
    from django.apps import apps
    from django.db import connection

    sizes = _sizes(connection)
    found = {}
    for model in apps.get_models(include_auto_created=True):
        name = model._meta.db_table
        found[name] = {"rows": model._base_manager.count(), "mb": round(sizes.get(name, 0) / 1e6, 2)}
    return dict(sorted(found.items(), key=lambda each: (-each[1]["mb"], each[0])))


def _sizes(connection: Any) -> dict[str, int]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'")
        else:
            cursor.execute(
                "SELECT tbl_name, SUM(pgsize) FROM dbstat JOIN sqlite_master ON sqlite_master.name = dbstat.name "
                "GROUP BY tbl_name"
            )
        return dict(cursor.fetchall())


def _size(folder: Path) -> int:
    if folder.is_file():
        return folder.stat().st_size
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def levels_off(history: list[dict[str, Any]]) -> bool:
    """Whether nothing is much more in the end than it was half-way."""
    half, last = history[len(history) // 2 - 1], history[-1]
    return len(history) > 1 and all(last[name] <= SLACK * half[name] for name in LEVELLING)


# --- running --------------------------------------------------------------------------------------


def run(refits: int, labels: int, samples: int, data: Path) -> list[dict[str, Any]]:
    """Refit and refit; returns the figures after each hundred."""
    from benchmarks.pool import set_up

    set_up(data)
    from unittest import mock

    import labeller.embedding.tasks
    import labeller.learning.tasks  # noqa: F401 - registers what does the jobs
    from labeller.jobs import queueing
    from labeller.labels import tallies
    from labeller.learning import thinning

    history: list[dict[str, Any]] = []
    with mock.patch.object(queueing, "current_app", mock.Mock()):
        site, started = Site(samples), time.monotonic()
        for number in range(1, refits + 1):
            site.label(labels)
            site.refit()
            if number % EVERY == 0:
                tallies.fold()
                before = time.monotonic()
                while thinning.thin():
                    pass
                history.append({"refits": number, **figures(data)})
                _say(history[-1], time.monotonic() - started, time.monotonic() - before)
    return history


def _say(now: dict[str, Any], passed: float, thinning: float) -> None:
    held = now["of_labels"]
    print(
        f"{now['refits']:5} refits, {now['labels']:6} labels: {now['heads']:4} heads with {now['head_mb']:.1f} MB "
        f"(+{held['heads']} rows that labels name), {now['rounds']:4} rounds (+{held['rounds']} that labels came of), "
        f"{now['jobs']:4} jobs, {now['folders'].get('labeller.sqlite3', 0):.1f} MB of database, "
        f"thinned in {thinning:.1f} s, {passed:.0f} s",
        flush=True,
    )


def print_tables(history: list[dict[str, Any]]) -> None:
    """The largest tables and all folders, each hundred a column; of very many some."""
    shown = history if len(history) <= 8 else [history[at] for at in np.linspace(0, len(history) - 1, 8).astype(int)]
    print("rows / MB of a table after".ljust(34) + "".join(f"{each['refits']:>16}" for each in shown))
    for name in list(history[-1]["tables"])[:MOST_TABLES]:
        cells = (f"{each['tables'][name]['rows']:,} / {each['tables'][name]['mb']:.2f}" for each in shown)
        print(name.ljust(34) + "".join(f"{cell:>16}" for cell in cells))
    print("MB of a folder after".ljust(34) + "".join(f"{each['refits']:>16}" for each in shown))
    for name in history[-1]["folders"]:
        print(name.ljust(34) + "".join(f"{each['folders'].get(name, 0):>16.2f}" for each in shown))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--refits", type=int, default=2000)
    parser.add_argument("--labels", type=int, default=5, help="before each refit")
    parser.add_argument("--samples", type=int, default=12_000)
    parser.add_argument("--json", nargs="?", const="", help="also write the figures to this file")
    options = parser.parse_args()
    if options.samples < options.refits * options.labels + 1000:
        parser.error("the samples would run out: each label takes one")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    with tempfile.TemporaryDirectory(prefix="labeller-benchmark-") as folder:
        history = run(options.refits, options.labels, options.samples, Path(folder) / "data")
    print_tables(history)
    last = {name: history[-1][name] for name in (*LEVELLING, "of_labels")} | {"levels_off": levels_off(history)}
    if options.json:
        figures_of_all = {**last, "refits": options.refits, "labels": options.labels, "after": history}
        Path(options.json).write_text(json.dumps(figures_of_all, indent=2) + "\n")
    print(json.dumps(last))
    sys.exit(0 if last["levels_off"] else 1)


if __name__ == "__main__":
    main()
