"""Declarations of rules, and the candidates that they find.

A check is a pure function from evidence (:mod:`maimod.rules.evidence`) to candidates, without scores, severities or thresholds:
a :class:`Candidate` holds a measure, which :mod:`maimod.linter.rescore` turns into a score. No torch here.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec

from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventScore
from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import ALL_MODES, HitObject, Mode

DOCS = "https://github.com/OWNER/maimod/blob/main/docs"
"""Where the documentation is published; OWNER as in docs/ci.md. The action sets `MAIMOD_DOCS` to that of its own commit."""


class Certainty(StrEnum):
    """Certainty of a candidate without a measure."""

    CERTAIN = "certain"
    """Forbidden by the ranking criteria, or unplayable."""
    LIKELY = "likely"
    """Mostly an oversight."""
    GUIDELINE = "guideline"
    """Against a guideline, or a milder form of something forbidden."""
    POSSIBLE = "possible"
    """Possibly intended."""
    HARMLESS = "harmless"
    """Without effect for players."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Score of a measured quantity: logistic, within bounds."""

    middle: float
    """The measure at which the score is 0.5."""
    scale: float
    """Measure per unit of logit."""
    lowest: float = 0.0
    highest: float = 1.0
    """Bounds of the logistic part."""
    shift: float = 0.0
    """Added afterwards."""

    def __call__(self, measure: float) -> float:
        """Score in [0, 1]; -inf is "nothing measured"."""
        logistic = 1.0 / (1.0 + math.exp(-max(min((measure - self.middle) / self.scale, 30.0), -30.0)))
        if measure == -math.inf:
            logistic = 0.0
        return min(max(min(max(logistic, self.lowest), self.highest) + self.shift, 0.0), 1.0)


class Ramp(msgspec.Struct, frozen=True):
    """Score of a measured quantity: linear between two points, constant beyond them."""

    start: tuple[float, float]
    """(measure, score)."""
    end: tuple[float, float]

    def __call__(self, measure: float) -> float:
        """Score in [0, 1]."""
        (low, first), (high, last) = self.start, self.end
        return first + (last - first) * min(max((measure - low) / (high - low), 0.0), 1.0)


class Rule(msgspec.Struct, frozen=True, eq=False, dict=True):
    """One kind of mistake, with its complete description."""

    id: str
    """`category/name`, named after the flaw."""
    title: str
    severity: Severity
    """The highest severity that a finding of it can have."""
    tier: Tier
    evidence: tuple[str, ...]
    """Evidence it needs, of "model", "audio" and "map"."""
    why: str
    """Why it matters to players."""
    how: str
    """The measure and its reference."""
    ignore_when: str
    blind_spots: str
    source: str = ""
    """Link: ranking criteria or wiki."""
    advice: str = ""
    """What to check or to do: one short sentence or question, after the message of each finding."""
    modes: frozenset[Mode] = ALL_MODES
    criteria: tuple[str, ...] = ()
    """Keys of the limits that it applies, in :data:`maimod.rules.criteria.TABLE`."""
    curves: Mapping[str, Curve | Ramp] = msgspec.field(default_factory=dict)
    """Score of a candidate's measure, by the name of the curve that the candidate gives. Of a checkpoint with a
    calibration of its own, `calibration.json` replaces them."""
    corruptions: tuple[str, ...] = ()
    """Kinds of corruption of the discriminator that cover this mistake; empty if none does."""
    proposal: str = ""
    """Description of findings that only the discriminator makes; empty if there are none."""
    discriminator_logit: Callable[[CorruptionLogits, Candidate], float] | None = None
    """Log-odds of the discriminator for a candidate; None takes the highest of the rule's corruptions at the times of
    the candidate and its objects."""
    same_mistake: tuple[str, ...] = ()
    """Ids of exact rules that report the same mistake on the same object."""

    @cached_property
    def category(self) -> Category:
        """The part before the slash."""
        return Category(self.id.partition("/")[0])

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """Its description as (heading, text), in the order to read them; headings without a text are left out."""
        every = (
            ("Why it matters", self.why),
            ("How it is found", self.how),
            ("How only the proofreader finds it", self.proposal),
            ("What to check", self.advice),
            ("Ignore it when", self.ignore_when),
            ("Blind spots", self.blind_spots),
            ("Source", self.source),
        )
        return tuple((heading, " ".join(text.split())) for heading, text in every if text)

    @property
    def page(self) -> str:
        """Address of its section of docs/rules.md; `MAIMOD_DOCS` names another place of the documentation."""
        anchor = self.id.replace("/", "")  # GitHub and GitLab drop the slash of a heading
        return f"{os.environ.get('MAIMOD_DOCS', DOCS).rstrip('/')}/rules.md#{anchor}"


Words = str | Callable[[], str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Result of a check: a rule, a place, a measure, and words."""

    rule: Rule
    time: float
    """Ms in the map."""
    line: int
    """1-based line of the file."""
    words: Words
    """As :attr:`message`, or what makes it: most candidates of the networks are judged unlikely and never shown, and to
    compare a place with its copies takes longer than to propose it."""
    objects: tuple[HitObject, ...] = ()
    """Hit objects concerned; none for the whole map."""
    end_time: float | None = None
    """Ms, for findings about a section."""
    measure: float | None = None
    """Input of the rule's curve; None if `certainty` is used instead."""
    curve: str = ""
    """Name of the curve, of those that the rule declares."""
    certainty: Certainty = Certainty.CERTAIN
    """Used if there is no measure."""
    proposed: float | None = None
    """Log-odds of the discriminator if only it proposes this; None for a measure of a rule."""
    event: EventScore | None = None
    """The surprising event, for model evidence."""
    actual: str = ""
    """The value in the map."""
    expected: tuple[Expected, ...] = ()
    """Likelier values by the evidence, best first."""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    """Further numbers for the reader, by name."""
    against: Words = ""
    """What speaks against it, as in "another difficulty has the same"; empty if nothing does."""

    @property
    def message(self) -> str:
        """What is there and what it is compared with, with their numbers, in the words of the editor; the rule's advice follows."""
        words, against = _words(self.words), self.counterargument
        return f"{words.removesuffix('.')}, though {against}." if against else words

    @property
    def counterargument(self) -> str:
        """:attr:`against` in words."""
        return _words(self.against)


def _words(made: Words) -> str:
    return made if isinstance(made, str) else made()


def candidate(
    rule: Rule,
    *,
    time: float,
    line: int,
    message: Words,
    objects: Sequence[HitObject] = (),
    end_time: float | None = None,
    measure: float | None = None,
    curve: str = "",
    certainty: Certainty = Certainty.CERTAIN,
    proposed: float | None = None,
    event: EventScore | None = None,
    actual: str = "",
    expected: Sequence[Expected] = (),
    against: Words = "",
    **numbers: Any,
) -> Candidate:
    """Make a :class:`Candidate`; all other keywords become `numbers`."""
    return Candidate(
        rule,
        time=time,
        line=line,
        words=message,
        objects=tuple(objects),
        end_time=end_time,
        measure=measure,
        curve=curve,
        certainty=certainty,
        proposed=proposed,
        event=event,
        actual=actual,
        expected=tuple(expected),
        numbers=numbers,
        against=against,
    )
