"""Continuations of the model at a place, beside the objects of the map: evidence of the page alone.

The continuations are drawn by chance and are no proposal: reports and exports never hold them.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from maimod.events.schema import Event
from maimod.evidence.passage import LEAD_BEATS, Passage, draw
from maimod.evidence.sketch import Sketch, of_events, of_map
from maimod.findings import counted
from maimod.osu.beatmap import Beatmap, Mode, ObjectKind
from maimod.osu.hitsounds import BIG, KAT

if TYPE_CHECKING:
    from maimod.linter.pipeline import Analysis

BEATS = 4.0
"""Length of a continuation, within these ms."""
SHORTEST_MS, LONGEST_MS = 1200.0, 4000.0
SAME_MS = 1.0


def end_of(beatmap: Beatmap, time: float) -> float:
    """Ms up to which the model goes on from a time."""
    return time + min(max(BEATS * beatmap.red_line_of(time).beat_length, SHORTEST_MS), LONGEST_MS)


def continuation(analysis: Analysis, time: float, until: float, written: Sequence[Sequence[Event]]) -> dict[str, Any]:
    """Draw the continuations.

    Args:
        analysis: of the map.
        time: ms where they begin.
        until: ms where they end.
        written: events of each, from :func:`maimod.families.continuation.continuations`.

    Returns:
        `html`, and for the timeline `from`, `until` in ms and `notes`: of each continuation a list of (start, end,
        name), as :func:`maimod.evidence.timeline.notes` has them.
    """
    beatmap, schema = analysis.beatmap, analysis.evidence.schema
    if schema is None:
        return {"html": "", "from": time, "until": until, "notes": []}
    lead = LEAD_BEATS * beatmap.red_line_of(time).beat_length
    before = [o for o in beatmap.hit_objects if time - lead <= o.time < time - SAME_MS]
    if not before:  # a rest: show the last object, from which the model goes on
        before = [o for o in beatmap.hit_objects if o.time < time - SAME_MS][-1:]
    own = [o for o in beatmap.hit_objects if time - SAME_MS <= o.time < until]
    drawn = [of_map(beatmap, before), of_map(beatmap, own)]
    models = [of_events(events, schema, beatmap.mode, until) for events in written]
    figures = [_figure(Passage(beatmap, time, until, drawn[0], drawn[1]), "the map")]
    for place, objects in enumerate(models, start=1):
        name = f"the model, {place} of {len(models)}"
        figures.append(_figure(Passage(beatmap, time, until, drawn[0], objects, is_models=True), name))
    html = (
        f'<div class="mm-continuations{" mm-lane" * (beatmap.mode is Mode.TAIKO)}">{"".join(figures)}</div><p class="mm-note">Each is one of many ways to go on, drawn by '
        "chance from what the model expects after the objects in grey. It knows less than you: no proposal, and in no export.</p>"
    )
    notes = [
        [(one.time, one.end_time, _name(one, beatmap.mode, number)) for number, one in enumerate(of, 1)]
        for of in models
    ]
    return {"html": html, "from": time, "until": until, "notes": notes}


def _figure(passage: Passage, name: str) -> str:
    count = len(passage.objects)
    words = counted(count, "object") if count else "no object"
    return f"<figure>{draw(passage)}<figcaption><b>{escape(name)}</b>: {words}</figcaption></figure>"


def _name(one: Sketch, mode: Mode, number: int) -> str:
    if mode is Mode.MANIA:
        return str(one.column + 1)
    if mode is Mode.TAIKO:
        letter = "k" if one.additions & KAT else "d" if one.kind is ObjectKind.CIRCLE else "r"
        return letter.upper() if one.additions & BIG else letter
    return str(number)
