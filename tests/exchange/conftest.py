"""A season with everything in it, and exports of it."""

import pytest

from tests.exchange import season


@pytest.fixture
def full(foxes, tmp_path, monkeypatch):
    """The season, with what a rule accepted in it."""
    wholes, _ = season.season(foxes, tmp_path / "card")
    season.accepted(foxes, monkeypatch, wholes["IMG_0006.jpg"], "red fox", 0.97)
    return foxes


@pytest.fixture
def written(full, tmp_path):
    """Write in a format; returns the folder and the manifest."""

    def write(name, **options):
        folder = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"
        return folder, season.write(full, name, folder, **options)

    return write
