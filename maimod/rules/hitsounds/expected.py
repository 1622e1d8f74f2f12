"""Two kinds of evidence on every hit: the map's habits and the model, both in bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import msgspec

from maimod.events.schema import EventKind, EventScore
from maimod.features.habits.hitsounds import Habits
from maimod.osu.hitsounds import Hit
from maimod.rules.evidence import Evidence

MODEL_FLOOR = 2e-3
"""Smallest probability of the model that is used, which limits its evidence to 9 bits."""


class HitsoundEvidence(msgspec.Struct, frozen=True, dict=True):
    """The hits of a map with both kinds of evidence."""

    evidence: Evidence
    habits: Habits

    @cached_property
    def scores(self) -> dict[tuple[int, int, EventKind], EventScore]:
        """Scores of hitsounds and volumes by (object, edge, kind). A slider's body follows its head with the same
        number: left out."""
        found: dict[tuple[int, int, EventKind], EventScore] = {}
        for index, of_object in self.evidence.scores_by_object.items():
            for score in of_object:
                if score.event.kind in (EventKind.HITSOUND, EventKind.VOLUME):
                    found.setdefault((index, score.event.part, score.event.kind), score)
        return found

    def score(self, hit: Hit, kind: EventKind) -> EventScore | None:
        return self.scores.get((hit.hit_object.index, hit.edge, kind))

    def log_odds(self, hit: Hit, kind: EventKind, holds: Callable[[int], bool]) -> float | None:
        """Log-odds in bits of the model for values that satisfy `holds`; None without a score of this hit."""
        score = self.score(hit, kind)
        if score is None:
            return None
        listed = [(event.value, p) for event, p in score.expected if event.kind is kind]
        known = sum(p for _, p in listed)
        rest = max(0.0, 1.0 - sum(p for _, p in score.expected))
        share = sum(p for value, p in listed if holds(value)) / max(known + rest, 1e-9)
        return math.log2((share + MODEL_FLOOR) / (1.0 - min(share, 1.0) + MODEL_FLOOR))
