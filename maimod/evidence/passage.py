"""A short passage in one still picture: what the map has there, or what a model would go on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from maimod.evidence.moment import CLOUD
from maimod.evidence.sketch import Sketch
from maimod.evidence.svg import element, number, polyline, text, thin
from maimod.findings import counted
from maimod.osu import slider_path
from maimod.osu.beatmap import Beatmap, Mode, ObjectKind
from maimod.osu.hitsounds import BIG, KAT

OWN, BEFORE = "#8fa8e8", "#596178"
"""Colours of the map's objects, and of those before the place."""
SOLID, DASHED = None, "7 4"
RHYTHM_HEIGHT = 46.0
TIMES_WIDTH = 512.0
LEAD_BEATS = 1.0
"""Beats of the map that are drawn before the place."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a map, or the objects of a model in its place."""

    beatmap: Beatmap
    time: float
    """Where the continuation begins, in ms."""
    until: float
    before: Sequence[Sketch]
    """Objects of the map before it."""
    objects: Sequence[Sketch]
    is_models: bool = False
    """Whether `objects` are a model's: ghosts, in turquoise with dashed lines."""

    @property
    def start(self) -> float:
        """Ms where the picture begins."""
        return self.time - LEAD_BEATS * self.beatmap.red_line_of(self.time).beat_length

    @property
    def colour(self) -> str:
        """Of the objects."""
        return CLOUD if self.is_models else OWN

    @property
    def beats(self) -> list[float]:
        """Times of the beats in the picture."""
        red = self.beatmap.red_line_of(self.time)
        length = min(max(red.beat_length, 60.0), 60_000.0)
        first, last = np.ceil((self.start - red.time) / length), np.floor((self.until - red.time) / length)
        return [red.time + float(n) * length for n in np.arange(first, last + 1)]

    def style(self, is_before: bool) -> dict[str, str | float | None]:
        """Fill and stroke of an object."""
        colour = BEFORE if is_before else self.colour
        return {
            "fill": colour,
            "fill_opacity": 0.22 if self.is_models and not is_before else 0.55,
            "stroke": colour,
            "stroke_width": 3,
            "stroke_dasharray": DASHED if self.is_models and not is_before else SOLID,
        }


def draw(passage: Passage) -> str:
    """The picture as SVG text."""
    return {Mode.OSU: _circles, Mode.TAIKO: _taiko, Mode.CATCH: _catch, Mode.MANIA: _mania}[passage.beatmap.mode](
        passage
    )


def _svg(passage: Passage, parts: Sequence[str], left: float, top: float, width: float, height: float) -> str:
    whose = "what the model would go on with" if passage.is_models else "what the map has"
    return element(
        "svg",
        element("rect", x=left, y=top, width=width, height=height, fill="#14161c"),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        class_="mm-passage" + " mm-ghost" * passage.is_models,
        role="img",
        aria_label=f"{counted(len(passage.objects), 'object')}: {whose}",
        viewBox=f"{number(left)} {number(top)} {number(width)} {number(height)}",
    )


def _each(passage: Passage) -> list[tuple[Sketch, bool, str]]:
    """(object, whether it is before the place, its number in the picture), the last first: earlier ones lie on top."""
    before = [(one, True, "") for one in passage.before]
    own = [(one, False, str(place)) for place, one in enumerate(passage.objects, start=1)]
    return [*before, *own][::-1]


def _circles(passage: Passage) -> str:
    radius = passage.beatmap.difficulty.circle_radius
    parts = [element("rect", x=0, y=0, width=512, height=384, fill="#1b1e27", stroke="#3a4052")]
    ordered = [*passage.before, *passage.objects]
    for one, other in pairwise(one for one in ordered if one.kind is not ObjectKind.SPINNER):
        x, y = slider_path.tail(one.path) if one.path else (one.x, one.y)
        parts.append(
            element(
                "path",
                d=polyline([(x, y), (other.x, other.y)]),
                stroke="#fff",
                stroke_opacity=0.2,
                stroke_width=2,
                fill="none",
            )
        )
    for one, is_before, name in _each(passage):
        style = passage.style(is_before)
        if one.kind is ObjectKind.SPINNER:
            parts.append(element("circle", cx=256, cy=192, r=150, **style | {"fill": "none"}))
            continue
        if one.path is not None:
            d = polyline(thin(slider_path.flatten(one.path).vertices, 0.6))
            body = {"d": d, "fill": "none", "stroke_linecap": "round", "stroke_linejoin": "round"}
            parts.append(element("path", **body, stroke=style["stroke"], stroke_opacity=0.3, stroke_width=radius * 1.7))
            parts.append(
                element(
                    "path", **body, stroke=style["stroke"], stroke_width=2, stroke_dasharray=style["stroke_dasharray"]
                )
            )
        parts.append(element("circle", cx=one.x, cy=one.y, r=radius * 0.9, **style))
        parts.append(_name(name, one.x, one.y + radius * 0.35, radius))
    margin = 40.0
    top = 384 + margin
    return _svg(
        passage, [*parts, *_rhythm(passage, top)], -margin, -margin, 512 + 2 * margin, 384 + 2 * margin + RHYTHM_HEIGHT
    )


def _rhythm(passage: Passage, top: float) -> list[str]:
    """Times of the objects against the beats, below a playfield, which shows none."""
    middle = top + RHYTHM_HEIGHT / 2

    def x(time: float) -> float:
        return (time - passage.start) / max(passage.until - passage.start, 1.0) * TIMES_WIDTH

    lines = "".join(f"M{number(x(beat))} {number(top + 8)}V{number(top + RHYTHM_HEIGHT - 8)}" for beat in passage.beats)
    parts = [element("path", d=lines or "M0 0", stroke="#fff", stroke_opacity=0.3, stroke_width=2)]
    for one, is_before, _ in _each(passage):
        style = passage.style(is_before)
        if one.end_time > one.time:
            end = x(min(one.end_time, passage.until))
            parts.append(
                element(
                    "path",
                    d=f"M{number(x(one.time))} {number(middle)}H{number(end)}",
                    stroke=style["stroke"],
                    stroke_width=6,
                )
            )
        parts.append(element("circle", cx=x(one.time), cy=middle, r=8, **style))
    return parts


def _taiko(passage: Passage) -> str:
    height, middle = 96.0, 48.0

    def x(time: float) -> float:
        return 24 + (time - passage.start) / max(passage.until - passage.start, 1.0) * 464

    parts = [element("rect", x=0, y=8, width=512, height=80, fill="#1b1e27", stroke="#3a4052")]
    parts += [_line(x(beat), 8, x(beat), 88) for beat in passage.beats]
    for one, is_before, _ in _each(passage):
        style = passage.style(is_before)
        radius = 22.0 if one.additions & BIG else 15.0
        if one.kind is not ObjectKind.CIRCLE:
            end = x(min(one.end_time, passage.until))
            parts.append(
                element(
                    "path",
                    d=f"M{number(x(one.time))} {middle}H{number(end)}",
                    stroke=style["stroke"],
                    stroke_opacity=0.4,
                    stroke_width=2 * radius,
                    stroke_linecap="round",
                )
            )
        letter = "" if one.kind is not ObjectKind.CIRCLE else "k" if one.additions & KAT else "d"
        parts.append(element("circle", cx=x(one.time), cy=middle, r=radius, **style))
        # Don and kat by fill as well: the colour says whose object it is.
        if letter == "k":
            parts.append(element("circle", cx=x(one.time), cy=middle, r=radius - 6, fill="#1b1e27", stroke="none"))
        parts.append(_name(letter.upper() if one.additions & BIG else letter, x(one.time), middle + 6, 18.0))
    return _svg(passage, parts, 0, 0, 512, height)


def _catch(passage: Passage) -> str:
    height, radius = 420.0, passage.beatmap.difficulty.circle_radius * 0.7

    def y(time: float) -> float:
        return height - 30 - (time - passage.start) / max(passage.until - passage.start, 1.0) * (height - 60)

    parts = [element("rect", x=0, y=0, width=512, height=height, fill="#1b1e27")]
    parts += [_line(0, y(beat), 512, y(beat)) for beat in passage.beats]
    for one, is_before, name in _each(passage):
        style = passage.style(is_before)
        if one.kind is ObjectKind.SPINNER:
            top, bottom = y(min(one.end_time, passage.until)), y(one.time)
            parts.append(
                element("rect", x=16, y=top, width=480, height=max(bottom - top, 2), **style | {"fill_opacity": 0.1})
            )
            continue
        if one.path is not None and one.end_time > one.time:
            stops = np.linspace(0, one.path.slides, 8 * min(one.path.slides, 20) + 1)
            line = slider_path.flatten(one.path)
            xs = line.at(np.abs((stops + 1) % 2 - 1) * line.length)[:, 0]
            times = one.time + (one.end_time - one.time) * stops / one.path.slides
            stream = [(float(x), y(float(time))) for x, time in zip(xs, times, strict=True)]
            parts.append(
                element(
                    "path",
                    d=polyline(stream),
                    fill="none",
                    stroke=style["stroke"],
                    stroke_width=radius * 0.4,
                    stroke_dasharray=f"1 {number(radius * 0.6)}",
                    stroke_linecap="round",
                )
            )
        parts.append(element("circle", cx=one.x, cy=y(one.time), r=radius, **style))
        parts.append(_name(name, one.x, y(one.time) + radius * 0.35, radius))
    return _svg(passage, parts, -16, 0, 544, height)


def _mania(passage: Passage) -> str:
    keys, height = passage.beatmap.keys, 420.0
    width = min(64.0, 512 / keys)

    def y(time: float) -> float:
        return height - 24 - (time - passage.start) / max(passage.until - passage.start, 1.0) * (height - 48)

    parts = [
        element(
            "rect",
            x=i * width,
            y=0,
            width=width,
            height=height,
            fill="#1b1e27" if i % 2 else "#1f2330",
            stroke="#2a3042",
        )
        for i in range(keys)
    ]
    parts += [_line(0, y(beat), keys * width, y(beat)) for beat in passage.beats]
    for one, is_before, _ in _each(passage):
        style, x = passage.style(is_before), one.column * width + 3
        if one.end_time > one.time:
            top = y(min(one.end_time, passage.until))
            parts.append(
                element(
                    "rect",
                    x=x + 5,
                    y=top,
                    width=width - 16,
                    height=max(y(one.time) - top, 1),
                    **style | {"fill_opacity": 0.25},
                )
            )
        parts.append(element("rect", x=x, y=y(one.time) - 7, width=width - 6, height=14, rx=4, **style))
    return _svg(passage, parts, -8, 0, keys * width + 16, height)


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return element("path", d=polyline([(x1, y1), (x2, y2)]), stroke="#fff", stroke_opacity=0.16, stroke_width=2)


def _name(name: str, x: float, y: float, size: float) -> str:
    if not name:
        return ""
    return text(name, x=x, y=y, fill="#fff", text_anchor="middle", font_size=size, font_weight="bold")
