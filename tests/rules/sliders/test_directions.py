"""Numbers of repeats, and sliders whose head and tail are swapped."""

from __future__ import annotations

from collections.abc import Sequence

from maimod.events.schema import EventKind, EventScore
from maimod.osu.beatmap import Beatmap
from tests.maps import beatmap
from tests.sliders import STRAIGHT, N, find, lines, score_of


def ends(loaded: Beatmap, bits: float, slides: Sequence[tuple[int, float]]) -> list[EventScore]:
    o = loaded.hit_objects[9]
    expected = [(round(o.time + count * o.span_duration), p) for count, p in slides]
    return [
        score_of(loaded, 9, EventKind.TIME, bits, round(o.end_time), 5, expected),
        score_of(loaded, 9, EventKind.SLIDER_END, 0.1, 0, 5),
    ]


def test_unlikely_number_of_repeats() -> None:
    loaded = beatmap(lines({9: f"{STRAIGHT},2,140"}))
    (finding,) = find(loaded, "sliders/repeats", ends(loaded, 8.0, [(1, 0.9), (2, 0.05)]))
    assert (finding.actual, finding.expected[0].text) == ("1 repeat", "no repeats")
    assert not find(loaded, "sliders/repeats", ends(loaded, 1.0, [(2, 0.5), (1, 0.4)]))
    assert not find(loaded, "sliders/repeats", ends(loaded, 8.0, [(3, 0.1), (4, 0.1)]))


def row(turned: int | None) -> Beatmap:
    """Sliders to the right and back, 60 px from the tail of one to the head of the next."""
    objects = []
    for i in range(N):
        y = 30 + 60 * (i % 5)
        ends_of = ((100, y), (240, y)) if i % 2 == 0 else ((240, y), (100, y))
        (x, _), (tail, _) = ends_of[::-1] if i == turned else ends_of
        objects.append(f"{x},{y},{1000 * i},2,0,L|{tail}:{y},1,140")
    return beatmap(objects)


def test_reversed_slider() -> None:
    (finding,) = find(row(12), "sliders/reversed")
    assert finding.objects == (12,)
    assert finding.expected[0].text == "head at x 100, y 150"


def test_sliders_that_follow_each_other_are_silent() -> None:
    assert not find(row(None), "sliders/reversed")
