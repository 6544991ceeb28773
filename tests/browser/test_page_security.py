"""The page under its Content-Security-Policy: a teacher's work breaks no rule of it, no script gets at the session, signing out ends it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from feedback.client import find_server
from tests.browser.test_teacher_page import open_form, press, publish, slate, submit

if TYPE_CHECKING:
    from playwright.sync_api import Page

WATCH = (
    "addEventListener('securitypolicyviolation', event => console.error('VIOLATION ' + event.violatedDirective + ' ' + event.blockedURI))"
)


def test_a_teachers_work_breaks_no_rule_and_leaves_no_token_to_scripts(teachers_project: Path, page: Page) -> None:
    seen: list[str] = []
    page.on("console", lambda message: seen.append(message.text))
    page.add_init_script(WATCH)
    slates = [slate(f"policy-{i}", text=f"{i}번째 문제: $\\frac{{1}}{{2}}$ + {i}", reason=f"{i}번째 까닭") for i in range(2)]
    source, receipts = publish(teachers_project, "browser-policy", *slates)
    open_form(page, receipts[0])
    shown = []
    for _ in slates:
        shown.append(page.frame_locator("iframe").locator(".reason").first.inner_text())
        press(page, "1", "2", "1", "3", "3")
        submit(page)
        page.wait_for_timeout(1500)
    assert sorted(shown) == ["0번째 까닭", "1번째 까닭"], "the frame follows the slate"
    assert len(source.collect(slates, receipts)) == 2
    url, _ = find_server(teachers_project)
    for path in ("/", "/user-settings", receipts[0].url.removeprefix(url)):
        page.goto(url + path)
        page.wait_for_timeout(800)
    assert [text for text in seen if "VIOLATION" in text or "Content Security Policy" in text] == []
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    (session,) = [cookie for cookie in page.context.cookies(f"{url}/api/v1/me") if cookie["name"] == "prefopt_session"]
    assert session["httpOnly"]
    assert session["sameSite"] == "Strict"
    assert session["value"] not in kept
    assert page.evaluate("fetch('/api/v1/me').then(reply => reply.status)") == 401, "the cookie alone opens nothing"
    reply = httpx.get(f"{url}/api/v1/me", headers={"Authorization": f"Bearer {session['value']}"}, trust_env=False)
    assert reply.json()["api_key"] == ""


def test_inline_scripts_and_scripts_of_other_sites_do_not_run(teachers_project: Path, page: Page) -> None:
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hacked = 1\">')")
    page.evaluate("document.head.append(Object.assign(document.createElement('script'), {textContent: 'window.hacked = 2'}))")
    page.evaluate("document.head.append(Object.assign(document.createElement('script'), {src: 'data:text/javascript,window.hacked = 3'}))")
    page.wait_for_timeout(500)
    assert page.evaluate("window.hacked") is None


def test_signing_out_ends_the_session_on_the_server(teachers_project: Path, page: Page) -> None:
    url, _ = find_server(teachers_project)
    (session,) = [cookie for cookie in page.context.cookies(f"{url}/api/v1/me") if cookie["name"] == "prefopt_session"]
    page.locator(".user").first.click()
    page.get_by_text("로그아웃").click()
    page.wait_for_url(f"{url}/sign-in")
    assert page.context.cookies(f"{url}/api/v1/me") == []
    reply = httpx.get(f"{url}/api/v1/me", headers={"Authorization": f"Bearer {session['value']}"}, trust_env=False)
    assert reply.status_code == 401


def test_a_wait_after_many_failures_is_told_in_korean(teachers_project: Path, page: Page) -> None:
    url, _ = find_server(teachers_project)
    wait = 0
    while wait < 8:
        reply = httpx.post(f"{url}/api/v1/token", data={"username": "kim-wrong", "password": "wrong"}, trust_env=False)
        wait = int(reply.headers.get("retry-after", 0))
        time.sleep(wait if wait < 8 else 0)
    page.locator(".user").first.click()
    page.get_by_text("로그아웃").click()
    page.wait_for_url(f"{url}/sign-in")
    page.locator("input").nth(0).fill("kim-wrong")
    page.locator("input[type=password]").fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_text("로그인에 여러 번 실패했습니다").first.wait_for()
