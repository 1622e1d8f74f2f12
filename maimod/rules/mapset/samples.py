"""Hitsound samples of a set: missing ones, formats, delays, loudness of both sides."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from maimod.audio import probe
from maimod.findings import Expected, Severity, Tier, in_ms
from maimod.osu.beatmap import MAX_TIME_MS, NOT_TAIKO, ONLY_MANIA, Beatmap, Mode
from maimod.rules.base import Certainty, Rule
from maimod.rules.checks import MapsetCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import MapsetEvidence, Placed
from maimod.rules.mapset.played_samples import played
from maimod.rules.mapset.sets import LAZER, is_whole

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
    source=f"{PAGE}#audio",
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
    modes=ONLY_MANIA,
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
    source=f"{PAGE}#audio",
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
    source=f"{PAGE}#audio",
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
    source=f"{PAGE}#audio",
    modes=NOT_TAIKO,
)

HITSOUND = re.compile(
    r"^(?:taiko-)?(?:normal|soft|drum)-(?:hit(?:normal|whistle|finish|clap)|slider(?:tick|slide|whistle))\d*\.\w+$",
    re.I,
)
MAX_SAMPLES = 500
"""Most samples that are decoded; the largest keysounded sets have about 1,000."""
SHORT_MS, LATE_MS, LITTLE_LATE_MS = 25.0, 5.0, 1.0
SILENT_PEAK = 6e-3
"""Peak of a silent sample: nothing is heard of less than 0.6 % of full scale beside a song."""
LOPSIDED, ONE_SIDED = 0.5, 0.1
"""Loudness of the quieter channel as a share of the other."""
FREQUENT_SHARE, FREQUENT_HITS = 0.25, 20
EMPTY_WAV_BYTES = 44
Named = dict[str, list[tuple[Beatmap, int, float, bool]]]
"""(difficulty, line, time, whether a hit object plays it) of each file named as a sound."""


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    mapset = evidence.mapset
    if not mapset.files:
        return
    named = named_samples(evidence)
    yield from _missing(evidence, named)
    yield from _of_mania(evidence)
    plays = played_by_any(evidence)
    yield from _hitsounds(evidence, named, plays)
    yield from _finishes(evidence)


def named_samples(evidence: MapsetEvidence) -> Named:
    """The sounds that hit objects and storyboards name, with their places."""
    named: Named = defaultdict(list)
    for beatmap in evidence.beatmaps:
        for o in beatmap.hit_objects:
            if o.sample.filename:
                named[o.sample.filename].append((beatmap, o.line, o.time, True))
        for line, text in beatmap.events:
            if (sound := sample_event(text)) is not None:
                named[sound[1]].append((beatmap, line, sound[0], False))
    for text in evidence.mapset.storyboard:
        if (sound := sample_event(text)) is not None:
            named[sound[1]].append((evidence.beatmaps[0], 1, sound[0], False))
    return named


def sample_event(text: str) -> tuple[float, str] | None:
    """Time [ms] and file of a line of a storyboard that plays a sound; None for other lines."""
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


def played_by_any(evidence: MapsetEvidence) -> frozenset[str]:
    """Names of the samples that some difficulty of the folder plays."""
    mapset = evidence.mapset
    return frozenset(name for beatmap in (*mapset.beatmaps, *mapset.work, *mapset.others) for name in played(beatmap))


def stem(name: str) -> str:
    """The sample that a file is: taiko has its own names for the same ones."""
    return name.rpartition(".")[0].lower().removeprefix("taiko-")


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
            if rule in (DELAYED_SAMPLE, BALANCE) and name not in keysounds and stem(name) not in plays:
                certainty = Certainty.POSSIBLE
            if rule is BALANCE and (name in keysounds or (certainty is Certainty.POSSIBLE and stem(name) not in plays)):
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
            f"is silent for its first {in_ms(sample.delay)}; less than {in_ms(LITTLE_LATE_MS)} is allowed",
            f"{in_ms(sample.delay)}",
            "under 1 ms",
        )


CHECK = MapsetCheck(
    "Samples",
    (MISSING_SAMPLE, NO_HITNORMAL, SAMPLE_FORMAT, SHORT_SAMPLE, SILENT_SAMPLE, DELAYED_SAMPLE, BALANCE, FINISH),
    run,
)
