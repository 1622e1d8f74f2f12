"""Files of a mapset folder: which there are, which one a name means, and which are opened."""

from __future__ import annotations

import ast
import os
import unicodedata
from pathlib import Path, PurePosixPath

import pytest

from maimod.osu import folder
from maimod.osu.folder import MAX_FILES, Folder, beatmaps_of, name_key, open_file, read_file

PACKAGE = Path(__file__).parents[2] / "maimod"
needs_links = pytest.mark.skipif(os.name == "nt", reason="links need a permission there")
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here")


def fill(folder: Path, *names: str) -> Folder:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return Folder(folder)


class TestNames:
    def test_case_slashes_and_quotes_do_not_matter(self, tmp_path: Path) -> None:
        here = fill(tmp_path, "SB/Dot.png", "Audio.MP3")
        assert here.find('"sb\\dot.PNG"') == "SB/Dot.png" and here.find("sb//./DOT.png") == "SB/Dot.png"
        assert here.find(" audio.mp3 ") == "Audio.MP3"
        for name in ("", "/", "SB", "../Audio.MP3", "SB/../Audio.MP3", "no/Audio.MP3", "a\0b"):
            assert here.find(name) is None, name

    def test_either_form_of_an_accent(self, tmp_path: Path) -> None:
        composed, decomposed = (unicodedata.normalize(form, "é/Café.mp3") for form in ("NFC", "NFD"))
        assert fill(tmp_path, decomposed).find(composed) == decomposed
        assert fill(tmp_path, decomposed).find(composed.upper()) == decomposed

    @pytest.mark.skipif(os.name == "nt", reason="names are text there")
    def test_bytes_that_are_no_utf8_are_found_by_what_the_parser_makes_of_them(self, tmp_path: Path) -> None:
        name = os.fsdecode(b"caf\xe9.mp3")
        try:
            here = fill(tmp_path)
            (tmp_path / name).touch()
        except OSError:
            pytest.skip("the file system refuses such names")
        assert here.find("caf\ufffd.mp3") == name

    def test_letters_stay_one_letter_as_on_windows(self) -> None:
        assert name_key("Straße") == name_key("STRAßE") != name_key("strasse")

    def test_of_two_names_that_differ_in_case_the_one_written_so_is_meant(self, tmp_path: Path) -> None:
        here = fill(tmp_path, "a.mp3", "A.mp3")
        if len(here.files or ()) == 2:
            assert (here.find("a.mp3"), here.find("A.mp3"), here.find("A.MP3")) == ("a.mp3", "A.mp3", "A.mp3")

    def test_missing_endings_are_tried_in_order(self, tmp_path: Path) -> None:
        here = fill(tmp_path, "sb/dot.jpg", "kick.ogg")
        assert here.find("sb/dot", (".png", ".jpg")) == "sb/dot.jpg"
        assert here.find("sb/dot.png", (".png", ".jpg")) is None
        assert here.find("kick.wav", (".wav", ".ogg"), replaced=True) == "kick.ogg"
        assert here.find("kick.wav") is None


class TestWhatCounts:
    def test_hidden_files_and_other_sets_do_not(self, tmp_path: Path) -> None:
        here = fill(
            tmp_path,
            *("a.osu", "a.mp3", "sb/x.png", "backup/a.osu"),
            *("._a.osu", ".git/config", "Thumbs.db", "DESKTOP.INI", "__MACOSX/._a.osu"),
            *("other/b.osu", "other/b.mp3", "other/sb/y.png"),
        )
        assert set(here.files or ()) == {"a.osu", "a.mp3", "sb/x.png", "backup/a.osu"}
        assert [path.name for path in here.beatmaps()] == ["a.osu"]
        assert here.find("other/b.mp3") is None and here.find("._a.osu") is None

    def test_difficulties_of_a_tree(self) -> None:
        tree = {
            ".": ["stray.OSU"],
            "set": ["a.osu", "._a.osu", "song.ogg"],
            "set/backup": ["a.osu"],
            "set/backup/2": ["b.osu"],
            "set/whole": ["c.osu", "c.mp3"],
            "silent": ["d.osu"],
            "silent/.git": ["e.osu"],
        }
        found = beatmaps_of((PurePosixPath(place), names) for place, names in tree.items())
        assert [str(path) for path in found] == ["stray.OSU", "set/a.osu", "set/whole/c.osu", "silent/d.osu"]

    def test_too_many_files_are_no_mapset(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("maimod.osu.folder.MAX_FILES", 2)
        here = fill(tmp_path, "a.osu", "b.mp3", "sb/c.png")
        assert here.files is None and here.find("B.mp3") == "b.mp3" and MAX_FILES > 2000


class TestOpening:
    def test_a_file_of_the_folder(self, tmp_path: Path) -> None:
        here = fill(tmp_path, "a.txt")
        assert read_file(here.path_of("a.txt")) == b"a.txt"
        with pytest.raises(OSError, match="larger than 0 MB"):
            open_file(tmp_path / "a.txt", 4)
        with pytest.raises(OSError, match="a folder, not a file"):
            open_file(tmp_path)
        with pytest.raises(FileNotFoundError):
            open_file(tmp_path / "none")

    @needs_links
    def test_links_inside_count_and_links_out_are_not_opened(self, tmp_path: Path) -> None:
        here = fill(tmp_path / "set", "song.mp3", "sb/x.png")
        fill(tmp_path, "secret.png")
        for name, target in {
            "audio.mp3": "song.mp3",
            "sb/up.mp3": "../song.mp3",
            "bg.png": "../secret.png",
            "absolute.png": str(tmp_path / "secret.png"),
            "nowhere.png": "none.png",
            "loop.png": "loop.png",
            "folder": "../",
        }.items():
            (tmp_path / "set" / name).symlink_to(target)
        here = Folder(tmp_path / "set")
        assert set(here.files or ()) == {"song.mp3", "sb/x.png", "audio.mp3", "sb/up.mp3"}
        for name in ("audio.mp3", "sb/up.mp3"):
            assert here.path_of(name) == tmp_path / "set" / "song.mp3"
        for name in ("bg.png", "absolute.png"):
            assert here.find(name) is None and here.why_not(name) == "is a link that leads out of its folder"
            with pytest.raises(OSError, match="leads out of its folder"):
                open_file(tmp_path / "set" / name)
        assert here.why_not("nowhere.png") == here.why_not("loop.png") == "is a link that leads nowhere"
        assert here.find("folder/secret.png") is None and here.why_not("../secret.png") == "leads out of the folder"

    @needs_pipes
    def test_pipes_are_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "song.mp3")
        os.mkfifo(tmp_path / "a.osu")
        here = Folder(tmp_path)
        assert here.files == {} and here.find("song.mp3") is None
        assert here.why_not("Song.mp3") == "is not a regular file"
        assert [path.name for path in here.beatmaps()] == ["a.osu"]  # whose reader gives the reason
        with pytest.raises(OSError, match="not a regular file"):
            open_file(tmp_path / "song.mp3")

    @needs_pipes
    def test_a_pipe_that_took_the_place_of_a_file_is_not_waited_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(tmp_path, "a.osu")
        whole = folder._refuse

        def replace_first(path: Path, status: os.stat_result, most: int | None) -> None:
            whole(path, status, most)
            monkeypatch.undo()
            path.unlink()
            os.mkfifo(path)

        monkeypatch.setattr(folder, "_refuse", replace_first)
        with pytest.raises(OSError, match="not a regular file"):
            open_file(tmp_path / "a.osu")


def test_everything_in_a_mapset_is_opened_here() -> None:
    """Modules that see mapsets open nothing by themselves. The others open files of maimod or of the user."""
    own = {
        "audio/": set(),
        "features/slip_model.py": {"path.read_bytes"},  # a file of maimod
        "features/": set(),
        "rules/": set(),
        "evidence/": {"wave.open"},  # in memory
        "osu/": {"archive.open", "os.open", "open"},  # an entry, folder.py itself, and the unpacked file
        "linter/gather.py": set(),
        "linter/session.py": set(),
        "linter/song.py": set(),
        "ui/results.py": set(),
    }
    readers = {"open", "read_bytes", "read_text", "iterdir", "glob", "rglob", "scandir", "walk", "listdir"}
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        allowed = next((calls for room, calls in own.items() if name.startswith(room)), None)
        if allowed is None or name in ("osu/folder.py", "osu/discovery.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in readers:
                call = ast.unparse(node.func)
                assert call in allowed | {"av.open", "part.open", "self.part.open", "source.part.open"}, (name, call)
