"""Hugging Face ids: downloaded at first use, then used offline. The hub is a small local server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote

import pytest

pytest.importorskip("huggingface_hub")

from huggingface_hub import constants as hub_constants

from maimod.app import main
from tests import checkpoints

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """Serves one model repository like the hub."""

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
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Paths requested from the local hub, which replaces the real one."""
    folder = checkpoints.write(tmp_path / "repository", "v32")
    checkpoints.write(folder / "gamemode=1", "v32", seed=2)
    (folder / "pytorch_model.bin").write_bytes(b"never asked for")
    paths: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Hub,), {"folder": folder, "asked": paths}))
    Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(hub_constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(
        hub_constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(hub_constants, "HF_HUB_CACHE", str(tmp_path / "home"))
    monkeypatch.setattr(hub_constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield paths
    server.shutdown()
    server.server_close()


def info(name: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main(["model", "info", name])
    out, err = capsys.readouterr()
    return code, out, err


def test_an_id_is_downloaded_once(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = info("someone/generator", capsys)
    assert code == 0, err
    assert "Mapperatorinator V32" in out and "gamemode=1" in out and "scores osu, taiko, catch, mania" in out
    assert asked and not any("pytorch_model.bin" in path for path in asked)
    asked.clear()
    assert info("someone/generator", capsys)[1] == out and asked == []


@pytest.mark.parametrize("name", ["someone/else", "someone/generator@nowhere"])
def test_what_cannot_be_had_is_told_in_one_line(
    name: str, asked: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "@" in name:
        monkeypatch.setattr(hub_constants, "ENDPOINT", "http://127.0.0.1:9")
    code, out, err = info(name, capsys)
    assert code == 2 and out == "" and err.count("\n") == 1
    assert name in err and "give the path of a folder" in err
