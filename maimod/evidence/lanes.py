"""Draw the scrolling playfields at a moment: the lane of taiko, the falling fruits of catch, the columns of mania.

Taiko notes each move at their own speed, as in the game; fruits fall by the approach rate. Mania scrolls at a constant
speed and ignores green lines, because charts with speed effects would be unreadable.
Source: osu!lazer, `TaikoPlayfield`, `CatchHitObject`, `DefaultManiaSkin` (behaviour only).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

import numpy as np

from maimod.evidence.circles import combo_colours
from maimod.evidence.moment import CLOUD, MARKED, Cloud, Span
from maimod.evidence.svg import element, number, polyline, text
from maimod.osu import slider_path
from maimod.osu.beatmap import UNSNAP_MS, Beatmap, ObjectKind
from maimod.osu.hitsounds import BIG, KAT

HEIGHT = 480
SCROLL = 0.5
"""Px per ms in mania: 800 ms are in view above the line."""
TAIKO_SPEED = 140.0
"""Px per beat and slider multiplier: lazer's `VELOCITY_MULTIPLIER` of 1.4."""
TAIKO_HIT_X, TAIKO_Y, TAIKO_RADIUS = 90.0, 100.0, 26.0
TAIKO_WIDTH, TAIKO_HEIGHT = 720, 200
CENTRE, RIM, ROLL = "#eb452c", "#3f9fc0", "#f5b81f"
FRUIT_Y = 430.0
_GHOST: dict[str, str | float | None] = {
    "class_": "cloud mm-missing",
    "fill": CLOUD,
    "fill_opacity": 0.15,
    "stroke": CLOUD,
    "stroke_width": 3,
    "stroke_dasharray": "8 5",
}
"""Attributes of an object that is expected and missing; where it would be is not known, so it spans all places."""
COLUMN_COLOURS = ("#e8ecf8", "#5fa8ff", "#ffd166")
"""Colours of outer, inner and middle columns."""


def taiko(beatmap: Beatmap, span: Span, marked: Collection[int], cloud: Cloud | None) -> str:
    """Draw the lane."""
    parts = [
        element("rect", x=0, y=0, width=TAIKO_WIDTH, height=TAIKO_HEIGHT, fill="#14161c"),
        element("rect", x=0, y=TAIKO_Y - 58, width=TAIKO_WIDTH, height=116, fill="#1b1e27", stroke="#3a4052"),
    ]
    # Like notes, bar lines move at the scroll speed of their own time.
    for time, strong in _beats(beatmap, span, 3000):
        line = element(
            "path",
            d=f"M0 {number(TAIKO_Y - 58)}V{number(TAIKO_Y + 58)}",
            stroke="#fff",
            stroke_opacity=0.5 if strong else 0.12,
            stroke_width=2,
        )
        parts.append(_moving(line, time, span.time, vx=_taiko_speed(beatmap, time), x=TAIKO_HIT_X))
    parts.append(
        element(
            "circle", cx=TAIKO_HIT_X, cy=TAIKO_Y, r=TAIKO_RADIUS * 1.5, fill="none", stroke="#8a93ad", stroke_width=3
        )
    )
    parts.append(
        element("circle", cx=TAIKO_HIT_X, cy=TAIKO_Y, r=TAIKO_RADIUS, fill="none", stroke="#8a93ad", stroke_width=2)
    )
    for o in sorted(beatmap.hit_objects, key=lambda o: (-o.time, o.index)):
        speed = _taiko_speed(beatmap, o.time)
        if o.index not in marked and not (
            (o.time - span.time - span.after) * speed < TAIKO_WIDTH
            and (o.end_time - span.time + span.before) * speed > -200
        ):
            continue
        big = bool(o.hitsound & BIG)
        radius = TAIKO_RADIUS * (1.5 if big else 1.0)
        length = min((o.end_time - o.time) * speed, 20_000.0)
        if o.kind is ObjectKind.CIRCLE:
            colour = RIM if o.hitsound & KAT else CENTRE
            body = element("circle", cx=0, cy=TAIKO_Y, r=radius, fill=colour, stroke="#fff", stroke_width=4)
        elif o.kind is ObjectKind.SPINNER:
            body = (
                element(
                    "path",
                    d=f"M0 {TAIKO_Y}H{number(length)}",
                    stroke="#9aa4c0",
                    stroke_width=10,
                    stroke_linecap="round",
                )
                + element("circle", cx=0, cy=TAIKO_Y, r=TAIKO_RADIUS, fill="#9aa4c0", stroke="#fff", stroke_width=4)
                + text("den", x=0, y=TAIKO_Y + 5, text_anchor="middle", font_size=14, fill="#14161c")
            )
        else:
            body = element(
                "path",
                d=f"M0 {TAIKO_Y}H{number(length)}",
                stroke="#fff",
                stroke_width=2 * radius + 6,
                stroke_linecap="round",
            ) + element(
                "path",
                d=f"M0 {TAIKO_Y}H{number(length)}",
                stroke=ROLL,
                stroke_width=2 * radius - 2,
                stroke_linecap="round",
            )
        if o.index in marked:
            body += element(
                "circle",
                cx=0,
                cy=TAIKO_Y,
                r=radius + 10,
                class_="mm-marked",
                fill="none",
                stroke=MARKED,
                stroke_width=4,
                stroke_dasharray="12 6",
            )
        parts.append(_moving(body, o.time, span.time, vx=speed, x=TAIKO_HIT_X))
    if cloud and cloud.is_missing:
        ghost = element("circle", cx=0, cy=TAIKO_Y, r=TAIKO_RADIUS, **_GHOST) + text(
            "?", x=0, y=TAIKO_Y + 8, text_anchor="middle", font_size=22, fill=CLOUD
        )
        speed = _taiko_speed(beatmap, cloud.time)
        parts.append(_moving(ghost, cloud.time, span.time, vx=speed, x=TAIKO_HIT_X))
    return _svg(parts, TAIKO_WIDTH, TAIKO_HEIGHT, span)


def catch(beatmap: Beatmap, span: Span, marked: Collection[int], cloud: Cloud | None) -> str:
    """Draw the falling fruits."""
    approach = beatmap.difficulty.preempt_ms
    speed = FRUIT_Y / approach
    radius = beatmap.difficulty.circle_radius * 0.8
    colours = combo_colours(beatmap)

    def y(time: float) -> float:
        return FRUIT_Y - (time - span.time) * speed

    moving: list[str] = []
    for time, strong in _beats(beatmap, span, approach):
        moving.append(
            element(
                "path",
                d=f"M0 {number(y(time))}H512",
                stroke="#fff",
                stroke_opacity=0.22 if strong else 0.07,
                stroke_width=2,
            )
        )
    for o in beatmap.hit_objects:
        if o.index not in marked and not (
            o.time < span.time + span.after + approach and o.end_time > span.time - span.before - 400
        ):
            continue
        if o.kind is ObjectKind.SPINNER:
            top, bottom = y(o.end_time), y(o.time)
            moving.append(
                element(
                    "rect",
                    x=16,
                    y=top,
                    width=480,
                    height=max(bottom - top, 2),
                    rx=12,
                    fill="#ffd166",
                    fill_opacity=0.12,
                    stroke="#ffd166",
                    stroke_opacity=0.5,
                )
            )
            moving.append(
                text("bananas", x=256, y=(top + bottom) / 2, text_anchor="middle", font_size=18, fill="#ffd166")
            )
        elif o.slider and o.span_duration > 0:
            path = slider_path.flatten(o.slider)
            stops = np.linspace(0, o.slider.slides, 12 * min(o.slider.slides, 20) + 1)
            xs = path.at(np.abs((stops + 1) % 2 - 1) * path.length)[:, 0]
            stream = [(float(x), y(o.time + float(stop) * o.span_duration)) for x, stop in zip(xs, stops, strict=True)]
            moving.append(
                element(
                    "path",
                    d=polyline(stream),
                    fill="none",
                    stroke=colours[o.index],
                    stroke_opacity=0.75,
                    stroke_width=radius * 0.35,
                    stroke_dasharray=f"1 {number(radius * 0.55)}",
                    stroke_linecap="round",
                )
            )
            ends = path.at(np.array([0.0, path.length]))[:, 0]
            for edge in range(o.slider.slides + 1):
                moving.append(
                    _fruit(float(ends[edge % 2]), y(o.time + edge * o.span_duration), radius, colours[o.index])
                )
        else:
            moving.append(_fruit(o.x, y(o.time), radius, colours[o.index]))
        if o.index in marked:
            moving.append(
                element(
                    "circle",
                    cx=o.x,
                    cy=y(o.time),
                    r=radius * 1.35,
                    class_="mm-marked",
                    fill="none",
                    stroke=MARKED,
                    stroke_width=4,
                    stroke_dasharray="12 6",
                )
            )
    if cloud and cloud.places:
        chances: dict[float, float] = {}
        for x, _, p in cloud.places:
            chances[x] = chances.get(x, 0.0) + p
        moving += [
            element(
                "rect",
                class_="cloud",
                x=x - 4,
                y=y(cloud.time) - radius,
                width=8,
                height=2 * radius,
                fill=CLOUD,
                fill_opacity=f"{0.85 * (p / max(chances.values())) ** 0.5:.3g}",
            )
            for x, p in sorted(chances.items())
        ]
    elif cloud:
        moving += [
            element(
                "circle",
                class_="cloud",
                cx=x,
                cy=y(cloud.time),
                r=radius * 0.9,
                fill=CLOUD,
                fill_opacity=f"{0.8 * p**0.5:.3g}",
            )
            for x, _, p in cloud.spots
        ]
        moving += [
            element(
                "rect",
                class_="cloud",
                x=x - size / 2,
                y=y(cloud.time) - radius,
                width=size,
                height=2 * radius,
                fill=CLOUD,
                fill_opacity=f"{0.6 * p**0.5:.3g}",
            )
            for x, _, size, p in cloud.cells
        ]
    if cloud and cloud.is_missing:
        moving.append(element("rect", x=4, y=y(cloud.time) - radius, width=504, height=2 * radius, rx=radius, **_GHOST))
    parts = [
        element("rect", x=-32, y=0, width=576, height=HEIGHT, fill="#14161c"),
        element("rect", x=0, y=0, width=512, height=HEIGHT, fill="#1b1e27"),
        element("g", *moving, class_="moving", data_s=span.time, data_vx=0, data_vy=-speed),
        element("path", d=f"M-32 {FRUIT_Y}H544", stroke="#fff", stroke_width=3, stroke_opacity=0.6),
    ]
    return _svg(parts, 576, HEIGHT, span, left=-32)


def mania(beatmap: Beatmap, span: Span, marked: Collection[int], cloud: Cloud | None) -> str:
    """Draw the columns."""
    keys = beatmap.keys
    width = min(56.0, 512 / keys)
    line = HEIGHT - 80.0
    reach = line / SCROLL

    def y(time: float) -> float:
        return line - (time - span.time) * SCROLL

    moving: list[str] = []
    for time, strong in _beats(beatmap, span, reach):
        moving.append(
            element(
                "path",
                d=f"M0 {number(y(time))}H{number(keys * width)}",
                stroke="#fff",
                stroke_opacity=0.4 if strong else 0.12,
                stroke_width=2,
            )
        )
    for o in beatmap.hit_objects:
        if not (o.time < span.time + span.after + reach and o.end_time > span.time - span.before - 200):
            continue
        column = beatmap.column(o)
        colour = COLUMN_COLOURS[2 if 2 * column + 1 == keys else min(column, keys - 1 - column) % 2]
        x, height = column * width + 2, 16.0
        if o.end_time > o.time:
            moving.append(
                element(
                    "rect",
                    x=x + 4,
                    y=y(o.end_time),
                    width=width - 12,
                    height=max(y(o.time) - y(o.end_time), 1),
                    fill=colour,
                    fill_opacity=0.4,
                    rx=3,
                )
            )
        moving.append(element("rect", x=x, y=y(o.time) - height, width=width - 4, height=height, rx=4, fill=colour))
        if o.index in marked:
            moving.append(
                element(
                    "rect",
                    x=x - 3,
                    y=y(o.time) - height - 5,
                    width=width + 2,
                    height=height + 10,
                    rx=7,
                    class_="mm-marked",
                    fill="none",
                    stroke=MARKED,
                    stroke_width=4,
                    stroke_dasharray="10 5",
                )
            )
    if cloud:
        moving += [
            element(
                "rect",
                class_="cloud",
                x=column * width + 2,
                y=y(cloud.time) - 16,
                width=width - 4,
                height=16,
                rx=4,
                fill=CLOUD,
                fill_opacity=f"{0.85 * p**0.5:.3g}",
            )
            for column, p in cloud.columns
        ]
    total = keys * width
    if cloud and cloud.is_missing:
        moving.append(element("rect", x=2, y=y(cloud.time) - 16, width=total - 4, height=16, rx=4, **_GHOST))
    stripes = [
        element(
            "rect",
            x=i * width,
            y=0,
            width=width,
            height=HEIGHT,
            fill="#1b1e27" if i % 2 else "#1f2330",
            stroke="#2a3042",
        )
        for i in range(keys)
    ]
    parts = [
        element("rect", x=-8, y=0, width=total + 16, height=HEIGHT, fill="#14161c"),
        *stripes,
        element("g", *moving, class_="moving", data_s=span.time, data_vx=0, data_vy=-SCROLL),
        element("path", d=f"M-8 {number(line)}H{number(total + 8)}", stroke="#ff5a5a", stroke_width=3),
    ]
    return _svg(parts, total + 16, HEIGHT, span, left=-8)


def _svg(parts: list[str], width: float, height: float, span: Span, left: float = 0) -> str:
    return element(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        class_="mm-field",
        role="img",
        data_time=span.time,
        aria_label="The playfield at this moment",
        viewBox=f"{number(left)} 0 {number(width)} {number(height)}",
    )


def _moving(content: str, time: float, now: float, *, vx: float, x: float) -> str:
    """Wrap `content` so that it reaches `x` at `time`."""
    return element(
        "g",
        content,
        class_="moving",
        data_s=time,
        data_vx=f"{vx:.4g}",
        data_vy=0,
        data_x=x,
        transform=f"translate({number(x + (time - now) * vx)} 0)",
    )


def _fruit(x: float, y: float, radius: float, colour: str) -> str:
    return element("circle", cx=x, cy=y, r=radius, fill=colour, stroke="#fff", stroke_width=radius * 0.16)


def _taiko_speed(beatmap: Beatmap, time: float) -> float:
    """Speed of a note in px per ms."""
    beat_length = min(max(beatmap.red_line_of(time).beat_length, 6.0), 60_000.0)
    return TAIKO_SPEED * beatmap.difficulty.slider_multiplier * beatmap.velocity_at(time + UNSNAP_MS) / beat_length


def _beats(beatmap: Beatmap, span: Span, reach: float) -> Iterator[tuple[float, bool]]:
    """Yield (time, whether a measure begins) for the beats in view."""
    start, stop = span.time - span.before - 400, span.time + span.after + reach
    for red, following in zip(
        beatmap.red_lines, [*(point.time for point in beatmap.red_lines[1:]), math.inf], strict=True
    ):
        beat_length = min(max(red.beat_length, 60.0), 60_000.0)
        first = max(0, math.ceil((start - red.time) / beat_length))
        for number_ in range(first, first + 500):
            time = red.time + number_ * beat_length
            if time > min(stop, following - 1):
                break
            yield time, number_ % max(red.meter, 1) == 0
