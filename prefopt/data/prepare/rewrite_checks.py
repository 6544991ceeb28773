"""Check whether a rewritten problem is still the same problem: numbers, formulas and the answer must be kept."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from fractions import Fraction

from prefopt.data.checks.text_checks import language_of, problem_findings, text_findings
from prefopt.texts.same_text import key as key_of

_SIGNS = "□○△☆◇♡㉠㉡㉢㉣㉤①②③④⑤"
_OPERATORS = re.compile(r"(?<=[\w)\]°²³%□○△☆])\s*([-+−×÷=<>≤≥^:])\s*(?=[\w(\[√□○△☆-])")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_UNIT = re.compile(r"(?<=\d)\s+(?=(?:km|cm|mm|kg|mg|mL|ml|m|g|L|t|°C|°|%)(?![A-Za-z]))")
_INVARIANT = re.compile(rf"[0-9A-Za-zΑ-ω√∠{_SIGNS}][0-9A-Za-zΑ-ω√∠°%²³^_+\-−×÷=<>≤≥/.,:(){_SIGNS}]*|√\S+")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:/\d+)?")
_POLITE = re.compile(r"(?:입니다|이에요|예요|이다|다)?\.?$")
_MAX_LENGTH, _MIN_LENGTH = 3.0, 0.3  # relative to the original


def invariants(text: str) -> Counter[str]:
    """Count what no rewriting may change: numbers, letters, formulas, units and marks.

    >>> invariants("3 + 4는 얼마입니까?") == invariants("얼마인가요, 3+4는?")
    True
    """
    plain = unicodedata.normalize("NFC", text).replace("−", "-")
    plain = _UNIT.sub("", _OPERATORS.sub(r"\1", _THOUSANDS.sub("", plain)))
    return Counter(stripped for token in _INVARIANT.findall(plain) if (stripped := token.strip(".,:()")))


def why_text_is_refused(original: str, variant: str) -> str | None:
    """Why a rewritten problem is not the same problem; None where no check fails.

    Args:
        original: text of the problem.
        variant: text that the model wrote.

    Returns:
        "empty", "same" (only spelling differs), "length", "language", "numbers" (also letters, units, marks), or "text: KIND" for a kind
        of finding_kinds that the original does not have.
    """
    if not variant.strip():
        return "empty"
    if key_of(variant) == key_of(original):
        return "same"
    if not _MIN_LENGTH < len(variant) / len(original) < _MAX_LENGTH:
        return "length"
    if language_of(variant) != language_of(original):
        return "language"
    if invariants(variant) != invariants(original):
        return "numbers"
    known = {kind for kind, _ in (*text_findings(original, "text"), *problem_findings(original))}
    new = next((kind for kind, _ in (*text_findings(variant, "text"), *problem_findings(variant)) if kind not in known), None)
    return None if new is None else f"text: {new}"


def same_answer(one: str, other: str) -> bool:
    """Whether two answers agree: equal words, or the same numbers in the same order (3/6 is 1/2; units may be missing)."""
    words = [key_of(_POLITE.sub("", text.strip())) for text in (one, other)]
    if words[0] == words[1]:
        return True
    numbers = [[Fraction(n) for n in _NUMBER.findall(_THOUSANDS.sub("", text)) if not n.endswith("/0")] for text in (one, other)]
    if numbers[0] or numbers[1]:
        return numbers[0] == numbers[1]
    short, long = sorted(words, key=len)
    return bool(short) and short in long and len(long) <= len(short) + 4


def reveals_answer(original: str, variant: str, answer: str) -> bool:
    """Whether a rewritten problem contains its answer although the original does not."""
    key = key_of(answer)
    return len(key) > 1 and key in key_of(variant) and key not in key_of(original)
