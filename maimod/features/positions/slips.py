"""Numbers by which :mod:`maimod.features.slip_model` finds objects that slipped.

They compare an object of an osu! map with the relations of :mod:`maimod.features.positions.geometry` and some more, with how often the
map and the neighbours keep each relation, and with the places at which several relations would hold at once. Distances
are in osu! pixels. Positions are complex numbers, x + iy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from maimod.features.ordered import distinct, median
from maimod.features.positions import alternatives as position_alternatives
from maimod.features.positions import body_relations, geometry, point_relations
from maimod.features.positions.alternatives import Alternatives
from maimod.features.positions.geometry import (
    EXACT_PX,
    FAR_PX,
    MOST_ALIKE,
    NEAR_PX,
    PATH_POINTS,
    REACH,
    REACH_MS,
    SAME_LENGTH_PX,
    Relations,
    Steps,
    around,
    compare_steps,
    shifted,
)
from maimod.osu import slider_path
from maimod.osu.beatmap import Beatmap, HitObject, ObjectKind

FIGURE_PX, LONG_FIGURE_PX = 4.0, 1.5
"""Figures of three and of five objects are the same if the positions of the others differ by less."""
MOST_COMPARED = 1500
"""Figures compared with each other; a longer map is cut into parts."""
TOGETHER_PX = 2.0
"""Places that relations ask for are the same if they are this close."""
AT_ONCE = 4096
"""Objects whose places are compared together, to bound memory."""
NEIGHBOURS = 6
"""Sliders and objects on either side that chords and outlines are compared with."""
BODY_RADII = (0.8, 4.5)
"""Distances at which a slider's body can go round an object, in circle radii."""
LEAST_ON_BODY = 6
LEAST_GAP_MS = 20.0
"""Steps with a shorter gap have no velocity."""

MORE_RESIDUALS = (
    "skip_2_out",  # as `skip_2`, for the object two after
    "skip_3_out",
    "rate_in",  # the distance at the most common velocity of the steps around, whatever their gaps
    "rate_out",
    "tail_stack",  # the closest head or tail to the tail of a slider
    # Least difference of the step to the object where the steps around it occur elsewhere in the map, mirrored or not.
    "figure",
    "long_figure",
    # The shape of a slider.
    "reversed_copy",  # that of another one, from tail to head
    "copy_2",  # that of the second most similar one
    "parallel",  # the chord, from those of sliders nearby
    "symmetry",  # its own mirror image
    "turn",  # the step after, from one with the same turn as elsewhere at these gaps
    "blanket",  # a slider around the object, from a circle about it
)
"""Residuals, px, beside those of :mod:`maimod.features.positions.geometry`."""
RESIDUALS = (*geometry.RESIDUALS, *MORE_RESIDUALS)
ASKED_BY = ("spacing", "stack", "line", "parallelogram", "polygon", "trapezoid", "mirror")
"""Kinds of relations that ask for a place."""
CONTEXT = (
    # Relations that the object keeps.
    "exact",
    "near",  # nearly kept
    "exact_around",  # mean of the eight objects on either side
    "near_around",
    "exact_missing",  # kept by the objects around and not by this one, less kept by this one alone
    # The steps to the object and from it, beside others with the same gap.
    "mode_share_in",  # share of them with the most common distance
    "mode_share_out",
    "companions_in",  # their number
    "companions_out",
    "spread_in",  # log2 of 1 + median distance from the most common one
    "spread_out",
    "off_in",  # the difference from it, in units of that spread
    "off_out",
    "distance_in",  # log2 of 1 + px
    "distance_out",
    "gap_in",  # log2 of the ms
    "gap_out",
    "gaps_equal",  # log2 of the gap after over the gap before
    "cosine",  # of the turn at the object
    # Kinds of relations that ask for a place.
    "asked_here",  # that hold where the object is
    "asked_elsewhere",  # most that hold at another place
    "asked_away",  # log2 of 1 + px to that
    # Whether x and y are multiples of 4 or 8.
    "grid_4",
    "grid_8",
    "grid_around",  # share of the objects around on multiples of 4
    # The object.
    "combo_number",  # log2
    "combo_ends",  # whether it is the last one of its combo
    "slider",
    "slides",
    "length",  # log2 of 1 + px
    "bow",  # greatest distance of the body from its chord, as a share of the chord
    # The map.
    "radius",
    "preempt",
    "objects",  # log2
    "median_gap",  # log2 of the ms
    "median_distance",  # log2 of 1 + px
    "circles",  # share of the objects that are no sliders
    "again",  # circles of the figure around the object that lies where the figure before it does
    "again_share",  # share of the objects with such a figure
)
"""Numbers beside the relations."""
NAMES = (
    *(f"off {name}" for name in RESIDUALS),
    *(f"around {name}" for name in RESIDUALS),
    *(f"map {name}" for name in RESIDUALS),
    *CONTEXT,
    *position_alternatives.NAMES,
    *body_relations.NAMES,
    *point_relations.NAMES,
)
"""Names of the features. `off`: log2 of 1 + residual. `around`: share of the objects on either side that keep the relation.
`map`: share of those that keep it among all that keep it or nearly do."""


class Measures(msgspec.Struct, frozen=True):
    """Numbers of every object, in order of time."""

    features: np.ndarray
    """float32 (n_objects, len(NAMES))."""
    residuals: np.ndarray
    """(n_objects, len(RESIDUALS)) px, at most `FAR_PX`."""
    around: np.ndarray
    """(n_objects, len(RESIDUALS)) share of the objects on either side that keep the relation."""
    steps: Steps
    """Of the steps between neighbours."""
    heads: np.ndarray
    """(n_objects,) complex."""
    tails: np.ndarray
    """(n_objects,) complex, where the objects end."""
    distances: np.ndarray
    """(n_objects - 1,) px from tail to head."""
    gaps: np.ndarray
    """(n_objects - 1,) ms from end to start."""
    same_length: np.ndarray
    """(n_objects,) number of other sliders with the same length."""
    is_slider: np.ndarray
    """(n_objects,)."""
    relations: Relations
    alternatives: Alternatives
    """Objects reversed, mirrored or elsewhere."""


def measure(beatmap: Beatmap, objects: Sequence[HitObject]) -> Measures:
    """Measure every object of an osu! map.

    Args:
        beatmap: gives the size of the circles and the approach time.
        objects: in order of time.
    """
    n = len(objects)
    heads = np.array([complex(o.x, o.y) for o in objects])
    tails = np.array([complex(*slider_path.tail(o.slider)) if o.slider else complex(o.x, o.y) for o in objects])
    starts, ends = np.array([o.time for o in objects]), np.array([o.end_time for o in objects])
    distances, gaps = np.abs(heads[1:] - tails[:-1]), starts[1:] - ends[:-1]
    relations = geometry.compare(objects)
    steps, bodies = relations.steps or compare_steps(distances, gaps), relations.bodies
    is_slider = np.array([o.slider is not None for o in objects])
    found = {name: np.full(n, FAR_PX) for name in MORE_RESIDUALS}
    for skip, least in relations.skips.items():
        found[f"skip_{skip}_out"][: len(least)] = least
    _rates(found, distances, gaps)
    _tails(found, heads, tails, starts, is_slider)
    _elsewhere(found, heads)
    same_length = _bodies(found, objects, bodies, starts)
    _turns(found, heads, gaps)
    radius, preempt = beatmap.difficulty.circle_radius, beatmap.difficulty.preempt_ms
    _blankets(found, heads, bodies, is_slider, radius)
    more = np.stack([np.nan_to_num(found[name], nan=FAR_PX, posinf=FAR_PX) for name in MORE_RESIDUALS], axis=1)
    residuals = np.concatenate([relations.residuals, np.clip(more, 0.0, FAR_PX)], axis=1)
    residuals[[o.kind is ObjectKind.SPINNER for o in objects]] = FAR_PX
    keeps, near = residuals <= EXACT_PX, residuals <= NEAR_PX
    kept_around = around(keeps.astype(float), REACH)
    others_near = np.maximum(near.sum(axis=0) - near, 0)
    of_map = np.where(others_near > 0, (keeps.sum(axis=0) - keeps) / np.maximum(others_near, 1), 0.0)
    asked_here, asked_elsewhere, asked_away = _asked(heads, tails, steps)
    again = geometry.again_of(objects, heads)
    context: dict[str, Any] = {
        **_kept(keeps, near, kept_around),
        **_beside_steps(steps, distances, gaps, n),
        "cosine": _cosines(heads),
        "asked_here": asked_here,
        "asked_elsewhere": asked_elsewhere,
        "asked_away": np.log2(1 + asked_away),
        "grid_4": _on_grid(heads, 4),
        "grid_8": _on_grid(heads, 8),
        "grid_around": around(_on_grid(heads, 4), REACH),
        **_of_objects(objects),
        "slider": is_slider,
        "bow": _bows(bodies),
        "radius": np.full(n, radius),
        "preempt": np.full(n, preempt),
        "objects": np.full(n, np.log2(n)),
        "median_gap": np.full(n, np.log2(max(median(gaps), 1.0)) if n > 1 else 0.0),
        "median_distance": np.full(n, np.log2(1 + median(distances)) if n > 1 else 0.0),
        "circles": np.full(n, 1 - is_slider.mean()),
        "again": again,
        "again_share": np.full(n, (again > 0).mean()),
    }
    alternatives = position_alternatives.find(objects, heads, tails, bodies, gaps)
    columns = [
        np.log2(1 + residuals),
        kept_around,
        of_map,
        np.stack([np.asarray(context[name], dtype=float) for name in CONTEXT], axis=1),
        alternatives.features,
        body_relations.measure(objects, heads, tails, bodies, radius, preempt),
        point_relations.measure(objects, heads, tails, bodies),
    ]
    return Measures(
        features=np.concatenate(columns, axis=1).astype(np.float32),
        residuals=residuals,
        around=kept_around,
        steps=steps,
        heads=heads,
        tails=tails,
        distances=distances,
        gaps=gaps,
        same_length=same_length,
        is_slider=is_slider,
        relations=relations,
        alternatives=alternatives,
    )


def _kept(keeps: np.ndarray, near: np.ndarray, kept_around: np.ndarray) -> dict[str, np.ndarray]:
    """How many relations each object and those around keep, by (n_objects, n_relations) whether each one is kept, is nearly
    kept, and by which share of the objects around."""
    exact = keeps.sum(axis=1)
    missing = np.where(keeps, 0.0, kept_around).sum(axis=1) - np.where(keeps, 1 - kept_around, 0.0).sum(axis=1)
    return {
        "exact": exact,
        "near": (near & ~keeps).sum(axis=1),
        "exact_around": around(exact, 8),
        "near_around": around((near & ~keeps).sum(axis=1), 8),
        "exact_missing": missing,
    }


def _beside_steps(steps: Steps, distances: np.ndarray, gaps: np.ndarray, n: int) -> dict[str, np.ndarray]:
    """The steps to each of `n` objects and from it, beside others with the same gap."""
    gap_in, gap_out = (np.clip(one, 10, 4000) for one in (_into(gaps, n, 4000.0), _from(gaps, n, 4000.0)))
    return {
        "mode_share_in": _into(steps.share, n, 0.0),
        "mode_share_out": _from(steps.share, n, 0.0),
        "companions_in": _into(steps.count, n, 0.0),
        "companions_out": _from(steps.count, n, 0.0),
        "spread_in": np.log2(1 + _into(steps.spread, n, FAR_PX)),
        "spread_out": np.log2(1 + _from(steps.spread, n, FAR_PX)),
        "off_in": _into(_deviations(steps), n, 0.0),
        "off_out": _from(_deviations(steps), n, 0.0),
        "distance_in": np.log2(1 + _into(distances, n, 0.0)),
        "distance_out": np.log2(1 + _from(distances, n, 0.0)),
        "gap_in": np.log2(gap_in),
        "gap_out": np.log2(gap_out),
        "gaps_equal": np.log2(gap_out / gap_in),
    }


def _of_objects(objects: Sequence[HitObject]) -> dict[str, list[float]]:
    return {
        "combo_number": [np.log2(max(o.combo_number, 1)) for o in objects],
        "combo_ends": [after.new_combo for after in objects[1:]] + [True] * min(len(objects), 1),
        "slides": [o.slider.slides if o.slider else 0 for o in objects],
        "length": [np.log2(1 + o.slider.length) if o.slider else 0.0 for o in objects],
    }


def _into(values: np.ndarray, n: int, fill: float) -> np.ndarray:
    """Values of steps, at the object that they lead to."""
    return np.concatenate([np.full(min(n, 1), fill), values])


def _from(values: np.ndarray, n: int, fill: float) -> np.ndarray:
    """Values of steps, at the object that they start from."""
    return np.concatenate([values, np.full(min(n, 1), fill)])


def _deviations(steps: Steps) -> np.ndarray:
    """How unusual each distance is among those with the same gap: in units of their spread, by how common the mode is."""
    return np.where(steps.count > 0, np.minimum(steps.off, 100.0) / (0.7 + steps.spread) * np.sqrt(steps.share), 0.0)


def _cosines(heads: np.ndarray) -> np.ndarray:
    """Cosine of the turn at each object; 0 at the ends and in stacks."""
    into, out = heads - shifted(heads, -1), shifted(heads, 1) - heads
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (into * out.conjugate()).real / (np.abs(into) * np.abs(out))
    return np.nan_to_num(found)


def _on_grid(heads: np.ndarray, size: int) -> np.ndarray:
    return ((heads.real % size == 0) & (heads.imag % size == 0)).astype(float)


# ---------------------------------------------------------------------------------------------------------------------
# Residuals


def _rates(found: dict[str, np.ndarray], distances: np.ndarray, gaps: np.ndarray) -> None:
    """Compare each distance with the one that its gap has at the usual velocity, as with distance snap."""
    timed = gaps > LEAST_GAP_MS
    if timed.sum() < 2:
        return
    usual = median(gaps[timed])
    scaled = np.where(timed, distances / np.maximum(gaps, LEAST_GAP_MS) * usual, 0.0)
    off = compare_steps(scaled, np.where(timed, 0.0, 1e6)).off * gaps / usual
    off[~timed] = FAR_PX
    found["rate_in"][1:], found["rate_out"][:-1] = off, off


def _tails(
    found: dict[str, np.ndarray], heads: np.ndarray, tails: np.ndarray, starts: np.ndarray, is_slider: np.ndarray
) -> None:
    """Distance of tails to the closest head or tail of another object."""
    best = found["tail_stack"]
    for by in (*range(-REACH, 0), *range(1, REACH + 1)):
        if abs(by) < len(heads):
            near = (np.abs(shifted(starts, by) - starts) <= REACH_MS) & is_slider
            for point in (shifted(heads, by), shifted(tails, by)):
                best = np.fmin(best, np.where(near, np.abs(point - tails), np.nan))
    found["tail_stack"] = best


def _elsewhere(found: dict[str, np.ndarray], heads: np.ndarray) -> None:
    """Compare with the same figures elsewhere in the map: the steps around an object, without the object."""
    n = len(heads)
    for start in range(0, n, MOST_COMPARED):
        part = heads[start : start + MOST_COMPARED]
        if len(part) < 8:
            continue
        before = shifted(part, -1)
        at = {0: part - before} | {by: shifted(part, by) - before for by in (-2, 1, 2)}
        best, best_long = np.full(len(part), FAR_PX), np.full(len(part), FAR_PX)
        moving = np.abs(at[1]) + np.abs(at[-2]) > 2 * FIGURE_PX
        for mirror in range(4):
            image = {by: _mirrored(vector, mirror) for by, vector in at.items()}
            # Pairs of an object and another one in this mirroring.
            rows, columns = _close(np.where(moving, at[1], np.nan), image[1], FIGURE_PX)
            kept = np.abs(rows - columns) >= 2
            rows, columns = rows[kept], columns[kept]
            apart = np.maximum(np.abs(at[-2][rows] - image[-2][columns]), np.abs(at[1][rows] - image[1][columns]))
            kept = apart <= FIGURE_PX
            rows, columns, apart = rows[kept], columns[kept], apart[kept]
            off = np.abs(at[0][rows] - image[0][columns])
            np.fmin.at(best, rows, off)
            exact = np.fmax(apart, np.abs(at[2][rows] - image[2][columns])) <= LONG_FIGURE_PX
            np.fmin.at(best_long, rows[exact], off[exact])
        found["figure"][start : start + len(part)] = best
        found["long_figure"][start : start + len(part)] = best_long


def _close(vectors: np.ndarray, others: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of vectors and of others whose x differ by at most `reach`; not of those that are not numbers."""
    order = np.argsort(others.real)  # last, what is not a number
    ordered = others.real[order[: np.count_nonzero(np.isfinite(others.real))]]
    rows = np.flatnonzero(np.isfinite(vectors.real))
    low, high = (
        np.searchsorted(ordered, vectors.real[rows] - reach),
        np.searchsorted(ordered, vectors.real[rows] + reach, side="right"),
    )
    counts = high - low
    places = np.arange(counts.sum()) + np.repeat(low - (np.cumsum(counts) - counts), counts)
    return np.repeat(rows, counts), order[places]


def _mirrored(vectors: np.ndarray, how: int) -> np.ndarray:
    """0 as they are, 1 top to bottom, 2 left to right, 3 both."""
    result = vectors.conjugate() if how in (1, 2) else vectors
    return np.asarray(-result if how in (2, 3) else result)


def _bodies(
    found: dict[str, np.ndarray], objects: Sequence[HitObject], bodies: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """Compare bodies with those of the same length, with those nearby and with themselves.

    Returns:
        (n_objects,) number of other sliders with the same length.
    """
    places = np.array([i for i, o in enumerate(objects) if o.slider is not None and o.slider.length > 0], dtype=int)
    same_length = np.zeros(len(objects))
    if not len(places):
        return same_length
    lengths = np.array([round(o.slider.length / SAME_LENGTH_PX) for i in places.tolist() if (o := objects[i]).slider])
    for length in distinct(lengths):
        alike = places[lengths == length][:MOST_ALIKE]
        same_length[alike] = len(alike) - 1
        if len(alike) < 2:
            continue
        shapes = bodies[alike]
        last = shapes[:, -1:]
        turned = np.concatenate([shapes[:, -2::-1], np.zeros_like(last)], axis=1) - last
        plain = _differences(shapes, shapes)
        np.fill_diagonal(plain, np.inf)
        found["copy_2"][alike] = np.sort(plain, axis=1)[:, min(1, len(alike) - 1)]
        back = _differences(shapes, turned)
        np.fill_diagonal(back, np.inf)
        found["reversed_copy"][alike] = back.min(axis=1)
    chords = bodies[places, -1]
    lengths_of_chords = np.abs(chords)
    best = np.full(len(places), FAR_PX)
    with np.errstate(divide="ignore", invalid="ignore"):
        for by in (*range(-NEIGHBOURS, 0), *range(1, NEIGHBOURS + 1)):
            if abs(by) < len(places):
                other = shifted(chords, by)
                near = np.abs(shifted(starts[places], by) - starts[places]) <= 2 * REACH_MS
                sine = np.abs((chords * other.conjugate()).imag) / np.abs(other)
                best = np.fmin(best, np.where(near, sine, np.nan))
        found["parallel"][places] = np.where(lengths_of_chords > 10, best, FAR_PX)
        whole = np.concatenate([np.zeros((len(places), 1)), bodies[places]], axis=1)
        direction = (chords / lengths_of_chords)[:, None]
        upright = (whole - chords[:, None] / 2) / direction
        uneven = np.abs(upright + upright[:, ::-1].conjugate())
        found["symmetry"][places] = np.where(lengths_of_chords > 10, np.sqrt((uneven**2).mean(axis=1)), FAR_PX)
    return same_length


def _differences(shapes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n, n) root mean square distance of shapes to others, mirrored as fits best."""
    total = (np.abs(shapes) ** 2).sum(axis=1)[:, None] + (np.abs(others) ** 2).sum(axis=1)[None]
    product = np.maximum(np.abs((shapes @ others.conjugate().T).real), np.abs((shapes @ others.T).real))
    return np.asarray(np.sqrt(np.maximum(total - 2 * product, 0.0) / PATH_POINTS))


def _bows(bodies: np.ndarray) -> np.ndarray:
    """Greatest distance of each body from its chord, as a share of the chord."""
    chords = bodies[:, -1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.abs((bodies * chords.conjugate()).imag).max(axis=1) / (np.abs(chords[:, 0]) ** 2)
    return np.minimum(np.nan_to_num(found, posinf=2.0), 2.0)


def _turns(found: dict[str, np.ndarray], heads: np.ndarray, gaps: np.ndarray) -> None:
    """Compare the turn at each object with those at the same gaps: px by which the next object lies off."""
    n = len(heads)
    if n < 3:
        return
    into, out = heads[1:-1] - heads[:-2], heads[2:] - heads[1:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        turns = np.abs(np.angle(out / into))
    turns[(np.abs(into) < EXACT_PX) | (np.abs(out) < EXACT_PX)] = np.nan
    best = np.full(n - 2, FAR_PX)
    for by in (*range(-REACH, -1), *range(2, REACH + 1)):
        if abs(by) < n - 2:
            same = (np.abs(shifted(gaps[:-1], by) - gaps[:-1]) <= 6) & (np.abs(shifted(gaps[1:], by) - gaps[1:]) <= 6)
            best = np.fmin(best, np.where(same, np.abs(shifted(turns, by) - turns) * np.abs(out), np.nan))
    found["turn"][1:-1] = best


def _blankets(
    found: dict[str, np.ndarray], heads: np.ndarray, bodies: np.ndarray, is_slider: np.ndarray, radius: float
) -> None:
    """Distances of an object to the bodies of sliders nearby: their range where a body goes round it."""
    low, high = BODY_RADII
    best = found["blanket"]
    for by in (-3, -2, -1, 1, 2, 3):
        if abs(by) >= len(heads):
            continue
        points = np.stack([shifted(heads + bodies[:, k], by) for k in range(PATH_POINTS)], axis=1)
        ways = points - heads[:, None]
        away = np.abs(ways)
        inside = (away >= low * radius) & (away <= high * radius)
        is_body = (shifted(is_slider.astype(float), by) == 1) & (inside.sum(axis=1) >= LEAST_ON_BODY)
        away = np.where(inside, away, np.nan)[is_body]
        if len(away):
            with np.errstate(divide="ignore", invalid="ignore"):  # some bodies of catch lie on their own head
                spans = np.abs(np.angle(ways[is_body, -1] / ways[is_body, 0])) > np.pi / 3
            ranges = np.nanmax(away, axis=1) - np.nanmin(away, axis=1)
            best[is_body] = np.fmin(best[is_body], np.where(spans, ranges, np.nan))


# ---------------------------------------------------------------------------------------------------------------------
# Places that relations ask for


def _asked(heads: np.ndarray, tails: np.ndarray, steps: Steps) -> tuple[np.ndarray, ...]:
    """Number of kinds of relations that hold where an object is, most that would hold elsewhere, and how far that is."""
    n = len(heads)
    if n < 2 * 4 + 1:
        return np.zeros(n), np.zeros(n), np.full(n, FAR_PX)
    at = {by: shifted(heads, by) for by in range(-4, 5) if by}
    end = {by: shifted(tails, by) for by in range(-2, 3) if by}
    asked: list[tuple[str, np.ndarray]] = []
    with np.errstate(divide="ignore", invalid="ignore"):
        near, far = _into(steps.mode, n, np.nan), _from(steps.mode, n, np.nan)
        # Places at the usual distances from the object before and from the one after.
        way = at[1] - end[-1]
        apart = np.abs(way)
        along = (near**2 - far**2 + apart**2) / (2 * apart)
        across = np.sqrt(near**2 - along**2)
        asked += [("spacing", end[-1] + way / apart * (along + sign * 1j * across)) for sign in (-1, 1)]
        asked += [("stack", at[by]) for by in at] + [("stack", end[by]) for by in end]
        asked.append(("line", (at[-1] + at[1]) / 2))
        for sign in (-1, 1):
            first, second, third = at[sign], at[2 * sign], at[3 * sign]
            step = first - second
            asked.append(("line", first + step))
            turn = step / (second - third)
            asked += [("polygon", first + step * factor) for factor in (turn, turn.conjugate())]
            middle = (second + at[-sign]) / 2
            side = (at[-sign] - second) / np.abs(at[-sign] - second)
            asked.append(("trapezoid", middle - ((first - middle) / side).conjugate() * side))
            asked.append(("parallelogram", first + second - third))
            asked.append(("parallelogram", at[-1] + at[1] - second))
            for by in (sign, 2 * sign):
                asked += [
                    ("mirror", image)
                    for image in (512 - at[by].conjugate(), at[by].conjugate() + 384j, 512 + 384j - at[by])
                ]
    places = np.stack([place for _, place in asked], axis=1)
    places[~np.isfinite(places)] = np.nan
    kinds = np.array([[kind == name for name in ASKED_BY] for kind, _ in asked], dtype=np.float32)
    off = np.abs(places - heads[:, None])
    here = ((off <= TOGETHER_PX).astype(np.float32) @ kinds > 0).sum(axis=1)
    votes = np.concatenate([_votes(places[at : at + AT_ONCE], kinds) for at in range(0, n, AT_ONCE)])
    votes = np.where(off > TOGETHER_PX, votes, 0)
    best = votes.argmax(axis=1)
    rows = np.arange(n)
    return here, votes[rows, best], np.nan_to_num(off[rows, best], nan=FAR_PX)


def _votes(places: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """(n, n_places) number of kinds of relations that ask for about the same place."""
    x, y = places.real.astype(np.float32), places.imag.astype(np.float32)
    together = (np.abs(x[:, :, None] - x[:, None]) <= TOGETHER_PX) & (np.abs(y[:, :, None] - y[:, None]) <= TOGETHER_PX)
    return ((together.astype(np.float32) @ kinds) > 0).sum(axis=2)
