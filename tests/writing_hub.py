"""A server that takes what huggingface_hub uploads: create, preupload, LFS batch and PUT, commit, branches, tags, trees, files, YAML."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.http_servers import running

LARGE = 4096
"""Files of more bytes go to the large storage, as those named *.safetensors."""
TOKEN = "hf_0123456789abcdefghijklmnopqrstuv"


@dataclass
class Repo:
    """A repository: commits with their files and the refs."""

    private: bool
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def add(self, files: dict[str, bytes], branch: str, parent: str = "") -> str:
        """A new commit on a branch."""
        commit = hashlib.sha1(f"{len(self.commits)} {branch}".encode(), usedforsecurity=False).hexdigest()
        self.commits[commit], self.parents[commit], self.branches[branch] = files, parent, commit
        return commit

    def at(self, revision: str) -> str | None:
        return revision if revision in self.commits else self.branches.get(revision) or self.tags.get(revision)

    def files(self, revision: str) -> dict[str, bytes]:
        """Files of a revision, without what the server makes itself."""
        return {name: content for name, content in self.commits[self.at(revision) or ""].items() if name != ".gitattributes"}


@dataclass
class WritingHub:
    """State of the server; tests change it while it runs."""

    url: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    fail: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Word in a path -> status and error code of its answers."""
    requests: list[str] = field(default_factory=list)
    unknown_licenses: tuple[str, ...] = ()

    def new(self, repo: str, *, private: bool = True) -> Repo:
        self.repos[repo] = Repo(private)
        self.repos[repo].add({".gitattributes": b"*.safetensors filter=lfs\n"}, "main")
        return self.repos[repo]

    def commits(self) -> int:
        """How many commits were asked for."""
        return sum("/commit/" in line for line in self.requests)


@contextmanager
def serve(hub: WritingHub) -> Iterator[WritingHub]:
    """Run the server while the body runs."""
    with running(type("Handler", (_Handler,), {"hub": hub})) as hub.url:
        yield hub


class _Handler(BaseHTTPRequestHandler):
    hub: WritingHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  names of http.server

    def _answer(self) -> None:
        path, hub = unquote(urlsplit(self.path).path), self.hub
        body = self._body()
        hub.requests.append(f"{self.command} {path}")
        for word, (status, code) in hub.fail.items():
            if word in hub.requests[-1]:
                return self._send(status, b"{}", {"X-Error-Code": code} if code else {})
        if self.command == "PUT":
            hub.stored[path.rpartition("/")[2]] = body
            return self._send(200, b"")
        if path == "/api/validate-yaml":
            return self._yaml(json.loads(body)["content"])
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        found = re.match(r"/(?:api/models/)?([^/]+/[^/]+?)(?:\.git)?(?:/(.*))?$", path)
        repo = hub.repos.get(found[1]) if found else None
        signed_in = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if found is None or repo is None or not (signed_in or (not repo.private and self.command in ("GET", "HEAD"))):
            return self._send(404 if signed_in else 401, b"{}", {"X-Error-Code": "RepoNotFound"})
        what, _, rest = (found[2] or "").partition("/")
        if (what, rest) == ("info", "lfs/objects/batch"):
            return self._large(body)
        return getattr(self, f"_{what or 'info'}", self._missing)(repo, found[1], rest, body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _missing(self, *_: Any) -> None:
        self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"})

    def _yaml(self, text: str) -> None:
        bad = [word for word in self.hub.unknown_licenses if f"license: {word}" in text]
        errors = [{"message": f'"license" must be one of the known ones, not {word}'} for word in bad]
        self._json({"errors": errors, "warnings": []}, 400 if bad else 200)

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._send(401, b"{}", {"X-Error-Message": "Invalid credentials in Authorization header"})
        if name in self.hub.repos:
            return self._json({"error": "You already created this repo", "url": f"{self.hub.url}/{name}"}, 409)
        self.hub.new(name, private=asked.get("visibility") == "private")
        return self._json({"url": f"{self.hub.url}/{name}"})

    def _info(self, repo: Repo, name: str, *_: Any) -> None:
        self._json({"id": name, "private": repo.private, "sha": repo.branches["main"], "siblings": []})

    def _revision(self, repo: Repo, name: str, rest: str, _: bytes) -> None:
        commit = repo.at(rest)
        if commit is None:
            return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        return self._json({"id": name, "private": repo.private, "sha": commit, "siblings": []})

    def _refs(self, repo: Repo, *_: Any) -> None:
        kinds = {"branches": ("heads", repo.branches), "tags": ("tags", repo.tags)}
        rows = {k: [{"name": n, "ref": f"refs/{r}/{n}", "targetCommit": c} for n, c in refs.items()] for k, (r, refs) in kinds.items()}
        self._json({**rows, "converts": []})

    def _tree(self, repo: Repo, _: str, rest: str, __: bytes) -> None:
        self._json([_entry(path, content) for path, content in sorted(repo.commits[repo.at(rest) or ""].items())])

    def _preupload(self, repo: Repo, _: str, rest: str, body: bytes) -> None:
        there = repo.commits[repo.at(rest) or ""]
        rows = [
            {"path": f["path"], "shouldIgnore": False, "uploadMode": "lfs" if _is_large(f["path"], f["size"]) else "regular"}
            for f in json.loads(body)["files"]
        ]
        self._json({"files": [row | ({"oid": _oid(row["path"], there[row["path"]])} if row["path"] in there else {}) for row in rows]})

    def _large(self, body: bytes) -> None:
        rows = []
        for asked in json.loads(body)["objects"]:
            upload = {"href": f"{self.hub.url}/large/{asked['oid']}"}
            rows.append(asked if asked["oid"] in self.hub.stored else {**asked, "actions": {"upload": upload}})
        self._json({"transfer": "basic", "objects": rows})

    def _commit(self, repo: Repo, name: str, branch: str, body: bytes) -> None:
        lines = [json.loads(line) for line in body.splitlines()]
        head = repo.branches[branch]
        if lines[0]["value"].get("parentCommit", head) != head:
            return self._send(412, b"{}")
        files = dict(repo.commits[head])
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.stored[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        commit = repo.add(files, branch, head)
        return self._json({"commitOid": commit, "commitUrl": f"{self.hub.url}/{name}/commit/{commit}"})

    def _branch(self, repo: Repo, _: str, name: str, body: bytes) -> None:
        if name in repo.branches:
            return self._send(409, b"{}")
        repo.branches[name] = repo.at(json.loads(body)["startingPoint"]) or ""
        return self._send(200, b"{}")

    def _tag(self, repo: Repo, _: str, rest: str, body: bytes) -> None:
        if self.command == "DELETE":
            del repo.tags[rest]
            return self._send(200, b"{}")
        name = json.loads(body)["tag"]
        if name in repo.tags:
            return self._send(409, b"{}")
        repo.tags[name] = repo.at(rest) or ""
        return self._send(200, b"{}")

    def _resolve(self, repo: Repo, _: str, rest: str, __: bytes) -> None:
        revision, _, name = rest.partition("/")
        content = repo.commits[repo.at(revision) or ""].get(name)
        if content is None:
            return self._missing()
        return self._send(200, content, {"ETag": f'"{_oid(name, content)}"', "X-Repo-Commit": repo.at(revision) or ""})

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _is_large(name: str, size: int) -> bool:
    return name.endswith(".safetensors") or size > LARGE * 1024


def _oid(name: str, content: bytes) -> str:
    if _is_large(name, len(content)):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _entry(path: str, content: bytes) -> dict[str, Any]:
    row = {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content, usedforsecurity=False).hexdigest()}
    if _is_large(path, len(content)):
        return row | {"lfs": {"oid": _oid(path, content), "size": len(content), "pointerSize": 134}}
    return row | {"oid": _oid(path, content)}
