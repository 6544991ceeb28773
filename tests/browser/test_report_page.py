"""The report in a real browser: it sends no request, the languages switch, and it fits a phone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from prefopt.report import write_report
from prefopt.serve.report import render
from tests.unit.posteriors import report_contents
from tests.unit.rankings_cases import disputed_summary
from tests.unit.test_serve_report import FOUND

HOSTILE = "<script>document.title='owned'</script><img src='http://example.invalid/x.png' onerror='document.title=1'> \u202e 문제"


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("report")
    contents = report_contents({"x": HOSTILE})
    feedback = replace(contents.feedback, summary=disputed_summary("kim", HOSTILE, HOSTILE))
    write_report(replace(contents, feedback=feedback), folder)
    return (folder / "report.html").as_uri()


def open_page(browser, address: str, width: int = 1280):
    page = browser.new_page(viewport={"width": width, "height": 850})
    page.requests, page.complaints = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    return page


def test_the_page_sends_no_request_and_runs_no_script(browser, address):
    page = open_page(browser, address)
    assert page.requests == [address]
    assert page.complaints == []  # also none from the content security policy: the style's hash is right
    assert page.title().startswith("mathclass")
    assert page.locator("script, img").count() == 0
    assert page.locator("blockquote").first.inner_text().startswith("<script>")
    page.close()


def test_the_style_applies(browser, address):
    page = open_page(browser, address)
    assert page.locator("main .hero").evaluate("e => getComputedStyle(e).display") == "grid"
    page.close()


def test_the_languages_switch_by_mouse_and_by_keyboard(browser, address):
    page = open_page(browser, address)
    korean, english = page.locator("h1 .ko"), page.locator("h1 .en")
    assert (korean.is_visible(), english.is_visible()) == (True, False)
    page.locator("label[for=lang-en]").click()
    assert (korean.is_visible(), english.is_visible()) == (False, True)
    assert page.locator("svg text.ko:visible").count() == 0
    page.locator("#lang-en").focus()
    page.keyboard.press("ArrowLeft")
    assert (korean.is_visible(), english.is_visible()) == (True, False)
    page.close()


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_the_page_is_no_wider_than_the_screen(browser, address, width):
    page = open_page(browser, address, width)
    for language in ("ko", "en"):
        page.locator(f"label[for=lang-{language}]").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        narrow = page.evaluate(
            "Math.min(...[...document.querySelectorAll('#numbers tbody th')].filter(e => e.offsetParent).map(e => e.offsetWidth))"
        )
        outside = page.evaluate(
            "[...document.querySelectorAll('main .card *, main .tile *')].filter(e => e.offsetParent && "
            "e.getBoundingClientRect().right > e.closest('.card, .tile').getBoundingClientRect().right - 8)"
            ".map(e => e.outerHTML.slice(0, 80))"
        )
        assert outside == []
        assert narrow >= 60  # no column collapses to one letter a line
    page.close()


def test_the_first_screen_of_a_phone_holds_decision_and_accuracy(browser, address):
    page = open_page(browser, address, 390)
    for selector in ("h1", ".score .big"):
        box = page.locator(selector).bounding_box()
        assert box["y"] + box["height"] < 844
    page.close()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_what_a_lead_reads_prints_on_two_pages(browser, address, language):
    page = open_page(browser, address)
    page.locator(f"label[for=lang-{language}]").click()
    page.evaluate("for (const part of document.querySelectorAll('#appendix, footer')) part.remove()")
    pages = re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True, print_background=True))
    assert len(pages) == 2
    page.close()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_tables_are_whole_on_a_phone(browser, address, language):
    """No cell is cut or scrolled; a wide table is a list whose lines name their columns."""
    page = open_page(browser, address, 390)
    page.locator(f"label[for=lang-{language}]").click()
    cut = page.evaluate("[...document.querySelectorAll('table, .heat td, td')].filter(e => e.scrollWidth > e.clientWidth + 1).length")
    assert cut == 0
    row = page.locator("#rounds .stack td").first
    name = row.evaluate("e => getComputedStyle(e, '::before').content")
    assert name.strip('"') == {"ko": "학습 방법", "en": "recipe"}[language]
    page.close()


def test_it_prints_on_a4(browser, address, tmp_path):
    page = open_page(browser, address)
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True, print_background=True)
    data = (tmp_path / "report.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    assert b"/MediaBox [0 0 594.95" in data or b"/MediaBox [0 0 595" in data or b"/MediaBox [0 0 594" in data
    page.close()


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_the_page_on_an_adapter_in_use_fits_the_screen_and_asks_for_nothing(browser, tmp_path, width):
    path = tmp_path / "in-use.html"
    path.write_text(render(FOUND.model_copy(update={"project": HOSTILE}), "ko"), encoding="utf-8")
    page = open_page(browser, path.as_uri(), width)
    for language in ("ko", "en"):
        page.locator(f"label[for=lang-{language}]").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        cut = page.evaluate("[...document.querySelectorAll('table, td')].filter(e => e.scrollWidth > e.clientWidth + 1).length")
        assert cut == 0
        assert page.locator(f"h1 .{language}").is_visible()
    assert page.requests == [path.as_uri()]
    assert page.complaints == []
    page.close()
