"""No byte of a slate with personal data reaches an Argilla that prefopt did not start."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.client import KEY_VARIABLE
from prefopt.errors import DataError, FeedbackError
from prefopt.protocols import FeedbackContext
from prefopt.records import Slate
from prefopt.taxonomy import builtin_taxonomy
from tests.contract.desks import make_slates
from tests.unit.planted import KINDS, bare, spellings


class Recorder(BaseHTTPRequestHandler):
    """Keeps what it hears, and answers nothing that an Argilla would."""

    heard: list[bytes]

    def _hear(self) -> None:
        self.heard.append(self.path.encode() + self.rfile.read(int(self.headers.get("content-length", 0))))
        self.send_error(404)

    do_GET = do_POST = do_PUT = do_DELETE = _hear  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ArgillaSource, list[bytes]]]:
    monkeypatch.setenv(KEY_VARIABLE, "an.owners-key")
    kind = type("Handler", (Recorder,), {"heard": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    context = FeedbackContext(project=tmp_path, name="mathclass-001", taxonomy=builtin_taxonomy(), overlap=1)
    yield ArgillaSource(ArgillaConfig(url=f"http://127.0.0.1:{server.server_port}"), context), kind.heard
    server.shutdown()
    server.server_close()


def with_text(slate: Slate, text: str) -> Slate:
    return slate.model_copy(update={"problem": slate.problem.model_copy(update={"text": text})})


def with_answer(slate: Slate, **changed: object) -> Slate:
    first, *others = slate.candidates
    return slate.model_copy(update={"candidates": (first.model_copy(update={"answer": first.answer.model_copy(update=changed)}), *others)})


def test_slates_with_personal_data_are_not_sent(far: tuple[ArgillaSource, list[bytes]]) -> None:
    source, heard = far
    slates = make_slates(3)
    for planted in KINDS:
        for i, (_, text, value) in enumerate(list(spellings(planted))[::4]):
            places = [with_text(slates[1], text), with_answer(slates[1], reason=text), with_answer(slates[1], concepts=(text,))]
            for bad in places if i == 0 else places[i % 3 :][:1]:
                with pytest.raises(DataError, match=r"nothing was sent to http://127\.0\.0\.1") as error:
                    source.publish([slates[0], bad, slates[2]])
                assert bare(value) not in bare(str(error.value))
    assert heard == []
    with pytest.raises(FeedbackError):  # slates without go out: this server is no Argilla, so it gets no further than its own account
        source.publish(slates)
    assert heard == [b"/api/v1/me"]
