"""Times on the beat: the closest timeline tick, the position in the measure, beat phases for the network.

A tick is 1/48 beat, so every tick of the divisors 1, 2, 3, 4, 6, 8, 12 and 16 is a whole number (1/5, 1/7 and 1/9 are
rounded). Ticks count up through the whole map; each red line starts on a whole beat.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np

from maimod.osu.beatmap import MAX_BEAT_LENGTH_MS, MIN_BEAT_LENGTH_MS, UNSNAP_MS, Beatmap, TimingPoint

SNAP_DIVISORS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16)
"""Beat snap divisors of the editor; every timeline tick belongs to one of them."""
EDITED_DIVISORS = (4, 3, 6, 8, 12, 16)
"""Beat snap divisors at which sliders are drawn, the usual one first."""
SAME_BEATS = 0.005
"""A slider within so many beats of a whole number of ticks is as long as these: files hold rounded lengths."""
SAME_BEAT_MS = 6.0
"""Starts in two difficulties of a set that are this close are on the same beat."""
MIN_SHOWN_BEAT_MS, MAX_TICKS_SHOWN = 60.0, 500
"""Beats are shown as at most 1,000 BPM, and of each red line no more than so many ticks, whatever a file says."""
TICKS_PER_BEAT = 48
TICK_LENIENCY_BEATS = 0.05
"""A red line that is no later than this after a beat begins on it, rather than on the next."""
USUAL_BEAT_MS = 400.0
"""Beat length at which the tempo, as an input of the network, is 0: 150 BPM."""
PHASE_DIVISORS = (1, 2, 3, 4, 6, 8)
"""Parts of a beat whose phases are inputs of the network."""
N_FEATURES = 2 * len(PHASE_DIVISORS) + 2 + 1
"""Sine and cosine of each phase and of the measure, and the tempo."""


def at_rate(features: np.ndarray, rate: float) -> np.ndarray:
    """Change features (n, N_FEATURES) to `rate` times the speed: the phases stay, the tempo changes."""
    faster = features.copy()
    faster[..., -1] -= np.log2(rate) / 2
    return faster


class BeatGrid:
    """Red lines of a beatmap, ready for vectorised look-ups."""

    def __init__(self, beatmap: Beatmap) -> None:
        red_lines = beatmap.red_lines
        self.offsets = np.array([point.time for point in red_lines])
        # A map that was not read from a file may have any tempo, and would overflow the ticks.
        self.beat_lengths = np.clip([point.beat_length for point in red_lines], MIN_BEAT_LENGTH_MS, MAX_BEAT_LENGTH_MS)
        self.meters = np.array([point.meter for point in red_lines], dtype=float)
        beats = np.ceil(np.diff(self.offsets) / self.beat_lengths[:-1] - TICK_LENIENCY_BEATS)
        self.first_ticks = np.concatenate([[0.0], np.cumsum(beats) * TICKS_PER_BEAT])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The red lines as arrays, each (n_red_lines,)."""
        return dict(vars(self))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> BeatGrid:
        """The inverse of :meth:`to_arrays`; other arrays are passed over."""
        grid = cls.__new__(cls)
        grid.offsets, grid.beat_lengths = arrays["offsets"], arrays["beat_lengths"]
        grid.meters, grid.first_ticks = arrays["meters"], arrays["first_ticks"]
        return grid

    def _section(self, times: np.ndarray) -> np.ndarray:
        return np.maximum(np.searchsorted(self.offsets, times, side="right") - 1, 0)

    def ticks(self, times: np.ndarray | float) -> np.ndarray:
        """Whole ticks closest to `times` [ms]; integers, negative before the first red line."""
        times = np.asarray(times, dtype=float)
        section = self._section(times + UNSNAP_MS)  # as Beatmap.red_line_of
        beats = (times - self.offsets[section]) / self.beat_lengths[section]
        return np.round(self.first_ticks[section] + beats * TICKS_PER_BEAT).astype(np.int64)

    def times(self, ticks: np.ndarray | float) -> np.ndarray:
        """Times in ms of `ticks`; inverse of :meth:`ticks` up to rounding."""
        ticks = np.asarray(ticks, dtype=float)
        section = self.section_of_ticks(ticks)
        return self.offsets[section] + (ticks - self.first_ticks[section]) / TICKS_PER_BEAT * self.beat_lengths[section]

    def section_of_ticks(self, ticks: np.ndarray) -> np.ndarray:
        """Indices of the red lines that `ticks` belong to; those before the first belong to the first."""
        return np.maximum(np.searchsorted(self.first_ticks, ticks, side="right") - 1, 0)

    def measure_ticks(self, ticks: np.ndarray, measures: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Position of `ticks` in their measure, or in their group of `measures` measures counted from the red line.

        Returns:
            (ticks since the start, length in ticks), whole numbers of the shape of `ticks`.
        """
        section = self.section_of_ticks(ticks)
        length = (np.maximum(self.meters[section], 1) * TICKS_PER_BEAT * measures).astype(np.int64)
        return (ticks - self.first_ticks[section].astype(np.int64)) % length, length

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
        tempo = np.log2(self.beat_lengths[section] / USUAL_BEAT_MS) / 2
        return np.concatenate([np.sin(angles), np.cos(angles), tempo[..., None]], axis=-1).astype(np.float32)


class Snap(msgspec.Struct, frozen=True):
    """The timeline tick closest to a time."""

    tick: float
    """Ms."""
    divisor: int
    """Divisor of the grid that the tick is on."""
    error: float
    """Time minus tick in ms: positive is late."""
    red_line: TimingPoint

    @property
    def beat(self) -> float:
        """Position of the tick in its measure."""
        return beat_in_measure(self.red_line, self.tick)

    @property
    def place(self) -> str:
        """The same in words: "beat 2", "beat 3 + 1/2"."""
        whole = math.floor(self.beat + 0.01)
        part = round((self.beat - whole) * self.divisor)
        return f"beat {whole + 1}" + (f" + {part}/{self.divisor}" if part else "")


def snap(beatmap: Beatmap, time: float, divisors: Sequence[int] = SNAP_DIVISORS) -> Snap:
    """Find the timeline tick closest to `time` [ms], of the red line in force or of one that begins within 2 ms.

    If ticks are equally close, the coarsest divisor is chosen.

    Args:
        beatmap: the map.
        time: in ms.
        divisors: beat snap divisors to try, coarse first.
    """
    red, next_red = beatmap.red_line_at(time), beatmap.red_line_of(time)
    here = _closest_tick(red, time, divisors)
    if red is next_red:
        return here
    there = _closest_tick(next_red, time, divisors)
    return here if abs(here.error) <= abs(there.error) else there


def _closest_tick(red: TimingPoint, time: float, divisors: Sequence[int]) -> Snap:
    beats = (time - red.time) / red.beat_length
    best, of_best, least = red.time, 1, math.inf
    for divisor in divisors:
        tick = red.time + round(beats * divisor) / divisor * red.beat_length
        if abs(time - tick) < least - 0.01:
            best, of_best, least = tick, divisor, abs(time - tick)
            if least < 0.01:  # nothing is closer
                break
    return Snap(best, of_best, time - best if least < math.inf else math.inf, red)


def edited_length(beatmap: Beatmap, time: float, length: float, path: float) -> float | None:
    """Length [px] that the editor gives a slider after one of its control points was dragged or deleted.

    It ends the slider at the last tick of the beat snap divisor that the path reaches. The divisor is the first of
    `EDITED_DIVISORS` that the slider was drawn at.

    Args:
        beatmap: the map.
        time: start of the slider, ms.
        length: before, px.
        path: arc length of the changed path, px.

    Returns:
        None if the slider was not on ticks before, or if the path reaches none.
    """
    beat = beatmap.pixels_per_beat(time)
    for divisor in EDITED_DIVISORS:
        before = round(length / beat * divisor)
        if before and abs(length / beat - before / divisor) <= SAME_BEATS:
            now = math.floor((path / beat + SAME_BEATS) * divisor)
            return None if now < 1 else length if now == before else now / divisor * beat
    return None


def is_near(times: Sequence[float] | np.ndarray, time: float, within: float) -> bool:
    """Whether one of the ascending `times` is at most `within` ms from `time`."""
    place = bisect_left(times, time - within)
    return place < len(times) and bool(times[place] <= time + within)


def are_near(times: np.ndarray, others: Sequence[float] | np.ndarray, within: float) -> np.ndarray:
    """(n_times,) whether one of the other times is at most `within` ms from each; all in any order."""
    ordered = np.sort(np.asarray(others, dtype=float))
    return np.asarray(np.searchsorted(ordered, times - within) < np.searchsorted(ordered, times + within, side="right"))


def ticks_between(
    beatmap: Beatmap, start: float, stop: float, divisor: int = 1
) -> Iterator[tuple[float, int, TimingPoint]]:
    """Ticks to draw; at most `MAX_TICKS_SHOWN` for each red line.

    Args:
        beatmap: the map.
        start: ms; there are no ticks before the first red line.
        stop: ms.
        divisor: ticks per beat; beats are at least `MIN_SHOWN_BEAT_MS` long.

    Yields:
        (ms, number counted from its red line, red line).
    """
    ends = [*(red.time for red in beatmap.red_lines[1:]), math.inf]
    for red, end in zip(beatmap.red_lines, ends, strict=True):
        step = min(max(red.beat_length, MIN_SHOWN_BEAT_MS), MAX_BEAT_LENGTH_MS) / divisor
        first = max(0, math.ceil((start - red.time) / step))
        for number in range(first, first + MAX_TICKS_SHOWN):
            time = red.time + number * step
            if time > min(stop, end - 1):
                break
            yield time, number, red


def beat_in_measure(red: TimingPoint, time: float) -> float:
    """Beats from the start of the measure to `time` [ms]: 0 on the downbeat, always less than the meter of `red`."""
    meter = max(red.meter, 1)
    return round((time - red.time) / red.beat_length % meter, 6) % meter  # rounded: 3.9999999 beats are a downbeat
