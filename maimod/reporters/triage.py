"""The order in which to look at findings: one entry for each mistake and for mistakes of a kind, those of the whole set first.

All formats take their entries from here. Nothing is lost: an entry holds every finding that it stands for.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec

from maimod.findings import BeatmapReport, Category, Finding, Report, Scope, Severity, Tier
from maimod.osu.beatmap import Mode
from maimod.reporters.view import worth as worth_of_finding

SAME_MS = 3.0
"""Findings of several difficulties at most this far apart are about the same moment."""
SAME_SECTION_MS = 1000.0
"""The same for findings about a section, whose borders follow the objects of each difficulty."""
SAME_GAP_MS = 500.0
"""The same for a missing object in one difficulty: one rule gives the time of the gap, the other that of an object."""
MODES = [mode.label for mode in Mode]
LEAST_ALIKE = 3
"""Fewest findings of a kind that become one entry; of exact ones in the same words two do."""
SHARED = frozenset(
    {Category.RHYTHM, Category.TIMING, Category.HITSOUNDS, Category.KIAI, Category.NEW_COMBOS, Category.MAPSET}
)
"""Categories in which difficulties share a mistake at the same moment. Places on the playfield and slider shapes are
each difficulty's own."""
ONCE = {"timing/unused-green-line": "other lines"}
"""Rules whose findings in several difficulties are one entry even at different times, with the words for those of the other
difficulties."""
TOPICS = {
    "mapset/missing-object": "rhythm/missing-object",
    "mapset/missing-addition": "hitsounds/missing",
    "mapset/missing-addition-in-chord": "hitsounds/missing",
    "mapset/beside-others": "rhythm/unexpected-object",
}
"""Rules that find the same mistake by comparing difficulties, each with the rule that finds it in one difficulty."""


class Place(msgspec.Struct, frozen=True):
    """A finding and where it stands in the report."""

    beatmap: int
    """Index of its difficulty."""
    number: int
    """Index among the findings of the difficulty."""
    finding: Finding


class Entry(msgspec.Struct, frozen=True):
    """One mistake, with everything that was found about it."""

    lead: Place
    twins: tuple[Place, ...] = ()
    """The same mistake in other difficulties, or found by other rules."""
    alike: tuple[Entry, ...] = ()
    """More mistakes of the kind, in order of time."""

    @property
    def finding(self) -> Finding:
        """The finding that is shown for the entry."""
        return self.lead.finding

    @property
    def beatmaps(self) -> tuple[int, ...]:
        """Indices of the difficulties in which it was found."""
        return tuple(sorted({place.beatmap for place in self.places()}))

    @property
    def is_general(self) -> bool:
        """Whether it concerns several difficulties."""
        return self.finding.scope is Scope.SET or len(self.beatmaps) > 1

    def places(self) -> Iterator[Place]:
        """All findings of the entry."""
        yield self.lead
        yield from self.twins
        for one in self.alike:
            yield from one.places()

    def difficulties(self, report: Report) -> list[str]:
        """Names of the difficulties that it concerns, the easiest first; empty if it is one alone."""
        named = self.finding.evidence.get("difficulties")
        if self.finding.scope is Scope.SET and isinstance(named, list):
            own = report.beatmaps[self.lead.beatmap].mapset
            ease = {one.version: _ease(one) for one in report.beatmaps if one.mapset == own}
            return sorted(map(str, named), key=lambda name: ease.get(name, (len(MODES), math.inf)))
        numbers = sorted(self.beatmaps, key=lambda number: _ease(report.beatmaps[number]))
        return [report.beatmaps[number].version for number in numbers] if len(numbers) > 1 else []

    def where(self, report: Report) -> str:
        """As in "in 2 difficulties: Easy, Hard" or "in all 7 difficulties"; empty if it is one alone. Difficulties of
        which it was said in other words, with numbers or a level of their own, are told apart: "in Hard; also in Easy, Normal"."""
        names = self.difficulties(report)
        own = report.beatmaps[self.lead.beatmap].mapset
        everywhere = {beatmap.version for beatmap in report.beatmaps if beatmap.mapset == own}
        if not names:
            return ""
        same = {
            report.beatmaps[at.beatmap].version for at in self.places() if at.finding.message == self.finding.message
        }
        other = [name for name in names if name not in same]
        if other and self.finding.scope is not Scope.SET:
            here = ", ".join(name for name in names if name in same)
            also = f"{ONCE.get(self.finding.rule, 'also')} in"
            is_rest = len(other) > 1 and everywhere <= set(names)
            return f"in {here}; {also} {f'the {len(other)} other difficulties' if is_rest else ', '.join(other)}"
        if everywhere <= set(names):
            return "in both difficulties" if len(names) == 2 else f"in all {len(names)} difficulties"
        return f"in {len(names)} difficulties: {', '.join(names)}"

    def further(self) -> list[str]:
        """The other rules that found it, and the timestamps of mistakes of the kind."""
        rules = sorted({place.finding.rule for place in self.twins} - {self.finding.rule})
        return [*([f"also found by {', '.join(rules)}"] if rules else []), *self.more_alike()]

    def more_alike(self) -> list[str]:
        """As in "2 more like it: 00:12:345 (1), 00:45:678 (2)"; empty if there are none."""
        stamps = ", ".join(one.finding.timestamp.removesuffix(" -") for one in self.alike)
        return [f"{len(self.alike)} more like it: {stamps}"] if self.alike else []


class Sheet(msgspec.Struct, frozen=True):
    """The entries about one mapset, in the order in which they are printed."""

    beatmaps: tuple[int, ...]
    """Indices of its difficulties, modes in the order of the game and in each the easiest first."""
    general: tuple[Entry, ...]
    """About the set or several difficulties, by worth."""
    own: dict[int, tuple[Entry, ...]]
    """About one difficulty alone, by time, by its index."""
    messages: tuple[str, ...] = ()
    """Messages of every difficulty, if there are several, such as that the song is missing; none if one could not be read."""


def worth(entry: Entry) -> tuple[int, bool, float, int, float]:
    """Sort key: as of its finding (:func:`maimod.reporters.view.worth`), of equals first what more difficulties have."""
    return *worth_of_finding(entry.finding), -len(entry.beatmaps), entry.finding.time


def entries(report: Report) -> list[Entry]:
    """Everything to look at, by worth."""
    return sorted((one for sheet in sheets(report) for one in _all(sheet)), key=worth)


def _all(sheet: Sheet) -> Iterator[Entry]:
    yield from sheet.general
    for number in sheet.beatmaps:
        yield from sheet.own[number]


def sheets(report: Report) -> list[Sheet]:
    """One sheet for each mapset of a report, in order."""
    return [_sheet(report, numbers) for numbers in _sets(report.beatmaps)]


def _sets(beatmaps: Sequence[BeatmapReport]) -> list[list[int]]:
    groups = groupby(range(len(beatmaps)), key=lambda number: beatmaps[number].mapset)
    return [sorted(group, key=lambda number: _ease(beatmaps[number])) for _, group in groups]


def _ease(beatmap: BeatmapReport) -> tuple[int, float]:
    """Sort key: modes in the order of the game, in each the easiest first; last what could not be read."""
    mode = MODES.index(beatmap.mode) if beatmap.mode in MODES else len(MODES)
    return mode, math.inf if beatmap.stars is None else beatmap.stars


def _sheet(report: Report, numbers: Sequence[int]) -> Sheet:
    places = [
        Place(number, at, finding) for number in numbers for at, finding in enumerate(report.beatmaps[number].findings)
    ]
    mistakes = [_mistake(group) for group in _same(places)]
    general = sorted(_folded(one for one in mistakes if one.is_general), key=worth)
    own = {
        number: tuple(
            sorted(
                _folded(one for one in mistakes if not one.is_general and one.lead.beatmap == number),
                key=lambda one: one.finding.time,
            )
        )
        for number in numbers
    }
    return Sheet(tuple(numbers), tuple(general), own, _shared([report.beatmaps[number] for number in numbers]))


def _shared(beatmaps: Sequence[BeatmapReport]) -> tuple[str, ...]:
    """Messages that all of several difficulties have."""
    if len(beatmaps) < 2 or any(one.status != beatmaps[0].status or one.status == "error" for one in beatmaps):
        return ()
    return tuple(one for one in beatmaps[0].messages if all(one in other.messages for other in beatmaps))


def _mistake(places: Sequence[Place]) -> Entry:
    lead, *twins = sorted(places, key=lambda place: _standing(place.finding))
    return Entry(lead, tuple(sorted(twins, key=lambda place: (place.beatmap, place.finding.time))))


def _standing(finding: Finding) -> tuple[int, bool, float, float]:
    """Sort key: first the finding that is shown for the others."""
    return finding.severity.rank, finding.tier is not Tier.EXACT, -finding.score, finding.time


# ---------------------------------------------------------------------------------------------------------------------
# The same mistake


def _same(places: Sequence[Place]) -> Iterator[list[Place]]:
    """Findings about the same mistake, together."""
    by_topic: defaultdict[tuple[str, str], list[Place]] = defaultdict(list)
    for place in places:
        by_topic[_topic(place)].append(place)
    for own in by_topic.values():
        own.sort(key=lambda place: (place.finding.time, place.beatmap))
        group = own[:1]
        for place in own[1:]:
            if any(_is_same(one, place) for one in group):
                group.append(place)
            else:
                yield group
                group = [place]
        yield group


def _topic(place: Place) -> tuple[str, str]:
    """The subject of a finding, without its time."""
    finding = place.finding
    if _is_about_files(finding):
        return finding.rule, finding.message  # the same words at any time
    alone = "" if finding.category in SHARED else f"{place.beatmap}.{place.number}"
    return TOPICS.get(finding.rule, finding.rule), alone


def _is_about_files(finding: Finding) -> bool:
    """Whether a finding is about files or settings, or about a time by which it names one."""
    is_of_set = finding.category in (Category.MAPSET, Category.SUBMISSION) and not finding.objects
    return is_of_set and finding.rule not in TOPICS


def _is_same(first: Place, other: Place) -> bool:
    """Whether two findings of a topic are about the same moment."""
    one, two = first.finding, other.finding
    if one.rule in ONCE:
        return first.beatmap != other.beatmap
    if one.message == two.message and _is_about_files(one):
        return True
    apart = abs(one.time - two.time)
    if first.beatmap == other.beatmap:
        return one.rule != two.rule and apart <= (SAME_GAP_MS if "object" in one.rule else SAME_MS)
    is_section = not one.objects and not two.objects and one.end_time is not None and two.end_time is not None
    return apart <= (SAME_SECTION_MS if is_section else SAME_MS)


# ---------------------------------------------------------------------------------------------------------------------
# Likeness


def _folded(mistakes: Iterable[Entry]) -> Iterator[Entry]:
    """Entries of a kind become one."""
    by_kind: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
    for one in mistakes:
        by_kind[_kind(one.finding)].append(one)
    for own in by_kind.values():
        is_said_twice = own[0].finding.tier is Tier.EXACT and len({_words(one.finding) for one in own}) == 1
        if len(own) < (2 if is_said_twice else LEAST_ALIKE) or own[0].finding.scope is not Scope.PLACE:
            yield from own
            continue
        lead, *rest = sorted(own, key=worth)
        yield msgspec.structs.replace(lead, alike=tuple(sorted(rest, key=lambda one: one.finding.time)))


def _kind(finding: Finding) -> tuple[str, str]:
    """The kind of a finding: minor ones by their rule, exact ones by their words without names and numbers. Other
    estimates are each of their own kind, because each has to be judged."""
    if finding.severity is Severity.MINOR:
        return finding.rule, "minor"
    if finding.tier is Tier.EXACT:
        return finding.rule, _words(finding)
    return finding.rule, f"{finding.id} {finding.timestamp}"


def _words(finding: Finding) -> str:
    """Its message without names and numbers."""
    return re.sub(r'"[^"]*"|\d+(?:[.,]\d+)?', "#", finding.message)
