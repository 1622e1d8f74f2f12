"""Passages that differ from their copies: lost additions, a line with another sample set or volume, a paste that is early
or late, another divisor, an object that all copies have.

Each passage is one candidate, at the line or the object where it begins. What its copies do is measured in bits, as the
log-odds of the other value among them; the same of the other difficulties is added. Copies: :mod:`maimod.rules.passages`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import HitObject, Mode, ObjectKind
from maimod.osu.hitsounds import Hit, set_name
from maimod.osu.timing import TICKS_PER_BEAT
from maimod.rules.base import ALL_MODES, BeatmapCheck, Candidate, Curve, Evidence, Rule, candidate
from maimod.rules.passages import CELL_TICKS, CELLS_PER_BEAT, QUARTER, Passages
from maimod.rules.rhythm import at_time
from maimod.rules.volume import HITSOUND_RULES

NOT_TAIKO = ALL_MODES - {Mode.TAIKO}
LOST_CURVE, SET_CURVE, LEVEL_CURVE = Curve(20.0, 4.0), Curve(9.0, 2.0), Curve(18.0, 3.0)
SHIFTED_CURVE, GRID_CURVE, COPIES_CURVE = Curve(7.5, 1.2), Curve(8.0, 1.5), Curve(9.0, 1.5)
"""Of bits. On 100 minutes of 60 ranked and other maps: above the middle 6 passages without additions, 1 sample set, 5 volumes,
and none of the three curves of rhythm."""
LEAST_BITS, LEAST_LOST_BITS = 3.0, 4.0
"""Fewest bits of a candidate."""
MOST_BITS_OF_HIT, MOST_BITS = 2.0, 12.0
"""Hits of a passage are changed together, so that each is little evidence, and all copies of them no more than these."""
LEAST_OTHERS = 2
MOST_CANDIDATES = 8
"""Of each kind in a map, the strongest."""
SHOWN_OBJECTS = 8
BESIDE_BITS = 2.0
"""Where the hits before and after have the same other value."""
MOST_RARITY = 4.0
OTHER_VOLUME, SAME_VOLUME = 12, 8
"""Percent."""
LONG_BEATS, BITS_OF_LONG = 16.0, 0.5
"""Beats without additions that look like an oversight, and bits for each beat more: long calm sections are a choice."""
DONE_AGAIN_BITS = 4.0
"""Bits for each doubling of the number of passages with the same value, place in the measure and length."""
LONGEST_GRID_BEATS = 4
SHIFT_BITS, SIBLING_SHIFT_BITS = 10.0, 8.0
"""Bits of a gain of 1 in the share of common times."""
LEAST_SHIFT_BITS = 2.0

LOST = Rule(
    "hitsounds/passage-lost",
    "Passage without its additions",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A passage without whistles, finishes and claps, although it is mapped like others that have them, mostly lost them when "
    "it was copied or edited.",
    how="Two or more hits in a row have no addition where most measures with the same rhythm, or most other difficulties, have "
    "one.",
    ignore_when="the song is calmer here",
    blind_spots="Passages that occur once, in sets of one or two difficulties; a single kind of addition that is lost.",
    source=HITSOUND_RULES,
    modes=NOT_TAIKO,
    curves={"": LOST_CURVE},
    corruptions=("addition",),
)
OTHER_SET = Rule(
    "hitsounds/passage-sample-set",
    "Line with another sample set than the copies of its passage",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A timing point with the wrong sample set changes how everything up to the next one sounds.",
    how="All hits under the timing point are compared with those at the same place of measures with the same rhythm, and with those "
    "of the other difficulties at the same time.",
    ignore_when="the instruments of the song change here",
    blind_spots="Sets that objects give themselves; passages that occur once, in sets of one or two difficulties.",
    source=HITSOUND_RULES,
    modes=NOT_TAIKO,
    curves={"": SET_CURVE},
    corruptions=("sample_set",),
)
OTHER_VOLUME_RULE = Rule(
    "hitsounds/passage-volume",
    "Line with another volume than the copies of its passage",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A timing point with a mistyped or left-over volume makes everything up to the next one too quiet or too loud.",
    how="All hits under the timing point are compared with those at the same place of measures with the same rhythm, and with those "
    "of the other difficulties at the same time.",
    ignore_when="the song is quieter or louder here, or fades",
    blind_spots="Volumes that objects give themselves; changes by less than 12 %.",
    source=HITSOUND_RULES,
    curves={"": LEVEL_CURVE},
    corruptions=("volume",),
)
SHIFTED = Rule(
    "rhythm/passage-shifted",
    "Passage early or late by part of a beat",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A passage that was pasted a quarter or half beat off is off the song from its first to its last object.",
    how="Two measures fit other measures of the map, and the other difficulties, much better if they are moved by 1/4 or 1/2 beat.",
    ignore_when="the song repeats the phrase with this shift",
    blind_spots="Even rhythms, which fit as well with the shift; passages that occur once.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria#timing",
    curves={"": SHIFTED_CURVE},
    corruptions=("extra", "missing"),
)
OTHER_GRID = Rule(
    "rhythm/passage-divisor",
    "Passage on another beat snap divisor",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A few objects on thirds of a beat in a map of quarters, or the reverse, are mostly placed with the wrong beat snap divisor.",
    how="Up to four beats have objects on thirds and none on quarters, or the reverse, in a map where few beats do; measures with the "
    "same rhythm, and the other difficulties, have the other kind there.",
    ignore_when="the song has that rhythm there",
    blind_spots="Maps that use both kinds throughout.",
    source="https://osu.ppy.sh/wiki/en/Client/Beatmap_editor/Beat_snap_divisor",
    curves={"": GRID_CURVE},
    corruptions=("extra", "missing"),
)

HOLE = Rule(
    "rhythm/passage-object",
    "No object where the copies of the passage have one",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A phrase that is mapped the same way each time, but lacks one object once, mostly lost it.",
    how="Nothing starts, turns, ends or is held where most measures with the same rhythm have an object; that the other difficulties "
    "have one counts as well.",
    ignore_when="the song leaves the sound out here",
    blind_spots="Passages that occur once or twice; objects of a mania chord.",
    source="https://osu.ppy.sh/wiki/en/Beatmapping/Mapping_techniques/Undermapping",
    curves={"": COPIES_CURVE},
    corruptions=("missing",),
    discriminator_logit=at_time,
)
OTHER_KIND = Rule(
    "rhythm/passage-kind",
    "Another kind of object than in the copies of the passage",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A slider that became a circle, or a circle that became a slider, changes the rhythm of a phrase that is otherwise repeated.",
    how="Most measures with the same rhythm have another kind of object at this place.",
    ignore_when="the phrase varies on purpose",
    blind_spots="Passages that occur once or twice.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object",
    curves={"": COPIES_CURVE},
    corruptions=("length",),
)


def sounds(evidence: Evidence) -> Iterator[Candidate]:
    """Passages that sound otherwise than their copies."""
    if not evidence.beatmap.hit_objects or not evidence.passages.cells.count:
        return
    if evidence.beatmap.mode is not Mode.TAIKO:
        yield from _strongest(_lost(evidence))
        yield from _strongest(_other_sets(evidence))
    yield from _strongest(_other_volumes(evidence))


def rhythms(evidence: Evidence) -> Iterator[Candidate]:
    """Passages with another rhythm than their copies."""
    if not evidence.beatmap.hit_objects or not evidence.passages.cells.count:
        return
    for find in (_shifted, _other_grids, _missing, _other_kinds):
        yield from _strongest(find(evidence))


def _strongest(found: Iterator[Candidate]) -> list[Candidate]:
    ordered = sorted(found, key=lambda one: -(one.measure or 0.0))[:MOST_CANDIDATES]
    return sorted(ordered, key=lambda one: one.time)


def _log_odds(other: Any, same: Any) -> np.ndarray:
    """Bits of counts; 0 without any."""
    return np.asarray(np.log2((np.asarray(other) + 0.5) / (np.asarray(same) + 0.5)))


def _objects(found: Sequence[Hit]) -> list[HitObject]:
    """The objects of hits, each once."""
    return list({hit.hit_object.index: hit.hit_object for hit in found}.values())[:SHOWN_OBJECTS]


# ---------------------------------------------------------------------------------------------------------------------
# Sounds


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
        beats = (cells[run[-1]] - cells[run[0]]) / CELLS_PER_BEAT
        total = float(bits[run].sum()) - BITS_OF_LONG * max(beats - LONG_BEATS, 0.0)
        if not is_bare or len(lost) < 2 or total < LEAST_LOST_BITS or run[0] == 0 or run[-1] == len(cells) - 1:
            continue
        missing = [hit_of[int(cells[place])] for place in lost]
        first = missing[0]
        yield candidate(
            LOST,
            time=first.time,
            end_time=missing[-1].time,
            line=first.hit_object.line,
            objects=_objects(missing),
            measure=total,
            actual="no additions",
            expected=[Expected("additions")],
            message=f"{_hits(len(run))} in a row have no addition; {_in(copies.lost[lost].sum(), others.lost[lost].sum())} have "
            f"some at {len(lost)} of these places.",
            hits=len(run),
            lost=len(lost),
            bits=round(total, 2),
        )


def _hits(count: int) -> str:
    return f"{count} hit{'s' * (count != 1)}"


def _in(of_copies: int, of_others: int) -> str:
    """Which witnesses there are, in words."""
    names = [
        name
        for name, count in (("measures with the same rhythm", of_copies), ("the other difficulties", of_others))
        if count
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


class _Witness:
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
            found.append(np.clip(_log_odds(other, same), -MOST_BITS_OF_HIT, MOST_BITS_OF_HIT))
        return found


def _total(bits: Sequence[np.ndarray], numbers: list[int]) -> float:
    """Bits of a run of hits."""
    return sum(min(max(float(side[numbers].sum()), -MOST_BITS), MOST_BITS) for side in bits)


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
    total = sum(len(numbers) for _, numbers in runs)
    again = _done_again(passages, runs)
    uses = {value: sum(len(numbers) for other, numbers in runs if other == value) for value, _ in runs}
    witness = _Witness(passages, "sample_set", np.array([hit.normal_set for hit in passages.hits]))
    bits_of = {other: witness.bits(partial(_is_set, other), np.equal) for other in (1, 2, 3)}
    for place, (value, numbers) in enumerate(runs):
        assert value is not None
        beside = {runs[other][0] for other in (place - 1, place + 1) if 0 <= other < len(runs)}
        for other in (1, 2, 3):
            if other == value or len(runs) < 2:
                continue
            bits = _total(bits_of[other], numbers)
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
                objects=_objects(run),
                measure=bits,
                actual=set_name(value),
                expected=[Expected(set_name(other))],
                message=f"The timing point gives {_hits(len(run))} the {set_name(value)} set; where the passage is repeated, or in the "
                f"other difficulties, they have the {set_name(other)} set.",
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
    uses = np.bincount(
        [value or 0 for value, _ in runs], weights=[len(numbers) for _, numbers in runs], minlength=101
    )  # volumes are 0 to 100
    witness = _Witness(passages, "volume", np.array([hit.volume for hit in passages.hits]))
    bits_of = {sign: witness.bits(partial(_is_beyond, sign), _is_near) for sign in (-1, 1)}
    for place, (value, numbers) in enumerate(runs):
        assert value is not None
        before, after = (runs[at][0] if 0 <= at < len(runs) else None for at in (place - 1, place + 1))
        alike = int(uses[max(value - SAME_VOLUME, 0) : value + SAME_VOLUME + 1].sum()) - len(numbers)
        for sign, word in ((-1, "quieter"), (1, "louder")):
            bits = _total(bits_of[sign], numbers)
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
                objects=_objects(run),
                measure=bits,
                actual=f"{value} %",
                expected=[Expected("as where the passage is repeated")],
                message=f"The timing point sets {_hits(len(run))} to {value} %, {word} than where the passage is repeated or in the other "
                "difficulties.",
                hits=len(run),
                bits=round(bits, 2),
            )


# ---------------------------------------------------------------------------------------------------------------------
# Rhythm


def _first_objects(evidence: Evidence, cells: np.ndarray) -> list[HitObject]:
    """The first object that starts in each cell."""
    starts = evidence.passages.cells.of(evidence.object_times)
    return [evidence.objects_by_time[int(np.searchsorted(starts, cell))] for cell in cells.tolist()]


def _shifted(evidence: Evidence) -> Iterator[Candidate]:
    passages = evidence.passages
    gains, shifts, of_siblings = passages.shifted
    bits = SHIFT_BITS * gains + SIBLING_SHIFT_BITS * of_siblings
    heads = np.flatnonzero(passages.own.head)
    measures = passages.cells.measures(heads)
    for measure in np.flatnonzero(bits >= LEAST_SHIFT_BITS).tolist():
        around = bits[max(measure - 1, 0) : measure + 2]
        inside = heads[(measures == measure) | (measures == measure + 1)]
        if bits[measure] < around.max() or len(inside) < 3:
            continue
        objects = _first_objects(evidence, inside)
        part = "1/4" if abs(shifts[measure]) == QUARTER else "1/2"
        side = "late" if shifts[measure] > 0 else "early"
        yield candidate(
            SHIFTED,
            time=objects[0].time,
            end_time=objects[-1].time,
            line=objects[0].line,
            objects=objects[:SHOWN_OBJECTS],
            measure=float(bits[measure]),
            actual=f"{part} beat {side}",
            expected=[Expected("as where the passage is repeated")],
            message=f"{len(objects)} objects fit the rest of the map better if they are moved by {part} beat: the passage seems to be "
            f"{part} beat {side}.",
            gain=round(float(gains[measure]), 3),
            gain_in_others=round(float(of_siblings[measure]), 3),
            bits=round(float(bits[measure]), 2),
        )


def _grid_kinds(head: np.ndarray) -> np.ndarray:
    """For each beat 1 if its objects are on quarters, 2 if they are on thirds, 0 if they are on neither or both.

    Args:
        head: (..., CELLS_PER_BEAT) whether an object starts.
    """
    quarters, thirds = head[..., [QUARTER, 3 * QUARTER]].any(axis=-1), head[..., [4, 8]].any(axis=-1)
    on_half = head[..., 2 * QUARTER]
    return np.asarray(np.where(quarters & ~thirds, 1, np.where(thirds & ~quarters & ~on_half, 2, 0)))


def _other_grids(evidence: Evidence) -> Iterator[Candidate]:
    passages = evidence.passages
    beats = np.concatenate(
        [
            np.arange(start, start + length, CELLS_PER_BEAT)
            for start, length in zip(passages.cells.starts.tolist(), passages.cells.lengths.tolist(), strict=True)
        ]
    )
    inside = np.minimum(beats[:, None] + np.arange(CELLS_PER_BEAT), passages.cells.count - 1)
    kinds = _grid_kinds(passages.own.head[inside])
    used = int((kinds > 0).sum())
    place = 0
    for kind, group in groupby(kinds.tolist()):
        run = list(range(place, place + len(list(group))))
        place = run[-1] + 1
        other = 3 - kind
        alike = int((kinds == kind).sum()) - len(run)
        if not kind or len(run) > LONGEST_GRID_BEATS or alike > used / 4:
            continue
        bits = -float(np.log2((alike + 0.5) / (used + 1)))
        cells = inside[run]
        there = passages.copies_of(cells.ravel()).reshape(*cells.shape, -1)
        of_copies = _grid_kinds(np.moveaxis(passages.own.head[np.maximum(there, 0)] & (there >= 0), 2, 1))
        of_others = (
            np.stack([_grid_kinds(one.head[cells]) for one in passages.siblings]) if passages.siblings else kinds[:0]
        )
        for seen in (of_copies, of_others):
            bits += float(np.clip(_log_odds((seen == other).sum(), (seen == kind).sum()), -4, 4))
        if bits < LEAST_BITS:
            continue
        objects = _first_objects(evidence, cells[passages.own.head[cells]])
        names = {1: "quarters", 2: "thirds"}
        yield candidate(
            OTHER_GRID,
            time=objects[0].time,
            end_time=objects[-1].time,
            line=objects[0].line,
            objects=objects[:SHOWN_OBJECTS],
            measure=bits,
            actual=f"on {names[kind]}",
            expected=[Expected(f"on {names[other]}")],
            message=f"{len(run)} beat{'s' if len(run) > 1 else ''} with objects on {names[kind]} of a beat, as {alike or 'no'} other"
            f"{'' if alike == 1 else 's'} of the map.",
            beats=len(run),
            alike_in_map=alike,
            bits=round(bits, 2),
        )


def _votes(passages: Passages, name: str, cells: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """(values, whether there is one) of the copies and of the other difficulties."""
    return [
        passages.in_copies(name, cells),
        (passages.in_siblings(name, cells), np.ones((len(cells), len(passages.siblings)), dtype=bool)),
    ]


def _missing(evidence: Evidence) -> Iterator[Candidate]:
    """Empty places where most copies have an object."""
    passages = evidence.passages
    own = passages.own
    heads = np.flatnonzero(own.head)
    cells = np.flatnonzero(~own.edge & ~own.held)
    cells = cells[(cells > heads[0]) & (cells < heads[-1])]
    (seen, valid), (others, has_others) = _votes(passages, "head", cells)
    with_it, without = (seen & valid).sum(axis=1), (~seen & valid).sum(axis=1)
    bits = _log_odds(with_it, without)
    bits += np.clip(_log_odds((others & has_others).sum(axis=1), (~others & has_others).sum(axis=1)), -3, 3)
    chosen = np.flatnonzero((with_it >= LEAST_OTHERS) & (with_it > 2 * without) & (bits >= LEAST_BITS))
    times = passages.cells.times(cells[chosen])
    for place, time in zip(chosen.tolist(), times.tolist(), strict=True):
        if any(pause.start <= time <= pause.end for pause in evidence.beatmap.breaks):
            continue
        before = evidence.objects_by_time[max(int(np.searchsorted(evidence.object_times, time)) - 1, 0)]
        yield candidate(
            HOLE,
            time=float(round(time)),
            line=before.line,
            objects=[before],
            measure=float(bits[place]),
            actual="nothing",
            expected=[Expected(f"an object at {time:.0f} ms")],
            message=f"{with_it[place]} of {with_it[place] + without[place]} measures with the same rhythm have an object here.",
            copies=int(with_it[place] + without[place]),
            copies_with_object=int(with_it[place]),
            bits=round(float(bits[place]), 2),
        )


def _other_kinds(evidence: Evidence) -> Iterator[Candidate]:
    """Objects of another kind than those at the same place of the copies."""
    passages = evidence.passages
    heads = np.flatnonzero(passages.own.head)
    (seen, valid), _ = _votes(passages, "kind", heads)
    own = passages.own.kind[heads][:, None]
    kinds = list(ObjectKind)
    for number, kind in enumerate(kinds, start=1):
        with_it, same = (valid & (seen == number)).sum(axis=1), (valid & (seen == own)).sum(axis=1)
        bits = _log_odds(with_it, same)
        chosen = np.flatnonzero((own[:, 0] != number) & (with_it >= LEAST_OTHERS) & (bits >= LEAST_BITS))
        for place, o in zip(chosen.tolist(), _first_objects(evidence, heads[chosen]), strict=True):
            yield candidate(
                OTHER_KIND,
                time=o.time,
                line=o.line,
                objects=[o],
                measure=float(bits[place]),
                actual=str(o.kind),
                expected=[Expected(str(kind))],
                message=f"{with_it[place]} measures with the same rhythm have a {kind} here, {same[place] or 'none'} a {o.kind}.",
                copies_with_it=int(with_it[place]),
                bits=round(float(bits[place]), 2),
            )


assert TICKS_PER_BEAT == CELLS_PER_BEAT * CELL_TICKS

SOUNDS = BeatmapCheck(
    Category.HITSOUNDS, "Hitsounds of repeated passages", (LOST, OTHER_SET, OTHER_VOLUME_RULE), sounds
)
RHYTHM = BeatmapCheck(Category.RHYTHM, "Rhythm of repeated passages", (SHIFTED, OTHER_GRID, HOLE, OTHER_KIND), rhythms)
