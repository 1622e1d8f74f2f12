"""Draw the scrolling playfields at a moment: the lane of taiko, the falling fruits of catch, the columns of mania.

Taiko notes each move at their own speed, as in the game; fruits fall by the approach rate. Mania scrolls at a constant
speed and ignores green lines, because charts with speed effects would be unreadable.
Source: osu!lazer, `TaikoPlayfield`, `CatchHitObject`, `DefaultManiaSkin` (behaviour only).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import numpy as np

from maimod.evidence.circles import combo_colours
from maimod.evidence.moment import CLOUD, MARKED, Cloud, Span
from maimod.evidence.svg import element, number, polyline, text
from maimod.osu import slider_path
from maimod.osu.beatmap import UNSNAP_MS, Beatmap, HitObject, ObjectKind
from maimod.osu.hitsounds import BIG, KAT
from maimod.osu.timing import ticks_between

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
_MARK: dict[str, str | float | None] = {
    "class_": "mm-marked",
    "fill": "none",
    "stroke": MARKED,
    "stroke_width": 4,
    "stroke_dasharray": "12 6",
}
"""Attributes of the frame of an object that the finding is about."""
NOTE_HEIGHT = 16.0
"""Px, of mania."""
COLUMN_COLOURS = ("#e8ecf8", "#5fa8ff", "#ffd166")
"""Colours of notes in outer, inner and middle columns."""
STRIPES = ("#1f2330", "#1b1e27")
"""Colours of columns in turn."""


def taiko(beatmap: Beatmap, span: Span, marked: Collection[int], cloud: Cloud | None) -> str:
    """Draw the lane."""
    parts = [
        element("rect", x=0, y=0, width=TAIKO_WIDTH, height=TAIKO_HEIGHT, fill="#14161c"),
        element("rect", x=0, y=TAIKO_Y - 58, width=TAIKO_WIDTH, height=116, fill="#1b1e27", stroke="#3a4052"),
    ]

    def moving(content: str, time: float) -> str:
        """Content that scrolls at the speed of its own time, bar lines too."""
        return _moving(content, time, span.time, vx=_taiko_speed(beatmap, time), x=TAIKO_HIT_X)

    line = f"M0 {number(TAIKO_Y - 58)}V{number(TAIKO_Y + 58)}"
    for time, strong in _beats(beatmap, span, 3000):
        parts.append(moving(_beat(line, 0.5 if strong else 0.12), time))
    for radius, width in ((TAIKO_RADIUS * 1.5, 3), (TAIKO_RADIUS, 2)):
        parts.append(
            element("circle", cx=TAIKO_HIT_X, cy=TAIKO_Y, r=radius, fill="none", stroke="#8a93ad", stroke_width=width)
        )
    for o in sorted(beatmap.hit_objects, key=lambda o: (-o.time, o.index)):
        speed = _taiko_speed(beatmap, o.time)
        if o.index in marked or (
            (o.time - span.time - span.after) * speed < TAIKO_WIDTH
            and (o.end_time - span.time + span.before) * speed > -200
        ):
            parts.append(moving(_taiko_note(o, speed, o.index in marked), o.time))
    if cloud and cloud.is_missing:
        ghost = element("circle", cx=0, cy=TAIKO_Y, r=TAIKO_RADIUS, **_GHOST)
        ghost += text("?", x=0, y=TAIKO_Y + 8, text_anchor="middle", font_size=22, fill=CLOUD)
        parts.append(moving(ghost, cloud.time))
    return _svg(parts, TAIKO_WIDTH, TAIKO_HEIGHT, span)


def _taiko_note(o: HitObject, speed: float, is_marked: bool) -> str:
    """A note, drum roll or denden that starts at x = 0; `speed` in px per ms."""
    radius = TAIKO_RADIUS * (1.5 if o.hitsound & BIG else 1.0)
    length = f"M0 {TAIKO_Y}H{number(min((o.end_time - o.time) * speed, 20_000.0))}"

    def bar(colour: str, width: float) -> str:
        return element("path", d=length, stroke=colour, stroke_width=width, stroke_linecap="round")

    def disc(radius: float, colour: str) -> str:
        return element("circle", cx=0, cy=TAIKO_Y, r=radius, fill=colour, stroke="#fff", stroke_width=4)

    if o.kind is ObjectKind.CIRCLE:
        body = disc(radius, RIM if o.hitsound & KAT else CENTRE)
    elif o.kind is ObjectKind.SPINNER:
        body = bar("#9aa4c0", 10) + disc(TAIKO_RADIUS, "#9aa4c0")
        body += text("den", x=0, y=TAIKO_Y + 5, text_anchor="middle", font_size=14, fill="#14161c")
    else:
        body = bar("#fff", 2 * radius + 6) + bar(ROLL, 2 * radius - 2)
    return body + (element("circle", cx=0, cy=TAIKO_Y, r=radius + 10, **_MARK) if is_marked else "")


def catch(beatmap: Beatmap, span: Span, marked: Collection[int], cloud: Cloud | None) -> str:
    """Draw the falling fruits."""
    approach = beatmap.difficulty.preempt_ms
    speed = FRUIT_Y / approach
    radius = beatmap.difficulty.circle_radius * 0.8
    colours = combo_colours(beatmap)

    def y(time: float) -> float:
        return FRUIT_Y - (time - span.time) * speed

    moving = [
        _beat(f"M0 {number(y(time))}H512", 0.22 if strong else 0.07) for time, strong in _beats(beatmap, span, approach)
    ]
    for o in beatmap.hit_objects:
        if o.index in marked or (
            o.time < span.time + span.after + approach and o.end_time > span.time - span.before - 400
        ):
            moving += _catch_object(o, y, radius, colours[o.index])
            if o.index in marked:
                moving.append(element("circle", cx=o.x, cy=y(o.time), r=radius * 1.35, **_MARK))
    if cloud:
        moving += _catch_cloud(cloud, y(cloud.time), radius)
    parts = [
        element("rect", x=-32, y=0, width=576, height=HEIGHT, fill="#14161c"),
        element("rect", x=0, y=0, width=512, height=HEIGHT, fill="#1b1e27"),
        element("g", *moving, class_="moving", data_s=span.time, data_vx=0, data_vy=-speed),
        element("path", d=f"M-32 {FRUIT_Y}H544", stroke="#fff", stroke_width=3, stroke_opacity=0.6),
    ]
    return _svg(parts, 576, HEIGHT, span, left=-32)


def _catch_object(o: HitObject, y: Callable[[float], float], radius: float, colour: str) -> Iterator[str]:
    """A fruit, a banana shower, or a stream of drops with its fruits; `y` gives the height of a time."""
    if o.kind is ObjectKind.SPINNER:
        top, bottom = y(o.end_time), y(o.time)
        yield element(
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
        yield text("bananas", x=256, y=(top + bottom) / 2, text_anchor="middle", font_size=18, fill="#ffd166")
    elif o.slider and o.span_duration > 0:
        path = slider_path.flatten(o.slider)
        stops = np.linspace(0, o.slider.slides, 12 * min(o.slider.slides, 20) + 1)
        xs = path.at(np.abs((stops + 1) % 2 - 1) * path.length)[:, 0]
        stream = [(float(x), y(o.time + float(stop) * o.span_duration)) for x, stop in zip(xs, stops, strict=True)]
        yield element(
            "path",
            d=polyline(stream),
            fill="none",
            stroke=colour,
            stroke_opacity=0.75,
            stroke_width=radius * 0.35,
            stroke_dasharray=f"1 {number(radius * 0.55)}",
            stroke_linecap="round",
        )
        ends = path.at(np.array([0.0, path.length]))[:, 0]
        for edge in range(o.slider.slides + 1):
            yield _fruit(float(ends[edge % 2]), y(o.time + edge * o.span_duration), radius, colour)
    else:
        yield _fruit(o.x, y(o.time), radius, colour)


def _catch_cloud(cloud: Cloud, y: float, radius: float) -> Iterator[str]:
    """Where the model expected a fruit."""

    def bar(x: float, width: float, opacity: float) -> str:
        return element(
            "rect",
            class_="cloud",
            x=x - width / 2,
            y=y - radius,
            width=width,
            height=2 * radius,
            fill=CLOUD,
            fill_opacity=f"{opacity:.3g}",
        )

    if cloud.places:
        chances: dict[float, float] = {}
        for x, _, p in cloud.places:
            chances[x] = chances.get(x, 0.0) + p
        highest = max(chances.values())
        yield from (bar(x, 8, 0.85 * (p / highest) ** 0.5) for x, p in sorted(chances.items()))
    else:
        for x, _, p in cloud.spots:
            opacity = f"{0.8 * p**0.5:.3g}"
            yield element("circle", class_="cloud", cx=x, cy=y, r=radius * 0.9, fill=CLOUD, fill_opacity=opacity)
        yield from (bar(x, size, 0.6 * p**0.5) for x, _, size, p in cloud.cells)
    if cloud.is_missing:
        yield element("rect", x=4, y=y - radius, width=504, height=2 * radius, rx=radius, **_GHOST)


def mania(beatmap: Beatmap, span: Span, marked: Collection[int], cloud: Cloud | None) -> str:
    """Draw the columns."""
    keys = beatmap.keys
    width = min(56.0, 512 / keys)
    line, total = HEIGHT - 80.0, keys * width
    reach = line / SCROLL

    def y(time: float) -> float:
        return line - (time - span.time) * SCROLL

    moving = [
        _beat(f"M0 {number(y(time))}H{number(total)}", 0.4 if strong else 0.12)
        for time, strong in _beats(beatmap, span, reach)
    ]
    for o in beatmap.hit_objects:
        if o.time < span.time + span.after + reach and o.end_time > span.time - span.before - 200:
            moving += _mania_note(o, beatmap.column(o), keys, width, y, o.index in marked)
    if cloud:
        top = y(cloud.time) - NOTE_HEIGHT
        for column, p in cloud.columns:
            place = {"x": column * width + 2, "y": top, "width": width - 4, "height": NOTE_HEIGHT, "rx": 4}
            moving.append(element("rect", class_="cloud", **place, fill=CLOUD, fill_opacity=f"{0.85 * p**0.5:.3g}"))
        if cloud.is_missing:
            moving.append(element("rect", x=2, y=top, width=total - 4, height=NOTE_HEIGHT, rx=4, **_GHOST))
    stripes = [
        element("rect", x=i * width, y=0, width=width, height=HEIGHT, fill=STRIPES[i % 2], stroke="#2a3042")
        for i in range(keys)
    ]
    parts = [
        element("rect", x=-8, y=0, width=total + 16, height=HEIGHT, fill="#14161c"),
        *stripes,
        element("g", *moving, class_="moving", data_s=span.time, data_vx=0, data_vy=-SCROLL),
        element("path", d=f"M-8 {number(line)}H{number(total + 8)}", stroke="#ff5a5a", stroke_width=3),
    ]
    return _svg(parts, total + 16, HEIGHT, span, left=-8)


def _mania_note(
    o: HitObject, column: int, keys: int, width: float, y: Callable[[float], float], is_marked: bool
) -> Iterator[str]:
    """A note or a hold note in a column of `width` px; `y` gives the height of a time."""
    colour = COLUMN_COLOURS[2 if 2 * column + 1 == keys else min(column, keys - 1 - column) % 2]
    x, bottom = column * width + 2, y(o.time)
    top = bottom - NOTE_HEIGHT
    if o.end_time > o.time:
        body = {"x": x + 4, "y": y(o.end_time), "width": width - 12, "height": max(bottom - y(o.end_time), 1)}
        yield element("rect", **body, fill=colour, fill_opacity=0.4, rx=3)
    yield element("rect", x=x, y=top, width=width - 4, height=NOTE_HEIGHT, rx=4, fill=colour)
    if is_marked:
        frame = {"x": x - 3, "y": top - 5, "width": width + 2, "height": NOTE_HEIGHT + 10, "rx": 7}
        yield element("rect", **frame, **_MARK | {"stroke_dasharray": "10 5"})


def _beat(line: str, opacity: float) -> str:
    return element("path", d=line, stroke="#fff", stroke_opacity=opacity, stroke_width=2)


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
    for time, beat, red in ticks_between(beatmap, start, stop):
        yield time, beat % max(red.meter, 1) == 0
