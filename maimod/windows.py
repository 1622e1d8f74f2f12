"""Cut the events of a map into overlapping windows; every event is owned, and so scored, by exactly one.

A window spans `length` ms of the song and holds the events in it. It owns those of its last part, so that everything owned has
at least `length - hop` ms of the map before it; the first window owns all it holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the song, in ms, and the events in it."""

    start: float
    end: float
    events: slice
    """Into the events of the context."""
    owned: slice
    """The part of `events` that this window scores."""


def split(times: np.ndarray, groups: np.ndarray, length: float, hop: float, max_events: int) -> list[Window]:
    """Cut events into windows; windows without owned events are left out.

    Args:
        times: (n_events,) ms, non-decreasing from group to group.
        groups: (n_events,) group numbers; a group is never cut apart.
        length: of a window, ms.
        hop: between windows, ms; at most `length`.
        max_events: no window holds more: where a map is denser, its windows start later and own less.

    Returns:
        Windows in order. Their `owned` slices are a partition of all events.
    """
    windows: list[Window] = []
    n_events = len(times)
    if not n_events:
        return windows
    # A group's events may carry later times (slider anchors); the group's first event decides where it belongs.
    first_of_group = np.flatnonzero(np.diff(groups, prepend=groups[0] - 1))
    group_times = np.maximum.accumulate(times[first_of_group])
    bounds = np.append(first_of_group, n_events)

    owned_from, start = 0, float(group_times[0])
    # The very first window begins with the song, or before it if an object does.
    start = min(0.0, start) if start < length - hop else start - (length - hop)
    while owned_from < n_events:
        next_group = int(np.searchsorted(bounds, owned_from))
        due = group_times[next_group]
        if windows or due >= start + length:
            start = max(start, due - (length - hop))
        end = start + length
        begin = int(bounds[np.searchsorted(group_times, start)])
        stop = int(bounds[np.searchsorted(group_times, end)])
        if stop - begin > max_events:
            # Keep half of the room for context, and own what still fits.
            begin = max(begin, int(bounds[np.searchsorted(bounds, owned_from - max_events // 2)]))
            stop = int(bounds[np.searchsorted(bounds, begin + max_events, side="right") - 1])
            stop = max(stop, int(bounds[next_group + 1]))  # a group larger than that stays whole
        windows.append(Window(start, end, slice(begin, stop), slice(owned_from, stop)))
        owned_from = stop
    return windows
