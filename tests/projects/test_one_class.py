"""The page of one class: what managers change of it, what is refused beside its field, and what is learnt anew."""

import pytest

from labeller.jobs.models import Job
from labeller.projects import taxonomy
from labeller.projects.making import ensure_class
from labeller.projects.models import LabelClass, Question
from tests import factories

pytestmark = pytest.mark.django_db

PAGE = "/projects/foxes/classes/"


@pytest.fixture
def manager(client, foxes):
    client.force_login(foxes.mia)
    return client


@pytest.fixture
def fox(manager, foxes):
    return OneClass(manager, foxes.question.classes.get(name="fox"))


@pytest.fixture
def male(foxes):
    """A class of another question."""
    sex = Question.objects.create(project=foxes.project, key="sex", text="Which sex?", follows=foxes.question)
    return ensure_class(sex, "male")[0]


def stored():
    return list(LabelClass.objects.order_by("pk").values())


def refits():
    return list(Job.objects.filter(kind="refit").values_list("payload__question", flat=True))


class OneClass:
    """The page of a class, filled in as it is shown."""

    def __init__(self, client, label_class):
        self.client = client
        self.row = label_class
        self.page = f"{PAGE}{label_class.pk}/"

    def save(self, **fields):
        form = self.client.get(self.page).context["form"]
        shown = {name: form[name].value() for name in form.fields}
        given = {name: "on" if value is True else value for name, value in (shown | fields).items()}
        answer = self.client.post(self.page, {name: value for name, value in given.items() if value is not False})
        self.row.refresh_from_db()
        return answer

    def refused(self, **fields):
        before = stored()
        answer = self.save(**fields)
        assert answer.status_code == 200 and stored() == before and refits() == []
        return answer.context["form"].errors


def test_all_of_a_class_can_be_changed(fox, manager, foxes):
    ensure_class(foxes.question, "canids")
    answer = fox.save(
        name="  red   fox ",
        scientific_name="Vulpes vulpes",
        local_name="vos",
        code="VUVU",
        key="X",
        parent="CANIDS",
        is_blank="on",
        is_starred="on",
    )
    assert answer["Location"] == f"{PAGE}?question=species"
    assert "“red fox” was saved." in manager.get(answer["Location"]).content.decode()
    row = fox.row
    assert (row.name, row.scientific_name, row.local_name, row.code) == ("red fox", "Vulpes vulpes", "vos", "VUVU")
    assert (row.key, row.parent.name, row.is_blank, row.is_starred) == ("x", "canids", True, True)


def test_saving_a_class_as_it_is_changes_nothing(fox, foxes):
    taxonomy.load(foxes.question, b"name,scientific_name,parent,key,blank\nfox,Vulpes vulpes,canids,x,yes")
    before = stored()
    assert fox.save().status_code == 302
    assert stored() == before and refits() == []


def test_a_class_may_lose_its_key_and_its_parent(fox, foxes):
    taxonomy.load(foxes.question, b"name,parent\nfox,canids")
    fox.save(key="", parent="")
    assert (fox.row.key, fox.row.parent) == ("", None)


@pytest.mark.parametrize(
    ("fields", "is_learnt"),
    [
        ({"parent": "badger"}, True),
        ({"is_starred": "on"}, True),
        ({"name": "red fox", "key": "x", "code": "VUVU", "is_blank": "on"}, False),
        ({"name": "FOX"}, False),
    ],
    ids=["parent", "star", "words", "case"],
)
def test_after_a_change_a_refit_is_asked_for_only_where_it_is_learnt_from(fox, foxes, fields, is_learnt):
    assert fox.save(**fields).status_code == 302
    assert refits() == ([foxes.question.pk] if is_learnt else [])


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"name": ""}, "name", "This field is required."),
        ({"name": "BADGER"}, "name", "There is a class of that name already."),
        ({"name": "bad\u200bger"}, "name", "There is a class of that name already."),
        ({"name": "x" * 201}, "name", "at most 200 characters"),
        ({"name": "\u200b\x00"}, "name", "This field is required."),
        ({"code": "x" * 41}, "code", "at most 40 characters"),
        ({"key": "b"}, "key", "“b” is the key of “badger” already."),
        ({"key": "B"}, "key", "“b” is the key of “badger” already."),
        ({"key": "7"}, "key", "digits pick suggestions"),
        ({"key": ";"}, "key", "it is the key of “unsure”"),
        ({"key": "xy"}, "key", "at most 1 character"),
        ({"parent": "wolf"}, "parent", "There is no class “wolf”."),
        ({"parent": "fox"}, "parent", "“fox” would lie below itself."),
        ({"parent": "vixen"}, "parent", "“fox” would lie below itself."),
        ({"parent": "den"}, "parent", "“fox” would lie below itself."),
    ],
    ids=[
        "no-name",
        "name-of-another",
        "name-that-looks-like-another",
        "name-too-long",
        "name-invisible",
        "code-too-long",
        "key-of-another",
        "key-of-another-in-capitals",
        "key-digit",
        "key-of-a-command",
        "key-of-two",
        "parent-unknown",
        "parent-itself",
        "parent-below-it",
        "parent-far-below-it",
    ],
)
def test_a_mistake_is_shown_at_its_field_and_changes_nothing(fox, foxes, fields, field, says):
    taxonomy.load(foxes.question, b"name,parent\nvixen,fox\nden,vixen")
    [(where, [sentence])] = fox.refused(**fields).items()
    assert where == field and says in sentence


def test_a_parent_is_looked_for_in_the_same_question_only(fox, male):
    assert fox.refused(parent="male") == {"parent": ["There is no class “male”."]}


def test_names_and_keys_of_another_question_are_free(fox, male):
    assert fox.save(name=male.name, key=male.key).status_code == 302


def test_a_class_of_another_project_is_not_reached_through_ones_own(manager, foxes):
    theirs = factories.project("other").first_question.classes.first()
    for answer in (manager.get(f"{PAGE}{theirs.pk}/"), manager.post(f"{PAGE}{theirs.pk}/", {"name": "mine"})):
        assert answer.status_code == 404
    theirs.refresh_from_db()
    assert theirs.name == "fox"


def test_after_a_mistake_the_page_keeps_the_name_there_is(fox):
    answer = fox.save(name="badger")
    assert answer.context["name"] == "fox" and answer.context["form"]["name"].value() == "badger"


@pytest.mark.parametrize("name", ["Écureuil", "ЛИСА", "Ağaç"], ids=["accent", "cyrillic", "turkish"])
def test_names_are_one_whatever_their_case_in_every_script(fox, foxes, name):
    made, _ = ensure_class(foxes.question, name)
    assert ensure_class(foxes.question, name.lower()) == (made, False)
    assert fox.refused(name=name.lower()) == {"name": ["There is a class of that name already."]}
    assert fox.save(parent=name.lower()).status_code == 302 and fox.row.parent == made
