"""What a user names, turned into sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from maimod.errors import UsageError
from maimod.osu import discovery
from maimod.osu.discovery import find


def test_files_folders_archives_and_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    for n in (0, 1):
        place = Path("Songs", f"{n} Artist - Title")
        place.mkdir(parents=True)
        for version in ("Easy", "Hard"):
            (place / f"{version}.osu").touch()
    (tmp_path / "Songs" / ".git").mkdir()
    (tmp_path / "Songs" / ".git" / "x.osu").touch()
    (tmp_path / "empty").mkdir()

    def names(*paths: str) -> list[tuple[str, str]]:
        return [(entry.name, entry.location) for source in find(paths) for entry in source.entries]

    whole = [
        (f"{n} Artist - Title/{v}.osu", f"Songs/{n} Artist - Title/{v}.osu") for n in (0, 1) for v in ("Easy", "Hard")
    ]
    assert names("Songs") == whole
    assert names("Songs/0 Artist - Title") == [("Easy.osu", whole[0][1]), ("Hard.osu", whole[1][1])]
    assert names("Songs/*") == [(location, location) for _, location in whole]  # the names alone would be the same
    assert names("Songs/**/Hard.osu") == [(whole[i][1], whole[i][1]) for i in (1, 3)]
    assert names(str(tmp_path / "Songs"), "Songs/0 Artist - Title/Easy.osu")[-1][1] == whole[0][1]
    assert len(find(["Songs", str(Path("Songs"))])) == 2
    for wrong in ("no.osu", "Songs/*.osz", "empty"):
        with pytest.raises(UsageError, match=r"no|nothing"):
            find([wrong])


def test_brackets_in_a_pattern_are_those_of_a_name_or_a_class(tmp_path: Path) -> None:
    for name in ("1 a [b]/A - T [Easy].osu", "1 a [b]/A - T [Hard].osu", "2 a [b]/A - T [Hard].osu"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def names(pattern: str) -> list[str]:
        return [entry.location[-24:] for source in find([tmp_path / pattern]) for entry in source.entries]

    hard = ["1 a [b]/A - T [Hard].osu", "2 a [b]/A - T [Hard].osu"]
    assert names("*/*[Hard].osu") == hard
    assert names("[2-9]*/*Hard].osu") == hard[1:]
    assert names("1 a [b]/*[Hard].osu") == hard[:1]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("A [b]/c.osu", "A [b]/c.osu: no such file or folder"),
        ("A [b]/*.osu", "A [b]/*.osu: nothing matches this pattern"),
        ('A b"', 'A b": no such file or folder; leave out the backslash before the closing quote'),
    ],
)
def test_a_path_that_names_nothing(path: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        find([path])
    assert str(error.value) == message


def test_locations_in_a_workflow_start_at_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sets").mkdir()
    monkeypatch.chdir(tmp_path / "sets")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert discovery.location(Path("a.osu")) == "sets/a.osu"
    monkeypatch.setenv("GITHUB_WORKSPACE", "/elsewhere")
    assert discovery.location(Path("a.osu")) == "a.osu" and discovery.location(Path("../b.osu")).endswith("/b.osu")


def test_backups_in_a_mapset_and_hidden_files_are_not_beatmaps(tmp_path: Path) -> None:
    for name in (
        "set/a.osu",
        "set/._a.osu",
        "set/backup/a.osu",
        "set/backup/2/b.osu",
        "stray.osu",
        "other/b.osu",
        "other/song.MP3",
        "silent/c.osu",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "set" / "song.mp3").touch()

    def names(path: Path) -> list[str]:
        return [entry.name for source in find([path]) for entry in source.entries]

    # A map that lies in the Songs folder itself does not make that a mapset of everything below it.
    assert names(tmp_path) == ["other/b.osu", "set/a.osu", "silent/c.osu", "stray.osu"]
    assert names(tmp_path / "set") == ["a.osu"]
    assert names(tmp_path / "set" / "backup") == ["2/b.osu", "a.osu"]
