"""The page at /teach when something goes wrong: no connection, a round that is over, hostile texts; and its other two questions."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.client import RefusedError, new_password, sign_in
from feedback.server.teach_page import POLICY
from prefopt.protocols import FeedbackContext
from prefopt.taxonomy import builtin_taxonomy
from tests.browser.teach_desk import DESK, PHONE, Desk, answer, best, collected, faults, numbered, slates_of
from tests.browser.test_teacher_page import HOSTILE, slate

PICTURES = Path(__file__).parents[2] / "docs" / "images"
FORMULA = r"$\int_0^1 \sqrt{1-x^2}\,dx$ 와 $\frac{$ 와 3/4, x^2, $\href{javascript:parent.hacked=4}{a}$"


def test_without_a_connection_answers_wait_and_are_sent_once(desk: Desk) -> None:
    slates = slates_of("offline", 6)
    source, receipts = desk.publish("daily-001", *slates)
    page = desk.page(PHONE, touch=True)
    page.context.set_offline(True)
    wanted = {}
    for letter in "ABCD":
        wanted[f"s-offline-{numbered(page)}"] = letter
        answer(page, lambda letter=letter: page.keyboard.press(letter))  # type: ignore[misc]  # bound as a default
    page.get_by_text("연결이 끊겼습니다. 답 4개를 보관하고").wait_for()
    assert faults(page) == []
    assert source.collect(slates, receipts) == []
    page.context.set_offline(False)
    answers = collected(source, slates, receipts, 4)
    assert {asked.id: best(answers[asked.id], asked) for asked in slates if asked.id in answers} == wanted
    page.get_by_text("연결이 끊겼습니다").wait_for(state="hidden")
    desk.sent.clear()
    wanted[f"s-offline-{numbered(page)}"] = "B"
    answer(page, lambda: page.keyboard.press("b"))
    page.reload()  # the page is left before the five seconds are over
    page.locator(".slate:not(.fresh)").wait_for()
    answers = collected(source, slates, receipts, 5)
    assert {asked.id: best(answers[asked.id], asked) for asked in slates if asked.id in answers} == wanted
    assert page.locator(".left strong").inner_text() == "1"
    page.wait_for_timeout(500)
    assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('prefopt-teach/')).length") == 0
    desk.console[:] = [text for text in desk.console if "ERR_INTERNET_DISCONNECTED" not in text]


def test_only_the_newest_round_is_shown_and_a_closed_one_takes_no_answers(desk: Desk) -> None:
    old, new = slates_of("old", 2), slates_of("new", 3)
    source, receipts = desk.publish("daily-001", *old)
    source.let_answer(receipts, False)
    page = desk.page(DESK)
    page.get_by_text("지금은 볼 문제가 없습니다").wait_for()
    assert faults(page) == []
    source.let_answer(receipts, True)
    page.reload()
    page.locator(".slate:not(.fresh)").wait_for()
    first = numbered(page)
    source.let_answer(receipts, False)
    answer(page, lambda: page.keyboard.press("a"))
    page.get_by_text("이번 문제 모음이 끝나서").wait_for(timeout=15_000)
    teacher = sign_in(desk.url, desk.teacher, desk.password)
    with pytest.raises(RefusedError):  # whatever page asks for it
        teacher.request("POST", f"/records/{receipts[first].record}/responses", json={"status": "discarded"})
    assert source.collect(old, receipts) == []
    newer, newest = desk.publish("daily-002", *new)
    page.reload()
    page.locator(".slate:not(.fresh)").wait_for()
    assert page.locator(".left strong").inner_text() == "3"
    answer(page, lambda: page.keyboard.press("c"))
    assert len(collected(newer, new, newest, 1)) == 1
    desk.publish("other-001", *slates_of("other", 1))  # two projects on one server
    page.reload()
    page.get_by_text("어느 문제를 보시겠습니까?").wait_for()
    assert page.locator(".past").all_inner_texts() == ["daily-002\n2문제 남음", "other-001\n1문제 남음"]
    assert faults(page) == []
    page.get_by_text("other-001").click()
    page.locator(".slate:not(.fresh)").wait_for()


def test_hostile_texts_are_shown_and_do_nothing_and_formulas_are_drawn(desk: Desk) -> None:
    asked = slate(
        "hostile", text=f"{HOSTILE}\n{FORMULA}\n| a | b |\n|---|---|\n| <b>1</b> | 2 |", reason=f"{HOSTILE} {{{{record}}}} %3Cb%3E"
    )
    source, receipts = desk.publish("daily-001", asked)
    reply = httpx.get(f"{desk.url}/teach", trust_env=False)
    assert reply.headers["content-security-policy"] == POLICY
    assert httpx.get(f"{desk.url}/teach/../../owner-key", trust_env=False).text == httpx.get(f"{desk.url}/owner-key", trust_env=False).text
    assert httpx.get(f"{desk.url}/teach/katex/LICENSE", trust_env=False).status_code == 404
    page = desk.page(DESK)
    assert page.locator(".problem-text").inner_text().splitlines()[0] == HOSTILE
    assert page.locator(".reason").all_inner_texts() == [f"{HOSTILE} {{{{record}}}} %3Cb%3E"] * 4
    assert page.locator(".problem-text td").all_inner_texts() == ["<b>1</b>", "2"]
    assert page.locator(".problem-text math").count() == 3, "for those who listen; a formula that cannot be read stays as it is written"
    assert page.locator(".formula.source").all_inner_texts() == ["$\\frac{$"]
    assert page.locator(".problem-text a, .problem-text img, .problem-text script").count() == 0
    assert page.evaluate("window.hacked") is None
    assert desk.console == []
    with pytest.raises(Exception, match="TrustedHTML"):  # no text can become markup, whoever tries
        page.evaluate("document.body.innerHTML = '<b>a</b>'")
    answer(page, lambda: page.keyboard.press("b"))
    assert best(collected(source, [asked], receipts, 1)[asked.id], asked) == "B"
    assert all("TrustedHTML" in text or "require-trusted-types-for" in text for text in desk.console), desk.console
    desk.console.clear()


def test_a_ranking_and_two_cards_are_asked_in_their_own_way(desk: Desk) -> None:
    slates = slates_of("order", 2)
    source, receipts = desk.publish("ranks-001", *slates, question="ranking")
    page = desk.page(PHONE, touch=True)
    number = numbered(page)
    for place in (1, 0):
        page.locator(".card").nth(place).tap()
    page.get_by_role("button", name="같은 순위로", exact=True).tap()
    page.locator(".card").nth(2).tap()
    page.locator(".card").nth(3).tap()
    assert faults(page) == []
    answer(page, lambda: page.get_by_role("button", name="보내기").tap())
    answer(page, lambda: page.get_by_role("button", name="건너뛰기").tap())
    answers = collected(source, slates, receipts, 2)
    given = answers[slates[number].id]
    assert (given.kind, given.best_only) == ("ranked", False)
    assert [given.ranks[card.id] for card in slates[number].shown] == [2, 1, 2, 2]
    source.let_answer(receipts, False)

    two = slates_of("two", 3, count=2)
    source, receipts = desk.publish("pairs-001", *two)
    page.reload()
    page.locator(".slate:not(.fresh)").wait_for()
    assert faults(page) == []
    order = []
    for act in ("2", "3", "0"):
        order.append(numbered(page))
        page.keyboard.press(act) if act == "0" else answer(page, lambda act=act: page.keyboard.press(act))  # type: ignore[misc]  # bound as a default
    answer(page, lambda: page.get_by_role("button", name="모르겠음").tap())
    answers = collected(source, two, receipts, 3)
    shown = [answers[two[number].id] for number in order]
    assert [tuple(a.ranks.get(card.id) for card in two[number].shown) for a, number in zip(shown, order, strict=True)] == [
        (2, 1),
        (1, 1),
        (None, None),
    ]


@pytest.mark.skipif(not os.environ.get("PREFOPT_PICTURES"), reason="draws the pictures of the README and of docs/teachers.md again")
def test_pictures(desk: Desk) -> None:
    desk.publish("daily-001", *(slate(f"picture-{i}") for i in range(12)))
    page = desk.page(DESK)
    answer(page, lambda: page.keyboard.press("2"))
    page.screenshot(path=PICTURES / "teach-desk.png")
    page = desk.page(PHONE, touch=True)
    page.screenshot(path=PICTURES / "teach-phone.png")
    page.get_by_role("button", name="맞는 것이 없음").tap()
    page.keyboard.type("넓이 사각")
    page.screenshot(path=PICTURES / "teach-search.png")


def test_a_slate_that_another_teacher_answered_is_shown_where_it_wants_a_second_one(desk: Desk) -> None:
    slates = slates_of("shared", 3)
    taxonomy = builtin_taxonomy()
    context = FeedbackContext(project=desk.project, name="shared-001", taxonomy=taxonomy, overlap=1, question="best", asks_more=True)
    source = ArgillaSource(ArgillaConfig(workspace=desk.teacher), context)
    receipts = source.publish(slates)
    other, password = f"{desk.teacher}-lee", new_password()
    desk.owner.add_teacher(other, "이 선생님", desk.owner.ensure_workspace(desk.teacher), password)
    answers = [{"record_id": r.record, "status": "submitted", "values": {"verdict": {"value": "a"}}} for r in receipts[:2]]
    sign_in(desk.url, other, password).request("POST", "/me/responses/bulk", json={"items": answers})

    page = desk.page(PHONE)
    assert page.locator(".left strong").inner_text() == "1"
    assert numbered(page) == 2
    source.ask_more(slates, receipts, source.collect(slates, receipts), {slates[1].id: 1})
    page.reload()
    page.locator(".slate:not(.fresh), .page").first.wait_for()
    assert page.locator(".left strong").inner_text() == "2"
    shown = numbered(page)
    answer(page, lambda: page.keyboard.press("2"))
    assert {shown, numbered(page)} == {1, 2}
    answer(page, lambda: page.keyboard.press("2"))
    page.get_by_text("모두 마쳤습니다").wait_for()
    found = source.collect(slates, receipts)
    assert {ranking.slate_id for ranking in found if ranking.teacher == other} == {slates[0].id, slates[1].id}
