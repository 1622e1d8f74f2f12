"""Rules, their declarations, and checks: pure functions from :class:`Evidence` to candidates.

A :class:`BeatmapCheck` covers one difficulty, a :class:`MapsetCheck` a whole set. Neither contains scores, severities
or thresholds: a :class:`Candidate` holds a measure, which :mod:`maimod.linter.rescore` turns into a score. No torch
here.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from maimod.audio.onsets import Alignment, OnsetEnvelope
from maimod.audio.spectrogram import Bands
from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventKind, EventSchema, EventScore
from maimod.features import form_measures, slider_alternatives, slip_model, start_habits
from maimod.features.measure_alternatives import MeasureAlternatives
from maimod.features.passages import Passages
from maimod.features.slip_model import SlipModel, Slips
from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import ALL_MODES, PLAYFIELD_MODES, Beatmap, HitObject, Mode
from maimod.osu.level import Level
from maimod.osu.mapset import Mapset
from maimod.rules import elsewhere
from maimod.rules.rhythm_index import RhythmIndex, lag_of

DOCS = "https://github.com/OWNER/maimod/blob/main/docs"
"""Where the documentation is published; OWNER as in docs/ci.md. The action sets `MAIMOD_DOCS` to that of its own commit."""
LEAST_PROPOSED_LOGIT = -8.0
"""Smallest log-odds of the discriminator for a proposal. Such places are far from being reported on this evidence alone;
the judge knows more about them."""


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


@dataclass(frozen=True)
class Evidence:
    """The evidence about one map; missing parts are None."""

    beatmap: Beatmap
    scores: tuple[EventScore, ...] | None = None
    """Of every event of the map, in order; None without a model."""
    envelope: OnsetEnvelope | None = None
    """Onset strength of the song; None without audio."""
    alignment: Alignment | None = None
    """Alignment of the song's onsets with the hit objects; None without audio."""
    level: Level | None = None
    """Level of the difficulty; rules that depend on it find nothing if it is None."""
    mapset: Mapset | None = None
    """The set it belongs to; None for a map alone."""
    corruption: CorruptionLogits | None = None
    """Output of the discriminator; None without it."""
    schema: EventSchema | None = None
    """Event schema of the scores; None without a model."""
    level_guessed: bool = False
    """Whether the level is a guess by stars and settings, not from the name of the difficulty or the user."""
    slip_model: SlipModel | None = None
    """Model of slips; None if it is missing."""
    reported: frozenset[Path] = frozenset()
    """Paths of the difficulties of the set that get a report; empty means all of them."""
    bands: Bands | None = None
    """Onsets and loudness of the song by frequency; None without audio or discriminator, which needs them first."""

    @cached_property
    def scores_by_object(self) -> dict[int, list[EventScore]]:
        """Event scores of each hit object, by its index, in event order."""
        grouped: dict[int, list[EventScore]] = {}
        for score in self.scores or ():
            if isinstance(score.event.source, HitObject):
                grouped.setdefault(score.event.source.index, []).append(score)
        return grouped

    @cached_property
    def objects_by_time(self) -> tuple[HitObject, ...]:
        """Hit objects sorted by time; a file may have another order."""
        return tuple(sorted(self.beatmap.hit_objects, key=lambda o: (o.time, o.index)))

    @cached_property
    def object_times(self) -> np.ndarray:
        """(n_objects,) start times in ms, ascending."""
        return np.array([o.time for o in self.objects_by_time])

    @cached_property
    def object_end_times(self) -> np.ndarray:
        """(n_objects,) end times in ms, in the order of `object_times`."""
        return np.array([o.end_time for o in self.objects_by_time])

    @cached_property
    def slips(self) -> Slips | None:
        """Log-odds that objects slipped; None without the model, in other modes and in maps with few objects."""
        if self.slip_model is None:
            return None
        passages = self.passages if self.beatmap.mode is Mode.CATCH else None
        return slip_model.find(self.slip_model, self.beatmap, self.objects_by_time, passages)

    @cached_property
    def slider_alternatives(self) -> np.ndarray:
        """(n_objects, len(slider_alternatives.NAMES)) in order of time; zeros in modes without sliders."""
        return slider_alternatives.features(self.passages, self.objects_by_time)

    @cached_property
    def _form_features(self) -> np.ndarray | None:
        """(n_objects, len(form_measures.NAMES)) in order of time; None without the model, in other modes and in maps with few objects."""
        objects = self.objects_by_time
        if (
            self.slip_model is None
            or self.beatmap.mode not in PLAYFIELD_MODES
            or not form_measures.can_measure(objects)
        ):
            return None
        return form_measures.measure(self.passages, objects, self.slider_alternatives)

    @cached_property
    def forms(self) -> np.ndarray | None:
        """(n_objects,) log-odds that objects of osu! or catch have a wrong form, in order of time; None without the model, in other modes and
        in maps with few objects."""
        model = self.slip_model
        if model is None or model.forms is None or self._form_features is None:
            return None
        return slip_model.log_odds(model.forms, self._form_features, form_measures.NAMES)

    @cached_property
    def slips_in_sequence(self) -> Mapping[str, np.ndarray]:
        """(n_objects,) log-odds by the networks, as :func:`maimod.features.slip_model.in_sequence`, and `form`; without what there is not."""
        model = self.slip_model
        if model is None or self.slips is None:
            return {}
        found = slip_model.in_sequence(model, self.slips, self.objects_by_time)
        if self._form_features is not None:
            key = "catch forms" if self.beatmap.mode is Mode.CATCH else "forms"
            found["form"] = slip_model.logits(model, key, self._form_features)[:, 0]
        return found

    @cached_property
    def object_of_slot(self) -> dict[int, HitObject]:
        """First object of each slot of the discriminator's grid; empty without it."""
        if self.corruption is None:
            return {}
        slots, _ = self.corruption.grid.locate([o.time for o in self.objects_by_time])
        found: dict[int, HitObject] = {}
        for o, slot in zip(self.objects_by_time, slots.tolist(), strict=True):
            found.setdefault(slot, o)
        return found

    def doubted_objects(
        self, corruption: CorruptionLogits, kind: str, least: float = LEAST_PROPOSED_LOGIT
    ) -> Iterator[tuple[HitObject, float]]:
        """Objects at which the discriminator gives at least so much to a kind of corruption, with its log-odds."""
        for slot, logit in corruption.peaks(kind, least, apart=0):
            o = self.object_of_slot.get(slot)
            if o is not None:
                yield o, logit

    @cached_property
    def others(self) -> tuple[Beatmap, ...]:
        """The other difficulties of its set, of all modes; none for a map alone."""
        return tuple(one for one in (self.mapset.beatmaps if self.mapset else ()) if one.path != self.beatmap.path)

    @cached_property
    def passages(self) -> Passages:
        """The copies of its measures, in the map and in the other difficulties."""
        return Passages(self.beatmap, self.envelope, lag_of(self.alignment), self.others)

    @cached_property
    def measures(self) -> MeasureAlternatives:
        """What its measures would gain with other contents."""
        positions = self.slips.measures if self.slips else None
        return MeasureAlternatives(self.passages, self.objects_by_time, positions)

    @cached_property
    def start_habits(self) -> np.ndarray:
        """(n_objects, len(start_habits.NAMES)) by time: what the starts around say of additions and new combos."""
        others = [one for one in self.others if one.mode is self.beatmap.mode and len(one.hit_objects) > 1]
        lag = lag_of(self.alignment)
        return start_habits.features(self.beatmap, self.objects_by_time, self.bands, self.envelope, lag, others)

    @cached_property
    def rhythm(self) -> RhythmIndex:
        """The starts, repeats and ends of its objects, and what the model expected there."""
        return RhythmIndex(self)

    @cached_property
    def usual_objects(self) -> frozenset[int]:
        """Indices of its objects that are as in most of the similar measures."""
        return elsewhere.usual_objects(self)

    def forget(self) -> None:
        """Let go of all that was computed from it. Much of that refers back to the evidence, so both would stay in memory
        until Python looks for cycles."""
        for name in vars(self).keys() - self.__dataclass_fields__.keys():
            del vars(self)[name]

    def for_level(self, certainty: Certainty) -> Certainty:
        """Certainty of what is wrong only at this level: one less where neither name nor user states the level."""
        if not self.level_guessed:
            return certainty
        return Certainty.GUIDELINE if certainty is Certainty.CERTAIN else Certainty.POSSIBLE

    @cached_property
    def is_lowest(self) -> bool:
        """Whether no difficulty of the set with this mode, and in mania this number of keys, is easier by its stars;
        False if that is unknown."""
        own, whole = self.beatmap, self.mapset
        stars = None if whole is None else whole.stars.get(own.path)
        if whole is None or stars is None:
            return False
        peers = [
            one
            for one in whole.beatmaps
            if one.mode is own.mode and (one.mode is not Mode.MANIA or one.keys == own.keys)
        ]
        return all((other := whole.stars[one.path]) is None or other >= stars for one in peers)

    def of_kind(self, *kinds: EventKind) -> Iterator[EventScore]:
        """Scores of events of these kinds, in order."""
        return (score for score in self.scores or () if score.event.kind in kinds)


Placed = tuple[Beatmap, Candidate]
"""A candidate of a whole set with the difficulty in whose report it goes."""


class MapsetEvidence(msgspec.Struct, frozen=True):
    """The evidence about a mapset."""

    mapset: Mapset
    of_beatmaps: Sequence[Evidence]
    """One for each difficulty to play, in the order of the set; without model and song."""
    reported: frozenset[Path] = frozenset()
    """Paths of the difficulties that get a report; empty means all of them."""

    @property
    def beatmaps(self) -> tuple[Beatmap, ...]:
        """The difficulties to play."""
        return self.mapset.beatmaps

    def candidate(
        self,
        rule: Rule,
        concerned: Beatmap | Sequence[Beatmap],
        *,
        message: str,
        line: int = 1,
        time: float | None = None,
        **details: Any,
    ) -> Iterator[Placed]:
        """Make a candidate, unless it concerns no difficulty that gets a report.

        Args:
            rule: rule of the candidate.
            concerned: the difficulty it is about, or several; then the first of them that gets a report gets it.
            message: one sentence about the map or the set.
            line: 1-based line of the file of the difficulty that gets it; of the first in `concerned`, if several.
            time: ms; None is the first object.
            details: as for :func:`candidate`.

        Yields:
            The candidate with its difficulty, or nothing.
        """
        beatmaps = (concerned,) if isinstance(concerned, Beatmap) else tuple(concerned)
        home = next((beatmap for beatmap in beatmaps if not self.reported or beatmap.path in self.reported), None)
        if home is None:
            return
        if len(beatmaps) > 1:
            details["difficulties"] = [beatmap.version for beatmap in beatmaps]
        first = min(o.time for o in home.hit_objects)
        yield home, candidate(rule, time=first if time is None else time, line=line, message=message, **details)
