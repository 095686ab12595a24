"""Tiles as the grid and hunts are told of them."""

from collections.abc import Sequence

from labeller.accounts.models import User
from labeller.annotating.handing.tiles import Group, Page, Tile
from labeller.annotating.wire import pages
from labeller.annotating.wire.samples import Told, said_of
from labeller.annotating.wire.shown import OF_TILE, shown_json
from labeller.learning.models import TileGroup
from labeller.projects.models import Question


def page_json(user: User, question: Question, page: Page) -> Told:
    """What the page is told. Where suggestions are hidden a group is one of similar pictures and no more."""
    shows = question.show_suggestions
    return {
        "group": _group_json(page.group, shows) if page.group else None,
        "tiles": tiles_json(user, question, page.tiles, shows),
        "groups": [_group_json(group, shows) for group in page.groups],
        "kept": sorted(page.kept),
        "round": pages.round_json(page.round),
        "pool": None if page.kept else pages.pool(question),
        "state": page.state,
        "message": pages.preparing_message(question) if page.state == "preparing" else "",
        "audits": page.audits,
    }


def _group_json(group: Group, shows: bool) -> Told:
    plain = {"id": group.id, "number": group.number, "n": group.n, "left": group.left}
    if not shows:
        return {**plain, "kind": TileGroup.Kind.CLUSTER, "class": None, "head_version": None}
    return {**plain, "kind": group.kind, "class": group.class_id, "head_version": group.head_version}


def tiles_json(user: User, question: Question, tiles: Sequence[Tile], shows: bool) -> list[Told]:
    """Tiles as plain values."""
    said, _ = said_of(user, question, [tile.assignment.sample_id for tile in tiles])
    shown = shown_json(question.project, [tile.assignment.sample for tile in tiles], OF_TILE)
    return [
        {
            **shown[tile.assignment.sample_id],
            "p": tile.number if shows else None,
            "previous": said.get((tile.assignment.sample_id, question.key)),
            "group": tile.assignment.group_id,
        }
        for tile in tiles
    ]
