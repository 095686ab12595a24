"""What each featuriser costs and is worth on this machine: the table in docs/featurisers.md.

    python -m benchmarks.choosing --images DIR... [--docs] [--json FILE]

Each DIR holds one folder a class. The rate is the network alone, on all cores, and its share of one image a core of
EfficientNet-Lite0's. Accuracy is logistic regression (C = 30, centred unit vectors) in three folds; only where real
weights are on this machine. Networks whose weights are not here are timed with random ones, which cost the same.
`--docs` writes the table between its markers. Last line: JSON.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.featurise import SUFFIXES, forward
from tl_core import featurisers, threads
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.featurisers.onnx_runtime import OnnxRuntime, cores
from tl_core.pipeline import Picture, embed_images

DOC = Path(__file__).parent.parent / "docs" / "featurisers.md"
START, END = "<!-- measured: filled by python -m benchmarks.choosing --docs -->", "<!-- measured: end -->"
SPECS = (
    "efficientnet-lite0",
    "efficientnet-lite0,precision=int8",
    "efficientnet-lite2",
    "mobilenet_v3_large",
    "resnet18",
    "resnet50",
    "convnext_tiny",
    "efficientnet_v2_s",
    "vit_b_16",
    "dinov2-small",
)


def accuracy(directory: Path, spec: str, models: Path) -> float:
    """Logistic regression on the embeddings, three folds."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    files = sorted(file for file in directory.glob("*/*") if file.suffix.lower() in SUFFIXES)
    found = list(embed_images([Picture(file) for file in files], OnnxRuntime(featurisers.get(spec), models)))
    vectors = np.stack([one.vector for one in found if one.vector is not None])
    y = np.array([files[one.index].parent.name for one in found if one.vector is not None])
    centred = vectors - vectors.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    with threads.single():
        return float(cross_val_score(LogisticRegression(C=30, max_iter=500), unit, y, cv=folds).mean())


def runnable(spec: str, directory: Path) -> tuple[str, bool]:
    """The spec, or the same with random weights where there are none; and whether they are real."""
    import torch

    featuriser = featurisers.make(spec)
    if featuriser.local_weights() is not None:
        return spec, True
    torch.manual_seed(0)
    network, _ = featuriser._built()
    path = directory / f"{spec.replace('/', '-')}.pth"
    torch.save(network.state_dict(), path)
    return f"{spec},weights={path}", False


def measured(spec: str, directories: list[Path], work: Path) -> dict[str, Any]:
    ready, real = runnable(spec, work)
    featuriser = featurisers.get(ready)
    row = {
        "dimension": featuriser.dimension,
        "side": featuriser.image_size,
        "megabytes": round(featurisers.make(spec).megabytes or 0.0, 1),
        "images_s": round(forward(ready, work / "models"), 1),
    }
    if real:
        row["accuracy"] = {each.name: round(accuracy(each, ready, work / "models"), 3) for each in directories}
    return row


def table(rows: dict[str, dict[str, Any]], directories: list[Path]) -> str:
    """Markdown."""
    first = next(iter(rows.values()))["images_s"]
    names = [each.name for each in directories]
    lines = [
        f"Measured on {cores()} shared cores without a GPU: the network alone, and the accuracy of logistic regression",
        "in three folds where the weights were at hand.",
        "",
        "| name | numbers | side | MB | images/s | to the default | " + " | ".join(names) + " |",
        "|---|---|---|---|---|---|" + "---|" * len(names),
    ]
    for spec, row in rows.items():
        scores = [f"{row['accuracy'][name]:.3f}" if "accuracy" in row else "" for name in names]
        speed = f"{row['images_s']:.0f} | {row['images_s'] / first:.2f}"
        cells = f"{row['dimension']} | {row['side']} | {row['megabytes']:.0f} | {speed}"
        lines.append(f"| `{spec}` | {cells} | {' | '.join(scores)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--docs", action="store_true", help="write the table into docs/featurisers.md")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as work:
        for spec in SPECS:
            try:
                rows[spec] = measured(spec, options.images, Path(work))
            except FeaturiserUnavailable as error:
                print(f"{spec}: left out. {error}")
            else:
                print(spec, rows[spec], flush=True)
    text = table(rows, options.images)
    print(text)
    if options.docs:
        before, _, rest = DOC.read_text().partition(START)
        DOC.write_text(f"{before}{START}\n{text}\n{END}{rest.partition(END)[2]}")
    if options.json:
        options.json.write_text(json.dumps({"cores": cores(), "featurisers": rows}, indent=2) + "\n")
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
