"""Encode a map and its song for the published checkpoints: contexts, windows, prompts, conditioning.

The original runs windows that overlap by 90 % and scores a tenth of each. `exact` does the same and gives the
original's numbers; otherwise a window scores two thirds of itself (:data:`maimod.families.windows.HOP`), which takes
six times fewer tokens. docs/compatibility.md says where the two differ.
Source: docs/compat.md §4 to §7.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from maimod.errors import BeatmapError
from maimod.events.schema import Event, EventKind
from maimod.events.vocabulary import SOS, Conditioning, Vocabulary
from maimod.events.writer import from_beatmap, scroll_speed_ratio
from maimod.families import windows
from maimod.families.draft import Branch, Draft
from maimod.families.family import EncodedMap, Excerpt
from maimod.families.inputs import TrainingWindow, WindowInputs, next_tokens
from maimod.families.mapperatorinator.config import WhisperConfig
from maimod.families.mapperatorinator.versions import Version
from maimod.families.windows import Window
from maimod.osu.beatmap import Beatmap, Mode

UNKNOWN_STARS = 5.0
"""Difficulty in the conditioning vector if the star rating is unknown."""
NO_SPEED = 100
"""Scroll speed, in hundredths, before the first change."""
MOST_STATE_TOKENS = 4
"""Of kiai, scroll speed, position in the song and start of sequence."""
ROOM = 400
"""Tokens left free for a continuation."""
FULL_SCALE = 32_767
"""Of the samples that a corpus keeps as int16."""


@dataclass(frozen=True, slots=True)
class PublishedTokens:
    """A map tokenised once; the prompt of any window is made from it. Lists are by context."""

    head: list[int]
    """Tokens at the start of every prompt, which describe the map."""
    marks: list[tuple[int, ...]]
    """Start and end token of each context; empty if contexts have none."""
    tokens: list[np.ndarray]
    """(n_events,) ids; those of times are not filled in."""
    is_time: list[np.ndarray]
    """(n_events,)."""
    times: list[np.ndarray]
    """(n_events,) ms."""
    groups: list[np.ndarray]
    """(n_events,) group numbers."""
    state: dict[EventKind, list[tuple[int, int]]]
    """(ms, value) of each change of the state that prompts include (kiai, scroll speed), by its token."""
    stars: float | None
    mapper: int | None
    """The checkpoint's index."""
    song_ms: float

    @property
    def context_times(self) -> Sequence[np.ndarray]:
        """Ms of each event, context by context."""
        return self.times

    @property
    def overhead(self) -> int:
        """Tokens of a prompt that are no events, at most."""
        return len(self.head) + MOST_STATE_TOKENS + 2 * len(self.marks)

    def prompt(
        self, vocabulary: Vocabulary, start: float, spans: Sequence[np.ndarray], rate: float = 1.0
    ) -> tuple[np.ndarray, tuple[int, ...]]:
        """Tokens of a window, and for each context the row that predicts its first event.

        Args:
            vocabulary: of the checkpoint.
            start: of the window, ms.
            spans: indices of the events shown of each context.
            rate: ms of the map for each ms shown; 1 but in training.
        """
        tokens, rows = [*self.head, *self._state(vocabulary, start), SOS], []
        for number, (events, marks) in enumerate(zip(spans, self.marks, strict=True)):
            if marks:
                tokens.append(marks[0])
            rows.append(len(tokens) - 1)
            tokens += self._window_tokens(vocabulary, number, events, start, rate).tolist()
            if marks and number < len(spans) - 1:
                tokens.append(marks[1])
        return np.array(tokens, dtype=np.int64), tuple(rows)

    def _window_tokens(
        self, vocabulary: Vocabulary, context: int, events: np.ndarray, start: float, rate: float
    ) -> np.ndarray:
        """Ids of events, times counted from `start`."""
        tokens = self.tokens[context][events]
        is_time = self.is_time[context][events]
        elapsed = (self.times[context][events][is_time] - start) / rate / vocabulary.time_step
        tokens[is_time] = vocabulary.encode_times(np.trunc(elapsed).astype(np.int64))
        return tokens

    def _state(self, vocabulary: Vocabulary, start: float) -> list[int]:
        """Tokens of the state at the start of the window, and of its position in the song (docs/compat.md §7)."""
        tokens = []
        for kind, changes in self.state.items():
            if kind is EventKind.SONG_POSITION:
                share = start / self.song_ms
                value = -1 if share <= 0 else 101 if share >= 1 else round(100 * share)
            else:
                before = NO_SPEED if kind is EventKind.SCROLL_SPEED else 0
                value = next((value for time, value in reversed(changes) if time < start), before)
            tokens.append(vocabulary.encode(kind, value))
        return tokens

    def conditions(self, start: float, window_ms: float) -> dict[str, np.ndarray]:
        """Inputs of the conditioning vectors of V30 and V31, by the names of the network's parameters."""
        position = np.array([start, start + window_ms]) / self.song_ms
        return {
            "stars": np.array(UNKNOWN_STARS if self.stars is None else self.stars, dtype=np.float32),
            "song_position": position.astype(np.float32),
            "mapper": np.array(-1 if self.mapper is None else self.mapper, dtype=np.int64),
        }


def tokenise(
    beatmap: Beatmap,
    contexts: Mapping[str, Sequence[Event]],
    vocabulary: Vocabulary,
    version: Version,
    conditioning: Conditioning,
    hides_kiai: bool = False,
) -> PublishedTokens:
    """Tokenise a map.

    Args:
        beatmap: the map.
        contexts: its events, from :func:`events_of`.
        vocabulary: of the checkpoint.
        version: of the checkpoint.
        conditioning: facts about the map, `song_ms` included.
        hides_kiai: always write that kiai is off.

    Raises:
        UsageError: if `conditioning` names something the checkpoint does not know.
    """
    opening = [vocabulary.context_start["none"], vocabulary.context_end["none"]] if version.opens_with_none else []
    changes = {
        kind: [(event.time, event.value) for event in contexts.get(name, ()) if event.kind is kind]
        for kind, name in ((EventKind.KIAI, "kiai"), (EventKind.SCROLL_SPEED, "sv"))
    }
    if hides_kiai:
        changes[EventKind.KIAI] = []
    return PublishedTokens(
        head=[*opening, *vocabulary.prompt(beatmap, conditioning, scroll_speed_ratio(beatmap, vocabulary.schema))],
        marks=[
            (vocabulary.context_start[name], vocabulary.context_end[name]) if version.marks_contexts else ()
            for name in contexts
        ],
        tokens=[
            np.array([vocabulary.encode(event.kind, event.value) for event in events], dtype=np.int64)
            for events in contexts.values()
        ],
        is_time=[np.array([e.kind is EventKind.TIME for e in events], dtype=bool) for events in contexts.values()],
        times=[np.array([event.time for event in events], dtype=np.int64) for events in contexts.values()],
        groups=[np.array([event.group for event in events], dtype=np.int64) for events in contexts.values()],
        state={kind: changes.get(kind, []) for kind in version.state},
        stars=conditioning.stars,
        mapper=vocabulary.mapper(conditioning),
        song_ms=conditioning.song_ms,
    )


_BY_EVENT = ("tokens", "is_time", "times", "groups")


def to_arrays(tokens: PublishedTokens) -> dict[str, np.ndarray]:
    """A tokenised map as arrays; kinds of state by their names."""
    arrays = {name: np.concatenate(getattr(tokens, name)) for name in _BY_EVENT}
    lengths = np.array([len(times) for times in tokens.times])
    marks = np.array([[*mark, -1, -1][:2] for mark in tokens.marks])
    state = {f"state.{kind}": np.array(changes).reshape(-1, 2) for kind, changes in tokens.state.items()}
    facts = [math.nan if tokens.stars is None else tokens.stars, -1 if tokens.mapper is None else tokens.mapper]
    return arrays | {
        "head": np.array(tokens.head, dtype=np.int64),
        "marks": marks,
        "lengths": lengths,
        "facts": np.array([*facts, tokens.song_ms]),
        **state,
    }


def from_arrays(arrays: Mapping[str, np.ndarray]) -> PublishedTokens:
    """The inverse of :func:`to_arrays`."""
    cuts = np.cumsum(arrays["lengths"])[:-1]
    stars, mapper, song_ms = arrays["facts"].tolist()
    tokens, is_time, times, groups = (np.split(arrays[name], cuts) for name in _BY_EVENT)
    return PublishedTokens(
        head=arrays["head"].tolist(),
        marks=[tuple(mark) if mark[0] >= 0 else () for mark in arrays["marks"].tolist()],
        tokens=tokens,
        is_time=is_time,
        times=times,
        groups=groups,
        state={
            EventKind(name.removeprefix("state.")): [(time, value) for time, value in changes.tolist()]
            for name, changes in arrays.items()
            if name.startswith("state.")
        },
        stars=None if math.isnan(stars) else stars,
        mapper=None if mapper < 0 else int(mapper),
        song_ms=song_ms,
    )


def events_of(beatmap: Beatmap, vocabulary: Vocabulary, song_ms: float) -> dict[str, list[Event]]:
    """Events of a map by context.

    Raises:
        BeatmapError: if the vocabulary lacks some, or if there are too many.
    """
    contexts = from_beatmap(beatmap, vocabulary.schema, song_ms)
    unknown = {event.kind for events in contexts.values() for event in events if event.kind not in vocabulary}
    if unknown:
        raise BeatmapError(beatmap.path, None, f"the checkpoint has no tokens for {', '.join(sorted(unknown))}")
    return contexts


class PublishedMap(EncodedMap):
    """One map encoded for a published checkpoint."""

    def __init__(
        self,
        beatmap: Beatmap,
        samples: np.ndarray,
        vocabulary: Vocabulary,
        config: WhisperConfig,
        version: Version,
        conditioning: Conditioning,
        exact: bool,
    ) -> None:
        """Encode a map.

        Args:
            beatmap: of a mode the checkpoint covers.
            samples: (n_samples,) of the song, from :func:`maimod.families.mapperatorinator.legacy_audio.load`.
            vocabulary: of the checkpoint.
            config: shape of its network.
            version: of the checkpoint.
            conditioning: facts about the map.
            exact: the original's windows and prompts; otherwise fewer windows, and prompts with all facts that the
                checkpoint lists for the map.

        Raises:
            BeatmapError: if the map has events that the vocabulary lacks, or too many.
            UsageError: if `conditioning` names something the checkpoint does not know.
        """
        self.beatmap, self.samples, self.vocabulary, self.config = beatmap, samples, vocabulary, config
        self.exact = exact
        conditioning = msgspec.structs.replace(conditioning, song_ms=len(samples) / config.samples_per_ms)
        self.contexts = events_of(beatmap, vocabulary, conditioning.song_ms)
        if not exact:
            conditioning = vocabulary.with_known_facts(beatmap, conditioning)
        self.tokens = tokenise(
            beatmap, self.contexts, vocabulary, version, conditioning, exact and version.original_hides_kiai
        )
        room, length = config.max_tokens - self.tokens.overhead, config.window_ms
        if exact:
            self.windows = windows.original(
                self.tokens.times, len(samples), config.window_samples, config.samples_per_ms, room
            )
        else:
            self.windows = windows.split(
                list(zip(self.tokens.times, self.tokens.groups, strict=True)),
                length,
                float(int(windows.HOP * length)),
                room,
                windows.LOOKAHEAD * length,
                on_grid=not config.n_mappers,  # else the encoder reads facts about the map, and nothing could be shared
            )

    def inputs(self, window: Window) -> WindowInputs:
        """Inputs of the network for one window."""
        shown = [span.events for span in window.spans]
        if not self.exact:  # no used row attends to tokens after the last owned event
            owned = window.spans[-1].owned
            shown[-1] = shown[-1][shown[-1] <= owned[-1]] if len(owned) else shown[-1][:0]
        tokens, rows = self.tokens.prompt(self.vocabulary, window.start, shown)
        conditions = self.tokens.conditions(window.start, self.config.window_ms) if self.config.n_mappers else {}
        return WindowInputs({"tokens": tokens}, {"samples": self._window_samples(window), **conditions}, rows)

    def draft(self, time: float, ahead: float) -> Draft:
        """The map before a time, with the whole of the contexts that the network reads first."""
        length, names = self.config.window_ms, self.vocabulary.schema.contexts
        start = float(int(time - max(length - ahead - windows.LOOKAHEAD * length, length / 2)))
        number = next(i for i, merged in enumerate(names) if "map" in merged)
        shown = [np.flatnonzero((times >= start) & (times < start + length)) for times in self.tokens.times[:number]]
        times = np.maximum.accumulate(self.tokens.times[number])
        own = np.arange(*np.searchsorted(times, [start, time]))
        room = self.config.max_tokens - self.tokens.overhead - sum(map(len, shown)) - ROOM
        shown.append(own[max(0, len(own) - max(room, 0)) :])
        prompt, rows = replace(self.tokens, marks=self.tokens.marks[: number + 1]).prompt(self.vocabulary, start, shown)
        conditions = self.tokens.conditions(start, length) if self.config.n_mappers else {}
        window = Window(start, start + length, ())
        inputs = WindowInputs({"tokens": prompt}, {"samples": self._window_samples(window), **conditions}, rows)
        before = self.contexts[names[number][-1]][: int(np.searchsorted(times, time))]
        return Draft(
            inputs,
            lambda: _PublishedBranch(self.vocabulary, self.beatmap.mode, names[number], before, start),
            start + length,
        )

    def _window_samples(self, window: Window) -> np.ndarray:
        """(window_samples,) of the song, silence beyond its ends."""
        config = self.config
        if window.number is None:
            first = round(window.start * config.samples_per_ms)
        else:  # the original cuts the time of a window to whole ms, but not the place of its samples
            first = window.number * windows.original_hop(config.window_samples)
        part = np.zeros(config.window_samples, dtype=np.float32)
        begin, stop = max(first, 0), min(first + config.window_samples, len(self.samples))
        if begin < stop:
            part[begin - first : stop - first] = self.samples[begin:stop]
        return part

    def expected_times(self, values: np.ndarray, indices: np.ndarray, window: Window) -> np.ndarray:
        """Values are steps since the start of the window; the middle of the step."""
        step = self.vocabulary.time_step
        return int(window.start) + step * values + step // 2


class _PublishedBranch(Branch):
    """A continuation whose times count from the start of the window."""

    def __init__(
        self, vocabulary: Vocabulary, mode: Mode, contexts: tuple[str, ...], before: Sequence[Event], start: float
    ) -> None:
        time = next((event.time for event in reversed(before) if event.kind is EventKind.TIME), start)
        super().__init__(vocabulary, mode, contexts, before, max(float(time), start))
        self.start = start

    def _possible(self) -> np.ndarray:
        span, step = self.vocabulary.ranges[EventKind.TIME], self.vocabulary.time_step
        mask = np.ones(self.vocabulary.size_out, dtype=bool)
        mask[span.first_id : span.first_id + max(0, int((self.time - self.start) / step) - span.low)] = False
        return mask

    def time_of(self, value: int) -> float:
        step = self.vocabulary.time_step
        return self.start + step * value + step // 2

    def _row(self, token: int) -> dict[str, np.ndarray]:
        return {"tokens": np.array(token)}


def training_window(
    tokens: PublishedTokens, song: np.ndarray, vocabulary: Vocabulary, config: WhisperConfig, excerpt: Excerpt
) -> TrainingWindow:
    """Inputs and targets of one window; see :meth:`maimod.families.family.Family.training_window`.

    Args:
        tokens: the map.
        song: (n_samples,) int16.
        vocabulary: of the checkpoint.
        config: shape of its network.
        excerpt: which part, and how it is changed.
    """
    start, rate = excerpt.start, excerpt.rate
    length = config.window_ms * rate
    shown = [np.flatnonzero((times >= start) & (times < start + length)) for times in tokens.times]
    room = min(excerpt.max_tokens, config.max_tokens - tokens.overhead) - sum(map(len, shown[:-1]))
    shown[-1] = shown[-1][: max(room, 0)]
    prompt, rows = tokens.prompt(vocabulary, start, shown, rate)
    conditions = tokens.conditions(start, length) if config.n_mappers else {}
    if conditions and EventKind.MAPPER in excerpt.forgotten:
        conditions["mapper"] = np.array(-1, dtype=np.int64)
    inputs = WindowInputs(
        {"tokens": vocabulary.without(excerpt.mirror(prompt), excerpt.forgotten)},
        {"samples": _resampled(song, start + excerpt.shift_ms, rate, config), **conditions},
        rows,
    )
    return TrainingWindow(inputs, next_tokens(inputs, [len(events) for events in shown]))


def _resampled(song: np.ndarray, start_ms: float, rate: float, config: WhisperConfig) -> np.ndarray:
    """(window_samples,) of a song played at `rate`, silence beyond its ends."""
    places = start_ms * config.samples_per_ms + np.arange(config.window_samples) * rate
    low, high = (min(max(int(place), 0), len(song)) for place in (places[0] - 1, places[-1] + 2))
    if low >= high:
        return np.zeros(config.window_samples, dtype=np.float32)
    heard = np.interp(places, np.arange(low, high), song[low:high] / FULL_SCALE, left=0.0, right=0.0)
    return heard.astype(np.float32)
