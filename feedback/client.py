"""A client of Argilla's REST interface, which raises FeedbackError. Everything that is read from Argilla is read here.

The Python SDK is not used for reading: it drops ranks, ties, discards and the times of responses.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from feedback import bundled
from prefopt.errors import FeedbackError
from prefopt.io.retry import attempts

KEY_VARIABLE = "PREFOPT_ARGILLA_API_KEY"
PAGE = 1000
"""Records per page; the server's limit."""
ATTEMPTS = 4
FIRST_WAIT = 0.5
"""Seconds before the second attempt; each later one waits twice as long."""
TIMEOUT = 60.0
"""Seconds without a byte after which a request counts as broken."""
BUSY = (502, 503, 504)


class ArgillaClient:
    """An Argilla server as seen by one account. Requests that only read, or can be repeated safely, are tried up to four times."""

    def __init__(self, url: str, *, key: str = "", token: str = "") -> None:
        self.url = url.rstrip("/")
        header = {"X-Argilla-Api-Key": key} if key else {"Authorization": f"Bearer {token}"} if token else {}
        local = urlsplit(self.url).hostname in ("127.0.0.1", "localhost", "::1")
        self._http = httpx.Client(base_url=self.url, headers=header, timeout=TIMEOUT, trust_env=not local)  # no proxy for this machine

    def __repr__(self) -> str:
        return f"ArgillaClient({self.url!r})"  # never the key

    def get(self, path: str, **parameters: Any) -> Any:
        """The decoded JSON of a GET request with these query parameters. Raises as request."""
        return self.request("GET", path, params=parameters)

    def request(self, method: str, path: str, *, repeatable: bool | None = None, **options: Any) -> Any:
        """Send a request and return the decoded JSON of the reply (None if it is empty).

        Args:
            method: HTTP method.
            path: path below /api/v1.
            repeatable: whether sending it twice has the same effect as once; None decides by the method.
            options: passed to httpx.

        Raises:
            RefusedError: the server answered with a status of 400 or above.
            FeedbackError: unreachable after all attempts, or a reply that is not JSON.
        """
        repeatable = method in ("GET", "PUT", "DELETE") if repeatable is None else repeatable
        count = ATTEMPTS if repeatable else 1
        for number in attempts(count, FIRST_WAIT):
            try:
                reply = self._http.request(method, f"/api/v1{path}", **options)
            except httpx.TransportError as error:
                if number == count:
                    raise unreachable(self.url, error) from None
            else:
                if reply.status_code not in BUSY or number == count:
                    return self._decoded(reply, f"{method} {path}")
        raise AssertionError("the last attempt returns or raises")

    def _decoded(self, reply: httpx.Response, what: str) -> Any:
        if reply.status_code >= 400:
            raise RefusedError(*self._refusal(reply, what), status=reply.status_code)
        if not reply.content:
            return None
        try:
            return reply.json()
        except ValueError:
            raise FeedbackError(f"{self.url} did not answer {what} with JSON: is it an Argilla server?") from None

    def _refusal(self, reply: httpx.Response, what: str) -> tuple[str, str]:
        """Message and hint for a refused request."""
        if reply.status_code == 401:
            return f"Argilla at {self.url} does not know this API key or password (401)", f"set {KEY_VARIABLE} to the owner's key"
        if reply.status_code == 403:
            return f"this account lacks the permission for {what} in Argilla at {self.url} (403)", f"set {KEY_VARIABLE} to the owner's key"
        if reply.status_code in (503, 507):
            return (
                f"Argilla at {self.url} cannot store anything now ({what}): {_detail(reply)}",
                "fix that, then run the same command again",
            )
        return f"Argilla at {self.url} refused {what}: {reply.status_code} {reply.text[:500]}", ""

    def page(self, path: str) -> str:
        """What the server shows a browser at a path; empty where it shows nothing. Raises FeedbackError where it is unreachable."""
        for number in attempts(ATTEMPTS, FIRST_WAIT):
            try:
                reply = self._http.get(path)
            except httpx.TransportError as error:
                if number == ATTEMPTS:
                    raise unreachable(self.url, error) from None
            else:
                if reply.status_code not in BUSY or number == ATTEMPTS:
                    return reply.text if reply.status_code == 200 else ""
        raise AssertionError("the last attempt returns or raises")

    def owner_name(self) -> str:
        """Name of this account. Raises FeedbackError if it is not an owner: only owners can create workspaces and see who answered."""
        me = self.get("/me")
        if me["role"] != "owner":
            raise FeedbackError(
                f"the API key for {self.url} belongs to {me['username']!r}, whose role is {me['role']}, not owner",
                hint=f"set {KEY_VARIABLE} to an owner's key",
            )
        return str(me["username"])

    def workspace_id(self, name: str) -> str | None:
        """Id of a workspace by its name; None if this account sees no such workspace."""
        return next((str(item["id"]) for item in self.get("/me/workspaces")["items"] if item["name"] == name), None)

    def ensure_workspace(self, name: str) -> str:
        """Id of the workspace, which is created if it does not exist."""
        existing = self.workspace_id(name)
        return existing or str(self.request("POST", "/workspaces", json={"name": name})["id"])

    def dataset(self, name: str, workspace: str) -> dict[str, Any] | None:
        """A dataset of a workspace (given by id), or None."""
        items = self.get("/me/datasets", workspace_id=workspace)["items"]
        return next((dict(item) for item in items if item["name"] == name and str(item["workspace_id"]) == workspace), None)

    def records(self, dataset: str) -> Iterator[dict[str, Any]]:
        """Every record of a dataset, with its responses. A response does not change its record's time, so there is no "since"."""
        offset = 0
        while True:
            items = self.get(f"/datasets/{dataset}/records", include="responses", limit=PAGE, offset=offset)["items"]
            yield from items
            if len(items) < PAGE:
                return
            offset += len(items)

    def history(self, dataset: str, seen: Mapping[str, Any]) -> dict[str, Any] | None:
        """What the bundled server's log of answers says (feedback/server/history.py); None from a server without such a log.

        Args:
            dataset: id of the dataset.
            seen: `number` and `mark` of the last row that was seen, where there is one.
        """
        asked = {key: seen[key] for key in ("number", "mark") if key in seen}
        try:
            return dict(self.get("/prefopt/history", dataset=dataset, **asked))
        except RefusedError as error:
            if error.status >= 500:
                raise
            return None

    def asks_more(self) -> bool:
        """Whether the server lets single records want more teachers than their dataset does (feedback/server/overlap.py)."""
        try:
            return bool(self.get("/prefopt/overlap")["by_record"])
        except RefusedError as error:
            if error.status >= 500:
                raise
            return False

    def usernames(self) -> dict[str, str]:
        """User id -> user name."""
        return {str(user["id"]): str(user["username"]) for user in self.get("/users")["items"]}

    def api_keys(self) -> dict[str, str]:
        """User name -> API key. For comparison only: it is never shown or stored."""
        return {str(user["username"]): str(user["api_key"]) for user in self.get("/users")["items"]}

    def add_teacher(self, name: str, first_name: str, workspace: str, password: str) -> bool:
        """Create an annotator in a workspace (given by id). Returns False if the account exists; it is then only added to the workspace."""
        ids = {username: id for id, username in self.usernames().items()}
        is_new = name not in ids
        if is_new:
            body = {"username": name, "first_name": first_name, "role": "annotator", "password": password}
            ids[name] = str(self.request("POST", "/users", json=body)["id"])
        members = {str(user["id"]) for user in self.get(f"/workspaces/{workspace}/users")["items"]}
        if ids[name] not in members:
            self.request("POST", f"/workspaces/{workspace}/users", json={"user_id": ids[name]})
        return is_new

    def remove_teacher(self, name: str, workspace: str) -> bool:
        """Remove an account from a workspace (given by id); the account and its answers stay. Returns False if it was not a member."""
        members = {str(user["username"]): str(user["id"]) for user in self.get(f"/workspaces/{workspace}/users")["items"]}
        if name not in members:
            return False
        self.request("DELETE", f"/workspaces/{workspace}/users/{members[name]}")
        return True

    def rename(self, name: str, first_name: str) -> None:
        """Set the name that the page shows for an account."""
        ids = {username: id for id, username in self.usernames().items()}
        self.request("PATCH", f"/users/{ids[name]}", json={"first_name": first_name}, repeatable=True)

    def set_password(self, name: str, password: str) -> None:
        """Replace the password of an account."""
        ids = {username: id for id, username in self.usernames().items()}
        self.request("PATCH", f"/users/{ids[name]}", json={"password": password}, repeatable=True)


def _detail(reply: httpx.Response) -> str:
    """The server's own error message."""
    try:
        return str(reply.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return reply.text[:500] or f"status {reply.status_code}"


class RefusedError(FeedbackError):
    """The server refused the request; `status` is its HTTP status."""

    def __init__(self, message: str, hint: str = "", *, status: int) -> None:
        super().__init__(message, hint=hint)
        self.status = status


def unreachable(url: str, error: Exception) -> FeedbackError:
    """The error for a server that does not answer."""
    return FeedbackError(
        f"Argilla at {url} cannot be reached: {error or type(error).__name__}",
        hint="start it with `prefopt argilla up`, or correct url in [feedback.options]",
    )


def sign_in(url: str, name: str, password: str) -> ArgillaClient:
    """A client for a teacher's account. Raises RefusedError with status 401 if the password is wrong."""
    reply = ArgillaClient(url).request("POST", "/token", data={"username": name, "password": password}, repeatable=True)
    return ArgillaClient(url, token=reply["access_token"])


def find_server(project: Path, url: str = "", home: Path | None = None) -> tuple[str, str]:
    """URL and owner's API key of a project's Argilla.

    The URL is the configured one, otherwise the bundled server's. The key comes from PREFOPT_ARGILLA_API_KEY, otherwise from the bundled
    server; the bundled server's key is never sent to another server.

    Raises:
        FeedbackError: no server or no key is known, or one of them is malformed.
    """
    home = home or bundled.default_home(project)
    address = bundled.last_address(home)
    if not url and address is None:
        raise FeedbackError(
            "this project has no Argilla server", hint="run `prefopt argilla up`, or set url in [feedback.options] of prefopt.toml"
        )
    chosen = url or (address.url if address else "")
    if not re.match(r"https?://[^\s/]+", chosen):
        raise FeedbackError(
            f"url = {chosen!r} is not the address of a web server",
            hint='write e.g. url = "https://argilla.school.kr" in [feedback.options]',
        )
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key and address is not None and same_machine(chosen) == same_machine(address.url):
        key = bundled.owner_key(home) or ""
    if not key:
        raise FeedbackError(
            f"no API key for Argilla at {chosen}", hint=f"export {KEY_VARIABLE}=<the owner's key, from My settings in Argilla>"
        )
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise FeedbackError(
            f"{KEY_VARIABLE} holds spaces or characters that no API key has", hint="copy the key again from My settings in Argilla"
        )
    return chosen.rstrip("/"), key


def same_machine(url: str) -> str:
    """The URL with one spelling for the address of this machine."""
    return url.rstrip("/").replace("//localhost:", "//127.0.0.1:")


def new_password() -> str:
    """A password that is easy to type from paper: three groups of four letters and digits, without l, o, 0 and 1 (60 bits)."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(3))
