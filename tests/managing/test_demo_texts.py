"""The corpus to try the program on: the same each time, and one that labels teach."""

import csv
from collections import Counter

import numpy as np
import pytest
from django.conf import settings
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from labeller.managing import demo_texts, opening
from labeller.samples.models import HiddenTruth, Text
from tests import factories
from tl_core.texts.reading import near_copies


def test_it_is_the_same_every_time_and_no_message_twice():
    messages = demo_texts.messages()
    assert messages == demo_texts.messages()
    assert len({text for text, *_ in messages}) > 0.99 * len(messages) == 0.99 * demo_texts.COUNT
    kinds = Counter(kind for _text, kind, _customer in messages)
    assert len(kinds) == 12
    assert kinds.most_common()[-1] == (demo_texts.RARE, demo_texts.N_RARE)
    assert "{" not in "".join(text for text, *_ in messages)
    signatures = np.concatenate(list(near_copies.signatures(text for text, *_ in messages)))
    folded = near_copies.representatives(signatures) != np.arange(len(messages))
    assert folded.mean() < 0.02


def test_more_labels_teach_more():
    messages = demo_texts.messages()[:2_000]
    kinds = np.array([kind for _text, kind, _customer in messages])
    features = TfidfVectorizer(sublinear_tf=True).fit_transform([text for text, *_ in messages])
    accuracy = [
        LogisticRegression(C=10, max_iter=300).fit(features[:n], kinds[:n]).score(features[1_000:], kinds[1_000:])
        for n in (60, 600)
    ]
    assert accuracy[0] < 0.75
    assert accuracy[1] > accuracy[0] + 0.15


@pytest.mark.django_db
def test_it_is_opened_once_with_its_truth_hidden(monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "DATA", tmp_path / "data")
    monkeypatch.setattr(demo_texts, "COUNT", 150)
    project = opening.open_text_demo()
    factories.work("scan", "ingest", "bursts", "known")
    with (settings.DATA / "demo" / "messages.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    assert len(rows) == 150
    truths = dict(HiddenTruth.objects.values_list("sample__text__content", "label_class__name"))
    assert {text: truths[text] for text in truths} == {text: kind for text, kind, _ in rows if text in truths}
    assert len(truths) == Text.objects.count() > 140
    assert project.kind == "text"
    assert set(Text.objects.values_list("deployment__name", flat=True)) <= {customer for *_, customer in rows}
    (settings.DATA / "demo" / "messages.csv").unlink()
    assert opening.open_text_demo() == project  # and the table is there again for another look
    assert (settings.DATA / "demo" / "messages.csv").exists()
