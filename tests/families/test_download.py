"""Hugging Face ids: downloaded on first use, then used without the network. The hub here is a small server on this
machine."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote

import pytest

pytest.importorskip("huggingface_hub")

from tests import checkpoints

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """Serves one model repository the way the hub does."""

    folder: Path
    asked: list[str]

    def do_GET(self) -> None:
        self.answer(True)

    def do_HEAD(self) -> None:
        self.answer(False)

    def answer(self, with_body: bool) -> None:
        self.asked.append(self.path)
        path = unquote(self.path.partition("?")[0])
        files = {
            str(file.relative_to(self.folder)): file.stat().st_size
            for file in sorted(self.folder.rglob("*"))
            if file.is_file()
        }
        if path.startswith("/api/models/someone/generator/tree/"):
            tree = [{"type": "file", "path": name, "size": size, "oid": "0" * 40} for name, size in files.items()]
            self.send(json.dumps(tree).encode(), with_body, "application/json")
        elif path.startswith("/api/models/someone/generator"):
            model = {
                "_id": "1",
                "id": "someone/generator",
                "sha": COMMIT,
                "siblings": [{"rfilename": name} for name in files],
                "tags": [],
                "downloads": 0,
                "likes": 0,
                "private": False,
            }
            self.send(json.dumps(model).encode(), with_body, "application/json")
        elif path.startswith("/someone/generator/resolve/"):
            file = self.folder / path.split("/", 5)[5]
            self.send(file.read_bytes(), with_body) if file.is_file() else self.send_error(404)
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def send(self, body: bytes, with_body: bool, kind: str = "application/octet-stream") -> None:
        self.send_response(200)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("X-Repo-Commit", COMMIT),
            ("ETag", f'"{hashlib.sha256(body).hexdigest()}"'),
        ):
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Environment in which the local hub is the only one, and the paths it was asked for."""
    folder = checkpoints.write(tmp_path / "repository", "v32")
    checkpoints.write(folder / "gamemode=1", "v32", seed=2)
    (folder / "pytorch_model.bin").write_bytes(b"never asked for")
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Hub,), {"folder": folder, "asked": asked}))
    Thread(target=server.serve_forever, daemon=True).start()
    yield (
        os.environ
        | {
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1",
        },
        asked,
    )
    server.shutdown()
    server.server_close()


def info(name: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "mai_mod.py", "model", "info", name],
        env=environment,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_an_id_is_downloaded_once(hub: tuple[dict[str, str], list[str]]) -> None:
    environment, asked = hub
    first = info("someone/generator", environment)
    assert first.returncode == 0, first.stderr
    assert (
        "Mapperatorinator V32" in first.stdout
        and "gamemode=1" in first.stdout
        and "judges osu, taiko, catch, mania" in first.stdout
    )
    assert not any("pytorch_model.bin" in path for path in asked)
    asked.clear()
    assert info("someone/generator", environment).stdout == first.stdout and asked == []


@pytest.mark.parametrize("name", ["someone/else", "someone/generator@nowhere"])
def test_what_cannot_be_had_is_told_in_one_line(name: str, hub: tuple[dict[str, str], list[str]]) -> None:
    environment = hub[0] | ({"HF_ENDPOINT": "http://127.0.0.1:9"} if "@" in name else {})
    answer = info(name, environment)
    assert answer.returncode == 2 and answer.stdout == "" and answer.stderr.count("\n") == 1
    assert name in answer.stderr and "give the path of a folder" in answer.stderr
