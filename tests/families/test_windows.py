"""Windows: every event is owned exactly once, with enough of the map before it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from maimod.families import windows
from maimod.families.windows import Window

LENGTH, HOP = 1000.0, 400.0

gaps = st.lists(st.floats(0, 2500), min_size=1, max_size=80)
apart = st.lists(st.floats(1, 2500), min_size=1, max_size=80)
sizes = st.integers(1, 6)


def grouped(gap_list: list[float], size: int) -> tuple[np.ndarray, np.ndarray]:
    times = np.repeat(np.cumsum(gap_list), size)
    return times, np.repeat(np.arange(len(gap_list)), size)


def split(times: np.ndarray, groups: np.ndarray, max_events: int, lookahead: float = 0.0) -> list[Window]:
    return windows.split([(times, groups)], LENGTH, HOP, max_events, lookahead)


def shown_in(window: Window) -> np.ndarray:
    return window.spans[0].events


def owned_by(window: Window) -> np.ndarray:
    return window.spans[0].owned


def owned(found: list[Window], context: int = 0) -> list[int]:
    return [int(i) for w in found for i in w.spans[context].owned]


@given(gaps, sizes, st.integers(2, 60))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_every_event_is_owned_exactly_once_and_in_order(gap_list: list[float], size: int, max_events: int) -> None:
    times, groups = grouped(gap_list, size)
    assert owned(split(times, groups, max_events)) == list(range(len(times)))


@given(gaps, sizes)
@settings(derandomize=True, max_examples=200, deadline=None)
def test_what_a_window_owns_it_holds_and_what_it_holds_lies_in_it(gap_list: list[float], size: int) -> None:
    times, groups = grouped(gap_list, size)
    for window in split(times, groups, 10_000):
        assert (
            len(owned_by(window))
            and set(owned_by(window)) <= set(shown_in(window))
            and owned_by(window)[-1] == shown_in(window)[-1]
        )
        inside = times[shown_in(window)]
        assert window.start <= inside.min() and inside.max() < window.end
        assert abs(window.end - window.start - LENGTH) < 1e-6


@given(gaps, sizes)
@settings(derandomize=True, max_examples=200, deadline=None)
def test_context_reaches_back_as_promised_and_misses_nothing(gap_list: list[float], size: int) -> None:
    times, groups = grouped(gap_list, size)
    for window in split(times, groups, 10_000)[1:]:
        first_owned = times[owned_by(window)[0]]
        assert first_owned - window.start >= LENGTH - HOP - 1e-6
        promised = np.flatnonzero(times >= window.start)[0]
        assert shown_in(window)[0] <= promised


@given(apart, sizes, st.integers(24, 60))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_dense_maps_stay_within_the_limit_and_keep_context(gap_list: list[float], size: int, max_events: int) -> None:
    times, groups = grouped(gap_list, size)
    for window in split(times, groups, max_events)[1:]:
        assert len(shown_in(window)) <= max_events
        has_past = times[owned_by(window)[0] - 1] >= window.start
        assert has_past == (shown_in(window)[0] < owned_by(window)[0])


def test_half_of_the_room_of_a_dense_window_is_for_context() -> None:
    first, *others, _ = split(*grouped([1.0] * 1000, 1), max_events=100)
    assert len(others) > 15 and len(owned_by(first)) == 100
    assert all(len(owned_by(window)) == 50 and len(shown_in(window)) == 100 for window in others)


def test_groups_are_never_cut() -> None:
    times, groups = grouped([100.0] * 50, 5)
    for window in split(times, groups, 17):
        assert shown_in(window)[0] % 5 == owned_by(window)[0] % 5 == (owned_by(window)[-1] + 1) % 5 == 0


def test_objects_before_the_song_are_scored_too() -> None:
    times = np.array([-800.0, -300.0, 100.0])
    found = split(times, np.arange(3), 100)
    assert owned(found) == [0, 1, 2] and found[0].start <= -800


@given(gaps, sizes, st.integers(2, 60))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_on_a_grid_windows_of_all_difficulties_begin_at_the_same_times(
    gap_list: list[float], size: int, max_events: int
) -> None:
    times, groups = grouped(gap_list, size)
    for found in (
        windows.split([(times, groups)], LENGTH, HOP, max_events, 100.0, on_grid=True),
        windows.split([(times, groups)], LENGTH, HOP, 10_000, 100.0, on_grid=True),
    ):
        assert owned(found) == list(range(len(times)))
        assert all(window.start % HOP == 0 and window.start >= 0 for window in found)
        assert all(times[owned_by(window)[-1]] < window.end for window in found)
    for window in found[1:]:  # of the map that is nowhere too dense
        assert times[owned_by(window)[0]] - window.start >= LENGTH - HOP - 100.0


def test_a_grid_takes_no_more_windows_for_a_map_without_breaks() -> None:
    times = np.arange(0.0, 20_000.0, 50.0)
    free, fixed = (
        windows.split([(times, np.arange(len(times)))], LENGTH, HOP, 1000, 100.0, on_grid) for on_grid in (False, True)
    )
    assert len(fixed) == len(free)


def test_no_events_no_windows() -> None:
    assert split(np.zeros(0), np.zeros(0), 10) == []


@given(apart, apart, sizes, st.integers(24, 400))
@settings(derandomize=True, max_examples=100, deadline=None)
def test_several_contexts_share_windows_and_each_is_owned_once(
    first: list[float], second: list[float], size: int, max_events: int
) -> None:
    contexts = [grouped(first, size), grouped(second, 2)]
    found = windows.split(contexts, LENGTH, HOP, max_events, lookahead=100.0)
    for context, (times, _) in enumerate(contexts):
        assert owned(found, context) == list(range(len(times)))
    assert all(window.n_events <= max_events for window in found[1:])


def test_a_window_keeps_some_of_the_song_after_what_it_owns() -> None:
    times = np.arange(0.0, 5000.0, 50.0)
    found = split(times, np.arange(len(times)), 1000, lookahead=100.0)
    assert (
        all(times[owned_by(w)[-1]] < w.end - 100 for w in found[:-1]) and times[owned_by(found[-1])[-1]] < found[-1].end
    )


class TestOriginal:
    """Numbers from the compatibility notes, §6."""

    def test_hop_loses_a_sample_to_rounding(self) -> None:
        assert [windows.original_hop(samples) for samples in (130_944, 524_160, 262_016)] == [13_094, 52_415, 26_201]

    def test_windows_cover_the_song_and_each_scores_a_tenth(self) -> None:
        times = np.arange(0, 180_000, 100)
        found = windows.original([times], 180 * 16_000, 524_160, 16, 5_000)
        assert len(found) == 46 and [w.start for w in found[:3]] == [0, 3275, 6551]
        assert owned(found) == list(range(len(times)))
        middle = found[20]
        assert (
            times[owned_by(middle)[0]] >= middle.start + 16_380 and times[owned_by(middle)[-1]] < middle.start + 19_656
        )

    def test_events_outside_of_the_song_get_windows_too(self) -> None:
        times = np.array([-500, 0, 1000, 70_000, 110_000])
        found = windows.original([times], 20 * 16_000, 524_160, 16, 5_000)
        assert sorted(owned(found)) == [0, 1, 2, 3, 4]

    def test_a_prompt_too_long_loses_its_beginning_not_what_it_scores(self) -> None:
        times = np.arange(0, 60_000, 10)
        found = windows.original([times], 60 * 16_000, 524_160, 16, 1_000)
        assert all(len(shown_in(w)) <= 1_000 or set(owned_by(w)) <= set(shown_in(w)) for w in found)
        assert owned(found) == list(range(len(times)))
