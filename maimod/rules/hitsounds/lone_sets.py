"""A sample set of additions, an index of custom samples, or a volume of its own, that one passage has and nothing else in the map."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from maimod.findings import Category, Severity, Tier, clock
from maimod.osu.beatmap import NOT_TAIKO
from maimod.osu.hitsounds import Hit, hits, sample_number, set_name
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.bundles import objects_of
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import Evidence

LEAST_HITS, MOST_MEASURES, LEAST_TIMES = 5, 4, 10
"""Hits that one choice in the editor left the set on, measures that they take at most, and how many times as many additions the map has. Alone 2 of 513 ranked difficulties with
60 additions and more have such a passage, beside the other difficulties of their sets 1 of 386; with one to four hits every tenth has one."""
LEAST_SOUNDING = 2
"""Of hits with a set of their own, with and without additions, those that play it. Beside the other difficulties of their sets 1 of 990 ranked difficulties of osu! has such a
passage; of 40 with two measures of a set left on 22, and 11 by their additions alone."""

LONE_SET = Rule(
    "hitsounds/lone-addition-set",
    "Sample set of additions that one passage alone has",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="The sample set of the additions stays chosen in the editor until it is set back, so objects placed meanwhile sound otherwise than the rest.",
    how="At least five additions within four measures play a set that their objects give themselves, every addition between them does, and no other addition of the map "
    "or of the other difficulties; the map has ten times as many. Or five hits have such a set of their own, two of them with additions, and no other hit.",
    advice="Was the sample set of the additions left on here?",
    ignore_when="the passage has an instrument of its own",
    blind_spots="Sets that lines give; sets that are played elsewhere as well.",
    source=f"{PAGE}#audio",
    modes=NOT_TAIKO,
)


LEAST_OF_INDEX, MOST_MEASURES_OF_INDEX, LEAST_TIMES_OF_INDEX = 3, 8, 20
"""The same of hits with another index of custom samples than the rest. Alone 7 of 386 ranked difficulties have such a passage, beside the others of their sets none."""

LONE_INDEX = Rule(
    "hitsounds/lone-sample-index",
    "Custom samples that one passage alone has",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="A line with a mistyped index of custom samples plays other samples than the rest of the map, or the player's own ones where the folder has none of that index.",
    how="At least three hits within eight measures have an index of custom samples that no other hit of the map or of the other difficulties has; all others, twenty times as many, have the "
    "same one, and the folder has no sample of that index.",
    advice="Check the custom samples of the green line here.",
    ignore_when="the passage is meant to sound otherwise",
    blind_spots="Maps with several indices of custom samples; an index of which the folder has a sample.",
    source=f"{PAGE}#audio",
)

LEAST_OF_VOLUME, MOST_MEASURES_OF_VOLUME, LEAST_TIMES_OF_VOLUME = 3, 4, 10
"""The same of hits with a volume of their own: none of 990 ranked difficulties of osu! has such a passage, and none of 700 others of all modes; of 40 with two measures
that were pasted with their volumes all."""

LONE_VOLUME = Rule(
    "hitsounds/lone-own-volume",
    "Volume of their own that the objects of one passage alone have",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="Objects with a volume of their own keep it wherever they are pasted, and the volume of the green lines no longer changes them.",
    how="At least three hits within four measures, and every hit between them, have one volume that their objects give themselves, and it is not that of their green line. No other hit of the map, "
    "which has ten times as many, has a volume of its own, and no other difficulty has this one.",
    advice="Take the volume off these objects if the green lines should set it.",
    ignore_when="the passage is meant to be louder or quieter",
    blind_spots="Maps in which other objects have volumes of their own; passages with several volumes.",
    source=f"{PAGE}#audio",
)


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Passages whose additions alone play a set, or whose hits alone have an index of custom samples or a volume of their own."""
    yield from _sets(evidence)
    yield from _indices(evidence)
    yield from _volumes(evidence)


def _sets(evidence: Evidence) -> Iterator[Candidate]:
    if evidence.beatmap.mode not in LONE_SET.modes:
        return
    limits = LEAST_HITS, MOST_MEASURES, LEAST_TIMES
    named = set()
    for number, own, rest in _lone(evidence, _played_set, *limits):
        if any(hit.addition_set == hit.point.sample_set for hit in own):
            continue
        named.add(number)
        yield _candidate(
            LONE_SET,
            own,
            rest,
            own[0].hit_object.line,
            f"{len(own)} additions from here to {clock(own[-1].time)} play the {set_name(number)} set, none of the other {len(rest)} of the map does.",
        )
    for number, own, rest in _lone(evidence, _own_set, *limits):
        sounding = [hit for hit in own if hit.additions]
        if (
            number not in (1, 2, 3)
            or number in named
            or len(sounding) < LEAST_SOUNDING
            or any(hit.addition_set == hit.point.sample_set for hit in sounding)
        ):
            continue
        yield _candidate(
            LONE_SET,
            own,
            rest,
            own[0].hit_object.line,
            f"{len(own)} hits from here to {clock(own[-1].time)} have the {set_name(number)} set for their additions, {len(sounding)} of them with additions; "
            f"none of the other {len(rest)} of the map has.",
        )


def _played_set(hit: Hit) -> int | None:
    """The set of a hit's additions; None without additions."""
    return hit.addition_set if hit.additions else None


def _own_set(hit: Hit) -> int:
    """The set of additions that the object gives a hit, whether or not it has additions; 0 if it gives none."""
    slider = hit.hit_object.slider
    if slider and hit.edge < len(slider.edge_sets):
        return slider.edge_sets[hit.edge][1]
    return hit.hit_object.sample.addition_set


def _indices(evidence: Evidence) -> Iterator[Candidate]:
    limits = LEAST_OF_INDEX, MOST_MEASURES_OF_INDEX, LEAST_TIMES_OF_INDEX
    for number, own, rest in _lone(evidence, lambda hit: hit.sample_index, *limits):
        others = {hit.sample_index for hit in rest}
        if len(others) != 1 or _has_samples(evidence, number):
            continue
        yield _candidate(
            LONE_INDEX,
            own,
            rest,
            own[0].point.line,
            f"{len(own)} hits from here to {clock(own[-1].time)} play {_samples(number)}, the other {len(rest)} of the map {_samples(*others)}.",
        )


def _volumes(evidence: Evidence) -> Iterator[Candidate]:
    limits = LEAST_OF_VOLUME, MOST_MEASURES_OF_VOLUME, LEAST_TIMES_OF_VOLUME
    for number, own, rest in _lone(evidence, _own_volume, *limits):
        changed = [hit.point.volume for hit in own if hit.point.volume != number]
        if not number or not changed or any(map(_own_volume, rest)):
            continue
        yield _candidate(
            LONE_VOLUME,
            own,
            rest,
            own[0].hit_object.line,
            f"{len(own)} hits from here to {clock(own[-1].time)} have a volume of their own, {number} % in place of the {changed[0]} % of their green line; "
            f"none of the other {len(rest)} of the map has.",
        )


def _own_volume(hit: Hit) -> int:
    """The volume [%] that the object of a hit gives itself; 0 if it gives none."""
    return hit.hit_object.sample.volume


def _lone(
    evidence: Evidence, value: Callable[[Hit], int | None], least: int, measures: int, times: int
) -> Iterator[tuple[int, list[Hit], list[Hit]]]:
    """Values that a passage has and nothing else in the map and in the other difficulties.

    Args:
        evidence: of the map.
        value: what is compared; None of hits that are not.
        least: hits of a passage.
        measures: that it takes at most.
        times: how many times as many hits are compared at least.

    Yields:
        (value, hits of the passage, the others that are compared), both by time.
    """
    beatmap = evidence.beatmap
    by_value = _by_value(evidence.passages.hits, value)
    compared = [hit for own in by_value.values() for hit in own]
    of_others = {
        number for other in evidence.others if other.mode is beatmap.mode for number in _by_value(hits(other), value)
    }
    for number, own in by_value.items():
        first, last = own[0].time, own[-1].time
        red = beatmap.red_line_of(first)
        rest = [hit for hit in compared if value(hit) != number]
        if (
            number not in of_others
            and len(own) >= least
            and len(own) * times <= len(compared)
            and last - first <= measures * red.meter * red.beat_length
            and not any(first <= hit.time <= last for hit in rest)
        ):
            yield number, own, rest


def _by_value(found: Iterable[Hit], value: Callable[[Hit], int | None]) -> dict[int, list[Hit]]:
    """Hits that play samples of a set by a value, those of each by time."""
    by_value: dict[int, list[Hit]] = defaultdict(list)
    for hit in sorted(found, key=lambda hit: hit.time):
        number = value(hit)
        if number is not None and not hit.keysound:
            by_value[number].append(hit)
    return by_value


def _has_samples(evidence: Evidence, number: int) -> bool:
    """Whether the folder has a sample of an index."""
    suffix = sample_number(number)
    if evidence.mapset is None or suffix is None:
        return False
    return any(
        re.fullmatch(rf"(normal|soft|drum)-\w*[a-z]{suffix}\.\w+", name.lower()) for name in evidence.mapset.files
    )


def _samples(number: int) -> str:
    return f"custom samples {number}" if number else "the player's own samples"


def _candidate(rule: Rule, own: Sequence[Hit], rest: Sequence[Hit], line: int, message: str) -> Candidate:
    return candidate(
        rule,
        time=own[0].time,
        end_time=own[-1].time,
        line=line,
        objects=objects_of(own),
        certainty=Certainty.POSSIBLE,
        message=message,
        hits=len(own),
        others=len(rest),
    )


CHECK = BeatmapCheck(Category.HITSOUNDS, "Samples of one passage", (LONE_SET, LONE_INDEX, LONE_VOLUME), run)
