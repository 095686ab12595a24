"""What has learnt nothing, and several featurisers over the same files."""

import numpy as np
import pytest

from tests.factories import photograph, picture
from tl_core import featurisers
from tl_core.evaluation.advice import Tried, judge
from tl_core.evaluation.transferability import folds, head_correct, mixed
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.featurisers.baselines import Gradients, SmallPicture, untrained
from tl_core.featurisers.onnx_runtime import OnnxRuntime
from tl_core.featurisers.together import Together, twin
from tl_core.notices import Code
from tl_core.pipeline import Picture, embed_images


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return [photograph(folder / f"{number}.png", number, (80, 60)) for number in range(6)]


@pytest.mark.parametrize("kind", [SmallPicture, Gradients])
def test_features_without_training(kind):
    features = kind()
    batch = np.stack([features.featuriser.preprocess(picture(seed)) for seed in (0, 1, 0)])
    made = features.embed(batch)
    assert (made.shape, made.dtype) == ((3, features.dimension), np.float32)
    assert (made[0] == made[2]).all()
    assert not np.allclose(made[0], made[1])
    assert sum(columns.stop - columns.start for columns, _ in features.parts) == features.dimension


def test_gradients_see_shape_and_colour_apart():
    features = Gradients()
    grey = np.zeros((64, 64, 3), np.uint8)
    grey[:, 32:] = 200
    red = grey * np.array([1, 0, 0], np.uint8)
    shape, colour = (slice(0, 1568), slice(1568, 1632))
    of_grey, of_red, turned = features.embed(np.stack([grey, red, grey.transpose(1, 0, 2)]))
    assert np.allclose(of_grey[shape], of_red[shape], atol=1e-3)
    assert not np.allclose(of_grey[colour], of_red[colour])
    assert not np.allclose(of_grey[shape], turned[shape], atol=1e-3)
    assert np.allclose(of_grey[colour], turned[colour])


def test_random_weights_are_the_same_for_a_seed(tmp_path):
    one, again, other = (
        untrained("mobilenet_v3_small", tmp_path / name, seed) for name, seed in (("a", 0), ("b", 0), ("a", 1))
    )
    assert one.startswith("mobilenet_v3_small,weights=")
    assert featurisers.get(one).fingerprint == featurisers.get(again).fingerprint
    assert featurisers.get(one).fingerprint != featurisers.get(other).fingerprint
    assert untrained("mobilenet_v3_small", tmp_path / "a") == one


def test_random_weights_of_what_is_no_network_cannot_be_made(tmp_path, monkeypatch):
    monkeypatch.setitem(featurisers.registry._registry, "plain", (lambda: SmallPicture(), ()))
    with pytest.raises(FeaturiserUnavailable, match="plain is no network"):
        untrained("plain", tmp_path)


def test_several_compute_what_each_does_alone(files):
    members = {"pixels": SmallPicture(), "gradients": Gradients()}
    together = Together(members)
    rows = [each.vector for each in embed_images([Picture(path) for path in files], together)]
    for name, member in members.items():
        alone = [each.vector for each in embed_images([Picture(path) for path in files], member)]
        assert np.allclose(np.array(rows)[:, together.columns[name]], alone, atol=0.05)  # decoded larger
        assert together.seconds(name) > 0


def test_a_broken_file_is_left_out_for_all(files, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    found = list(embed_images([Picture(files[0]), Picture(broken), Picture(files[1])], Together({"p": SmallPicture()})))
    assert [each.refused is None for each in found] == [True, False, True]


def test_a_twin_is_part_of_the_picture_and_always_the_same():
    pixels = np.asarray(picture(3, (80, 60)))
    copy = twin(pixels)
    assert (copy == twin(pixels)).all()
    assert copy.dtype == np.uint8
    assert 40 <= copy.shape[0] < 60
    assert 50 <= copy.shape[1] < 80
    assert twin(pixels[:1, :1]).shape == (1, 1, 3)


def test_a_network_with_random_weights_is_no_better_than_pixels(tmp_path):
    """On a task that pixels solve, and against random weights of another seed."""
    rng = np.random.default_rng(0)
    y = np.arange(150) % 3
    smooth = [np.asarray(picture(int(label), (32, 32)), np.float32) for label in y]
    images = [np.clip(each + rng.normal(0, 60, each.shape), 0, 255).astype(np.uint8) for each in smooth]
    fold = folds(y, np.arange(150), rng)
    specs = {seed: untrained("mobilenet_v3_small", tmp_path, seed) for seed in (0, 1)}
    runtimes = {seed: OnnxRuntime(featurisers.get(spec), tmp_path / "graphs", 1, 8) for seed, spec in specs.items()}
    tried = []
    for name, member in [("candidate", runtimes[1]), ("random", runtimes[0]), ("pixels", SmallPicture())]:
        vectors = member.embed(np.stack([member.featuriser.preprocess(each) for each in images]))
        correct = head_correct(mixed(vectors, ((slice(0, vectors.shape[1]), False),)), y, fold)
        tried.append(Tried(name, name, name == "candidate", 0.01, vectors.shape[1], correct))
    verdict = judge(tried, y, np.arange(150), rng)
    assert verdict.sentence.code == Code.NO_BETTER
