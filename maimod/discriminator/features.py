"""Input of the discriminator: features of a map, its song and its other difficulties on a grid of quarter beats.

The grid covers the whole map with its pauses, so that positions a measure apart are always the same number of slots
apart. The time of an object within its slot is a feature, so that thirds and eighths need no finer
grid.

All arrays are numpy with one row for each slot. Categories are small integers, numbers lie within about [-2, 2].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import msgspec
import numpy as np

from maimod.audio.spectrogram import N_BANDS, N_LOUD
from maimod.osu import slider_path
from maimod.osu.beatmap import HEIGHT, PLAYFIELD_MODES, WIDTH, Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.hitsounds import HITSOUND_LENIENCY_MS, Hit, hits
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
N_SIMILAR_SLOTS = 6
"""Slots far away, at which the song sounds most like at the slot itself, that a slot is shown together with."""
MAX_EDGES = 64
"""Repeats of a slider that are entered; those of more are too fast for slots to tell apart."""

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

N_COLUMNS = 10
"""Mania columns that are told apart; those to the right of them count as the last."""
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
    *(f"column_{i}" for i in range(N_COLUMNS)),
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
OWN = slice(NUMBER["x"], NUMBER["extension"] + 1)
BEFORE = slice(NUMBER["before_dx"], NUMBER["before_dx"] + len(STEPS))
AFTER = slice(NUMBER["after_dx"], NUMBER["after_dx"] + len(STEPS))
"""Columns of the first object itself, of the step before it, and of the step after it."""
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


class Grid(msgspec.Struct, frozen=True, dict=True):
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


class MapFeatures(msgspec.Struct, frozen=True):
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
    # Of the objects in one slot, the first gives it its kind and place.
    first = np.flatnonzero(np.diff(slots, prepend=-1))
    places = slots[first]
    categories[places, COLUMN["kind"]] = np.array([_KINDS[o.kind] for o in objects], dtype=np.uint8)[first]
    categories[places, COLUMN["combo"]] = np.array([o.new_combo for o in objects], dtype=np.uint8)[first]
    movement = _Movement(beatmap, objects)
    numbers[places, OWN] = movement.own()[first]
    # Steps go to the closest objects, also to those of the same slot, as in a 1/8 stream.
    steps = movement.steps()
    numbers[places, BEFORE], numbers[places, AFTER] = steps[first], steps[first + 1]
    neighbours[places[1:], 0], neighbours[places[0], 0] = slots[first[1:] - 1], -1
    neighbours[places[:-1], 1], neighbours[places[-1], 1] = places[1:], -1
    fill_contrasts(categories, numbers)
    if beatmap.mode is Mode.MANIA:
        columns = np.array([min(beatmap.column(o), N_COLUMNS - 1) for o in objects])
        numbers[slots, NUMBER["column_0"] + columns] = 1.0
    return categories, numbers, neighbours


def _long_objects(grid: Grid, objects: Sequence[HitObject], categories: np.ndarray) -> None:
    """Fill `ends` and `held`."""
    long = [o for o in objects if o.end_time > o.time]
    edges = [time for o in long for time in o.edge_times()[1:][:MAX_EDGES]]
    slots, offsets = grid.locate(edges)
    np.bitwise_or.at(categories[:, COLUMN["ends"]], slots, (1 << offsets).astype(np.uint8))
    held = {ObjectKind.SLIDER: 1, ObjectKind.SPINNER: 2, ObjectKind.HOLD: 3}
    starts, _ = grid.locate([o.time for o in long])
    ends, end_offsets = grid.locate([o.end_time for o in long])
    for o, start, end, offset in zip(long, starts, ends, end_offsets, strict=True):
        categories[start + 1 : end + (offset > 0), COLUMN["held"]] = held.get(o.kind, 1)


def _lines(beatmap: Beatmap, grid: Grid, categories: np.ndarray, numbers: np.ndarray) -> None:
    """Fill `kiai`, `line_set`, `volume` and `velocity` with what the timing points say."""
    points = beatmap.sorted_timing_points
    lines = np.maximum(
        np.searchsorted([p.time for p in points], grid.times + HITSOUND_LENIENCY_MS, side="right") - 1, 0
    )
    categories[:, COLUMN["kiai"]] = np.array([p.kiai for p in points])[lines]
    categories[:, COLUMN["line_set"]] = np.array([p.sample_set if 0 <= p.sample_set <= 3 else 0 for p in points])[lines]
    numbers[:, NUMBER["volume"]] = np.array([min(max(p.volume, 0), 100) / 100 for p in points])[lines]
    numbers[:, NUMBER["velocity"]] = np.array([math.log2(p.velocity) for p in points])[lines]


def _hitsounds(beatmap: Beatmap, grid: Grid, categories: np.ndarray, numbers: np.ndarray) -> None:
    """Fill `additions`, `normal_set`, `addition_set`, `hit`, and `volume` where something is hit."""
    found = hits(beatmap)
    slots, offsets = grid.locate([hit.time for hit in found])
    places, firsts, of_place = np.unique(slots, return_index=True, return_inverse=True)
    # Those that sound together with the first hit of their slot; of them a head is more than a repeat or a tail.
    together = offsets == offsets[firsts][of_place]
    additions = np.array([hit.additions >> 1 for hit in found], dtype=np.uint8)
    np.bitwise_or.at(categories[:, COLUMN["additions"]], slots[together], additions[together])
    best = firsts.copy()
    heads = np.flatnonzero(together & np.array([hit.edge == 0 for hit in found], dtype=bool))[::-1]
    best[of_place[heads]] = heads  # from the last to the first, which stays
    chosen = [found[i] for i in best.tolist()]
    categories[places, COLUMN["normal_set"]] = [hit.normal_set for hit in chosen]
    categories[places, COLUMN["addition_set"]] = [hit.addition_set if hit.additions else 0 for hit in chosen]
    categories[places, COLUMN["hit"]] = [_part(hit) for hit in chosen]
    numbers[places, NUMBER["volume"]] = [hit.volume / 100 for hit in chosen]


def _part(hit: Hit) -> int:
    """1 for a start, 2 for a repeat, 3 for a tail."""
    slider = hit.hit_object.slider
    return 1 if hit.edge == 0 else 3 if slider is not None and hit.edge == slider.slides else 2


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
        """Take the positions.

        Args:
            beatmap: the map.
            objects: its objects in order of time, at least one.
        """
        self.sliders = [(i, o.slider) for i, o in enumerate(objects) if o.slider is not None]
        self.times = np.array([o.time for o in objects], dtype=float)
        self.end_times = np.array([o.end_time for o in objects], dtype=float)
        self.begins = np.array([(o.x, o.y) for o in objects], dtype=float)
        self.ends = self.begins.copy()
        for i, slider in self.sliders:
            if slider.slides % 2:
                self.ends[i] = slider_path.tail(slider)
        red_lines = beatmap.red_lines
        in_force = np.searchsorted([point.time for point in red_lines], self.times, side="right") - 1
        lengths = np.array([point.beat_length for point in red_lines], dtype=float)
        self.beat_ms = np.maximum(lengths[np.maximum(in_force, 0)], 1.0)
        self.pixels_per_beat = 100 * beatmap.difficulty.slider_multiplier
        self.is_flat = beatmap.mode not in PLAYFIELD_MODES

    def own(self) -> np.ndarray:
        """(n_objects, 8): the columns `OWN` of `NUMBERS`."""
        column = {name: place for place, name in enumerate(NUMBERS[OWN])}
        positions, to_ends = (slice(column[name], column[name] + 2) for name in ("x", "end_x"))
        values = np.zeros((len(self.times), len(column)))
        slides = np.zeros(len(self.times))
        at = [i for i, _ in self.sliders]
        slides[at] = [slider.slides for _, slider in self.sliders]
        beats = (self.end_times - self.times) / np.maximum(slides, 1) / self.beat_ms
        if not self.is_flat:
            values[:, positions] = self.begins / (WIDTH / 2, HEIGHT / 2) - 1
            values[:, to_ends] = (self.ends - self.begins) / 128
        else:
            values[:, positions] = -1.0
        values[:, column["duration"]] = np.log2(1 + 4 * np.minimum(beats, 64)) / 3
        values[:, column["slides"]] = slides / 3
        if at:
            lengths = np.array([slider.length for _, slider in self.sliders])
            usual = np.maximum(beats[at] * self.pixels_per_beat, 1e-3)
            values[at, column["slider_speed"]] = np.log2(np.maximum(lengths, 1.0) / usual)
            chords = [math.dist(slider.control_points[0], slider.control_points[-1]) for _, slider in self.sliders]
            values[at, column["extension"]] = (lengths - chords) / 200
        return np.clip(values, -3.0, 3.0)

    def steps(self) -> np.ndarray:
        """(n_objects + 1, len(STEPS)): row i from object i - 1 to object i; zeros before the first and after the last."""
        found = np.zeros((len(self.times) + 1, len(STEPS)))
        beats = np.maximum((self.times[1:] - self.end_times[:-1]) / self.beat_ms[1:], 0.0)
        column = {name: found[1:-1, place] for place, name in enumerate(STEPS)}
        column["gap"][:] = np.log2(1 + 8 * np.minimum(beats, 64)) / 3
        if self.is_flat:
            return found
        step = self.begins[1:] - self.ends[:-1]
        distance = np.hypot(step[:, 0], step[:, 1])
        # The direction from which the cursor comes: along a slider, or from the object before.
        way = self.begins - np.concatenate([self.begins[:1], self.ends[:-1]])
        along = [i for i, _ in self.sliders]
        way[along] = self.ends[along] - self.begins[along]
        way = way[:-1]
        length = distance * np.hypot(way[:, 0], way[:, 1])
        is_turn = length > 1
        length = np.where(is_turn, length, 1.0)
        column["dx"][:], column["dy"][:] = np.clip(step / 128, -3.0, 3.0).T
        column["distance"][:] = np.minimum(distance / 128, 3.0)
        column["speed"][:] = np.minimum(distance / (200 * np.maximum(beats, 0.125)), 3.0)
        cosine = (step[:, 0] * way[:, 0] + step[:, 1] * way[:, 1]) / length
        sine = (step[:, 1] * way[:, 0] - step[:, 0] * way[:, 1]) / length
        column["turn_cos"][:], column["turn_sin"][:] = np.where(is_turn, cosine, 0.0), np.where(is_turn, sine, 0.0)
        return found


def summary(categories: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """(n_slots, len(SUMMARY)) float32 within [0, 1], to be averaged over slots or difficulties."""
    column = {name: categories[:, place].astype(np.int64) for name, place in COLUMN.items()}
    additions, normal_set = column["additions"], column["normal_set"]
    parts = (
        column["starts"] & 1,
        column["starts"] > 0,
        column["ends"] > 0,
        column["held"] > 0,
        column["kind"] == _KINDS[ObjectKind.SLIDER],
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


class ContextFeatures(msgspec.Struct, frozen=True):
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


def map_features(beatmap: Beatmap, context: ContextFeatures) -> MapFeatures:
    """Input of the discriminator for a map in its context."""
    categories, numbers, neighbours = object_features(beatmap, context.grid)
    return MapFeatures(context.grid, categories, numbers, neighbours, context.combined(summary(categories, numbers)))
