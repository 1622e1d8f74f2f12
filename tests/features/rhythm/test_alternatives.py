"""The rhythm as it might be: an object more, less, elsewhere or of another length against the map's own rhythm."""

from __future__ import annotations

import numpy as np
import pytest

from maimod.features.rhythm.alternatives import NAMES, Moments, RhythmAlternatives, _Contexts, _weights
from maimod.osu.beatmap import Beatmap
from tests.maps import beatmap

BEAT = 500


def steady(
    without: int = -1, extra: float | None = None, late: tuple[int, int] = (-1, 0), measures: int = 24
) -> Beatmap:
    """Measures of circles on beats 1, 2, 3, 3 1/2 and 4, with one left out, one added or one late."""
    times = [4 * BEAT * measure + BEAT * beat for measure in range(measures) for beat in (0, 1, 2, 2.5, 3)]
    times = [time + (late[1] if i == late[0] else 0) for i, time in enumerate(times) if i != without]
    times = sorted([*times, *([] if extra is None else [extra])])
    return beatmap([f"100,100,{time:g},1,0,0:0:0:0:" for time in times])


def of_objects(loaded: Beatmap, name: str) -> np.ndarray:
    objects = loaded.hit_objects
    times, ranks = np.array([o.time for o in objects]), np.arange(len(objects))
    found = RhythmAlternatives(loaded, objects).features(times, ranks, np.zeros(len(objects), dtype=bool))
    assert np.isfinite(found).all()
    return found[:, NAMES.index(name)]


def added(loaded: Beatmap, times: list[float]) -> np.ndarray:
    objects = loaded.hit_objects
    ranks = np.zeros(len(times), dtype=int)
    found = RhythmAlternatives(loaded, objects).features(np.array(times), ranks, np.ones(len(times), dtype=bool))
    return found[:, NAMES.index("added")]


def test_a_missing_object_is_likelier_than_its_gap() -> None:
    place = 12 * 4 * BEAT + 2.5 * BEAT
    missed, other = added(steady(without=12 * 5 + 3), [place, 10 * 4 * BEAT + 1.5 * BEAT])
    assert missed > 1 and other < -1


def test_an_extra_object_is_likelier_away() -> None:
    removed = of_objects(steady(extra=12 * 4 * BEAT + 1.5 * BEAT), "removed")
    assert removed.argmax() == 12 * 5 + 2 and removed.max() > 2
    assert of_objects(steady(), "removed").max() <= 0


def test_a_late_object_is_likelier_where_it_was() -> None:
    changed = steady(late=(12 * 5 + 1, BEAT // 4))
    shifted = of_objects(changed, "shifted")
    assert shifted.argmax() == 12 * 5 + 1 and shifted.max() > 4
    assert of_objects(changed, "shift")[12 * 5 + 1] == pytest.approx(-0.25)
    assert of_objects(changed, "fit_before")[12 * 5 + 1] < of_objects(steady(), "fit_before")[12 * 5 + 1] - 2


def sliders(slides: int, kind: str = "slider") -> Beatmap:
    """Sliders of half a beat on every beat; the 20th has other slides, or is a circle."""
    lines = []
    for i in range(48):
        if i == 20 and kind == "circle":
            lines.append(f"100,100,{BEAT * i},1,0,0:0:0:0:")
        else:
            lines.append(f"100,100,{BEAT * i},2,0,L|200:100,{slides if i == 20 else 1},50")
    return beatmap(lines)


def test_repeats_and_durations_are_compared_with_those_of_the_map() -> None:
    gains = of_objects(sliders(2), "slides_gain")
    assert gains.argmax() == 20 and gains[20] > 3
    lost = of_objects(sliders(1, "circle"), "duration_gain")
    assert lost.argmax() == 20 and lost[20] > 3
    assert of_objects(sliders(1), "duration_gain").max() == pytest.approx(0, abs=1e-6)


def test_places_outside_short_and_long_maps() -> None:
    assert (added(steady(), [-5000.0, 1e6, 0.0]) == 0).all()
    assert (of_objects(steady(measures=1), "removed") == 0).all()
    whole = of_objects(steady(measures=500), "fit_after")
    # The parts of a long map agree with a short one: far places count for little.
    assert whole[1200] == pytest.approx(whole[1205], abs=0.05)


def test_an_object_of_uneven_gaps_is_missed_at_its_place() -> None:
    times = [
        4 * BEAT * measure + BEAT * beat
        for measure in range(24)
        for beat in (0, 1, 2.5, 3)
        if (measure, beat) != (12, 2.5)
    ]
    loaded = beatmap([f"100,100,{time:g},1,0,0:0:0:0:" for time in times])
    missed, mirrored = added(loaded, [12 * 4 * BEAT + 2.5 * BEAT, 12 * 4 * BEAT + 1.5 * BEAT])
    assert missed > 5 and missed > mirrored + 5


def test_places_of_another_part_of_the_beat_say_little() -> None:
    one = _Contexts(*(np.array([value]) for value in (0, 0, 0, 48)))
    others = _Contexts(np.array([10, 10]), np.array([0, 24]), np.array([96, 96]), np.array([48, 48]))
    same, other = _weights(others, one)[0]
    assert 0 < other < 0.1 * same


def test_the_gap_that_follows_depends_on_the_one_before() -> None:
    times = [5 * BEAT * turn + beat * BEAT for turn in range(40) for beat in (0, 1) if (turn, beat) != (20, 1)]
    loaded = beatmap([f"100,100,{time:g},1,0,0:0:0:0:" for time in times])
    missed, other = added(loaded, [20 * 5 * BEAT + BEAT, 20 * 5 * BEAT + 4 * BEAT])
    assert missed > 9.5 and missed > other + 1


def test_times_without_objects() -> None:
    loaded = steady(extra=12 * 4 * BEAT + 1.5 * BEAT)
    moments = Moments(loaded, np.array([o.time for o in loaded.hit_objects]))
    alone = np.stack([of_objects(loaded, name) for name in NAMES[:3]], axis=1)
    assert moments.removed() == pytest.approx(alone, abs=1e-5)
    assert moments.added(np.array([10 * 4 * BEAT + 1.5 * BEAT])) == pytest.approx(
        added(loaded, [10 * 4 * BEAT + 1.5 * BEAT]), abs=1e-5
    )
    few = Moments(loaded, np.array([0.0, 500.0]))
    assert not few.removed().any() and not few.added(np.array([250.0])).any()
