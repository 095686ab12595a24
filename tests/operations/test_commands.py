"""manage.py by hand: where there is no site, where nobody reads, and what make hands on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class

from labeller.config import paths
from labeller.config.commands import SiteCommand
from labeller.jobs import queueing as jobs
from labeller.operations.management.commands.up import Stopped

ROOT = Path(settings.BASE_DIR)
WITHOUT_A_SITE = {"up", "featurisers", "migrate"}


@pytest.fixture
def manage(tmp_path):
    def run(*words, **options):
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
        environment = {**kept, "DATA": str(tmp_path / "data")}
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(command, cwd=ROOT, env=environment, text=True, timeout=120, **options)

    return run


def test_every_command_of_ours_looks_for_a_site_first():
    ours = {name: app for name, app in get_commands().items() if app.startswith("labeller.")}
    assert ours.keys() >= WITHOUT_A_SITE
    for name, app in ours.items():
        assert isinstance(load_command_class(app, name), SiteCommand) == (name not in WITHOUT_A_SITE), name


def test_where_no_site_is_a_command_says_so_and_leaves_no_database(manage, tmp_path):
    result = manage("status", capture_output=True)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"CommandError: There is no site in {tmp_path / 'data'}: set DATA")
    assert not (tmp_path / "data" / "labeller.sqlite3").exists()


def test_a_site_of_an_earlier_version_is_named_as_such(manage):
    manage("migrate", "learning", "0001", "--verbosity", "0", check=True)
    result = manage("password", "admin", capture_output=True)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "earlier version: run `make run` once" in line


def test_a_reader_that_leaves_early_is_no_failure(manage):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as gone:
        result = manage("featurisers", stdout=gone, stderr=subprocess.PIPE)
    assert (result.returncode, result.stderr) == (0, "")


def test_ctrl_c_is_not_taken_for_a_broker_that_is_away(monkeypatch, foxes):
    job = jobs.enqueue("refit", key="question:1", project=foxes.project, payload={"question": 1})

    def interrupted(*args, **kwargs):
        raise Stopped

    monkeypatch.setattr(jobs, "current_app", type("App", (), {"send_task": staticmethod(interrupted)}))
    with pytest.raises(Stopped):
        jobs.send(job)


def test_no_process_loads_at_its_start_what_few_need():
    code = (
        "import sys; from labeller.config.celery import app; app.loader.import_default_modules();"
        "import labeller.config.urls, labeller.operations.management.commands.up;"
        "print({'sklearn', 'scipy', 'pandas', 'pyarrow', 'torch', 'onnxruntime', 'cv2'} & set(sys.modules))"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (result.stdout.strip(), result.returncode) == ("set()", 0), result.stderr


@pytest.mark.parametrize(("queue", "loaded"), [("train", "True"), ("io", "False")])
def test_who_refits_has_what_that_needs_before_the_first_one(queue, loaded):
    code = (
        "import sys; from types import SimpleNamespace as Of; from labeller.config.celery import app;"
        "app.loader.import_default_modules(); from celery.signals import celeryd_after_setup;"
        f"app = Of(amqp=Of(queues=Of(consume_from={{'{queue}': None}})));"
        "celeryd_after_setup.send(sender='w', instance=Of(app=app)); print('sklearn' in sys.modules)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (result.stdout.strip(), result.returncode) == (loaded, 0), result.stderr


# --- knobs ----------------------------------------------------------------------------------------


def test_make_hands_the_name_of_a_folder_on_as_it_was_typed():
    shown = "include Makefile\nshow:\n\t@printenv IMAGES LABELS\n"
    odd = "/mnt/$HOME/$(a) £ b#c"
    result = subprocess.run(
        ["make", "-s", "-f", "-", "show", f"IMAGES={odd}"],
        input=shown, cwd=ROOT, env={**os.environ, "LABELS": "$x"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert result.stdout.splitlines() == [odd, "$x"]


def test_hours_are_meant_in_the_zone_of_this_machine_or_the_one_given():
    assert paths.time_zone({"TIME_ZONE": "Europe/Amsterdam"}) == "Europe/Amsterdam"
    with pytest.raises(ValueError, match=r"TIME_ZONE.*'Mars'"):
        paths.time_zone({"TIME_ZONE": "Mars"})
    code = "from django.conf import settings; print(settings.TIME_ZONE)"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "TZ": "Asia/Tokyo"}
    environment.pop("TIME_ZONE", None)
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.stdout.strip() == "Asia/Tokyo"


def test_sites_on_one_host_have_cookies_of_their_own():
    here, there = Path("/data/here"), Path("/data/there")
    assert paths.site_mark(here) != paths.site_mark(there)
    # Web servers of one team answer each other's visitors.
    assert paths.site_mark(here, "postgres://db/one") == paths.site_mark(there, "postgres://db/one")
    for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME):
        assert name.endswith(settings.SITE_MARK)


def test_ctrl_c_while_modules_are_still_read_ends_quietly(tmp_path):
    (tmp_path / "django").mkdir()
    (tmp_path / "django" / "__init__.py").write_text("raise KeyboardInterrupt\n")
    command = [sys.executable, "manage.py", "up"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert (found.returncode, found.stdout, found.stderr) == (130, "", "")
