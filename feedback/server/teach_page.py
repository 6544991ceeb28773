"""The page for teachers at /teach: its files, and its Content-Security-Policy. Standard library only.

The page is served under the origin of argilla-server, signs in as Argilla's own page does, and writes answers through Argilla's own REST
interface. Its files are read once at the start. Its policy is stricter than that of Argilla's page: no inline script or style at all, and
no text can become markup (Trusted Types).
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

PAGE = "/teach"
FOLDER = Path(__file__).with_name("teach")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
"""Of what is served; other files of the folder, such as licenses, are not."""
PACKED = (".html", ".css", ".js", ".svg")
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


def is_teach(path: str) -> bool:
    """Whether a path is of the page for teachers."""
    return path == PAGE or path.startswith(f"{PAGE}/")


class TeachPage:
    """ASGI application: answers for the page and its files, and passes everything else on to `app`.

    Args:
        app: the application behind it.
        folder: of the files.
    """

    def __init__(self, app: App, folder: Path = FOLDER) -> None:
        self._app = app
        paths = [path for path in sorted(folder.rglob("*")) if path.suffix in TYPES]
        self._files = {f"{PAGE}/{path.relative_to(folder).as_posix()}": _File(path) for path in paths}
        self._files[PAGE] = self._files[f"{PAGE}/"] = self._files[f"{PAGE}/index.html"]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_teach(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        file = self._files.get(scope["path"])
        if scope["method"] not in ("GET", "HEAD") or file is None:
            await _reply(send, 405 if file else 404, [], b"")
        elif headers.get("if-none-match") == file.mark:
            await _reply(send, 304, file.headers, b"")
        else:
            packed = file.packed if "gzip" in headers.get("accept-encoding", "") else None
            more = [("content-encoding", "gzip")] if packed else []
            await _reply(send, 200, [*file.headers, *more], packed or file.content, with_body=scope["method"] == "GET")


class _File:
    """One file, packed where that makes it smaller."""

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        self.packed = gzip.compress(self.content, mtime=0) if path.suffix in PACKED else None
        self.mark = f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'
        kept = "public, max-age=31536000" if path.suffix == ".woff2" else "no-cache"  # a new version is asked for at every visit
        self.headers = [("content-type", TYPES[path.suffix]), ("etag", self.mark), ("cache-control", kept), ("vary", "Accept-Encoding")]


async def _reply(send: Send, status: int, headers: list[tuple[str, str]], content: bytes, with_body: bool = True) -> None:
    sent = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    if status != 304:
        sent.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": content if with_body else b""})
