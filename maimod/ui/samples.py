"""The hitsound files of a mapset, decoded when they are first heard."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from threading import Lock

import numpy as np

from maimod.audio import decode
from maimod.errors import AudioError, BeatmapError
from maimod.evidence.clip import CLIP_RATE
from maimod.osu.discovery import Source, opened
from maimod.osu.folder import SOUNDS, Folder

MAX_BYTES = 8 << 20
"""Of a file; hitsounds take some 100 kB."""
MAX_SECONDS = 8.0
"""Heard of a sample: no clip is longer."""
MAX_KEPT = 400
"""Most samples in memory; a map whose hits play the song has about as many."""


class Samples:
    """Decoded samples of one source, whether folder or archive."""

    def __init__(self, source: Source, folder: str = "") -> None:
        """Nothing is read here; `folder` is that of the difficulty within the source."""
        self.source, self.folder = source, folder
        self._known: dict[str, np.ndarray | None] = {}
        self._lock = Lock()

    def of(self, names: Collection[str]) -> Mapping[str, np.ndarray]:
        """The samples (n,) at :data:`maimod.evidence.clip.CLIP_RATE` that the mapset has under these names.

        A file that cannot be decoded is silent, as in the game: mappers silence a sound with an empty file.
        """
        with self._lock:
            if len(self._known) > MAX_KEPT:
                self._known.clear()
            missing = [name for name in names if name not in self._known]
            if missing:
                try:
                    with opened(self.source) as (place, _):
                        folder = Folder(place / self.folder)
                        self._known |= {name: _sample(folder, name) for name in missing}
                except BeatmapError:  # the archive is gone
                    self._known |= dict.fromkeys(missing)
            return {name: known for name in names if (known := self._known[name]) is not None}


def _sample(folder: Folder, name: str) -> np.ndarray | None:
    """The sample of a name; None if there is no such file."""
    found = folder.find(name, SOUNDS, replaced=True)
    if found is None:
        return None
    path = folder.path_of(found)
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        return decode.load(path, CLIP_RATE).samples[: round(MAX_SECONDS * CLIP_RATE)]
    except (AudioError, OSError):
        return np.zeros(0, dtype=np.float32)
