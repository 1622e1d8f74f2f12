"""Objects of good osu! maps that get another form, to fit the model of slips (:mod:`maimod.training.slip_fit`).

Sliders become circles at their edges and neighbouring circles a slider; a repeat takes the place of a circle, or the other
way round; sliders get a repeat more or less, another length, or lose their body; circles get one. Nothing is shared with the
mistakes of :mod:`maimod.training.faults`, by which findings are evaluated.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.random import Generator

from maimod.features.sliders import forms as slider_forms
from maimod.osu.beatmap import HEIGHT, WIDTH, Beatmap, HitObject, ObjectKind, SliderPath
from maimod.osu.slider_path import flatten
from maimod.rules.evidence import Evidence
from maimod.training.slip_forest import Planted, SlipFit

APART = (10, 24)
"""Objects from one planted change to the next."""
VERSIONS = 2
SOUNDS_KEPT = 0.7
"""Share of the joined circles and of the repeats for circles that keep the sounds of both."""
COPIED = 0.4
"""Share of the new bodies that are copies of others, where there are any; the rest is straight."""
TRIES = 6
"""Objects from each place on at which a change is tried."""
ROOM_MS = 25.0
"""Least time from the end of a changed object to the next."""
LEAST_MS, LONGEST_BEATS = 50.0, 2.05
"""Durations of sliders that are made of circles."""
LENGTHS = (0.5, 2 / 3, 0.75, 4 / 3, 1.25, 1.5, 2.0)
BEATS = (0.25, 0.5)
"""Lengths of the changed sliders: factors, or beats more or less."""
KINDS = {
    "split": 3,
    "joined": 3,
    "turned-back": 2,
    "turned-on": 2,
    "repeat-more": 2,
    "repeat-less": 2,
    "length": 4,
    "body-lost": 1,
    "body-made": 1,
}
"""Kinds of changes, and how often they are planted."""


@dataclass(frozen=True)
class FormVersion:
    """A map with changed forms."""

    beatmap: Beatmap
    kinds: tuple[str, ...]
    """Of the change of each object, in order of time; empty without one."""


class _Draft:
    """A map whose forms are being changed."""

    def __init__(self, beatmap: Beatmap, objects: Sequence[HitObject], random: Generator) -> None:
        self.beatmap, self.objects, self.random = beatmap, objects, random
        self.bodies = [o for o in objects if o.slider is not None and not o.slider.segment_types]

    def at(self, place: int) -> HitObject:
        return self.objects[place]

    def beat(self, o: HitObject) -> float:
        return self.beatmap.red_line_of(o.time).beat_length

    def until(self, place: int) -> float:
        """Ms of the next object."""
        return self.objects[place + 1].time if place + 1 < len(self.objects) else np.inf

    def velocity(self, o: HitObject) -> float:
        """Px a ms of a slider."""
        return self.beatmap.pixels_per_beat(o.time) / self.beat(o)

    def body(self, o: HitObject, duration: float, toward: complex) -> SliderPath | None:
        """A body from an object that lasts so long: of another slider of the map with this length, or straight."""
        length, head = self.velocity(o) * duration, complex(o.x, o.y)
        if not 20 <= length <= 1000:
            return None
        alike = [b for b in self.bodies if b.slider is not None and abs(b.slider.length - length) < 2]
        if alike and self.random.random() < COPIED:
            other = alike[int(self.random.integers(len(alike)))].slider
            assert other is not None
            own = [complex(*p) for p in other.control_points]
            chord = complex(*flatten(other).end) - own[0]
            turn = toward / chord if abs(chord) > 1 and abs(toward) > 1 else 1.0
            turn = turn / abs(turn) if self.random.random() < 0.6 else 1.0
            points, curve = [head + (p - own[0]) * turn for p in own], other.curve
        else:
            way = toward if abs(toward) > 1 else cmath.rect(1, self.random.uniform(0, 2 * cmath.pi))
            points, curve = [head, head + way / abs(way) * length], "L"
        whole = tuple((float(round(p.real)), float(round(p.imag))) for p in points)
        if not all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in whole):
            return None
        return SliderPath(curve, whole, 1, length)


_Change = tuple[int, list[HitObject]]
"""How many objects are replaced, and by which."""


def plant(beatmap: Beatmap, objects: Sequence[HitObject], random: Generator) -> FormVersion:
    """Change forms all over a map.

    Args:
        beatmap: a good map.
        objects: its objects in order of time.
        random: chooses places and kinds.
    """
    draft, made = _Draft(beatmap, objects, random), list[tuple[HitObject, str]]()
    names, chances = list(KINDS), np.array(list(KINDS.values()), dtype=float)
    at, following = 0, int(random.integers(2, APART[1]))
    kind, tries = str(random.choice(names, p=chances / chances.sum())), 0
    while at < len(objects):
        change = _CHANGES[kind](draft, at) if following <= at < len(objects) - 1 else None
        if change is None:
            made.append((objects[at], ""))
            at += 1
            tries += at > following
        else:
            made += [(o, kind) for o in change[1]]
            at += change[0]
        if change is not None or tries > TRIES:
            following, tries = at + int(random.integers(*APART)), 0
            kind = str(random.choice(names, p=chances / chances.sum()))
    numbered = tuple(replace(o, index=index) for index, (o, _) in enumerate(made))
    return FormVersion(replace(beatmap, hit_objects=numbered), tuple(kind for _, kind in made))


def _circle(o: HitObject, time: float, place: complex, first: bool) -> HitObject:
    time, x, y = float(round(time)), float(round(place.real)), float(round(place.imag))
    made = replace(o, kind=ObjectKind.CIRCLE, slider=None, time=time, end_time=time, x=x, y=y)
    return made if first else replace(made, new_combo=False, combo_skip=0)


def _edges(o: HitObject) -> list[complex]:
    """Places of the head, the repeats and the tail."""
    assert o.slider is not None
    ends = complex(o.x, o.y), complex(*flatten(o.slider).end)
    return [ends[number % 2] for number in range(o.slider.slides + 1)]


def _sounds(o: HitObject) -> list[int]:
    """Additions of the edges."""
    assert o.slider is not None
    count = o.slider.slides + 1
    return [*o.slider.edge_sounds, *[o.hitsound] * count][:count]


def _split(draft: _Draft, at: int) -> _Change | None:
    o = draft.at(at)
    if o.slider is None or o.span_duration < LEAST_MS or o.end_time + ROOM_MS > draft.until(at):
        return None
    edges = zip(o.edge_times(), _edges(o), _sounds(o), strict=True)
    parts = [replace(_circle(o, t, place, i == 0), hitsound=sound) for i, (t, place, sound) in enumerate(edges)]
    return (1, parts) if all(0 <= c.x <= WIDTH and 0 <= c.y <= HEIGHT for c in parts) else None


def _joined(draft: _Draft, at: int) -> _Change | None:
    a, b = draft.at(at), draft.at(at + 1)
    gap = b.time - a.time
    if {a.kind, b.kind} != {ObjectKind.CIRCLE} or not LEAST_MS <= gap <= LONGEST_BEATS * draft.beat(a):
        return None
    path = draft.body(a, gap, complex(b.x - a.x, b.y - a.y))
    if path is None:
        return None
    if draft.random.random() < SOUNDS_KEPT:
        path = replace(path, edge_sounds=(a.hitsound, b.hitsound))
    return 2, [replace(a, kind=ObjectKind.SLIDER, slider=path, end_time=a.time + gap)]


def _turned_back(draft: _Draft, at: int) -> _Change | None:
    o, circle = draft.at(at), draft.at(at + 1)
    if o.slider is None or circle.kind is not ObjectKind.CIRCLE:
        return None
    if abs(o.end_time + o.span_duration - circle.time) > 3:
        return None
    longer = _with_slides(o, o.slider.slides + 1)
    if draft.random.random() < SOUNDS_KEPT:
        sounds = (*_sounds(o), circle.hitsound)
        longer = replace(longer, slider=replace(o.slider, slides=o.slider.slides + 1, edge_sounds=sounds))
    return 2, [longer]


def _turned_on(draft: _Draft, at: int) -> _Change | None:
    """The last span becomes a circle where it ended, or on the other side of the slider."""
    o = draft.at(at)
    if o.slider is None or o.slider.slides < 2 or o.span_duration < LEAST_MS or o.end_time + ROOM_MS > draft.until(at):
        return None
    shorter, edges = _with_slides(o, o.slider.slides - 1), _edges(o)
    place = (
        edges[-1]
        if draft.random.random() < 0.4
        else edges[-2] + cmath.rect(abs(edges[-1] - edges[-2]), draft.random.uniform(0, 2 * cmath.pi))
    )
    if not (0 <= place.real <= WIDTH and 0 <= place.imag <= HEIGHT):
        place = edges[-1]
    return 1, [shorter, replace(_circle(o, o.end_time, place, False), hitsound=_sounds(o)[-1])]


def _with_slides(o: HitObject, slides: int) -> HitObject:
    assert o.slider is not None
    return replace(o, slider=replace(o.slider, slides=slides), end_time=o.time + slides * o.span_duration)


def _repeats(by: int, draft: _Draft, at: int) -> _Change | None:
    o = draft.at(at)
    if o.slider is None or o.slider.slides + by < 1:
        return None
    changed = _with_slides(o, o.slider.slides + by)
    return (1, [changed]) if changed.end_time + ROOM_MS <= draft.until(at) else None


def _length(draft: _Draft, at: int) -> _Change | None:
    o = draft.at(at)
    if o.slider is None or o.duration <= 0:
        return None
    factors = list(LENGTHS) + [
        1 + sign * beats * draft.beat(o) / o.span_duration for beats in BEATS for sign in (-1, 1)
    ]
    for factor in draft.random.permutation(factors).tolist():
        length, end = o.slider.length * factor, o.time + o.duration * factor
        if length >= 20 and end - o.time >= LEAST_MS and end + ROOM_MS <= draft.until(at):
            return 1, [replace(o, slider=replace(o.slider, length=length), end_time=end)]
    return None


def _body_lost(draft: _Draft, at: int) -> _Change | None:
    o = draft.at(at)
    return None if o.slider is None else (1, [_circle(o, o.time, complex(o.x, o.y), True)])


def _body_made(draft: _Draft, at: int) -> _Change | None:
    o, after = draft.at(at), draft.at(at + 1)
    if o.kind is not ObjectKind.CIRCLE or not draft.bodies:
        return None
    durations = [b.span_duration for b in draft.bodies if o.time + b.span_duration + ROOM_MS <= after.time]
    if not durations:
        return None
    duration = float(draft.random.choice(durations))
    path = draft.body(o, duration, 0j)
    made = replace(o, kind=ObjectKind.SLIDER, slider=path, end_time=o.time + duration)
    return None if path is None else (1, [made])


_CHANGES: dict[str, Callable[[_Draft, int], _Change | None]] = {
    "split": _split,
    "joined": _joined,
    "turned-back": _turned_back,
    "turned-on": _turned_on,
    "repeat-more": partial(_repeats, 1),
    "repeat-less": partial(_repeats, -1),
    "length": _length,
    "body-lost": _body_lost,
    "body-made": _body_made,
}


def _measured(beatmap: Beatmap, objects: Sequence[HitObject] = ()) -> np.ndarray:
    evidence = Evidence(beatmap)
    return slider_forms.measure(evidence.passages, evidence.objects_by_time)


def _planted(beatmap: Beatmap, objects: Sequence[HitObject], random: Generator) -> Planted:
    version = plant(beatmap, objects, random)
    names = [f"form {kind}" if kind else "" for kind in version.kinds]
    return Planted(_measured(version.beatmap), names, np.zeros(len(names), dtype=bool))


FIT = SlipFit("forms", slider_forms.NAMES, VERSIONS, _measured, _planted, are_joined=True)
