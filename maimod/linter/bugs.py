"""A mistake of maimod's own costs a report some findings, and never the run."""

from __future__ import annotations

import os


def bug(what: str, error: Exception) -> str:
    """Say in one line of a report what failed; with `MAIMOD_DEBUG` in the environment the error is raised instead."""
    if os.environ.get("MAIMOD_DEBUG"):
        raise error
    text = " ".join(str(error).split())[:200]
    return f"error: {what} failed here (a bug, {type(error).__name__}: {text}); its findings are missing"
