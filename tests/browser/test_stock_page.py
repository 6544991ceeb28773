"""The form on Argilla's own page, as a school's server shows it on a screen of 1366 x 768."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.client import KEY_VARIABLE
from prefopt.domain import DomainSettings
from prefopt.protocols import FeedbackContext, Question
from prefopt.rankings.overlap import Overlap
from prefopt.records import Receipt, Slate
from prefopt.rounds.published import Published
from prefopt.taxonomy import builtin_taxonomy
from tests.browser.test_teacher_page import PROBLEM, press, slate
from tests.contract.test_stock_argilla import KEY, free_port, make_teachers, serving
from tests.requirements import CHROMIUM_FLAGS, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

REASON = (
    "정사각형의 한 변의 길이를 구한 뒤 네 변의 길이를 더해 길이를 묻는다. "
    "색종이 4장을 이어 붙이면 한 변이 12 cm가 되므로 이를 계산할 수 있어야 한다."
)
HEIGHT = 768


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a stock server with the teacher kim."""
    with pytest.MonkeyPatch.context() as patch, serving(tmp_path_factory.mktemp("stock"), free_port()) as url:
        patch.setenv(KEY_VARIABLE, KEY)
        make_teachers(url)
        yield url


@pytest.fixture(scope="module")
def page(stock: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Kim's browser, signed in."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=path,
            headless=True,
            viewport={"width": 1366, "height": HEIGHT},
            screen={"width": 1366, "height": HEIGHT},
            args=list(CHROMIUM_FLAGS),
        )
        page = browser.pages[0]
        page.goto(f"{stock}/sign-in")
        page.locator("input").nth(0).fill("kim")
        page.locator("input[type=password]").fill("teacher-pass-1")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{stock}/")
        yield page
        browser.close()


def publish(
    url: str, folder: Path, name: str, asked: Slate, question: Question, domain: DomainSettings | None = None
) -> tuple[ArgillaSource, list[Receipt]]:
    context = FeedbackContext(
        project=folder, name=name, taxonomy=builtin_taxonomy(), overlap=1, question=question, domain=domain or DomainSettings()
    )
    source = ArgillaSource(ArgillaConfig(url=url), context)
    return source, source.publish([asked])


def open_form(page: Page, receipt: Receipt) -> None:
    page.goto(receipt.url)
    page.locator("form.questions-form").wait_for()
    page.frame_locator("iframe").locator(".card").first.wait_for()
    page.wait_for_timeout(1000)  # the page sets its keyboard focus a moment after it is drawn


def submit(page: Page) -> None:
    with page.expect_response(lambda reply: reply.url.endswith("/responses") and reply.request.method == "POST") as reply:
        page.keyboard.press("Enter")
    assert reply.value.status == 201


@pytest.mark.parametrize("times", [1, 10])
def test_problem_cards_and_questions_are_in_sight_at_once(stock: str, page: Page, tmp_path: Path, times: int) -> None:
    asked = slate(f"sight-{times}", text=" ".join([PROBLEM] * times), reason=REASON)
    _, receipts = publish(stock, tmp_path, asked.id, asked, "best")
    open_form(page, receipts[0])
    cards = page.frame_locator("iframe").locator(".card")
    boxes = [cards.nth(i).bounding_box() for i in range(4)]
    bottom = page.locator("button[type=submit]").bounding_box()
    assert bottom is not None
    assert bottom["y"] + bottom["height"] < HEIGHT
    assert all(box is not None and box["y"] + box["height"] < bottom["y"] + bottom["height"] for box in boxes)
    search = page.get_by_placeholder("Search labels").bounding_box()
    assert search is not None
    assert search["y"] + search["height"] < bottom["y"]


def test_every_option_in_sight_can_be_meant(stock: str, page: Page, tmp_path: Path) -> None:
    domain = DomainSettings(language="en", subject="mathematics", item="problem", label="standard", framework="")
    source, receipts = publish(stock, tmp_path, "options", slate("options"), "best", domain)
    open_form(page, receipts[0])
    form = page.locator("form.questions-form").inner_text()
    assert "Which candidate is best?" in form
    assert [text for text in ("I do not know", "It is not listed", "More than one") if text not in form] == []
    assert "[2수01-01]" not in form
    press(page, "5", "2")  # none is right; it is not listed
    submit(page)
    (ranking,) = source.collect([slate("options")], receipts)
    assert (ranking.kind, ranking.right_label, ranking.comment) == ("none_right", None, "[분류 체계에 없음]")


def test_a_label_that_is_typed_beside_the_search_box_is_missed_in_words(stock: str, page: Page, tmp_path: Path) -> None:
    asked = slate("typed")
    source, receipts = publish(stock, tmp_path, "typed", asked, "ranking")
    open_form(page, receipts[0])
    press(page, "2")
    page.keyboard.type("둘레")
    submit(page)
    rankings, uncounted = source.read([asked], receipts)
    assert [(r.kind, r.right_label) for r in rankings] == [("none_right", None)]
    assert [(found.kind, found.slate_id) for found in uncounted] == [("no-label", asked.id)]
    assert "골라서 다시 제출해 주세요" in uncounted[0].ko


def test_a_yes_without_an_order_is_asked_again_and_the_round_waits(stock: str, page: Page, tmp_path: Path) -> None:
    asked = slate("yes")
    source, receipts = publish(stock, tmp_path, "yes", asked, "ranking")
    open_form(page, receipts[0])
    press(page, "1")
    submit(page)
    published = Published("001", source, [asked], receipts, Overlap(1), tmp_path)
    progress, reading = published.progress()
    assert reading is not None
    assert (progress.complete, progress.rankings, reading.answers) == (0, {}, [])
    assert progress == source.progress(receipts)
    assert [(found.kind, found.teacher) for found in reading.uncounted] == [("no-ranking", "kim")]
