"""Reports take the place of old ones when they are complete, and never that of a device."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from maimod.app import main
from maimod.commands.whole_file import whole_file
from tests import maps


def test_the_old_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "report"
    target.write_text("old")
    with whole_file(target) as out:
        out.write("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    with pytest.raises(RuntimeError), whole_file(target) as out:
        out.write("half")
        raise RuntimeError
    assert target.read_text() == "new" and list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_the_file_behind_a_link_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    link = tmp_path / "link"
    link.symlink_to("real")
    with whole_file(link) as out:
        out.write("new")
    assert link.is_symlink() and (tmp_path / "real").read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_pipes_and_devices_are_written_to(tmp_path: Path) -> None:
    pipe, found = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    (tmp_path / "map.osu").write_text(maps.text(), encoding="utf-8")
    check = ["check", str(tmp_path / "map.osu"), "--no-model", "--isolated", "--fail-on=never"]
    assert main([*check, f"--format=json:{pipe}"]) == 0
    reader.join(10)
    assert found[0].startswith("{") and stat.S_ISFIFO(pipe.stat().st_mode)
    before = os.stat(os.devnull)
    with whole_file(Path(os.devnull)) as out:
        out.write("x")
    assert os.stat(os.devnull).st_rdev == before.st_rdev and not os.path.isfile(os.devnull)
