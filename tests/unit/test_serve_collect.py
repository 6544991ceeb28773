"""What was learned in use, as problems for the next round: who may judge, what agrees, what is left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from prefopt.config import ProjectConfig
from prefopt.errors import ConfigError, ProjectError
from prefopt.io.jsonl import read_rows, write_rows
from prefopt.project.holdout import default_split
from prefopt.project.project import Project, open_project
from prefopt.records import Problem
from prefopt.serve.collect import collect
from prefopt.serve.journal import Journal
from prefopt.serve.records import Correction
from tests.unit.test_serve_records import AT, answer

WORDS = [
    "사과",
    "배",
    "감",
    "귤",
    "밤",
    "대추",
    "호두",
    "자두",
    "앵두",
    "살구",
    "포도",
    "수박",
    "참외",
    "딸기",
    "망고",
    "복숭아",
    "매실",
    "모과",
    "무화과",
    "석류",
]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two labels, 40 gold problems, 4 of the pool."""
    (tmp_path / "data").mkdir()
    (tmp_path / "prefopt.toml").write_text("", encoding="utf-8")
    (tmp_path / "taxonomy.csv").write_text("code,name\na,더하기\nb,빼기\n", encoding="utf-8")
    gold = [
        Problem(id=f"g{i}", text=f"{word} {i * 7 + 3}개를 가진 {WORDS[-1 - i]} 문제 {label}", label=label)
        for label in "ab"
        for i, word in enumerate(WORDS)
    ]
    write_rows(tmp_path / "data" / "gold.jsonl", [p.model_copy(update={"id": f"{p.id}-{p.label}"}) for p in gold])
    write_rows(
        tmp_path / "data" / "pool.jsonl",
        [Problem(id=f"pool-{i}", text=f"창고 {word}에 대한 긴 이야기 {i}") for i, word in enumerate(WORDS[:4])],
    )
    return open_project(tmp_path)


Say = Callable[..., None]


@pytest.fixture
def say(project: Project) -> Say:
    """Serve a text, and let teachers speak: names with the label that each gives."""
    log, count = Journal(project.root / "serve"), iter(range(1000))

    def one(text: str, words: dict[str, str | None] | None = None, *, seen: bool = True, **more: object) -> None:
        row = answer(next(count), text=text, **{"decision": "review", "confident": False, **more})
        log.add_predictions([row])
        for by, label in (words or {}).items():
            log.add_correction(Correction(prediction=row.prediction, at=AT, label=label, by=by, seen=seen, right=label == "a"))

    return one


def rows(project: Project, name: str) -> dict[str, Problem]:
    """Collected problems of a file, by their text."""
    found = read_rows(project.root / "data" / f"{name}.jsonl", Problem)
    return {problem.text: problem for problem in found if problem.id.startswith("served-")}


def test_words_become_labels_and_what_nobody_judged_the_pool(project, say):
    say("달리기 12초 기록은 몇 분?", {"kim": "b"})
    say("기차 시간표에서 늦은 시각", {"kim": "b", "lee": "a", "park": "b"})
    say("물 3리터를 나누는 이야기", {"kim": "b", "lee": "a"})
    say("아무도 보지 않은 새 문제")
    say("받아들인 답이다 그대로", decision="accept", confident=True)
    say("어느 것도 아니다 라는 말", {"kim": None})
    say("달리기  12초 기록은 몇 분？", {"lee": "b"})  # the same problem, spelled otherwise
    before = (project.root / "data" / "gold.jsonl").read_bytes()
    found = collect(project)
    gold, pool = rows(project, "gold"), rows(project, "pool")
    assert {text: (problem.label, problem.served) for text, problem in gold.items()} == {
        "달리기 12초 기록은 몇 분?": ("b", "seen"),
        "기차 시간표에서 늦은 시각": ("b", "seen"),
    }
    assert list(pool) == ["물 3리터를 나누는 이야기", "아무도 보지 않은 새 문제", "어느 것도 아니다 라는 말"]
    assert all(problem.label is None for problem in pool.values())
    assert (found.answers, found.labeled, found.blind, found.pool, found.disagreed, found.left_out) == (7, 2, 0, 3, 1, {})
    assert (project.root / "data" / "gold.jsonl").read_bytes().startswith(before)
    again = collect(project)
    assert (again.labeled, again.relabeled, again.pool) == (0, 0, 0)


def test_what_was_seen_trains_and_never_judges_and_blind_words_count_alone(project, say):
    texts = [f"{word}의 넓이를 재는 법 {i * 13}" for i, word in enumerate(WORDS)]
    for text in texts:
        say(text, {"kim": "b"})
    collect(project)
    gold = read_rows(project.root / "data" / "gold.jsonl", Problem)
    held = {problem.text for problem in default_split(gold, 0.3)[1]}
    assert held
    assert not held & set(texts)

    say("시계를 거꾸로 읽는다 하나", {"kim": "a"}, seen=False, audit=True)
    say("시계를 거꾸로 읽는다 하나", {"lee": "b", "park": "b"})
    found = collect(project)
    row = rows(project, "gold")["시계를 거꾸로 읽는다 하나"]
    assert (found.labeled, found.blind, row.label, row.served) == (1, 1, "a", "blind")


def test_only_what_was_drawn_for_the_audit_and_not_seen_before_may_judge(project, say):
    say("두 답 가운데 하나를 고른다", {"kim": "b"}, seen=False)  # a comparison shows two labels, in an order by hash
    say("먼저 답을 본 사람이 다시", {"kim": "b"})
    say("먼저 답을 본 사람이 다시", {"kim": "b"}, seen=False, audit=True)
    say("가린 다음에 답을 본 사람", {"kim": "b"}, seen=False, audit=True)
    say("가린 다음에 답을 본 사람", {"kim": "b"})
    collect(project)
    assert {text: problem.served for text, problem in rows(project, "gold").items()} == {
        "두 답 가운데 하나를 고른다": "seen",
        "먼저 답을 본 사람이 다시": "seen",
        "가린 다음에 답을 본 사람": "blind",
    }


def test_words_on_problems_that_the_project_has_already_are_counted(project, say):
    gold, pool = (read_rows(project.root / "data" / f"{name}.jsonl", Problem)[0] for name in ("gold", "pool"))
    say(gold.text, {"kim": "b" if gold.label == "a" else "a"})
    say(pool.text, {"kim": "b"})
    found = collect(project)
    assert (found.labeled, found.left_out) == (0, {"labeled-otherwise": 1, "in-pool": 1})


def test_another_word_changes_the_label_and_takes_it_out_of_the_pool(project, say):
    say("바람개비가 도는 방향 묻기")
    say("종이배를 접는 순서 묻기", {"kim": "a"})
    collect(project)
    say("바람개비가 도는 방향 묻기", {"kim": "b"})
    say("종이배를 접는 순서 묻기", {"kim": "b"})
    found = collect(project)
    assert (found.labeled, found.relabeled, found.pool) == (1, 1, 0)
    assert {text: problem.label for text, problem in rows(project, "gold").items()} == {
        "종이배를 접는 순서 묻기": "b",
        "바람개비가 도는 방향 묻기": "b",
    }
    assert rows(project, "pool") == {}


def test_kin_of_the_hold_out_damaged_texts_and_personal_data_are_left_out(project, say):
    gold = read_rows(project.root / "data" / "gold.jsonl", Problem)
    held = default_split(gold, 0.3)[1][0]
    say(f"{held.text} 더", {"kim": "a"})
    say("전화 010-1234-5678로 물어보기", {"kim": "a"})
    say(f"{held.text} 요")
    found = collect(project)
    assert (found.labeled, found.pool) == (0, 0)
    assert found.left_out == {"phone": 1, "kin": 2}


def test_what_it_refuses(project, say, tmp_path):
    with pytest.raises(ProjectError, match="no answer was served since 2030-01-01"):
        collect(project, "20300101")
    say("한 문제", {"kim": "b"}, seen=True)
    path = project.root / "prefopt.toml"
    path.write_text('[data]\npool = "data/pool.csv"\n', encoding="utf-8")
    (project.root / "data" / "pool.csv").write_text("id,text\nx,하나\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no \.jsonl file"):
        collect(open_project(tmp_path))


def test_answers_without_texts_teach_nothing(project, say):
    say(None, {"kim": "b"})
    with pytest.raises(ProjectError, match="without texts"):
        collect(project)


def test_no_round_holds_the_settings_of_serving():
    from prefopt.project.frozen_file import OF_NO_ROUND

    assert {"serve", "push"} == OF_NO_ROUND
    assert json.loads(ProjectConfig().serve.model_dump_json()) == {
        "batch_ms": 10,
        "queue": 256,
        "audit_share": 0.02,
        "keep_texts": True,
        "price_per_hour": 0.0,
        "engine": "",
        "engine_adapter": "",
    }
