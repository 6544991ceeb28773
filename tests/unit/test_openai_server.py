"""The client of inference servers against servers that fail in every way, and addresses and keys that cannot be used."""

from __future__ import annotations

import gzip
import re
import socket
import threading
from collections.abc import Iterator

import pytest

from prefopt.config import ModelSettings
from prefopt.errors import ConfigError, ModelError
from prefopt.io import openai_server
from prefopt.io.addresses import server_addresses
from prefopt.io.openai_server import Hints, NoAnswerError, OpenAiServer, RefusedError

HINTS = Hints(setting="--url", unreachable="start it", refused="see what it says", key="export KEY=<the key>")
KEY = "sk-very-secret"


class Raw:
    """Answers every connection with the next bytes, the last ones again and again. `asked` has what was sent."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.asked: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                self.asked.append(connection.recv(65536))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                connection.sendall(answer)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept()
        self._socket.close()


def http(content: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An answer, after which the connection ends."""
    return "\r\n".join([f"HTTP/1.1 {status}", "Connection: close", f"Content-Length: {len(content)}", *headers, "", ""]).encode() + content


@pytest.fixture
def raw(monkeypatch: pytest.MonkeyPatch) -> Iterator[Raw]:
    monkeypatch.setattr(openai_server, "FIRST_WAIT", 0.01)
    found = Raw()
    yield found
    found.close()


def asked(raw: Raw, *answers: bytes, tries: int = 2) -> ModelError:
    """The error for a server that gives these answers."""
    raw.answers = list(answers)
    with pytest.raises(ModelError) as error:
        OpenAiServer(raw.url, HINTS, tries=tries, key=KEY).ask("POST", "/v1/completions", {"prompt": [1]})
    assert KEY not in str(error.value)
    assert error.value.message.isprintable()
    assert len(error.value.message) < 400
    return error.value


@pytest.mark.parametrize(
    ("answer", "kind", "words", "hint"),
    [
        (b"", NoAnswerError, "no answer in 2 tries", "start it"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", NoAnswerError, "no answer in 2 tries", "start it"),
        (b"\x00\x01 not HTTP at all \r\n\r\n", NoAnswerError, "no answer in 2 tries", "start it"),
        (http(b"{}", "200 OK", "Content-Encoding: gzip"), NoAnswerError, "no answer in 2 tries", "start it"),
        (http(b"broken", "500 Oh"), NoAnswerError, "status 500: broken", "start it"),
        (http(b"busy", "429 Later"), NoAnswerError, "status 429: busy", "start it"),
        (http(b"no such model", "404 No"), RefusedError, "refused with status 404: no such model", "see what it says"),
        (http(b"", "204 No Content"), RefusedError, "refused with status 204", "see what it says"),
        (
            http(b"", "307 Over", "Location: https://elsewhere/v1"),
            RefusedError,
            "status 307: it leads to https://elsewhere/v1",
            "see what it",
        ),
        (http(b"", "401 Who"), ModelError, "the server refuses the key", "export KEY"),
        (http(b"<html>"), ModelError, "not JSON: '<html>'", "see what it says"),
        (http(b"\xff\xfe"), ModelError, "not JSON", "see what it says"),
        (http(b"[1]"), ModelError, "not a JSON object", "see what it says"),
        (http(b"[" * 100_000), ModelError, "not JSON", "see what it says"),
        (http(b'{"a": ' + b"9" * 5000 + b"}"), ModelError, "not JSON", "see what it says"),
        (http(f"\x1b[2J\x07{KEY}\nroot#".encode() * 100, "400 Bad"), RefusedError, r": {1,2}\[2J …\s+root#", "see what it says"),
    ],
)
def test_every_failure_is_said_in_words_and_repeats_no_key(raw: Raw, answer: bytes, kind: type, words: str, hint: str) -> None:
    error = asked(raw, answer)
    assert type(error) is kind
    assert re.search(words, error.message)
    assert hint in error.hint


def test_a_failure_is_repeated_and_a_refusal_is_not(raw: Raw) -> None:
    raw.answers = [b"", http(b"", "503 Starting"), http(b'{"ok": 1}')]
    assert OpenAiServer(raw.url, HINTS, tries=3).ask("GET", "/v1/models") == {"ok": 1}
    assert len(raw.asked) == 3
    asked(raw, http(b"", "400 Bad"))
    assert len(raw.asked) == 4


def test_an_answer_that_is_too_large_is_not_read_to_its_end(raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_server, "MOST_BYTES", 2**20)
    bomb = gzip.compress(b" " * 2**27)
    assert len(bomb) < 2**20
    assert "more than 1 MiB" in asked(raw, http(bomb, "200 OK", "Content-Encoding: gzip")).message


def test_a_request_with_a_time_is_sent_once(raw: Raw) -> None:
    raw.answers = [b""]
    with pytest.raises(NoAnswerError, match="no answer in 1 tries"):
        OpenAiServer(raw.url, HINTS, tries=3).tell("/unload", {}, seconds=5)
    assert len(raw.asked) == 1


def test_a_server_of_this_machine_is_not_asked_through_a_proxy_and_another_one_is(raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    raw.answers = [http(b'{"ok": 1}')]
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert OpenAiServer(raw.url, HINTS, tries=1).ask("GET", "/") == {"ok": 1}
    monkeypatch.setenv("HTTP_PROXY", raw.url)
    assert OpenAiServer("http://gpu1.example:8000", HINTS, tries=1).ask("GET", "/") == {"ok": 1}
    assert raw.asked[-1].startswith(b"GET http://gpu1.example:8000/")


@pytest.mark.parametrize("proxy", ["socks9://user:hidden@host:1", "http://user:hidden@ho st:1x"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(ConfigError, match="the proxy of HTTP_PROXY") as error:
        OpenAiServer("http://gpu1.example:8000", HINTS, tries=1)
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize("key", ["정말", "a\nb", "a\x00b"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigError, match="characters that cannot be sent") as error:
        OpenAiServer("http://localhost:1", HINTS, tries=1, key=key)
    assert key not in str(error.value)


def test_a_key_is_sent_without_the_line_break_of_its_file(raw: Raw) -> None:
    raw.answers = [http(b"{}")]
    OpenAiServer(raw.url, HINTS, tries=1, key=f"{KEY}\n").ask("GET", "/")
    assert f"authorization: bearer {KEY}\r\n" in raw.asked[0].decode().lower()


@pytest.mark.parametrize(
    "address",
    ["localhost:8000", "ftp://host", "http://", "http://host:port", "http://host:99999", "http://[::1", "http://a b", "http://a,b://c",
     "http://gpu1 http://gpu2", "http://" + "a" * 70, "http://a\x00b", "http://a\nb", " , ", "/v1"],
)  # fmt: skip
def test_what_is_no_address_is_refused_before_anything_is_sent(address: str) -> None:
    with pytest.raises(ConfigError, match=r"model\.server: ") as error:
        ModelSettings(server=address)
    assert "http://HOST:PORT" in error.value.hint
    assert error.value.message.isprintable()


@pytest.mark.parametrize(
    "address",
    ["http://me:hidden@host:8000", "https://hidden@host", "http://ok, http://me:hidden@host", "http://host/?key=hidden", "http://host#hidden",
     "me:hidden@host", "http://me:hid den@[host"],
)  # fmt: skip
def test_a_password_in_an_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(ConfigError, match="a user name, a password or a query") as error:
        ModelSettings(server=address)
    assert "hid" not in str(error.value)
    assert "environment variable" in error.value.hint


def test_addresses_are_read_with_or_without_their_path_and_once_each() -> None:
    text = " http://gpu1:8000/v1/, https://[::1]:8000, http://gpu1:8000,, http://수학.example/v1"
    assert server_addresses(text, "model.server") == ("http://gpu1:8000", "https://[::1]:8000", "http://수학.example")
