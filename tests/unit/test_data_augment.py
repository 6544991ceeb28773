"""prefopt data augment against a local chat server: accepted and refused variants, reasons, faults of the server."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from prefopt.data.checks.check_files import check_data
from prefopt.data.checks.check_types import Part
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.data.prepare.augment_file import augment_file
from prefopt.data.prepare.augment_requests import Plan
from prefopt.errors import DataError, ModelError
from prefopt.project.holdout import default_split
from prefopt.project.splitting import split
from prefopt.readers.problem_rows import read_problems_of, row_of
from prefopt.records import Problem
from prefopt.taxonomy import builtin_taxonomy
from tests.chat_server import ChatServer
from tests.command_line import CommandLine

THINGS = ("사과", "귤", "구슬", "풍선", "단추", "지우개", "초콜릿", "사탕", "호두", "감자", "토마토", "쿠키")


def problem(i: int) -> Problem:
    a, b = 23 + 3 * i, 14 + 2 * i
    text = f"바구니에 {THINGS[i]} {a}개가 있었는데 {b}개를 더 넣었습니다. {THINGS[i]}는 모두 몇 개인지 구하시오."
    return Problem(id=f"p{i}", text=text, label="[2수01-06]", reason="두 자리 수의 덧셈이다. 두 자리 수의 덧셈과 뺄셈에 해당한다.")


PROBLEMS = [problem(i) for i in range(12)]


def rewritten(text: str) -> str:
    thing, a, b = re.search(r"바구니에 (\S+) (\d+)개가 있었는데 (\d+)개", text).groups()
    return f"{a}개의 {thing} 바구니에 {b}개를 더 담았다면, 바구니 안의 {thing} 수는 몇 개가 됩니까?"


def good(system: str, text: str) -> str:
    """A model that rewrites, translates and solves as it should."""
    if system.startswith("Solve"):
        return f"{sum(int(n) for n in re.findall(r'[0-9]+', text))}개"
    if system.startswith("Translate") and "English" in system:
        return "EN " + text
    return rewritten(text.removeprefix("EN "))


@pytest.fixture
def serve():
    servers = []

    def start(say):
        servers.append(ChatServer(say))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def source(tmp_path):
    write_rows_to(tmp_path / "gold.jsonl", map(row_of, PROBLEMS))
    return tmp_path / "gold.jsonl"


@pytest.fixture
def prefopt(tmp_path, monkeypatch, capsys):
    return CommandLine(tmp_path, monkeypatch, capsys)


def augmented(source, server, kind="paraphrase", **options):
    from prefopt.data.prepare.chat_client import ChatModel

    plan = Plan(kind, **{"at_once": 2, **options})
    out = source.with_name("more.jsonl")
    report = augment_file(source, out, ChatModel(server.url, "m"), plan, taxonomy=builtin_taxonomy(), refused=out.with_name("no.jsonl"))
    return report, list(read_problems_of(out))


@pytest.mark.parametrize("kind", ["paraphrase", "back-translation"])
def test_variants_go_to_their_own_file_marked_and_with_the_family_of_their_problem(source, serve, kind):
    before = source.read_bytes()
    report, rows = augmented(source, serve(good), kind)
    assert (report.accepted, report.refused) == (12, Counter())
    assert source.read_bytes() == before
    for row, original in zip(rows, PROBLEMS, strict=True):
        assert row == original.model_copy(
            update={"id": f"{original.id}~{kind}-1", "text": rewritten(original.text), "family": original.id, "augmented": kind}
        )


def test_variants_stay_with_their_problem_in_a_split_and_out_of_the_hold_out(source, serve, tmp_path):
    _, rows = augmented(source, serve(good))
    together = [*PROBLEMS, *rows]
    for seed in range(20):
        parts = dict(zip((p.id for p in together), split(together, (0.5, 0.5), seed).parts, strict=True))
        assert all(parts[row.id] == parts[row.family] for row in rows)
    train, held = default_split(together, 0.4)
    assert held
    assert not any(p.is_augmented for p in held)
    assert not {p.group for p in train} & {p.group for p in held}
    write_rows_to(tmp_path / "all.jsonl", map(row_of, together))
    assert check_data([Part(tmp_path / "all.jsonl")], builtin_taxonomy()).errors == 0
    write_rows_to(tmp_path / "held.jsonl", map(row_of, PROBLEMS[:3]))
    found = check_data([Part(tmp_path / "more.jsonl"), Part(tmp_path / "held.jsonl", "holdout")], builtin_taxonomy()).findings
    assert [f.kind for f in found].count("leak-family") == 3


FAULTS = {
    "numbers": lambda text: rewritten(text).replace("개의", "0개의", 1),
    "language": lambda text: "There are so many of them in the basket. How many in all?",
    "same": lambda text: text.replace(" ", "  "),
    "cut off": lambda text: (rewritten(text), "length"),
    "empty": lambda text: "",
    "length": lambda text: rewritten(text) + " 정말로 모두 몇 개인지 잘 세어 보고 또 세어 보세요." * 6,
    "text: control-character": lambda text: rewritten(text) + "\x00",
}


@pytest.mark.parametrize("why", FAULTS)
def test_a_variant_that_is_not_the_same_problem_is_refused(source, serve, why):
    def say(system, text):
        return FAULTS[why](text) if system.startswith("Rewrite") and "구슬" in text else good(system, text)

    report, rows = augmented(source, serve(say))
    assert dict(report.refused) == {why: 1}
    assert len(rows) == 11
    (refused,) = [json.loads(line) for line in source.with_name("no.jsonl").read_text(encoding="utf-8").splitlines()]
    assert (refused["id"], refused["why"]) == ("p2", why)


def test_a_variant_with_another_answer_is_refused(source, serve, tmp_path):
    def say(system, text):  # "남았다" makes a difference of it
        if system.startswith("Solve") and "덜어" in text:
            a, b = map(int, re.findall(r"[0-9]+", text))
            return f"{a - b}"
        return (
            rewritten(text).replace("더 담았다면", "덜어 냈다면") if system.startswith("Rewrite") and "구슬" in text else good(system, text)
        )

    assert dict(augmented(source, serve(say))[0].refused) == {"answer": 1}


def test_known_answers_are_used_without_a_request(source, serve, prefopt, tmp_path):
    server = serve(good)
    (tmp_path / "a.jsonl").write_text('{"id": "p0", "answer": "1"}\n{"id": "p1", "answer": "42"}\n', encoding="utf-8")
    words = ("--url", server.url, "--model", "m", "--answers", "a.jsonl", "--json")
    result = json.loads(prefopt("data", "augment", "gold.jsonl", "more.jsonl", *words))
    assert (result["accepted"], result["refused"]) == (11, {"answer": 1})  # by the file, p0 is 1
    solved = Counter(b["messages"][1]["content"] for b in server.asked if b["messages"][0]["content"].startswith("Solve"))
    assert PROBLEMS[0].text not in solved
    assert solved[PROBLEMS[2].text] == 1


def test_a_variant_that_repeats_another_one_is_refused(source, serve):
    report, rows = augmented(source, serve(good), variants=2)
    assert dict(report.refused) == {"repeats": 12}
    assert len(rows) == 12


def test_problems_with_personal_data_are_not_sent(source, serve, prefopt):
    first = PROBLEMS[0].model_copy(update={"text": PROBLEMS[0].text + " 문의 010-1234-5678"})
    write_rows_to(source, map(row_of, [first, *PROBLEMS[1:]]))
    server = serve(good)
    assert "1  problems with personal data were not sent" in prefopt(
        "data", "augment", "gold.jsonl", "m.jsonl", "--url", server.url, "--model", "m"
    )
    assert not any("010" in b["messages"][1]["content"] for b in server.asked)


def test_an_interrupted_run_resumes(source, serve):
    calls = Counter()

    def dies(system, text):
        calls["n"] += 1
        return 400 if calls["n"] > 10 else good(system, text)

    with pytest.raises(ModelError, match="refused with status 400"):
        augmented(source, serve(dies), at_once=1)
    server = serve(good)
    report, _ = augmented(source, server, at_once=1)
    assert report.accepted == 12
    assert len(server.asked) == 3 * (12 - 3)  # three requests a problem; three problems were done
    assert sorted(p.name for p in source.parent.iterdir()) == ["gold.jsonl", "more.jsonl", "no.jsonl"]


def test_a_busy_server_is_asked_again(source, serve, monkeypatch):
    monkeypatch.setattr("prefopt.io.openai_server.FIRST_WAIT", 0.001)
    asked = Counter()

    def busy(system, text):
        asked[system, text] += 1
        return 429 if asked[system, text] == 1 else good(system, text)

    assert augmented(source, serve(busy))[0].accepted == 12
    assert set(asked.values()) == {2}


@pytest.mark.parametrize(
    ("say", "message"),
    [
        (lambda *_: 401, "the server refuses the key"),
        (lambda *_: 404, "does the server serve this --model"),
        (lambda *_: 500, "no answer"),
        (lambda *_: b"<html>", "not JSON"),
        (lambda *_: b"[]", "not a JSON object"),
        (lambda *_: b'{"choices": []}', "without a message"),
        (lambda system, text: "모르겠습니다." if system.startswith("Rewrite") else "1", "every text of the model is refused: 12 length"),
    ],
)
def test_faults_of_the_server_stop_with_a_message(source, serve, prefopt, monkeypatch, say, message):
    monkeypatch.setattr("prefopt.io.openai_server.FIRST_WAIT", 0.001)
    printed = prefopt("data", "augment", "gold.jsonl", "more.jsonl", "--url", serve(say).url, "--model", "m", code=1)
    assert message in printed
    assert "Traceback" not in printed
    assert not (source.parent / "more.jsonl").exists()


def test_a_key_is_sent_and_never_printed(source, serve, prefopt, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-secret")
    server = serve(good)
    printed = prefopt("data", "augment", "gold.jsonl", "more.jsonl", "--url", server.url, "--model", "m", "--key-env", "MY_KEY")
    assert {b["key"] for b in server.asked} == {"Bearer sk-secret"}
    assert "sk-secret" not in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("gold.jsonl", "gold.jsonl"), "would replace the source"),
        (("gold.jsonl", "x.jsonl", "--kind", "summary"), "not one of paraphrase"),
        (("gold.jsonl", "x.jsonl", "--kind", "reason", "--taxonomy", "none"), "reasons need a taxonomy"),
        (("gold.jsonl", "x.jsonl", "--answers", "gold.jsonl"), "no id or no answer"),
    ],
)
def test_invalid_requests_stop_with_a_message(source, prefopt, words, message):
    assert message in prefopt("data", "augment", *words, "--url", "http://127.0.0.1:9", "--model", "m", code=1)


REASONS = {
    None: "Two two-digit numbers stand in the problem and have to be added. So it belongs to [2수01-06].",
    "names [4수01-03]": "Two three-digit numbers are to be added, as they stand there. So it belongs to [4수01-03].",
    "names no label": "Two two-digit numbers stand in the problem and have to be added together.",
    "language": "두 자리 수 두 개를 더하는 문제이다. 그러므로 [2수01-06]이다.",
    "short": "[2수01-06]",
    "label not recovered": "The problem of the basket is about nothing in particular. So it belongs to [2수01-06].",
}


@pytest.mark.parametrize("why", REASONS)
def test_a_reason_that_does_not_support_its_label_is_refused(source, serve, why):
    def say(system, text):
        if system.startswith("The user gives a reason"):
            assert "2수01-06" not in text.split("\n\n")[0]  # the reason is read without its label
            assert text.count("[2수01-06]") == 1
            return "[2수01-06]" if "added" in text else "[2수01-05]"
        return REASONS[why] if "구슬" in text else REASONS[None]

    report, rows = augmented(source, serve(say), "reason", language="en")
    assert dict(report.refused) == ({} if why is None else {why: 1})
    assert {r.augmented for r in rows} == {"reason"}
    assert not any(r.is_augmented for r in rows)
    assert rows[0] == PROBLEMS[0].model_copy(update={"reason": REASONS[None], "augmented": "reason"})


def test_a_file_with_a_repeated_id_is_refused(tmp_path, serve):
    (tmp_path / "e.jsonl").write_text('{"id": "a", "text": "3 + 4는 얼마입니까?"}\n' * 2, encoding="utf-8")
    with pytest.raises(DataError, match="1 ids occur twice"):
        augmented(tmp_path / "e.jsonl", serve(good))
