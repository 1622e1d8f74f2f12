"""An earlier revision to compare with, from git."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEFORE = "4183275"
"""Revision to compare with by default, as in docs/performance.md."""


def earlier(revision: str, folder: Path) -> Path | None:
    """Write the package and the models of a revision into a new folder; None, and a line, if git does not have it."""
    folder.mkdir()
    packed = folder / "all.tar"  # not in memory, whose peak the measured processes would inherit
    done = subprocess.run(["git", "archive", "-o", packed, revision, "maimod", "models"], cwd=ROOT, capture_output=True)
    if done.returncode:
        print(f"git has no revision {revision}: nothing to compare with")
        return None
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder
