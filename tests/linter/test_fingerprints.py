"""Editor timestamps, and ids that survive edits elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maimod.findings import editor_link, editor_timestamp
from maimod.linter.fingerprints import fingerprint
from tests import maps
from tests.linter.test_deduplicate import MAP, finding


class TestTimestamps:
    def test_combo_numbers(self) -> None:
        assert editor_timestamp(MAP, 62_345.4, MAP.hit_objects[2:5]) == "01:02:345 (3,4,1) -"

    def test_without_objects(self) -> None:
        assert editor_timestamp(MAP, 0) == "00:00:000 -" and editor_timestamp(MAP, -12) == "00:00:000 -"

    def test_beyond_an_hour_minutes_go_on(self) -> None:
        assert editor_timestamp(MAP, 6_000_001) == "100:00:001 -"

    def test_mania_names_times_and_columns_from_0(self) -> None:
        mania = maps.beatmap(["64,192,1000,1,0", "448,192,1000,1,0"], mode=3)
        assert editor_timestamp(mania, 1000, mania.hit_objects) == "00:01:000 (1000|0,1000|3) -"

    @pytest.mark.parametrize(
        ("timestamp", "link"),
        [
            ("00:12:345 (3) -", "osu://edit/00:12:345%20%283%29"),
            ("00:01:000 (1000|0,1000|3) -", "osu://edit/00:01:000%20%281000%7C0%2C1000%7C3%29"),
            ("00:00:000 -", "osu://edit/00:00:000"),
        ],
    )
    def test_links(self, timestamp: str, link: str) -> None:
        assert editor_link(timestamp) == link


class TestFingerprints:
    def test_they_survive_small_shifts_of_the_map(self) -> None:
        moved = maps.beatmap(
            [f"{50 * (i % 8)},100,{1007 + 500 * i},{5 if i % 4 == 0 else 1},0" for i in range(12)],
            ["7,500,4,2,0,70,1,0"],
        )
        assert fingerprint(MAP, finding("rhythm/a", 3)) == fingerprint(moved, finding("rhythm/a", 3, beatmap=moved))

    def test_they_tell_rules_objects_and_difficulties_apart(self) -> None:
        ids = {
            fingerprint(MAP, finding("rhythm/a", 3)),
            fingerprint(MAP, finding("rhythm/b", 3)),
            fingerprint(MAP, finding("rhythm/a", 4)),
            fingerprint(replace(MAP, metadata={"Version": "Hard"}), finding("rhythm/a", 3)),
        }
        assert len(ids) == 4

    def test_without_objects_they_are_about_the_closest_ones(self) -> None:
        odd = maps.beatmap([f"{10 * i},100,{time},1,0" for i, time in enumerate((0, 0, 500, 500, 700, 700, 700, 2000))])
        for time in (-100.0, 0.0, 100.0, 250.0, 251.0, 500.0, 600.0, 601.0, 700.0, 1350.0, 1351.0, 9000.0):
            closest = min(range(8), key=lambda i: abs(odd.hit_objects[i].time - time))
            assert odd.closest_object(time) == closest, time
