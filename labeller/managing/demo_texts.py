"""A corpus to try the program on: messages to a shop, put together by a small grammar, the same ones every time.

What a message is about is one of a dozen things, one of them rare. Words are shared between them on purpose, people
tell more than what they want, and some of it is in passing: it takes labels to learn, and more of them learn more.
"""

import csv
import random
import re
from pathlib import Path

COUNT = 4_000
RARE, N_RARE = "data protection", 24
SEED = 1848
HEADER = ("message", "kind", "customer")
CUSTOMERS = 900

# What a class is about; {slots} are filled from WORDS, and may hold slots themselves.
CLASSES = {
    "delivery": (
        "where is my {thing}? It should have been here {when}",
        "I am still waiting for the {thing} that I ordered {when}",
        "tracking has not moved since {since}, and the {thing} is nowhere",
        "the {carrier} says delivered, but nobody here has seen the {thing}",
        "how much longer until the {thing} arrives, we need it {soon}",
        "the parcel with the {thing} has been sitting in {place} since {since}",
    ),
    "damaged": (
        "the {thing} arrived with a {flaw}",
        "one corner of the {thing} is broken, the box was {state} when the {carrier} left it",
        "there is a {flaw} on the {part} of the {thing}, see the picture",
        "unpacked the {thing} and found a {flaw} right away",
        "the {part} came off the {thing} when we took it out of the box",
        "glass everywhere when I opened the parcel, the {thing} did not survive",
    ),
    "wrong article": (
        "I ordered a {colour} {thing} and got a {colour} one",
        "this is not what I ordered: a {thing} instead of the {thing}",
        "you sent the {thing} in the wrong size",
        "there were two of the {thing} in the box, I wanted only one",
        "somebody has mixed up the labels, the {thing} is not mine",
        "the number on the {thing} is another one than in my order",
    ),
    "refund": (
        "I sent the {thing} back {when} and have not seen my money",
        "when will the {amount} for the {thing} be on my account",
        "you promised to pay back {amount}, nothing has come so far",
        "please return what I paid for the {thing}, it went back {when}",
        "only half of the {amount} was paid back for the {thing}",
        "how do I get my money for the {thing} that I returned",
    ),
    "cancel": (
        "please cancel the {thing}, I found it elsewhere",
        "I do not want the {thing} any more, stop the order",
        "ordered the {thing} twice by mistake, take one of them out again",
        "if the {thing} is not sent yet I would rather not have it",
        "can the order of {since} still be stopped? It is about the {thing}",
        "my {relative} has bought the same {thing}, so forget about mine",
    ),
    "invoice": (
        "I need the bill for the {thing} with the address of my firm",
        "the invoice of {since} shows the wrong tax for the {thing}",
        "could you send the receipt for the {thing} again, I cannot find it",
        "our accounts ask for a bill over {amount}, where can I get one",
        "the name on the invoice is still that of my {relative}",
        "no paper came with the {thing}, we need one for the guarantee",
    ),
    "payment": (
        "my card is refused each time I try to pay for the {thing}",
        "I was charged {amount} twice for one {thing}",
        "paying by bank transfer does not work, it stops at the last step",
        "the voucher of {amount} is not taken at the checkout",
        "money has left my account {when}, and the shop says unpaid",
        "can I pay the {thing} in three parts",
    ),
    "account": (
        "I cannot log in since {since}, it says wrong password",
        "the link to set a new password never comes",
        "please change the mail address of my account, the old one is gone",
        "my account is locked after I mistyped the password",
        "I have two accounts by accident, can they become one",
        "where do I change my address, we moved {when}",
    ),
    "product question": (
        "does the {thing} fit a {part} of {number} centimetres",
        "is the {colour} {thing} in stock again {soon}",
        "what is the {part} of the {thing} made of",
        "can the {thing} stay outside in winter",
        "is the {thing} also there in {colour}",
        "how heavy is the {thing}, I have to carry it to the third floor",
    ),
    "spare part": (
        "the {part} of my {thing} wore out after {few} years, where do I get another",
        "do you sell the {part} for the {thing} by itself",
        "I lost the {part} of the {thing} when we moved, can I order just that",
        "looking for a new {part}, the {thing} is the old model",
        "two screws for the {part} of the {thing} are missing, which ones are they",
        "the {thing} is fine but its {part} needs replacing",
    ),
    "praise": (
        "just wanted to say that the {thing} is wonderful",
        "the {carrier} was so kind to carry the {thing} up, thank him",
        "best {thing} that we ever had, my {relative} wants one too",
        "your colleague on the phone was patient and knew everything about the {thing}",
        "ordered {when}, here {when}: I am impressed",
        "the {colour} {thing} looks even better than in the picture",
    ),
    RARE: (
        "which data of mine do you keep, I ask for a copy of it",
        "please erase everything that you have stored about me",
        "I object to my address being passed on to the {carrier}",
        "who sees what I have bought, and for how long is it kept",
        "I withdraw my consent to letters and mails of yours",
    ),
}
WORDS = {
    "thing": (
        "lamp", "bookshelf", "kettle", "garden chair", "rug", "desk", "mirror", "coat rack", "mattress", "toaster",
        "curtain", "bench", "wall clock", "bread knife", "picture frame", "flower pot", "hammock", "armchair", "teapot",
        "drawer unit", "bunk bed", "sofa", "parasol", "sideboard", "pan", "floor lamp", "cushion", "vase", "stool",
        "washing basket", "bicycle stand", "shoe cabinet", "bird house", "coffee grinder", "blanket", "ladder",
    ),
    "part": (
        "handle", "left leg", "lid", "cable", "hinge", "shade", "frame", "seat", "back", "drawer", "foot", "knob",
        "cover", "zip", "spring", "plug", "glass door", "shelf board",
    ),
    "flaw": ("deep scratch", "crack", "dent", "stain", "hole", "bent edge", "tear", "chipped rim", "broken seam"),
    "state": ("soaked", "torn open", "crushed", "taped over", "upside down"),
    "colour": ("blue", "green", "white", "black", "red", "grey", "oak", "yellow", "walnut", "dark brown", "pink"),
    "carrier": ("driver", "courier", "delivery man", "postman", "parcel service"),
    "place": ("a depot near {town}", "customs", "the shop at the corner", "{town}", "some warehouse"),
    "town": ("Leeds", "Utrecht", "Ghent", "Lyon", "Porto", "Bremen", "Turin", "Odense", "Graz", "Malmo", "Cork"),
    "when": (
        "on Monday", "last week", "two weeks ago", "on the {day}th", "yesterday", "in {month}", "before the weekend",
        "the day before yesterday", "on Friday morning", "a month ago", "three days ago",
    ),
    "since": ("Monday", "last week", "the {day}th", "{month}", "Friday", "the weekend", "yesterday", "the holidays"),
    "day": tuple(str(number) for number in range(4, 21)),
    "few": ("two", "three", "four", "five"),
    "soon": ("by Saturday", "this month", "before the holidays", "in {month}", "for a birthday", "soon"),
    "month": ("January", "March", "April", "May", "June", "August", "September", "October", "December"),
    "amount": ("{number} euros", "{number}.90", "{number} pounds", "the full price", "about {number}"),
    "relative": ("sister", "husband", "mother", "neighbour", "wife", "father", "daughter", "flatmate", "aunt"),
    "number": tuple(str(number) for number in range(3, 98)),
}  # fmt: skip
OPENINGS = (
    "", "", "", "Hello,", "Hi there,", "Good morning,", "Dear team,", "Dear Sir or Madam,", "Hey,", "Good evening,",
    "To whom it may concern,", "Hello again,", "Me once more:",
)  # fmt: skip
# Said in passing, whatever the message is about.
ASIDES = (
    "My order is {number}-{number}{number}.",
    "I have been a customer for {few} years.",
    "We live in {town} now.",
    "It was meant as a present for my {relative}.",
    "The {thing} that came with it is fine.",
    "The {carrier} was friendly, by the way.",
    "I paid {amount} for it {when}.",
    "I called {when} and nobody answered.",
    "My {relative} told me to write to you.",
    "Last time, with the {thing}, everything went well.",
    "I have written {when} already.",
    "The {colour} one would do as well.",
    "We are away {soon}.",
    "I bought a {thing} and a {colour} {thing} in the same go.",
    "The shop in {town} could not help me.",
    "Nothing of that is in your answers to common questions.",
)
CLOSINGS = (
    "", "", "", "Thanks.", "Thank you in advance.", "Please answer {soon}.", "Kind regards from {town}", "Best wishes",
    "Call me after {few} in the afternoon if you can.", "I look forward to hearing from you.", "Regards", "Cheers",
)  # fmt: skip
ASKING = {"where", "when", "which", "what", "who", "how", "does", "do", "is", "can", "could"}
TYPO_EVERY = 8  # messages, one of which has two letters changed round


def messages() -> list[tuple[str, str, str]]:
    """All of them: what it says, what it is about, and who wrote it."""
    rng = random.Random(SEED)
    usual = [name for name in CLASSES if name != RARE]
    weights = [1.0 / (1 + 0.25 * place) for place in range(len(usual))]
    kinds = [RARE] * N_RARE + rng.choices(usual, weights, k=COUNT - N_RARE)
    rng.shuffle(kinds)
    return [(_message(rng, kind), kind, f"customer {rng.randrange(CUSTOMERS)}") for kind in kinds]


def _message(rng: random.Random, kind: str) -> str:
    core = _filled(rng, rng.choice(CLASSES[kind]))
    end = "?" if core.split()[0] in ASKING else rng.choice((".", ".", ".", "!", "..."))
    sentence = core[0].upper() + core[1:] + ("" if core.endswith("?") else end)
    asides = [_filled(rng, each) for each in rng.sample(ASIDES, rng.choice((0, 1, 1, 2, 2, 3)))]
    body = [sentence, *asides]
    rng.shuffle(body)
    text = " ".join(filter(None, [rng.choice(OPENINGS), *body, _filled(rng, rng.choice(CLOSINGS))]))
    return _mistyped(rng, text) if rng.randrange(TYPO_EVERY) == 0 else text


def _filled(rng: random.Random, text: str) -> str:
    """The text with a word in each of its slots."""
    return re.sub(r"{(\w+)}", lambda slot: _filled(rng, rng.choice(WORDS[slot[1]])), text)


def _mistyped(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text) - 1)
    return f"{text[:at]}{text[at + 1]}{text[at]}{text[at + 2 :]}"


def write(path: Path) -> None:
    """Write them as a table, in sight only once it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *messages()])
    part.replace(path)
