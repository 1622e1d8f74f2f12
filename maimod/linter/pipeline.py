"""The straight line from a beatmap to its report; everything else in maimod is a station on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import maimod
from maimod.audio import onsets
from maimod.audio.decode import AudioError
from maimod.discriminator import features
from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventError, EventSchema, EventScore
from maimod.events.vocabulary import Conditioning, VocabularyError
from maimod.families.errors import CheckpointError
from maimod.findings import BeatmapReport, Finding
from maimod.linter import cache as caching
from maimod.linter import song as songs
from maimod.linter.cache import Cache
from maimod.linter.deduplicate import fingerprint, fold, penalise_repetition
from maimod.linter.rescore import rescore_findings
from maimod.linter.settings import BUNDLED_MODEL, Settings
from maimod.linter.song import Song
from maimod.osu import level, mapset, parser
from maimod.osu.beatmap import Beatmap, HitObject
from maimod.osu.level import Level, star_rating
from maimod.osu.mapset import Mapset
from maimod.osu.parser import BeatmapError
from maimod.rules import BEATMAP_CHECKS, MAPSET_CHECKS
from maimod.rules.base import Context, MapsetContext
from maimod.rules.calibration import Calibration
from maimod.rules.rhythm_index import lag_of

if TYPE_CHECKING:
    from maimod.discriminator.network import Discriminator
    from maimod.families.checkpoint import Models
    from maimod.families.family import EncodedMap, Model

_PACKAGE = Path(maimod.__file__).parent
MODELS_FOLDER = next(
    (folder / "models" for folder in (_PACKAGE, _PACKAGE.parent) if (folder / "models").is_dir()), _PACKAGE / "models"
)
"""In the installed package, else in the checkout."""
PROOFREADER = "maimod-proofreader"
"""Folder of the network that reads in both directions."""


RULES_OF_SETS = frozenset(rule.id for check in MAPSET_CHECKS for rule in check.rules)


class UsageError(Exception):
    """The call cannot be carried out as given; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a lint is."""

    stage: str
    """What is being done."""
    beatmap: str
    done: float
    """Beatmaps, with fractions of the current one."""
    total: float


def model_folder(name: str) -> Path:
    """Folder of a bundled checkpoint, of one given by its path, or of a downloaded one.

    Raises:
        UsageError: if there is none.
    """
    from maimod.families import checkpoint

    bundled = MODELS_FOLDER / name
    if name == BUNDLED_MODEL or (bundled / checkpoint.WEIGHTS).exists():
        return bundled
    try:
        return checkpoint.find(name)
    except CheckpointError as error:
        raise UsageError(f"model {error} (bundled: {BUNDLED_MODEL})") from None


def checkpoint_folders(settings: Settings) -> list[Path]:
    """Folders of everything trained that judges, as the settings say.

    Raises:
        UsageError: if the model is not there.
    """
    return [] if settings.model is None else [model_folder(settings.model), MODELS_FOLDER / PROOFREADER]


def load_model(settings: Settings, wrap: Callable[[Model], Model] | None = None) -> Models:
    """Load the checkpoint that `settings` names; `wrap` changes each model that is loaded.

    Raises:
        UsageError: if it cannot be used.
    """
    from maimod.families import checkpoint

    assert settings.model is not None
    try:
        folder = model_folder(settings.model)
        name = (
            settings.model
            if checkpoint.HUB_ID.fullmatch(settings.model) and not Path(settings.model).is_dir()
            else folder.name
        )
        return checkpoint.Models(folder, settings.device, settings.precision, name, wrap)
    except CheckpointError as error:
        raise UsageError(str(error)) from None


def score_events(path: str | Path, settings: Settings) -> Iterator[dict[str, Any]]:
    """Score the events of a beatmap with the model alone.

    Yields:
        For each event in prompt order per context: context, index, time [ms], type, value, surprisal and entropy
            [bits], expected_type, expected_value, and `near`, the probability within the tolerance. Values are those of
            :class:`maimod.events.schema.Event`.

    Raises:
        UsageError: if the map, its song or the model cannot be used.
    """
    linter = Linter(settings, load_model(settings))
    try:
        loaded = parser.load(path)
        song_path = settings.audio_path or parser.find_audio(loaded)
        contexts = linter.score(loaded, linter.song(song_path) if song_path else None)
    except (BeatmapError, AudioError, EventError) as error:
        raise UsageError(str(error)) from None
    for context, scores in contexts.items():
        for index, score in enumerate(scores):
            event, likeliest = score.event, score.likeliest
            yield {
                "context": context,
                "index": index,
                "time": event.time,
                "type": event.kind.value,
                "value": event.value,
                "surprisal": round(score.surprisal, 5),
                "entropy": round(score.entropy, 5),
                "near": round(score.near, 6),
                "expected_type": likeliest.kind.value,
                "expected_value": likeliest.value,
            }


class Linter:
    """Lints beatmaps one after the other; keeps the model, and the song of the maps that share it."""

    def __init__(
        self, settings: Settings, model: Models | None, cache: Cache | None = None, question: str = ""
    ) -> None:
        """Make a linter.

        Args:
            settings: what is wanted.
            model: the model that `settings` names.
            cache: keeps the scores of each beatmap.
            question: digest of whatever else than beatmap and song decides about scores.
        """
        self.settings, self.model, self.cache, self.question = settings, model, cache, question
        self.failures = 0
        """What went wrong that should not have."""
        self.calibration = Calibration()
        if model is not None:
            try:
                self.calibration = Calibration.load(model.folder)
            except ValueError as error:
                raise UsageError(str(error)) from None
        self._asked: tuple[Beatmap, Model, EncodedMap] | None = None
        self._songs = lru_cache(maxsize=2)(self._song)

    def lint_mapset(
        self,
        files: Sequence[tuple[Path, str]],
        tell: Callable[[str, str, float], None] = lambda name, stage, done: None,
        analysed: Callable[[Analysis], None] | None = None,
    ) -> Iterator[BeatmapReport]:
        """Lint difficulties of one folder, one after the other, and how they go together with all that lie there.

        Beatmaps of the folder that are not among `files` are read and compared with, but neither scored nor reported.

        Args:
            files: `.osu` files of one folder, each with the name that its report gives it.
            tell: called now and then with the name of a file, what is being done and how many of the files are done.
            analysed: called with what each report was made of.

        Yields:
            One report for each file, in the order given; never raises for what is in a file.
        """
        try:
            sets = self.mapsets(files[0][0].parent)
        except Exception as error:  # each file by itself says more
            sets = []
            self.failed("reading the set", error)
        unset = (
            ()
            if sets or not self.is_collection(files[0][0].parent)
            else (f"the folder holds more than {mapset.MAX_BEATMAPS} difficulties: no mapset; they are not compared",)
        )
        asked = frozenset(path for path, _ in files)
        beatmaps = {beatmap.path: (beatmap, found) for found in sets for beatmap in found.beatmaps}
        of_sets: dict[Path, list[Finding]] = {}
        of_troubles: dict[Path, list[str]] = {}
        for found in sets:
            troubles: list[str] = (
                []
                if found.listed
                else [f"the folder holds more than {mapset.MAX_FILES:,} files: no mapset; files are not checked"]
            )
            for beatmap, finding in self.mapset_findings(found, asked, troubles):
                of_sets.setdefault(beatmap.path, []).append(finding)
            of_troubles |= dict.fromkeys((beatmap.path for beatmap in found.beatmaps), troubles)
        for number, (path, name) in enumerate(files):

            def tell_share(stage: str, share: float, number: int = number, name: str = name) -> None:
                tell(name, stage, number + share)

            tell_share("reading", 0.0)
            analysis = None
            try:
                if path in beatmaps:
                    beatmap, whole = beatmaps[path]
                    analysis = self.analyse(
                        beatmap, name, tell_share, whole, of_sets.get(path, ()), of_troubles.get(path, ())
                    )
                    report = analysis.report
                else:  # it could not be read, or is not called *.osu: this says which
                    report = self.lint_file(path, name, tell_share, analysed)
                    if unset and report.status != "error":
                        report = replace(report, status="partial", messages=(*report.messages, *unset))
            except UsageError:
                raise
            except Exception as error:
                report = BeatmapReport(name, "error", (f"{path}: {self.failed('the lint', error)}",))
            if analysed and analysis:
                analysed(analysis)
            yield report

    @staticmethod
    def is_collection(folder: Path) -> bool:
        """Whether a folder holds too many difficulties to be a mapset."""
        try:
            return len(mapset.beatmap_files(folder)) > mapset.MAX_BEATMAPS
        except OSError:
            return False

    @staticmethod
    def mapsets(folder: Path) -> list[Mapset]:
        """The mapsets of a folder: one, unless it is a collection of songs. None if it cannot be listed."""
        try:
            return mapset.load(folder)
        except OSError:
            return []

    def mapset_findings(
        self, whole: Mapset, asked: frozenset[Path], troubles: list[str] | None = None
    ) -> Iterator[tuple[Beatmap, Finding]]:
        """Findings about a whole set, each with the difficulty of `asked` in whose report it goes.

        A rule that fails is put into `troubles`; without that, its error is raised.
        """
        context = None
        for check in MAPSET_CHECKS:
            try:
                context = context or MapsetContext(
                    whole,
                    [
                        Context(
                            beatmap, calibration=self.calibration, level=self.level_of(beatmap, whole), mapset=whole
                        )
                        for beatmap in whole.beatmaps
                    ],
                    asked,
                )
                yield from check.run(context)
            except Exception as error:
                if troubles is None:
                    raise
                troubles.append(self.failed(check.title, error))

    def level_of(self, beatmap: Beatmap, whole: Mapset | None = None) -> Level | None:
        """How hard a difficulty is meant to be: as the settings say, else by its name and stars."""
        given = self.settings.of_difficulty(beatmap.metadata.get("Version", "")).level
        if given is not None:
            return level.parse(given)
        return whole.levels[beatmap.path] if whole else level.level_of(beatmap, star_rating(beatmap))

    def lint_file(
        self,
        path: Path,
        name: str,
        tell: Callable[[str, float], None] = lambda stage, share: None,
        analysed: Callable[[Analysis], None] | None = None,
    ) -> BeatmapReport:
        """Lint one `.osu` file by itself; never raises for what is in it."""
        tell("reading", 0.0)
        try:
            loaded = parser.load(path)
        except BeatmapError as error:
            return BeatmapReport(name, "error", (str(error),))
        analysis = self.analyse(loaded, name, tell)
        if analysed:
            analysed(analysis)
        return analysis.report

    def lint_beatmap(
        self, loaded: Beatmap, name: str, tell: Callable[[str, float], None] = lambda stage, share: None
    ) -> BeatmapReport:
        """Lint a beatmap that has been read."""
        return self.analyse(loaded, name, tell).report

    def analyse(
        self,
        loaded: Beatmap,
        name: str,
        tell: Callable[[str, float], None] = lambda stage, share: None,
        whole: Mapset | None = None,
        of_set: Sequence[Finding] = (),
        troubles: Sequence[str] = (),
    ) -> Analysis:
        """Lint a beatmap that has been read, and keep what its report was made of.

        Args:
            loaded: the beatmap.
            name: what the report calls it.
            tell: called now and then with what is being done and the share that is done.
            whole: the set it belongs to, if that is known.
            of_set: what was found about the set and goes into this report.
            troubles: what could not be checked about the set.
        """
        tell("decoding the song", 0.02)
        song_path = self.settings.audio_path or parser.find_audio(loaded)
        song, missing = self.find_song(loaded, song_path)
        missing += troubles

        tell("scoring", 0.1)
        scores: tuple[EventScore, ...] | None = None
        if self.model is not None:
            try:
                contexts = self.remembered_score(loaded, song, lambda share: tell("scoring", 0.1 + 0.8 * share))
                scores = tuple(score for context in contexts.values() for score in context)
            except EventError as error:
                missing.append(f"the model cannot judge this map ({error}); only arithmetic and the song speak")
            except UsageError:
                raise
            except Exception as error:  # a device that runs out of memory, for example
                missing.append(self.failed("the model", error))

        tell("detecting", 0.9)
        context = self.context(loaded, scores, song, whole)
        found: list[Finding] = []
        for check in BEATMAP_CHECKS:
            try:
                found += check.run(context)
            except Exception as error:
                missing.append(self.failed(check.title, error))
        found = [*of_set, *rescore_findings(found, context)]
        found = penalise_repetition(found, context)
        findings, unexplained = fold(found, context)
        metadata = loaded.metadata
        report = BeatmapReport(
            path=name,
            status="partial" if missing or loaded.messages else "ok",
            messages=(*loaded.messages, *missing, *self.notes()),
            title=metadata.get("Title", ""),
            artist=metadata.get("Artist", ""),
            creator=metadata.get("Creator", ""),
            version=metadata.get("Version", ""),
            mode=loaded.mode.label,
            audio=song_path.name if song_path and song else None,
            objects=len(loaded.hit_objects),
            drain_ms=round(loaded.drain_ms, 3),
            events=len(scores or ()),
            unexplained=unexplained,
            findings=self.settings.judge(
                (
                    replace(finding, id=fingerprint(loaded, finding, finding.rule in RULES_OF_SETS))
                    for finding in findings
                ),
                metadata.get("Version", ""),
            ),
        )
        judge = self.model.of(loaded.mode) if self.model and scores is not None else None
        return Analysis(
            report,
            context,
            song,
            judge.vocabulary.schema if judge else None,
            partial(self.position_posterior, loaded, song)
            if judge and judge.family.has_position_posterior
            else lambda hit_object: [],
        )

    def notes(self) -> tuple[str, ...]:
        """What holds of all reports of this linter."""
        if self.model is None or self.calibration.measured or self.proofreader is None:
            return ()
        name = self.settings.model
        return (
            f"the scores of {self.model.info.id} are not calibrated: maimod calibrate SONGS_DIR --model {name} does that",
        )

    def find_song(self, loaded: Beatmap, path: Path | None) -> tuple[Song | None, list[str]]:
        """The song, and what cannot be checked without the whole of it."""
        unheard = "offset, tempo and silence are not checked"
        if path is None:
            wanted = (
                f"{loaded.audio_filename!r} is not beside the map"
                if loaded.audio_filename
                else "no AudioFilename in [General]"
            )
            return None, [f"no song ({wanted}): {unheard}"]
        try:
            song = self.song(path)
        except AudioError as error:
            return None, [f"{error}: {unheard}"]
        return song, list(song.audio.messages)

    def context(
        self, loaded: Beatmap, scores: tuple[EventScore, ...] | None, song: Song | None, whole: Mapset | None = None
    ) -> Context:
        """Bring the evidence together for the detectors."""
        times = np.unique([o.time + loaded.audio_offset for o in loaded.hit_objects])
        alignment = onsets.alignment(song.envelope, times) if song else None
        corruption = self.corruption(loaded, song, alignment, whole) if self.model is not None else None
        return Context(
            loaded,
            scores,
            song.envelope if song else None,
            alignment,
            self.calibration,
            self.level_of(loaded, whole),
            whole,
            corruption,
        )

    def corruption(
        self, loaded: Beatmap, song: Song | None, alignment: onsets.Alignment | None, whole: Mapset | None
    ) -> CorruptionLogits | None:
        """What the proofreader thinks was changed; None if there is none, or if the map is too long or empty."""
        grid = features.grid_of(loaded)
        if self.proofreader is None or grid is None:
            return None
        from maimod.discriminator.network import corruption_logits

        siblings = (
            features.other_difficulties(loaded, [b for b in whole.beatmaps if b.path != loaded.path]) if whole else []
        )
        around = features.context_features(
            loaded, grid, song.bands if song else None, song.envelope if song else None, lag_of(alignment), siblings
        )
        network, kinds = self.proofreader
        return CorruptionLogits(grid, kinds, corruption_logits(network, features.map_features(loaded, around)))

    @cached_property
    def proofreader(self) -> tuple[Discriminator, tuple[str, ...]] | None:
        """The bundled proofreader and what it knows; None if it is not there.

        Raises:
            UsageError: if it is there but cannot be used.
        """
        folder = MODELS_FOLDER / PROOFREADER
        if not (folder / "model.safetensors").exists():
            return None
        from maimod.discriminator import network as network_module
        from maimod.families.checkpoint import resolve_device

        try:
            return network_module.load(folder, str(resolve_device(self.settings.device)))
        except network_module.DiscriminatorError as error:
            raise UsageError(str(error)) from None

    def score(
        self, loaded: Beatmap, song: Song | None, tell: Callable[[float], None] | None = None
    ) -> dict[str, tuple[EventScore, ...]]:
        """What the model thinks of each event, by context.

        Raises:
            EventError: if the checkpoint cannot judge this map.
            UsageError: if the user's settings name something that the checkpoint does not know.
        """
        from maimod.families import scoring

        return scoring.score(*self.read(loaded, song), self.settings.exact, tell)

    def read(self, loaded: Beatmap, song: Song | None) -> tuple[Model, EncodedMap]:
        """The model for a map, and the map as it reads it; raises as :meth:`score`."""
        assert self.model is not None
        try:
            model = self.model.of(loaded.mode)
            if model is None:
                raise EventError(f"{self.model.info.id} does not cover {loaded.mode.label}")
            if model.family.needs_song and song is None:
                raise EventError(f"{self.model.info.id} judges by the song")
            settings = self.settings
            stars = star_rating(loaded) if settings.difficulty is None else settings.difficulty
            conditioning = Conditioning(stars, settings.mapper_id, settings.year, settings.descriptors)
            audio = song.model_input(model.family) if song else None
            return model, model.family.encode(loaded, audio, conditioning, settings.exact)
        except (VocabularyError, CheckpointError) as error:
            raise UsageError(str(error)) from None

    def position_posterior(
        self, loaded: Beatmap, song: Song | None, hit_object: HitObject
    ) -> list[tuple[float, float, float]]:
        """(x, y, probability) of the places where the model would put an object; none for models that do not say."""
        if self._asked is None or self._asked[0] is not loaded:
            self._asked = loaded, *self.read(loaded, song)
        _, model, encoded = self._asked
        return encoded.position_posterior(model.network, hit_object)

    def remembered_score(
        self, loaded: Beatmap, song: Song | None, tell: Callable[[float], None]
    ) -> dict[str, tuple[EventScore, ...]]:
        """Like :meth:`score`, from the cache if it was done before."""
        if self.cache is None:
            return self.score(loaded, song, tell)
        try:
            content = loaded.path.read_bytes()
            heard = caching.of_file(song.audio.path) if song and song.audio.path else None
        except OSError:
            return self.score(loaded, song, tell)
        key = caching.digest("scores", self.question, content, heard)
        stored = self.cache.get(key)
        if stored is not None:
            try:
                return caching.unpack_scores(stored, loaded)
            except ValueError:
                pass
        contexts = self.score(loaded, song, tell)
        self.cache.put(key, caching.pack_scores(contexts))
        return contexts

    def failed(self, what: str, error: Exception) -> str:
        """One line for a report: a mistake of ours costs a map some findings, and never the run. Such a report is not
        kept."""
        if os.environ.get("MAIMOD_DEBUG"):
            raise error
        self.failures += 1
        return f"error: {what} failed here (a bug, {type(error).__name__}: {' '.join(str(error).split())[:200]}); its findings are missing"

    def song(self, path: Path) -> Song:
        """The song of a file, decoded once for the beatmaps that share it.

        Raises:
            AudioError: if it is none.
        """
        try:
            state = path.stat()
        except OSError as error:
            raise AudioError(path, f"cannot be read ({error.strerror or error})") from None
        return self._songs(path, state.st_mtime_ns, state.st_size)

    @staticmethod
    def _song(path: Path, changed: int, size: int) -> Song:
        return songs.load(path)


@dataclass(frozen=True)
class Analysis:
    """The report of one beatmap and everything it was made of: what pictures of the evidence are drawn from."""

    report: BeatmapReport
    context: Context
    """The beatmap, the score of each event, the onsets of the song and how they lie against the map."""
    song: Song | None
    """None without audio."""
    schema: EventSchema | None
    """Of the scored events; None without a model."""
    position_posterior: Callable[[HitObject], list[tuple[float, float, float]]] = lambda hit_object: []
    """Asks the model for (x, y, probability) of the places where it would put an object; takes about half a second."""

    @property
    def beatmap(self) -> Beatmap:
        """As it was read."""
        return self.context.beatmap
