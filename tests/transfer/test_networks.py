"""Networks of the site's own: uploaded in pieces, tried by a worker, listed, and removed where nothing uses them."""

import io
import json
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.jobs.models import Job
from labeller.transfer import networks, uploading
from labeller.transfer.models import NetworkUpload, OwnNetwork
from tests import factories
from tests.tl_core import clips
from tests.tl_core.networks import checkpoint
from tl_core import featurisers
from tl_core.featurisers import cards, own

pytestmark = pytest.mark.django_db
NAME = "shufflenet_v2_x0_5"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The bytes of a checkpoint."""
    return checkpoint(NAME, tmp_path_factory.mktemp("made")).read_bytes()


@pytest.fixture
def admin(foxes):
    client = Client()
    client.force_login(foxes.ada)
    return client


def send(client, content, *, size=500_000, **fields):
    """Upload as the page's script does."""
    token, parts = uuid.uuid4(), [content[at : at + size] for at in range(0, len(content), size)]
    for number, part in enumerate(parts):
        answer = client.post(f"/networks/pieces/{token}/{number}/", part, content_type="application/octet-stream")
        assert answer.status_code == 204
    form = {"name": "Dune foxes", "architecture": NAME, "token": token, "pieces": len(parts), "file_name": "dunes.pth"}
    answer = client.post("/networks/", {**form, **fields}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def left():
    """What lies beside the networks."""
    return [name for name in runs.networks().names() if name.startswith("uploads/")]


def test_an_upload_becomes_a_network(admin, foxes, weights):
    assert "Dune foxes is being tried." in send(admin, weights)
    assert len(left()) > 1 and OwnNetwork.objects.count() == 0
    factories.work("network")
    network = OwnNetwork.objects.get()
    assert (network.name, network.dimension, network.added_by) == ("Dune foxes", 1024, foxes.ada)
    assert network.card["origin"] == "dunes.pth" and network.card["made_by"] == "upload"
    assert featurisers.make(network.spec).dimension == 1024
    assert left() == [] and not NetworkUpload.objects.exists()
    page = admin.get("/networks/").content.decode()
    for shown in ("Dune foxes", NAME, "1024", network.spec, "dunes.pth", "uploaded", "Used by no project"):
        assert shown in page
    assert (
        networks.called(f"{network.spec},cut=2") == "Dune foxes (cut=2)" and networks.called("resnet18") == "resnet18"
    )


def test_done_again_after_a_worker_died_it_is_the_same_network(admin, weights, monkeypatch):
    send(admin, weights)
    with monkeypatch.context() as patched:
        patched.setattr(networks, "keep", lambda *given: (_ for _ in ()).throw(SystemExit))  # the file is there
        with pytest.raises(SystemExit):
            factories.work("network")
    assert len(own.listing(runs.networks())) == 1 and len(left()) > 1
    Job.objects.filter(kind="network").update(not_before=timezone.now())
    factories.work("network")
    assert OwnNetwork.objects.get().digest in own.listing(runs.networks())
    assert len(own.listing(runs.networks())) == 1 and left() == []


def test_without_the_script_the_form_alone_does(admin, weights):
    file = SimpleUploadedFile("plain.pth", weights)
    admin.post("/networks/", {"name": "Plain", "architecture": NAME, "file": file})
    factories.work("network")
    assert OwnNetwork.objects.get().card["origin"] == "plain.pth"


def test_what_does_not_fit_is_told_and_can_be_dismissed(admin, weights):
    send(admin, weights, architecture="resnet18")
    factories.work("network")
    page = admin.get("/networks/").content.decode()
    assert "dunes.pth was not taken. dunes.pth does not fit resnet18 (missing: " in page
    assert OwnNetwork.objects.count() == 0 and left() == [] and own.listing(runs.networks()) == {}
    admin.post("/networks/", {"dismiss": NetworkUpload.objects.get().pk})
    assert not NetworkUpload.objects.exists()
    assert Job.objects.get(kind="network").state == Job.State.DONE


def test_a_piece_that_is_missing(admin, weights):
    send(admin, weights, pieces=900)
    factories.work("network")
    assert "dunes.pth did not arrive whole. Upload it again." in admin.get("/networks/").content.decode()


def test_given_up_while_it_waits(admin, weights):
    send(admin, weights)
    admin.post("/networks/", {"dismiss": NetworkUpload.objects.get().pk})
    factories.work("network")
    assert OwnNetwork.objects.count() == 0 and left() == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"token": "", "pieces": ""}, "Choose a file."),
        ({"token": uuid.UUID(int=7)}, "This upload has ended."),
        ({"details": "{crop: 224}"}, "This is no JSON: "),
        ({"details": "[224]"}, "Write an object"),
        ({"details": "[" * 10_000}, "This is no JSON"),
        ({"details": '{"crop": NaN}'}, "This is no JSON"),
        ({"details": '{"crop": 1e999}'}, "This is no JSON"),
        ({"details": '{"interpolation": "\\u0000"}'}, "This is no JSON"),
        ({"details": '{"interpolation": "\\ud800"}'}, "This is no JSON"),
    ],
)
def test_a_form_that_cannot_be_used_says_why(admin, fields, said):
    assert said in send(admin, b"anything", **fields)
    assert not Job.objects.filter(kind="network").exists()


def test_pieces_that_cannot_be_taken(admin, foxes):
    token, raw = uuid.uuid4(), {"content_type": "application/octet-stream"}
    assert admin.post(f"/networks/pieces/{token}/0/", b"", **raw).status_code == 422
    assert admin.post(f"/networks/pieces/{token}/1000/", b"x", **raw).status_code == 422
    assert admin.post(f"/networks/pieces/{token}/0/", b"x" * (uploading.PIECE + 1), **raw).status_code == 422
    assert admin.post(f"/networks/pieces/{token}/0/", b"x", **raw).status_code == 204
    other = Client()
    other.force_login(factories.person("otto", is_superuser=True))
    assert other.post(f"/networks/pieces/{token}/1/", b"x", **raw).status_code == 422  # somebody else's
    assert len(left()) == 1


def test_pieces_that_nobody_ends_go_after_a_day(admin, foxes):
    uploading.receive(foxes.ada, uuid.uuid4(), 0, b"old")
    NetworkUpload.objects.update(created_at=timezone.now() - 2 * uploading.KEPT)
    uploading.receive(foxes.ada, uuid.uuid4(), 0, b"new")
    assert len(left()) == 1 and NetworkUpload.objects.count() == 1
    NetworkUpload.objects.all().delete()  # as with an account that is deleted
    uploading.receive(foxes.ada, uuid.uuid4(), 0, b"newest")
    assert len(left()) == 1


@pytest.fixture
def network(admin, weights, tmp_path):
    (tmp_path / "dunes.pth").write_bytes(weights)
    return uploading.add(tmp_path / "dunes.pth", "Dune foxes", NAME)


def test_what_a_project_uses_stays(admin, foxes, network):
    run = EmbeddingRun.objects.create(
        project=foxes.project, featuriser=f"{network.spec},cut=2", fingerprint="f" * 16, dimension=1024
    )
    page = f"/networks/{network.digest}/delete/"
    assert "It is in use and stays." in admin.get(page).content.decode()
    assert "is in use and stays" in admin.post(page, follow=True).content.decode()
    assert cards.local(runs.networks(), network.digest).is_file()
    assert "Foxes" in admin.get("/networks/").content.decode()
    run.delete()
    foxes.project.featuriser = network.spec
    foxes.project.save()
    assert networks.used_by(network) == [foxes.project]
    foxes.project.featuriser = "efficientnet-lite0"
    foxes.project.save()
    assert "Nothing uses it." in admin.get(page).content.decode()
    assert "Dune foxes was deleted." in admin.post(page, follow=True).content.decode()
    assert runs.networks().names() == [] and not OwnNetwork.objects.exists()
    assert admin.get(page).status_code == 404


def test_the_list_asks_the_same_number_of_statements_however_long(admin, network, django_assert_max_num_queries):
    for number in range(30):
        OwnNetwork.objects.create(
            digest=f"{number:016d}", name=f"N{number}", card=network.card, dimension=4, megabytes=1
        )
    with django_assert_max_num_queries(9):
        assert admin.get("/networks/").content.decode().count('data-testid="network"') == 31


def test_a_project_may_choose_it(foxes, network):
    client = Client()
    client.force_login(foxes.mia)
    page = client.get("/projects/foxes/featuriser/").content.decode()
    assert "Dune foxes" in page and "uploaded" in page and "Use Dune foxes" in page
    client.post(f"/projects/foxes/featuriser/network/{network.digest}/")
    wish = Job.objects.get(kind="switch")
    assert wish.payload["spec"] == network.spec and networks.used_by(network) == [foxes.project]
    assert not networks.remove(network)  # somebody wishes for it
    wish.delete()
    foxes.project.featuriser = f"{network.spec},cut=2"
    foxes.project.save()
    page = client.get("/projects/foxes/featuriser/").content.decode()
    assert "Dune foxes (cut=2)" in page and "Use Dune foxes" not in page


def test_a_clip_reads_texts(admin, tmp_path):
    clip = uploading.add(clips.checkpoint(tmp_path), "Tiny", "clip", clips.DESCRIPTION)
    assert clip.reads_texts and networks.reads_texts(clip.spec) and networks.reads_texts("clip/ViT-B-16")
    assert not networks.reads_texts("efficientnet-lite0") and not networks.reads_texts("own/0123456789abcdef")
    assert "reads texts" in admin.get("/networks/").content.decode()


def command(*words):
    out = io.StringIO()
    call_command("networks", *words, stdout=out)
    return out.getvalue()


def test_the_command(admin, weights, tmp_path, foxes):
    (tmp_path / "dunes.pth").write_bytes(weights)
    assert "There are none yet" in command("list")
    said = command("add", str(tmp_path / "dunes.pth"), "--as", "Dune foxes", "--architecture", NAME)
    spec = OwnNetwork.objects.get().spec
    assert f"{spec}  Dune foxes: " in said and f"--featuriser {spec}" in said
    OwnNetwork.objects.all().delete()  # of another site with the same storage
    (row,) = json.loads(command("list", "--json"))["networks"]
    assert (row["featuriser"], row["used_by"]) == (spec, [])
    assert "used by nobody" in command("list")
    with pytest.raises(CommandError, match="does not fit resnet18"):
        command("add", str(tmp_path / "dunes.pth"), "--as", "x", "--architecture", "resnet18")
    with pytest.raises(CommandError, match=r"none\.pth cannot be used"):
        command("add", str(tmp_path / "none.pth"), "--as", "x", "--architecture", NAME)
    with pytest.raises(CommandError, match="There is no network own/0"):
        command("remove", "own/0")
    assert "would be deleted" in command("remove", spec, "--dry-run") and OwnNetwork.objects.exists()
    foxes.project.featuriser = spec
    foxes.project.save()
    with pytest.raises(CommandError, match="is used by foxes"):
        command("remove", spec)
    foxes.project.featuriser = "efficientnet-lite0"
    foxes.project.save()
    assert json.loads(command("remove", spec, "--json"))["featuriser"] == spec
    assert runs.networks().names() == []
