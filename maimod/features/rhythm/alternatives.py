"""What if the rhythm was another one here? How much better it would fit the rhythm of the map itself.

The gaps from one start to the next get the probability that they have in the map where the start lies at the same place of the
beat and of the measure and follows the same gap, mostly of the places nearby. A place then gains if an object more, an object
less, an object elsewhere, or another duration makes the gaps around it likelier. No song and no network is needed for it.

Gaps and durations are in ticks, 48 to the beat; gains in natural logarithms.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from maimod.features.ordered import distinct
from maimod.osu.beatmap import Beatmap, HitObject
from maimod.osu.timing import TICKS_PER_BEAT, BeatGrid

LEAST_STARTS = 8
MOST_TICKS = 8 * TICKS_PER_BEAT
"""Longer gaps and durations count as this long."""
SHIFTS = (-24, -16, -12, -6, 6, 12, 16, 24)
"""Ticks by which an object is moved, to see what that gains: 1/8, 1/4, 1/3 and 1/2 beat."""
LOCAL_STARTS, ELSEWHERE = 48.0, 0.1
"""Starts nearby count more: their weight falls to 1/e of it so many starts away, and to the share of it far away."""
BESIDE = 2
"""Starts this close say nothing of what the place would be without its mistake."""
OTHER_PHASE = 0.03
"""Weight of starts at another place of the beat."""
SAME_MEASURE_PLACE, SAME_GAP = 8.0, 4.0
"""Added to the weight of 1 of starts at the same place of the measure, and of those that follow the same gap."""
PRIOR_WEIGHT = 1.0
"""Weight of what the whole map has, whatever the place."""
UNSEEN = 0.3
"""Count of a gap that the map does not have."""
MOST_AT_ONCE = 800
"""Starts compared with each other; a longer map is cut into parts."""

NAMES = (
    "fit_before",
    "fit_after",
    "removed",
    "shifted",
    "shift",
    "added",
    "duration_fit",
    "duration_gain",
    "slides_gain",
)
"""`fit`: log-probability of the gaps before and after an object. `removed`, `shifted`, `added`: what the gaps gain without the
object, with it elsewhere (`shift`: by how many beats), and with another object at an empty place. `duration`: of the object's
own, and what the likeliest other one gains; `slides_gain`: what one repeat more or less gains."""


class _Contexts(msgspec.Struct, frozen=True):
    """Places in the rhythm, by which gaps are compared. All (n,)."""

    place: np.ndarray
    """Number of the start, between two numbers for a place between two starts."""
    beat: np.ndarray
    """Ticks since the beat."""
    measure: np.ndarray
    """Ticks since the measure."""
    gap: np.ndarray
    """Ticks since the start before; for durations those to the next start."""


class Moments:
    """Times of one map, such as the starts of its objects, and the gaps that they usually have."""

    def __init__(self, beatmap: Beatmap, times: np.ndarray) -> None:
        """
        Args:
            beatmap: gives the red lines.
            times: ms, ascending.
        """
        self.grid = BeatGrid(beatmap)
        self.ticks = self.grid.ticks(times)
        self.starts, self.of_object = np.unique(self.ticks, return_inverse=True)
        self.gaps = np.minimum(np.diff(self.starts), MOST_TICKS)

    def removed(self) -> np.ndarray:
        """(n_times, 3) the first three of `NAMES` for every time; zeros if they are few."""
        found = np.zeros((len(self.starts), 3))
        if len(self.starts) >= LEAST_STARTS:
            known, both = self._with_gaps(), np.append(self.gaps[:-1] + self.gaps[1:], MOST_TICKS)
            fit, without = _log_probability(known, self.gaps, known, np.stack([self.gaps, both], axis=1)).T
            found[1:, 0], found[:-1, 1] = fit, fit
            found[1:-1, 2] = without[:-1] - fit[:-1] - fit[1:]
        return found[self.of_object]

    def added(self, times: np.ndarray) -> np.ndarray:
        """(n_times,) what the gap gains if there is one at another time [ms]; zeros if there are few."""
        return self._added(times) if len(self.starts) >= LEAST_STARTS else np.zeros(len(times))

    def _contexts(self, ticks: np.ndarray, place: np.ndarray, gap: np.ndarray) -> _Contexts:
        in_measure, _ = self.grid.measure_ticks(ticks)
        return _Contexts(place, in_measure % TICKS_PER_BEAT, in_measure, np.minimum(gap, MOST_TICKS))

    def _with_gaps(self) -> _Contexts:
        """Those of all starts but the last, which has no gap."""
        before = np.concatenate([[MOST_TICKS], self.gaps[:-1]])
        return self._contexts(self.starts[:-1], np.arange(len(self.gaps)), before)

    def _starts(self) -> np.ndarray:
        """(n_starts, 5) the first features of every start."""
        known, n = self._with_gaps(), len(self.starts)
        gaps = self.gaps
        fit = _log_probability(known, gaps, known, gaps[:, None])[:, 0]
        found = np.zeros((n, 5))
        found[1:, 0], found[:-1, 1] = fit, fit
        if n < 3:
            return found
        i = np.arange(1, n - 1)
        now, both = fit[i - 1] + fit[i], gaps[i - 1] + gaps[i]
        before = _part(known, i - 1)
        moves = np.array(SHIFTS)
        earlier = gaps[i - 1, None] + moves
        others = np.concatenate([both[:, None], earlier], axis=1)
        likely = _log_probability(known, gaps, before, others)
        found[i, 2] = likely[:, 0] - now
        best, best_shift = np.full(len(i), -np.inf), np.zeros(len(i))
        for k, move in enumerate(SHIFTS):
            contexts = self._contexts(self.starts[i] + move, i, earlier[:, k])
            after = _log_probability(known, gaps, contexts, (gaps[i] - move)[:, None])[:, 0]
            gain = np.where((earlier[:, k] > 0) & (gaps[i] > move), likely[:, 1 + k] + after - now, -np.inf)
            better = gain > best
            best[better], best_shift[better] = gain[better], move / TICKS_PER_BEAT
        found[i, 3], found[i, 4] = np.where(np.isfinite(best), best, 0.0), best_shift
        return found

    def _added(self, times: np.ndarray) -> np.ndarray:
        """(n_times,) what the gap gains if an object begins there."""
        ticks = self.grid.ticks(times)
        i = np.searchsorted(self.starts, ticks, side="left") - 1
        found = np.zeros(len(times))
        inside = np.flatnonzero((i >= 0) & (i < len(self.gaps)))
        inside = inside[ticks[inside] < self.starts[i[inside] + 1]]
        i, ticks = i[inside], ticks[inside]
        known, first = self._with_gaps(), ticks - self.starts[i]
        second = self.starts[i + 1] - ticks
        before = _log_probability(known, self.gaps, _part(known, i), np.stack([first, self.gaps[i]], axis=1))
        contexts = self._contexts(ticks, i + 0.5, first)
        after = _log_probability(known, self.gaps, contexts, second[:, None])[:, 0]
        found[inside] = before[:, 0] + after - before[:, 1]
        return found


class RhythmAlternatives(Moments):
    """The starts of one map and the gaps that they usually have."""

    def __init__(self, beatmap: Beatmap, objects: Sequence[HitObject]) -> None:
        """
        Args:
            beatmap: gives the red lines.
            objects: in order of time.
        """
        super().__init__(beatmap, np.array([o.time for o in objects]))
        self.objects = objects

    def features(self, times: np.ndarray, ranks: np.ndarray, is_empty: np.ndarray) -> np.ndarray:
        """(n_places, len(NAMES)).

        Args:
            times: (n_places,) ms.
            ranks: (n_places,) of the object of the place, or of the one before an empty place.
            is_empty: (n_places,) whether no object is there.
        """
        found = np.zeros((len(times), len(NAMES)))
        if len(self.starts) < LEAST_STARTS:
            return found
        of_starts, of_durations = self._starts(), self._durations()
        full = ~is_empty
        found[full, :5] = of_starts[self.of_object[ranks[full]]]
        found[full, 6:] = of_durations[ranks[full]]
        found[is_empty, 5] = self._added(times[is_empty])
        return found

    def _durations(self) -> np.ndarray:
        """(n_objects, 3) the last features of every object."""
        ends = self.grid.ticks(np.array([o.end_time for o in self.objects]))
        lasts = np.clip(ends - self.ticks, 0, MOST_TICKS)
        gaps = np.concatenate([self.gaps, [MOST_TICKS]])[self.of_object]
        known = self._contexts(self.ticks, self.of_object.astype(float), gaps)
        values = distinct(lasts)
        if len(values) > 64:  # nearly every object has its own duration: there is nothing usual
            return np.zeros((len(lasts), 3))
        slides = np.array([o.slider.slides if o.slider else 0 for o in self.objects])
        more, less = lasts * (slides + 1) / np.maximum(slides, 1), lasts * (slides - 1) / np.maximum(slides, 1)
        asked = np.stack([lasts, np.round(more), np.round(less)], axis=1).astype(np.int64)
        asked = np.concatenate([asked, np.broadcast_to(values, (len(lasts), len(values)))], axis=1)
        likely = _log_probability(known, lasts, known, np.minimum(asked, MOST_TICKS))
        repeats = np.where(slides[:, None] > [0, 1], likely[:, 1:3], -np.inf).max(axis=1)
        gain = np.where(np.isfinite(repeats), repeats - likely[:, 0], 0.0)
        return np.stack([likely[:, 0], likely[:, 3:].max(axis=1) - likely[:, 0], gain], axis=1)


def _part(contexts: _Contexts, numbers: np.ndarray) -> _Contexts:
    return _Contexts(contexts.place[numbers], contexts.beat[numbers], contexts.measure[numbers], contexts.gap[numbers])


def _log_probability(known: _Contexts, values: np.ndarray, asked: _Contexts, wanted: np.ndarray) -> np.ndarray:
    """Log-probability of values at places, by the values of the map at such places.

    Args:
        known: contexts (n,) that have
        values: (n,) ticks.
        asked: contexts (m,) of
        wanted: (m, k) ticks.
    """
    found = np.zeros(wanted.shape)
    classes, of_value = np.unique(values, return_inverse=True)
    counts = np.bincount(of_value) / (len(values) + 1.0)
    column = np.minimum(np.searchsorted(classes, wanted), len(classes) - 1)
    is_known = classes[column] == wanted
    prior = np.where(is_known, counts[column], UNSEEN / (len(values) + 1.0))
    one_hot = np.zeros((len(values), len(classes)), dtype=np.float32)
    one_hot[np.arange(len(values)), of_value] = 1.0
    order = np.argsort(asked.place, kind="stable")
    for start in range(0, len(order), MOST_AT_ONCE):
        rows = order[start : start + MOST_AT_ONCE]
        low = max(int(asked.place[rows[0]]) - MOST_AT_ONCE, int(known.place[0]))
        columns = np.flatnonzero((known.place >= low) & (known.place <= asked.place[rows[-1]] + MOST_AT_ONCE))
        weights = _weights(_part(known, columns), _part(asked, rows))
        tallies = weights @ one_hot[columns]
        seen = np.where(is_known[rows], np.take_along_axis(tallies, column[rows], axis=1), 0.0)
        total = weights.sum(axis=1)[:, None] + PRIOR_WEIGHT
        found[rows] = np.log((seen + PRIOR_WEIGHT * prior[rows]) / total)
    return found


def _weights(known: _Contexts, asked: _Contexts) -> np.ndarray:
    """float32 (m, n) how much each known place says of each place asked for."""
    apart = np.abs(np.subtract.outer(asked.place.astype(np.float32), known.place.astype(np.float32)))  # exact: halves
    weights = apart * np.float32(-1 / LOCAL_STARTS)
    np.exp(weights, out=weights)
    weights += np.float32(ELSEWHERE)
    # Places in a measure and gaps repeat, so each pair of them is compared once; the beat follows from the measure.
    _, first, pair = np.unique(asked.measure * (1 << 32) + asked.gap, return_index=True, return_inverse=True)
    factors = np.where(_same(asked.beat[first], known.beat), np.float32(1), np.float32(OTHER_PHASE))
    factors *= np.where(_same(asked.measure[first], known.measure), np.float32(1 + SAME_MEASURE_PLACE), np.float32(1))
    factors *= np.where(_same(asked.gap[first], known.gap), np.float32(1 + SAME_GAP), np.float32(1))
    weights *= factors[pair]
    weights *= apart > BESIDE
    return weights


def _same(ticks: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(m, n) whether ticks are equal, compared in half of their bytes."""
    return np.asarray(np.equal.outer(ticks.astype(np.int32), others.astype(np.int32)))
