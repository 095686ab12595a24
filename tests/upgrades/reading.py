"""What a site holds, told by its own program: the one module to adapt where the schema changes.

What it tells must be equal before and after a migration, so it speaks of paths, keys and names, and never of rows.
"""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
from django.conf import settings
from django.test import Client

from labeller.annotating.models import Assignment
from labeller.embedding import computing, runs
from labeller.embedding.models import EmbeddingRun
from labeller.jobs.models import Job
from labeller.labels import tallies
from labeller.labels.models import Answer, Check, Flag, Label
from labeller.learning import accepting
from labeller.learning.models import Acceptance, Assessment, Head, Round, TileGroup
from labeller.projects.models import Project, Question
from labeller.samples.models import HiddenTruth, Refusal, Sample
from tl_core.heads import files as head_files

Told = dict[str, Any]


def site() -> Told:
    """Everything that must outlive an upgrade."""
    return {each.slug: _project(each) for each in Project.objects.order_by("slug")}


def _project(project: Project) -> Told:
    jobs = Job.objects.filter(project=project)
    return {
        "name": project.name,
        "people": sorted(project.memberships.values_list("user__username", "role")),
        "samples": {sample.file.path: _sample(sample) for sample in _samples(project)},
        "count": tallies.samples(project),
        "sources": {source.path: _source(source) for source in project.sources.order_by("path")},
        "refusals": sorted(_refusals(project)),
        "truth": _truth(project),
        "embeddings": [_embeddings(run) for run in project.embedding_runs.order_by("fingerprint")],
        "burst_gap": project.burst_gap,
        "jobs": sorted(f"{kind} {key} {state}" for kind, key, state in jobs.values_list("kind", "key", "state")),
        "questions": {each.key: _question(each) for each in project.questions.order_by("position", "pk")},
    }


# --- samples --------------------------------------------------------------------------------------


def _samples(project: Project) -> Any:
    files = ("file__source", "file__deployment", "file__sequence")
    return Sample.objects.filter(project=project).select_related(*files).order_by("file__path")


def _source(source: Any) -> list[Any]:
    return [source.labels_from, source.truth_from, source.class_level]


def _sample(sample: Sample) -> Told:
    file = sample.file
    return {
        "source": file.source.path,
        "sha256": file.sha256,
        "bytes": file.bytes,
        "modified_ns": file.modified_ns,
        "size": [file.width, file.height],
        "taken_at": _time(file.taken_at),
        "deployment": file.deployment.name if file.deployment else None,
        "sequence": _time(file.sequence.started_at) if file.sequence else None,
        "box": sample.box,
        "shard": sample.shard,
    }


def _refusals(project: Project) -> Any:
    return Refusal.objects.filter(project=project).values_list("path", "reason", "bytes", "modified_ns")


def _truth(project: Project) -> Told:
    rows = HiddenTruth.objects.filter(sample__project=project).values_list("sample__file__path", "label_class__name")
    return dict(sorted(rows))


def _embeddings(run: EmbeddingRun) -> Told:
    store = runs.store(run)
    vectors = {}
    for number in run.shards.order_by("number").values_list("number", flat=True):
        shard = store.open([number])
        vectors |= dict(zip(shard.ids.tolist(), np.round(shard.vectors[:], 4).tolist(), strict=True))
    return {
        "featuriser": run.featuriser,
        "fingerprint": run.fingerprint,
        "state": run.state,
        "dimension": run.dimension,
        "base": run.base.fingerprint if run.base else None,
        "vectors": {sample.file.path: vectors.get(sample.pk) for sample in _samples(run.project)},
    }


def _probabilities(head: Head) -> Told:
    """What the head says of every sample that is embedded."""
    if not head.directory:
        return {}
    stored = head_files.load(settings.HEADS / head.directory)
    names = _class_names(head.question)
    paths = _paths(head.question.project)
    found = {}
    for number in head.run.shards.order_by("number").values_list("number", flat=True):
        shard = runs.store(head.run).open([number])
        for sample_id, row in zip(shard.ids.tolist(), stored.predict_proba(shard.vectors[:]).tolist(), strict=True):
            found[paths[sample_id]] = {
                names[each]: round(share, 4) for each, share in zip(head.class_ids, row, strict=True)
            }
    return found


# --- questions ------------------------------------------------------------------------------------


def _question(question: Question) -> Told:
    return {
        "text": question.text,
        "multi_label": question.multi_label,
        "follows": question.follows.key if question.follows else None,
        "only_for": sorted(question.only_for.values_list("name", flat=True)),
        "classes": [_label_class(each) for each in question.classes.order_by("position", "pk")],
        "learning": _learning(question) if question.follows is None else None,
        "answers": _answers(question),
        "left_out": _paths_of(_standing(question).left_out()),
        "disputes": _paths_of(_standing(question).disputed()),
        "counts": _counts(question),
        "history": [_label(each) for each in Label.objects.filter(question=question).order_by("pk")],
        "flags": [_flag(each) for each in Flag.objects.filter(question=question).order_by("pk")],
        "checks": [_check(each) for each in Check.objects.filter(question=question).order_by("pk")],
        "held": _held(question),
        "heads": [_head(each) for each in Head.objects.filter(question=question).order_by("version")],
        "rounds": [_round(each) for each in Round.objects.filter(question=question).order_by("number")],
        "tile_groups": [_tiles(each) for each in TileGroup.objects.filter(question=question).order_by("pk")],
        "looks": [_look(each) for each in Acceptance.objects.filter(question=question).order_by("pk")],
        "accepted": _accepted(question),
        "assessments": list(
            Assessment.objects.filter(question=question).order_by("pk").values_list("n_labels", "head__version")
        ),
        "labels.csv": _download(question, "labels"),
        "predictions.csv": _download(question, "predictions"),
    }


def _learning(question: Question) -> Told:
    """How a question learns. One that follows another had none of its own, and may have got some."""
    return {
        "strategy": question.strategy,
        "head": question.head,
        "audit_share": question.audit_share,
        "refit_every": question.refit_every,
        "round_size": question.round_size,
        "redundancy": question.redundancy,
        "retrain_at": str(question.retrain_at),
        "target_accuracy": question.target_accuracy,
        "accept_error": question.accept_error,
        "show_suggestions": question.show_suggestions,
        "featuriser": question.project.featuriser,
    }


def _label_class(label_class: Any) -> list[Any]:
    return [
        label_class.name, label_class.parent and label_class.parent.name, label_class.key, label_class.colour,
        label_class.scientific_name, label_class.code, label_class.is_blank, label_class.is_starred,
    ]  # fmt: skip


def _answers(question: Question) -> Told:
    """What stands: the names of its classes for each answered sample."""
    names, paths = _class_names(question), _paths(question.project)
    found = _standing(question).answered().order_by("sample")
    return {paths[each.sample_id]: sorted(names[class_id] for class_id in each.class_ids) for each in found}


def _standing(question: Question) -> Any:
    """All that was answered, also where the question isn't asked any more."""
    return Answer.objects.filter(question=question)


def _paths_of(answers: Any) -> list[str]:
    return sorted(answers.values_list("sample__file__path", flat=True))


def _counts(question: Question) -> Told:
    counts, names = tallies.of(question), _class_names(question)
    return {
        "labelled": counts.labelled,
        "settled": counts.settled,
        "answers": counts.answers,
        "classes": {names[each]: n for each, n in sorted(counts.classes.items())},
    }


def _label(label: Label) -> Told:
    return {
        "uuid": str(label.uuid),
        "sample": label.sample.file.path,
        "by": label.annotator and label.annotator.username,
        "verdict": label.verdict,
        "classes": sorted(label.classes.values_list("name", flat=True)),
        "supersedes": label.supersedes and str(label.supersedes.uuid),
        "is_current": label.is_current,
        "mode": label.mode,
        "dwell_ms": label.dwell_ms,
        "suggestion_shown": label.suggestion_shown,
        "head_version": label.head_version,
        "strategy": label.strategy,
        "propensity": label.propensity,
        "predicted": label.predicted and label.predicted.name,
        "at": _time(label.created_at),
    }


def _flag(flag: Flag) -> list[Any]:
    closed_by = flag.closed_by and flag.closed_by.username
    return [str(flag.uuid), flag.sample.file.path, flag.author.username, flag.note, _time(flag.closed_at), closed_by]


def _check(check: Check) -> list[Any]:
    names = _class_names(check.question)
    before = check.supersedes and str(check.supersedes.uuid)
    given = [names[each] for each in check.given]
    return [
        check.sample.file.path,
        check.annotator.username,
        check.verdict,
        given,
        check.is_hit,
        check.is_current,
        before,
    ]


def _held(question: Question) -> list[Any]:
    """What people hold, reviewers too, and what they were done with."""
    held = Assignment.objects.filter(question=question).select_related("sample__file", "annotator")
    kinds = {"check": True, "review": "review"}  # in the words of the version that told it first
    return sorted(
        ([each.sample.file.path, each.annotator.username, kinds.get(each.kind, False), each.is_done] for each in held),
        key=str,
    )


# --- learning -------------------------------------------------------------------------------------


def _head(head: Head) -> Told:
    kept = ("version", "name", "n_labels", "is_full", "C", "temperature", "cv_accuracy", "cv_macro_f1")
    return {
        **{name: getattr(head, name) for name in kept},
        "run": head.run.fingerprint,
        "last_label": _uuid(head.last_label),
        "probabilities": _probabilities(head),
    }


def _round(made: Round) -> Told:
    names = _class_names(made.question)
    kept = ("number", "strategy", "seed", "is_current", "n_labels", "n_classes", "n_pool", "audit_n", "audit_correct")
    entries = made.entries.order_by("rank").select_related("sample")
    return {
        **{name: getattr(made, name) for name in kept},
        "kappa": made.kappa,
        "head": made.head and made.head.version,
        "last_label": _uuid(made.last_label),
        "entries": [
            [
                each.sample.file.path, each.strategy, each.score, each.propensity, each.reason,
                [[names[class_id], share] for class_id, share in each.suggestions],
            ]
            for each in entries
        ],
    }  # fmt: skip


def _tiles(group: TileGroup) -> Told:
    paths = _paths(group.question.project)
    return {
        "kind": group.kind,
        "round": group.round and group.round.number,
        "class": group.label_class and group.label_class.name,
        "hunter": group.hunter and group.hunter.username,
        "n": group.n,
        "estimate": group.estimate,
        "tiles": [[paths[sample_id], share] for sample_id, share in group.tiles],
    }


def _look(look: Acceptance) -> Told:
    kept = ("threshold", "epsilon", "bound", "confidence", "n_audited", "audited", "wrong", "accepted", "reason")
    return {
        **{name: getattr(look, name) for name in kept},
        "head": look.head and look.head.version,
        "made_by": look.made_by and look.made_by.username,
        "made_at": _time(look.made_at),
        "revoked_at": _time(look.revoked_at),
    }


def _accepted(question: Question) -> Told:
    names, paths = _class_names(question), _paths(question.project)
    found = accepting.accepted(Acceptance.standing(question))
    # One class id where an earlier version accepted, or several.
    several = {each: classes if isinstance(classes, tuple) else (classes,) for each, (classes, _) in found.items()}
    return {
        paths[each]: ["|".join(names[class_id] for class_id in several[each]), round(share, 4)]
        for each, (_, share) in found.items()
    }


def _download(question: Question, kind: str) -> str:
    """The export as a manager downloads it; empty where there is none."""
    client = Client(SERVER_NAME="localhost")
    owner = question.project.memberships.get(role="owner").user
    client.force_login(owner, "django.contrib.auth.backends.ModelBackend")
    answer = client.get(f"/projects/{question.project.slug}/export/{kind}.csv", {"question": question.key})
    return "" if answer.status_code == 404 else b"".join(answer.streaming_content).decode()


# --- what `migrating` asks ------------------------------------------------------------------------


def rounds(question: Question) -> int:
    """How many there were."""
    return Round.objects.filter(question=question).count()


@contextlib.contextmanager
def embedded_by(featuriser: Any, runtime: Any) -> Iterator[None]:
    """Workers embed by these meanwhile, as they did when the site was made."""
    with (
        mock.patch.object(runs.featurisers, "get", lambda name="": featuriser),
        mock.patch.object(computing, "runtime", lambda name, device: runtime),
    ):
        yield


# --- words for rows -------------------------------------------------------------------------------


def _class_names(question: Question) -> dict[int, str]:
    return dict(question.classes.values_list("pk", "name"))


def _paths(project: Project) -> dict[int, str]:
    return dict(Sample.objects.filter(project=project).values_list("pk", "file__path"))


def _uuid(label_id: int) -> str | None:
    """The label with that id, as rounds and heads name the newest one they knew."""
    return next((str(each) for each in Label.objects.filter(pk=label_id).values_list("uuid", flat=True)), None)


def _time(when: Any) -> str | None:
    return when.isoformat() if when else None
