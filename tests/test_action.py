"""The GitHub Action, the workflow to copy and the pre-commit hook, each checked by the tool that reads it; the action's
script is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import maimod
from maimod.app import main
from tests.linter.test_api import FAULTY

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


def validate(schema: str, path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)],
        capture_output=True,
        encoding="utf-8",
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_action_is_valid_and_pinned():
    validate("vendor.github-actions", ROOT / "action.yml")
    used = [step["uses"] for step in ACTION["runs"]["steps"] if "uses" in step]
    assert len(used) == 3 and all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one) for one in used)


def test_the_action_installs_locked_requirements_without_torch():
    (step,) = [step for step in ACTION["runs"]["steps"] if step.get("name") == "Install"]
    locked, own = (line for line in step["run"].splitlines() if "pip install" in line)
    assert "--require-hashes" in locked and "/requirements-light.txt" in locked and "--no-deps" in own
    light = (ROOT / "requirements-light.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", light, re.M))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"[<>=]", one)[0].replace("_", "-") for one in project["dependencies"]}
    assert needed < pinned.keys() and not {"torch", "scipy"} & pinned.keys()
    # Every entry has hashes, and the versions that the tests run with.
    entries = re.split(r"\n(?=\w)", light.partition("\n")[2])
    assert len(entries) == len(pinned) and all("--hash=sha256:" in entry for entry in entries)
    tested = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M))
    assert {name: pinned[name] for name in pinned.keys() & tested.keys()} == {
        name: tested[name] for name in pinned.keys() & tested.keys()
    }


def test_the_workflow_of_releases_is_valid_and_builds_what_the_readme_installs():
    path = ROOT / ".github" / "workflows" / "release.yml"
    validate("vendor.github-workflows", path)
    assert "pipx run build" in path.read_text(encoding="utf-8")
    assert f"maimod-{maimod.__version__}-py3-none-any.whl" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_workflow_to_copy_is_valid_and_gives_inputs_that_there_are(tmp_path):
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    workflow = re.search(r"```yaml\n(name: maimod\n.*?)```", text, re.S)[1]
    (tmp_path / "maimod.yml").write_text(workflow)
    validate("vendor.github-workflows", tmp_path / "maimod.yml")
    (step,) = [step for step in yaml.safe_load(workflow)["jobs"]["maps"]["steps"] if "with" in step]
    assert set(step["with"]) <= set(ACTION["inputs"])
    assert set(re.findall(r"^\| `([\w-]+)` \| ", text.partition("## Anywhere else")[0], re.M)) == set(ACTION["inputs"])


def test_the_hook_is_valid():
    result = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")],
        capture_output=True,
        encoding="utf-8",
    )
    assert result.returncode == 0, result.stdout + result.stderr
    for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")):
        assert main([*hook["entry"].split()[1:], "--show-settings", str(ROOT / "README.md")]) == 0  # existing options


@pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="needs bash")
def test_the_script_of_the_action(tmp_path):
    (step,) = [step for step in ACTION["runs"]["steps"] if step.get("id") == "check"]
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "maimod"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "mai_mod.py"}" "$@"\n')
    command.chmod(0o755)
    (tmp_path / "a set").mkdir()
    (tmp_path / "a set" / "Hard.osu").write_text(FAULTY)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PATHS": "a set\n\n",
        "FAIL_ON": "warning",
        "BASELINE": "",
        "DIFF": "",
        "SHARD": "",
        "DOCS": "/blob//docs",
        "SARIF": "out.sarif",
        "ARGS": "--no-model --select 'rhythm, timing' --level hard",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_WORKSPACE": str(tmp_path),
    }

    def run(**inputs: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", "-eo", "pipefail", "-c", step["run"]]
        result = subprocess.run(
            command, cwd=tmp_path, env={**environment, **inputs}, capture_output=True, encoding="utf-8"
        )
        assert result.returncode == 0, result.stderr
        return result

    result = run()
    assert (tmp_path / "output").read_text() == "exit-code=1\n"
    assert "::error file=a set/Hard.osu,line=" in result.stdout and "mapset/" not in result.stdout
    assert (tmp_path / "out.sarif").exists() and "rhythm/unsnapped" in (tmp_path / "summary").read_text(
        encoding="utf-8"
    )
    (tmp_path / "output").unlink()
    wrong = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step["run"]],
        cwd=tmp_path,
        env={**environment, "ARGS": "--select 'rhythm"},
        capture_output=True,
        encoding="utf-8",
    )
    assert wrong.returncode != 0 and "quote" in wrong.stderr and not (tmp_path / "output").exists()
    run(ARGS="--no-model --select ''")  # an empty value stays one
    # A pull request that changes nothing about the set; one of two shards, which is empty.
    for command in (
        ["init", "-q"],
        ["add", "a set"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    for inputs in ({"DIFF": "HEAD"}, {"SHARD": "2/2"}):
        (tmp_path / "output").unlink()
        run(**inputs)
        assert (tmp_path / "output").read_text() == "exit-code=0\n"
