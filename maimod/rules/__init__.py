"""All checks, in report order. How to add one: docs/adding-a-rule.md."""

from maimod.rules import new_combos
from maimod.rules.base import Rule
from maimod.rules.catch import combos as catch_combos
from maimod.rules.catch import dashes, showers
from maimod.rules.catch import places as catch_places
from maimod.rules.checks import BeatmapCheck, MapsetCheck
from maimod.rules.hitsounds import bodies as body_sounds
from maimod.rules.hitsounds import edges as edge_sounds
from maimod.rules.hitsounds import habits, lone_sets, own_sets, volume_changes
from maimod.rules.kiai import borders as kiai_borders
from maimod.rules.kiai import ends as kiai_ends
from maimod.rules.kiai import sections as kiai_sections
from maimod.rules.mania import agreement as mania_agreement
from maimod.rules.mania import chord_sounds, holds, jacks
from maimod.rules.mania import columns as mania_columns
from maimod.rules.mania import keys as mania_keys
from maimod.rules.mania import patterns as mania_patterns
from maimod.rules.mania import slips as mania_slips
from maimod.rules.mapset import (
    agreement,
    consistency,
    difficulty,
    files,
    metadata,
    playing_time,
    samples,
    shared_timing,
    skins,
    spread,
    storyboards,
    submission,
    unused_files,
)
from maimod.rules.mapset import snaps as set_snaps
from maimod.rules.passages import rhythms as passage_rhythms
from maimod.rules.passages import sounds as passage_sounds
from maimod.rules.passages import speeds as passage_speeds
from maimod.rules.passages import wholes as passage_wholes
from maimod.rules.positions import offscreen, overlaps, readability, slips, spacing, unexpected
from maimod.rules.rhythm import clashes, spinners
from maimod.rules.rhythm import objects as rhythm_objects
from maimod.rules.sliders import check as slider_check
from maimod.rules.sliders import forms
from maimod.rules.sliders import reading as slider_reading
from maimod.rules.sliders import slips as slider_slips
from maimod.rules.taiko import bar_lines
from maimod.rules.taiko import patterns as taiko_patterns
from maimod.rules.taiko import sets as taiko_sets
from maimod.rules.taiko import slips as taiko_slips
from maimod.rules.timing import alignment, downbeats, lines, red_lines
from maimod.rules.velocity import changes as velocity_changes
from maimod.rules.velocity import scroll_speed

CHECKS: tuple[BeatmapCheck | MapsetCheck, ...] = (
    rhythm_objects.CHECK,
    passage_rhythms.CHECK,
    passage_wholes.RHYTHM_CHECK,
    spinners.CHECK,
    clashes.CHECK,
    showers.CHECK,
    taiko_patterns.CHECK,
    mania_patterns.CHECK,
    holds.CHECK,
    mania_slips.CHECK,
    red_lines.CHECK,
    alignment.CHECK,
    downbeats.CHECK,
    lines.CHECK,
    bar_lines.CHECK,
    offscreen.CHECK,
    spacing.CHECK,
    unexpected.CHECK,
    mania_columns.CHECK,
    slips.CHECK,
    passage_wholes.POSITIONS_CHECK,
    jacks.CHECK,
    mania_slips.COLUMN_CHECK,
    readability.CHECK,
    overlaps.CHECK,
    dashes.CHECK,
    catch_places.CHECK,
    new_combos.CHECK,
    passage_wholes.COMBOS_CHECK,
    catch_combos.CHECK,
    slider_check.CHECK,
    slider_slips.CHECK,
    forms.CHECK,
    slider_reading.CHECK,
    passage_speeds.CHECK,
    velocity_changes.SLIDER_CHECK,
    habits.CHECK,
    passage_sounds.CHECK,
    own_sets.CHECK,
    passage_wholes.SOUNDS_CHECK,
    volume_changes.CHECK,
    edge_sounds.CHECK,
    body_sounds.CHECK,
    lone_sets.CHECK,
    chord_sounds.CHECK,
    taiko_slips.CHECK,
    scroll_speed.CHECK,
    velocity_changes.SCROLL_CHECK,
    kiai_ends.CHECK,
    kiai_sections.CHECK,
    kiai_borders.CHECK,
    metadata.CHECK,
    files.CHECK,
    samples.CHECK,
    storyboards.CHECK,
    unused_files.CHECK,
    skins.CHECK,
    difficulty.CHECK,
    playing_time.CHECK,
    mania_keys.CHECK,
    consistency.CHECK,
    shared_timing.CHECK,
    spread.CHECK,
    agreement.CHECK,
    set_snaps.CHECK,
    taiko_sets.CHECK,
    mania_agreement.CHECK,
    submission.CHECK,
)
BEATMAP_CHECKS: tuple[BeatmapCheck, ...] = tuple(check for check in CHECKS if isinstance(check, BeatmapCheck))
"""Checks of single difficulties."""
MAPSET_CHECKS: tuple[MapsetCheck, ...] = tuple(check for check in CHECKS if isinstance(check, MapsetCheck))
"""Checks of whole sets."""
RULES: dict[str, Rule] = {rule.id: rule for check in CHECKS for rule in check.rules}
