"""Request checks of the page's server: an ASGI layer around gradio's routes.

The server listens on the loopback address only, but every web page that is open in the same browser can send requests to it.
Three checks keep them out:

- `Host` must be a loopback name with the served port. A page elsewhere that lets its own name resolve to 127.0.0.1 (DNS
  rebinding) sends its own name.
- `Origin`, where a browser sends one, must be the page itself.
- Every request but the page and its scripts must carry the page's token, a cookie that is new at each start and that browsers
  do not send along from other sites (`SameSite=Strict`).

Sources: https://owasp.org/www-community/attacks/csrf, https://developer.mozilla.org/en-US/docs/Web/HTTP/Headers/Set-Cookie.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
API = "/gradio_api/"
UPLOAD = "/gradio_api/upload"
OPEN_CALLS = frozenset({"/gradio_api/startup-events"})
"""Calls without the token: gradio makes this one itself when it starts; it runs the page's start-up functions, once."""
MAX_UPLOAD_BYTES = 200 << 20
"""Largest upload of one request."""
MAX_KEPT_BYTES = 1 << 30
"""Largest total of uploads kept at one time."""
POLICY = (
    # gradio's own page sets styles and scripts inline and compiles its templates in the browser.
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' data: blob:; object-src 'none'; "
    "frame-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class _Refused(Exception):
    """A refused request: status and reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Guard:
    """ASGI middleware that refuses requests not sent by the page, and uploads that are not maps or songs."""

    def __init__(self, app: App, uploads: Path, suffixes: frozenset[str]) -> None:
        """Wrap `app`.

        Args:
            app: the application to protect.
            uploads: folder in which it keeps uploaded files.
            suffixes: of the files that may be uploaded, lower case, with the dot.
        """
        self.app, self.uploads, self.suffixes = app, uploads, suffixes
        self.token = secrets.token_urlsafe(24)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with one line."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            started = True
            await send(self._with_headers(scope, message))

        try:
            self._check(scope)
            await self.app(scope, self._watched(scope, receive), answer)
        except _Refused as refusal:
            if started:
                raise
            await _refuse(scope, send, refusal)

    def _check(self, scope: Scope) -> None:
        headers = _headers(scope)
        port = (scope.get("server") or ("", None))[1]
        if not _is_loopback(headers.get("host", ""), port):
            raise _Refused(421, "maimod answers only at the address it printed, on this computer.")
        origin = headers.get("origin")
        if origin is not None and not _is_own(origin, port):
            raise _Refused(403, "maimod answers only its own page.")
        needs_token = (
            scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS or scope["path"].startswith(API)
        )
        if needs_token and scope["path"] not in OPEN_CALLS and not self._has_token(headers, port):
            raise _Refused(
                403, "maimod answers only its own page: open the address it printed, or load the page again."
            )

    def _has_token(self, headers: MutableMapping[str, str], port: int | None) -> bool:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(_cookie_name(port))
        except CookieError:
            return False
        return cookie is not None and secrets.compare_digest(cookie.value.encode(), self.token.encode())

    def _with_headers(self, scope: Scope, message: Message) -> Message:
        """The answer with our headers, and with the token where it is the page itself."""
        if message["type"] != "http.response.start":
            return message
        names = {name for name, _ in HEADERS}
        headers = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in names]
        headers += HEADERS
        if scope["path"] == "/" and scope["method"] == "GET":
            port = (scope.get("server") or ("", None))[1]
            cookie = f"{_cookie_name(port)}={self.token}; Path=/; HttpOnly; SameSite=Strict"
            headers.append((b"set-cookie", cookie.encode()))
        return {**message, "headers": headers}

    def _watched(self, scope: Scope, receive: Receive) -> Receive:
        """`receive`, refusing an upload as soon as it shows that it is too large or of another kind."""
        if scope["type"] != "http" or scope["path"].rstrip("/") != UPLOAD or scope["method"] in SAFE_METHODS:
            return receive
        kept = _size(self.uploads)
        names = _FileNames(_headers(scope).get("content-type", ""))
        received = 0

        async def watched() -> Message:
            nonlocal received
            message = await receive()
            body = message.get("body", b"")
            received += len(body)
            if received > MAX_UPLOAD_BYTES:
                raise _Refused(
                    413, f"uploads hold at most {MAX_UPLOAD_BYTES >> 20} MB; give the folder's path instead."
                )
            if received + kept > MAX_KEPT_BYTES:
                raise _Refused(
                    413, "too much was uploaded since maimod started; give the folder's path, or start it again."
                )
            for name in names.feed(body):
                if PurePosixPath(name.replace("\\", "/")).suffix.lower() not in self.suffixes:
                    raise _Refused(415, f"maimod takes {', '.join(sorted(self.suffixes))}; not {name[:80]!r}.")
            return message

        return watched


class _FileNames:
    """Names of the files in a multipart body, as it arrives."""

    def __init__(self, content_type: str) -> None:
        # gradio's own dependency, with which it reads the same body.
        from python_multipart.multipart import MultipartParser, parse_options_header

        _, options = parse_options_header(content_type)
        if b"boundary" not in options:
            raise _Refused(400, "an upload is sent as multipart/form-data.")
        self._parse_options = parse_options_header
        self._found: list[str] = []
        self._field, self._value = b"", b""
        self._parser = MultipartParser(
            options[b"boundary"],
            {"on_header_field": self._on_field, "on_header_value": self._on_value, "on_header_end": self._on_header},
        )

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        if self._field.lower() == b"content-disposition":
            _, options = self._parse_options(self._value)
            name = options.get(b"filename") or options.get(b"filename*")
            if name is not None:
                self._found.append(name.decode("utf-8", "replace"))
        self._field, self._value = b"", b""

    def feed(self, body: bytes) -> list[str]:
        """Names whose headers are complete after `body`."""
        from python_multipart.exceptions import MultipartParseError

        try:
            self._parser.write(body)
        except MultipartParseError:
            raise _Refused(400, "the upload is damaged.") from None
        found, self._found = self._found, []
        return found


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _cookie_name(port: int | None) -> str:
    # Cookies do not know ports: two pages at once would take each other's.
    return f"maimod-{port}"


def _is_loopback(host: str, port: int | None) -> bool:
    """Whether a `Host` header names this computer and the served port."""
    try:
        parts = urlsplit(f"//{host}")
        return parts.hostname in LOOPBACK and (parts.port or 80) == port and parts.username is None and not parts.path
    except ValueError:
        return False


def _is_own(origin: str, port: int | None) -> bool:
    return origin.startswith("http://") and _is_loopback(origin.removeprefix("http://"), port)


def _size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total


async def _refuse(scope: Scope, send: Send, refusal: _Refused) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.reason})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.reason.encode()})
