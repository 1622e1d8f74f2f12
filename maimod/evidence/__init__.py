"""Pictures of the evidence for the UI and the HTML report, as SVG text: pure functions of an
:class:`maimod.linter.pipeline.Analysis`."""

from __future__ import annotations

from collections.abc import Callable, Collection

from maimod.evidence import lanes
from maimod.evidence.circles import circles
from maimod.evidence.moment import Cloud, Span, cloud
from maimod.evidence.spectrum import spectrum
from maimod.evidence.timeline import beats, extent, moments, notes, timeline
from maimod.osu.beatmap import Beatmap, Mode

__all__ = ["Cloud", "Span", "beats", "cloud", "extent", "moments", "notes", "playfield", "spectrum", "timeline"]

_FIELDS: dict[Mode, Callable[[Beatmap, Span, Collection[int], Cloud | None], str]] = {
    Mode.OSU: circles,
    Mode.TAIKO: lanes.taiko,
    Mode.CATCH: lanes.catch,
    Mode.MANIA: lanes.mania,
}


def playfield(beatmap: Beatmap, span: Span, marked: Collection[int] = (), expected: Cloud | None = None) -> str:
    """Draw the playfield at a moment, as the game shows it.

    Args:
        beatmap: of any mode.
        span: the moment to draw, and how much of the map around it can be played.
        marked: indices of the objects to highlight.
        expected: where the model expected them.
    """
    return _FIELDS[beatmap.mode](beatmap, span, marked, expected)
