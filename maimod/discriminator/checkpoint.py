"""The folder of a discriminator: `config.json` and `model.safetensors`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from maimod.discriminator.features import N_CONTEXT, NUMBERS, REACH
from maimod.errors import CheckpointError, short

WEIGHTS = "model.safetensors"
COVERED = ("starts", "kind", "combo", "additions", "normal_set")
"""Categories that the network can fill in where a slot is masked."""
UNUSABLE = (OSError, ValueError, KeyError, TypeError, OverflowError, ZeroDivisionError, RuntimeError)
"""What reading a folder can raise; :func:`unusable` gives the reason in one line."""


@dataclass(frozen=True, slots=True)
class DiscriminatorConfig:
    """Shape of the network; `config.json` of its folder."""

    n_kinds: int
    d_model: int = 128
    layers: int = 6
    heads: int = 4
    feed_forward: int = 320
    n_numbers: int = len(NUMBERS)
    n_surroundings: int = N_CONTEXT
    """Context features; `surroundings` is their name in the checkpoints."""
    reach: int = REACH

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DiscriminatorConfig:
        """Take the known fields of a parsed `config.json`.

        Raises:
            ValueError: if one is missing or of another type.
        """
        return msgspec.convert(values, cls)


def read_config(folder: Path) -> tuple[DiscriminatorConfig, tuple[str, ...]]:
    """Shape of the network, and the names of the kinds of change it predicts.

    Raises:
        some of `UNUSABLE`.
    """
    stored = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kinds = tuple(str(kind) for kind in stored["kinds"])
    config = DiscriminatorConfig.from_dict({**stored, "n_kinds": len(kinds)})
    if (config.n_numbers, config.n_surroundings) != (len(NUMBERS), N_CONTEXT):
        raise ValueError("made for other features; train it again")
    return config, kinds


def unusable(folder: Path, error: Exception) -> CheckpointError:
    """The error that a user sees."""
    return CheckpointError(f"{folder}: not a usable proofreader ({short(' '.join(str(error).split()), 200)})")
