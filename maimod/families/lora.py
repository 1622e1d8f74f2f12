"""Low-rank adapters in the layout of the `peft` library: read, merged into the weights of a checkpoint, and written.

An adapter is a folder with `adapter_config.json` and `adapter_model.safetensors`; its tensors are named after those of
the checkpoint's files, as Mapperatorinator's own training writes them. `peft` itself is not needed.
Source: Hu et al., 2021, arXiv:2106.09685; https://huggingface.co/docs/peft/developer_guides/checkpoint
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from maimod.errors import CheckpointError, short
from maimod.families.registry import read_json

if TYPE_CHECKING:
    from torch import Tensor

    from maimod.families.family import Family

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
_PART = re.compile(r"(?P<module>.+)\.lora_(?P<part>[AB])(\.default)?\.weight")


_Alpha = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]


class _Config(msgspec.Struct):
    """What is read of `adapter_config.json`; other keys are ignored."""

    peft_type: str = "LORA"
    use_dora: bool | None = None
    fan_in_fan_out: bool | None = None
    use_rslora: bool | None = None
    lora_alpha: _Alpha = 8.0
    alpha_pattern: dict[str, _Alpha] | None = None
    """Alphas by the end of a module's name, as a regular expression."""


class Adapter(msgspec.Struct, frozen=True):
    """Changes to some tensors of a checkpoint, by their names in its files."""

    folder: Path
    added: Mapping[str, Tensor]
    """Weight -> matrix to add."""
    replaced: Mapping[str, Tensor]
    """Tensors that were trained whole."""

    def merge_into(self, tensors: dict[str, Tensor]) -> None:
        """Change the tensors of a checkpoint in place.

        Raises:
            CheckpointError: if the adapter changes tensors that the checkpoint does not have, or of other shapes.
        """
        for name, change in [*self.added.items(), *self.replaced.items()]:
            if name not in tensors:
                raise CheckpointError(f"{self.folder}: not an adapter of this checkpoint, which has no {name}")
            old = tensors[name]
            if (change.shape[:1], change.numel()) != (old.shape[:1], old.numel()):
                raise CheckpointError(f"{self.folder}: not an adapter of this checkpoint: {name} has another shape")
            tensors[name] = old + change.reshape(old.shape) if name in self.added else change.reshape(old.shape)


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter."""
    return (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file()


def read(folder: Path) -> Adapter:
    """Read an adapter.

    Raises:
        CheckpointError: if there is none, if it is damaged, or of a kind that is not simply added to weights.
    """
    from safetensors.torch import load_file

    try:
        config = msgspec.convert(read_json(folder / CONFIG), _Config)
    except ValueError as error:  # also of letters that are no Unicode, which msgspec cannot name
        raise CheckpointError(f"{folder / CONFIG}: not a usable adapter ({short(error, 120)})") from None
    if config.peft_type != "LORA" or config.use_dora or config.fan_in_fan_out:
        raise CheckpointError(f"{folder / CONFIG}: only plain LoRA adapters can be used (peft_type LORA, no DoRA)")
    if not (folder / WEIGHTS).exists():
        raise CheckpointError(f"{folder}: no {WEIGHTS} in this adapter folder")
    try:
        stored = load_file(folder / WEIGHTS, device="cpu")
    except Exception as error:  # safetensors raises its own errors
        raise CheckpointError(f"{folder / WEIGHTS}: damaged ({' '.join(str(error).split())[:120]})") from None
    factors: dict[str, dict[str, Tensor]] = {}
    replaced: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        name = name.removeprefix(PREFIX)
        if found := _PART.fullmatch(name):
            factors.setdefault(found["module"], {})[found["part"]] = tensor.float()
        elif "lora_" in name:
            raise CheckpointError(f"{folder / WEIGHTS}: {name} belongs to a kind of adapter that cannot be used")
        else:
            replaced[name] = tensor.float()
    try:
        added = {
            f"{module}.weight": _scale(config, module, len(parts["A"]))
            * (parts["B"].flatten(1) @ parts["A"].flatten(1))
            for module, parts in factors.items()
        }
    except (KeyError, TypeError, ValueError, RuntimeError, ZeroDivisionError, IndexError, re.error) as error:
        reason = " ".join(str(error).split())[:120]
        raise CheckpointError(f"{folder}: not a usable adapter ({type(error).__name__}: {reason})") from None
    return Adapter(folder, added, replaced)


def _scale(config: _Config, module: str, rank: int) -> float:
    """Factor of the product of a module's two matrices."""
    patterns = config.alpha_pattern or {}
    alpha = next(
        (value for key, value in patterns.items() if re.fullmatch(rf"(.*\.)?({key.removeprefix('^')})", module)),
        config.lora_alpha,
    )
    return alpha / (math.sqrt(rank) if config.use_rslora else rank)


def write(folder: Path, tensors: Mapping[str, Tensor], family: Family[Any], rank: int, alpha: float, base: str) -> None:
    """Write an adapter that `peft` can load, and for a published checkpoint Mapperatorinator too.

    Args:
        folder: to write to; made if need be.
        tensors: "….lora_A.weight" (rank, inputs) and "….lora_B.weight" (outputs, rank) by the names of the network's
            layers, with or without those of peft's wrapper and adapter.
        family: of the checkpoint.
        rank: of all pairs.
        alpha: the product of a pair counts `alpha / rank` times.
        base: path or id of the checkpoint that the adapter belongs to.
    """
    from safetensors.torch import save_file

    own = {
        name.removeprefix(PREFIX).replace(".default.weight", ".weight"): tensor.detach().cpu().contiguous()
        for name, tensor in tensors.items()
    }
    published = family.publish_adapter(own)
    config = {
        "peft_type": "LORA",
        "task_type": None,
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": sorted({found["module"] for found in map(_PART.fullmatch, published) if found}),
        "inference_mode": True,
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file({PREFIX + name: tensor for name, tensor in published.items()}, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
