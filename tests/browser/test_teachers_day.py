"""A teacher's day in Chromium: the guide, the mouse, a draft, a changed answer, the end. The collected answers are checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from feedback.client import find_server
from prefopt.records import Ranking, Slate
from tests.browser.test_teacher_page import open_form, press, publish, slate, submit

if TYPE_CHECKING:
    from playwright.sync_api import Page

FORMULAS = """다음을 계산하시오.
3/4 + 1/8, $\\frac{x^2+1}{2}$, 2^10

| 요일 | 월 | 화 |
|---|---|---|
| 기온(℃) | 12 | 15 |"""
OURS = re.compile(r"(?:browser|mathclass|words)-[\w-]+|prefopt|kim|ctrl")
"""Proper names, and the key of that name."""


def ranks_of(ranking: Ranking, asked: Slate) -> list[int]:
    """In the order of the cards."""
    return [ranking.ranks[candidate.id] for candidate in asked.shown]


def show(page: Page, status: str) -> None:
    """Choose which records are shown: 대기, 임시 저장, 제출함 …"""
    page.locator("button.selected-option").click()
    page.locator(".dropdown__content, [class*=dropdown]").get_by_text(status, exact=False).last.click()
    page.wait_for_timeout(1500)  # the page loads them, then sets its keyboard focus


def drag(page: Page, card: str, rank: int) -> None:
    """Drag a card to a rank in small steps: a slot grows while a card hovers above it."""
    item = page.locator(f".draggable__questions-container [id='{card}']").bounding_box()
    slot = page.locator(".draggable__slot").nth(rank - 1).locator(".draggable__slot-box:not(.draggable__slot-box--ranking)")
    target = slot.bounding_box()
    assert item is not None
    assert target is not None
    page.mouse.move(item["x"] + item["width"] / 2, item["y"] + item["height"] / 2)
    page.mouse.down()
    for _ in range(3):
        page.mouse.move(target["x"] + target["width"] / 2, target["y"] + target["height"] / 2, steps=6)
        page.wait_for_timeout(80)
    page.mouse.up()
    page.wait_for_timeout(400)


def test_the_guide_can_be_read_next_to_the_slates(teachers_project: Path, page: Page) -> None:
    _, receipts = publish(teachers_project, "browser-guide", slate("guide"))
    open_form(page, receipts[0])
    page.get_by_text("안내", exact=True).first.click()
    page.get_by_text("성취기준 후보에 순위 매기기").first.wait_for()
    assert page.get_by_text("후보의 순서는 문제마다 섞여 있습니다").first.is_visible()


def test_ranking_with_the_mouse(teachers_project: Path, page: Page) -> None:
    asked = slate("mouse")
    source, receipts = publish(teachers_project, "browser-mouse", asked)
    open_form(page, receipts[0])
    press(page, "1")
    for card, rank in (("c", 1), ("a", 2), ("b", 2), ("d", 4)):
        drag(page, card, rank)
    submit(page)
    (ranking,) = source.collect([asked], receipts)
    assert (ranking.kind, ranks_of(ranking, asked)) == ("ranked", [2, 2, 1, 4])


def test_a_draft_is_not_an_answer_until_it_is_submitted(teachers_project: Path, page: Page) -> None:
    asked = slate("draft")
    source, receipts = publish(teachers_project, "browser-draft", asked)
    open_form(page, receipts[0])
    press(page, "1", "1", "2", "2", "2")
    with page.expect_response(lambda reply: reply.url.endswith("/responses")):
        page.keyboard.press("Control+s")
    assert source.collect([asked], receipts) == []
    page.goto(receipts[0].url)  # another day
    page.locator("form.questions-form").or_(page.get_by_text("남은 문항이 없습니다")).first.wait_for()
    page.wait_for_timeout(1000)
    show(page, "임시 저장")
    page.locator("form.questions-form").wait_for()
    with page.expect_response(lambda reply: "/responses" in reply.url and reply.request.method in ("POST", "PUT")):
        page.get_by_role("button", name="제출").last.click()
    (ranking,) = source.collect([asked], receipts)
    assert ranks_of(ranking, asked) == [1, 2, 2, 2]
    assert ranking.seconds is None, "what lay as a draft tells no time"


def test_a_change_of_mind_replaces_the_answer(teachers_project: Path, page: Page) -> None:
    asked = slate("edit", count=2)
    source, receipts = publish(teachers_project, "browser-edit", asked)
    open_form(page, receipts[0])
    press(page, "1")
    submit(page)
    before = source.collect([asked], receipts)
    page.goto(receipts[0].url)
    page.wait_for_timeout(1500)
    show(page, "제출함")
    page.locator("form.questions-form").wait_for()
    page.locator("form.questions-form").get_by_text("비슷하다").click()
    with page.expect_response(lambda reply: "/responses" in reply.url and reply.request.method in ("POST", "PUT")):
        page.get_by_role("button", name=re.compile("고치기|제출")).last.click()
    (after,) = source.collect([asked], receipts)
    assert ranks_of(before[0], asked) == [1, 2]
    assert ranks_of(after, asked) == [1, 1]


def test_the_queue_ends_with_thanks_and_every_answer_is_collected_once(teachers_project: Path, page: Page) -> None:
    slates = [slate(f"queue-{i}", text=f"{i}번째 문제입니다. 3 + {i}은 얼마입니까?", count=2) for i in range(3)]
    source, receipts = publish(teachers_project, "browser-queue", *slates)
    open_form(page, receipts[0])
    for number in range(3):
        press(page, "1")
        submit(page)
        page.wait_for_timeout(1500 if number < 2 else 300)
    page.get_by_text("남은 문항이 없습니다").or_(page.get_by_text("모든 문항을 마쳤습니다")).first.wait_for()
    answers = source.collect(slates, receipts)
    assert [(a.slate_id, a.teacher) for a in answers] == [(s.id, "kim") for s in slates]
    assert [ranks_of(a, s) for a, s in zip(answers, slates, strict=True)] == [[1, 2]] * 3
    known = [a.seconds for a in answers if a.seconds is not None]
    assert len(known) >= 2, "all but the first of a sitting follow another answer"
    assert all(1 <= seconds < 60 for seconds in known)


def test_the_right_label_is_found_by_a_part_of_its_name(teachers_project: Path, page: Page) -> None:
    asked = slate("name")
    source, receipts = publish(teachers_project, "browser-name", asked)
    open_form(page, receipts[0])
    press(page, "2")
    page.get_by_placeholder("코드나 이름으로 찾기").fill("각도")
    page.wait_for_timeout(400)
    found = page.locator("form.questions-form").get_by_text(re.compile(r"^\s*\[.*각도"))
    label = found.first.inner_text().strip().split()[0]
    found.first.click()
    page.get_by_role("button", name="제출").click()
    page.get_by_text("남은 문항이 없습니다").or_(page.get_by_text("모든 문항을 마쳤습니다")).first.wait_for()
    (ranking,) = source.collect([asked], receipts)
    assert (ranking.kind, ranking.right_label) == ("none_right", label)


def test_formulas_and_tables_are_drawn(teachers_project: Path, page: Page) -> None:
    asked = slate("formulas", text=FORMULAS, reason="3/4의 절반은 $\\frac{3}{8}$이다.")
    _, receipts = publish(teachers_project, "browser-formulas", asked)
    open_form(page, receipts[0])
    text = page.locator(".text_field_component .content-area")
    assert text.locator("mfrac").count() == 3
    assert text.locator("td").all_inner_texts() == ["기온(℃)", "12", "15"]
    assert text.locator("iframe").count() == 0, "the text is in the page itself, in its letters"
    assert page.frame_locator("iframe").locator(".reason").first.locator("mfrac").count() == 2


def test_no_english_is_left_on_a_teachers_pages(teachers_project: Path, page: Page) -> None:
    _, receipts = publish(teachers_project, "browser-words", *(slate(f"words-{i}", text=f"{i}번째 문제") for i in range(2)))
    url, _ = find_server(teachers_project)
    page.goto(f"{url}/")
    page.get_by_text("browser-words").first.wait_for()
    page.wait_for_timeout(500)
    seen = {"home": page.locator("body").inner_text()}
    open_form(page, receipts[0])
    seen["slate"] = page.locator("body").inner_text() + page.frame_locator("iframe").locator("body").inner_text()
    assert "1\n/ 2" in seen["slate"] or "1 / 2" in seen["slate"]
    assert not page.locator(".sort-filter").is_visible(), "its menu has the English names of fields"
    page.locator("button.selected-option").click()
    page.wait_for_timeout(300)
    seen["menus"] = page.locator("body").inner_text()
    for where, words in seen.items():
        left = re.findall(r"[A-Za-z]{3,}", OURS.sub("", words))
        assert left == [], (where, left)
