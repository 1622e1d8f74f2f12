"""The part of a map before a place, for a model to go on from; families say which inputs a token has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from maimod.events.grammar import successors
from maimod.events.schema import ANCHORS, OBJECTS, TYPES, Event, EventKind
from maimod.events.vocabulary import Vocabulary
from maimod.families.inputs import WindowInputs
from maimod.osu.beatmap import Mode

_SLIDER_ENDS = frozenset({EventKind.LAST_ANCHOR, EventKind.SLIDER_END})


class Draft(msgspec.Struct, frozen=True):
    """A window up to a place of the map."""

    inputs: WindowInputs
    """Its last token is the last event before the place."""
    branch: Callable[[], Branch]
    """Makes an empty continuation."""
    end: float
    """Ms up to which the window hears the song."""


class Branch(ABC):
    """The events that a model has written after a draft."""

    def __init__(
        self, vocabulary: Vocabulary, mode: Mode, contexts: tuple[str, ...], before: Sequence[Event], time: float
    ) -> None:
        """Begin with nothing.

        Args:
            vocabulary: of the checkpoint.
            mode: of the map.
            contexts: those merged into the sequence, an entry of `vocabulary.schema.contexts`.
            before: the events of the sequence before the place.
            time: ms; that of the last of them, or where the sequence begins.
        """
        self.vocabulary = vocabulary
        self.events: list[Event] = []
        self.time = time
        """Ms of the last time event."""
        self._follow = successors(vocabulary.schema, mode, contexts)
        self._last = before[-1].kind if before else None
        self._group = before[-1].group if before else -1
        self._slider = next(
            (e.kind for e in reversed(before) if e.kind in _SLIDER_ENDS | {EventKind.SLIDER_HEAD}), None
        )
        """The last part of a slider."""

    def legal(self) -> np.ndarray:
        """(V,) which tokens can follow."""
        follow = self._follow
        kinds = follow.get(self._last, follow[None])
        mask = np.zeros(self.vocabulary.size_out, dtype=bool)
        mask[self.vocabulary.ids(kinds - self._misplaced())] = True
        return mask & self._possible()

    def append(self, token: int) -> dict[str, np.ndarray]:
        """Add a token and return its inputs, by the names of the window's."""
        kind, value = self.vocabulary.decode(token)
        assert kind is not None
        begins = kind in TYPES if self.vocabulary.schema.type_first else self._last is None or self._last in TYPES
        if begins:
            self._group += 1
            self._begin_group(kind)
        if kind is EventKind.TIME:
            self.time = value = round(self.time_of(value))
        self.events.append(Event(kind, value, round(self.time), self._group, None))
        self._last = kind
        if kind in _SLIDER_ENDS | {EventKind.SLIDER_HEAD}:
            self._slider = kind
        return self._row(token)

    def _misplaced(self) -> frozenset[EventKind]:
        """Types that do not fit what is open: a slider's parts follow its head, and nothing comes between."""
        if self._slider is EventKind.SLIDER_HEAD:
            return OBJECTS - ANCHORS - {EventKind.LAST_ANCHOR}
        if self._slider is EventKind.LAST_ANCHOR:
            return (
                OBJECTS - _SLIDER_ENDS
                if self.vocabulary.schema.slider_version == 2
                else OBJECTS - {EventKind.SLIDER_END}
            )
        return ANCHORS | _SLIDER_ENDS

    def _begin_group(self, kind: EventKind) -> None:
        """Note that a group begins with an event of a kind."""
        return

    @abstractmethod
    def _possible(self) -> np.ndarray:
        """(V,) False for the time tokens that would go back."""

    @abstractmethod
    def time_of(self, value: int) -> float:
        """Ms that the value of a time token stands for."""

    @abstractmethod
    def _row(self, token: int) -> dict[str, np.ndarray]:
        """Inputs of the token that was just added."""
