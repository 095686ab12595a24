"""Static encoders: means of word pieces, as model2vec computes them; and what is broken is told."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.tl_core.texts import checkpoints_made as made
from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.texts import registry


def save(folder, *, normalize=True, **more):
    folder.mkdir(exist_ok=True)
    vectors = np.random.default_rng(0).normal(size=(len(made.WORDS), 8)).astype(np.float32)
    save_file({"embeddings": vectors, **more}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"normalize": normalize}))
    made.tokenizer().save(str(folder / "tokenizer.json"))
    return vectors


def of(folder):
    return registry.make(f"model2vec,path={folder}")


def test_a_vector_is_the_mean_of_the_pieces_that_are_known(tmp_path):
    vectors = save(tmp_path, normalize=False)
    found = of(tmp_path).embed(["one two", "one unheard two", "", "unheard"])
    one, two = (vectors[made.WORDS.index(word)] for word in ("one", "two"))
    np.testing.assert_allclose(found[:2], np.stack([(one + two) / 2] * 2), atol=1e-6)
    assert not found[2:].any() and of(tmp_path).dimension == 8


def test_a_small_vocabulary_is_mapped_and_weighed(tmp_path):
    mapping = np.arange(len(made.WORDS)) % 5
    weights = np.linspace(0.5, 2, len(made.WORDS)).astype(np.float32)
    vectors = save(tmp_path, mapping=mapping, weights=weights)
    at = made.WORDS.index("nine")
    expected = vectors[mapping[at]] / np.linalg.norm(vectors[mapping[at]])
    np.testing.assert_allclose(of(tmp_path).embed(["nine"])[0], expected, atol=1e-6)
    two = [vectors[mapping[one]] * weights[one] for one in (at, made.WORDS.index("ten"))]
    mean = np.mean(two, axis=0)
    np.testing.assert_allclose(of(tmp_path).embed(["nine ten"])[0], mean / np.linalg.norm(mean), atol=1e-6)


def test_the_fingerprint_is_of_the_content(tmp_path):
    save(tmp_path / "a")
    save(tmp_path / "b")
    save(tmp_path / "c", normalize=False)
    first, same, other = (of(tmp_path / name).fingerprint for name in "abc")
    assert first == same != other


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_broken_file_is_named(tmp_path, file):
    save(tmp_path)
    (tmp_path / file).write_text("nothing")
    with pytest.raises(FeaturiserUnavailable, match=file):
        of(tmp_path).embed(["one"])


def test_weights_of_another_kind_are_refused(tmp_path):
    save(tmp_path)
    save_file({"other": np.ones(3, np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(FeaturiserUnavailable, match="no embeddings"):
        of(tmp_path).embed(["one"])
