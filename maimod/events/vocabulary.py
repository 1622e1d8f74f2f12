"""Vocabulary of a checkpoint: events to token ids and back, and the class tokens that describe the map.

The ids come from the checkpoint's `tokenizer.json`. The file has the layout of the Mapperatorinator family
(docs/compat.md §1.4; `offset`, `event_ranges`, `input_event_ranges`: lists of type, min_value, max_value in id order;
ids of contexts; the mappers and descriptors it knows), plus, in checkpoints of ours, a `maimod` object:

- `language`: the :class:`~maimod.events.schema.EventSchema`;
- `time`: `{"unit": "ms", "step": 10}` for times since the window's start, or `{"unit": "tick"}` for ticks since the
  previous time;
- `steps`: type -> how many units of the event's value share one id.

Files without that object do not name their event schema: the model family does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from maimod.errors import CheckpointError, UsageError, short
from maimod.events.schema import EventKind, EventSchema
from maimod.osu.beatmap import PLAYFIELD_MODES, SCROLLING_MODES, Beatmap, Mode, ObjectKind

MAX_TOKENS = 1_000_000
"""Most ids of a vocabulary; the published ones have up to 11,000."""
PAD, SOS = 0, 1
FIRST_FREE_ID = 3
"""Ids 0 to 2 are padding, start and end of sequence; the end is never written."""


class Range(msgspec.Struct, frozen=True):
    """Consecutive ids of one kind of event."""

    kind: EventKind
    low: int
    high: int
    first_id: int
    step: int = 1

    @property
    def size(self) -> int:
        """Number of ids."""
        return (self.high - self.low) // self.step + 1


class Conditioning(msgspec.Struct, frozen=True):
    """Facts about a map, beside its events, that a model can be conditioned on; None where not known."""

    stars: float | None = None
    """Star rating."""
    mapper_id: int | None = None
    """User id of the mapper."""
    year: int | None = None
    """In which the map was made."""
    descriptors: tuple[str, ...] = ()
    """Style of the map, in the checkpoint's words ("streams", "style/geometric")."""
    song_ms: float = 0.0
    """Length of the song."""


Id = Annotated[int, msgspec.Meta(ge=0, lt=MAX_TOKENS)]


class _Range(msgspec.Struct):
    """An entry of `event_ranges`."""

    type: EventKind
    min_value: Annotated[int, msgspec.Meta(ge=-MAX_TOKENS, le=MAX_TOKENS)]
    max_value: Annotated[int, msgspec.Meta(ge=-MAX_TOKENS, le=MAX_TOKENS)]


class _Time(msgspec.Struct):
    unit: Literal["ms", "tick"] = "ms"
    step: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1


class _Own(msgspec.Struct):
    """The `maimod` object."""

    time: _Time = msgspec.field(default_factory=lambda: _Time("ms", 10))
    steps: dict[EventKind, Annotated[int, msgspec.Meta(ge=1, le=MAX_TOKENS)]] = {}


class _Tokenizer(msgspec.Struct):
    """What is read of `tokenizer.json`; other keys are ignored."""

    event_ranges: list[_Range]
    input_event_ranges: list[_Range]
    offset: Id = FIRST_FREE_ID
    event_start: dict[str, int] = {}
    vocab_size_out: int | None = None
    context_sos: dict[str, Id] = {}
    context_eos: dict[str, Id] = {}
    mapper_idx: dict[int, int] = {}
    descriptor_idx: dict[str, int] = {}
    beatmap_mapper: dict[int, int] = {}
    beatmap_descriptors: dict[int, tuple[int, ...]] = {}
    maimod: _Own = msgspec.field(default_factory=_Own)


_OWN_OBJECT = {
    Mode.OSU: EventKind.SLIDER_HEAD,
    Mode.CATCH: EventKind.SLIDER_HEAD,
    Mode.TAIKO: EventKind.DRUMROLL,
    Mode.MANIA: EventKind.HOLD_NOTE,
}
"""A kind of event that only vocabularies for the mode have ids for."""


class Vocabulary:
    """Ids of one checkpoint."""

    def __init__(
        self,
        data: Mapping[str, Any],
        schema: EventSchema,
        modes: Collection[Mode] = tuple(Mode),
        unwritten: Collection[EventKind] = (),
    ) -> None:
        """Build from the parsed `tokenizer.json`.

        Args:
            data: the file.
            schema: of the events that the checkpoint learned.
            modes: game modes that it learned, as far as its ids cover them.
            unwritten: class tokens that prompts leave out although they have ids.

        Raises:
            CheckpointError: if it lacks something, holds values of wrong types, or contradicts itself.
        """
        self.schema, self._unwritten = schema, frozenset(unwritten)
        try:
            read = msgspec.convert(dict(data), _Tokenizer, str_keys=True)
            self.ranges = _ranges([*read.event_ranges, *read.input_event_ranges], read.offset, read.maimod.steps)
            self.size_in = read.offset + sum(span.size for span in self.ranges.values())
            self.size_out = self.size_in - sum(self.ranges[entry.type].size for entry in read.input_event_ranges)
            _check_ids(read, self.ranges, self.size_in, self.size_out)
        except ValueError as error:
            raise CheckpointError(f"tokenizer.json cannot be used ({short(error, 160)})") from None
        self.context_start, self.context_end = read.context_sos, read.context_eos
        self.mapper_index, self.descriptor_index = read.mapper_idx, read.descriptor_idx
        self._mapper_of_map, self._descriptors_of_map = read.beatmap_mapper, read.beatmap_descriptors
        self.ticks_for_time: bool = read.maimod.time.unit == "tick"
        """Whether times count ticks since the time before, instead of ms since the start of the window."""
        self.time_step: int = read.maimod.time.step
        """Ms, or ticks, per id of a time."""
        self.kinds: list[EventKind | None] = [None] * self.size_in
        for span in self.ranges.values():
            self.kinds[span.first_id : span.first_id + span.size] = [span.kind] * span.size
        self.modes = frozenset(mode for mode in modes if _OWN_OBJECT[mode] in self.ranges)
        """Game modes whose objects it has ids for, of those that the checkpoint learned."""

    def __contains__(self, kind: EventKind) -> bool:
        return kind in self.ranges

    def encode(self, kind: EventKind, value: int) -> int:
        """Token id of an event's value, which is clipped to the range. Times: :meth:`encode_times`."""
        span = self.ranges[kind]
        return span.first_id + (min(max(value, span.low), span.high) - span.low) // span.step

    def encode_times(self, values: np.ndarray) -> np.ndarray:
        """Ids of time events from their values (n,), clipped to the range: ticks since the previous time event if
        :attr:`ticks_for_time`, else steps of :attr:`time_step` ms since the start of the window."""
        span = self.ranges[EventKind.TIME]
        return np.clip(values, span.low, span.high) + span.first_id

    def decode(self, token: int) -> tuple[EventKind | None, int]:
        """Kind and value (the middle of those that share the id) of a token; (None, id) for control tokens."""
        kind = self.kinds[token]
        if kind is None:
            return None, token
        span = self.ranges[kind]
        return kind, min(span.low + (token - span.first_id) * span.step + (span.step - 1) // 2, span.high)

    def ids(self, kinds: Iterable[EventKind]) -> np.ndarray:
        """Sorted output ids of the given kinds; kinds that the vocabulary lacks are skipped."""
        spans = [self.ranges[kind] for kind in kinds if kind in self.ranges]
        parts = [np.arange(span.first_id, span.first_id + span.size) for span in spans if span.first_id < self.size_out]
        return np.sort(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.int64)

    def prompt(self, beatmap: Beatmap, conditioning: Conditioning, scroll_speed_ratio: float = 0.0) -> list[int]:
        """Class tokens that describe the map to the decoder (docs/compat.md §7; kinds the vocabulary lacks are left
        out).

        Raises:
            UsageError: if the facts name something this checkpoint does not know.
        """
        if conditioning.year is not None and (EventKind.YEAR not in self.ranges or EventKind.YEAR in self._unwritten):
            raise UsageError(f"year={conditioning.year}: this checkpoint does not take a year; leave it out")
        return [
            self.encode(kind, value)
            for kind, value in self._class_values(beatmap, conditioning, scroll_speed_ratio)
            if kind in self.ranges and kind not in self._unwritten
        ]

    def without(self, tokens: np.ndarray, kinds: Collection[EventKind]) -> np.ndarray:
        """Tokens with the class tokens of `kinds` replaced by the last id of their range, which stands for "unknown"
        (docs/compat.md §2.7)."""
        tokens = tokens.copy()
        for kind in kinds:
            if kind in self.ranges:
                span = self.ranges[kind]
                last = span.first_id + span.size - 1
                tokens[(tokens >= span.first_id) & (tokens <= last)] = last
        return tokens

    def _class_values(
        self, beatmap: Beatmap, conditioning: Conditioning, scroll_speed_ratio: float
    ) -> list[tuple[EventKind, int]]:
        """Class tokens in prompt order; values by docs/compat.md §2.7, where the highest of a range stands for
        "unknown"."""
        mode, settings, objects = beatmap.mode, beatmap.difficulty, beatmap.hit_objects
        unknown = {kind: span.high for kind, span in self.ranges.items()}
        mapper, descriptors = self.mapper(conditioning), self.descriptors(conditioning)
        values = [
            (EventKind.GAMEMODE, int(mode)),
            (
                EventKind.DIFFICULTY,
                24 if conditioning.stars is None else min(max(int(conditioning.stars * 24 / 12), 0), 23),
            ),
            (EventKind.MAPPER, unknown.get(EventKind.MAPPER, 0) if mapper is None else mapper),
            (EventKind.YEAR, unknown.get(EventKind.YEAR, 0) if conditioning.year is None else conditioning.year),
            (EventKind.HITSOUNDED, int(any(o.hitsound for o in objects))),
            (EventKind.SONG_LENGTH, min(int(conditioning.song_ms // 10_000), 60)),
        ]
        if mode in PLAYFIELD_MODES:
            values += [
                (EventKind.GLOBAL_SV, round(min(max(settings.slider_multiplier, 0.4), 3.6) * 100)),
                (EventKind.CS, min(max(int(settings.circle_size * 20 / 10), 0), 20)),
            ]
        if mode is Mode.MANIA:
            holds = sum(o.kind is ObjectKind.HOLD for o in objects) / max(len(objects), 1)
            values += [(EventKind.KEYCOUNT, beatmap.keys), (EventKind.HOLD_NOTE_RATIO, _tenths(holds))]
        if mode in SCROLLING_MODES:
            values.append((EventKind.SCROLL_SPEED_RATIO, _tenths(scroll_speed_ratio)))
        return values + [
            (EventKind.DESCRIPTOR, index) for index in descriptors or (unknown.get(EventKind.DESCRIPTOR, 0),)
        ]

    def with_known_facts(self, beatmap: Beatmap, conditioning: Conditioning) -> Conditioning:
        """`conditioning`, with the mapper and the descriptors that the checkpoint lists for the map, where they are not
        given."""
        text = beatmap.metadata.get("BeatmapID", "")
        number = int(text) if text.isdecimal() and len(text) <= 18 else -1
        mapper = self._mapper_of_map.get(number)
        if conditioning.mapper_id is None and mapper in self.mapper_index:
            conditioning = msgspec.structs.replace(conditioning, mapper_id=mapper)
        known = self._descriptors_of_map.get(number, ())
        if known and not conditioning.descriptors:
            names = {index: name for name, index in self.descriptor_index.items()}
            conditioning = msgspec.structs.replace(
                conditioning, descriptors=tuple(names[index] for index in known if index in names)
            )
        return conditioning

    def mapper(self, conditioning: Conditioning) -> int | None:
        """The checkpoint's index of the mapper, None if not given.

        Raises:
            UsageError: if the mapper is not known.
        """
        if conditioning.mapper_id is None:
            return None
        if not self.mapper_index:
            raise UsageError(f"mapper_id={conditioning.mapper_id}: this checkpoint knows no mappers; leave it out")
        if conditioning.mapper_id not in self.mapper_index:
            raise UsageError(
                f"mapper_id={conditioning.mapper_id}: not among the {len(self.mapper_index):,} mappers that this checkpoint "
                "knows; leave it out"
            )
        return self.mapper_index[conditioning.mapper_id]

    def descriptors(self, conditioning: Conditioning) -> list[int]:
        """The checkpoint's indices of the descriptors.

        Raises:
            UsageError: if one is not known.
        """
        if conditioning.descriptors and not self.descriptor_index:
            raise UsageError(
                f"descriptors={conditioning.descriptors[0]}: this checkpoint knows no descriptors; leave it out"
            )
        for name in conditioning.descriptors:
            if name not in self.descriptor_index:
                close = get_close_matches(name, self.descriptor_index, 3, 0.5)
                hint = f"did you mean {', '.join(close)}?" if close else "see maimod model info"
                raise UsageError(f"descriptors={name}: this checkpoint does not know it; {hint}")
        return [self.descriptor_index[name] for name in conditioning.descriptors]


def _ranges(entries: Iterable[_Range], first_id: int, steps: Mapping[EventKind, int]) -> dict[EventKind, Range]:
    """Give each entry of the file its ids, one after the other.

    Raises:
        ValueError: if one is empty, or if there are two of a kind.
    """
    ranges: dict[EventKind, Range] = {}
    for entry in entries:
        if entry.max_value < entry.min_value or entry.type in ranges:
            raise ValueError(f"the range of {entry.type.value} is empty, or there are two")
        span = Range(entry.type, entry.min_value, entry.max_value, first_id, steps.get(entry.type, 1))
        ranges[entry.type] = span
        first_id += span.size
    return ranges


def _check_ids(file: _Tokenizer, ranges: Mapping[EventKind, Range], size_in: int, size_out: int) -> None:
    """Compare the ids that a file states with those of its ranges.

    Raises:
        ValueError: if they differ, or are too many.
    """
    most = min(size_in, MAX_TOKENS)
    if max([size_in - 1, *file.context_sos.values(), *file.context_eos.values()]) >= most:
        raise ValueError(f"ids beyond its {most:,} tokens")
    wrong = [kind for kind, span in ranges.items() if file.event_start.get(kind.value, span.first_id) != span.first_id]
    if wrong or (file.vocab_size_out is not None and file.vocab_size_out != size_out):
        raise ValueError(f"its ids contradict its ranges{f' from {wrong[0].value} on' if wrong else ''}")


def _tenths(ratio: float) -> int:
    """-1 for none, 11 for all, else tenths (docs/compat.md §2.7)."""
    return -1 if ratio <= 0 else 11 if ratio >= 1 else round(10 * ratio)
