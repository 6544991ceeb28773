"""Teachers at /teach in Chromium, on a phone, a tablet and a desk: by tap and by key. The collected answers are checked."""

from __future__ import annotations

import base64
import re

from prefopt.domain import DomainSettings
from prefopt.records import Figure
from tests.browser.teach_desk import DESK, PHONE, TABLET, Desk, answer, best, collected, faults, numbered, slates_of
from tests.browser.test_teacher_page import slate

LETTERS = "ABCD"


def test_a_hundred_slates_on_a_phone_by_one_tap_or_one_key_each(desk: Desk) -> None:
    slates = slates_of("hundred", 100)
    source, receipts = desk.publish("daily-001", *slates)
    assert receipts[0].url == f"{desk.url}/teach"
    page = desk.page(PHONE, touch=True)
    wanted: dict[str, str] = {}
    for done in range(100):
        assert page.locator(".left strong").inner_text() == str(100 - done)
        number = numbered(page)
        letter = LETTERS[(number + done) % 4]
        wanted[f"s-hundred-{number}"] = letter
        card = page.locator(f"[data-key={letter.lower()}]")
        if done == 0:
            assert page.evaluate("document.documentElement.scrollHeight") <= PHONE[1], "problem and cards are in sight together"
        answer(page, card.tap if done < 50 else lambda letter=letter: page.keyboard.press(letter))  # type: ignore[misc]  # bound as a default
    page.get_by_text("모두 마쳤습니다").wait_for()
    answers = collected(source, slates, receipts, 100)
    assert {name: best(answers[name], asked) for name, asked in ((s.id, s) for s in slates)} == wanted
    assert set(desk.sent.values()) == {1}, "each answer is sent once"
    assert faults(page) == []


def test_everything_else_by_keyboard_alone(desk: Desk) -> None:
    slates = slates_of("keys", 9)
    by_number = dict(enumerate(slates))
    source, receipts = desk.publish("daily-001", *slates)
    page = desk.page(DESK)
    press = page.keyboard.press
    shown = [page.locator(".card").nth(i).bounding_box() for i in range(4)]
    assert all(box is not None and box["y"] + box["height"] <= DESK[1] for box in shown)

    tied = numbered(page)  # an order with a tie; the rest is level
    for key in ("o", "2", "Equal", "1"):
        press(key)
    answer(page, lambda: press("Enter"))
    put_off = numbered(page)
    answer(page, lambda: press("l"))
    assert page.locator(".left strong").inner_text() == "8", "put off is not answered"

    named = numbered(page)  # none is right: the search is open at once, and Enter takes the first that it finds
    press("0")
    for words, first in (
        ("넓이 직사각형", "직사각형과 정사각형의 넓이"),
        ("ㅍㅁㄷㅎㅇ ㄷㄹ", "평면도형의 둘레"),
        ("둘레 없는말", "평면도형의 둘레"),
    ):
        page.keyboard.type(words)
        assert page.locator(".found .name").first.inner_text() == first
        press("Control+a")
    page.keyboard.type("4수0316")
    assert page.locator(".found li").all_inner_texts()[0].startswith("길이 단위 사이의 관계")
    answer(page, lambda: press("Enter"))

    unknown = numbered(page)
    press("n")
    while not page.evaluate("document.activeElement.classList.contains('unknown')"):
        press("Tab")
    answer(page, lambda: press("Enter"))

    commented = numbered(page)
    press("m")
    page.keyboard.type("그림이 없어 판단하기 어렵습니다 123")
    press("Control+Enter")
    answer(page, lambda: press("x"))

    regretted = numbered(page)  # an answer that is taken back
    answer(page, lambda: press("3"))
    assert page.locator(".undo").inner_text().split("\n")[0] == "C 선택"
    answer(page, lambda: press("z"))
    assert numbered(page) == regretted
    answer(page, lambda: press("4"))

    page.locator(".card").nth(1).focus()  # Tab and Enter alone
    plain = numbered(page)
    answer(page, lambda: press("Enter"))
    while page.locator(".card").count():
        last = numbered(page)
        answer(page, lambda: press("a"))
    assert last == put_off

    answers = collected(source, slates, receipts, 9)
    found = {number: answers[asked.id] for number, asked in by_number.items()}
    assert [found[tied].ranks[card.id] for card in by_number[tied].shown] == [1, 1, 3, 3]
    assert not found[tied].best_only
    assert (found[named].kind, found[named].right_label) == ("none_right", "[4수03-16]")
    assert (found[unknown].kind, found[unknown].right_label) == ("none_right", None)
    assert (found[commented].kind, found[commented].comment) == ("discarded", "그림이 없어 판단하기 어렵습니다 123")
    assert best(found[regretted], by_number[regretted]) == "D"
    assert best(found[plain], by_number[plain]) == "B"
    page.wait_for_timeout(0)  # requests are counted while the browser is asked something
    assert set(desk.sent.values()) == {1}


def test_a_tablet_every_state_is_accessible_and_korean(desk: Desk) -> None:
    slates = [*slates_of("states", 6), slate("long", text="6번째 문제. " * 200)]
    source, receipts = desk.publish("daily-001", *slates)
    page = desk.page(TABLET, touch=True, signed_in=False)
    states: dict[str, str] = {}

    def look(name: str) -> None:
        assert (name, faults(page)) == (name, [])
        states[name] = page.locator("body").inner_text()

    look("sign-in")
    page.get_by_label("아이디").fill(desk.teacher)
    page.get_by_label("비밀번호").fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_text("맞지 않습니다").wait_for()
    page.get_by_label("비밀번호").fill(desk.password)
    page.get_by_role("button", name="로그인").tap()
    page.locator(".slate:not(.fresh)").wait_for()
    look("slate")
    page.get_by_role("button", name="순서 매기기").tap()
    page.locator(".card").nth(1).tap()
    look("order")
    page.get_by_role("button", name="그만두기").tap()
    page.get_by_role("button", name="맞는 것이 없음").tap()
    page.keyboard.type("ㄷㄹ")
    assert "평면도형의 둘레" in page.locator(".found").inner_text()
    look("search")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="의견").tap()
    look("comment")
    page.keyboard.press("Escape")
    for _ in range(6):
        answer(page, lambda: page.locator(".card").nth(2).tap())
    look("undo")
    page.get_by_role("button", name="메뉴").tap()
    look("menu")
    page.get_by_role("button", name="안내").tap()
    look("guide")
    page.get_by_role("button", name="닫기").tap()
    page.get_by_role("button", name="메뉴").tap()
    page.get_by_role("button", name="글자 크기").tap()
    page.get_by_role("button", name="메뉴").tap()
    page.get_by_role("button", name="글자 크기").tap()
    look("large")
    page.get_by_role("button", name="메뉴").tap()
    page.get_by_role("button", name="지난 답 보기").tap()
    page.locator(".past").first.wait_for()
    look("past")
    answer(page, lambda: page.locator(".past").first.tap())
    look("changing")
    changed = numbered(page)
    answer(page, lambda: page.locator(".card").nth(0).tap())
    answer(page, lambda: page.locator(".card").nth(2).tap())
    page.get_by_text("모두 마쳤습니다").wait_for()
    look("done")
    answers = collected(source, slates, receipts, 7)
    assert [best(answers[asked.id], asked) for asked in slates] == ["A" if number == changed else "C" for number in range(7)]
    page.get_by_role("button", name="메뉴").tap()
    page.get_by_role("button", name="로그아웃").tap()
    page.get_by_label("아이디").wait_for()
    assert page.evaluate("fetch('/api/v1/me', {headers: {Authorization: 'x.kept-in-a-cookie'}}).then(r => r.status)") == 401
    desk.console.clear()  # the password that was wrong
    for name, words in states.items():
        assert (name, re.findall(r"[A-Za-z]{2,}", re.sub(r"teach-\d+|cm", "", words))) == (name, [])


def test_a_figure_is_beside_its_problem_and_opens_large(desk: Desk) -> None:
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 200"><rect width="300" height="200" fill="#b9d3f4"/></svg>'
    figure = Figure(type="image/svg+xml", data=base64.b64encode(drawing.encode()).decode(), alt="가로 3 cm, 세로 2 cm인 <직사각형>")
    slates = [each.model_copy(update={"figure": figure if not i else None}) for i, each in enumerate(slates_of("figure", 2))]
    source, receipts = desk.publish("daily-001", *slates)
    for size in (PHONE, TABLET, DESK):
        page = desk.page(size, touch=size == PHONE)
        if page.locator(".problem img").count() == 0:  # the other slate came first
            page.keyboard.press("l")
        image = page.locator(".problem img")
        image.wait_for()
        assert image.get_attribute("alt") == figure.alt
        assert image.evaluate("each => each.complete && each.naturalWidth > 0")
        assert page.evaluate("document.documentElement.scrollHeight") <= size[1] + (size == TABLET) * 1000
        assert page.locator(".card").last.bounding_box()["y"] < size[1]  # type: ignore[index]  # it is shown
        assert faults(page) == []
        page.locator("button.figure").click()
        shown = page.locator("dialog img")
        shown.wait_for()
        assert shown.bounding_box()["width"] > 0.5 * min(size[0], 576)  # type: ignore[index]  # it is shown
        assert faults(page) == []
        page.keyboard.press("Escape")
        answer(page, lambda page=page: page.keyboard.press("l"))  # type: ignore[misc]  # bound as a default
        assert page.locator(".problem img").count() == 0
    assert source.collect(slates, receipts) == []


def test_the_page_of_an_english_project_is_english(desk: Desk) -> None:
    words = DomainSettings(language="en", subject="mathematics", item="problem", label="standard", framework="")
    desk.publish("daily-001", *slates_of("english", 2), domain=words)
    page = desk.page(DESK)
    assert page.locator(".choices h2").inner_text() == "Choose the best standard"
    assert page.locator("html").get_attribute("lang") == "en"
    said = [page.locator("header").inner_text(), page.locator(".tools").inner_text()]
    page.locator(".menu").click()
    said.append(page.locator("dialog .items").inner_text())
    page.locator("dialog").get_by_text("Guide").click()
    said.append(page.locator("dialog .guide").inner_text())
    assert "find the right standard" in said[-1]
    assert faults(page) == []
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    page.keyboard.press("0")
    assert page.locator("dialog h2").inner_text() == "Find the right standard"
    assert [text for text in said if re.search("[가-힣]", text)] == []
