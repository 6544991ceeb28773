"""A teacher ranks slates in Chromium with the keyboard; the collected answers are checked."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.client import ArgillaClient, find_server
from prefopt.protocols import FeedbackContext
from prefopt.records import Answer, Candidate, Figure, Problem, Receipt, Slate
from prefopt.taxonomy import builtin_taxonomy

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROBLEM = """한 변의 길이가 6 cm인 정사각형 모양의 색종이가 있습니다.
이 색종이 4장을 겹치지 않게 이어 붙여 큰 정사각형을 만들었습니다.
만든 정사각형의 둘레는 몇 cm입니까?"""
LABELS = {
    "[6수03-11]": "정사각형의 한 변의 길이를 구한 뒤 네 변의 길이를 더해 둘레를 묻는다.",
    "[6수03-13]": "정사각형 4장으로 만든 큰 정사각형의 크기를 다루므로 넓이와 관련된다.",
    "[4수03-10]": "정사각형의 네 변의 길이가 모두 같다는 성질을 이용한다.",
    "[2수03-13]": "6 cm를 두 번 더해 큰 정사각형의 한 변을 구한다.",
}
HOSTILE = "a < b 이고 $'x$ $& $$ <b>굵게</b> </script><script>parent.hacked=1</script><img src=x onerror='parent.hacked=2;window.hacked=3'>"


def slate(name: str, text: str = PROBLEM, reason: str = "", count: int = 4) -> Slate:
    candidates = [
        Candidate(id=f"c{i}", answer=Answer(label=label, reason=reason or default), probability=0.2, adapter="secret-adapter")
        for i, (label, default) in enumerate(list(LABELS.items())[:count])
    ]
    order = {2: (1, 0), 3: (2, 0, 1), 4: (2, 0, 3, 1)}[count]
    problem = Problem(id=f"p-{name}", text=text)
    return Slate(id=f"s-{name}", problem=problem, candidates=tuple(candidates), order=order, purpose="margin", top2_gap=0.01)


def publish(project: Path, name: str, *slates: Slate) -> tuple[ArgillaSource, list[Receipt]]:
    context = FeedbackContext(project=project, name=name, taxonomy=builtin_taxonomy(), overlap=1)
    source = ArgillaSource(ArgillaConfig(), context)
    return source, [receipt.model_copy(update={"url": stock_page(project, name)}) for receipt in source.publish(slates)]


def stock_page(project: Path, name: str) -> str:
    """Address of a dataset in Argilla's own page."""
    url, key = find_server(project)
    client = ArgillaClient(url, key=key)
    dataset = client.dataset(name, client.ensure_workspace("prefopt"))
    assert dataset is not None
    return f"{url}/dataset/{dataset['id']}/annotation-mode"


def open_form(page: Page, receipt: Receipt) -> None:
    page.goto(receipt.url)
    page.locator("form.questions-form").wait_for()
    page.frame_locator("iframe").locator(".card").first.wait_for()
    page.wait_for_timeout(1000)  # the page sets its keyboard focus a moment after it is drawn


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(600)  # digits typed within 300 ms are read as one number


def submit(page: Page) -> None:
    with page.expect_response(lambda reply: reply.url.endswith("/responses") and reply.request.method == "POST") as reply:
        page.keyboard.press("Enter")
    assert reply.value.status == 201


def test_ranking_with_a_tie_takes_six_keys(teachers_project: Path, page: Page) -> None:
    asked = slate("tie")
    source, receipts = publish(teachers_project, "mathclass-001", asked)
    open_form(page, receipts[0])
    press(page, "1", "2", "1", "3", "3")
    submit(page)
    (ranking,) = source.collect([asked], receipts)
    assert (ranking.teacher, ranking.kind) == ("kim", "ranked")
    assert [ranking.ranks[candidate.id] for candidate in asked.shown] == [2, 1, 3, 3]
    assert ranking.submitted_at is not None
    assert ranking.submitted_at.utcoffset() is not None


def test_none_is_right_with_the_right_label_found_by_searching(teachers_project: Path, page: Page) -> None:
    asked = slate("none")
    source, receipts = publish(teachers_project, "browser-none", asked)
    open_form(page, receipts[0])
    press(page, "2")
    page.get_by_placeholder("코드나 이름으로 찾기").fill("4수03-16")
    page.get_by_text("[4수03-16] 길이 단위 사이의 관계").click()
    page.get_by_role("button", name="제출").click()
    page.get_by_text("남은 문항이 없습니다").or_(page.get_by_text("모든 문항을 마쳤습니다")).first.wait_for()
    (ranking,) = source.collect([asked], receipts)
    assert (ranking.kind, ranking.right_label, ranking.ranks) == ("none_right", "[4수03-16]", {})


def test_a_slate_can_be_discarded(teachers_project: Path, page: Page) -> None:
    asked = slate("pass")
    source, receipts = publish(teachers_project, "browser-pass", asked)
    open_form(page, receipts[0])
    press(page, "1", "2")  # half an answer, then the teacher gives up
    with page.expect_response(lambda reply: reply.url.endswith("/responses")):
        page.get_by_role("button", name="건너뛰기").click()
    (ranking,) = source.collect([asked], receipts)
    assert (ranking.kind, ranking.ranks) == ("discarded", {})


def test_a_submission_without_an_order_is_no_answer_and_is_named(teachers_project: Path, page: Page) -> None:
    asked = slate("no-order")
    source, receipts = publish(teachers_project, "browser-no-order", asked)
    open_form(page, receipts[0])
    press(page, "1")
    submit(page)
    rankings, uncounted = source.read([asked], receipts)
    assert (rankings, [found.kind for found in uncounted]) == ([], ["no-ranking"])


def test_two_candidates_take_two_keys(teachers_project: Path, page: Page) -> None:
    asked = slate("two", count=2)
    source, receipts = publish(teachers_project, "browser-two", asked)
    open_form(page, receipts[0])
    press(page, "2")
    submit(page)
    (ranking,) = source.collect([asked], receipts)
    assert [ranking.ranks[candidate.id] for candidate in asked.shown] == [2, 1]


def test_a_figure_is_shown_with_its_problem(teachers_project: Path, page: Page) -> None:
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><rect width="300" height="200" fill="#b9d3f4"/></svg>'
    figure = Figure(type="image/svg+xml", data=base64.b64encode(drawing.encode()).decode(), alt='한 변이 "6" cm\n<정사각형>')
    _, receipts = publish(teachers_project, "browser-figure", slate("figure").model_copy(update={"figure": figure}))
    open_form(page, receipts[0])
    image = page.frame_locator("iframe").locator("img")
    assert image.get_attribute("alt") == '한 변이 "6" cm <정사각형>'
    assert image.evaluate("each => each.complete && each.naturalWidth") == 300
    assert page.frame_locator("iframe").locator(".card").count() == 4


def test_hostile_texts_are_shown_as_they_are_and_do_nothing(teachers_project: Path, page: Page) -> None:
    asked = slate("hostile", text=f"{HOSTILE}\n둘째 줄", reason=f"{HOSTILE} {{{{record}}}}")
    _, receipts = publish(teachers_project, "browser-hostile", asked)
    open_form(page, receipts[0])
    assert HOSTILE in page.locator(".text_field_component .content-area").inner_text().splitlines()[0]
    assert "둘째 줄" in page.locator(".text_field_component .content-area").inner_text().splitlines()[1]
    reasons = page.frame_locator("iframe").locator(".reason").all_inner_texts()
    assert reasons == [f"{HOSTILE} {{{{record}}}}"] * 4
    assert page.evaluate("window.hacked") is None
    assert page.frame_locator("iframe").locator("body").evaluate("() => window.hacked") is None


def test_the_page_does_not_show_what_the_model_prefers(teachers_project: Path, page: Page) -> None:
    asked = slate("blind")
    _, receipts = publish(teachers_project, "browser-blind", asked)
    sent: list[str] = []
    page.on("response", lambda reply: sent.append(reply.text()) if "/records" in reply.url and reply.ok else None)
    open_form(page, receipts[0])
    assert sent, "the page asked for records"
    for secret in ("secret-adapter", "probability", "margin", "0.2"):
        assert not any(secret in text for text in sent)
    words = page.locator("body").inner_text() + page.frame_locator("iframe").locator("body").inner_text()
    assert "제출" in words
    for word in ("DPO", "JSON", "Submit", "Discard", "{"):
        assert word not in words
