"""Accepted predictions in exports: marked in every row, and gone once revoked."""

import csv
import io

import pytest

from labeller.learning import accepting, asking
from labeller.learning.models import Acceptance
from tests import factories

pytestmark = pytest.mark.django_db

NAMES = ("fox", "badger", "empty")


@pytest.fixture
def rows(client, foxes):
    def download():
        client.force_login(foxes.mia)
        answer = client.get("/projects/foxes/export/predictions.csv")
        return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode(), newline="")))

    return download


def test_accepting_marks_each_row_and_revoking_leaves_no_trace(client, foxes, rows):
    vectors, groups = factories.clusters(300, 3)
    made = factories.samples(foxes.project, 300)
    factories.embed(foxes.project, made[:200], vectors[:200])
    factories.embed(foxes.project, made[200:], vectors[200:], shard=1)
    said = [(sample, NAMES[group]) for sample, group in zip(made, groups, strict=True)]
    factories.labelled_each(foxes.question, said[:20], foxes.ana)
    factories.labelled_each(foxes.question, said[20:180], foxes.ana, strategy="audit")
    asking.request_refit(foxes.question, at_once=True)
    factories.work("refit")
    look = accepting.look(foxes.question)
    before = rows()
    assert {row["decided_by"] for row in before} == {"machine: head 1"}
    client.force_login(foxes.mia)
    client.post(f"/projects/foxes/acceptances/{look.pk}/accept/")
    after = rows()
    assert look.accepted == 120
    assert [row["decided_by"] for row in after] == [
        *["machine: head 1"] * 180,
        *["machine: head 2, accepted at error <= 5 %"] * 120,
    ]
    assert [row["predicted_class"] for row in after] == [NAMES[group] for group in groups]
    assert not any(int(row["is_labelled"]) for row in after[180:])
    client.post(f"/projects/foxes/acceptances/{look.pk}/revoke/")
    assert Acceptance.standing(foxes.question) is None
    assert rows() == before
