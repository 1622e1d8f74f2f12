"""Requests are answered only for the page itself, at its address, with its token; and limits of uploads."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("python_multipart")  # comes with gradio

from maimod.ui import guard
from maimod.ui.guard import Guard

PORT = 7860
COOKIE = f"maimod-{PORT}"


async def _app(scope, receive, send):
    """Reads the whole request and answers with its size."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    headers = [(b"x-frame-options", b"ALLOWALL")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": str(size).encode()})


def make(tmp_path):
    return Guard(_app, tmp_path, frozenset({".osu", ".osz", ".mp3"}))


def ask(app, method="GET", path="/", body=(), **headers):
    """(status, headers, text) of a request; `body` in pieces as they arrive."""
    headers = {"host": f"127.0.0.1:{PORT}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "server": ("127.0.0.1", PORT),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items() if value is not None],
    }
    pieces = [{"type": "http.request", "body": one, "more_body": True} for one in body]
    pieces.append({"type": "http.request", "body": b"", "more_body": False})
    sent = []

    async def receive():
        return pieces.pop(0)

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    text = b"".join(message.get("body", b"") for message in sent[1:]).decode()
    return sent[0]["status"], dict(sent[0]["headers"]), text


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST:7860", "[::1]:7860"])
def test_the_page_is_served_at_loopback_names(tmp_path, host):
    status, headers, _ = ask(make(tmp_path), host=host)
    assert status == 200 and headers[b"x-frame-options"] == b"DENY"
    assert b"frame-ancestors 'none'" in headers[b"content-security-policy"]
    assert b"SameSite=Strict" in headers[b"set-cookie"] and b"HttpOnly" in headers[b"set-cookie"]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:7860",
        "127.0.0.1:80",
        "127.0.0.1",
        "127.0.0.1.evil.example:7860",
        "x@127.0.0.1:7860",
        "",
        "[",
        None,
    ],
)
def test_other_hosts_are_refused(tmp_path, host):
    status, headers, text = ask(make(tmp_path), host=host)
    assert status == 421 and b"set-cookie" not in headers and "address" in text


@pytest.mark.parametrize(
    "origin", ["http://evil.example:7860", "https://127.0.0.1:7860", "http://localhost:3000", "null", "file://"]
)
def test_other_origins_are_refused_with_the_token_too(tmp_path, origin):
    app = make(tmp_path)
    assert ask(app, "POST", "/gradio_api/queue/join", origin=origin, cookie=f"{COOKIE}={app.token}")[0] == 403


def test_calls_need_the_token(tmp_path):
    app, other = make(tmp_path), make(tmp_path)
    for method, path in (
        ("POST", "/gradio_api/queue/join"),
        ("GET", "/gradio_api/queue/data"),
        ("POST", "/"),
        ("DELETE", "/x"),
    ):
        assert ask(app, method, path)[0] == 403
        assert ask(app, method, path, cookie=f"{COOKIE}={other.token}")[0] == 403
        assert ask(app, method, path, cookie=f"a=b; {COOKIE}={app.token}", origin=f"http://localhost:{PORT}")[0] == 200


def test_scripts_and_the_start_need_none(tmp_path):
    app = make(tmp_path)
    assert ask(app, "GET", "/assets/index.js")[0] == 200 and ask(app, "GET", "/gradio_api/startup-events")[0] == 200
    assert b"set-cookie" not in ask(app, "GET", "/assets/index.js")[1]


def upload(name):
    return [
        b'--b\r\nContent-Disposition: form-data; name="files"; filen',
        f'ame="{name}"\r\nContent-Type: x/y\r\n\r\ndata\r\n--b--\r\n'.encode(),
    ]


@pytest.mark.parametrize(
    ("name", "status"), [("a.osu", 200), ("A.OSZ", 200), ("x.exe", 415), ("a.osu.exe", 415), ("a", 415)]
)
def test_uploads_are_maps_and_songs(tmp_path, name, status):
    app = make(tmp_path)
    sent = {"cookie": f"{COOKIE}={app.token}", "content_type": "multipart/form-data; boundary=b"}
    assert ask(app, "POST", "/gradio_api/upload", upload(name), **sent)[0] == status


def test_uploads_are_bounded(tmp_path, monkeypatch):
    app = make(tmp_path)
    sent = {"cookie": f"{COOKIE}={app.token}", "content_type": "multipart/form-data; boundary=b"}
    monkeypatch.setattr(guard, "MAX_UPLOAD_BYTES", 50)
    assert ask(app, "POST", "/gradio_api/upload", upload("a.osu"), **sent)[0] == 413
    monkeypatch.setattr(guard, "MAX_UPLOAD_BYTES", 500)
    monkeypatch.setattr(guard, "MAX_KEPT_BYTES", 1000)
    (tmp_path / "kept.mp3").write_bytes(b"x" * 990)
    assert ask(app, "POST", "/gradio_api/upload", upload("a.osu"), **sent)[0] == 413
    (tmp_path / "kept.mp3").unlink()
    assert ask(app, "POST", "/gradio_api/upload", upload("a.osu"), **sent)[0] == 200


def test_an_upload_that_is_no_form_is_refused(tmp_path):
    app = make(tmp_path)
    assert (
        ask(app, "POST", "/gradio_api/upload", [b"x"], cookie=f"{COOKIE}={app.token}", content_type="text/plain")[0]
        == 400
    )
