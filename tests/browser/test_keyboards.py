"""One answer on every keyboard: digits by place, letters by what is written, signs by what is written elsewhere."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import Hands
from tests.browser.program import Asked, Program

CLASSES = ("fox", "badger", "zebra", "leopard", "person", "vehicle", "empty")
QUESTION = {"classes": CLASSES}  # nothing is known: digits pick classes by their place
PRESS = """
([key, code, held]) => {
  const modifiers = { shiftKey: "Shift", ctrlKey: "Control", altKey: "Alt" };
  const init = Object.fromEntries(Object.entries(modifiers).map(([name, key]) => [name, held.includes(key)]));
  const more = { modifierAltGraph: held.includes("AltGraph"), modifierCapsLock: held.includes("CapsLock") };
  const keyCode = key === "Process" ? 229 : 0;
  const event = new KeyboardEvent("keydown", { key, code, keyCode, ...init, ...more, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}
"""
# Instead of the labelling itself: what the screen would do.
INTENT = """
async ([key, code, held, keys, hasAlone, learned]) => {
  const base = document.querySelector("script[type=module]").src.replace(/[^/]+$/, "");
  const { intent, keymap } = await import(`${base}../core/keymap.js`);
  const { Layout } = await import(`${base}../core/layout.js`);
  const boot = JSON.parse(document.getElementById("boot").textContent);
  const rows = boot.keys.map((row) => (keys[row.name] ? { ...row, keys: [keys[row.name]], own: true } : row));
  const event = (key, code, held) => ({
    key, code, shiftKey: held.includes("Shift"), ctrlKey: held.includes("Control"), altKey: held.includes("Alt"),
    metaKey: false, getModifierState: (name) => held.includes(name), keyCode: key === "Process" ? 229 : 0,
  });
  const layout = new Layout();
  for (const [key, code] of learned) layout.learn(event(key, code, []));
  const meant = intent(event(key, code, held), keymap(rows), { layout, hasAlone });
  return meant && [meant.name, meant.digit ?? meant.letter ?? null, meant.place || null, Boolean(meant.shift)];
}
"""
FRENCH = [*zip("&é\"'(-è_çà", [*(f"Digit{n}" for n in (*range(1, 10), 0))], strict=True)]
ALONE = True


def digit(n: int, alone: bool = False) -> tuple[Any, ...]:
    return ("digit", n, None, alone)


def letter(key: str, place: str | None = None) -> tuple[Any, ...]:
    return ("letter", key, place, False)


def command(name: str, alone: bool = False) -> tuple[Any, ...]:
    return (name, None, None, alone)


@pytest.fixture(scope="module")
def meant(chromium: Any, program: Any, asked: Asked) -> Any:
    """meant(key, code, *held): what a press means, in single mode unless `alone` says that Shift means something."""
    context = chromium().new_context()
    for name, value in program.cookies("ana").items():
        context.add_cookies([{"name": name, "value": value, "url": program.address}])
    page = context.new_page()
    page.goto(asked.url())
    page.locator("html[data-script=running]").wait_for()

    def meant(key: str, code: str, *held: str, keys: Any = None, alone: bool = False, learned: Any = ()) -> Any:
        found = page.evaluate(INTENT, [key, code, list(held), keys or {}, alone, [list(each) for each in learned]])
        return tuple(found) if found else None

    yield meant
    context.close()


@pytest.mark.parametrize(("key", "code"), FRENCH)
@pytest.mark.parametrize("alone", [False, ALONE])
def test_a_french_digit_row_is_digits_with_and_without_shift(meant: Any, key: str, code: str, alone: bool) -> None:
    n = int(code[-1])
    assert meant(key, code, alone=alone) == digit(n)
    assert meant(str(n), code, "Shift", alone=alone) == digit(n), "Shift is what writes it: it means nothing more"
    assert meant(str(n), code, "CapsLock", alone=alone) == digit(n)
    assert meant(key, code, "CapsLock", "Shift", alone=alone, learned=FRENCH) == digit(n)


@pytest.mark.parametrize(
    ("pressed", "wanted"),
    [
        # French, Belgian: what lies elsewhere goes by what is written there
        ((";", "Comma"), command("unsure")),
        ((".", "Comma", "Shift"), command("skip")),
        ((",", "KeyM"), command("flag")),
        (("/", "Period", "Shift"), command("palette")),
        (("\\", "Digit8", "AltGraph"), command("fit")),
        (("#", "Digit3", "AltGraph"), None),
        (("#", "Digit3", "Control", "Alt", "AltGraph"), None),
        (("a", "KeyQ"), letter("a")),
        (("m", "Semicolon"), letter("m")),
        (("Dead", "BracketLeft"), None),
        # German
        (("z", "KeyY"), letter("z")),
        (("y", "KeyZ"), letter("y")),
        (("-", "Slash"), command("blank")),
        (("/", "Digit7", "Shift"), command("palette")),
        (("=", "Digit0", "Shift"), command("zoom_in")),
        (("ß", "Minus"), letter("ß")),
        (("ö", "Semicolon"), letter("ö")),
        # Dvorak
        (("'", "KeyQ"), command("repeat")),
        ((",", "KeyW"), command("flag")),
        ((".", "KeyE"), command("skip")),
        ((";", "KeyZ"), command("unsure")),
        (("s", "Semicolon"), letter("s")),
        (("z", "Slash"), letter("z")),
        # Czech: letters on the digits
        (("ě", "Digit2"), digit(2)),
        (("ř", "Digit5"), digit(5)),
        # Russian
        (("ф", "KeyA"), letter("ф", "a")),
        (("я", "KeyZ"), letter("я", "z")),
        (("ж", "Semicolon"), letter("ж")),
        ((".", "Slash"), command("skip")),
        (("я", "KeyZ", "Control"), command("undo")),
        (("и", "KeyB", "Alt"), command("brighter")),
        # Greek
        (("φ", "KeyF"), letter("φ", "f")),
        ((";", "KeyQ"), command("unsure")),
        (("Dead", "Semicolon"), None),
        # Hebrew
        (("ש", "KeyA"), letter("ש", "a")),
        (("'", "KeyW"), command("repeat")),
        (("ף", "Semicolon"), letter("ף")),
        # Arabic and Persian
        (("ش", "KeyA"), letter("ش", "a")),
        (("٤", "Digit4"), digit(4)),
        (("۴", "Numpad4"), digit(4)),
        # Japanese: kana, and an input method that takes the key
        (("ち", "KeyA"), letter("ち", "a")),
        (("Process", "KeyA"), letter("a")),
        (("Process", "Digit4"), digit(4)),
        (("Process", "Space"), command("accept")),
        (("Process", "Semicolon"), None),
        # the keypad, with and without its number lock
        (("4", "Numpad4"), digit(4)),
        (("ArrowLeft", "Numpad4"), command("previous")),
        (("-", "NumpadSubtract"), command("blank")),
    ],
)
def test_what_a_press_means(meant: Any, pressed: tuple[str, ...], wanted: Any) -> None:
    assert meant(*pressed) == wanted


def test_shift_means_this_frame_only_where_digits_are_written_without_it(meant: Any) -> None:
    assert meant("$", "Digit4", "Shift", alone=ALONE) == digit(4, alone=True)
    assert meant("4", "Numpad4", "Shift", alone=ALONE) == digit(4, alone=True)
    assert meant("4", "Digit4", "Shift", alone=ALONE) == digit(4)


def test_a_sign_that_judges_gives_way_to_the_digit_where_shift_means_something(meant: Any) -> None:
    assert meant(";", "Digit4", "Shift", alone=ALONE) == digit(4, alone=True), "Russian"
    assert meant(";", "Digit4", "Shift") == command("unsure")
    assert meant("/", "Digit7", "Shift", alone=ALONE) == command("palette"), "German: it judges nothing"


def test_a_sign_of_ones_own_comes_first(meant: Any) -> None:
    assert meant("(", "Digit5", keys={"flag": "("}) == command("flag")
    assert meant("5", "Digit5", "Shift", keys={"flag": "("}) == digit(5)
    assert meant("&", "Digit7", "Shift", keys={"flag": "&"}, alone=ALONE) == command("flag")


def test_a_dead_key_is_its_own_sign_only_where_the_keyboard_is_like_the_american(meant: Any) -> None:
    assert meant("Dead", "Quote") == command("repeat")
    assert meant("Dead", "Quote", learned=[("ç", "Semicolon")]) is None, "Brazilian: ~"


def test_a_mac_with_option_goes_by_what_the_key_writes(meant: Any) -> None:
    """On a French keyboard I is where it is on others, W is not."""
    assert meant("ﬁ", "KeyZ", "Alt", learned=[("w", "KeyZ")]) == command("whole_frame")


@pytest.mark.parametrize(
    ("presses", "place"),
    [
        ([("'", "Digit4")], 4),
        ([("4", "Digit4", "Shift")], 4),
        ([("-", "Digit6")], 6),
        ([("é", "Digit2")], 2),
    ],
)
def test_on_the_screen_a_french_digit_labels_with_the_class_of_its_place(
    page: Page, program: Program, request: pytest.FixtureRequest, presses: list[tuple[str, ...]], place: int
) -> None:
    # A question of its own: once a head has learnt from the others' labels, digits pick what it suggests.
    asked = program.ask(f"keyboards-{request.node.callspec.id}", **QUESTION)
    hands = Hands(page, asked).open()
    hands.label("fox")  # what ' would repeat
    sample = hands.shown()
    for key, code, *held in presses:
        page.evaluate(PRESS, [key, code, held])
    hands.wait_for_another(sample)
    expect(page.get_by_test_id("last")).to_contain_text(CLASSES[place - 1])


def test_on_the_screen_a_cyrillic_letter_labels_with_the_class_of_its_place_and_is_shown_so(
    page: Page, asked: Asked
) -> None:
    hands = Hands(page, asked).open()
    sample, key = hands.shown(), asked.letters["badger"]
    russian = dict(zip("qwertyuiopasdfghjklzxcvbnm", "йцукенгшщзфывапролдячсмить", strict=True))
    page.evaluate(PRESS, [russian[key], f"Key{key.upper()}", []])
    hands.wait_for_another(sample)
    expect(page.get_by_test_id("last")).to_contain_text("badger")
    expect(page.locator("[data-testid=class-button][data-name=badger] .letter")).to_have_text(russian[key])
    page.evaluate(PRESS, ["и", "KeyB", []])
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("[data-command-of=brighter] kbd").last).to_have_text("И")


def test_the_page_of_keys_takes_a_digits_place_for_the_digit(page: Page, program: Any) -> None:
    page.goto(f"{program.address}/keys/")
    page.locator("[data-capture=flag]").click()
    page.evaluate(PRESS, ["(", "Digit5", []])
    expect(page.locator("#problem-flag")).to_contain_text("stays free")
