"""A map and its song as the arrays the network reads: the same for training and for scoring.

Conventions: `n` events, `F` mel frames per window, `G` grid features; times in ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from maimod.beatgrid import BeatGrid
from maimod.beatmap import Beatmap
from maimod.events import Event, EventKind
from maimod.tokens import Vocabulary
from maimod.windows import Window


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


def encode(beatmap: Beatmap, events: Sequence[Event], vocabulary: Vocabulary, stars: float | None) -> EncodedMap:
    """Tokenise the events of one context."""
    grid = BeatGrid(beatmap)
    times = np.array([event.time for event in events], dtype=float)
    is_time = np.array([event.kind is EventKind.TIME for event in events], dtype=bool)
    tokens = np.array([0 if event.kind is EventKind.TIME else vocabulary.encode(event.kind, event.value)
                       for event in events], dtype=np.int64)
    ticks = grid.ticks(times[is_time])
    tokens[is_time] = vocabulary.encode_ticks(np.diff(ticks, prepend=ticks[:1]))
    return EncodedMap(np.array(vocabulary.prompt(beatmap, stars), dtype=np.int64), tokens, times,
                      np.array([event.group for event in events], dtype=np.int64), grid.features(times), grid)


def normalise(mel: np.ndarray) -> np.ndarray:
    """Bring the log-mel frames of a song to mean 0 and deviation 1, so that loud and quiet masters look alike."""
    return ((mel - mel.mean()) / max(float(mel.std()), 1e-3)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class WindowInputs:
    """What the network reads for one window."""

    mel: np.ndarray
    """(F, n_mels); zeros outside the song or without one."""
    frame_phases: np.ndarray
    """(F, G)."""
    tokens: np.ndarray
    """(n_prompt + n_window,) ids."""
    times: np.ndarray
    """(n_prompt + n_window,) ms from the window's start."""
    phases: np.ndarray
    """(n_prompt + n_window, G)."""


def window_inputs(encoded: EncodedMap, window: Window, mel: np.ndarray | None, *, frames: int, frame_ms: float,
                  n_mels: int, audio_offset: float = 0.0) -> WindowInputs:
    """Assemble the arrays of one window.

    Args:
        encoded: the map.
        window: which part of it.
        mel: (n_frames, n_mels) normalised frames of the song, frame i centred at i * frame_ms; None without audio.
        frames: frames per window.
        frame_ms: ms per frame.
        n_mels: mel channels.
        audio_offset: ms from map time to audio time.
    """
    first = round((window.start + audio_offset) / frame_ms)
    part = np.zeros((frames, n_mels), dtype=np.float32)
    if mel is not None:
        begin, stop = max(first, 0), min(first + frames, len(mel))
        if begin < stop:
            part[begin - first:stop - first] = mel[begin:stop]
    frame_times = window.start + np.arange(frames) * frame_ms
    prompt_phases = np.zeros((len(encoded.prompt), encoded.phases.shape[1]), dtype=np.float32)
    return WindowInputs(
        part, encoded.grid.features(frame_times),
        np.concatenate([encoded.prompt, encoded.tokens[window.events]]),
        np.concatenate([np.zeros(len(encoded.prompt)), encoded.times[window.events] - window.start]).astype(np.float32),
        np.concatenate([prompt_phases, encoded.phases[window.events]]))
