"""No regular expression of ours takes more than linear time: every one is tried with texts made for it, and each new one is found."""

from __future__ import annotations

import re
from time import process_time

import pytest

from feedback.teacher_names import Registry
from tests.expressions import Expression, expressions, growth, hard_texts

BUDGET = 0.12
"""Seconds of processor time for an expression, after which no further text is tried; most need a tenth of it."""
EXEMPT = {
    "feedback/server/korean_ui.py": "reads the pages that are bundled with the server",
    "feedback.server.korean_ui": "as above",
    "feedback.teacher_names._BEHIND": "reads the first 255 characters of a name: the test below",
    "feedback.teacher_names._BEFORE": "as above",
}
BUILT = {  # in functions, of names that are escaped: with examples of them
    "prefopt/cli/recipes.py": [r'^(    name = )"dpo"'],
    "prefopt/data/checks/reason_checks.py": [r"세 자리 수|덧셈\ 뺄셈|(?!)"],
    "prefopt/data/prepare/augment_requests.py": [r"덧셈과\ 뺄셈"],
    "prefopt/deploy/hub/personal.py": [r"(?<!\w)김\ 선생", r"(?<!\w)kim\ lee(?!\w)"],
    "prefopt/domain.py": [r"(?<![0-9a-z가-힣])수학", r"(?<![0-9a-z가-힣])maths?(?![a-z])"],
    "prefopt/model/adapters.py": [r"\.lora_(?:[AB]|magnitude_vector)\.default\.weight$"],
    "prefopt/model/chat.py": ["(⦗system⦘)|(⦗user⦘)"],
    "prefopt/model/identity_parts.py": [r"""\.eos\b|["']eos["']|[(,]\s*eos\s*[:=]"""],
    "prefopt/project/conclusions.py": [r"(?<![0-9A-Za-z가-힣])(?:덧\s*셈\s*과\s*뺄\s*셈|4수01\-01(?![0-9A-Za-z]))"],
    "prefopt/rounds/format1.py": [r"""^(["\'])old\1"""],
    "feedback/teacher_names.py": [],  # compiled with the module: found in its values
}


@pytest.fixture(scope="module")
def all_expressions() -> tuple[list[Expression], list[str]]:
    return expressions()


def test_finds_all_expressions(all_expressions: tuple[list[Expression], list[str]]) -> None:
    found, unknown = all_expressions
    assert len(found) > 350
    assert any("prefopt/model/" in e.where for e in found)
    assert any("personal_numbers" in e.where for e in found)
    unknown = [where for where in unknown if where.split(":")[0] not in BUILT]
    assert not unknown, "give an example of it in BUILT"


def test_takes_time_as_the_text_is_long(all_expressions: tuple[list[Expression], list[str]]) -> None:
    built = [Expression(f"{where} (built)", pattern, 0, False) for where, patterns in BUILT.items() for pattern in patterns]
    slow: list[str] = []
    for each in [*all_expressions[0], *built]:
        if each.where.startswith(tuple(EXEMPT)):
            continue
        begun = process_time()
        for make in hard_texts(each):
            if process_time() - begun > BUDGET:
                break
            if (ratio := growth(each.run, make)) > 3:
                slow.append(f"{each.where}: {ratio:.1f} times for twice the text {make(40)!r}")
                break
    assert not slow


@pytest.mark.parametrize(
    "pattern",
    [
        r"여권\s*(?:번호)?\s*[:은는]?\s*\d",
        r"\s+$",
        r"(a+)+b",
        r"(?:a|a)*c",
        r"\[[^\]]*\]x",
        r"(\d+)/\d+$",
        r"\(.+?\)",
        "x*x*y",
        r"\s*=\s*1",
    ],
)
def test_tells_a_slow_expression(pattern: str) -> None:
    each = Expression("here", re.compile(pattern).pattern, 0, False)
    assert any(growth(each.run, make) > 3 for make in hard_texts(each))


@pytest.mark.parametrize("pattern", [r"(?<!\s)\s++$", r"\d++", r"[가-힣]{2,8}(?:대로|길)", r"a(?:bc)*+d", r"\[[^\[\]]*\]x"])
def test_passes_a_linear_expression(pattern: str) -> None:
    each = Expression("here", re.compile(pattern).pattern, 0, False)
    assert max(growth(each.run, make) for make in hard_texts(each)) < 3


@pytest.mark.parametrize("pump", ["1", "(1", "_", "- ", "(copy ", "복사", "1-", "(2024", "v", "[_"])
def test_names_of_files_are_never_read_in_exponential_time(pump: str) -> None:
    """Of a name at most 255 characters are read, and the ways to shorten it are limited, so a power of its length would do."""
    names = Registry({"kim": "김민수"})
    for begin in ("", "("):
        assert growth(names.user_of, lambda length, begin=begin: begin + pump * (length // len(pump)), size=64) < 20  # type: ignore[misc]  # bound as a default
