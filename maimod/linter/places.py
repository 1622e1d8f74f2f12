"""Places of a map and their features: the input of :mod:`maimod.linter.judge`.

Every object, empty slot, hit and line for which a rule or the discriminator has a candidate is a place. Its features are
all that is known there: the measures of the rules, both networks at this place, beside it and compared with the rest of
the map, the onset of the song, the rhythm, the geometry, the other difficulties. Nothing here is a threshold.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
import numpy as np

from maimod.discriminator.prediction import KINDS
from maimod.features import new_combos
from maimod.features.catch import copies as catch_copies
from maimod.features.catch import slips as catch_slips
from maimod.features.copies import passages, phrases
from maimod.features.habits import song as song_habits
from maimod.features.habits import starts as start_habits
from maimod.features.mania import chord_copies, column_alternatives, set_holds
from maimod.features.measures import alternatives as measure_alternatives
from maimod.features.ordered import median
from maimod.features.positions import body_relations, geometry
from maimod.features.rhythm import alternatives as rhythm_alternatives
from maimod.features.rhythm import set_starts
from maimod.features.rhythm.alternatives import RhythmAlternatives
from maimod.features.sliders import alternatives as slider_alternatives
from maimod.features.sliders import bodies as slider_bodies
from maimod.features.taiko import finishers
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
from maimod.rules.base import Candidate
from maimod.rules.evidence import Evidence

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
NO_CANDIDATE = -10.0
"""Log-odds of a category without a candidate."""
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


class RatedCandidate(NamedTuple):
    """A candidate with what both kinds of evidence say of it."""

    candidate: Candidate
    rule_logit: float
    """Log-odds of the rule's own measure; `SILENT` if only the discriminator proposes the candidate."""
    discriminator_logit: float


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


def both(one: RatedCandidate) -> float:
    """Log-odds of both kinds of evidence on a candidate, equally weighted."""
    return max(one.rule_logit, -4.0) + max(one.discriminator_logit, -6.0)


def _strength(one: RatedCandidate) -> tuple[float, float]:
    """Sort key: by both kinds of evidence, of equals by the rule's own."""
    return both(one), one.rule_logit


def logit_of(score: float) -> float:
    """Log-odds of a score, which counts as 0.001 at least and 0.999 at most."""
    score = min(max(score, 1e-3), 1 - 1e-3)
    return math.log(score / (1 - score))


def places_of(rated: Iterable[RatedCandidate], evidence: Evidence) -> list[Place]:
    """Group candidates by place.

    Args:
        rated: candidates of the rules, and those that only the discriminator proposes.
        evidence: of the map, with the discriminator's output.

    Returns:
        Places of the categories in `CATEGORIES`, in the order of their first candidates.
    """
    assert evidence.corruption is not None
    ranks = {o.index: rank for rank, o in enumerate(evidence.objects_by_time)}
    times = evidence.object_times
    judged = [one for one in rated if one.candidate.rule.id in RULE_IDS]
    slots, _ = evidence.corruption.grid.locate([one.candidate.time for one in judged])
    places: dict[tuple[Category, int, int], Place] = {}
    for one, slot in zip(judged, slots.tolist(), strict=True):
        found = one.candidate
        if found.objects:
            rank = ranks[found.objects[0].index]
        else:
            rank = max(int(np.searchsorted(times, found.time + 1.0, side="right")) - 1, 0)
        key = (found.rule.category, found.line if not found.objects else rank, slot)
        places.setdefault(key, Place(found.rule.category, found.time, rank, slot)).candidates.append(one)
    return list(places.values())


def by_category(places: Sequence[Place]) -> dict[Category, np.ndarray]:
    """Numbers of the places of each category."""
    found: dict[Category, list[int]] = defaultdict(list)
    for number, place in enumerate(places):
        found[place.category].append(number)
    return {category: np.array(numbers) for category, numbers in found.items()}


# ---------------------------------------------------------------------------------------------------------------------
# Features


class _Block(NamedTuple):
    """Features that are made together."""

    names: tuple[str, ...]
    values: Callable[[_Inputs], np.ndarray]
    """(n_places, len(names))."""


def _called(what: str, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{what} {name}" for name in names)


BLOCKS = (
    _Block(ROW, lambda of: of.row),
    _Block(_called("rule", RULE_IDS), lambda of: _own_scores(of.places)),
    _Block(_called("here", CATEGORIES), lambda of: of.strongest[of.ranks]),
    _Block(_called("beside", CATEGORIES), lambda of: _beside(of.strongest)[of.ranks]),
    _Block(_called("slot", KINDS), lambda of: of.discriminator[0]),
    _Block(_called("near", KINDS), lambda of: of.discriminator[1]),
    _Block(_called("wide", KINDS), lambda of: of.discriminator[2]),
    _Block(_called("end", KINDS), lambda of: of.discriminator[3]),
    _Block(_called("rank", KINDS), lambda of: of.discriminator[4]),
    _Block(_called("bits", BITS), lambda of: of.table.bits[of.ranks]),
    _Block(_called("before", BITS), lambda of: of.table.bits[np.maximum(of.ranks - 1, 0)]),
    _Block(_called("after", BITS), lambda of: of.table.bits[np.minimum(of.ranks + 1, len(of.table.objects) - 1)]),
    _Block(tuple(f"rank {group} bits" for group in BITS), lambda of: of.table.bit_ranks[of.ranks]),
    _Block((*OWN, *RHYTHM), lambda of: of.table.by_object[of.ranks]),
    _Block(SIBLINGS, lambda of: of.table.siblings(of.times, of.ranks)),
    _Block(PHRASES, lambda of: _in_phrases(of)),
    _Block(_called("stretch", STRETCHES), lambda of: _stretches(of.places)),
    _Block(passages.NAMES, lambda of: of.evidence.passages.features(of.times, of.evidence.object_times[of.ranks])),
    _Block(_called("geometry", geometry.NAMES), lambda of: of.table.geometry[of.ranks]),
    _Block(_called("slip", SLIPS), lambda of: of.table.slips[of.ranks]),
    _Block(_called("rhythm", rhythm_alternatives.NAMES), lambda of: _rhythms(of)),
    _Block(_called("combo", new_combos.NAMES), lambda of: of.table.combos[of.ranks]),
    _Block(
        _called("measure", measure_alternatives.NAMES), lambda of: of.evidence.measures.features(of.times, of.ranks)
    ),
    _Block(_called("slider", slider_alternatives.NAMES), lambda of: of.evidence.slider_alternatives[of.ranks]),
    _Block(_called("body", slider_bodies.NAMES), lambda of: of.table.bodies[of.ranks]),
    _Block(EXCHANGED, lambda of: of.table.exchanged[of.ranks]),
    _Block(_called("otherwise", OTHERWISE), lambda of: of.table.otherwise[of.ranks]),
    _Block(_called("lies", body_relations.NAMES), lambda of: of.table.relations[of.ranks]),
    _Block(
        (*_called("columns", column_alternatives.NAMES), *_called("chord copies", chord_copies.NAMES)),
        lambda of: of.table.columns[of.ranks],
    ),
    _Block(_called("set", set_holds.NAMES), lambda of: of.table.set_holds[of.ranks]),
    _Block(_called("starts", set_starts.NAMES), lambda of: set_starts.features(of.evidence.passages, of.times)),
    _Block(_called("holds", HOLDS), lambda of: of.table.holds[of.ranks]),
    _Block(_called("finisher", finishers.NAMES), lambda of: of.table.finishers[of.ranks]),
    _Block(_called("song", song_habits.NAMES), lambda of: of.table.song_habits[of.ranks]),
    _Block(
        (*_called("habit", start_habits.NAMES), *_called("rank habit", RANKED_HABITS)),
        lambda of: of.table.start_habits[of.ranks],
    ),
    _Block(
        (*_called("way", catch_slips.CATCHER_NAMES), *_called("catch copies", catch_copies.NAMES)),
        lambda of: of.table.catcher[of.ranks],
    ),
    _Block(_called("mode", (mode.label for mode in Mode)), lambda of: _modes(of)),
)
"""All features, in the order of `NAMES`."""
NAMES = tuple(name for block in BLOCKS for name in block.names)
"""Names of the features, in order."""


def features(places: Sequence[Place], exact: Iterable[Candidate], evidence: Evidence) -> np.ndarray:
    """Features of places.

    Args:
        places: of :func:`places_of`.
        exact: candidates of exact rules on the same map.
        evidence: of the map.

    Returns:
        float32 (n_places, len(NAMES)).
    """
    inputs = _Inputs(places, exact, evidence)
    found, filled = np.empty((len(places), len(NAMES)), dtype=np.float32), 0
    # Block by block: all of them side by side take twice the memory of the result.
    for names, values in BLOCKS:
        block = values(inputs)
        assert block.shape[1] == len(names), names
        found[:, filled : filled + len(names)] = block
        filled += len(names)
    return np.nan_to_num(found, copy=False, nan=0.0, posinf=HIGHEST_BITS, neginf=-HIGHEST_BITS)


class _Inputs:
    """What the features of places are made of; arguments as of :func:`features`."""

    def __init__(self, places: Sequence[Place], exact: Iterable[Candidate], evidence: Evidence) -> None:
        self.places: Sequence[Place] = places
        self.evidence: Evidence = evidence
        self.table: ObjectTable = ObjectTable(evidence)
        self.ranks: np.ndarray = np.array([place.rank for place in places])
        self.times: np.ndarray = np.array([place.time for place in places])
        self.best = [place.best for place in places]
        self.strength = np.array([both(one) for one in self.best])
        exact_indices = {o.index for one in exact for o in one.objects[:16]}
        self.is_exact = np.array([self.table.objects[place.rank].index in exact_indices for place in places])
        """Whether an exact rule has a candidate about the object of each place."""

    @cached_property
    def row(self) -> np.ndarray:
        """(n_places, len(ROW))."""
        return _row_features(self)

    @cached_property
    def strongest(self) -> np.ndarray:
        """(n_objects, n_categories) log-odds of the strongest candidate at every object."""
        found = np.full((len(self.table.objects), len(CATEGORIES)), NO_CANDIDATE)
        columns = [CATEGORIES.index(place.category) for place in self.places]
        np.maximum.at(found, ([place.rank for place in self.places], columns), self.strength)
        return found

    @cached_property
    def discriminator(self) -> tuple[np.ndarray, ...]:
        """(n_places, n_kinds) each; see :meth:`ObjectTable.discriminator`."""
        return self.table.discriminator(np.array([place.slot for place in self.places]), self.ranks)


def _beside(strongest: np.ndarray) -> np.ndarray:
    """(n_objects, n_categories) log-odds of the strongest candidate at the neighbours of every object."""
    padded = np.pad(strongest, ((1, 1), (0, 0)), constant_values=NO_CANDIDATE)
    return np.maximum(padded[:-2], padded[2:])


def _rhythms(of: _Inputs) -> np.ndarray:
    """(n_places, len(rhythm_alternatives.NAMES))."""
    is_empty = of.row[:, ROW.index("empty")] > 0
    return RhythmAlternatives(of.evidence.beatmap, of.table.objects).features(of.times, of.ranks, is_empty)


def _modes(of: _Inputs) -> np.ndarray:
    """(n_places, n_modes) the mode of the map."""
    return np.tile([float(of.evidence.beatmap.mode is mode) for mode in Mode], (len(of.places), 1))


def _own_scores(places: Sequence[Place]) -> np.ndarray:
    """(n_places, n_rules) log-odds of each rule's own measure."""
    found = np.full((len(places), len(RULE_IDS)), SILENT)
    columns = {rule: number for number, rule in enumerate(RULE_IDS)}
    for number, place in enumerate(places):
        for one in place.candidates:
            column = columns[one.candidate.rule.id]
            found[number, column] = max(found[number, column], one.rule_logit)
    return found


def _row_features(of: _Inputs) -> np.ndarray:
    """The features `ROW`."""
    places, best, strength, table = of.places, of.best, of.strength, of.table
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
        "exact_here": of.is_exact,
        "minutes": math.log2(minutes),
        "density": math.log2(len(table.objects) / minutes),
    }
    for name, values in named.items():
        columns[:, ROW.index(name)] = values
    return columns


def _in_phrases(of: _Inputs) -> np.ndarray:
    """The features `PHRASES`: how many places have a candidate of the same rule at the same place of the phrases around,
    and how much stronger than usual in the map these are."""
    cells, rules = of.evidence.passages.cells, np.array([one.candidate.rule.id for one in of.best])
    found = np.zeros((len(of.times), len(PHRASES)))
    for rule in set(rules.tolist()):
        own = np.flatnonzero(rules == rule)
        excess = of.strength[own] - median(of.strength[own])
        count, total = phrases.around(cells, of.times[own], excess)
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
