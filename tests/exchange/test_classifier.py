"""The trained classifier: whoever takes it away gets from a picture what the program says of it."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
from PIL import Image

from labeller.embedding import deriving, loading, mixing, runs
from labeller.exchange.exporters import run_classifier
from labeller.exchange.exporters.base import Impossible
from labeller.learning import asking
from labeller.learning.models import Head
from labeller.samples.models import File, Source
from tests import factories
from tests.conftest import FakeFeaturiser, FakeRuntime
from tests.exchange import season
from tl_core.adaptation import twins
from tl_core.featurisers.efficientnet_lite import EfficientNetLite
from tl_core.featurisers.preprocessing import Preprocessing
from tl_core.heads import files as head_files
from tl_core.spaces import mixing as mixes
from tl_core.spaces import whitening

pytestmark = pytest.mark.django_db


@pytest.fixture
def pictures(foxes, tmp_path, sent):
    """Forty photographs on the disk, embedded, half of them labelled by what is in their corners; their paths."""
    source = Source.objects.create(project=foxes.project, path=str(tmp_path / "card"))
    paths = [factories.photograph(tmp_path / "card" / f"{seed}.png", seed) for seed in range(40)]
    made = factories.samples(foxes.project, 40)
    for sample, path in zip(made, paths, strict=True):
        File.objects.filter(pk=sample.file_id).update(source=source, path=path.name)
    prepared = [FakeFeaturiser().preprocess(np.asarray(Image.open(path).convert("RGB"))) for path in paths]
    vectors = FakeRuntime(FakeFeaturiser()).embed(np.stack(prepared))
    factories.embed(foxes.project, made, vectors)
    middle = np.median(vectors[:, 0])
    for name, is_bright in (("fox", True), ("badger", False)):
        of_class = [each for each, vector in zip(made[:20], vectors, strict=False) if (vector[0] > middle) == is_bright]
        factories.labelled(foxes.question, of_class, foxes.ana, foxes.class_id(name))
    return paths


def refit(foxes):
    asking.request_refit(foxes.question, at_once=True)
    factories.work("refit")
    return Head.latest(foxes.question)


def exported(foxes, folder):
    manifest = season.write(foxes, "classifier", folder)
    return manifest, {each.key: each.value for each in onnx.load(folder / "classifier.onnx").metadata_props}


def predicted(folder, paths):
    """What the script says of pictures, in a process that knows nothing of the program."""
    command = [sys.executable, "-I", str(folder / "predict.py"), *map(str, paths)]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=True)
    return list(csv.DictReader(io.StringIO(done.stdout)))


def stored(head):
    """What the program says of all photographs, from their embeddings."""
    vectors = loading.load_embeddings(head.run, head.mix).vectors
    return head_files.load(season.settings.HEADS / head.directory).predict_proba(np.asarray(vectors[:]))


def test_the_script_says_what_the_program_says(foxes, pictures, tmp_path):
    head = refit(foxes)
    manifest, about = exported(foxes, tmp_path / "out")
    assert {each["name"] for each in manifest["files"]} == {"classifier.onnx", "classes.csv", "predict.py"}
    assert any("16 pictures: probabilities differ by 0.0" in note for note in manifest["notes"]), manifest["notes"]
    assert (about["head_version"], about["labels"]) == (str(head.version), "20")
    names = json.loads(about["class_names"])
    assert sorted(names) == ["badger", "fox"]

    rows = predicted(tmp_path / "out", pictures)
    shares = np.array([[float(row[name]) for name in names] for row in rows])
    np.testing.assert_allclose(shares, stored(head), atol=1e-3)
    assert [row["predicted"] for row in rows] == [names[best] for best in shares.argmax(axis=1)]
    assert [row["path"] for row in rows] == list(map(str, pictures))


@pytest.mark.parametrize("size", [(640, 480), (300, 1000), (50, 3000), (224, 224), (100, 80)])
def test_the_script_prepares_pictures_as_the_program_does(size):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    for squash in (False, True):
        given = Preprocessing(256, 224, "bicubic", (0.0,) * 3, (1.0,) * 3, squash=squash)
        recipe = {name: value for name, value in given.recipe.items() if name != "how"}
        np.testing.assert_array_equal(run_classifier.resize(picture, **recipe), given.apply(picture))
    featuriser = EfficientNetLite("lite0", image_size=224)
    np.testing.assert_array_equal(run_classifier.cut(picture, 224), featuriser.preprocess(picture))
    assert featuriser.recipe == {"how": "cut", "side": 224}


def test_of_several_classes_all_that_are_there_are_said(foxes, pictures, tmp_path):
    type(foxes.question).objects.filter(pk=foxes.question.pk).update(multi_label=True)
    foxes.question.refresh_from_db()
    head = refit(foxes)
    _, about = exported(foxes, tmp_path / "out")
    names = np.array(json.loads(about["class_names"]))
    rows = predicted(tmp_path / "out", pictures[:10])
    expected = stored(head)[:10]
    assert [set(row["predicted"].split("|")) for row in rows] == [
        set(names[share >= 0.5]) or {names[share.argmax()]} for share in expected
    ]


def mixed(foxes, fitted):
    """Have a head see a map of the embeddings beside them."""
    run = runs.current_run(foxes.project)
    beside = deriving.beside(run, fitted, "species")
    vectors = np.asarray(loading.load_embeddings(run).vectors[:])
    mapped = fitted.apply(vectors)
    ids = np.array(sorted(foxes.project.samples.values_list("pk", flat=True)), np.int64)
    written = runs.store(beside).write_shard(0, ids, mapped, np.ones(len(ids), bool))
    beside.shards.create(number=0, embedded=len(ids), sha256=written.sha256)
    rng = np.random.default_rng(0)
    mix = mixes.fit([(run.fingerprint, vectors, False), (beside.fingerprint, mapped, True)], rng)
    head = refit(foxes)
    digest = mixing.keep(run, mix)
    wide = np.hstack([vectors, mapped]) * np.concatenate(mix.scales)
    linear = season.LinearHead(
        np.array(head.class_ids), rng.normal(size=(2, wide.shape[1])), np.zeros(2), wide.mean(axis=0)
    )
    head_files.save(linear, season.settings.HEADS / head.directory, {})
    Head.objects.filter(pk=head.pk).update(mix=digest)
    return Head.latest(foxes.question)


def test_what_it_sees_beside_the_network_is_in_the_graph(foxes, pictures, tmp_path):
    vectors = np.asarray(loading.load_embeddings(runs.current_run(foxes.project)).vectors[:])
    head = mixed(foxes, whitening.fit([vectors], 4))
    exported(foxes, tmp_path / "out")
    rows = predicted(tmp_path / "out", pictures)
    # Beside other embeddings these are kept in half the bytes.
    np.testing.assert_allclose([float(row["fox"]) for row in rows], stored(head)[:, 0], atol=0.02)


def test_what_is_no_graph_is_refused_by_name(foxes, pictures, tmp_path):
    vectors = np.asarray(loading.load_embeddings(runs.current_run(foxes.project)).vectors[:])
    mixed(foxes, twins.fit(vectors, vectors + 0.1, np.random.default_rng(0), units=4, epochs=1))
    with pytest.raises(Impossible, match="cannot be written as a graph"):
        exported(foxes, tmp_path / "out")


def test_without_a_classifier_it_is_said(foxes, tmp_path):
    factories.samples(foxes.project, 3)
    with pytest.raises(Impossible, match="label samples of two classes first"):
        Head.objects.all().delete()
        season.making.write(
            season.EXPORTERS["classifier"],
            season.ExportWanted(foxes.project, (foxes.question,), {}, season.timezone.now()),
            tmp_path / "out",
            lambda *args, **kwargs: None,
        )
