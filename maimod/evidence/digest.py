"""Draw a beat digest: the onsets around each half beat, stacked side by side over the map.

Sounds on the beat form a level band in the middle. A wrong offset shifts it, a wrong tempo tilts it, and a shifted section
breaks it. As in :mod:`maimod.evidence.spectrum`, sounds are drawn as early as in well-timed maps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from maimod.audio.onsets import CLIP, TYPICAL_LAG_MS, OnsetEnvelope
from maimod.evidence.moment import MARKED
from maimod.evidence.spectrum import COLOURS
from maimod.evidence.svg import data_url, element, number, png, text
from maimod.findings import Finding
from maimod.osu.beatmap import Beatmap

if TYPE_CHECKING:
    from maimod.linter.pipeline import Analysis

WIDTH, HEIGHT = 720, 200
TOP, BOTTOM = 8, 180
"""Of the picture in px; the labels of times are below it."""
MOST_MS = 120.0
"""Most ms shown before and after a beat; a quarter beat, if that is less."""
ROWS = 81
MOST_COLUMNS = 720
SMOOTHED = 5
"""Half beats that are averaged: a single one often has no sound."""
LABELS = 6


def digest(analysis: Analysis, finding: Finding) -> str:
    """Draw the digest of the map, with the section of the finding marked; empty without a song or a beat."""
    beats, half = _beats(analysis.beatmap)
    if analysis.song is None or len(beats) < SMOOTHED:
        return ""
    shades = _shades(analysis.song.envelope, beats, half)
    start, stop = float(beats[0]), float(beats[-1])

    def x(at: float) -> float:
        return min(max((at - start) / max(stop - start, 1.0), 0.0), 1.0) * WIDTH

    def y(off: float) -> float:
        return TOP + (off + half) / (2 * half) * (BOTTOM - TOP)

    end = finding.end_time if finding.end_time is not None else stop
    parts = [
        element("rect", x=0, y=0, width=WIDTH, height=HEIGHT, fill="#14161c"),
        element(
            "image",
            href=data_url(png(shades, COLOURS)),
            x=0,
            y=TOP,
            width=WIDTH,
            height=BOTTOM - TOP,
            preserveAspectRatio="none",
        ),
        element("path", d=f"M0 {number(y(0))}H{WIDTH}", stroke="#fff", stroke_width=1, stroke_dasharray="6 5"),
        element(
            "rect",
            class_="mm-marked",
            x=x(finding.time),
            y=TOP,
            width=max(x(end) - x(finding.time), 3.0),
            height=BOTTOM - TOP,
            fill="none",
            stroke=MARKED,
            stroke_width=2,
        ),
    ]
    for off, words in ((-half / 2, "before the beat"), (half / 2, "after the beat")):
        parts.append(_label(f"{abs(off):.0f} ms {words}", 6, y(off) + 4))
    for at in np.linspace(start, stop, LABELS)[1:-1]:
        seconds = round(float(at) / 1000)
        parts.append(_label(f"{seconds // 60:02d}:{seconds % 60:02d}", x(float(at)), HEIGHT - 6, "middle"))
    return element(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        class_="mm-digest",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label="Beat digest: the sounds around each half beat over the map",
    )


def _shades(envelope: OnsetEnvelope, beats: np.ndarray, half: float) -> np.ndarray:
    """(ROWS, n_beats) onset strength from `half` ms before each beat to `half` ms after it, 0 to 255."""
    offsets = np.linspace(-half, half, ROWS)
    strengths = np.minimum(
        envelope.strength((beats[None, :] + offsets[:, None] + TYPICAL_LAG_MS).ravel()), CLIP
    ).reshape(ROWS, len(beats))
    kernel = np.ones(SMOOTHED) / SMOOTHED
    smooth = np.apply_along_axis(lambda row: np.convolve(row, kernel, mode="same"), 1, strengths)
    return np.asarray((smooth / max(float(smooth.max()), 1e-6) * 255).astype(np.uint8))


def _label(content: str, x: float, y: float, anchor: str = "start") -> str:
    return text(content, x=x, y=y, fill="#c6cde0", text_anchor=anchor, font_size=12)


def _beats(beatmap: Beatmap) -> tuple[np.ndarray, float]:
    """Times of the half beats between the first and the last object, and how much around each is shown, in ms."""
    times = [o.time for o in beatmap.hit_objects]
    if not times or not beatmap.red_lines:
        return np.zeros(0), MOST_MS
    last = max(o.end_time for o in beatmap.hit_objects)
    found: list[float] = []
    ends = [*(point.time for point in beatmap.red_lines[1:]), math.inf]
    for place, (red, end) in enumerate(zip(beatmap.red_lines, ends, strict=True)):
        step = min(max(red.beat_length, 60.0), 60_000.0) / 2
        first = (
            math.ceil((min(times) - red.time) / step)
            if place == 0
            else max(0, math.ceil((min(times) - red.time) / step))
        )
        count = max(0, math.ceil((min(last, end - 1) - red.time) / step) - first)
        found += [red.time + (first + i) * step for i in range(min(count, 20_000))]
    half = min([MOST_MS, *(min(max(red.beat_length, 60.0), 60_000.0) / 4 for red in beatmap.red_lines)])
    beats = np.array(found)
    return beats[:: max(1, math.ceil(len(beats) / MOST_COLUMNS))], half
