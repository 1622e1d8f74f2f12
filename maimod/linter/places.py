"""Places of a map and their features: the input of :mod:`maimod.linter.judge`.

Every object, empty slot, hit and line for which a rule or the discriminator has a candidate is a place. Its features are
all that is known there: the measures of the rules, both networks at this place, beside it and compared with the rest of
the map, the onset of the song, the rhythm, the geometry, the other difficulties. Nothing here is a threshold.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from maimod.discriminator.prediction import KINDS, NO_PREDICTION
from maimod.events.schema import EventKind, EventScore
from maimod.features import (
    body_relations,
    catch_copies,
    catch_measures,
    chord_copies,
    column_alternatives,
    combo_alternatives,
    finishers,
    geometry,
    measure_alternatives,
    passages,
    phrases,
    rhythm_alternatives,
    slider_alternatives,
    slider_bodies,
    slip_alternatives,
    slip_measures,
    slip_model,
    song_habits,
    start_habits,
    taiko_measures,
)
from maimod.features.ordered import median
from maimod.features.rhythm_alternatives import RhythmAlternatives
from maimod.findings import Category, Tier
from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.timing import BeatGrid
from maimod.rules import RULES, slips
from maimod.rules.base import Candidate, Evidence
from maimod.rules.rhythm_index import alternative

CATEGORIES = (
    Category.RHYTHM,
    Category.POSITIONS,
    Category.NEW_COMBOS,
    Category.SLIDERS,
    Category.HITSOUNDS,
    Category.SCROLL_SPEED,
    Category.KIAI,
)
"""Categories of findings about single places."""
RULE_IDS = tuple(
    sorted(rule.id for rule in RULES.values() if rule.tier is Tier.ESTIMATED and rule.category in CATEGORIES)
)
"""Rules whose candidates are judged."""
SILENT = -7.0
"""Log-odds of a rule without a candidate."""
HIGHEST_BITS = 20.0
BITS = ("time", "end", "position", "anchor", "combo", "sound", "edge_sound", "volume", "speed", "kind", "column")
"""Groups of events, of which the surprisals [bits] are added for each object."""
WIDE_SLOTS = 4
ALIKE_MS = 6.0
"""Objects of two difficulties this close in time are the same beat."""
REST_BEATS = 4.0
LEAST_OBJECTS = 2

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
SLIPS = tuple(
    f"{what} {name}"
    for what in ("position", "shape", "chord", "end", "colour")
    for name in ("log-odds", "beside", "lead", "rank", "a minute")
)
"""Of the model of slips, for objects that were moved, bodies that were changed, chords of mania with a note too many or too
few, notes that end at a wrong time, and notes of taiko with the wrong colour: log-odds, the highest of the neighbours, their
difference, log2 of the rank among the objects, and of the rank per minute."""
EXCHANGED = tuple(name for name in slip_alternatives.NAMES if name.startswith("exchanged"))
"""What the steps would gain if a circle changed places with a neighbour."""
OTHERWISE = tuple(name for name in slip_alternatives.NAMES if name not in EXCHANGED)
"""What they are, and would gain if an object was turned round, mirrored, scaled or elsewhere."""
SIBLINGS = ("siblings", "siblings_with_object", "siblings_with_flag", "siblings_same_kind")
PHRASES = ("phrase_places", "phrase_strength")
RANKED_HABITS = ("lost", "extra", "addition_other", "combo_off")
"""Of :mod:`maimod.features.start_habits`, of which log2 of the rank in the map is a feature too."""
NUMBERS = (
    "bits_of_copies",
    "bits_of_difficulties",
    "bits_of_song",
    "bits_of_durations",
    "bits_of_map",
    "beats",
    "begins_at_line",
    "ends_at_line",
    "is_settled",
    "has_kiai",
    "unlike_length",
    "on_downbeat",
)
"""Numbers of candidates about stretches that lack a line, or have one too many; 0 for those of other rules."""
STRETCHES = (*NUMBERS, "around")
"""The same, and the bits of the strongest such stretch of the category that a place lies in."""
ROW = (
    "empty",
    "own_best",
    "own_rank",
    "both_best",
    "both_rank",
    "both_count",
    "rule_count",
    "proposed_only",
    "rules",
    "objects",
    "event_bits",
    "event_entropy",
    "exact_here",
    "minutes",
    "density",
)
NAMES: tuple[str, ...] = (
    *ROW,
    *(f"rule {rule}" for rule in RULE_IDS),
    *(f"here {category.value}" for category in CATEGORIES),
    *(f"beside {category.value}" for category in CATEGORIES),
    *(f"slot {kind}" for kind in KINDS),
    *(f"near {kind}" for kind in KINDS),
    *(f"wide {kind}" for kind in KINDS),
    *(f"end {kind}" for kind in KINDS),
    *(f"rank {kind}" for kind in KINDS),
    *(f"bits {group}" for group in BITS),
    *(f"before {group}" for group in BITS),
    *(f"after {group}" for group in BITS),
    *(f"rank {group} bits" for group in BITS),
    *OWN,
    *RHYTHM,
    *SIBLINGS,
    *PHRASES,
    *(f"stretch {name}" for name in STRETCHES),
    *passages.NAMES,
    *(f"geometry {name}" for name in geometry.NAMES),
    *(f"slip {name}" for name in SLIPS),
    *(f"rhythm {name}" for name in rhythm_alternatives.NAMES),
    *(f"combo {name}" for name in combo_alternatives.NAMES),
    *(f"measure {name}" for name in measure_alternatives.NAMES),
    *(f"slider {name}" for name in slider_alternatives.NAMES),
    *(f"body {name}" for name in slider_bodies.NAMES),
    *EXCHANGED,
    *(f"otherwise {name}" for name in OTHERWISE),
    *(f"lies {name}" for name in body_relations.NAMES),
    *(f"columns {name}" for name in column_alternatives.NAMES),
    *(f"chord copies {name}" for name in chord_copies.NAMES),
    *(f"finisher {name}" for name in finishers.NAMES),
    *(f"song {name}" for name in song_habits.NAMES),
    *(f"habit {name}" for name in start_habits.NAMES),
    *(f"rank habit {name}" for name in RANKED_HABITS),
    *(f"way {name}" for name in catch_measures.WAYS),
    *(f"catch copies {name}" for name in catch_copies.NAMES),
    *(f"mode {mode.label}" for mode in Mode),
)
"""Names of the features, in order."""


Entry = tuple[Candidate, float, float]
"""A candidate, the log-odds of its rule's own measure, and those of the discriminator."""


class Place(msgspec.Struct):
    """A place with its candidates."""

    category: Category
    time: float
    """Ms."""
    rank: int
    """Place of its object among the objects by time; of an empty slot the object before it."""
    slot: int
    """On the grid of the discriminator."""
    candidates: list[Entry] = msgspec.field(default_factory=list)
    """(candidate, log-odds of the rule's own measure, log-odds of the discriminator); `SILENT` if only the discriminator
    proposes it."""

    @property
    def best(self) -> Entry:
        """The strongest candidate, whose words are used."""
        return max(self.candidates, key=lambda one: (both(one), one[1]))

    def best_of(self, rules: Collection[str]) -> Entry | None:
        """The strongest candidate of some rules."""
        known = [one for one in self.candidates if one[0].rule.id in rules]
        return max(known, key=lambda one: (both(one), one[1]), default=None)


def both(one: Entry) -> float:
    """Log-odds of both kinds of evidence on a candidate, equally weighted."""
    return max(one[1], -4.0) + max(one[2], -6.0)


def places_of(
    measured: Iterable[tuple[Candidate, float]],
    proposed: Iterable[tuple[Candidate, float]],
    discriminator_logit: Mapping[int, float],
    evidence: Evidence,
) -> list[Place]:
    """Group candidates by place.

    Args:
        measured: candidates of the rules with the log-odds of their measures.
        proposed: candidates that only the discriminator proposes, with its log-odds.
        discriminator_logit: log-odds of the discriminator by the id() of a measured candidate.
        evidence: of the map, with the discriminator's output.

    Returns:
        Places of the categories in `CATEGORIES`, in the order of their first candidates.
    """
    assert evidence.corruption is not None
    ranks = {o.index: rank for rank, o in enumerate(evidence.objects_by_time)}
    times = evidence.object_times
    entries = [(one, logit, discriminator_logit[id(one)]) for one, logit in measured]
    entries += [(one, SILENT, logit) for one, logit in proposed]
    entries = [entry for entry in entries if entry[0].rule.id in RULE_IDS]
    slots, _ = evidence.corruption.grid.locate([entry[0].time for entry in entries])
    places: dict[tuple[Category, int, int], Place] = {}
    for entry, slot in zip(entries, slots.tolist(), strict=True):
        found = entry[0]
        if found.objects:
            rank = ranks[found.objects[0].index]
        else:
            rank = max(int(np.searchsorted(times, found.time + 1.0, side="right")) - 1, 0)
        key = (found.rule.category, found.line if not found.objects else rank, slot)
        places.setdefault(key, Place(found.rule.category, found.time, rank, slot)).candidates.append(entry)
    return list(places.values())


def features(places: Sequence[Place], exact: Iterable[Candidate], evidence: Evidence) -> np.ndarray:
    """Features of places.

    Args:
        places: of :func:`places_of`.
        exact: candidates of exact rules on the same map.
        evidence: of the map.

    Returns:
        float32 (n_places, len(NAMES)).
    """
    table = _Table(evidence)
    ranks, slots = np.array([p.rank for p in places]), np.array([p.slot for p in places])
    times = np.array([p.time for p in places])
    best = [place.best for place in places]
    strength = np.array([both(one) for one in best])
    here, beside = _rule_scores(places, strength, len(table.objects))
    n = len(table.objects)
    exact_indices = {o.index for one in exact for o in one.objects[:16]}
    by_object = table.by_object
    is_exact = np.array([o.index in exact_indices for o in table.objects], dtype=float)
    row = _row_features(places, best, strength, is_exact[ranks], table)
    columns = [
        row,
        _own_scores(places),
        here[ranks],
        beside[ranks],
        *table.discriminator(slots, ranks),
        table.bits[ranks],
        table.bits[np.maximum(ranks - 1, 0)],
        table.bits[np.minimum(ranks + 1, n - 1)],
        table.bit_ranks[ranks],
        by_object[ranks],
        table.siblings(times, ranks),
        _in_phrases(times, [one[0].rule.id for one in best], strength, table),
        _stretches(places),
        evidence.passages.features(times, evidence.object_times[ranks]),
        table.geometry[ranks],
        table.slips[ranks],
        RhythmAlternatives(evidence.beatmap, table.objects).features(times, ranks, row[:, ROW.index("empty")] > 0),
        table.combos[ranks],
        evidence.measures.features(times, ranks),
        slider_alternatives.features(evidence)[ranks],
        table.bodies[ranks],
        table.exchanged[ranks],
        table.otherwise[ranks],
        table.relations[ranks],
        table.columns[ranks],
        table.finishers[ranks],
        table.song_habits[ranks],
        table.start_habits[ranks],
        table.ways[ranks],
        np.tile([float(evidence.beatmap.mode is mode) for mode in Mode], (len(places), 1)),
    ]
    found = np.concatenate(columns, axis=1).astype(np.float32)
    return np.nan_to_num(found, nan=0.0, posinf=HIGHEST_BITS, neginf=-HIGHEST_BITS)


def _rule_scores(places: Sequence[Place], strength: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Strongest candidate of each category at every object, and at its neighbours: (n_objects, n_categories) each."""
    here = np.full((n, len(CATEGORIES)), -10.0)
    columns = [CATEGORIES.index(place.category) for place in places]
    np.maximum.at(here, ([place.rank for place in places], columns), strength)
    padded = np.pad(here, ((1, 1), (0, 0)), constant_values=-10.0)
    return here, np.maximum(padded[:-2], padded[2:])


def _own_scores(places: Sequence[Place]) -> np.ndarray:
    """(n_places, n_rules) log-odds of each rule's own measure."""
    found = np.full((len(places), len(RULE_IDS)), SILENT)
    columns = {rule: number for number, rule in enumerate(RULE_IDS)}
    for number, place in enumerate(places):
        for one, own, _ in place.candidates:
            found[number, columns[one.rule.id]] = max(found[number, columns[one.rule.id]], own)
    return found


def _row_features(
    places: Sequence[Place], best: Sequence[Entry], strength: np.ndarray, is_exact: np.ndarray, table: _Table
) -> np.ndarray:
    """The features `ROW`."""
    own = np.array([max(one[1] for one in place.candidates) for place in places])
    categories = np.array([CATEGORIES.index(place.category) for place in places])
    rules = Counter(one[0].rule.id for one, logit in zip(best, strength.tolist(), strict=True) if logit > -4.0)
    minutes = max(table.evidence.beatmap.drain_ms / 60_000, 0.2)
    columns = np.zeros((len(places), len(ROW)))
    own_rank, both_rank = np.zeros(len(places)), np.zeros(len(places))
    for category in set(categories.tolist()):
        of_category = categories == category
        own_rank[of_category], both_rank[of_category] = _log_ranks(own[of_category]), _log_ranks(strength[of_category])
    events = [[one.event for one, _, _ in place.candidates if one.event is not None] for place in places]
    named: dict[str, Any] = {
        "empty": [place.time > table.last_time(place.rank) for place in places],
        "own_best": own,
        "own_rank": own_rank,
        "both_best": strength,
        "both_rank": both_rank,
        "both_count": np.log2((2.0**both_rank) / minutes),
        "rule_count": [math.log2((1.0 + rules[one[0].rule.id]) / minutes) for one in best],
        "proposed_only": own <= SILENT,
        "rules": [len({one[0].rule.id for one in place.candidates}) for place in places],
        "objects": [math.log2(1 + len(one[0].objects)) for one in best],
        "event_bits": [max((min(e.tolerant_surprisal, HIGHEST_BITS) for e in own), default=0.0) for own in events],
        "event_entropy": [max((e.entropy for e in own), default=0.0) for own in events],
        "exact_here": is_exact,
        "minutes": math.log2(minutes),
        "density": math.log2(len(table.objects) / minutes),
    }
    for name, values in named.items():
        columns[:, ROW.index(name)] = values
    return columns


def _in_phrases(times: np.ndarray, of_rules: Sequence[str], strength: np.ndarray, table: _Table) -> np.ndarray:
    """The features `PHRASES`: how many places have a candidate of the same rule at the same place of the phrases around,
    and how much stronger than usual in the map these are."""
    cells, rules = table.evidence.passages.cells, np.array(of_rules)
    found = np.zeros((len(times), len(PHRASES)))
    for rule in set(of_rules):
        own = np.flatnonzero(rules == rule)
        excess = strength[own] - median(strength[own])
        count, total = phrases.around(cells, times[own], excess)
        found[own] = np.stack([np.log2(1.0 + count), total], axis=1)
    return found


def _stretches(places: Sequence[Place]) -> np.ndarray:
    """The features `STRETCHES`; each number is that of the strongest candidate of a place that has it."""
    found = np.zeros((len(places), len(STRETCHES)))
    times = np.array([place.time for place in places])
    categories = np.array([CATEGORIES.index(place.category) for place in places])
    around = found[:, -1]
    for number, place in enumerate(places):
        known = [one for one in place.candidates if "bits_of_difficulties" in one[0].numbers]
        if known:
            strongest = max(known, key=both)[0]
            numbers = {name: value for one in sorted(known, key=both) for name, value in one[0].numbers.items()}
            found[number, :-1] = [float(numbers.get(name, 0.0)) for name in NUMBERS]
            end = strongest.time if strongest.end_time is None else strongest.end_time
            inside = (
                (categories == categories[number]) & (times >= strongest.time - ALIKE_MS) & (times <= end + ALIKE_MS)
            )
            around[inside] = np.maximum(around[inside], float(strongest.numbers["bits"]))
    return found


def _log_ranks(values: np.ndarray) -> np.ndarray:
    """Log2 of the rank from the top, 0 for the highest; equal values share the mean of their ranks."""
    ordered = np.sort(values)
    above = len(values) - np.searchsorted(ordered, values, side="right")
    equal = np.searchsorted(ordered, values, side="right") - np.searchsorted(ordered, values, side="left")
    return np.asarray(np.log2(1.0 + above + (equal - 1) / 2))


class _Table:
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
        found = np.zeros((len(self.objects), len(BITS)))
        for rank, o in enumerate(self.objects):
            scores = self.evidence.scores_by_object.get(o.index, ())
            first = scores[0].event.group if scores else None
            for score in scores:
                group = _group_of(score, score.event.group == first)
                if group is not None:
                    found[rank, BITS.index(group)] += score.tolerant_surprisal
        return np.minimum(found, HIGHEST_BITS)

    @cached_property
    def bit_ranks(self) -> np.ndarray:
        """(n_objects, len(BITS)) log2 of the rank of each surprisal in the map."""
        return np.stack([_log_ranks(column) for column in self.bits.T], axis=1)

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
        is_empty = not any(abs(t - other.time) <= 2 * ALIKE_MS for t in self._starts_near(other.time))
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
        onsets = np.zeros(len(objects)) if envelope is None else envelope.at(starts + self.rhythm.lag, 15.0)
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
            "onset_rank": _log_ranks(-onsets),
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
        """(n_objects, len(combo_alternatives.NAMES)); zeros in modes without combos."""
        if self.evidence.beatmap.mode not in (Mode.OSU, Mode.CATCH):
            return np.zeros((len(self.objects), len(combo_alternatives.NAMES)))
        return combo_alternatives.features(self.evidence.beatmap, self.objects)

    @cached_property
    def bodies(self) -> np.ndarray:
        """(n_objects, len(slider_bodies.NAMES)); zeros in modes in which they are not seen."""
        if self.evidence.beatmap.mode is not Mode.OSU:
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
        return found.measures.alternatives.features[:, [slip_alternatives.NAMES.index(name) for name in names]]

    @cached_property
    def relations(self) -> np.ndarray:
        """(n_objects, len(body_relations.NAMES)); zeros in modes in which bodies are not seen."""
        found = self.evidence.slips
        if self.evidence.beatmap.mode is not Mode.OSU or found is None or found.measures is None:
            return np.zeros((len(self.objects), len(body_relations.NAMES)))
        columns = [slip_measures.NAMES.index(name) for name in body_relations.NAMES]
        return found.measures.features[:, columns]

    @cached_property
    def columns(self) -> np.ndarray:
        """(n_objects, n) what other columns of mania or colours of taiko would be, and what the copies have; zeros where the
        model of slips measures no notes."""
        found = np.zeros((len(self.objects), len(column_alternatives.NAMES) + len(chord_copies.NAMES)))
        mania = self.evidence.slips.mania if self.evidence.slips else None
        if mania is not None:
            is_taiko = self.evidence.beatmap.mode is Mode.TAIKO
            notes = taiko_measures.notes_of(self.objects) if is_taiko else np.arange(len(self.objects))
            rows = mania.rows
            found[notes] = np.concatenate(
                [column_alternatives.features(rows)[rows.row_of], chord_copies.features(rows, self.evidence.passages)],
                axis=1,
            )
        return found

    @cached_property
    def finishers(self) -> np.ndarray:
        """(n_objects, len(finishers.NAMES)); zeros in other modes and of drum rolls."""
        found, slips = np.zeros((len(self.objects), len(finishers.NAMES))), self.evidence.slips
        if slips is not None and slips.mania is not None and self.evidence.beatmap.mode is Mode.TAIKO:
            notes = taiko_measures.notes_of(self.objects)
            found[notes] = finishers.features(slips.mania.rows, [self.objects[note] for note in notes])
        return found

    @cached_property
    def song_habits(self) -> np.ndarray:
        """(n_objects, len(song_habits.NAMES))."""
        evidence = self.evidence
        return song_habits.features(
            evidence.beatmap, self.objects, evidence.bands, evidence.envelope, self.rhythm.lag, self._siblings
        )

    @cached_property
    def start_habits(self) -> np.ndarray:
        """(n_objects, len(start_habits.NAMES) + len(RANKED_HABITS)); those of taiko are all the same."""
        evidence = self.evidence
        found = start_habits.features(
            evidence.beatmap, self.objects, evidence.bands, evidence.envelope, self.rhythm.lag, self._siblings
        )
        ranks = [_log_ranks(found[:, start_habits.NAMES.index(name)]) for name in RANKED_HABITS]
        return np.concatenate([found, np.stack(ranks, axis=1)], axis=1)

    @cached_property
    def ways(self) -> np.ndarray:
        """(n_objects, n) the way of the catcher, and that of the copies; zeros in other modes."""
        slips = self.evidence.slips
        if slips is None or slips.ways is None or slips.copies is None:
            return np.zeros((len(self.objects), len(catch_measures.WAYS) + len(catch_copies.NAMES)))
        return np.concatenate([slips.ways, slips.copies], axis=1)

    @cached_property
    def slips(self) -> np.ndarray:
        """(n_objects, len(SLIPS)); of a map in which none are looked for, those of objects that did not slip."""
        n, found = len(self.objects), self.evidence.slips
        minutes = max(self.evidence.beatmap.drain_ms / 60_000, 0.2)
        columns = []
        silent = (np.full(n, slip_model.NO_SLIP),) * 5
        kinds = (found.positions, found.shapes, found.chords, found.ends, found.colours) if found else silent
        for log_odds in kinds:
            beside = np.maximum(slips.beside(log_odds), slip_model.NO_SLIP)
            ranks = _log_ranks(log_odds)
            columns += [log_odds, beside, log_odds - beside, ranks, ranks - math.log2(minutes)]
        return np.stack(columns, axis=1)

    # -- the other difficulties ---------------------------------------------------------------------------------------

    @cached_property
    def _siblings(self) -> list[Beatmap]:
        mode = self.evidence.beatmap.mode
        return [one for one in self.evidence.others if one.mode is mode and len(one.hit_objects) >= LEAST_OBJECTS]

    def siblings(self, times: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        """(n_places, len(SIBLINGS)): number of other difficulties, and those with an object, a new combo, the same kind
        of object there."""
        found = np.zeros((len(times), len(SIBLINGS)))
        own = [self.objects[rank].kind for rank in ranks.tolist()]
        for other in self._siblings:
            found[:, 0] += 1
            found[:, 1] += _are_near(times, [o.time for o in other.hit_objects])
            found[:, 2] += _are_near(times, [o.time for o in other.hit_objects if o.new_combo])
            for kind in set(own):
                has = _are_near(times, [o.time for o in other.hit_objects if o.kind is kind])
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
    rows = np.concatenate([[0], np.cumsum(np.diff(starts) > ALIKE_MS / 2)])
    times = starts[np.searchsorted(rows, np.arange(rows[-1] + 1))]
    between = np.diff(times)
    return np.concatenate([[np.inf], between])[rows], np.concatenate([between, [np.inf]])[rows]


def _are_near(times: np.ndarray, starts: Sequence[float]) -> np.ndarray:
    """(n,) whether something starts within `ALIKE_MS` of each time."""
    ordered = np.sort(np.array([-np.inf, *starts, np.inf]))
    place = np.searchsorted(ordered, times)
    return np.asarray(np.minimum(times - ordered[place - 1], ordered[place] - times) <= ALIKE_MS)


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


def _group_of(score: EventScore, is_head: bool) -> str | None:
    """The group of `BITS` that an event of an object belongs to; None for those that say nothing of their own."""
    kind = score.event.kind
    if kind in (EventKind.TIME, EventKind.SNAP):
        return "time" if is_head else "end"
    if kind in _POSITIONS:
        return "position" if is_head else "anchor"
    if kind is EventKind.HITSOUND:
        return "sound" if is_head else "edge_sound"
    if kind in _GROUPS:
        return _GROUPS[kind]
    return "kind" if kind in _HEADS else "anchor" if kind.value.endswith("anchor") else None


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


def by_category(places: Sequence[Place]) -> dict[Category, np.ndarray]:
    """Numbers of the places of each category."""
    found: dict[Category, list[int]] = defaultdict(list)
    for number, place in enumerate(places):
        found[place.category].append(number)
    return {category: np.array(numbers) for category, numbers in found.items()}
