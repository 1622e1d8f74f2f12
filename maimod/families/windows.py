"""Cut the events of a map into overlapping windows; every event is owned, and so scored, by exactly one.

A window is a stretch of the song with the events in it, context by context (docs/compat.md §4; the bundled model has
one context, the published ones up to four). It owns the events in one zone of it, so that every scored event has enough
of the map before it and of the song after it. :func:`split` makes few windows; :func:`original` makes those of the
original implementation, ten times as many.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

HOP, LOOKAHEAD = 0.65, 0.05
"""Shares of a window that it scores, and that it keeps of the song after that; 0.3 are left for the map before. With
the bundled model on 8 held-out maps this ranks events as the original's windows do (correlation 0.999, 18 of the 20
most surprising the same) with 6.5 times fewer windows; a hop of 0.5 gives 0.999 and 18.5 with 5.1 times fewer
(docs/performance.md). The bundled model itself has a longer hop."""
ORIGINAL_LOOKBACK, ORIGINAL_LOOKAHEAD = 0.5, 0.4
"""Shares of a window that the original keeps before and after its scoring zone (docs/compat.md §6)."""


class Span(msgspec.Struct, frozen=True):
    """The part of one context that lies in a window: ascending indices into the context's events."""

    events: np.ndarray
    """(n,) those shown."""
    owned: np.ndarray
    """(m,) those scored here."""


class Window(msgspec.Struct, frozen=True):
    """A stretch of the song, in ms, and the events in it."""

    start: float
    end: float
    spans: tuple[Span, ...]
    """One for each context."""
    number: int | None = None
    """Place in the original's sequence of windows, which gives the exact sample it begins with; None for others."""

    @property
    def n_events(self) -> int:
        """Events shown, of all contexts."""
        return sum(len(span.events) for span in self.spans)


def split(
    contexts: Sequence[tuple[np.ndarray, np.ndarray]],
    length: float,
    hop: float,
    max_events: int,
    lookahead: float = 0.0,
    on_grid: bool = False,
) -> list[Window]:
    """Cut contexts into few windows; those that would own nothing are left out.

    Args:
        contexts: (times, groups) of each: (n_events,) ms, and (n_events,) group numbers; a group is never cut apart,
            the time of its first event decides where it belongs.
        length: of a window, ms.
        hop: ms owned by a window; every owned event has at least `length - hop - lookahead` ms of the map before it.
        max_events: no window shows more: where a map is denser, its windows start later and own less.
        lookahead: ms of the song that a window keeps after its zone; the last window owns all its events.
        on_grid: windows begin at multiples of `hop`, so that all difficulties of a song have the same; otherwise where the
            map needs them.

    Returns:
        Windows in order. Their owned events are a partition of all events.
    """
    starts = [_group_starts(times, groups) for times, groups in contexts]
    merged = np.sort(np.concatenate(starts)) if starts else np.zeros(0)
    windows: list[Window] = []
    if not len(merged):
        return windows
    context_ms = length - hop - lookahead

    def latest(due: float) -> float:
        """Start of a window that gives an event its context."""
        return max(0.0, (due - context_ms) // hop * hop) if on_grid else due - context_ms

    # The very first window begins with the song, or before it if an object does.
    start = min(0.0, float(merged[0])) if merged[0] < hop else latest(float(merged[0]))
    done, owned_until = 0, -np.inf
    while done < len(merged):
        due = float(merged[done])
        if windows or due >= start + length - lookahead:
            start = max(start, latest(due))
        first, stop = start, start + length
        zone_end = stop if merged[-1] < stop else stop - lookahead
        low, high = np.searchsorted(merged, [first, stop])
        if high - low > max_events:
            # Keep half of the room for context and own the events that still fit; events of one time are not separated.
            first = float(merged[max(int(low), done - max_events // 2)])
            low = np.searchsorted(merged, first)
            following = merged[np.searchsorted(merged, due, side="right") :]
            limit = float(merged[low + max_events]) if low + max_events < len(merged) else np.inf
            zone_end = stop = min(stop, max(limit, float(following[0]) if len(following) else np.inf))
        spans = []
        for begins in starts:
            begin, end, owned_begin, owned_end = np.searchsorted(begins, [first, stop, owned_until, zone_end])
            spans.append(Span(np.arange(begin, end), np.arange(owned_begin, owned_end)))
        windows.append(Window(start, start + length, tuple(spans)))
        owned_until, done = zone_end, int(np.searchsorted(merged, zone_end))
    return windows


def _group_starts(times: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(n_events,) time of the first event of each event's group, made non-decreasing."""
    if not len(times):
        return np.zeros(0)
    is_first = np.diff(groups, prepend=groups[0] - 1) != 0
    return np.maximum.accumulate(np.asarray(times, dtype=float)[is_first])[np.cumsum(is_first) - 1]


def original_hop(window_samples: int) -> int:
    """Samples between the original's windows: in double precision 1 - 0.5 - 0.4 is a little less than 0.1, which loses
    one."""
    return int(window_samples * (1 - ORIGINAL_LOOKBACK - ORIGINAL_LOOKAHEAD))


def original(
    contexts: Sequence[np.ndarray], n_samples: int, window_samples: int, samples_per_ms: int, max_events: int
) -> list[Window]:
    """Cut contexts as the original does: windows all over the song, a tenth of each scored (docs/compat.md §6).

    Events before the song or after its end, which the original leaves at a surprisal of 0, get windows of their own.

    Args:
        contexts: (n_events,) whole ms of each context's events.
        n_samples: of the song.
        window_samples: of a window.
        samples_per_ms: of the song.
        max_events: no window shows more: the earliest events are left out, then the latest (the original gives up,
            docs/compat.md §11.6).
    """
    hop = original_hop(window_samples)
    length = window_samples / samples_per_ms
    count = 1 + -(-max(n_samples - window_samples, 0) // hop)
    starts = np.arange(count) * hop // samples_per_ms  # whole ms
    owners = [np.full(len(times), -1) for times in contexts]
    for number, start in enumerate(starts):
        zone_start = start if number == 0 else start + ORIGINAL_LOOKBACK * length
        zone_end = start + (length if number == count - 1 else (1 - ORIGINAL_LOOKAHEAD) * length)
        for owner, times in zip(owners, contexts, strict=True):
            owner[(times >= zone_start) & (times < zone_end)] = number
    windows = [
        _original_window(contexts, float(start), length, owners, number, max_events)
        for number, start in enumerate(starts)
    ]

    while left := [times[owner < 0].min() for times, owner in zip(contexts, owners, strict=True) if (owner < 0).any()]:
        due = min(left)
        start = due if due < 0 else due - int(ORIGINAL_LOOKBACK * length)
        for owner, times in zip(owners, contexts, strict=True):
            owner[(owner < 0) & (times >= due) & (times < start + length)] = len(windows)
        window = _original_window(contexts, float(start), length, owners, len(windows), max_events)
        windows.append(Window(window.start, window.end, window.spans))
    return windows


def _original_window(
    contexts: Sequence[np.ndarray],
    start: float,
    length: float,
    owners: Sequence[np.ndarray],
    number: int,
    max_events: int,
) -> Window:
    shown = [np.flatnonzero((times >= start) & (times < start + length)) for times in contexts]
    owned = [np.flatnonzero(owner == number) for owner in owners]
    excess = sum(map(len, shown)) - max_events
    if excess > 0:
        longest = max(range(len(shown)), key=lambda i: len(shown[i]))
        first, last = (
            np.searchsorted(shown[longest], owned[longest][[0, -1]])
            if len(owned[longest])
            else (len(shown[longest]), 0)
        )
        end = len(shown[longest]) - max(0, min(excess - int(first), len(shown[longest]) - int(last) - 1))
        shown[longest] = shown[longest][min(excess, int(first)) : end]
    return Window(start, start + length, tuple(map(Span, shown, owned)), number)
