"""The classes page and the page of a follow-up question: what managers add and change, and what they are told."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from labeller.jobs.models import Job
from labeller.projects import class_forms
from labeller.projects.making import ensure_class
from labeller.projects.models import LabelClass, Question
from tests import factories

pytestmark = pytest.mark.django_db

PAGE = "/projects/foxes/classes/"
FOLLOW_UP = "/projects/foxes/questions/species/follow-up/"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def manager(client, foxes):
    client.force_login(foxes.mia)
    return client


@pytest.fixture
def sex(foxes):
    """A question that follows the one of the cast."""
    made = Question.objects.create(
        project=foxes.project, key="sex", text="Which sex?", follows=foxes.question, position=1
    )
    for name in ("male", "female"):
        ensure_class(made, name)
    return made


def upload(client, *lines, page=PAGE):
    file = SimpleUploadedFile("classes.csv", "\n".join(lines).encode(), "text/csv")
    return client.post(page, {"do": "upload", "file": file})


def rows(answer):
    return [each.name for each in answer.context["page"].object_list]


def names(question):
    return list(question.classes.values_list("name", flat=True))


def stored():
    return list(LabelClass.objects.order_by("pk").values())


def said(client, answer):
    """The message on the page that the answer leads to."""
    return [str(message) for message in client.get(answer["Location"]).context["messages"]]


def refits():
    return list(Job.objects.filter(kind="refit").values_list("payload__question", flat=True))


# --- the list -------------------------------------------------------------------------------------


def test_each_class_has_its_names_its_key_its_parent_and_how_many_labels_name_it(manager, foxes):
    upload(manager, "name,scientific_name,local_name,code,parent", "fox,Vulpes vulpes,vos,VUVU,canids")
    for sample in factories.samples(foxes.project, 3):
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    page = manager.get(PAGE)
    assert rows(page) == ["fox", "badger", "empty", "canids"]
    assert [n_labels for _class, n_labels in page.context["rows"][:2]] == [3, 0]
    for shown in ("Vulpes vulpes", "vos", "VUVU", "canids", "<kbd>f</kbd>", '<td class="number">3</td>', "4 classes"):
        assert shown in page.content.decode()


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ("FOX", ["fox", "arctic fox"]),
        ("  arctic   fox ", ["arctic fox"]),
        ("lagopus", ["arctic fox"]),
        ("poolvos", ["arctic fox"]),
        ("vula", ["arctic fox"]),
        ("canid", ["canids", "arctic fox"]),
        ("%", []),
        ("f\0ox", ["fox", "arctic fox"]),
    ],
    ids=["name", "spaces", "scientific-name", "local-name", "code", "parent", "wildcard", "null"],
)
def test_classes_are_found_by_any_of_their_names(manager, sought, found):
    upload(manager, "name,scientific_name,local_name,code,parent", "arctic fox,Vulpes lagopus,poolvos,VULA,canids")
    assert rows(manager.get(PAGE, {"q": sought})) == found


@pytest.mark.parametrize("sought", ["éla", "ÉLAND", "E\u0301l", "\u200bland", "élevage"])
def test_names_are_found_in_every_spelling(manager, sought):
    upload(manager, "name,parent", "Éland,Élevage")
    assert "Éland" in rows(manager.get(PAGE, {"q": sought}))


def test_more_than_a_hundred_classes_come_in_pages_and_a_search_keeps_to_them(manager, foxes):
    upload(manager, "name", *(f"species {number}" for number in range(230)))
    first, last = manager.get(PAGE), manager.get(PAGE, {"page": 3})
    assert (len(rows(first)), len(rows(last))) == (100, 33)
    assert 'href="?question=species&amp;q=&amp;page=2"' in first.content.decode()
    found = manager.get(PAGE, {"q": "species", "page": 2})
    assert len(rows(found)) == 100 and "230 of 233 classes" in found.content.decode()
    assert 'href="?question=species&amp;q=species&amp;page=3"' in found.content.decode()
    assert rows(manager.get(PAGE, {"page": "last"})) == rows(first)
    assert rows(manager.get(PAGE, {"page": 99})) == rows(last)


def test_queries_do_not_grow_with_classes(manager, foxes, django_assert_max_num_queries):
    upload(manager, "name,parent", *(f"species {number},genus {number // 2}" for number in range(60)))
    with django_assert_max_num_queries(15):
        assert len(rows(manager.get(PAGE))) == 93


def test_each_question_has_a_list_of_its_own(manager, foxes, sex):
    assert rows(manager.get(PAGE)) == ["fox", "badger", "empty"]
    answer = manager.post(f"{PAGE}?question=sex", {"do": "add", "names": "unknown"})
    assert answer["Location"] == f"{PAGE}?question=sex"
    assert rows(manager.get(answer["Location"])) == ["male", "female", "unknown"]
    upload(manager, "name", "juvenile", page=f"{PAGE}?question=sex")
    assert names(sex)[-1] == "juvenile" and names(foxes.question) == ["fox", "badger", "empty"]


def test_a_question_of_another_project_has_no_list_here(manager, foxes):
    other = factories.project("other")
    Question.objects.create(project=other, key="secret", text="Secret?")
    assert manager.get(PAGE, {"question": "secret"}).status_code == 404
    assert manager.post(f"{PAGE}?question=secret", {"do": "add", "names": "owl"}).status_code == 404
    assert upload(manager, "name", "owl", page=f"{PAGE}?question=secret").status_code == 404
    assert not LabelClass.objects.filter(name="owl").exists()


def test_a_project_without_a_question_has_no_classes_page(manager, foxes):
    Question.objects.all().delete()
    assert manager.get(PAGE).status_code == 404


# --- adding by name -------------------------------------------------------------------------------


def test_names_are_added_each_once_and_get_keys(manager, foxes):
    answer = manager.post(PAGE, {"do": "add", "names": "owl\n\n  Red   deer \r\nFOX\nred deer\n"})
    assert names(foxes.question) == ["fox", "badger", "empty", "owl", "Red deer"]
    assert said(manager, answer) == ["2 classes were added."]
    assert foxes.question.classes.get(name="owl").key == "o"
    assert refits() == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "This field is required."),
        (" \n ", "This field is required."),
        ("owl\n" + "x" * 201, "1 to 200 characters"),
        ("owl\n\u200b", "1 to 200 characters"),
        ("\n".join(f"owl {number}" for number in range(class_forms.MOST_NAMES + 1)), "At most 500 names at once"),
    ],
    ids=["empty", "blank", "too-long", "invisible", "too-many"],
)
def test_with_a_mistake_among_them_no_name_is_added(manager, foxes, given, says):
    answer = manager.post(PAGE, {"do": "add", "names": given})
    assert answer.status_code == 200
    assert says in answer.context["forms"]["add"].errors["names"][0]
    assert names(foxes.question) == ["fox", "badger", "empty"]


def test_what_is_neither_of_the_pages_forms_changes_nothing(manager, foxes):
    before = stored()
    assert manager.post(PAGE, {"do": "remove", "names": "fox"}).status_code == 200
    assert stored() == before


# --- a file ---------------------------------------------------------------------------------------


def test_a_file_adds_classes_and_changes_those_there_are(manager, foxes):
    answer = upload(manager, "name,code,parent", "fox,VUVU,", "owl,TYAL,birds")
    assert answer["Location"] == f"{PAGE}?question=species"
    assert said(manager, answer) == ["2 classes were added, and 1 changed."]
    assert names(foxes.question) == ["fox", "badger", "empty", "birds", "owl"]
    assert foxes.question.classes.get(name="fox").code == "VUVU"


def test_mistakes_in_a_file_are_shown_with_their_lines_and_nothing_is_changed(manager, foxes):
    before = stored()
    answer = upload(manager, "name,key,blank", "owl,b,no", "hawk,7,", f"{SCRIPT},h,perhaps")
    assert answer.status_code == 200
    shown = list(answer.context["forms"]["upload"].non_field_errors())
    assert shown[0].startswith("Line 3, column “key”: “7” is taken")
    assert shown[1:] == ["Line 4, column “blank”: write yes or no.", "Nothing was changed."]
    assert shown[0] in answer.content.decode() and "<script>alert" not in answer.content.decode()
    assert stored() == before and refits() == []


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"name\n"], ids=["empty", "binary", "no-rows"])
def test_what_is_no_table_is_refused(manager, foxes, content):
    answer = manager.post(PAGE, {"do": "upload", "file": SimpleUploadedFile("classes.csv", content)})
    assert answer.status_code == 200 and answer.context["forms"]["upload"].errors
    assert names(foxes.question) == ["fox", "badger", "empty"]


def test_without_a_file_its_field_says_so(manager):
    answer = manager.post(PAGE, {"do": "upload"})
    assert answer.context["forms"]["upload"].errors == {"file": ["This field is required."]}
    assert answer.context["forms"]["add"].errors == {}


@pytest.mark.parametrize(
    ("line", "is_learnt"),
    [("fox,canids,,,", True), ("fox,,VUVU,x,yes", False), ("owl,birds,,,", False), ("fox,,,,", False)],
    ids=["another-parent", "other-words", "new-classes", "nothing"],
)
def test_after_a_file_a_refit_is_asked_for_only_where_parents_changed(manager, foxes, line, is_learnt):
    assert upload(manager, "name,parent,code,key,blank", line).status_code == 302
    assert refits() == ([foxes.question.pk] if is_learnt else [])


# --- a follow-up question -------------------------------------------------------------------------


def follow(client, page=FOLLOW_UP, **fields):
    return client.post(page, {"text": "Which sex?", "class_names": "male\nfemale", **fields})


def test_a_follow_up_question_is_asked_from_then_on(manager, foxes):
    answer = follow(manager, only_for=[foxes.class_id("fox"), foxes.class_id("badger")])
    assert answer["Location"] == f"{PAGE}?question=which-sex"
    made = foxes.project.questions.get(key="which-sex")
    assert (made.text, made.multi_label, made.follows) == ("Which sex?", False, foxes.question)
    assert (names(made), made.position) == (["male", "female"], 1)
    page = manager.get(answer["Location"])
    assert rows(page) == ["male", "female"]
    assert [each.name for each in page.context["question"].only_for.all()] == ["fox", "badger"]
    manager.force_login(foxes.ana)
    boot = manager.get("/projects/foxes/label/species/").context["boot"]
    [asked] = boot["followers"]
    assert (asked["key"], asked["text"]) == ("which-sex", "Which sex?")
    assert sorted(asked["only_for"]) == sorted([foxes.class_id("fox"), foxes.class_id("badger")])


def test_a_follow_up_question_may_have_several_answers_and_come_after_every_one(manager, foxes):
    follow(manager, multi_label="on")
    made = foxes.project.questions.get(key="which-sex")
    assert made.multi_label and not made.only_for.exists()
    assert "after every answer but a blank one" in manager.get(f"{PAGE}?question=which-sex").content.decode()


def test_each_follow_up_question_has_a_key_of_its_own(manager, foxes):
    for text in ("Species?", "Species", "¿?", "哪个性别?"):
        assert follow(manager, text=text).status_code == 302
    keys = foxes.project.questions.order_by("position").values_list("key", "position")
    assert list(keys) == [("species", 0), ("species-2", 1), ("species-3", 2), ("question", 3), ("question-2", 4)]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "x" * 301}, "text"),
        ({"class_names": ""}, "class_names"),
        ({"class_names": "male\n" + "x" * 201}, "class_names"),
        ({"only_for": ["999999"]}, "only_for"),
        ({"only_for": ["fox"]}, "only_for"),
    ],
    ids=["no-text", "long-text", "no-classes", "long-class", "unknown-answer", "no-answer"],
)
def test_a_mistake_makes_no_question(manager, foxes, fields, field):
    answer = follow(manager, **fields)
    assert answer.status_code == 200 and list(answer.context["form"].errors) == [field]
    assert foxes.project.questions.count() == 1


@pytest.fixture
def few_boxes(monkeypatch):
    monkeypatch.setattr(class_forms, "MOST_TO_TICK", 2)


def test_where_classes_are_many_answers_are_written_by_name(manager, foxes, few_boxes):
    assert 'type="checkbox" name="only_for"' not in manager.get(FOLLOW_UP).content.decode()
    assert follow(manager, only_for="Fox\n badger ").status_code == 302
    made = foxes.project.questions.get(key="which-sex")
    assert sorted(each.name for each in made.only_for.all()) == ["badger", "fox"]


def test_an_answer_that_is_no_class_is_named(manager, foxes, few_boxes):
    answer = follow(manager, only_for="fox\nwolf")
    assert answer.context["form"].errors == {"only_for": ["There is no class “wolf”."]}
    assert foxes.project.questions.count() == 1
    assert follow(manager, only_for="").status_code == 302, "none is needed"


def test_answers_of_another_question_cannot_be_what_it_is_asked_after(manager, foxes):
    theirs = factories.project("other").first_question.classes.first()
    answer = follow(manager, only_for=[theirs.pk])
    assert "only_for" in answer.context["form"].errors
    assert foxes.project.questions.count() == 1


def test_nothing_follows_a_follow_up_question(manager, foxes, sex):
    page = "/projects/foxes/questions/sex/follow-up/"
    assert manager.get(page).status_code == follow(manager, page).status_code == 404
    assert foxes.project.questions.count() == 2
    assert page not in manager.get(f"{PAGE}?question=sex").content.decode()
    assert FOLLOW_UP in manager.get(PAGE).content.decode()


# --- names that are markup ------------------------------------------------------------------------


def test_markup_in_names_is_shown_as_it_is_written(manager, foxes):
    upload(
        manager,
        "name,scientific_name,local_name,code,parent",
        f"{SCRIPT},{SCRIPT},{SCRIPT},<script>alert(2)</script>,<script>alert(3)</script>",
    )
    follow(manager, text=SCRIPT, only_for=[foxes.class_id(SCRIPT)])
    pages = [PAGE, f"{PAGE}?q={SCRIPT}", f"{PAGE}{foxes.class_id(SCRIPT)}/", FOLLOW_UP]
    pages.append(f"{PAGE}?question={foxes.project.questions.last().key}")
    for page in pages:
        shown = manager.get(page).content.decode()
        assert "&lt;script&gt;alert(" in shown and "<script>alert(" not in shown
