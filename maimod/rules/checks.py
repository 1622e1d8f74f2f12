"""Checks: rules with the functions that apply them.

A :class:`BeatmapCheck` covers one difficulty, a :class:`MapsetCheck` a whole set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from maimod.discriminator.prediction import CorruptionLogits
from maimod.findings import Category
from maimod.rules.base import Candidate, Rule
from maimod.rules.evidence import Evidence, MapsetEvidence, Placed


class BeatmapCheck(msgspec.Struct, frozen=True):
    """Rules of one category about single difficulties, and the functions that apply them."""

    category: Category
    title: str
    rules: tuple[Rule, ...]
    run: Callable[[Evidence], Iterator[Candidate]]
    propose: Callable[[Evidence, CorruptionLogits], Iterator[Candidate]] | None = None
    """Proposals of the discriminator; None if there are none."""

    def candidates(self, evidence: Evidence) -> Iterator[Candidate]:
        """Candidates of the rules and, with a discriminator, its proposals."""
        yield from self.run(evidence)
        if self.propose is not None and evidence.corruption is not None:
            yield from self.propose(evidence, evidence.corruption)


class MapsetCheck(msgspec.Struct, frozen=True):
    """Rules about a whole set, and the function that applies them."""

    title: str
    rules: tuple[Rule, ...]
    run: Callable[[MapsetEvidence], Iterator[Placed]]
    category: Category = Category.MAPSET
