from pathlib import Path

import numpy as np
import pytest
from spacy.strings import StringStore
from spacy.vectors import Vectors

from tl_core.texts.vector_packages import installed
from tl_core.texts.vector_reading import in_folder, read
from tl_core.texts.word_notices import VectorsRefused

MATRIX = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def test_the_folder_of_a_spacy_pipeline_is_read_with_the_words_that_are_spacys_own(tmp_path: Path) -> None:
    words = ["agent", "root", "maison"]
    vectors = Vectors(strings=StringStore(words), data=MATRIX, keys=words)
    (tmp_path / "vocab").mkdir()
    vectors.to_disk(tmp_path / "vocab")
    vectors.strings.to_disk(tmp_path / "vocab" / "strings.json")
    found = read(str(tmp_path), set())
    assert {word: found.find(word).tolist() for word in words} == dict(zip(words, MATRIX.tolist(), strict=True))
    (tmp_path / "vocab" / "vectors").write_bytes(b"broken")
    with pytest.raises(VectorsRefused) as refused:
        read(str(tmp_path), set())
    assert refused.value.reason == "damaged"


def test_installed_pipelines_are_at_hand_where_they_have_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, data in (("xx_tiny_md", MATRIX), ("xx_tiny_sm", np.zeros((0, 0), np.float32))):
        vocabulary = tmp_path / name / f"{name}-1.0.0" / "vocab"
        vocabulary.mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
        words = ["agent", "root", "maison"][: len(data)]
        Vectors(strings=StringStore(words), data=data, keys=words).to_disk(vocabulary)
        (tmp_path / f"{name}-1.0.0.dist-info").mkdir()
        entry = tmp_path / f"{name}-1.0.0.dist-info" / "entry_points.txt"
        entry.write_text(f"[spacy_models]\n{name} = {name}\n")
        entry.with_name("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n")
    languages = installed()
    assert languages["xx_tiny_md"] == "xx" and "xx_tiny_sm" not in languages


def test_a_folder_is_looked_through_by_names_alone(tmp_path: Path) -> None:
    for name in ("b.vec", "a.KV", "readme.md", "c.vec.gz"):
        (tmp_path / name).touch()
    (tmp_path / "pipeline" / "vocab").mkdir(parents=True)
    (tmp_path / "d.vec").mkdir()
    assert [Path(path).name for path in in_folder(tmp_path)] == ["a.KV", "b.vec", "c.vec.gz", "pipeline"]
    assert in_folder(tmp_path / "nowhere") == ()
