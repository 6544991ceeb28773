"""Whether a reason speaks for the label of its answer, or concludes for another one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from prefopt.domain import DomainSettings, speaks_of_mathematics
from prefopt.records import Answer
from prefopt.taxonomy import Taxonomy

_SENTENCE_END = re.compile(r"(?<![.!?。])[.!?。]++(?=\s|$)|\n+")
_DENIED = re.compile(r"[\])]?\s?[’'\"”]?\s?(?:이|가|은|는|에|에는|으로|로)?\s?(?:아니|않|속하지 않|해당하지 않)|\s(?:is not|does not)\b")
_DENYING = re.compile(r"\b(?:not|rather than|instead of)\s(?:a |an |the )?[\[(‘'\"“]?$")
_NEAR = 20  # characters in which a denial stands beside a name


class _Mention(NamedTuple):
    sentence: int
    ids: frozenset[str]
    is_denied: bool


def shown_reason(answer: Answer, taxonomy: Taxonomy, domain: DomainSettings) -> str:
    """The reason of an answer as a card shows it: empty where there is none, where it concludes for another label, and where it speaks of
    mathematics in another subject, as a model does that has seen little else.
    """
    reason = (answer.reason or "").strip()
    return "" if speaks_of_mathematics(reason, domain) or concludes_otherwise(reason, answer.label, taxonomy) else reason


def concludes_otherwise(reason: str, label_id: str, taxonomy: Taxonomy) -> bool:
    """Whether a reason ends with other labels than its own: the last sentence that names any, by code or name, names only others, or its
    own one is denied and no label is stated.
    """
    mentions = _mentions(reason, taxonomy)
    stated = [mention for mention in mentions if not mention.is_denied]
    if not stated:
        return any(label_id in mention.ids for mention in mentions)
    return not any(label_id in mention.ids for mention in stated if mention.sentence == stated[-1].sentence)


def _mentions(text: str, taxonomy: Taxonomy) -> list[_Mention]:
    """Every label that a text names, the longest name at a place, in order."""
    pattern, owners = _names(taxonomy)
    ends = [end.start() for end in _SENTENCE_END.finditer(text)]
    return [
        _Mention(
            sentence=sum(end < match.start() for end in ends),
            ids=owners.get(_bare(match[0]), frozenset()),
            is_denied=_is_denied(text[max(0, match.start() - _NEAR) : match.start()], text[match.end() : match.end() + _NEAR]),
        )
        for match in pattern.finditer(text)
    ]


def _is_denied(before: str, behind: str) -> bool:
    return _DENIED.match(behind) is not None or _DENYING.search(before) is not None


@lru_cache(maxsize=8)
def _names(taxonomy: Taxonomy) -> tuple[re.Pattern[str], Mapping[str, frozenset[str]]]:
    """What finds a label's code or name in a text, with or without spaces and not inside a longer word, and the labels of each.

    Names of one character and codes of digits alone would be found in any text.
    """
    owners: dict[str, set[str]] = {}
    for label in taxonomy:
        code = label.code.strip("[]")
        for spelled in (code if re.search(r"[^\W\d]", code) else "", label.name, label.name_en):
            if len(bare := _bare(spelled)) > 1:
                owners.setdefault(bare, set()).add(label.id)
    words = "|".join(
        r"\s*".join(map(re.escape, word)) + (r"(?![0-9A-Za-z])" if word[-1].isascii() else "")
        for word in sorted(owners, key=len, reverse=True)
    )
    pattern = re.compile(rf"(?<![0-9A-Za-z가-힣])(?:{words or '(?!)'})", re.IGNORECASE)
    return pattern, {word: frozenset(ids) for word, ids in owners.items()}


def _bare(text: str) -> str:
    return "".join(text.split()).casefold()
