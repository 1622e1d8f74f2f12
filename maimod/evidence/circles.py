"""The playfield of osu! at a moment, as the game shows it.

Source: osu!lazer, `OsuHitObject` (radius, approach), `DrawableHitCircle` and the editor's fading (behaviour only).
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from maimod.evidence.moment import CLOUD, MARKED, Cloud, Span
from maimod.evidence.svg import data_url, element, number, palette, png, polyline, text, thin
from maimod.osu import slider_path
from maimod.osu.beatmap import Beatmap, HitObject, ObjectKind
from maimod.rules.rhythm_index import SAME_MS

COMBO_COLOURS = ("#ffc000", "#00ca00", "#127cff", "#f21839")
"""Default colours, for maps without their own."""
FADE_OUT_MS = 700.0
"""How long the editor keeps drawing an object after its end."""
MARGIN_X, MARGIN_Y = 72, 56
"""Osu! pixels drawn around the playfield, so that circles at its border are complete."""
APPROACH = 3.0
"""The approach circle begins this many radii outside the circle."""
CELL_PX, BLUR_PX = 4.0, 9.0
RING_PX = 8.0
"""Width of a ring: the bundled model's distance step."""
STACK_PX = 3.0
STACK_STEP = 0.1
"""Shift of each stacked object, as a share of the radius."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """The moment that is shown, and how its objects look."""

    time: float
    """Ms."""
    approach: float
    """Ms from the first sight of an object to its time."""
    fade: float
    """Ms in which an object appears."""
    radius: float
    """Of circles, in osu! pixels."""


def circles(beatmap: Beatmap, span: Span, marked: Collection[int] = (), cloud: Cloud | None = None) -> str:
    """Draw the playfield of osu!."""
    approach, radius = beatmap.difficulty.preempt_ms, beatmap.difficulty.circle_radius
    at = _Moment(span.time, approach, beatmap.difficulty.fade_in_ms, radius)
    shown = [
        o
        for o in beatmap.hit_objects
        if (o.end_time + FADE_OUT_MS > span.time - span.before and o.time - approach < span.time + span.after)
        or o.index in marked
    ]
    shown.sort(key=lambda o: (o.time, o.index))
    colours, stacks = combo_colours(beatmap), _stacks(shown, approach, beatmap)
    drawn = [
        _object(o, at, colours[o.index], stacks[o.index], o.index in marked) for o in reversed(shown)
    ]  # earlier objects lie on top
    return element(
        "svg",
        element("rect", x=-MARGIN_X, y=-MARGIN_Y, width=512 + 2 * MARGIN_X, height=384 + 2 * MARGIN_Y, fill="#14161c"),
        element("rect", x=0, y=0, width=512, height=384, fill="#1b1e27", stroke="#3a4052"),
        _grid(),
        element("g", *_follow_points(shown, span.time, approach)),
        *drawn,
        *(_cloud(cloud, radius) if cloud else ()),
        *([_missing(beatmap, cloud.time, radius, approach)] if cloud and cloud.is_missing else ()),
        xmlns="http://www.w3.org/2000/svg",
        class_="mm-field",
        role="img",
        aria_label="The playfield at this moment",
        viewBox=f"{-MARGIN_X} {-MARGIN_Y} {512 + 2 * MARGIN_X} {384 + 2 * MARGIN_Y}",
        data_time=span.time,
        data_approach=approach,
        data_fade=at.fade,
        data_out=FADE_OUT_MS,
        data_radius=radius,
    )


def _missing(beatmap: Beatmap, time: float, radius: float, approach: float) -> str:
    """An expected object between its neighbours; only its time is known."""
    order = sorted((o for o in beatmap.hit_objects if o.kind is not ObjectKind.SPINNER), key=lambda o: o.time)
    before = next((o for o in reversed(order) if o.time < time - SAME_MS), None)
    after = next((o for o in order if o.time > time + SAME_MS), None)
    places = [(slider_path.tail(before.slider) if before.slider else (before.x, before.y))] if before else []
    places += [(after.x, after.y)] if after else []
    x, y = (sum(values) / len(places) for values in zip(*places, strict=True)) if places else (256.0, 192.0)
    return element(
        "g",
        element(
            "circle",
            cx=x,
            cy=y,
            r=radius * 0.92,
            fill=CLOUD,
            fill_opacity=0.15,
            stroke=CLOUD,
            stroke_width=3,
            stroke_dasharray="9 6",
        ),
        text("?", x=x, y=y + radius * 0.33, fill=CLOUD, text_anchor="middle", font_size=radius * 0.95),
        class_="cloud mm-missing",
        data_s=time - approach,
        data_e=time + FADE_OUT_MS,
    )


def opacity(time: float, start: float, end: float, approach: float, fade: float) -> float:
    """Opacity of an object at `time`."""
    if time < start:
        return min(max((time - start + approach) / fade, 0.0), 1.0)
    return 1.0 if time <= end else max(0.0, 1 - (time - end) / FADE_OUT_MS) * 0.6


def combo_colours(beatmap: Beatmap) -> dict[int, str]:
    """Map each object's index to its colour; as in the game, the first combo has the second colour."""
    choice = _own_colours(beatmap) or COMBO_COLOURS
    colours: dict[int, str] = {}
    combo = 0
    for place, hit_object in enumerate(beatmap.hit_objects):
        if place == 0 or hit_object.combo_number == 1:
            combo += 1 + hit_object.combo_skip
        colours[hit_object.index] = choice[combo % len(choice)]
    return colours


def _own_colours(beatmap: Beatmap) -> tuple[str, ...]:
    """Combo colours of the map in order; empty if it defines none."""
    found = {}
    for name, value in beatmap.written.get("Colours", {}).items():
        place = re.fullmatch(r"Combo(\d{1,2})", name)
        if place:
            try:
                red, green, blue = (min(max(int(part), 0), 255) for part in value.split(",")[:3])
            except ValueError:
                continue
            found[int(place[1])] = f"#{red:02x}{green:02x}{blue:02x}"
    return tuple(found[key] for key in sorted(found))


def _stacks(shown: Sequence[HitObject], approach: float, beatmap: Beatmap) -> dict[int, int]:
    """Count, for each object, the objects that follow soon at the same position; the game draws such stacks with a
    shift."""
    stacks = {o.index: 0 for o in shown}
    for place in range(len(shown) - 1, 0, -1):
        later = shown[place]
        for earlier in reversed(shown[max(0, place - 8) : place]):
            if later.time - earlier.end_time > approach * beatmap.stack_leniency or ObjectKind.SPINNER in (
                earlier.kind,
                later.kind,
            ):
                break
            x, y = slider_path.tail(earlier.slider) if earlier.slider else (earlier.x, earlier.y)
            if math.hypot(later.x - x, later.y - y) < STACK_PX and not earlier.slider:
                stacks[earlier.index] = stacks[later.index] + 1
                break
    return stacks


def _cloud(cloud: Cloud, radius: float) -> list[str]:
    """Draw where the model expected the object: rings for distances, spots for positions, squares for models with
    cells."""
    if cloud.places:
        return [
            element(
                "g",
                element(
                    "image",
                    class_="cloud",
                    href=_density(cloud),
                    x=-MARGIN_X,
                    y=-MARGIN_Y,
                    width=512 + 2 * MARGIN_X,
                    height=384 + 2 * MARGIN_Y,
                ),
                data_s=cloud.time - 3000,
                data_e=cloud.time,
            )
        ]
    drawn = [*_rings(cloud), *_cells(cloud), *_spots(cloud, radius)]
    return [element("g", *drawn, data_s=cloud.time - 3000, data_e=cloud.time)]


_CLOUD: dict[str, str | float | None] = {"class_": "cloud", "fill": CLOUD}
"""Attributes of a place at which the model expected the object; the likelier it is, the less transparent."""


def _rings(cloud: Cloud) -> list[str]:
    """Distances from the object before."""
    return [
        element(
            "circle",
            class_="cloud",
            cx=x,
            cy=y,
            r=distance,
            fill="none",
            stroke=CLOUD,
            stroke_width=RING_PX,
            stroke_opacity=f"{0.4 * probability**0.5:.3g}",
        )
        for x, y, distance, probability in cloud.rings
    ]


def _spots(cloud: Cloud, radius: float) -> list[str]:
    """Positions, each as circles in one another, which are densest in the middle."""
    return [
        element("circle", **_CLOUD, cx=x, cy=y, r=radius * size, fill_opacity=f"{0.4 * probability**0.5:.3g}")
        for x, y, probability in cloud.spots
        for size in (0.7, 0.45, 0.2)
    ]


def _cells(cloud: Cloud) -> list[str]:
    """Squares of the playfield."""
    return [
        element(
            "rect",
            **_CLOUD,
            x=x - size / 2,
            y=y - size / 2,
            width=size,
            height=size,
            fill_opacity=f"{0.7 * probability**0.5:.3g}",
        )
        for x, y, size, probability in cloud.cells
    ]


def _density(cloud: Cloud) -> str:
    """PNG of the position probabilities, blurred by about the model's position step."""
    across, down = (
        np.arange(0, size + 2 * margin, CELL_PX) - margin + CELL_PX / 2
        for size, margin in ((512, MARGIN_X), (384, MARGIN_Y))
    )
    shades = np.zeros((len(down), len(across)))
    for x, y, p in cloud.places:
        shades += p * np.exp(-((across[None, :] - x) ** 2 + (down[:, None] - y) ** 2) / (2 * BLUR_PX**2))
    shares = np.sqrt(shades / shades.max())  # square root, so that a tenth of the peak is still visible
    levels = np.arange(256)
    colours = np.broadcast_to(palette([(0, CLOUD), (1, CLOUD)])[:1], (256, 3))
    return data_url(png((shares * 215).astype(np.uint8), colours, levels))


def _grid() -> str:
    lines = "".join(f"M{x} 0V384" for x in range(64, 512, 64)) + "".join(f"M0 {y}H512" for y in range(64, 384, 64))
    return element("path", d=lines, stroke="#242938", stroke_width=1, fill="none")


def _follow_points(shown: Sequence[HitObject], time: float, approach: float) -> list[str]:
    lines = []
    for one, other in pairwise(shown):
        if other.combo_number == 1 or ObjectKind.SPINNER in (one.kind, other.kind):
            continue
        x, y = slider_path.tail(one.slider) if one.slider else (one.x, one.y)
        visible = one.end_time - approach < time < other.time
        lines.append(
            element(
                "path",
                d=f"M{number(x)} {number(y)}L{number(other.x)} {number(other.y)}",
                class_="follow",
                stroke="#fff",
                stroke_opacity=0.25,
                stroke_width=3,
                stroke_dasharray="3 12",
                stroke_linecap="round",
                opacity=1.0 if visible else 0.0,
                data_s=one.end_time - approach,
                data_e=other.time,
            )
        )
    return lines


def _object(o: HitObject, at: _Moment, colour: str, stack: int, is_marked: bool) -> str:
    """An object; `stack` counts the objects that lie on it."""
    shift = -stack * STACK_STEP * at.radius
    if o.kind is ObjectKind.SPINNER:
        parts = [*_spinner(), *([_mark(o, at)] if is_marked else [])]
    else:
        parts = [_slider(o, colour, at.radius, at.time)] if o.slider else []
        parts.append(_circle(o.x, o.y, at.radius, colour, str(o.combo_number)))
        parts += [_mark(o, at)] if is_marked else []
        parts.append(_approach_circle(o, at, colour))
    return element(
        "g",
        *parts,
        class_="object",
        opacity=f"{opacity(at.time, o.time, o.end_time, at.approach, at.fade):.3g}",
        data_s=o.time,
        data_e=o.end_time,
        transform=f"translate({number(shift)} {number(shift)})" if stack else None,
    )


def _spinner() -> list[str]:
    return [
        element("circle", cx=256, cy=192, r=150, fill="none", stroke="#9aa4c0", stroke_width=4),
        element("circle", cx=256, cy=192, r=6, fill="#9aa4c0"),
        text("spinner", x=256, y=60, fill="#9aa4c0", text_anchor="middle", font_size=18),
    ]


def _mark(o: HitObject, at: _Moment) -> str:
    """The ring around an object that the finding is about."""
    return element(
        "circle",
        cx=o.x,
        cy=o.y,
        r=at.radius * 1.28,
        class_="mm-marked",
        fill="none",
        stroke=MARKED,
        stroke_width=4,
        stroke_dasharray="14 7",
    )


def _approach_circle(o: HitObject, at: _Moment, colour: str) -> str:
    share = min(max((o.time - at.time) / at.approach, 0.0), 1.0)
    return element(
        "circle",
        cx=o.x,
        cy=o.y,
        r=at.radius * (1 + APPROACH * share),
        class_="ring",
        fill="none",
        stroke=colour,
        stroke_width=3,
        opacity=1.0 if at.time <= o.time else 0.0,
    )


def _circle(x: float, y: float, radius: float, colour: str, name: str) -> str:
    return element(
        "circle", cx=x, cy=y, r=radius * 0.92, fill=colour, stroke="#fff", stroke_width=radius * 0.14
    ) + text(
        name,
        x=x,
        y=y + radius * 0.33,
        fill="#fff",
        text_anchor="middle",
        font_size=radius * 0.95,
        font_weight="bold",
        stroke="#000",
        stroke_opacity=0.45,
        stroke_width=3,
        paint_order="stroke",
    )


def _slider(o: HitObject, colour: str, radius: float, time: float) -> str:
    assert o.slider is not None
    path = slider_path.flatten(o.slider)
    vertices = thin(path.vertices, 0.4)
    d = polyline(vertices)
    common = {"d": d, "fill": "none", "stroke_linecap": "round", "stroke_linejoin": "round"}
    parts = [
        element("path", **common, stroke="#fff", stroke_opacity=0.85, stroke_width=radius * 2),
        element("path", **common, stroke="#1a1d26", stroke_width=radius * 1.76, class_="body"),
        element("path", **common, stroke=colour, stroke_opacity=0.32, stroke_width=radius * 1.76),
    ]
    if o.slider.slides > 1:
        parts.append(_reverse_arrow(vertices[-1], vertices[-2] if len(vertices) > 1 else vertices[-1], radius))
        if o.slider.slides > 2 and len(vertices) > 1:
            parts.append(_reverse_arrow(vertices[0], vertices[1], radius))
    inside = o.time <= time <= o.end_time and o.span_duration > 0
    turn = (time - o.time) / o.span_duration if inside else 0.0
    share = turn % 2 if turn % 2 <= 1 else 2 - turn % 2
    x, y = path.at(share * path.length)[0]
    parts.append(
        element(
            "circle",
            class_="ball",
            cx=float(x),
            cy=float(y),
            r=radius * 0.8,
            fill="#fff",
            fill_opacity=0.28,
            stroke="#fff",
            stroke_width=3,
            opacity=1.0 if inside else 0.0,
            data_slides=o.slider.slides,
        )
    )
    return "".join(parts)


def _reverse_arrow(at: np.ndarray, towards: np.ndarray, radius: float) -> str:
    angle = math.degrees(math.atan2(towards[1] - at[1], towards[0] - at[0]))
    r = radius * 0.42
    d = f"M{number(-r)} {number(-r)}L{number(r)} 0L{number(-r)} {number(r)}"
    return element(
        "path",
        d=d,
        fill="none",
        stroke="#fff",
        stroke_width=radius * 0.2,
        stroke_linecap="round",
        stroke_linejoin="round",
        transform=f"translate({number(float(at[0]))} {number(float(at[1]))}) rotate({number(angle)})",
    )
