"""A map and its song as the published Mapperatorinator checkpoints read them: contexts, windows, prompts, conditioning.

The original runs windows that overlap by 90 % and scores a tenth of each. `exact` does the same and gives the
original's numbers; the other way, a window scores two thirds of itself (:data:`maimod.families.windows.HOP`), which
takes six times fewer tokens. docs/compatibility.md says where the two differ.
Source: COMPAT §4 to §7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from maimod.events.schema import Event, EventError, EventKind
from maimod.events.vocabulary import SOS, Conditioning, Vocabulary
from maimod.events.writer import from_beatmap, scroll_speed_ratio
from maimod.families import windows
from maimod.families.mapperatorinator.config import WhisperConfig
from maimod.families.mini.encoding import WindowInputs
from maimod.families.windows import Window
from maimod.osu.beatmap import Beatmap

UNKNOWN_STARS = 5.0
"""Difficulty that the conditioning vector is made of where the star rating is not known."""
NO_SPEED = 100
"""Scroll speed, in hundredths, before the first change."""


class PublishedMap:
    """A map in a checkpoint's words: arrays from which the prompt of any stretch of the song is made."""

    def __init__(
        self,
        beatmap: Beatmap,
        contexts: Mapping[str, Sequence[Event]],
        vocabulary: Vocabulary,
        conditioning: Conditioning,
        tells_kiai: bool = True,
    ) -> None:
        """Tokenise a map once.

        Args:
            beatmap: the map.
            contexts: its events in the checkpoint's language.
            vocabulary: of the checkpoint.
            conditioning: what is known of the map, `song_ms` included.
            tells_kiai: False tells V29 that kiai is off, as the original does (COMPAT §11.29).

        Raises:
            VocabularyError: if the facts name something the checkpoint does not know.
        """
        self.vocabulary, self.conditioning, self.tells_kiai = vocabulary, conditioning, tells_kiai
        self.times = [np.array([event.time for event in events], dtype=np.int64) for events in contexts.values()]
        self.groups = [np.array([event.group for event in events], dtype=np.int64) for events in contexts.values()]
        self._is_time = [
            np.array([event.kind is EventKind.TIME for event in events], dtype=bool) for events in contexts.values()
        ]
        self._tokens = [
            np.array([vocabulary.encode(event.kind, event.value) for event in events], dtype=np.int64)
            for events in contexts.values()
        ]
        # COMPAT §7: V29, V31 and V32 mark contexts by tokens of their own; V30 has one context and does not.
        self._marks = [
            None if vocabulary.version == "v30" else (vocabulary.context_start[name], vocabulary.context_end[name])
            for name in contexts
        ]
        opening = (
            [vocabulary.context_start["none"], vocabulary.context_end["none"]]
            if vocabulary.version in ("v29", "v31")
            else []
        )
        self._head = [
            *opening,
            *vocabulary.prompt(beatmap, conditioning, scroll_speed_ratio(beatmap, vocabulary.schema)),
        ]
        self._mapper = vocabulary.mapper(conditioning)
        self._changes = {
            name: [(event.time, event.value) for event in contexts.get(name, ()) if event.kind is kind]
            for name, kind in (("kiai", EventKind.KIAI), ("sv", EventKind.SCROLL_SPEED))
        }

    @property
    def overhead(self) -> int:
        """Tokens of a prompt that are no events, at most."""
        return len(self._head) + len(("kiai", "speed", "position", "SOS")) + 2 * len(self._marks)

    def prompt(
        self, start: float, spans: Sequence[np.ndarray], rate: float = 1.0
    ) -> tuple[np.ndarray, tuple[int, ...]]:
        """Tokens of a window, and for each context the row that predicts its first event.

        Args:
            start: of the window, ms.
            spans: indices of the events shown of each context.
            rate: ms of the map for each ms shown; 1 but in training.
        """
        tokens, rows = [*self._head, *self._specials(start), SOS], []
        for number, (events, marks) in enumerate(zip(spans, self._marks, strict=True)):
            if marks:
                tokens.append(marks[0])
            rows.append(len(tokens) - 1)
            tokens += self._window_tokens(number, events, start, rate).tolist()
            if marks and number < len(spans) - 1:
                tokens.append(marks[1])
        return np.array(tokens, dtype=np.int64), tuple(rows)

    def _window_tokens(self, context: int, events: np.ndarray, start: float, rate: float) -> np.ndarray:
        """Ids of events, times counted from `start`."""
        tokens = self._tokens[context][events]
        is_time = self._is_time[context][events]
        elapsed = (self.times[context][events][is_time] - start) / rate / self.vocabulary.time_step
        tokens[is_time] = self.vocabulary.encode_ticks(np.trunc(elapsed).astype(np.int64))
        return tokens

    def _specials(self, start: float) -> list[int]:
        """Tokens of what was in force when the window began: kiai, scroll speed, place in the song (COMPAT §7)."""
        version, encode = self.vocabulary.version, self.vocabulary.encode
        tokens = []
        if version in ("v29", "v31"):
            silent = version == "v29" and not self.tells_kiai
            tokens.append(encode(EventKind.KIAI, 0 if silent else _last(self._changes["kiai"], start, 0)))
        if version in ("v29", "v31", "v32"):
            tokens.append(encode(EventKind.SCROLL_SPEED, _last(self._changes["sv"], start, NO_SPEED)))
        if version in ("v29", "v32"):
            share = start / self.conditioning.song_ms
            tokens.append(
                encode(EventKind.SONG_POSITION, -1 if share <= 0 else 101 if share >= 1 else round(100 * share))
            )
        return tokens

    def conditions(self, start: float, window_ms: float) -> dict[str, np.ndarray]:
        """What the conditioning vectors of V30 and V31 are made of, by the names of the network's parameters."""
        stars = UNKNOWN_STARS if self.conditioning.stars is None else self.conditioning.stars
        position = np.array([start, start + window_ms]) / self.conditioning.song_ms
        return {
            "stars": np.array(stars, dtype=np.float32),
            "song_position": position.astype(np.float32),
            "mapper": np.array(-1 if self._mapper is None else self._mapper, dtype=np.int64),
        }


class MapperatorinatorReading:
    """One map, ready to be shown window by window."""

    def __init__(
        self,
        beatmap: Beatmap,
        samples: np.ndarray,
        vocabulary: Vocabulary,
        config: WhisperConfig,
        conditioning: Conditioning,
        exact: bool,
    ) -> None:
        """Prepare a map.

        Args:
            beatmap: of a mode the checkpoint covers.
            samples: (n_samples,) of the song, from :func:`maimod.families.mapperatorinator.legacy_audio.load`.
            vocabulary: of the checkpoint.
            config: of its network.
            conditioning: what is known of the map.
            exact: the original's windows and prompts; otherwise fewer windows, and what the checkpoint knows of the map
                is told to it.

        Raises:
            EventError: if the map has events that the vocabulary lacks, or too many.
            VocabularyError: if the facts name something the checkpoint does not know.
        """
        self.beatmap, self.vocabulary, self.config, self.samples, self.exact = (
            beatmap,
            vocabulary,
            config,
            samples,
            exact,
        )
        conditioning = replace(conditioning, song_ms=len(samples) / config.samples_per_ms)
        self.contexts: Mapping[str, Sequence[Event]] = events_of(beatmap, vocabulary, conditioning.song_ms)
        self.map = PublishedMap(
            beatmap,
            self.contexts,
            vocabulary,
            conditioning if exact else vocabulary.with_known_facts(beatmap, conditioning),
            tells_kiai=not exact,
        )
        room, length = config.max_tokens - self.map.overhead, config.window_ms
        if exact:
            self.windows = windows.original(
                self.map.times, len(samples), config.window_samples, config.samples_per_ms, room
            )
        else:
            self.windows = windows.split(
                list(zip(self.map.times, self.map.groups, strict=True)),
                length,
                windows.HOP * length,
                room,
                windows.LOOKAHEAD * length,
            )

    def inputs(self, window: Window) -> WindowInputs:
        """What the network reads for one window."""
        shown = [span.events for span in window.spans]
        if not self.exact:
            owned = window.spans[-1].owned
            shown[-1] = (
                shown[-1][shown[-1] <= owned[-1]] if len(owned) else shown[-1][:0]
            )  # nothing reads what comes later
        tokens, rows = self.map.prompt(window.start, shown)
        conditions = self.map.conditions(window.start, self.config.window_ms) if self.config.n_mappers else {}
        return WindowInputs({"tokens": tokens}, {"samples": self._window_samples(window), **conditions}, rows)

    def _window_samples(self, window: Window) -> np.ndarray:
        """(window_samples,) of the song, silence beyond its ends."""
        config = self.config
        if window.number is None:
            first = round(window.start * config.samples_per_ms)
        else:
            first = window.number * windows.original_hop(
                config.window_samples
            )  # its time is cut to whole ms, its sound is not
        part = np.zeros(config.window_samples, dtype=np.float32)
        begin, stop = max(first, 0), min(first + config.window_samples, len(self.samples))
        if begin < stop:
            part[begin - first : stop - first] = self.samples[begin:stop]
        return part

    def expected(self, token: int, context: str, index: int, window: Window) -> Event:
        """The event that a token would have been in place of the event at `index`."""
        actual = self.contexts[context][index]
        kind, value = self.vocabulary.decode(token)
        if kind is EventKind.TIME:
            step = self.vocabulary.time_step
            value = int(window.start) + step * value + step // 2  # the middle of the step
        return Event(kind or EventKind.CONTROL, value, actual.time, actual.group, None, actual.part)


def events_of(beatmap: Beatmap, vocabulary: Vocabulary, song_ms: float) -> dict[str, list[Event]]:
    """Events of a map by context, all of which the checkpoint has words for.

    Raises:
        EventError: if it lacks some, or if there are too many.
    """
    contexts = from_beatmap(beatmap, vocabulary.schema, song_ms)
    unknown = {event.kind for events in contexts.values() for event in events if event.kind not in vocabulary}
    if unknown:
        raise EventError(f"the checkpoint has no words for {', '.join(sorted(unknown))}")
    return contexts


def _last(changes: Sequence[tuple[int, int]], time: float, default: int) -> int:
    """Value of the last change before `time`."""
    return next((value for at, value in reversed(changes) if at < time), default)
