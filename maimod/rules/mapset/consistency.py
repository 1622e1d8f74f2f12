"""Values that must be, or usually are, the same in every difficulty of a set: metadata, files, preview, display
settings.

The value of most difficulties is the set's; difficulties with another value get the finding. Of two equal halves it is
the later one by path. Of 1,046 ranked maps 10 have other metadata than their set, 4 another song, 4 other settings
(some are
two sets put into one folder). Of single changes planted in 30 sets all are found: tags, source, title, preview,
countdown, song (`benchmarks/sets.py`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

from maimod.findings import Expected, Severity, Tier, clock
from maimod.osu.beatmap import MAX_TIME_MS, PLAYFIELD_MODES, Beatmap, Mode
from maimod.rules.base import Certainty, Rule
from maimod.rules.checks import MapsetCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import MapsetEvidence, Placed
from maimod.rules.mapset.sets import LAZER, Part, background, departures, names, quoted, video

METADATA = Rule(
    "mapset/metadata",
    "Metadata differ between difficulties",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="A set has one artist, title, source, creator and list of tags; a difference is an old copy in one of the "
    "difficulties.",
    how="Artist, title (romanised and Unicode), creator, source and tags of each difficulty are compared with those "
    "of most.",
    advice="Make it the same everywhere.",
    ignore_when="never; the ranking criteria require the same metadata in all difficulties",
    blind_spots="Mistakes that all difficulties share; sets of a single difficulty; the order of tags.",
    source=f"{PAGE}#metadata",
)
IDS = Rule(
    "mapset/ids",
    "Conflicting ids or names of difficulties",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="A difficulty with the id or name of another one replaces it when the set is submitted; with the id of "
    "another set it is uploaded there.",
    how="Set ids have to be the same, beatmap ids and names of difficulties of one mode different.",
    advice="Check the ids and names before you upload.",
    ignore_when="the set is new and gets its ids with the next upload (a lone missing id is a minor)",
    blind_spots="Ids that all difficulties of a copied set share.",
    source=f"{LAZER}/CheckInconsistentMetadata.cs",
)
AUDIO = Rule(
    "mapset/audio-differs",
    "Difficulties with different songs",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="A set has one song file; another one has another offset, and is usually a left-over.",
    how="AudioFilename of each difficulty is compared with that of most.",
    advice="Use the same song everywhere.",
    ignore_when="the set is a compilation, which cannot be ranked",
    blind_spots="Files with another name and the same content are reported as well.",
    source=f"{LAZER}/CheckInconsistentAudio.cs",
)
PREVIEW = Rule(
    "mapset/preview",
    "Preview point missing or not the same",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The preview point is where the song starts when the set is selected; it belongs to the set, not to one "
    "difficulty.",
    how="PreviewTime is there, within the song, and the same in all difficulties.",
    advice="Set one preview point, the same everywhere.",
    ignore_when="never",
    blind_spots="Its position in the song.",
    source=f"{LAZER}/CheckPreviewTime.cs",
)
SETTINGS = Rule(
    "mapset/settings-differ",
    "Display setting differs between difficulties",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Countdown, letterbox, epilepsy warning and similar settings belong to the set; a difficulty that differs was "
    "forgotten.",
    how="Countdown, lead-in, letterbox (where there are breaks), epilepsy warning, widescreen and order of the "
    "storyboard (where there is one), and skin preference are compared with those of most.",
    advice="Make it the same everywhere, or is it intended?",
    ignore_when="a difficulty needs it, as a longer lead-in for an earlier first object",
    blind_spots="Settings that all difficulties share.",
    source=f"{LAZER}/CheckInconsistentSettings.cs",
)
TICK_RATE = Rule(
    "mapset/tick-rates-differ",
    "Slider tick rate differs between difficulties",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="A set usually has one tick rate; a single other one may be a left-over of the editor's default.",
    how="The tick rate of a difficulty differs from that of all others of its mode, of which there are at least three. The easiest may "
    "have fewer ticks.",
    advice="Is it intended?",
    ignore_when="the difficulty follows another rhythm of the song",
    blind_spots="Sets in which several differ, which is a choice.",
    source=f"{LAZER}/CheckInconsistentSettings.cs",
    modes=PLAYFIELD_MODES,
)
BACKGROUND = Rule(
    "mapset/backgrounds-differ",
    "One difficulty with another background",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="Difficulties may have their own pictures; a single one that differs may be a left-over.",
    how="One difficulty has another background file than all others, of which there are at least two.",
    advice="Is it intended?",
    ignore_when="it is a guest's difficulty or the picture is intended",
    blind_spots="Sets in which several differ.",
    source=f"{PAGE}#video-and-background",
)
VIDEO = Rule(
    "mapset/videos-differ",
    "Video or its start differs between difficulties",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="A video with two start times does not match the song in one of the difficulties.",
    how="Difficulties that name the same video have it start at the same time; a video that some difficulties of a "
    "mode lack, and another one in another mode, is a warning.",
    advice="Make it the same everywhere.",
    ignore_when="a difficulty leaves the video out on purpose",
    blind_spots="Whether the video fits the song at all.",
    source=f"{PAGE}#video-and-background",
)


SPRITES = ("Sprite", "Animation", "4,", "6,")
"""Beginnings of the events that show a picture."""
MOST_WORDS = 6
"""Most tags that a message lists."""


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    yield from _no_preview(evidence)
    if len(evidence.beatmaps) < 2:
        return
    yield from _metadata(evidence)
    yield from _ids(evidence)
    songs = [one.audio_filename for one in evidence.beatmaps]
    yield from _general(evidence, AUDIO, "AudioFilename", evidence.beatmaps, songs)
    with_preview = [one for one in evidence.beatmaps if _preview(one) >= 0]
    previews = [clock(_preview(one)) for one in with_preview]
    yield from _general(evidence, PREVIEW, "PreviewTime", with_preview, previews)
    yield from _settings(evidence)
    yield from _own_storyboards(evidence)
    yield from _backgrounds(evidence)
    yield from _videos(evidence)
    for mode in Mode:
        of_mode = [beatmap for beatmap in evidence.beatmaps if beatmap.mode is mode]
        if len(of_mode) > 1:
            yield from _tick_rates(evidence, of_mode)


# ---------------------------------------------------------------------------------------------------------------------
# Keys and values


def _metadata(evidence: MapsetEvidence) -> Iterator[Placed]:
    for key in ("Artist", "ArtistUnicode", "Title", "TitleUnicode", "Creator", "Source", "Tags"):
        # Old files have no Unicode fields, and the game then shows the romanised ones.
        plain = key.removesuffix("Unicode")
        values = [
            one.metadata.get(key) or (one.metadata.get(plain, "") if plain != key else "") for one in evidence.beatmaps
        ]
        if key == "Tags":
            values = [" ".join(sorted(set(value.lower().split()))) for value in values]
        for part in departures(evidence.beatmaps, values):
            for beatmap in part.beatmaps:
                yield from evidence.candidate(
                    METADATA,
                    beatmap,
                    line=beatmap.line_of("Metadata", key),
                    certainty=Certainty.CERTAIN,
                    subject=key,
                    message=_metadata_message(key, part),
                    actual=part.value,
                    expected=[Expected(part.usual)],
                )


def _metadata_message(key: str, part: Part) -> str:
    others = names(part.others)
    if key == "Tags":
        own, usual = set(part.value.split()), set(part.usual.split())
        lacks, adds = sorted(usual - own), sorted(own - usual)
        words = [f"lack {_list(lacks)}"] if lacks else []
        words += [f"add {_list(adds)}"] if adds else []
        return f"The tags {' and '.join(words)}, compared with {others}."
    return f"{key} is {quoted(part.value)} here and {quoted(part.usual)} in {others}."


def _list(words: Sequence[str]) -> str:
    shown = ", ".join(f'"{word}"' for word in words[:MOST_WORDS])
    return shown + (f" and {len(words) - MOST_WORDS} more" if len(words) > MOST_WORDS else "")


def _ids(evidence: MapsetEvidence) -> Iterator[Placed]:
    yield from _set_ids(evidence)
    numbers = [_number(one, "BeatmapID") for one in evidence.beatmaps]
    yield from _twice(evidence, "BeatmapID", [None if number in (0, -1) else number for number in numbers])
    yield from _twice(evidence, "Version", [(one.version.casefold(), one.mode) for one in evidence.beatmaps])


def _number(beatmap: Beatmap, key: str) -> int:
    """The number of a key of `[Metadata]`; 0 if there is none."""
    text = beatmap.metadata.get(key, "")
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else 0


def _set_ids(evidence: MapsetEvidence) -> Iterator[Placed]:
    submitted = [one for one in evidence.beatmaps if _number(one, "BeatmapSetID") > 0]
    for part in departures(submitted, [str(_number(one, "BeatmapSetID")) for one in submitted]):
        for beatmap in part.beatmaps:
            yield from evidence.candidate(
                IDS,
                beatmap,
                line=beatmap.line_of("Metadata", "BeatmapSetID"),
                certainty=Certainty.CERTAIN,
                subject="BeatmapSetID",
                message=f"BeatmapSetID is {part.value} here and {part.usual} in {names(part.others)}.",
                actual=part.value,
                expected=[Expected(part.usual)],
            )
    if submitted and any("BeatmapSetID" in one.metadata for one in evidence.beatmaps):
        for beatmap in (one for one in evidence.beatmaps if one not in submitted):
            yield from evidence.candidate(
                IDS,
                beatmap,
                line=beatmap.line_of("Metadata", "BeatmapSetID"),
                certainty=Certainty.POSSIBLE,
                subject="BeatmapSetID",
                message=f"This difficulty has no BeatmapSetID yet, unlike {names(submitted)}.",
                actual="none",
                expected=[Expected(f"{_number(submitted[0], 'BeatmapSetID')}")],
            )


def _twice(evidence: MapsetEvidence, key: str, values: Sequence[Hashable | None]) -> Iterator[Placed]:
    """Difficulties with the id or the name of one before; None is no value."""
    first: dict[Hashable, Beatmap] = {}
    for beatmap, value in zip(evidence.beatmaps, values, strict=True):
        if value is None:
            continue
        if value in first:
            what = f"id {value}" if key == "BeatmapID" else "name"
            yield from evidence.candidate(
                IDS,
                beatmap,
                line=beatmap.line_of("Metadata", key),
                certainty=Certainty.CERTAIN,
                subject=key,
                actual=beatmap.metadata.get(key, ""),
                message=f'This difficulty has the {what} of "{first[value].path.name}": only one of them can be submitted.',
            )
        else:
            first[value] = beatmap


def _general(
    evidence: MapsetEvidence,
    rule: Rule,
    key: str,
    beatmaps: Sequence[Beatmap],
    values: Sequence[str],
    certainty: Certainty = Certainty.CERTAIN,
) -> Iterator[Placed]:
    """Difficulties with another value of a key of `[General]` than most; `values` are as written, times as in the editor, and names of
    files are compared in any case."""
    written = dict(zip((one.path for one in beatmaps), values, strict=True))
    for part in departures(beatmaps, [one.casefold() for one in values] if key == "AudioFilename" else values):
        own, usual = written[part.beatmaps[0].path], written[part.others[0].path]
        for beatmap in part.beatmaps:
            yield from evidence.candidate(
                rule,
                beatmap,
                line=beatmap.line_of("General", key),
                certainty=certainty,
                subject=key,
                actual=own,
                expected=[Expected(usual)],
                message=_words(key, own, usual, names(part.others)),
            )


def _words(key: str, own: str, usual: str, others: str) -> str:
    if key == "PreviewTime":
        return f"The preview point is at {own} here and at {usual} in {others}."
    return f"{key} is {quoted(own)} here and {quoted(usual)} in {others}."


def _preview(beatmap: Beatmap) -> float:
    try:
        time = float(beatmap.general.get("PreviewTime", "-1"))
    except ValueError:
        return -1.0
    return time if abs(time) <= MAX_TIME_MS else -1.0


def _no_preview(evidence: MapsetEvidence) -> Iterator[Placed]:
    without = [beatmap for beatmap in evidence.beatmaps if _preview(beatmap) < 0]
    if without:
        where = "in any difficulty" if len(without) == len(evidence.beatmaps) else f"in {names(without)}"
        if len(evidence.beatmaps) == 1:
            where = "yet"
        yield from evidence.candidate(
            PREVIEW,
            without,
            line=without[0].line_of("General", "PreviewTime"),
            certainty=Certainty.CERTAIN,
            subject="none",
            actual="none",
            expected=[Expected("a preview point")],
            message=f"There is no preview point {where}.",
        )


def _settings(evidence: MapsetEvidence) -> Iterator[Placed]:
    boarded = [one for one in evidence.beatmaps if evidence.mapset.storyboard or _storyboarded(one)]
    concerned: dict[str, Sequence[Beatmap]] = {
        "Countdown": evidence.beatmaps,
        "AudioLeadIn": evidence.beatmaps,
        "SkinPreference": evidence.beatmaps,
        "LetterboxInBreaks": [one for one in evidence.beatmaps if one.breaks],
        "EpilepsyWarning": evidence.beatmaps,
        "WidescreenStoryboard": boarded,
        "StoryFireInFront": boarded,
        "UseSkinSprites": boarded,
        "SamplesMatchPlaybackRate": evidence.beatmaps,
    }
    for key, beatmaps in concerned.items():
        # A missing key has its default, which depends on the version of the game that wrote the file.
        with_key = [one for one in beatmaps if key in one.general] if key in ("Countdown", "AudioLeadIn") else beatmaps
        values = [one.general.get(key, "0" if key != "SkinPreference" else "") for one in with_key]
        certainty = Certainty.POSSIBLE if key in ("AudioLeadIn", "SkinPreference") else Certainty.LIKELY
        yield from _general(evidence, SETTINGS, key, with_key, values, certainty)


def _own_storyboards(evidence: MapsetEvidence) -> Iterator[Placed]:
    """Difficulties with a storyboard of their own, where others have none."""
    own = [one for one in evidence.beatmaps if _storyboarded(one)]
    without = [one for one in evidence.beatmaps if one not in own]
    if own and without:
        yield from evidence.candidate(
            SETTINGS,
            own,
            line=next(line for line, text in own[0].events if text.startswith(SPRITES)),
            subject="storyboard",
            certainty=Certainty.POSSIBLE,
            message=f"Only {names(own)} {'has' if len(own) == 1 else 'have'} a storyboard of {'its' if len(own) == 1 else 'their'} "
            f"own; {names(without)} {'has' if len(without) == 1 else 'have'} none.",
        )


def _storyboarded(beatmap: Beatmap) -> bool:
    return any(text.startswith(SPRITES) for _, text in beatmap.events)


def _tick_rates(evidence: MapsetEvidence, of_mode: Sequence[Beatmap]) -> Iterator[Placed]:
    if of_mode[0].mode not in TICK_RATE.modes:
        return
    for part in departures(of_mode, [f"{one.difficulty.slider_tick_rate:g}" for one in of_mode]):
        if len(part.beatmaps) == 1 and len(part.others) == len(of_mode) - 1 >= 3:
            (beatmap,) = part.beatmaps
            stars = [evidence.mapset.stars[one.path] or 0.0 for one in of_mode]
            # Usual in catch, where Cups have one tick a beat and Platters two.
            if float(part.value) < float(part.usual) and evidence.mapset.stars[beatmap.path] == min(stars):
                continue
            yield from evidence.candidate(
                TICK_RATE,
                beatmap,
                line=beatmap.line_of("Difficulty", "SliderTickRate"),
                certainty=Certainty.POSSIBLE,
                actual=part.value,
                expected=[Expected(part.usual)],
                message=f"The slider tick rate is {part.value} here and {part.usual} in {names(part.others)}.",
            )


# ---------------------------------------------------------------------------------------------------------------------
# Events


def _backgrounds(evidence: MapsetEvidence) -> Iterator[Placed]:
    events = {one.path: event for one in evidence.beatmaps if (event := background(one))}
    having = [one for one in evidence.beatmaps if one.path in events]
    for part in departures(having, [events[one.path].name.casefold() for one in having]):
        if len(part.beatmaps) == 1 and len(part.others) == len(having) - 1 >= 2:
            (beatmap,) = part.beatmaps
            line, name = events[beatmap.path].line, events[beatmap.path].name
            usual = events[part.others[0].path].name
            yield from evidence.candidate(
                BACKGROUND,
                beatmap,
                line=line,
                certainty=Certainty.POSSIBLE,
                actual=name,
                expected=[Expected(usual)],
                message=f'The background is "{name}" here and "{usual}" in {names(part.others)}.',
            )


def _videos(evidence: MapsetEvidence) -> Iterator[Placed]:
    events = {one.path: event for one in evidence.beatmaps if (event := video(one))}
    having = [one for one in evidence.beatmaps if one.path in events]
    by_name: dict[str, list[Beatmap]] = defaultdict(list)
    for one in having:
        by_name[events[one.path].name.casefold()].append(one)
    for group in by_name.values():
        for part in departures(group, [f"{events[one.path].start:g}" for one in group]):
            for beatmap in part.beatmaps:
                yield from evidence.candidate(
                    VIDEO,
                    beatmap,
                    line=events[beatmap.path].line,
                    certainty=Certainty.CERTAIN,
                    subject="start",
                    actual=f"{part.value} ms",
                    expected=[Expected(f"{part.usual} ms")],
                    message=f"The video starts at {part.value} ms here and at {part.usual} ms in {names(part.others)}.",
                )
    for mode in {one.mode for one in having}:
        of_mode = [one for one in evidence.beatmaps if one.mode is mode]
        for part in departures(of_mode, [events[one.path].name if one.path in events else "" for one in of_mode]):
            for beatmap in part.beatmaps:
                line = events[beatmap.path].line if beatmap.path in events else 1
                yield from evidence.candidate(
                    VIDEO,
                    beatmap,
                    line=line,
                    certainty=Certainty.LIKELY,
                    subject="file",
                    actual=part.value or "none",
                    expected=[Expected(part.usual or "none")],
                    message=f"The video is {quoted(part.value) if part.value else 'missing'} here and "
                    f"{quoted(part.usual) if part.usual else 'missing'} in {names(part.others)}.",
                )
    for part in departures(having, [events[one.path].name for one in having]):
        of_modes = {one.mode for one in part.others}
        for beatmap in (one for one in part.beatmaps if one.mode not in of_modes):
            yield from evidence.candidate(
                VIDEO,
                beatmap,
                line=events[beatmap.path].line,
                certainty=Certainty.LIKELY,
                subject="file",
                actual=part.value,
                expected=[Expected(part.usual)],
                message=f"The video is {quoted(part.value)} here and {quoted(part.usual)} in {names(part.others)} of another mode.",
            )


CHECK = MapsetCheck(
    "Consistency of the set", (METADATA, IDS, AUDIO, PREVIEW, SETTINGS, TICK_RATE, BACKGROUND, VIDEO), run
)
