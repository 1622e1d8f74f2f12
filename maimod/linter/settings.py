"""Settings of a lint, each option declared once.

An annotation (:class:`Option`) holds everything that other modules need to know of a setting. The command line,
`maimod.toml` and its JSON schema are made from these declarations (:mod:`maimod.commands.config_file`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Flag, StrEnum, auto
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from maimod.findings import Finding, Severity, Tier

BUNDLED_MODEL = "maimod-mini"
CACHE_MEGABYTES = 512
"""Most MB of the cache, unless another limit is given."""
OFF: Literal["off"] = "off"
"""Instead of a severity: the rule is not reported."""
LevelName = Literal["easy", "normal", "hard", "insane", "expert"]

Value = TypeVar("Value")


class Where(Flag):
    """Where an option can be given."""

    CHECK = auto()
    """On the command line of `maimod check`."""
    SCORE = auto()
    """On the command line of `maimod score`."""
    FILE = auto()
    """In a configuration file."""


class Names(StrEnum):
    """Kind of file that the value of an option names.

    A configuration found beside the maps is not trusted: it may name only files inside its folder, and none to write. A
    file given with `--config` may name anything.
    """

    READ = "a file to read"
    WRITTEN = "a file or folder to write to"
    CHECKPOINT = "a bundled checkpoint, the folder of one, or an id to download it by"
    REPORT = "NAME, or NAME:FILE to write a report"


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """Declaration of an option; its name, type and default are those of the annotated field."""

    help: str
    where: Where = Where.CHECK | Where.FILE
    metavar: str | None = None
    """Name of the value in the help text."""
    spellings: tuple[str, ...] = ()
    """Further flags on the command line, besides the field's name with dashes."""
    key: str = ""
    """Key in a configuration file, if it is not the field's name with dashes."""
    least: float | None = None
    most: float | None = None
    """Bounds of a number, or of each number of a table, both inclusive."""
    pattern: str = ""
    """Regular expression that a text must match completely."""
    forms: str = ""
    """The same in words."""
    are_rules: bool = False
    """Whether its texts, or the keys of its table, are rules or prefixes of rules."""
    is_for_run: bool = False
    """Whether it has one value for the whole run, which a mapset's own configuration cannot change."""
    names: Names | None = None
    """Kind of files that its value names, if any."""


LISTED_SCORE = 0.2
"""Smallest score of a listed estimate. In osu! maps that no network has seen, judged without their songs, 2.0 places a minute have
0.15 or more, 1.5 have 0.2 and 1.1 have 0.25; of mistakes planted in such maps each step loses 2 to 3 in 100."""
LEAST_SCORE = 0.05
"""Smallest score of an estimate that is kept, and listed on demand."""


def is_faint(finding: Finding) -> bool:
    """Whether a finding is an estimate that is only listed on demand."""
    return finding.tier is Tier.ESTIMATED and finding.score < LISTED_SCORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Settings that can differ between difficulties."""

    select: Annotated[
        tuple[str, ...],
        Option(
            help="Rules to report, by prefix: rhythm,hitsounds/missing. Repeatable.", metavar="RULE", are_rules=True
        ),
    ] = ()
    """Empty means all."""
    ignore: Annotated[
        tuple[str, ...],
        Option(
            help="Rules to leave out; the longest matching prefix wins. Repeatable.", metavar="RULE", are_rules=True
        ),
    ] = ()
    """The longest matching prefix of select and ignore wins."""
    severities: Annotated[
        tuple[tuple[str, Severity | Literal["off"]], ...],
        Option(
            help="Severity of a rule's findings, by prefix, instead of their own; the longest prefix wins.",
            where=Where.FILE,
            key="severity",
            are_rules=True,
        ),
    ] = ()
    min_scores: Annotated[
        tuple[tuple[str, float], ...],
        Option(
            help="Score below which a rule's finding is not reported, by prefix; the longest prefix wins.",
            where=Where.FILE,
            key="min-score",
            least=0,
            most=1,
            are_rules=True,
        ),
    ] = ()
    level: Annotated[
        LevelName | None, Option(help="Level of every difficulty, instead of the one by its name, stars and settings.")
    ] = None
    """None: from the name and the star rating."""


@dataclass(frozen=True, slots=True)
class Override(Selection):
    """Settings for some difficulties."""

    pattern: Annotated[
        str, Option(help="Name of the difficulty with * and ?, in upper or lower case.", where=Where.FILE, key="name")
    ]


@dataclass(frozen=True, slots=True)
class Settings(Selection):
    """Options of :func:`maimod.lint`."""

    model: Annotated[
        str | None,
        Option(
            help="Bundled model, checkpoint folder or Hugging Face id.",
            where=Where.CHECK | Where.SCORE | Where.FILE,
            metavar="NAME|DIR|ID",
            spellings=("--model-path",),
            is_for_run=True,
            names=Names.CHECKPOINT,
        ),
    ] = BUNDLED_MODEL
    """None leaves out the model's evidence."""
    device: Annotated[
        str,
        Option(
            help="auto, cpu, cuda, cuda:N or mps; auto runs the bundled models on the CPU.",
            where=Where.CHECK | Where.SCORE | Where.FILE,
            metavar="DEVICE",
            pattern=r"auto|cpu|mps|cuda(:\d+)?",
            forms="auto, cpu, cuda, cuda:N, mps",
            is_for_run=True,
        ),
    ] = "auto"
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "amp", "int8"],
        Option(
            help="Arithmetic of the model; auto is bf16 on CUDA, fp32 elsewhere; int8 is for published checkpoints on CPUs.",
            where=Where.CHECK | Where.SCORE | Where.FILE,
            is_for_run=True,
        ),
    ] = "auto"
    """bf16 holds weights and activations in bfloat16, amp computes by autocast, int8 holds the large layers in 8 bits."""
    exact: Annotated[
        bool, Option(help="Use the original's windows, prompts and formulas; six times slower.", where=Where.SCORE)
    ] = False
    """Published checkpoints only."""
    difficulty: Annotated[
        float | None,
        Option(
            help="Star rating for the model, instead of the computed one.",
            where=Where.CHECK | Where.SCORE,
            metavar="STARS",
            least=0,
        ),
    ] = None
    mapper_id: Annotated[
        int | None,
        Option(
            help="Mapper for the model, if it knows mappers.",
            where=Where.CHECK | Where.SCORE | Where.FILE,
            metavar="USER",
        ),
    ] = None
    year: Annotated[
        int | None,
        Option(help="Year for the model.", where=Where.CHECK | Where.SCORE | Where.FILE, least=2007, most=2076),
    ] = None
    descriptors: Annotated[
        tuple[str, ...],
        Option(
            help="Style of the map, of the descriptors that the model knows. Repeatable.",
            where=Where.CHECK | Where.SCORE | Where.FILE,
            metavar="NAME",
        ),
    ] = ()
    audio_path: Annotated[
        Path | None,
        Option(
            help="Song to use instead of the one named in the map.",
            where=Where.CHECK | Where.SCORE,
            metavar="FILE",
            spellings=("--audio",),
        ),
    ] = None
    """For a single beatmap."""
    lora: Annotated[
        str | None,
        Option(
            help="Low-rank adapter to merge into the model's weights: a folder written by peft, or a Hugging Face id.",
            where=Where.CHECK | Where.SCORE | Where.FILE,
            metavar="DIR|ID",
            is_for_run=True,
            names=Names.CHECKPOINT,
        ),
    ] = None
    tier: Annotated[
        Literal["all", "exact"],
        Option(help="exact: only arithmetic, criteria and files; nothing that a model, the song or a habit suggests."),
    ] = "all"
    min_score: Annotated[
        float,
        Option(
            help=f"Smallest score of a listed estimate; {LEAST_SCORE} lists all there are. A file can set it for each rule.",
            where=Where.CHECK,
            metavar="SCORE",
            least=0,
            most=1,
        ),
    ] = LISTED_SCORE
    """For rules without a smallest score of their own."""
    overrides: Annotated[
        tuple[Override, ...],
        Option(help="Settings for some difficulties; later entries win.", where=Where.FILE, key="override"),
    ] = ()

    def selects(self, rule: str) -> bool:
        """Whether `rule` is selected."""
        selected = max(
            (len(prefix) for prefix in self.select if rule.startswith(prefix)), default=-1 if self.select else 0
        )
        ignored = max((len(prefix) for prefix in self.ignore if rule.startswith(prefix)), default=-1)
        return selected > ignored if ignored >= 0 else selected >= 0

    def turns_on(self, rule: str) -> bool:
        """Whether `rule` is selected and not off, by settings for one difficulty."""
        return self.selects(rule) and _longest(self.severities, rule) != OFF

    @property
    def rules_on(self) -> str:
        """A text that two settings share only if they turn on the same rules in every difficulty."""
        every = (self, *self.overrides)
        off = [[(prefix, severity == OFF) for prefix, severity in one.severities] for one in every]
        names = [one.pattern for one in self.overrides]
        is_plain = not any(is_off for of in off for _, is_off in of)
        return repr(([(one.select, one.ignore) for one in every], names, None if is_plain else off))

    def may_hide(self, rule: str, version: str) -> bool:
        """Whether findings of `rule` in a difficulty of this name may be missing from its report by these settings."""
        settings = self.of_difficulty(version)
        return (
            settings.tier != "all"
            or not settings.turns_on(rule)
            or (_longest(settings.min_scores, rule) or 0.0) > 0.0
            or settings.min_score > LISTED_SCORE
        )

    def of_difficulty(self, version: str) -> Settings:
        """The settings for a difficulty of this name, overrides applied."""
        settings = self
        for override in self.overrides:
            if fnmatchcase(version.casefold(), override.pattern.casefold()):
                settings = replace(
                    settings,
                    select=override.select or settings.select,
                    ignore=(*settings.ignore, *override.ignore),
                    severities=_overridden(settings.severities, override.severities),
                    min_scores=_overridden(settings.min_scores, override.min_scores),
                    level=override.level or settings.level,
                )
        return replace(settings, overrides=())

    def selected(self, findings: Iterable[Finding], version: str) -> tuple[tuple[Finding, ...], int]:
        """Selected findings of a difficulty, each with its configured severity, and how many estimates are too faint."""
        settings = self.of_difficulty(version)
        selected, fainter = [], 0
        for finding in findings:
            wanted = _longest(settings.severities, finding.rule)
            if wanted == OFF or not settings.selects(finding.rule):
                continue
            if settings.tier != "all" and finding.tier.value != settings.tier:
                continue
            least = _longest(settings.min_scores, finding.rule)
            if least is None:
                least = settings.min_score if finding.tier is Tier.ESTIMATED else 0.0
            if finding.score < least:
                fainter += finding.tier is Tier.ESTIMATED
                continue
            severity = finding.severity if wanted is None else Severity(wanted)
            selected.append(finding if severity is finding.severity else replace(finding, severity=severity))
        return tuple(selected), fainter

    def key(self, version: str) -> str:
        """A text that two settings share if they find and choose the same in a difficulty of this name."""
        return repr((self.without_selection, self.of_difficulty(version)))

    @property
    def without_selection(self) -> Settings:
        """The settings without those that only select findings."""
        levels = tuple(
            Override(override.pattern, level=override.level) for override in self.overrides if override.level
        )
        return replace(
            self,
            select=(),
            ignore=(),
            severities=(),
            min_scores=(),
            min_score=LISTED_SCORE,
            tier="all",
            overrides=levels,
        )


def _overridden(
    general: tuple[tuple[str, Value], ...], special: tuple[tuple[str, Value], ...]
) -> tuple[tuple[str, Value], ...]:
    """Merge two tables by prefix; a prefix in `special` replaces itself and all longer ones in `general`."""
    return (*(one for one in general if not any(one[0].startswith(prefix) for prefix, _ in special)), *special)


def _longest(by_prefix: Sequence[tuple[str, Value]], rule: str) -> Value | None:
    """The value of the longest prefix of `rule`, of equals the last."""
    matches = [(len(prefix), place) for place, (prefix, _) in enumerate(by_prefix) if rule.startswith(prefix)]
    return by_prefix[max(matches)[1]][1] if matches else None
