"""Slips of sliders: bodies that seem to have changed by accident, as :mod:`maimod.rules.positions.slips` for positions."""

from __future__ import annotations

from collections.abc import Iterator

from maimod.findings import Category, Severity, Tier
from maimod.osu.beatmap import PLAYFIELD_MODES, Mode
from maimod.rules.base import Candidate, Curve, Rule
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.positions.slips import CONTROL_POINT, REVERSED, candidates

SLIP_CURVE = Curve(middle=3.3, scale=1.0)
"""As that of :data:`maimod.rules.positions.slips.SLIP`. 118 ranked maps have 0.01 sliders a minute above 1."""
BROKEN = (REVERSED, CONTROL_POINT, "copy", "turned_copy", "step_out_mode", "tail_stack", "symmetry", "parallel")
"""Relations of a body and its end."""
BROKEN_IN_CATCH = tuple(relation for relation in BROKEN if relation not in ("step_out_mode", "tail_stack"))
"""Those of the body alone: to the objects around only x counts."""

SLIP = Rule(
    "sliders/slip",
    "Slider body seems to have slipped",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="An anchor dragged by accident, or a body turned or reversed alone, breaks the shape that the slider shares with "
    "others, and the way from its end.",
    how="The body is compared with those of the same length, with its own mirror image and with sliders nearby, its control points with "
    "those of other sliders, the length of their path with that of the slider, its end with the spacing, the stacks and the figures around. Decision trees that were fitted on anchors moved by 2 to 200 px and on bodies turned, "
    "mirrored or reversed weigh them.",
    advice="Check for a control point that was moved by accident.",
    ignore_when="the shape is meant to be unique.",
    blind_spots="Maps whose sliders have nothing in common.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Slider",
    modes=PLAYFIELD_MODES,
    curves={"": SLIP_CURVE},
    corruptions=("shape",),
)


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Sliders whose body seems to have changed."""
    slips, is_catch = evidence.slips, evidence.beatmap.mode is Mode.CATCH
    if slips is not None and slips.bodies is not None:
        yield from candidates(SLIP, slips.shapes, evidence, BROKEN_IN_CATCH if is_catch else BROKEN)


CHECK = BeatmapCheck(Category.SLIDERS, "Slips of sliders", (SLIP,), run)
