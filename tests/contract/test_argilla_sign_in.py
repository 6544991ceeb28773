"""Sessions and keys end with the password, failures are limited, and nobody waits for the passwords of others."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from feedback import accounts, bundled
from feedback.client import ArgillaClient, RefusedError, find_server, new_password, sign_in
from tests.contract.desks import ArgillaDesk, make_slates


@pytest.fixture(scope="module")
def owner(argilla_project: Path) -> ArgillaClient:
    url, key = find_server(argilla_project)
    return ArgillaClient(url, key=key)


@pytest.fixture
def project(argilla_project: Path) -> Path:
    """The project whose teachers are reset and removed."""
    (argilla_project / "taxonomy.csv").write_text("code,name\na,A\nb,B\n", encoding="utf-8")
    (argilla_project / "prefopt.toml").write_text('[feedback]\nsource = "argilla"\n', encoding="utf-8")
    return argilla_project


@pytest.fixture
def address() -> Callable[[], str]:
    """A new address of a client for each call, as a proxy on this machine reports it: the limits of one test are not those of another."""
    count = iter(range(1, 250))
    return lambda: f"198.51.{os.getpid() % 250}.{next(count)}"


def try_password(url: str, name: str, password: str, client: str) -> httpx.Response:
    form = {"username": name, "password": password}
    return httpx.post(f"{url}/api/v1/token", data=form, headers={"X-Forwarded-For": client}, trust_env=False, timeout=60)


def shut_out(url: str, clients: list[ArgillaClient]) -> None:
    for client in clients:
        for method, path in (("GET", "/me"), ("GET", "/me/datasets"), ("DELETE", "/responses/00000000-0000-4000-8000-000000000000")):
            with pytest.raises(RefusedError) as error:
                client.request(method, path)
            assert error.value.status == 401, (method, path)


def keys_of(owner: ArgillaClient) -> dict[str, str]:
    return {user["username"]: user["api_key"] for user in owner.get("/users")["items"]}


def test_a_reset_ends_sessions_and_the_key_at_once(project: Path, owner: ArgillaClient) -> None:
    accounts.add_teachers(project, ["reset-me"])
    old = bundled.passwords(bundled.default_home(project))["reset-me"]
    before = [sign_in(owner.url, "reset-me", old), ArgillaClient(owner.url, key=keys_of(owner)["reset-me"])]
    assert [client.get("/me")["username"] for client in before] == ["reset-me"] * 2
    _, (account,) = accounts.reset_passwords(project, ["reset-me"])
    assert not account.is_still_in
    shut_out(owner.url, before)
    with pytest.raises(RefusedError):
        sign_in(owner.url, "reset-me", old)
    assert sign_in(owner.url, "reset-me", account.password).get("/me")["username"] == "reset-me"


def test_a_removed_teacher_is_out_at_once_and_cannot_take_answers_back(
    project: Path, owner: ArgillaClient, argilla_desk: ArgillaDesk
) -> None:
    accounts.add_teachers(project, ["remove-me"])
    password = bundled.passwords(bundled.default_home(project))["remove-me"]
    session = sign_in(owner.url, "remove-me", password)
    key = ArgillaClient(owner.url, key=keys_of(owner)["remove-me"])
    slates = make_slates(1)
    receipts = argilla_desk.source().publish(slates)
    argilla_desk.teachers = {**argilla_desk.teachers, "remove-me": session}
    argilla_desk.rank("remove-me", slates[0], receipts[0], "1234")
    (answer,) = owner.get(f"/records/{receipts[0].record}")["responses"]
    assert accounts.remove_teachers(project, ["remove-me"]) == []
    shut_out(owner.url, [session, key])
    for client in (session, key):
        with pytest.raises(RefusedError):
            client.request("DELETE", f"/responses/{answer['id']}")
    assert [ranking.teacher for ranking in argilla_desk.source().collect(slates, receipts)] == ["remove-me"]


def test_who_only_left_the_workspace_is_signed_out_and_cannot_change_answers(owner: ArgillaClient, argilla_desk: ArgillaDesk) -> None:
    password = new_password()
    workspace = owner.ensure_workspace("prefopt")
    owner.add_teacher("leaver", "leaver", workspace, password)
    session = sign_in(owner.url, "leaver", password)
    slates = make_slates(1)
    receipts = argilla_desk.source().publish(slates)
    argilla_desk.teachers = {**argilla_desk.teachers, "leaver": session}
    argilla_desk.rank("leaver", slates[0], receipts[0], "1234")
    (answer,) = owner.get(f"/records/{receipts[0].record}")["responses"]
    owner.remove_teacher("leaver", workspace)
    shut_out(owner.url, [session])
    again = sign_in(owner.url, "leaver", password)  # the password is still theirs: it was not changed
    for method, body in (("DELETE", {}), ("PUT", {"json": {"status": "discarded"}})):
        with pytest.raises(RefusedError) as error:
            again.request(method, f"/responses/{answer['id']}", **body)
        assert error.value.status == 403


def test_the_owners_key_file_follows_a_new_password(argilla_project: Path, owner: ArgillaClient) -> None:
    (me,) = [user["id"] for user in owner.get("/users")["items"] if user["username"] == "owner"]
    old = bundled.owner_key(bundled.default_home(argilla_project))
    owner.request("PATCH", f"/users/{me}", json={"password": "another-password-1"})
    url, key = find_server(argilla_project)
    assert key != old
    assert ArgillaClient(url, key=key).owner_name() == "owner"
    shut_out(url, [ArgillaClient(url, key=str(old))])
    owner._http.headers["X-Argilla-Api-Key"] = key


def test_signing_out_ends_the_session(owner: ArgillaClient, address: Callable[[], str]) -> None:
    password = new_password()
    owner.add_teacher("quits", "quits", owner.ensure_workspace("prefopt"), password)
    page = httpx.Client(base_url=owner.url, headers={"Origin": owner.url, "X-Forwarded-For": address()}, trust_env=False)
    reply = page.post("/api/v1/token", data={"username": "quits", "password": password})
    placeholder = reply.json()["access_token"]
    cookie = reply.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    token = page.cookies["prefopt_session"]
    assert token not in reply.text
    page.headers["Authorization"] = f"Bearer {placeholder}"
    assert page.get("/api/v1/me").json()["username"] == "quits"
    assert page.delete("/api/v1/session").status_code == 204
    assert page.get("/api/v1/me").status_code == 401
    stolen = httpx.get(f"{owner.url}/api/v1/me", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert stolen.status_code == 401, "a copy of the token ends with the session"


def test_a_cookie_alone_opens_nothing_and_neither_does_a_page_of_another_site(owner: ArgillaClient, address: Callable[[], str]) -> None:
    password = new_password()
    owner.add_teacher("careful", "careful", owner.ensure_workspace("prefopt"), password)
    page = httpx.Client(base_url=owner.url, headers={"Origin": owner.url, "X-Forwarded-For": address()}, trust_env=False)
    placeholder = page.post("/api/v1/token", data={"username": "careful", "password": password}).json()["access_token"]
    assert page.get("/api/v1/me").status_code == 401
    page.headers["Authorization"] = f"Bearer {placeholder}"
    assert page.get("/api/v1/me").status_code == 200
    body = {"items": [{"record_id": "00000000-0000-4000-8000-000000000000", "status": "discarded"}]}
    for origin in ("https://elsewhere.example", "null", f"{owner.url}.elsewhere.example", "http://127.0.0.1.elsewhere.example"):
        assert page.post("/api/v1/me/responses/bulk", json=body, headers={"Origin": origin}).status_code == 403
        assert page.delete("/api/v1/session", headers={"Origin": origin}).status_code == 403
    without = httpx.get(f"{owner.url}/api/v1/me", headers={"Authorization": f"Bearer {placeholder}"}, trust_env=False)
    assert without.status_code == 401, "what a script could read from the page opens nothing"


def test_failures_of_an_account_and_of_an_address_are_limited_in_both_languages(owner: ArgillaClient, address: Callable[[], str]) -> None:
    password = new_password()
    owner.add_teacher("guessed", "guessed", owner.ensure_workspace("prefopt"), password)
    replies = [try_password(owner.url, "guessed", "wrong", address()) for _ in range(7)]
    assert [reply.status_code for reply in replies[:5]] == [401] * 5
    assert replies[5].status_code == 429
    assert int(replies[5].headers["retry-after"]) >= 1
    assert "로그인에 여러 번 실패했습니다" in replies[5].text
    assert "Too many failed sign-ins" in replies[5].text
    one = address()
    with ThreadPoolExecutor(30) as pool:
        unknown = list(pool.map(lambda number: try_password(owner.url, f"nobody-{number}", "wrong", one).status_code, range(30)))
    assert unknown.count(429) >= 5, "more at once are held back like more in turn"
    owner.add_teacher("same-school", "same-school", owner.ensure_workspace("prefopt"), password)
    assert try_password(owner.url, "same-school", password, one).status_code == 201, "who shares the address still gets in"
    assert try_password(owner.url, "guessed", "wrong", one).status_code == 429


def test_a_school_signs_in_from_one_address_while_passwords_are_guessed(owner: ArgillaClient, address: Callable[[], str]) -> None:
    workspace = owner.ensure_workspace("prefopt")
    class_of = {f"class-{number}": new_password() for number in range(20)}
    for name, password in class_of.items():
        owner.add_teacher(name, name, workspace, password)
    school, ending = address(), threading.Event()

    def guess(number: int) -> None:
        while not ending.is_set():
            try_password(owner.url, f"stranger-{number}", "wrong", school)

    loops = [threading.Thread(target=guess, args=(number,), daemon=True) for number in range(10)]
    for loop in loops:
        loop.start()
    try:
        time.sleep(1)
        with ThreadPoolExecutor(20) as pool:
            replies = list(pool.map(lambda item: try_password(owner.url, *item, school), class_of.items()))
    finally:
        ending.set()
        for loop in loops:
            loop.join()
    assert [reply.status_code for reply in replies] == [201] * 20


def test_passwords_take_little_of_the_servers_time_and_none_of_its_loop(argilla_project: Path, owner: ArgillaClient) -> None:
    """Processor time, not a clock: the cost of a password is in threads of their own, and small for a generated one."""
    password = new_password()
    owner.add_teacher("measured", "measured", owner.ensure_workspace("prefopt"), password)
    pid = bundled.running_pid(bundled.default_home(argilla_project))
    names = {Path(f"/proc/{pid}/task/{task}/comm").read_text().strip() for task in os.listdir(f"/proc/{pid}/task")}
    sign_in(owner.url, "measured", password)
    before = cpu_of(f"/proc/{pid}/stat")
    for _ in range(10):
        sign_in(owner.url, "measured", password)
    used = (cpu_of(f"/proc/{pid}/stat") - before) / 10
    assert names
    assert used < 0.12, f"{used:.3f} s of processor time a sign-in; at bcrypt's usual cost it is a quarter of a second"


def cpu_of(path: str) -> float:
    fields = Path(path).read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_hash_of_an_earlier_version_is_accepted_once_and_then_costs_less(argilla_project: Path, owner: ArgillaClient) -> None:
    import sqlite3
    import subprocess

    from feedback.environment import server_python
    from feedback.server import digests

    password = new_password()
    owner.add_teacher("earlier", "earlier", owner.ensure_workspace("prefopt"), password)
    ask = "import bcrypt, sys; print(bcrypt.hashpw(sys.argv[1].encode(), bcrypt.gensalt(12)).decode())"
    old = subprocess.run([server_python(), "-c", ask, password], capture_output=True, text=True, check=True).stdout.strip()
    path = bundled.default_home(argilla_project) / "argilla.db"
    with sqlite3.connect(path, timeout=30) as db:
        digests.register(db)
        db.execute("UPDATE users SET password_hash = ? WHERE username = 'earlier'", (old,))
    session = sign_in(owner.url, "earlier", password)
    assert session.get("/me")["username"] == "earlier", "its session is of the new hash"
    with sqlite3.connect(path, timeout=30) as db:
        (now,) = db.execute("SELECT password_hash FROM users WHERE username = 'earlier'").fetchone()
    assert now.split("$")[2] == "08"
    sign_in(owner.url, "earlier", password)
    assert session.get("/me")["username"] == "earlier"


WORTHLESS: list[dict[str, str]] = [
    {},
    {"Authorization": "Bearer x"},
    {"Authorization": "Basic eDp5"},
    {"X-Argilla-Api-Key": "x"},
    {"Cookie": "prefopt_session=x"},
]


def test_nothing_but_the_sign_in_page_is_for_everybody(owner: ArgillaClient) -> None:
    anonymous = httpx.Client(base_url=owner.url, trust_env=False)
    description = owner.get("/openapi.json")["paths"]
    for path, methods in description.items():
        for method in methods:
            if (method, path) == ("post", "/token"):
                continue
            for credentials in WORTHLESS:
                reply = anonymous.request(method.upper(), "/api/v1" + path.replace("{", "").replace("}", ""), headers=credentials)
                assert reply.status_code == 401, (method, path, credentials)
    for path in ("", "/v1", "/v1/docs", "/v1/redoc", "/v1/openapi.json", "/v1/nothing", "/v1/version", "/v1/status"):
        path = f"/api{path}"
        assert anonymous.get(path).status_code == 401, path
    page = anonymous.get("/sign-in").text
    for path in ("/docs", "/openapi.json", "/api-docs", "/../argilla.db", "/owner-key", "/argilla.db"):
        assert anonymous.get(path).text == page or anonymous.get(path).status_code == 404, path


def test_every_reply_has_the_headers_that_protect_a_page(owner: ArgillaClient, address: Callable[[], str]) -> None:
    wanted = {"x-frame-options": "DENY", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
    replies = [httpx.get(owner.url + path, trust_env=False) for path in ("/", "/sign-in", "/favicon.ico", "/nothing", "/api/v1/me", "/api")]
    replies += [try_password(owner.url, "x", "y", address()), owner._http.get("/api/v1/me"), owner._http.get("/api/v1/nothing")]
    for reply in replies:
        assert {name: reply.headers.get(name) for name in wanted} == wanted, reply.url
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
        assert "server" not in reply.headers
    assert replies[-2].headers["cache-control"] == "no-store"
