"""A teacher's browser in front of a real Argilla."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from feedback import bundled
from feedback.client import ArgillaClient, find_server
from tests.requirements import CHROMIUM_FLAGS, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.teach_desk import Desk

PASSWORD = "teacher-pass-1"
DESKS = count(1)


@pytest.fixture(scope="session")
def teachers_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with a bundled Argilla and the teacher kim."""
    project = tmp_path_factory.mktemp("browser")
    home = bundled.default_home(project)
    bundled.start(home, port=0)
    try:
        url, key = find_server(project)
        owner = ArgillaClient(url, key=key)
        owner.add_teacher("kim", "김 선생님", owner.ensure_workspace("prefopt"), PASSWORD)
        yield project
    finally:
        bundled.stop(home)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; every test has a context of its own in it, without what others stored."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield started
        started.close()


@pytest.fixture
def page(teachers_project: Path, browser: Browser) -> Iterator[Page]:
    """Kim's browser, signed in by hand. Afterwards it must have asked no other machine."""
    url, _ = find_server(teachers_project)
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="ko-KR")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{url}/sign-in")
    page.get_by_label("아이디").or_(page.locator("input").nth(0)).first.fill("kim")
    page.locator("input[type=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/")
    yield page
    context.close()
    foreign = [address for address in asked if not address.startswith((url, "data:", "blob:", "about:"))]
    assert foreign == [], "the page works offline and tells no other machine about the teacher"


@pytest.fixture
def desk(teachers_project: Path, browser: Browser) -> Iterator[Desk]:
    """A teacher with a workspace of their own. When the test is over: the page asked no other machine, and wrote no error."""
    from tests.browser.teach_desk import Desk

    made = Desk(teachers_project, browser, f"teach-{next(DESKS)}")
    yield made
    made.close()
