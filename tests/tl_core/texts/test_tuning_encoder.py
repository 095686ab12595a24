from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tl_core.texts import checkpoints_made
from tl_core.adaptation.outputs import Target
from tl_core.adaptation.training import Recipe
from tl_core.adaptation.work import Moment
from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.store.storage import Directory
from tl_core.texts import fitted, registry
from tl_core.texts.encoders import SentenceEncoder, of_directory
from tl_core.texts.layers import LowerLayers, UpperLayers, activations_of
from tl_core.texts.tuned import TunedEncoder, arrays_of
from tl_core.texts.tuning_encoder import EncoderWork, tune

WORDS = checkpoints_made.WORDS[5:]
RNG = np.random.default_rng(0)
# The class is which of two words comes first: the order, of which a mean of words knows nothing.
TEXTS = [" ".join([*RNG.permutation(WORDS[:2]), *RNG.permutation(WORDS[2:])[:3]]) for _ in range(120)]
CODES = np.array([text.startswith(WORDS[0]) for text in TEXTS]).astype(np.intp)
RECIPE = Recipe(epochs=6, rate=3e-3, batch=16)


@pytest.fixture
def encoder(tmp_path: Path) -> SentenceEncoder:
    return of_directory(str(checkpoints_made.save(tmp_path / "encoder")))


def work(encoder: SentenceEncoder, directory: Path, recipe: Recipe = RECIPE) -> EncoderWork:
    rivals = [np.random.default_rng(1).normal(size=(len(TEXTS), 4)).astype(np.float32)]
    return EncoderWork(encoder, TEXTS, [Target(CODES, 2)], rivals, directory, layers=1, tested=2, recipe=recipe)


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
@pytest.mark.parametrize("count", [1, 2])
def test_both_halves_together_compute_what_the_encoder_does(
    tmp_path: Path, kind: str, pooling: str, count: int
) -> None:
    whole = of_directory(str(checkpoints_made.save(tmp_path, kind, pooling=pooling)))
    texts = ["one two three", "", "four " * 30, "five"]
    cut = [windows[0] if windows else [] for windows in whole._cut(texts)]
    activations = activations_of(LowerLayers(whole.checkpoint, 2 - count).eval(), cut, 12)
    with torch.no_grad():
        halves = UpperLayers(whole.checkpoint, count).eval()(torch.from_numpy(activations).float()).numpy()
    assert np.allclose(halves, whole.embed(texts), atol=3e-3)  # float16 between the halves


def test_a_tuned_encoder_knows_what_it_was_told_and_is_an_encoder_like_others(
    tmp_path: Path, encoder: SentenceEncoder
) -> None:
    moments: list[Moment] = []
    result = tune(work(encoder, tmp_path / "work"), moments.append, always=True)
    assert result.comparisons[0].tuned > 0.9 > result.comparisons[0].rival
    assert moments[-1].phase == "training" and {moment.phase for moment in moments} >= {"computing", "comparing"}
    assert [moment.share for moment in moments] == sorted(moment.share for moment in moments)

    assert result.state is not None
    assert {name.split(".")[2] for name in result.state} == {"1"}  # of two layers only the last was tuned
    storage = Directory(tmp_path / "fitted")
    spec = fitted.save("encoder", arrays_of(encoder, result.state), storage)
    tuned = TunedEncoder(spec, registry.make, fitted.load(spec, storage))
    assert tuned.dimension == encoder.dimension and tuned.fingerprint != encoder.fingerprint
    vectors = tuned.embed(TEXTS)
    assert not np.allclose(vectors, encoder.embed(TEXTS), atol=0.1)
    assert np.allclose(vectors[3], tuned.embed([TEXTS[3]])[0], atol=1e-5)
    fitted.configure(lambda: storage)
    assert np.array_equal(registry.make(spec).embed(TEXTS[:3]), tuned.embed(TEXTS[:3]))


def test_an_encoder_is_not_trained_for_use_unless_it_is_better(tmp_path: Path, encoder: SentenceEncoder) -> None:
    known = np.eye(2, dtype=np.float32)[CODES]
    asked = EncoderWork(
        encoder, TEXTS, [Target(CODES, 2)], [known], tmp_path / "work", layers=1, tested=1, recipe=RECIPE
    )
    result = tune(asked)
    assert result.state is None and result.comparisons[0].rival == 1


def test_who_was_stopped_goes_on_and_ends_where_it_would_have(tmp_path: Path, encoder: SentenceEncoder) -> None:
    recipe = Recipe(epochs=2, rate=3e-3, batch=32)
    whole = tune(work(encoder, tmp_path / "whole", recipe), always=True)
    for stopped_at in ("comparing", "training"):

        def stop(moment: Moment, stopped_at: str = stopped_at) -> None:
            if moment.phase == stopped_at and moment.is_kept and moment.curve:
                raise InterruptedError

        with pytest.raises(InterruptedError):
            tune(work(encoder, tmp_path / "again", recipe), stop, always=True)
    again = tune(work(encoder, tmp_path / "again", recipe), always=True)
    assert whole.state is not None and again.state is not None
    assert again.comparisons == whole.comparisons
    for name, tensor in whole.state.items():
        assert torch.allclose(tensor, again.state[name], atol=1e-6), name


def test_what_cannot_be_tuned_says_so(tmp_path: Path, encoder: SentenceEncoder) -> None:
    other = of_directory(str(checkpoints_made.save(tmp_path / "mpnet", "mpnet")))
    with pytest.raises(FeaturiserUnavailable, match="mpnet"):
        tune(work(other, tmp_path / "work"))
    with pytest.raises(ValueError, match="layers"):
        tune(EncoderWork(encoder, TEXTS, [Target(CODES, 2)], [], tmp_path / "work", layers=3))
    with pytest.raises(KeyError, match="encoder"):
        registry.fittable("encoder")  # a pool alone does not do


def test_a_tuned_encoder_needs_the_very_encoder_it_was_tuned_from(tmp_path: Path, encoder: SentenceEncoder) -> None:
    state = {"encoder.layer.1.output.dense.bias": torch.zeros(checkpoints_made.HIDDEN)}
    arrays = arrays_of(encoder, state)
    assert TunedEncoder("encoder/0123456789abcdef", registry.make, arrays).embed(["one"]).any()
    checkpoints_made.save(tmp_path / "encoder", pooling="max")
    with pytest.raises(FeaturiserUnavailable, match="another"):
        TunedEncoder("encoder/0123456789abcdef", registry.make, arrays).embed(["one"])
