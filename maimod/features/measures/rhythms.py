"""What a whole measure would gain with another rhythm: that of a likely measure, its own halves exchanged, or its objects moved.

Also the odds of single objects by the likely measures that have all the rest of the measure, and measures with the very objects of
one that they should not be like.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from maimod.audio.onsets import ONSET_WIDTH_MS
from maimod.features.copies.cells import CELLS_PER_BEAT
from maimod.features.copies.passages import displaced
from maimod.features.measures.likely import PART_WEIGHTS, LikelyMeasures, log_odds, log_sum, masked_odds
from maimod.osu.beatmap import Mode

DIFFERENCE = 3.0
"""Lost by each object that differs, and half of it by each end, kind and note of a chord."""
MASKED_OBJECT = 4.5
"""Lost by each difference elsewhere in the measure where one place of it is compared."""
SHARE_OF_SONG = 0.5
"""Weight of the log-odds by the song beside those by the likely measures."""
BACKGROUND = 0.02
"""Weight of an empty measure in the mixture: what is like no other measure has no probability below that."""
SHIFTS = (-12, -6, -3, 3, 6, 12)
"""Cells by which the objects of a measure are moved, within it: 1/4, 1/2 and 1 beat."""
CLOSE_PLACES = (-6, -4, -3, -2, 2, 3, 4, 6)
"""Cells from an object to the places of the same measure where it could be: 1/6 to 1/2 beat."""
PHASES = (0, 3, 3, 2, 4, 3, 1, 3, 4, 2, 3, 3)
"""Class of each cell of a beat: on it, half, quarters, thirds, others. In each of them objects follow onsets in their own way."""
ONSETS = (0.05, 0.15, 0.3, 0.5, 0.8)
"""Borders of classes of onset strengths."""
PRIOR_CELLS = 4.0
"""Cells that count as the mean of their class of the beat, beside those with the same onset."""
LEAST_OBJECTS = 3
"""Measures with fewer are not called the same."""
FURTHEST = 10.0
"""Gains and losses are cut off there."""


class MeasureRhythms:
    """Rhythms of the measures of one map."""

    def __init__(self, likely: LikelyMeasures) -> None:
        self.likely = likely

    def _fit(self, contents: np.ndarray) -> np.ndarray:
        """(n,) log-probability of contents of the measures, up to a constant."""
        by_measures = log_sum(self.likely.log_weights - DIFFERENCE * self.likely.differences(contents))
        return np.logaddexp(by_measures, np.log(BACKGROUND) - DIFFERENCE * self.likely.sizes)

    @cached_property
    def song_odds(self) -> np.ndarray:
        """(n, width) log-odds of an object by the place in the beat and the onset of the song."""
        passages, heads, lengths = self.likely.passages, self.likely.heads, self.likely.lengths[:, None]
        inside = np.broadcast_to(np.arange(self.likely.width), heads.shape)
        classes = len(ONSETS) + 1
        phases = np.array(PHASES)[inside % CELLS_PER_BEAT] * classes
        if passages.envelope is not None:
            times = passages.cells.times((self.likely.starts[:, None] + inside).ravel())
            onsets = passages.envelope.at(times + passages.lag_ms, ONSET_WIDTH_MS).reshape(heads.shape)
            phases += np.digitize(onsets, ONSETS)
        near = np.convolve(heads.any(axis=1), np.ones(3))[1:-1] > 0
        known = (inside < lengths) & near[:, None]
        size = (max(PHASES) + 1) * classes
        count = np.bincount(phases[known], minlength=size).reshape(-1, classes)
        seen = np.bincount(phases[known], weights=heads[known], minlength=size).reshape(-1, classes)
        rate = (seen.sum(axis=1, keepdims=True) + 0.5) / (count.sum(axis=1, keepdims=True) + 1.0)
        odds = log_odds((seen + PRIOR_CELLS * rate) / (count + PRIOR_CELLS), 0.002)
        return np.where(inside < lengths, odds.ravel()[phases], 0.0)

    @cached_property
    def of_measures(self) -> dict[str, np.ndarray]:
        """The features of measures about rhythms and repeated measures; (n,) each."""
        rhythms = self._rhythms()
        misfit = DIFFERENCE * rhythms["expected_difference"] + rhythms["expected_song"]
        worse = np.where(self.twins >= 0, misfit - misfit[np.maximum(self.twins, 0)], 0.0)
        return {**rhythms, **self._repeats(), "same_worse": worse}

    @cached_property
    def of_objects(self) -> dict[str, np.ndarray]:
        """The features of objects about rhythm, (n_objects,) each."""
        return {
            **self._parts_other(),
            "elsewhere": self._elsewhere(self.object_odds),
            "elsewhere_song": self._elsewhere(self.object_odds + SHARE_OF_SONG * self.song_odds),
        }

    def of_cells(self) -> dict[str, np.ndarray]:
        """The features of cells, (n, width) each."""
        return {
            "object": self.object_odds,
            "object_out_of_phrase": self._object_odds(self._with_rest * self.likely.out_of_phrase),
            "object_song": self.song_odds,
            "object_both": self.object_odds + SHARE_OF_SONG * self.song_odds,
        }

    def _rhythms(self) -> dict[str, np.ndarray]:
        heads, weights = self.likely.contents[:, :, 0], np.exp(self.likely.log_weights)
        fit, song = self._fit(self.likely.contents), (heads * self.song_odds).sum(axis=1)
        nothing = np.logaddexp(0.0, self.song_odds).sum(axis=1)
        differences = self.likely.own_differences
        # What the rhythm of each measure would be worth in each other one.
        others = weights @ np.exp(-DIFFERENCE * differences) + BACKGROUND * np.exp(-DIFFERENCE * self.likely.sizes)
        songs, at = self.song_odds @ heads.T, np.arange(self.likely.n)
        others = np.where(weights > 0, np.log(np.maximum(others, 1e-30)), -np.inf)
        best = others.argmax(axis=1)
        has_other = np.isfinite(others[at, best])

        def gains(by: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            contents = self.likely.rolled(self.likely.contents, by)
            return self._fit(contents) - fit, (contents[:, :, 0] * self.song_odds).sum(axis=1) - song

        halves, halves_song = gains(self.likely.halves)
        moved, moved_song = (
            np.stack(one) for one in zip(*(gains(np.full(self.likely.n, by)) for by in SHIFTS), strict=True)
        )
        shift = (moved + SHARE_OF_SONG * moved_song).argmax(axis=0)
        return {
            "fit": fit,
            "expected_difference": (weights * differences).sum(axis=1),
            "other": np.where(has_other, others[at, best] - fit, 0.0),
            "other_song": np.where(has_other, songs[at, best] - song, 0.0),
            "expected_song": np.where(has_other, (weights * songs).sum(axis=1) - song, 0.0),
            "song_fit": song - nothing,
            "halves": halves,
            "halves_song": halves_song,
            "moved": moved[shift, at],
            "moved_song": moved_song[shift, at],
        }

    @cached_property
    def object_odds(self) -> np.ndarray:
        """(n, width) log-odds of an object by the likely measures, those first that have all the rest of this one."""
        return self._object_odds(self._with_rest)

    def _object_odds(self, weights: np.ndarray) -> np.ndarray:
        heads = self.likely.contents[:, :, 0]
        return masked_odds(weights, heads, 1.0 - heads, heads.mean(axis=0), MASKED_OBJECT)

    @cached_property
    def _with_rest(self) -> np.ndarray:
        """(n, n) weights of the likely measures that have the rhythm of each one."""
        return np.exp(self.likely.log_weights - MASKED_OBJECT * self.likely.own_differences)

    def _elsewhere(self, odds: np.ndarray) -> np.ndarray:
        """(n_objects,) what the log-odds (n, width) of objects gain at the best empty place close to each object."""
        of, at = self.likely.of_object, self.likely.at_object
        found = np.full(len(at), -FURTHEST)
        for by in CLOSE_PLACES:
            there = np.clip(at + by, 0, self.likely.width - 1)
            is_free = (there == at + by) & (there < self.likely.lengths[of]) & ~self.likely.heads[of, there]
            found = np.where(is_free, np.maximum(found, odds[of, there] - odds[of, at]), found)
        return found

    def _parts_other(self) -> dict[str, np.ndarray]:
        """(n_objects,) each: log-odds against the kind of an object, against an end where it ends, and against its chord."""
        heads, ends, kinds, chords, _ = np.moveaxis(self.likely.contents, 2, 0)
        end_cells = self.likely.passages.cells.of([o.end_time for o in self.likely.objects])
        here, at_end = (self.likely.of_object, self.likely.at_object), self.likely.places(end_cells)
        has_end = (end_cells > self.likely.object_cells) & (ends[at_end] > 0)

        def odds(has: np.ndarray, lacks: np.ndarray, part: int) -> np.ndarray:
            usual = (has.sum(axis=0) + 0.2) / ((has + lacks).sum(axis=0) + 1.0)
            found = masked_odds(self._with_rest, has, lacks, usual, MASKED_OBJECT * PART_WEIGHTS[part])
            return np.asarray(np.where(has > 0, -found, found))

        return {
            "kind_other": odds(kinds, heads - kinds, 2)[here],
            "end_other": np.where(has_end, odds(ends, 1.0 - ends, 1)[at_end], 0.0),
            "chord_other": odds(chords, heads - chords, 3)[here],
        }

    @cached_property
    def _labels(self) -> np.ndarray:
        """(n,) numbers, the same for measures with the same objects."""
        inside: list[list[tuple[float, ...]]] = [[] for _ in range(self.likely.n)]
        for o, measure, at in zip(
            self.likely.objects, self.likely.of_object.tolist(), self.likely.at_object.tolist(), strict=True
        ):
            place = (o.hitsound,) if self.likely.mode is Mode.TAIKO else (o.x, o.y)
            inside[measure].append((at, round((o.end_time - o.time) / 8), *place))
        keys = [
            (length, *sorted(one)) if len(one) >= LEAST_OBJECTS else number
            for number, (length, one) in enumerate(zip(self.likely.lengths.tolist(), inside, strict=True))
        ]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        return np.array([numbers[key] for key in keys])

    @cached_property
    def _same(self) -> np.ndarray:
        """(n, n) whether two measures have the same objects."""
        return np.equal.outer(self._labels, self._labels) & ~np.eye(self.likely.n, dtype=bool)

    @cached_property
    def twins(self) -> np.ndarray:
        """(n,) the measure with the same objects that it should be like most; -1 without one."""
        found = np.where(self._same, self.likely.log_weights, -np.inf).argmax(axis=1)
        return np.where(self._same.any(axis=1), found, -1)

    def _repeats(self) -> dict[str, np.ndarray]:
        has, at = self.twins >= 0, np.arange(self.likely.n)
        with_next = self._same & (displaced(self._same, 1) | displaced(self._same, -1))
        of_twin = np.where(has, self.likely.log_weights[at, self.twins], 0.0)
        best = self.likely.log_weights.max(axis=1, initial=-FURTHEST)
        unlike = np.minimum(best - np.maximum(of_twin, -100.0), FURTHEST)
        group = np.bincount(self._labels)[self._labels] * has
        return {
            "same_alone": has & ~with_next.any(axis=1),
            "same_unlike": np.where(has, unlike, 0.0),
            "same_before": np.concatenate([[False], self._labels[1:] == self._labels[:-1]]),
            "same_elsewhere": (has.sum() - group) / self.likely.n,
        }
