"""Fixtures of the tests of the linter."""

from __future__ import annotations

import pytest

from maimod.linter import adjustments


@pytest.fixture
def as_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores are those of the judge: what findings about ranked maps taught about rules and categories is left out."""
    monkeypatch.setattr(adjustments, "READ_LOGITS", {})
    monkeypatch.setattr(adjustments, "LEAST_LISTED", {})
