"""The trained classifier: network and head as one ONNX graph, and a script that runs it without this program."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from labeller.codes import WorkerCode
from labeller.embedding import loading, mixing, runs
from labeller.embedding.models import EmbeddingRun
from labeller.exchange.exporters.base import Exporter, ExportWanted, Impossible, Tell
from labeller.exchange.exporters.folder import Folder
from labeller.learning.models import Head
from labeller.projects.models import LabelClass
from labeller.samples.models import Sample
from tl_core import featurisers
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.heads import files as head_files
from tl_core.notices import notice
from tl_core.spaces import maps

if TYPE_CHECKING:
    from tl_core.featurisers.base import Featuriser
    from tl_core.heads.whole import GraphPart

SCRIPT = Path(__file__).with_name("run_classifier.py")
TRIED = 16  # pictures that are classified anew, to see that it is the same classifier


def write(wanted: ExportWanted, folder: Folder, tell: Tell) -> None:
    """The graph, its classes, and the script."""
    from tl_core.heads.whole import whole

    head = Head.latest(wanted.question)
    if head is None:
        raise Impossible(notice(WorkerCode.EXPORT_NEEDS_HEAD))
    tell(0)
    plain = head_files.load(settings.HEADS / head.directory)
    featuriser, parts = _parts(head)
    tell(0)
    classes = LabelClass.objects.in_bulk(head.class_ids)
    named = [classes[pk] for pk in head.class_ids]
    about = {
        "class_names": json.dumps([each.name for each in named], ensure_ascii=False),
        "scientific_names": json.dumps([each.scientific_name for each in named], ensure_ascii=False),
        "preprocessing": json.dumps(featuriser.recipe),
        "several": json.dumps(wanted.question.multi_label),
        "question": wanted.question.text,
        "project": wanted.project.name,
        "featuriser": head.run.featuriser,
        "fingerprint": head.run.fingerprint,
        "head": head.name,
        "head_version": str(head.version),
        "labels": str(head.n_labels),
        "trained_at": head.created_at.isoformat(),
    }
    content = whole(parts, plain, about).SerializeToString()
    tell(0)
    with folder.bytes_of("classifier.onnx") as file:
        file.write(content)
    with folder.table("classes.csv", ("column", "class", "scientific_name")) as row:
        for column, each in enumerate(named):
            row((column, each.name, each.scientific_name))
    folder.text("predict.py", SCRIPT.read_text(encoding="utf-8"))
    tell(0)
    folder.remark(_compared(head, plain, featuriser, content))


def _parts(head: Head) -> "tuple[Featuriser, list[GraphPart]]":
    """The columns that the head sees, in order, and the featuriser that prepares pictures for all of them."""
    from tl_core.heads.whole import GraphPart

    runs.import_own()
    seen = mixing.parts(head.run, head.mix) if head.mix else [head.run]
    scales: Any = mixing.named(head.run, head.mix).scales if head.mix else [None]
    found, parts = [], []
    for each, scale in zip(seen, scales, strict=True):
        base, affine = each, None
        while base.base is not None:
            step = maps.load(runs.store(base.base).storage, base.adaptation).affine()
            if step is None:
                raise Impossible(notice(WorkerCode.EXPORT_NOT_A_GRAPH, name=each.featuriser))
            affine = step if affine is None else (step[0] @ affine[0], step[1] @ affine[0] + affine[1])
            base = base.base
        spec, start = _pass_of(base)
        featuriser = featurisers.get(spec)
        parts.append(GraphPart(_graph_of(featuriser), start, start + base.dimension, affine, scale))
        found.append(featuriser)
    if found[0].recipe is None or any(each.recipe != found[0].recipe for each in found):
        raise Impossible(notice(WorkerCode.EXPORT_NOT_A_GRAPH, name=head.run.featuriser))
    return found[0], parts


def _pass_of(run: EmbeddingRun) -> tuple[str, int]:
    """The featuriser whose pass gives a run's embeddings, and from which column on."""
    if run.beside is not None and runs.in_one_pass(run):
        return runs.spec_of_pass(run.beside), run.beside.dimension
    return runs.spec_of_pass(run), 0


def _graph_of(featuriser: "Featuriser") -> Path:
    from tl_core.featurisers.onnx_runtime import graph_of

    try:
        return graph_of(featuriser, settings.MODELS)
    except FeaturiserUnavailable as error:
        raise Impossible(notice(WorkerCode.EXPORT_NOT_A_GRAPH, name=featuriser.name)) from error


def _compared(head: Head, plain: Any, featuriser: "Featuriser", content: bytes) -> str:
    """Whether the graph says of some pictures what the head says of their embeddings in the store."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    most = [
        float(np.abs(session.run(None, {"image": pixels[None]})[0] - plain.predict_proba(vector[None])).max())
        for pixels, vector in _some(head, featuriser)
    ]
    if not most:
        return "Not compared with the program: no embedded picture could be opened."
    return f"Compared with the program on {len(most)} pictures: probabilities differ by {max(most):.4f} at most."


def _some(head: Head, featuriser: "Featuriser") -> Iterator[tuple[Any, Any]]:
    """Some pictures as the network takes them, with what the head sees of each."""
    from tl_core.images import ImageRefused
    from tl_core.images import load as load_image

    number = head.run.shards.order_by("number").values_list("number", flat=True).first()
    if number is None:
        return
    shard = loading.read_shard(head.run, head.mix, number)
    ids, vectors = shard.ids[:TRIED].tolist(), np.asarray(shard.vectors[:TRIED])
    samples = Sample.objects.select_related("file__source").in_bulk(ids)
    for pk, vector in zip(ids, vectors, strict=True):
        sample = samples.get(pk)
        if sample is None:
            continue
        try:
            picture = load_image(
                sample.file.source.location(sample.file.path), min_side=featuriser.decode_side, box=sample.box
            )
        except (ImageRefused, OSError):
            continue
        yield featuriser.preprocess(picture), vector


EXPORTER = Exporter(
    name="classifier",
    title=_("The trained classifier"),
    about=_("Network and classifier as one ONNX file: a picture in, probabilities out; and a script that runs it."),
    lost="Everything but the classifier.",
    write=write,
)
