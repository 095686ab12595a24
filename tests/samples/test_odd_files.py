"""Odd names, links, and what can't be listed: whatever happens to one file, the others come in, and all is told."""

import logging
import os
import socket
from collections import Counter
from pathlib import Path

import pytest
from django.db import DataError, IntegrityError
from hypothesis import given
from hypothesis import strategies as st

from labeller.embedding.models import EmbeddingShard
from labeller.jobs.models import Job
from labeller.labels.models import Label
from labeller.messages import sentence
from labeller.samples import ingesting, names, walking
from labeller.samples.models import File, Refusal, Source
from labeller.samples.scanning import FolderError, check_folder
from labeller.samples.walking import walk
from tests import factories
from tests.factories import photograph

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(db):
    return factories.project(classes=())


def take(project, folder, *rest):
    source = ingesting.add_source(project, folder, *rest)
    done = factories.work("scan", "ingest")
    assert {job.state for job in done} <= {Job.State.DONE}, [job.error for job in done]
    source.refresh_from_db()
    return source


def paths(project):
    return set(File.objects.filter(project=project).values_list("path", flat=True))


def reasons(project):
    return dict(Refusal.objects.filter(project=project).values_list("path", "reason"))


def raw(folder, name, seed):
    """A photograph under a name of any bytes."""
    whole = photograph(folder.parent / "whole.png", seed).read_bytes()
    path = folder / os.fsdecode(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(whole)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")


# --- names ----------------------------------------------------------------------------------------

NAMES = st.one_of(
    st.text(st.sampled_from("%25E9C3A0a\n\x85é/\udce9\udcff"), max_size=12),
    st.binary(max_size=12).map(os.fsdecode),
)


@given(NAMES)
def test_any_name_comes_back_from_what_is_stored(name):
    stored = names.encode(name)
    assert names.decode(stored) == name
    stored.encode("utf-8")
    assert not any(character < " " or "\x7f" <= character <= "\x9f" for character in stored)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("plain.jpg", "plain.jpg"),
        ("a%20b 100% 50%25.jpg", "a%20b 100% 50%25.jpg"),
        ("%C3%A9.jpg", "%C3%A9.jpg"),
        ("späte Füchse/狐.jpg", "späte Füchse/狐.jpg"),
        (os.fsdecode(b"caf\xe9.jpg"), "caf%E9.jpg"),
        ("caf%E9.jpg", "caf%25E9.jpg"),
        ("two\nlines.jpg", "two%0Alines.jpg"),
        (os.fsdecode(b"100% caf\xe9.jpg"), "100%25 caf%E9.jpg"),
    ],
)
def test_ordinary_names_are_stored_as_they_are(name, stored):
    assert names.encode(name) == stored and names.decode(stored) == name


def test_names_that_are_no_utf8_are_samples_that_can_be_opened_again(foxes, folder):
    for number, name in enumerate([b"caf\xe9.png", b"caf\xe8.png", b"caf%E9.png", b"ok.png", b"Ca\xf1on/a\nb.png"]):
        raw(folder, name, number)
    take(foxes.project, folder)
    assert paths(foxes.project) == {"caf%E9.png", "caf%E8.png", "caf%25E9.png", "ok.png", "Ca%F1on/a%0Ab.png"}
    assert not reasons(foxes.project)
    for file in File.objects.select_related("source"):
        assert file.source.location(file.path).exists()
    factories.work("plan", "embed")
    assert EmbeddingShard.objects.get().embedded == 5
    take(foxes.project, folder)
    assert File.objects.count() == 5


def test_the_folder_itself_may_have_such_a_name(project, tmp_path):
    folder = tmp_path / os.fsdecode(b"Ca\xf1on")
    raw(folder, b"one.png", 1)
    source = take(project, folder)
    assert source.path.endswith("/Ca%F1on") and paths(project) == {"one.png"}
    assert take(project, folder) == source


def test_a_name_too_long_to_be_stored_is_refused_by_what_it_begins_with(project, folder):
    photograph(folder / "good.png", 1)
    deep = folder.joinpath(*["x" * 200] * 11)
    photograph(deep / "two.png", 2)
    take(project, folder)
    assert paths(project) == {"good.png"}
    ((path, reason),) = reasons(project).items()
    assert reason == "name-too-long" and path.startswith("xxx") and len(path) < 2000


# --- one file, and the others of its shard --------------------------------------------------------


def test_whatever_happens_to_one_file_the_others_come_in(project, folder, monkeypatch):
    for number in range(4):
        photograph(folder / f"{number}.png", number)
    real = ingesting.examine_file

    def odd(source, found, *_):
        if found.path == "2.png":
            raise KeyError("what nobody thought of")
        return real(source, found)

    monkeypatch.setattr(ingesting, "examine_file", odd)
    take(project, folder)
    assert paths(project) == {"0.png", "1.png", "3.png"} and reasons(project) == {"2.png": "failed"}
    assert "could not be looked at: KeyError" in sentence(Refusal.objects.get().detail)
    monkeypatch.setattr(ingesting, "examine_file", real)
    take(project, folder)
    assert len(paths(project)) == 4 and not reasons(project)


def test_an_error_that_quotes_what_no_database_holds_is_stored(project, folder, monkeypatch, caplog):
    caplog.set_level(logging.CRITICAL)  # processes that share the tests can't hand such a text on
    for number in range(2):
        photograph(folder / f"{number}.png", number)
    real = ingesting.examine_file

    def odd(source, found, *_):
        if found.path == "1.png":
            raise ValueError("\0 \udce9 \x1b[2J")
        return real(source, found)

    monkeypatch.setattr(ingesting, "examine_file", odd)
    take(project, folder)
    assert paths(project) == {"0.png"} and reasons(project) == {"1.png": "failed"}


@pytest.mark.parametrize("error", [IntegrityError("twice"), DataError("too long"), ValueError("NUL in \0")])
def test_a_row_the_database_refuses_takes_no_other_with_it(project, folder, monkeypatch, error):
    for number in range(5):
        photograph(folder / f"{number}.png", number)
    real = ingesting._write_rows

    def refuses(source, shard, outcomes, gone):
        if any(each.found.path == "3.png" and each.fields for each in outcomes):
            raise error
        real(source, shard, outcomes, gone)

    monkeypatch.setattr(ingesting, "_write_rows", refuses)
    take(project, folder)
    assert paths(project) == {"0.png", "1.png", "2.png", "4.png"} and reasons(project) == {"3.png": "failed"}


# --- what cannot be listed, links, special files --------------------------------------------------


def deny(monkeypatch, name):
    """Root may read everything: here the system says no for one folder."""
    real = os.scandir

    def scandir(path):
        if Path(path).name == name:
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(walking.os, "scandir", scandir)


def test_a_folder_that_cannot_be_listed_is_refused_by_name_until_it_can(project, folder, monkeypatch):
    photograph(folder / "siteA/1.png", 1)
    photograph(folder / "siteB/2.png", 2)
    with monkeypatch.context() as patched:
        deny(patched, "siteB")
        take(project, folder)
    assert paths(project) == {"siteA/1.png"} and reasons(project) == {"siteB": "unreadable-folder"}
    assert "permissions do not allow it" in sentence(Refusal.objects.get().detail)
    take(project, folder)
    assert paths(project) == {"siteA/1.png", "siteB/2.png"} and not reasons(project)


def test_a_file_that_may_not_be_read_is_tried_again(project, folder, monkeypatch):
    for number in (1, 2):
        photograph(folder / f"{number}.png", number)
    with monkeypatch.context() as patched:
        patched.setattr(ingesting.os, "access", lambda path, mode: mode == os.F_OK or not str(path).endswith("2.png"))
        take(project, folder)
    assert reasons(project) == {"2.png": "no-permission"}
    take(project, folder)
    assert len(paths(project)) == 2 and not reasons(project)


def linked(folder):
    """A folder of links into another one, as data sets are often made."""
    elsewhere = folder.parent / "elsewhere"
    for number in range(2):
        photograph(elsewhere / f"deer/{number}.png", number)
    (folder / "deer").symlink_to(elsewhere / "deer")
    photograph(elsewhere / "fox.png", 9)
    (folder / "fox.png").symlink_to(elsewhere / "fox.png")
    return elsewhere


def test_links_that_lead_out_are_refused_one_by_one(project, folder):
    linked(folder)
    photograph(folder / "own.png", 5)
    take(project, folder)
    assert paths(project) == {"own.png"} and reasons(project) == {"deer": "link", "fox.png": "link"}
    assert all("FOLLOW_LINKS=1" in sentence(detail) for detail in Refusal.objects.values_list("detail", flat=True))


def test_a_folder_that_holds_only_links_says_what_to_do(project, folder):
    linked(folder)
    with pytest.raises(FolderError, match=r"only 2 links that lead out of it: deer, fox.png.*FOLLOW_LINKS=1"):
        ingesting.add_source(project, folder)


def test_links_are_followed_by_choice_each_folder_once(project, folder, settings):
    elsewhere = linked(folder)
    (folder / "again").symlink_to(elsewhere / "deer")
    (elsewhere / "deer" / "back").symlink_to(folder)
    (folder / "round").symlink_to("round")
    settings.FOLLOW_LINKS = True
    source = take(project, folder)
    assert paths(project) == {"again/0.png", "again/1.png", "fox.png"} and source.follows_links
    assert reasons(project) == {"round": "link"} and source.left_out == {"links": 2}
    settings.FOLLOW_LINKS = False
    assert take(project, folder).left_out == {"links": 2} and File.objects.count() == 3


def test_links_within_the_folder_are_followed_into_what_is_hidden(project, folder):
    """As git-annex keeps photographs: what counts are the links."""
    photograph(folder / ".git/annex/1.png", 1)
    (folder / "one.png").symlink_to(folder / ".git/annex/1.png")
    (folder / "loop").symlink_to(folder)
    source = take(project, folder)
    assert paths(project) == {"one.png"} and not reasons(project)
    assert source.left_out == {"hidden": 1, "links": 1}


def test_pipes_and_sockets_are_refused_and_block_nothing(project, folder, monkeypatch):
    photograph(folder / "one.png", 1)
    os.mkfifo(folder / "pipe.png")
    monkeypatch.chdir(folder)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket.png")
        take(project, folder)
    assert reasons(project) == {"pipe.png": "not-an-image", "socket.png": "not-an-image"}


# --- what is left out -----------------------------------------------------------------------------


def test_what_systems_leave_behind_is_left_out_and_counted(project, folder):
    photograph(folder / "one.png", 1)
    for number, name in enumerate(
        ["@eaDir/one.png/THUMB.png", "#recycle/a.png", "$RECYCLE.BIN/b.png", "lost+found/c.png", "night/@eaDir/d.png",
         "System Volume Information/e.png", "__MACOSX/f.png", ".Trash-1000/g.png", ".thumbnails/h.png", "._one.png"]
    ):  # fmt: skip
        photograph(folder / name, 10 + number)
    (folder / "Thumbs.db").touch()
    (folder / "desktop.ini").touch()
    source = take(project, folder)
    assert paths(project) == {"one.png"} and not reasons(project)
    assert source.left_out == {
        "@eaDir": 2, "#recycle": 1, "$RECYCLE.BIN": 1, "lost+found": 1, "System Volume Information": 1,
        "__MACOSX": 1, "hidden": 3, "Thumbs.db": 1, "desktop.ini": 1,
    }  # fmt: skip


def test_the_programs_own_data_is_no_photograph_at_any_run(project, folder, settings):
    photograph(folder / "one.png", 1)
    settings.DATA = folder / "labeller-data"
    settings.MEDIA = settings.DATA / "derivatives"
    other = folder / "another site"
    for data in (settings.DATA, other):
        photograph(data / "derivatives/x/y.png", 3)
        (data / "secret_key").write_text("secret")
    (folder / "way-in").symlink_to(settings.DATA / "derivatives")
    for _ in range(3):
        source = take(project, folder)
        assert paths(project) == {"one.png"} and not reasons(project)
    assert source.left_out == {"own": 3}


def test_a_folder_inside_data_is_refused_before_anything_starts(settings, folder):
    photograph(folder / "one.png", 1)
    for data in (folder, folder.parent):
        settings.DATA = data
        with pytest.raises(FolderError, match="set DATA to another folder"):
            check_folder(folder)


def test_a_walk_tells_the_same_of_every_file_twice(folder):
    linked(folder)
    photograph(folder / "own.png", 5)
    counted = Counter()
    assert list(walk(folder, left_out=counted)) == list(walk(folder)) and not counted
    assert not Source.objects.exists() and not Label.objects.exists()
