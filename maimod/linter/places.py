"""Places of a map and their features: the input of :mod:`maimod.linter.judge`.

Every object, empty slot, hit and line for which a rule or the discriminator has a candidate is a place. Its features are
all that is known there: the measures of the rules, both networks at this place, beside it and compared with the rest of
the map, the onset of the song, the rhythm, the geometry, the other difficulties. Nothing here is a threshold.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from maimod.discriminator.prediction import KINDS
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
    set_holds,
    set_starts,
    slider_alternatives,
    slider_bodies,
    song_habits,
    start_habits,
)
from maimod.features.ordered import median
from maimod.features.rhythm_alternatives import RhythmAlternatives
from maimod.findings import Category, Tier
from maimod.linter.object_table import (
    BITS,
    EXCHANGED,
    HIGHEST_BITS,
    HOLDS,
    OTHERWISE,
    OWN,
    RANKED_HABITS,
    RHYTHM,
    SIBLINGS,
    SLIPS,
    ObjectTable,
    log_ranks,
)
from maimod.osu.beatmap import Mode
from maimod.osu.timing import SAME_BEAT_MS
from maimod.rules import RULES
from maimod.rules.base import Candidate, Evidence

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
NETWORK_WEIGHT = 0.6
"""Weight of the log-odds of a rule and of those of the discriminator, where no judge weighs them."""
PHRASES = ("phrase_places", "phrase_strength")
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
    *(f"set {name}" for name in set_holds.NAMES),
    *(f"starts {name}" for name in set_starts.NAMES),
    *(f"holds {name}" for name in HOLDS),
    *(f"finisher {name}" for name in finishers.NAMES),
    *(f"song {name}" for name in song_habits.NAMES),
    *(f"habit {name}" for name in start_habits.NAMES),
    *(f"rank habit {name}" for name in RANKED_HABITS),
    *(f"way {name}" for name in catch_measures.CATCHER_NAMES),
    *(f"catch copies {name}" for name in catch_copies.NAMES),
    *(f"mode {mode.label}" for mode in Mode),
)
"""Names of the features, in order."""


class RatedCandidate(NamedTuple):
    """A candidate with what both kinds of evidence say of it."""

    candidate: Candidate
    rule_logit: float
    """Log-odds of the rule's own measure; `SILENT` if only the discriminator proposes the candidate."""
    discriminator_logit: float


Entry = tuple[Candidate, float, float]
"""A :class:`RatedCandidate`, or its parts."""


class Place(msgspec.Struct):
    """A place with its candidates."""

    category: Category
    time: float
    """Ms."""
    rank: int
    """Place of its object among the objects by time; of an empty slot the object before it."""
    slot: int
    """On the grid of the discriminator."""
    candidates: list[RatedCandidate] = msgspec.field(default_factory=list)

    @property
    def best(self) -> RatedCandidate:
        """The strongest candidate, whose words are used."""
        return max(self.candidates, key=_strength)

    def best_of(self, rules: Collection[str]) -> RatedCandidate | None:
        """The strongest candidate of some rules."""
        known = [one for one in self.candidates if one.candidate.rule.id in rules]
        return max(known, key=_strength, default=None)


def both(one: Entry) -> float:
    """Log-odds of both kinds of evidence on a candidate, equally weighted."""
    _, rule_logit, discriminator_logit = one
    return max(rule_logit, -4.0) + max(discriminator_logit, -6.0)


def _strength(one: RatedCandidate) -> tuple[float, float]:
    """Sort key: by both kinds of evidence, of equals by the rule's own."""
    return both(one), one.rule_logit


def logit_of(score: float) -> float:
    """Log-odds of a score, which counts as 0.001 at least and 0.999 at most."""
    score = min(max(score, 1e-3), 1 - 1e-3)
    return math.log(score / (1 - score))


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
    rated = [RatedCandidate(one, logit, discriminator_logit[id(one)]) for one, logit in measured]
    rated += [RatedCandidate(one, SILENT, logit) for one, logit in proposed]
    rated = [one for one in rated if one.candidate.rule.id in RULE_IDS]
    slots, _ = evidence.corruption.grid.locate([one.candidate.time for one in rated])
    places: dict[tuple[Category, int, int], Place] = {}
    for one, slot in zip(rated, slots.tolist(), strict=True):
        found = one.candidate
        if found.objects:
            rank = ranks[found.objects[0].index]
        else:
            rank = max(int(np.searchsorted(times, found.time + 1.0, side="right")) - 1, 0)
        key = (found.rule.category, found.line if not found.objects else rank, slot)
        places.setdefault(key, Place(found.rule.category, found.time, rank, slot)).candidates.append(one)
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
    found, filled = np.empty((len(places), len(NAMES)), dtype=np.float32), 0
    # Block by block: all of them side by side take twice the memory of the result.
    for block in _blocks(places, exact, evidence):
        found[:, filled : filled + block.shape[1]] = block
        filled += block.shape[1]
    assert filled == len(NAMES)
    return np.nan_to_num(found, copy=False, nan=0.0, posinf=HIGHEST_BITS, neginf=-HIGHEST_BITS)


def _blocks(places: Sequence[Place], exact: Iterable[Candidate], evidence: Evidence) -> Iterator[np.ndarray]:
    """(n_places, n) each: the features in the order of `NAMES`."""
    table = ObjectTable(evidence)
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
    yield row
    yield _own_scores(places)
    yield here[ranks]
    yield beside[ranks]
    yield from table.discriminator(slots, ranks)
    yield table.bits[ranks]
    yield table.bits[np.maximum(ranks - 1, 0)]
    yield table.bits[np.minimum(ranks + 1, n - 1)]
    yield table.bit_ranks[ranks]
    yield by_object[ranks]
    yield table.siblings(times, ranks)
    yield _in_phrases(times, [one.candidate.rule.id for one in best], strength, table)
    yield _stretches(places)
    yield evidence.passages.features(times, evidence.object_times[ranks])
    yield table.geometry[ranks]
    yield table.slips[ranks]
    yield RhythmAlternatives(evidence.beatmap, table.objects).features(times, ranks, row[:, ROW.index("empty")] > 0)
    yield table.combos[ranks]
    yield evidence.measures.features(times, ranks)
    yield evidence.slider_alternatives[ranks]
    yield table.bodies[ranks]
    yield table.exchanged[ranks]
    yield table.otherwise[ranks]
    yield table.relations[ranks]
    yield table.columns[ranks]
    yield table.set_holds[ranks]
    yield set_starts.features(evidence.passages, times)
    yield table.holds[ranks]
    yield table.finishers[ranks]
    yield table.song_habits[ranks]
    yield table.start_habits[ranks]
    yield table.catcher[ranks]
    yield np.tile([float(evidence.beatmap.mode is mode) for mode in Mode], (len(places), 1))


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
        for one in place.candidates:
            column = columns[one.candidate.rule.id]
            found[number, column] = max(found[number, column], one.rule_logit)
    return found


def _row_features(
    places: Sequence[Place],
    best: Sequence[RatedCandidate],
    strength: np.ndarray,
    is_exact: np.ndarray,
    table: ObjectTable,
) -> np.ndarray:
    """The features `ROW`."""
    own = np.array([max(one.rule_logit for one in place.candidates) for place in places])
    categories = np.array([CATEGORIES.index(place.category) for place in places])
    rules = Counter(one.candidate.rule.id for one, logit in zip(best, strength.tolist(), strict=True) if logit > -4.0)
    minutes = max(table.evidence.beatmap.drain_ms / 60_000, 0.2)
    columns = np.zeros((len(places), len(ROW)))
    own_rank, both_rank = np.zeros(len(places)), np.zeros(len(places))
    for category in set(categories.tolist()):
        of_category = categories == category
        own_rank[of_category], both_rank[of_category] = log_ranks(own[of_category]), log_ranks(strength[of_category])
    events = [[event for one in place.candidates if (event := one.candidate.event) is not None] for place in places]
    named: dict[str, Any] = {
        "empty": [place.time > table.last_time(place.rank) for place in places],
        "own_best": own,
        "own_rank": own_rank,
        "both_best": strength,
        "both_rank": both_rank,
        "both_count": np.log2((2.0**both_rank) / minutes),
        "rule_count": [math.log2((1.0 + rules[one.candidate.rule.id]) / minutes) for one in best],
        "proposed_only": own <= SILENT,
        "rules": [len({one.candidate.rule.id for one in place.candidates}) for place in places],
        "objects": [math.log2(1 + len(one.candidate.objects)) for one in best],
        "event_bits": [max((min(e.tolerant_surprisal, HIGHEST_BITS) for e in here), default=0.0) for here in events],
        "event_entropy": [max((e.entropy for e in here), default=0.0) for here in events],
        "exact_here": is_exact,
        "minutes": math.log2(minutes),
        "density": math.log2(len(table.objects) / minutes),
    }
    for name, values in named.items():
        columns[:, ROW.index(name)] = values
    return columns


def _in_phrases(times: np.ndarray, of_rules: Sequence[str], strength: np.ndarray, table: ObjectTable) -> np.ndarray:
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
        known = [one for one in place.candidates if "bits_of_difficulties" in one.candidate.numbers]
        if known:
            strongest = max(known, key=both).candidate
            numbers = {name: value for one in sorted(known, key=both) for name, value in one.candidate.numbers.items()}
            found[number, :-1] = [float(numbers.get(name, 0.0)) for name in NUMBERS]
            end = strongest.time if strongest.end_time is None else strongest.end_time
            inside = (
                (categories == categories[number])
                & (times >= strongest.time - SAME_BEAT_MS)
                & (times <= end + SAME_BEAT_MS)
            )
            around[inside] = np.maximum(around[inside], float(strongest.numbers["bits"]))
    return found


def by_category(places: Sequence[Place]) -> dict[Category, np.ndarray]:
    """Numbers of the places of each category."""
    found: dict[Category, list[int]] = defaultdict(list)
    for number, place in enumerate(places):
        found[place.category].append(number)
    return {category: np.array(numbers) for category, numbers in found.items()}
