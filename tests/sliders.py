"""Maps of equal sliders but for some, and scores of their events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from maimod.events.schema import Event, EventKind, EventScore
from maimod.findings import Finding
from maimod.osu.beatmap import Beatmap
from maimod.rules.evidence import Evidence
from maimod.rules.sliders import check as slider_check
from tests.findings import findings_of

N = 30
STRAIGHT = "L|240:100"
"""140 px, a beat at the default velocity."""


def lines(changed: Mapping[int, str] | None = None, path: str = STRAIGHT, length: float = 140) -> list[str]:
    """A slider every two beats, all equal except `changed` ones (path, slides, length)."""
    return [f"100,100,{1000 * i},2,0,{(changed or {}).get(i, f'{path},1,{length:g}')}" for i in range(N)]


def find(loaded: Beatmap, rule: str, scores: Sequence[EventScore] | None = None) -> list[Finding]:
    found = findings_of(slider_check.run, Evidence(loaded, None if scores is None else tuple(scores)))
    return [finding for finding in found if finding.rule == rule]


def score_of(
    loaded: Beatmap,
    index: int,
    kind: EventKind,
    bits: float,
    value: int = 0,
    group: int = 0,
    expected: Sequence[tuple[int, float]] = (),
    part: int = 0,
) -> EventScore:
    o = loaded.hit_objects[index]
    offers = tuple((Event(kind, v, int(o.time), group, None), p) for v, p in expected)
    return EventScore(Event(kind, value, int(o.time), group, o, part), bits, 1.0, offers, 2.0**-bits)
