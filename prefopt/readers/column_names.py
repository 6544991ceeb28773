"""Names of columns in the spellings that people use, and the keys that they mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from prefopt.records import Problem
from prefopt.texts.same_text import name_key

KEYS = tuple(Problem.model_fields)
TAXONOMY_KEYS = ("code", "name", "revision", "levels", "name_en", "statement")
ALIASES: Mapping[str, tuple[str, ...]] = {
    "id": ("번호", "문항번호", "문제번호", "문항id", "문제id", "연번", "순번", "problem_id", "question_id", "key"),
    "text": ("문제", "문항", "지문", "발문", "질문", "문제내용", "문항내용", "problem", "question", "problem_text", "question_text"),
    "label": (
        "성취기준",
        "성취기준코드",
        "분류",
        "분류코드",
        "레이블",
        "라벨",
        "standard",
        "standard_code",
        "category",
        "label_code",
        "class",
    ),
    "reason": ("근거", "이유", "rationale", "explanation"),
    "level": ("성취수준", "achievement_level"),
    "difficulty": ("난이도",),
    "concepts": ("개념",),
    "family": ("유형군",),
    "figure": ("그림", "그림파일", "이미지", "image", "image_file"),
    "figure_alt": ("그림설명", "대체텍스트", "alt", "alt_text"),
}
"""Accepted names of columns besides the key itself, in any spelling."""

_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|<[^<>]*>|\{[^{}]*\}")
_BETWEEN = re.compile(r"[\s_.·:*()\[\]<>{}-]+")


@lru_cache(maxsize=4096)
def column_key(name: str) -> str:
    """What all spellings of a column's name share: no case, spaces, line breaks, underscores, nor what is in brackets."""
    shown = name_key(name)
    return _BETWEEN.sub("", _BRACKETED.sub("", shown)) or _BETWEEN.sub("", shown)


def by_spelling(keys: Iterable[str], aliases: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """column_key of each known name -> the key that it means."""
    return {column_key(name): key for key in keys for name in (key, *aliases.get(key, ()))}


_FURTHER = """
    group problem body answer slate comment discard 학년 과목 단원 영역 본문 해설 풀이 정답 답 수준 유형 배점 비고 코드 성취기준명
"""  # what tables of problems hold besides: these names tell a row of names from a title and from a problem
_LONGEST = 40  # characters of a name

PROBLEM_COLUMNS = by_spelling(KEYS, ALIASES)
_USUAL = frozenset({*PROBLEM_COLUMNS, *map(column_key, (*TAXONOMY_KEYS, *_FURTHER.split()))})


def is_column(cell: object) -> bool:
    """Whether a cell is a usual name of a column of problems, labels or answers, in any spelling."""
    return isinstance(cell, str) and len(cell) <= _LONGEST and column_key(cell) in _USUAL
