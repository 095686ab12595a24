"""Static files go by their content: no date of a file, and no mix of two versions, keeps a page from working."""

import os
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import RequestFactory
from whitenoise.middleware import WhiteNoiseMiddleware

from labeller.config import static

LONG_AGO = 86_400  # 1970: archives and copies may date files so


@pytest.fixture
def site(settings, tmp_path):
    """A source folder with two files; a call writes them anew, with what date they like, and collects."""
    source = tmp_path / "source"
    settings.STATICFILES_DIRS = [source]
    settings.STATIC_ROOT = tmp_path / "data" / "static"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "labeller.config.static.VersionedStaticFiles"},
    }

    def write(page: str, part: str, dated: float | None = None) -> str:
        for name, text in {"js/page.js": page, "js/part.js": part}.items():
            file = source / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            if dated is not None:
                os.utime(file, (dated, dated))
        settings.STORAGES = dict(settings.STORAGES)  # as in another process
        static.collect()
        return staticfiles_storage.url("js/page.js")

    return write


def fetch(address):
    """What the web server answers, started now."""
    answer = WhiteNoiseMiddleware(lambda _: None)(RequestFactory().get(address))
    return answer and (b"".join(answer).decode(), answer["Cache-Control"])


def test_files_dated_before_those_that_lie_there_are_served(site):
    old = site("old page", "old part")
    new = site("new page", "new part", dated=LONG_AGO)
    assert new != old
    assert fetch(new)[0] == "new page"
    assert fetch(new.replace("page.js", "part.js"))[0] == "new part", "what it imports is of the same version"


def test_a_page_that_is_open_finds_the_version_it_began_with(site):
    old = site("old page", "old part")
    site("new page", "new part")
    assert fetch(old.replace("page.js", "part.js"))[0] == "old part"


def test_one_changed_byte_in_one_file_changes_the_address_of_all(site):
    old = site("page", "part")
    assert site("page", "parT", dated=LONG_AGO) != old
    assert site("page", "part") == old


def test_browsers_keep_what_a_version_names(site):
    assert "immutable" in fetch(site("page", "part"))[1]


def test_nothing_is_copied_where_all_lies_there(site, monkeypatch):
    site("page", "part")
    monkeypatch.setattr(static, "call_command", lambda *_, **__: pytest.fail("collected again"))
    site("page", "part", dated=LONG_AGO)


@pytest.mark.parametrize("harm", [Path.unlink, lambda file: file.write_text("half")], ids=["gone", "damaged"])
def test_what_was_harmed_is_mended(site, harm):
    address = site("page", "part")
    harm(Path(staticfiles_storage.path("js/part.js")))
    assert site("page", "part") == address
    assert fetch(address.replace("page.js", "part.js"))[0] == "part"


def test_a_server_links_to_what_was_collected_while_its_sources_are_exchanged(site, settings):
    address = site("page", "part")
    (settings.STATICFILES_DIRS[0] / "js/page.js").write_text("a newer page, not collected yet")
    settings.STORAGES = dict(settings.STORAGES)
    assert staticfiles_storage.url("js/page.js") == address


def test_collectstatic_by_hand_goes_by_content_too(site, settings):
    site("page", "part")
    (settings.STATICFILES_DIRS[0] / "js/page.js").write_text("newer")
    settings.STORAGES = dict(settings.STORAGES)
    call_command("collectstatic", verbosity=0, interactive=False)
    assert fetch(staticfiles_storage.url("js/page.js"))[0] == "newer"


def test_versions_that_nobody_can_have_open_are_dropped(site, settings):
    root = Path(settings.STATIC_ROOT)
    site("first", "part")
    first = Path(staticfiles_storage.location)
    site("second", "part")
    second = Path(staticfiles_storage.location)
    (root / "js").mkdir()
    (root / "staticfiles.json").write_text("{}")
    for each in root.iterdir():
        os.utime(each, (LONG_AGO, LONG_AGO))
    site("third", "part")
    third = Path(staticfiles_storage.location)
    assert {each.name for each in root.iterdir()} == {static.CURRENT, second.name, third.name}
    assert not first.exists(), "replaced long ago; the second was in use until now"


def test_what_was_collected_before_there_were_versions_stays_for_the_pages_that_are_open(site, settings):
    old = Path(settings.STATIC_ROOT) / "js" / "page.js"
    old.parent.mkdir(parents=True)
    old.write_text("collected last year")
    os.utime(old.parent, (LONG_AGO, LONG_AGO))
    site("page", "part")
    assert fetch("/static/js/page.js")[0] == "collected last year"
