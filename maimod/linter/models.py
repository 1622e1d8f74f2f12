"""Find and load the trained files: generator, discriminator and calibration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import maimod
from maimod.errors import CheckpointError
from maimod.features import slip_model
from maimod.features.slip_model import SlipModel
from maimod.findings import ModelInfo
from maimod.linter.calibration import Calibration
from maimod.linter.settings import BUNDLED_MODEL, Settings
from maimod.osu.beatmap import Mode

if TYPE_CHECKING:
    from maimod.discriminator.runner import Runner
    from maimod.families.checkpoint import Models
    from maimod.families.family import Model

_PACKAGE = Path(maimod.__file__).parent
MODELS_FOLDER = next(
    (folder / "models" for folder in (_PACKAGE, _PACKAGE.parent) if (folder / "models").is_dir()), _PACKAGE / "models"
)
"""Folder of the bundled models: in the installed package, else in the checkout."""
PROOFREADER = "maimod-proofreader"
"""Folder of the discriminator, the network that reads a map in both directions."""
MANY = 1 << 20
"""Stands for no limit on the number of processes."""
SLIPS = "maimod-slips"
"""Folder of the model of slips, which is used without the networks too."""


class Networks(msgspec.Struct, frozen=True):
    """The loaded networks, none of them without a model, and the model of slips."""

    models: Models | None = None
    """Generators by game mode."""
    discriminator: Runner | None = None
    kinds: tuple[str, ...] = ()
    """Kinds of corruption that the discriminator knows, in the order of its outputs."""
    calibration: Calibration = msgspec.field(default_factory=Calibration)
    slips: SlipModel | None = None

    @property
    def info(self) -> ModelInfo | None:
        """Description of the model for reports."""
        return self.models.info if self.models else None


def model_folder(name: str) -> Path:
    """Folder of a bundled checkpoint, of one given by its path, or of a downloaded one.

    Raises:
        CheckpointError: if it is not found.
    """
    from maimod.families import checkpoint

    if name in (PROOFREADER, SLIPS):
        raise CheckpointError(f"model {name}: no generator; it is used beside every model (bundled: {BUNDLED_MODEL})")
    bundled = MODELS_FOLDER / name
    if name == BUNDLED_MODEL or (bundled / checkpoint.WEIGHTS).exists():
        return bundled
    try:
        return checkpoint.find(name)
    except CheckpointError as error:
        raise CheckpointError(f"model {error} (bundled: {BUNDLED_MODEL})") from None


def checkpoint_folders(settings: Settings) -> list[Path]:
    """Folders of the trained files that these settings use.

    Raises:
        CheckpointError: if the model is not there.
    """
    slips = MODELS_FOLDER / SLIPS
    if settings.model is None:
        return [slips]
    folders = [model_folder(settings.model), MODELS_FOLDER / PROOFREADER, slips]
    return folders if settings.lora is None else [*folders, _adapter_folder(settings.lora)]


def _adapter_folder(name: str) -> Path:
    from maimod.families import checkpoint

    try:
        return checkpoint.find_adapter(name)
    except CheckpointError as error:
        raise CheckpointError(f"lora {error}") from None


def load_networks(settings: Settings, wrap: Callable[[Model], Model] | None = None) -> Networks:
    """Load the networks that the settings name.

    Args:
        settings: name the model, the device and the precision.
        wrap: changes each model that is loaded.

    Raises:
        CheckpointError: if a file cannot be used, or the model is not found.
    """
    try:
        slips = slip_model.load(MODELS_FOLDER / SLIPS, with_networks=settings.model is not None)  # the judge asks them
        if settings.model is None:
            return Networks(slips=slips)
        models = load_models(settings, wrap)
        calibration = Calibration.load(models.folder)
    except ValueError as error:
        raise CheckpointError(str(error)) from None
    return Networks(models, *_discriminator(settings.device), calibration, slips)


def load_models(settings: Settings, wrap: Callable[[Model], Model] | None = None) -> Models:
    """Load only the checkpoint that the settings name; as :func:`load_networks`."""
    from maimod.families import checkpoint

    assert settings.model is not None
    folder = model_folder(settings.model)
    adapter = _adapter_folder(settings.lora) if settings.lora is not None else None
    return checkpoint.Models(
        folder,
        settings.device,
        settings.precision,
        _display_name(settings.model, folder),
        wrap,
        adapter,
        _display_name(settings.lora, adapter) if settings.lora is not None and adapter else "",
    )


def processes_that_fit(settings: Settings) -> int:
    """Most processes whose networks find room where they run: any number on CPUs, on GPUs what their free memory allows.

    1 if the model cannot be used, which loading it says.
    """
    from maimod.families import checkpoint, registry

    if settings.model is None or settings.device == "cpu":
        return MANY
    try:
        if settings.device == "auto":
            folder = checkpoint.for_mode(model_folder(settings.model), Mode.OSU)
            if settings.lora is None and registry.open_folder(folder).runs_in_numpy:
                return MANY
        return checkpoint.processes_that_fit(settings.device) or MANY
    except CheckpointError:
        return 1


def _display_name(given: str, folder: Path) -> str:
    """The Hugging Face id of a downloaded model, else the name of its folder."""
    from maimod.families import checkpoint

    return (
        given
        if checkpoint.HUB_ID.fullmatch(given) and not Path(given).is_dir()
        else folder.name or folder.resolve().name
    )


def _discriminator(device: str) -> tuple[Runner | None, tuple[str, ...]]:
    """The bundled discriminator and its kinds; None if it is missing."""
    folder = MODELS_FOLDER / PROOFREADER
    if not (folder / "model.safetensors").exists():
        return None, ()
    from maimod.discriminator import runner

    return runner.load(folder, device)
