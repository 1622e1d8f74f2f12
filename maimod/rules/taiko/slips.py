"""Slips of taiko: notes that seem to have the wrong colour, by the model of :mod:`maimod.features.slip_model`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from maimod.features.mania.columns import COLUMN_NAMES
from maimod.features.mania.slips import ManiaMeasures
from maimod.features.taiko.colour_figures import Figures
from maimod.features.taiko.slips import is_kat, notes_of
from maimod.findings import Category, Expected, Severity, Tier, clock
from maimod.osu.beatmap import ONLY_TAIKO, Mode
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.positions.slips import beside

LEAST_LOG_ODDS = -6.0
"""Notes with less are no candidates."""
MARGIN = 1.5
"""A slip also changes how its neighbours look, so a note of which one is likelier by more is no candidate."""
LEAST_PLACES = 2
SLIP_CURVE = Curve(middle=3.3, scale=1.0)
"""As that of :data:`maimod.rules.positions.slips.SLIP`."""

COLOUR = Rule(
    "hitsounds/colour-slip",
    "Note seems to have the wrong colour",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A don among kats, or a kat among dons, breaks the pattern that players have learnt from the passages before.",
    how="The colour is compared with the same place of the measures around that have the same pattern (also with all colours "
    "exchanged), with what follows the same colours elsewhere in the map, and with the notes of the same rhythm around which most is "
    "the same. Decision trees that were fitted on notes given the other colour weigh them.",
    advice="Is this the colour that you meant?",
    ignore_when="the colour follows another sound here",
    blind_spots="Maps without patterns that come again; neighbours that exchanged their colours.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Hit_circle",
    modes=ONLY_TAIKO,
    curves={"": SLIP_CURVE},
    corruptions=("addition",),
)


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Notes that seem to have the wrong colour."""
    slips = evidence.slips
    if slips is None or slips.mania is None or evidence.beatmap.mode is not Mode.TAIKO:
        return
    places, figures = notes_of(evidence.objects_by_time), Figures(slips.mania.rows)
    log_odds = slips.colours[places]
    others = beside(log_odds) - MARGIN
    for note in np.flatnonzero((log_odds >= LEAST_LOG_ODDS) & (log_odds >= others)).tolist():
        o = evidence.objects_by_time[places[note]]
        own, other = ("kat", "don") if is_kat(o) else ("don", "kat")
        yield candidate(
            COLOUR,
            time=o.time,
            line=o.line,
            objects=[o],
            measure=float(log_odds[note]),
            message=f"{_words(own, other, slips.mania, figures, note)}.",
            actual=own,
            expected=[Expected(other)],
            log_odds=round(float(log_odds[note]), 2),
        )


def _words(own: str, other: str, measured: ManiaMeasures, figures: Figures, note: int) -> str:
    expected = measured.expectation
    places, same, different = (
        int(values[note]) for values in (expected.places, expected.places_with, expected.places_with_other)
    )
    if places >= LEAST_PLACES and different > same:
        return (
            f"This note is a {own}; at the same place of {places} passages with the same pattern, {different} "
            f"{'has' if different == 1 else 'have'} a {other} (as at {clock(expected.example[note])}) and {same or 'none'} a {own}"
        )
    alike = figures.alike(int(measured.row_of[note]))
    if alike.other >= LEAST_PLACES and alike.other > alike.own:
        return (
            f"This note is a {own}; of {alike.other + alike.own} places with the same notes around, {alike.other} have a {other} "
            f"(as at {clock(alike.example)}) and {alike.own or 'none'} a {own}"
        )
    if measured.columns[note, COLUMN_NAMES.index("other bits both")] < -1:
        return f"This note is a {own}; after and before the same colours the map mostly has a {other}"
    return f"This note is a {own}, which fits neither the notes before nor those after it"


CHECK = BeatmapCheck(Category.HITSOUNDS, "Slips of colours", (COLOUR,), run)
