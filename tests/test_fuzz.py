"""Whatever anybody sends to any address, it is never an error of the server.

The addresses are read from the site, the names of fields from its pages and its code: what is new comes in by itself.
"""

import json
import re
import uuid
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver
from hypothesis import HealthCheck, given, seed
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from labeller.annotating import hunts
from labeller.labels import flags
from labeller.learning.models import Head
from labeller.projects.making import ensure_class
from labeller.projects.models import Question
from tests import factories

pytestmark = pytest.mark.django_db

PEOPLE = {"anonymous": "", "stranger": "sam", "annotator": "ana", "manager": "mia", "administrator": "ada"}
CASES = {"anonymous": 6, "stranger": 6, "annotator": 16, "manager": 16, "administrator": 20}  # for each address
SOURCES = Path(settings.BASE_DIR, "labeller")


class Known(NamedTuple):
    """A place for something that is there."""

    name: str


def addresses(patterns, prefix=""):
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from addresses(pattern.url_patterns, route)


ADDRESSES = sorted(set(addresses(get_resolver().url_patterns)))


def fields_read():
    """Names of fields that the code reads, of bodies, forms and queries alike."""
    code = "\n".join(path.read_text() for path in SOURCES.rglob("*.py"))
    read = r"""(?:\.get\(|\[)"([a-z_]{2,20})"|^    (\w+) = \w*\.?\w*Field\("""
    return sorted({name for found in re.findall(read, code, re.MULTILINE) for name in found if name})


# --- what is sent ---------------------------------------------------------------------------------

ODD_TEXTS = [
    "", "\x00", "a\x00b", "\ud800", "x\udfff", "\u202efox\u200b", "E\u0301", "İnek", "fox", "x" * 300, "1" * 5000, "-1",
    "0", "1e400", "NaN", "9" * 30, "../../etc/passwd", "/proc", "%00", "%s", "{{ 7 }}", "'; --", "<script>", "\n",
    "2024-13-45", "25:61", "٣", "²", "on", "owner", "manager", "answer", "skip", "withdraw", "flag", "unflag", "add",
    "\t=1+1", "upload", "sequence", "review", "audit", "name\nfox,", "species", "foxes",
]  # fmt: skip
ODD_NUMBERS = [0, 1, -1, 2, 50, 2**31, 2**62, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**400, 0.5, 1e308]
ODD_NUMBERS += [float("nan"), float("inf"), True, False, None]
THERE = ["sample", "other_sample", "class", "entry", "label", "flag", "job", "group", "question", "fresh", "ana"]

texts = st.sampled_from(ODD_TEXTS) | st.text(st.characters(), max_size=8)
known = st.sampled_from(THERE).map(Known)
scalars = known | texts | st.sampled_from(ODD_NUMBERS)
names = st.sampled_from(fields_read()) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=8
)
EVENT = {
    "uuid": Known("fresh"), "sample": Known("sample"), "verdict": "answer", "classes": [Known("class")],
    "kind": "label", "mode": "single", "dwell_ms": 10, "entry": Known("entry"),
}  # fmt: skip
FLAG = {"uuid": Known("fresh"), "kind": "flag", "sample": Known("sample"), "note": "two foxes?"}
BODY = {
    "tab": "a", "count": 3, "keep": [Known("sample")], "class": Known("class"), "like": [Known("sample")],
    "job": Known("job"), "name": "wolf", "without": [], "group": Known("group"), "samples": [Known("sample")],
}  # fmt: skip


def twisted(right):
    """Something of the right shape, mostly with a value or some replaced or added."""
    name = st.sampled_from(sorted(right)) | names
    odd = st.just({}) | st.dictionaries(name, values, max_size=1) | st.dictionaries(name, values, max_size=4)
    return odd.map(lambda odd: {**right, **odd})


bodies = st.builds(
    lambda body, events: {**body, "events": events},
    twisted(BODY),
    st.lists(twisted(EVENT) | twisted(FLAG) | st.just(EVENT) | values, min_size=1, max_size=5),
)
pairs = st.lists(st.tuples(names, known | texts), max_size=6)
json_types = st.sampled_from(["application/json"] * 8 + ["text/plain", "application/json; charset=utf-16", "x", ""])
headers = st.dictionaries(
    st.sampled_from(
        ["Accept", "Accept-Language", "User-Agent", "X-Forwarded-For", "HX-Request", "HX-Target", "Referer"]
    ),
    st.sampled_from(ODD_TEXTS).map(lambda text: text.encode("utf-8", "replace").decode("latin-1").replace("\n", "")),
    max_size=2,
)
cookies = st.dictionaries(
    st.sampled_from([settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, "language", "labeller-zone", "messages"]),
    st.sampled_from(
        ["\x00" * 20, "a" * 9000, "-99999999999", "nl\x00", "é" * 12, '"\\000abcdefgh"', "nan", "1" * 5000]
    ),
    max_size=1,
)


@dataclass
class Sent:
    """One request, before what is there is filled in."""

    method: str
    part: object
    query: list
    kind: str
    body: object
    headers: dict
    cookies: dict
    content_type: str = field(default="")


@st.composite
def requests(draw, methods, takes_json):
    usual = ["json"] * 4 if takes_json else ["form", "form", "files", "files"]
    kind = draw(st.sampled_from([*usual, "json", "form", "files", "bytes"]))
    body = {"json": bodies | values, "form": pairs, "files": pairs, "bytes": st.binary(max_size=60)}[kind]
    return Sent(
        method=draw(st.sampled_from([*methods * 5, "PUT", "HEAD"])),
        part=draw(st.sampled_from([None] * 5 + ODD_TEXTS + ODD_NUMBERS) if draw(st.integers(0, 4)) == 4 else st.none()),
        query=draw(pairs),
        kind=kind,
        body=draw(body),
        headers=draw(headers),
        cookies=draw(cookies),
        content_type=draw(json_types),
    )


# --- where it is sent -----------------------------------------------------------------------------


@dataclass
class World:
    """A project with something of everything in it, and everybody's session."""

    there: dict
    sessions: dict

    def filled(self, value):
        if isinstance(value, Known):
            return str(uuid.uuid4()) if value.name == "fresh" else self.there[value.name]
        if isinstance(value, list):
            return [self.filled(each) for each in value]
        if isinstance(value, dict):
            return {name: self.filled(each) for name, each in value.items()}
        return value

    def path(self, route, odd):
        """The address with what is there in its places, but for the last, where something odd may stand."""
        right = {"slug": "foxes", "key": "species", "action": "resume", "class_id": self.there["class"], "size": 256}
        right |= {"sample_id": self.there["sample"]}
        places = re.findall(r"<(?:\w+:)?(\w+)>", route)
        if odd is not None and places:
            right[places[-1]] = quote(str(odd).encode("utf-8", "replace"), safe="%")
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda place: str(right.get(place[1], 1)), route)

    def client(self, who, sent):
        client = Client(raise_request_exception=False)
        if who in self.sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[who]
        for name, value in sent.cookies.items():
            client.cookies[name] = value
        return client

    def usual(self, route):
        """The methods that an address knows, and whether it takes JSON."""
        client = Client(raise_request_exception=False)
        client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions["administrator"]
        with transaction.atomic():
            allowed = client.generic("PATCH", self.path(route, None)).get("Allow", "GET, POST")
            takes_json = client.post(self.path(route, None), {}).status_code == 422
            transaction.set_rollback(True)
        return [method for method in ("GET", "POST") if method in allowed], takes_json

    def send(self, route, who, sent):
        path, pairs = self.path(route, sent.part), urlencoded(self.filled([list(pair) for pair in sent.query]))
        url = f"{path}?{pairs}" if pairs else path
        extra = {"headers": sent.headers}
        client = self.client(who, sent)
        if sent.method in ("GET", "HEAD"):
            return client.generic(sent.method, url, **extra)
        if sent.kind == "files":
            given = {plain(name): plain(self.filled(value)) for name, value in sent.body}
            given["file"] = SimpleUploadedFile("classes.csv", ("name,code\n" + "\n".join(given.values())).encode())
            return client.post(url, given, **extra)
        if sent.kind == "form":
            data = urlencoded(self.filled([list(pair) for pair in sent.body]))
            return client.generic(sent.method, url, data, "application/x-www-form-urlencoded", **extra)
        data = sent.body if sent.kind == "bytes" else json.dumps(self.filled(sent.body))
        return client.generic(sent.method, url, data, sent.content_type, **extra)


def plain(value):
    return str(value).encode("utf-8", "replace").decode()


def urlencoded(given):
    return urlencode([(plain(name), plain(value)) for name, value in given])


@pytest.fixture
def world(foxes):
    made = factories.samples(foxes.project, 6)
    ranking = factories.ranking(foxes.question, made, suggest=[foxes.class_id("fox")])
    Head.objects.update(directory="")  # there is no file of it
    follow = Question.objects.create(
        project=foxes.project, key="age", text="How old?", follows=foxes.question, position=1
    )
    ensure_class(follow, "cub")
    label = factories.label(foxes.question, made[5], foxes.ana, foxes.class_id("fox"))
    flag = uuid.uuid4()
    flags.raise_flag(flag, foxes.question, made[4].pk, foxes.ana, "what is this?")
    job = hunts.start(foxes.ana, foxes.question, hunts.HuntRequest(foxes.class_id("fox"), [], []), "a")
    there = {
        "sample": made[0].pk, "other_sample": made[1].pk, "class": foxes.class_id("fox"), "question": "species",
        "entry": ranking.entries.first().pk, "label": str(label.uuid), "flag": str(flag), "job": job.pk, "group": 1,
        "ana": "ana",
    }  # fmt: skip
    sessions = {}
    for who, name in PEOPLE.items():
        if name:
            client = Client()
            client.force_login(getattr(foxes, name))
            sessions[who] = client.cookies[settings.SESSION_COOKIE_NAME].value
    return World(there, sessions)


def test_there_are_cases_enough():
    assert len(ADDRESSES) * sum(CASES.values()) >= 2000
    assert {"uuid", "events", "username", "names", "before", "folder"} <= set(fields_read())


@pytest.mark.parametrize("route", ADDRESSES)
def test_nothing_that_is_sent_is_an_error_of_the_server(world, route):
    sent = requests(*world.usual(route))
    told = (503,) if route == "readyz" else ()  # no workers here

    for who, cases in CASES.items():

        @hypothesis(max_examples=cases, database=None, deadline=None, suppress_health_check=list(HealthCheck))
        @seed(zlib.crc32(f"{who} {route}".encode()))  # the same at every run, others for each address and person
        @given(sent)
        def check(request):
            with transaction.atomic():
                answer = world.send(route, who, request)  # noqa: B023 - called before the next turn
                if answer.streaming:
                    list(answer.streaming_content)
                transaction.set_rollback(True)  # the next one finds all as it was
            assert answer.status_code < 500 or answer.status_code in told, answer.content[:500]

        check()
