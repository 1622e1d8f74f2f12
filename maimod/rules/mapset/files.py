"""Files of a set: song, background, video. One finding for all difficulties that use the same file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from maimod.audio import probe
from maimod.audio.bandwidth import CLEAR_DROP, spectral_break
from maimod.findings import Expected, Severity, Tier
from maimod.osu.beatmap import Beatmap
from maimod.rules.base import Certainty, Rule
from maimod.rules.checks import MapsetCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import MapsetEvidence, Placed
from maimod.rules.mapset.sets import LAZER, FileEvent, background, names, video

AUDIO_MISSING = Rule(
    "mapset/audio-missing",
    "Song missing",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Without its song a set is silent and cannot be submitted.",
    how="AudioFilename names a file in the folder, ignoring case.",
    advice="Add the file, or correct the name in the map.",
    ignore_when="the folder was unpacked without its song on purpose",
    blind_spots="None.",
    source=f"{LAZER}/CheckAudioPresence.cs",
)
AUDIO_FORMAT = Rule(
    "mapset/audio-format",
    "Format of the song",
    Severity.PROBLEM,
    Tier.EXACT,
    ("audio",),
    why="The game takes mp3 and Ogg Vorbis; a wrong extension confuses players' systems.",
    how="The content of the song is mp3 or Ogg, and its extension matches (a warning if not).",
    advice="Convert the song from its source.",
    ignore_when="never",
    blind_spots="None.",
    source=f"{LAZER}/CheckSongFormat.cs",
)
AUDIO_QUALITY = Rule(
    "mapset/audio-bitrate",
    "Bit rate of the song",
    Severity.PROBLEM,
    Tier.EXACT,
    ("audio",),
    why="A lower rate is audible, a higher one only makes the download larger.",
    how="The average bit rate lies between 128 and 192 kbit/s, 208 for Ogg. A sample rate above 48 kHz is a problem, one "
    "under 44.1 kHz a minor.",
    advice="Encode the song again from its source, within these limits.",
    ignore_when="no better source of the song exists",
    blind_spots="Songs that were encoded to a higher rate than their source, see mapset/audio-encoded-up.",
    source=f"{LAZER}/CheckAudioQuality.cs",
)
ENCODED_UP = Rule(
    "mapset/audio-encoded-up",
    "Song encoded upwards",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("audio",),
    why="A song that was encoded at a low bit rate does not get better at a higher one, only larger; the criteria forbid it.",
    how="In 32 places of the song the spectrum breaks off, by 25 dB and more, at a frequency at which encoders of its bit rate do not "
    "cut: below 17 kHz from 176 kbit/s on, 16.4 kHz from 150 on, 15.7 kHz from 120 on. Of 48 "
    "songs that were encoded at 64 to 128 kbit/s and again at 128 or 192 it finds all, of 24 encoded once none.",
    advice="Check where the song comes from.",
    ignore_when="the source itself has no higher frequencies, as old recordings and games of consoles",
    blind_spots="Sources of nearly the same rate, as 128 to 160 or 160 to 192 kbit/s; songs without high frequencies.",
    source=f"{PAGE}#audio",
)
UNUSED_AUDIO = Rule(
    "mapset/audio-unused",
    "Much of the song after the last object",
    Severity.WARNING,
    Tier.EXACT,
    ("audio",),
    why="The unused part makes the download larger and delays the results.",
    how="More than 20 % of the song lies after the last object of every difficulty.",
    advice="Cut the song, or map the rest.",
    ignore_when="a video or storyboard continues to the end",
    blind_spots="Silence at the end counts as song.",
    source=f"{LAZER}/CheckUnusedAudioAtEnd.cs",
)
OBJECTS_AFTER_SONG = Rule(
    "mapset/objects-after-song",
    "Objects after the end of the song",
    Severity.PROBLEM,
    Tier.EXACT,
    ("audio",),
    why="There is nothing to play to: the song was cut, or is the wrong one.",
    how="An object starts after the end of the song, whose length is counted in the packets of its file, whatever its "
    "header says. Where only a slider, spinner or hold note ends more than 1 s after it, that is a minor.",
    advice="Check that the song is complete, or delete them.",
    ignore_when="never",
    blind_spots="Objects in silence before the end.",
    source=f"{PAGE}#audio",
)
BACKGROUND_MISSING = Rule(
    "mapset/background-missing",
    "No background",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Every difficulty has to have a background picture.",
    how="There is a background event in [Events] and its file is in the folder.",
    advice="Add the picture, or correct the name in the map.",
    ignore_when="the folder was unpacked without its pictures on purpose",
    blind_spots="None.",
    source=f"{LAZER}/CheckBackgroundPresence.cs",
)
BACKGROUND = Rule(
    "mapset/background-size",
    "Size of the background",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Small pictures are blurred, large ones only make the download larger.",
    how="Width and height are at most 2560 x 1440 and at least 160 x 120 (below 960 x 540 is a warning), the file has "
    "2.5 MB at most and is a JPEG or PNG.",
    advice="Use a picture of another size.",
    ignore_when="no larger version of the picture exists",
    blind_spots="Pictures that were scaled up.",
    source=f"{LAZER}/CheckBackgroundQuality.cs",
)
VIDEO = Rule(
    "mapset/video",
    "Video",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Large videos and other codecs stutter or do not play; a sound track is never played.",
    how="The video is at most 1280 x 720, encoded as H.264 and has no sound track. A missing file is a minor: players "
    "may leave it out.",
    advice="Add or replace the file, or remove the video from the map.",
    ignore_when="never",
    blind_spots="Whether it matches the song.",
    source=f"{PAGE}#video-and-background",
)

MIN_RATE, MAX_RATE, MAX_RATE_OGG = 128.0, 192.0, 208.0
RATE_LENIENCY, RATE_LENIENCY_OGG = 1.5, 7.0
"""kbit/s: tags and padding make a constant rate look a little higher or lower (mp3 of 128 kbit/s measure 127.9 to
128.2). Ogg reaches its rate only on average over songs, and the measured frames are 4 % less than the file."""
CUT_BELOW = ((176.0, 17.0), (150.0, 16.4), (120.0, 15.7))
"""(kbit/s, kHz): from these bit rates on an encoder keeps what is below these frequencies. LAME cuts at 18.7 kHz at 192 kbit/s, 17.3
at 160, 16.7 at 128, 15.3 at 112 and 96, 11.2 at 64; other encoders of 128 kbit/s, and AAC of videos, at 16."""
FULL_SAMPLE_RATE = 44_100
MAX_SAMPLE_RATE = 48_000
"""https://osu.ppy.sh/wiki/en/Ranking_criteria, Audio."""
SONG_END_LENIENCY_MS, OBJECT_END_LENIENCY_MS = 5.0, 1_000.0
"""Times of objects are whole ms; notes are often held while the song fades out."""
FULL_WIDTH, FULL_HEIGHT = 1024, 640
"""Mapset Verifier warns below this size, lazer below 960 x 540."""
UNUSED_SHARE = 0.2
MAX_WIDTH, MAX_HEIGHT, LOW_WIDTH, LOW_HEIGHT, MIN_WIDTH, MIN_HEIGHT = 2560, 1440, 960, 540, 160, 120
MAX_BACKGROUND_BYTES = 2_621_440
"""2.5 MB."""
MAX_VIDEO_WIDTH, MAX_VIDEO_HEIGHT = 1280, 720


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    if not evidence.mapset.files:
        return
    yield from _songs(evidence)
    yield from _backgrounds(evidence)
    yield from _videos(evidence)


# ---------------------------------------------------------------------------------------------------------------------
# Songs


def _songs(evidence: MapsetEvidence) -> Iterator[Placed]:
    by_name: dict[str, list[Beatmap]] = defaultdict(list)
    for beatmap in evidence.beatmaps:
        by_name[beatmap.audio_filename].append(beatmap)
    for name, beatmaps in by_name.items():
        line = beatmaps[0].line_of("General", "AudioFilename")
        file = evidence.mapset.find(name) if name else None
        if file is None:
            yield from evidence.candidate(
                AUDIO_MISSING,
                beatmaps,
                line=line,
                certainty=Certainty.CERTAIN,
                subject=name,
                actual=name or "none",
                expected=[Expected("a song")],
                message=f'The song "{name}" {evidence.mapset.why_not(name)}.'
                if name
                else "No song is named in [General].",
            )
            continue
        if evidence.mapset.files.get(file) == 0:  # a finding of its own: mapset/empty-file
            continue
        found = probe.probe(evidence.mapset.path_of(file))
        if found is None or found.audio_codec is None:
            yield from evidence.candidate(
                AUDIO_FORMAT,
                beatmaps,
                line=line,
                certainty=Certainty.CERTAIN,
                subject=file,
                actual="no sound",
                expected=[Expected("mp3 or Ogg")],
                message=f'"{file}" cannot be read as a song.',
            )
            continue
        song = _Song(evidence, beatmaps, line, file, found)
        for check in (_format, _rate, _sample_rate, _encoded_up, _unused):
            yield from check(song)
        for beatmap in beatmaps:
            yield from _after(song, beatmap)


class _Song(msgspec.Struct, frozen=True):
    """A song that can be read."""

    evidence: MapsetEvidence
    beatmaps: Sequence[Beatmap]
    """The difficulties that use it."""
    line: int
    """Of its name in the first of them."""
    file: str
    media: probe.Media

    def candidate(
        self,
        rule: Rule,
        *,
        message: str,
        actual: str,
        expected: str,
        certainty: Certainty = Certainty.CERTAIN,
        subject: str = "",
        **numbers: float,
    ) -> Iterator[Placed]:
        """One candidate for all its difficulties; `subject` is the file unless another is given."""
        return self.evidence.candidate(
            rule,
            self.beatmaps,
            line=self.line,
            certainty=certainty,
            subject=subject or self.file,
            actual=actual,
            expected=[Expected(expected)],
            message=message,
            **numbers,
        )


def _format(song: _Song) -> Iterator[Placed]:
    extension = song.file.rpartition(".")[2].lower()
    formats = {"mp3": "mp3", "ogg": "ogg"}
    kind = song.media.container.partition(",")[0]
    if kind == "ogg" and song.media.audio_codec != "vorbis":
        kind = str(song.media.audio_codec)
    if kind not in formats:
        yield from song.candidate(
            AUDIO_FORMAT,
            actual=kind,
            expected="mp3 or Ogg Vorbis",
            message=f'"{song.file}" is neither an mp3 nor an Ogg Vorbis file, but {kind}.',
        )
    elif extension != formats[kind]:
        yield from song.candidate(
            AUDIO_FORMAT,
            certainty=Certainty.LIKELY,
            actual=extension,
            expected=kind,
            message=f'"{song.file}" is an {kind} file by its content, but its name ends in "{extension}".',
        )


def _rate(song: _Song) -> Iterator[Placed]:
    is_ogg = song.media.container == "ogg"
    highest, leniency = (MAX_RATE_OGG, RATE_LENIENCY_OGG) if is_ogg else (MAX_RATE, RATE_LENIENCY)
    rate = song.media.bit_rate
    if rate is not None and not MIN_RATE - leniency <= rate <= highest + leniency:
        bound = "below 128" if rate < MIN_RATE else f"above {highest:.0f}"
        yield from song.candidate(
            AUDIO_QUALITY,
            actual=f"{rate:.0f} kbit/s",
            expected=f"{MIN_RATE:.0f} to {highest:.0f} kbit/s",
            message=f'The bit rate of "{song.file}" is {rate:.0f} kbit/s on average, {bound}.',
        )


def _sample_rate(song: _Song) -> Iterator[Placed]:
    rate = song.media.sample_rate
    if rate is None or FULL_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        return
    is_high = rate > MAX_SAMPLE_RATE
    yield from song.candidate(
        AUDIO_QUALITY,
        certainty=Certainty.CERTAIN if is_high else Certainty.POSSIBLE,
        subject=f"{song.file} sample rate",
        actual=f"{rate} Hz",
        expected=f"{MAX_SAMPLE_RATE} Hz or less" if is_high else f"{FULL_SAMPLE_RATE} Hz",
        message=f'"{song.file}" has {rate / 1000:g} kHz; songs may have {MAX_SAMPLE_RATE / 1000:g} kHz at most.'
        if is_high
        else f'"{song.file}" has {rate / 1000:g} kHz, where songs have {FULL_SAMPLE_RATE / 1000:g} kHz: high sounds are missing.',
    )


def _encoded_up(song: _Song) -> Iterator[Placed]:
    rate = song.media.bit_rate
    limit = next((khz for least, khz in CUT_BELOW if rate is not None and rate >= least), None)
    if limit is None or song.media.audio_codec not in ("mp3", "mp3float", "vorbis"):
        return
    end = spectral_break(song.evidence.mapset.path_of(song.file))
    if end is None or end.khz >= limit or end.drop < CLEAR_DROP:
        return
    yield from song.candidate(
        ENCODED_UP,
        certainty=Certainty.LIKELY,
        actual=f"{end.khz:.1f} kHz",
        expected=f"{limit:g} kHz or more",
        message=f'"{song.file}" has {rate:.0f} kbit/s, but nothing above {end.khz:.1f} kHz, like songs that were encoded at a lower '
        "rate before.",
        khz=end.khz,
        drop_db=end.drop,
    )


def _unused(song: _Song) -> Iterator[Placed]:
    if not song.media.duration:
        return
    end = max(o.end_time for beatmap in song.beatmaps for o in beatmap.hit_objects)
    share = 1.0 - end / song.media.duration
    if share > UNUSED_SHARE:
        shown = any(video(beatmap) for beatmap in song.beatmaps) or bool(song.evidence.mapset.storyboard)
        yield from song.candidate(
            UNUSED_AUDIO,
            certainty=Certainty.POSSIBLE if shown else Certainty.LIKELY,
            actual=f"{100 * share:.0f} %",
            expected="20 % or less",
            message=f"{100 * share:.0f} % of the song comes after the last object{' (with a video or storyboard)' if shown else ''}; "
            f"at most {100 * UNUSED_SHARE:.0f} % of it may.",
        )


def _after(song: _Song, beatmap: Beatmap) -> Iterator[Placed]:
    if not song.media.duration:
        return
    end = song.media.duration
    late = [o for o in beatmap.hit_objects if o.time > end + SONG_END_LENIENCY_MS]
    long = [o for o in beatmap.hit_objects if o.end_time > end + OBJECT_END_LENIENCY_MS]
    if not late and not long:
        return
    first = min(late or long, key=lambda o: o.time)
    by = max(o.time if late else o.end_time for o in late or long) - end
    many = f"{len(late)} objects lie" if len(late) > 1 else "An object lies" if late else "An object is held until"
    yield from song.evidence.candidate(
        OBJECTS_AFTER_SONG,
        beatmap,
        time=first.time,
        line=first.line,
        objects=[first],
        certainty=Certainty.CERTAIN if late else Certainty.POSSIBLE,
        subject=song.file,
        actual=f"{by / 1000:.1f} s",
        expected=[Expected(f"{end / 1000:.1f} s of song")],
        message=f"{many} after the end of the song, which is {end / 1000:.1f} s long: by up to {by / 1000:.1f} s.",
    )


# ---------------------------------------------------------------------------------------------------------------------
# Pictures


class _Fault(NamedTuple):
    """What is wrong with a picture or a video."""

    certainty: Certainty
    what: str
    """After its name: "is 100 x 100, smaller than 160 x 120"."""
    actual: str
    expected: str


def _users(named: Iterable[tuple[Beatmap, FileEvent | None]]) -> Iterator[tuple[str, int, list[Beatmap]]]:
    """(name, line of the first event, difficulties) of each file that events of difficulties show."""
    by_name: dict[str, list[tuple[int, Beatmap]]] = defaultdict(list)
    for beatmap, event in named:
        if event is not None:
            by_name[event.name].append((event.line, beatmap))
    for name, places in by_name.items():
        yield name, places[0][0], [beatmap for _, beatmap in places]


def _backgrounds(evidence: MapsetEvidence) -> Iterator[Placed]:
    named = [(beatmap, background(beatmap)) for beatmap in evidence.beatmaps]
    without = [beatmap for beatmap, event in named if event is None]
    if without:
        all_of_them = len(without) == len(evidence.beatmaps)
        yield from evidence.candidate(
            BACKGROUND_MISSING,
            without,
            certainty=Certainty.CERTAIN,
            subject="none",
            message=f"There is no background in {'any difficulty' if all_of_them else names(without)}.",
            actual="none",
            expected=[Expected("a background")],
        )
    for name, line, beatmaps in _users(named):
        file = evidence.mapset.find_picture(name)
        if file is None:
            yield from evidence.candidate(
                BACKGROUND_MISSING,
                beatmaps,
                line=line,
                certainty=Certainty.CERTAIN,
                subject=name,
                message=f'The background "{name}" {evidence.mapset.why_not(name)}.',
                actual=name,
                expected=[Expected("a file of the folder")],
            )
            continue
        for fault in _background_faults(evidence, file):
            yield from evidence.candidate(
                BACKGROUND,
                beatmaps,
                line=line,
                certainty=fault.certainty,
                subject=f"{file} {fault.expected}",
                message=f'The background "{file}" {fault.what}.',
                actual=fault.actual,
                expected=[Expected(fault.expected)],
            )


def _background_faults(evidence: MapsetEvidence, file: str) -> Iterator[_Fault]:
    n_bytes = evidence.mapset.files[file]
    if n_bytes > MAX_BACKGROUND_BYTES:
        size = f"{n_bytes / 1024 / 1024:.1f} MB"
        yield _Fault(Certainty.CERTAIN, f"has {size}, more than 2.5 MB", size, "2.5 MB or less")
    found = probe.picture_size(evidence.mapset.path_of(file))
    if found is None:
        yield _Fault(Certainty.LIKELY, "is neither a JPEG nor a PNG", "another format", "JPEG or PNG")
        return
    width, height, _ = found
    size = f"{width} x {height}"
    if width > MAX_WIDTH or height > MAX_HEIGHT:
        yield _Fault(Certainty.CERTAIN, f"is {size}, larger than 2560 x 1440", size, "2560 x 1440 or less")
    elif width < MIN_WIDTH or height < MIN_HEIGHT:
        yield _Fault(Certainty.CERTAIN, f"is {size}, smaller than 160 x 120", size, "160 x 120 or more")
    elif width < LOW_WIDTH or height < LOW_HEIGHT:
        yield _Fault(Certainty.LIKELY, f"is {size}, a low resolution", size, "960 x 540 or more")
    elif width < FULL_WIDTH or height < FULL_HEIGHT:
        yield _Fault(Certainty.POSSIBLE, f"is {size}, which large screens blur", size, "1024 x 640 or more")


def _videos(evidence: MapsetEvidence) -> Iterator[Placed]:
    for name, line, beatmaps in _users((beatmap, video(beatmap)) for beatmap in evidence.beatmaps):
        for fault in _video_faults(evidence, name, evidence.mapset.find(name)):
            yield from evidence.candidate(
                VIDEO,
                beatmaps,
                line=line,
                certainty=fault.certainty,
                subject=f"{name} {fault.expected}",
                message=f'The video "{name}" {fault.what}.',
                actual=fault.actual,
                expected=[Expected(fault.expected)],
            )


def _video_faults(evidence: MapsetEvidence, name: str, file: str | None) -> Iterator[_Fault]:
    if file is None:
        yield _Fault(Certainty.POSSIBLE, evidence.mapset.why_not(name), "no file", "a video")
        return
    found = probe.probe(evidence.mapset.path_of(file), rate=False)
    if found is None or found.video_codec is None:
        yield _Fault(Certainty.LIKELY, "cannot be read as a video", "another format", "a video")
        return
    if found.width > MAX_VIDEO_WIDTH or found.height > MAX_VIDEO_HEIGHT:
        size = f"{found.width} x {found.height}"
        yield _Fault(Certainty.CERTAIN, f"is {size}, larger than 1280 x 720", size, "1280 x 720 or less")
    if found.audio_codec is not None:
        yield _Fault(Certainty.CERTAIN, "has a sound track", found.audio_codec, "no sound track")
    if found.video_codec != "h264":
        codec = found.video_codec
        yield _Fault(Certainty.CERTAIN, f"is encoded as {codec}, not as H.264", codec, "h264")


CHECK = MapsetCheck(
    "Song, background and video",
    (
        AUDIO_MISSING,
        AUDIO_FORMAT,
        AUDIO_QUALITY,
        ENCODED_UP,
        UNUSED_AUDIO,
        OBJECTS_AFTER_SONG,
        BACKGROUND_MISSING,
        BACKGROUND,
        VIDEO,
    ),
    run,
)
