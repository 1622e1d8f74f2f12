"""Planted mistakes of mania columns: steps keyed in twice, columns that were never chosen or are those of another number of keys,
the wrong note of a chord held, chords of an easier difficulty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ONLY_MANIA, WIDTH, Beatmap, HitObject, ObjectKind
from maimod.training.faults.base import (
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    Row,
    best_in_turn,
    column_x,
    has_copy,
    in_turn,
    is_circle,
    pick,
    rebuild,
    rhythm_of,
    rows_of,
    starting_in,
    stretches,
    with_objects,
)
from maimod.training.faults.columns import are_free, columns_of, moved_to, of_lines, rows_in
from maimod.training.faults.further.more_modes import LEAST_NOTES
from maimod.training.faults.passages import COPY_MEASURES, is_closed

LEAST_TRILL = 5
"""Rows; two columns that alternate less often are no trill."""
BEFORE, AFTER = 2, 2
"""Rows of a trill before and after the step that is keyed in twice."""
LEAST_CHANGED = 3
LEAST_ROWS = 2
"""Rows of which a slip changes the number of notes."""
LEAST_COLUMNS = 3
"""Columns in use, by which those of a measure count as chosen."""
LEAST_MORE = 2
"""Notes by which a chord grows."""
LEAST_SQUEEZED = 5
"""Notes that come to other columns in a measure from fewer keys; with fewer of them it could be meant."""
FEWER_KEYS = 4
"""Keys of the difficulty from which a measure is pasted."""


def _is_of_notes(row: Row) -> bool:
    return all(map(is_circle, row.objects))


def _bare(o: HitObject) -> HitObject:
    """The note as one that is added to its row: without sounds, a sample file or a new combo of its own."""
    return replace(o, hitsound=0, sample=replace(o.sample, filename=""), new_combo=False, combo_skip=0)


# ---------------------------------------------------------------------------------------------------------------------
# Rows one step late


def _trills(beatmap: Beatmap) -> list[list[Row]]:
    """Longest even runs of rows of notes, half a beat apart or less, that alternate between two sets of as many columns."""

    def is_step(a: Row, b: Row) -> bool:
        return (
            _is_of_notes(a)
            and _is_of_notes(b)
            and len(a.objects) == len(b.objects)
            and not columns_of(beatmap, a) & columns_of(beatmap, b)
            and b.time - a.time <= beatmap.red_line_of(a.time).beat_length / 2 + SAME_MS
        )

    found: list[list[Row]] = []
    run: list[Row] = []
    for before, row in pairwise(rows_of(beatmap)):
        goes_on = len(run) >= 2 and (
            is_step(before, row)
            and abs(row.time - 2 * before.time + run[-2].time) < SAME_MS
            and columns_of(beatmap, row) == columns_of(beatmap, run[-2])
        )
        if goes_on:
            run.append(row)
        else:
            found.append(run)
            run = [before, row] if is_step(before, row) else []
    found.append(run)
    return [run for run in found if len(run) >= LEAST_TRILL]


def _trill_doubled(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A step of a trill was keyed in twice: from there to its end the two columns alternate the other way round."""
    for trill in in_turn(random, _trills(beatmap)):
        i = int(random.integers(BEFORE, len(trill) - AFTER + 1))
        moved = [
            moved_to(beatmap, o, column)
            for before, row in pairwise(trill[i - 1 :])
            for o, column in zip(row.objects, sorted(columns_of(beatmap, before)), strict=True)
        ]
        if are_free(beatmap, moved):
            changed = with_objects(beatmap, {o.index: o for o in moved})
            return of_lines(changed, moved, moved, f"columns of a trill exchanged from its row {i + 1} on")
    return None


def _in_columns(beatmap: Beatmap, row: Row, columns: Sequence[int]) -> list[HitObject]:
    """The notes of a row in other columns: each column more has a note without sounds, notes that are left over go."""
    notes = sorted(row.objects, key=beatmap.column)
    placed = [*notes[: len(columns)], *[_bare(notes[-1])] * (len(columns) - len(notes))]
    return [moved_to(beatmap, o, column) for o, column in zip(placed, columns, strict=True)]


def _with_rows(beatmap: Beatmap, new: Mapping[float, Sequence[HitObject]]) -> Beatmap | None:
    """A copy with other notes in the rows at some times [ms]; None if they run into each other or into other notes."""
    kept = [o for o in beatmap.hit_objects if o.time not in new]
    placed = [o for row in new.values() for o in row]
    if not are_free(rebuild(beatmap, hit_objects=kept), [replace(o, index=-1 - k) for k, o in enumerate(placed)]):
        return None
    return rebuild(beatmap, hit_objects=[*kept, *placed])


def _plain_rows(beatmap: Beatmap, start: float, end: float) -> list[Row]:
    """Rows of a stretch [ms] of notes that start together exactly; none if it has others or hold notes run into it."""
    rows = rows_in(beatmap, start, end)
    is_plain = all(_is_of_notes(row) and len({o.time for o in row.objects}) == 1 for row in rows)
    return rows if is_plain and is_closed(beatmap, start, end) else []


def _rows_late(dose: str, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The first row or beat of a measure was keyed in twice: the columns of all later notes of the measure come that much late,
    the rhythm is as before, and chords miss their accents."""
    places = stretches(beatmap, 1, LEAST_NOTES)
    for start, end in best_in_turn(random, places, lambda place: has_copy(beatmap, *place)):
        rows = _plain_rows(beatmap, start, end)
        beat = beatmap.red_line_of(start).beat_length
        sources: list[tuple[Row, Row]] = []
        for i, row in enumerate(rows[1:]):
            if dose == "1 row":
                sources.append((row, rows[i]))
            elif row.time >= start + beat - SAME_MS:
                sources += [(row, before) for before in rows if abs(before.time + beat - row.time) < SAME_MS]
        is_whole = dose == "1 row" or len(sources) == sum(row.time >= start + beat - SAME_MS for row in rows)
        others = [(row, before) for row, before in sources if columns_of(beatmap, row) != columns_of(beatmap, before)]
        if not is_whole or sum(len(row.objects) != len(before.objects) for row, before in others) < LEAST_ROWS:
            continue
        new = {row.time: _in_columns(beatmap, row, sorted(columns_of(beatmap, before))) for row, before in others}
        changed = _with_rows(beatmap, new)
        if changed is not None:
            notes = [o for row in new.values() for o in row]
            return of_lines(changed, notes, notes, f"columns of {len(others)} rows of a measure {dose} late")
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Columns not chosen, or for another number of keys


def _not_set(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The notes of a measure are in the first columns: its rhythm and chords were placed, but no columns chosen yet. Only where
    the measure before or after uses more of them."""
    for start, end in in_turn(random, stretches(beatmap, 1, LEAST_NOTES)):
        rows, length = _plain_rows(beatmap, start, end), end - start
        used = set.union(set(), *(columns_of(beatmap, row) for row in rows))
        around = {beatmap.column(o) for o in starting_in(beatmap, start - length, start)}
        around |= {beatmap.column(o) for o in starting_in(beatmap, end, end + length)}
        if len(used) < LEAST_COLUMNS or len(around) < LEAST_COLUMNS:
            continue
        new = {
            o.index: moved_to(beatmap, o, column)
            for row in rows
            for column, o in enumerate(sorted(row.objects, key=beatmap.column))
            if beatmap.column(o) != column
        }
        if len(new) >= LEAST_CHANGED and are_free(beatmap, list(new.values())):
            moved = list(new.values())
            return of_lines(with_objects(beatmap, new), moved, moved, f"{len(moved)} notes in the first columns")
    return None


def _other_keys(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A measure was pasted from the difficulty with four keys: its notes are only in the columns in which x of those keys falls,
    one of them where two come together."""
    keys = beatmap.keys
    if keys <= FEWER_KEYS:
        return None
    narrow = replace(beatmap, difficulty=replace(beatmap.difficulty, circle_size=FEWER_KEYS))
    to = [int(column_x(narrow, column * FEWER_KEYS // keys) * keys / WIDTH) for column in range(keys)]
    for start, end in in_turn(random, stretches(beatmap, 1, LEAST_NOTES)):
        if not is_closed(beatmap, start, end):
            continue
        new: dict[int, HitObject | None] = {}
        for row in rows_in(beatmap, start, end):
            taken: set[int] = set()
            for o in row.objects:
                column = to[beatmap.column(o)]
                new[o.index] = moved_to(beatmap, o, column) if column not in taken else None
                taken.add(column)
        new = {i: o for i, o in new.items() if o is None or beatmap.column(o) != beatmap.column(beatmap.hit_objects[i])}
        moved = [o for o in new.values() if o is not None]
        old = [beatmap.hit_objects[i] for i in new]
        kept = replace(beatmap, hit_objects=tuple(o for o in beatmap.hit_objects if new.get(o.index, o) is not None))
        if len(moved) >= LEAST_SQUEEZED and are_free(kept, moved):
            note = f"{len(new)} notes of a measure as pasted from {FEWER_KEYS} keys"
            return of_lines(with_objects(beatmap, new), moved, old, note)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Chords


def _wrong_held(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The other note of a chord is held: the hold note is a note, and a note is held as long, while the same chord some measures
    before or after has it as it was."""
    held = {(round(o.time), beatmap.column(o)) for o in beatmap.hit_objects if o.kind is ObjectKind.HOLD}
    single = {(round(o.time), beatmap.column(o)) for o in beatmap.hit_objects if is_circle(o)}

    def is_repeated(pair: tuple[HitObject, HitObject]) -> bool:
        hold, note = pair
        red = beatmap.red_line_of(hold.time)
        times = [hold.time + sign * count * red.beat_length * red.meter for count in COPY_MEASURES for sign in (-1, 1)]
        close = [round(time) + late for time in times for late in (-1, 0, 1)]
        return any((time, beatmap.column(hold)) in held and (time, beatmap.column(note)) in single for time in close)

    pairs = [
        (hold, note)
        for row in rows_of(beatmap)[1:-1]
        for hold in row.objects
        for note in row.objects
        if hold.kind is ObjectKind.HOLD and is_circle(note)
    ]
    for hold, note in in_turn(random, [pair for pair in pairs if is_repeated(pair)]):
        new = [
            replace(hold, kind=ObjectKind.CIRCLE, end_time=hold.time),
            replace(note, kind=ObjectKind.HOLD, end_time=hold.end_time),
        ]
        if are_free(beatmap, new):
            changed = with_objects(beatmap, {o.index: o for o in new})
            said = f"column {beatmap.column(note)} held in place of column {beatmap.column(hold)}"
            return of_lines(changed, new, [hold, note], said)
    return None


def _seam_doubled(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A measure was copied together with the row on the downbeat after it, whose notes now lie beside those of the row after the
    copy: a chord larger than either."""
    rows = {round(row.time): row for row in rows_of(beatmap)}
    seams: list[tuple[Row, list[int], float]] = []
    for start, end in stretches(beatmap, 1, LEAST_NOTES):
        red = beatmap.red_line_of(start)
        for step in (sign * count * red.beat_length * red.meter for count in COPY_MEASURES for sign in (-1, 1)):
            row, other = (
                next((rows[ms] for ms in range(round(time) - 1, round(time) + 2) if ms in rows), None)
                for time in (end, end + step)
            )
            if row is None or other is None or not (_is_of_notes(row) and _is_of_notes(other)):
                continue
            more = sorted(columns_of(beatmap, other) - columns_of(beatmap, row))
            own = rhythm_of(beatmap, start, end)
            if len(more) >= LEAST_MORE and own == rhythm_of(beatmap, start + step, end + step):
                seams.append((row, more, other.time))
    for row, more, source in in_turn(random, seams):
        added = [replace(moved_to(beatmap, _bare(row.objects[-1]), column), index=-1 - column) for column in more]
        if are_free(beatmap, added):
            changed = rebuild(beatmap, hit_objects=[*beatmap.hit_objects, *added])
            note = f"{len(added)} notes of the chord at {source:.0f} ms beside another"
            return of_lines(changed, added, added, note)
    return None


def _chords_thinned(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The chords of a measure are single notes, as pasted from an easier difficulty, between measures that have chords."""

    def chords(start: float, end: float) -> list[Row]:
        return [row for row in rows_in(beatmap, start, end) if len(row.objects) > 1]

    for start, end in best_in_turn(random, stretches(beatmap, 1, LEAST_NOTES), lambda place: has_copy(beatmap, *place)):
        length, own = end - start, chords(start, end)
        around = chords(start - length, start), chords(end, end + length)
        if len(own) < LEAST_CHANGED or not all(map(_is_of_notes, own)) or min(map(len, around)) < LEAST_CHANGED:
            continue
        before: set[int] = set()
        lost: list[HitObject] = []
        for row in rows_in(beatmap, start, end):
            apart = [o for o in row.objects if beatmap.column(o) not in before]
            kept = pick(random, apart or row.objects)
            assert kept is not None
            lost += [o for o in row.objects if o is not kept and len(row.objects) > 1]
            before = {beatmap.column(kept)}
        changed = with_objects(beatmap, dict.fromkeys([o.index for o in lost]))
        left = [c for a in own for c in starting_in(changed, a.time, a.time + 2 * SAME_MS)]
        objects = tuple(o.index for o in left)
        return Planted(changed, own[0].time, own[-1].time, objects, f"{len(own)} chords of a measure are single notes")
    return None


_P, _R = Category.POSITIONS, Category.RHYTHM
FAULTS: tuple[Fault, ...] = (
    Fault("trill-doubled", "1 row", (_P,), ONLY_MANIA, _trill_doubled),
    *(Fault("columns-late", dose, (_P, _R), ONLY_MANIA, partial(_rows_late, dose)) for dose in ("1 row", "1 beat")),
    Fault("columns-not-set", "1 measure", (_P,), ONLY_MANIA, _not_set),
    Fault("other-keys", "1 measure", (_P, _R), ONLY_MANIA, _other_keys),
    Fault("wrong-note-held", "", (_P, _R), ONLY_MANIA, _wrong_held),
    Fault("seam-doubled", "", (_P, _R), ONLY_MANIA, _seam_doubled),
    Fault("chords-thinned", "1 measure", (_R, _P), ONLY_MANIA, _chords_thinned),
)
