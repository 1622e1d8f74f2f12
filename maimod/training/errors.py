"""Errors of training, evaluation and calibration."""

from __future__ import annotations


class TrainingError(Exception):
    """Training, evaluation or calibration cannot be carried out; the message is one line that says what to do."""
