"""Embedding on a GPU, against what the card itself does with images that lie in its memory already.

    python -m benchmarks.gpu --images DIR [--device cuda] [--count 4000] [--json FILE]

For EfficientNet-Lite0, ResNet-50 and ViT-B/14 (random weights where the real ones are not here; they cost the same):
`resident` is the network alone on one batch that never leaves the card, `handed` adds copying each batch there and the
embeddings back, `end_to_end` starts from files. Shares are of `resident`. Last line: JSON.
"""

import argparse
import itertools
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.choosing import runnable
from benchmarks.featurise import SUFFIXES, sustained
from tl_core import featurisers
from tl_core.featurisers.torch_runtime import DEVICES, TorchRuntime
from tl_core.pipeline import Picture, embed_images

SPECS = ("efficientnet-lite0", "resnet50", "dinov2-base")


def resident(runtime: TorchRuntime, seconds: float) -> float:
    """Images a second of the network alone."""
    import torch

    side, size = runtime.featuriser.image_size, runtime.batch_size
    batch = torch.zeros((size, side, side, 3), dtype=torch.uint8, device=runtime.device)
    wait = torch.cuda.synchronize if runtime.device == "cuda" else lambda: None
    cuda = runtime.device == "cuda"
    with torch.inference_mode(), torch.autocast(runtime.device, torch.float16, enabled=cuda):
        for _ in range(3):
            runtime._module(batch)
        wait()
        started, done = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            for _ in range(4):
                runtime._module(batch)
            wait()
            done += 4 * size
    return done / (time.perf_counter() - started)


def measured(spec: str, device: str, files: list[Path], work: Path, seconds: float) -> dict[str, Any]:
    ready, _ = runnable(spec, work)
    runtime = TorchRuntime(featurisers.get(ready), device)
    found = {"resident": resident(runtime, seconds), "handed": sustained(runtime, seconds)}
    started = time.perf_counter()
    for _ in embed_images([Picture(file) for file in files], runtime):
        pass
    found["end_to_end"] = len(files) / (time.perf_counter() - started)
    found |= {f"{name}_share": found[name] / found["resident"] for name in ("handed", "end_to_end")}
    return {name: round(value, 3) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--device", choices=DEVICES, default="cuda")
    parser.add_argument("--count", type=int, default=4000, help="files, some several times where there are fewer")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    files = sorted(file for file in options.images.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        parser.error(f"{options.images} holds no JPEG or PNG files")
    files = list(itertools.islice(itertools.cycle(files), options.count))
    rows = {}
    with tempfile.TemporaryDirectory() as work:
        for spec in SPECS:
            rows[spec] = measured(spec, options.device, files, Path(work), options.seconds)
            print(spec, rows[spec], flush=True)
    outcome = {"device": options.device, **rows}
    if options.json:
        options.json.write_text(json.dumps(outcome, indent=2) + "\n")
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
