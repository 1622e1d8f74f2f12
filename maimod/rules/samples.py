"""Other files of the set: hitsound samples, files of storyboards, unused files."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from maimod.audio import probe
from maimod.findings import Expected, Severity, Tier
from maimod.osu import limits
from maimod.osu.beatmap import MAX_TIME_MS, Beatmap, Mode
from maimod.rules.base import Certainty, MapsetCheck, MapsetEvidence, Placed, Rule
from maimod.rules.criteria import high
from maimod.rules.played_samples import played
from maimod.rules.sets import CRITERIA, LAZER, is_whole, quoted

MISSING_SAMPLE = Rule(
    "mapset/sample-missing",
    "Sample file missing",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="If the file is missing, nothing or the skin's sound is played.",
    how="Sound files named by hit objects or the storyboard are searched in the folder. In mania so are samples by an index of two and "
    "more (soft-hitclap2.wav), which is a minor.",
    advice="Add the file, or choose another sample.",
    ignore_when="the samples come with the next upload",
    blind_spots="Samples by index in the other modes, and with index 1: without a file the skin's are meant to be heard.",
    source=f"{CRITERIA}#audio",
)
NO_HITNORMAL = Rule(
    "mapset/hitnormal-missing",
    "No hitnormal of its own",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="The default hitnormal is loud under the many notes of mania; its criteria ask for a sample of the map, or for additions.",
    how="A folder with mania difficulties has its backgrounds, but no sample named hitnormal, and no note names a sample.",
    advice="Add one, if the player's own should not be heard.",
    ignore_when="the additions carry the sound of the map",
    blind_spots="Folders without backgrounds, which seem not to be whole; what the samples sound like.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania",
    modes=frozenset({Mode.MANIA}),
)
SAMPLE_FORMAT = Rule(
    "mapset/hitsound-format",
    "Format of a hitsound",
    Severity.PROBLEM,
    Tier.EXACT,
    ("audio",),
    why="An mp3 starts with silence, so its sound is late; other formats may not be played at all.",
    how="Hitsounds are wav or Ogg by their content; another extension than that is a warning, and so is a file that cannot be "
    "read.",
    advice="Convert it to wav.",
    ignore_when="the mp3 is only played by the storyboard",
    blind_spots="None.",
    source=f"{LAZER}/CheckHitsoundsFormat.cs",
)
SHORT_SAMPLE = Rule(
    "mapset/hitsound-short",
    "Hitsound too short",
    Severity.PROBLEM,
    Tier.EXACT,
    ("audio",),
    why="Some sound cards skip such short sounds; a silent sample should be the empty wav file of 44 bytes.",
    how="The sample lasts less than 25 ms and has some sound or some length.",
    advice="Use a longer sound, or an empty wav file for silence.",
    ignore_when="never",
    blind_spots="Samples that are long and fade at once.",
    source=f"{LAZER}/CheckTooShortAudioFiles.cs",
)
SILENT_SAMPLE = Rule(
    "mapset/hitsound-silent",
    "Silent hitsound that is not the empty file",
    Severity.MINOR,
    Tier.EXACT,
    ("audio",),
    why="Hitsounds are silenced by the empty wav file of 44 bytes; longer silence only makes the download larger.",
    how="The sample has a length, but no more than 0.6 % of full scale.",
    advice="Replace it with an empty wav file.",
    ignore_when="never",
    blind_spots="None.",
    source=f"{CRITERIA}#audio",
)
DELAYED_SAMPLE = Rule(
    "mapset/hitsound-delay",
    "Hitsound starts late",
    Severity.PROBLEM,
    Tier.EXACT,
    ("audio",),
    why="Players hear the delay as an error of their timing.",
    how="The time from the start of the file to where 0.5 % of its peak is passed: 5 ms or more is a problem, 1 ms or "
    "more a minor, as for samples that no hit plays.",
    advice="Cut the silence at the start of the sound.",
    ignore_when="the sound swells on purpose and is not a hit",
    blind_spots="Sounds that begin softly and peak late.",
    source=f"{LAZER}/CheckDelayedHitsounds.cs",
)
BALANCE = Rule(
    "mapset/hitsound-balance",
    "Hitsound louder on one side",
    Severity.WARNING,
    Tier.EXACT,
    ("audio",),
    why="A hit that is heard on one side only is unpleasant with headphones, and lost with one of them.",
    how="The quieter channel of a hitsound that is played has less than half of the loudness of the other; less than a tenth is a "
    "warning. Samples that objects name themselves are left out: they may follow the song.",
    advice="Check that it sounds in the middle.",
    ignore_when="the sound belongs to that side of the song",
    blind_spots="Sounds whose side changes.",
    source=f"{CRITERIA}#audio",
)
FINISH = Rule(
    "mapset/hitsound-finish",
    "Frequent finish with a sample of its own",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="Players who turn the samples of maps off hear the default finish, a loud cymbal, instead of the drum that it stands for.",
    how="The normal or soft finish is a file of the folder, and at least a quarter of the hits of a difficulty, and twenty, play it.",
    advice="Listen without the map's own samples: are the cymbals too many?",
    ignore_when="the sample is a cymbal as well",
    blind_spots="What the sample sounds like; taiko, where a finish is a big note.",
    source=f"{CRITERIA}#audio",
    modes=frozenset({Mode.OSU, Mode.CATCH, Mode.MANIA}),
)
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
    source=f"{CRITERIA}#general",
)
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
    source=f"{CRITERIA}#storyboarding",
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
    source=f"{CRITERIA}#audio",
    modes=frozenset({Mode.OSU, Mode.TAIKO, Mode.CATCH}),
)

HITSOUND = re.compile(
    r"^(?:taiko-)?(?:normal|soft|drum)-(?:hit(?:normal|whistle|finish|clap)|slider(?:tick|slide|whistle))\d*\.\w+$",
    re.I,
)
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
MAX_SAMPLES = 500
"""Most samples that are decoded; the largest keysounded sets have about 1,000."""
SHORT_MS, LATE_MS, LITTLE_LATE_MS = 25.0, 5.0, 1.0
SILENT_PEAK = 6e-3
"""Peak of a silent sample: nothing is heard of less than 0.6 % of full scale beside a song."""
LOPSIDED, ONE_SIDED = 0.5, 0.1
"""Loudness of the quieter channel as a share of the other."""
FREQUENT_SHARE, FREQUENT_HITS = 0.25, 20
EMPTY_WAV_BYTES = 44
MAX_MEASURED = 1_000
"""Most pictures whose headers are read."""
OVERLAY = re.compile(r"(?:Sprite|Animation|4|6)\s*,\s*(?:Overlay|4)\s*,")
SHOWN = 5
Named = dict[str, list[tuple[Beatmap, int, float, bool]]]
"""(difficulty, line, time, whether a hit object plays it) of each file named as a sound."""


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    mapset = evidence.mapset
    if not mapset.files:
        return
    named = _named_samples(evidence)
    yield from _missing(evidence, named)
    yield from _of_mania(evidence)
    plays = _played(evidence)
    yield from _hitsounds(evidence, named, plays)
    yield from _finishes(evidence)
    yield from _storyboard(evidence)
    yield from _unplayed(evidence, plays)
    empty = [name for name, n_bytes in mapset.files.items() if not n_bytes]
    if empty:
        yield from _files(evidence, EMPTY_FILE, empty, Certainty.CERTAIN, "has no bytes", "have no bytes")
    unused = _unused(evidence, named)
    if unused:
        yield from _files(evidence, UNUSED_FILE, unused, Certainty.LIKELY, "is not used", "are not used")


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


def _named_samples(evidence: MapsetEvidence) -> Named:
    named: Named = defaultdict(list)
    for beatmap in evidence.beatmaps:
        for o in beatmap.hit_objects:
            if o.sample.filename:
                named[o.sample.filename].append((beatmap, o.line, o.time, True))
        for line, text in beatmap.events:
            if (sound := _sample_event(text)) is not None:
                named[sound[1]].append((beatmap, line, sound[0], False))
    for text in evidence.mapset.storyboard:
        if (sound := _sample_event(text)) is not None:
            named[sound[1]].append((evidence.beatmaps[0], 1, sound[0], False))
    return named


def _sample_event(text: str) -> tuple[float, str] | None:
    fields = text.split(",")
    if fields[0] not in ("5", "Sample") or len(fields) < 4:
        return None
    try:
        time = float(fields[1])
    except ValueError:
        return None
    return (time, fields[3].strip().strip('"')) if abs(time) <= MAX_TIME_MS else None


def _missing(evidence: MapsetEvidence, named: Named) -> Iterator[Placed]:
    by_beatmap: dict[Path, list[tuple[str, int, float]]] = defaultdict(list)
    for name, places in named.items():
        if evidence.mapset.find_sound(name) is None:
            firsts: dict[Path, tuple[int, float]] = {}
            for beatmap, line, time, _ in places:
                firsts.setdefault(beatmap.path, (line, time))
            for path, first in firsts.items():
                by_beatmap[path].append((name, *first))
    for beatmap in (one for one in evidence.beatmaps if one.path in by_beatmap):
        missing = by_beatmap[beatmap.path]
        name, line, time = min(missing, key=lambda item: item[2])
        more = f", nor are {len(missing) - 1} more that are played as samples" if len(missing) > 1 else ""
        yield from evidence.candidate(
            MISSING_SAMPLE,
            beatmap,
            time=time,
            line=line,
            certainty=Certainty.LIKELY,
            actual=name,
            expected=[Expected("a file")],
            message=f'The sample "{name}" is not in the folder{more}.',
            files=[name for name, _, _ in missing[:50]],
        )


def _of_mania(evidence: MapsetEvidence) -> Iterator[Placed]:
    """Samples by index that are not there, and sets without a hitnormal."""
    of_mania = [beatmap for beatmap in evidence.beatmaps if beatmap.mode is Mode.MANIA]
    if not of_mania or not is_whole(evidence.mapset):
        return
    sounds = [name for name in evidence.mapset.files if HITSOUND.match(name)]
    keysounds = any(o.sample.filename for beatmap in of_mania for o in beatmap.hit_objects)
    if not keysounds and not any("hitnormal" in name.lower() for name in sounds):
        yield from evidence.candidate(
            NO_HITNORMAL,
            of_mania,
            certainty=Certainty.POSSIBLE,
            message="The folder has no hitnormal of its own for its mania difficulties, so the player's is heard.",
        )
    for beatmap in of_mania:
        numbered = sorted(name for name in played(beatmap) if re.search(r"-hit[a-z]+\d+$", name))
        missing = [name for name in numbered if evidence.mapset.find_sound(f"{name}.wav") is None]
        if missing:
            more = f", nor are {len(missing) - 1} more" if len(missing) > 1 else ""
            yield from evidence.candidate(
                MISSING_SAMPLE,
                beatmap,
                certainty=Certainty.POSSIBLE,
                subject="index",
                actual=missing[0],
                expected=[Expected("a file")],
                message=f'The sample "{missing[0]}" that notes play is not in the folder{more}, so the player\'s is heard.',
                files=missing[:50],
            )


def _played(evidence: MapsetEvidence) -> frozenset[str]:
    """Names of the samples that some difficulty of the folder plays."""
    mapset = evidence.mapset
    return frozenset(name for beatmap in (*mapset.beatmaps, *mapset.work, *mapset.others) for name in played(beatmap))


def _stem(name: str) -> str:
    """The sample that a file is: taiko has its own names for the same ones."""
    return name.rpartition(".")[0].lower().removeprefix("taiko-")


def _unplayed(evidence: MapsetEvidence, plays: frozenset[str]) -> Iterator[Placed]:
    if evidence.mapset.unreadable:
        return
    files = [
        name
        for name, n_bytes in evidence.mapset.files.items()
        # An empty sample silences what may be played in the editor or by another index.
        if n_bytes > EMPTY_WAV_BYTES and "/" not in name and HITSOUND.match(name) and _stem(name) not in plays
    ]
    if files:
        yield from _files(
            evidence,
            UNUSED_FILE,
            files,
            Certainty.LIKELY,
            "is a hitsound that no hit plays",
            "are hitsounds that no hit plays",
        )


def _finishes(evidence: MapsetEvidence) -> Iterator[Placed]:
    for beatmap in evidence.beatmaps:
        if beatmap.mode not in FINISH.modes:
            continue
        counts = played(beatmap)
        hits = sum(count for name, count in counts.items() if "hitnormal" in name)
        for name, count in counts.items():
            file = evidence.mapset.find_sound(f"{name}.wav") if re.match("(?:normal|soft)-hitfinish", name) else None
            if file is not None and count >= max(FREQUENT_HITS, FREQUENT_SHARE * hits):
                yield from evidence.candidate(
                    FINISH,
                    beatmap,
                    certainty=Certainty.POSSIBLE,
                    subject=file,
                    actual=f"{count} of {hits} hits",
                    message=f'{count} of {hits} hits play "{file}"; without the samples of the map they are cymbals.',
                )


def _hitsounds(evidence: MapsetEvidence, named: Named, plays: frozenset[str]) -> Iterator[Placed]:
    keysounds = {
        file
        for name, places in named.items()
        if any(hit for *_, hit in places) and (file := evidence.mapset.find_sound(name))
    }
    files = [
        name
        for name, n_bytes in evidence.mapset.files.items()
        if n_bytes > EMPTY_WAV_BYTES and (HITSOUND.match(name) or name in keysounds)
    ]
    for name in islice(files, MAX_SAMPLES):
        sample = probe.measure_sample(evidence.mapset.path_of(name))
        if sample is None:
            if evidence.mapset.files[name] <= probe.MAX_SAMPLE_BYTES:
                yield from evidence.candidate(
                    SAMPLE_FORMAT,
                    evidence.beatmaps,
                    certainty=Certainty.LIKELY,
                    subject=name,
                    message=f'The hitsound "{name}" cannot be read as a sound.',
                )
            continue
        for rule, certainty, what, actual, expected in _sample_faults(name, sample):
            if rule in (DELAYED_SAMPLE, BALANCE) and name not in keysounds and _stem(name) not in plays:
                certainty = Certainty.POSSIBLE
            if rule is BALANCE and (
                name in keysounds or (certainty is Certainty.POSSIBLE and _stem(name) not in plays)
            ):
                continue
            yield from evidence.candidate(
                rule,
                evidence.beatmaps,
                certainty=certainty,
                subject=name,
                actual=actual,
                expected=[Expected(expected)],
                message=f'The hitsound "{name}" {what}.',
            )


def _sample_faults(name: str, sample: probe.Sample) -> Iterator[tuple[Rule, Certainty, str, str, str]]:
    extension = name.rpartition(".")[2].lower()
    kind = {"WAV": "wav", "WAVEX": "wav", "OGG": "ogg", "MP3": "mp3", "MPEG": "mp3"}.get(
        sample.container, sample.container.lower()
    )
    if kind not in ("wav", "ogg"):
        yield SAMPLE_FORMAT, Certainty.CERTAIN, f"is neither wav nor Ogg, but {kind}", kind, "wav or ogg"
    elif extension != kind:
        yield (
            SAMPLE_FORMAT,
            Certainty.LIKELY,
            f'is {kind} by its content, but its name ends in "{extension}"',
            extension,
            kind,
        )
    if sample.duration > 0 and sample.peak <= SILENT_PEAK:
        yield (
            SILENT_SAMPLE,
            Certainty.POSSIBLE,
            f"is silent for {sample.duration:.0f} ms",
            f"{sample.duration:.0f} ms",
            "the empty wav file of 44 bytes",
        )
    elif 0 < sample.duration < SHORT_MS:
        yield (
            SHORT_SAMPLE,
            Certainty.CERTAIN,
            f"lasts {sample.duration:.0f} ms, less than {SHORT_MS:.0f} ms",
            f"{sample.duration:.0f} ms",
            "25 ms or more",
        )
    if sample.balance < LOPSIDED and sample.peak > SILENT_PEAK:
        yield (
            BALANCE,
            Certainty.LIKELY if sample.balance < ONE_SIDED else Certainty.POSSIBLE,
            f"is louder on one side; the other side has {100 * sample.balance:.0f} % of its loudness, less than 50 %",
            f"{100 * sample.balance:.0f} %",
            "50 % or more",
        )
    # The delay of mp3 comes from the format, which is reported above.
    if sample.duration >= SHORT_MS and sample.peak > SILENT_PEAK and kind != "mp3" and sample.delay >= LITTLE_LATE_MS:
        yield (
            DELAYED_SAMPLE,
            Certainty.CERTAIN if sample.delay >= LATE_MS else Certainty.POSSIBLE,
            f"is silent for its first {sample.delay:.1f} ms; less than {LITTLE_LATE_MS:g} ms are allowed",
            f"{sample.delay:.1f} ms",
            "under 1 ms",
        )


# ---------------------------------------------------------------------------------------------------------------------
# Storyboards and unused files


def _pictures(lines: Iterable[str]) -> list[str]:
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


def _storyboard(evidence: MapsetEvidence) -> Iterator[Placed]:
    shared = _pictures(evidence.mapset.storyboard)
    for place, beatmap in enumerate(evidence.beatmaps):
        own = _pictures(text for _, text in beatmap.events)
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
        if beatmap.mode in STORYBOARDED.modes and any(_sample_event(text) is not None for _, text in beatmap.events)
    ]
    yield from _pictures_shown(evidence, shared)
    shared_count = sum(_sample_event(text) is not None for text in evidence.mapset.storyboard)
    if shared_count and not sounding:
        sounding = [beatmap for beatmap in evidence.beatmaps if beatmap.mode in STORYBOARDED.modes]
    if sounding:
        line = next((line for line, text in sounding[0].events if _sample_event(text) is not None), 1)
        count = shared_count + sum(
            _sample_event(text) is not None for beatmap in sounding for _, text in beatmap.events
        )
        yield from evidence.candidate(
            STORYBOARDED,
            sounding,
            line=line,
            certainty=Certainty.POSSIBLE,
            actual=f"{count} sounds",
            message=f"{count} sound{'s are' if count > 1 else ' is'} played by the storyboard, not by hits.",
        )


def _pictures_shown(evidence: MapsetEvidence, shared: Sequence[str]) -> Iterator[Placed]:
    """Pictures that are too large, and sprites above the objects."""
    largest = high("storyboard-image", Mode.OSU)
    shown = dict.fromkeys(
        [*shared, *(name for one in evidence.beatmaps for name in _pictures(text for _, text in one.events))]
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
    pictures = _pictures(events)
    if len(pictures) == limits.MAX_PICTURES:
        return []
    found = {
        *(mapset.find(name) for name in (*shown, *(beatmap.audio_filename for beatmap in readers))),
        *(mapset.find_picture(name) for name in {*shown, *pictures}),
        *(mapset.find_sound(name) for name in {*named, *played}),
    }
    used = {mapset.path_of(name) for name in found if name is not None}  # of a link, what it leads to
    return [name for name in mapset.files if mapset.path_of(name) not in used and not _belongs(name, evidence)]


def _belongs(name: str, evidence: MapsetEvidence) -> bool:
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


CHECK = MapsetCheck(
    "Samples, storyboard and other files",
    (
        MISSING_SAMPLE,
        NO_HITNORMAL,
        SAMPLE_FORMAT,
        SHORT_SAMPLE,
        SILENT_SAMPLE,
        DELAYED_SAMPLE,
        BALANCE,
        FINISH,
        EMPTY_FILE,
        UNUSED_FILE,
        STORYBOARD,
        STORYBOARDED,
    ),
    run,
)
