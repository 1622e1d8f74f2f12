"""Numbers of every object of one map, in order of time: the part of the judge's input that no rule makes.

Both networks at the object, the features of :mod:`maimod.features`, its rhythm, and the other difficulties.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from maimod.audio.onsets import ONSET_WIDTH_MS
from maimod.discriminator.prediction import KINDS, NO_PREDICTION
from maimod.events.schema import EventKind
from maimod.features import new_combos, slip_model
from maimod.features.catch import copies as catch_copies
from maimod.features.catch import slips as catch_slips
from maimod.features.habits import song as song_habits
from maimod.features.habits import starts as start_habits
from maimod.features.mania import chord_copies, column_alternatives, hold_stretches, set_holds
from maimod.features.positions import alternatives as position_alternatives
from maimod.features.positions import body_relations, geometry
from maimod.features.positions import slips as position_slips
from maimod.features.sliders import bodies as slider_bodies
from maimod.features.slip_model import Slips
from maimod.features.taiko import finishers
from maimod.features.taiko import slips as taiko_slips
from maimod.osu.beatmap import PLAYFIELD_MODES, Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.timing import SAME_BEAT_MS, BeatGrid, are_near
from maimod.rules.evidence import Evidence
from maimod.rules.positions import slips
from maimod.rules.rhythm_index import alternative

HIGHEST_BITS = 20.0
"""Surprisals are cut off there."""
BITS = ("time", "end", "position", "anchor", "combo", "sound", "edge_sound", "volume", "speed", "kind", "column")
"""Groups of events, of which the surprisals [bits] are added for each object."""
WIDE_SLOTS = 4
"""How far around a place the discriminator counts: a beat."""
REST_BEATS = 4.0
"""A gap this long begins a section."""
LEAST_OBJECTS = 2
"""Fewest objects of a difficulty that others are compared with."""

OWN = ("time_entropy", "flag_odds", "other_time_odds", "other_time_beats", "other_time_is_empty")
RHYTHM = (
    "circle",
    "slider",
    "spinner",
    "hold",
    "slides",
    "flag",
    "combo_number",
    "divisor_1",
    "divisor_2",
    "divisor_4",
    "divisor_3",
    "divisor_8",
    "divisor_other",
    "downbeat",
    "measure_place",
    "gap_before",
    "gap_after",
    "gap_ratio",
    "distance_before",
    "distance_after",
    "speed_before",
    "speed_after",
    "duration",
    "first_of_section",
    "last_of_section",
    "onset",
    "onset_rank",
    "volume",
    "alike",
    "held_alike",
)
SLIPPED = (
    "position",  # an object was moved; in mania it is in a wrong column
    "shape",  # the body of a slider was changed
    "chord",  # a chord of mania with a note too many or too few
    "end",  # a note of mania that ends at a wrong time
    "colour",  # a note of taiko with a wrong colour
    "form",  # an object of osu! or catch of a wrong kind, duration or repeats
    "plane",  # an object of catch was moved, by x and y
)
SLIPS = tuple(
    f"{what}{seen} {name}"
    # By the trees, which see one object at a time; by the networks, which see those around too.
    for seen in ("", " in sequence")
    for what in SLIPPED
    # Of the object; the highest of the neighbours; the difference from it; log2 of the rank among the objects, and of the rank per
    # minute.
    for name in ("log-odds", "beside", "lead", "rank", "a minute")
)
"""Log-odds of the model of slips."""
HOLDS = (*(f"stretch {name}" for name in hold_stretches.NAMES), "rank of kind", "ahead of kind")
"""Of mania: what stretches of holds would gain with other ends; log2 of the rank of the log-odds that the note ends wrong among those
held as it is, or not held as it is, and by how much they are higher than the highest of these others: notes that should be held are
seldom as doubtful as holds."""
EXCHANGED = tuple(name for name in position_alternatives.NAMES if name.startswith("exchanged"))
"""What the steps would gain if a circle changed places with a neighbour."""
OTHERWISE = tuple(name for name in position_alternatives.NAMES if name not in EXCHANGED)
"""What they are, and would gain if an object was turned round, mirrored, scaled or elsewhere."""
SIBLINGS = ("siblings", "siblings_with_object", "siblings_with_flag", "siblings_same_kind")
RANKED_HABITS = ("lost", "extra", "finish_lost", "addition_other", "combo_off")
"""Of :mod:`maimod.features.habits.starts`, of which log2 of the rank in the map is a feature too."""


def log_ranks(values: np.ndarray) -> np.ndarray:
    """Log2 of the rank from the top, 0 for the highest; equal values share the mean of their ranks."""
    ordered = np.sort(values)
    above = len(values) - np.searchsorted(ordered, values, side="right")
    equal = np.searchsorted(ordered, values, side="right") - np.searchsorted(ordered, values, side="left")
    return np.asarray(np.log2(1.0 + above + (equal - 1) / 2))


class ObjectTable:
    """Numbers of every object of one map, in order of time."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence, self.objects = evidence, evidence.objects_by_time
        self.rhythm = evidence.rhythm

    def last_time(self, rank: int) -> float:
        """Ms at which the object ends, with a margin."""
        return self.objects[rank].end_time + 2.0

    # -- discriminator ------------------------------------------------------------------------------------------------

    @cached_property
    def _logits(self) -> np.ndarray:
        """(n_slots, n_kinds)."""
        corruption = self.evidence.corruption
        assert corruption is not None
        return np.stack([corruption.of(kind) for kind in KINDS], axis=1)

    @cached_property
    def _slots(self) -> tuple[np.ndarray, np.ndarray]:
        """Slots of the start and of the end of every object."""
        assert self.evidence.corruption is not None
        grid = self.evidence.corruption.grid
        return grid.locate([o.time for o in self.objects])[0], grid.locate([o.end_time for o in self.objects])[0]

    def discriminator(self, slots: np.ndarray, ranks: np.ndarray) -> tuple[np.ndarray, ...]:
        """Log-odds at slots, beside them, up to `WIDE_SLOTS` away, at the end of the object, and their ranks."""
        logits = np.maximum(self._logits, NO_PREDICTION)
        near, wide = logits[slots], logits[slots]
        for by in range(1, WIDE_SLOTS + 1):
            for sign in (-1, 1):
                other = logits[np.clip(slots + sign * by, 0, len(logits) - 1)]
                near = np.maximum(near, other) if by == 1 else near
                wide = np.maximum(wide, other)
        ordered = np.sort(logits, axis=0)
        above = np.stack(
            [
                len(ordered) - np.searchsorted(ordered[:, kind], logits[slots, kind], side="right")
                for kind in range(len(KINDS))
            ],
            axis=1,
        )
        return logits[slots], near, wide, logits[self._slots[1][ranks]], np.log2(1.0 + above)

    # -- generator ----------------------------------------------------------------------------------------------------

    @cached_property
    def bits(self) -> np.ndarray:
        """(n_objects, len(BITS)) surprisal of the events of each object."""
        rows = []
        for o in self.objects:
            scores, row = self.evidence.scores_by_object.get(o.index, ()), [0.0] * (len(BITS) + 1)
            first = scores[0].event.group if scores else None
            for score in scores:
                row[_COLUMNS[score.event.kind][score.event.group == first]] += score.tolerant_surprisal
            rows.append(row[:-1])
        return np.minimum(np.array(rows).reshape(-1, len(BITS)), HIGHEST_BITS)

    @cached_property
    def bit_ranks(self) -> np.ndarray:
        """(n_objects, len(BITS)) log2 of the rank of each surprisal in the map."""
        return np.stack([log_ranks(column) for column in self.bits.T], axis=1)

    def _own(self, o: HitObject, beat: float) -> tuple[float, ...]:
        """The features `OWN`."""
        groups = self.rhythm.groups.get(o.index)
        if not groups:
            return (0.0,) * len(OWN)
        flags = [
            next((p for e, p in score.expected if e.kind is EventKind.NEW_COMBO), 0.0)
            for score in groups[0]
            if score.event.kind is not EventKind.NEW_COMBO
        ]
        given = next((2.0**-score.surprisal for score in groups[0] if score.event.kind is EventKind.NEW_COMBO), None)
        flag = _log_odds(max(flags, default=0.0) if given is None else given)
        time = next((score for score in groups[0] if score.event.kind is EventKind.TIME), None)
        if time is None:
            return 0.0, flag, -10.0, 0.0, 0.0
        other = alternative(time, time.event.time)
        if other is None:
            return time.entropy, flag, -10.0, 0.0, 0.0
        is_empty = not any(abs(t - other.time) <= 2 * SAME_BEAT_MS for t in self._starts_near(other.time))
        beats = max(min((other.time - o.time) / beat, 4.0), -4.0)
        return time.entropy, flag, _log_odds(other.probability), beats, float(is_empty)

    def _starts_near(self, time: float) -> Sequence[float]:
        times = self.evidence.object_times
        place = int(np.searchsorted(times, time))
        return [float(t) for t in times[max(place - 1, 0) : place + 1]]

    # -- the map and the song -----------------------------------------------------------------------------------------

    @cached_property
    def by_object(self) -> np.ndarray:
        """(n_objects, len(OWN) + len(RHYTHM))."""
        beatmap, objects = self.evidence.beatmap, self.objects
        ticks = BeatGrid(beatmap)
        starts, ends = np.array([o.time for o in objects]), np.array([o.end_time for o in objects])
        heads = np.array([(o.x, o.y) for o in objects], dtype=float)
        beats = np.array([max(beatmap.red_line_of(o.time).beat_length, 1.0) for o in objects])
        before, after = _gaps(starts, ends, beatmap.mode is Mode.MANIA)
        before, after = (np.where(np.isinf(gap), 4 * REST_BEATS * beats, gap) for gap in (before, after))
        moved = np.concatenate([[0.0], np.hypot(*np.diff(heads, axis=0).T), [0.0]]) if len(heads) > 1 else np.zeros(2)
        logs = np.log2(np.clip(before / beats, 1 / 64, 64)), np.log2(np.clip(after / beats, 1 / 64, 64))
        distances = np.log2(1.0 + moved[:-1]), np.log2(1.0 + moved[1:])
        own_ticks = ticks.ticks(starts)
        in_measure, measure = ticks.measure_ticks(own_ticks)
        divisor = _divisors(own_ticks)
        envelope = self.evidence.envelope
        onsets = np.zeros(len(objects)) if envelope is None else envelope.at(starts + self.rhythm.lag, ONSET_WIDTH_MS)
        columns: dict[str, np.ndarray | list[float]] = {
            "circle": [o.kind is ObjectKind.CIRCLE for o in objects],
            "slider": [o.slider is not None for o in objects],
            "spinner": [o.kind is ObjectKind.SPINNER for o in objects],
            "hold": [o.kind is ObjectKind.HOLD for o in objects],
            "slides": [math.log2(o.slider.slides) if o.slider and o.slider.slides > 0 else 0.0 for o in objects],
            "flag": [o.new_combo for o in objects],
            "combo_number": [math.log2(max(o.combo_number, 1)) for o in objects],
            **{f"divisor_{name}": divisor == name for name in ("1", "2", "4", "3", "8", "other")},
            "downbeat": in_measure == 0,
            "measure_place": in_measure / np.maximum(measure, 1),
            "gap_before": logs[0],
            "gap_after": logs[1],
            "gap_ratio": logs[1] - logs[0],
            "distance_before": distances[0],
            "distance_after": distances[1],
            "speed_before": distances[0] - logs[0],
            "speed_after": distances[1] - logs[1],
            "duration": np.log2(1.0 + (ends - starts) / beats),
            "first_of_section": before >= REST_BEATS * beats,
            "last_of_section": after >= REST_BEATS * beats,
            "onset": onsets,
            "onset_rank": log_ranks(-onsets),
            "volume": [(o.sample.volume or beatmap.timing_point_at(o.time + 3.0).volume) / 100 for o in objects],
            "alike": [math.log2(1 + self.rhythm.alike(o.time)) for o in objects],
            "held_alike": [math.log2(1 + self.rhythm.held_alike(o)) for o in objects],
        }
        known = np.stack([np.asarray(columns[name], dtype=float) for name in RHYTHM], axis=1)
        own = np.array([self._own(o, beat) for o, beat in zip(objects, beats.tolist(), strict=True)])
        return np.concatenate([own, known], axis=1)

    @cached_property
    def geometry(self) -> np.ndarray:
        """(n_objects, len(geometry.NAMES)); zeros in modes without a playfield."""
        if self.evidence.beatmap.mode is not Mode.OSU:
            return np.zeros((len(self.objects), len(geometry.NAMES)))
        found = self.evidence.slips
        return geometry.measure(self.objects, found.measures.relations if found and found.measures else None)

    @cached_property
    def combos(self) -> np.ndarray:
        """(n_objects, len(new_combos.NAMES)); zeros in modes without combos."""
        if self.evidence.beatmap.mode not in PLAYFIELD_MODES:
            return np.zeros((len(self.objects), len(new_combos.NAMES)))
        return new_combos.features(self.evidence.beatmap, self.objects)

    @cached_property
    def bodies(self) -> np.ndarray:
        """(n_objects, len(slider_bodies.NAMES)); zeros in modes in which they are not seen."""
        if self.evidence.beatmap.mode not in PLAYFIELD_MODES:
            return np.zeros((len(self.objects), len(slider_bodies.NAMES)))
        return slider_bodies.features(self.objects)

    @cached_property
    def exchanged(self) -> np.ndarray:
        """(n_objects, len(EXCHANGED)); zeros in modes without a playfield."""
        return self._alternatives(EXCHANGED)

    @cached_property
    def otherwise(self) -> np.ndarray:
        """(n_objects, len(OTHERWISE)); zeros in modes without a playfield."""
        return self._alternatives(OTHERWISE)

    def _alternatives(self, names: Sequence[str]) -> np.ndarray:
        found = self.evidence.slips
        if found is None or found.measures is None:
            return np.zeros((len(self.objects), len(names)))
        return found.measures.alternatives.features[:, [position_alternatives.NAMES.index(name) for name in names]]

    @cached_property
    def relations(self) -> np.ndarray:
        """(n_objects, len(body_relations.NAMES)); zeros in modes in which bodies are not seen."""
        found = self.evidence.slips
        if found is None or found.bodies is None:
            return np.zeros((len(self.objects), len(body_relations.NAMES)))
        columns = [position_slips.NAMES.index(name) for name in body_relations.NAMES]
        return found.bodies.features[:, columns]

    @cached_property
    def columns(self) -> np.ndarray:
        """(n_objects, n) what other columns of mania or colours of taiko would be, and what the copies have; zeros where the
        model of slips measures no notes."""
        found = np.zeros((len(self.objects), len(column_alternatives.NAMES) + len(chord_copies.NAMES)))
        mania = self.evidence.slips.mania if self.evidence.slips else None
        if mania is not None:
            is_taiko = self.evidence.beatmap.mode is Mode.TAIKO
            notes = taiko_slips.notes_of(self.objects) if is_taiko else np.arange(len(self.objects))
            rows = mania.rows
            found[notes] = np.concatenate(
                [mania.column_alternatives.features[rows.row_of], chord_copies.features(rows, self.evidence.passages)],
                axis=1,
            )
        return found

    @cached_property
    def set_holds(self) -> np.ndarray:
        """(n_objects, len(set_holds.NAMES)); zeros in other modes."""
        slips = self.evidence.slips
        if slips is None or slips.mania is None or self.evidence.beatmap.mode is not Mode.MANIA:
            return np.zeros((len(self.objects), len(set_holds.NAMES)))
        return set_holds.features(slips.mania.rows, self._siblings)

    @cached_property
    def holds(self) -> np.ndarray:
        """(n_objects, len(HOLDS)); zeros in other modes."""
        n, slips = len(self.objects), self.evidence.slips
        if slips is None or slips.mania is None or self.evidence.beatmap.mode is not Mode.MANIA:
            return np.zeros((n, len(HOLDS)))
        is_hold, ranks, ahead = slips.mania.rows.is_hold, np.zeros(n), np.zeros(n)
        for own in (np.flatnonzero(is_hold), np.flatnonzero(~is_hold)):
            ranks[own] = log_ranks(slips.ends[own])
            highest = np.sort(slips.ends[own])[::-1]
            if len(own) > 1:
                ahead[own] = slips.ends[own] - np.where(slips.ends[own] == highest[0], highest[1], highest[0])
        return np.column_stack([slips.mania.hold_stretches.features(n), ranks, ahead])

    @cached_property
    def finishers(self) -> np.ndarray:
        """(n_objects, len(finishers.NAMES)); zeros in other modes and of drum rolls."""
        found, slips = np.zeros((len(self.objects), len(finishers.NAMES))), self.evidence.slips
        if slips is not None and slips.mania is not None and self.evidence.beatmap.mode is Mode.TAIKO:
            notes = taiko_slips.notes_of(self.objects)
            found[notes] = finishers.features(slips.mania.rows, [self.objects[note] for note in notes])
        return found

    @cached_property
    def song_habits(self) -> np.ndarray:
        """(n_objects, len(song_habits.NAMES))."""
        evidence = self.evidence
        others = self._siblings
        if evidence.beatmap.mode is Mode.TAIKO:
            others = [*others, *self._of_mode(Mode.OSU)]
        return song_habits.features(
            evidence.beatmap, self.objects, evidence.bands, evidence.envelope, self.rhythm.lag, others
        )

    @cached_property
    def start_habits(self) -> np.ndarray:
        """(n_objects, len(start_habits.NAMES) + len(RANKED_HABITS)); those of taiko are all the same."""
        found = self.evidence.start_habits
        ranks = [log_ranks(found[:, start_habits.NAMES.index(name)]) for name in RANKED_HABITS]
        return np.concatenate([found, np.stack(ranks, axis=1)], axis=1)

    @cached_property
    def catcher(self) -> np.ndarray:
        """(n_objects, n) the way of the catcher, and that of the copies; zeros in other modes."""
        slips = self.evidence.slips
        if slips is None or slips.catcher is None or slips.copies is None:
            return np.zeros((len(self.objects), len(catch_slips.CATCHER_NAMES) + len(catch_copies.NAMES)))
        return np.concatenate([slips.catcher, slips.copies], axis=1)

    @cached_property
    def slips(self) -> np.ndarray:
        """(n_objects, len(SLIPS)); of a map in which none are looked for, those of objects that did not slip."""
        n, found = len(self.objects), self.evidence.slips
        minutes = max(self.evidence.beatmap.drain_ms / 60_000, 0.2)
        columns = []
        for says in self._slips_of(found) if found else ({}, {}):
            for what in SLIPPED:
                of_model = says.get(what)
                log_odds = np.full(n, slip_model.NO_SLIP) if of_model is None else of_model
                beside = np.maximum(slips.beside(log_odds), slip_model.NO_SLIP)
                ranks = log_ranks(log_odds)
                columns += [log_odds, beside, log_odds - beside, ranks, ranks - math.log2(minutes)]
        return np.stack(columns, axis=1)

    def _slips_of(self, found: Slips) -> tuple[Mapping[str, np.ndarray | None], Mapping[str, np.ndarray]]:
        """(n_objects,) log-odds by trees and by networks of each of `SLIPPED`; missing or None where the model has none."""
        trees = {
            "position": found.positions,
            "shape": found.shapes,
            "chord": found.chords,
            "end": found.ends,
            "colour": found.colours,
            "form": self.evidence.forms,
            "plane": found.on_plane,
        }
        return trees, self.evidence.slips_in_sequence

    # -- the other difficulties ---------------------------------------------------------------------------------------

    @cached_property
    def _siblings(self) -> list[Beatmap]:
        return self._of_mode(self.evidence.beatmap.mode)

    def _of_mode(self, mode: Mode) -> list[Beatmap]:
        return [one for one in self.evidence.others if one.mode is mode and len(one.hit_objects) >= LEAST_OBJECTS]

    def siblings(self, times: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        """(n_places, len(SIBLINGS)): number of other difficulties, and those with an object, a new combo, the same kind
        of object there."""
        found = np.zeros((len(times), len(SIBLINGS)))
        own = [self.objects[rank].kind for rank in ranks.tolist()]
        for other in self._siblings:
            found[:, 0] += 1
            found[:, 1] += are_near(times, [o.time for o in other.hit_objects], SAME_BEAT_MS)
            found[:, 2] += are_near(times, [o.time for o in other.hit_objects if o.new_combo], SAME_BEAT_MS)
            for kind in set(own):
                has = are_near(times, [o.time for o in other.hit_objects if o.kind is kind], SAME_BEAT_MS)
                found[:, 3] += has & np.array([one is kind for one in own])
        found[:, 1:] /= np.maximum(found[:, :1], 1)
        found[:, 0] = np.log2(1.0 + found[:, 0])
        return found


def _gaps(starts: np.ndarray, ends: np.ndarray, is_mania: bool) -> tuple[np.ndarray, np.ndarray]:
    """(n_objects,) ms from the end of the object before, and to the start of the next one; infinite at the ends of the map.

    Notes of mania overlap, so there it is from one start to the next, and the notes of a chord have the gaps of the chord.
    """
    if not is_mania:
        between = starts[1:] - ends[:-1]
        return np.concatenate([[np.inf], between]), np.concatenate([between, [np.inf]])
    rows = np.concatenate([[0], np.cumsum(np.diff(starts) > SAME_BEAT_MS / 2)])
    times = starts[np.searchsorted(rows, np.arange(rows[-1] + 1))]
    between = np.diff(times)
    return np.concatenate([[np.inf], between])[rows], np.concatenate([between, [np.inf]])[rows]


_HEADS = frozenset(
    {
        EventKind.CIRCLE,
        EventKind.SLIDER_HEAD,
        EventKind.SPINNER,
        EventKind.HOLD_NOTE,
        EventKind.DRUMROLL,
        EventKind.DENDEN,
    }
)
_POSITIONS = frozenset({EventKind.DISTANCE, EventKind.POS, EventKind.POS_X, EventKind.POS_Y, EventKind.POS_REFINE})
_GROUPS = {
    EventKind.NEW_COMBO: "combo",
    EventKind.VOLUME: "volume",
    EventKind.SCROLL_SPEED: "speed",
    EventKind.COLUMN: "column",
}


def _group_of(kind: EventKind, is_head: bool) -> str | None:
    """The group of `BITS` that an event of an object belongs to; None for those that say nothing of their own."""
    if kind in (EventKind.TIME, EventKind.SNAP):
        return "time" if is_head else "end"
    if kind in _POSITIONS:
        return "position" if is_head else "anchor"
    if kind is EventKind.HITSOUND:
        return "sound" if is_head else "edge_sound"
    if kind in _GROUPS:
        return _GROUPS[kind]
    return "kind" if kind in _HEADS else "anchor" if kind.value.endswith("anchor") else None


_COLUMNS = {
    kind: [BITS.index(group) if (group := _group_of(kind, is_head)) else len(BITS) for is_head in (False, True)]
    for kind in EventKind
}
"""Column of `BITS` after the first group of an object, and in it; one more for events that say nothing of their own."""


def _log_odds(probability: float) -> float:
    """Bits, within 10 of 0."""
    probability = min(max(probability, 1e-3), 1 - 1e-3)
    return math.log2(probability / (1 - probability))


def _divisors(ticks: np.ndarray) -> np.ndarray:
    """Coarsest of the usual divisors that each tick is on, by name."""
    found = np.full(len(ticks), "other", dtype=object)
    for name, step in (("8", 6), ("3", 16), ("4", 12), ("2", 24), ("1", 48)):
        found[ticks % step == 0] = name
    return found
