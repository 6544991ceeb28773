"""A teacher in front of the page at /teach: an account and a workspace of its own, slates, a browser of any size."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.client import ArgillaClient, find_server, new_password
from prefopt.domain import DomainSettings
from prefopt.protocols import FeedbackContext, Question
from prefopt.records import Ranking, Receipt, Slate
from prefopt.taxonomy import builtin_taxonomy
from tests.browser.test_teacher_page import slate

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Request

AXE = Path(__file__).with_name("axe") / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE, TABLET, DESK = (390, 844), (820, 1180), (1366, 768)
WATCH = "addEventListener('securitypolicyviolation', e => console.error('VIOLATION ' + e.violatedDirective + ' ' + e.sourceFile))"


@dataclass
class Desk:
    """One teacher's account in a workspace of its own, and their browsers."""

    project: Path
    browser: Browser
    teacher: str
    password: str = field(default_factory=new_password)
    console: list[str] = field(default_factory=list)
    """What the page wrote there, but for the 401 that tells it to ask for a password."""
    sent: Counter[str] = field(default_factory=Counter)
    """Record id -> how often it was in a request that saves answers."""
    foreign: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.url, key = find_server(self.project)
        self.owner = ArgillaClient(self.url, key=key)
        self.owner.add_teacher(self.teacher, f"{self.teacher} 선생님", self.owner.ensure_workspace(self.teacher), self.password)

    def publish(
        self, name: str, *slates: Slate, question: Question = "best", domain: DomainSettings | None = None
    ) -> tuple[ArgillaSource, list[Receipt]]:
        context = FeedbackContext(
            project=self.project,
            name=name,
            taxonomy=builtin_taxonomy(),
            overlap=1,
            question=question,
            domain=domain or DomainSettings(),
        )
        source = ArgillaSource(ArgillaConfig(workspace=self.teacher), context)
        return source, source.publish(slates)

    def page(self, size: tuple[int, int], *, touch: bool = False, signed_in: bool = True) -> Page:
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, has_touch=touch, is_mobile=touch, locale="ko-KR", reduced_motion="reduce"
        )
        self.contexts.append(context)
        context.add_init_script(path=AXE)
        context.add_init_script(WATCH)
        if signed_in:
            form = {"username": self.teacher, "password": self.password}
            token = httpx.post(f"{self.url}/api/v1/token", data=form, trust_env=False).json()["access_token"]
            context.add_cookies([{"name": "prefopt_session", "value": token, "url": f"{self.url}/api/"}])
        page = context.new_page()
        page.on("console", lambda message: self.console.append(message.text) if "401" not in message.text else None)
        page.on("pageerror", lambda error: self.console.append(f"ERROR {error}"))
        page.on("request", self._asked)
        page.goto(f"{self.url}/teach")
        page.locator(".slate:not(.fresh), .page").first.wait_for()
        return page

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.foreign.append(request.url)
        if request.url.endswith("/responses/bulk"):
            self.sent.update(item["record_id"] for item in request.post_data_json["items"])

    def close(self) -> None:
        """Close the browsers, and look at what they asked and wrote."""
        for context in self.contexts:
            context.close()
        assert self.foreign == [], "the page works offline and tells no other machine about the teacher"
        assert self.console == [], "no error, and no rule of the policy broken"


def slates_of(name: str, number: int, count: int = 4) -> list[Slate]:
    """Slates whose problems begin with their number."""
    text = "{}번째 문제: $\\frac{{1}}{{2}} + {}$ = □ 일 때 □에 알맞은 수는?"
    return [slate(f"{name}-{i}", text=text.format(i, i), count=count) for i in range(number)]


def numbered(page: Page) -> int:
    """The number of the problem that is shown."""
    found = re.match(r"(\d+)번째", page.locator(".problem-text").inner_text())
    assert found
    return int(found[1])


def answer(page: Page, act: Callable[[], Any]) -> None:
    """Do what answers a slate, and wait for the next page."""
    node = page.locator(".slate").element_handle()
    act()
    node.wait_for_element_state("hidden")
    page.locator(".slate:not(.fresh), .page").first.wait_for()


def collected(source: ArgillaSource, slates: Sequence[Slate], receipts: list[Receipt], count: int) -> dict[str, Ranking]:
    """Slate id -> answer, when there are as many as were given: they leave five seconds later."""
    deadline = time.monotonic() + 20
    while len(found := source.collect(slates, receipts)) < count and time.monotonic() < deadline:
        time.sleep(0.3)
    assert len(found) == count
    return {ranking.slate_id: ranking for ranking in found}


def best(ranking: Ranking, slate: Slate) -> str:
    """Letter of the card that an answer names alone."""
    assert ranking.kind == "ranked"
    assert ranking.best_only
    return "ABCD"[[ranking.ranks[card.id] for card in slate.shown].index(1)]


def faults(page: Page) -> list[tuple[str, str, str]]:
    """What axe finds: rule, impact, element."""
    found = page.evaluate("rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES)
    return [(rule["id"], rule["impact"], node["html"][:160]) for rule in found["violations"] for node in rule["nodes"]]
