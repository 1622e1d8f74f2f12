"""Which findings explain which others: about an object that they share or that is beside, a passage, a border of kiai, a line or a
section around them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Sequence
from heapq import heappop, heappush

import numpy as np

from maimod.findings import Category, Finding, Severity, Tier
from maimod.linter.adjustments import UNEXPECTED_COMBO, WRONG_TICK
from maimod.linter.combining import SAME_PLACE_MS
from maimod.linter.rescore import rests_on_network
from maimod.rules import RULES
from maimod.rules.bundles import TIMES
from maimod.rules.evidence import Evidence

REACH_OBJECTS = 1
"""A finding reaches this many objects past its own."""
SECTION_MARGIN_MS = 1500.0
"""Sections are measured in windows of 10 s, so findings this close to their borders are not consequences of them."""
CAUSES: dict[Category, frozenset[Category]] = {
    Category.RHYTHM: frozenset(
        {Category.RHYTHM, Category.POSITIONS, Category.NEW_COMBOS, Category.SLIDERS, Category.MAPSET}
    ),
    Category.TIMING: frozenset({Category.RHYTHM, Category.TIMING, Category.KIAI}),
    Category.POSITIONS: frozenset({Category.POSITIONS, Category.SLIDERS}),
    Category.NEW_COMBOS: frozenset({Category.NEW_COMBOS}),
    Category.SLIDERS: frozenset({Category.SLIDERS, Category.POSITIONS}),
    Category.HITSOUNDS: frozenset({Category.HITSOUNDS}),
    Category.SCROLL_SPEED: frozenset({Category.SCROLL_SPEED}),
    Category.KIAI: frozenset({Category.KIAI}),
    Category.MAPSET: frozenset({Category.HITSOUNDS, Category.RHYTHM}),
    Category.SUBMISSION: frozenset(),
}
"""Categories that a finding can cause on its own object or right after it. Findings about a set that name objects are
about objects and additions that differ from the other difficulties."""
PASSAGE_CAUSES: dict[Category, frozenset[Category]] = {
    Category.RHYTHM: frozenset({Category.RHYTHM}),
    Category.POSITIONS: frozenset({Category.POSITIONS}),
    Category.NEW_COMBOS: frozenset({Category.NEW_COMBOS}),
    Category.HITSOUNDS: frozenset({Category.HITSOUNDS}),
    Category.SLIDERS: frozenset({Category.SLIDERS, Category.RHYTHM, Category.POSITIONS}),
}
"""Categories that a finding about a passage can cause anywhere in it: it is named once, where it begins. A wrong velocity also
moves the ends of sliders."""
OF_STRETCHES = frozenset(
    {"hitsounds/volume-step", "hitsounds/volume-ramp", "sliders/velocity-step", "positions/columns-exchanged"}
)
"""Rules about what lies under one line, or has other columns, which are about a passage too."""
COLUMN_SLIP = "positions/column-slip"
"""Of two notes of mania that exchanged columns each seems to be in a wrong one: the surer is kept."""
MISSING_OBJECT = "rhythm/missing-object"
OF_ONE_NOTE = frozenset({"rhythm/chord-slip", COLUMN_SLIP})
"""In mania the same note can seem to be one too many in its chord and to be in a wrong column, at a right time in both cases: of
these the surer is kept."""
SLIP, SPACING = "positions/slip", "positions/spacing"
"""An object that seems to have slipped, and one at an unusual distance from the object before or the next one."""
HOLES = frozenset({MISSING_OBJECT, "rhythm/passage-object"})
"""Findings about an empty place after their object. Where the next object is at a wrong tick, it is what is missing."""
KIAI_OF_SET = "mapset/kiai"
"""A border of kiai that the other difficulties have elsewhere: estimates about the same border say less."""
FORM = "sliders/form"
OF_FORM = frozenset(
    {"rhythm/unexpected-end", "rhythm/unexpected-kind", "rhythm/unexpected-object", "rhythm/passage-kind"}
)
"""Estimates that doubt the kind or the end of an object, as one about its form does."""
LATE_LINE = "sliders/late-line"
"""A line just after the head of a slider, which keeps another velocity: so its length in beats, its end and its shape are unusual."""
LATE_AT_BAR_LINE, LATE_AT_NOTE = "timing/line-after-bar-line", "scroll-speed/line-after-object"
"""A green line of taiko just after a bar line and the note on it: the fact about the bar line names the note too."""
SAME_LINE_MS = 5.0
"""Both rules look for lines up to this late."""
SET_HOLE, BESIDE_OTHERS = "mapset/missing-object", "mapset/beside-others"
OFF_EVERY_TICK = frozenset({"rhythm/unsnapped", "rhythm/unusual-snap"})
"""Findings about an object on no tick that the map uses: the one before it is not meant for the place that it left."""
OFF_TICKS = OFF_EVERY_TICK | frozenset({WRONG_TICK, "rhythm/unsnapped-at-red-line", BESIDE_OTHERS})
"""Findings about an object that is beside its place, where the other difficulties have the object that seems to be missing."""
BESIDE_BEATS = 0.55
"""How far an object can be from that place."""
OTHER_SNAPS = "mapset/snaps-differ"
LONE_JACK = "positions/lone-jack"
"""Two notes of mania in a column, one of which seems to be in a wrong one."""
FIRST_RULES = frozenset({KIAI_OF_SET, LATE_LINE, OTHER_SNAPS, LONE_JACK})
"""Exact findings that come before the estimates that they explain."""
OF_OTHER_SNAPS = frozenset({BESIDE_OTHERS, SET_HOLE})
"""What a passage on another divisor than in the other difficulties shows at single objects."""
SAME_BORDER_MS = 3
ALIKE = "objects_alike"
"""Evidence of a finding that names several places: the indices of the objects of the others."""
LACKS_ADDITION = "mapset/missing-addition"
"""Additions that all other difficulties have, at one place or several: likelier estimates about the sounds of all of them say as much."""
FIRST_CAUSES = frozenset({Category.RHYTHM, Category.MAPSET})
"""Warnings and problems of these categories come first."""


def order_of_causes(finding: Finding) -> tuple[bool, bool, bool, bool, bool, float, float, str]:
    """Sort key: causes first.

    Sections come first, even before surer findings inside them. Then what other difficulties show of kiai, lines that come after their slider, passages on another divisor, and lone jacks. Then rhythm, because another time changes the distance
    and not the other way round, and findings about the set, which are stronger evidence than one difficulty. Then exact
    findings, then by score; of equals the earlier one is the cause. Minor findings are ordered by score only. Holes that the other
    difficulties show explain nothing and come last.
    """
    is_grave = finding.severity is not Severity.MINOR
    return (
        finding.rule == SET_HOLE,
        not _is_section(finding),
        finding.rule not in FIRST_RULES,
        not (finding.category in FIRST_CAUSES and is_grave and finding.rule not in OF_ONE_NOTE),
        not (finding.tier is Tier.EXACT and is_grave),
        -finding.score,
        finding.time,
        finding.rule,
    )


class Kept:
    """Kept findings, and the first of each kind at each object, so that no finding is compared with all others."""

    def __init__(self, evidence: Evidence) -> None:
        self.findings: list[Finding] = []
        self._evidence = evidence
        self._passages: list[int] = []
        """Numbers of those about a passage: a few dozen at most, since each of their rules finds a few in a map."""
        self._borders: dict[int, int] = {}
        """Numbers of those about a border of kiai by its time in whole ms."""
        self._late_bar_lines: list[tuple[float, int]] = []
        """Times of bar lines that a green line comes just after, and the numbers of the findings about them."""
        self._rank = {o.index: place for place, o in enumerate(evidence.objects_by_time)}
        self._at: defaultdict[int, dict[Hashable, int]] = defaultdict(dict)
        """Numbers of kept findings by the rank of each of their objects, one for each kind of finding."""
        self._ending_at: defaultdict[int, dict[Hashable, int]] = defaultdict(dict)
        """The same by the rank of their last object."""

    def add(self, finding: Finding) -> None:
        """Keep a finding."""
        kind = (finding.rule, finding.severity, rests_on_network(finding), finding.surprisal is None)
        # A finding that names further places by their objects stands for all of them.
        ranks = {self._rank[index] for index in _at_all_places(finding)}
        for rank in ranks:
            self._at[rank].setdefault(kind, len(self.findings))
        if ranks:
            self._ending_at[max(ranks)].setdefault(kind, len(self.findings))
        is_passage = finding.rule.partition("/")[2].startswith("passage-") or finding.rule in OF_STRETCHES
        if (is_passage and finding.category in PASSAGE_CAUSES) or finding.rule == OTHER_SNAPS:
            self._passages.append(len(self.findings))
        if (finding.category is Category.KIAI and not finding.objects) or finding.rule == KIAI_OF_SET:
            others = (time for name in ("added", "missing") for time in finding.evidence.get(name, ()))
            for time in (finding.time, *(others if finding.rule == KIAI_OF_SET else ())):
                self._borders.setdefault(round(time), len(self.findings))
        if finding.rule == LATE_AT_BAR_LINE:
            at = (finding.time, *finding.evidence.get(TIMES, ()))
            self._late_bar_lines += [(time, len(self.findings)) for time in at]
        self.findings.append(finding)

    def causes_of(self, finding: Finding) -> list[int]:
        """Numbers of kept findings that explain a finding; empty if none does."""
        return [
            *self._at_its_objects(finding),
            *self._ticks_at_all(finding),
            *self._passages_around(finding),
            *self._borders_at(finding),
            *self._bar_lines_at(finding),
            *self._sounds_at_all(finding),
            *self._misplaced_beside(finding),
        ]

    def _passages_around(self, finding: Finding) -> list[int]:
        """Numbers of kept findings about passages that explain a less likely estimate inside, or inside one of the copies that they name."""
        if finding.tier is Tier.EXACT:
            return []
        return [
            number
            for number in self._passages
            for passage in (self.findings[number],)
            if _is_in(finding.time, passage) and _is_of_passage(finding, passage) and finding.score <= passage.score
        ]

    def _borders_at(self, finding: Finding) -> list[int]:
        """Numbers of kept findings about the border of kiai that an estimate doubts."""
        if finding.tier is Tier.EXACT or finding.category is not Category.KIAI or finding.objects:
            return []
        around = range(round(finding.time) - SAME_BORDER_MS, round(finding.time) + SAME_BORDER_MS + 1)
        return [self._borders[time] for time in around if time in self._borders]

    def _bar_lines_at(self, finding: Finding) -> list[int]:
        """Numbers of kept findings about the bar line of a note that the same green line comes just after."""
        if finding.rule != LATE_AT_NOTE:
            return []
        return [number for time, number in self._late_bar_lines if abs(time - finding.time) < SAME_LINE_MS]

    def _sounds_at_all(self, finding: Finding) -> list[int]:
        """Numbers of kept findings about the sounds of every object that lacks additions of the other difficulties; empty if one has none."""
        if finding.rule != LACKS_ADDITION or finding.severity is not Severity.MINOR:
            return []
        found: list[int] = []
        for index in _at_all_places(finding):
            numbers = self._at[self._rank[index]].values()
            here = [number for number in numbers if self.findings[number].category is Category.HITSOUNDS]
            if not here:
                return []
            found.append(min(here))
        return found

    def _ticks_at_all(self, finding: Finding) -> list[int]:
        """Numbers of kept findings that say of all places of an estimate what it says: an object at a wrong tick leaves a hole at the right one."""
        other = {WRONG_TICK: MISSING_OBJECT, MISSING_OBJECT: WRONG_TICK}.get(finding.rule)
        if other is None or TIMES not in finding.evidence:
            return []
        own, after = _ranks_at_all(finding, self._evidence), 1 if finding.rule == MISSING_OBJECT else -1
        return [
            number
            for number, one in enumerate(self.findings)
            if one.rule == other
            and TIMES in one.evidence
            and own <= (there := _ranks_at_all(one, self._evidence)) | {rank - after for rank in there}
        ]

    def _misplaced_beside(self, finding: Finding) -> list[int]:
        """Numbers of kept findings about objects that are off their place beside every hole that the other difficulties show; empty if a
        hole has none."""
        if finding.rule != SET_HOLE:
            return []
        times, found = self._evidence.object_times, list[int]()
        for time in finding.evidence.get(TIMES, [finding.time]):
            reach = BESIDE_BEATS * self._evidence.beatmap.red_line_of(time).beat_length
            after = int(np.searchsorted(times, time))
            ranks = [
                rank
                for beside in (times[max(after - 1, 0)], times[min(after, len(times) - 1)])
                if abs(beside - time) <= reach
                for rank in range(np.searchsorted(times, beside), np.searchsorted(times, beside, "right"))
            ]
            numbers = [n for rank in ranks for n in self._at[rank].values() if self.findings[n].rule in OFF_TICKS]
            if not numbers:
                return []
            found.append(min(numbers))
        return found

    def _at_its_objects(self, finding: Finding) -> list[int]:
        """Numbers of kept findings with objects that explain a finding."""
        ranks = {self._rank[index] for index in finding.objects}
        before = [min(ranks) - step for step in range(1, REACH_OBJECTS + 1)] if ranks else []
        after = [max(ranks) + 1] if ranks else []
        return [
            number
            for places, table, explains in (
                (ranks, self._at, _explains),
                (before, self._ending_at, _explains_next),
                (after, self._at, _explains_before),
            )
            for place in places
            for number in table.get(place, {}).values()
            if explains(self.findings[number], finding)
        ]


def _ranks_at_all(finding: Finding, evidence: Evidence) -> set[int]:
    """Ranks of the objects at, or before, the times that a finding names."""
    times = np.array(finding.evidence[TIMES]) + SAME_PLACE_MS
    return set((np.searchsorted(evidence.object_times, times, side="right") - 1).tolist())


def _at_all_places(finding: Finding) -> tuple[int, ...]:
    """Indices of the objects at all places that a finding names."""
    return (*finding.objects, *finding.evidence.get(ALIKE, ()))


def _explains(cause: Finding, finding: Finding) -> bool:
    """Whether a finding is a consequence of another one that shares an object with it, or the same mistake."""
    if finding.tier is Tier.EXACT:
        return _is_same_mistake(cause, finding)
    if cause.rule == LATE_LINE and finding.category is Category.RHYTHM:
        return True
    if cause.rule == FORM and finding.rule in OF_FORM:
        return True
    return {cause.rule, finding.rule} == OF_ONE_NOTE or finding.category in CAUSES[cause.category]


def _is_in(time: float, passage: Finding) -> bool:
    length = (passage.end_time or passage.time) - passage.time
    return any(start <= time <= start + length for start in (passage.time, *passage.evidence.get(TIMES, ())))


def _is_of_passage(finding: Finding, passage: Finding) -> bool:
    """Whether an estimate inside a passage is of a kind that a finding about the passage can cause."""
    if passage.rule == OTHER_SNAPS:
        return finding.rule in OF_OTHER_SNAPS
    return finding.category in PASSAGE_CAUSES[passage.category]


def _explains_next(cause: Finding, finding: Finding) -> bool:
    """Whether an estimate is a consequence of a finding that ends right before it."""
    if finding.tier is Tier.EXACT or finding.category not in CAUSES[cause.category]:
        return False
    # If an object ends elsewhere, the step to the next one changes, by arithmetic too.
    is_surprised_again = rests_on_network(finding) and (rests_on_network(cause) or cause.category is Category.RHYTHM)
    return finding.category is Category.POSITIONS or is_surprised_again


def _explains_before(cause: Finding, finding: Finding) -> bool:
    """Whether an estimate is a consequence of a finding about the next object: that one belongs where the estimate misses one or
    would put its own, both are notes that exchanged columns or new combos of which one is too many, both name the step between them, or a step that surprises the
    generator at its end is unusual seen from its start too."""
    if finding.rule == WRONG_TICK:
        return cause.rule in OFF_EVERY_TICK
    if finding.rule in HOLES:
        return cause.rule == WRONG_TICK
    if finding.rule == cause.rule and finding.rule in (COLUMN_SLIP, UNEXPECTED_COMBO):
        return True
    if {finding.rule, cause.rule} == {SLIP, SPACING}:
        side, uneven = ("next", finding) if finding.rule == SPACING else ("before", cause)
        return side in uneven.evidence.get("uneven_steps", ())
    is_step = finding.category is cause.category is Category.POSITIONS and cause.surprisal is not None
    return is_step and finding.tier is Tier.ESTIMATED and finding.surprisal is None


def _is_same_mistake(cause: Finding, finding: Finding) -> bool:
    """Whether two exact findings of one object are the same mistake: the rule of the first declares it, and the second
    is not more severe."""
    return (
        cause.rule in RULES
        and finding.rule in RULES[cause.rule].same_mistake
        and cause.severity.rank <= finding.severity.rank
    )


# ---------------------------------------------------------------------------------------------------------------------
# Sections


def _is_section(finding: Finding) -> bool:
    return finding.category is Category.TIMING and not finding.objects and finding.end_time is not None


def is_in_section(finding: Finding) -> bool:
    """Whether a section explains a finding inside it: in a mistimed section every object is off the beat."""
    return finding.tier is not Tier.EXACT and finding.category in CAUSES[Category.TIMING] and bool(finding.objects)


def first_sections(ordered: Sequence[Finding]) -> dict[float, int]:
    """The number of the first section around the time of each finding that has one.

    Args:
        ordered: findings by :func:`order_of_causes`: sections come first, and all of them are kept.
    """
    sections = sorted(
        (one.time + SECTION_MARGIN_MS, (one.end_time or 0.0) - SECTION_MARGIN_MS, number)
        for number, one in enumerate(ordered)
        if _is_section(one)
    )
    upcoming = deque(sections)
    begun: list[tuple[int, float]] = []  # a heap of (number, end)
    found = {}
    for time in sorted({finding.time for finding in ordered}) if sections else ():
        while upcoming and upcoming[0][0] <= time:
            _, end, number = upcoming.popleft()
            heappush(begun, (number, end))
        while begun and begun[0][1] < time:
            heappop(begun)
        if begun:
            found[time] = begun[0][0]
    return found
