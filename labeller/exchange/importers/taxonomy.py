"""Species as programs of ecologists write them, with the ranks above."""

from labeller.exchange.importers.base import Taxon

RANKS = ("class", "order", "family", "genus", "species")


def titled(rank: str) -> str:
    """A rank's name as it is written: with a capital."""
    return rank.strip()[:1].upper() + rank.strip()[1:].lower()


def of_ranks(ranks: tuple[str, str, str, str, str], common: str) -> Taxon:
    """The taxon of class, order, family, genus and species (its second word), the lowest of which are empty."""
    upper = [titled(each) for each in ranks[:4] if each.strip()]
    genus, epithet = titled(ranks[3]), ranks[4].strip().lower()
    if epithet.startswith(f"{genus.lower()} "):
        epithet = epithet[len(genus) + 1 :]
    scientific = f"{genus} {epithet}" if genus and epithet else (upper[-1] if upper else "")
    name = common.strip() or scientific
    above = tuple(each for each in upper if each not in {scientific, name})
    return Taxon(name, scientific, tuple(dict.fromkeys(above)))


def of_string(text: str) -> Taxon | None:
    """The taxon of `uuid;class;order;family;genus;species;common name`; None where it is not written so."""
    parts = text.split(";")
    if len(parts) != 7:
        return None
    ranks = (parts[1], parts[2], parts[3], parts[4], parts[5])
    if not any(map(str.strip, ranks)):
        return Taxon(parts[6].strip())
    return of_ranks(ranks, parts[6])
