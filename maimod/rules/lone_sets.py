"""A sample set of additions that one passage has and nothing else in the map."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from maimod.findings import Category, Severity, Tier, clock
from maimod.osu.beatmap import NOT_TAIKO
from maimod.osu.hitsounds import Hit, hits, set_name
from maimod.rules.base import BeatmapCheck, Candidate, Certainty, Evidence, Rule, candidate
from maimod.rules.passage_rhythms import SHOWN_OBJECTS
from maimod.rules.volume import HITSOUND_RULES

LEAST_HITS, MOST_MEASURES, LEAST_SHARE = 5, 4, 10
"""Hits that one choice in the editor left the set on, measures that they take at most, and how many times as many additions the map has. 2 of 513 ranked difficulties with
60 additions and more have such a passage; with one to four hits every tenth has one."""

LONE_SET = Rule(
    "hitsounds/lone-addition-set",
    "Sample set of additions that one passage alone has",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="The sample set of the additions stays chosen in the editor until it is set back, so objects placed meanwhile sound otherwise than the rest.",
    how="At least five additions within four measures play a set that their objects give themselves, every addition between them does, and no other addition of the map "
    "or of the other difficulties; the map has ten times as many.",
    advice="Was the sample set of the additions left on here?",
    ignore_when="the passage has an instrument of its own",
    blind_spots="Sets that lines give; sets that are played elsewhere as well.",
    source=HITSOUND_RULES,
    modes=NOT_TAIKO,
)


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Passages whose additions alone play a set."""
    beatmap = evidence.beatmap
    if beatmap.mode not in LONE_SET.modes:
        return
    by_set: dict[int, list[Hit]] = defaultdict(list)
    sounded = sorted((hit for hit in evidence.passages.hits if _is_heard(hit)), key=lambda hit: hit.time)
    for hit in sounded:
        by_set[hit.addition_set].append(hit)
    of_others = {
        hit.addition_set
        for other in evidence.others
        if other.mode is beatmap.mode
        for hit in hits(other)
        if _is_heard(hit)
    }
    for number, own in by_set.items():
        first, last = own[0].time, own[-1].time
        red = beatmap.red_line_of(first)
        between = sum(first <= hit.time <= last for hit in sounded)
        if (
            len(own) < LEAST_HITS
            or last - first > MOST_MEASURES * red.meter * red.beat_length
            or len(own) * LEAST_SHARE > len(sounded)
            or between > len(own)
            or number in of_others
            or any(hit.addition_set == hit.point.sample_set for hit in own)
        ):
            continue
        rest = len(sounded) - len(own)
        yield candidate(
            LONE_SET,
            time=first,
            end_time=last,
            line=own[0].hit_object.line,
            objects=list({hit.hit_object.index: hit.hit_object for hit in own}.values())[:SHOWN_OBJECTS],
            certainty=Certainty.POSSIBLE,
            message=f"{len(own)} additions from here to {clock(last)} play the {set_name(number)} set, none of the other {rest} of the map does.",
            additions=len(own),
            others=rest,
        )


def _is_heard(hit: Hit) -> bool:
    """Whether a hit has an addition that plays a sample of its set."""
    return bool(hit.additions) and not hit.keysound


CHECK = BeatmapCheck(Category.HITSOUNDS, "Sample sets of one passage", (LONE_SET,), run)
