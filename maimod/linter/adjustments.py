"""What a judged place gains or loses after the judge, by what reading findings about ranked maps showed.

The judge is fitted on planted mistakes and takes all of them for as common as they were planted. Findings about finished maps were opened one by one; what
showed the wrong ones to be wrong moves the log-odds of places like them, and rules that are hardly ever right at low scores are not listed there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from maimod.findings import Category
from maimod.linter import places
from maimod.linter.places import NETWORK_WEIGHT, RatedCandidate, logit_of
from maimod.linter.settings import LISTED_SCORE
from maimod.osu.beatmap import Mode
from maimod.rules import elsewhere
from maimod.rules.base import Candidate, Curve
from maimod.rules.evidence import Evidence

WRONG_TICK = "rhythm/wrong-tick"
HOLD_SLIP = "rhythm/hold-slip"
"""Of mania: about one note, or about a stretch of holds that all end early or late."""
OF_ADDITIONS = frozenset({"hitsounds/unexpected", "hitsounds/missing"})
SOUNDS = {**dict.fromkeys(OF_ADDITIONS, "sound"), "hitsounds/sample-set": "sample_set"}
"""What rules about single hits compare, of :class:`maimod.features.copies.passages.Timeline`."""
SCROLL_STRETCH, AT_LINES = "scroll-speed/stretch", ("begins_at_line", "ends_at_line")
MISSING_SPINNER = "rhythm/spinner-missing"
MISSING_COMBO = "new-combos/missing"
UNEXPECTED_COMBO = "new-combos/unexpected"
OF_COMBOS = frozenset({MISSING_COMBO, UNEXPECTED_COMBO})
UNTAUGHT_MARGIN, UNTAUGHT_LOGIT = 2.0, -1.38
"""A judge knows the kinds of mistakes that it was fitted on. Where rule and proofreader together have more than the first, a place
keeps log-odds of up to the second (20 %), if the proofreader does not deny it; of kinds left out of the fit much more is found (model
card)."""
WITH_LEAST = {Mode.OSU: frozenset({Category.HITSOUNDS, Category.NEW_COMBOS, Category.KIAI})}
"""Categories in which a place keeps them, by mode. In taiko, catch and mania 0.07, 0.23 and 0.35 places a minute of maps that no network has seen would: of the 19 of mania
none was right, half are effects of scroll speed. Of planted mistakes that the judge misses they list none of 180 in taiko and catch, one of 114 in mania.
In osu! 1 of 680 planted mistakes is listed by them in the other categories, and 7 findings about 142 ranked difficulties, none of them right."""
READ_LOGITS: Mapping[str, float] = {"hitsounds": 0.4, "positions/unexpected": -0.8}
"""Log-odds that a judged place of osu! gains by its rule or its category, because the judge takes all for as common as they were planted. Of the findings about 142
ranked difficulties (307 minutes) that were opened one by one, 12 to 15 of 17 in hitsounds were right, at a mean score of 0.39; of 12 unexpected positions at
most one, at 0.36. At most two of 9 velocities were right too; they are not lowered, because 0.7 would lose one in
ten of those planted in held-out maps and save 0.03 findings a minute."""
SAME_FLAG_LOGIT, FAINT_LOGIT = -1.0, -3.0
"""Log-odds that a place of new combos with more than the second gains where most similar measures and most other difficulties do as the map does. Of planted mistakes of osu!
2 to 9 % are at such places, of the 24 findings about 64 ranked maps that no network was trained on 4, none of them right."""
LEAST_LISTED: Mapping[str, float] = {"scroll-speed": 0.6, "kiai": 0.5, "new-combos": 0.3, "positions/column-slip": 0.3}
"""Smallest score of a listed estimate of a rule or a category where it is more than `LISTED_SCORE`. In 159 maps that no network has seen (298 minutes), judged without
their songs, and in seven changed copies of each, places without a mistake in the maps and planted mistakes in the copies: scroll speed of 0.2 to 0.6, 17 and 7 (of 0.6 to 0.7 0
and 4), kiai of 0.2 to 0.5, 16 and 12, new combos of 0.2 to 0.3, 25 and 25, against 142 and 668 of the others of 0.2 to 0.4."""
LEAST_IN_MODE: Mapping[Mode, Mapping[str, float]] = {
    Mode.MANIA: {"hitsounds": 0.3, "rhythm/wrong-tick": 0.3, "rhythm/chord-slip": 0.3}
}
"""The same in one mode. In 36 maps that no network has seen, judged without their songs, 14 places without a mistake lie between the two, and 17 of 354 planted mistakes in six
changed copies of each."""
SAME_START_LOGIT = -1.0
"""Log-odds that an object at a wrong tick gains where half of the other difficulties and more have one there too. Of 282 planted ones that were listed 25 are so, and 2 of
these are no longer listed; the only three in 33 finished maps were so, and wrong."""
OTHERS_START_LOGIT = -2.0
"""Log-odds that such an object of osu! gains beside that where one of two or more other difficulties has one there too, and none has one at the tick where it may belong.
Of the 12 listed in 140 ranked difficulties (358 minutes) that no network has seen 4 are so, all wrong; of 31 planted ones none."""
AS_MOST_LOGIT = -1.0
"""Log-odds that additions and sample sets of osu! gain where most similar measures and most other difficulties have the same, which then keep no least log-odds. Of the 61
listed in these maps 3 are so, none of them right; of 41 planted ones none."""
REST_LOGIT = -1.0
"""Log-odds that a spinner that seems to be missing gains in taiko: the criteria ask for rests. Both in 12 finished maps
were wrong; of seven planted ones two are listed without it."""
SAME_SOUND_LOGIT = -4.0
"""Log-odds that additions of a hit of taiko, catch or mania gain where all of the other difficulties, of which two or more have the hit, have the same. Of 17
listed places in 203 maps of these modes, judged without their songs, 3 are so, one of them at the end of a slider, which stays, and of 225 planted mistakes one."""
SAME_COMBO_LOGIT = -2.0
"""Log-odds that new combos of catch gain where half of the other difficulties do as the map does: so are 3 of 9 listed places, and none of 115 planted mistakes."""
SAME_HOLD_LOGIT = -2.0
"""Log-odds that the end of a hold gains where two other difficulties hold a note from the same start to the same end: so are 3 of 9 listed places of these
maps, and at most 5 of 141 planted mistakes."""
AGAINST_LOGIT = -1.5
"""Log-odds that a column, a chord or an end of mania gains if the map or the set has the same again (:attr:`maimod.rules.base.Candidate.against`).
In 34 maps (67 minutes) that no network has seen 4 of the 9 listed where there is no mistake are so, and 6 of 79 planted mistakes."""
SAME_SPEED_LOGIT, NO_LINES_LOGIT = -2.0, -1.5
"""Log-odds that scroll speed gains where another difficulty has the same line, and a stretch at no line of its own on one side: 4 of 7 listed places in taiko and 2 of 137 planted
mistakes are such stretches."""
DENIED_LOGIT = -1.0
"""The proofreader denies what it gives less than these log-odds. In 149 maps that no network has seen, the least log-odds hold at
0.2 places without a mistake a minute of osu!, at 0.4 if the proofreader may deny them; of planted mistakes that loses 1 in 20."""
LISTED_LOGIT, JUST_LESS = math.log(LISTED_SCORE / (1 - LISTED_SCORE)), 0.01
"""Log-odds of the smallest score that is listed, and what one that is not has less."""


def adjusted(rated: RatedCandidate, logit: float, evidence: Evidence) -> float:
    """The log-odds of a judged place with what reading moves them by.

    Args:
        rated: the candidate that names the place.
        logit: the judge's log-odds.
        evidence: of the map.
    """
    mode, category = evidence.beatmap.mode, rated.candidate.rule.category
    is_as_most = mode is Mode.OSU and _sounds_as_most(rated.candidate, evidence)
    logit = _as_listed(rated, _as_read(rated, logit, evidence) + AS_MOST_LOGIT * is_as_most, mode)
    return max(logit, _least_logit(rated)) if category in WITH_LEAST.get(mode, ()) and not is_as_most else logit


def _sounds_as_most(found: Candidate, evidence: Evidence) -> bool:
    name = SOUNDS.get(found.rule.id)
    return name is not None and elsewhere.is_sound_of_most(evidence, found.time, name)


def _as_read(rated: RatedCandidate, logit: float, evidence: Evidence) -> float:
    """The log-odds of a place, as reading findings about ranked maps moves them."""
    rule, mode = rated.candidate.rule, evidence.beatmap.mode
    if rule.id == WRONG_TICK and elsewhere.is_start_of_most(evidence, rated.candidate.time):
        logit += SAME_START_LOGIT
    if rule.id == MISSING_SPINNER and mode is Mode.TAIKO:
        logit += REST_LOGIT
    if rule.id == WRONG_TICK and mode is Mode.OSU and _starts_as_others(rated.candidate, evidence):
        logit += OTHERS_START_LOGIT
    if mode is not Mode.OSU:
        return logit + _as_in_set(rated.candidate, logit, evidence)
    is_combo = rule.category is Category.NEW_COMBOS and logit > FAINT_LOGIT
    if is_combo and elsewhere.has_same_flag(evidence, rated.candidate.time, rule.id != MISSING_COMBO, in_set=True):
        # The faint ones stay: most places are so, and phrases are compared with the median of all.
        return max(logit + SAME_FLAG_LOGIT, FAINT_LOGIT)
    return logit + READ_LOGITS.get(rule.id, READ_LOGITS.get(rule.category, 0.0))


def _starts_as_others(found: Candidate, evidence: Evidence) -> bool:
    there = found.numbers.get("expected_ms")
    return there is not None and elsewhere.others_start_here(evidence, found.time, there)


def _as_in_set(found: Candidate, logit: float, evidence: Evidence) -> float:
    """Log-odds that a place of taiko, catch or mania gains by what the other difficulties have, and by the lines around it."""
    rule, added = found.rule, 0.0
    if rule.id in OF_ADDITIONS and elsewhere.is_in_all_others(evidence, found.time, "sound"):
        added += SAME_SOUND_LOGIT
    if rule.id in OF_COMBOS and elsewhere.is_flag_of_half(evidence, found.time, rule.id != MISSING_COMBO):
        added += SAME_COMBO_LOGIT
    if rule.id == HOLD_SLIP and len(found.objects) == 1 and elsewhere.holds_alike(evidence, found.objects[0]) > 1:
        added += SAME_HOLD_LOGIT
    # It takes longer to find than the rest, and a faint place stays unlisted with or without it.
    if logit > FAINT_LOGIT and found.counterargument:
        added += AGAINST_LOGIT
    if rule.category is Category.SCROLL_SPEED and elsewhere.is_speed_of_another(evidence, found.time):
        added += SAME_SPEED_LOGIT
    if rule.id == SCROLL_STRETCH and not all(found.numbers.get(name, True) for name in AT_LINES):
        added += NO_LINES_LOGIT
    return added


def _as_listed(rated: RatedCandidate, logit: float, mode: Mode) -> float:
    """The log-odds of a place, less than any that is listed if they are too small for its rule."""
    rule = rated.candidate.rule
    limits = {**LEAST_LISTED, **LEAST_IN_MODE.get(mode, {})}
    least = limits.get(rule.id, limits.get(rule.category, 0.0))
    return logit if logit >= logit_of(least) else min(logit, LISTED_LOGIT - JUST_LESS)


def _least_logit(rated: RatedCandidate) -> float:
    """Log-odds that a place keeps whatever the judge says: a minor, where the rule is sure and the proofreader does not deny it."""
    candidate = rated.candidate
    if candidate.rule.corruptions and rated.discriminator_logit < DENIED_LOGIT:
        return -math.inf
    curve = candidate.rule.curves.get(candidate.curve)
    if isinstance(curve, Curve):
        rated = rated._replace(rule_logit=min(rated.rule_logit, logit_of(curve.highest)))
    return min(NETWORK_WEIGHT * places.both(rated) - UNTAUGHT_MARGIN, UNTAUGHT_LOGIT)
