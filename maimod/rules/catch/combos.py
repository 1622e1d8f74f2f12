"""Catch: combos longer than the level of a difficulty allows.

Source: https://osu.ppy.sh/wiki/en/Ranking_criteria/osu!catch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import ONLY_CATCH, Mode
from maimod.osu.catch import Fruit, Part, fruits
from maimod.osu.level import Level
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.bundles import bundled
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import high
from maimod.rules.evidence import Evidence

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21catch#difficulty-specific"
LONG_COMBO = Rule(
    "new-combos/long",
    "Combo longer than the level allows",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Caught fruits pile up on the catcher until the combo ends, and cover what falls.",
    how="Fruits of a combo, with ends and repeats of sliders: more than 8 in a Cup, 10 in a Salad, 12 in a Platter, 16 "
    "in harder difficulties. Up to one and a half times as many are a minor, as are those of harder difficulties, for which the "
    "criteria give no number. A slider that is a combo of its own has no place for a new combo.",
    advice="Add a new combo where a measure begins.",
    ignore_when="the measures of the song suggest longer combos",
    blind_spots="Difficulties with unknown level.",
    source=_CRITERIA,
    modes=ONLY_CATCH,
    criteria=("combo-length",),
)
LONG_COMBO_OF_HARDER = 16
"""Fruits of a combo in a Rain or Overdose, for which the criteria give no number (Mapset Verifier)."""
MUCH_LONGER = 1.5
FEW = 4
"""More findings become one."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    level = evidence.level
    if evidence.beatmap.mode is not Mode.CATCH or level is None:
        return
    yield from bundled(_long_combos(evidence, level, fruits(evidence.beatmap)), FEW)


def _long_combos(evidence: Evidence, level: Level, of: Sequence[Fruit]) -> Iterator[Candidate]:
    most = min(high("combo-length", Mode.CATCH, level), LONG_COMBO_OF_HARDER)
    for combo in _combos(of):
        caught = [fruit for fruit in combo if fruit.part is not Part.DROP]
        first, last = combo[0].hit_object, combo[-1].hit_object
        if len(caught) <= most or first is last:
            continue
        has_limit = not math.isinf(high("combo-length", Mode.CATCH, level))
        is_guideline = has_limit and len(caught) > MUCH_LONGER * most
        usual = f"{level.one_in(Mode.CATCH)} should have at most {most:g}"
        if not has_limit:
            usual = f"more than {most:g} are many in {level.one_in(Mode.CATCH)}, for which the criteria give no number"
        yield candidate(
            LONG_COMBO,
            time=first.time,
            end_time=combo[-1].time,
            line=first.line,
            objects=[first],
            certainty=evidence.for_level(Certainty.GUIDELINE if is_guideline else Certainty.POSSIBLE),
            actual=f"{len(caught)} fruits",
            expected=[Expected(f"at most {most:g}")],
            message=f"This combo has {len(caught)} fruits; {usual}.",
        )


def _combos(of: Sequence[Fruit]) -> Iterator[list[Fruit]]:
    """Fruits by combo: it starts at an object with number 1."""
    combo: list[Fruit] = []
    for fruit in of:
        starts = fruit.hit_object.combo_number == 1 and fruit.part in (Part.FRUIT, Part.HEAD)
        if combo and starts:
            yield combo
            combo = []
        combo.append(fruit)
    if combo:
        yield combo


CHECK = BeatmapCheck(Category.NEW_COMBOS, "Length of combos in catch", (LONG_COMBO,), run)
