"""Star rating of a beatmap, by rosu-pp."""

from __future__ import annotations

from pathlib import Path

from maimod.osu.beatmap import Beatmap


def star_rating(source: Path | Beatmap) -> float | None:
    """Star rating without mods in the map's own mode; None if it cannot be computed.

    rosu-pp is native code: maps that could keep it busy for hours (it calls them suspicious) are not given to it.
    """
    import rosu_pp_py

    path = source.path if isinstance(source, Beatmap) else source
    try:
        parsed = rosu_pp_py.Beatmap(bytes=path.read_bytes())
        if parsed.is_suspicious():
            return None
        return round(float(rosu_pp_py.Difficulty().calculate(parsed).stars), 2)
    except Exception:  # rosu-pp raises its own kinds for anything odd; the rating is a nicety
        return None
