"""Untrusted archives: nothing is written outside the folder, sizes are limited, and all safe entries are unpacked."""

from __future__ import annotations

import os
import stat
import struct
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from maimod.errors import BeatmapError
from maimod.linter.api import lint
from maimod.linter.settings import Settings
from maimod.osu import archive as archives
from maimod.osu.archive import contents, unpack
from maimod.osu.discovery import find, opened
from tests import maps

MAP = maps.text([f"{100 + i % 200},{100 + i % 100},{1000 + 250 * i},1,0" for i in range(60)])
NO_MODEL = Settings(model=None)


def archive(path: Path, *entries: tuple[str | zipfile.ZipInfo, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made, pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)  # of duplicate names
        for name, content in entries:
            made.writestr(name, content)
    return path


def entry(name: str, kind: int = stat.S_IFREG) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o777) << 16
    return info


def test_an_archive_is_linted_like_its_folder(tmp_path):
    path = archive(
        tmp_path / "set.osz", ("Hard.osu", MAP), ("sub/Easy.osu", MAP.replace("Version:Version", "Version:Easy"))
    )
    report = lint([path], NO_MODEL).report()
    assert [beatmap.path for beatmap in report.beatmaps] == [f"{path}/Hard.osu", f"{path}/sub/Easy.osu"]
    assert [beatmap.version for beatmap in report.beatmaps] == ["Version", "Easy"]
    unpack(path, tmp_path / "set")
    alike = lint([tmp_path / "set"], NO_MODEL).report().beatmaps
    assert [beatmap.findings for beatmap in alike] == [beatmap.findings for beatmap in report.beatmaps] and alike[
        0
    ].objects == 60


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.osu", "leads out"),
        ("a/../../evil.osu", "leads out"),
        ("..\\evil.osu", "leads out"),
        ("/etc/evil.osu", "absolute"),
        ("C:\\evil.osu", "absolute"),
        ("\\\\host\\evil.osu", "absolute"),
        ("a\x1bb.osu", "not a file name"),
        ("a" * 300 + ".osu", "too long"),
        (entry("evil.osu", stat.S_IFLNK), "a link or a device"),
        (entry("evil.osu", stat.S_IFCHR), "a link or a device"),
    ],
)
def test_entries_that_cannot_be_trusted_are_left_out_and_named(tmp_path, name, reason):
    path = archive(tmp_path / "set.osz", ("Hard.osu", MAP), (name, MAP))
    (tmp_path / "out" / "in").mkdir(parents=True)
    (message,) = unpack(path, tmp_path / "out" / "in")
    assert reason in message and message.startswith(f"{path}: ")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["Hard.osu", "in", "out", "set.osz"]
    (beatmap,) = lint([path], NO_MODEL).report().beatmaps
    assert beatmap.status == "partial" and message in beatmap.messages and beatmap.objects == 60


def bomb(path: Path, gigabytes: int) -> Path:
    """Write an archive of one entry of zeros; its compressed blocks repeat, so they are made once."""
    block = bytes(1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packer.compress(block)
    packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    last = packer.flush(zlib.Z_FINISH)
    size = gigabytes << 30
    checksum = 0
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("Hard.osu", MAP)
        info = zipfile.ZipInfo("bomb.osu")
        info.compress_type, info.file_size, info.CRC = zipfile.ZIP_DEFLATED, size, checksum
        info.header_offset = made.fp.tell()
        info.compress_size = len(piece) * (size >> 20) + len(last)
        made.fp.write(info.FileHeader(zip64=True))
        for _ in range(size >> 20):
            made.fp.write(piece)
        made.fp.write(last)
        made.start_dir = made.fp.tell()
        made.filelist.append(info)
        made.NameToInfo[info.filename] = info
        made._didModify = True
    return path


def test_a_zip_bomb_of_ten_gigabytes_is_refused_at_once(tmp_path):
    path = bomb(tmp_path / "bomb.osz", 10)
    assert path.stat().st_size < 20 << 20
    start = time.perf_counter()
    (beatmap,) = lint([path], NO_MODEL).report().beatmaps
    assert time.perf_counter() - start < 2
    assert beatmap.status == "error" and "not a mapset" in beatmap.messages[0]


def test_a_bomb_that_lies_about_its_size_is_stopped_while_it_is_read(tmp_path, monkeypatch):
    path = bomb(tmp_path / "bomb.osz", 1)
    content = path.read_bytes()
    path.write_bytes(content.replace((1 << 30).to_bytes(4, "little"), (1 << 20).to_bytes(4, "little")))
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 64 << 20)
    (tmp_path / "out").mkdir()
    unpack(path, tmp_path / "out")
    assert sum(p.stat().st_size for p in (tmp_path / "out").iterdir()) < 2 << 20


def test_many_entries_are_refused_before_their_list_is_read(tmp_path):
    path = archive(tmp_path / "set.osz", *((f"{i}.txt", "") for i in range(archives.MAX_ENTRIES + 1)))
    with pytest.raises(BeatmapError, match="more than 5,000 files"):
        contents(path)


def test_a_long_list_is_refused_where_the_short_record_lies_about_it(tmp_path):
    # Large archives state it in a longer record, which overrides the short one.
    path = archive(tmp_path / "set.osz", ("Hard.osu", MAP))
    content = path.read_bytes()
    start = content.rfind(b"PK\x05\x06")
    size, offset = (int.from_bytes(content[start + k : start + k + 4], "little") for k in (12, 16))
    longer = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, 100 << 20, offset)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, start, 1)
    path.write_bytes(content[:start] + longer + locator + content[start:])
    assert size < 100
    with pytest.raises(BeatmapError, match="more than 5,000 files"):
        contents(path)


def test_the_last_record_counts_although_its_marks_stand_in_it_twice(tmp_path):
    path = archive(tmp_path / "set.osz", *((f"{i}.txt", "") for i in range(5)))
    content = bytearray(path.read_bytes())
    content[-10:-6] = (100 << 20).to_bytes(4, "little")  # the size of the list
    content[-6:-2] = b"PK\x05\x06"  # its place, which looks like the marks
    path.write_bytes(content)
    with pytest.raises(BeatmapError, match="more than 5,000 files"):
        contents(path)


@pytest.mark.parametrize("name", ["", "//", "\0a.osu"])
def test_an_entry_without_a_name_costs_no_other(tmp_path, name):
    stand_in = "QZ" * 4
    path = archive(tmp_path / "set.osz", ("Hard.osu", MAP), (stand_in, "y"))
    content = _without_name(path.read_bytes(), stand_in.encode())
    if name:
        path = archive(tmp_path / "set.osz", ("Hard.osu", MAP), (stand_in[: len(name)], "y"))
        content = path.read_bytes().replace(stand_in[: len(name)].encode(), name.encode())
    path.write_bytes(content)
    assert contents(path).beatmaps == ["Hard.osu"]
    (beatmap,) = lint([path], NO_MODEL).report().beatmaps
    assert beatmap.objects == 60


def _without_name(content: bytes, name: bytes) -> bytes:
    """The archive with the name of its last entry taken out of both of its headers."""
    local, central, end = (content.rfind(mark) for mark in (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"))
    zero = b"\0\0"
    listed = (
        content[central : central + 28]
        + zero
        + content[central + 30 : central + 46]
        + content[central + 46 + len(name) : end]
    )
    start = content.find(b"PK\x01\x02")
    others = content[start:central]
    first = content[: local + 26] + zero + content[local + 28 : local + 30] + content[local + 30 + len(name) : start]
    size = len(others) + len(listed)
    record = (
        content[end : end + 12] + size.to_bytes(4, "little") + len(first).to_bytes(4, "little") + content[end + 20 :]
    )
    return first + others + listed + record


def test_beatmaps_of_one_archive_are_bounded_together(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_BEATMAP_BYTES", len(MAP) + 10)
    path = archive(tmp_path / "set.olz", ("a.osu", MAP), ("b.osu", MAP), ("c.png", "x" * 99))
    found = contents(path)
    assert found.beatmaps == ["a.osu"] and "c.png" in found.entries and "'b.osu' is beyond" in found.messages[0]


def test_archives_of_lazer_are_archives(tmp_path):
    path = archive(tmp_path / "set.olz", ("a.osu", MAP))
    assert [beatmap.path for beatmap in lint([tmp_path], NO_MODEL).report().beatmaps] == ["set.olz/a.osu"]
    assert [beatmap.path for beatmap in lint([path], NO_MODEL).report().beatmaps] == [f"{path}/a.osu"]


def test_too_much_in_all_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 3_000)
    path = archive(tmp_path / "set.osz", *((f"{i}.txt", "x" * 1_000) for i in range(4)))
    with pytest.raises(BeatmapError, match="not a mapset"):
        contents(path)


def test_of_duplicate_names_the_last_is_read_and_it_is_said(tmp_path):
    last = MAP.replace("Creator:Creator", "Creator:Z")
    path = archive(tmp_path / "set.osz", ("Hard.osu", "first"), ("hard.OSU", MAP), ("Hard.osu", last))
    (beatmap,) = lint([path], NO_MODEL).report().beatmaps
    assert (
        beatmap.creator == "Z"
        and beatmap.status == "partial"
        and "more than once; the last one is used" in beatmap.messages[-1]
    )


def test_names_without_the_utf8_mark_are_still_read(tmp_path):
    path = archive(tmp_path / "set.osz", ("ピアノ.osu", MAP))
    path.write_bytes(path.read_bytes().replace(b"\x00\x08\x08\x00", b"\x00\x00\x08\x00"))  # flag bit 11 off
    assert contents(path).beatmaps == ["ピアノ.osu"]


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06" + b"\xff" * 18, b"Rar!" * 99, MAP.encode()])
def test_what_is_no_archive_is_an_error_of_that_file_alone(tmp_path, content):
    (tmp_path / "bad.osz").write_bytes(content)
    (tmp_path / "good.osu").write_text(MAP)
    bad, good = lint([tmp_path], NO_MODEL).report().beatmaps
    assert bad.status == "error" and "bad.osz" in bad.messages[0] and good.objects == 60


def test_a_damaged_entry_costs_no_other(tmp_path):
    path = archive(tmp_path / "set.osz", ("a.osu", MAP), ("b.osu", MAP))
    content = bytearray(path.read_bytes())
    content[60:70] = bytes(10)  # in the data of the first
    path.write_bytes(content)
    broken, good = lint([path], NO_MODEL).report().beatmaps
    assert broken.status == "error" and good.objects == 60
    assert any("'a.osu' cannot be unpacked" in message for message in good.messages)


def test_a_reason_that_quotes_the_archive_is_cut(tmp_path):
    """The name in front of an entry's content is not the one in the list: `zipfile` quotes it."""
    path = archive(tmp_path / "set.osz", ("a.osu", MAP), ("x" * 5000, MAP))
    content = bytearray(path.read_bytes())
    first, second = content.index(b"PK\x03\x04"), content.index(b"PK\x01\x02")
    place = content.index(b"PK\x03\x04", first + 1)
    content[second + 42 : second + 46] = place.to_bytes(4, "little")  # the first entry points to the other
    path.write_bytes(content)
    folder = tmp_path / "out"
    folder.mkdir()
    messages = unpack(path, folder)
    assert len(messages) == 2 and "'a.osu' cannot be unpacked" in messages[1] and max(map(len, messages)) < 400


def test_broken_maps_in_an_archive_are_named_by_the_archive(tmp_path):
    path = archive(tmp_path / "set.osz", ("bad.osu", "osu file format v14\n\n[HitObjects]\n"), ("good.osu", MAP))
    bad, good = lint([path], NO_MODEL).report().beatmaps
    assert (
        bad.messages == (f"{path}{os.sep}bad.osu: no hit objects: nothing to lint (is the file cut off?)",)
        and good.status != "error"
    )


def test_the_unpacked_files_are_gone_even_after_an_interrupt(tmp_path):
    path = archive(tmp_path / "set.osz", ("Hard.osu", MAP))
    (source,) = find([path])
    (tmp_path / "work").mkdir()
    with pytest.raises(KeyboardInterrupt), opened(source, tmp_path / "work") as (folder, _):
        assert (folder / "Hard.osu").read_text() == MAP
        raise KeyboardInterrupt
    assert list((tmp_path / "work").iterdir()) == []


def test_an_archive_without_maps_is_said_to_be_one(tmp_path):
    path = archive(tmp_path / "skin.osz", ("a.png", "x"))
    (beatmap,) = lint([path], NO_MODEL).report().beatmaps
    assert beatmap.messages == (f"{path}: no .osu file in this archive",)


def test_an_archive_whose_only_map_is_left_out_says_why(tmp_path):
    path = archive(tmp_path / "set.osz", ("../Hard.osu", MAP), ("../Easy.osu", MAP))
    (beatmap,) = lint([path], NO_MODEL).report().beatmaps
    assert beatmap.messages == (
        f"{path}: no .osu file in this archive; {path}: '../Hard.osu' leads out of the archive; left out",
    )


def test_an_archive_that_is_cut_off_is_to_be_downloaded_again(tmp_path):
    path = archive(tmp_path / "set.osz", ("Hard.osu", MAP))
    path.write_bytes(path.read_bytes()[:-30])
    (beatmap,) = lint([path], NO_MODEL).report().beatmaps
    assert "cut off" in beatmap.messages[0] and beatmap.messages[0].endswith("; download or export it again")
