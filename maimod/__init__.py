"""maimod: an AI modding assistant, a linter for osu! beatmaps.

>>> report = maimod.lint(["path/to/mapset"]).report()
>>> for finding in report.findings: print(finding.timestamp, finding.message)

A run can also be iterated: it yields progress, and one report for each beatmap as it is made.

>>> for item in maimod.lint(["path/to/Songs"], jobs=4): print(item)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Finding", "Report", "Settings", "Severity", "__version__", "lint"]

if TYPE_CHECKING:
    from maimod.findings import Finding, Report, Severity
    from maimod.linter.api import lint
    from maimod.linter.settings import Settings


def __getattr__(name: str) -> Any:
    """Import the public names at first use, so that `maimod --help` loads none of them."""
    if name in ("Finding", "Report", "Severity"):
        from maimod import findings

        return getattr(findings, name)
    if name == "Settings":
        from maimod.linter.settings import Settings

        return Settings
    if name == "lint":
        from maimod.linter.api import lint

        return lint
    raise AttributeError(f"module 'maimod' has no attribute {name!r}")
