"""What a user can ask of a lint; plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, TypeVar

from maimod.findings import Finding, Severity

BUNDLED_MODEL = "maimod-mini"
OFF: Literal["off"] = "off"
"""In place of a severity: the rule is not reported."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Override:
    """Other wishes for some difficulties, by name."""

    pattern: str
    """Of the difficulty's name: `*` and `?` as in file names, whatever the case of letters."""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severities: tuple[tuple[str, Severity | Literal["off"]], ...] = ()
    min_scores: tuple[tuple[str, float], ...] = ()
    level: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of :func:`maimod.lint`."""

    model: str | None = BUNDLED_MODEL
    """Bundled name, checkpoint folder or Hugging Face id; None leaves out the model's evidence."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    precision: str = "auto"
    """fp32, bf16 (weights and activations), amp (autocast), or auto: bf16 on CUDA, fp32 elsewhere."""
    exact: bool = False
    """Published checkpoints only: the original's windows, prompts and formulas, at six times the work."""
    difficulty: float | None = None
    """Star rating to tell the model in place of the computed one."""
    mapper_id: int | None = None
    """User id of the mapper to tell the model, for checkpoints that know mappers."""
    year: int | None = None
    """Year to tell the model."""
    descriptors: tuple[str, ...] = ()
    """Words for the kind of map to tell the model, of those that the checkpoint knows."""
    audio_path: Path | None = None
    """Song to use in place of the one the map names; for a single beatmap."""
    select: tuple[str, ...] = ()
    """Rule prefixes to report; empty means all."""
    ignore: tuple[str, ...] = ()
    """Rule prefixes to leave out; the longest matching prefix of select and ignore wins."""
    min_severity: Severity = Severity.MINOR
    """Report nothing milder."""
    level: str | None = None
    """easy, normal, hard, insane or expert: what every difficulty is taken for; None goes by its name and stars."""
    severities: tuple[tuple[str, Severity | Literal["off"]], ...] = ()
    """Severity of the findings of a rule, by prefix, in place of its own; the longest prefix wins."""
    min_scores: tuple[tuple[str, float], ...] = ()
    """Score below which a finding is not reported, by prefix; the longest prefix wins."""
    overrides: tuple[Override, ...] = field(default=())
    """What is different for some difficulties; later ones win."""

    def selects(self, rule: str) -> bool:
        """Whether findings of `rule` are wanted."""
        selected = max(
            (len(prefix) for prefix in self.select if rule.startswith(prefix)), default=-1 if self.select else 0
        )
        ignored = max((len(prefix) for prefix in self.ignore if rule.startswith(prefix)), default=-1)
        return selected > ignored if ignored >= 0 else selected >= 0

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

    def judge(self, findings: Iterable[Finding], version: str) -> tuple[Finding, ...]:
        """The findings of a difficulty that are wanted, each with the severity that is wanted for it."""
        settings = self.of_difficulty(version)
        judged = []
        for finding in findings:
            wanted = _longest(settings.severities, finding.rule)
            least = _longest(settings.min_scores, finding.rule)
            if wanted == OFF or not settings.selects(finding.rule) or (least is not None and finding.score < least):
                continue
            severity = finding.severity if wanted is None else Severity(wanted)
            if severity.rank <= settings.min_severity.rank:
                judged.append(finding if severity is finding.severity else replace(finding, severity=severity))
        return tuple(judged)

    @property
    def unjudged(self) -> Settings:
        """Only what decides what is found, without what decides which of it is wanted."""
        levels = tuple(
            Override(override.pattern, level=override.level) for override in self.overrides if override.level
        )
        return replace(
            self, select=(), ignore=(), min_severity=Severity.MINOR, severities=(), min_scores=(), overrides=levels
        )


def _overridden(
    general: tuple[tuple[str, Value], ...], special: tuple[tuple[str, Value], ...]
) -> tuple[tuple[str, Value], ...]:
    """Both, without what of the general the special speaks of: "rhythm" of an override beats "rhythm/unsnapped" of all."""
    return (*(one for one in general if not any(one[0].startswith(prefix) for prefix, _ in special)), *special)


def _longest(by_prefix: Sequence[tuple[str, Value]], rule: str) -> Value | None:
    """The value of the longest prefix of `rule`, of equals the last."""
    matches = [(len(prefix), place) for place, (prefix, _) in enumerate(by_prefix) if rule.startswith(prefix)]
    return by_prefix[max(matches)[1]][1] if matches else None
