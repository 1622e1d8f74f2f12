"""Additions on the wrong edges of a slider: those of the head on all of its edges, or those of head and tail exchanged.

Each slider is compared with itself as it would be without the slip: by the sounds that the edges of the map's sliders have together,
by the hits at the same place of the copies (:mod:`maimod.features.copies.passages`), and by those of the other difficulties.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from maimod.findings import Category, Expected, Severity, Tier, counted
from maimod.osu.beatmap import PLAYFIELD_MODES, HitObject
from maimod.osu.hitsounds import Hit, addition_names
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import Evidence
from maimod.rules.stretches import names

EDGE_CURVE = Curve(10.5, 1.0)
"""Of bits. In 31 minutes of 18 maps of osu! and catch that no network was trained on no slider has 9 bits, and 0.3 a minute have 7;
of those with exchanged sounds 61 and 75 % have, of those with the sound of the head everywhere 45 and 74 %. In 100 minutes of 60
other maps 5 sliders have 9.5."""

EDGES = Rule(
    "hitsounds/slider-edges",
    "Additions on other edges of a slider than usual",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map",),
    why="An addition that is set with the whole slider selected is heard at its end as well; one on the tail in place of the head comes "
    "at the wrong sound.",
    how="The slider is compared with itself with the additions of its head alone, and with those of its edges in the reverse order: "
    "which of them more sliders of the map have, and which fits the same places of measures with the same rhythm and of the other "
    "difficulties.",
    advice="Check the hitsounds of each edge of this slider.",
    ignore_when="the song has that sound at both ends",
    blind_spots="Sliders without additions; passages that occur once, in sets of one difficulty.",
    source=f"{PAGE}#audio",
    modes=PLAYFIELD_MODES,
    curves={"": EDGE_CURVE},
    corruptions=("addition",),
)

BITS_OF_EDGE = 3.0
"""Of one edge at which all others have the sound of the other way, and none that of this one."""
LEAST_ODDS, MOST_ODDS = -3.0, 4.0
"""Bits of the map's other sliders."""
LEAST_BITS = 2.0
MOST_CANDIDATES = 40
"""Of a map, the strongest; a map with more has them by habit."""

Pattern = tuple[int, ...]
"""Additions at each edge: whistle 1, finish 2, clap 4."""


def _head_only(pattern: Pattern) -> Pattern:
    return (pattern[0],) + (0,) * (len(pattern) - 1)


def _reversed(pattern: Pattern) -> Pattern:
    return pattern[::-1]


CORRECTIONS = (_head_only, _reversed)
"""How a slider would sound without the slip."""


class _Edges(msgspec.Struct, frozen=True):
    """All edges of the sliders, in order, with what others have there."""

    sliders: list[HitObject]
    times: list[list[float]]
    """Ms of the edges of each."""
    patterns: list[Pattern]
    starts: np.ndarray
    """(n_sliders,) number of the first edge of each."""
    sides: tuple[tuple[np.ndarray, np.ndarray], ...]
    """(n_edges, n_others) additions, and whether there is a hit, of the copies and of the other difficulties."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    if evidence.beatmap.mode not in EDGES.modes or not evidence.passages.cells.count:
        return
    edges = _edges(evidence)
    if edges is None:
        return
    counts = Counter(edges.patterns)
    found = [one for correct in CORRECTIONS for one in _corrected(correct, edges, counts)]
    yield from sorted(found, key=lambda one: -(one.measure or 0.0))[:MOST_CANDIDATES]


def _edges(evidence: Evidence) -> _Edges | None:
    passages = evidence.passages
    by_slider: dict[int, list[Hit]] = {}
    for hit in passages.hits:
        if hit.hit_object.slider is not None:
            by_slider.setdefault(hit.hit_object.index, []).append(hit)
    hits = [sorted(own, key=lambda hit: hit.edge) for own in by_slider.values()]
    if not hits:
        return None
    cells = passages.cells.of([hit.time for own in hits for hit in own])
    copied, there = passages.in_copies("sound", cells)
    others = passages.in_siblings("sound", cells)
    return _Edges(
        [own[0].hit_object for own in hits],
        [[hit.time for hit in own] for own in hits],
        [tuple(hit.additions >> 1 for hit in own) for own in hits],
        np.cumsum([0, *(len(own) for own in hits[:-1])]),
        ((copied, there & (copied >= 0)), (others, others >= 0)),
    )


def _corrected(correct: Callable[[Pattern], Pattern], edges: _Edges, counts: Counter[Pattern]) -> Iterator[Candidate]:
    """Sliders that would be more usual with that correction."""
    corrected = [correct(pattern) for pattern in edges.patterns]
    of_map = [
        float(np.clip(np.log2((counts[other] + 0.5) / (counts[own] - 0.5)), LEAST_ODDS, MOST_ODDS))
        for own, other in zip(edges.patterns, corrected, strict=True)
    ]
    sides = [BITS_OF_EDGE * _gain(edges, corrected, *side) for side in edges.sides]
    for number, (slider, own, other) in enumerate(zip(edges.sliders, edges.patterns, corrected, strict=True)):
        of_copies, of_others = (float(side[number]) for side in sides)
        bits = of_map[number] + of_copies + of_others
        if own == other or bits < LEAST_BITS:
            continue
        # At the first edge that would sound otherwise, where other rules and the networks have their evidence.
        edge = next(place for place, (a, b) in enumerate(zip(own, other, strict=True)) if a != b)
        yield candidate(
            EDGES,
            time=edges.times[number][edge],
            end_time=slider.end_time if edge < len(own) - 1 else None,
            line=slider.line,
            objects=[slider],
            measure=bits,
            actual=_names(own),
            expected=[Expected(_names(other))],
            message=_words(own, other, counts, of_copies, of_others),
            bits=round(bits, 2),
            bits_of_map=round(of_map[number], 2),
            bits_of_copies=round(of_copies, 2),
            bits_of_difficulties=round(of_others, 2),
        )


def _gain(edges: _Edges, corrected: Sequence[Pattern], seen: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """(n_sliders,) how many more edges fit others when corrected: sums of shares of them."""
    own, other = (
        np.array([bits for pattern in patterns for bits in pattern]) for patterns in (edges.patterns, corrected)
    )
    count = np.maximum(valid.sum(axis=1), 1)
    shares = [((seen == bits[:, None]) & valid).sum(axis=1) / count for bits in (other, own)]
    return np.asarray(np.add.reduceat(shares[0] - shares[1], edges.starts))


def _words(own: Pattern, other: Pattern, counts: Counter[Pattern], of_copies: float, of_others: float) -> str:
    reasons = []
    if counts[other] >= counts[own]:
        has = "has" if counts[other] == 1 else "have"
        reasons.append(
            f'{counted(counts[other], "other slider")} of the map {has} "{_names(other)}", {counts[own] - 1 or "none"} the same'
        )
    if max(of_copies, of_others) > 0:
        reasons.append(f'{names(of_copies, of_others, 0.0)} sound more like "{_names(other)}" here')
    return f'The edges of this slider have "{_names(own)}"; {", and ".join(reasons)}.'


def _names(pattern: Pattern) -> str:
    """The additions of each edge: "clap, none, clap"."""
    return ", ".join(addition_names(bits << 1) if bits else "none" for bits in pattern)


CHECK = BeatmapCheck(Category.HITSOUNDS, "Sounds of slider edges", (EDGES,), run)
