# ruff: noqa: E402 - Django is set up before its models are imported
"""Run as a process of its own: a database with a ranked project, and sessions for its people.

    DATA=… python -m tests.faults.populate '{"samples": 20, "people": 32, "redundancy": 1, "role": "annotator"}'

It has its tables already.

Prints JSON: the session key of each person, the ids of samples and of classes.
"""

import json
import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "labeller.config.settings"
django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from labeller.accounts.models import Membership
from tests import factories


def session_of(user):
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key


def main(options):
    project = factories.project(redundancy=options["redundancy"])
    question = project.first_question
    samples = factories.samples(project, options["samples"])
    factories.ranking(question, samples, audits=samples[::5])
    people = factories.annotators(project, options["people"])
    Membership.objects.filter(project=project, user__in=people).update(role=options["role"])
    return {
        "sessions": [session_of(user) for user in people],
        "samples": [sample.pk for sample in samples],
        "classes": list(question.classes.values_list("pk", flat=True)),
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
