"""Featurisers of texts by name: clear words for what is wrong, and what is taken where nobody chose."""

import pytest

from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.texts import encoders, registry, static
from tl_core.texts.base import Fittable, TextFeaturiser


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("minilmm", "did you mean 'minilm'"),
        ("svd", "svd/DIGEST"),
        ("nothing like it", "there are: .*minilm"),
        ("vsd/0123456789abcdef", "did you mean 'svd/DIGEST'|there are"),
    ],
)
def test_a_name_nobody_knows(spec, told):
    with pytest.raises(KeyError, match=told):
        registry.make(spec)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("minilm,size=3", "no option 'size'; it takes: precision"),
        ("use-multilingual,size=3", "it takes none"),
        ("minilm,precision", "name=value"),
        ("minilm,precision=int8,precision=int8", "given twice"),
        ("svd/0123456789abcdef,size=3", "no options"),
        ("svd/01", "KIND/DIGEST"),
        ("sentence-transformers", "needs a path"),
        ("model2vec", "needs a path"),
    ],
)
def test_an_option_that_is_wrong(spec, told):
    with pytest.raises(ValueError, match=told):
        registry.make(spec)


@pytest.mark.parametrize("name", ["minilm", "svd", "a,b", "a/b"])
def test_a_name_that_cannot_be_given(name):
    with pytest.raises(ValueError, match=r"already|no comma and no slash"):
        registry.register(name, encoders.minilm)


@pytest.mark.parametrize(
    "spec",
    ["minilm", "minilm,precision=int8", "use-multilingual", "svd/0123456789abcdef",
     "sentence-transformers,path=/models/a", "model2vec,path=/models/a"],
)  # fmt: skip
def test_a_name_is_canonical_and_asks_for_no_weights(spec):
    featuriser = registry.make(spec)
    assert isinstance(featuriser, TextFeaturiser)
    assert featuriser.name == spec == registry.make(featuriser.name).name


@pytest.mark.parametrize("spec", ["sentence-transformers,path=/models/a", "model2vec,path=/models/a"])
def test_a_directory_that_is_not_there_is_told(spec):
    featuriser = registry.make(spec)
    for ask in (lambda: featuriser.fingerprint, lambda: featuriser.dimension, lambda: featuriser.embed(["one"])):
        with pytest.raises(FeaturiserUnavailable, match="/models/a"):
            ask()


def test_a_kind_has_what_fits_it():
    fitting = registry.fittable("svd")
    assert isinstance(fitting, Fittable) and fitting.kind == "svd"
    with pytest.raises(KeyError, match="did you mean 'svd'"):
        registry.fittable("sdv")


def test_the_default_is_by_language_and_by_what_is_installed(monkeypatch):
    here = {"minilm", "use-multilingual"}

    def fingerprint(self):
        if self.name not in here:
            raise FeaturiserUnavailable("not here")
        return "0123456789abcdef"

    monkeypatch.setattr(encoders.SentenceEncoder, "fingerprint", property(fingerprint))
    monkeypatch.setattr(static.MultilingualUse, "fingerprint", property(fingerprint))
    assert registry.default("en") == ("svd", "minilm")
    assert registry.default("fr") == registry.default("") == ("svd", "use-multilingual")
    assert registry.default("fi") == ("svd",)
    here.remove("minilm")
    assert registry.default("en") == ("svd", "use-multilingual")
    here.clear()
    assert registry.default("en") == registry.default("") == ("svd",)
