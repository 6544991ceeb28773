"""Splits: shares, strata, undivided groups, and stability when data is added."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from prefopt.curricula.generator.problem_generator import generate
from prefopt.data.prepare.split_file import parse_shares, split_file
from prefopt.errors import ConfigError, DataError
from prefopt.project.near_duplicates import links
from prefopt.project.splitting import split
from prefopt.readers.problem_rows import row_of
from prefopt.records import Problem
from prefopt.texts.same_text import key

WORDS = ["사과", "배", "귤", "감", "밤", "콩", "쌀", "말", "소", "닭", "별", "달", "꽃", "풀", "강", "산", "바다", "하늘", "구름", "바람"]


def problem(i: int, label: str = "A", **more) -> Problem:
    """Texts that share neither words nor numbers."""
    return Problem(id=f"p{i}", text=f"{WORDS[i % 20]} {WORDS[i // 20 % 20]} {i * 7 + 3}개 {WORDS[i * 3 % 20]} {i}", label=label, **more)


def many(n: int) -> list[Problem]:
    return [problem(i, "ABCD"[i % 4]) for i in range(n)]


def test_shares_hold_in_every_label():
    problems = many(400)
    made = split(problems, (0.7, 0.15, 0.15), seed=7)
    counts = Counter((p.label, part) for p, part in zip(problems, made.parts, strict=True))
    for label in "ABCD":
        assert [counts[label, part] for part in range(3)] == [70, 15, 15]


def test_a_label_of_ten_is_in_every_part():
    problems = generate(10, 7, ["[2수01-06]", "[4수03-25]", "[9수02-20]"])
    singles = [p.model_copy(update={"family": p.id}) for p in problems]
    made = split(singles, (0.7, 0.15, 0.15), seed=7, near=1.0)
    counts = Counter((p.label, part) for p, part in zip(singles, made.parts, strict=True))
    assert len(counts) == 9


def test_families_and_near_duplicates_are_never_separated():
    problems = [problem(i, family=f"f{i // 5}" if i < 200 else None) for i in range(300)]
    problems += [p.model_copy(update={"id": f"{p.id}-again", "text": p.text + "?", "family": None}) for p in problems[:50]]
    made = split(problems, (0.6, 0.2, 0.2), seed=1)
    family, text = {}, {}
    for p, part in zip(problems, made.parts, strict=True):
        assert text.setdefault(key(p.text), part) == part
        if p.family:
            assert family.setdefault(p.family, part) == part
    assert made.groups == 40 + 100


def test_the_order_of_the_file_does_not_matter_and_the_seed_does():
    problems = many(200)
    parts = dict(zip([p.id for p in problems], split(problems, (0.7, 0.3), 7).parts, strict=True))
    backwards = problems[::-1]
    assert dict(zip([p.id for p in backwards], split(backwards, (0.7, 0.3), 7).parts, strict=True)) == parts
    assert dict(zip([p.id for p in problems], split(problems, (0.7, 0.3), 8).parts, strict=True)) != parts


def write(path, problems):
    path.write_text("".join(json.dumps(row_of(p), ensure_ascii=False) + "\n" for p in problems), encoding="utf-8")
    return path


def ids(folder):
    return {f.stem: {json.loads(line)["id"] for line in f.read_text(encoding="utf-8").splitlines()} for f in folder.glob("*.jsonl")}


def test_adding_data_moves_nothing(tmp_path):
    problems = many(200)
    split_file(write(tmp_path / "a.jsonl", problems[50:150]), tmp_path / "out", (0.7, 0.15, 0.15), 7)
    before = ids(tmp_path / "out")
    near = problems[60].model_copy(update={"id": "near", "text": problems[60].text + "."})
    counts = split_file(write(tmp_path / "a.jsonl", [near, *problems]), tmp_path / "out", (0.7, 0.15, 0.15), 7)
    after = ids(tmp_path / "out")
    assert counts["kept"] == 100
    assert all(before[name] <= after[name] for name in before)
    assert sum(map(len, after.values())) == 201
    assert [abs(len(after[n]) - 201 * s) < 4 for n, s in (("train", 0.7), ("validation", 0.15), ("test", 0.15))] == [True] * 3
    assert next(n for n in after if "near" in after[n]) == next(n for n in after if "p60" in after[n])


def test_a_problem_that_repeats_two_parts_is_left_out():
    a, b = problem(1, family="f"), problem(2)
    bridge = Problem(id="bridge", text=b.text + "?", family="f")
    made = split([a, b, bridge], (0.5, 0.5), 7, earlier={"p1": 0, "p2": 1})
    assert made.parts == (0, 1, None)
    assert made.left_out == (2,)


def test_a_changed_or_lost_problem_of_the_earlier_split_is_refused(tmp_path):
    split_file(write(tmp_path / "a.jsonl", many(20)), tmp_path / "out", (0.5, 0.5), 7)
    with pytest.raises(DataError, match=r"problem 'p\d+' of the earlier split is gone"):
        split_file(write(tmp_path / "a.jsonl", many(10)), tmp_path / "out", (0.5, 0.5), 7)
    with pytest.raises(DataError, match="has another text"):
        split_file(
            write(tmp_path / "a.jsonl", [problem(i + 1).model_copy(update={"id": f"p{i}"}) for i in range(20)]),
            tmp_path / "out",
            (0.5, 0.5),
            7,
        )


@pytest.mark.parametrize("text", ["70/15", "100", "70/15/15/0", "a/b", "120/-20", "70/0/30"])
def test_wrong_shares_are_refused(text):
    with pytest.raises(ConfigError, match="shares"):
        parse_shares(text)


@pytest.mark.parametrize(
    ("first", "second", "similar"),
    [
        ("사과 3개와 배 4개는 모두 몇 개입니까?", "사과 3개와  배 4개는 모두 몇 개입니까", 1.0),
        ("사과 3개와 배 4개는 모두 몇 개입니까?", "사과 ３개와 배 ４개는 모두 몇 개입니까?", 1.0),
        ("1,000원은 모두 얼마입니까?", "1000원은 모두 얼마입니까?", 1.0),
        ("사과 3개와 배 4개는 모두 몇 개입니까?", "사과 4개와 배 3개는 모두 몇 개입니까?", 1.0),
        ("사과 3개와 배 4개는 모두 몇 개입니까?", "사과 3개와 배 5개는 모두 몇 개입니까?", None),
        ("3 + 4를 계산하시오.", "3 - 4를 계산하시오.", None),
        ("x² + 1의 값을 구하시오.", "x2 + 1의 값을 구하시오.", None),
        ("3.5 m는 몇 cm입니까?", "35 m는 몇 cm입니까?", None),
        ("1 2의 합을 구하시오.", "12의 합을 구하시오.", None),
    ],
)
def test_which_texts_are_near_duplicates(first, second, similar):
    found = links([first, second])
    assert (round(found[0].similarity, 1) if found else None) == similar


def test_near_duplicates_are_those_of_an_exact_comparison_of_all_pairs():
    from prefopt.project.near_duplicates import THRESHOLD, shingles

    problems = generate(12, 3, ["[2수01-06]", "[2수03-09]", "[4수02-01]", "[6수02-02]", "[9수04-01]"])
    texts = [p.text for p in problems] + [p.text.replace("하", "히", 1) for p in problems[::4]]
    keys = [key(t) for t in texts]
    number = r"[0-9]+(?:[.][0-9]+)?"
    expected = set()
    for j, b in enumerate(keys):
        for a in keys[:j]:
            same = sorted(re.findall(number, a)) == sorted(re.findall(number, b))
            x, y = shingles(re.sub(number, "#", a)), shingles(re.sub(number, "#", b))
            if same and len(x & y) / len(x | y) >= THRESHOLD:
                expected.add(j)
    assert expected
    assert {link.later for link in links(texts)} == expected
