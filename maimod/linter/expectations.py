"""What the model expects at a place of a map, worked out when a picture or the page wants it."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from maimod.errors import UsageError
from maimod.events.schema import Event
from maimod.linter.gather import encode
from maimod.linter.models import Networks
from maimod.linter.settings import Settings
from maimod.linter.song import Song
from maimod.osu.beatmap import Beatmap, HitObject

if TYPE_CHECKING:
    from maimod.families.family import EncodedMap, LikelyPosition, Model


class Expectations:
    """Position posteriors and continuations, for one map after the other.

    The encoded form of the last map is kept.
    """

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self.settings, self.networks = settings, networks
        self._last: tuple[Beatmap, Model, EncodedMap] | None = None

    def positions(self, beatmap: Beatmap, song: Song | None, hit_object: HitObject) -> list[LikelyPosition]:
        """Expected positions of an object, likeliest first; none from models without a position posterior. Takes about
        half a second.

        Raises:
            BeatmapError: if the model cannot score this map.
        """
        model = self.networks.models.of(beatmap.mode) if self.networks.models else None
        if model is None or not model.family.has_position_posterior:
            return []
        model, encoded = self._encoded(beatmap, song)
        return encoded.position_posterior(model.runner, hit_object)

    def continuations(
        self, beatmap: Beatmap, song: Song | None, time: float, until: float
    ) -> Generator[float, None, list[list[Event]]]:
        """What the model would go on with at a time, several times; as
        :func:`maimod.families.continuation.continuations`.

        Raises:
            BeatmapError: if the model cannot score this map.
            UsageError: if there is no model.
        """
        from maimod.families.continuation import continuations

        if self.networks.models is None:
            raise UsageError("no model: choose one under Options and run again")
        model, encoded = self._encoded(beatmap, song)
        return (yield from continuations(model, encoded, time, until))

    def _encoded(self, beatmap: Beatmap, song: Song | None) -> tuple[Model, EncodedMap]:
        last = self._last
        if last is None or last[0] is not beatmap:
            last = self._last = beatmap, *encode(beatmap, song, self.settings, self.networks)
        return last[1:]
