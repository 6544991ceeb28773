"""Does a reason lead to its label? What it names, in which language it is, and whether it only repeats the problem."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable

from prefopt.data.checks.near_duplicates import squeezed
from prefopt.data.checks.text_checks import language_of, text_findings
from prefopt.taxonomy import Label, Taxonomy

MIN_REASON = 10  # characters
MIN_NAME = 4  # characters of a label's name that cannot stand in a sentence by chance
_CODE = re.compile(r"[\[【]?\d{1,2}[가-힣]{1,4}[ⅠⅡⅢ\d]{0,2}-?\d{2}\s?[-‐–−]\s?\d{2}[\]】]?")
_CONCLUDES = re.compile(r"\s?(?:에 해당|에 속|을 다루|를 다루|이다|다\.|의 문제|문제이|에 대한 문제|입니다|기준)")


def other_label(taxonomy: Taxonomy) -> Callable[[str, str], str | None]:
    """A function of a reason and its own label: the other label that it names, by code or by name, where it does not name its own."""
    by_name: dict[str, list[Label]] = defaultdict(list)
    for label in taxonomy:
        if len(label.name) >= MIN_NAME:
            by_name[label.name].append(label)
    longest_first = sorted(by_name, key=len, reverse=True)
    names = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def find(reason: str, own: str) -> str | None:
        label = taxonomy[own] if own in taxonomy else None  # noqa: SIM401  a Taxonomy is no dict
        if label is None or label.name in reason:
            return None
        codes = _named_codes(reason, taxonomy)
        if own in codes:
            return None
        if codes:
            return codes[0]
        spoken = [found[0] for found in names.finditer(reason) if _stands_alone(reason, found.start(), found.end())]
        return by_name[spoken[0]][0].id if spoken else None

    return find


def why_reason_is_refused(reason: str, text: str, label: Label, taxonomy: Taxonomy, language: str | None) -> str | None:
    """Why a reason does not lead to its label; None where it does.

    Args:
        reason: as it would be trained on.
        text: of the problem.
        label: of the problem.
        taxonomy: all labels.
        language: that the reason has to be in; None: any.

    Returns:
        "short", "language", "copies", "text: KIND" where the data check would find fault, "names LABEL" or "names no label".
    """
    if len(reason.strip()) < MIN_REASON:
        return "short"
    if copies(squeezed(reason), squeezed(text)):
        return "copies"
    if language is not None and language_of(_without_names(reason, label)) != language:
        return "language"
    if (found := next((kind for kind, _ in text_findings(reason, "reason")), None)) is not None:
        return f"text: {found}"
    if (other := other_label(taxonomy)(reason, label.id)) is not None:
        return f"names {other}"
    own = label.name in reason or label.code in reason or label.id in _named_codes(reason, taxonomy)
    return None if own else "names no label"


def leads_to(said: str, label: Label, taxonomy: Taxonomy) -> bool:
    """Whether an answer names this label's code and no other's."""
    codes = set(_named_codes(said, taxonomy)) or {known.id for known in taxonomy if known.id in said}
    return codes == {label.id}


def copies(reason: str, text: str) -> bool:
    """Whether a reason is the problem's text and hardly more; both squeezed."""
    return bool(text) and (reason == text or (text in reason and len(reason) - len(text) < MIN_REASON))


def _without_names(reason: str, label: Label) -> str:
    """A reason in another language than the taxonomy's may quote the label's name."""
    return _CODE.sub(" ", reason.replace(label.name, " "))


def _named_codes(reason: str, taxonomy: Taxonomy) -> list[str]:
    return [known.id for text in _CODE.findall(reason) if (known := taxonomy.find(text)) is not None]


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a name is what the sentence concludes: a name inside other words may only describe the problem."""
    return (start == 0 or not "가" <= text[start - 1] <= "힣") and _CONCLUDES.match(text, end) is not None
