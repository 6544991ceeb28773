"""Check whether a reason supports its label: which label it names, its language, and whether it only repeats the problem."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable

from prefopt.data.checks.text_checks import language_of, text_findings
from prefopt.taxonomy import Label, Taxonomy
from prefopt.texts.same_text import key as key_of

MIN_REASON = 10  # characters
MIN_NAME = 4  # characters; shorter names of labels occur in sentences by chance
_CODE = re.compile(r"[\[【]?\d{1,2}[가-힣]{1,4}[ⅠⅡⅢ\d]{0,2}-?\d{2}\s?[-‐–−]\s?\d{2}[\]】]?")
_CONCLUDES = re.compile(r"\s?(?:에 해당|에 속|을 다루|를 다루|이다|다\.|의 문제|문제이|에 대한 문제|입니다|기준)")


def other_label(taxonomy: Taxonomy) -> Callable[[str, str], str | None]:
    """Return find(reason, own label): the other label that the reason names by code or name, or None where it names its own or none."""
    by_name: dict[str, list[Label]] = defaultdict(list)
    for label in taxonomy:
        if len(label.name) >= MIN_NAME:
            by_name[label.name].append(label)
    longest_first = sorted(by_name, key=len, reverse=True)
    names = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def find(reason: str, own: str) -> str | None:
        label = taxonomy[own] if own in taxonomy else None  # noqa: SIM401  a Taxonomy has no get()
        if label is None or label.name in reason:
            return None
        codes = _named_codes(reason, taxonomy)
        if own in codes:
            return None
        if codes:
            return codes[0]
        concluded = [found[0] for found in names.finditer(reason) if _is_conclusion(reason, found.start(), found.end())]
        return by_name[concluded[0]][0].id if concluded else None

    return find


def why_reason_is_refused(reason: str, text: str, label: Label, taxonomy: Taxonomy, language: str | None) -> str | None:
    """Why a reason does not support its label; None where it does.

    Args:
        reason: as it would be used for training.
        text: the problem's text.
        label: the problem's label.
        taxonomy: all labels.
        language: expected of the reason; None: any.

    Returns:
        "short", "language", "copies", "text: KIND" for a kind of finding_kinds, "names LABEL" or "names no label".
    """
    if len(reason.strip()) < MIN_REASON:
        return "short"
    if copies(key_of(reason), key_of(text)):
        return "copies"
    if language is not None and language_of(_without_names(reason, label)) != language:
        return "language"
    if (found := next((kind for kind, _ in text_findings(reason, "reason")), None)) is not None:
        return f"text: {found}"
    if (other := other_label(taxonomy)(reason, label.id)) is not None:
        return f"names {other}"
    own = label.name in reason or label.code in reason or label.id in _named_codes(reason, taxonomy)
    return None if own else "names no label"


def names_only(answer: str, label: Label, taxonomy: Taxonomy) -> bool:
    """Whether an answer names this label's code and no other one."""
    codes = set(_named_codes(answer, taxonomy)) or {known.id for known in taxonomy if known.id in answer}
    return codes == {label.id}


def copies(reason: str, text: str) -> bool:
    """Whether a reason is the problem's text with fewer than MIN_REASON characters more. Both are keys (same_text.key)."""
    return bool(text) and (reason == text or (text in reason and len(reason) - len(text) < MIN_REASON))


def _without_names(reason: str, label: Label) -> str:
    """The reason without the label's name, which a reason in another language may quote."""
    return _CODE.sub(" ", reason.replace(label.name, " "))


def _named_codes(reason: str, taxonomy: Taxonomy) -> list[str]:
    return [known.id for text in _CODE.findall(reason) if (known := taxonomy.find(text)) is not None]


def _is_conclusion(text: str, start: int, end: int) -> bool:
    """Whether a name at text[start:end] is what the sentence concludes; inside other words it may only describe the problem."""
    return (start == 0 or not "가" <= text[start - 1] <= "힣") and _CONCLUDES.match(text, end) is not None
