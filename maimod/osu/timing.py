"""The beat of a map as a function of time: ticks for tempo-free rhythm, phases for the network.

A tick is 1/48 beat, so every tick of the divisors 1, 2, 3, 4, 6, 8, 12 and 16 is a whole number (1/5, 1/7 and 1/9 are
rounded). Ticks grow through the whole map and go on across red lines, each of which starts on a whole beat.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maimod.osu.beatmap import UNSNAP_MS, Beatmap, Snap

TICKS_PER_BEAT = 48
PHASE_DIVISORS = (1, 2, 3, 4, 6, 8)
"""Parts of a beat whose phase the network is shown."""
N_FEATURES = 2 * len(PHASE_DIVISORS) + 2 + 1
"""Sine and cosine of each phase and of the measure, and the tempo."""


def at_rate(features: np.ndarray, rate: float) -> np.ndarray:
    """Features (n, N_FEATURES) as they are if everything runs `rate` times as fast: the phases stay, the tempo grows."""
    faster = features.copy()
    faster[..., -1] -= np.log2(rate) / 2
    return faster


class BeatGrid:
    """Red lines of a beatmap, ready for vectorised look-ups."""

    def __init__(self, beatmap: Beatmap) -> None:
        red_lines = beatmap.red_lines
        self.offsets = np.array([point.time for point in red_lines])
        # Absurd tempos ("aspire" maps, up to 10^9 BPM) would overflow the ticks and mean nothing to anyone.
        self.beat_lengths = np.clip([point.beat_length for point in red_lines], 6.0, 60_000.0)
        self.meters = np.array([point.meter for point in red_lines], dtype=float)
        beats = np.ceil(np.diff(self.offsets) / self.beat_lengths[:-1] - 0.05)
        self.first_ticks = np.concatenate([[0.0], np.cumsum(beats) * TICKS_PER_BEAT])

    def _section(self, times: np.ndarray) -> np.ndarray:
        return np.maximum(np.searchsorted(self.offsets, times, side="right") - 1, 0)

    def ticks(self, times: np.ndarray | float) -> np.ndarray:
        """Whole ticks closest to `times` [ms]; integers, negative before the first red line."""
        times = np.asarray(times, dtype=float)
        # An object 1 ms before a red line belongs to it: the editor truncates times.
        section = self._section(times + 2.0)
        beats = (times - self.offsets[section]) / self.beat_lengths[section]
        return np.round(self.first_ticks[section] + beats * TICKS_PER_BEAT).astype(np.int64)

    def times(self, ticks: np.ndarray | float) -> np.ndarray:
        """Times in ms of `ticks`; inverse of :meth:`ticks` up to rounding."""
        ticks = np.asarray(ticks, dtype=float)
        section = np.maximum(np.searchsorted(self.first_ticks, ticks, side="right") - 1, 0)
        return self.offsets[section] + (ticks - self.first_ticks[section]) / TICKS_PER_BEAT * self.beat_lengths[section]

    def features(self, times: np.ndarray) -> np.ndarray:
        """Beat phases and tempo at `times` [ms].

        Returns:
            float32 (n_times, N_FEATURES), all within about [-1, 1].
        """
        times = np.asarray(times, dtype=float)
        section = self._section(times)
        beats = (times - self.offsets[section]) / self.beat_lengths[section]
        phases = [beats * divisor for divisor in PHASE_DIVISORS] + [beats / self.meters[section]]
        angles = 2 * np.pi * (np.stack(phases, axis=-1) % 1.0)
        tempo = np.log2(self.beat_lengths[section] / 400.0) / 2
        return np.concatenate([np.sin(angles), np.cos(angles), tempo[..., None]], axis=-1).astype(np.float32)


def snap(beatmap: Beatmap, time: float) -> Snap:
    """Snap to the red line in force or to one that begins within 2 ms: the editor truncates times."""
    here = beatmap.snap(time)
    if beatmap.red_line_at(time + UNSNAP_MS) is here.red_line:
        return here
    soon = beatmap.snap(time + UNSNAP_MS)
    late = Snap(soon.tick, soon.divisor, time - soon.tick, soon.red_line)
    return here if abs(here.error) <= abs(late.error) else late


def measure_ticks(beatmap: Beatmap, times: Sequence[float]) -> np.ndarray:
    """Ticks of `times` [ms] since the start of their measure: (n_times,) integers."""
    grid = BeatGrid(beatmap)
    section = np.maximum(np.searchsorted(grid.offsets, np.asarray(times, dtype=float) + 2.0, side="right") - 1, 0)
    lengths = np.maximum(grid.meters[section], 1) * TICKS_PER_BEAT
    return ((grid.ticks(np.asarray(times, dtype=float)) - grid.first_ticks[section]) % lengths).astype(np.int64)
