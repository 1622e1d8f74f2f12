"""Input of the discriminator: features of a map, its song and its other difficulties on a grid of quarter beats.

The grid covers the whole map with its pauses, so that positions a measure apart are always the same number of slots
apart. The time of an object within its slot is a feature, so that thirds and eighths need no finer
grid.

All arrays are numpy with one row for each slot. Categories are small integers, numbers lie within about [-2, 2].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np

from maimod.audio.onsets import TYPICAL_LAG_MS, OnsetEnvelope
from maimod.audio.spectrogram import N_BANDS, N_LOUD, Bands
from maimod.osu import slider_path
from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.hitsounds import Hit, hits
from maimod.osu.timing import TICKS_PER_BEAT, BeatGrid

SLOTS_PER_BEAT = 4
SLOT_TICKS = TICKS_PER_BEAT // SLOTS_PER_BEAT
OFFSETS = (0, 3, 4, 6, 8, 9)
"""Positions within a slot [ticks of 1/48 beat]: its start, and the ticks of 1/16, 1/12 (as 1/3 and 1/6 make them) and
1/8 after it."""
_NEAREST_OFFSET = np.array([0, 0, 1, 1, 2, 3, 3, 3, 4, 5, 5], dtype=np.int64)
MAX_SLOTS = 16_384
"""Two hours at 120 BPM; maps that need more have absurd tempos and are not read."""
MARGIN_SLOTS = 2 * SLOTS_PER_BEAT
"""Empty slots before the first object and after the last."""
REACH = 192
"""Slots of one window of the network. Similar slots are sought farther away than that, so that none is an input twice."""

CATEGORIES = {
    "starts": 64,
    "ends": 64,
    "kind": 5,
    "held": 4,
    "combo": 2,
    "additions": 8,
    "normal_set": 4,
    "addition_set": 4,
    "hit": 4,
    "kiai": 2,
    "line_set": 4,
}
"""Columns of :attr:`MapFeatures.categories` with their sizes.

`starts`, `ends`: bits of `OFFSETS` at which an object starts, or a long one repeats or ends. `kind`: of the first object
that starts in the slot, 0 for none. `held`: the object held across the start of the slot: 0 none, 1 slider, 2 spinner,
3 hold note. `combo`: new combo flag of the first object. `additions`, `normal_set`, `addition_set`: of the first hit in
the slot (of a chord, all its additions). `hit`: 0 none, 1 start, 2 repeat, 3 tail. `line_set`: sample set of the timing
point in force."""
COLUMN = {name: place for place, name in enumerate(CATEGORIES)}
_KINDS = {ObjectKind.CIRCLE: 1, ObjectKind.SLIDER: 2, ObjectKind.SPINNER: 3, ObjectKind.HOLD: 4}

STEPS = ("dx", "dy", "distance", "speed", "gap", "turn_cos", "turn_sin")
NUMBERS = (
    "volume",
    "velocity",
    "x",
    "y",
    "end_x",
    "end_y",
    "duration",
    "slides",
    "slider_speed",
    "extension",
    *(f"before_{name}" for name in STEPS),
    *(f"after_{name}" for name in STEPS),
    *(f"column_{i}" for i in range(10)),
    "volume_before",
    "volume_after",
    "velocity_before",
    "velocity_after",
    "speed_before",
    "speed_after",
    "bend_x",
    "bend_y",
    "combo_objects_before",
    "combo_objects_after",
    "combo_beats_before",
    "combo_beats_after",
)
"""Columns of :attr:`MapFeatures.numbers`: volume and velocity in force, or of the hit; of the first object its start and
end position, duration and speed of one slide, and length beyond the chord of its curve; the steps from the object before
and to the one after; mania columns. Then contrasts: volume, velocity and slider speed against the last and the next
object, position against the middle between its neighbours, and distance to the new combos before and after."""
NUMBER = {name: place for place, name in enumerate(NUMBERS)}
BEFORE = slice(NUMBER["before_dx"], NUMBER["before_dx"] + len(STEPS))
AFTER = slice(NUMBER["after_dx"], NUMBER["after_dx"] + len(STEPS))
CONTRASTS = slice(NUMBER["volume_before"], len(NUMBERS))

SUMMARY = (
    "starts_on",
    "starts",
    "ends",
    "held",
    "slider",
    "combo",
    "whistle",
    "finish",
    "clap",
    "normal",
    "soft",
    "drum",
    "kiai",
    "volume",
)
"""Features of a slot of another measure or another difficulty."""

N_SONG = N_BANDS + len(OFFSETS) + 2 * N_LOUD + 1
N_POSITION = SLOTS_PER_BEAT + 4 + 4 + 2 + 4 + 8
N_SIMILAR, N_SIBLINGS = len(SUMMARY) + 2, len(SUMMARY) + 1
N_CONTEXT = N_SONG + N_POSITION + N_SIMILAR + N_SIBLINGS


# ---------------------------------------------------------------------------------------------------------------------
# The song


def _means(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Means of the rows low to high, each (n,)."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
    low, high = np.clip(low, 0, len(values) - 1), np.clip(high, 1, len(values))
    high = np.maximum(high, low + 1)
    return (sums[high] - sums[low]) / (high - low)[:, None]


def _song_features(bands: Bands, envelope: OnsetEnvelope, times: np.ndarray, slot_ms: np.ndarray) -> np.ndarray:
    """(n_slots, N_SONG) features of the song at song times [ms]; the last column is 1: there is a song."""
    frames = times / bands.frame_ms
    around = np.round(frames)[:, None].astype(np.int64) + np.arange(-2, 3)
    flux = bands.flux[np.clip(around, 0, len(bands.flux) - 1)].max(axis=1)
    flux[(frames < 0) | (frames > len(bands.flux))] = 0.0
    within = np.stack([envelope.at(times + offset / SLOT_TICKS * slot_ms, 12.0) for offset in OFFSETS], axis=1)
    at, width = frames.astype(np.int64), (slot_ms / bands.frame_ms).astype(np.int64)
    now = _means(bands.loudness, at, at + width)
    later, before = _means(bands.loudness, at, at + 16 * width), _means(bands.loudness, at - 16 * width, at)
    return np.concatenate(
        [flux, within, np.clip(now, -2, 2), np.clip(later - before, -2, 2), np.ones((len(times), 1))], axis=1
    )


# ---------------------------------------------------------------------------------------------------------------------
# The map


@dataclass(frozen=True)
class Grid:
    """The slots of a map."""

    beat_grid: BeatGrid
    first: int
    """Number of slot 0 on the beat grid."""
    count: int

    @cached_property
    def times(self) -> np.ndarray:
        """(n_slots,) ms of the map."""
        return self.beat_grid.times((self.first + np.arange(self.count)) * SLOT_TICKS)

    def locate(self, times: Sequence[float] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(slot, index into `OFFSETS`) of each time; a time one tick early counts as on the slot."""
        ticks = self.beat_grid.ticks(np.asarray(times, dtype=float))
        slots = (ticks + 1) // SLOT_TICKS
        return np.clip(slots - self.first, 0, self.count - 1), _NEAREST_OFFSET[
            np.clip(ticks - slots * SLOT_TICKS, 0, 10)
        ]


@dataclass(frozen=True)
class MapFeatures:
    """Input of the discriminator for one map."""

    grid: Grid
    categories: np.ndarray
    """(n_slots, len(CATEGORIES)) uint8."""
    numbers: np.ndarray
    """(n_slots, len(NUMBERS)) float32."""
    neighbours: np.ndarray
    """(n_slots, 2) slots of the objects before and after the first object of a slot, -1 for none."""
    context: np.ndarray
    """(n_slots, N_CONTEXT) float32: song, position in the measure, similar slots far away, other difficulties."""


def grid_of(beatmap: Beatmap) -> Grid | None:
    """Lay out the slots of a map; None without objects or if there would be more than `MAX_SLOTS`."""
    if not beatmap.hit_objects:
        return None
    beats = BeatGrid(beatmap)
    ends = beats.ticks(
        np.array([min(o.time for o in beatmap.hit_objects), max(o.end_time for o in beatmap.hit_objects)])
    )
    first = int(ends[0]) // SLOT_TICKS - MARGIN_SLOTS
    count = int(ends[1]) // SLOT_TICKS + MARGIN_SLOTS + 1 - first
    return Grid(beats, first, count) if count <= MAX_SLOTS else None


def object_features(beatmap: Beatmap, grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`categories`, `numbers` and `neighbours` of :class:`MapFeatures`."""
    categories = np.zeros((grid.count, len(CATEGORIES)), dtype=np.uint8)
    numbers = np.zeros((grid.count, len(NUMBERS)), dtype=np.float32)
    neighbours = np.full((grid.count, 2), -1, dtype=np.int32)
    objects = sorted(beatmap.hit_objects, key=lambda o: (o.time, o.index))
    slots, offsets = grid.locate([o.time for o in objects])
    np.bitwise_or.at(categories[:, COLUMN["starts"]], slots, (1 << offsets).astype(np.uint8))
    _long_objects(grid, objects, categories)
    _lines(beatmap, grid, categories, numbers)
    _hitsounds(beatmap, grid, categories, numbers)
    first_here = [i for i in range(len(objects)) if i == 0 or slots[i] != slots[i - 1]]
    movement = _Movement(beatmap, objects)
    for number, i in enumerate(first_here):
        o, slot = objects[i], int(slots[i])
        categories[slot, COLUMN["kind"]] = _KINDS[o.kind]
        categories[slot, COLUMN["combo"]] = o.new_combo
        numbers[slot, NUMBER["x"] : BEFORE.start] = movement.own(i)
        # Steps go to the closest objects, also to those of the same slot, as in a 1/8 stream.
        numbers[slot, BEFORE], numbers[slot, AFTER] = movement.step(i), movement.step(i + 1)
        neighbours[slot] = (
            slots[i - 1] if i else -1,
            slots[first_here[number + 1]] if number + 1 < len(first_here) else -1,
        )
    fill_contrasts(categories, numbers)
    if beatmap.mode is Mode.MANIA:
        columns = np.array([min(beatmap.column(o), 9) for o in objects])
        numbers[slots, NUMBER["column_0"] + columns] = 1.0
    return categories, numbers, neighbours


def _long_objects(grid: Grid, objects: Sequence[HitObject], categories: np.ndarray) -> None:
    long = [o for o in objects if o.end_time > o.time]
    edges = [time for o in long for time in o.edge_times()[1:][:64]]
    slots, offsets = grid.locate(edges)
    np.bitwise_or.at(categories[:, COLUMN["ends"]], slots, (1 << offsets).astype(np.uint8))
    held = {ObjectKind.SLIDER: 1, ObjectKind.SPINNER: 2, ObjectKind.HOLD: 3}
    starts, _ = grid.locate([o.time for o in long])
    ends, end_offsets = grid.locate([o.end_time for o in long])
    for o, start, end, offset in zip(long, starts, ends, end_offsets, strict=True):
        categories[start + 1 : end + (offset > 0), COLUMN["held"]] = held.get(o.kind, 1)


def _lines(beatmap: Beatmap, grid: Grid, categories: np.ndarray, numbers: np.ndarray) -> None:
    points = beatmap.sorted_timing_points
    lines = np.maximum(np.searchsorted([p.time for p in points], grid.times + 5.0, side="right") - 1, 0)
    categories[:, COLUMN["kiai"]] = np.array([p.kiai for p in points])[lines]
    categories[:, COLUMN["line_set"]] = np.array([p.sample_set if 0 <= p.sample_set <= 3 else 0 for p in points])[lines]
    numbers[:, NUMBER["volume"]] = np.array([min(max(p.volume, 0), 100) / 100 for p in points])[lines]
    numbers[:, NUMBER["velocity"]] = np.array([math.log2(p.velocity) for p in points])[lines]


def _hitsounds(beatmap: Beatmap, grid: Grid, categories: np.ndarray, numbers: np.ndarray) -> None:
    found = hits(beatmap)
    slots, offsets = grid.locate([hit.time for hit in found])
    best: dict[int, tuple[int, Hit]] = {}
    for hit, slot, offset in zip(found, slots.tolist(), offsets.tolist(), strict=True):
        known = best.get(slot)
        if known is None:
            best[slot] = offset, hit
            categories[slot, COLUMN["additions"]] = hit.additions >> 1
        elif known[0] == offset:
            categories[slot, COLUMN["additions"]] |= hit.additions >> 1
            if hit.edge == 0 and known[1].edge:
                best[slot] = offset, hit
    for slot, (_, hit) in best.items():
        is_tail = hit.hit_object.slider is not None and hit.edge == hit.hit_object.slider.slides
        categories[slot, COLUMN["normal_set"]] = hit.normal_set
        categories[slot, COLUMN["addition_set"]] = hit.addition_set if hit.additions else 0
        categories[slot, COLUMN["hit"]] = 1 if hit.edge == 0 else 3 if is_tail else 2
        numbers[slot, NUMBER["volume"]] = hit.volume / 100


def fill_contrasts(categories: np.ndarray, numbers: np.ndarray) -> None:
    """Fill the columns of `CONTRASTS` from the others."""
    starts = np.flatnonzero(categories[:, COLUMN["kind"]])
    sounding = np.flatnonzero(categories[:, COLUMN["hit"]])
    sliders = np.flatnonzero(categories[:, COLUMN["kind"]] == _KINDS[ObjectKind.SLIDER])
    for slots, name, of, scale in (
        (sounding, "volume", "volume", 3.0),
        (starts, "velocity", "velocity", 1.0),
        (sliders, "speed", "slider_speed", 1.0),
    ):
        steps = np.clip(np.diff(numbers[slots, NUMBER[of]]) * scale, -3, 3)
        numbers[slots[1:], NUMBER[f"{name}_before"]] = steps
        numbers[slots[:-1], NUMBER[f"{name}_after"]] = -steps
    for axis in ("x", "y"):
        before, after = numbers[starts, NUMBER[f"before_d{axis}"]], numbers[starts, NUMBER[f"after_d{axis}"]]
        numbers[starts, NUMBER[f"bend_{axis}"]] = (before - after) / 2
    flagged = np.flatnonzero(categories[starts, COLUMN["combo"]])
    places = np.arange(len(starts))
    for side, at in (
        ("before", np.searchsorted(flagged, places, side="left") - 1),
        ("after", np.searchsorted(flagged, places, side="right")),
    ):
        known = (at >= 0) & (at < len(flagged))
        other = flagged[np.clip(at, 0, max(len(flagged) - 1, 0))] if len(flagged) else places
        objects, slots_away = np.abs(other - places), np.abs(starts[other] - starts)
        numbers[starts, NUMBER[f"combo_objects_{side}"]] = np.where(known, np.minimum(np.log2(1.0 + objects) / 2, 3), 3)
        numbers[starts, NUMBER[f"combo_beats_{side}"]] = np.where(
            known, np.minimum(np.log2(1.0 + slots_away) / 2, 3), 3
        )


class _Movement:
    """Positions of objects and the steps between them."""

    def __init__(self, beatmap: Beatmap, objects: Sequence[HitObject]) -> None:
        self.objects = objects
        self.begins = [(o.x, o.y) for o in objects]
        self.ends = [slider_path.tail(o.slider) if o.slider and o.slider.slides % 2 else (o.x, o.y) for o in objects]
        self.beats = [beatmap.red_line_at(o.time).beat_length for o in objects]
        self.pixels_per_beat = 100 * beatmap.difficulty.slider_multiplier
        self.is_flat = beatmap.mode in (Mode.TAIKO, Mode.MANIA)

    def own(self, i: int) -> tuple[float, ...]:
        o, (x, y), (end_x, end_y) = self.objects[i], self.begins[i], self.ends[i]
        beats = o.span_duration / max(self.beats[i], 1.0)
        slides = o.slider.slides if o.slider else 0
        speed = extension = 0.0
        if o.slider:
            speed = math.log2(max(o.slider.length, 1.0) / max(beats * self.pixels_per_beat, 1e-3))
            chord = math.dist(o.slider.control_points[0], o.slider.control_points[-1])
            extension = (o.slider.length - chord) / 200
        if self.is_flat:
            x = y = end_x = end_y = 0.0
        values = (
            x / 256 - 1,
            y / 192 - 1,
            (end_x - x) / 128,
            (end_y - y) / 128,
            math.log2(1 + 4 * min(beats, 64)) / 3,
            slides / 3,
            speed,
            extension,
        )
        return tuple(min(max(value, -3.0), 3.0) for value in values)

    def step(self, i: int) -> tuple[float, ...]:
        """From object i - 1 to object i."""
        if not 0 < i < len(self.objects):
            return (0.0,) * len(STEPS)
        beats = max((self.objects[i].time - self.objects[i - 1].end_time) / max(self.beats[i], 1.0), 0.0)
        gap = math.log2(1 + 8 * min(beats, 64)) / 3
        if self.is_flat:
            return (0.0, 0.0, 0.0, 0.0, gap, 0.0, 0.0)
        dx, dy = self.begins[i][0] - self.ends[i - 1][0], self.begins[i][1] - self.ends[i - 1][1]
        distance = math.hypot(dx, dy)
        before = self.ends[i - 1] if self.objects[i - 1].slider else self.ends[i - 2] if i > 1 else self.begins[i - 1]
        start = self.begins[i - 1]
        # The direction from which the cursor comes: along a slider, or from the object before.
        way = (
            (before[0] - start[0], before[1] - start[1])
            if self.objects[i - 1].slider
            else (start[0] - before[0], start[1] - before[1])
        )
        length = distance * math.hypot(*way)
        turn_cos = (dx * way[0] + dy * way[1]) / length if length > 1 else 0.0
        turn_sin = (dy * way[0] - dx * way[1]) / length if length > 1 else 0.0
        return (
            max(min(dx / 128, 3.0), -3.0),
            max(min(dy / 128, 3.0), -3.0),
            min(distance / 128, 3.0),
            min(distance / (200 * max(beats, 0.125)), 3.0),
            gap,
            turn_cos,
            turn_sin,
        )


def summary(categories: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """(n_slots, len(SUMMARY)) float32 within [0, 1], to be averaged over slots or difficulties."""
    column = {name: categories[:, place].astype(np.int64) for name, place in COLUMN.items()}
    additions, normal_set = column["additions"], column["normal_set"]
    parts = (
        column["starts"] & 1,
        column["starts"] > 0,
        column["ends"] > 0,
        column["held"] > 0,
        column["kind"] == 2,
        column["combo"],
        additions & 1,
        additions >> 1 & 1,
        additions >> 2 & 1,
        normal_set == 1,
        normal_set == 2,
        normal_set == 3,
        column["kiai"],
        numbers[:, NUMBER["volume"]],
    )
    return np.stack([np.asarray(part, dtype=np.float32) for part in parts], axis=1)


# ---------------------------------------------------------------------------------------------------------------------
# Context


N_SIMILAR_SLOTS = 6
MAX_LAGS = 1_024
"""Most distances at which similar slots are sought; a map of two hours has as many measures."""
SMOOTH_SLOTS = 8
"""Slots are similar if the song sounds the same this far to both sides."""


@dataclass(frozen=True)
class ContextFeatures:
    """Features that depend on the song, the timing, the other difficulties, or on objects far away from the slot."""

    grid: Grid
    song: np.ndarray
    """(n_slots, N_SONG)"""
    position: np.ndarray
    """(n_slots, N_POSITION)"""
    similar: tuple[np.ndarray, np.ndarray]
    """(n_slots, N_SIMILAR_SLOTS) slots at which the song sounds the same, and their weights."""
    siblings: np.ndarray
    """(n_slots, N_SIBLINGS)"""

    def combined(self, own: np.ndarray) -> np.ndarray:
        """`MapFeatures.context` of a map whose :func:`summary` is `own`."""
        slots, weights = self.similar
        total = weights.sum(axis=1, keepdims=True)
        votes = (own[slots] * weights[:, :, None]).sum(axis=1) / np.maximum(total, 1e-6)
        likeness = np.stack([total[:, 0] / N_SIMILAR_SLOTS, weights.max(axis=1, initial=0.0)], axis=1)
        return np.concatenate([self.song, self.position, votes, likeness, self.siblings], axis=1, dtype=np.float32)


def context_features(
    beatmap: Beatmap,
    grid: Grid,
    bands: Bands | None = None,
    envelope: OnsetEnvelope | None = None,
    lag_ms: float = TYPICAL_LAG_MS,
    siblings: Sequence[Beatmap] = (),
) -> ContextFeatures:
    """Compute the context of a map.

    Args:
        beatmap: the map.
        grid: its slots.
        bands: of the song; None without a song.
        envelope: onsets of the song; None without a song.
        lag_ms: from a time of the map to the onset that belongs to it.
        siblings: other difficulties of the same song and mode.
    """
    slot_ms = np.diff(grid.times, append=grid.times[-1] + 100.0)
    song = np.zeros((grid.count, N_SONG))
    if bands is not None and envelope is not None and len(bands.flux):
        song = _song_features(bands, envelope, grid.times + lag_ms, np.clip(slot_ms, 5.0, 2000.0))
    return ContextFeatures(
        grid,
        song.astype(np.float32),
        _position_features(beatmap, grid),
        _similar_slots(beatmap, song),
        _sibling_features(grid, siblings),
    )


def _position_features(beatmap: Beatmap, grid: Grid) -> np.ndarray:
    numbers = grid.first + np.arange(grid.count)
    ticks = numbers * SLOT_TICKS
    section = grid.beat_grid.section_of_ticks(ticks)
    beat = grid.beat_grid.measure_ticks(ticks)[0] // TICKS_PER_BEAT
    parts: list[np.ndarray] = [np.eye(SLOTS_PER_BEAT)[(numbers % SLOTS_PER_BEAT)], np.eye(4)[np.minimum(beat, 3)]]
    for measures in (1, 4):
        since, length = grid.beat_grid.measure_ticks(ticks, measures)
        angle = 2 * np.pi * since / length
        parts.append(np.stack([np.sin(angle), np.cos(angle)], axis=1))
    parts.append(
        np.stack([np.log2(grid.beat_grid.beat_lengths[section] / 400), np.arange(grid.count) / grid.count], axis=1)
    )
    parts.append(np.tile(np.eye(4)[int(beatmap.mode)], (grid.count, 1)))
    d = beatmap.difficulty
    n_starts = len({o.time for o in beatmap.hit_objects})
    seconds = max(beatmap.drain_ms, 1000.0) / 1000
    conditioning = [
        d.circle_size / 5 - 1,
        d.overall_difficulty / 5 - 1,
        d.approach_rate / 5 - 1,
        d.hp_drain_rate / 5 - 1,
        math.log2(max(d.slider_multiplier, 0.1)),
        n_starts / seconds / 4 - 1,
        4 * n_starts / grid.count - 1,
        sum(o.slider is not None for o in beatmap.hit_objects) / len(beatmap.hit_objects),
    ]
    parts.append(np.tile(np.clip(conditioning, -3, 3), (grid.count, 1)))
    return np.concatenate(parts, axis=1).astype(np.float32)


def _similar_slots(beatmap: Beatmap, song: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slots whole measures away, at least `REACH`, at which the song sounds the same; a weight of 0 where there is none."""
    count = len(song)
    slots, weights = (
        np.zeros((count, N_SIMILAR_SLOTS), dtype=np.int64),
        np.zeros((count, N_SIMILAR_SLOTS), dtype=np.float32),
    )
    measure = SLOTS_PER_BEAT * max(beatmap.red_line_at(beatmap.hit_objects[0].time).meter, 1)
    step = measure * max(math.ceil(count / measure / MAX_LAGS), 1)
    lags = [lag for lag in range(step, count, step) if lag >= REACH]
    if not song[:, -1].any() or not lags:
        return slots, weights
    features = song[:, : N_BANDS + len(OFFSETS)] - song[:, : N_BANDS + len(OFFSETS)].mean(axis=0)
    features = np.concatenate([features, song[:, N_BANDS + len(OFFSETS) : -1] / 2], axis=1).astype(np.float32)
    energy = _box((features**2).sum(axis=1))
    likeness = np.full((count, 2 * len(lags)), -1.0, dtype=np.float32)
    for place, lag in enumerate(lags):
        # Box sums of the products at a lag, over the norms: a local correlation.
        product = _box((features[lag:] * features[:-lag]).sum(axis=1))
        product /= np.sqrt(energy[lag:] * energy[:-lag]) + 1e-3
        likeness[lag:, 2 * place], likeness[:-lag, 2 * place + 1] = product, product
    k = min(N_SIMILAR_SLOTS, likeness.shape[1])
    best = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
    offsets = np.array([sign * lag for lag in lags for sign in (-1, 1)])
    slots[:, :k] = np.clip(np.arange(count)[:, None] + offsets[best], 0, count - 1)
    weights[:, :k] = np.maximum(np.take_along_axis(likeness, best, axis=1) - 0.3, 0.0) ** 2 * 2
    return slots, weights


def _box(values: np.ndarray) -> np.ndarray:
    """Sums over `SMOOTH_SLOTS` to both sides."""
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    at = np.arange(len(values))
    return np.asarray(
        sums[np.minimum(at + SMOOTH_SLOTS + 1, len(values))] - sums[np.maximum(at - SMOOTH_SLOTS, 0)], dtype=np.float32
    )


MAX_SIBLINGS = 30
"""Most other difficulties that are compared with a map; sets with more in one mode are collections."""
SAME_OBJECTS = 0.6
"""Share of objects at one time and place from which on two files are versions of one difficulty."""


def other_difficulties(beatmap: Beatmap, maps: Sequence[Beatmap]) -> list[Beatmap]:
    """Other difficulties of the same song and mode among `maps`, without versions of this one."""
    own = {(round(o.time), round(o.x), round(o.y)) for o in beatmap.hit_objects}
    found = []
    of_song = (
        other
        for other in maps
        if other.mode is beatmap.mode and other.audio_filename == beatmap.audio_filename and other.hit_objects
    )
    for other in islice(of_song, MAX_SIBLINGS):
        shared = sum((round(o.time), round(o.x), round(o.y)) in own for o in other.hit_objects)
        if shared < SAME_OBJECTS * min(len(own), len(other.hit_objects)):
            found.append(other)
    return found


def _sibling_features(grid: Grid, siblings: Sequence[Beatmap]) -> np.ndarray:
    """(n_slots, N_SIBLINGS) mean of the other difficulties' summaries, and how many there are."""
    total = np.zeros((grid.count, len(SUMMARY)), dtype=np.float32)
    known = 0
    for sibling in siblings:
        own = grid_of(sibling)
        if own is None:
            continue
        categories, numbers, _ = object_features(sibling, own)
        shares = summary(categories, numbers)
        slots, _ = own.locate(grid.times)
        away = np.abs(own.times[slots] - grid.times)
        is_same = away < 12.0
        # Another difficulty may be timed by other lines: its slots need not be ours.
        total[is_same] += shares[slots[is_same]]
        known += 1
    if known:
        total /= known
    return np.concatenate([total, np.full((grid.count, 1), min(known, 5) / 5, dtype=np.float32)], axis=1)


def map_features(beatmap: Beatmap, context: ContextFeatures) -> MapFeatures:
    """Input of the discriminator for a map in its context."""
    categories, numbers, neighbours = object_features(beatmap, context.grid)
    return MapFeatures(context.grid, categories, numbers, neighbours, context.combined(summary(categories, numbers)))
