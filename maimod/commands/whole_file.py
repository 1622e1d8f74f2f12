"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def whole_file(target: Path) -> Iterator[TextIO]:
    """Open a text file that takes the place of `target` when it is complete; after an exception the old one stays.

    A device, a pipe or a socket is written to: a user with the rights to do so would replace `/dev/null` by a file, for
    every program of the machine. Of a symbolic link the file that it names is replaced.

    Args:
        target: in a folder that exists.

    Raises:
        OSError: if it cannot be written.
    """
    if (target.exists() and not target.is_file()) or target.parts[:2] in (("/", "dev"), ("/", "proc")):
        with open(target, "w", encoding="utf-8", errors="replace", newline="\n") as out:
            yield out
        return
    target = Path(os.path.realpath(target))
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with open(beside, "w", encoding="utf-8", errors="replace", newline="\n") as out:
            yield out
        os.replace(beside, target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
