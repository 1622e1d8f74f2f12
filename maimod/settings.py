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

    def selects(self, rule: str) -> bool:
        """Whether findings of `rule` are wanted."""
        selected = max((len(prefix) for prefix in self.select if rule.startswith(prefix)), default=-1 if self.select else 0)
        ignored = max((len(prefix) for prefix in self.ignore if rule.startswith(prefix)), default=-1)
        return selected > ignored if ignored >= 0 else selected >= 0
