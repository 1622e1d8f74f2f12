"""Lines of `[HitObjects]`: text in, fields of a :class:`HitObject` out, as osu!lazer's `ConvertHitObjectParser` reads them.

Of a slider, what cannot be read of the sounds of its edges costs those; what cannot be read of its path costs the slider.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from maimod.osu import limits, slider_path
from maimod.osu.beatmap import MAX_TIME_MS, Beatmap, BrokenSlider, HitSample, Mode, ObjectKind, SliderPath
from maimod.osu.fields import LAZER_VERSION, UNREADABLE, Skip, decimal, integer, integer_or_0, time_ms

MAX_DEGREE = 16
"""Of a B-spline; lazer's editor writes 4."""
_Place = tuple[float, float]
"""(x, y) in osu! pixels."""
MAX_COORDINATE = 131_072  # lazer, `Parsing.MAX_COORDINATE_VALUE`


class ObjectLine(NamedTuple):
    """A hit object before it has its index and combo number among the others; fields as in
    :class:`maimod.osu.beatmap.HitObject`."""

    line: int
    kind: ObjectKind
    time: float
    end_time: float
    x: float
    y: float
    new_combo: bool
    combo_skip: int
    hitsound: int
    sample: HitSample
    slider: SliderPath | None


class _Body(NamedTuple):
    """Fields of a hit object that each kind has at another place of the line."""

    kind: ObjectKind
    end_time: float
    """Ms; not yet checked."""
    sample: HitSample = HitSample()
    slider: SliderPath | None = None


class ObjectReader:
    """Reads the lines of one map, which have limits together.

    Args:
        shell: the map without objects; its format, mode, timing points and settings say what the lines mean.
        offset: ms that the game adds to the times of this format.
    """

    def __init__(self, shell: Beatmap, offset: float) -> None:
        self.shell, self.offset = shell, offset
        self.slides_left, self.points_left = limits.MAX_SLIDES, limits.MAX_CONTROL_POINTS
        self.broken: list[BrokenSlider] = []
        """Sliders of the lines read so far that cannot be read, or have a length below zero."""

    def read(self, line: int, text: str) -> ObjectLine:
        """Read a line.

        Args:
            line: its number.
            text: the line.

        Raises:
            Skip: if the game leaves it out, or it is beyond the limits.
        """
        fields = text.split(",")
        if len(fields) < 5:
            raise Skip(UNREADABLE)
        time = time_ms(fields[2], self.offset)
        try:
            x, y = self._coordinate(fields[0]), self._coordinate(fields[1])
            bits, hitsound = integer(fields[3]), integer(fields[4])
            kind, end_time, sample, slider = self._body(bits, fields, (x, y), time)
        except (ValueError, IndexError):
            if _says_slider(fields):
                self.broken.append(BrokenSlider(line, time, "it cannot be read", is_left_out=True))
            raise Skip(UNREADABLE) from None
        if not abs(end_time) <= MAX_TIME_MS:
            raise Skip("whose end is not a number or beyond 10 hours")
        if slider is not None and len(fields) > 7 and (length := decimal(fields[7])) < 0:
            self.broken.append(BrokenSlider(line, time, f"its length is {length:g} px", is_left_out=False))
        return ObjectLine(
            line, kind, time, max(end_time, time), x, y, bool(bits & 4), bits >> 4 & 7, hitsound, sample, slider
        )

    def _coordinate(self, text: str) -> float:
        """A coordinate; before lazer's format they are whole pixels, and decimals are cut off.

        Raises:
            ValueError: if it is no number.
            Skip: if it is too large a number.
        """
        value = decimal(text)
        if not abs(value) <= MAX_COORDINATE:  # false for NaN too
            raise Skip(f"whose coordinates are not numbers or beyond ±{MAX_COORDINATE:,}")
        return value if self.shell.format_version >= LAZER_VERSION else float(int(value))

    def _body(self, bits: int, fields: list[str], head: _Place, time: float) -> _Body:
        """What the bits of the type say that the object is; a circle before a slider, as in the game.

        Raises:
            ValueError, IndexError: if a field cannot be read, or is missing.
            Skip: if the game leaves the object out, or it is beyond the limits.
        """
        if bits & 1:
            return _Body(ObjectKind.CIRCLE, time, _sample(fields, 5))
        if bits & 2:
            sample = _sample(fields, 10)
            slider = self._slider(fields, head, sample)
            return _Body(ObjectKind.SLIDER, time + self.shell.slider_duration(slider, time), sample, slider)
        if bits & 8:
            return _Body(ObjectKind.SPINNER, decimal(fields[5]) + self.offset, _sample(fields, 6))
        if bits & 128:
            if self.shell.mode is not Mode.MANIA:
                raise Skip("of hold notes, which only mania has")
            if len(fields) < 6 or not fields[5]:
                return _Body(ObjectKind.HOLD, time)
            end, _, rest = fields[5].partition(":")
            return _Body(ObjectKind.HOLD, decimal(end) + self.offset, _sample([rest], 0))
        raise Skip(UNREADABLE)

    def _slider(self, fields: list[str], head: _Place, sample: HitSample) -> SliderPath:
        """Path, slides and edge sounds; raises as :meth:`_body`."""
        points, types = self._path(fields[5], head)
        slides = max(1, integer(fields[6]))
        if slides > limits.MAX_SLIDES_OF_ONE:
            raise Skip(f"of sliders with more than {limits.MAX_SLIDES_OF_ONE:,} slides")
        if slides > self.slides_left or len(points) > self.points_left:
            raise Skip(
                f"of sliders beyond {limits.MAX_SLIDES:,} slides or {limits.MAX_CONTROL_POINTS:,} control points in all"
            )
        if len(points) > limits.MAX_POINTS_OF_ONE:
            raise Skip(f"of sliders with more than {limits.MAX_POINTS_OF_ONE:,} control points")
        self.slides_left, self.points_left = self.slides_left - slides, self.points_left - len(points)
        length = decimal(fields[7]) if len(fields) > 7 else 0.0
        if not abs(length) <= MAX_COORDINATE:  # false for NaN too
            raise Skip(f"of sliders whose length is not a number or beyond {MAX_COORDINATE:,}")
        curve, segments = types[0][1] if types else "B", tuple(types[1:])
        if length <= 0:  # as long as its path
            path = SliderPath(curve, points, 1, 0.0, segment_types=segments)
            length = slider_path.flatten(path).natural_length
        sounds, sets = (_edges(fields[place], slides) if len(fields) > place else [] for place in (8, 9))
        return SliderPath(
            curve,
            points,
            slides,
            length,
            tuple(integer_or_0(part) for part in sounds),
            tuple(_edge_sets(sets, slides, sample)),
            segments,
        )

    def _path(self, text: str, head: _Place) -> tuple[tuple[_Place, ...], list[tuple[int, str]]]:
        """Read `B|1:2|3:4|L|5:6`: the control points, the head first, and (index of its first point, type) of each
        curve.

        Raises:
            ValueError: if a point cannot be read.
        """
        points, types = [head], list[tuple[int, str]]()
        for part in text.split("|"):
            part = part.strip()
            if part[0].isalpha() and ":" not in part:  # IndexError if it is empty
                curve = _curve(part)
                at = len(points) if len(points) > 1 else 0
                if types and types[-1][0] == at:  # no points since the last type
                    types.pop()
                types.append((at, curve))
            else:
                x, y = part.split(":")[:2]
                points.append((self._coordinate(x), self._coordinate(y)))
        if len(types) > 1 and types[-1][0] == len(points):
            types.pop()
        return tuple(points), types


def _says_slider(fields: list[str]) -> bool:
    """Whether a line of `[HitObjects]` is that of a slider."""
    return len(fields) > 5 and bool(integer_or_0(fields[3]) & 2)


def _sample(fields: list[str], place: int) -> HitSample:
    """Read `1:2:3:70:file.wav`; the default where there is no such field.

    Raises:
        ValueError, IndexError: if it cannot be read.
    """
    if len(fields) <= place or not fields[place].strip():
        return HitSample()
    parts = fields[place].split(":", 4)
    index, volume = (integer(part) if part else 0 for part in [*parts[2:4], "", ""][:2])
    name = parts[4].strip() if len(parts) > 4 else ""
    return HitSample(integer(parts[0]), integer(parts[1]), index, max(volume, 0), name)


def _edge_sets(texts: Sequence[str], slides: int, sample: HitSample) -> Iterator[tuple[int, int]]:
    """(normal set, addition set) of the edges of a slider; of one that states none, those of the slider.

    One that cannot be read counts as 0, so that the slider is kept.
    """
    for edge, text in enumerate(texts):
        try:
            one = _sample([text], 0) if text else sample
        except (ValueError, IndexError):
            if edge > slides:
                return  # the game reads no more than there are edges
            yield 0, 0
            continue
        yield one.normal_set, one.addition_set


def _edges(text: str, slides: int) -> list[str]:
    """What a field states of each edge, and the last entry of one that states more: the published models use that."""
    found = text.split("|") if text else []
    return [*found[: slides + 1], *(found[-1:] if len(found) > slides + 1 else [])]


def _curve(text: str) -> str:
    """Type of a curve. The game takes every letter that it does not know for Catmull; a number makes a Bezier curve a
    B-spline of that degree.

    Raises:
        ValueError: if the degree is larger than any that is drawn.
    """
    if text[0] != "B":
        return text[0] if text[0] in "LP" else "C"
    degree = integer_or_0(text[1:])
    if degree > MAX_DEGREE:
        raise ValueError("degree out of bounds")
    return f"B{degree}" if degree > 0 else "B"
