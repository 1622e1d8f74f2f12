"""What if an object was the other way round? How much better the steps around it would fit the map.

A slider that was reversed alone, or a few objects that were mirrored alone, keep all the relations inside; only the steps
into and out of them become unlike the other steps of the map. So every slider is reversed and flipped, every few objects
are mirrored, and every two circles exchanged. The distances and turns of the steps at both ends then have another density
among the map's own steps with about the same gap in time: what gains much may have been turned by accident.

Distances are in osu! pixels, gaps in ms, densities in natural logarithms. Positions are complex numbers, x + iy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec
import numpy as np

from maimod.osu.beatmap import HEIGHT, WIDTH, HitObject, ObjectKind

LEAST_STEPS = 8
"""Fewer have no density."""
LEAST_GAP_MS = 10.0
GAP_OCTAVES = 0.15
"""Width of the kernel by which steps with another gap count less."""
LOCAL_STEPS, ELSEWHERE = 40.0, 0.3
"""Steps nearby count more: their weight falls to 1/e of it so many steps away, and to the share of it far away."""
BESIDE = 2
"""Steps this close share objects with a step, so they say nothing of what it would be without them."""
FROM_PX = 8.0
"""Added to distances before the logarithm, so that stacks a pixel apart are alike."""
OCTAVES, OCTAVE_BINS, OCTAVE_WIDTH = (3.0, 9.5), 53, 0.25
"""Range, number of points and kernel width of the density of distances, in log2 px."""
TURN_BINS, TURN_WIDTH = 33, 0.35
"""Points from 0 to pi and kernel width of the density of turns, in radians."""
PRIOR_WEIGHT, PRIOR = 0.3, 0.02
"""Weight and density of what the map has not shown."""
NOTHING = 1e-30
"""Smaller weights count as 0. In float32 they soon have no leading digit, and products of such numbers take ten times as long."""
LEAST_PX = 4.0
"""Shorter vectors have no direction."""
LEAST_TURNED_PX = 20.0
"""Sliders whose ends are closer and figures that would move less cannot be told from their mirror image."""
FIGURES = (2, 3, 4, 5, 6)
"""Objects of a figure that is mirrored."""
GROUPS = (2, 3, 4)
"""Objects that are moved together."""
MOVES_PX, MOVE_DIRECTIONS = (25.0, 60.0, 120.0, 200.0), 8
"""Distances and number of directions of the other places that are tried."""
MIRRORS = ((1, 0), (0, 1), (1, 1))
"""Passages are mirrored left to right, top to bottom, and turned upside down."""
SCALED, FACTORS = (3, 4, 5), (1 / 1.4, 1 / 0.7)
"""Circles of figures that are scaled about their middle, and by how much."""
MOST_OF_END, MOST_INSIDE = 5.0, 3.0
"""The most that the step into or out of a figure gains, and each step of it: all must fit better."""
TURNS_OF_PASSAGES, MOST_OF_PASSAGES = 0.5, 6.0
"""Weight of turns beside distances, and the most that one end of a passage gains: both ends must fit better."""
TURNED_DEGREES = (-90, -60, -45, -30, -15, 15, 30, 45, 60, 90)
"""Angles by which bodies are turned about their heads."""
RATIO_OCTAVES, RATIO_BINS, RATIO_WIDTH = 4.0, 33, 0.25
"""Range on either side of 0, number of points and kernel width of the density of ratios, in octaves."""
MOST_STEPS = 1500
"""Steps compared with each other; a longer map is cut into parts."""

NAMES = (
    # Log-density of the steps and turns as they are.
    "step_in_fit",
    "step_out_fit",
    "turn_in_fit",
    "turn_out_fit",
    # What they gain if a slider ran from its tail to its head, or curved to the other side.
    "reversed_steps",
    "reversed_turns",
    "flipped_turns",
    # What they gain if a figure was mirrored: the best one that begins with the object, ends with it, or has it.
    "mirrored_from_steps",
    "mirrored_from_turns",
    "mirrored_to_steps",
    "mirrored_to_turns",
    "mirrored_with",
    # What they gain if the object was elsewhere, or a few objects that begin or end with it.
    "moved",
    "moved_px",  # log2 of 1 + how far away that is
    "group_from",
    "group_to",
    # What they gain if a circle changed places with the next one or the one before, whichever is better.
    "exchanged_steps",
    "exchanged_turns",
    "exchanged_px",  # log2 of 1 + px of way saved, negative if the way is longer
    # What they gain if a body was turned about its head.
    "turned_steps",
    "turned_turns",
    "turned_by",  # degrees
    "scaled",  # what they gain if a figure of circles with the object was larger or smaller
    "ratio_fit",  # log-density of the ratio of the distances out of and into the object, at about these gaps
)
"""Names of the features. Gains are natural logarithms."""


class Alternatives(msgspec.Struct, frozen=True):
    """What the steps around every object gain, in order of time."""

    features: np.ndarray
    """(n_objects, len(NAMES))."""
    figures: np.ndarray
    """(n_objects, 2) int: the first object and the number of objects of the figure behind `mirrored_with`."""
    axes: np.ndarray
    """(n_objects,) int: 0 if it would be mirrored left to right, 1 top to bottom."""
    mirrored_px: np.ndarray
    """(n_objects, 2) distances into and out of that figure if it was mirrored."""
    partners: np.ndarray
    """(n_objects,) int: the circle behind `exchanged`; the object itself if there is none."""
    steps: dict[int, _Steps]
    """Steps of the map by the number of the first; maps that are too long are in parts."""


class _Steps(msgspec.Struct, frozen=True):
    """Steps from one object to the next, and the density of such steps in the map."""

    way: np.ndarray
    """(n,) from the tail to the head of the next object."""
    leaving: np.ndarray
    """(n,) direction in which the object before is left: the end of its body, or the way to a circle."""
    starting: np.ndarray
    """(n,) direction in which the object after begins: its body, or the way from a circle."""
    distances: np.ndarray
    """(n, OCTAVE_BINS) log-density."""
    turns: tuple[np.ndarray, np.ndarray]
    """(n, TURN_BINS) log-density of turns from `leaving` to `way`, and from `way` to `starting`."""

    def of_distances(self, steps: np.ndarray, ways: np.ndarray) -> np.ndarray:
        low, high = OCTAVES
        places = (np.log2(np.abs(ways) + FROM_PX) - low) / (high - low) * (OCTAVE_BINS - 1)
        return _at(self.distances, steps, places)

    def of_turns(self, side: int, steps: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Log-density of turns at the start (0) or the end (1) of steps; 0 where there is no direction."""
        turns = _turns(before, after)
        known = np.isfinite(turns)
        places = np.where(known, turns, 0.0) / np.pi * (TURN_BINS - 1)
        return np.where(known, _at(self.turns[side], steps, places), 0.0)

    def fit(
        self, steps: np.ndarray, ways: np.ndarray, leaving: np.ndarray, starting: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Log-densities of distances and of both turns of steps that would go another way."""
        turns = self.of_turns(0, steps, leaving, ways) + self.of_turns(1, steps, ways, starting)
        return self.of_distances(steps, ways), turns

    def total(self, steps: np.ndarray, ways: np.ndarray, leaving: np.ndarray, starting: np.ndarray) -> np.ndarray:
        """Both of :meth:`fit` together."""
        distances, turns = self.fit(steps, ways, leaving, starting)
        return distances + turns


def find(
    objects: Sequence[HitObject], heads: np.ndarray, tails: np.ndarray, bodies: np.ndarray, gaps: np.ndarray
) -> Alternatives:
    """Compare every object with its other ways round.

    Args:
        objects: in order of time.
        heads: (n_objects,) complex.
        tails: (n_objects,) complex, where the objects end.
        bodies: (n_objects, n_points) complex points of sliders at equal distances, from their heads; 0 for others.
        gaps: (n_objects - 1,) ms from end to start.
    """
    n = len(objects)
    features = np.zeros((n, len(NAMES)))
    figures, axes = np.stack([np.arange(n), np.ones(n, dtype=int)], axis=1), np.zeros(n, dtype=int)
    mirrored_px, partners, of_parts = np.zeros((n, 2)), np.arange(n), {}
    lows, highs = _bounds(objects)
    is_circle = np.array([o.kind is ObjectKind.CIRCLE for o in objects], dtype=bool)
    for start in range(0, max(n - 1, 1), MOST_STEPS):
        part = slice(start, min(start + MOST_STEPS + 1, n))
        if part.stop - start > LEAST_STEPS:
            starting, leaving = _directions(objects[part], bodies[part])
            steps = _compare(heads[part], tails[part], starting, leaving, gaps[start : part.stop - 1])
            features[part, :4] = _fits(steps)
            features[part, 4:7] = _reversed(steps, heads[part], tails[part], bodies[part])
            found, figures[part], axes[part], mirrored_px[part] = _mirrored(
                steps, heads[part], tails[part], lows[part], highs[part]
            )
            features[part, 7:12] = found
            features[part, 12:16] = _moved(steps, heads[part], starting)
            features[part, 16:19], partners[part] = _exchanged(steps, heads[part], tails[part], is_circle[part])
            features[part, 19:22] = _turned_bodies(steps, heads[part], tails[part], bodies[part])
            features[part, 23] = _ratios(steps, gaps[start : part.stop - 1])
            figures[part, 0] += start
            partners[part] += start
            of_parts[start] = steps
    features[:, 22] = figures_scaled(of_parts, heads, tails, is_circle)
    return Alternatives(features, figures, axes, mirrored_px, partners, of_parts)


def passages_mirrored(
    steps: Mapping[int, _Steps], heads: np.ndarray, tails: np.ndarray, firsts: np.ndarray, lasts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What the steps into and out of passages gain if they are mirrored about the middle of the playfield.

    Args:
        steps: of :func:`find`.
        heads, tails: (n_objects,) complex, as for :func:`find`.
        firsts, lasts: (n_passages,) numbers of their objects.

    Returns:
        (n_passages,) the greatest gain, 0 at the ends of the map; and the number of its mirror in `MIRRORS`.
    """
    gains, mirrors = np.zeros(len(firsts)), np.zeros(len(firsts), dtype=int)
    for start, part in steps.items():
        inside = (firsts > start) & (lasts >= firsts) & (lasts < start + len(part.way))
        i, j = firsts[inside], lasts[inside]
        into, out = i - 1 - start, j - start
        now_in = part.fit(into, part.way[into], part.leaving[into], part.starting[into])
        now_out = part.fit(out, part.way[out], part.leaving[out], part.starting[out])
        found = np.zeros((len(MIRRORS), len(i)))
        for number in range(len(MIRRORS)):
            head, tail = across(heads[i], number), across(tails[j], number)
            new_in = part.fit(into, head - tails[i - 1], part.leaving[into], _turned(part.starting[into], number))
            new_out = part.fit(out, heads[j + 1] - tail, _turned(part.leaving[out], number), part.starting[out])
            for new, now in ((new_in, now_in), (new_out, now_out)):
                gain = new[0] - now[0] + TURNS_OF_PASSAGES * (new[1] - now[1])
                found[number] += np.minimum(gain, MOST_OF_PASSAGES)
        gains[inside], mirrors[inside] = found.max(axis=0), found.argmax(axis=0)
    return gains, mirrors


def figures_scaled(
    steps: Mapping[int, _Steps], heads: np.ndarray, tails: np.ndarray, is_circle: np.ndarray
) -> np.ndarray:
    """What the steps of figures of circles, and those into and out of them, gain if the figures are larger or smaller.

    Args:
        steps: of :func:`find`.
        heads, tails, is_circle: (n_objects,), as for :func:`find`.

    Returns:
        (n_objects,) the greatest gain of a figure with each object.
    """
    gains = np.zeros(len(heads))
    for start, part in steps.items():
        now = part.fit(np.arange(len(part.way)), part.way, part.leaving, part.starting)
        for count in SCALED:
            first = np.arange(start + 1, min(start + len(part.way), len(heads) - 1) - count + 1)
            first = first[np.all([is_circle[first + k] for k in range(count)], axis=0)]
            middle = np.mean([heads[first + k] for k in range(count)], axis=0)
            for factor in FACTORS:
                places = [middle + factor * (heads[first + k] - middle) for k in range(count)]
                ways = [after - before for before, after in pairwise(places)]
                ends = (
                    (first - 1, places[0] - tails[first - 1], part.leaving[first - 1 - start], ways[0]),
                    (
                        first + count - 1,
                        heads[first + count] - places[-1],
                        ways[-1],
                        part.starting[first + count - 1 - start],
                    ),
                )
                total = np.zeros(len(first))
                for step, way, leaving, starting in ends:
                    new = part.fit(step - start, way, leaving, starting)
                    gain = new[0] - now[0][step - start] + TURNS_OF_PASSAGES * (new[1] - now[1][step - start])
                    total += np.minimum(gain, MOST_OF_END)
                for k, way in enumerate(ways):
                    step = first + k - start
                    total += np.minimum(part.of_distances(step, way) - now[0][step], MOST_INSIDE)
                total[~np.all([_is_inside(place) for place in places], axis=0)] = 0.0
                for k in range(count):
                    np.maximum.at(gains, first + k, total)
    return gains


def _turned(directions: np.ndarray, mirror: int) -> np.ndarray:
    """Directions mirrored by one of `MIRRORS`."""
    x, y = MIRRORS[mirror]
    return np.asarray((-1) ** x * directions.real + 1j * (-1) ** y * directions.imag)


def across(points: np.ndarray, mirror: int) -> np.ndarray:
    """Points mirrored about the middle of the playfield by one of `MIRRORS`."""
    x, y = MIRRORS[mirror]
    return _turned(points, mirror) + x * WIDTH + 1j * y * HEIGHT


def _directions(objects: Sequence[HitObject], bodies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n_objects,) each: how bodies begin and in which direction they are left; NaN without a body."""
    begins, ends = bodies[:, 0], bodies[:, -1] - bodies[:, -3]
    is_slider = np.array([o.slider is not None for o in objects])
    comes_back = np.array([o.slider is not None and o.slider.slides % 2 == 0 for o in objects])
    return np.where(is_slider, begins, np.nan), np.where(is_slider, np.where(comes_back, -begins, ends), np.nan)


def _bounds(objects: Sequence[HitObject]) -> tuple[np.ndarray, np.ndarray]:
    """(n_objects,) complex each: the corners of the box around the head and the control points of each object."""
    points = [np.array([(o.x, o.y), *(o.slider.control_points if o.slider else ())]) for o in objects]
    lows = np.array([p.min(axis=0) for p in points]).reshape(-1, 2)
    highs = np.array([p.max(axis=0) for p in points]).reshape(-1, 2)
    return lows[:, 0] + 1j * lows[:, 1], highs[:, 0] + 1j * highs[:, 1]


# ---------------------------------------------------------------------------------------------------------------------
# The map's own steps


def _compare(
    heads: np.ndarray, tails: np.ndarray, starting: np.ndarray, leaving: np.ndarray, gaps: np.ndarray
) -> _Steps:
    way = heads[1:] - tails[:-1]
    from_circle, to_circle = np.isnan(leaving[:-1]), np.isnan(starting[1:])
    left = np.where(from_circle, np.concatenate([[0j], way[:-1]]), leaving[:-1])
    begun = np.where(to_circle, np.concatenate([way[1:], [0j]]), starting[1:])
    octaves = np.log2(np.maximum(gaps, LEAST_GAP_MS)).astype(np.float32)
    weights = _nearby(np.exp(-0.5 * (np.subtract.outer(octaves, octaves) / np.float32(GAP_OCTAVES)) ** 2))
    low, high = OCTAVES
    distances = _densities(
        weights, np.log2(np.abs(way) + FROM_PX), np.linspace(low, high, OCTAVE_BINS), OCTAVE_WIDTH, PRIOR
    )
    angles = np.linspace(0.0, np.pi, TURN_BINS)
    turns = []
    for is_circle, found in ((from_circle, _turns(left, way)), (to_circle, _turns(way, begun))):
        same = weights * (is_circle[:, None] == is_circle[None])
        turns.append(_densities(same, found, angles, TURN_WIDTH, 1 / np.pi * TURN_WIDTH))
    return _Steps(way, left, begun, distances, (turns[0], turns[1]))


def _nearby(weights: np.ndarray) -> np.ndarray:
    """Weights (n, n) of steps for each other, less for those far away and none for those beside."""
    numbers = np.arange(len(weights))
    apart = np.abs(np.subtract.outer(numbers, numbers))
    weights *= (ELSEWHERE + np.exp(-numbers / LOCAL_STEPS)).astype(np.float32)[apart]
    weights[(apart <= BESIDE) | (weights < NOTHING)] = 0.0
    return weights


def _densities(weights: np.ndarray, values: np.ndarray, at: np.ndarray, width: float, prior: float) -> np.ndarray:
    """(n, len(at)) log-density, up to a constant, of the values that the other steps have, weighted for each step."""
    known = np.isfinite(values)
    kernels = np.exp(-0.5 * ((np.where(known, values, 0.0)[:, None] - at) / width) ** 2) * known[:, None]
    kernels[kernels < NOTHING] = 0.0
    total = weights @ known.astype(np.float32)
    found = weights @ kernels.astype(np.float32)
    return np.asarray(np.log((found + PRIOR_WEIGHT * prior) / (total + PRIOR_WEIGHT)[:, None]))


def _at(table: np.ndarray, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Values between the points of rows of a table."""
    places = np.clip(places, 0.0, table.shape[1] - 1.001)
    left = places.astype(int)
    share = places - left
    return np.asarray(table[rows, left] * (1 - share) + table[rows, left + 1] * share)


def _turns(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Angles from one direction to another, 0 to pi; NaN without a direction."""
    known = (np.abs(before) >= LEAST_PX) & (np.abs(after) >= LEAST_PX)
    return np.where(known, np.abs(np.angle(np.where(known, after * before.conjugate(), 1.0))), np.nan)


# ---------------------------------------------------------------------------------------------------------------------
# Other ways round


def _fits(steps: _Steps) -> np.ndarray:
    """(n_objects, 4) densities of the steps and turns into and out of every object, as they are."""
    numbers = np.arange(len(steps.way))
    distances = steps.of_distances(numbers, steps.way)
    left = steps.of_turns(0, numbers, steps.leaving, steps.way)
    begun = steps.of_turns(1, numbers, steps.way, steps.starting)
    found = np.zeros((len(numbers) + 1, 4))
    found[1:, 0], found[:-1, 1], found[1:, 2], found[:-1, 3] = distances, distances, begun, left
    return found


def _reversed(steps: _Steps, heads: np.ndarray, tails: np.ndarray, bodies: np.ndarray) -> np.ndarray:
    """(n_objects, 3) gains of sliders that would run from the tail to the head, and curve to the other side."""
    found = np.zeros((len(heads), 3))
    chords = bodies[:, -1]
    # A slider that comes back ends where it began, so only its bend can be the wrong one.
    i = np.flatnonzero((np.abs(chords) >= LEAST_TURNED_PX) & (np.abs(tails - heads) >= LEAST_TURNED_PX))
    i = i[(i > 0) & (i < len(heads) - 1)]
    begins, ends = bodies[i, 0], bodies[i, -1] - bodies[i, -3]
    now_in = steps.fit(i - 1, steps.way[i - 1], steps.leaving[i - 1], begins)
    now_out = steps.fit(i, steps.way[i], ends, steps.starting[i])
    back_in = steps.fit(i - 1, tails[i] - tails[i - 1], steps.leaving[i - 1], -ends)
    back_out = steps.fit(i, heads[i + 1] - heads[i], -begins, steps.starting[i])
    along = chords[i] / np.abs(chords[i])
    other_in = steps.of_turns(1, i - 1, steps.way[i - 1], (begins / along).conjugate() * along)
    other_out = steps.of_turns(0, i, (ends / along).conjugate() * along, steps.way[i])
    found[i, 0] = back_in[0] + back_out[0] - now_in[0] - now_out[0]
    found[i, 1] = back_in[1] + back_out[1] - now_in[1] - now_out[1]
    found[i, 2] = (
        other_in
        + other_out
        - steps.of_turns(1, i - 1, steps.way[i - 1], begins)
        - steps.of_turns(0, i, ends, steps.way[i])
    )
    return found


def _turned_bodies(steps: _Steps, heads: np.ndarray, tails: np.ndarray, bodies: np.ndarray) -> np.ndarray:
    """(n_objects, 3) gains of the steps and the turns if a body was turned about its head, and by how many degrees."""
    found = np.zeros((len(heads), 3))
    i = np.flatnonzero(np.abs(bodies[:, -1]) >= LEAST_TURNED_PX)
    i = i[(i > 0) & (i < len(heads) - 1)]
    chords, begins = tails[i] - heads[i], bodies[i, 0]
    leaving = np.where(np.abs(chords) >= LEAST_PX, bodies[i, -1] - bodies[i, -3], -begins)  # one that comes back

    def fit(angle: float) -> tuple[np.ndarray, np.ndarray]:
        by = np.exp(1j * np.deg2rad(angle))
        way = heads[i + 1] - heads[i] - chords * by
        turn = steps.of_turns(1, i - 1, steps.way[i - 1], begins * by)
        distances, turns = steps.fit(i, way, leaving * by, steps.starting[i])
        return distances, turn + turns

    now = fit(0.0)
    best = np.zeros(len(i))
    for angle in TURNED_DEGREES:
        gains = np.subtract(fit(float(angle)), now)
        more = (gains.sum(axis=0) > best) & _is_inside(heads[i] + bodies[i, -1] * np.exp(1j * np.deg2rad(angle)))
        best[more] = gains.sum(axis=0)[more]
        found[i[more], 0], found[i[more], 1], found[i[more], 2] = gains[0][more], gains[1][more], abs(angle)
    return found


def _ratios(steps: _Steps, gaps: np.ndarray) -> np.ndarray:
    """(n_objects,) density of the ratio of the distances out of and into each object."""
    n = len(gaps) + 1
    found = np.zeros(n)
    octaves = np.log2(np.maximum(gaps, LEAST_GAP_MS)).astype(np.float32)
    distances = np.log2(np.abs(steps.way) + FROM_PX)
    ratios, numbers = np.diff(distances), np.arange(n - 2)
    away = np.subtract.outer(octaves[:-1], octaves[:-1]) ** 2 + np.subtract.outer(octaves[1:], octaves[1:]) ** 2
    weights = _nearby(np.exp(-0.5 * away / np.float32(GAP_OCTAVES**2)))
    points = np.linspace(-RATIO_OCTAVES, RATIO_OCTAVES, RATIO_BINS)
    table = _densities(weights, ratios, points, RATIO_WIDTH, PRIOR)
    found[1:-1] = _at(table, numbers, (ratios + RATIO_OCTAVES) / (2 * RATIO_OCTAVES) * (RATIO_BINS - 1))
    return found


def _mirrored(
    steps: _Steps, heads: np.ndarray, tails: np.ndarray, lows: np.ndarray, highs: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gains of every few objects that would be mirrored within the box around them.

    Returns:
        (n_objects, 5) gains of the best figures that begin with each object, end with it and have it; the first object and
        the number of objects of the last; its axis; its distances to the objects around.
    """
    n = len(heads)
    gains = np.zeros((n, 5))
    figures, axes = np.stack([np.arange(n), np.ones(n, dtype=int)], axis=1), np.zeros(n, dtype=int)
    px = np.zeros((n, 2))
    now = steps.fit(np.arange(n - 1), steps.way, steps.leaving, steps.starting)
    for count in FIGURES:
        i = np.arange(1, n - count)
        if not len(i):
            break
        j = i + count - 1
        box = np.stack([lows[i + k].real for k in range(count)]), np.stack([lows[i + k].imag for k in range(count)])
        far = np.stack([highs[i + k].real for k in range(count)]), np.stack([highs[i + k].imag for k in range(count)])
        for axis in (0, 1):
            twice = box[axis].min(axis=0) + far[axis].max(axis=0)
            head, tail = _across(heads[i], twice, axis), _across(tails[j], twice, axis)
            moves = np.maximum(np.abs(head - heads[i]), np.abs(tail - tails[j])) >= LEAST_TURNED_PX
            into = steps.fit(
                i - 1, head - tails[i - 1], steps.leaving[i - 1], _across(steps.starting[i - 1], np.zeros(len(i)), axis)
            )
            out = steps.fit(
                j, heads[j + 1] - tail, _across(steps.leaving[j], np.zeros(len(i)), axis), steps.starting[j]
            )
            better = [into[k] + out[k] - now[k][i - 1] - now[k][j] for k in (0, 1)]
            both = np.where(moves, better[0] + better[1], 0.0)
            for at, column in ((i, 0), (j, 2)):
                more = both > gains[at, column] + gains[at, column + 1]
                gains[at[more], column], gains[at[more], column + 1] = better[0][more], better[1][more]
            for k in range(count):
                more = both > gains[i + k, 4]
                inside = i[more] + k
                gains[inside, 4], axes[inside] = both[more], axis
                figures[inside, 0], figures[inside, 1] = i[more], count
                px[inside, 0], px[inside, 1] = np.abs(head - tails[i - 1])[more], np.abs(heads[j + 1] - tail)[more]
    return gains, figures, axes, px


def _moved(steps: _Steps, heads: np.ndarray, starting: np.ndarray) -> np.ndarray:
    """(n_objects, 4) the most that the steps gain if an object is elsewhere and log2 of 1 + how far away that is; and
    if a few objects that begin or end with it are elsewhere."""
    found = np.zeros((len(heads), 4))
    turns = np.exp(2j * np.pi * np.arange(MOVE_DIRECTIONS) / MOVE_DIRECTIONS)
    moves = np.concatenate([size * turns for size in MOVES_PX])
    row, column = np.nonzero(_is_inside(heads[:, None] + moves))
    now = steps.total(np.arange(len(steps.way)), steps.way, steps.leaving, steps.starting)
    into, out = (np.full((len(heads), len(moves)), -np.inf) for _ in range(2))
    alone = into.copy()
    for at_start in (True, False):
        used = row > 0 if at_start else row < len(heads) - 1
        i, k = row[used], column[used]
        step = i - 1 if at_start else i
        way = steps.way[step] + (moves[k] if at_start else -moves[k])
        fit = steps.total(step, way, steps.leaving[step], steps.starting[step])
        (into if at_start else out)[i, k] = fit - now[step]
    # A circle has no direction of its own: the turn at it depends on both steps.
    inner = (row > 0) & (row < len(heads) - 1)
    i, k = row[inner], column[inner]
    way_in, way_out = steps.way[i - 1] + moves[k], steps.way[i] - moves[k]
    is_circle = np.isnan(starting[i])
    first = steps.total(i - 1, way_in, steps.leaving[i - 1], np.where(is_circle, way_out, starting[i]))
    second = steps.total(i, way_out, np.where(is_circle, way_in, steps.leaving[i]), steps.starting[i])
    alone[i, k] = first + second - now[i - 1] - now[i]
    best = alone.argmax(axis=1)
    gain = np.maximum(alone[np.arange(len(heads)), best], 0.0)
    found[:, 0], found[:, 1] = gain, np.where(gain > 0, np.log2(1 + np.abs(moves[best])), 0.0)
    for count in GROUPS:
        if len(heads) > count + 1:
            together = np.maximum((into[: len(heads) - count + 1] + out[count - 1 :]).max(axis=1), 0.0)
            found[: len(together), 2] = np.maximum(found[: len(together), 2], together)
            found[count - 1 :, 3] = np.maximum(found[count - 1 :, 3], together)
    return found


def _exchanged(
    steps: _Steps, heads: np.ndarray, tails: np.ndarray, is_circle: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n_objects, 3) what the steps and the turns gain if a circle and the next change places, and the px of way saved; of
    each circle for the better of its two neighbours, and which that is (n_objects,)."""
    found, last = np.zeros((len(heads), 3)), len(steps.way) - 1
    i = np.arange(1, len(heads) - 2)
    i = i[is_circle[i] & is_circle[i + 1] & (np.abs(heads[i + 1] - heads[i]) >= LEAST_TURNED_PX)]
    into, between, out = heads[i + 1] - tails[i - 1], heads[i] - heads[i + 1], heads[i + 2] - heads[i]
    # A circle has no direction of its own: the turns at both and at those around them depend on the new steps.
    earlier, later = np.maximum(i - 2, 0), np.minimum(i + 2, last)
    ways = (
        (
            earlier,
            steps.way[earlier],
            steps.leaving[earlier],
            np.where(is_circle[i - 1], into, steps.starting[earlier]),
        ),
        (i - 1, into, steps.leaving[i - 1], between),
        (i, between, into, out),
        (i + 1, out, between, np.where(is_circle[i + 2], steps.way[later], steps.starting[i + 1])),
        (later, steps.way[later], np.where(is_circle[i + 2], out, steps.leaving[later]), steps.starting[later]),
    )
    exists = (i >= 2, True, True, True, i + 2 <= last)
    gains = np.zeros((2, len(i)))
    for (at, *new), is_step in zip(ways, exists, strict=True):
        before = steps.fit(at, steps.way[at], steps.leaving[at], steps.starting[at])
        gains += np.where(is_step, np.subtract(steps.fit(at, *new), before), 0.0)
    saved = np.abs(steps.way[i - 1]) + np.abs(steps.way[i + 1]) - np.abs(into) - np.abs(out)
    of_pair = np.stack([*gains, np.sign(saved) * np.log2(1 + np.abs(saved))], axis=1)
    best, partners = np.full(len(heads), -np.inf), np.arange(len(heads))
    for at, other in ((i, i + 1), (i + 1, i)):
        more = gains.sum(axis=0) > best[at]
        best[at[more]], found[at[more]], partners[at[more]] = gains.sum(axis=0)[more], of_pair[more], other[more]
    return found, partners


def _is_inside(points: np.ndarray) -> np.ndarray:
    width, height = WIDTH, HEIGHT
    return np.asarray((points.real >= 0) & (points.real <= width) & (points.imag >= 0) & (points.imag <= height))


def _across(points: np.ndarray, twice: np.ndarray, axis: int) -> np.ndarray:
    """Points mirrored left to right (0) or top to bottom (1), about half of the given coordinate."""
    return twice - points.conjugate() if axis == 0 else points.conjugate() + 1j * twice
