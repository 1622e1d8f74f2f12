"""Hits without the sample sets of their own that hits at the same places have.

Objects can have sample sets of their own, and patterns of them repeat as additions do. A hit that plays the sets of its line is
compared with those two and four beats, and one, two and four measures away, with those at the same place of the copies
(:mod:`maimod.features.copies.passages`) and with the other difficulties. Only sets that the others give themselves count: where a line sets
another one, :mod:`maimod.rules.passages.sounds` compares the lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

import msgspec
import numpy as np

from maimod.features.copies.cells import CELLS_PER_BEAT, Cells
from maimod.findings import Category, Expected, Severity, Tier, counted
from maimod.osu.beatmap import NOT_TAIKO
from maimod.osu.hitsounds import DEFAULT_SET, Hit, hits, set_name
from maimod.osu.names import hit_name
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.bundles import objects_of, strongest
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import Evidence
from maimod.rules.stretches import LEAST_BITS, LONGEST_MS, bits_of, others_of, parts, totals, where

OWN_SETS_CURVE = Curve(28.0, 8.0, highest=0.29)
"""Of bits, and `BITS_OF_ALL` for each bit on which all sides agree. Not listed without the judge: patterns of sample sets vary. In 198
minutes of ranked maps that no network was trained on 0.28 places a minute have 5.9 bits together, 0.07 have 1.8 on every side and 0.005
have 4; of 22 lost sets 86, 86 and 41 % have."""
BITS_OF_ALL = 4.0

OWN_SETS = Rule(
    "hitsounds/own-sets",
    "Hit without the sample sets of similar hits",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map",),
    why="A hit or a passage that lost the sample sets its objects had sounds otherwise than where the pattern comes again.",
    how="Hits that play the sample sets of their line are compared with those two and four beats and one, two and four measures "
    "away, with those at the same place of measures with the same rhythm, and with the other difficulties. Sets count that those give "
    "themselves.",
    advice="Were the sample sets of these objects lost?",
    ignore_when="the pattern varies on purpose",
    blind_spots="Patterns that occur once, in sets of one difficulty; sets that lines give.",
    source=f"{PAGE}#audio",
    modes=NOT_TAIKO,
    curves={"": OWN_SETS_CURVE},
    corruptions=("sample_set",),
)

LAGS_IN_BEATS, LAGS_IN_MEASURES = (2, 4), (1, 2, 4)
"""Before and after a hit; of the two the stronger counts, because a pattern repeats by one of them."""
LEAST_OWN = 3
"""Hits with sets of their own that make a pattern."""


class _Sets(msgspec.Struct, frozen=True):
    """Sample sets by cell; arrays (n_cells,), 0 without a hit. Of a chord those of a note that gives its own."""

    normal: np.ndarray
    addition: np.ndarray
    """0 without an addition."""
    own: np.ndarray
    """Whether the object gives them itself."""


class _Compared(msgspec.Struct, frozen=True):
    """Hits beside others; arrays (n_hits, n_others)."""

    which: np.ndarray
    """A number for each of the others, the same wherever it is compared."""
    normal: np.ndarray
    addition: np.ndarray
    is_other: np.ndarray
    """Whether an object there gives itself another set than the hit plays."""
    is_same: np.ndarray

    @property
    def bits(self) -> np.ndarray:
        return bits_of(self.is_other, self.is_same)


def run(evidence: Evidence) -> Iterator[Candidate]:
    if evidence.beatmap.mode in OWN_SETS.modes and evidence.passages.cells.count:
        yield from strongest(_candidates(evidence))


def _candidates(evidence: Evidence) -> Iterator[Candidate]:
    passages = evidence.passages
    cells, own = passages.cells, _sets(passages.hits, passages.cells)
    others = [_sets(hits(other), cells) for other in others_of(evidence)]
    if sum(int(one.own.sum()) for one in (own, *others)) < LEAST_OWN:
        return
    at = np.flatnonzero(own.normal)
    hit_of = dict(zip(cells.of([hit.time for hit in passages.hits])[::-1].tolist(), passages.hits[::-1], strict=True))
    beats, measures = (_compared(own, at, [(own, there)]) for there in _away(cells, at))
    copies = _compared(own, at, [(own, passages.copies_of(at))])
    of_set = _compared(own, at, [(other, at[:, None]) for other in others], first=1)
    bits = [np.maximum(beats.bits, measures.bits), copies.bits, of_set.bits]
    stretches: list[np.ndarray] = []
    for is_own, group in groupby(range(len(at)), key=own.own[at].tolist().__getitem__):
        run_of = np.array(list(group))
        stretches += [] if is_own else _stretches(run_of, bits)
    for inside in _passages(stretches, at, cells):
        played = [hit_of[cell] for cell in at[inside].tolist()]
        expected, count = _expected((beats, measures, copies, of_set), inside)
        found = _candidate(evidence, played, totals(bits, inside), expected, count, 3 if others else 2)
        if found is not None:
            yield found


def _stretches(run_of: np.ndarray, bits: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The numbers of the hits of each stretch of a run, none overlapping a stronger one."""
    found = [run_of[start:stop] for start, stop in parts([side[run_of] for side in bits])]
    strength = [sum(totals(bits, inside)) for inside in found]
    kept: list[np.ndarray] = []
    for number in sorted(range(len(found)), key=lambda one: -strength[one]):
        inside = found[number]
        is_free = all(inside[0] > other[-1] or inside[-1] < other[0] for other in kept)
        kept += [inside] if is_free and strength[number] >= LEAST_BITS else []
    return kept


def _passages(stretches: list[np.ndarray], at: np.ndarray, cells: Cells) -> Iterator[np.ndarray]:
    """Stretches less than a measure apart together: a passage that lost its sets has hits between that never had any. Where that
    makes it too long for a mistake they stay apart."""
    together: list[list[np.ndarray]] = []
    for inside in sorted(stretches, key=lambda one: int(one[0])):
        measure = cells.lengths[cells.measures(at[inside[:1]])[0]]
        if together and at[inside[0]] - at[together[-1][-1][-1]] < measure:
            together[-1].append(inside)
        else:
            together.append([inside])
    for group in together:
        whole = np.concatenate(group)
        start, end = cells.times(at[whole[[0, -1]]]).tolist()
        yield from [whole] if end - start <= LONGEST_MS else group


def _sets(played: Sequence[Hit], cells: Cells) -> _Sets:
    n = cells.count
    found = _Sets(np.zeros(n, dtype=np.int16), np.zeros(n, dtype=np.int16), np.zeros(n, dtype=bool))
    for hit, cell in zip(played, cells.of([hit.time for hit in played]).tolist(), strict=True):
        is_own = _gives_own(hit)
        if not hit.keysound and (is_own or not found.normal[cell]):
            found.normal[cell], found.own[cell] = hit.normal_set, is_own
            found.addition[cell] = hit.addition_set if hit.additions else 0
    return found


def _gives_own(hit: Hit) -> bool:
    """Whether the sets of a hit that are heard are not those of its line."""
    of_line = hit.point.sample_set if hit.point.sample_set in (1, 2, 3) else DEFAULT_SET
    return hit.normal_set != of_line or bool(hit.additions and hit.addition_set != of_line)


def _away(cells: Cells, at: np.ndarray) -> Iterator[np.ndarray]:
    """(n_hits, n) cells some beats away, and some measures away; -1 where there are none."""
    lengths = cells.lengths[cells.measures(at)]
    for unit, lags in ((np.full(len(at), CELLS_PER_BEAT), LAGS_IN_BEATS), (lengths, LAGS_IN_MEASURES)):
        there = np.stack([at + sign * lag * unit for lag in lags for sign in (-1, 1)], axis=1)
        yield np.where((there >= 0) & (there < cells.count), there, -1)


def _compared(own: _Sets, at: np.ndarray, others: Sequence[tuple[_Sets, np.ndarray]], first: int = 0) -> _Compared:
    """Compare the hits in cells `at` (n_hits,) with those of others in cells (n_hits, n), -1 for none; `first` is the number of the
    first difficulty among the others, 0 for the map itself."""

    def seen(name: str) -> np.ndarray:
        return joined([np.where(there >= 0, getattr(other, name)[there], 0) for other, there in others])

    def joined(columns: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate([np.zeros((len(at), 0), dtype=np.int64), *columns], axis=1)

    normal, addition = seen("normal"), seen("addition")
    own_addition = own.addition[at][:, None]
    differs = (normal != own.normal[at][:, None]) | ((addition != own_addition) & (addition > 0) & (own_addition > 0))
    there = normal > 0
    says = (own_addition == 0) | (addition > 0)  # a hit without an addition tells nothing of the set of one
    which = joined([cells + number * len(own.normal) for number, (_, cells) in enumerate(others, start=first)])
    return _Compared(which, normal, addition, there & differs & (seen("own") > 0), there & ~differs & says)


def _expected(sides: Sequence[_Compared], inside: np.ndarray) -> tuple[tuple[int, int], int]:
    """The set of the hitnormal and of the addition that most of the others have that differ, and how many have it."""
    known: dict[int, tuple[int, int]] = {}
    for side in sides:
        is_other = side.is_other[inside]
        columns = (values[inside][is_other].tolist() for values in (side.which, side.normal, side.addition))
        known |= {which: (normal, addition) for which, normal, addition in zip(*columns, strict=True)}
    return Counter(known.values()).most_common(1)[0] if known else ((0, 0), 0)


def _candidate(
    evidence: Evidence, played: Sequence[Hit], bits: Sequence[float], expected: tuple[int, int], count: int, sides: int
) -> Candidate | None:
    """The candidate of a stretch of hits; None if the evidence is weak. `sides` of the bits are of something: without other
    difficulties two."""
    first, last, total = played[0], played[-1], sum(bits)
    if total < LEAST_BITS or last.time - first.time > LONGEST_MS or not expected[0]:
        return None
    of_map, of_copies, of_others = bits
    many = f"This {hit_name(first, evidence.beatmap)} plays"
    if len(played) > 1:
        many = f"{counted(len(played), 'hit')} from here on play"
    own = first.normal_set, first.addition_set if first.additions else 0
    return candidate(
        OWN_SETS,
        time=first.time,
        end_time=last.time if len(played) > 1 else None,
        line=first.hit_object.line,
        objects=objects_of(played),
        measure=total + BITS_OF_ALL * max(min(bits[:sides]), 0.0),
        actual=_named(*own),
        expected=[Expected(_named(*expected))],
        message=f"{many} {_named(*own)} of the line; {counted(count, 'hit')} {_where(bits)} have {_named(*expected)} of their own.",
        hits=len(played),
        bits=round(total, 2),
        bits_of_map=round(of_map, 2),
        bits_of_copies=round(of_copies, 2),
        bits_of_difficulties=round(of_others, 2),
        **where(evidence, first.time, last.time),
    )


def _named(normal: int, addition: int) -> str:
    plain = f"the {set_name(normal)} set"
    return plain if addition in (0, normal) else f"{plain} with {set_name(addition)} additions"


def _where(bits: Sequence[float]) -> str:
    """Where the others are that say so, in words."""
    every = ("beats or measures away", "in similar measures", "in the other difficulties")
    found = [name for name, one in zip(every, bits, strict=True) if one > 0] or ["elsewhere"]
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


CHECK = BeatmapCheck(Category.HITSOUNDS, "Sample sets of objects", (OWN_SETS,), run)
