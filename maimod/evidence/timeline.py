"""Draw the whole map in one strip: song, objects, timing lines, kiai, and the surprisal at each moment if there was a model.

The picture fills its box (`preserveAspectRatio="none"`), so a viewer zooms by changing only the viewBox: x is ms of the
map, y runs from 0 to 100, without surprisal to the end of the row above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maimod.evidence.svg import element, number
from maimod.osu.beatmap import UNSNAP_MS, Beatmap, HitObject, Mode
from maimod.osu.hitsounds import BIG, KAT
from maimod.osu.timing import snap

if TYPE_CHECKING:
    from maimod.linter.pipeline import Analysis

MAX_BINS = 9000
"""Most bins of the waveform: 40 ms each in a song of 6 minutes, a path of 80 kB."""
BIN_MS = 12.0
"""Smallest width of a bin."""
DENSITY_STEP_MS, DENSITY_WIDTH_MS = 500.0, 2000.0
TOP_BITS = 20.0
"""Surprisal at the top of the strip; larger values are cut off."""
WAVE, OBJECTS, BITS = (4.0, 46.0), (49.0, 63.0), (66.0, 100.0)
"""Top and bottom of each row, in units of y; the last is left out without a model."""
MARGIN_MS = 1000.0


def extent(analysis: Analysis) -> tuple[float, float]:
    """First and last ms of the strip: the song, and objects before or after it."""
    beatmap, song = analysis.beatmap, analysis.song
    ends = [o.end_time + MARGIN_MS for o in beatmap.hit_objects] + ([song.audio.duration] if song else [])
    return min([0.0] + [o.time - MARGIN_MS for o in beatmap.hit_objects]), max([MARGIN_MS, *ends])


def timeline(analysis: Analysis) -> str:
    """Draw the strip."""
    start, end = extent(analysis)
    beatmap = analysis.beatmap
    stop = end
    surprisal, height = (", kiai and surprisal", BITS[1]) if moments(analysis) else (" and kiai", BITS[0])
    kiai = [(first.time, last.time if last else stop) for first, last in beatmap.kiai_sections]
    layers = [
        *(_band("kiai", first, last) for first, last in kiai),
        *(_band("break", pause.start, pause.end) for pause in beatmap.breaks),
        _waveform(analysis),
        _density(beatmap, end),
        _ticks("objects", [o.time for o in beatmap.hit_objects], *OBJECTS),
        _ticks("green", [p.time for p in beatmap.timing_points if not p.uninherited], WAVE[1] - 5, WAVE[1]),
        _ticks("red", [p.time for p in beatmap.timing_points if p.uninherited], 0, 100),
        _bits(analysis),
    ]
    return element(
        "svg",
        *layers,
        xmlns="http://www.w3.org/2000/svg",
        class_="mm-strip",
        preserveAspectRatio="none",
        width="100%",
        height="100%",
        viewBox=f"{number(start)} 0 {number(end - start)} {number(height)}",
        role="img",
        aria_label=f"Timeline: waveform, object density, timing lines{surprisal}",
    )


def moments(analysis: Analysis) -> list[tuple[int, float]]:
    """(ms, bits) of each time with events, ascending: the surprise of its most surprising event."""
    bits: dict[int, float] = {}
    for score in analysis.evidence.scores or ():
        time = score.event.time
        bits[time] = max(bits.get(time, 0.0), score.tolerant_surprisal)
    return sorted((time, round(value, 1)) for time, value in bits.items())


def notes(analysis: Analysis) -> list[tuple[float, float, str, int]]:
    """(start, end, name, snap) of each object by time: ms, what the editor writes on it, and the divisor of its beat snap,
    0 if it is on none.

    Names are combo numbers; in taiko d, k, D and K for dons and kats and big ones, in mania the columns from 1.
    """
    beatmap = analysis.beatmap
    found = []
    for o in sorted(beatmap.hit_objects, key=lambda o: (o.time, o.index)):
        place = snap(beatmap, o.time)
        divisor = place.divisor if abs(place.error) < UNSNAP_MS else 0
        found.append((round(o.time, 1), round(o.end_time, 1), _name(beatmap, o), divisor))
    return found


def _name(beatmap: Beatmap, hit_object: HitObject) -> str:
    if beatmap.mode is Mode.MANIA:
        return str(beatmap.column(hit_object) + 1)
    if beatmap.mode is Mode.TAIKO:
        letter = "k" if hit_object.hitsound & KAT else "d"
        return letter.upper() if hit_object.hitsound & BIG else letter
    return str(hit_object.combo_number)


def beats(analysis: Analysis) -> list[tuple[float, float, int]]:
    """(time, beat length, meter) of each red line: ms, ms, beats."""
    return [
        (point.time, min(max(point.beat_length, 6.0), 60_000.0), point.meter) for point in analysis.beatmap.red_lines
    ]


def _band(name: str, first: float, last: float) -> str:
    return element("rect", class_=name, x=first, y=0, width=max(last - first, 0.0), height=100)


def _ticks(name: str, times: list[float], top: float, bottom: float) -> str:
    path = "".join(f"M{number(time)} {number(top)}V{number(bottom)}" for time in sorted(set(times)))
    return element("path", class_=name, d=path, vector_effect="non-scaling-stroke") if path else ""


def _waveform(analysis: Analysis) -> str:
    if analysis.song is None:
        return ""
    audio = analysis.song.audio
    bin_ms = max(BIN_MS, audio.duration / MAX_BINS)
    size = max(1, round(bin_ms * audio.sample_rate / 1000))
    n_bins = len(audio.samples) // size
    if not n_bins:
        return ""
    bins = audio.samples[: n_bins * size].reshape(n_bins, size)
    power = np.einsum("ij,ij->i", bins, bins) / size  # the peaks of a loud master would be one solid block
    loudest = float(power.max())
    heights = np.round(np.sqrt(power / loudest) * 100).astype(int) if loudest else np.zeros(n_bins, dtype=int)
    # Relative integer steps, scaled by the transform: a third of the text of absolute coordinates.
    there = "".join(f"l1 {-step}" for step in np.diff(heights))
    back = "".join(f"l-1 {-step}" for step in np.diff(heights)[::-1])
    d = f"M0 {-heights[0]}{there}V{heights[-1]}{back}Z"
    middle, half = sum(WAVE) / 2, (WAVE[1] - WAVE[0]) / 2
    return element(
        "path",
        class_="wave",
        d=d,
        transform=f"translate(0 {number(middle)}) scale({size * 1000 / audio.sample_rate:.6g} {half / 100:.4g})",
    )


def _density(beatmap: Beatmap, end: float) -> str:
    """Draw objects per second, relative to the map's densest part."""
    times = np.sort([o.time for o in beatmap.hit_objects])
    centres = np.arange(0, end + DENSITY_STEP_MS, DENSITY_STEP_MS)
    half = DENSITY_WIDTH_MS / 2
    counts = np.searchsorted(times, centres + half) - np.searchsorted(times, centres - half)
    if not counts.max():
        return ""
    heights = OBJECTS[1] - (OBJECTS[1] - OBJECTS[0]) * counts / counts.max()
    path = "".join(f"L{number(x)} {number(y)}" for x, y in zip(centres, heights, strict=True))
    return element(
        "path", class_="density", d=f"M{number(centres[0])} {number(OBJECTS[1])}{path}V{number(OBJECTS[1])}Z"
    )


def _bits(analysis: Analysis) -> str:
    top, bottom = BITS
    path = "".join(
        f"M{time} {number(bottom)}V{number(bottom - (bottom - top) * min(bits, TOP_BITS) / TOP_BITS)}"
        for time, bits in moments(analysis)
        if bits >= 0.2
    )
    return element("path", class_="bits", d=path, vector_effect="non-scaling-stroke") if path else ""
