"""Gather the evidence about one map: decode its song, score its events, compare it with its set.

All reading, network evaluation and caching happen here. If a part is missing, the report gets a message, and the rules
use the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from maimod.audio import onsets
from maimod.discriminator import features
from maimod.discriminator.context import context_features, other_difficulties
from maimod.discriminator.prediction import CorruptionLogits
from maimod.errors import AudioError, BeatmapError, CheckpointError, UsageError, short
from maimod.events.schema import EventScore
from maimod.events.vocabulary import Conditioning
from maimod.linter import cache as caching
from maimod.linter import song as songs
from maimod.linter.bugs import bug
from maimod.linter.cache import Cache, KeptScores
from maimod.linter.calibration import Calibration
from maimod.linter.models import Networks
from maimod.linter.progress import SCORING, Progress, Steps
from maimod.linter.settings import Settings
from maimod.linter.song import Song
from maimod.osu import level, mapset, parser
from maimod.osu.beatmap import Beatmap
from maimod.osu.folder import Folder, read_file
from maimod.osu.level import Level, star_rating
from maimod.osu.mapset import Mapset
from maimod.rules.evidence import Evidence, MapsetEvidence
from maimod.rules.rhythm_index import lag_of

if TYPE_CHECKING:
    from maimod.families.family import EncodedMap, Model

SCORED_FROM, SCORED_TO = 0.1, 0.9
"""Shares of the work on a map before and after scoring."""
MAX_SCORED_OBJECTS = 30_000
"""Twice those of the longest ranked marathons, which take the bundled model a minute and a half on one core."""
SONGS_KEPT = 2
"""Most songs kept. Difficulties of a set mostly share one; a minute takes 4 MB."""

Scores = dict[str, tuple[EventScore, ...]]
"""Scores of every event of a map, by the name of the context."""


class Songs:
    """Decoded songs, each kept for the difficulties that share it."""

    def __init__(self) -> None:
        self._loaded: Callable[[Path, int, int], Song] = lru_cache(SONGS_KEPT)(
            lambda path, changed, size: songs.load(path)
        )

    def load(self, path: Path) -> Song:
        """The song of a file, decoded again only if the file has changed.

        Raises:
            AudioError: if it cannot be read or decoded.
        """
        try:
            state = path.stat()
        except OSError as error:
            raise AudioError(path, f"cannot be read ({error.strerror or error})") from None
        return self._loaded(path, state.st_mtime_ns, state.st_size)


class Resources(msgspec.Struct, frozen=True):
    """Resources that stay loaded from map to map."""

    networks: Networks = msgspec.field(default_factory=Networks)
    songs: Songs = msgspec.field(default_factory=Songs)
    cache: Cache | None = None
    """Cache for the scores of each beatmap."""
    setup_digest: str = ""
    """Digest of everything besides beatmap and song that scores depend on; a part of their cache key."""


class Gathered(msgspec.Struct, frozen=True):
    """The evidence about one map, and messages on missing parts."""

    evidence: Evidence
    song: Song | None = None
    """The song, for pictures and clips; None without audio."""
    calibration: Calibration = msgspec.field(default_factory=Calibration)
    """Of the model that scored the events."""
    missing: tuple[str, ...] = ()
    """One line for each part that cannot be checked, with the reason."""
    notes: tuple[str, ...] = ()
    """Further notes for the report."""
    failed: bool = False
    """Whether something failed that may work next time; the report is then not cached."""


def gather(
    beatmap: Beatmap, name: str, settings: Settings, resources: Resources, whole: Mapset | None = None
) -> Steps[Gathered]:
    """Gather the evidence about one map.

    Args:
        beatmap: as parsed.
        name: path in the report.
        settings: may replace the map's song and conditioning.
        resources: networks, songs and cache.
        whole: the set of the map; None for a map alone.

    Yields:
        Progress of one beatmap.

    Raises:
        UsageError: if the settings name something that the model does not know.
    """
    yield Progress("decoding the song", name, 0.02)
    song, missing = find_song(beatmap, settings, resources.songs)
    failed = False

    yield Progress(SCORING, name, SCORED_FROM)
    scores: tuple[EventScore, ...] | None = None
    if resources.networks.models is not None:
        try:
            contexts = yield from _progress(_remembered_scores(beatmap, song, settings, resources), name)
            scores = tuple(score for context in contexts.values() for score in context)
        except BeatmapError as error:
            missing.append(f"the model cannot score this map ({error.reason}); it is checked without the model")
        except (UsageError, CheckpointError):
            raise
        except Exception as error:  # a device that runs out of memory, for example
            missing.append(bug("the model", error))
            failed = True

    yield Progress("detecting", name, SCORED_TO)
    networks = resources.networks
    times = np.array(sorted({o.time for o in beatmap.hit_objects}))
    alignment = onsets.alignment(song.envelope, times) if song else None
    corruption = None
    try:
        corruption = corruption_logits(beatmap, song, alignment, whole, networks)
    except Exception as error:
        missing.append(bug("the discriminator", error))
        failed = True
    model = networks.models.of(beatmap.mode) if networks.models and scores is not None else None
    evidence = Evidence(
        beatmap,
        scores=scores,
        envelope=song.envelope if song else None,
        alignment=alignment,
        level=level_of(beatmap, settings, whole),
        mapset=whole,
        corruption=corruption,
        schema=model.vocabulary.schema if model else None,
        level_guessed=is_guess(beatmap, settings, whole),
        slip_model=networks.slips,
        bands=song.bands if song and corruption is not None else None,
    )
    return Gathered(
        evidence,
        song=song,
        calibration=networks.calibration,
        missing=tuple(missing),
        notes=_notes(settings, networks),
        failed=failed,
    )


def gather_mapset(whole: Mapset, reported: frozenset[Path], settings: Settings) -> MapsetEvidence:
    """The evidence about a whole set; `reported` are the paths of the difficulties that get a report, empty for all."""
    of_beatmaps = [evidence_without_song(beatmap, settings, whole) for beatmap in whole.beatmaps]
    return MapsetEvidence(whole, of_beatmaps, reported)


def evidence_without_song(beatmap: Beatmap, settings: Settings, whole: Mapset | None) -> Evidence:
    """The evidence that a map and its set give by themselves, without model and song."""
    return Evidence(
        beatmap,
        level=level_of(beatmap, settings, whole),
        mapset=whole,
        level_guessed=is_guess(beatmap, settings, whole),
    )


def read_sets(folder: Path) -> tuple[list[Mapset], tuple[str, ...]]:
    """The mapsets of a folder (one, unless it is a collection), and messages if there are none.

    A folder that cannot be listed has neither; the errors of the requested files are more specific.
    """
    try:
        return mapset.load(folder), ()
    except mapset.TooLarge as error:
        return [], (f"{error}: no mapset; they are not compared",)


def level_of(beatmap: Beatmap, settings: Settings, whole: Mapset | None = None) -> Level | None:
    """Level of a difficulty as given, else by its name, stars and settings."""
    given = settings.of_difficulty(beatmap.metadata.get("Version", "")).level
    if given is not None:
        return level.parse_level(given)
    return whole.levels[beatmap.path] if whole else level.level_of(beatmap, star_rating(beatmap))


def is_guess(beatmap: Beatmap, settings: Settings, whole: Mapset | None) -> bool:
    """Whether the level is a guess by stars and settings."""
    if settings.of_difficulty(beatmap.version).level is not None:
        return False
    named = level.named_level(beatmap.version)
    return named is None or named is not level_of(beatmap, settings, whole)


# ---------------------------------------------------------------------------------------------------------------------
# The song


def find_song(beatmap: Beatmap, settings: Settings, loaded: Songs) -> tuple[Song | None, list[str]]:
    """The song of a map, and messages on checks that need a complete song."""
    unheard = "offset, tempo and silence are not checked"
    # Who names a song on the command line may name a link to it.
    path = settings.audio_path.resolve() if settings.audio_path else parser.find_audio(beatmap)
    if path is None:
        name = beatmap.audio_filename
        wanted = (
            f'"{short(name)}" {Folder(beatmap.path.parent).why_not(name)}' if name else "no AudioFilename in [General]"
        )
        return None, [f"no song ({wanted}): {unheard}"]
    try:
        song = loaded.load(path)
    except AudioError as error:
        return None, [f"no song ({error.path.name}: {error.reason.rstrip('.')}): {unheard}"]
    return song, list(song.audio.messages)


# ---------------------------------------------------------------------------------------------------------------------
# The networks


def encode(beatmap: Beatmap, song: Song | None, settings: Settings, networks: Networks) -> tuple[Model, EncodedMap]:
    """The model for a map, and the map encoded for it.

    Raises:
        BeatmapError: if the model cannot score this map.
        UsageError: if the settings name something that the model does not know.
    """
    assert networks.models is not None
    model = networks.models.of(beatmap.mode)
    if model is None:
        raise BeatmapError(beatmap.path, None, f"{networks.models.info.id} does not cover {beatmap.mode.label}")
    if model.family.needs_song and song is None:
        raise BeatmapError(beatmap.path, None, f"{networks.models.info.id} needs the song")
    if len(beatmap.hit_objects) > MAX_SCORED_OBJECTS:
        raise BeatmapError(beatmap.path, None, f"more than {MAX_SCORED_OBJECTS:,} hit objects")
    stars = star_rating(beatmap) if settings.difficulty is None else settings.difficulty
    conditioning = Conditioning(stars, settings.mapper_id, settings.year, settings.descriptors)
    audio = song.model_input(model.family) if song else None
    return model, model.family.encode(beatmap, audio, conditioning, settings.exact)


def score(
    beatmap: Beatmap, song: Song | None, settings: Settings, networks: Networks
) -> Generator[float, None, Scores]:
    """Score each event with the model.

    Yields:
        The share that is done.

    Raises:
        BeatmapError: if the model cannot score this map.
        UsageError: if the settings name something that the model does not know.
    """
    from maimod.families import scoring

    return (yield from scoring.score_in_steps(*encode(beatmap, song, settings, networks), settings.exact))


def _remembered_scores(
    beatmap: Beatmap, song: Song | None, settings: Settings, resources: Resources
) -> Generator[float, None, Scores]:
    """As :func:`score`, with the cache."""
    key = _score_key(beatmap, song, resources) if resources.cache else None
    kept = resources.cache.get(key, KeptScores) if resources.cache and key else None
    known = kept.among(beatmap) if kept else None
    if known is not None:
        return known
    contexts = yield from score(beatmap, song, settings, resources.networks)
    if resources.cache and key:
        resources.cache.put(key, KeptScores.of(contexts))
    return contexts


def _score_key(beatmap: Beatmap, song: Song | None, resources: Resources) -> str | None:
    try:
        content = read_file(beatmap.path)
        heard = caching.of_file(song.audio.path) if song and song.audio.path else None
    except OSError:
        return None
    return caching.digest("scores", resources.setup_digest, content, heard)


def _progress(shares: Generator[float, None, Scores], name: str) -> Steps[Scores]:
    """Scoring with the progress of one map."""
    while True:
        try:
            share = next(shares)
        except StopIteration as end:
            return end.value
        yield Progress(SCORING, name, SCORED_FROM + (SCORED_TO - SCORED_FROM) * share)


def corruption_logits(
    beatmap: Beatmap, song: Song | None, alignment: onsets.Alignment | None, whole: Mapset | None, networks: Networks
) -> CorruptionLogits | None:
    """Output of the discriminator; None without one, or if the map is too long or empty."""
    grid = features.grid_of(beatmap)
    if networks.discriminator is None or grid is None:
        return None
    from maimod.discriminator import runner

    siblings = other_difficulties(beatmap, [b for b in whole.beatmaps if b.path != beatmap.path]) if whole else []
    around = context_features(
        beatmap, grid, song.bands if song else None, song.envelope if song else None, lag_of(alignment), siblings
    )
    logits = runner.corruption_logits(networks.discriminator, features.map_features(beatmap, around))
    return CorruptionLogits(grid, networks.kinds, logits)


def _notes(settings: Settings, networks: Networks) -> tuple[str, ...]:
    if networks.models is None or networks.calibration.judge is not None or networks.discriminator is None:
        return ()
    return (
        f"the scores of {networks.models.info.id} are not calibrated: run maimod calibrate SONGS_DIR --model "
        f"{settings.model}",
    )
