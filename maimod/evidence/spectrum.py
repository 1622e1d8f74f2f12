"""Draw the song around a moment: spectrogram, onsets, the times of the map's objects and the times that the model
expected.

The song is drawn `TYPICAL_LAG_MS` early, because the onset envelope peaks that long after the time at which mappers
place an object. In a well-timed map onsets are drawn on the lines, in a late map before them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from maimod.audio import decode
from maimod.audio.onsets import CLIP, TYPICAL_LAG_MS
from maimod.audio.spectrogram import log_mel, step_samples
from maimod.events.schema import EventKind
from maimod.evidence.moment import CLOUD, MARKED
from maimod.evidence.svg import data_url, element, number, palette, png, polyline, text
from maimod.osu.beatmap import Beatmap
from maimod.osu.timing import ticks_between
from maimod.rules.rhythm_index import SAME_MS

if TYPE_CHECKING:
    from maimod.linter.pipeline import Analysis
    from maimod.linter.song import Song

WIDTH, HEIGHT = 720, 190
SPECTRUM = (22, 132)
"""Top and bottom of the spectrogram in px; labels are above it, onsets below."""
ONSETS = (136, 168)
HALF_MS = 1200.0
STEP_MS, N_MELS = 6.0, 56
RANGE = 7.0
"""Dynamic range of the picture in nepers of power: 30 dB."""
TILT = 0.045
"""Nepers added per band: music is weaker towards the treble, where attacks are seen best."""
COLOURS = palette([(0, "#0b0d14"), (0.35, "#2b2a63"), (0.6, "#8a2f7d"), (0.8, "#ea6a4f"), (1, "#ffe9a8")])
SNAPS = ((1, "#ffffff", 12), (2, "#ff5a5a", 9), (4, "#4f8cff", 6))
"""Beat ticks: divisor, colour as in the editor, height."""
LABEL_PX = 34.0
"""Smallest distance in px between two labels."""
MAX_EXPLAINED = 3
"""Most objects whose expected times are drawn; more would be unreadable."""
LEAST, LEAST_OF_NEXT = 0.05, 0.2
"""Expected times below this probability are not drawn."""


def spectrum(analysis: Analysis, time: float, marked: Collection[int] = ()) -> str:
    """Draw the song around `time` [ms of the map]."""
    start, stop = time - HALF_MS, time + HALF_MS

    def x(at: float) -> float:
        return (at - start) / (stop - start) * WIDTH

    parts = [
        element("rect", x=0, y=0, width=WIDTH, height=HEIGHT, fill="#14161c"),
        *_song(analysis.song, start, stop, x),
        *_ticks(analysis.beatmap, start, stop, x),
        *_edges(analysis.beatmap, start, stop, x, marked),
        *_expected([one for one in expected_times(analysis, marked) if start <= one[0] <= stop], x),
    ]
    parts.append(element("path", class_="mm-now", d=f"M0 0V{HEIGHT}", stroke="#7CFF6B", stroke_width=2, opacity=0))
    return element(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        class_="mm-spectrum",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label="Spectrogram and onsets with the mapped and the expected times",
        data_start=start,
        data_stop=stop,
    )


def _song(song: Song | None, start: float, stop: float, x: Callable[[float], float]) -> list[str]:
    """The spectrogram, and the onset strength below it."""
    if song is None:
        return [text("no song", x=WIDTH / 2, y=90, fill="#8a93ad", text_anchor="middle", font_size=16)]
    (top, bottom), (low, high) = SPECTRUM, ONSETS
    in_song = start + TYPICAL_LAG_MS, stop + TYPICAL_LAG_MS
    image = data_url(png(spectrogram(song.audio, *in_song), COLOURS))
    times = np.arange(start, stop, 4.0)
    strengths = np.minimum(song.envelope.strength(times + TYPICAL_LAG_MS), CLIP) / CLIP
    points = [(x(float(t)), high - float(s) * (high - low)) for t, s in zip(times, strengths, strict=True)]
    outline = polyline([(0, high), *points, (WIDTH, high)]) + "Z"
    return [
        element("image", href=image, x=0, y=top, width=WIDTH, height=bottom - top, preserveAspectRatio="none"),
        element("path", d=outline, fill="#ffb454", fill_opacity=0.75),
    ]


def _edges(
    beatmap: Beatmap, start: float, stop: float, x: Callable[[float], float], marked: Collection[int]
) -> Iterator[str]:
    """Starts, repeats and ends of the objects."""
    for o in beatmap.hit_objects:
        for edge, at in enumerate(o.edge_times()[:200]):
            if start <= at <= stop:
                ours = o.index in marked
                yield element(
                    "path",
                    d=f"M{number(x(at))} {SPECTRUM[0] - 4}V{ONSETS[1]}",
                    stroke=MARKED if ours else "#fff",
                    stroke_width=3 if ours and not edge else 1.5,
                    stroke_opacity=1 if ours or not edge else 0.45,
                    stroke_dasharray=None if not edge else "3 3",
                )


def _expected(times: Iterable[tuple[float, float]], x: Callable[[float], float]) -> Iterator[str]:
    """Times that the model expected, with their probabilities where there is room for them."""
    named = -LABEL_PX
    for at, probability in times:
        yield element(
            "path",
            d=f"M{number(x(at))} {SPECTRUM[0] - 4}V{ONSETS[1]}",
            stroke=CLOUD,
            stroke_width=3,
            stroke_dasharray="7 4",
            stroke_opacity=f"{0.35 + 0.65 * probability:.3g}",
        )
        if x(at) - named >= LABEL_PX:
            named, label = x(at), f"{probability:.0%}"
            yield text(label, x=named, y=13, fill=CLOUD, text_anchor="middle", font_size=12, font_weight="bold")


def expected_times(analysis: Analysis, marked: Collection[int]) -> list[tuple[float, float]]:
    """(ms, probability) of the times at which the model expected a start or an end of these objects and the map has
    none.

    Includes the expected times of the next object: if an object is missing, the next one is later than expected.
    """
    order = analysis.evidence.objects_by_time
    ours = [place for place, o in enumerate(order) if o.index in marked][:MAX_EXPLAINED]
    explained = [(order[place], LEAST) for place in ours] + [
        (order[place + 1], LEAST_OF_NEXT) for place in ours[-1:] if place + 1 < len(order)
    ]
    found: dict[float, float] = {}
    for hit_object, least in explained:
        for score in analysis.evidence.scores_by_object.get(hit_object.index, ()):
            if score.event.kind is not EventKind.TIME:
                continue
            for event, probability in score.expected:
                if (
                    event.kind is EventKind.TIME
                    and probability >= least
                    and abs(event.value - score.event.value) > SAME_MS
                ):
                    found[event.value] = max(probability, found.get(event.value, 0.0))
    return sorted(found.items())


def spectrogram(song: decode.Audio, start: float, stop: float) -> np.ndarray:
    """(N_MELS, n_steps) bytes from `start` to `stop` [ms of the song], low bands last; silence outside the song."""
    hop = step_samples(STEP_MS, song.sample_rate)
    first, n_steps = round(start * song.sample_rate / 1000), max(1, round((stop - start) / STEP_MS))
    piece = song.piece(first, n_steps * hop)
    mel = log_mel(
        piece, sample_rate=song.sample_rate, window_ms=32.0, frame_ms=STEP_MS, n_mels=N_MELS, f_max=song.sample_rate / 2
    )
    level = np.log(np.expm1(mel[:n_steps]) + 1e-6)
    level = level + TILT * np.arange(N_MELS)
    loudest = float(np.quantile(level, 0.995))
    shades = np.clip((level - loudest) / RANGE + 1, 0, 1) if loudest > -10 else np.zeros_like(level)
    return np.ascontiguousarray((shades.T[::-1] * 255).astype(np.uint8))


def _ticks(beatmap: Beatmap, start: float, stop: float, x: Callable[[float], float]) -> list[str]:
    """The quarter beats, below; `x` gives the place of a time."""
    marks = []
    for at, place, _ in ticks_between(beatmap, start, stop, 4):
        _, colour, height = SNAPS[0 if place % 4 == 0 else 1 if place % 2 == 0 else 2]
        marks.append(element("path", d=f"M{number(x(at))} {HEIGHT}v{-height}", stroke=colour, stroke_width=1.5))
    return marks
