"""Windows: every event is owned exactly once, with enough of the map before it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from maimod.windows import Window, split

LENGTH, HOP = 1000.0, 400.0

gaps = st.lists(st.floats(0, 2500), min_size=1, max_size=80)
sizes = st.integers(1, 6)


def grouped(gap_list: list[float], size: int) -> tuple[np.ndarray, np.ndarray]:
    times = np.repeat(np.cumsum(gap_list), size)
    return times, np.repeat(np.arange(len(gap_list)), size)


def owned(windows: list[Window]) -> list[int]:
    return [i for w in windows for i in range(w.owned.start, w.owned.stop)]


@given(gaps, sizes, st.integers(2, 60))
@settings(max_examples=200, deadline=None)
def test_every_event_is_owned_exactly_once_and_in_order(gap_list: list[float], size: int, max_events: int) -> None:
    times, groups = grouped(gap_list, size)
    assert owned(split(times, groups, LENGTH, HOP, max_events)) == list(range(len(times)))


@given(gaps, sizes)
@settings(max_examples=200, deadline=None)
def test_what_a_window_owns_it_holds_and_what_it_holds_lies_in_it(gap_list: list[float], size: int) -> None:
    times, groups = grouped(gap_list, size)
    for window in split(times, groups, LENGTH, HOP, 10_000):
        assert window.events.start <= window.owned.start < window.owned.stop == window.events.stop
        inside = times[window.events]
        assert window.start <= inside.min() and inside.max() < window.end
        assert abs(window.end - window.start - LENGTH) < 1e-6


@given(gaps, sizes)
@settings(max_examples=200, deadline=None)
def test_context_reaches_back_as_promised_and_misses_nothing(gap_list: list[float], size: int) -> None:
    times, groups = grouped(gap_list, size)
    for window in split(times, groups, LENGTH, HOP, 10_000)[1:]:
        first_owned = times[window.owned.start]
        assert first_owned - window.start >= LENGTH - HOP - 1e-6
        promised = np.flatnonzero(times >= window.start)[0]
        assert window.events.start <= promised


@given(gaps, sizes, st.integers(24, 60))
@settings(max_examples=200, deadline=None)
def test_dense_maps_stay_within_the_limit_and_keep_context(gap_list: list[float], size: int, max_events: int) -> None:
    times, groups = grouped(gap_list, size)
    for window in split(times, groups, LENGTH, HOP, max_events)[1:]:
        assert window.events.stop - window.events.start <= max_events
        has_past = times[window.owned.start - 1] >= window.start
        assert has_past == (window.events.start < window.owned.start)


def test_groups_are_never_cut() -> None:
    times, groups = grouped([100.0] * 50, 5)
    for window in split(times, groups, LENGTH, HOP, 17):
        assert window.events.start % 5 == window.owned.start % 5 == window.owned.stop % 5 == 0


def test_objects_before_the_song_are_scored_too() -> None:
    times = np.array([-800.0, -300.0, 100.0])
    windows = split(times, np.arange(3), LENGTH, HOP, 100)
    assert owned(windows) == [0, 1, 2] and windows[0].start <= -800


def test_no_events_no_windows() -> None:
    assert split(np.zeros(0), np.zeros(0), LENGTH, HOP, 10) == []
