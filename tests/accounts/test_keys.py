"""The page of a person's own keys, and the list of commands behind it."""

import pytest

from labeller.accounts import admitting, keymap
from tests import factories

pytestmark = pytest.mark.django_db

PAGE = "/keys/"


@pytest.fixture
def ana(client):
    made = factories.person("ana")
    client.force_login(made)
    return made


def own(person):
    person.refresh_from_db()
    return person.keys


def form(**keys):
    usual = {command.name: command.keys[0] if command.keys else "" for command in keymap.REMAPPABLE}
    return {f"key-{name}": key for name, key in {**usual, **keys}.items()}


# --- the list -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", keymap.MODES)
def test_no_key_stands_for_two_commands_of_one_mode(mode):
    keys = [key for row in keymap.table({}, mode) for key in row["keys"]]
    assert len(keys) == len(set(keys))


def test_the_usual_keys_leave_letters_and_digits_to_classes_and_suggestions():
    assert keymap.problems({each.name: each.keys[0] for each in keymap.REMAPPABLE if each.keys}) == {}
    keys = {key for command in keymap.COMMANDS for key in (*command.keys, *command.always)}
    assert not any(len(key) == 1 and key.isalnum() for key in keys)


@pytest.mark.parametrize(
    ("mode", "command", "keys"),
    [
        ("single", "unsure", [";"]),
        ("single", "skip", ["."]),
        ("single", "flag", [","]),
        ("single", "blank", ["-"]),
        ("single", "repeat", ["'"]),
        ("single", "accept", ["Space"]),
        ("single", "undo", ["Backspace", "Ctrl+Z"]),
        ("sequence", "frame_next", ["ArrowDown"]),
        ("grid", "toggle", ["Space"]),
        ("grid", "confirm", ["Enter"]),
        ("grid", "select_all", ["Ctrl+A"]),
        ("grid", "extend_left", ["Shift+ArrowLeft"]),
        ("review", "brighter", ["Alt+B"]),
        ("hunt", "help", ["?", "F1"]),
    ],
)
def test_the_key_map_is_the_one_agreed_on(mode, command, keys):
    assert {row["name"]: row["keys"] for row in keymap.table({}, mode)}[command] == keys


def test_a_key_of_ones_own_replaces_the_usual_and_leaves_what_always_works():
    table = {row["name"]: row for row in keymap.table({"undo": "Alt+U", "brighter": "F2"}, "single")}
    assert table["undo"]["keys"] == ["Alt+U", "Ctrl+Z"]
    assert table["brighter"]["keys"] == ["F2"]
    assert table["undo"]["shown"] == [["Alt", "U"], ["Ctrl", "Z"]]


def test_a_script_is_told_which_keys_are_ones_own_and_which_judge():
    rows = {row["name"]: row for row in keymap.table({"flag": "("}, "sequence")}
    assert [name for name, row in rows.items() if row["own"]] == ["flag"]
    assert {name for name, row in rows.items() if row["decides"]} == {"repeat", "blank", "unsure", "skip", "flag"}


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("  alt + b ", "Alt+B"),
        ("option+B", "Alt+B"),
        ("space", "Space"),
        ("left", "ArrowLeft"),
        ("←", "ArrowLeft"),
        ("shift + page up", "shift + page up"),
        ("Shift+pageup", "Shift+PageUp"),
        ("+", "+"),
        ("é", "é"),
        ("", ""),
        ("X", "x"),
    ],
)
def test_keys_are_understood_as_people_write_them(written, key):
    assert keymap.tidy(written) == key


# --- the page -------------------------------------------------------------------------------------


def test_the_page_lists_every_command_with_its_keys(client, ana):
    admitting.set_keys(ana, {"skip": "["})
    page = client.get(PAGE)
    assert page.status_code == 200
    rows = [row for section in page.context["sections"] for row in section["rows"]]
    assert sorted(row["command"].name for row in rows) == sorted(keymap.BY_NAME)
    skip = next(row for row in rows if row["command"].name == "skip")
    assert skip["is_own"] and skip["field"].value() == "["


def test_what_is_saved_is_only_what_differs(client, ana):
    answer = client.post(PAGE, form(skip="[", brighter="alt + g", unsure=""))
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert own(ana) == {"skip": "[", "brighter": "Alt+G"}


def test_two_commands_may_swap_their_keys(client, ana):
    client.post(PAGE, form(skip=";", unsure="."))
    assert own(ana) == {"skip": ";", "unsure": "."}


def test_the_same_key_may_stand_for_commands_of_different_modes(client, ana):
    client.post(PAGE, form(keep="F2", repeat="F2"))
    assert own(ana) == {"keep": "F2", "repeat": "F2"}


@pytest.mark.parametrize(
    ("command", "key", "says"),
    [
        ("skip", ";", "is the key of “unsure”"),
        ("confirm", "Space", "is the key of “accept the top suggestion”"),
        ("toggle", "Enter", "is the key of “confirm the tiles"),
        ("skip", "Alt+B", "is the key of “brightness”"),
        ("previous", "right", "is the key of “next image”"),
        ("accept", "f", "letters pick classes"),
        ("accept", "F", "letters pick classes"),
        ("accept", "ж", "letters pick classes"),
        ("accept", "7", "digits suggestions"),
        ("accept", "Ctrl+W", "belongs to the browser"),
        ("accept", "cmd+k", "belongs to the browser"),
        ("accept", "Alt+D", "belongs to the browser"),
        ("accept", "Alt+Left", "belongs to the browser"),
        ("accept", "Alt+4", "belongs to the browser"),
        ("accept", "F5", "belongs to the browser"),
        ("accept", "Tab", "belongs to the browser"),
        ("accept", "Escape", "belongs to the browser"),
        ("accept", "both hands", "Write a key"),
        ("accept", "Alt+", "Write a key"),
        ("accept", "x" * 31, "Write a key"),
    ],
)
def test_a_key_that_cannot_be_had_is_refused_with_a_sentence_beside_it(client, ana, command, key, says):
    answer = client.post(PAGE, form(**{command: key, "flag": "["}))
    assert answer.status_code == 200
    [(name, [sentence])] = answer.context["form"].errors.items()
    assert name == command and says in sentence
    assert own(ana) == {}


def test_two_commands_cannot_get_one_key(client, ana):
    errors = client.post(PAGE, form(skip="[", flag="[")).context["form"].errors
    assert set(errors) == {"skip", "flag"} and own(ana) == {}


def test_fixed_keys_stay(client, ana):
    client.post(PAGE, {**form(), "key-digit": "[", "key-focus_left": "]", "key-nonsense": "#"})
    assert own(ana) == {}


def test_one_key_or_all_become_the_usual_again(client, ana):
    admitting.set_keys(ana, {"skip": "[", "flag": "]"})
    client.post(PAGE, {**form(skip="[", flag="]"), "restore": "skip"})
    assert own(ana) == {"flag": "]"}
    client.post(PAGE, {"restore_all": "yes"})
    assert own(ana) == {}


def test_the_command_named_reset_can_have_a_key_too(client, ana):
    client.post(PAGE, form(reset="F4"))
    assert own(ana) == {"reset": "F4"}


@pytest.mark.parametrize(("key", "says"), [(";", "unsure"), ("[", "")])
def test_a_key_can_be_checked_without_being_saved(client, ana, key, says):
    answer = client.post(PAGE, {**form(skip=key), "check": "skip"})
    assert answer.status_code == 200
    assert says in answer.content.decode() and bool(answer.content.strip()) == bool(says)
    assert own(ana) == {}


def test_nobody_sees_or_changes_the_keys_of_somebody_else(client, ana):
    bo = factories.person("bo")
    admitting.set_keys(bo, {"skip": "]"})
    client.post(PAGE, form(skip="["))
    assert own(bo) == {"skip": "]"} and own(ana) == {"skip": "["}
    assert client.get(PAGE).context["form"]["skip"].value() == "["


def test_strangers_to_the_site_are_asked_to_log_in(client):
    for method in (client.get, client.post):
        answer = method(PAGE)
        assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/keys/")


def test_the_labelling_screen_is_told_the_persons_keys(client, foxes):
    admitting.set_keys(foxes.ana, {"skip": "["})
    client.force_login(foxes.ana)
    page = client.get("/projects/foxes/label/species/")
    keys = {row["name"]: row["keys"] for row in page.context["boot"]["keys"]}
    assert keys["skip"] == ["["] and keys["unsure"] == [";"]


# --- keys of classes ------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", "f", "é", "ж", "狐"])
def test_any_letter_may_be_the_key_of_a_class(key):
    assert keymap.class_key_problem(key) == ""


@pytest.mark.parametrize(
    ("key", "says"),
    [(";", "“unsure”"), (" ", "one letter"), ("7", "digits"), ("fo", "one letter"), ("€", "one letter")],
)
def test_what_commands_use_is_no_key_of_a_class(key, says):
    assert says in keymap.class_key_problem(key)
