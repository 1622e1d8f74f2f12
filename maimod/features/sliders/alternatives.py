"""What if a slider was two circles, two circles a slider, or a slider had a repeat more or less? How usual each would be.

The edges of all objects in order of time have gaps between them, and each gap is either held, as the span of a slider, or free.
A slider that was split has a free gap where the map holds, joined circles a held one where it does not. So every gap gets the
odds that it is the other way: by the gaps of the map with the same length at the same place of the beat, the measure and the
pattern, by the copies of its measure, by the other difficulties; and by what is at its end: the sound, the onset of the song,
the distance to it and from it to the next edge. A slider is compared in the same way with one of more or fewer repeats.
No network is needed for it.

Gaps are in ticks, 48 to the beat, distances in osu! pixels; odds and ratios are natural logarithms, positive if the other way
is likelier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from maimod.audio.onsets import ONSET_WIDTH_MS
from maimod.features.copies.passages import Passages
from maimod.features.rhythm.alternatives import Moments
from maimod.osu.beatmap import PLAYFIELD_MODES, Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.slider_path import flatten
from maimod.osu.timing import TICKS_PER_BEAT, BeatGrid

LEAST_GAPS, MOST_EDGES = 8, 20_000
"""Fewest gaps for habits of the map, and most edges that are compared: the longest ranked marathons have as many."""
MOST_TICKS = 2 * TICKS_PER_BEAT
"""Longer gaps are not compared."""
SAME_TICKS = 1
LOCAL_GAPS, LOCAL_SLIDERS, ELSEWHERE = 60.0, 20.0, 0.15
"""What is nearby counts more: its weight falls to 1/e of it so many gaps or sliders away, and to the share of it far away."""
BESIDE = 3
"""Gaps this close say nothing of what a gap would be without its mistake."""
OTHER_LENGTH, OTHER_PHASE = 0.02, 0.1
"""Weight of gaps of another length, and of those at another place of the beat."""
SAME_MEASURE_PLACE, SAME_NEIGHBOUR = 6.0, 2.0
"""Added to the weight of 1 of gaps at the same place of the measure, and of those with the same gap before, or after."""
SAME_ROOM = 3.0
"""Added to that of sliders with the same time to the next object."""
PRIOR_WEIGHT, PRIOR_COUNT = 1.0, 2.0
"""Weight of what the whole map has, for the form of a gap and for what is at its end."""
UNSEEN = 0.3
"""Count of a number of repeats, and of copies or difficulties of either form, beside what is seen."""
MOST_AT_ONCE = 1000
"""Gaps or sliders compared with each other; a longer map is cut into parts."""
SOUNDS, ONSET_BINS = 8, 5
OCTAVES, OCTAVE_BINS, FROM_PX = (3.0, 9.5), 27, 8.0
"""Range and number of bins of distances, in log2 of the distance and `FROM_PX`."""
LEAST_PX = 4.0
"""Added to distances that are divided."""
STRAIGHT = 0.995
"""Least share of its length that the chord of a straight slider has."""
NO_ROOM = -8.0
"""Gain of a repeat that would reach the next object."""

AT_END = ("usage", "sound", "onset", "distance", "after")
GAP_NAMES = (*AT_END, "copies", "siblings", "total")
"""Evidence on one gap: by the gaps like it, by what is at its end or after it, by the copies and the other difficulties; and their sum."""
SPANS = ("into", "own", "on")
"""The gap before an object; after a circle, or the last span of a slider; after a slider."""
REPEAT_NAMES = ("usage", "copies", "siblings", "onset")
END_NAMES = ("fit_before", "fit_after", "removed", "added")
NAMES = (
    *(f"{span} {name}" for span in SPANS for name in GAP_NAMES),
    # One repeat more or less: how usual such sliders are; how many copies and difficulties have an edge at the time
    # that would be added, or none at the one that would be gone; the rank of its onset among the edges, 0 to 1.
    *(f"{way} {name}" for way in ("more", "less") for name in REPEAT_NAMES),
    "straight",  # odds that sliders as long as a straight one are not straight
    # The end among all edges, and another one a span later, as :mod:`maimod.features.rhythm.alternatives` for starts.
    *(f"end {name}" for name in END_NAMES),
    "reach",  # log2 of the distance from a circle to the next object over the length of a slider that lasts as long
    "reach into",  # that of the circle before
)
"""Names of the features."""


_REACH = NAMES.index("reach")


class _Edges(msgspec.Struct, frozen=True):
    """Edges of all objects in order of time. All (n_edges,)."""

    rank: np.ndarray
    """Place of the object."""
    time: np.ndarray
    tick: np.ndarray
    place: np.ndarray
    """Complex."""
    sound: np.ndarray
    """Additions, 0 to 7."""
    onset: np.ndarray
    """Bin of the onset of the song."""
    strength: np.ndarray
    """Of the onset."""


class _Gaps(msgspec.Struct, frozen=True):
    """Gaps from an edge to the next. All (n_gaps,)."""

    length: np.ndarray
    is_held: np.ndarray
    is_compared: np.ndarray
    beat: np.ndarray
    """Ticks from the beat to its start."""
    measure: np.ndarray
    """Ticks from the start of the measure."""


def features(passages: Passages, objects: Sequence[HitObject]) -> np.ndarray:
    """Measure every object of a map of osu! or catch.

    Args:
        passages: of the map.
        objects: of the map, in order of time.

    Returns:
        (n_objects, len(NAMES)); zeros in other modes.
    """
    found = np.zeros((len(objects), len(NAMES)))
    if passages.beatmap.mode not in PLAYFIELD_MODES or len(objects) <= LEAST_GAPS:
        return found
    if sum(o.slider.slides + 1 if o.slider else 2 for o in objects) > MOST_EDGES:
        return found
    edges = _edges(passages, objects)
    gaps = _gaps(passages.beatmap, objects, edges)
    n, width = len(objects), len(GAP_NAMES)
    first = np.searchsorted(edges.rank, np.arange(n))
    last = np.searchsorted(edges.rank, np.arange(n), side="right") - 1
    by_gap = np.zeros((len(gaps.length) + 2, width))  # with none before the first object and after the last
    odds = np.concatenate([_by_usage(edges, gaps), _elsewhere(passages, edges, gaps)], axis=1)
    odds[~gaps.is_compared] = 0.0
    by_gap[1:-1] = np.concatenate([odds, odds.sum(axis=1, keepdims=True)], axis=1)
    is_slider = np.array([o.slider is not None for o in objects])
    found[:, :width] = by_gap[first]
    found[:, width : 2 * width] = by_gap[np.where(is_slider, last, last + 1)]
    found[:, 2 * width : 3 * width] = np.where(is_slider[:, None], by_gap[last + 1], 0.0)
    sliders = np.flatnonzero(is_slider)
    if len(sliders):
        found[sliders, 3 * width : _REACH] = _of_sliders(
            passages, objects, edges, sliders, first[sliders], last[sliders]
        )
    circles = np.flatnonzero([o.kind is ObjectKind.CIRCLE for o in objects[:-1]])
    found[circles, _REACH] = found[circles + 1, _REACH + 1] = _reach(
        passages.beatmap, objects, edges, gaps, circles, last[circles]
    )
    return found


def _edges(passages: Passages, objects: Sequence[HitObject]) -> _Edges:
    rank: list[int] = []
    time: list[float] = []
    place: list[complex] = []
    sound: list[int] = []
    for i, o in enumerate(objects):
        own = o.edge_times()
        rank += [i] * len(own)
        time += own
        if o.slider is None:
            place += [complex(o.x, o.y)] * len(own)
            sound += [o.hitsound >> 1 & 7] * len(own)
        else:
            ends = complex(o.x, o.y), complex(*flatten(o.slider).end)
            place += [ends[number % 2] for number in range(len(own))]
            sounds = (*o.slider.edge_sounds, *[o.hitsound] * len(own))[: len(own)]
            sound += [bits >> 1 & 7 for bits in sounds]
    times = np.array(time)
    envelope = passages.envelope
    strength = np.zeros(len(times)) if envelope is None else envelope.at(times + passages.lag_ms, ONSET_WIDTH_MS)
    order = np.sort(strength)
    bins = np.searchsorted(order, strength, side="left") * ONSET_BINS // max(len(order), 1)
    ticks = BeatGrid(passages.beatmap).ticks(times)
    places = np.array(place)
    if passages.beatmap.mode is Mode.CATCH:  # where only x counts
        places = places.real + 0j
    return _Edges(np.array(rank), times, ticks, places, np.array(sound), bins, strength)


def parts(n: int) -> Iterator[tuple[slice, slice]]:
    """Parts of `n` things in order of time, and the things around each that it is compared with."""
    for start in range(0, n, MOST_AT_ONCE):
        yield slice(start, start + MOST_AT_ONCE), slice(max(start - MOST_AT_ONCE, 0), start + 2 * MOST_AT_ONCE)


def _gaps(beatmap: Beatmap, objects: Sequence[HitObject], edges: _Edges) -> _Gaps:
    grid = BeatGrid(beatmap)
    length = np.diff(edges.tick)
    in_measure, _ = grid.measure_ticks(edges.tick[:-1])
    is_spinner = np.array([o.kind is ObjectKind.SPINNER for o in objects])[edges.rank]
    is_compared = (length > SAME_TICKS) & (length <= MOST_TICKS) & ~is_spinner[:-1] & ~is_spinner[1:]
    is_held = edges.rank[1:] == edges.rank[:-1]
    return _Gaps(length, is_held, is_compared, in_measure % TICKS_PER_BEAT, in_measure)


# ---------------------------------------------------------------------------------------------------------------------
# The gaps of the map


def _by_usage(edges: _Edges, gaps: _Gaps) -> np.ndarray:
    """(n_gaps, len(AT_END))."""
    n = len(gaps.length)
    found = np.zeros((n, len(AT_END)))
    blocks = _at_ends(edges, gaps)
    table = np.concatenate([np.ones((n, 1), dtype=np.float32), *blocks], axis=1)
    held = np.where(gaps.is_held[:, None], table, 0).astype(np.float32)
    compared = np.flatnonzero(gaps.is_compared)
    overall = table[compared].sum(axis=0)
    share = np.clip(gaps.is_held[compared].mean() if len(compared) else 0.5, 0.02, 0.98)
    for asked, around in parts(len(compared)):
        part, known = compared[asked], compared[around]
        weights = _weights(gaps, part, known)
        both = weights @ table[known]
        of_held = weights @ held[known]
        of_free = both - of_held
        is_held = gaps.is_held[part]
        own, other = np.where(is_held[:, None], of_held, of_free), np.where(is_held[:, None], of_free, of_held)
        prior = np.where(is_held, share, 1 - share) * PRIOR_WEIGHT
        found[part, 0] = np.log((other[:, 0] + PRIOR_WEIGHT - prior) / (own[:, 0] + prior))
        at = 1
        for column, block in enumerate(blocks, start=1):
            size = block.shape[1]
            cells = slice(at, at + size)
            usual = PRIOR_COUNT * overall[cells] / max(overall[cells].sum(), 1e-9)
            values = block[part]

            def density(counts: np.ndarray, usual: np.ndarray = usual, values: np.ndarray = values) -> np.ndarray:
                return np.asarray(((counts + usual) * values).sum(axis=1) / (counts.sum(axis=1) + PRIOR_COUNT))

            is_known = values.any(axis=1)
            ratio = np.log(np.maximum(density(other[:, cells]), 1e-6) / np.maximum(density(own[:, cells]), 1e-6))
            found[part, column] = np.where(is_known, ratio, 0.0)
            at += size
    return found


def _at_ends(edges: _Edges, gaps: _Gaps) -> list[np.ndarray]:
    """What is at the end of each gap, in bins: its sound, its onset, the distance to it, that from it to the next edge."""
    n = len(gaps.length)
    steps = np.abs(np.diff(edges.place))
    after = np.concatenate([steps[1:], [0.0]])
    is_step = np.concatenate([~gaps.is_held[1:] & gaps.is_compared[1:], [False]])
    return [
        np.eye(SOUNDS, dtype=np.float32)[edges.sound[1:]],
        np.eye(ONSET_BINS, dtype=np.float32)[edges.onset[1:]],
        _octaves(steps),
        np.where(is_step[:, None], _octaves(after), 0).astype(np.float32).reshape(n, -1),
    ]


def _octaves(distances: np.ndarray) -> np.ndarray:
    """(n, OCTAVE_BINS) distances in bins, with a part in the bins beside."""
    low, high = OCTAVES
    places = np.clip((np.log2(distances + FROM_PX) - low) / (high - low), 0, 1) * (OCTAVE_BINS - 1)
    away = np.abs(places[:, None] - np.arange(OCTAVE_BINS))
    return np.maximum(1 - away / 2, 0).astype(np.float32) / 2


def _weights(gaps: _Gaps, asked: np.ndarray, known: np.ndarray) -> np.ndarray:
    """float32 (n_asked, n_known) how much each known gap says of each that is asked for."""
    length = np.minimum(gaps.length, MOST_TICKS + 2 * SAME_TICKS)
    form = length * 2 + gaps.is_held
    before, after = np.concatenate([[-1], form[:-1]]), np.concatenate([form[1:], [-1]])
    # Many gaps are alike in all of these, and are compared once.
    alike = np.stack([length, gaps.beat, gaps.measure, before, after], axis=1).astype(np.int32)
    distinct, kind = np.unique(alike[asked], axis=0, return_inverse=True)

    def same(column: int, tolerance: int = SAME_TICKS) -> np.ndarray:
        return np.asarray(np.abs(np.subtract.outer(distinct[:, column], alike[known, column])) <= tolerance)

    factors = np.where(same(0), np.float32(1), np.float32(OTHER_LENGTH))
    factors *= np.where(same(1), np.float32(1), np.float32(OTHER_PHASE))
    factors *= np.where(same(2), np.float32(1 + SAME_MEASURE_PLACE), np.float32(1))
    for column in (3, 4):
        factors *= np.where(same(column, 2), np.float32(1 + SAME_NEIGHBOUR), np.float32(1))
    apart = np.abs(np.subtract.outer(asked, known)).astype(np.float32)
    weights = np.exp(apart * np.float32(-1 / LOCAL_GAPS))
    weights += np.float32(ELSEWHERE)
    weights *= factors[kind]
    weights *= apart > BESIDE
    return weights


# ---------------------------------------------------------------------------------------------------------------------
# The copies and the other difficulties


def _elsewhere(passages: Passages, edges: _Edges, gaps: _Gaps) -> np.ndarray:
    """(n_gaps, 2) by the copies of the measure and by the other difficulties that have both edges."""
    found = np.zeros((len(gaps.length), 2))
    if not passages.cells.count:
        return found
    cells = passages.cells.of(edges.time)
    starts, ends = cells[:-1], cells[1:]
    copies, held = passages.copies_of(cells), passages.own.held
    there = (copies[:-1] >= 0) & (copies[1:] - copies[:-1] == (ends - starts)[:, None])
    edge = passages.own.edge
    both = there & edge[np.maximum(copies[:-1], 0)] & edge[np.maximum(copies[1:], 0)]
    found[:, 0] = _odds(held[np.maximum(copies[:-1], 0)] != gaps.is_held[:, None], both)
    edges_there = passages.in_siblings("edge", cells)
    both = edges_there[:-1] & edges_there[1:]
    found[:, 1] = _odds(passages.in_siblings("held", starts) != gaps.is_held[:, None], both)
    return found


def _odds(is_other: np.ndarray, there: np.ndarray) -> np.ndarray:
    other, count = (is_other & there).sum(axis=1), there.sum(axis=1)
    return np.asarray(np.log((other + UNSEEN) / (count - other + UNSEEN)))


# ---------------------------------------------------------------------------------------------------------------------
# Sliders and circles


def _of_sliders(
    passages: Passages,
    objects: Sequence[HitObject],
    edges: _Edges,
    sliders: np.ndarray,
    head: np.ndarray,
    tail: np.ndarray,
) -> np.ndarray:
    """(n_sliders, 2 * len(REPEAT_NAMES) + 1 + len(END_NAMES)) on repeats more and less, straight bodies and the ends.

    Args:
        passages: of the map.
        objects: in order of time.
        edges: of all objects.
        sliders: (n_sliders,) places of the sliders among the objects.
        head: (n_sliders,) numbers of their first edges.
        tail: (n_sliders,) and of their last.
    """
    slides, span = tail - head, edges.tick[head + 1] - edges.tick[head]
    following = np.append(edges.tick, edges.tick[-1] + 2 * MOST_TICKS)[tail + 1] - edges.tick[tail]
    is_straight = _are_straight([objects[i] for i in sliders.tolist()])
    counts, bent = _alike_sliders(
        passages.beatmap, edges.tick[head], span, np.minimum(following, MOST_TICKS), slides, is_straight
    )
    width = len(REPEAT_NAMES)
    found = np.zeros((len(sliders), 2 * width + 1 + len(END_NAMES)))
    found[:, 2 * width] = bent
    found[:, 0], found[:, width] = (np.log((counts[:, k] + UNSEEN) / (counts[:, 1] + UNSEEN)) for k in (2, 0))
    more = edges.time[tail] + edges.time[head + 1] - edges.time[head]
    found[:, 1:width] = _at_edge(passages, edges, edges.time[tail], more, True)
    found[:, width + 1 : 2 * width] = _at_edge(passages, edges, edges.time[tail - 1], edges.time[tail], False)
    moments = Moments(passages.beatmap, edges.time)
    found[:, 2 * width + 1 : -1], found[:, -1] = moments.removed()[tail], moments.added(more)
    found[span >= following, :width], found[span >= following, -1] = 0.0, NO_ROOM
    found[slides < 2, width : 2 * width] = 0.0
    return found


def _are_straight(sliders: Sequence[HitObject]) -> np.ndarray:
    """(n_sliders,) whether the body is one line."""
    paths = [o.slider for o in sliders if o.slider is not None]
    chords = [np.hypot(*np.subtract(flatten(path).end, path.control_points[0])) for path in paths]
    return np.array(
        [
            len(path.control_points) == 2 and chord >= STRAIGHT * path.length
            for path, chord in zip(paths, chords, strict=True)
        ]
    )


def _alike_sliders(
    beatmap: Beatmap, start: np.ndarray, span: np.ndarray, free: np.ndarray, slides: np.ndarray, straight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How many slides the sliders of the map have at such places, and whether they are straight.

    Args:
        beatmap: gives the red lines.
        start, span, free: (n_sliders,) ticks of the head, of a span, and to the next object.
        slides: (n_sliders,) number of spans.
        straight: (n_sliders,) whether the body is one line.

    Returns:
        (n_sliders, 3) weight of those with a slide less, as many, and one more; (n_sliders,) odds that those with the same span
        are not straight, 0 for sliders that are not.
    """
    n, room = len(start), slides * span + free
    measure, _ = BeatGrid(beatmap).measure_ticks(start)
    beat = measure % TICKS_PER_BEAT
    counts, odds = np.zeros((n, 3)), np.zeros(n)
    for asked, known in parts(n):

        def same(values: np.ndarray, asked: slice = asked, known: slice = known) -> np.ndarray:
            return np.asarray(np.abs(np.subtract.outer(values[asked], values[known])) <= SAME_TICKS)

        apart = np.abs(np.subtract.outer(np.arange(n)[asked], np.arange(n)[known]))
        near = (np.exp(-apart / LOCAL_SLIDERS) + ELSEWHERE) * np.where(same(span), 1.0, OTHER_LENGTH)
        near[apart == 0] = 0.0
        share = (near @ straight[known] + 0.5 * UNSEEN) / (near.sum(axis=1) + UNSEEN)
        odds[asked] = np.where(straight[asked], np.log((1 - share) / share), 0.0)
        near *= np.where(same(beat), 1.0, OTHER_PHASE) * np.where(same(measure), 1 + SAME_MEASURE_PLACE, 1.0)
        near *= np.where(same(room), 1 + SAME_ROOM, 1.0)
        for k, by in enumerate((-1, 0, 1)):
            counts[asked, k] = (near * np.equal.outer(slides[asked] + by, slides[known])).sum(axis=1)
    return counts, odds


def _at_edge(passages: Passages, edges: _Edges, before: np.ndarray, times: np.ndarray, is_more: bool) -> np.ndarray:
    """(n, 3) odds by copies and by difficulties with an edge before that there is one at a time, or none if it would be gone,
    and the rank of the onset at the time.

    Args:
        passages: of the map.
        edges: of its objects.
        before: (n,) ms of the edge before.
        times: (n,) ms.
        is_more: whether an edge would be added.
    """
    found = np.zeros((len(times), 3))
    if passages.cells.count:
        cells, cells_before = passages.cells.of(times), passages.cells.of(before)
        there, there_before = passages.copies_of(cells), passages.copies_of(cells_before)
        edge = passages.own.edge
        known = (there >= 0) & (there_before >= 0) & edge[np.maximum(there_before, 0)]
        found[:, 0] = _odds(edge[np.maximum(there, 0)] == is_more, known)
        found[:, 1] = _odds(passages.in_siblings("edge", cells) == is_more, passages.in_siblings("edge", cells_before))
    if passages.envelope is not None:
        onset = passages.envelope.at(times + passages.lag_ms, ONSET_WIDTH_MS)
        ordered = np.sort(edges.strength)
        low, high = (np.searchsorted(ordered, onset, side=side) for side in ("left", "right"))
        found[:, 2] = (low + high) / (2 * len(ordered))
    return found


def _reach(
    beatmap: Beatmap, objects: Sequence[HitObject], edges: _Edges, gaps: _Gaps, circles: np.ndarray, number: np.ndarray
) -> np.ndarray:
    """(n_circles,) `reach` of circles, which have the places `circles` among the objects and `number` among the edges."""
    velocity = np.array([beatmap.velocity_at(objects[i].time) for i in circles.tolist()])
    length = beatmap.difficulty.slider_multiplier * 100 * velocity * gaps.length[number] / TICKS_PER_BEAT
    steps = np.abs(edges.place[number + 1] - edges.place[number])
    found = np.log2((steps + LEAST_PX) / (np.maximum(length, 0.0) + LEAST_PX))
    return np.asarray(np.where(gaps.is_compared[number], found, 0.0))
