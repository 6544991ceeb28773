"""The files of the page for teachers: served as they are, complete, from no other machine, and without a way from a text to markup."""

from __future__ import annotations

import asyncio
import gzip
import re
from pathlib import Path
from typing import Any

import pytest

from feedback.server.teach_page import FOLDER, POLICY, TeachPage, is_teach

OWN = [path for path in FOLDER.rglob("*") if path.suffix in (".js", ".html", ".css", ".svg") and "katex" not in path.parts]


async def behind(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"behind"})


def ask(path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(TeachPage(behind)({"type": "http", "path": path, "method": method, "headers": lines}, None, send))
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, sent[1]["body"]


def test_the_page_and_its_files_are_served_and_nothing_else() -> None:
    status, headers, body = ask("/teach")
    assert (status, headers["content-type"], body) == (200, "text/html; charset=utf-8", (FOLDER / "index.html").read_bytes())
    assert ask("/teach/", if_none_match=headers["etag"])[0] == 304
    assert ask("/teach", "HEAD") == (200, headers, b"")
    packed = ask("/teach/app.js", accept_encoding="gzip, br")
    assert packed[1]["content-encoding"] == "gzip"
    assert gzip.decompress(packed[2]) == (FOLDER / "app.js").read_bytes()
    assert ask("/teach/katex/fonts/KaTeX_Main-Regular.woff2")[1]["content-type"] == "font/woff2"
    for path in ("/teach/katex/LICENSE", "/teach/../gate.py", "/teach/%2e%2e/gate.py", "/teach/app", "/teach//app.js"):
        assert ask(path)[0] == 404
    assert ask("/teach", "POST")[0] == 405
    assert [ask(path)[2] for path in ("/", "/teacher", "/api/v1/me", "/x/teach")] == [b"behind"] * 4
    assert [is_teach(path) for path in ("/teach", "/teach/a", "/teacher")] == [True, True, False]


def test_everything_that_the_files_name_is_there() -> None:
    named = {name for path in OWN for name in re.findall(r'(?:src|href)[=:] ?"(/teach/[^"]+)"', path.read_text(encoding="utf-8"))}
    assert len(named) >= 5
    named |= {f"/teach/{name}" for path in OWN for name in re.findall(r'from "\./([^"]+)"', path.read_text(encoding="utf-8"))}
    fonts = re.findall(r"url\((fonts/[^)]+\.woff2)\)", (FOLDER / "katex" / "katex.min.css").read_text(encoding="utf-8"))
    assert len(fonts) == 20
    assert {name: ask(name)[0] for name in [*named, *(f"/teach/katex/{font}" for font in fonts)] if ask(name)[0] != 200} == {}
    assert "MIT License" in (FOLDER / "katex" / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_no_other_machine_is_named_and_no_text_becomes_markup(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?:|//[a-z]+\.|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc", text) == []
    assert re.findall(r"<script(?! src=)|<style|\bstyle=|\bon\w+=\"", text) == []
    assert len(text.splitlines()) <= 350


def test_the_policy_allows_nothing_inline() -> None:
    assert "unsafe" not in POLICY
    assert "default-src 'none'" in POLICY
    assert "require-trusted-types-for 'script'" in POLICY


def test_a_teacher_reads_the_language_of_the_project_alone() -> None:
    words, _, english = (FOLDER / "words.js").read_text(encoding="utf-8").partition("const KO = ")[2].partition("const EN = ")
    said = " ".join(part for found in re.findall(r'"([^"]*)"|`([^`]*)`', words) for part in found)
    assert re.findall(r"[A-Za-z]{2,}", re.sub(r"\$\{[^}]*(?:\{[^}]*\})?[^}]*\}", "", said)) == []
    keys = [re.findall(r"^  (\w+):", part, re.MULTILINE) for part in (words, english)]
    assert keys[0] == keys[1], "both languages say the same"
    assert len(keys[0]) > 80
    assert re.findall("[가-힣]", english) == []
    shown = re.sub(r"<[^>]+>", "", (FOLDER / "index.html").read_text(encoding="utf-8"))
    assert re.findall(r"[A-Za-z]{2,}", shown) == []
    others = [path for path in OWN if path.suffix == ".js" and path.name not in ("words.js", "search.js")]  # the latter has letters alone
    assert {path.name for path in others if re.search("[가-힣]", path.read_text(encoding="utf-8"))} == set(), (
        "all its words are in words.js"
    )
