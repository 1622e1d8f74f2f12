"""The progress bar of a training."""

from __future__ import annotations

import io

import pytest

pytest.importorskip("torch")

from maimod.commands.training_bar import TrainingBar
from maimod.training.trainer import Progress


def test_it_shows_how_far_a_training_is_and_prints_lines_above() -> None:
    err = io.StringIO()
    with TrainingBar(err) as bar:
        bar.say("reading \x1b[31msongs")
        bar.show(Progress(step=1200, minutes=2.0, share=0.25, means={"loss": 1.23456}, rate=1e-3))
        task = bar.bar.tasks[bar.task]
    assert task.completed == 0.25 and task.description == "step 1,200, loss 1.235"
    assert "maimod: reading" in err.getvalue() and "\x1b[31m" not in err.getvalue()
