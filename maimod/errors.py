"""Errors that a user can cause or fix; each message is one line with what, where and why."""

from __future__ import annotations

from pathlib import Path

MAX_QUOTED = 80
"""Most letters of an input that a message quotes."""
NO_TORCH = (
    "this needs PyTorch, which is not installed: pip install torch huggingface_hub (published checkpoints, adapters, other "
    "devices and precisions, and training run in it; the bundled models do without)"
)
NO_CLUSTER = 'this needs Dask, which is not installed: pip install -c constraints.txt ".[cluster]", on the workers too'


def short(text: object, most: int = MAX_QUOTED) -> str:
    """A text of an input for a message, cut if it is long."""
    text = str(text)
    return text if len(text) <= most else text[: most - 1] + "…"


class MaimodError(Exception):
    """Base class; the command line prints the message and exits."""


class UsageError(MaimodError):
    """The call cannot be carried out as given."""


def in_words(error: OSError) -> str:
    """The file and the reason, without the number of the error."""
    return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)


def unwritable(path: object, error: OSError) -> UsageError:
    """The error for an output that cannot be written."""
    return UsageError(f"{path}: cannot be written ({error.strerror or error})")


class ConfigError(MaimodError):
    """A configuration or a baseline that cannot be used."""


class CheckpointError(MaimodError):
    """A checkpoint or an adapter that cannot be used."""


class BeatmapError(MaimodError):
    """A map or an archive that cannot be read, or a map that the model cannot score; `path:line: reason`."""

    def __init__(self, path: Path | str, line: int | None, reason: str) -> None:
        super().__init__(path, line, reason)
        self.path, self.line, self.reason = Path(path), line, reason

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}" if self.line else f"{self.path}: {self.reason}"


class AudioError(MaimodError):
    """A song that cannot be used; `path: reason`."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"
