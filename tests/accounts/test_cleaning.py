"""What is kept of sessions and logins, and for how long."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.sessions.models import Session
from django.utils import timezone

from labeller.accounts import admitting, tasks

pytestmark = pytest.mark.django_db


def test_what_is_old_goes_and_what_counts_stays(settings, monkeypatch):
    monkeypatch.setattr(admitting, "FEW", 2)
    now = timezone.now()
    for days in (-2, -1, 1, 2, 3, 4, 5):  # ago
        Session.objects.create(session_key=f"key{days}", expire_date=now - timedelta(days=days))
    for model, ages in ((AccessAttempt, (0, 0.5, 2, 3, 4)), (AccessLog, (0, 89, 91, 400, 401))):
        more = {"failures_since_start": 1} if model is AccessAttempt else {}
        for age in ages:
            row = model.objects.create(username=f"{age}", user_agent="", **more)
            model.objects.filter(pk=row.pk).update(attempt_time=now - timedelta(days=age))
    tasks.clean()
    assert set(Session.objects.values_list("session_key", flat=True)) == {"key-2", "key-1"}
    assert set(AccessAttempt.objects.values_list("username", flat=True)) == {"0", "0.5"}
    assert set(AccessLog.objects.values_list("username", flat=True)) == {"0", "89"}


def test_it_is_on_the_schedule(settings):
    assert "labeller.accounts.tasks.clean" in {each["task"] for each in settings.CELERY_BEAT_SCHEDULE.values()}
