"""Passages that sound otherwise than their copies: lost additions, a line with another sample set or volume.

Each passage is one candidate, at the line or the object where it begins; measured as in
:mod:`maimod.rules.passages.rhythms`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby

import numpy as np

from maimod.features.copies.passages import Passages
from maimod.findings import Category, Expected, Severity, Tier, counted
from maimod.osu.beatmap import NOT_TAIKO, Mode
from maimod.osu.hitsounds import Hit, set_name
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.bundles import objects_of, strongest
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import Evidence
from maimod.rules.passages.rhythms import LEAST_BITS, LEAST_OTHERS, bits_of_length
from maimod.rules.stretches import log_odds

LOST_CURVE, SET_CURVE, LEVEL_CURVE = Curve(26.0, 4.0), Curve(9.0, 2.0), Curve(22.0, 3.0)
"""Of bits. 100 minutes of 60 ranked and other maps have 6 passages without additions, 1 sample set and 3 volumes above the middle;
planted ones have 16 (one measure) to 50, 12 and 29."""
LEAST_LOST_BITS = 4.0
MOST_BITS_OF_HIT, MOST_BITS = 2.0, 12.0
"""Hits of a passage are changed together, so that each is little evidence, and all copies of them no more than these."""
BESIDE_BITS = 2.0
"""Where the hits before and after have the same other value."""
MOST_RARITY = 4.0
OTHER_VOLUME, SAME_VOLUME = 12, 8
"""Percent."""
DONE_AGAIN_BITS = 4.0
"""Bits for each doubling of the number of passages with the same value, place in the measure and length."""

LOST = Rule(
    "hitsounds/passage-lost",
    "Passage without its additions",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A passage without whistles, finishes and claps, although it is mapped like others that have them, usually lost them when "
    "it was copied or edited.",
    how="Two or more hits in a row have no addition where most measures with the same rhythm, or most other difficulties, have "
    "one.",
    advice="Were the hitsounds of this part forgotten?",
    ignore_when="the song is calmer here",
    blind_spots="Passages that occur once, in sets of one or two difficulties; a single kind of addition that is lost.",
    source=f"{PAGE}#audio",
    modes=NOT_TAIKO,
    curves={"": LOST_CURVE},
    corruptions=("addition",),
)
OTHER_SET = Rule(
    "hitsounds/passage-sample-set",
    "Line with another sample set than the copies of its passage",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map",),
    why="A timing point with the wrong sample set changes how everything up to the next one sounds.",
    how="All hits under the timing point are compared with those at the same place of measures with the same rhythm, and with those "
    "of the other difficulties at the same time.",
    advice="Check the sample set of this green line.",
    ignore_when="the instruments of the song change here",
    blind_spots="Sets that objects give themselves; passages that occur once, in sets of one or two difficulties.",
    source=f"{PAGE}#audio",
    modes=NOT_TAIKO,
    curves={"": SET_CURVE},
    corruptions=("sample_set",),
)
OTHER_VOLUME_RULE = Rule(
    "hitsounds/passage-volume",
    "Line with another volume than the copies of its passage",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map",),
    why="A timing point with a mistyped or left-over volume makes everything up to the next one too quiet or too loud.",
    how="All hits under the timing point are compared with those at the same place of measures with the same rhythm, and with those "
    "of the other difficulties at the same time.",
    advice="Check the volume of this green line.",
    ignore_when="the song is quieter or louder here, or fades",
    blind_spots="Volumes that objects give themselves; changes by less than 12 %.",
    source=f"{PAGE}#audio",
    curves={"": LEVEL_CURVE},
    corruptions=("volume",),
)


def run(evidence: Evidence) -> Iterator[Candidate]:
    if not evidence.beatmap.hit_objects or not evidence.passages.cells.count:
        return
    if evidence.beatmap.mode is not Mode.TAIKO:
        yield from strongest(_lost(evidence))
        yield from strongest(_other_sets(evidence))
    yield from strongest(_other_volumes(evidence))


def _lost(evidence: Evidence) -> Iterator[Candidate]:
    passages = evidence.passages
    cells = passages.hit_cells
    copies, others = passages.sounds(cells)
    bits, is_lost = np.zeros(len(cells)), np.zeros(len(cells), dtype=bool)
    for side in (copies, others):
        has = side.with_additions * side.count
        expected = np.where(side.count >= LEAST_OTHERS, (has + 0.25) / (side.count + 0.5), 0.0)
        bits += np.minimum(-np.log2(1 - expected), MOST_BITS_OF_HIT)
        is_lost |= side.lost
    hit_of = dict(zip(_cells_of(passages).tolist(), passages.hits, strict=True))
    bare = passages.own.sound[cells] == 0
    for is_bare, group in groupby(range(len(cells)), key=lambda place: bool(bare[place])):
        run = list(group)
        lost = [place for place in run if is_lost[place]]
        total = float(bits[run].sum()) - bits_of_length(int(cells[run[-1]] - cells[run[0]]))
        if not is_bare or len(lost) < 2 or total < LEAST_LOST_BITS or run[0] == 0 or run[-1] == len(cells) - 1:
            continue
        missing = [hit_of[int(cells[place])] for place in lost]
        first = missing[0]
        yield candidate(
            LOST,
            time=first.time,
            end_time=missing[-1].time,
            line=first.hit_object.line,
            objects=objects_of(missing),
            measure=total,
            actual="no additions",
            expected=[Expected("additions")],
            message=f"{_hits(len(run))} in a row have no addition; {_in(copies.lost[lost].sum(), others.lost[lost].sum())} have "
            f"one at {len(lost)} of these places.",
            hits=len(run),
            lost=len(lost),
            bits=round(total, 2),
        )


def _hits(count: int) -> str:
    return f"{count} hit{'s' * (count != 1)}"


def _parts(run: Sequence[Hit]) -> str:
    """Hits by what they are, if all are the same: "2 slider tails"."""
    places = {hit.place for hit in run}
    return counted(len(run), places.pop()) if len(places) == 1 else _hits(len(run))


def _in(of_copies: float, of_others: float) -> str:
    """Where others are compared, in words: sides of which a number is positive; empty without any."""
    names = [
        name for name, count in (("similar measures", of_copies), ("the other difficulties", of_others)) if count > 0
    ]
    return " and ".join(names)


def _cells_of(passages: Passages) -> np.ndarray:
    return passages.cells.of([hit.time for hit in passages.hits])


def _runs(passages: Passages, value: Callable[[Hit], int | None]) -> Iterator[tuple[int | None, list[int]]]:
    """(value, numbers of the hits) of hits in a row with the same value of the lines in force; hits without one, which set it
    themselves, are left out."""
    numbered = [(number, found) for number, hit in enumerate(passages.hits) if (found := value(hit)) is not None]
    for found, group in groupby(numbered, key=lambda one: one[1]):
        yield found, [number for number, _ in group]


class _Compared:
    """A property of all hits, and of the hits at the same places of the copies and of the other difficulties."""

    def __init__(self, passages: Passages, name: str, own: np.ndarray) -> None:
        cells = _cells_of(passages)
        copies, there = passages.in_copies(name, cells)
        others, heard = passages.in_siblings(name, cells), passages.in_siblings("sound", cells) >= 0
        self.own = own[:, None]
        self._sides = ((copies, there & (passages.in_copies("sound", cells)[0] >= 0)), (others, heard))

    def bits(
        self,
        is_other: Callable[[np.ndarray, np.ndarray], np.ndarray],
        is_same: Callable[[np.ndarray, np.ndarray], np.ndarray],
    ) -> list[np.ndarray]:
        """(n_hits,) bits by which they have another value, of the copies and of the other difficulties.

        Args:
            is_other, is_same: called with (the own value, theirs).
        """
        found = []
        for seen, valid in self._sides:
            other = (is_other(self.own, seen) & valid).sum(axis=1)
            same = (is_same(self.own, seen) & valid).sum(axis=1)
            found.append(np.clip(log_odds(other, same), -MOST_BITS_OF_HIT, MOST_BITS_OF_HIT))
        return found


def _where_other(bits: Sequence[np.ndarray], numbers: list[int]) -> str:
    """Where a run of hits has another value, in words; of the copies and the other difficulties those whose bits say so."""
    of_copies, of_others = (float(side[numbers].sum()) for side in bits)
    return _in(of_copies, of_others) or "the lines around"


def _total(bits: Sequence[np.ndarray], numbers: list[int], cells: np.ndarray) -> float:
    """Bits of a run of hits; `cells` are those of all hits."""
    found = sum(min(max(float(side[numbers].sum()), -MOST_BITS), MOST_BITS) for side in bits)
    return found - bits_of_length(int(cells[numbers[-1]] - cells[numbers[0]]))


def _done_again(passages: Passages, runs: Sequence[tuple[int | None, list[int]]]) -> list[float]:
    """Bits for each run against a mistake, because others have the same value, place in the measure and length."""
    cells = _cells_of(passages)
    inside = cells - passages.cells.starts[passages.cells.measures(cells)]
    shapes = [(value, int(inside[own[0]]), int(cells[own[-1]] - cells[own[0]])) for value, own in runs]
    counts = Counter(shapes)
    return [DONE_AGAIN_BITS * float(np.log2(counts[shape])) for shape in shapes]


def _rarity(count: int, total: int) -> float:
    return min(-float(np.log2(max(count, 1) / max(total, 1))), MOST_RARITY)


def _other_sets(evidence: Evidence) -> Iterator[Candidate]:
    passages = evidence.passages

    def of_line(hit: Hit) -> int | None:
        own = hit.hit_object.sample.normal_set
        slider = hit.hit_object.slider
        if slider is not None and hit.edge < len(slider.edge_sets):
            own = slider.edge_sets[hit.edge][0]
        return None if own or hit.keysound else hit.normal_set

    runs = list(_runs(passages, of_line))
    total, cells = sum(len(numbers) for _, numbers in runs), _cells_of(passages)
    again = _done_again(passages, runs)
    uses = {value: sum(len(numbers) for other, numbers in runs if other == value) for value, _ in runs}
    compared = _Compared(passages, "sample_set", np.array([hit.normal_set for hit in passages.hits]))
    bits_of = {other: compared.bits(partial(_is_set, other), np.equal) for other in (1, 2, 3)}
    for place, (value, numbers) in enumerate(runs):
        assert value is not None
        beside = {runs[other][0] for other in (place - 1, place + 1) if 0 <= other < len(runs)}
        for other in (1, 2, 3):
            if other == value or len(runs) < 2:
                continue
            bits = _total(bits_of[other], numbers, cells)
            bits += (
                (BESIDE_BITS if beside == {other} else 0.0)
                + _rarity(uses[value] - len(numbers), total) / 2
                - again[place]
            )
            if bits < LEAST_BITS:
                continue
            run = [passages.hits[number] for number in numbers]
            yield candidate(
                OTHER_SET,
                time=run[0].time,
                end_time=run[-1].time,
                line=run[0].point.line,
                objects=objects_of(run),
                measure=bits,
                actual=set_name(value),
                expected=[Expected(set_name(other))],
                message=f"This line gives {_parts(run)} the {set_name(value)} set; {_where_other(bits_of[other], numbers)} have "
                f"the {set_name(other)} set here.",
                hits=len(run),
                bits=round(bits, 2),
            )


def _is_set(number: int, own: np.ndarray, seen: np.ndarray) -> np.ndarray:
    return np.asarray(seen == number)


def _is_beyond(sign: int, own: np.ndarray, seen: np.ndarray) -> np.ndarray:
    return np.asarray(sign * (own - seen) >= OTHER_VOLUME)


def _is_near(own: np.ndarray, seen: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(seen - own) <= SAME_VOLUME)


def _other_volumes(evidence: Evidence) -> Iterator[Candidate]:
    passages = evidence.passages
    runs = list(_runs(passages, lambda hit: None if hit.hit_object.sample.volume else hit.volume))
    total, again = sum(len(numbers) for _, numbers in runs), _done_again(passages, runs)
    cells = _cells_of(passages)
    uses = np.bincount(
        [value or 0 for value, _ in runs], weights=[len(numbers) for _, numbers in runs], minlength=101
    )  # volumes are 0 to 100
    compared = _Compared(passages, "volume", np.array([hit.volume for hit in passages.hits]))
    bits_of = {sign: compared.bits(partial(_is_beyond, sign), _is_near) for sign in (-1, 1)}
    for place, (value, numbers) in enumerate(runs):
        assert value is not None
        before, after = (runs[at][0] if 0 <= at < len(runs) else None for at in (place - 1, place + 1))
        alike = int(uses[max(value - SAME_VOLUME, 0) : value + SAME_VOLUME + 1].sum()) - len(numbers)
        for sign, word in ((-1, "quieter"), (1, "louder")):
            bits = _total(bits_of[sign], numbers, cells)
            if (
                before is not None
                and after is not None
                and min(sign * (value - before), sign * (value - after)) >= OTHER_VOLUME
            ):
                bits += BESIDE_BITS * (2 if abs(before - after) <= SAME_VOLUME / 2 else 1)
            bits += _rarity(alike, total) / 2 - again[place]
            if bits < LEAST_BITS or len(runs) < 2:
                continue
            run = [passages.hits[number] for number in numbers]
            yield candidate(
                OTHER_VOLUME_RULE,
                time=run[0].time,
                end_time=run[-1].time,
                line=run[0].point.line,
                objects=objects_of(run),
                measure=bits,
                actual=f"{value} %",
                expected=[Expected("as where the passage is repeated")],
                message=f"This line sets {_hits(len(run))} to {value} % volume, {word} than in {_where_other(bits_of[sign], numbers)}.",
                hits=len(run),
                bits=round(bits, 2),
            )


CHECK = BeatmapCheck(Category.HITSOUNDS, "Hitsounds of repeated passages", (LOST, OTHER_SET, OTHER_VOLUME_RULE), run)
