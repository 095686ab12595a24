from pathlib import Path

import numpy as np
import pytest
from spacy.strings import StringStore
from spacy.vectors import Vectors

from tl_core.texts.vector_reading import read
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
