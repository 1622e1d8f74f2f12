"""Objects of osu! and catch that seem to have the wrong form: a slider for circles, a circle for a slider, a repeat too many or too few.

The model (:mod:`maimod.features.slip_model`) knows how such changes break the rhythm that the map keeps.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from maimod.features.sliders.alternatives import NAMES
from maimod.findings import Category, Expected, Severity, Tier, counted
from maimod.osu.beatmap import PLAYFIELD_MODES, HitObject, ObjectKind
from maimod.osu.names import in_words_of_mode, object_name
from maimod.rules import elsewhere
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.positions.slips import beside
from maimod.rules.steps import gap_name

LEAST_LOG_ODDS = -3.0
"""Objects with less are no candidates."""
FORM_CURVE = Curve(middle=4.0, scale=1.0)
"""Log-odds of the model. 17 difficulties that it was not fitted on (30 minutes) have 0.1 objects a minute above 1.2 and 0.2 above 0.4, which
half of the sliders reach that lost a repeat or turn back in place of a circle, and a quarter of those that two circles were joined to."""
LEAST_GAIN = 1.0
"""Odds, in natural logarithms, from which another form is named."""

FORM = Rule(
    "sliders/form",
    "Kind, length or repeats of an object seem wrong",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map", "audio"),
    why="A slider in place of two circles, or one that turns back once too often, changes what is hit and held, and so the rhythm.",
    how="Kind, length and repeats are compared with what the map has elsewhere in the same rhythm, at the same place of the beat and the measure, and in "
    "similar measures. Decision trees that were fitted on sliders split, circles joined, and lengths and repeats changed weigh them.",
    advice="Listen: how long is the sound held?",
    ignore_when="the song differs from the similar measures here",
    blind_spots="Maps with few objects; what three quarters of the similar measures have as well; spinners.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Slider",
    modes=PLAYFIELD_MODES,
    curves={"": FORM_CURVE},
    corruptions=("length",),
)

_FREE, _HELD = "circles", "a slider up to the next object"
_REPEATS = {"less": "one repeat less", "more": "one repeat more"}


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Objects whose form is less likely than those of the objects beside them."""
    log_odds = evidence.forms
    if log_odds is None:
        return
    for rank in np.flatnonzero((log_odds >= LEAST_LOG_ODDS) & (log_odds >= beside(log_odds))).tolist():
        o = evidence.objects_by_time[rank]
        if o.kind is ObjectKind.SPINNER or o.index in evidence.usual_objects:
            continue
        likelier = in_words_of_mode(_likelier(o, evidence.slider_alternatives[rank]), evidence.beatmap)
        usual = f"{likelier} would be more usual" if likelier else ""
        fallback = "" if usual else "its rhythm is unlike that around it"
        kinds = [str(ObjectKind.CIRCLE), str(ObjectKind.SLIDER)]
        seen = (
            elsewhere.lengths(evidence, o, fallback) if o.slider else elsewhere.kinds(evidence, o.time, kinds, fallback)
        )
        name = object_name(o, evidence.beatmap)
        length = f" of {gap_name(evidence, o, o.duration)}" if o.slider else ""
        yield candidate(
            FORM,
            time=o.time,
            line=o.line,
            objects=[o],
            measure=float(log_odds[rank]),
            actual=f"{name}, {counted(o.slider.slides - 1, 'repeat')}" if o.slider else name,
            expected=[Expected(likelier)] if likelier else [],
            message=f"This {name}{length} may have the wrong {'kind or length' if o.slider else 'kind'}: {elsewhere.joined(usual, seen) if usual else seen}.",
            log_odds=round(float(log_odds[rank]), 2),
        )


def _likelier(o: HitObject, alternatives: np.ndarray) -> str:
    """The form that the map has more often in such a place; empty if none is."""

    def odds(*names: str) -> float:
        return float(sum(alternatives[NAMES.index(name)] for name in names))

    if o.slider is None:
        forms = {_HELD: odds("own total")}
    else:
        ways = ("less", "more") if o.slider.slides > 1 else ("more",)
        forms = {_REPEATS[way]: odds(f"{way} usage", f"{way} copies", f"{way} siblings") for way in ways}
        if o.slider.slides == 1:
            forms[_FREE] = odds("own total")
    form = max(forms, key=lambda name: forms[name])
    return form if forms[form] >= LEAST_GAIN else ""


CHECK = BeatmapCheck(Category.SLIDERS, "Forms of objects", (FORM,), run)
