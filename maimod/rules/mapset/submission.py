"""What the upload server of the game refuses, whatever the ranking criteria say.

Source: the checks of https://github.com/ppy/osu-server-beatmap-submission (`BeatmapPackageParser` and the rows that it
fills). Refusals that are rules of the criteria as well are found by the category `mapset`: settings out of bounds,
romanised fields, metadata that differ (such as the creator), ids, empty files.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import Beatmap, Mode, ObjectKind
from maimod.rules.base import Certainty, Rule
from maimod.rules.checks import MapsetCheck
from maimod.rules.evidence import MapsetEvidence, Placed

SERVER = "https://github.com/ppy/osu-server-beatmap-submission"
_NEVER = "never: the server refuses the upload"
LENGTH = Rule(
    "submission/length",
    "Metadata too long or empty",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The upload is refused, and what has no title, artist, creator or name of its difficulty cannot be found.",
    how="Artist, title (romanised or not) and the name of a difficulty have at most 80 characters, the source 200, the tags "
    "1,000. Artist, title, creator and the name of a difficulty are not empty.",
    advice="Change it in the song setup.",
    ignore_when=_NEVER,
    blind_spots="None.",
    source=SERVER,
    criteria=("metadata-length",),
)
FILE_NAME = Rule(
    "submission/file-name",
    "File name that cannot be uploaded",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The upload is refused, or players cannot update the map because its file has another name than the game gives it.",
    how="Names of .osu files have at most 150 characters (from 130 on a warning: Windows limits the whole path) and follow "
    "Artist - Title (Creator) [Difficulty].osu (otherwise a minor); paths of all files have at most 500 characters.",
    advice="Rename the file.",
    ignore_when=_NEVER,
    blind_spots="Names that Windows alone does not allow.",
    source=SERVER,
)
FILE_TYPE = Rule(
    "submission/file-type",
    "Kind of file that cannot be uploaded",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The server refuses an upload with any other file than beatmaps, storyboards, sounds, pictures and videos.",
    how="The extension of each file is one of .osu, .osb, .mp3, .ogg, .wav, .jpg, .jpeg, .png, .mp4, .mov, .avi, .flv, .mpg, "
    ".wmv and .m4v. Files that the game or the system leaves there, and those of version control, are passed over.",
    advice="Remove it before you upload.",
    ignore_when="it is there for the work on the set and will be removed",
    blind_spots="skin.ini, which the game needs and the server does not list; what is in the files.",
    source=SERVER,
)
SETTINGS = Rule(
    "submission/setting",
    "Setting out of bounds that the mode does not use",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The server looks at all settings, whatever the mode uses.",
    how="Health, overall difficulty and approach rate lie between 0 and 10, and circle size outside of mania. Those that the mode "
    "uses are reported by mapset/setting.",
    advice="Set it within the bounds.",
    ignore_when=_NEVER,
    blind_spots="None.",
    source=SERVER,
)
TOO_MANY = Rule(
    "submission/too-many-objects",
    "Too many objects",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The upload is refused.",
    how="A difficulty has at most 65,535 circles, 65,535 sliders and hold notes and 65,535 spinners.",
    advice="Remove some of them.",
    ignore_when=_NEVER,
    blind_spots="None.",
    source=SERVER,
)
FORMAT = Rule(
    "submission/format",
    "File in an old format",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="The server takes files of format 14 and newer; the editor writes it when it saves.",
    how="The first line of the file names an older format.",
    advice="Save the map once in the editor.",
    ignore_when="the set is not to be uploaded again",
    blind_spots="None.",
    source=SERVER,
)

LONGEST = {
    "Artist": 80,
    "ArtistUnicode": 80,
    "Title": 80,
    "TitleUnicode": 80,
    "Version": 80,
    "Source": 200,
    "Tags": 1_000,
}
"""Characters."""
REQUIRED = ("Artist", "Title", "Creator", "Version")
"""Fields that may not be empty."""
LONGEST_FILE, LONG_FILE, LONGEST_PATH = 150, 130, 500
"""Characters. Mapset Verifier warns from 130 on."""
SURE_LETTERS = 12
"""So many letters of an artist are in the name of a file, however long the rest is."""
EXTENSIONS = frozenset(
    [
        ".osu",
        ".osb",
        ".mp3",
        ".ogg",
        ".wav",
        ".jpg",
        ".jpeg",
        ".png",
        ".mp4",
        ".mov",
        ".avi",
        ".flv",
        ".mpg",
        ".wmv",
        ".m4v",
    ]
)
PASSED = frozenset({"skin.ini", "thumbs.db", "desktop.ini"})
WORKING_FILES = frozenset({".md", ".toml", ".yml", ".yaml", ".json", ".sarif", ".html"})
"""Files of sets in git repositories, and reports."""
UNUSED = {Mode.TAIKO: ("CircleSize", "ApproachRate"), Mode.CATCH: ("OverallDifficulty",), Mode.MANIA: ("ApproachRate",)}
"""Settings that the server checks and the mode does not use."""
MOST_OBJECTS = 65_535
FIRST_FORMAT = 14
SHOWN = 5


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    yield from _lengths(evidence)
    for beatmap in evidence.beatmaps:
        yield from _file_name(evidence, beatmap)
        yield from _settings(evidence, beatmap)
        yield from _counts(evidence, beatmap)
    old = [beatmap for beatmap in evidence.beatmaps if beatmap.format_version < FIRST_FORMAT]
    if old:
        yield from evidence.candidate(
            FORMAT,
            old,
            certainty=Certainty.HARMLESS,
            actual=f"format {old[0].format_version}",
            expected=[Expected("format 14")],
            message=f"The file has format {old[0].format_version}; the server takes format {FIRST_FORMAT} and newer.",
        )
    yield from _files(evidence)


def _lengths(evidence: MapsetEvidence) -> Iterator[Placed]:
    groups: dict[tuple[str, str], list[Beatmap]] = defaultdict(list)
    for beatmap in evidence.beatmaps:
        for key, longest in LONGEST.items():
            if len(beatmap.metadata.get(key, "")) > longest:
                groups[key, beatmap.metadata[key]].append(beatmap)
        for key in REQUIRED:
            if not beatmap.metadata.get(key, "").strip():
                groups[key, ""].append(beatmap)
    for (key, value), beatmaps in groups.items():
        what = "name of the difficulty" if key == "Version" else key
        if value:
            actual, wanted = f"{len(value)} characters", f"{LONGEST[key]} characters or less"
            message = f"The {what} has {len(value)} characters; the server takes {LONGEST[key]} at most."
        else:
            actual, wanted, message = "empty", f"a {what}", f"The {what} is empty."
        yield from evidence.candidate(
            LENGTH,
            beatmaps,
            line=beatmaps[0].line_of("Metadata", key),
            certainty=Certainty.CERTAIN,
            subject=key,
            actual=actual,
            expected=[Expected(wanted)],
            message=message,
        )


def _file_name(evidence: MapsetEvidence, beatmap: Beatmap) -> Iterator[Placed]:
    name = beatmap.path.name
    certainty = None
    if len(name) > LONGEST_FILE:
        certainty, message, expected = (
            Certainty.CERTAIN,
            f"has {len(name)} characters; the server takes {LONGEST_FILE} at most",
            f"{LONGEST_FILE} characters or less",
        )
    elif len(name) > LONG_FILE:
        certainty, message, expected = (
            Certainty.LIKELY,
            f"has {len(name)} characters, which may be too long for Windows",
            f"{LONG_FILE} characters or less",
        )
    elif not _is_usual(name, beatmap):
        certainty, message, expected = Certainty.POSSIBLE, "is not the one that the game gives it", _usual_name(beatmap)
    if certainty is not None:
        yield from evidence.candidate(
            FILE_NAME,
            beatmap,
            certainty=certainty,
            actual=name,
            expected=[Expected(expected)],
            message=f'The name of the file "{name}" {message}.',
        )


def _usual_name(beatmap: Beatmap) -> str:
    """`Artist - Title (Creator) [Version].osu`, without characters that Windows does not allow in names."""
    artist, title, creator, version = (
        beatmap.metadata.get(key, "") for key in ("Artist", "Title", "Creator", "Version")
    )
    return re.sub(r'[\\/:*?"<>|]', "", f"{artist} - {title} ({creator}) [{version}].osu")


def _is_usual(name: str, beatmap: Beatmap) -> bool:
    """Whether a name begins with the artist and ends with the difficulty; the game shortens what is between."""
    letters, artist = _letters(name.removesuffix(".osu")), _letters(beatmap.metadata.get("Artist", ""))
    return letters.startswith(artist[:SURE_LETTERS]) and letters.endswith(_letters(beatmap.version))


def _letters(name: str) -> str:
    """A name as far as systems agree on it: letters and digits, without case."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _settings(evidence: MapsetEvidence, beatmap: Beatmap) -> Iterator[Placed]:
    written = beatmap.written.get("Difficulty", {})
    for key in UNUSED.get(beatmap.mode, ()):
        try:
            value = float(written.get(key, ""))
        except ValueError:
            continue
        if not 0 <= value <= 10:
            yield from evidence.candidate(
                SETTINGS,
                beatmap,
                line=beatmap.line_of("Difficulty", key),
                certainty=Certainty.CERTAIN,
                subject=key,
                actual=f"{value:g}",
                expected=[Expected("0 to 10")],
                message=f"{key} is {value:g}; the server takes 0 to 10, although {beatmap.mode.label} does not use it.",
            )


def _counts(evidence: MapsetEvidence, beatmap: Beatmap) -> Iterator[Placed]:
    kinds = Counter(
        ObjectKind.SLIDER if o.kind is ObjectKind.HOLD else o.kind
        for o in beatmap.hit_objects
        if len(beatmap.hit_objects) > MOST_OBJECTS
    )
    for kind, count in kinds.items():
        if count > MOST_OBJECTS:
            yield from evidence.candidate(
                TOO_MANY,
                beatmap,
                certainty=Certainty.CERTAIN,
                subject=kind.value,
                actual=f"{count}",
                expected=[Expected(f"{MOST_OBJECTS} or less")],
                message=f"There are {count} {kind.value}s; the server takes {MOST_OBJECTS} at most.",
            )


def _files(evidence: MapsetEvidence) -> Iterator[Placed]:
    by_extension: dict[str, list[str]] = defaultdict(list)
    songs = {evidence.mapset.find(beatmap.audio_filename) for beatmap in evidence.beatmaps}
    for name in evidence.mapset.files:
        path = PurePosixPath(name)
        extension = path.suffix.lower()
        # The format of the song is mapset/audio-format's.
        if path.name.lower() not in PASSED and extension not in EXTENSIONS | WORKING_FILES and name not in songs:
            by_extension[extension].append(name)
        if len(name) > LONGEST_PATH:
            yield from evidence.candidate(
                FILE_NAME,
                evidence.beatmaps,
                certainty=Certainty.CERTAIN,
                actual=name,
                expected=[Expected(f"{LONGEST_PATH} characters or less")],
                message=f'The path "{name[:40]}…" has {len(name)} characters; the server takes {LONGEST_PATH} at most.',
            )
    for extension, files in by_extension.items():
        shown = ", ".join(f'"{name}"' for name in files[:SHOWN])
        more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
        kind = f"{extension} files" if extension else "files without an extension"
        yield from evidence.candidate(
            FILE_TYPE,
            evidence.beatmaps,
            certainty=Certainty.CERTAIN,
            subject=extension,
            actual=files[0],
            files=files[:50],
            message=f"{shown}{more}: the server takes no {kind}.",
        )


CHECK = MapsetCheck("Submission", (LENGTH, FILE_NAME, FILE_TYPE, SETTINGS, TOO_MANY, FORMAT), run, Category.SUBMISSION)
