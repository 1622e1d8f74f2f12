"""The evidence about one map and about a set: what is known of it when its rules run, and what is computed from that once for all of
them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from maimod.audio.onsets import Alignment, OnsetEnvelope
from maimod.audio.spectrogram import Bands
from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventKind, EventSchema, EventScore
from maimod.features import slip_model
from maimod.features.copies.passages import Passages
from maimod.features.copies.usual_objects import usual_objects
from maimod.features.habits import starts as start_habits
from maimod.features.measures.alternatives import MeasureAlternatives
from maimod.features.sliders import alternatives as slider_alternatives
from maimod.features.sliders import forms as slider_forms
from maimod.features.slip_model import SlipModel, Slips
from maimod.osu.beatmap import PLAYFIELD_MODES, Beatmap, HitObject, Mode
from maimod.osu.level import Level
from maimod.osu.mapset import Mapset
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.rhythm_index import RhythmIndex, lag_of

LEAST_PROPOSED_LOGIT = -8.0
"""Smallest log-odds of the discriminator for a proposal. Such places are far from being reported on this evidence alone;
the judge knows more about them."""


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

    def likeliest_of_chord(self, note: HitObject) -> HitObject:
        """The note of mania that starts with `note` and is likeliest in a wrong column, as of the candidates of slips; `note` itself
        without the model and in other modes. All rules name this note, so that their findings about a chord are one mistake."""
        slips = self.slips
        if slips is None or slips.mania is None or self.beatmap.mode is not Mode.MANIA:
            return note
        row_of = slips.mania.row_of
        row = row_of[np.searchsorted(self.object_times, note.time)]
        first, last = np.searchsorted(row_of, [row, row + 1]).tolist()
        return self.objects_by_time[first + int(slips.positions[first:last].argmax())]

    @cached_property
    def slider_alternatives(self) -> np.ndarray:
        """(n_objects, len(slider_alternatives.NAMES)) in order of time; zeros in modes without sliders."""
        return slider_alternatives.features(self.passages, self.objects_by_time)

    @cached_property
    def _form_features(self) -> np.ndarray | None:
        """(n_objects, len(slider_forms.NAMES)) in order of time; None without the model, in other modes and in maps with few objects."""
        objects = self.objects_by_time
        if self.slip_model is None or self.beatmap.mode not in PLAYFIELD_MODES or not slider_forms.can_measure(objects):
            return None
        return slider_forms.measure(self.passages, objects, self.slider_alternatives)

    @cached_property
    def forms(self) -> np.ndarray | None:
        """(n_objects,) log-odds that objects of osu! or catch have a wrong form, in order of time; None without the model, in other modes and
        in maps with few objects."""
        model = self.slip_model
        if model is None or model.forms is None or self._form_features is None:
            return None
        return slip_model.log_odds(model.forms, self._form_features, slider_forms.NAMES)

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
        lag = lag_of(self.alignment)
        return RhythmIndex(self.beatmap, self.objects_by_time, self.scores or (), self.envelope, lag)

    @cached_property
    def usual_objects(self) -> frozenset[int]:
        """Indices of its objects that are as in most of the similar measures."""
        return usual_objects(self.passages, self.beatmap.hit_objects)

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
