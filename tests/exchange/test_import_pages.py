"""The pages by which a file is brought in: seen first, then applied, by managers only, of files they may read."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from labeller.exchange.models import Import
from labeller.learning.models import ForeignPrediction
from labeller.samples.models import Source
from tests import factories
from tests.exchange.importers.examples import EXAMPLES

pytestmark = pytest.mark.django_db
ADDRESS = "/projects/foxes/import/"


@pytest.fixture
def paths(foxes, sent, client):
    client.force_login(foxes.mia)
    return [each.file.path for each in factories.samples(foxes.project, 6)]


@pytest.fixture
def page(client):
    return Import.objects.get, lambda: client.get(f"{ADDRESS}{Import.objects.get().pk}/").content.decode()


def begin(client, file, **said):
    with file.open("rb") as content:
        upload = SimpleUploadedFile(file.name, content.read())
    return client.post(ADDRESS, {"question": "species", "file": upload, **said})


def press(client, what, **said):
    return client.post(f"{ADDRESS}{Import.objects.get().pk}/", {"do": what, **said}, follow=True).content.decode()


def test_a_file_is_seen_before_it_is_applied(foxes, paths, tmp_path, client, page, django_assert_max_num_queries):
    answer = begin(client, EXAMPLES["megadetector"](tmp_path, paths))
    assert answer.status_code == 302 and answer.url == f"{ADDRESS}{Import.objects.get().pk}/"
    assert 'data-testid="under-way"' in page[1]()
    factories.work("import")
    with django_assert_max_num_queries(20):
        seen = page[1]()
    assert "MegaDetector" in seen and "What would be done" in seen and "md_v5a" in seen
    assert 'data-testid="preview"' in seen and "nowhere/0000.jpg" in seen
    assert not ForeignPrediction.objects.exists()
    press(client, "apply")
    factories.work("import")
    assert "All of it was applied" in page[1]() and ForeignPrediction.objects.exists()
    listed = client.get(f"{ADDRESS}{Import.objects.get().pk}/not-taken.csv")
    assert b"nowhere/0000.jpg" in b"".join(listed.streaming_content)
    assert "md.json" in client.get(ADDRESS).content.decode()


def test_what_was_guessed_wrongly_is_corrected(foxes, paths, tmp_path, client, page):
    begin(client, EXAMPLES["megadetector"](tmp_path, paths))
    factories.work("import")
    press(client, "look", least="0.95", model="mine", classes="known", cut="", add="")
    factories.work("import")
    wanted = page[0]()
    assert wanted.options == {"least": "0.95", "model": "mine"} and wanted.look["boxes"] == 0
    assert 'value="0.95"' in page[1]()


def test_a_path_is_one_of_the_projects_folders(foxes, sent, tmp_path, client):
    source = tmp_path / "season"
    source.mkdir()
    inside, outside = EXAMPLES["megadetector"](source, []), EXAMPLES["megadetector"](tmp_path, [])
    Source.objects.create(project=foxes.project, path=str(source))
    said = {"question": "species", "path": str(outside)}
    client.force_login(foxes.mia)
    assert "none of this project" in client.post(ADDRESS, said).content.decode()
    (source / "link.json").symlink_to(outside)
    assert "none of this project" in client.post(ADDRESS, {**said, "path": str(source / "link.json")}).content.decode()
    assert "none of this project" in client.post(ADDRESS, {**said, "path": f"{source}/../md.json"}).content.decode()
    assert not Import.objects.exists()
    assert client.post(ADDRESS, {**said, "path": str(inside)}).status_code == 302
    client.force_login(foxes.ada)
    assert client.post(ADDRESS, said).status_code == 302


def test_a_name_of_an_upload_leads_nowhere(foxes, paths, tmp_path, client, settings):
    upload = SimpleUploadedFile("x.json", b"{}")
    upload.name = "..\\..\\evil.json"
    client.post(ADDRESS, {"question": "species", "file": upload})
    wanted = Import.objects.get()
    assert wanted.file.is_relative_to(settings.DATA / "imports") and wanted.name == "evil.json"
    factories.work("import")
    assert "No format that is read here" in client.get(f"{ADDRESS}{wanted.pk}/").content.decode()
    press(client, "forget")
    assert not wanted.file.exists() and not Import.objects.exists()


def test_stopped_it_goes_on_where_it_was(foxes, paths, tmp_path, client, page):
    begin(client, EXAMPLES["megadetector"](tmp_path, paths))
    press(client, "stop")
    assert not factories.work("import") and "Look again" in page[1]()
    press(client, "look")
    factories.work("import")
    assert page[0]().look


def test_nothing_given_or_both_is_refused(foxes, paths, tmp_path, client):
    assert "one of the two" in client.post(ADDRESS, {"question": "species"}).content.decode()
    assert not Import.objects.exists()
