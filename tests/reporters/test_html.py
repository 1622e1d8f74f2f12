"""The HTML report: one self-contained file, with pictures from the process that analysed each map."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from maimod.app import main
from maimod.findings import Report
from maimod.reporters import REPORTERS
from maimod.reporters.album import Album, Pictures
from maimod.reporters.view import View
from tests.evidence.test_evidence import analysis
from tests.html import Tags
from tests.linter.test_api import songs

EXAMPLE = Path(__file__).parents[2] / "examples" / "maimod example"


def html_of(report: Report, album: Album | None) -> str:
    out = io.StringIO()
    REPORTERS["html"](report, out, View(album=album))
    return out.getvalue()


def test_page_is_one_file_that_asks_for_nothing(tmp_path):
    album = Album(tmp_path)
    one = analysis(message="a</script><img src=x>")
    album.draw(one, None)
    report = Report("0", None, (one.report,))
    page = html_of(report, album)
    tags = Tags()
    tags.feed(page)
    assert "img" not in tags.seen and "link" not in tags.seen and "iframe" not in tags.seen
    assert (
        not re.findall(r'(?:src|href)="https?://(?!osu\.ppy\.sh)', page)
        and "@import" not in page
        and "url(" not in page
    )
    data = json.loads(page.split('id="maimod-data">')[1].split("</script>")[0])
    assert data["beatmaps"][0]["findings"][0]["message"] == "a</script><img src=x>"
    strip = json.loads(page.split('data-strip="0">')[1].split("</script>")[0])
    assert '<template data-key="0.0">' in page and strip["svg"].startswith("<svg") and strip["end"] == 8000


def test_page_without_pictures_says_so(tmp_path):
    report = Report("0", None, (analysis().report,))
    for album in (None, Album(tmp_path)):  # not requested; requested and not drawn, as for a beatmap that was given up
        page = html_of(report, album)
        assert "<template" not in page.split("<script")[0] and "holds no pictures" in page
        assert "<script" in page and "data-strip=" not in page.split("<script>")[0]


def test_an_album_keeps_what_was_drawn_of_each_beatmap(tmp_path):
    one = analysis()
    other = msgspec.structs.replace(one, report=replace(one.report, path="set/\udcff other.osu", findings=()))
    album = Album(tmp_path)
    for drawn in (one, other, one):
        album.draw(drawn, None)
    (finding,) = one.report.findings
    assert "mm-field" in (album.pictures(one.report.path).body(finding) or "")
    assert album.pictures(one.report.path).body(replace(finding, timestamp="00:02:000 -")) is None
    assert album.pictures(other.report.path).bodies == {} and album.pictures("elsewhere") == Pictures()
    assert len(list(tmp_path.iterdir())) == 2


def pages(tmp_path: Path, maps: Path, *ways: tuple[str, ...]) -> list[bytes]:
    found = []
    for number, options in enumerate(ways):
        page = tmp_path / f"{number}.html"
        code = main(
            ["check", str(maps), "--fail-on", "never", "--no-cache", "--quiet", f"--format=html:{page}", *options]
        )
        assert code == 0
        found.append(page.read_bytes())
    return found


def test_pictures_are_the_same_whichever_process_draws_them(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary").mkdir()
    songs(tmp_path / "Songs", 3)
    (alone,) = pages(tmp_path, tmp_path / "Songs", ("--no-model", "-j1"))
    monkeypatch.setattr("maimod.reporters.album.evidence", lambda *_: 1 / 0)  # in this process only
    side_by_side, limited = pages(
        tmp_path, tmp_path / "Songs", ("--no-model", "-j2"), ("--no-model", "--timeout", "60")
    )
    assert alone == side_by_side == limited
    assert alone.count(b'<template data-key="') == alone.count(b'"timestamp"') > 20 and alone.count(b"data-strip=") == 6
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.slow
def test_the_model_is_asked_for_positions_in_the_process_that_loaded_it(tmp_path):
    alone, elsewhere = pages(tmp_path, EXAMPLE, ("--device", "cpu", "-j1"), ("--device", "cpu", "--timeout", "300"))
    assert alone == elsewhere and b"where the model would put it" in alone
