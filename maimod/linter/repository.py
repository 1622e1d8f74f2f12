"""What a git repository holds at a revision.

The contents of a repository are other people's: git is only asked for lists of files and for their bytes, with argument
lists and without hooks, monitors, converters or downloads that a repository could configure.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from maimod.errors import UsageError

GIT = (
    "git",
    "-c",
    "core.fsmonitor=false",
    "-c",
    f"core.hooksPath={os.devnull}",
    "-c",
    "core.quotePath=false",
    "--no-pager",
)
SECONDS = 300


def git(folder: Path, *arguments: str) -> bytes:
    """Run git in a folder and return what it prints.

    Raises:
        UsageError: if it is not installed, fails or takes too long.
    """
    environment = {
        **os.environ,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }
    try:
        done = subprocess.run(
            [*GIT, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise UsageError(f"{folder}: git is not installed, and the history of a repository needs it") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"{folder}: git took more than {SECONDS} s") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(f"{folder}: git {arguments[0]} failed ({said[-1] if said else done.returncode})")
    return done.stdout


def names(listed: bytes) -> list[str]:
    """Fields of a listing that git ends with NUL (`-z`)."""
    return [part.decode("utf-8", "surrogateescape") for part in listed.split(b"\0")[:-1]]


def root_of(folder: Path) -> Path:
    """Top folder of the repository that a folder is in, links resolved.

    Raises:
        UsageError: if it is in none.
    """
    try:
        top = git(folder, "rev-parse", "--show-toplevel")
    except UsageError as error:
        if "not a git repository" in str(error):
            raise UsageError(f"{folder}: in no git repository") from None
        raise
    return Path(top.decode("utf-8", "surrogateescape").rstrip("\n")).resolve()


def blob(root: Path, revision: str, path: str, most: int) -> bytes | None:
    """A file of a revision; None if it is not there, or larger than `most` bytes."""
    name = f"{revision}:{path}"
    try:
        if int(git(root, "cat-file", "-s", name)) > most or git(root, "cat-file", "-t", name).strip() != b"blob":
            return None
        return git(root, "cat-file", "blob", name)
    except UsageError:
        return None
