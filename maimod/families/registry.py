"""The model families, one line each, and which of them a checkpoint folder belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maimod.errors import CheckpointError, short
from maimod.families.family import Family


def families() -> Iterator[type[Family[Any]]]:
    """The first that recognises a `tokenizer.json` opens it, and those after it are not imported."""
    from maimod.families.mini.family import Mini

    yield Mini
    from maimod.families.mapperatorinator.family import Mapperatorinator

    yield Mapperatorinator


def open_folder(folder: Path) -> Family[Any]:
    """Open a checkpoint folder by its `tokenizer.json` and `config.json`, without torch and without its weights.

    Raises:
        CheckpointError: if one is missing, damaged, of an unknown family, or the two do not belong together.
    """
    tokenizer, config = read_json(folder / "tokenizer.json"), read_json(folder / "config.json")
    kind = next((family for family in families() if family.recognises(tokenizer)), None)
    if kind is None:
        raise CheckpointError(f"{folder}: tokenizer.json is of no known model family")
    try:
        family = kind(tokenizer, config)
    except CheckpointError as error:
        raise CheckpointError(f"{folder}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = short(f"{type(error).__name__}: {error}", 160)
        raise CheckpointError(f"{folder / 'config.json'}: not a usable configuration ({reason})") from None
    shape, vocabulary = family.config, family.vocabulary
    if (shape.vocab_size_in, shape.vocab_size_out) != (vocabulary.size_in, vocabulary.size_out):
        raise CheckpointError(
            f"{folder}: tokenizer.json and config.json have different vocabularies "
            f"({vocabulary.size_in}/{vocabulary.size_out} and {shape.vocab_size_in}/{shape.vocab_size_out} tokens)"
        )
    return family


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a checkpoint folder.

    Raises:
        CheckpointError: if there is none.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise CheckpointError(f"{path.parent}: no {path.name} in this checkpoint folder") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not JSON ({short(error, 160)})") from None
    if not isinstance(values, dict):
        raise CheckpointError(f"{path}: not a JSON object")
    return values
