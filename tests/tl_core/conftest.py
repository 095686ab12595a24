"""Fixtures that are dear to make, once a session."""

from pathlib import Path

import pytest

from tl_core import featurisers
from tl_core.featurisers.onnx_runtime import OnnxRuntime


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture(scope="session")
def runtime(cache_dir: Path) -> OnnxRuntime:
    """The default featuriser, exported and ready."""
    return OnnxRuntime(featurisers.get(), cache_dir)
