"""The site in Dutch: how a language is chosen, and that no page keeps any English of its own."""

import re
from functools import cache
from html.parser import HTMLParser
from itertools import cycle

import polib
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone, translation

from labeller.jobs.models import Job
from labeller.learning import reasons
from labeller.learning.models import Acceptance, Head, Round, RoundEntry
from labeller.messages import stored
from labeller.samples.models import Deployment, Refusal, Source
from tests import factories
from tests.test_access import ROWS, ask, besides
from tests.test_messages import CODES, anything
from tl_core.notices import Code

pytestmark = pytest.mark.django_db
CATALOGUE = polib.pofile(str(settings.LOCALE_PATHS[0] / "nl" / "LC_MESSAGES" / "django.po"))
PAGES = sorted({row for row in ROWS if row.method == "GET" and row.expected[-1] == 200}, key=str)
TAG, PLACE = re.compile(r"<[^>]+>"), re.compile(r"%\(\w+\)s|\{\w+\}")


@pytest.fixture(autouse=True)
def _english_again():
    """A request leaves its language behind in the thread that it ran in."""
    yield
    translation.deactivate()


# --- choosing -------------------------------------------------------------------------------------


def language_of(response):
    return re.search(rb'<html lang="([\w-]+)"', response.content)[1].decode()


def test_the_browser_says_what_its_reader_speaks(client, foxes):
    client.force_login(foxes.ana)
    answer = client.get("/", headers={"accept-language": "nl-BE,fr;q=0.5"})
    assert language_of(answer) == "nl" and "Projecten" in answer.content.decode()
    assert "Accept-Language" in answer["Vary"] and "Cookie" in answer["Vary"]
    assert language_of(client.get("/", headers={"accept-language": "tlh"})) == "en"


def test_the_switch_keeps_the_page_and_the_choice(client, foxes):
    client.force_login(foxes.mia)
    page = "http://testserver/projects/foxes/settings/?a=1"
    answer = client.post("/language/", {"language": "nl"}, headers={"referer": page, "accept": "text/html"})
    assert (answer.status_code, answer["Location"]) == (302, page)
    cookie = answer.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert cookie["max-age"] and cookie["samesite"] == "Lax" and cookie["httponly"]
    assert language_of(client.get("/projects/foxes/settings/", headers={"accept-language": "en"})) == "nl"
    client.post("/language/", {"language": "en"})
    assert language_of(client.get("/projects/foxes/settings/", headers={"accept-language": "nl"})) == "en"


def test_the_switch_is_there_before_anybody_has_logged_in(client):
    answer = client.post("/language/", {"language": "nl"}, headers={"referer": "http://testserver/login/?next=/"})
    assert answer["Location"] == "http://testserver/login/?next=/"
    assert "Aanmelden" in client.get("/login/").content.decode()


@pytest.mark.parametrize("code", ["tlh", "../nl", "nl\r\nSet-Cookie: a=b", "<script>", "", "x" * 5000])
def test_a_language_that_is_not_there_changes_nothing(client, code):
    answer = client.post("/language/", {"language": code})
    assert answer.status_code == 302 and settings.LANGUAGE_COOKIE_NAME not in answer.cookies
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "tlh"
    assert language_of(client.get("/login/")) == "en"


def test_the_switch_leads_to_no_other_site(client):
    for elsewhere in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        answer = client.post("/language/", {"language": "nl", "next": elsewhere}, headers={"referer": elsewhere})
        assert answer["Location"] == "/"


def test_every_language_is_offered_by_its_own_name(client):
    page = client.get("/login/", headers={"accept-language": "nl"}).content.decode()
    options = re.findall(r'<option value="(\w+)"\s+lang="(\w+)"\s*(selected)?>(\w+)</option>', page)
    assert options == [("en", "en", "", "English"), ("nl", "nl", "selected", "Nederlands")]


def test_errors_are_told_in_the_readers_language(client, foxes, monkeypatch):
    client.force_login(foxes.vic)
    dutch = {"accept-language": "nl", "accept": "text/html"}
    for path, status, words in (
        ("/no-such-page", 404, "Niet gevonden"),
        ("/projects/foxes/people/", 403, "Niet toegestaan"),
    ):
        answer = client.get(path, headers=dutch)
        assert (answer.status_code, words in answer.content.decode()) == (status, True)
    client.raise_request_exception = False
    for error, status, words in ((_Odd, 500, "Er ging iets mis"), (_busy, 503, "Heel even bezig")):
        monkeypatch.setattr("labeller.insights.selectors.progress", error)
        answer = client.get("/projects/foxes/", headers=dutch)
        assert (answer.status_code, language_of(answer)) == (status, "nl") and words in answer.content.decode()


def _Odd(project, question, person):
    raise RuntimeError("odd")


def _busy(project, question, person):
    from django.db import OperationalError

    raise OperationalError("database is locked")


def test_who_guesses_passwords_is_told_in_the_readers_language(client, foxes, settings):
    settings.AXES_ENABLED = True
    for _ in range(settings.AXES_FAILURE_LIMIT + 1):
        answer = client.post("/login/", {"username": "ana", "password": "x"}, headers={"accept-language": "nl"})
    assert answer.status_code == 429 and "Te veel pogingen" in answer.content.decode()


# --- no page keeps its English --------------------------------------------------------------------


class _Said(HTMLParser):
    """Gathers what a page says: its visible text, and the attributes that are read out or that scripts show."""

    SAID = {"aria-label", "title", "placeholder", "alt"}

    def __init__(self):
        super().__init__()
        self.pieces, self.silent = set(), 0

    def handle_starttag(self, tag, attributes):
        self.silent += tag in {"script", "style", "code", "kbd"}
        given = dict(attributes)
        texts = "data-texts" in given or given.get("id") == "curve"  # what scripts show later
        self.pieces |= {
            _tidy(value)
            for name, value in attributes
            if value and (name in self.SAID or (texts and name.startswith("data-")))
        }

    def handle_endtag(self, tag):
        self.silent -= tag in {"script", "style", "code", "kbd"}

    def handle_data(self, data):
        if not self.silent:
            self.pieces.add(_tidy(data))


def _tidy(text):
    return " ".join(text.split())


def _split(text):
    return [_tidy(part) for part in TAG.split(text.replace("%%", "%"))]


@cache
def english():
    """Texts without a placeholder, these without their stop and case, and patterns of those with some placeholder.

    Of those alone whose Dutch reads otherwise.
    """
    texts, patterns, dutch = set(), [], set()
    for entry in CATALOGUE:
        told = [entry.msgstr, *entry.msgstr_plural.values()]
        dutch |= {part for text in told for part in _split(text)}
        for text in filter(None, (entry.msgid, entry.msgid_plural)):
            if text in told:
                continue
            texts |= {part for part in _split(text) if part and not PLACE.search(part)}
            with_places = [part for part in _split(text) if PLACE.search(part) and len(PLACE.sub("", part)) > 8]
            patterns += [
                re.compile(".+".join(map(re.escape, PLACE.split(part))), re.IGNORECASE) for part in with_places
            ]
    texts -= dutch
    return texts, {piece.rstrip(".").lower() for piece in texts} - {"label"}, patterns


def left_in_english(response):
    said = _Said()
    said.feed(response.content.decode())
    texts, plain, patterns = english()
    return {
        piece
        for piece in said.pieces
        if piece in texts
        or piece.rstrip(".").lower() in plain
        or any(pattern.fullmatch(piece.rstrip(".")) or pattern.fullmatch(piece) for pattern in patterns)
    }


@pytest.fixture
def world(foxes, tmp_path):
    """The cast's project with all that pages tell of: labels, reasons, jobs, refusals, what may be accepted."""
    made = factories.samples(foxes.project, 20)
    Deployment.objects.create(project=foxes.project, name="site")
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    current = factories.ranking(foxes.question, made, audits=made[:4], suggest=[fox, badger])
    for entry, code in zip(
        RoundEntry.objects.filter(round=current), [*reasons.PLAIN, reasons.hunted(fox)], strict=False
    ):
        RoundEntry.objects.filter(pk=entry.pk).update(reason=code)
    factories.labelled_each(
        foxes.question,
        [(sample, (fox, badger)[number % 2]) for number, sample in enumerate(made[:9])],
        foxes.ana,
        strategy="audit",
        predicted_id=fox,
    )
    Job.objects.bulk_create(
        job(foxes.project, number, stored(anything(code), 500)) for number, code in enumerate(CODES)
    )
    reasons_ = ("duplicate", "empty", "too-large", "not-an-image", "truncated", "crashed")
    source = Source.objects.get(project=foxes.project)
    Refusal.objects.bulk_create(
        Refusal(
            project=foxes.project, source=source, path=f"{number}.jpg", bytes=1, modified_ns=1, reason=reason,
            detail=stored(anything(code), 500),
        )
        for number, (code, reason) in enumerate(zip(CODES, cycle(reasons_), strict=False))
    )  # fmt: skip
    Head.objects.update(is_full=True)
    foxes.question.classes.filter(name="fox").update(is_starred=True)
    Round.objects.update(kappa=0.5)
    besides(foxes.project)
    return foxes


def job(project, number, message):
    state = list(Job.State)[number % len(Job.State)]
    return Job(
        project=project, kind=("scan", "ingest", "embed", "refit")[number % 4], key=str(number), state=state,
        message=message, not_before=timezone.now(), total=5,
    )  # fmt: skip


@pytest.mark.parametrize("row", PAGES, ids=str)
def test_no_page_holds_english_that_has_a_translation(world, row):
    for person in (world.ada, world.vic):
        client = Client(headers={"accept-language": "nl"})
        client.force_login(person)
        answer = ask(client, row, sample_id=1)
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            assert language_of(answer) == "nl" and left_in_english(answer) == set()


def test_english_is_noticed(world):
    client = Client(headers={"accept-language": "en"})
    client.force_login(world.mia)
    assert len(left_in_english(client.get("/projects/foxes/"))) > 50


@pytest.mark.parametrize("state", ["offer", "refused", "rule"])
def test_what_may_be_accepted_is_told_in_dutch(world, state):
    numbers = {
        "offer": {"threshold": 0.9},
        "refused": {"threshold": None, "reason": stored(anything(Code.NOT_SAFE), 300)},
        "rule": {"threshold": 0.9, "made_by": world.mia, "made_at": timezone.now()},
    }[state]
    Acceptance.objects.create(
        question=world.question, head=Head.objects.get(), epsilon=0.05, bound=0.03, confidence=0.95, n_audited=70,
        audited=60, wrong=1, accepted=1234, newest_sample=1, **numbers,
    )  # fmt: skip
    client = Client(headers={"accept-language": "nl"})
    client.force_login(world.mia)
    answer = client.get("/projects/foxes/")
    assert left_in_english(answer) == set()
    assert state == "refused" or "1.234" in answer.content.decode()


def test_mistakes_in_forms_are_told_in_dutch(world):
    client = Client(headers={"accept-language": "nl"})
    client.force_login(world.ada)
    for path, given, words in (
        (
            "/projects/new/",
            {"name": "x", "folder": "/no/such", "folder_meaning": "nothing", "question_text": "?"},
            "bestaat",
        ),
        ("/projects/foxes/questions/species/settings/", {"audit_share": "80"}, "verplicht"),
        ("/projects/foxes/people/", {"username": "olga", "role": "viewer"}, "minstens één eigenaar"),
    ):
        answer = client.post(path, given)
        assert words in answer.content.decode() and left_in_english(answer) == set()


def test_reasons_reach_the_labelling_page_in_the_readers_language(world):
    client = Client(headers={"accept-language": "nl"})
    client.force_login(world.bo)
    samples = client.post("/projects/foxes/label/species/next/", "{}", content_type="application/json").json()[
        "samples"
    ]
    told = {sample["reason"] for sample in samples}
    assert told and told <= {entry.msgstr.replace("%(name)s", "fox") for entry in CATALOGUE} | {
        "tussen fox en badger",
        "zoals veel die nog onzeker zijn, misschien fox",
        "because",
    }
