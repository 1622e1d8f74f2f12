"""Checkpoint folders and Hugging Face ids: find, check, describe and load them.

A folder holds `config.json`, `tokenizer.json` and `model.safetensors` (or its numbered parts with an index);
sub-folders `gamemode=0` to `gamemode=3` may hold whole checkpoints for one mode each (docs/compat.md §1). Nothing here
can run code from a file: weights are safetensors, and pickles are refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from maimod.errors import NO_TORCH, CheckpointError
from maimod.families import lora, registry
from maimod.findings import ModelInfo
from maimod.osu.beatmap import Mode

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

    from maimod.families.family import Family, Model
    from maimod.families.network import Network
    from maimod.families.runner import Runner

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")
"""`owner/name`, with an optional `@revision`."""
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
GPU_MEGABYTES = 3_000
"""Of a GPU's memory for each process: weights in bfloat16, the largest batch, and CUDA itself (benchmarks/gpu.py)."""
PICKLES = ("pytorch_model.bin", "custom_checkpoint_0.pkl")


@dataclass(frozen=True, slots=True)
class Description:
    """Description of a checkpoint, read without loading it."""

    folder: Path
    family: str
    modes: tuple[Mode, ...]
    parameters: int
    bytes: int
    """Size of the weights."""
    vocabulary_in: int
    vocabulary_out: int
    window_ms: float
    contexts: tuple[str, ...]
    mappers: int
    descriptors: tuple[str, ...]
    is_calibrated: bool
    """Whether it has a `calibration.json`."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "folder": self.folder.as_posix(), "modes": [mode.label for mode in self.modes]}

    def to_text(self) -> str:
        """A few lines for a reader."""
        words = ", ".join(self.descriptors[:8]) + (
            f" and {len(self.descriptors) - 8} more" if len(self.descriptors) > 8 else ""
        )
        lines = [
            f"{self.folder}: {self.family}, {self.parameters / 1e6:,.1f} million parameters, {self.bytes / 1e6:,.0f} MB",
            f"scores {', '.join(mode.label for mode in self.modes)}, in windows of {self.window_ms / 1000:.1f} s",
            f"contexts {', '.join(self.contexts)}; {self.vocabulary_out:,} tokens, and {self.vocabulary_in - self.vocabulary_out:,} "
            "for facts about the map",
            f"mappers known: {self.mappers:,}" if self.mappers else "mappers known: none",
            f"descriptors known: {words}" if self.descriptors else "descriptors known: none",
            "calibrated: scores are measured probabilities"
            if self.is_calibrated
            else "not calibrated: scores follow the documented defaults; maimod calibrate measures them on your maps",
        ]
        return "\n  ".join(lines)


def find(name: str) -> Path:
    """The folder of a checkpoint given by its path or by its Hugging Face id, which is downloaded if it is not cached.

    Raises:
        CheckpointError: if there is no such folder, or the download fails.
    """
    return _find(name, "checkpoint", f"config.json, tokenizer.json and {WEIGHTS}", _is_whole)


def find_adapter(name: str) -> Path:
    """The same for a low-rank adapter.

    Raises:
        CheckpointError: if there is no such folder, or the download fails.
    """
    return _find(name, "adapter", f"{lora.CONFIG} and {lora.WEIGHTS}", lora.is_adapter)


def _find(name: str, what: str, files: str, is_whole: Callable[[Path], bool]) -> Path:
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise CheckpointError(f"{name}: a file; name the folder that holds {files}")
    if not HUB_ID.fullmatch(name):
        raise CheckpointError(f"{name}: no such {what} folder, and not a Hugging Face id like owner/name")
    return download(name, what, is_whole)


def download(name: str, what: str, is_whole: Callable[[Path], bool]) -> Path:
    """The cached snapshot of a Hugging Face repository, downloaded on first use with a progress bar on stderr.

    A complete snapshot is used without a connection.

    Args:
        name: `owner/name`, with an optional `@revision`.
        what: kind of checkpoint, for messages.
        is_whole: whether a folder holds all files.

    Raises:
        CheckpointError: if it is not cached and cannot be downloaded.
    """
    try:
        import huggingface_hub as hub
    except ModuleNotFoundError:
        raise CheckpointError(f"{name}: {NO_TORCH}") from None
    repository, _, revision = name.partition("@")
    wanted: dict[str, Any] = {
        "revision": revision or None,
        "allow_patterns": ["*.json", "*.safetensors", "gamemode=*/*.json", "gamemode=*/*.safetensors"],
    }
    try:
        cached = Path(hub.snapshot_download(repository, **wanted, local_files_only=True))
        if all(map(is_whole, [cached, *cached.glob("gamemode=*")])):
            return cached
    except Exception:  # not there, or only a part of it
        pass
    try:
        return Path(hub.snapshot_download(repository, **wanted))
    except Exception as error:  # errors of the hub, the network and the disk
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise CheckpointError(
            f"{name}: cannot be downloaded ({reason}); check the id and the connection, or give the path of a folder "
            f"that holds the {what}"
        ) from None


def _is_whole(folder: Path) -> bool:
    try:
        return (
            (folder / "config.json").exists()
            and (folder / "tokenizer.json").exists()
            and all(p.exists() for p in weight_files(folder))
        )
    except CheckpointError:
        return False


def for_mode(folder: Path, mode: Mode) -> Path:
    """The sub-folder of a game mode if the checkpoint has one, else the checkpoint itself."""
    own = folder / f"gamemode={int(mode)}"
    return own if own.is_dir() else folder


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint folder.

    Raises:
        CheckpointError: if there are none.
    """
    if (folder / WEIGHTS).exists():
        return [folder / WEIGHTS]
    if (folder / INDEX).exists():
        try:
            names = set(msgspec.convert(registry.read_json(folder / INDEX).get("weight_map"), dict[str, str]).values())
        except ValueError:  # also of letters that are no Unicode, which msgspec cannot name
            names = set()
        if not names or not all(re.fullmatch(r"\w[\w.-]{0,200}", name) for name in names):
            raise CheckpointError(f"{folder / INDEX}: does not name the files of the weights; download it again")
        missing = sorted(name for name in names if not (folder / name).exists())
        if missing:
            raise CheckpointError(
                f"{folder}: {missing[0]} is missing ({len(missing)} of {len(names)} parts of the weights are); "
                "download it again"
            )
        return [folder / name for name in sorted(names)]
    if any((folder / name).exists() for name in PICKLES):
        raise CheckpointError(
            f"{folder}: holds pickled weights ({PICKLES[0]}), which can run any code when they are opened; use the "
            f"checkpoint's {WEIGHTS}, or convert it with Mapperatorinator itself"
        )
    raise CheckpointError(f"{folder}: no {WEIGHTS} in this checkpoint folder")


def tensor_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a checkpoint's tensors.

    Raises:
        CheckpointError: if a file is damaged.
    """
    return {name: shape for name, (shape, _) in _heads(folder).items()}


def _heads(folder: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and type of each tensor, from the heads of the files."""
    from safetensors import safe_open

    found: dict[str, tuple[tuple[int, ...], str]] = {}
    for path in weight_files(folder):
        try:
            with safe_open(path, framework="numpy") as file:
                for name in file.keys():  # noqa: SIM118 (not a dict)
                    part = file.get_slice(name)
                    found[name] = tuple(part.get_shape()), part.get_dtype()
        except Exception as error:  # safetensors raises its own errors
            raise _damaged(path, error) from None
    return found


def _damaged(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(f"{path}: damaged ({' '.join(str(error).split())[:120]}); copy or download it again")


def describe(folder: Path) -> Description:
    """Describe a checkpoint folder, without torch and without reading the weights.

    Raises:
        CheckpointError: if something is missing, damaged or unknown.
    """
    family = registry.open_folder(folder)
    vocabulary = family.vocabulary
    files = weight_files(folder)
    shapes = tensor_shapes(folder)
    return Description(
        folder,
        family.name,
        tuple(sorted(vocabulary.modes)),
        sum(math.prod(shape) for shape in shapes.values()),
        sum(path.stat().st_size for path in files),
        vocabulary.size_in,
        vocabulary.size_out,
        family.config.window_ms,
        tuple(names[-1] for names in vocabulary.schema.contexts),
        len(vocabulary.mapper_index),
        tuple(vocabulary.descriptor_index),
        (folder / "calibration.json").exists(),
    )


def describe_all(folder: Path) -> list[Description]:
    """The checkpoint of a folder, and those for one game mode in its sub-folders.

    Raises:
        CheckpointError: as :func:`describe`.
    """
    parts = sorted({for_mode(folder, mode) for mode in Mode} - {folder})
    return [describe(part) for part in ([folder, *parts] if _is_whole(folder) or not parts else parts)]


# ---------------------------------------------------------------------------------------------------------------------
# Loading. torch is imported where it is needed.

Runtime = Literal["auto", "numpy", "torch"]
"""What runs a network: auto is numpy for the families that have it, on a CPU in fp32, and torch for all else."""


def load_model(
    folder: Path, device: str = "auto", precision: str = "auto", adapter: Path | None = None, runtime: Runtime = "auto"
) -> Model:
    """Load a checkpoint folder, ready to score.

    Args:
        folder: the checkpoint.
        device: cpu, cuda, cuda:N or mps; auto is the CPU for networks that run in numpy, else as
            :func:`resolve_device`.
        precision: fp32; bf16 (weights too); amp (weights fp32, bf16 arithmetic); int8 (large layers, on CPUs only); auto is
            bf16 on CUDA, fp32 elsewhere.
        adapter: folder of a low-rank adapter to merge into the weights.
        runtime: what runs it.

    Raises:
        CheckpointError: if it cannot be used, with the reason.
    """
    from maimod.families.family import Model

    family = _opened(folder, precision)
    if runtime == "auto":
        plain = device in ("auto", "cpu") and precision in ("auto", "fp32") and adapter is None
        runtime = "numpy" if plain and family.runs_in_numpy and _numpy_reads(folder) else "torch"
    if runtime == "numpy":
        return Model(_in_numpy(folder, family), family, ModelInfo(folder.name, family.name, "cpu", "fp32"))
    network, precision = _in_torch(folder, family, device, precision, adapter)
    runner = family.torch_runner(network, _torch().bfloat16 if precision == "amp" else None)
    return Model(runner, family, ModelInfo(folder.name, family.name, runner.device, precision))


def load_network(folder: Path, device: str = "auto", precision: str = "auto", adapter: Path | None = None) -> Network:
    """Load the network of a checkpoint in torch, to train it or to look at its weights; as :func:`load_model`."""
    return _in_torch(folder, _opened(folder, precision), device, precision, adapter)[0]


def _opened(folder: Path, precision: str) -> Family[Any]:
    if precision not in ("auto", "fp32", "bf16", "amp", "int8"):
        raise CheckpointError(f"precision {precision!r}: give auto, fp32, bf16, amp or int8")
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such checkpoint folder")
    return registry.open_folder(folder)


def _numpy_reads(folder: Path) -> bool:
    """Whether numpy has the types of the weights; it lacks bfloat16."""
    return "BF16" not in {dtype for _, dtype in _heads(folder).values()}


def _in_numpy(folder: Path, family: Family[Any]) -> Runner:
    from safetensors.numpy import load_file

    from maimod.families.operators import Weights

    tensors: dict[str, np.ndarray] = {}
    for path in weight_files(folder):
        try:
            tensors |= load_file(path)
        except Exception as error:  # safetensors raises its own errors
            raise _damaged(path, error) from None
    try:
        return family.numpy_runner(Weights(tensors))
    except ValueError as error:
        raise _not_of_one_checkpoint(folder, str(error)) from None


def _in_torch(
    folder: Path, family: Family[Any], device: str, precision: str, adapter: Path | None
) -> tuple[Network, str]:
    """A network, and its precision if that is "auto"."""
    torch = _torch()
    place = resolve_device(device)
    if precision == "auto":
        precision = "bf16" if place.type == "cuda" else "fp32"
    if precision == "int8" and place.type != "cpu":
        raise CheckpointError(f"precision 'int8' is for CPUs: give bf16 on {place}, or device=cpu")
    tensors = _weights(folder, family)
    if adapter is not None:
        lora.read(adapter).merge_into(tensors)
    state = family.rename(tensors)
    with torch.device("meta"):  # without random initialisation, which would take longer than reading the weights
        network = family.make_network()
    _fill(network, state, folder)
    state.clear()  # else nothing that is converted below would be freed before the end
    network.eval().to(place)
    if precision == "bf16":
        network.to_precision(torch.bfloat16)
    elif precision == "int8":
        from maimod.families import int8

        int8.convert(network, family.lora_modules)
    return network, precision


def _torch() -> ModuleType:
    """The package torch.

    Raises:
        CheckpointError: if it is not installed.
    """
    try:
        import torch
    except ModuleNotFoundError:
        raise CheckpointError(NO_TORCH) from None
    return torch


def _weights(folder: Path, family: Family[Any]) -> dict[str, Tensor]:
    """The tensors of a checkpoint's files, in float32 where they are real.

    A file is mapped, not read, so that processes share its memory. What the family joins is in a mapping of its own, which
    ends when the parts have been copied; one mapping for all would keep them.
    """
    from safetensors import safe_open

    state: dict[str, Tensor] = {}
    names = tensor_shapes(folder)
    for path in weight_files(folder):
        for joined in sorted({family.joins(name) for name in names}):
            try:
                with safe_open(path, framework="pt") as file:
                    wanted = [name for name in file.keys() if family.joins(name) == joined]  # noqa: SIM118 (not a dict)
                    for name in wanted:  # no tensor is kept in two precisions for longer than it takes to convert it
                        tensor = file.get_tensor(name)
                        state[name] = tensor.float() if tensor.is_floating_point() else tensor
            except Exception as error:  # safetensors raises its own errors
                raise _damaged(path, error) from None
    return state


def _fill(network: nn.Module, state: Mapping[str, Tensor], folder: Path) -> None:
    """Assign the weights to a network without weights; none may be missing or left over."""
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    for names, what in (
        (sorted(wanted.keys() - found.keys()), "missing"),
        (sorted(found.keys() - wanted.keys()), "not of this network"),
        (sorted(name for name in wanted.keys() & found.keys() if wanted[name] != found[name]), "of another shape"),
    ):
        if names:
            raise _not_of_one_checkpoint(folder, f"{len(names)} tensors are {what} (first: {names[0]})")
    network.load_state_dict(state, assign=True)


def _not_of_one_checkpoint(folder: Path, what: str) -> CheckpointError:
    return CheckpointError(f"{folder}: {what}; the weights and config.json are not of one checkpoint")


class Models:
    """A checkpoint for all game modes: one network, or a sub-folder for each mode that is loaded at the first map of
    the mode."""

    def __init__(
        self,
        folder: Path,
        device: str = "auto",
        precision: str = "auto",
        name: str = "",
        wrap: Callable[[Model], Model] | None = None,
        adapter: Path | None = None,
        adapter_name: str = "",
    ) -> None:
        """Load the checkpoint, or check all its sub-folders, so that an invalid one is refused at once.

        Args:
            folder: the checkpoint.
            device: as for :func:`load_model`.
            precision: as for :func:`load_model`.
            name: for reports; by default the name of the folder.
            wrap: changes what is loaded.
            adapter: folder of a low-rank adapter to merge into every network.
            adapter_name: for reports; by default the name of its folder.

        Raises:
            CheckpointError: if it cannot be used.
        """
        self.folder, self.device, self.precision, self.wrap = folder, device, precision, wrap
        self.adapter = adapter
        self._loaded: dict[Path, Model] = {}
        first = self._load(describe_all(folder)[0].folder)
        names = [name or folder.name, *([adapter_name or adapter.name] if adapter else [])]
        self.info = msgspec.structs.replace(first.info, id=" + ".join(names))

    def of(self, mode: Mode) -> Model | None:
        """The model for maps of `mode`; None if the checkpoint does not cover it."""
        folder = for_mode(self.folder, mode)
        if folder == self.folder and not _is_whole(folder):
            return None
        model = self._load(folder)
        return model if mode in model.vocabulary.modes else None

    def _load(self, folder: Path) -> Model:
        if folder not in self._loaded:
            model = load_model(folder, self.device, self.precision, self.adapter)
            self._loaded[folder] = self.wrap(model) if self.wrap else model
        return self._loaded[folder]


def processes_that_fit(device: str) -> int | None:
    """Processes with a network each that the free memory of a GPU is enough for, 1 at least; None on a CPU.

    Raises:
        CheckpointError: if the device is not available.
    """
    place, torch = resolve_device(device), _torch()
    if place.type == "cuda":
        free, _ = torch.cuda.mem_get_info(place)
        return max(1, int(free / 2**20 / GPU_MEGABYTES))
    return None if place.type == "cpu" else 1


def resolve_device(name: str) -> torch.device:
    """`auto` is CUDA, then MPS, then CPU.

    Raises:
        CheckpointError: if the requested device is not available.
    """
    torch = _torch()
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise CheckpointError(
            f"device {name!r} cannot be used ({str(error).splitlines()[0][:100]}); try device=cpu"
        ) from None
    return device
