"""The command line, with the lint replaced by hand-made reports."""

from __future__ import annotations

import errno
import gc
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import typer

import maimod
from maimod import app
from maimod.commands import command_line
from maimod.errors import UsageError
from maimod.findings import BeatmapReport, Category, Finding, ModelInfo, Severity, Tier
from maimod.linter.settings import Settings
from maimod.reporters import progress_bar
from maimod.rules import RULES
from maimod.rules.base import Rule
from maimod.rules.checks import BeatmapCheck

ROOT = Path(__file__).parents[1]
WARNING = Finding(
    "rhythm/missing", Category.RHYTHM, Severity.WARNING, 0.7, "Nothing here.", 1.0, "00:00:001 -", 9, surprisal=9.0
)
PROBLEM = Finding("timing/offset", Category.TIMING, Severity.PROBLEM, 0.9, "24 ms late.", 1.0, "00:00:001 -", 9)
BROKEN = BeatmapReport("bad.osu", "error", ("bad.osu:3: cannot read hit object",))


def beatmap(*findings: Finding) -> BeatmapReport:
    return BeatmapReport("a.osu", "ok", (), "T", "A", "C", "V [x]", "osu", "a.mp3", 5, 1000.0, 9, 0, findings)


def rule(name: str, *evidence: str) -> Rule:
    return Rule(
        name,
        f"Title of {name}",
        Severity.WARNING,
        Tier.EXACT,
        evidence,
        "Because it matters.",
        "By looking.",
        "It is meant.",
        "Much.",
        "https://osu.ppy.sh/wiki",
    )


CHECKS = (
    BeatmapCheck(
        Category.RHYTHM,
        "Rhythm",
        (rule("rhythm/missing", "model", "audio"), rule("rhythm/unsnapped", "map")),
        lambda _: iter(()),
    ),
    BeatmapCheck(Category.TIMING, "Timing", (rule("timing/offset", "audio"),), lambda _: iter(())),
)


@dataclass
class Lint:
    """Replaces `maimod.linter.api.lint`: stores its arguments; its run yields `beatmaps`."""

    beatmaps: tuple[BeatmapReport, ...] = ()
    error: Exception | None = None
    paths: list[str] | None = None
    settings: Settings | None = None

    def __call__(self, paths, settings, **options) -> Run:
        self.paths, self.settings = list(paths), settings
        return Run(self.beatmaps, self.error)


class Run:
    """Replaces the run of a lint."""

    model = ModelInfo("maimod-mini", "maimod", "cpu", "fp32")

    def __init__(self, beatmaps: tuple[BeatmapReport, ...], error: Exception | None) -> None:
        self.beatmaps, self.error, self.total = beatmaps, error, len(beatmaps)
        self.settings = [Settings()] * self.total
        self.mapsets, self.finished = 1, 0

    def __iter__(self) -> Iterator[BeatmapReport]:
        if self.error:
            raise self.error
        yield from self.beatmaps
        self.finished = 1

    def held(self) -> list[tuple[BeatmapReport, Settings]]:
        return []

    def close(self) -> None:
        pass


@pytest.fixture
def lint(monkeypatch, tmp_path) -> Lint:
    fake = Lint((beatmap(),))
    rules = {rule.id: rule for check in CHECKS for rule in check.rules}
    stand_ins = {"maimod.linter.api": {"lint": fake}, "maimod.rules": {"CHECKS": CHECKS, "RULES": rules}}
    for name, contents in stand_ins.items():
        module = ModuleType(name)
        module.__dict__.update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delenv("MAIMOD_DEBUG", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.chdir(tmp_path)
    return fake


# --- key=value ---


@pytest.mark.parametrize(
    ("tokens", "paths"),
    [
        (["beatmap_path=x.osu"], ["x.osu"]),
        (["check", "beatmap_path=x.osu"], ["x.osu"]),
        (["beatmap-path=x.osu"], ["x.osu"]),
        ([r"beatmap_path='C:\path with spaces\x.osu'"], [r"C:\path with spaces\x.osu"]),
        ([r"beatmap_path='C:\\path with spaces\\x.osu'"], [r"C:\\path with spaces\\x.osu"]),
        (['beatmap_path="x.osu"'], ["x.osu"]),
        (["beatmap_path=it's a 'map'.osu"], ["it's a 'map'.osu"]),
        (["beatmap_path=-x.osu"], ["-x.osu"]),
        (["beatmap_path=a=b [c=d]/x [y].osu"], ["a=b [c=d]/x [y].osu"]),
        (["x=1/[a] = [b].osu"], ["x=1/[a] = [b].osu"]),
        (["x.osu"], ["x.osu"]),
        (["x.osu", "y.osu"], ["x.osu", "y.osu"]),
        (["Songs/"], ["Songs/"]),
        ([r"Songs\set"], [r"Songs\set"]),
        (["--no-model", "x.osu"], ["x.osu"]),
        (["-q", "x.osu"], ["x.osu"]),
        (["--device=cpu", "x.osu"], ["x.osu"]),
        (["check", "--", "device=cpu"], ["device=cpu"]),
    ],
)
def test_paths_arrive_verbatim(lint, tokens, paths):
    assert app.main(tokens) == 0
    assert lint.paths == paths


def test_keys_are_options_by_another_spelling(lint, capsys):
    assert (
        app.main(
            [
                "beatmap_path=x.osu",
                "audio_path='my song.mp3'",
                "model_path=m=1",
                "device=cuda:1",
                "precision=bf16",
                "raw_output=true",
                "no_model=false",
                "fail_on=never",
                "max_findings=3",
                "select=rhythm,timing/offset",
            ]
        )
        == 0
    )
    assert lint.settings == Settings(
        "m=1", device="cuda:1", precision="bf16", audio_path=Path("my song.mp3"), select=("rhythm", "timing/offset")
    )


def test_empty_values_leave_the_default(lint):
    assert app.main(["beatmap_path=x.osu", "audio_path=", "model_path=''", "raw_output="]) == 0
    assert lint.settings == Settings()


def test_existing_paths_win(lint, tmp_path):
    (tmp_path / "device=cpu").mkdir()
    (tmp_path / "rhythm").touch()
    assert app.main(["device=cpu", "rhythm"]) == 0
    assert lint.paths == ["device=cpu", "rhythm"] and lint.settings.device == "auto"


def test_values_of_options_are_not_rewritten(lint):
    assert app.main(["check", "x.osu", "--audio-path", "device=cpu.mp3"]) == 0
    assert lint.settings.audio_path == Path("device=cpu.mp3") and lint.settings.device == "auto"


# --- check ---


@pytest.mark.parametrize(
    ("beatmaps", "options", "code"),
    [
        ((beatmap(),), [], 0),
        ((beatmap(WARNING),), [], 0),
        ((beatmap(PROBLEM),), [], 1),
        ((beatmap(WARNING),), ["--fail-on", "warning"], 1),
        ((beatmap(WARNING),), ["--fail-on", "minor"], 1),
        ((beatmap(PROBLEM),), ["--fail-on", "never"], 0),
        ((beatmap(WARNING),), ["--fail-on", "warning", "--min-severity", "problem"], 1),
        ((beatmap(WARNING),), ["--fail-on", "warning", "--max-findings", "0"], 1),
        ((BROKEN,), [], 2),
        ((BROKEN, BROKEN), ["--fail-on", "never"], 2),
        ((BROKEN, beatmap()), [], 1),
        ((BROKEN, beatmap()), ["--fail-on", "never"], 0),
        ((BROKEN, beatmap(PROBLEM)), [], 1),
    ],
)
def test_exit_codes(lint, beatmaps, options, code):
    lint.beatmaps = beatmaps
    assert app.main(["check", "x", *options]) == code
    assert app.main(["check", "x", *options, "--format", "json"]) == code


def test_a_check_without_a_path_is_of_the_current_folder(lint):
    assert app.main(["check"]) == 0 and lint.paths == ["."]


def test_results_on_stdout_failures_on_stderr(lint, capsys):
    lint.beatmaps = (beatmap(WARNING),)
    app.main(["check", "x"])
    text, errors = capsys.readouterr()
    assert text.startswith("A – T [V [x]] by C\n") and "00:00:001 -" in text and "\x1b" not in text and not errors
    lint.beatmaps = (BROKEN,)
    app.main(["check", "x"])
    assert capsys.readouterr() == ("", "maimod: bad.osu:3: cannot read hit object\n")
    alike = [replace(BROKEN, path=f"{name}.osu", messages=("maimod.toml: 3 is not a text",)) for name in "abc"]
    lint.beatmaps = (*alike, BROKEN)
    app.main(["check", "x"])
    one, other = capsys.readouterr().err.splitlines()
    assert one == "maimod: a.osu and 2 more: maimod.toml: 3 is not a text" and other.startswith("maimod: bad.osu:3: ")


def test_formats_to_files(lint, tmp_path, capsys):
    lint.beatmaps = (beatmap(WARNING),)
    assert app.main(["check", "x", "--format", "console", "--format", "json:r.json", "--format", "console:r.txt"]) == 0
    assert json.loads((tmp_path / "r.json").read_text())["tool"]["version"] == maimod.__version__
    text, errors = capsys.readouterr()
    assert (tmp_path / "r.txt").read_text(encoding="utf-8") == text
    assert errors == "maimod: json report written to r.json\nmaimod: console report written to r.txt\n"


def test_estimates_are_told_from_facts_by_their_rules(lint, capsys):
    lint.beatmaps = (beatmap(PROBLEM),)
    app.main(["check", "x"])
    assert "likely 90 % P 00:00:001 -" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("tokens", "line"),
    [
        (
            ["check", "x", "--format", "jsn"],
            "--format jsn: no such format; did you mean json? "
            "(there are: console, concise, html, json, sarif, junit, github, gitlab, markdown, verdict)",
        ),
        (
            ["check", "x", "--format", "console", "--format", "json"],
            "only one --format can go to stdout; send the other to a file, as in --format json:report.json",
        ),
        (
            ["check", "x", "--format", "json:map.osu"],
            "--format json:map.osu: would overwrite a file of a map; maimod never changes one",
        ),
        (["check", "x", "--format", "json:no/r.json"], "--format json:no/r.json: there is no folder no; make it first"),
        (["check", "x", "--format", "json:."], "--format json:.: this is a folder; name a file"),
        (["check", "x", "--ignore", "rythm"], "--ignore rythm: no such rule; did you mean rhythm?"),
        (["check", "x", "--select", "rhythm,ofset"], "--select ofset: no such rule; did you mean timing/offset?"),
        (
            ["check", "x", "--device", "gpu"],
            "invalid value for --device: 'gpu' is not one of auto, cpu, cuda, cuda:N, mps (see maimod check --help)",
        ),
        (
            ["check", "x", "--precision", "fp8"],
            "invalid value for '--precision': 'fp8' is not one of 'auto', 'fp32', 'bf16', 'amp', 'int8' (see maimod check --help)",
        ),
        (
            ["check", "x", "--max-findings", "many"],
            "invalid value for '--max-findings': must be a whole number (see maimod check --help)",
        ),
        (
            ["check", "x", "--min-score", "2"],
            "invalid value for '--min-score': must be at most 1 (see maimod check --help)",
        ),
        (["check", ""], "invalid value for PATH: an empty path (see maimod check --help)"),
        (["beatmap_path=''"], "beatmap_path is empty: give the path of a .osu file"),
        (["beatmap_pat=x.osu"], "beatmap_pat=: no such option; did you mean beatmap_path=?"),
        (["beatmap_path=x", "raw_output=maybe"], "raw_output=maybe: must be true or false"),
        (["chekc"], "no such command 'chekc'; did you mean 'check'? (see maimod --help)"),
        (["--foo"], "no such option --foo (see maimod --help)"),
        (
            ["check", "x", "--no-modle"],
            "no such option --no-modle; did you mean --model or --no-cache or --no-model? (see maimod check --help)",
        ),
        (["explain"], "missing argument 'RULE' (see maimod explain --help)"),
        (["rules", "a", "b"], "one argument or more too many: a b (see maimod rules --help)"),
        (
            ["completion", "tcsh"],
            "invalid value for 'SHELL': 'tcsh' is not one of 'bash', 'zsh', 'fish', 'powershell' (see maimod completion --help)",
        ),
        (
            ["train", "no", "--output", "o"],
            "invalid value for 'SONGS_DIR': folder 'no' does not exist (see maimod train --help)",
        ),
        (["explain", ""], "an empty name; maimod rules lists the rules"),
        (["explain", "ofset"], "ofset: no such rule; did you mean timing/offset?"),
        (["explain", "xyz"], "xyz: no such rule; see maimod rules"),
    ],
)
def test_bad_usage_is_one_line(lint, capsys, tokens, line):
    assert app.main(tokens) == 2
    assert capsys.readouterr() == ("", f"maimod: {line}\n")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UsageError("x: no such file or folder"), "x: no such file or folder"),
        (
            ValueError("odd\n\x1b[2J"),
            "unexpected ValueError: odd \ufffd[2J (a bug; MAIMOD_DEBUG=1 shows the traceback)",
        ),
        (
            OSError(errno.EIO, "Input/output error"),
            "unexpected OSError: [Errno 5] Input/output error (a bug; MAIMOD_DEBUG=1 shows the traceback)",
        ),
    ],
)
def test_errors_are_one_line(lint, capsys, monkeypatch, error, line):
    lint.error = error
    assert app.main(["check", "x"]) == 2
    assert capsys.readouterr() == ("", f"maimod: {line}\n")


def test_a_folder_without_the_right_to_write_is_said_before_the_check(lint, capsys, monkeypatch):
    monkeypatch.setattr(command_line.os, "access", lambda path, mode: False)
    assert app.main(["check", "x", "--format", "json:r.json"]) == 2
    assert capsys.readouterr().err == "maimod: --format json:r.json: no right to write in .; name a file elsewhere\n"
    assert lint.paths is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("command", ["version", "rules"])
def test_a_full_disk_is_no_bug(command):
    code = f"from maimod.app import main; raise SystemExit(main(['{command}']))"
    with open("/dev/full", "w") as full:
        result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    line = "maimod: the output: cannot be written (No space left on device)\n"
    assert (result.returncode, result.stderr) == (2, line)


def test_debug_shows_the_traceback(lint, capsys, monkeypatch):
    lint.error = ValueError("odd")
    monkeypatch.setenv("MAIMOD_DEBUG", "1")
    assert app.main(["check", "x"]) == 2
    assert capsys.readouterr().err.startswith("Traceback")


def test_interrupt(lint, capsys):
    lint.error = KeyboardInterrupt()
    assert app.main(["check", "x"]) == 130
    assert capsys.readouterr() == ("", "maimod: interrupted after 0 of 1 mapset\n")


# --- the other commands ---


def test_explain(lint, capsys):
    assert app.main(["explain", "timing/offset"]) == 0
    assert (
        capsys.readouterr().out
        == """\
timing/offset  Title of timing/offset
W: warning at most · exact · evidence: audio · all modes

Why it matters
  Because it matters.

How it is found
  By looking.

Ignore it when
  It is meant.

Blind spots
  Much.

Source
  https://osu.ppy.sh/wiki

Leave it out: maimod check MAP --ignore timing/offset
"""
    )
    assert app.main(["explain", "rhythm"]) == 0
    text = capsys.readouterr().out
    assert "rhythm/missing  Title" in text and "rhythm/unsnapped  Title" in text and "timing" not in text


@pytest.mark.parametrize("rule", [rule for rule in RULES.values() if rule.proposal], ids=lambda rule: rule.id)
def test_explain_tells_both_ways_to_a_finding(rule, capsys):
    assert app.main(["explain", rule.id]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert 0 < text.find(" ".join(rule.how.split())) < text.find(rule.proposal)
    assert f"· {rule.tier.value} ·" in text


def test_rules(lint, capsys):
    assert app.main(["rules"]) == 0
    assert capsys.readouterr().out.splitlines()[:6] == [
        "Rhythm · 2",
        "  W rhythm/missing    Title of rhythm/missing  model+audio",
        "  W rhythm/unsnapped  Title of rhythm/unsnapped  map",
        "",
        "Timing · 1",
        "  W timing/offset     Title of timing/offset  audio",
    ]
    assert app.main(["rules", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in listed] == ["rhythm/missing", "rhythm/unsnapped", "timing/offset"]
    assert {one["tier"] for one in listed} == {"exact"} and {one["proposal"] for one in listed} == {""}
    assert listed[0]["modes"] == ["osu", "taiko", "catch", "mania"] and listed[0]["severity"] == "warning"


@pytest.mark.parametrize("tokens", [["version"], ["--version"]])
def test_version(capsys, tokens):
    assert app.main(tokens) == 0
    assert capsys.readouterr().out == f"maimod {maimod.__version__}\n"


def test_no_arguments_print_the_help_on_stderr(capsys):
    assert app.main([]) == 2
    text, errors = capsys.readouterr()
    assert not text and errors.startswith("Usage: maimod")


def test_a_group_alone_prints_its_help_in_lines(capsys):
    assert app.main(["model"]) == 2
    text, errors = capsys.readouterr()
    assert not text and errors.startswith("Usage: maimod model") and "\n  info " in errors


@pytest.mark.parametrize("name", ["maimod-proofreader", "maimod-slips"])
def test_a_bundled_network_that_is_no_generator_is_said_to_be_none(capsys, name):
    assert app.main(["model", "info", name]) == 2
    assert f"model {name}: no generator" in capsys.readouterr().err


def test_every_option_of_check_has_help():
    check = typer.main.get_command(app.app).commands["check"]
    assert all(one.help for one in check.params)


@pytest.mark.parametrize("command", [None, *sorted(typer.main.get_command(app.app).commands)])
def test_the_help_is_in_whole_sentences_and_plain_words(command, capsys):
    assert app.main([*([command] if command else ()), "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Usage: maimod")
    assert not re.search(r"\w\.\.\.\n|<int|<float|<str|list\[|\[\[", shown)


def test_the_help_of_a_command_of_a_group_has_plain_words_too(capsys):
    assert app.main(["model", "info", "--help"]) == 0
    assert "  NAME|DIR|ID  Bundled model" in capsys.readouterr().out


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60)


def test_help_imports_nothing_heavy():
    result = run(
        "import sys; from maimod.app import main; code = main(['--help'])\n"
        "print(code, sorted({'torch', 'numpy', 'scipy', 'rich', 'maimod.linter.models'} & set(sys.modules)))"
    )
    assert result.stdout.endswith("0 []\n") and "check" in result.stdout


def test_options_that_need_no_check_import_no_pydantic():
    result = run(
        "import sys; from maimod.app import main; code = main(['check', 'missing.osu', '--fail-on=never', '--no-cache'])\n"
        "print(code, 'pydantic' in sys.modules)"
    )
    assert result.stdout == "2 False\n" and "missing.osu" in result.stderr


def test_closed_pipe_is_quiet():
    result = run(
        "import os; read, write = os.pipe(); os.close(read); os.dup2(write, 1)\n"
        "from maimod.app import main; raise SystemExit(main(['version']))"
    )
    assert (result.returncode, result.stderr) == (0, "")


class ClosedPipe(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


@pytest.mark.parametrize("name", ["console", "json"])
def test_closed_pipe_keeps_the_exit_code(lint, capsys, monkeypatch, name):
    lint.beatmaps = (beatmap(PROBLEM),)
    monkeypatch.setattr(sys, "stdout", ClosedPipe())
    monkeypatch.setattr(command_line, "silence_stdout", lambda: None)
    assert app.main(["check", "x", "--format", name]) == 1
    assert capsys.readouterr().err == ""


def test_letters_the_console_lacks_do_not_fail(lint, monkeypatch):
    lint.beatmaps = (replace(beatmap(PROBLEM), title="残酷 \udcff"),)
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stream)
    assert app.main(["check", "x"]) == 1
    stream.flush()
    assert (
        stream.buffer.getvalue()
        .decode(stream.encoding)
        .startswith("A " if stream.encoding == "utf-8" else "A ? ?? ? [V")
    )


def test_progress_only_on_a_terminal_and_after_a_while(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
    err = io.StringIO()
    err.isatty = lambda: True
    with progress_bar.ProgressBar(err) as bar:
        bar(SimpleNamespace(stage="scoring", beatmap="a.osu", done=0.5, total=1.0))
    assert err.getvalue() == ""
    monkeypatch.setattr(progress_bar, "PROGRESS_DELAY_S", 0.0)
    with progress_bar.ProgressBar(err) as bar:
        bar(SimpleNamespace(stage="scoring", beatmap="a.osu", done=0.5, total=1.0))
        bar.timer.join()
    assert "scoring a.osu" in err.getvalue() and "50 %" in err.getvalue()


def test_a_process_that_ends_does_not_look_for_garbage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gc.unfreeze()
    assert app.main(["--version"]) == 0 and not gc.get_freeze_count()  # called by a program, which goes on
    monkeypatch.setattr(sys, "argv", ["maimod", "--version"])
    try:
        assert app.main() == 0 and gc.get_freeze_count()
    finally:
        gc.unfreeze()
    assert capsys.readouterr().out.count(maimod.__version__) == 2


def test_the_package_is_the_command_where_its_script_is_not_on_the_path():
    said = subprocess.run(
        [sys.executable, "-m", "maimod", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout == f"maimod {maimod.__version__}\n"
