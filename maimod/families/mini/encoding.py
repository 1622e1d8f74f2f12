"""A map and its song as the arrays the network reads: the same for training and for scoring.

Conventions: `n` events, `F` mel frames per window, `G` grid features; times in ms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from maimod.events.schema import Event, EventKind
from maimod.events.vocabulary import PAD, SOS, Conditioning, Vocabulary
from maimod.events.writer import from_beatmap
from maimod.families.windows import HOP, LOOKAHEAD, Window, original, split
from maimod.osu.beatmap import Beatmap
from maimod.osu.timing import BeatGrid, at_rate

MAX_WINDOW_EVENTS = 1_536
"""Windows of denser maps are shortened, which bounds time and memory; three times the densest part of a ranked map."""


@dataclass(frozen=True, slots=True)
class EncodedMap:
    """One context of one map, tokenised once; windows are slices of it."""

    prompt: np.ndarray
    """(n_prompt,) token ids."""
    tokens: np.ndarray
    """(n,) token ids."""
    times: np.ndarray
    """(n,) ms."""
    groups: np.ndarray
    """(n,) group numbers."""
    phases: np.ndarray
    """(n, G) grid features at `times`."""
    grid: BeatGrid

    def places(self, vocabulary: Vocabulary) -> np.ndarray:
        """(n, N_PLACE_FEATURES) what :func:`place_features` says of the tokens."""
        return place_features(self.tokens, vocabulary)


def encode(beatmap: Beatmap, events: Sequence[Event], vocabulary: Vocabulary, conditioning: Conditioning) -> EncodedMap:
    """Tokenise the events of one context."""
    grid = BeatGrid(beatmap)
    times = np.array([event.time for event in events], dtype=float)
    is_time = np.array([event.kind is EventKind.TIME for event in events], dtype=bool)
    tokens = np.array(
        [0 if event.kind is EventKind.TIME else vocabulary.encode(event.kind, event.value) for event in events],
        dtype=np.int64,
    )
    ticks = grid.ticks(times[is_time])
    tokens[is_time] = vocabulary.encode_ticks(np.diff(ticks, prepend=ticks[:1]))
    return EncodedMap(
        np.array([*vocabulary.prompt(beatmap, conditioning), SOS], dtype=np.int64),
        tokens,
        times,
        np.array([event.group for event in events], dtype=np.int64),
        grid.features(times),
        grid,
    )


WAVELENGTHS = (1024.0, 512.0, 256.0, 128.0, 64.0, 32.0)
"""Osu! pixels; the longest spans the playfield and its margins, the shortest tells neighbouring cells of 8 px apart."""
N_PLACE_FEATURES = 4 * 2 * len(WAVELENGTHS) + 3


def _waves(values: np.ndarray) -> np.ndarray:
    """Sines and cosines (n, 2 * n_wavelengths) of values in osu! pixels."""
    angles = 2 * np.pi * values[:, None] / np.array(WAVELENGTHS)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def place_features(tokens: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """Where the cursor is, and where it can go once distance and x are said: geometry the network need not learn.

    Of each token: the last position (x, y); and in a group whose distance and x are said, the two y that fit them.

    Args:
        tokens: (n,) ids of a context, from its beginning.
        vocabulary: theirs.

    Returns:
        float32 (n, N_PLACE_FEATURES); zeros for vocabularies without split positions and distances.
    """
    features = np.zeros((len(tokens), N_PLACE_FEATURES), dtype=np.float32)
    needed = (EventKind.DISTANCE, EventKind.POS_X, EventKind.POS_Y)
    if not all(kind in vocabulary for kind in needed) or not len(tokens):
        return features
    index = np.arange(len(tokens))
    last, value = {}, {}
    for kind in needed:
        span = vocabulary.ranges[kind]
        is_kind = (tokens >= span.first_id) & (tokens < span.first_id + span.size)
        unit = span.step if kind is EventKind.DISTANCE else vocabulary.schema.position_precision
        pixels = ((tokens - span.first_id) + span.low / span.step + 0.5) * unit
        last[kind] = np.maximum.accumulate(np.where(is_kind, index, -1))
        value[kind] = np.where(last[kind] >= 0, pixels[np.maximum(last[kind], 0)], 0.0)
    has_position = last[EventKind.POS_Y] >= 0
    # The x of the last complete position: the x said last before that y.
    x = np.where(has_position, value[EventKind.POS_X][np.maximum(last[EventKind.POS_Y], 0)], 256.0)
    y = np.where(has_position, value[EventKind.POS_Y], 192.0)
    knows_distance = last[EventKind.DISTANCE] > last[EventKind.POS_Y]
    knows_x = (last[EventKind.POS_X] > last[EventKind.POS_Y]) & knows_distance
    reach = np.sqrt(np.maximum(value[EventKind.DISTANCE] ** 2 - (value[EventKind.POS_X] - x) ** 2, 0.0))
    parts = [
        _waves(x),
        _waves(y),
        _waves(y - reach) * knows_x[:, None],
        _waves(y + reach) * knows_x[:, None],
        knows_distance[:, None],
        knows_x[:, None],
        (value[EventKind.DISTANCE] / 640 * knows_distance)[:, None],
    ]
    return np.concatenate(parts, axis=1).astype(np.float32)


def normalise(mel: np.ndarray) -> np.ndarray:
    """Bring the log-mel frames of a song to mean 0 and deviation 1, so that loud and quiet masters look alike."""
    return ((mel - mel.mean()) / max(float(mel.std()), 1e-3)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class WindowInputs:
    """What a network reads for one window, by the names of its parameters."""

    by_token: Mapping[str, np.ndarray]
    """Arrays (T, ...), "tokens" among them."""
    by_window: Mapping[str, np.ndarray]
    """Everything else."""
    rows: tuple[int, ...]
    """For each span of the window the row whose output predicts its first event; the events follow one by one."""


def stack(inputs: Sequence[WindowInputs]) -> dict[str, np.ndarray]:
    """Arrays (B, ...) of several windows, those by token right-padded with `PAD` and zeros."""
    longest = max(len(window.by_token["tokens"]) for window in inputs)

    def padded(array: np.ndarray) -> np.ndarray:
        return np.pad(array, [(0, longest - len(array)), *[(0, 0)] * (array.ndim - 1)], constant_values=PAD)

    arrays = {name: np.stack([padded(window.by_token[name]) for window in inputs]) for name in inputs[0].by_token}
    return arrays | {name: np.stack([window.by_window[name] for window in inputs]) for name in inputs[0].by_window}


def window_inputs(
    encoded: EncodedMap,
    places: np.ndarray,
    window: Window,
    mel: np.ndarray | None,
    *,
    frames: int,
    frame_ms: float,
    n_mels: int,
    audio_offset: float = 0.0,
    rate: float = 1.0,
) -> WindowInputs:
    """Assemble the arrays of one window for the bundled network.

    Args:
        encoded: the map.
        places: (n, N_PLACE_FEATURES) of its tokens.
        window: which part of it.
        mel: (n_frames, n_mels) normalised frames of the song, frame i centred at i * frame_ms; None without audio.
        frames: frames per window.
        frame_ms: ms per frame.
        n_mels: mel channels.
        audio_offset: ms from map time to audio time.
        rate: ms of map and song for each ms shown; 1 but in training.
    """
    shown = np.arange(frames) * rate
    part = np.zeros((frames, n_mels), dtype=np.float32)
    if mel is not None:
        sources = round((window.start + audio_offset) / frame_ms) + np.round(shown).astype(int)
        inside = (sources >= 0) & (sources < len(mel))
        part[inside] = mel[sources[inside]]
    frame_grid, phases = encoded.grid.features(window.start + shown * frame_ms), encoded.phases[window.spans[0].events]
    if rate != 1.0:
        frame_grid, phases = at_rate(frame_grid, rate), at_rate(phases, rate)
    n_prompt, events = len(encoded.prompt), window.spans[0].events
    return WindowInputs(
        {
            "tokens": np.concatenate([encoded.prompt, encoded.tokens[events]]),
            "times": np.concatenate([np.zeros(n_prompt), (encoded.times[events] - window.start) / rate]).astype(
                np.float32
            ),
            "grid": np.pad(phases, [(n_prompt, 0), (0, 0)]),
            "place": np.pad(places[events], [(n_prompt, 0), (0, 0)]),
        },
        {"mel": part, "frame_grid": frame_grid},
        (n_prompt - 1,),
    )


class MiniReading:
    """One map as the bundled network reads it, ready to be shown window by window."""

    def __init__(
        self,
        beatmap: Beatmap,
        mel: np.ndarray | None,
        vocabulary: Vocabulary,
        conditioning: Conditioning,
        exact: bool = False,
        *,
        frames: int,
        frame_ms: float,
        n_mels: int,
    ) -> None:
        """Prepare a map.

        Args:
            beatmap: of a mode the checkpoint covers.
            mel: (n_frames, n_mels) normalised log-mel frames; None without a song.
            vocabulary: of the checkpoint.
            conditioning: what is known of the map.
            exact: the original's many windows, a tenth of each scored: what few windows are compared with.
            frames: frames per window.
            frame_ms: ms per frame.
            n_mels: mel channels.

        Raises:
            EventError: if the map has too many events.
        """
        self.beatmap, self.mel, self.vocabulary = beatmap, mel, vocabulary
        self.frames, self.frame_ms, self.n_mels = frames, frame_ms, n_mels
        self.contexts: Mapping[str, Sequence[Event]] = from_beatmap(beatmap, vocabulary.schema)
        self.events = self.contexts["map"]
        self.encoded = encode(beatmap, self.events, vocabulary, conditioning)
        self.places = self.encoded.places(vocabulary)
        window_ms = frames * frame_ms
        if exact:
            last = 0 if mel is None else round(len(mel) * frame_ms)
            self.windows = original([self.encoded.times.astype(int)], last, round(window_ms), 1, MAX_WINDOW_EVENTS)
        else:
            self.windows = split(
                [(self.encoded.times, self.encoded.groups)],
                window_ms,
                HOP * window_ms,
                MAX_WINDOW_EVENTS,
                LOOKAHEAD * window_ms,
            )

    def inputs(self, window: Window) -> WindowInputs:
        """What the network reads for one window."""
        return window_inputs(
            self.encoded,
            self.places,
            window,
            self.mel,
            frames=self.frames,
            frame_ms=self.frame_ms,
            n_mels=self.n_mels,
            audio_offset=self.beatmap.audio_offset,
        )

    def expected(self, token: int, context: str, index: int, window: Window) -> Event:
        """The event that a token would have been in place of the event at `index`."""
        actual = self.contexts[context][index]
        kind, value = self.vocabulary.decode(token)
        if kind is EventKind.TIME:
            value = round(float(self.encoded.grid.times(self._ticks_before[index] + value)))
        return Event(kind or EventKind.CONTROL, value, actual.time, actual.group, None, actual.part)

    @cached_property
    def _ticks_before(self) -> np.ndarray:
        """(n,) ticks of the time event before each event; of the first event where there is none."""
        is_time = np.array([event.kind is EventKind.TIME for event in self.events], dtype=bool)
        last = np.maximum.accumulate(np.where(is_time, np.arange(len(is_time)), 0))
        return self.encoded.grid.ticks(self.encoded.times[np.concatenate([[0], last[:-1]])])
