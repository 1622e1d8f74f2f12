"""Errors of checkpoints."""

from __future__ import annotations


class CheckpointError(Exception):
    """A checkpoint folder that cannot be used; one line that says what to do."""
