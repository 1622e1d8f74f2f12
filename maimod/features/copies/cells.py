"""A difficulty on a grid of cells of 1/12 beat: what each cell has, and the measures that the cells make.

Every tick of the usual divisors has its own cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from maimod.osu.beatmap import Beatmap, ObjectKind
from maimod.osu.hitsounds import Hit
from maimod.osu.timing import TICKS_PER_BEAT, BeatGrid

CELLS_PER_BEAT = 12
CELL_TICKS = TICKS_PER_BEAT // CELLS_PER_BEAT
QUARTER = CELLS_PER_BEAT // 4
LONGEST_MEASURE = 8 * CELLS_PER_BEAT
"""Cells compared in one measure; longer ones are compared by their first beats."""
MOST_MEASURES, MOST_CELLS = 1500, 400_000
"""Maps with more have no copies: 25 minutes at 240 BPM have as many measures."""


class Timeline(msgspec.Struct, frozen=True):
    """What each cell of one difficulty has; arrays of shape (n_cells,)."""

    head: np.ndarray
    """Whether an object starts."""
    edge: np.ndarray
    """Whether an object starts, turns or ends."""
    held: np.ndarray
    """Whether something is held over the cell."""
    flag: np.ndarray
    """Whether an object starts a new combo by its flag."""
    kind: np.ndarray
    """Number of the kind of an object, 0 for none; a chord with a hold note is one, whatever the order of its notes in the
    file."""
    length: np.ndarray
    """Cells from the start of the object, in a chord of the longest, to its end."""
    velocity: np.ndarray
    distance: np.ndarray
    """Px from the object before."""
    sound: np.ndarray
    """Additions of all hits as whistle 1, finish 2, clap 4; -1 without a hit."""
    sample_set: np.ndarray
    """1 to 3; 0 without a hit."""
    volume: np.ndarray
    """Percent; -1 without a hit."""


KIND_NUMBERS: Mapping[str, int] = {kind: number for number, kind in enumerate(ObjectKind, start=1)}
"""Numbers of :attr:`Timeline.kind`."""


def timeline(beatmap: Beatmap, cells: Cells, played: Sequence[Hit]) -> Timeline:
    """Place the objects and the hits of a difficulty on the cells of a map of its set."""
    n = cells.count
    objects = beatmap.hit_objects
    found = Timeline(
        head=np.zeros(n, dtype=bool),
        edge=np.zeros(n, dtype=bool),
        held=np.zeros(n, dtype=bool),
        flag=np.zeros(n, dtype=bool),
        kind=np.zeros(n, dtype=np.int32),
        length=np.zeros(n, dtype=np.int32),
        velocity=np.zeros(n, dtype=np.float32),
        distance=np.zeros(n, dtype=np.float32),
        sound=np.full(n, -1, dtype=np.int16),
        sample_set=np.zeros(n, dtype=np.int16),
        volume=np.full(n, -1, dtype=np.int16),
    )
    if not objects or not n:
        return found
    starts, ends = cells.of([o.time for o in objects]), cells.of([o.end_time for o in objects])
    found.head[starts], found.edge[starts], found.edge[ends] = True, True, True
    places = np.array([(o.x, o.y) for o in objects], dtype=float)
    steps = np.hypot(*np.diff(places, axis=0, prepend=places[:1]).T)
    begun = np.bincount(starts, minlength=n) - np.bincount(ends, minlength=n)
    found.held[:] = np.cumsum(begun) > 0
    for o, start, end, step in zip(objects, starts.tolist(), ends.tolist(), steps.tolist(), strict=True):
        found.flag[start] |= o.new_combo
        found.kind[start] = max(found.kind[start], KIND_NUMBERS[o.kind])
        found.length[start] = max(found.length[start], end - start)
        found.velocity[start], found.distance[start] = beatmap.velocity_at(o.time), step
    for hit, cell in zip(played, cells.of([hit.time for hit in played]).tolist(), strict=True):
        found.edge[cell] = True
        found.sound[cell] = max(found.sound[cell], 0) | hit.additions >> 1
        found.sample_set[cell] = found.sample_set[cell] or hit.normal_set
        found.volume[cell] = max(found.volume[cell], hit.volume)
    return found


class Cells:
    """The cells of a map and its measures."""

    def __init__(self, beatmap: Beatmap) -> None:
        self.grid = BeatGrid(beatmap)
        objects = beatmap.hit_objects
        self.first = self.count = 0
        self.starts, self.lengths = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        if not objects:
            return
        first, last = self._raw(np.array([objects[0].time, max(o.end_time for o in objects)])).tolist()
        if last - first > MOST_CELLS:
            return
        starts, lengths = self._measures(first, last)
        if len(starts) > MOST_MEASURES:
            return
        if last - starts[0] > MOST_CELLS:
            return
        self.first, self.count = int(starts[0]), int(last + 1 - starts[0])
        self.starts, self.lengths = starts - self.first, lengths

    def _raw(self, times: np.ndarray) -> np.ndarray:
        return (self.grid.ticks(times) + CELL_TICKS // 2) // CELL_TICKS

    def _measures(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Starts and lengths of the measures from the one with cell `first` to the one with cell `last`."""
        starts: list[int] = []
        borders = [*(self.grid.first_ticks[1:] // CELL_TICKS).astype(int).tolist(), last + 1]
        begin = 0
        lengths: list[int] = []
        for number, end in enumerate(borders):
            length = int(max(self.grid.meters[number], 1)) * CELLS_PER_BEAT
            end = min(end, last + 1) if number < len(borders) - 1 else last + 1
            # Objects before the first red line lie in measures counted backwards from it.
            low = first if number == 0 and first < begin else max(first, begin)
            measure = begin + (low - begin) // length * length
            while measure < end and len(starts) <= MOST_MEASURES:
                starts.append(measure)
                is_cut = number < len(borders) - 1 and measure + length > borders[number]
                lengths.append(borders[number] - measure if is_cut else length)
                measure += length
            begin = borders[number]
        return np.array(starts or [first]), np.array(lengths or [1])

    def of(self, times: Sequence[float] | np.ndarray) -> np.ndarray:
        """Cells of times [ms], the closest for those outside of the map."""
        return np.asarray(np.clip(self._raw(np.asarray(times, dtype=float)) - self.first, 0, max(self.count - 1, 0)))

    def times(self, cells: np.ndarray) -> np.ndarray:
        """Ms of cells."""
        return self.grid.times((np.asarray(cells) + self.first) * CELL_TICKS)

    def measures(self, cells: np.ndarray) -> np.ndarray:
        """Numbers of the measures of cells."""
        return np.asarray(np.maximum(np.searchsorted(self.starts, cells, side="right") - 1, 0))
