"""What every request to the bundled server passes first: who may ask at all, where a session is kept, and the headers of every reply.

Standard library only. The session token of a browser is kept in a cookie that no script can read; the page is given a placeholder, which
it sends as it would send a token. So a request counts only with both: the cookie alone, which a page of another site could make a browser
send, opens nothing, and what a script could steal from the page opens nothing either. Programs, which send no Origin, get the token itself.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from page_policy import FRAME, FRAME_POLICY  # type: ignore[import-not-found]  # of this folder, which is no package
from teach_page import POLICY, is_teach  # type: ignore[import-not-found]  # as above

API, TOKEN, SESSION = "/api/", "/api/v1/token", "/api/v1/session"
COOKIE = "prefopt_session"
SESSION_SECONDS = 24 * 3600
"""As long as argilla-server's tokens are valid."""
FIXED: dict[str, dict[str, Any]] = {
    "/api/v1/settings": {"argilla": {"share_your_progress_enabled": False, "show_huggingface_space_persistent_storage_warning": False}},
    "/api/v1/oauth2/providers": {"items": []},
}
"""What the sign-in page asks for before anyone has signed in: constants, that tell nothing about this server."""
PLACEHOLDER_END = ".kept-in-a-cookie"
MOST_LOGIN_BYTES = 10_000
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every reply, besides the policies for content and frames."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Gate:
    """ASGI application around `app`.

    Args:
        app: the application that is guarded.
        on_client: called with the address of the client of each request.
        end_session: called with the token of a session whose user signs out.
        policy: Content-Security-Policy of the page.
    """

    def __init__(self, app: App, on_client: Callable[[str], object], end_session: Callable[[str], object], policy: str) -> None:
        self._app, self._on_client, self._end_session = app, on_client, end_session
        self._of_page = {**HEADERS, "Content-Security-Policy": policy, "X-Frame-Options": "DENY"}
        self._of_teach = {**HEADERS, "Content-Security-Policy": POLICY, "X-Frame-Options": "DENY"}
        self._of_frame = {**HEADERS, "Content-Security-Policy": FRAME_POLICY, "X-Frame-Options": "SAMEORIGIN"}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":  # there is nothing to reach over a web socket
            path = scope["path"]
            headers = self._of_frame if path == FRAME else self._of_teach if is_teach(path) else self._of_page
            await self._answer(scope, receive, with_headers(send, headers, is_interface(scope["path"])))

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        path, method = scope["path"], scope["method"]
        self._on_client(scope["client"][0] if scope.get("client") else "")
        if not is_interface(path):
            await self._app(scope, receive, send)
        elif is_of_another_site(headers, method):
            await reply(send, 403, "this request comes from a page of another site")
        elif path == SESSION and method == "DELETE":
            self._end_session(cookie_of(headers))
            await reply(send, 204, "", [("Set-Cookie", cookie("", 0, scope))])
        elif path in FIXED and method == "GET":
            await reply(send, 200, FIXED[path])
        elif path == TOKEN and method == "POST":
            await self._sign_in(scope, receive, send, headers)
        elif (credentials := self._credentials(headers)) is None:
            await reply(send, 401, "sign in first", [("WWW-Authenticate", "Bearer")])
        else:
            kept = [(name, value) for name, value in scope["headers"] if name.lower() != b"cookie"]
            if credentials:
                kept = [(name, value) for name, value in kept if name.lower() != b"authorization"]
                kept.append((b"authorization", f"Bearer {credentials}".encode("latin-1")))
            await self._app({**scope, "headers": kept}, receive, send)

    def _credentials(self, headers: MutableMapping[str, str]) -> str | None:
        """The token to put in the place of the page's placeholder; "" if the request brings its own; None if it brings nothing."""
        authorization = headers.get("authorization", "")
        if authorization.endswith(PLACEHOLDER_END):
            return cookie_of(headers) or None
        return "" if authorization or headers.get("x-argilla-api-key") else None

    async def _sign_in(self, scope: Message, receive: Receive, send: Send, headers: MutableMapping[str, str]) -> None:
        """Pass the sign-in on; a browser gets the token as a cookie."""
        body = await read(receive, MOST_LOGIN_BYTES)
        if body is None:
            await reply(send, 413, "a name and a password are shorter")
            return
        started: list[Message] = []
        parts: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        plain = [(name, value) for name, value in scope["headers"] if name.lower() != b"accept-encoding"]
        is_page = "origin" in headers
        await self._app({**scope, "headers": plain}, replay(body), keep if is_page else send)
        if is_page:
            await self._give_cookie(scope, started[0], b"".join(parts), send)

    async def _give_cookie(self, scope: Message, start: Message, content: bytes, send: Send) -> None:
        if start["status"] == 201:
            answer = json.loads(content)
            token, answer["access_token"] = answer["access_token"], placeholder()
            content = json.dumps(answer).encode()
            kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
            kept.append((b"content-length", str(len(content)).encode()))
            kept.append((b"set-cookie", cookie(token, SESSION_SECONDS, scope).encode("latin-1")))
            start = {**start, "headers": kept}
        await send(start)
        await send({"type": "http.response.body", "body": content})


def is_interface(path: str) -> bool:
    """Whether a path is below /api, where data is; everything else is the page and its files, which anyone may load."""
    return path == "/api" or path.startswith(API)


def is_of_another_site(headers: MutableMapping[str, str], method: str) -> bool:
    """Whether a browser sends this request for a page of another site. Browsers name the page in Origin; programs send none."""
    if method in ("GET", "HEAD", "OPTIONS"):
        return headers.get("sec-fetch-site", "same-origin") == "cross-site"
    origin = headers.get("origin")
    return origin is not None and (host_of(origin) is None or host_of(origin) != host_of(f"//{headers.get('host', '')}"))


def host_of(url: str) -> str | None:
    """The name in an address, without the port, which a proxy may leave out; None for what is no address."""
    try:
        parts = urlsplit(url)
        return parts.hostname if parts.port is None or parts.port else None
    except ValueError:
        return None


def placeholder() -> str:
    """What the page keeps in the place of a token: it has the shape of one, because the page reads from it when the session ends."""
    parts = ({"alg": "none"}, {"exp": int(time.time()) + SESSION_SECONDS})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + PLACEHOLDER_END


def cookie(token: str, seconds: int, scope: Message) -> str:
    """The Set-Cookie header: unreadable to scripts, never sent along for another site, and over TLS only where the server has it."""
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    return f"{COOKIE}={token}; Path=/api/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"


def cookie_of(headers: MutableMapping[str, str]) -> str:
    """The session token of a request; "" without one."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def with_headers(send: Send, headers: Mapping[str, str], is_data: bool) -> Send:
    """A `send` that adds headers to the reply; replies of the interface are kept in no cache."""
    own = {name.lower().encode() for name in headers}
    added = [(name.encode(), value.encode()) for name, value in headers.items()] + ([(b"Cache-Control", b"no-store")] if is_data else [])

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message.get("headers", []) if name.lower() not in own]
            message = {**message, "headers": kept + added}
        await send(message)

    return sending


async def reply(send: Send, status: int, answer: str | dict[str, Any], headers: Iterable[tuple[str, str]] = ()) -> None:
    """A reply of the gate's own: JSON, or an error message in the form of argilla-server's."""
    content = json.dumps({"detail": answer} if isinstance(answer, str) else answer).encode() if answer else b""
    sent = [(b"content-length", str(len(content)).encode())] + ([(b"content-type", b"application/json")] if content else [])
    sent += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": content})


async def read(receive: Receive, most: int) -> bytes | None:
    """The body of a request; None if it is longer than `most` bytes or the client is gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def replay(body: bytes) -> Receive:
    """A `receive` that gives a body that was read."""
    sent = False

    async def receiving() -> Message:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving
