"""The map that is open in osu!, from a server in place of tosu."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from maimod.errors import UsageError
from maimod.ui import editor
from maimod.ui.editor import open_map


@pytest.fixture
def tosu():
    """A server that answers with `tosu.status` and `tosu.body`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            content = self.server.body if isinstance(self.server.body, bytes) else json.dumps(self.server.body).encode()
            self.send_response(self.server.status if self.path == "/json/v2" else 404)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.status, server.body = 200, {}
    server.url = f"http://127.0.0.1:{server.server_port}/json/v2"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def answer(songs, file: str, client: str = "stable") -> dict:
    return {
        "client": client,
        "state": {"number": 1, "name": "edit"},
        "folders": {"game": "x", "songs": str(songs), "beatmap": "1 A - B"},
        "files": {"beatmap": "A - B [Hard].osu"},
        "directPath": {"beatmapFile": file, "beatmapFolder": "1 A - B"},
    }


def test_the_open_difficulty_is_found_by_the_path_of_windows(tosu, tmp_path):
    (tmp_path / "1 A - B").mkdir()
    (tmp_path / "1 A - B" / "A - B [Hard].osu").touch()
    tosu.body = answer(tmp_path, "1 A - B\\A - B [Hard].osu")
    found = open_map(tosu.url)
    assert (found.folder, found.file) == (str(tmp_path / "1 A - B"), "A - B [Hard].osu")


@pytest.mark.parametrize(
    ("status", "body", "line"),
    [
        (500, {"error": "not_ready"}, "start osu!"),
        (200, {"error": "not_ready"}, "start osu!"),
        (200, {}, "no map is open"),
        (200, [1], "start osu!"),
        (200, b"<html>", "not the answer of tosu"),
        (200, b"[" * 100_000, "not the answer of tosu"),
        (200, answer("SONGS", ""), "no map is open"),
        (200, answer("SONGS", "1 A - B\\song.mp3"), "no map is open"),
        (200, answer("SONGS", "..\\..\\a.osu"), "no map is open"),
        (200, answer("Z:/elsewhere", "1 A - B\\a.osu"), "not a file on this computer"),
        (200, answer("SONGS", "f/ab/abcdef", client="lazer"), "Export for editing"),
        (200, {"folders": 3, "directPath": None}, "no map is open"),
    ],
)
def test_what_cannot_be_opened_is_one_line(tosu, status, body, line):
    tosu.status, tosu.body = status, body
    with pytest.raises(UsageError, match=line) as error:
        open_map(tosu.url)
    assert "\n" not in str(error.value)


def test_without_tosu_one_line_says_what_to_do(tosu, monkeypatch):
    tosu.shutdown()
    tosu.server_close()
    with pytest.raises(UsageError, match="tosu is not running: start it"):
        open_map(tosu.url)
    monkeypatch.setattr(editor, "TIMEOUT_S", 0.2)
    assert editor.URL.startswith("http://127.0.0.1:")
