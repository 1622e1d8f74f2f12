"""Completion by shells: what is offered, and the script of bash at work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str, **variables: str) -> str:
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, encoding="utf-8", cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def offered(line: str) -> list[str]:
    """What fish is offered at the end of a line."""
    variables = {"_MAIMOD_COMPLETE": "complete_fish", "_TYPER_COMPLETE_ARGS": line}
    answer = run(sys.executable, "mai_mod.py", **variables, _TYPER_COMPLETE_FISH_ACTION="get-args")
    return [one.partition("\t")[0] for one in answer.splitlines()]


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("maimod ", {"check", "explain", "completion"}),
        ("maimod check --sel", {"--select"}),
        ("maimod check --select kiai,rhythm/unsn", {"kiai,rhythm/unsnapped"}),
        ("maimod check --fail-on ", {"problem", "never"}),
        ("maimod check --format s", {"sarif"}),
        ("maimod explain kiai/uns", {"kiai/unsnapped"}),
        ("maimod check --fail-on=", {"--fail-on=problem", "--fail-on=never"}),
        ("maimod check fail_on=ne", {"fail_on=never"}),
        ("maimod check --select=kiai,rhythm/unsn", {"--select=kiai,rhythm/unsnapped"}),
    ],
)
def test_what_is_offered(line, some):
    assert some <= set(offered(line))


@pytest.mark.parametrize(("line", "code"), [("maimod check --fail-on ", 0), ("maimod check Songs/", 1)])
def test_fish_is_told_to_offer_files_where_there_is_nothing_else(line, code):
    variables = {"_MAIMOD_COMPLETE": "complete_fish", "_TYPER_COMPLETE_ARGS": line}
    done = subprocess.run(
        [sys.executable, "mai_mod.py"],
        env={**os.environ, **variables, "_TYPER_COMPLETE_FISH_ACTION": "is-args"},
        cwd=ROOT,
    )
    assert done.returncode == code


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_every_shell_has_a_script(shell):
    assert "_MAIMOD_COMPLETE" in run(sys.executable, "mai_mod.py", "completion", shell)


def test_the_file_of_zsh_completes_at_its_first_call_too():
    *_, last = run(sys.executable, "mai_mod.py", "completion", "zsh").splitlines()
    assert last == 'if [[ "$funcstack[1]" == _maimod ]]; then _maimod_completion "$@"; fi'


@pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="needs bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("check", "--min-sev"), "--min-severity"),
        (("check", "--fail-on", "=", "pro"), "problem"),  # "=" is a word of its own
        (("check", "fail_on", "=", "ne"), "never"),
        (("check", "--fail-on", "="), "problem warning minor never"),
    ],
)
def test_the_script_of_bash(tmp_path, words, expected):
    command = tmp_path / "maimod"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "mai_mod.py"}" "$@"\n')
    command.chmod(0o755)
    script = f"""source <(maimod completion bash); COMP_WORDS=(maimod {" ".join(words)}); COMP_CWORD={len(words)}
        _maimod_completion maimod; echo "${{COMPREPLY[@]}}" """
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    assert run("bash", "--norc", "-c", script, PATH=path).split() == expected.split()
