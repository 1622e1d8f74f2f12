"""The one banana shower of a catch map that is as short as a juice stream."""

from __future__ import annotations

from collections.abc import Iterator

from maimod.findings import Category, Severity, Tier
from maimod.osu.beatmap import ONLY_CATCH, Mode
from maimod.osu.timing import SAME_BEAT_MS
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm.spinners import spinners_of
from maimod.rules.steps import gap_name

LONGEST_BEATS = 1.05
"""A beat, and rounding. None of 54 difficulties, 17 of them ranked, has a banana shower as short; of 54 streams of a beat or more that became banana showers 42 are. With
one and a half beats it would be 51, and one of the difficulties has one."""

SHORT_SHOWER = Rule(
    "rhythm/short-shower",
    "Banana shower as short as a juice stream",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="A moment of bananas between fruits is hardly seen, let alone caught; usually it should have been a juice stream.",
    how="A banana shower lasts a beat or less; the map has no other one as short, and no other difficulty of the set has one at the same time.",
    advice="Should this be a juice stream, or last longer?",
    ignore_when="the song has a short roll or glissando here",
    blind_spots="Maps with several short banana showers.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Banana_shower",
    modes=ONLY_CATCH,
)


def run(evidence: Evidence) -> Iterator[Candidate]:
    """The one short banana shower."""
    beatmap = evidence.beatmap
    if beatmap.mode is not Mode.CATCH:
        return
    short = [o for o in spinners_of(beatmap) if o.duration <= LONGEST_BEATS * beatmap.red_line_of(o.time).beat_length]
    if len(short) != 1:
        return
    (o,) = short
    if any(abs(one.time - o.time) <= SAME_BEAT_MS for other in evidence.others for one in spinners_of(other)):
        return
    others = [one.duration for one in spinners_of(beatmap) if one is not o]
    rest = f"the others of the map last {min(others):.0f} ms or more" if others else "the map has no others"
    yield candidate(
        SHORT_SHOWER,
        time=o.time,
        end_time=o.end_time,
        line=o.line,
        objects=[o],
        certainty=Certainty.POSSIBLE,
        actual=f"{o.duration:.0f} ms",
        message=f"This banana shower lasts {gap_name(evidence, o, o.duration)}, {o.duration:.0f} ms; {rest}.",
        others=len(others),
    )


CHECK = BeatmapCheck(Category.RHYTHM, "Short banana showers", (SHORT_SHOWER,), run)
