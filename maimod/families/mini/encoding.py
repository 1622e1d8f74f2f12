"""Encode a map and its song as input arrays of the mini network, for training and for scoring.

Conventions: `n` events, `F` mel frames per window, `G` grid features; times in ms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np

from maimod.audio import decode, spectrogram
from maimod.audio.decode import Audio
from maimod.events.schema import Event, EventKind
from maimod.events.vocabulary import SOS, Conditioning, Vocabulary
from maimod.events.writer import from_beatmap
from maimod.families.draft import Branch, Draft
from maimod.families.family import EncodedMap, Excerpt, LikelyPosition
from maimod.families.inputs import TrainingWindow, WindowInputs, next_tokens
from maimod.families.mini.config import MiniConfig
from maimod.families.mini.place_features import place_features
from maimod.families.mini.position_posterior import POSITION_KINDS, Branches, position_posterior
from maimod.families.runner import BranchingRunner, Runner
from maimod.families.windows import Span, Window, original, split
from maimod.osu.beatmap import Beatmap, HitObject
from maimod.osu.timing import BeatGrid, at_rate

HOP, LOOKAHEAD = 0.75, 0.03
"""As :data:`maimod.families.windows.HOP`, for this family: its events need less of the map before them than a published model's.
Ranks events nearly as 0.65 and 0.05 do (docs/performance.md), in 0.9 of the time."""
MAX_WINDOW_EVENTS = 1_536
"""Windows of denser maps are shortened, which bounds time and memory; three times the densest part of a ranked map."""
PAST_TOKENS = 64
"""Tokens before a training window that are looked through for the last position."""


@dataclass(frozen=True, slots=True)
class MiniTokens:
    """A map tokenised once; windows are slices of it."""

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

    @property
    def context_times(self) -> Sequence[np.ndarray]:
        """Ms of each event; there is one context."""
        return [self.times]

    def places(self, vocabulary: Vocabulary) -> np.ndarray:
        """(n, N_PLACE_FEATURES) :func:`place_features` of the tokens."""
        return place_features(self.tokens, vocabulary)


def load_audio(song: Path | Audio, config: MiniConfig) -> np.ndarray:
    """Normalised log-mel frames (n_frames, n_mels) of a song, frame i centred at i * frame_ms.

    Raises:
        AudioError: if nothing could be decoded.
    """
    audio = song if isinstance(song, Audio) else decode.load(song)
    return normalise(spectrogram.log_mel(audio.samples, n_mels=config.n_mels, frame_ms=config.frame_ms))


def tokenise(
    beatmap: Beatmap, events: Sequence[Event], vocabulary: Vocabulary, conditioning: Conditioning
) -> MiniTokens:
    """Tokenise the events of a map."""
    grid = BeatGrid(beatmap)
    times = np.array([event.time for event in events], dtype=float)
    is_time = np.array([event.kind is EventKind.TIME for event in events], dtype=bool)
    tokens = np.array(
        [0 if event.kind is EventKind.TIME else vocabulary.encode(event.kind, event.value) for event in events],
        dtype=np.int64,
    )
    ticks = grid.ticks(times[is_time])
    tokens[is_time] = vocabulary.encode_times(np.diff(ticks, prepend=ticks[:1]))
    return MiniTokens(
        np.array([*vocabulary.prompt(beatmap, conditioning), SOS], dtype=np.int64),
        tokens,
        times,
        np.array([event.group for event in events], dtype=np.int64),
        grid.features(times),
        grid,
    )


_ARRAYS = ("prompt", "tokens", "times", "groups")


def to_arrays(tokens: MiniTokens) -> dict[str, np.ndarray]:
    """A tokenised map as arrays; its phases follow from the others."""
    return {name: getattr(tokens, name) for name in _ARRAYS} | tokens.grid.to_arrays()


def from_arrays(arrays: Mapping[str, np.ndarray]) -> MiniTokens:
    """The inverse of :func:`to_arrays`."""
    grid = BeatGrid.from_arrays(arrays)
    prompt, tokens, times, groups = (arrays[name] for name in _ARRAYS)
    return MiniTokens(prompt, tokens, times, groups, grid.features(times), grid)


def normalise(mel: np.ndarray) -> np.ndarray:
    """Bring the log-mel frames of a song to mean 0 and deviation 1, so that loud and quiet masters look the same."""
    mean, deviation = mel.mean(), max(float(mel.std()), 1e-3)
    mel -= mean  # in place: three hours are 270 MB
    mel /= deviation
    return mel


def window_inputs(
    tokens: MiniTokens,
    places: np.ndarray,
    window: Window,
    mel: np.ndarray | None,
    config: MiniConfig,
    shift_ms: float = 0.0,
    rate: float = 1.0,
) -> WindowInputs:
    """Inputs of the network for one window.

    Args:
        tokens: the map.
        places: (n, N_PLACE_FEATURES) of its tokens.
        window: which part of it.
        mel: (n_frames, n_mels) of the song, from :func:`load_audio`; None without one.
        config: shape of the network.
        shift_ms: ms from map time to audio time; 0 but in training.
        rate: ms of map and song for each ms shown; 1 but in training.
    """
    shown = np.arange(config.frames) * rate
    part = np.zeros((config.frames, config.n_mels), dtype=np.float32)
    if mel is not None:
        sources = round((window.start + shift_ms) / config.frame_ms) + np.round(shown).astype(int)
        inside = (sources >= 0) & (sources < len(mel))
        part[inside] = mel[sources[inside]]
    events = window.spans[0].events
    frame_grid, phases = tokens.grid.features(window.start + shown * config.frame_ms), tokens.phases[events]
    if rate != 1.0:
        frame_grid, phases = at_rate(frame_grid, rate), at_rate(phases, rate)
    n_prompt, times = len(tokens.prompt), (tokens.times[events] - window.start) / rate
    return WindowInputs(
        {
            "tokens": np.concatenate([tokens.prompt, tokens.tokens[events]]),
            "times": np.concatenate([np.zeros(n_prompt), times]).astype(np.float32),
            "grid": np.pad(phases, [(n_prompt, 0), (0, 0)]),
            "place": np.pad(places[events], [(n_prompt, 0), (0, 0)]),
        },
        {"mel": part, "frame_grid": frame_grid},
        (n_prompt - 1,),
    )


def training_window(
    tokens: MiniTokens, mel: np.ndarray | None, vocabulary: Vocabulary, config: MiniConfig, excerpt: Excerpt
) -> TrainingWindow:
    """Inputs and targets of one window; see :meth:`maimod.families.family.Family.training_window`."""
    end_ms = excerpt.start + config.window_ms * excerpt.rate
    begin, end = (int(i) for i in np.searchsorted(np.maximum.accumulate(tokens.times), [excerpt.start, end_ms]))
    end = min(end, begin + excerpt.max_tokens)
    low = max(0, begin - PAST_TOKENS)
    part = replace(
        tokens,
        prompt=vocabulary.without(tokens.prompt, excerpt.forgotten),
        tokens=excerpt.mirror(tokens.tokens[low:end]),
        times=tokens.times[low:end],
        groups=tokens.groups[low:end],
        phases=tokens.phases[low:end],
    )
    shown = np.arange(begin - low, end - low)
    window = Window(excerpt.start, end_ms, (Span(shown, shown),))
    inputs = window_inputs(part, part.places(vocabulary), window, mel, config, excerpt.shift_ms, excerpt.rate)
    # The first time is counted from an event outside of the window, so it cannot be predicted here.
    return TrainingWindow(inputs, next_tokens(inputs, [len(shown)], skipped=0 if begin == 0 else 1))


class MiniMap(EncodedMap):
    """One map encoded for the mini network."""

    def __init__(
        self,
        beatmap: Beatmap,
        mel: np.ndarray | None,
        vocabulary: Vocabulary,
        config: MiniConfig,
        conditioning: Conditioning,
        exact: bool = False,
    ) -> None:
        """Encode a map.

        Args:
            beatmap: of a mode the checkpoint covers.
            mel: (n_frames, n_mels) from :func:`load_audio`; None without a song.
            vocabulary: of the checkpoint.
            config: shape of its network.
            conditioning: facts about the map.
            exact: the original's many windows, a tenth of each scored, for comparison.

        Raises:
            BeatmapError: if the map has too many events.
        """
        self.beatmap, self.mel, self.vocabulary, self.config = beatmap, mel, vocabulary, config
        self.contexts = from_beatmap(beatmap, vocabulary.schema)
        self.events = self.contexts["map"]
        self.tokens = tokenise(beatmap, self.events, vocabulary, conditioning)
        self.places = self.tokens.places(vocabulary)
        times, length = self.tokens.times, config.window_ms
        if exact:
            last = 0 if mel is None else round(len(mel) * config.frame_ms)
            self.windows = original([times.astype(int)], last, round(length), 1, MAX_WINDOW_EVENTS)
        else:
            self.windows = split(
                [(times, self.tokens.groups)], length, HOP * length, MAX_WINDOW_EVENTS, LOOKAHEAD * length
            )

    def inputs(self, window: Window) -> WindowInputs:
        """Inputs of the network for one window."""
        return window_inputs(self.tokens, self.places, window, self.mel, self.config)

    def position_posterior(self, runner: Runner, hit_object: HitObject) -> list[LikelyPosition]:
        """Where the network would place an object; none for modes without positions."""
        branches = self.branches(cast(BranchingRunner, runner), hit_object)
        return position_posterior(branches) if branches else []

    def branches(self, runner: BranchingRunner, hit_object: HitObject) -> Branches | None:
        """Other positions of an object of the map; None if its events are not distance, x and y."""
        events, tokens = self.events, self.tokens.tokens
        at = next((i for i, e in enumerate(events) if e.source is hit_object and e.kind is POSITION_KINDS[0]), None)
        window = next((w for w in self.windows if at is not None and at in w.spans[0].owned), None)
        if at is None or window is None or tuple(e.kind for e in events[at : at + 3]) != POSITION_KINDS:
            return None
        last_y = next((i for i in range(at - 1, -1, -1) if events[i].kind is EventKind.POS_Y), None)
        last_x = next((i for i in range(last_y or 0, -1, -1) if events[i].kind is EventKind.POS_X), None)
        before = [int(tokens[i]) for i in (last_x, last_y) if i is not None]
        inputs = self.inputs(window)
        length = inputs.rows[0] + int(np.searchsorted(window.spans[0].events, at)) + 1
        return Branches(runner, self.vocabulary, inputs, length, before)

    def expected_times(self, values: np.ndarray, indices: np.ndarray, window: Window) -> np.ndarray:
        """Values are ticks since the time before."""
        return np.rint(self.tokens.grid.times(self._ticks_before[indices, None] + values)).astype(np.int64)

    def draft(self, time: float, ahead: float) -> Draft:
        """The map before a time."""
        length = self.config.window_ms
        start = time - max(length - ahead - LOOKAHEAD * length, length / 2)
        times = np.maximum.accumulate(self.tokens.times)
        first, stop = np.searchsorted(times, [start, time])
        events = np.arange(max(int(first), int(stop) - MAX_WINDOW_EVENTS), int(stop))
        window = Window(start, start + length, (Span(events, events),))
        return Draft(self.inputs(window), lambda: _MiniBranch(self, int(stop), start), start + length)

    @cached_property
    def usual_span_ms(self) -> float:
        """Median duration of a slide, half a second in maps without sliders."""
        spans = [o.span_duration for o in self.beatmap.hit_objects if o.slider is not None]
        return float(np.median(spans)) if spans else 500.0

    @cached_property
    def _ticks_before(self) -> np.ndarray:
        """(n,) ticks of the time event before each event; of the first event where there is none."""
        is_time = np.array([event.kind is EventKind.TIME for event in self.events], dtype=bool)
        last = np.maximum.accumulate(np.where(is_time, np.arange(len(is_time)), 0))
        return self.tokens.grid.ticks(self.tokens.times[np.concatenate([[0], last[:-1]])])


class _MiniBranch(Branch):
    """A continuation in ticks, each token with its beat phase and the cursor's place."""

    def __init__(self, encoded: MiniMap, stop: int, start: float) -> None:
        """Go on after the first `stop` events of the map, in a window that begins at `start` ms."""
        before = encoded.events[:stop]
        last = next((event.time for event in reversed(before) if event.kind is EventKind.TIME), None)
        time = start if last is None else last
        super().__init__(encoded.vocabulary, encoded.beatmap.mode, encoded.vocabulary.schema.contexts[0], before, time)
        self.encoded, self.start = encoded, start
        self.tokens = encoded.tokens.tokens[max(0, stop - PAST_TOKENS) : stop].tolist()
        self.at = self.time
        """Ms that the network is given."""
        self.anchors = 0

    def _possible(self) -> np.ndarray:
        return np.ones(self.vocabulary.size_out, dtype=bool)

    def time_of(self, value: int) -> float:
        grid = self.encoded.tokens.grid
        return float(grid.times(grid.ticks(self.time) + value))

    def _begin_group(self, kind: EventKind) -> None:
        if kind is EventKind.TIME:
            self.anchors = 0
            return
        # Anchors lie between head and tail; when the tail is, is not known yet.
        self.anchors += 1
        self.at = self.time + self.encoded.usual_span_ms * self.anchors / (self.anchors + 1)

    def _row(self, token: int) -> dict[str, np.ndarray]:
        self.tokens.append(token)
        if self.events[-1].kind is EventKind.TIME:
            self.at = self.time
        return {
            "tokens": np.array(token),
            "times": np.array(self.at - self.start, dtype=np.float32),
            "grid": self.encoded.tokens.grid.features(np.array([self.at]))[0],
            "place": place_features(np.array(self.tokens), self.vocabulary)[-1],
        }
