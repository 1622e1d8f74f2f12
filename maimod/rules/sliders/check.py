"""Sliders: which rules run, and which of two findings explains the other."""

from __future__ import annotations

from collections.abc import Iterator

from maimod.findings import Category
from maimod.osu.beatmap import PLAYFIELD_MODES, Mode
from maimod.rules.base import Candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.sliders.directions import REPEATS, REVERSED, repeats, reversed_sliders
from maimod.rules.sliders.lengths import INVISIBLE, LENGTH, MISFIT, bodies, invisible, lengths
from maimod.rules.sliders.shapes import CONTROL_POINTS, SHAPE, propose, scribbles, shapes
from maimod.rules.sliders.velocities import LATE_LINE, VELOCITY, velocities


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Check every slider; osu! and catch only."""
    if evidence.beatmap.mode not in PLAYFIELD_MODES:
        return
    all_bodies = bodies(evidence)
    yield from invisible(evidence, all_bodies)
    visible = [body for body in all_bodies if body.path.natural_length > 0]
    odd_lengths = list(lengths(visible))
    yield from odd_lengths
    # A wrong length also gives a wrong tail: that is one mistake.
    misfits = {
        o.index
        for found in odd_lengths
        for o in found.objects
        if found.measure is not None and found.measure >= MISFIT[found.curve]
    }
    yield from (found for found in shapes(evidence, visible) if found.objects[0].index not in misfits)
    yield from scribbles(visible)
    yield from velocities(evidence, visible)
    yield from repeats(evidence, visible)
    if evidence.beatmap.mode is Mode.OSU:
        yield from reversed_sliders(evidence)


CHECK = BeatmapCheck(
    Category.SLIDERS,
    "Sliders",
    (SHAPE, CONTROL_POINTS, LENGTH, INVISIBLE, VELOCITY, LATE_LINE, REPEATS, REVERSED),
    run,
    propose,
)
