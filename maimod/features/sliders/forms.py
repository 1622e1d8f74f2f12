"""Numbers by which the model of slips finds objects of a wrong form: a slider that was split into circles, circles joined to a
slider, a repeat too many or too few, a repeat in place of a circle, a wrong length.

The form of an object is its kind, its duration and its repeats. It is compared with what the map has elsewhere in the same
rhythm, at the same place of the measures around that are alike, and with the odds of :mod:`maimod.features.sliders.alternatives`. The song, the sounds and the other difficulties are left out, so that the model can
be fitted on maps without songs. Times in ticks, 48 to the beat; odds are natural logarithms, positive if another form is likelier.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maimod.features.copies.passages import Passages
from maimod.features.ordered import median
from maimod.features.sliders import alternatives as slider_alternatives
from maimod.features.sliders.alternatives import FROM_PX
from maimod.osu.beatmap import Beatmap, HitObject, ObjectKind
from maimod.osu.slider_path import flatten
from maimod.osu.timing import TICKS_PER_BEAT, BeatGrid

TOLERANCE = 2
"""Ticks that count as one: objects are at whole ms."""
LONGEST = 16 * TICKS_PER_BEAT
"""Longer gaps and durations are the same."""
UNSEEN = 0.3
"""Count of what is not seen, beside what is."""
LAGS = (0.5, 1.0, 2.0, 3.0, 4.0, 8.0, 16.0)
"""Measures between passages that are compared, before and after."""
AROUND = 1.5
"""Measures around an object that are compared with those around the place so far away."""
FEW_EDGES = 2.0
"""Added to the number of edges around, so that a few that agree by chance are no likeness."""
SHARPNESS, LEAST_WEIGHT = 4, 0.02
"""Passages weigh by this power of their likeness; added to the sum of the weights."""
CELL = 4
"""Ticks of a cell: 1/12 beat."""
BESIDE = 2
"""Cells beside an object that count as its own; those of its neighbours at 1/4 beat do not."""
MOST_CELLS = 400_000

GAP_CONTEXTS = ("beat", "measure", "beside", "around", "place", "widely")
"""What a gap between edges shares with those that it is compared with, beside its length: its place in the beat or in the measure,
one, two or three gaps before and after, and whether these are held; `place` is both."""
FORM_CONTEXTS = (
    "room",
    "room at beat",
    "room at measure",
    "between",
    "between at beat",
    "forms beside",
    "forms around",
)
"""What an object shares with those that it is compared with: the time to the next object and from the one before, the place in
the beat or in the measure, one or two forms before and after."""
COUNTS = ("duration", "form", "room form", "end beat", "end measure", "free", "free at beat", "phase form", "pixels")
"""What is counted in the map: objects with the same duration, form, place of the end, time from the end to the next object, and
length [px]."""
LAG_NAMES = ("trust", "same", "other", "edge", "nothing", "end", "end head", "best", "best same")
"""How alike the passages are, and which share of them, by how alike each is, has the same form at the place, another one, a repeat
or an end, or nothing; nothing at the end, an object at the end; likeness of the best, and whether it has the same form."""
SPANS = slider_alternatives.SPANS
ALTERNATIVES = tuple(
    name
    for name in slider_alternatives.NAMES
    if not any(name.endswith(f" {what}") for what in ("onset", "siblings", "total"))
)
GEOMETRY = ("in", "out", "in off", "out off", "body", "turn in", "turn out", "bow")
"""Log2 of the distances [px] to an object and from its end, and of their ratio to the median of those with the same gap; log2 of
the length of the body, cosines of the turns from the way in to the body and from the body to the way out, and chord over
length."""
OWN = ("circle", "duration", "span", "free", "room", "before", "beat", "measure", "level", "repeats")
NAMES = (
    *OWN,
    *(f"{span} odds {name}" for span in SPANS for name in GAP_CONTEXTS),
    *(f"form odds {name}" for name in FORM_CONTEXTS),
    *(f"count {name}" for name in COUNTS),
    *(f"lag {name}" for name in LAG_NAMES),
    *(f"slider {name}" for name in ALTERNATIVES),
    *(f"geometry {name}" for name in GEOMETRY),
)


def can_measure(objects: Sequence[HitObject]) -> bool:
    """Whether a map has enough objects for habits of its own, and not more edges than are compared."""
    edges = sum(o.slider.slides + 1 if o.slider else 2 for o in objects)
    return len(objects) > slider_alternatives.LEAST_GAPS and edges <= slider_alternatives.MOST_EDGES


def measure(passages: Passages, objects: Sequence[HitObject], alternatives: np.ndarray | None = None) -> np.ndarray:
    """float32 (n_objects, len(NAMES)) of the objects of an osu! map in order of time.

    Args:
        passages: of the map.
        objects: of the map, in order of time; :func:`can_measure` holds.
        alternatives: (n_objects, len(slider_alternatives.NAMES)), if they are known.
    """
    if alternatives is None:
        alternatives = slider_alternatives.features(passages, objects)
    form = _Forms(passages.beatmap, objects)
    columns = [
        form.own(),
        form.gaps(),
        form.forms(),
        form.counts(),
        form.lags(),
        alternatives[:, [slider_alternatives.NAMES.index(name) for name in ALTERNATIVES]],
        form.geometry(),
    ]
    found = np.concatenate(columns, axis=1)
    return np.nan_to_num(found, nan=0.0, posinf=99.0, neginf=-99.0).astype(np.float32)


def _rounded(ticks: np.ndarray) -> np.ndarray:
    return (np.clip(ticks, -LONGEST, LONGEST) + TOLERANCE // 2) // TOLERANCE


class _Forms:
    """Starts, durations and repeats of the objects of a map."""

    def __init__(self, beatmap: Beatmap, objects: Sequence[HitObject]) -> None:
        self.objects, self.grid = objects, BeatGrid(beatmap)
        n = len(self.objects)
        self.slides = np.array([o.slider.slides if o.slider else 0 for o in self.objects])
        self.is_spinner = np.array([o.kind is ObjectKind.SPINNER for o in self.objects])
        both = np.array([[o.time for o in objects], [o.end_time for o in objects]])
        self.start, end = self.grid.ticks(both)
        self.end = np.maximum(self.start, end)
        self.duration = self.end - self.start
        following = np.append(self.start[1:], self.start[-1] + LONGEST)
        self.room, self.free = following - self.start, following - self.end
        self.before = np.append([LONGEST], self.start[1:] - self.start[:-1])
        self.in_measure, self.measure = self.grid.measure_ticks(self.start)
        self.pixels = np.array([round(o.slider.length) if o.slider else 0 for o in self.objects])
        self.form = _hashed(_rounded(self.duration), self.slides, self.is_spinner)
        self.n = n
        self.edges = np.where(self.slides > 0, self.slides + 1, np.where(self.is_spinner, 2, 1))
        """Number of each object."""
        self.rank = np.repeat(np.arange(n), self.edges)
        """Object of each edge."""
        self.first = np.cumsum(self.edges) - self.edges
        """First edge of each object."""
        share = (np.arange(len(self.rank)) - self.first[self.rank]) / np.maximum(self.edges - 1, 1)[self.rank]
        self.edge = np.round(self.start[self.rank] + share * self.duration[self.rank]).astype(np.int64)
        """Ticks of each edge."""

    def own(self) -> np.ndarray:
        """(n, len(OWN))."""
        beats = [
            np.clip(v / TICKS_PER_BEAT, -1, 16) for v in (self.duration, self.span, self.free, self.room, self.before)
        ]
        level = np.full(self.n, np.log2(max(median(self.room[:-1]), 1.0)))
        repeats = np.full(self.n, (self.slides > 1).mean())
        return np.stack(
            [
                (self.slides == 0) & ~self.is_spinner,
                *beats,
                self.in_measure % TICKS_PER_BEAT,
                self.in_measure / np.maximum(self.measure, 1),
                level,
                repeats,
            ],
            axis=1,
        ).astype(float)

    @property
    def span(self) -> np.ndarray:
        return self.duration / np.maximum(self.slides, 1)

    # -- gaps between edges -------------------------------------------------------------------------------------------

    def gaps(self) -> np.ndarray:
        """(n, 3 * len(GAP_CONTEXTS)) for the gaps `SPANS`."""
        ticks, rank, first, count = self.edge, self.rank, self.first, self.edges
        length = _rounded(np.diff(ticks))
        is_held = (rank[1:] == rank[:-1]).astype(np.int64)
        in_measure, _ = self.grid.measure_ticks(ticks[:-1])
        symbol = 2 * length + is_held

        def by(values: np.ndarray, shift: int) -> np.ndarray:
            found = np.full(len(values), -1)
            if shift < 0:
                found[-shift:] = values[:shift]
            else:
                found[:-shift] = values[shift:]
            return found

        beat, measure = _rounded(in_measure % TICKS_PER_BEAT), _rounded(in_measure)
        contexts = {
            "beat": (length, beat),
            "measure": (length, measure),
            "beside": (length, by(symbol, -1), by(symbol, 1)),
            "around": (length, by(symbol, -2), by(symbol, -1), by(symbol, 1), by(symbol, 2)),
            "place": (length, beat, by(symbol, -1), by(symbol, 1)),
            "widely": (length, measure, *(by(symbol, shift) for shift in (-3, -2, -1, 1, 2, 3))),
        }
        table = np.zeros((len(length) + 2, len(GAP_CONTEXTS)))  # with none before the first edge and after the last
        table[1:-1] = np.stack([_odds(_hashed(*contexts[name]), is_held) for name in GAP_CONTEXTS], axis=1)
        last = first + count - 1
        is_slider = self.slides > 0
        return np.concatenate(
            [
                table[first],
                table[np.where(is_slider, last, last + 1)],
                np.where(is_slider[:, None], table[last + 1], 0.0),
            ],
            axis=1,
        )

    # -- forms --------------------------------------------------------------------------------------------------------

    def forms(self) -> np.ndarray:
        """(n, len(FORM_CONTEXTS))."""
        room, before = _rounded(self.room), _rounded(self.before)
        beat, measure = _rounded(self.in_measure % TICKS_PER_BEAT), _rounded(self.in_measure)
        form = np.concatenate([[0, 0], self.form, [0, 0]])
        previous, following, previous_2, following_2 = form[1:-3], form[3:-1], form[:-4], form[4:]
        contexts = {
            "room": (room,),
            "room at beat": (room, beat),
            "room at measure": (room, measure),
            "between": (room, before),
            "between at beat": (room, before, beat),
            "forms beside": (room, before, previous, following),
            "forms around": (room, before, previous_2, previous, following, following_2),
        }
        return np.stack([_odds(_hashed(*contexts[name]), self.form) for name in FORM_CONTEXTS], axis=1)

    def counts(self) -> np.ndarray:
        """(n, len(COUNTS)) log2."""
        end_measure, _ = self.grid.measure_ticks(self.end)
        beat = _rounded(self.in_measure % TICKS_PER_BEAT)
        end_beat = _rounded(end_measure % TICKS_PER_BEAT)
        kind = np.minimum(self.slides, 2)
        free = _rounded(self.free)
        columns = {
            "duration": (_rounded(self.duration), kind > 0),
            "form": (self.form,),
            "room form": (_rounded(self.room), self.form),
            "end beat": (end_beat, kind > 0),
            "end measure": (_rounded(end_measure), kind > 0),
            "free": (free, kind > 0),
            "free at beat": (free, end_beat, kind > 0),
            "phase form": (beat, self.form),
            "pixels": (self.pixels,),
        }
        found = []
        for name in COUNTS:
            _, of_value, counts = np.unique(_hashed(*columns[name]), return_inverse=True, return_counts=True)
            found.append(np.log2(counts[of_value]))
        return np.stack(found, axis=1)

    def geometry(self) -> np.ndarray:
        """(n, len(GEOMETRY))."""
        heads = np.array([complex(o.x, o.y) for o in self.objects])
        ends = np.array([complex(*flatten(o.slider).end) if o.slider else complex(o.x, o.y) for o in self.objects])
        tails = np.where(self.slides % 2 == 1, ends, heads)
        steps, body = heads[1:] - tails[:-1], ends - heads
        into, out = np.append([0j], steps), np.append(steps, [0j])
        free = _rounded(self.free)
        off = np.zeros(self.n)
        logs = np.log2(np.abs(out) + FROM_PX)
        _, of_gap = np.unique(free, return_inverse=True)
        order = np.lexsort((logs, of_gap))
        first = np.searchsorted(of_gap[order], np.arange(of_gap.max() + 1))
        last = np.searchsorted(of_gap[order], np.arange(of_gap.max() + 1), side="right")
        off = logs - logs[order][(first + last) // 2][of_gap]
        length = np.array([o.slider.length if o.slider else 0.0 for o in self.objects])

        def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return np.asarray((a * b.conjugate()).real / np.maximum(np.abs(a) * np.abs(b), 1e-6))

        return np.stack(
            [
                np.log2(1 + np.abs(into)),
                np.log2(1 + np.abs(out)),
                np.append([0.0], off[:-1]),
                off,
                np.log2(1 + length),
                cosines(into, np.where(self.slides > 0, body, out)),
                cosines(out, np.where(self.slides % 2 == 1, body, -body)),
                np.abs(body) / np.maximum(length, 1.0),
            ],
            axis=1,
        )

    # -- passages at a distance of whole measures ------------------------------------------------------------------------

    def lags(self) -> np.ndarray:
        """(n, len(LAG_NAMES))."""
        found = np.zeros((self.n, len(LAG_NAMES)))
        low = int(self.start.min())
        start, end, edges = ((ticks - low + CELL // 2) // CELL for ticks in (self.start, self.end, self.edge))
        count = int(end.max()) + 1
        if count > MOST_CELLS:
            return found
        edge, head = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        form = np.zeros(count, dtype=np.int64)
        edge[edges] = 1
        head[start], form[start] = 1, self.form
        held = np.zeros(count + 1, dtype=np.int64)
        np.add.at(held, start, 1)
        np.add.at(held, end, -1)
        held = (np.cumsum(held)[:-1] > 0).astype(np.int64)
        symbol = np.where(edge > 0, 1 + 2 * head + 4 * held, 0)
        period = np.maximum(self.measure // CELL, 1)
        around = (AROUND * period).astype(np.int64)
        kinds = np.zeros((6, self.n, 2 * len(LAGS)))
        trust = np.zeros((self.n, 2 * len(LAGS)))
        usual = int(median(period))
        for number, measures in enumerate([sign * lag for lag in LAGS for sign in (-1, 1)]):
            lag = round(measures * usual)
            if abs(lag) >= count:
                continue
            shifted, shifted_head, shifted_form = (_by(values, lag) for values in (symbol, head, form))
            either = np.concatenate([[0], np.cumsum((symbol > 0) | (shifted > 0))])
            same = np.concatenate([[0], np.cumsum((symbol > 0) & (symbol == shifted))])
            first, last = np.maximum(start - around, 0), np.minimum(end + around, count - 1) + 1

            def inside(sums: np.ndarray, first: np.ndarray = first, last: np.ndarray = last) -> np.ndarray:
                own = np.maximum(start - BESIDE, 0), np.minimum(end + BESIDE, count - 1) + 1
                return np.asarray(sums[last] - sums[first] - sums[own[1]] + sums[own[0]])

            trust[:, number] = inside(same) / (inside(either) + FEW_EDGES)
            there = (start + lag >= 0) & (end + lag < count)
            trust[~there, number] = 0.0
            has_head = shifted_head[start] > 0
            is_same = has_head & (shifted_form[start] == self.form)
            is_edge = ~has_head & (shifted[start] > 0)
            at_end = shifted[end] > 0
            for kind, values in enumerate(
                (
                    is_same,
                    has_head & ~is_same,
                    is_edge,
                    ~has_head & ~is_edge,
                    ~at_end,
                    (shifted_head[end] > 0) & (end > start),
                )
            ):
                kinds[kind, :, number] = values
        weights = trust**SHARPNESS
        total = weights.sum(axis=1) + LEAST_WEIGHT
        best = trust.argmax(axis=1)
        rows = np.arange(self.n)
        found[:, 0] = weights.mean(axis=1) ** (1 / SHARPNESS)
        found[:, 1:7] = ((weights * kinds).sum(axis=2) / total).T
        found[:, 7] = trust[rows, best]
        found[:, 8] = kinds[0, rows, best]
        return found


def _by(values: np.ndarray, lag: int) -> np.ndarray:
    """The values `lag` cells later; 0 beyond the ends."""
    found = np.zeros_like(values)
    if lag > 0:
        found[:-lag] = values[lag:]
    else:
        found[-lag:] = values[:lag]
    return found


def _hashed(*columns: np.ndarray) -> np.ndarray:
    """(n,) a number for each different row of whole numbers."""
    found = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        found = (found ^ column.astype(np.int64).astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        found ^= found >> np.uint64(29)
    return found.astype(np.int64)


def _odds(context: np.ndarray, value: np.ndarray) -> np.ndarray:
    """(n,) odds that what shares the context has another value."""
    _, of_context, total = np.unique(context, return_inverse=True, return_counts=True)
    _, of_both, same = np.unique(_hashed(context, value), return_inverse=True, return_counts=True)
    own, others = same[of_both] - 1, total[of_context] - 1
    return np.asarray(np.log((others - own + UNSEEN) / (own + UNSEEN)))
