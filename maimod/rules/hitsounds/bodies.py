"""Whistles on the bodies of sliders whose edges have none."""

from __future__ import annotations

from collections.abc import Iterator

from maimod.findings import Category, Severity, Tier, counted
from maimod.osu.beatmap import PLAYFIELD_MODES, Beatmap, HitObject
from maimod.osu.hitsounds import WHISTLE
from maimod.osu.names import object_name
from maimod.osu.timing import SAME_BEAT_MS
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import Evidence

LEAST_SLIDERS, MOST_WHISTLES = 20, 2
"""Sliders of a map in which so few such whistles are slips: 20 of 493 ranked osu! difficulties with as many sliders have one or two, 16 more, as a style."""

BODY_WHISTLE = Rule(
    "hitsounds/body-whistle",
    "Whistle on the body of a slider alone",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="A whistle that is set with a whole slider selected stays on its body when it is taken off its edges: the whistle of the slider's slide is then heard as long as it lasts.",
    how="Sliders with a whistle on the body and on none of their edges are counted; one or two of at least twenty sliders are named, unless another difficulty has the same.",
    advice="Take the whistle off the slider, or leave it if its sound is meant to be held.",
    ignore_when="the slide is meant to be heard, such as under a held note of the song",
    blind_spots="Sliders with a whistle on an edge as well; maps that do this again and again.",
    source=f"{PAGE}#audio",
    modes=PLAYFIELD_MODES,
)


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Sliders with a whistle on the body alone, if hardly any are so."""
    beatmap = evidence.beatmap
    sliders = [o for o in evidence.objects_by_time if o.slider]
    found = _whistling(beatmap)
    if beatmap.mode not in BODY_WHISTLE.modes or len(sliders) < LEAST_SLIDERS or not 0 < len(found) <= MOST_WHISTLES:
        return
    others = [o.time for other in evidence.others if other.mode is beatmap.mode for o in _whistling(other)]
    for o in found:
        if any(abs(time - o.time) <= SAME_BEAT_MS for time in others):
            continue
        name = object_name(o, beatmap)
        rest = "no other" if len(found) == 1 else f"only {len(found)}"
        yield candidate(
            BODY_WHISTLE,
            time=o.time,
            end_time=o.end_time,
            line=o.line,
            objects=[o],
            certainty=Certainty.POSSIBLE,
            message=f"The body of this {name} has a whistle, its edges have none; {rest} of {counted(len(sliders), name)} {'is' if len(found) == 1 else 'are'} so.",
            sliders=len(sliders),
        )


def _whistling(beatmap: Beatmap) -> list[HitObject]:
    """Sliders with a whistle on the body and on no edge; without sounds of its own an edge sounds as the body."""
    return [
        o
        for o in beatmap.hit_objects
        if o.slider
        and o.hitsound & WHISTLE
        and len(o.slider.edge_sounds) > o.slider.slides
        and not any(sound & WHISTLE for sound in o.slider.edge_sounds)
    ]


CHECK = BeatmapCheck(Category.HITSOUNDS, "Whistles on slider bodies", (BODY_WHISTLE,), run)
