"""tl_core.featurisers.guard: torchvision and timm import beside a torch they were not built for."""

import os
import subprocess
import sys
from pathlib import Path

UNTOUCHED = """
import torch
real = torch.library.register_fake
from tl_core.featurisers import FeaturiserUnavailable, guard
"""


def run(code: str, *, path: Path | None = None) -> str:
    environment = dict(os.environ)
    if path:
        environment["PYTHONPATH"] = os.pathsep.join([str(path), str(Path.cwd())])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def package(directory: Path, body: str) -> Path:
    """A package named torchvision that does as told when imported."""
    for part in ("torchvision", "torchvision/models", "torchvision/models/feature_extraction"):
        (directory / part).mkdir()
        (directory / part / "__init__.py").write_text(body if part == "torchvision" else "")
    return directory


def test_the_real_ones_import_and_compute() -> None:
    """Whether or not plain ``import torchvision`` fails here (it does with a CPU build of torch)."""
    code = f"""{UNTOUCHED}
guard.timm()
import timm, torchvision
assert torch.library.register_fake is real
network = torchvision.models.shufflenet_v2_x0_5().eval()
picture = torchvision.transforms.functional.to_pil_image(torch.zeros(3, 8, 8))
print(tuple(network(torch.zeros(1, 3, 64, 64)).shape), picture.size, len(timm.list_models()) > 100)
"""
    assert run(code) == "(1, 1000) (8, 8) True"


def test_missing_operators_are_passed_over_and_all_is_restored(tmp_path: Path) -> None:
    body = """
import torch
@torch.library.register_fake("torchvision::never_built")
def _(x): return x
try:
    torch.library.register_fake("otherwise::never_built", lambda x: x)
except RuntimeError as error:
    others = str(error)
"""
    code = f"""{UNTOUCHED}
found = guard.torchvision()
assert torch.library.register_fake is real
print("does not exist" in found.others)
"""
    assert run(code, path=package(tmp_path, body)) == "True"


def test_without_the_problem_nothing_is_replaced(tmp_path: Path) -> None:
    code = f"{UNTOUCHED}\nprint(guard.torchvision().during is real, torch.library.register_fake is real)"
    body = "import torch\nduring = torch.library.register_fake"
    assert run(code, path=package(tmp_path, body)) == "True True"


def test_other_failures_say_what_to_install(tmp_path: Path) -> None:
    package(tmp_path, "raise kind(said)")
    code = f"""{UNTOUCHED}
import builtins
for builtins.kind in (RuntimeError, ImportError, OSError):
    for builtins.said in ("compiled with another CUDA", "torchvision::nms of another CUDA"):
        for load in (guard.torchvision, guard.timm):
            try:
                load()
            except FeaturiserUnavailable as missing:
                print(missing)
            assert torch.library.register_fake is real
"""
    said = run(code, path=tmp_path)
    assert said.count("another CUDA") == said.count("pip install torchvision") == 12
