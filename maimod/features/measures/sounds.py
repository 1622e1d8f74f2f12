"""What a whole measure would gain with other sounds: whistle and clap exchanged, each hit with what the next one has, or its halves
exchanged; and what each object would gain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from maimod.features.copies.cells import CELLS_PER_BEAT
from maimod.features.copies.passages import SOUND_VALUES
from maimod.features.measures.likely import LikelyMeasures, in_a_row, log_odds, masked_odds, normalised
from maimod.features.measures.rhythms import FURTHEST
from maimod.osu.beatmap import Mode
from maimod.osu.hitsounds import CLAP, FINISH, WHISTLE

WEIGHT_OF_SOUNDS = 8.0
"""What a measure gains by the same sounds around."""
MASKED_SOUND, MASKED_RHYTHM = 3.0, 0.3
"""Lost by each difference of additions, and of the rhythm, elsewhere in the measure where one place of it is compared."""
PRIOR_SOUNDS = 0.3
"""Weight of what the map has in all measures, beside the likely ones."""
FINISH_PHRASES, FURTHEST_PHRASE, PRIOR_FINISHES = (4, 8, 16), 3, 0.2
"""Measures in a phrase, phrases before and after that are looked at, each with the weight 1 by its distance, and the weight of even odds."""
SOUND_MEASURES = 2
"""Measures in a row of which the gains are added."""


class MeasureSounds:
    """Sounds of the measures of one map."""

    def __init__(self, likely: LikelyMeasures) -> None:
        self.likely = likely

    @cached_property
    def sounds(self) -> np.ndarray:
        """(n, width) sounds of the hits, -1 without a hit; in taiko a kat is a whistle, whichever addition makes it."""
        found = self.likely.rows(self.likely.own.sound + 1) - 1
        if self.likely.mode is not Mode.TAIKO:
            return found
        kat = WHISTLE >> 1 | CLAP >> 1
        return np.where(found < 0, found, (found & ~kat) | np.where(found & kat, WHISTLE >> 1, 0))

    @cached_property
    def log_weights(self) -> np.ndarray:
        """(n, n) as `LikelyMeasures.log_weights`, with the sounds around."""
        return normalised(self.likely.log_weights + WEIGHT_OF_SOUNDS * self.likely.passages.sounds_around)

    @cached_property
    def logs(self) -> np.ndarray:
        """(n, width, SOUND_VALUES) log-probability of each sound, if there is a hit."""
        weights = np.exp(self.log_weights)
        one_hot = (self.sounds[:, :, None] == np.arange(SOUND_VALUES)).astype(np.float32)
        seen = (weights @ one_hot.reshape(self.likely.n, -1)).reshape(one_hot.shape)
        heads = self.likely.heads[:, :, None]
        # Repeats and tails sound otherwise than heads.
        usual = np.where(heads, _usual(one_hot * heads), _usual(one_hot * ~heads))
        return np.log((seen + PRIOR_SOUNDS * usual) / (seen.sum(axis=2, keepdims=True) + PRIOR_SOUNDS))

    @cached_property
    def _finish_phrases(self) -> np.ndarray:
        """(n,) log-odds of a finish on the downbeat."""
        n, heads = self.likely.n, self.likely.heads[:, 0]
        finishes = heads & (np.maximum(self.sounds[:, 0], 0) & FINISH >> 1 > 0)
        found = np.full(n, -np.inf)
        for measures in FINISH_PHRASES:
            seen, total = np.zeros(n), np.zeros(n)
            for count in range(1, FURTHEST_PHRASE + 1):
                by = count * measures
                for values, of in ((seen, finishes), (total, heads)):
                    values[by:] += of[: max(n - by, 0)] / count
                    values[: max(n - by, 0)] += of[by:] / count
            odds = np.log((seen + PRIOR_FINISHES) / (total - seen + PRIOR_FINISHES))
            found = np.maximum(found, np.where(total > 0, odds, -np.inf))
        return np.maximum(found, -FURTHEST)

    def _log_of(self, sounds: np.ndarray) -> np.ndarray:
        """(n, width) log-probability of sounds; 0 where there are none."""
        found = np.take_along_axis(self.logs, np.maximum(sounds, 0)[:, :, None], axis=2)[:, :, 0]
        return np.where((sounds >= 0) & (self.sounds >= 0), found, 0.0)

    def _gain_at_heads(self, sounds: np.ndarray, known: np.ndarray | bool = True) -> np.ndarray:
        """(n,) what the measures gain if their starts (n_rows,) sound otherwise."""
        measures, places = self.likely.row_measures, self.likely.row_places
        logs, own, at = self.logs[measures, places], self.sounds[measures, places], np.arange(len(places))
        gain = np.where(known, logs[at, np.maximum(sounds, 0)] - logs[at, np.maximum(own, 0)], 0.0)
        return np.bincount(measures, weights=gain, minlength=self.likely.n)

    @cached_property
    def of_measures(self) -> dict[str, np.ndarray]:
        """The features of measures about sounds, and `sounds_exchanged_alone`, that of one measure; (n,) each."""
        sounds, measures, places = self.sounds, self.likely.row_measures, self.likely.row_places
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
        half = np.minimum(places + CELLS_PER_BEAT // 2, self.likely.width - 1)
        later = sounds[measures, half]
        halves = self._log_of(self.likely.rolled(sounds, self.likely.halves))
        return {
            "sounds_fit": fit.sum(axis=1) / count,
            "sounds_exchanged": in_a_row(exchanged, SOUND_MEASURES),
            "sounds_exchanged_alone": exchanged,
            "sounds_earlier": self._gain_at_heads(sounds[measures[following], places[following]]),
            "sounds_half_beat_earlier": self._gain_at_heads(later, (later >= 0) & (half > places)),
            "sounds_halves": np.where(halves != 0, halves - fit, 0.0).sum(axis=1),
            "finish_phrases": self._finish_phrases,
        }

    @cached_property
    def of_objects(self) -> dict[str, np.ndarray]:
        """The features of objects about sounds, (n_objects,) each."""
        of, at = self.likely.of_object, self.likely.at_object
        logs, own = self.logs[of, at], np.maximum(self.sounds[of, at], 0)
        fit = logs[np.arange(len(own)), own]
        bits = [addition >> 1 for addition in (WHISTLE, FINISH, CLAP)]
        odds, out_of_phrase = (
            np.stack([one[of, at] for one in self._addition_odds(bits, among)], axis=1)
            for among in (1.0, self.likely.out_of_phrase)
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
        }

    def _addition_odds(self, bits: Sequence[int], among: np.ndarray | float) -> list[np.ndarray]:
        """(n, width) for each addition: log-odds of it if there is a hit, by the measures `among` (n, n) that have the other
        sounds of this one."""
        hits = self.sounds >= 0
        has = [((np.maximum(self.sounds, 0) & bit) > 0).astype(np.float32) for bit in bits]
        lacks = [hits - one for one in has]
        different = sum(one @ other.T + other @ one.T for one, other in zip(has, lacks, strict=True))
        logs = self.log_weights - MASKED_RHYTHM * self.likely.own_differences
        weights = np.exp(logs - MASKED_SOUND * different) * among
        usual = [(one.sum(axis=0) + 0.2) / (hits.sum(axis=0) + 1.0) for one in has]
        return [
            masked_odds(weights, one, other, base, MASKED_SOUND)
            for one, other, base in zip(has, lacks, usual, strict=True)
        ]

    def _finish_missing(self, logs: np.ndarray, lost: np.ndarray) -> np.ndarray:
        """(n_objects,) all log-odds of a finish on a downbeat without one together."""
        usual = log_odds(np.exp(logs[:, (np.arange(SOUND_VALUES) & FINISH >> 1) > 0]).sum(axis=1), 1e-4)
        is_bare = (self.likely.at_object == 0) & (lost > -FURTHEST)
        return np.where(is_bare, lost + usual + self._finish_phrases[self.likely.of_object], -3 * FURTHEST)

    def _edges_bare(self) -> np.ndarray:
        """(n_objects,) what the repeats and the tails of sliders gain without additions."""
        own, grid, objects = self.likely.own, self.likely.passages.cells, self.likely.objects
        cells = np.flatnonzero((own.sound >= 0) & ~own.head)
        logs = self.logs[self.likely.places(cells)]
        gain = np.zeros(grid.count + 1)
        gain[cells + 1] = logs[:, 0] - logs[np.arange(len(cells)), own.sound[cells]]
        total = np.cumsum(gain)
        ends = grid.of([o.end_time for o in objects])
        found = total[ends + 1] - total[np.minimum(self.likely.object_cells, ends)]
        return np.where([o.slider is not None for o in objects], found, 0.0)


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
