"""Handling of maimod's own errors: some findings are missing in a report, and the run continues."""

from __future__ import annotations

import os

from maimod.rules.base import Candidate


def bug(what: str, error: Exception) -> str:
    """Message of a report for an unexpected error; with `MAIMOD_DEBUG` in the environment the error is raised
    instead."""
    if os.environ.get("MAIMOD_DEBUG"):
        raise error
    text = " ".join(str(error).split())[:200]
    return f"error: {what} failed here (a bug, {type(error).__name__}: {text}); its findings are missing"


def message_of(candidate: Candidate) -> str:
    """The words of a candidate, or of the bug in them: the other findings are shown all the same."""
    try:
        return candidate.message
    except Exception as error:
        return bug(candidate.rule.id, error)
