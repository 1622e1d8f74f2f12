"""Files that nothing uses, and files that something does."""

from __future__ import annotations

from maimod.rules.mapset import samples, storyboards, unused_files
from tests.mapset import hitsound, versions, write, write_media
from tests.sets import found

CHECKS = samples.CHECK, storyboards.CHECK, unused_files.CHECK


def test_hitsounds_that_no_hit_plays(tmp_path):
    write_media(tmp_path)
    for name in ("soft-hitnormal3.wav", "taiko-soft-hitclap2.wav", "drum-hitclap2.wav"):
        hitsound(tmp_path / name)
    (finding,) = found(tmp_path, unused_files.CHECK, versions())
    assert finding.rule == "mapset/unused-file" and "hitsounds that no hit plays" in finding.message
    assert finding.evidence["files"] == ["drum-hitclap2.wav", "soft-hitnormal3.wav"]


def test_named_samples_and_storyboards(tmp_path):
    write_media(tmp_path)
    given = versions()
    given["Hard"] = given["Hard"].with_objects(
        lambda lines: [lines[0].replace("0:0:0:0:", "0:0:0:0:kick.wav"), *lines[1:]]
    )
    board = (
        '[Events]\nAnimation,Foreground,Centre,"sb/a.png",320,240,2,100\nSprite,Foreground,Centre,"sb/b.png",320,240\n'
    )
    (tmp_path / "song.osb").write_text(board)
    (tmp_path / "sb").mkdir()
    for name in ("a0.png", "b.png", "c.png"):
        (tmp_path / "sb" / name).write_bytes(b"x")
    write(tmp_path, given)
    findings = [one for check in CHECKS for one in found(tmp_path, check)]
    assert [(finding.rule, finding.actual) for finding in findings] == [
        ("mapset/sample-missing", "kick.wav"),
        ("mapset/storyboard-file", "sb/a1.png"),
        ("mapset/unused-file", "sb/c.png"),
    ]
    (tmp_path / "kick.wav").write_bytes(b"RIFF")
    (tmp_path / "sb" / "a1.png").write_bytes(b"x")
    assert [finding.actual for check in CHECKS for finding in found(tmp_path, check)] == ["sb/c.png"]


def test_elements_of_a_skin_and_what_git_needs_are_no_left_overs(tmp_path):
    write_media(tmp_path)
    for name in (
        "hitcircle.png",
        "cursor@2x.png",
        "skin.ini",
        "combobreak.wav",
        ".gitignore",
        "maimod.toml",
        "README.md",
    ):
        (tmp_path / name).write_bytes(b"x" * 50)
    assert found(tmp_path, unused_files.CHECK, versions()) == []
