"""Does a text that a model wrote still say what it was made from? Numbers, formulas and the answer must survive, or it is refused."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from fractions import Fraction

from prefopt.data.checks.near_duplicates import squeezed
from prefopt.data.checks.text_checks import language_of, problem_findings, text_findings

_SIGNS = "□○△☆◇♡㉠㉡㉢㉣㉤①②③④⑤"
_OPERATORS = re.compile(r"(?<=[\w)\]°²³%□○△☆])\s*([-+−×÷=<>≤≥^:])\s*(?=[\w(\[√□○△☆-])")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_UNIT = re.compile(r"(?<=\d)\s+(?=(?:km|cm|mm|kg|mg|mL|ml|m|g|L|t|°C|°|%)(?![A-Za-z]))")
_FIXED = re.compile(rf"[0-9A-Za-zΑ-ω√∠{_SIGNS}][0-9A-Za-zΑ-ω√∠°%²³^_+\-−×÷=<>≤≥/.,:(){_SIGNS}]*|√\S+")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:/\d+)?")
_POLITE = re.compile(r"(?:입니다|이에요|예요|이다|다)?\.?$")
_MOST, _LEAST = 3.0, 0.3  # of the length of what it was made from


def fixed(text: str) -> Counter[str]:
    """What no rewriting may change: numbers, letters, formulas, units and marks, each as often as it stands.

    >>> fixed("3 + 4는 얼마입니까?") == fixed("얼마인가요, 3+4는?")
    True
    """
    plain = unicodedata.normalize("NFC", text).replace("−", "-")
    plain = _UNIT.sub("", _OPERATORS.sub(r"\1", _THOUSANDS.sub("", plain)))
    return Counter(stripped for found in _FIXED.findall(plain) if (stripped := found.strip(".,:()")))


def why_text_is_refused(original: str, variant: str) -> str | None:
    """Why a rewritten problem is not the same problem; None where nothing speaks against it.

    Args:
        original: the problem's text.
        variant: what the model wrote.

    Returns:
        "empty", "same" (only spelling differs), "length", "language", "numbers" (or letters, units, marks), or "text: KIND" where the
        data check would find fault.
    """
    if not variant.strip():
        return "empty"
    if squeezed(variant) == squeezed(original):
        return "same"
    if not _LEAST < len(variant) / len(original) < _MOST:
        return "length"
    if language_of(variant) != language_of(original):
        return "language"
    if fixed(variant) != fixed(original):
        return "numbers"
    known = {kind for kind, _ in (*text_findings(original, "text"), *problem_findings(original))}
    found = next((kind for kind, _ in (*text_findings(variant, "text"), *problem_findings(variant)) if kind not in known), None)
    return None if found is None else f"text: {found}"


def same_answer(one: str, other: str) -> bool:
    """Whether two answers say the same: equal words, or the same numbers in the same order (3/6 is 1/2; units may be left out)."""
    words = [squeezed(_POLITE.sub("", text.strip())) for text in (one, other)]
    if words[0] == words[1]:
        return True
    numbers = [[Fraction(n) for n in _NUMBER.findall(_THOUSANDS.sub("", text)) if not n.endswith("/0")] for text in (one, other)]
    if numbers[0] or numbers[1]:
        return numbers[0] == numbers[1]
    short, long = sorted(words, key=len)
    return bool(short) and short in long and len(long) <= len(short) + 4


def tells_answer(original: str, variant: str, answer: str) -> bool:
    """Whether a rewritten problem says its answer, which the problem did not."""
    said = squeezed(answer)
    return len(said) > 1 and said in squeezed(variant) and said not in squeezed(original)
