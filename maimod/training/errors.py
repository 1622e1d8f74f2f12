"""Errors of training, evaluation and calibration."""

from __future__ import annotations


class TrainingError(Exception):
    """Training, evaluation or calibration that cannot be carried out as asked; one line that says what to do."""
