"""Five thousand made-up species below made-up genera."""

NAMES = 5000
SYLLABLES = ("ba", "cor", "del", "fi", "gan", "hu", "lar", "mi", "nor", "pe", "ri", "sol", "ta", "ul", "ve", "xi")
PLACES = ("northern", "southern", "eastern", "western", "mountain", "river", "forest", "desert", "island", "lake")
COATS = ("red", "grey", "golden", "spotted", "striped", "white-tailed", "black-backed", "crested", "dwarf", "giant")
KINDS = ("fox", "duiker", "genet", "shrew", "bat", "rail", "lark", "heron", "skink", "gecko", "frog", "vole", "owl")


def names(count: int = NAMES) -> list[dict[str, str]]:
    """Made-up species below made-up genera: common, scientific and local name, code, parent (a genus' name)."""
    rows, genus = [], ""
    for number in range(count):
        within = number % 10
        if within == 0:
            genus = _syllables(number // 10 + 16).capitalize()
            kind = KINDS[number // 10 % len(KINDS)]
            rows.append(_name(f"{genus} {kind} family", genus, f"oba {_syllables(number + 300)}", f"G{number:04}", ""))
            continue
        kind = KINDS[number // 10 % len(KINDS)]
        common = f"{PLACES[number % 7 + within % 3]} {COATS[within]} {genus.lower()} {kind}"
        scientific = f"{genus} {_syllables(number * 7 + 400)}us"
        local = f"{_syllables(number + 900)}-{kind[:2]}"
        rows.append(_name(common, scientific, local, f"S{number:04}", rows[-within]["common"]))
    return rows


def _name(common: str, scientific: str, local: str, code: str, parent: str) -> dict[str, str]:
    return {"common": common, "scientific": scientific, "local": local, "code": code, "parent": parent}


def _syllables(number: int) -> str:
    """A word for a number, another one for each."""
    word = ""
    while number:
        number, at = divmod(number, len(SYLLABLES))
        word = SYLLABLES[at] + word
    return word
