"""What leaves the machine: the doors are known, each has its guard, and nothing planted passes `data augment` or a chat request."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from prefopt.data.formats.row_writer import write_rows_to
from prefopt.data.prepare.augment_file import augment_file
from prefopt.data.prepare.augment_requests import Plan
from prefopt.data.prepare.chat_client import ChatModel
from prefopt.errors import DataError
from prefopt.io.leaving import personal_kinds, refuse_personal, refuse_problems
from prefopt.readers.problem_rows import row_of
from prefopt.records import Problem
from prefopt.taxonomy import builtin_taxonomy
from tests.chat_server import ChatServer
from tests.unit.planted import KINDS, bare, spellings
from tests.unit.test_data_augment import PROBLEMS, good

ROOT = Path(__file__).resolve().parents[2]
NETWORK = {"httpx", "requests", "urllib", "http", "socket", "aiohttp", "smtplib", "ftplib", "websockets", "huggingface_hub", "argilla"}
CLIENTS = {"OpenAiServer", "ArgillaClient"}
GUARDED = {
    "prefopt/data/prepare/chat_client.py": "data augment: problems, labels",
    "prefopt/model/servers.py": "model.server: prompts",
    "feedback/argilla.py": "slates",
}
OTHERS = {
    "prefopt/io/openai_server.py": "the client itself",
    "prefopt/jobs/client.py": "the client itself; rows, which prefopt/jobs/rows.py checks",
    "prefopt/model/server_check.py": "a text of its own",
    "prefopt/model/engines.py": "what prefopt/model/servers.py passes on",
    "prefopt/model/llamacpp.py": "as engines.py",
    "prefopt/jobs/together_client.py": "as prefopt/jobs/client.py",
    "prefopt/deploy/hub/remote.py": "what prefopt/deploy/hub/personal.py has searched",
    "prefopt/deploy/hub/personal.py": "nothing: reads the key, to search for it",
    "prefopt/deploy/hub/model_card.py": "nothing: classes of a model card",
    "prefopt/serve/server.py": "nothing by itself: answers who asks on the port that a person opened",
    "prefopt/model/hub.py": "names of models and files",
    "prefopt/model/hub_errors.py": "nothing: exceptions",
    "prefopt/cli/demo.py": "nothing: asks whether a port is free",
    "feedback/client.py": "the client itself; names of teachers, which a person typed",
    "feedback/bundled.py": "nothing: whether the server of this machine is ready",
    "feedback/argilla_entry.py": "ranks by simulated teachers, of slates that were published",
    "feedback/accounts.py": "names of teachers, which a person typed",
    "feedback/owner_account.py": "whether a password is the owner's, to the bundled server",
    "feedback/form.py": "the form, whose labels feedback/argilla.py checks",
    "feedback/record_overlap.py": "numbers: how many teachers a slate wants",
    "feedback/teach.py": "nothing: asks the server whether it has the page /teach",
    "prefopt/rounds/can_run.py": "nothing: asks whether the server of model.server answers",
}


def _uses_network(path: Path) -> bool:
    """Whether a module imports a way to other machines, or makes one of the two clients."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(alias.name for alias in node.names if alias.name in CLIENTS)]
        if any(name.split(".")[0] in NETWORK - {"urllib", "http"} or name in CLIENTS for name in names):
            return True
        if any(name in ("urllib.request", "http.client", "http.server") for name in names):
            return True
    return False


def test_every_door_is_known_and_guarded():
    files = [path for top in ("prefopt", "feedback", "recipes") for path in (ROOT / top).rglob("*.py")]
    doors = {str(p.relative_to(ROOT)) for p in files if "feedback/server" not in str(p) and _uses_network(p)}
    assert doors == set(GUARDED) | set(OTHERS), (
        "a new way out: guard it with prefopt.io.leaving.refuse_personal, and say here what it sends"
    )
    for name in (*GUARDED, "prefopt/jobs/rows.py"):
        assert re.search(r"\n        +refuse_personal\(", (ROOT / name).read_text(encoding="utf-8")), name


def test_the_error_names_texts_and_kinds_and_repeats_nothing():
    for planted in KINDS:
        with pytest.raises(DataError) as error:
            refuse_personal([("problem 'a'", "3 + 4는?"), ("problem 'b'", planted.text)], "https://far.example")
        assert f"problem 'b': {planted.kind}" in error.value.message
        assert "problem 'a'" not in error.value.message
        assert bare(planted.value) not in bare(str(error.value))
    with pytest.raises(DataError, match="and 2 more"):
        refuse_personal([(f"problem {i}", KINDS[0].text) for i in range(7)], "https://far.example")
    refuse_personal([("problem 'a'", "3 + 4는?")], "https://far.example")
    refuse_problems([Problem(id="a", text=KINDS[0].text)], "")


@pytest.mark.parametrize("key", ["text", "reason", "concepts", "id", "family", "label", "level"])
def test_personal_data_is_found_in_every_key(key):
    values = {"id": "a", "text": "3 + 4는 얼마입니까?"}
    values |= {key: ("김민수선생님",) if key == "concepts" else "김민수선생님"}
    assert personal_kinds(Problem(**values)) == ["person-name"]
    assert personal_kinds(Problem(id="G20260001", family="20315-1", text="3 + 4는 얼마입니까?")) == []


@pytest.mark.parametrize("kind", ["paraphrase", "back-translation", "reason"])
def test_nothing_planted_reaches_the_server_of_data_augment(tmp_path, kind):
    planted = [(value, text) for p in KINDS for _, text, value in spellings(p)]
    rows = [Problem(id=f"t{i}", text=text, label="[2수01-06]") for i, (_, text) in enumerate(planted)]
    for i, p in enumerate(KINDS):
        rows.append(Problem(id=f"r{i}", text=PROBLEMS[i % 12].text + f" ({i})", reason=p.text, label="[2수01-06]"))
        rows.append(Problem(id=f"c{i}", text=PROBLEMS[i % 12].text + f" ({i + 100})", concepts=("수", p.text), label="[2수01-06]"))
    write_rows_to(tmp_path / "gold.jsonl", map(row_of, [*rows, *PROBLEMS[:2]]))
    reason = "두 자리 수의 덧셈이다. 그래서 [2수01-06]에 속한다."
    server = ChatServer(lambda system, text: reason if kind == "reason" else good(system, text))
    try:
        plan = Plan(kind, language="ko" if kind == "reason" else "en", at_once=2)
        report = augment_file(tmp_path / "gold.jsonl", tmp_path / "m.jsonl", ChatModel(server.url, "m"), plan, taxonomy=builtin_taxonomy())
    finally:
        server.close()
    assert server.asked
    sent = {bare(message["content"]) for body in server.asked for message in body["messages"]}
    for value in {bare(value) for value, _ in planted} | {bare(p.value) for p in KINDS}:
        assert not [text for text in sent if value in text], value
    assert set(report.not_sent) == {p.id for p in rows}


def test_what_a_model_wrote_is_checked_before_it_is_sent_back(tmp_path):
    def tells(system, text):
        return (
            "김민수 선생님(010-1234-5678)이 낸 문제입니다. 구슬은 모두 몇 개입니까?" if system.startswith("Rewrite") else good(system, text)
        )

    write_rows_to(tmp_path / "gold.jsonl", map(row_of, PROBLEMS[:2]))
    server = ChatServer(tells)
    try:
        with pytest.raises(DataError, match="every text of the model is refused: 2 personal data"):
            augment_file(tmp_path / "gold.jsonl", tmp_path / "m.jsonl", ChatModel(server.url, "m"), Plan("paraphrase"))
    finally:
        server.close()
    assert "1234" not in json.dumps(server.asked, ensure_ascii=False)


def test_a_chat_request_with_personal_data_is_never_made():
    server = ChatServer(good)
    try:
        for planted in KINDS:
            with pytest.raises(DataError, match=f"nothing was sent to {server.url}: personal data in the question"):
                ChatModel(server.url, "m").complete("Solve.", planted.text, seed=1, temperature=0.0, max_tokens=8)
    finally:
        server.close()
    assert server.asked == []


def test_labels_with_personal_data_are_not_sent(tmp_path):
    from prefopt.taxonomy import read_taxonomy

    (tmp_path / "taxonomy.csv").write_text("code,name\na,덧셈\nb,담당: 김민수 010-1234-5678\n", encoding="utf-8")
    write_rows_to(tmp_path / "gold.jsonl", [row_of(PROBLEMS[0].model_copy(update={"label": "a"}))])
    server = ChatServer(good)
    try:
        taxonomy = read_taxonomy(tmp_path / "taxonomy.csv")
        with pytest.raises(DataError, match="personal data in label b: "):
            augment_file(tmp_path / "gold.jsonl", tmp_path / "m.jsonl", ChatModel(server.url, "m"), Plan("reason"), taxonomy=taxonomy)
    finally:
        server.close()
    assert server.asked == []
