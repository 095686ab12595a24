"""What is told of an animal beside its species: answers of questions that follow, known by their keys."""

import re

_TRAITS = {
    "count": "count", "number": "count", "individuals": "count", "individualcount": "count", "groupsize": "count",
    "sex": "sex",
    "lifestage": "lifeStage", "age": "lifeStage", "ageclass": "lifeStage",
    "behavior": "behavior", "behaviour": "behavior",
    "individual": "individualID", "individualid": "individualID",
}  # fmt: skip


def trait_of(key: str) -> str:
    """The column of Camtrap DP that a question of this key asks for; empty where it is another one's."""
    return _TRAITS.get(re.sub("[-_]", "", key.lower()), "")
