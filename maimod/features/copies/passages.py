"""Copies of a passage: measures with the same rhythm in this map, and the same time in the other difficulties.

What a map does is compared with what it does in the copies, cell by cell (:mod:`maimod.features.copies.cells`). Copies of a measure are the measures of the same length whose rhythm is most alike, the measures before and
after them included; of equally good ones those with the same onsets in the song and the same hitsounds around them. The
hitsounds of the measure itself do not count, so that a measure that lost them still has its copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import msgspec
import numpy as np

from maimod.audio.onsets import ONSET_WIDTH_MS, OnsetEnvelope
from maimod.features.copies.cells import CELLS_PER_BEAT, LONGEST_MEASURE, QUARTER, Cells, Timeline, timeline
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.hitsounds import HITSOUND_LENIENCY_MS, hits

MOST_COPIES = 8
MOST_SIBLINGS = 8
LEAST_ALIKE, LEAST_ALIKE_AROUND = 0.4, 0.5
"""Share of the times of both measures at which both have something, of a copy: in the measure itself, and with the
measures around it."""
WEIGHT_OF_SONG, WEIGHT_OF_SOUNDS = 0.25, 0.25
SHIFTS = (-2 * QUARTER, -QUARTER, QUARTER, 2 * QUARTER)
"""Cells by which a paste is early or late."""
SOUND_VALUES, SET_VALUES = 8, 4
SAME_VOLUME = 8
"""Percent."""
OTHER_STEP = 10
"""Percent by which the volumes of two difficulties change otherwise."""
UNKNOWN = 0.5
"""Share that is neither for nor against something, where nothing is there to compare with."""

NAMES = (
    # Copies of the measure of a place; shares are of those with something at the place.
    "copies",  # log2 of 1 + their number
    "copies_alike",  # mean likeness of their rhythm, with the measures around
    "copies_song",  # mean correlation of the onsets of the song
    "copies_with_object",  # share of the copies in which an object starts at the place
    "copies_with_edge",  # in which one starts, turns or ends
    "copies_there",  # log2 of 1 + those with an object where the object of the place starts
    "copies_same_flag",
    "copies_same_kind",
    "copies_same_length",
    "copies_same_velocity",
    "copies_same_distance",
    "copies_same_additions",
    "copies_lost_addition",  # they have an addition that the hit lacks: the one that most have
    "copies_added_addition",  # they lack an addition that the hit has: the one that fewest have
    "copies_same_set",
    "copies_same_volume",
    # The same place of the other difficulties.
    "siblings_with_edge",
    "siblings_there",
    "siblings_same_additions",
    "siblings_lost_addition",
    "siblings_added_addition",
    "siblings_same_set",
    "siblings_same_volume",
    "siblings_louder",  # their lines become louder here, and this map's do not
    "siblings_softer",
    # The measure around the place, compared with its copies: the mean of its hits.
    "passage_rhythm",  # mean likeness of the rhythms
    "passage_lost",  # hits without the additions that most copies have
    "passage_added",  # hits with additions that most copies lack
    "passage_other_set",
    "passage_volume",  # volume less the median of the copies
    "passage_other_velocity",
    # The same with the other difficulties.
    "passage_siblings_lost",
    "passage_siblings_other_set",
    "passage_siblings_volume",
    # The measure as a whole.
    "passage_shifted",  # what it and the next one gain in likeness to other measures if they are moved
    "passage_siblings_shifted",  # what they gain with the other difficulties
    "passage_thirds",  # share of the objects on thirds of a beat, less that in the map
    "fade",  # log2 of 1 + steps in one direction of the volumes of the lines around
    "since_break",  # 1 within a measure after a break or after the first object, less and less later
)
"""Names of the features of :meth:`Passages.features`."""


class Passages:
    """The copies of every measure of a map."""

    def __init__(
        self, beatmap: Beatmap, envelope: OnsetEnvelope | None, lag_ms: float, others: Sequence[Beatmap]
    ) -> None:
        """Args:
        beatmap: the map.
        envelope: onsets of its song; None without audio.
        lag_ms: from a time of the map to its onset.
        others: the other beatmaps of its set.
        """
        self.beatmap, self.envelope, self.lag_ms = beatmap, envelope, lag_ms
        self.cells = Cells(beatmap)
        self.hits = hits(beatmap)
        """By time."""
        self.own = timeline(beatmap, self.cells, self.hits)
        alike = [one for one in others if one.mode is beatmap.mode and one.path != beatmap.path and one.hit_objects]
        if beatmap.mode is Mode.MANIA:
            alike = [one for one in alike if one.keys == beatmap.keys]
        self._others = alike[:MOST_SIBLINGS]

    # -- copies -------------------------------------------------------------------------------------------------------

    def rows(self, values: np.ndarray, shift: int = 0) -> np.ndarray:
        """(n_measures, LONGEST_MEASURE) values of the cells of each measure, `shift` cells later; 0 beyond its end."""
        inside = np.arange(LONGEST_MEASURE)
        index = self.cells.starts[:, None] + inside + shift
        valid = (inside < self.cells.lengths[:, None]) & (index >= 0) & (index < len(values))
        return np.where(valid, values[np.clip(index, 0, max(len(values) - 1, 0))], 0)

    @cached_property
    def alike(self) -> np.ndarray:
        """(n_measures, n_measures) share of the times of either measure at which both have something."""
        heads, edges = (self.rows(values).astype(np.float32) for values in (self.own.head, self.own.edge))
        both = heads @ heads.T + edges @ edges.T
        each = heads.sum(axis=1) + edges.sum(axis=1)
        either = each[:, None] + each - both
        found = np.where(either > 0, both / np.maximum(either, 1), UNKNOWN)
        return np.asarray(np.where(self.cells.lengths[:, None] == self.cells.lengths, found, 0.0))

    @cached_property
    def _around(self) -> np.ndarray:
        """The same with the measures before and after."""
        return 0.5 * self.alike + 0.25 * (displaced(self.alike, -1) + displaced(self.alike, 1))

    @cached_property
    def song(self) -> np.ndarray | None:
        """(n_measures, n_measures) correlation of the onsets of the song, those around included; None without audio."""
        if self.envelope is None or not self.cells.count:
            return None
        quarters = np.arange(0, LONGEST_MEASURE, QUARTER)
        index = self.cells.starts[:, None] + quarters
        onsets = self.envelope.at(self.cells.times(index.ravel()) + self.lag_ms, ONSET_WIDTH_MS).reshape(index.shape)
        onsets = np.where(quarters < self.cells.lengths[:, None], np.minimum(onsets, 1.5), 0.0)
        onsets -= onsets.mean(axis=1, keepdims=True)
        norm = np.maximum(np.linalg.norm(onsets, axis=1), 0.3)
        same = (onsets @ onsets.T) / norm[:, None] / norm
        return np.asarray(0.5 * same + 0.25 * (displaced(same, -1) + displaced(same, 1)))

    @cached_property
    def sounds_around(self) -> np.ndarray:
        """(n_measures, n_measures) share of the common hits that sound the same, in the measures around."""
        sound, sets = self.rows(self.own.sound + 1), self.rows(self.own.sample_set)
        equal = sum(
            one @ one.T
            for values, n in ((sound, SOUND_VALUES + 1), (sets, SET_VALUES))
            for number in range(1, n)
            for one in ((values == number).astype(np.float32),)
            if one.any()
        )
        here = (sound > 0).astype(np.float32)
        common = here @ here.T
        same = np.where(common > 0, equal / np.maximum(2 * common, 1), UNKNOWN)
        return np.asarray(sum(displaced(same, by) for by in (-4, -2, -1, 1, 2, 4)) / 6)

    @cached_property
    def copies(self) -> np.ndarray:
        """(n_measures, MOST_COPIES) numbers of the copies of each measure, best first; -1 where there are no more."""
        n = len(self.cells.starts)
        found = np.full((n, MOST_COPIES), -1)
        if n < 2:
            return found
        rank = self._around + WEIGHT_OF_SOUNDS * self.sounds_around
        if self.song is not None:
            rank = rank + WEIGHT_OF_SONG * self.song
        has = np.asarray(self.rows(self.own.head).any(axis=1))
        is_copy = (self.alike >= LEAST_ALIKE) & (self._around >= LEAST_ALIKE_AROUND) & has[:, None] & has
        np.fill_diagonal(is_copy, False)
        rank = np.where(is_copy, rank, -np.inf)
        best = np.argsort(-rank, axis=1, kind="stable")[:, :MOST_COPIES]
        good = np.take_along_axis(is_copy, best, axis=1)
        found[:, : best.shape[1]] = np.where(good, best, -1)
        return found

    def cell_of(self, time: float) -> np.ndarray:
        """(1,) the cell of one time [ms]; those of objects are looked up together."""
        if time not in self._known_cells:
            self._known_cells[time] = self.cells.of([time])
        return self._known_cells[time]

    @cached_property
    def _known_cells(self) -> dict[float, np.ndarray]:
        times = [o.time for o in self.beatmap.hit_objects]
        return dict(zip(times, self.cells.of(times)[:, None], strict=True))

    def copies_of(self, cells: np.ndarray) -> np.ndarray:
        """(n, MOST_COPIES) the cells at the same place of the copies; -1 where there are no more."""
        return self._copied[cells]

    @cached_property
    def _copied(self) -> np.ndarray:
        cells = np.arange(self.cells.count)
        measures = self.cells.measures(cells)
        copies = self.copies[measures]
        there = self.cells.starts[copies] + (cells - self.cells.starts[measures])[:, None]
        return np.asarray(np.where((copies >= 0) & (there < self.cells.count), there, -1))

    # -- shares -------------------------------------------------------------------------------------------------------

    @cached_property
    def hit_cells(self) -> np.ndarray:
        """Cells with a hit, ascending."""
        return np.flatnonzero(self.own.sound >= 0)

    @cached_property
    def siblings(self) -> tuple[Timeline, ...]:
        """The other difficulties on the cells of this one."""
        return tuple(timeline(one, self.cells, hits(one)) for one in self._others)

    @cached_property
    def _stacked(self) -> Timeline:
        """The same, each array (n_siblings, n_cells)."""
        return Timeline(
            **{
                name: np.stack([getattr(one, name) for one in self.siblings])
                if self.siblings
                else np.zeros((0, self.cells.count), dtype=getattr(self.own, name).dtype)
                for name in Timeline.__struct_fields__
            }
        )

    def in_copies(self, name: str, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A property at the same place of the copies.

        Args:
            name: of the array of :class:`Timeline`.
            cells: (n,).

        Returns:
            (n, MOST_COPIES) values, and whether there is a copy.
        """
        there = self.copies_of(cells)
        return getattr(self.own, name)[np.maximum(there, 0)], there >= 0

    def in_siblings(self, name: str, cells: np.ndarray) -> np.ndarray:
        """(n, n_siblings) a property in the other difficulties."""
        return np.asarray(getattr(self._stacked, name)[:, cells].T)

    def sounds(self, cells: np.ndarray) -> tuple[Sounds, Sounds]:
        """How the copies and the other difficulties sound at cells with a hit."""
        names = ("sound", "sample_set", "volume")
        there = self.copies_of(cells) >= 0
        copies = [np.where(there, self.in_copies(name, cells)[0], -1) for name in names]
        return Sounds.compare(self.own, cells, *copies), Sounds.compare(
            self.own, cells, *(self.in_siblings(name, cells) for name in names)
        )

    # -- whole measures -----------------------------------------------------------------------------------------------

    @cached_property
    def shifted(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How much better two measures fit the rest of the map if they are moved.

        Returns:
            (n_measures,) each: the gain of the share of common times with the two measures of the map that fit best;
            the shift that gives it [cells, positive is late]; the gain with the other difficulties by the same shift.
        """
        n = len(self.cells.starts)
        heads = self.rows(self.own.head).astype(np.float32)
        size = heads.sum(axis=1)
        same_length = self.cells.lengths[:, None] == self.cells.lengths
        apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n))) > 1

        def fit(shift: int) -> np.ndarray:
            moved = self.rows(self.own.head, shift).astype(np.float32)
            both = moved @ heads.T
            either = moved.sum(axis=1)[:, None] + size - both
            both, either = both + displaced(both, 1), either + displaced(either, 1)
            share = np.where(same_length & apart, both / (either + 2), 0.0)  # few objects agree by chance
            return np.asarray(share.max(axis=1, initial=0.0))

        def fit_siblings(shift: int) -> np.ndarray:
            moved = self.rows(self.own.head, shift)
            shares = [
                (moved & self.rows(one.edge)).sum(axis=1) / np.maximum(moved.sum(axis=1), 1) for one in self.siblings
            ]
            return np.asarray(np.mean(shares, axis=0)) if shares else np.zeros(n)

        usual, usual_siblings = fit(0), fit_siblings(0)
        gains = np.stack([fit(shift) - usual for shift in SHIFTS])
        of_siblings = np.stack([fit_siblings(shift) - usual_siblings for shift in SHIFTS])
        best = (gains + of_siblings).argmax(axis=0)
        at = np.arange(n)
        return gains[best, at], np.array(SHIFTS)[best], of_siblings[best, at]

    @cached_property
    def thirds(self) -> np.ndarray:
        """(n_measures,) share of the objects on thirds of a beat but not on quarters, less that in the map."""
        cells = np.flatnonzero(self.own.head)
        grid = (cells - self.cells.starts[self.cells.measures(cells)]) % CELLS_PER_BEAT
        is_third = (grid % QUARTER != 0) & (grid % 4 == 0)
        shares = self._by_measure(is_third, cells)
        return np.asarray(shares - (is_third.mean() if len(cells) else 0.0))

    def _by_measure(self, values: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """(n_measures,) mean of values of cells in each measure; 0 for empty measures."""
        n = len(self.cells.starts)
        measures = self.cells.measures(cells)
        counts = np.bincount(measures, minlength=n)
        return np.asarray(np.bincount(measures, weights=values, minlength=n) / np.maximum(counts, 1))

    @cached_property
    def _measure_table(self) -> dict[str, np.ndarray]:
        """The features of whole measures, by name."""
        cells, heads = self.hit_cells, np.flatnonzero(self.own.head)
        copies, others = self.sounds(cells)
        chosen, valid = np.maximum(self.copies, 0), self.copies >= 0
        alike = np.where(valid, np.take_along_axis(self.alike, chosen, axis=1), 0.0)
        velocity, there = self.in_copies("velocity", heads)
        there &= velocity > 0
        same_velocity = np.abs(velocity - self.own.velocity[heads][:, None]) < 0.01
        shifted, _, siblings_shifted = self.shifted
        mean = self._by_measure
        return {
            "passage_rhythm": alike.sum(axis=1) / np.maximum(valid.sum(axis=1), 1),
            "passage_lost": mean(copies.lost, cells),
            "passage_added": mean(copies.added, cells),
            "passage_other_set": mean(copies.other_set, cells),
            "passage_volume": mean(copies.louder, cells),
            "passage_other_velocity": mean(1 - _share(same_velocity, there), heads),
            "passage_siblings_lost": mean(others.lost, cells),
            "passage_siblings_other_set": mean(others.other_set, cells),
            "passage_siblings_volume": mean(others.louder, cells),
            "passage_shifted": np.maximum(shifted, np.concatenate([[0.0], shifted[:-1]])),
            "passage_siblings_shifted": siblings_shifted,
            "passage_thirds": self.thirds,
        }

    # -- features -----------------------------------------------------------------------------------------------------

    def features(self, times: np.ndarray, objects: np.ndarray) -> np.ndarray:
        """What the copies do at places of the map.

        Args:
            times: (n,) ms of the places.
            objects: (n,) ms at which the object of each place starts.

        Returns:
            (n, len(NAMES)).
        """
        if not self.cells.count or not len(times):
            return np.zeros((len(times), len(NAMES)))
        cells, heads = self.cells.of(times), self.cells.of(objects)
        measures = self.cells.measures(cells)
        there = self.copies_of(cells) >= 0
        chosen = np.maximum(self.copies[measures], 0)
        song = np.zeros(chosen.shape) if self.song is None else self.song[measures[:, None], chosen]
        of_copies, of_siblings = self.sounds(heads)
        columns: dict[str, np.ndarray] = {
            "copies": np.log2(1.0 + there.sum(axis=1)),
            "copies_alike": _mean(self._around[measures[:, None], chosen], there),
            "copies_song": _mean(song, there),
            "copies_with_object": _share(self.in_copies("head", cells)[0], there),
            "copies_with_edge": _share(self.in_copies("edge", cells)[0], there),
            **self._object_columns(heads),
            "copies_same_additions": of_copies.same_additions,
            "copies_lost_addition": of_copies.lost_addition,
            "copies_added_addition": of_copies.added_addition,
            "copies_same_set": of_copies.same_set,
            "copies_same_volume": of_copies.same_volume,
            "siblings_with_edge": _share(
                self.in_siblings("edge", cells), np.ones((len(cells), len(self.siblings)), dtype=bool)
            ),
            "siblings_there": np.log2(1.0 + of_siblings.count),
            "siblings_same_additions": of_siblings.same_additions,
            "siblings_lost_addition": of_siblings.lost_addition,
            "siblings_added_addition": of_siblings.added_addition,
            "siblings_same_set": of_siblings.same_set,
            "siblings_same_volume": of_siblings.same_volume,
            **self._steps_of_volume(objects),
            **{name: values[measures] for name, values in self._measure_table.items()},
            "fade": self._fade(times),
            "since_break": self._since_break(objects),
        }
        return np.stack([np.asarray(columns[name], dtype=float) for name in NAMES], axis=1)

    def _object_columns(self, heads: np.ndarray) -> dict[str, np.ndarray]:
        """What the objects at the same place of the copies share with those at cells `heads`."""
        has, valid = self.in_copies("head", heads)
        there = has & valid

        def same(name: str) -> np.ndarray:
            own = getattr(self.own, name)[heads].astype(float)[:, None]
            values = self.in_copies(name, heads)[0].astype(float)
            if name == "distance":
                return np.asarray(np.abs(values - own) <= np.maximum(0.15 * np.maximum(own, values), 6.0))
            return np.asarray(np.abs(values - own) < 0.01)

        columns = {f"copies_same_{name}": _share(same(name), there) for name in ("flag", "kind", "length")}
        columns |= {f"copies_same_{name}": _share(same(name), there) for name in ("velocity", "distance")}
        return columns | {"copies_there": np.log2(1.0 + there.sum(axis=1))}

    def _steps_of_volume(self, times: np.ndarray) -> dict[str, np.ndarray]:
        """(n,) shares of the other difficulties whose lines become louder and softer than this map's do, by `OTHER_STEP` percent, from
        the hit before to the object at each time."""
        starts = np.array([hit.time for hit in self.hits])
        before = starts[np.maximum(np.searchsorted(starts, times - 1.0) - 1, 0)] if len(starts) else times
        steps = [_volumes(one, times) - _volumes(one, before) for one in (self.beatmap, *self._others)]
        more = np.stack(steps[1:], axis=1) - steps[0][:, None] if steps[1:] else np.zeros((len(times), 0))
        there = np.ones(more.shape, dtype=bool)
        return {
            "siblings_louder": _share(more >= OTHER_STEP, there),
            "siblings_softer": _share(more <= -OTHER_STEP, there),
        }

    def _fade(self, times: np.ndarray) -> np.ndarray:
        """(n,) log2 of 1 and the steps in one direction of the volumes of the lines around each time."""
        points = self.beatmap.sorted_timing_points
        steps = np.sign(np.diff([float(point.volume) for point in points]))
        runs = np.zeros(len(points))
        begin = 0
        for place in range(1, len(steps) + 1):
            if place == len(steps) or steps[place] != steps[begin]:
                runs[begin : place + 1] = np.maximum(
                    runs[begin : place + 1], abs(steps[begin]) * (place - begin) if len(steps) else 0
                )
                begin = place
        index = np.searchsorted([point.time for point in points], times + 5.0, side="right") - 1
        return np.asarray(np.log2(1.0 + runs[np.maximum(index, 0)]))

    def _since_break(self, times: np.ndarray) -> np.ndarray:
        """(n,) 1 within a measure after a break or after the first object, less and less later."""
        ends = np.sort([self.beatmap.hit_objects[0].time, *(pause.end for pause in self.beatmap.breaks)])
        place = np.searchsorted(ends, times + 1.0, side="right") - 1
        since = np.maximum(times - ends[np.maximum(place, 0)], 0.0)
        beat = self.cells.grid.beat_lengths[np.maximum(np.searchsorted(self.cells.grid.offsets, times) - 1, 0)]
        return np.asarray(1.0 / (1.0 + since / (4 * beat)))


class Sounds(msgspec.Struct, frozen=True):
    """How hits sound compared with others at the same place; arrays of shape (n_hits,)."""

    count: np.ndarray
    """Others with a hit."""
    same_additions: np.ndarray
    same_set: np.ndarray
    same_volume: np.ndarray
    """Shares of these; `UNKNOWN` without any."""
    lost_addition: np.ndarray
    """Share of them with an addition that the hit lacks, of the whistle, finish or clap that most have."""
    added_addition: np.ndarray
    """Share of them without an addition that the hit has, of the one that fewest have."""
    with_additions: np.ndarray
    """Share of them with an addition."""
    lost: np.ndarray
    """Whether most of them have an addition, and the hit none."""
    added: np.ndarray
    """Whether most of them have none, and the hit has one."""
    other_set: np.ndarray
    """Whether most of them have one other sample set."""
    louder: np.ndarray
    """Volume less their median, in parts of 100 %."""

    @classmethod
    def compare(
        cls, own: Timeline, cells: np.ndarray, sound: np.ndarray, sets: np.ndarray, volume: np.ndarray
    ) -> Sounds:
        """Compare hits of a map with others.

        Args:
            own: of the map.
            cells: (n,) of the hits.
            sound, sets, volume: (n, m) of the others, as in :class:`Timeline`.
        """
        there = sound >= 0
        count = there.sum(axis=1)
        own_sound, own_set, own_volume = own.sound[cells], own.sample_set[cells], own.volume[cells]
        bits = 1 << np.arange(3)
        has = np.stack([_share((sound & bit) > 0, there) for bit in bits.tolist()], axis=1)
        own_has = (np.maximum(own_sound, 0)[:, None] & bits) > 0
        with_additions = np.where(count > 0, (there & (sound > 0)).sum(axis=1) / np.maximum(count, 1), 0.0)
        of_set = np.stack([(there & (sets == number)).sum(axis=1) for number in range(SET_VALUES)], axis=1)
        most = of_set.argmax(axis=1)
        ordered = np.sort(np.where(there, volume, 1000), axis=1)
        middle = np.maximum(count - 1, 0)[:, None] // 2
        median = np.take_along_axis(ordered, middle, axis=1)[:, 0] if ordered.shape[1] else own_volume
        is_hit, enough = own_sound >= 0, count >= 2
        return cls(
            count,
            _share(sound == own_sound[:, None], there),
            _share(sets == own_set[:, None], there),
            _share(np.abs(volume - own_volume[:, None]) <= SAME_VOLUME, there),
            np.where(own_has | (count == 0)[:, None], 0.0, has).max(axis=1),
            np.where(own_has & (count > 0)[:, None], 1.0 - has, 0.0).max(axis=1),
            with_additions,
            is_hit & enough & (own_sound == 0) & (with_additions > 0.5),
            is_hit & enough & (own_sound > 0) & (with_additions < 0.5),
            is_hit & enough & (most != own_set) & (of_set.max(axis=1) > count / 2),
            np.where(is_hit & enough, (own_volume - median) / 100, 0.0),
        )


def displaced(matrix: np.ndarray, by: int) -> np.ndarray:
    """The entries of a square matrix `by` rows and columns later; 0 beyond its ends."""
    found, n = np.zeros_like(matrix), len(matrix)
    if 0 <= by < n:
        found[: n - by, : n - by] = matrix[by:, by:]
    elif -n < by < 0:
        found[-by:, -by:] = matrix[:by, :by]
    return found


def _volumes(beatmap: Beatmap, times: np.ndarray) -> np.ndarray:
    """(n,) percent that the lines of a difficulty set at times [ms]; before the first of them its volume."""
    points = beatmap.sorted_timing_points
    place = np.searchsorted([point.time for point in points], times + HITSOUND_LENIENCY_MS, side="right") - 1
    return np.array([point.volume for point in points], dtype=float)[np.maximum(place, 0)]


def _share(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(n,) share of the true values of each row among those that are there; `UNKNOWN` if none is."""
    count = there.sum(axis=1)
    return np.asarray(np.where(count > 0, (values & there).sum(axis=1) / np.maximum(count, 1), UNKNOWN))


def _mean(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(n,) mean of the values of each row that are there; 0 if none is."""
    return np.asarray((values * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1))
