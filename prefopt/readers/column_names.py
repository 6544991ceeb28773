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
    "label": ("성취기준", "성취기준코드", "standard", "standard_code", "class"),
    "reason": ("근거", "이유", "rationale", "explanation"),
    "level": ("성취수준", "achievement_level"),
    "difficulty": ("난이도",),
    "concepts": ("개념",),
    "family": ("유형군",),
}
"""Accepted names of columns besides the key itself, in any spelling."""

_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|<[^<>]*>|\{[^{}]*\}")
_BETWEEN = re.compile(r"[\s_.·:*()\[\]<>{}-]+")


@lru_cache(maxsize=4096)
def column_key(name: str) -> str:
    """What all spellings of a column's name share: no case, spaces, line breaks, underscores, nor what stands in brackets."""
    shown = name_key(name)
    return _BETWEEN.sub("", _BRACKETED.sub("", shown)) or _BETWEEN.sub("", shown)


def by_spelling(keys: Iterable[str], aliases: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """column_key of each known name -> the key that it means."""
    return {column_key(name): key for key in keys for name in (key, *aliases.get(key, ()))}


PROBLEM_COLUMNS = by_spelling(KEYS, ALIASES)
