# ruff: noqa: E402 - Django is set up before its models are imported
"""Run as a process of its own: migrates the site of its environment, and tells what it holds, and whether it goes on.

    DATA=… [DATABASE_URL=…] python -m tests.upgrades.migrating

Prints JSON: what `reading` tells; `pages`, the status of every page; `off`, counts that are wrong; `kept`, what work to
come must know; `saved`, what became of a label; `ranked`, whether a worker makes a new round of it.
"""

import json
import os
import uuid
from unittest import mock

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "labeller.config.settings"
django.setup()

from django.core.management import call_command
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse

from labeller.accounts.models import User
from labeller.jobs import queueing as jobs
from labeller.jobs import registry
from labeller.labels import answering
from labeller.projects.models import Project
from tests.conftest import FakeFeaturiser, FakeRuntime
from tests.upgrades import reading


def main():
    call_command("migrate", verbosity=0)
    told = reading.site()
    off = [str(off) for project in Project.objects.all() if (off := answering.recount(project))]
    print(json.dumps({"told": told, "off": off, "pages": pages(), "kept": kept(), **goes_on()}))


def kept():
    """What work to come must know of work that is done: how samples are grouped, which shards and full refits were."""
    return {
        each.slug: [each.grouping > 0, each.next_shard, each.questions.filter(retrain_asked_at=None).count()]
        for each in Project.objects.order_by("slug")
    }


def pages():
    """The status of every page of every project, to its owner."""
    client = client_of("olga")
    found = {}
    for project in Project.objects.order_by("slug"):
        for key, follows in project.questions.values_list("key", "follows"):
            for name, names in of_projects(get_resolver()):
                if follows and name == "projects:follow_up":  # nothing follows what follows another
                    continue
                known = {"slug": project.slug, "key": key, "kind": "labels"}
                path = reverse(name, kwargs={each: known[each] for each in names})
                found[path] = found.get(path) or client.get(path).status_code
    return found


def of_projects(resolver, space=""):
    """Names and arguments of the pages that name nothing but a project and a question of it."""
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            yield from of_projects(each, f"{each.namespace}:" if each.namespace else space)
        elif "slug" in each.pattern.converters and each.pattern.converters.keys() <= {"slug", "key", "kind"}:
            yield f"{space}{each.name}", each.pattern.converters


def goes_on():
    """Whether Ana can label what comes next, and a worker learns from it."""
    question = Project.objects.get(slug="foxes").questions.get(follows=None)
    before = reading.rounds(question)
    with mock.patch.object(jobs, "current_app", mock.Mock()):
        base, client = f"/projects/foxes/label/{question.key}", client_of("ana")
        sample = post(client, f"{base}/next/", count=1)["samples"][0]["sample"]
        answer = {"sample": sample, "verdict": "answer", "classes": [question.classes.first().pk]}
        saved = post(client, f"{base}/labels/", events=[{"uuid": str(uuid.uuid4()), **answer}])
        with reading.embedded_by(FakeFeaturiser(), FakeRuntime(FakeFeaturiser())):
            work = {"key": f"question:{question.pk}", "project": question.project, "payload": {"question": question.pk}}
            job = jobs.enqueue("refit", **work)
            jobs.run(job.pk, registry.get)
    return {"saved": saved["results"][0]["status"], "ranked": reading.rounds(question) - before}


def client_of(name):
    client = Client(SERVER_NAME="localhost", raise_request_exception=False)
    client.force_login(User.objects.get(username=name), "django.contrib.auth.backends.ModelBackend")
    return client


def post(client, path, **body):
    return client.post(path, {"tab": "two", **body}, content_type="application/json").json()


if __name__ == "__main__":
    main()
