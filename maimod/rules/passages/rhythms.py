"""Passages with another rhythm than their copies: a paste that is early or late, another divisor, an object that all copies
have, an object of another kind.

Each passage is one candidate, at the object where it begins. What the copies do is measured in bits, as the log-odds of
the other value among them; the same of the other difficulties is added. Copies: :mod:`maimod.features.copies.passages`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

import numpy as np

from maimod.features.copies.cells import CELLS_PER_BEAT, QUARTER
from maimod.features.copies.passages import Passages
from maimod.findings import Category, Expected, Severity, Tier, clock, counted
from maimod.osu.beatmap import HitObject, ObjectKind
from maimod.osu.names import kind_name, noun, object_name
from maimod.rules import elsewhere
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.bundles import SHOWN_OBJECTS, strongest
from maimod.rules.checks import BeatmapCheck
from maimod.rules.elsewhere import a
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm.objects import at_time
from maimod.rules.stretches import log_odds

SHIFTED_CURVE, GRID_CURVE, COPIES_CURVE = Curve(7.5, 1.2), Curve(8.0, 1.5), Curve(9.0, 1.5)
"""Of bits: no passage of 100 minutes of 60 ranked and other maps is above the middle of any."""
LEAST_BITS = 3.0
"""Fewest bits of a candidate."""
LEAST_OTHERS = 2
LONGEST_GRID_BEATS = 4
LONG_BEATS, BITS_OF_LONG = 16.0, 0.5
"""Beats of a passage that can be an oversight, and bits for each beat more: long sections that differ are a choice."""
SHIFT_BITS, SIBLING_SHIFT_BITS = 10.0, 8.0
"""Bits of a gain of 1 in the share of common times."""
LEAST_SHIFT_BITS = 2.0

SHIFTED = Rule(
    "rhythm/passage-shifted",
    "Passage early or late by part of a beat",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A passage that was pasted a quarter or half beat off is off the song from its first to its last object.",
    how="Two measures fit other measures of the map, and the other difficulties, much better if they are moved by 1/4 or 1/2 beat.",
    advice="Listen at a low speed: do the objects lie on the sounds?",
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
    why="A few objects on thirds of a beat in a map of quarters, or the reverse, are usually placed with the wrong beat snap divisor.",
    how="Up to four beats have objects on thirds and none on quarters, or the reverse, in a map where few beats do; measures with the "
    "same rhythm, and the other difficulties, have the other kind there.",
    advice="Listen at a low speed: does the song have this rhythm here?",
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
    why="A phrase that is mapped the same way each time, but lacks one object once, usually lost it.",
    how="Nothing starts, turns, ends or is held where most measures with the same rhythm have an object; that the other difficulties "
    "have one counts as well.",
    advice="Listen: is the sound there this time as well?",
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
    advice="Compare with those measures: is the difference intended?",
    ignore_when="the phrase varies on purpose",
    blind_spots="Passages that occur once or twice.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object",
    curves={"": COPIES_CURVE},
    corruptions=("length",),
)


def run(evidence: Evidence) -> Iterator[Candidate]:
    if not evidence.beatmap.hit_objects or not evidence.passages.cells.count:
        return
    for find in (_shifted, _other_grids, _missing, _other_kinds):
        yield from strongest(find(evidence))


def bits_of_length(cells: int) -> float:
    """Bits against a mistake by the length of a passage in cells."""
    return BITS_OF_LONG * max(cells / CELLS_PER_BEAT - LONG_BEATS, 0.0)


def _first_objects(evidence: Evidence, cells: np.ndarray) -> list[HitObject]:
    """The first object that starts in each cell."""
    starts = evidence.passages.cells.of(evidence.object_times)
    return [evidence.objects_by_time[int(np.searchsorted(starts, cell))] for cell in cells.tolist()]


def _objects_of_kind(evidence: Evidence, cells: np.ndarray) -> list[HitObject]:
    """The object in each cell that is of the cell's kind, in a chord the hold note; of several the one likeliest to end at a wrong
    time, else the first."""
    starts, objects = evidence.passages.cells.of(evidence.object_times), evidence.objects_by_time
    kinds = [list(ObjectKind)[number - 1] for number in evidence.passages.own.kind[cells].tolist()]
    ends = evidence.slips.ends if evidence.slips else np.zeros(len(objects))
    found = []
    for kind, first, last in zip(
        kinds,
        np.searchsorted(starts, cells).tolist(),
        np.searchsorted(starts, cells, side="right").tolist(),
        strict=True,
    ):
        own = [place for place in range(first, last) if objects[place].kind is kind]
        found.append(objects[max(own, key=ends.__getitem__)])
    return found


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
            message=partial(_shifted_words, evidence, objects, part, int(shifts[measure])),
            gain=round(float(gains[measure]), 3),
            gain_in_others=round(float(of_siblings[measure]), 3),
            bits=round(float(bits[measure]), 2),
        )


def _shifted_words(evidence: Evidence, objects: Sequence[HitObject], part: str, shift: int) -> str:
    """Words about objects that seem `part` of a beat late (`shift` in cells, positive) or early."""
    times = sorted({o.time for o in objects})
    moved = [time - shift / CELLS_PER_BEAT * evidence.beatmap.red_line_of(time).beat_length for time in times]
    clear, clear_moved = (
        sum(elsewhere.sound(evidence, time) == elsewhere.CLEAR for time in at) for at in (times, moved)
    )
    heard = f", though {clear} of them lie on clear sounds and {clear_moved or 'none'} would"
    return (
        f"These {len(objects)} {noun(evidence.beatmap)}s seem {part} beat {'late' if shift > 0 else 'early'}: moved by that, they match "
        f"the measures with the same rhythm elsewhere in the map{heard * (clear > clear_moved)}."
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
            bits += float(np.clip(log_odds((seen == other).sum(), (seen == kind).sum()), -4, 4))
        if bits < LEAST_BITS:
            continue
        objects = _first_objects(evidence, cells[passages.own.head[cells]])
        names, ticks = {1: "quarters", 2: "thirds"}, {1: "1/4", 2: "1/3"}
        others = (
            f"{alike or 'no'} other beat{'' if alike == 1 else 's'} of the map {'has' if alike == 1 else 'have'} that"
        )
        yield candidate(
            OTHER_GRID,
            time=objects[0].time,
            end_time=objects[-1].time,
            line=objects[0].line,
            objects=objects[:SHOWN_OBJECTS],
            measure=bits,
            actual=f"on {names[kind]}",
            expected=[Expected(f"on {names[other]}")],
            message=f"{f'{len(run)} beats have' if len(run) > 1 else 'This beat has'} {noun(evidence.beatmap)}s on {ticks[kind]} ticks; "
            f"{others}, most have {ticks[other]}.",
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
    bits = log_odds(with_it, without)
    bits += np.clip(log_odds((others & has_others).sum(axis=1), (~others & has_others).sum(axis=1)), -3, 3)
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
            expected=[Expected(f"an object at {clock(time)}")],
            message=partial(_hole, evidence, time),
            copies=int(with_it[place] + without[place]),
            copies_with_object=int(with_it[place]),
            bits=round(float(bits[place]), 2),
        )


def _hole(evidence: Evidence, time: float) -> str:
    seen = elsewhere.objects(evidence, time, True, "the rhythm around suggests an object here")
    return f"{seen[0].upper()}{seen[1:]}; this measure has none."


def _other_kinds(evidence: Evidence) -> Iterator[Candidate]:
    """Objects of another kind than those at the same place of the copies."""
    passages = evidence.passages
    heads = np.flatnonzero(passages.own.head)
    (seen, valid), _ = _votes(passages, "kind", heads)
    own = passages.own.kind[heads][:, None]
    kinds = list(ObjectKind)
    for number, kind in enumerate(kinds, start=1):
        with_it, same = (valid & (seen == number)).sum(axis=1), (valid & (seen == own)).sum(axis=1)
        bits = log_odds(with_it, same)
        chosen = np.flatnonzero((own[:, 0] != number) & (with_it >= LEAST_OTHERS) & (bits >= LEAST_BITS))
        for place, o in zip(chosen.tolist(), _objects_of_kind(evidence, heads[chosen]), strict=True):
            yield candidate(
                OTHER_KIND,
                time=o.time,
                line=o.line,
                objects=[o],
                measure=float(bits[place]),
                actual=kind_name(str(o.kind), evidence.beatmap),
                expected=[Expected(kind_name(str(kind), evidence.beatmap))],
                message=f"This is {a(object_name(o, evidence.beatmap))}; {counted(int(with_it[place]), 'similar measure')} "
                f"{'has' if with_it[place] == 1 else 'have'} {a(kind_name(str(kind), evidence.beatmap))} here, "
                f"{same[place] or 'none'} {a(kind_name(str(o.kind), evidence.beatmap))}.",
                copies_with_it=int(with_it[place]),
                bits=round(float(bits[place]), 2),
            )


CHECK = BeatmapCheck(Category.RHYTHM, "Rhythm of repeated passages", (SHIFTED, OTHER_GRID, HOLE, OTHER_KIND), run)
