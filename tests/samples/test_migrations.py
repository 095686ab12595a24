"""What earlier versions stored means the same after an upgrade."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

BEFORE = [("samples", "0002_boxes")]


@pytest.fixture
def before(transactional_db):
    """The tables as they were; afterwards they are as they are again."""
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes()
    executor.migrate(BEFORE)
    projects = [node for node in newest if node[0] == "projects"]
    yield executor.loader.project_state([*projects, *BEFORE]).apps
    executor.loader.build_graph()
    executor.migrate(newest)


def upgraded():
    executor = MigrationExecutor(connection)
    target = [("samples", "0006_one_meaning_no_more")]
    executor.migrate(target)
    return executor.loader.project_state(target).apps


def test_sources_keep_their_meaning_and_refused_duplicates_find_their_twins(before):
    """One test of both: going back that far and forth again takes longest."""
    project = before.get_model("projects", "Project").objects.create(slug="old", name="Old")
    make = before.get_model("samples", "Source").objects.create
    source = make(project=project, path="/a", meaning="labels")
    make(project=project, path="/b", meaning="truth", truth_file="/t.csv")
    make(project=project, path="/c")
    common = {"project": project, "source": source, "bytes": 1, "modified_ns": 0}
    sample = before.get_model("samples", "Sample").objects.create(
        **common, path="a.jpg", sha256="0" * 64, width=1, height=1, shard=0
    )
    refuse = before.get_model("samples", "Refusal").objects.create
    refuse(**common, path="copy.jpg", reason="duplicate", detail="Same content as a.jpg")
    refuse(**common, path="lost.jpg", reason="duplicate", detail="Same content as gone.jpg")
    refuse(**common, path="bad.jpg", reason="empty", detail="Same content as a.jpg")
    apps = upgraded()
    kept = apps.get_model("samples", "Source").objects.order_by("path")
    assert list(kept.values_list("path", "labels_from", "truth_from", "class_level")) == [
        ("/a", "folders", "", -1),
        ("/b", "", "/t.csv", -1),
        ("/c", "", "", None),
    ]
    refused = apps.get_model("samples", "Refusal").objects.order_by("path")
    assert list(refused.values_list("path", "twin")) == [
        ("bad.jpg", None), ("copy.jpg", sample.pk), ("lost.jpg", None)
    ]  # fmt: skip
