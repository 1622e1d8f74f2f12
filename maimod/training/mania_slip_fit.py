"""Mistakes planted in good mania maps, to fit the model of slips (:mod:`maimod.training.slip_fit`).

A planted version has a mistake in every dozen or two rows: a note in another column, notes or whole stretches that
exchange columns, a note too many or too few, a hold that ends elsewhere, a hold without length, a note that is held.
Nothing is shared with the mistakes of :mod:`maimod.training.faults`, by which findings are evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.random import Generator

from maimod.features.mania import slips as mania_slips
from maimod.features.mania.rows import SAME_MS
from maimod.features.mania.slips import ManiaMeasures
from maimod.features.slip_model import FEATURES, MANIA_PARTS, Forest, log_odds
from maimod.osu.beatmap import Beatmap, HitObject, ObjectKind
from maimod.training.slip_forest import Labelled, Rows, Scored, chooser, chosen, is_close, load, versions

APART = (10, 24)
"""Rows from one planted mistake to the next."""
BESIDE_MS = 30.0
"""Notes of one column stay at least this far from each other."""
LEAST_HOLD_BEATS = 1 / 8
END_BEATS = (1 / 8, 1 / 4, 1 / 4, 1 / 3, 1 / 2, 1)
"""How far ends of holds are moved."""
HELD_BEATS = (1 / 4, 1 / 2, 1 / 2, 1, 2)
"""How long a note is held by mistake, if not as long as another hold of the map."""
STRETCH_ROWS = (4, 24)

VERSIONS = 2
"""Planted versions of each map."""
KINDS = {
    "column": 6,
    "notes-exchanged": 3,
    "stretch-exchanged": 1,
    "note-added": 3,
    "note-removed": 3,
    "end-moved": 4,
    "hold-lost": 2,
    "hold-made": 2,
}
"""Kinds of mistakes, and how often they are planted."""
PARTS: Mapping[str, tuple[str, ...]] = {
    "columns": ("column", "notes-exchanged", "stretch-exchanged", "note-added"),
    "chords": ("note-added", "note-removed"),
    "ends": ("end-moved", "hold-lost", "hold-made"),
}
"""Mistakes that each part of the model finds."""


@dataclass(frozen=True)
class ManiaVersion:
    """A map with planted mistakes."""

    notes: tuple[HitObject, ...]
    """In order of time."""
    kinds: tuple[str, ...]
    """Of the mistake at each note; empty without one. All notes left of a row that lost one have its mistake."""
    inside: np.ndarray
    """(n_notes,) whether a note lies within a stretch that was changed as a whole, away from its borders."""


@dataclass(slots=True)
class _Draft:
    """Notes by their place in the original map, while mistakes are planted."""

    beatmap: Beatmap
    notes: list[HitObject | None]
    """None where a note was removed."""
    rows: list[list[int]]
    """Places of the notes of each row."""
    kinds: dict[int, str]
    inside: set[int]
    added: list[tuple[HitObject, str]]
    random: Generator

    def is_free(self, column: int, start: float, end: float, but: Sequence[int], row: int) -> bool:
        """Whether a column has no note but some from `start` to `end` [ms], in the rows around `row`."""
        lowest, highest = max(row - 64, 0), min(row + 64, len(self.rows))
        for places in self.rows[lowest:highest]:
            for place in places:
                note = self.notes[place]
                if place in but or note is None or self.beatmap.column(note) != column:
                    continue
                if note.time < end + BESIDE_MS and note.end_time > start - BESIDE_MS:
                    return False
        return True

    def beat(self, note: HitObject) -> float:
        return self.beatmap.red_line_of(note.time).beat_length

    def at(self, place: int) -> HitObject:
        note = self.notes[place]
        assert note is not None
        return note


def plant(beatmap: Beatmap, notes: Sequence[HitObject], random: Generator) -> ManiaVersion:
    """Plant mistakes all over a map.

    Args:
        beatmap: a good map.
        notes: its objects in order of time.
        random: chooses places, kinds and sizes.
    """
    draft = _Draft(beatmap, list(notes), _rows(notes), {}, set(), [], random)
    names, chances = list(KINDS), np.array(list(KINDS.values()), dtype=float)
    at = int(random.integers(2, APART[1]))
    while at < len(draft.rows) - 2:
        kind = str(random.choice(names, p=chances / chances.sum()))
        taken = _PLANT[kind](draft, at, kind)
        at += taken + int(random.integers(*APART))
    return _finished(draft)


def _rows(notes: Sequence[HitObject]) -> list[list[int]]:
    found: list[list[int]] = []
    for place, note in enumerate(notes):
        if found and note.time - notes[found[-1][0]].time < SAME_MS:
            found[-1].append(place)
        else:
            found.append([place])
    return found


def _finished(draft: _Draft) -> ManiaVersion:
    kept = [
        (note, draft.kinds.get(place, ""), place in draft.inside)
        for place, note in enumerate(draft.notes)
        if note is not None
    ]
    kept += [(note, kind, False) for note, kind in draft.added]
    kept.sort(key=lambda one: (one[0].time, one[0].index))
    return ManiaVersion(
        tuple(one[0] for one in kept), tuple(one[1] for one in kept), np.array([one[2] for one in kept], dtype=bool)
    )


def _in_column(beatmap: Beatmap, note: HitObject, column: int) -> HitObject:
    return replace(note, x=float(np.floor(512 / beatmap.keys * (column + 0.5))))


def _other_column(draft: _Draft, at: int, kind: str) -> int:
    place = int(draft.random.choice(draft.rows[at]))
    note = draft.at(place)
    own = draft.beatmap.column(note)
    columns = draft.random.permutation(draft.beatmap.keys).tolist()
    if draft.random.random() < 0.4:  # the column beside is what a mouse misses by
        columns.sort(key=lambda column: abs(column - own))
    for column in columns:
        if column != own and draft.is_free(column, note.time, note.end_time, (place,), at):
            draft.notes[place] = _in_column(draft.beatmap, note, column)
            draft.kinds[place] = kind
            return 1
    return 0


def _notes_exchanged(draft: _Draft, at: int, kind: str) -> int:
    """Two notes of rows that follow each other exchange columns."""
    first, second = int(draft.random.choice(draft.rows[at])), int(draft.random.choice(draft.rows[at + 1]))
    one, two = draft.at(first), draft.at(second)
    columns = draft.beatmap.column(one), draft.beatmap.column(two)
    but = (first, second)
    if columns[0] == columns[1]:
        return 0
    if not draft.is_free(columns[1], one.time, one.end_time, but, at) or not draft.is_free(
        columns[0], two.time, two.end_time, but, at
    ):
        return 0
    draft.notes[first], draft.notes[second] = replace(one, x=two.x), replace(two, x=one.x)
    draft.kinds |= dict.fromkeys(but, kind)
    return 2


def _stretch_exchanged(draft: _Draft, at: int, kind: str) -> int:
    """Two columns exchange all that begins in some rows."""
    if draft.beatmap.keys < 2:
        return 0
    one, two = draft.random.choice(draft.beatmap.keys, 2, replace=False).tolist()
    rows = draft.rows[at : at + int(draft.random.integers(*STRETCH_ROWS))]
    other = {one: two, two: one}
    places = [place for row in rows for place in row if draft.beatmap.column(draft.at(place)) in other]
    if len(places) < 3:
        return 0
    for place in places:
        note = draft.at(place)
        if not draft.is_free(other[draft.beatmap.column(note)], note.time, note.end_time, places, at):
            return 0
    for place in places:
        note = draft.at(place)
        draft.notes[place] = _in_column(draft.beatmap, note, other[draft.beatmap.column(note)])
        draft.kinds[place] = kind
    draft.inside.update(places[2:-2])
    return len(rows)


def _note_added(draft: _Draft, at: int, kind: str) -> int:
    place = int(draft.random.choice(draft.rows[at]))
    note = draft.at(place)
    note = replace(note, kind=ObjectKind.CIRCLE, end_time=note.time)
    for column in draft.random.permutation(draft.beatmap.keys).tolist():
        if draft.is_free(column, note.time, note.time, (), at):
            draft.added.append((_in_column(draft.beatmap, note, column), kind))
            return 1
    return 0


def _note_removed(draft: _Draft, at: int, kind: str) -> int:
    for row in (at, at + 1, at - 1, at + 2):
        if row < len(draft.rows) and len(draft.rows[row]) > 1:
            gone = int(draft.random.choice(draft.rows[row]))
            draft.notes[gone] = None
            draft.kinds |= {place: kind for place in draft.rows[row] if place != gone}
            return 3
    return 0


def _hold_changed(
    change: Callable[[_Draft, int, int], HitObject | None], is_hold: bool, draft: _Draft, at: int, kind: str
) -> int:
    """Change a hold, or a note that is none, at a row or close after it.

    Args:
        change: the changed note, from the draft, its row and its place; None if there is no room.
        is_hold: what is changed.
        draft: the map.
        at: row to begin with.
        kind: of mistake.
    """
    for row in range(at, min(at + 8, len(draft.rows) - 1)):
        places = [place for place in draft.rows[row] if (draft.at(place).kind is ObjectKind.HOLD) is is_hold]
        if places:
            place = int(draft.random.choice(places))
            changed = change(draft, row, place)
            if changed is not None:
                draft.notes[place] = changed
                draft.kinds[place] = kind
            return row - at + 1
    return 0


def _end_moved(draft: _Draft, row: int, place: int) -> HitObject | None:
    note = draft.at(place)
    beat, column = draft.beat(note), draft.beatmap.column(note)
    for beats in draft.random.permutation([sign * by for by in END_BEATS for sign in (-1, 1)]).tolist():
        end = float(np.floor(note.end_time + beats * beat + 0.5))
        if end - note.time >= LEAST_HOLD_BEATS * beat and draft.is_free(column, note.time, end, (place,), row):
            return replace(note, end_time=end)
    return None


def _hold_lost(draft: _Draft, row: int, place: int) -> HitObject:
    note = draft.at(place)
    return replace(note, kind=ObjectKind.CIRCLE, end_time=note.time)


def _hold_made(draft: _Draft, row: int, place: int) -> HitObject | None:
    note = draft.at(place)
    lengths = [beats * draft.beat(note) for beats in HELD_BEATS]
    holds = [o for o in draft.notes if o is not None and o.kind is ObjectKind.HOLD]
    if holds and draft.random.random() < 0.5:
        lengths.insert(0, holds[int(draft.random.integers(len(holds)))].duration)
    else:
        draft.random.shuffle(lengths)
    for length in lengths:
        end = float(np.floor(note.time + length + 0.5))
        if end > note.time and draft.is_free(draft.beatmap.column(note), note.time, end, (place,), row):
            return replace(note, kind=ObjectKind.HOLD, end_time=end)
    return None


_PLANT: dict[str, Callable[[_Draft, int, str], int]] = {
    "column": _other_column,
    "notes-exchanged": _notes_exchanged,
    "stretch-exchanged": _stretch_exchanged,
    "note-added": _note_added,
    "note-removed": _note_removed,
    "end-moved": partial(_hold_changed, _end_moved, True),
    "hold-lost": partial(_hold_changed, _hold_lost, True),
    "hold-made": partial(_hold_changed, _hold_made, False),
}


# ---------------------------------------------------------------------------------------------------------------------
# Examples


def _versions(
    path: Path, beatmap: Beatmap, notes: Sequence[HitObject], seed: int, count: int = VERSIONS
) -> list[ManiaVersion]:
    return versions(path, seed, count, partial(plant, beatmap, notes))


def labelled(seed: int, count: int, path: Path) -> list[Labelled]:
    """So many planted versions of a map, for the network; a mistake of a chord is one of all its notes."""
    loaded = load(path)
    if loaded is None:
        return []
    found = []
    for version in _versions(path, *loaded, seed, count):
        measures, kinds = mania_slips.measure(loaded[0], version.notes), np.array(version.kinds)
        real, known = [], []
        for part, own in PARTS.items():
            of_rows = part == "chords"
            marks = (np.isin(kinds, own) & ~version.inside, kinds != "")
            of_kind, changed = (_spread(one, measures.row_of) if of_rows else one for one in marks)
            real.append(of_kind)
            known.append(of_kind | ~changed)
        features = np.concatenate([getattr(measures, part) for part in MANIA_PARTS], axis=1)
        found.append(Labelled(features, kinds.tolist(), np.stack(real, axis=1), np.stack(known, axis=1)))
    return found


def _spread(marks: np.ndarray, row_of: np.ndarray) -> np.ndarray:
    """(n_notes,) whether any note of the row is marked."""
    return np.asarray(np.bincount(row_of, marks)[row_of] > 0)


def _table(part: str, measures: ManiaMeasures) -> np.ndarray:
    """Features of a forest: of every note, for chords of every row."""
    table: np.ndarray = getattr(measures, part)
    return table[_firsts(measures)] if part == "chords" else table


def _firsts(measures: ManiaMeasures) -> np.ndarray:
    return np.flatnonzero(np.diff(measures.row_of, prepend=-1))


def _marked(part: str, marks: np.ndarray, measures: ManiaMeasures) -> np.ndarray:
    """Marks of the notes, for chords of the rows that have a marked note."""
    if part != "chords":
        return marks
    rows = np.zeros(measures.row_of[-1] + 1, dtype=bool)
    np.logical_or.at(rows, measures.row_of, marks)
    return rows


def examples_of(seed: int, path: Path) -> dict[str, list[Rows]]:
    """Examples of planted versions of a map, by the part of the model."""
    loaded = load(path)
    if loaded is None:
        return {}
    random = chooser(path, seed)
    found: dict[str, list[Rows]] = {part: [] for part in PARTS}
    for version in _versions(path, *loaded, seed):
        measures, kinds = mania_slips.measure(loaded[0], version.notes), np.array(version.kinds)
        for part, own in PARTS.items():
            real = _marked(part, np.isin(kinds, own) & ~version.inside, measures)
            changed = _marked(part, kinds != "", measures)
            found[part].append(chosen(_table(part, measures), real, changed, random))
    return found


def scored(forests: Mapping[str, Forest], seed: int, path: Path) -> tuple[float, dict[str, Scored]] | None:
    """Log-odds of a map as it is and with planted mistakes; None for one that is too short or too long."""
    loaded = load(path)
    if loaded is None:
        return None
    beatmap, notes = loaded
    clean = mania_slips.measure(beatmap, notes)
    planted = [(v, mania_slips.measure(beatmap, v.notes)) for v in _versions(path, beatmap, notes, seed)]
    found: dict[str, Scored] = {}
    for part, own in PARTS.items():
        result = Scored(log_odds(forests[part], _table(part, clean), FEATURES[part]))
        for version, measures in planted:
            scores = log_odds(forests[part], _table(part, measures), FEATURES[part])
            kinds = np.array(version.kinds)
            result.others.append(scores[~is_close(_marked(part, kinds != "", measures))])
            for kind in own:
                marked = _marked(part, (kinds == kind) & ~version.inside, measures)
                result.found += [(f"{part} {kind}", score) for score in scores[marked].tolist()]
        found[part] = result
    return beatmap.drain_ms / 60_000, found
