"""What later work read of finished jobs is copied to the rows it is about, so that old jobs can go."""

from django.db import migrations
from django.db.models import Count, Max


def copy(apps, schema_editor):
    """Read each kind once, a row a key where there are many."""
    jobs = apps.get_model("jobs", "Job").objects.order_by()
    _indexes(apps, jobs)
    _groupings(apps, jobs)
    _shards(apps, jobs)
    _retrains(apps, jobs)
    _given_up(apps, jobs)


def _numbers(key):
    """The numbers in a key such as run:3:shard:17."""
    return [int(part) for part in key.split(":") if part.isdecimal()]


def _indexes(apps, jobs):
    runs = apps.get_model("embedding", "EmbeddingRun").objects
    for key in jobs.filter(kind="index", state="done").values_list("key", flat=True).distinct():
        runs.filter(pk__in=_numbers(key)[:1]).update(indexed=1)


def _groupings(apps, jobs):
    projects = apps.get_model("projects", "Project").objects
    done = jobs.filter(kind="bursts", state="done", project__isnull=False)
    for project, newest in done.values_list("project").annotate(newest=Max("pk")):
        last = jobs.filter(kind="bursts", project=project, started_at__isnull=False).order_by("-pk").first()
        said = last.payload if last and last.state == "done" else {}
        way = f"gap {said['gap']}, rules {said['rules']}" if "gap" in said and "rules" in said else ""
        projects.filter(pk=project).update(grouping=newest % 2_000_000_000, grouped_by=way)


def _shards(apps, jobs):
    projects = apps.get_model("projects", "Project").objects
    given = {}
    keys = jobs.filter(kind="ingest", project__isnull=False).values_list("project", "key")
    for project, key in keys.iterator(chunk_size=2000):
        given[project] = max(given.get(project, 0), int(key.rsplit(":", 1)[1]) + 1)
    for project, number in given.items():
        projects.filter(pk=project).update(next_shard=number)


def _retrains(apps, jobs):
    questions = apps.get_model("projects", "Question").objects
    for key, last in jobs.filter(kind="retrain").values_list("key").annotate(last=Max("created_at")):
        questions.filter(pk__in=_numbers(key)[:1]).update(retrain_asked_at=last)


def _given_up(apps, jobs):
    """Of shards that are not embedded still: how often they were given up."""
    runs = set(apps.get_model("embedding", "EmbeddingRun").objects.values_list("pk", flat=True))
    embedded = apps.get_model("embedding", "EmbeddingShard").objects
    GivenUpShard = apps.get_model("embedding", "GivenUpShard")
    failed = jobs.filter(kind="embed", state="failed", finished_at__isnull=False).values_list("key")
    for key, times, last in failed.annotate(times=Count("pk"), last=Max("finished_at")):
        run, number = _numbers(key)
        if run in runs and not embedded.filter(run=run, number=number).exists():
            GivenUpShard.objects.create(run_id=run, number=number, times=min(times, 1000), last_at=last)


class Migration(migrations.Migration):

    dependencies = [
        ("jobs", "0003_kept"),
        ("projects", "0008_kept_state"),
        ("embedding", "0002_kept_state"),
    ]

    operations = [migrations.RunPython(copy, migrations.RunPython.noop, elidable=True)]
