"""Short texts of four kinds, and some that are hard to show: the same ones every time, as a project of the program.

What a text is about is what it *looks* like and its true class alike. What the project learns from is fitted to them.
"""

import hashlib
import itertools
import random
from typing import Any

KINDS = {
    "law": "court contract clause ruling appeal judge statute liability tenant licence",
    "kitchen": "simmer garlic oven flour butter recipe whisk onion pastry roast",
    "weather": "storm drizzle forecast front pressure snowfall gale humidity thunder frost",
    "trains": "platform timetable carriage signal delay conductor junction freight locomotive ticket",
}
FILLER = (
    "the a of and to in that it was for on with as his they be at one have this from or had by not but what some we can"
    " out other were all there when up use your how said each she which their time if will way about many then them"
)
COUNT = 240
KNOWN = 40  # of these that are answered beforehand
LINES = 10_000
ODD = {
    "one word": "Contract",
    "right to left": "قررت المحكمة أن العقد باطل.\n\nThe court held so on 3 May.\nוכך נפסק בערעור.",
    "escape": "The clause ends here\x1band goes on after the sign that shows nothing.",
    "emoji": "Garlic 🧄 and butter 🧈 make a roast 👩🏽‍🍳 worth the oven 🔥.",
    "code": "A recipe in code:\n\ndef simmer(pot, minutes=20):\n    for _ in range(minutes):\n        pot.stir();\n"
    "    return pot\n\nThat is all it takes.",
    "table": "The timetable of the junction:\n\nfrom      to        at\nUtrecht   Zwolle    10:02\n"
    "Zwolle    Assen     10:45\nAssen     Emmen     11:20\n\nA ticket is needed.",
    "vertical": "ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ᠌ ᠪᠣᠯ ᠮᠣᠩᠭᠣᠯᠴᠤᠳ",
    "japanese": "裁判所は契約を無効と判断した。控訴審でもその判断は変わらなかった。",
    "many lines": "\n".join(f"line {number}" for number in range(1, LINES + 1)),
    "two megabytes": "",  # drawn
}

_UNKNOWN = {"count": 12, "texts": 9, "weight": 0.5, "mapped_to": "context", "like": ["clause", "ruling", "judge"]}
WORDS = {  # as tl_core.texts.reporting says it
    "coverage": {
        "tokens": 0.08, "types": 0.2, "mass": 0.11, "texts": 0.5, "blank": 0.01,
        "n_tokens": 9000, "n_types": 420, "n_texts": 250,
    },
    "frequent": [{**_UNKNOWN, "word": "contract"}, {**_UNKNOWN, "word": "المحكمة", "mapped_to": "nothing", "like": []}],
    "telling": [{**_UNKNOWN, "word": "contract"}],
    "verdict": {
        "grade": "half",
        "by": "words",
        "reasons": [
            {"code": "words_unknown", "parameters": {"tokens": 8.0, "mass": 11.0}},
            {"code": "words_alone_tell_little", "parameters": {}},
        ],
    },
}  # fmt: skip


def _text(rng: random.Random, kind: str, sentences: int) -> str:
    words = KINDS[kind].split()
    filler = FILLER.split()

    def sentence() -> str:
        drawn = [rng.choice(words if rng.random() < 0.3 else filler) for _ in range(rng.randint(7, 16))]
        return " ".join(drawn).capitalize() + "."

    return " ".join(sentence() for _ in range(sentences))


def texts() -> list[tuple[str, str, str]]:
    """Name (of the odd ones), kind and content of each, the odd ones last."""
    rng = random.Random(7)
    kinds = itertools.cycle(KINDS)
    usual = [("", kind, _text(rng, kind, rng.randint(1, 6))) for kind, _ in zip(kinds, range(COUNT), strict=False)]
    long = "\n\n".join(_text(rng, "law", 9) for _ in range(3000))
    odd = {**ODD, "two megabytes": (long * 3)[:2_000_000]}
    return [*usual, *((name, "law", content) for name, content in odd.items())]


def write(project: Any) -> dict[str, Any]:
    """Store them in a project of texts, embedded; what each sample is of, and the odd ones by name."""
    from labeller.embedding import runs
    from labeller.labels import tallies
    from labeller.projects.models import Project
    from labeller.samples.models import File, Sample, Source, Text
    from labeller.transfer.models import WordReport
    from tests import factories
    from tl_core.texts import fitted, registry

    source = Source.objects.create(project=project, path=f"/nowhere/{project.slug}", labels_from="label")
    file = File.objects.create(
        project=project,
        kind=File.Kind.TEXT,
        source=source,
        path="passages.csv",
        sha256="0" * 64,
        bytes=1,
        modified_ns=0,
    )
    all_of_them = texts()
    tallies.add_samples(None, project=project, count=len(all_of_them))
    made = Sample.objects.bulk_create(
        Sample(project=project, file=file, part=Sample.Part.ROW, start=number, shard=0)
        for number in range(1, len(all_of_them) + 1)
    )
    Text.objects.bulk_create(
        Text(sample=sample, project=project, content=content, digest=hashlib.sha256(content.encode()).hexdigest())
        for sample, (_, _, content) in zip(made, all_of_them, strict=True)
    )
    contents = [content for _, _, content in all_of_them]
    spec = fitted.save("svd", registry.fittable("svd").fit(lambda: iter(contents)), runs.networks())
    Project.objects.filter(pk=project.pk).update(featuriser=spec)
    project.featuriser = spec
    factories.embed(project, made, registry.make(spec).embed(contents))
    WordReport.objects.create(project=project, source="glove", report=WORDS, seconds=1.0)
    return {
        "kinds": {sample.pk: kind for sample, (_, kind, _) in zip(made, all_of_them, strict=True)},
        "odd": {name: sample.pk for sample, (name, _, _) in zip(made, all_of_them, strict=True) if name},
    }


def answer(question: Any, kinds: dict[int, str], odd: list[int]) -> None:
    """Have bo answer some, none of the odd ones, so that classes are predicted."""
    from labeller.accounts.models import User
    from labeller.learning import asking
    from labeller.samples.models import Sample
    from tests import factories

    classes = dict(question.classes.values_list("name", "pk"))
    known = Sample.objects.filter(project=question.project).exclude(pk__in=odd).order_by("pk")[:KNOWN]
    for sample in known:
        factories.label(question, sample, User.objects.get(username="bo"), classes[kinds[sample.pk]])
    asking.request_refit(question, at_once=True)
