"""What a detector is: declared rules first, then one pure function from a Context to findings. No torch here.

A :class:`BeatmapCheck` looks at one difficulty, a :class:`MapsetCheck` at all of a set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from maimod.audio.onsets import Alignment, OnsetEnvelope
from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventKind, EventSchema, EventScore
from maimod.findings import Category, Expected, Finding, Severity, editor_timestamp
from maimod.osu.beatmap import Beatmap, HitObject, Mode
from maimod.osu.level import Level
from maimod.osu.mapset import Mapset
from maimod.rules.calibration import Calibration

ALL_MODES = frozenset(Mode)


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of mistake: everything a reader may ask about it, declared before any logic runs."""

    id: str
    """`category/name`, named after the flaw."""
    title: str
    severity: Severity
    """The highest severity a finding of it can have; its score decides how much of that it gets."""
    evidence: tuple[str, ...]
    """Of "model", "audio" and "map", what it needs."""
    why: str
    """Why it matters to players."""
    how: str
    """What is measured, against what."""
    ignore_when: str
    blind_spots: str
    source: str = ""
    """Link: ranking criteria or wiki."""
    modes: frozenset[Mode] = ALL_MODES

    @property
    def category(self) -> Category:
        """The part before the slash."""
        return Category(self.id.partition("/")[0])


@dataclass(frozen=True, slots=True)
class BeatmapCheck:
    """Rules of one category about single difficulties, and the function that applies them."""

    category: Category
    title: str
    rules: tuple[Rule, ...]
    run: Callable[[Context], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class MapsetCheck:
    """Rules about a whole set, and the function that applies them."""

    title: str
    rules: tuple[Rule, ...]
    run: Callable[[MapsetContext], Iterator[Placed]]
    category: Category = Category.MAPSET


@dataclass(frozen=True)
class Context:
    """Everything known of one map when the detectors run; what is missing is None."""

    beatmap: Beatmap
    scores: tuple[EventScore, ...] | None = None
    """Of every event of the map, in order; None without a model."""
    envelope: OnsetEnvelope | None = None
    """Onset strength of the song; None without audio."""
    alignment: Alignment | None = None
    """How the song's onsets lie against the hit objects; None without audio."""
    calibration: Calibration = field(default_factory=Calibration)
    level: Level | None = None
    """How hard the difficulty is meant to be; None if that is unknown, and then no rule that depends on it speaks."""
    mapset: Mapset | None = None
    """The set it belongs to; None if it is looked at alone."""
    corruption: CorruptionLogits | None = None
    """What the proofreader thinks was changed; None without a model."""
    schema: EventSchema | None = None
    """Of the events of `scores`; None without a model."""

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
        """Hit objects in order of time (files need not be)."""
        return tuple(sorted(self.beatmap.hit_objects, key=lambda o: (o.time, o.index)))

    @cached_property
    def object_times(self) -> np.ndarray:
        """(n_objects,) start times in ms, ascending."""
        return np.array([o.time for o in self.objects_by_time])

    def of_kind(self, *kinds: EventKind) -> Iterator[EventScore]:
        """Scores of events of these kinds, in order."""
        return (score for score in self.scores or () if score.event.kind in kinds)

    def finding(
        self,
        rule: Rule,
        *,
        time: float,
        message: str,
        score: float,
        line: int,
        objects: Sequence[HitObject] = (),
        end_time: float | None = None,
        event: EventScore | None = None,
        actual: str = "",
        expected: Sequence[Expected] = (),
        **evidence: Any,
    ) -> Finding:
        """Make a finding of `rule`; severity follows from rule and score.

        Args:
            rule: what was found.
            time: ms in the map.
            message: one sentence about the map, not about tokens.
            score: calibrated, 0 to 1.
            line: 1-based line of the file.
            objects: hit objects concerned; none for the whole map.
            end_time: ms, for findings about a stretch.
            event: the surprising event, for model evidence.
            actual: what the map has.
            expected: what the evidence finds likelier, best first.
            evidence: numbers by name.
        """
        return Finding(
            rule=rule.id,
            category=rule.category,
            severity=self.calibration.severity(rule.severity, score),
            score=round(min(max(score, 0.0), 1.0), 4),
            message=message,
            time=time,
            timestamp=editor_timestamp(self.beatmap, time, objects),
            line=line,
            objects=tuple(o.index for o in objects),
            end_time=end_time,
            surprisal=None if event is None else round(event.surprisal, 2),
            entropy=None if event is None else round(event.entropy, 2),
            actual=actual,
            expected=tuple(expected),
            evidence=evidence,
        )


Placed = tuple[Beatmap, Finding]
"""A finding of a whole set with the difficulty in whose report it goes."""


@dataclass(frozen=True)
class MapsetContext:
    """Everything known of a mapset when the detectors for mapsets run."""

    mapset: Mapset
    contexts: Sequence[Context]
    """One for each beatmap of the set, in its order; without model and song."""
    reported: frozenset[Path] = frozenset()
    """Paths of the difficulties that get a report; empty means all of them."""

    @property
    def beatmaps(self) -> tuple[Beatmap, ...]:
        """The difficulties."""
        return self.mapset.beatmaps

    def finding(
        self,
        rule: Rule,
        concerned: Beatmap | Sequence[Beatmap],
        *,
        message: str,
        score: float,
        line: int = 1,
        time: float | None = None,
        **details: Any,
    ) -> Iterator[Placed]:
        """Make a finding of `rule`, unless it concerns no difficulty that gets a report.

        Args:
            rule: what was found.
            concerned: the difficulty it is about, or several: then the first of them that gets a report gets it, once
                for all.
            message: one sentence about the map or the set.
            score: 0 to 1.
            line: 1-based line of the file of the difficulty that gets it; of the first in `concerned`, if several.
            time: ms; None is the first object.
            details: as for :meth:`Context.finding`.

        Yields:
            The finding with its difficulty, or nothing.
        """
        beatmaps = (concerned,) if isinstance(concerned, Beatmap) else tuple(concerned)
        home = next((beatmap for beatmap in beatmaps if not self.reported or beatmap.path in self.reported), None)
        if home is None:
            return
        if len(beatmaps) > 1:
            details["difficulties"] = [beatmap.version for beatmap in beatmaps]
        context = next(context for context in self.contexts if context.beatmap is home)
        first = context.objects_by_time[0].time if time is None else time
        yield home, context.finding(rule, time=first, message=message, score=score, line=line, **details)
