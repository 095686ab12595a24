"""Classes from a file: what is read, what is refused by line and column, and that it is all or nothing."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from labeller.labels.models import LabelledClass
from labeller.projects import taxonomy
from labeller.projects.making import ensure_class
from labeller.projects.models import LabelClass, Question
from labeller.projects.taxonomy import TaxonomyChanges
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def question(foxes):
    """Its classes: fox (key f), badger (b) and empty (e)."""
    return foxes.question


def table(*lines, end="\n"):
    return (end.join(lines) + end).encode()


def load(question, *lines):
    return taxonomy.load(question, table(*lines))


def refused(question, content):
    """The sentences for which the file is refused; nothing of it may have been stored."""
    before = stored(question)
    with pytest.raises(ValidationError) as raised:
        taxonomy.load(question, content)
    assert stored(question) == before
    return raised.value.messages


def stored(question):
    return list(question.classes.order_by("pk").values())


def of(question, name):
    return question.classes.get(name=name)


# --- reading --------------------------------------------------------------------------------------

HEAD = "name,scientific_name,local_name,code,parent,key,blank"
FULL = "polecat,Mustela putorius,bunzing,MUPU,weasels,P,no"


def test_a_full_line_says_all_of_a_class(question):
    assert load(question, HEAD, FULL) == TaxonomyChanges(2, 0)
    polecat = of(question, "polecat")
    assert (polecat.scientific_name, polecat.local_name, polecat.code) == ("Mustela putorius", "bunzing", "MUPU")
    assert (polecat.parent.name, polecat.key, polecat.is_blank) == ("weasels", "p", False)
    assert list(question.classes.values_list("name", flat=True)) == ["fox", "badger", "empty", "weasels", "polecat"]


@pytest.mark.parametrize(
    "content",
    [
        table("\ufeffname,code", "red deer,CEEL"),
        table("name;code", "red deer;CEEL"),
        table("name\tcode", "red deer\tCEEL"),
        table("name,code", "red deer,CEEL", end="\r\n"),
        table("name,code", "red\x00 de\u200ber,\u202eCEEL\x07"),
        table("Code, NAME ", " CEEL,  red   deer "),
        table('"name","code"', '"red\ndeer","CEEL"'),
        table("name,code,,", "red deer,CEEL,,", ",,,", ""),
        b"name,code\nred deer,CEEL",
    ],
    ids=["mark", "semicolons", "tabs", "crlf", "unseen", "order", "quoted", "empty-cells", "no-last-end"],
)
def test_files_are_read_as_programs_write_them(content):
    [row] = taxonomy.read(content)
    assert (row.name, row.fields) == ("red deer", {"code": "CEEL"})


def test_lines_are_counted_through_quoted_newlines_and_empty_lines(question):
    said = refused(question, table("name,blank", '"red', 'deer",no', "", "roe deer,maybe", end="\r\n"))
    assert said == ["Line 5, column “blank”: write yes or no.", "Nothing was changed."]


def test_accents_in_either_form_are_one_key(question):
    load(question, "name,key", "égret,e\u0301")
    assert of(question, "égret").key == "é"


@pytest.mark.parametrize(
    ("cell", "is_blank"),
    [("yes", True), ("1", True), ("TRUE", True), ("no", False), ("0", False), ("False", False)],
)
def test_blank_is_yes_or_no(question, cell, is_blank):
    load(question, "name,blank", f"nothing,{cell}")
    assert of(question, "nothing").is_blank is is_blank


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "Line 1 has no column “name”."),
        (b"name\n\n", "The file has no classes."),
        (table("code,parent", "X,y"), "Line 1 has no column “name”."),
        (table("name,genus", "fox,Vulpes"), "Line 1, column “genus”: there is no such column: use name, scien"),
        (table("name,,code", "fox,x,y"), "Line 1, column “2”: there is no such column"),
        (table("name,code,Name", "fox,x,y"), "Line 1, column “name”: the column is there twice."),
        (table("name,code", "red deer,X,surplus"), "Line 2 has more cells than there are columns."),
        (table("name", "ou\u200bil", "E\u0301land", "éland"), "Line 4, column “name”: “éland” is in line 3 already."),
        (table("name", "owl", "  Owl "), "Line 3, column “name”: “Owl” is in line 2 already."),
        (table("name,code", ",X"), "Line 2, column “name”: every class needs a name."),
        (table("name", "x" * 201), "Line 2, column “name”: A class name has 1 to 200 characters"),
        (table("name,code", "\u200b\x07,X"), "Line 2, column “name”: every class needs a name."),
        (table("name,parent", "owl," + "x" * 201), "Line 2, column “parent”: A class name has 1 to 200 characters"),
        (table("name,code", "owl," + "x" * 41), "Line 2, column “code”: longer than 40 characters."),
        (table("name,local_name", "owl," + "x" * 201), "Line 2, column “local_name”: longer than 200 characters."),
        (table("name,key", "owl,ow"), "Line 2, column “key”: The key of a class is one letter, unlike “ow”."),
        (table("name,key", "owl,7"), "Line 2, column “key”: “7” is taken: digits pick suggestions."),
        (table("name,key", "owl,;"), "Line 2, column “key”: “;” is taken: it is the key of “unsure”."),
        (table("name,blank", "owl,perhaps"), "Line 2, column “blank”: write yes or no."),
        (table("name", "owl") + b"caf\xe9\n", "Line 3 is not UTF-8"),
        ("name\nowl\n".encode("utf-16"), "Line 1 is not UTF-8"),
        (table("name", "owl", '"hawk" x'), "Line 3 is not CSV"),
        (table("name", "owl", '"hawk'), "Line 3 is not CSV"),
        (b"name\n" + b"x" * taxonomy.MAX_BYTES, "The file is larger than 5 MB."),
    ],
    ids=[
        "empty",
        "no-classes",
        "no-name",
        "unknown-column",
        "unnamed-column",
        "column-twice",
        "surplus-cell",
        "name-in-two-spellings",
        "name-twice",
        "nameless",
        "name-too-long",
        "name-invisible",
        "parent-too-long",
        "code-too-long",
        "local-name-too-long",
        "key-of-two",
        "key-digit",
        "key-of-command",
        "blank",
        "latin-1",
        "utf-16",
        "after-quote",
        "open-quote",
        "too-large",
    ],
)
def test_a_mistake_is_told_with_its_line_and_column_and_nothing_is_stored(question, content, says):
    assert says in refused(question, content)[0]


def test_all_mistakes_are_told_up_to_ten(question):
    said = refused(question, table("name,blank", "owl,x", "hawk,yes", "kite,y"))
    assert said == [
        "Line 2, column “blank”: write yes or no.",
        "Line 4, column “blank”: write yes or no.",
        "Nothing was changed.",
    ]
    said = refused(question, table("name,blank", *(f"owl {number},x" for number in range(14))))
    assert len(said) == taxonomy.TOLD + 2
    assert said[-2:] == ["…and 4 more.", "Nothing was changed."]


def test_a_file_of_too_many_classes_is_refused(question, monkeypatch):
    monkeypatch.setattr(taxonomy, "MAX_ROWS", 2)
    assert taxonomy.read(table("name", "owl", "hawk"))
    assert refused(question, table("name", "owl", "hawk", "kite")) == ["The file has more than 2 classes."]


# --- storing --------------------------------------------------------------------------------------


def test_loading_twice_changes_nothing(question):
    lines = (HEAD, FULL, "stoat,,,,Weasels,,", "fox,Vulpes vulpes,,,,,")
    assert load(question, *lines) == TaxonomyChanges(3, 1)
    before = stored(question)
    assert load(question, *lines) == TaxonomyChanges(0, 0)
    assert stored(question) == before


def test_classes_are_found_whatever_their_case_and_keep_their_names(question):
    assert load(question, "name,code", "FOX,VUVU") == TaxonomyChanges(0, 1)
    assert (of(question, "fox").code, question.classes.count()) == ("VUVU", 3)


def test_empty_and_missing_cells_leave_what_there_is(question):
    load(question, HEAD, "fox,Vulpes vulpes,vos,VUVU,canids,x,yes")
    LabelClass.objects.filter(name="fox").update(is_starred=True)
    before = stored(question)
    assert load(question, HEAD, "fox,,,,,,") == load(question, "name", "fox") == TaxonomyChanges(0, 0)
    assert stored(question) == before
    load(question, "name,code", "fox,NEW")
    fox = of(question, "fox")
    assert (fox.code, fox.scientific_name, fox.key, fox.is_blank) == ("NEW", "Vulpes vulpes", "x", True)
    assert fox.is_starred and fox.parent.name == "canids"


def test_what_is_called_empty_is_blank_unless_the_file_says_otherwise(question):
    load(question, "name,blank", "Vide,", "leer,no")
    assert of(question, "Vide").is_blank and not of(question, "leer").is_blank


def test_labels_stay_with_their_classes(foxes):
    [sample] = factories.samples(foxes.project, 1)
    factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    before = list(LabelledClass.objects.values())
    load(foxes.question, "name,parent,code,key", "fox,canids,VUVU,x", "wolf,canids,CALU,f")
    assert list(LabelledClass.objects.values()) == before
    assert LabelledClass.objects.get().label_class.name == "fox"


def test_classes_of_another_question_are_not_taken_for_this_ones(question):
    other = Question.objects.create(project=question.project, key="sex", text="Which sex?")
    hers = ensure_class(other, "doe")[0]
    assert load(question, "name,key,parent", "doe,d,deer") == TaxonomyChanges(2, 0)
    hers.refresh_from_db()
    assert (hers.parent, other.classes.count()) == (None, 1)
    assert of(question, "doe").key == hers.key == "d"


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["owl,f"], "Line 2, column “key”: “f” is the key of “fox” already."),
        (["owl,F"], "Line 2, column “key”: “f” is the key of “fox” already."),
        (["owl,w", "hawk,w"], "Line 3, column “key”: “w” is the key of “owl” already."),
        (["fox,", "owl,f"], "Line 3, column “key”: “f” is the key of “fox” already."),
    ],
    ids=["of-the-question", "whatever-the-case", "of-the-file", "kept-by-an-empty-cell"],
)
def test_a_key_belongs_to_one_class(question, lines, says):
    assert refused(question, table("name,key", *lines)) == [says, "Nothing was changed."]


def test_classes_may_swap_their_keys(question):
    assert load(question, "name,key", "fox,b", "badger,f") == TaxonomyChanges(0, 2)
    assert (of(question, "fox").key, of(question, "badger").key) == ("b", "f")


def test_keys_may_go_round_with_a_new_class_among_them(question):
    assert load(question, "name,key", "lynx,f", "fox,b", "badger,e", "empty,x") == TaxonomyChanges(1, 3)
    assert dict(question.classes.values_list("name", "key")) == {"lynx": "f", "fox": "b", "badger": "e", "empty": "x"}


# --- parents --------------------------------------------------------------------------------------


def test_parents_may_come_later_or_be_missing(question):
    made = load(question, "name,parent", "barn owl,owls", "tawny owl,Owls", "owls,birds", "fox,canids")
    assert made == TaxonomyChanges(5, 1, moved=1)
    parents = dict(question.classes.values_list("name", "parent__name"))
    assert parents == {
        "fox": "canids",
        "badger": None,
        "empty": None,
        "barn owl": "owls",
        "tawny owl": "owls",
        "birds": None,
        "owls": "birds",
        "canids": None,
    }


def test_a_class_may_move_to_another_parent(question):
    load(question, "name,parent", "fox,canids", "owl,birds")
    assert load(question, "name,parent", "fox,birds", "owl,birds") == TaxonomyChanges(0, 1, moved=1)
    assert of(question, "fox").parent.name == "birds"


@pytest.mark.parametrize(
    ("lines", "of_lines"),
    [
        (["owl,owl"], [2]),
        (["owl,birds", "birds,OWL"], [2, 3]),
        (["canids,fox"], [2]),
        (["owl,fox", "canids,owl", "lynx,canids"], [2, 3]),
    ],
    ids=["itself", "in-the-file", "through-the-question", "through-both"],
)
def test_nothing_lies_below_itself(question, lines, of_lines):
    load(question, "name,parent", "fox,canids")
    said = refused(question, table("name,parent", *lines))
    assert said[:-1] == [
        f"Line {line}, column “parent”: “{lines[line - 2].split(',')[0]}” would lie below itself." for line in of_lines
    ]


def test_turning_a_parent_and_its_child_round_works(question):
    load(question, "name,parent", "fox,canids", "canids,animals")
    load(question, "name,parent", "canids,fox", "fox,animals")
    assert (of(question, "canids").parent.name, of(question, "fox").parent.name) == ("fox", "animals")


# --- many, and others at the same time ------------------------------------------------------------


def test_queries_do_not_grow_with_rows(question, django_assert_max_num_queries):
    content = table("name,parent,code", *(f"species {n},genus {n // 10},C{n}" for n in range(5000)))
    with django_assert_max_num_queries(150):
        assert taxonomy.load(question, content) == TaxonomyChanges(5500, 0)
    with django_assert_max_num_queries(10):
        assert taxonomy.load(question, content) == TaxonomyChanges(0, 0)
    with django_assert_max_num_queries(100):
        assert taxonomy.load(question, content.replace(b",C", b",D")) == TaxonomyChanges(0, 5000)
    assert of(question, "species 4999").code == "D4999"


@pytest.fixture
def rival(monkeypatch):
    """Somebody who makes an owl right after the file's classes were looked for, in the first so many attempts.

    What they make goes with the attempt, which is rolled back: here there is one connection only.
    """
    missing = taxonomy._missing
    attempts = []

    def comes(times):
        def look(question, rows, known):
            made = missing(question, rows, known)
            attempts.append(len(made))
            if len(attempts) <= times:
                LabelClass.objects.create(question=question, name="Owl")
            return made

        monkeypatch.setattr(taxonomy, "_missing", look)
        return attempts

    return comes


def test_where_somebody_makes_the_same_class_in_between_all_is_looked_at_again(question, rival):
    attempts = rival(times=2)
    assert load(question, "name,code,parent", "hawk,ACNI,birds", "owl,TYAL,birds") == TaxonomyChanges(3, 0)
    assert attempts == [3, 3, 3]
    assert list(question.classes.values_list("name", flat=True)) == ["fox", "badger", "empty", "birds", "hawk", "owl"]


def test_what_somebody_made_in_between_is_then_changed_instead(question, monkeypatch):
    store, attempts = taxonomy._store, []

    def meet_a_rival(question, rows):
        attempts.append(len(rows))
        if len(attempts) == 1:
            ensure_class(question, "Owl")
            raise IntegrityError
        return store(question, rows)

    monkeypatch.setattr(taxonomy, "_store", meet_a_rival)
    assert load(question, "name,code", "owl,TYAL", "hawk,ACNI") == TaxonomyChanges(1, 1)
    assert of(question, "Owl").code == "TYAL" and len(attempts) == 2


def test_where_somebody_is_always_faster_nothing_is_stored(question, rival):
    attempts = rival(times=99)
    said = refused(question, table("name,code", "fox,VUVU", "owl,TYAL"))
    assert said == ["The classes are being changed by somebody else. Please try again."]
    assert len(attempts) == taxonomy.ATTEMPTS
