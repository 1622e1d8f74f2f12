"""What if a whole measure was another one? How much better the measures that it should be like would explain it.

Which measures these are is judged without the measure itself: by the song, by the rhythm of the measures around and by the
place in the phrase. As a mixture of them, each with a few differences, they give a probability to any content of the measure.
What is there is compared with its own halves exchanged, with its objects moved by part of it and with what the likely measures
have; its sounds with those of one object or half a beat later and with whistle and clap exchanged; its new combos with those
one object later. A measure with the very objects of one that it should not be like was mostly pasted.

Gains are natural logarithms of how much likelier the other measure is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from maimod.features.passages import CELLS_PER_BEAT, LONGEST_MEASURE, ONSET_WIDTH_MS, SOUND_VALUES, Passages, displaced
from maimod.features.slip_alternatives import figures_scaled, passages_mirrored
from maimod.features.slip_measures import Measures
from maimod.osu.beatmap import HitObject, Mode, ObjectKind
from maimod.osu.hitsounds import CLAP, FINISH, WHISTLE

WEIGHT_OF_SONG, WEIGHT_OF_AROUND, WEIGHT_OF_SOUNDS = 12.0, 7.0, 8.0
"""Natural logarithms that a measure gains by the same onsets, the same rhythm around and, for sounds, the same sounds around. These
and the next numbers make the measures of 30 maps without mistakes likeliest."""
WEIGHT_OF_PHRASES = ((2, 0.5), (4, 0.4), (8, 0.5), (16, 0.3))
"""Gained by measures a multiple of so many measures away."""
NEAR_MEASURES, WEIGHT_OF_NEAR = 5.0, 2.8
"""Gained by close measures; it falls to 1/e of it so many measures away."""
DIFFERENCE = 3.0
"""Lost by each object that differs, and half of it by each end, kind and note of a chord."""
PART_WEIGHTS = (1.0, 0.5, 0.5, 0.5, 0.5)
MASKED_OBJECT, MASKED_SOUND, MASKED_FLAG, MASKED_RHYTHM = 4.5, 3.0, 2.0, 0.3
"""Lost by each difference elsewhere in the measure where one place of it is compared: of objects, additions and flags, and of the last
two by differences of the rhythm."""
SHORTEST_PHRASE, FURTHEST_COPY = 2, 32
"""Measures in a phrase; from so many measures on a place is no copy of another one."""
PRIOR_MASKED, LEAST_MASKED = 0.1, 3e-4
"""Weight of the share of all measures: part of the weight of the likely ones, and where none of them has the rest of the measure."""
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
PRIOR_SOUNDS, PRIOR_FLAGS = 0.3, 0.3
"""Weight of what the map has in all measures, beside the likely ones."""
LEAST_OBJECTS = 3
"""Measures with fewer are not called the same."""
FURTHEST = 10.0
MIRRORED_MEASURES = (1, 2)
FINISH_PHRASES, FURTHEST_PHRASE, PRIOR_FINISHES = (4, 8, 16), 3, 0.2
"""Measures in a phrase, phrases before and after that are looked at, each with the weight 1 by its distance, and the weight of even odds."""
SECTION_MEASURES = 4
COMBO_MEASURES, SOUND_MEASURES = 4, 2
"""Measures in a row of which the gains are added."""

OF_MEASURES = (
    "fit",
    "expected_difference",
    "other",
    "other_song",
    "expected_song",
    "song_fit",
    "halves",
    "halves_song",
    "moved",
    "moved_song",
    "same_alone",
    "same_unlike",
    "same_before",
    "same_worse",
    "same_elsewhere",
    "sounds_fit",
    "sounds_exchanged",
    "sounds_earlier",
    "sounds_half_beat_earlier",
    "sounds_halves",
    "flags_fit",
    "flags_earlier",
    "flags_earlier_long",
    "mirrored",
    "finish_phrases",
    "section",
    "column_lost",
)
"""Of the measure around a place. `fit`: log-probability of its rhythm; `expected_difference`: from the likely measures, weighted;
`other`: what the best of their rhythms would gain. `song`: the same by the onsets of the song at its objects. `halves`, `moved`: with
the halves exchanged, and moved by the best of `SHIFTS`. `same_alone`: whether another measure has the very same objects, at the same
places, and neither the measure before nor the one after is repeated with it; `same_unlike`: log-odds of the likeliest measure against
the one that is the same; `before`: whether it is the one before;
`worse`: by how much this one fits its likely measures and the song less than the one that is the same; `elsewhere`: share of the other measures that have a twin. `sounds`
and `flags` are those of hits and new combos; `exchanged`: whistle for clap; `earlier`: each object with what the next one has. `mirrored`: what the steps into and out of one or
two measures gain if these are mirrored. `finish_phrases`: log-odds of a finish on the downbeat by those a phrase or a few away;
`section`: by how much the song is less alike across the start of the measure than before and after it; `column_lost`: log-odds that a
column of mania that the measures before and after use, and this one does not, is used by the likely measures and as rarely left out
elsewhere."""
OF_OBJECTS = (
    "sound_fit",
    "sound_other",
    "whistle_lost",
    "finish_lost",
    "clap_lost",
    "addition_added",
    "lost_out_of_phrase",
    "finish_missing",
    "edges_bare",
    "flag_other",
    "kind_other",
    "end_other",
    "chord_other",
    "elsewhere",
    "elsewhere_song",
    "scaled",
)
"""Of the object of a place. `sound`: log-probability of its sound, and what the likeliest other sound gains. By the measures that have
all the rest of its measure: log-odds of each addition that it lacks (`lost`), against the least likely one that it has, and against its
flag, kind, end, and chord or single note. `edges_bare`: what its edges gain without additions; `out_of_phrase`: the most that any
addition is lost, as for places; `elsewhere`: by how much likelier an object is at the best empty place up to half a beat away,
without and with the `song`; `finish_missing`: all odds of a finish on a downbeat together; `scaled`: what a figure of circles with
the object gains if it is larger or smaller."""
OF_CELLS = ("object", "object_out_of_phrase", "object_song", "object_both")
"""Log-odds that an object starts at a place, by the likely measures that have all the rest of its measure, by those of them that a slip
copied with its phrase is not in, and by the song; `both`: the first with half of the song's."""
NAMES = (*OF_MEASURES, *OF_OBJECTS, *OF_CELLS)


class MeasureAlternatives:
    """The measures of one map; arrays of shape (n_measures, ...)."""

    def __init__(self, passages: Passages, objects: Sequence[HitObject], positions: Measures | None = None) -> None:
        """
        Args:
            passages: of the map.
            objects: of the map, in order of time.
            positions: of the same objects, if the mode has a playfield.
        """
        self.positions = positions
        self.passages, self.objects, self.own = passages, objects, passages.own
        self.mode, cells = passages.beatmap.mode, passages.cells
        if not cells.count:
            return
        self.starts, self.lengths, self.n = cells.starts, cells.lengths, len(cells.starts)
        self.width = int(min(self.lengths.max(initial=1), LONGEST_MEASURE))
        """Cells that are compared."""
        self.object_cells = cells.of([o.time for o in objects])
        self.of_object = cells.measures(self.object_cells)
        """(n_objects,) measures."""
        self.at_object = np.minimum(self.object_cells - self.starts[self.of_object], self.width - 1)
        self.heads = self._rows(self.own.head) > 0
        of_row = np.flatnonzero(self.heads)
        self.row_measures, self.row_places = of_row // self.width, of_row % self.width
        """(n_rows,) measures and places of the starts of objects, by time."""

    def _rows(self, values: np.ndarray) -> np.ndarray:
        return self.passages.rows(values)[:, : self.width]

    def features(self, times: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        """Measure places of the map.

        Args:
            times: (n_places,) ms.
            ranks: (n_places,) of the objects of the places.

        Returns:
            (n_places, len(NAMES)); zeros for maps that are too long for copies.
        """
        if not self.passages.cells.count or not len(times):
            return np.zeros((len(times), len(NAMES)))
        cells = self.passages.cells.of(times)
        measures = self.passages.cells.measures(cells)
        at = np.minimum(cells - self.starts[measures], self.width - 1)
        columns = [
            *(self.of_measures[name][measures] for name in OF_MEASURES),
            *(self.of_objects[name][ranks] for name in OF_OBJECTS),
            self.object_odds[measures, at],
            self._object_odds(self._with_rest * self._out_of_phrase)[measures, at],
            self.song_odds[measures, at],
            (self.object_odds + 0.5 * self.song_odds)[measures, at],
        ]
        return np.stack(columns, axis=1)

    @cached_property
    def of_measures(self) -> Mapping[str, np.ndarray]:
        """The features `OF_MEASURES` and `sounds_exchanged_alone`, that of one measure; (n_measures,) each."""
        rhythms = self._rhythms()
        misfit = DIFFERENCE * rhythms["expected_difference"] + rhythms["expected_song"]
        worse = np.where(self.twins >= 0, misfit - misfit[np.maximum(self.twins, 0)], 0.0)
        of_sounds = {**self._sounds(), **self._flags()}
        positions = {"mirrored": self._mirrored(), "column_lost": self._column_lost()}
        sections = {"finish_phrases": self._finish_phrases(), "section": self._section()}
        return {**rhythms, **self._repeats(), "same_worse": worse, **of_sounds, **positions, **sections}

    # -- the likely measures ------------------------------------------------------------------------------------------

    @cached_property
    def log_weights(self) -> np.ndarray:
        """(n, n) log-probability that each measure is like each other one, without looking into it; -inf for itself, for
        measures of another length and for empty ones."""
        alike, apart = self.passages.alike, np.abs(np.subtract.outer(np.arange(self.n), np.arange(self.n)))
        beside, further = (displaced(alike, by) + displaced(alike, -by) for by in (1, 2))
        found = WEIGHT_OF_AROUND * (beside / 3 + further / 6) + WEIGHT_OF_NEAR * np.exp(-apart / NEAR_MEASURES)
        if self.passages.song is not None:
            found += WEIGHT_OF_SONG * self.passages.song
        for measures, weight in WEIGHT_OF_PHRASES:
            found += weight * (apart % measures == 0)
        can_be = (self.lengths[:, None] == self.lengths) & self.heads.any(axis=1)
        return _normalised(np.where(can_be & (apart > 0), found, -np.inf))

    # -- rhythm -------------------------------------------------------------------------------------------------------

    @cached_property
    def contents(self) -> np.ndarray:
        """float32 (n, width, len(PART_WEIGHTS)): starts, ends, objects that are held, chords of two and of three."""
        own, notes = self.own, np.bincount(self.object_cells, minlength=self.passages.cells.count)
        parts = (own.head, own.edge & ~own.head, own.head & (own.kind > 1), notes > 1, notes > 2)
        return np.stack([self._rows(part) for part in parts], axis=2).astype(np.float32)

    def _differences(self, contents: np.ndarray) -> np.ndarray:
        """(n, n) weighted differences of contents from those of each measure."""
        weighted = (contents * np.array(PART_WEIGHTS, dtype=np.float32)).reshape(self.n, -1)
        own = self.contents.reshape(self.n, -1)
        return np.asarray(weighted.sum(axis=1)[:, None] + self._sizes - 2 * weighted @ own.T)

    @cached_property
    def _own_differences(self) -> np.ndarray:
        return self._differences(self.contents)

    @cached_property
    def _sizes(self) -> np.ndarray:
        return np.asarray((self.contents * np.array(PART_WEIGHTS)).sum(axis=(1, 2)))

    def _fit(self, contents: np.ndarray) -> np.ndarray:
        """(n,) log-probability of contents of the measures, up to a constant."""
        by_measures = _log_sum(self.log_weights - DIFFERENCE * self._differences(contents))
        return np.logaddexp(by_measures, np.log(BACKGROUND) - DIFFERENCE * self._sizes)

    @cached_property
    def song_odds(self) -> np.ndarray:
        """(n, width) log-odds of an object by the place in the beat and the onset of the song."""
        inside = np.broadcast_to(np.arange(self.width), self.heads.shape)
        phases = np.array(PHASES)[inside % CELLS_PER_BEAT]
        classes = len(ONSETS) + 1
        if self.passages.envelope is not None:
            times = self.passages.cells.times((self.starts[:, None] + inside).ravel())
            onsets = self.passages.envelope.at(times + self.passages.lag_ms, ONSET_WIDTH_MS).reshape(self.heads.shape)
            phases = phases * classes + np.digitize(onsets, ONSETS)
        else:
            phases = phases * classes
        near = np.convolve(self.heads.any(axis=1), np.ones(3))[1:-1] > 0
        known = (inside < self.lengths[:, None]) & near[:, None]
        size = (max(PHASES) + 1) * classes
        count = np.bincount(phases[known], minlength=size).reshape(-1, classes)
        seen = np.bincount(phases[known], weights=self.heads[known], minlength=size).reshape(-1, classes)
        rate = (seen.sum(axis=1, keepdims=True) + 0.5) / (count.sum(axis=1, keepdims=True) + 1.0)
        odds = _log_odds((seen + PRIOR_CELLS * rate) / (count + PRIOR_CELLS), 0.002)
        return np.where(inside < self.lengths[:, None], odds.ravel()[phases], 0.0)

    def _rolled(self, values: np.ndarray, by: np.ndarray) -> np.ndarray:
        """Rows (n, width, ...) with their cells (n,) later, those at the end of a measure at its start."""
        at, lengths = np.arange(self.width), np.minimum(self.lengths, self.width)[:, None]
        index = np.where(at < lengths, (at - by[:, None]) % lengths, at)
        return np.take_along_axis(values, index.reshape(*index.shape, *(1,) * (values.ndim - 2)), axis=1)

    @cached_property
    def _halves(self) -> np.ndarray:
        """(n,) cells of half a measure; 0 for measures that have none."""
        return np.where((self.lengths % (2 * CELLS_PER_BEAT) == 0) & (self.lengths <= self.width), self.lengths // 2, 0)

    def _rhythms(self) -> dict[str, np.ndarray]:
        heads, weights = self.contents[:, :, 0], np.exp(self.log_weights)
        fit, song = self._fit(self.contents), (heads * self.song_odds).sum(axis=1)
        nothing = np.logaddexp(0.0, self.song_odds).sum(axis=1)
        differences = self._own_differences
        # What the rhythm of each measure would be worth in each other one.
        others = weights @ np.exp(-DIFFERENCE * differences) + BACKGROUND * np.exp(-DIFFERENCE * self._sizes)
        songs, at = self.song_odds @ heads.T, np.arange(self.n)
        others = np.where(weights > 0, np.log(np.maximum(others, 1e-30)), -np.inf)
        best = others.argmax(axis=1)
        has_other = np.isfinite(others[at, best])

        def gains(by: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            contents = self._rolled(self.contents, by)
            return self._fit(contents) - fit, (contents[:, :, 0] * self.song_odds).sum(axis=1) - song

        halves, halves_song = gains(self._halves)
        moved, moved_song = (np.stack(one) for one in zip(*(gains(np.full(self.n, by)) for by in SHIFTS), strict=True))
        shift = (moved + 0.5 * moved_song).argmax(axis=0)
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
        heads = self.contents[:, :, 0]
        return _masked_odds(weights, heads, 1.0 - heads, heads.mean(axis=0), MASKED_OBJECT)

    @cached_property
    def _with_rest(self) -> np.ndarray:
        """(n, n) weights of the likely measures that have the rhythm of each one."""
        return np.exp(self.log_weights - MASKED_OBJECT * self._own_differences)

    @cached_property
    def _out_of_phrase(self) -> np.ndarray:
        """(n, n) whether measures are no phrases apart, or so many that a slip was hardly copied as far."""
        apart = np.abs(np.subtract.outer(np.arange(self.n), np.arange(self.n)))
        return (apart % SHORTEST_PHRASE != 0) | (apart > FURTHEST_COPY)

    def _elsewhere(self, odds: np.ndarray) -> np.ndarray:
        """(n_objects,) what the log-odds (n, width) of objects gain at the best empty place close to each object."""
        of, at = self.of_object, self.at_object
        found = np.full(len(at), -FURTHEST)
        for by in CLOSE_PLACES:
            there = np.clip(at + by, 0, self.width - 1)
            is_free = (there == at + by) & (there < self.lengths[of]) & ~self.heads[of, there]
            found = np.where(is_free, np.maximum(found, odds[of, there] - odds[of, at]), found)
        return found

    def _parts_other(self) -> dict[str, np.ndarray]:
        """(n_objects,) each: log-odds against the kind of an object, against an end where it ends, and against its chord."""
        heads, ends, kinds, chords, _ = np.moveaxis(self.contents, 2, 0)
        end_cells = self.passages.cells.of([o.end_time for o in self.objects])
        end_of = self.passages.cells.measures(end_cells)
        end_at = np.minimum(end_cells - self.starts[end_of], self.width - 1)
        has_end = (end_cells > self.object_cells) & (ends[end_of, end_at] > 0)

        def odds(has: np.ndarray, lacks: np.ndarray, part: int) -> np.ndarray:
            usual = (has.sum(axis=0) + 0.2) / ((has + lacks).sum(axis=0) + 1.0)
            found = _masked_odds(self._with_rest, has, lacks, usual, MASKED_OBJECT * PART_WEIGHTS[part])
            return np.asarray(np.where(has > 0, -found, found))

        return {
            "kind_other": odds(kinds, heads - kinds, 2)[self.of_object, self.at_object],
            "end_other": np.where(has_end, odds(ends, 1.0 - ends, 1)[end_of, end_at], 0.0),
            "chord_other": odds(chords, heads - chords, 3)[self.of_object, self.at_object],
        }

    @cached_property
    def _labels(self) -> np.ndarray:
        """(n,) numbers, the same for measures with the same objects."""
        inside: list[list[tuple[float, ...]]] = [[] for _ in range(self.n)]
        for o, measure, at in zip(self.objects, self.of_object.tolist(), self.at_object.tolist(), strict=True):
            place = (o.hitsound,) if self.mode is Mode.TAIKO else (o.x, o.y)
            inside[measure].append((at, round((o.end_time - o.time) / 8), *place))
        keys = [
            (length, *sorted(one)) if len(one) >= LEAST_OBJECTS else number
            for number, (length, one) in enumerate(zip(self.lengths.tolist(), inside, strict=True))
        ]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        return np.array([numbers[key] for key in keys])

    @cached_property
    def _same(self) -> np.ndarray:
        """(n, n) whether two measures have the same objects."""
        return np.equal.outer(self._labels, self._labels) & ~np.eye(self.n, dtype=bool)

    @cached_property
    def twins(self) -> np.ndarray:
        """(n,) the measure with the same objects that it should be like most; -1 without one."""
        found = np.where(self._same, self.log_weights, -np.inf).argmax(axis=1)
        return np.where(self._same.any(axis=1), found, -1)

    def _repeats(self) -> dict[str, np.ndarray]:
        has, at = self.twins >= 0, np.arange(self.n)
        with_next = self._same & (displaced(self._same, 1) | displaced(self._same, -1))
        of_twin = np.where(has, self.log_weights[at, self.twins], 0.0)
        unlike = np.minimum(self.log_weights.max(axis=1, initial=-FURTHEST) - np.maximum(of_twin, -100.0), FURTHEST)
        group = np.bincount(self._labels)[self._labels] * has
        return {
            "same_alone": has & ~with_next.any(axis=1),
            "same_unlike": np.where(has, unlike, 0.0),
            "same_before": np.concatenate([[False], self._labels[1:] == self._labels[:-1]]),
            "same_elsewhere": (has.sum() - group) / self.n,
        }

    # -- sounds -------------------------------------------------------------------------------------------------------

    @cached_property
    def sounds(self) -> np.ndarray:
        """(n, width) sounds of the hits, -1 without a hit; in taiko a kat is a whistle, whichever addition makes it."""
        found = self._rows(self.own.sound + 1) - 1
        if self.mode is not Mode.TAIKO:
            return found
        kat = WHISTLE >> 1 | CLAP >> 1
        return np.where(found < 0, found, (found & ~kat) | np.where(found & kat, WHISTLE >> 1, 0))

    @cached_property
    def sound_log_weights(self) -> np.ndarray:
        """(n, n) as `log_weights`, with the sounds around."""
        return _normalised(self.log_weights + WEIGHT_OF_SOUNDS * self.passages.sounds_around)

    @cached_property
    def sound_logs(self) -> np.ndarray:
        """(n, width, SOUND_VALUES) log-probability of each sound, if there is a hit."""
        weights = np.exp(self.sound_log_weights)
        one_hot = (self.sounds[:, :, None] == np.arange(SOUND_VALUES)).astype(np.float32)
        seen = (weights @ one_hot.reshape(self.n, -1)).reshape(one_hot.shape)
        heads = self.heads[:, :, None]
        # Repeats and tails sound otherwise than heads.
        usual = np.where(heads, _usual(one_hot * heads), _usual(one_hot * ~heads))
        return np.log((seen + PRIOR_SOUNDS * usual) / (seen.sum(axis=2, keepdims=True) + PRIOR_SOUNDS))

    def _finish_phrases(self) -> np.ndarray:
        """(n,) log-odds of a finish on the downbeat."""
        heads, finishes = self.heads[:, 0], self.heads[:, 0] & (np.maximum(self.sounds[:, 0], 0) & FINISH >> 1 > 0)
        found = np.full(self.n, -np.inf)
        for measures in FINISH_PHRASES:
            seen, total = np.zeros(self.n), np.zeros(self.n)
            for count in range(1, FURTHEST_PHRASE + 1):
                by = count * measures
                for values, of in ((seen, finishes), (total, heads)):
                    values[by:] += of[: max(self.n - by, 0)] / count
                    values[: max(self.n - by, 0)] += of[by:] / count
            odds = np.log((seen + PRIOR_FINISHES) / (total - seen + PRIOR_FINISHES))
            found = np.maximum(found, np.where(total > 0, odds, -np.inf))
        return np.maximum(found, -FURTHEST)

    def _section(self) -> np.ndarray:
        """(n,) how much the song changes at the start of each measure; 0 at the ends of the map and without a song."""
        alike, at = self.passages.song, np.arange(self.n)
        if alike is None:
            return np.zeros(self.n)
        near = np.clip(at[:, None] + np.arange(-SECTION_MEASURES, SECTION_MEASURES), 0, self.n - 1)
        side = np.repeat([-1.0, 1.0], SECTION_MEASURES)
        change = (alike[near[:, :, None], near[:, None, :]] * np.outer(side, side)).sum(
            axis=(1, 2)
        ) / SECTION_MEASURES**2
        return np.where((at >= 2) & (at <= self.n - 2), change, 0.0)

    def _log_of(self, sounds: np.ndarray) -> np.ndarray:
        """(n, width) log-probability of sounds; 0 where there are none."""
        found = np.take_along_axis(self.sound_logs, np.maximum(sounds, 0)[:, :, None], axis=2)[:, :, 0]
        return np.where((sounds >= 0) & (self.sounds >= 0), found, 0.0)

    def _gain_at_heads(self, sounds: np.ndarray, known: np.ndarray | bool = True) -> np.ndarray:
        """(n,) what the measures gain if their starts (n_rows,) sound otherwise."""
        logs, own = self.sound_logs[self.row_measures, self.row_places], self.sounds[self.row_measures, self.row_places]
        at = np.arange(len(own))
        gain = np.where(known, logs[at, np.maximum(sounds, 0)] - logs[at, np.maximum(own, 0)], 0.0)
        return np.bincount(self.row_measures, weights=gain, minlength=self.n)

    def _sounds(self) -> dict[str, np.ndarray]:
        sounds, measures, places = self.sounds, self.row_measures, self.row_places
        fit = self._log_of(sounds)
        count = np.maximum((sounds >= 0).sum(axis=1), 1)
        whistle, clap = WHISTLE >> 1, CLAP >> 1
        values = np.arange(SOUND_VALUES)
        other = (
            values & ~(whistle | clap) | (values & whistle) * (clap // whistle) | (values & clap) // (clap // whistle)
        )
        exchanged = (self._log_of(np.where(sounds >= 0, other[np.maximum(sounds, 0)], -1)) - fit).sum(axis=1)
        at = np.arange(len(measures))
        is_last = measures != np.append(measures[1:], -1)
        following = np.where(is_last, np.searchsorted(measures, measures), at + 1)
        half = np.minimum(places + CELLS_PER_BEAT // 2, self.width - 1)
        later = sounds[measures, half]
        halves = self._log_of(self._rolled(sounds, self._halves))
        return {
            "sounds_fit": fit.sum(axis=1) / count,
            "sounds_exchanged": _in_a_row(exchanged, SOUND_MEASURES),
            "sounds_exchanged_alone": exchanged,
            "sounds_earlier": self._gain_at_heads(sounds[measures[following], places[following]]),
            "sounds_half_beat_earlier": self._gain_at_heads(later, (later >= 0) & (half > places)),
            "sounds_halves": np.where(halves != 0, halves - fit, 0.0).sum(axis=1),
        }

    @cached_property
    def of_objects(self) -> Mapping[str, np.ndarray]:
        """The features `OF_OBJECTS`, (n_objects,) each."""
        logs = self.sound_logs[self.of_object, self.at_object]
        own = np.maximum(self.sounds[self.of_object, self.at_object], 0)
        fit = logs[np.arange(len(own)), own]
        bits = [addition >> 1 for addition in (WHISTLE, FINISH, CLAP)]
        odds, out_of_phrase = (
            np.stack([one[self.of_object, self.at_object] for one in self._addition_odds(bits, among)], axis=1)
            for among in (1.0, self._out_of_phrase)
        )
        has = (own[:, None] & bits) > 0
        lost = np.where(has, -FURTHEST, odds)
        return {
            "sound_fit": fit,
            "sound_other": logs.max(axis=1) - fit,
            "whistle_lost": lost[:, 0],
            "finish_lost": lost[:, 1],
            "clap_lost": lost[:, 2],
            "addition_added": np.where(has, -odds, -FURTHEST).max(axis=1),
            "finish_missing": self._finish_missing(logs, lost[:, 1]),
            "lost_out_of_phrase": np.where(has, -FURTHEST, out_of_phrase).max(axis=1),
            "edges_bare": self._edges_bare(),
            "flag_other": self._flag_other(),
            **self._parts_other(),
            "elsewhere": self._elsewhere(self.object_odds),
            "elsewhere_song": self._elsewhere(self.object_odds + 0.5 * self.song_odds),
            "scaled": self._scaled(),
        }

    def _addition_odds(self, bits: Sequence[int], among: np.ndarray | float = 1.0) -> list[np.ndarray]:
        """(n, width) for each addition: log-odds of it if there is a hit, by the measures `among` (n, n) that have the other
        sounds of this one."""
        hits = self.sounds >= 0
        has = [((np.maximum(self.sounds, 0) & bit) > 0).astype(np.float32) for bit in bits]
        lacks = [hits - one for one in has]
        different = sum(one @ other.T + other @ one.T for one, other in zip(has, lacks, strict=True))
        logs = self.sound_log_weights - MASKED_RHYTHM * self._own_differences
        weights = np.exp(logs - MASKED_SOUND * different) * among
        usual = [(one.sum(axis=0) + 0.2) / (hits.sum(axis=0) + 1.0) for one in has]
        return [
            _masked_odds(weights, one, other, base, MASKED_SOUND)
            for one, other, base in zip(has, lacks, usual, strict=True)
        ]

    def _finish_missing(self, logs: np.ndarray, lost: np.ndarray) -> np.ndarray:
        """(n_objects,) all log-odds of a finish on a downbeat without one together."""
        usual = _log_odds(np.exp(logs[:, (np.arange(SOUND_VALUES) & FINISH >> 1) > 0]).sum(axis=1), 1e-4)
        is_bare = (self.at_object == 0) & (lost > -FURTHEST)
        return np.where(is_bare, lost + usual + self._finish_phrases()[self.of_object], -3 * FURTHEST)

    def _edges_bare(self) -> np.ndarray:
        """(n_objects,) what the repeats and the tails of sliders gain without additions."""
        cells = np.flatnonzero((self.own.sound >= 0) & ~self.own.head)
        measures = self.passages.cells.measures(cells)
        at = np.minimum(cells - self.starts[measures], self.width - 1)
        logs = self.sound_logs[measures, at]
        gain = np.zeros(self.passages.cells.count + 1)
        gain[cells + 1] = logs[:, 0] - logs[np.arange(len(cells)), self.own.sound[cells]]
        total = np.cumsum(gain)
        ends = self.passages.cells.of([o.end_time for o in self.objects])
        found = total[ends + 1] - total[np.minimum(self.object_cells, ends)]
        return np.where([o.slider is not None for o in self.objects], found, 0.0)

    # -- new combos ---------------------------------------------------------------------------------------------------

    def _flags(self) -> dict[str, np.ndarray]:
        if self.mode not in (Mode.OSU, Mode.CATCH):
            return {name: np.zeros(self.n) for name in OF_MEASURES if name.startswith("flags")}
        heads, flags = self.heads.astype(np.float32), self._rows(self.own.flag).astype(np.float32)
        weights, whole = np.exp(self.log_weights), flags.sum() / max(heads.sum(), 1.0)
        usual = (flags.sum(axis=0) + whole) / (heads.sum(axis=0) + 1.0)
        share = (weights @ flags + PRIOR_FLAGS * usual) / (weights @ heads + PRIOR_FLAGS)
        odds = _log_odds(share, 0.005)[self.row_measures, self.row_places]
        own = flags[self.row_measures, self.row_places]
        following = np.append(own[1:], 0.0)
        fit, gain = own * odds - np.logaddexp(0.0, odds), (following - own) * odds
        fit, gain = (np.bincount(self.row_measures, weights=one, minlength=self.n) for one in (fit, gain))
        return {"flags_fit": fit, "flags_earlier": gain, "flags_earlier_long": _in_a_row(gain, COMBO_MEASURES)}

    def _flag_other(self) -> np.ndarray:
        """(n_objects,) log-odds against the flag of each object."""
        if self.mode not in (Mode.OSU, Mode.CATCH):
            return np.zeros(len(self.objects))
        heads, flags = self.heads.astype(np.float32), (self._rows(self.own.flag) > 0).astype(np.float32)
        lacks = heads - flags
        logs = self.log_weights - MASKED_RHYTHM * self._own_differences
        weights = np.exp(logs - MASKED_FLAG * (flags @ lacks.T + lacks @ flags.T))
        usual = (flags.sum(axis=0) + 0.2) / (heads.sum(axis=0) + 1.0)
        odds = _masked_odds(weights, flags, lacks, usual, MASKED_FLAG) * (1.0 - 2.0 * flags)
        return odds[self.of_object, self.at_object]

    # -- positions ----------------------------------------------------------------------------------------------------

    @cached_property
    def mirrored(self) -> tuple[np.ndarray, np.ndarray]:
        """(len(MIRRORED_MEASURES), n) each: what the steps into and out of so many measures from each one on gain if these
        are mirrored, and the number of the way in :data:`maimod.features.slip_alternatives.WAYS`."""
        gains, ways = np.zeros((2, len(MIRRORED_MEASURES), self.n))
        if self.positions is None:
            return gains, ways
        firsts, ends = np.searchsorted(self.of_object, [np.arange(self.n), np.arange(1, self.n + 1)])
        for row, count in enumerate(MIRRORED_MEASURES):
            own = slice(0, max(self.n - count + 1, 0))
            gains[row, own], ways[row, own] = passages_mirrored(
                self.positions.alternatives.steps,
                self.positions.heads,
                self.positions.tails,
                firsts[own],
                ends[count - 1 :] - 1,
            )
        return gains, ways

    def _scaled(self) -> np.ndarray:
        """(n_objects,) gains."""
        if self.positions is None:
            return np.zeros(len(self.objects))
        is_circle = np.array([o.kind is ObjectKind.CIRCLE for o in self.objects], dtype=bool)
        return figures_scaled(self.positions.alternatives.steps, self.positions.heads, self.positions.tails, is_circle)

    def _column_lost(self) -> np.ndarray:
        """(n,) for the likeliest column."""
        if self.mode is not Mode.MANIA:
            return np.zeros(self.n)
        beatmap, counts = self.passages.beatmap, np.zeros((self.n, self.passages.beatmap.keys))
        np.add.at(counts, (self.of_object, np.array([beatmap.column(o) for o in self.objects])), 1.0)
        before, after = np.zeros_like(counts), np.zeros_like(counts)
        before[1:], after[:-1] = counts[:-1], counts[1:]
        is_lost = (counts == 0) & (before > 0) & (after > 0)
        without = (np.exp(self.log_weights) @ (counts == 0) + 0.05) / 1.05
        rarity = np.log(is_lost.sum() / self.n + 0.01)
        return np.where(is_lost, -np.log(without) - rarity, 0.0).max(axis=1, initial=0.0)

    def _mirrored(self) -> np.ndarray:
        """(n,) the most that passages with each measure gain."""
        found = np.zeros(self.n)
        for gains, count in zip(self.mirrored[0], MIRRORED_MEASURES, strict=True):
            for later in range(count):
                found[later:] = np.maximum(found[later:], gains[: self.n - later])
        return found


def _masked_odds(
    weights: np.ndarray, has: np.ndarray, lacks: np.ndarray, usual: np.ndarray, difference: float
) -> np.ndarray:
    """Log-odds that something is at places, by the measures that are like this one everywhere else.

    Args:
        weights: (n, n) of the likely measures, those lower that differ from this one.
        has, lacks: (n, width) whether each measure has it, and whether it could but does not.
        usual: (width,) share of all measures that have it.
        difference: by which the logarithm of a weight is lower for each difference; at the place itself it is none.
    """
    with_it = weights @ has * np.exp(difference * (1.0 - has))
    without = weights @ lacks * np.exp(difference * has)
    prior = PRIOR_MASKED * (with_it + without) + LEAST_MASKED
    usual = np.clip(usual, 0.01, 0.99)
    return np.log((with_it + prior * usual) / (without + prior * (1.0 - usual)))


def _normalised(logs: np.ndarray) -> np.ndarray:
    """Log-weights of which each row has the sum 1."""
    return np.asarray(logs - _log_sum(logs)[:, None])


def _log_sum(logs: np.ndarray) -> np.ndarray:
    """(n,) logarithm of the sum of each row; 0 for rows of -inf."""
    top = logs.max(axis=1, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0.0)
    total = np.exp(logs - top[:, None]).sum(axis=1)
    return np.asarray(np.where(total > 0, top + np.log(np.maximum(total, 1e-300)), 0.0))


def _log_odds(probability: np.ndarray, least: float) -> np.ndarray:
    probability = np.clip(probability, least, 1 - least)
    return np.log(probability / (1 - probability))


def _usual(one_hot: np.ndarray) -> np.ndarray:
    """(width, n_values) shares of the values at each place of the measure; where few are there those at the same place of the beat,
    and of all."""
    at_place = one_hot.sum(axis=0)
    phases = np.arange(len(at_place)) % CELLS_PER_BEAT
    at_phase = np.stack([at_place[phases == phase].sum(axis=0) for phase in range(CELLS_PER_BEAT)])
    whole = at_phase.sum(axis=0) + 0.3
    at_phase += 3.0 * whole / whole.sum()
    at_place = at_place + 4.0 * (at_phase / at_phase.sum(axis=1, keepdims=True))[phases]
    return np.asarray(at_place / at_place.sum(axis=1, keepdims=True))


def _in_a_row(gains: np.ndarray, measures: int) -> np.ndarray:
    """(n,) the greatest sum of so many measures in a row with each one."""
    total = np.concatenate([[0.0], np.cumsum(gains)])
    n = len(gains)
    sums = np.array([total[min(start + measures, n)] - total[start] for start in range(n)])
    padded = np.concatenate([np.full(measures - 1, -np.inf), sums])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, measures).max(axis=1))
