"""The published versions V29 to V32 in one table: everything that differs between them and is not in their files.

Sizes of the networks are in `config.json`, ids in `tokenizer.json`; neither names the version (docs/compat.md §1, §2).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from maimod.events.schema import CELL, EventKind, EventSchema
from maimod.osu.beatmap import ALL_MODES, ONLY_OSU, Mode


@dataclass(frozen=True, slots=True)
class Version:
    """A version: how it is recognised, and which events and prompts it was trained on."""

    name: str
    has: frozenset[EventKind]
    """The version is recognised by kinds that its vocabulary has …"""
    lacks: frozenset[EventKind]
    """… and kinds that it does not have."""
    schema: EventSchema
    modes: frozenset[Mode] = ALL_MODES
    """Learned; the ids may cover more."""
    unwritten: frozenset[EventKind] = frozenset()
    """Class tokens that prompts leave out although older code gave ids to some of them (docs/compat.md §2.9, §7):
    conditioning vectors hold these facts."""
    opens_with_none: bool = False
    """Whether prompts begin with an empty context "none" (docs/compat.md §7)."""
    marks_contexts: bool = True
    """Whether contexts begin and end with tokens of their own; otherwise there is one, and it follows upon SOS."""
    state: tuple[EventKind, ...] = ()
    """Tokens before SOS for the state at the start of a window: kiai, scroll speed, position in the song."""
    original_hides_kiai: bool = False
    """Whether the original always writes that kiai is off (docs/compat.md §11.29)."""
    joins_projections: bool = False
    """Whether its files hold query, key and value in one matrix (docs/compat.md §8.6)."""


_K = EventKind
_APART = (("timing",), ("kiai",), ("map",), ("sv",))

_TABLE = (
    Version(
        "V29",
        has=frozenset({_K.POS}),
        lacks=frozenset({_K.POS_REFINE}),
        schema=EventSchema(
            type_first=True,
            contexts=_APART,
            distances=True,
            positions="cell",
            position_precision=CELL,
            slider_version=1,
            sustains=False,
            velocities=True,
            timing_point_events=True,
        ),
        opens_with_none=True,
        state=(_K.KIAI, _K.SCROLL_SPEED, _K.SONG_POSITION),
        original_hides_kiai=True,
    ),
    Version(
        "V30",
        has=frozenset({_K.POS_X}),
        lacks=frozenset({_K.POS, _K.TIMING_POINT}),
        schema=EventSchema(
            type_first=False,
            contexts=(("timing", "map"),),
            distances=True,
            positions="split",
            position_precision=4,
            slider_version=1,
            sustains=False,
            velocities=False,
            timing_point_events=False,
        ),
        modes=ONLY_OSU,
        unwritten=frozenset(EventKind),
        marks_contexts=False,
    ),
    Version(
        "V31",
        has=frozenset({_K.POS_X, _K.TIMING_POINT}),
        lacks=frozenset({_K.POS}),
        schema=EventSchema(
            type_first=True,
            contexts=_APART,
            distances=True,
            positions="split",
            position_precision=4,
            slider_version=1,
            sustains=False,
            velocities=True,
            timing_point_events=True,
        ),
        unwritten=frozenset({_K.DIFFICULTY, _K.MAPPER, _K.SONG_LENGTH, _K.SONG_POSITION}),
        opens_with_none=True,
        state=(_K.KIAI, _K.SCROLL_SPEED),
    ),
    Version(  # and V32-mini
        "V32",
        has=frozenset({_K.POS_REFINE}),
        lacks=frozenset(),
        schema=EventSchema(
            type_first=False,
            contexts=(("timing",), ("map",), ("sv",)),
            distances=False,
            positions="refined",
            position_precision=CELL,
            slider_version=2,
            sustains=True,
            velocities=True,
            timing_point_events=True,
        ),
        state=(_K.SCROLL_SPEED, _K.SONG_POSITION),
        joins_projections=True,
    ),
)
VERSIONS = {version.name: version for version in _TABLE}


def version_of(kinds: Collection[str]) -> Version | None:
    """The version whose `tokenizer.json` has these kinds of event; None if there is none."""
    return next((v for v in _TABLE if v.has <= set(kinds) and not v.lacks & set(kinds)), None)
