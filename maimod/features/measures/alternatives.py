"""What a whole measure would gain with other contents: all features of measures, and those of new combos and positions.

A measure is compared with its likely measures (:mod:`maimod.features.measures.likely`), for its rhythm in
:mod:`maimod.features.measures.rhythms` and for its sounds in :mod:`maimod.features.measures.sounds`. Gains are natural logarithms
of how much likelier the other measure is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from maimod.features.copies.passages import Passages
from maimod.features.measures.likely import LikelyMeasures, in_a_row, log_odds, masked_odds
from maimod.features.measures.rhythms import MeasureRhythms
from maimod.features.measures.sounds import MASKED_RHYTHM, MeasureSounds
from maimod.features.positions.alternatives import figures_scaled, passages_mirrored
from maimod.features.positions.slips import Measures
from maimod.osu.beatmap import PLAYFIELD_MODES, HitObject, Mode, ObjectKind

MASKED_FLAG = 2.0
"""Lost by each difference of new combos elsewhere in the measure where one place of it is compared."""
PRIOR_FLAGS = 0.3
"""Weight of what the map has in all measures, beside the likely ones."""
MIRRORED_MEASURES = (1, 2)
"""Measures in a row that are mirrored."""
SECTION_MEASURES = 4
"""Measures before and after a place between which the song is compared."""
COMBO_MEASURES = 4
"""Measures in a row of which the gains are added."""

OF_MEASURES = (
    # Rhythm. A `_song` beside a gain is the same by the onsets of the song at the objects.
    "fit",  # log-probability of the rhythm
    "expected_difference",  # weighted differences from the likely measures
    "other",  # gain of the best rhythm of another measure
    "other_song",
    "expected_song",  # what the rhythms of the likely measures gain by the onsets, their mean
    "song_fit",  # log-probability of the objects by the onsets of the song
    "halves",  # gain of the measure with its halves exchanged
    "halves_song",
    "moved",  # gain of the measure moved by the best of `SHIFTS`
    "moved_song",
    # Measures with the very same objects at the same places.
    "same_alone",  # there is one, and neither the measure before nor the one after is repeated with it
    "same_unlike",  # log-odds of the likeliest measure against the one that is the same
    "same_before",  # the measure before is the same
    "same_worse",  # by how much this one fits its likely measures and the song less than the one that is the same
    "same_elsewhere",  # share of the other measures that have one
    # Sounds of the hits.
    "sounds_fit",  # mean log-probability
    "sounds_exchanged",  # gain with whistle for clap and clap for whistle
    "sounds_earlier",  # gain if each object sounds as the next one does
    "sounds_half_beat_earlier",  # gain if it sounds as the hit half a beat later does
    "sounds_halves",  # gain with the sounds of the halves exchanged
    # New combos.
    "flags_fit",  # log-probability
    "flags_earlier",  # gain if each object has the flag of the next one
    "flags_earlier_long",  # the same for `COMBO_MEASURES` in a row
    # All else.
    "mirrored",  # what the steps into and out of one or two measures gain if these are mirrored
    "finish_phrases",  # log-odds of a finish on the downbeat by those a phrase or a few away
    "section",  # by how much the song changes at the start of the measure
    "column_lost",  # mania: log-odds that a column that only the measures before and after use is used here as well
)
"""Features of the measure around a place."""
OF_OBJECTS = (
    # Sounds. All log-odds are by the measures that have the rest of the measure.
    "sound_fit",  # log-probability of the sound
    "sound_other",  # gain of the likeliest sound
    "whistle_lost",  # log-odds of a whistle that it lacks
    "finish_lost",
    "clap_lost",
    "addition_added",  # log-odds against the least likely addition that it has
    "lost_out_of_phrase",  # the highest of these, by the measures that a slip copied with its phrase is not in
    "finish_missing",  # all odds of a finish on a downbeat together
    "edges_bare",  # what its repeats and its tail gain without additions
    # Log-odds against what it is.
    "flag_other",
    "kind_other",
    "end_other",
    "chord_other",
    # Elsewhere.
    "elsewhere",  # by how much likelier an object is at the best empty place up to half a beat away
    "elsewhere_song",  # the same, with the onsets of the song
    "scaled",  # what a figure of circles with the object gains if it is larger or smaller
)
"""Features of the object of a place."""
OF_CELLS = (
    "object",  # by the likely measures that have all the rest of this one
    "object_out_of_phrase",  # by those of them that a slip copied with its phrase is not in
    "object_song",  # by the onsets of the song
    "object_both",  # the first, and half of the song's
)
"""Log-odds that an object starts at a place."""
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
        self.likely = LikelyMeasures(passages, objects)
        self.rhythms, self.sounds, self.positions = MeasureRhythms(self.likely), MeasureSounds(self.likely), positions

    def features(self, times: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        """Measure places of the map.

        Args:
            times: (n_places,) ms.
            ranks: (n_places,) of the objects of the places.

        Returns:
            (n_places, len(NAMES)); zeros for maps that are too long for copies.
        """
        cells = self.likely.passages.cells
        if not cells.count or not len(times):
            return np.zeros((len(times), len(NAMES)))
        places, of_cells = self.likely.places(cells.of(times)), self.rhythms.of_cells()
        columns = [
            *(self.of_measures[name][places[0]] for name in OF_MEASURES),
            *(self.of_objects[name][ranks] for name in OF_OBJECTS),
            *(of_cells[name][places] for name in OF_CELLS),
        ]
        return np.stack(columns, axis=1)

    @cached_property
    def of_measures(self) -> Mapping[str, np.ndarray]:
        """The features `OF_MEASURES` and `sounds_exchanged_alone`, that of one measure; (n_measures,) each."""
        others = {"mirrored": self._mirrored(), "column_lost": self._column_lost(), "section": self._section()}
        return {**self.rhythms.of_measures, **self.sounds.of_measures, **self._flags(), **others}

    @cached_property
    def of_objects(self) -> Mapping[str, np.ndarray]:
        """The features `OF_OBJECTS`, (n_objects,) each."""
        others = {"flag_other": self._flag_other(), "scaled": self._scaled()}
        return {**self.rhythms.of_objects, **self.sounds.of_objects, **others}

    def _section(self) -> np.ndarray:
        """(n,) how much the song changes at the start of each measure; 0 at the ends of the map and without a song."""
        n, alike = self.likely.n, self.likely.passages.song
        if alike is None:
            return np.zeros(n)
        at = np.arange(n)
        near = np.clip(at[:, None] + np.arange(-SECTION_MEASURES, SECTION_MEASURES), 0, n - 1)
        side = np.repeat([-1.0, 1.0], SECTION_MEASURES)
        change = (alike[near[:, :, None], near[:, None, :]] * np.outer(side, side)).sum(axis=(1, 2))
        return np.where((at >= 2) & (at <= n - 2), change / SECTION_MEASURES**2, 0.0)

    def _flags(self) -> dict[str, np.ndarray]:
        likely = self.likely
        if likely.mode not in PLAYFIELD_MODES:
            return {name: np.zeros(likely.n) for name in OF_MEASURES if name.startswith("flags")}
        heads, flags = likely.heads.astype(np.float32), likely.rows(likely.own.flag).astype(np.float32)
        weights, whole = np.exp(likely.log_weights), flags.sum() / max(heads.sum(), 1.0)
        usual = (flags.sum(axis=0) + whole) / (heads.sum(axis=0) + 1.0)
        share = (weights @ flags + PRIOR_FLAGS * usual) / (weights @ heads + PRIOR_FLAGS)
        odds = log_odds(share, 0.005)[likely.row_measures, likely.row_places]
        own = flags[likely.row_measures, likely.row_places]
        following = np.append(own[1:], 0.0)
        fit, gain = own * odds - np.logaddexp(0.0, odds), (following - own) * odds
        fit, gain = (np.bincount(likely.row_measures, weights=one, minlength=likely.n) for one in (fit, gain))
        return {"flags_fit": fit, "flags_earlier": gain, "flags_earlier_long": in_a_row(gain, COMBO_MEASURES)}

    def _flag_other(self) -> np.ndarray:
        """(n_objects,) log-odds against the flag of each object."""
        likely = self.likely
        if likely.mode not in PLAYFIELD_MODES:
            return np.zeros(len(likely.objects))
        heads, flags = likely.heads.astype(np.float32), (likely.rows(likely.own.flag) > 0).astype(np.float32)
        lacks = heads - flags
        logs = likely.log_weights - MASKED_RHYTHM * likely.own_differences
        weights = np.exp(logs - MASKED_FLAG * (flags @ lacks.T + lacks @ flags.T))
        usual = (flags.sum(axis=0) + 0.2) / (heads.sum(axis=0) + 1.0)
        odds = masked_odds(weights, flags, lacks, usual, MASKED_FLAG) * (1.0 - 2.0 * flags)
        return odds[likely.of_object, likely.at_object]

    @cached_property
    def mirrored(self) -> tuple[np.ndarray, np.ndarray]:
        """(len(MIRRORED_MEASURES), n) each: what the steps into and out of so many measures from each one on gain if these
        are mirrored, and the number of the mirror in :data:`maimod.features.positions.alternatives.MIRRORS`."""
        n = self.likely.n
        gains, ways = np.zeros((2, len(MIRRORED_MEASURES), n))
        if self.positions is None:
            return gains, ways
        firsts, ends = np.searchsorted(self.likely.of_object, [np.arange(n), np.arange(1, n + 1)])
        for row, count in enumerate(MIRRORED_MEASURES):
            own = slice(0, max(n - count + 1, 0))
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
            return np.zeros(len(self.likely.objects))
        is_circle = np.array([o.kind is ObjectKind.CIRCLE for o in self.likely.objects], dtype=bool)
        return figures_scaled(self.positions.alternatives.steps, self.positions.heads, self.positions.tails, is_circle)

    def _column_lost(self) -> np.ndarray:
        """(n,) for the likeliest column."""
        beatmap, n = self.likely.passages.beatmap, self.likely.n
        if beatmap.mode is not Mode.MANIA:
            return np.zeros(n)
        counts = np.zeros((n, beatmap.keys))
        np.add.at(counts, (self.likely.of_object, np.array([beatmap.column(o) for o in self.likely.objects])), 1.0)
        before, after = np.zeros_like(counts), np.zeros_like(counts)
        before[1:], after[:-1] = counts[:-1], counts[1:]
        is_lost = (counts == 0) & (before > 0) & (after > 0)
        without = (np.exp(self.likely.log_weights) @ (counts == 0) + 0.05) / 1.05
        rarity = np.log(is_lost.sum() / n + 0.01)
        return np.where(is_lost, -np.log(without) - rarity, 0.0).max(axis=1, initial=0.0)

    def _mirrored(self) -> np.ndarray:
        """(n,) the most that passages with each measure gain."""
        found = np.zeros(self.likely.n)
        for gains, count in zip(self.mirrored[0], MIRRORED_MEASURES, strict=True):
            for later in range(count):
                found[later:] = np.maximum(found[later:], gains[: self.likely.n - later])
        return found
