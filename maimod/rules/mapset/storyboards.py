"""Storyboards: missing and large pictures, sprites above the objects, sounds that do not depend on the player."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from maimod.audio import probe
from maimod.findings import Expected, Severity, Tier
from maimod.osu import limits
from maimod.osu.beatmap import NOT_MANIA, Mode
from maimod.rules.base import Certainty, Rule
from maimod.rules.checks import MapsetCheck
from maimod.rules.criteria import PAGE, high
from maimod.rules.evidence import MapsetEvidence, Placed
from maimod.rules.mapset.samples import sample_event
from maimod.rules.mapset.sets import quoted

MAX_MEASURED = 1_000
"""Most pictures whose headers are read."""
OVERLAY = re.compile(r"(?:Sprite|Animation|4|6)\s*,\s*(?:Overlay|4)\s*,")
SHOWN = 5
STORYBOARD = Rule(
    "mapset/storyboard-file",
    "Picture of the storyboard missing or too large",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The storyboard has a hole where the picture should be; a very large one takes long to load.",
    how="Files of sprites and of all frames of animations are looked for in the folder (a missing one is a warning), and have 17 "
    "million pixels at most. A sprite on the layer Overlay, above the objects, is a minor.",
    criteria=("storyboard-image",),
    advice="Add or replace the picture, or take it out of the storyboard.",
    ignore_when="the picture is the player's skin's (UseSkinSprites)",
    blind_spots="What sprites do; all but the first 100,000 pictures.",
    source=f"{PAGE}#storyboarding",
)
STORYBOARDED = Rule(
    "mapset/storyboarded-hitsounds",
    "Hitsounds in the storyboard",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Sounds of the storyboard do not depend on the player: they play even if the object is missed.",
    how="Sample events in a difficulty, or in the .osb file, of osu!, taiko or catch.",
    advice="Check that players cannot take them for hitsounds.",
    ignore_when="the sounds belong to the storyboard",
    blind_spots="None.",
    source=f"{PAGE}#audio",
    modes=NOT_MANIA,
)


def pictures(lines: Iterable[str]) -> list[str]:
    """Files of sprites and of the frames of animations, at most `MAX_PICTURES`."""
    named: dict[tuple[str, str, int | None], None] = {}  # (before the number, after it, number of frames)
    for text in lines:
        fields = [part.strip().strip('"') for part in text.split(",")]
        if fields[0] in ("Sprite", "4") and len(fields) > 3:
            named[fields[3], "", None] = None
        elif fields[0] in ("Animation", "6") and len(fields) > 6:
            stem, dot, extension = fields[3].rpartition(".")
            count = min(int(fields[6]), limits.MAX_FRAMES) if fields[6].isdecimal() and len(fields[6]) < 10 else 0
            named[stem, f"{dot}{extension}", count] = None
    names = (
        f"{before}{'' if count is None else number}{after}"
        for before, after, count in named
        for number in range(1 if count is None else count)
    )
    return list(islice(names, limits.MAX_PICTURES))


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    if not evidence.mapset.files:
        return
    shared = pictures(evidence.mapset.storyboard)
    for place, beatmap in enumerate(evidence.beatmaps):
        own = pictures(text for _, text in beatmap.events)
        wanted = dict.fromkeys([*own, *(shared if place == 0 else ())])
        names = (name.replace("\\", "/") for name in wanted if evidence.mapset.find_picture(name) is None)
        missing = list(dict.fromkeys(names))
        if missing and beatmap.general.get("UseSkinSprites", "0") != "1":
            more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
            yield from evidence.candidate(
                STORYBOARD,
                beatmap,
                certainty=Certainty.LIKELY,
                files=missing[:50],
                actual=missing[0],
                message=f"The storyboard shows {', '.join(map(quoted, missing[:SHOWN]))}{more}, which the folder does not have.",
            )
    sounding = [
        beatmap
        for beatmap in evidence.beatmaps
        if beatmap.mode in STORYBOARDED.modes and any(sample_event(text) is not None for _, text in beatmap.events)
    ]
    yield from _pictures_shown(evidence, shared)
    shared_count = sum(sample_event(text) is not None for text in evidence.mapset.storyboard)
    if shared_count and not sounding:
        sounding = [beatmap for beatmap in evidence.beatmaps if beatmap.mode in STORYBOARDED.modes]
    if sounding:
        line = next((line for line, text in sounding[0].events if sample_event(text) is not None), 1)
        count = shared_count + sum(sample_event(text) is not None for beatmap in sounding for _, text in beatmap.events)
        yield from evidence.candidate(
            STORYBOARDED,
            sounding,
            line=line,
            certainty=Certainty.POSSIBLE,
            actual=f"{count} sound{'s' * (count > 1)}",
            message=f"{count} sound{'s are' if count > 1 else ' is'} played by the storyboard, not by hits.",
        )


def _pictures_shown(evidence: MapsetEvidence, shared: Sequence[str]) -> Iterator[Placed]:
    """Pictures that are too large, and sprites above the objects."""
    largest = high("storyboard-image", Mode.OSU)
    shown = dict.fromkeys(
        [*shared, *(name for one in evidence.beatmaps for name in pictures(text for _, text in one.events))]
    )
    for file in islice(dict.fromkeys(evidence.mapset.find_picture(name) for name in shown), MAX_MEASURED):
        found = probe.picture_size(evidence.mapset.path_of(file)) if file is not None else None
        if found is not None and found[0] * found[1] > largest:
            yield from evidence.candidate(
                STORYBOARD,
                evidence.beatmaps,
                certainty=Certainty.CERTAIN,
                subject=file,
                actual=f"{found[0]} x {found[1]}",
                expected=[Expected(f"{largest / 1e6:g} million pixels or less")],
                message=f'The picture "{file}" of the storyboard has {found[0] * found[1] / 1e6:.1f} million pixels.',
            )
    above = [one for one in evidence.beatmaps if any(OVERLAY.match(text) for _, text in one.events)]
    if not above and any(OVERLAY.match(text) for text in evidence.mapset.storyboard):
        above = list(evidence.beatmaps)
    if above:
        yield from evidence.candidate(
            STORYBOARD,
            above,
            certainty=Certainty.POSSIBLE,
            subject="Overlay",
            message="The storyboard has pictures on the layer Overlay, which can hide the objects.",
        )


CHECK = MapsetCheck("Storyboards", (STORYBOARD, STORYBOARDED), run)
