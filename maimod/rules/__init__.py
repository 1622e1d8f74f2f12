"""All checks, in report order. How to add one: docs/adding-a-rule.md."""

from maimod.rules import (
    agreement,
    bar_lines,
    catch,
    catch_combos,
    chord_sounds,
    clashes,
    consistency,
    difficulty,
    files,
    hitsounds,
    holds,
    kiai,
    lines,
    mania,
    mania_agreement,
    metadata,
    new_combos,
    positions,
    readability,
    rhythm,
    samples,
    scroll_speed,
    shared_timing,
    sliders,
    spread,
    taiko,
    taiko_sets,
    timing,
)
from maimod.rules.base import BeatmapCheck, MapsetCheck, Rule

CHECKS: tuple[BeatmapCheck | MapsetCheck, ...] = (
    rhythm.CHECK,
    clashes.CHECK,
    taiko.CHECK,
    holds.CHECK,
    timing.CHECK,
    lines.CHECK,
    bar_lines.CHECK,
    positions.CHECK,
    readability.CHECK,
    catch.CHECK,
    new_combos.CHECK,
    catch_combos.CHECK,
    sliders.CHECK,
    hitsounds.CHECK,
    chord_sounds.CHECK,
    scroll_speed.CHECK,
    kiai.CHECK,
    metadata.CHECK,
    files.CHECK,
    samples.CHECK,
    difficulty.CHECK,
    mania.CHECK,
    consistency.CHECK,
    shared_timing.CHECK,
    spread.CHECK,
    agreement.CHECK,
    taiko_sets.CHECK,
    mania_agreement.CHECK,
)
BEATMAP_CHECKS: tuple[BeatmapCheck, ...] = tuple(check for check in CHECKS if isinstance(check, BeatmapCheck))
"""Checks of single difficulties."""
MAPSET_CHECKS: tuple[MapsetCheck, ...] = tuple(check for check in CHECKS if isinstance(check, MapsetCheck))
"""Checks of whole sets."""
RULES: dict[str, Rule] = {rule.id: rule for check in CHECKS for rule in check.rules}
