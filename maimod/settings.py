"""What a user can ask of a lint; plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from maimod.findings import Severity

BUNDLED_MODEL = "maimod-mini"


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of :func:`maimod.lint`."""

    model: str | None = BUNDLED_MODEL
    """Bundled name or checkpoint folder; None leaves out the model's evidence."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    precision: str = "fp32"
    """fp32, bf16 (weights and activations) or amp (autocast)."""
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

    def selects(self, rule: str) -> bool:
        """Whether findings of `rule` are wanted."""
        selected = max((len(prefix) for prefix in self.select if rule.startswith(prefix)), default=-1 if self.select else 0)
        ignored = max((len(prefix) for prefix in self.ignore if rule.startswith(prefix)), default=-1)
        return selected > ignored if ignored >= 0 else selected >= 0
