"""Files of no bytes, and files that nothing uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from maimod.findings import Severity, Tier
from maimod.osu import limits
from maimod.rules.base import Certainty, Rule
from maimod.rules.checks import MapsetCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import MapsetEvidence, Placed
from maimod.rules.mapset.samples import EMPTY_WAV_BYTES, HITSOUND, Named, named_samples, played_by_any, stem
from maimod.rules.mapset.sets import LAZER
from maimod.rules.mapset.storyboards import pictures

SKIN = re.compile(
    r"^(?:applause|approachcircle|arrow-|button-|combo-|comboburst|combobreak|count|cursor|default-|fail|followpoint|fruit-|go|gos|hit\d|"
    r"hitcircle|inputoverlay|k[123456]|key-|lighting|masking-border|menu-|metronome|mania-|mode-|nightcore-|options-|particle|pause-|pippidon|"
    r"play-|ranking-|ready|reversearrow|score-|scorebar|scoreentry|section|selection-|slider|spinner|star|taiko|target|warningarrow|welcome|"
    r"are-you-ready|skin\.ini|triangles|bananas|pippidonclear|pippidonfail|pippidonidle|pippidonkiai)",
    re.I,
)
"""Names of skin elements, https://osu.ppy.sh/wiki/en/Skinning."""
WORKING_FILES = frozenset({".md", ".toml", ".yml", ".yaml", ".json", ".sarif"})
"""Files of sets in git repositories."""
SHOWN = 5
EMPTY_FILE = Rule(
    "mapset/empty-file",
    "File of no bytes",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Empty files cannot be uploaded, and are usually the result of a failed copy.",
    how="A file in the folder has 0 bytes.",
    advice="Replace or remove the file.",
    ignore_when="never",
    blind_spots="None.",
    source=f"{LAZER}/CheckZeroByteFiles.cs",
)
UNUSED_FILE = Rule(
    "mapset/unused-file",
    "File that nothing uses",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="It makes every download of the set larger.",
    how="A file is named by no difficulty and not by the storyboard, and is neither an element of a skin nor a "
    "hitsound that a hit plays.",
    advice="Remove it before you upload.",
    ignore_when="it is there for the work on the set and will be removed",
    blind_spots="Skin elements, see mapset/skin-unused; files of version control, settings and notes (.git, "
    ".toml, .md); storyboards of 100,000 pictures or more.",
    source=f"{PAGE}#general",
)


def _files(
    evidence: MapsetEvidence, rule: Rule, names: list[str], certainty: Certainty, one: str, many: str
) -> Iterator[Placed]:
    shown = ", ".join(f'"{name}"' for name in names[:SHOWN]) + (
        f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    )
    yield from evidence.candidate(
        rule,
        evidence.beatmaps,
        certainty=certainty,
        message=f"{shown} {one if len(names) == 1 else many}.",
        actual=names[0],
        files=names[:50],
    )


def _unplayed(evidence: MapsetEvidence) -> Iterator[Placed]:
    if evidence.mapset.unreadable:
        return
    hitsounds = [
        name
        for name, n_bytes in evidence.mapset.files.items()
        # An empty sample silences what may be played in the editor or by another index.
        if n_bytes > EMPTY_WAV_BYTES and "/" not in name and HITSOUND.match(name)
    ]
    plays = played_by_any(evidence) if hitsounds else frozenset()
    files = [name for name in hitsounds if stem(name) not in plays]
    if files:
        yield from _files(
            evidence,
            UNUSED_FILE,
            files,
            Certainty.LIKELY,
            "is a hitsound that no hit plays",
            "are hitsounds that no hit plays",
        )


def _unused(evidence: MapsetEvidence, named: Named) -> list[str]:
    mapset = evidence.mapset
    if mapset.unreadable:  # nobody knows what they use
        return []
    readers = (*mapset.beatmaps, *mapset.work, *mapset.others)
    events = [text for beatmap in readers for _, text in beatmap.events] + list(mapset.storyboard)
    shown = [
        fields[2]
        for fields in (text.split(",") for text in events)
        if fields[0] in ("0", "Background", "1", "Video") and len(fields) > 2
    ]
    played = {o.sample.filename for beatmap in (*mapset.work, *mapset.others) for o in beatmap.hit_objects}
    pictured = pictures(events)
    if len(pictured) == limits.MAX_PICTURES:
        return []
    found = {
        *(mapset.find(name) for name in (*shown, *(beatmap.audio_filename for beatmap in readers))),
        *(mapset.find_picture(name) for name in {*shown, *pictured}),
        *(mapset.find_sound(name) for name in {*named, *played}),
    }
    used = {mapset.path_of(name) for name in found if name is not None}  # of a link, what it leads to
    return [name for name in mapset.files if mapset.path_of(name) not in used and not _belongs(name)]


def _belongs(name: str) -> bool:
    """Whether a file belongs to a set although no other file names it."""
    path = PurePosixPath(name)
    if (
        path.name.lower() == "thumbs.db"
        or path.suffix.lower() in WORKING_FILES
        or path.stem.upper() in ("LICENSE", "LICENCE")
    ):
        return True
    if path.suffix.lower() in (".osu", ".osb"):
        return len(path.parts) == 1
    return len(path.parts) == 1 and bool(HITSOUND.match(name) or SKIN.match(name))


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    mapset = evidence.mapset
    if not mapset.files:
        return
    yield from _unplayed(evidence)
    empty = [name for name, n_bytes in mapset.files.items() if not n_bytes]
    if empty:
        yield from _files(evidence, EMPTY_FILE, empty, Certainty.CERTAIN, "has no bytes", "have no bytes")
    unused = _unused(evidence, named_samples(evidence))
    if unused:
        yield from _files(evidence, UNUSED_FILE, unused, Certainty.LIKELY, "is not used", "are not used")


CHECK = MapsetCheck("Unused files", (EMPTY_FILE, UNUSED_FILE), run)
