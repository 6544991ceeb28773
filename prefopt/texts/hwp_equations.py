"""Find Hancom's equation script in texts and turn it into LaTeX: "{1} over {3}의 값" becomes "$\\frac{1}{3}$의 값".

Programs that export HWP and HWPX files often write the script where the formula stood. What is no script for sure stays: a stretch
needs a word of the script with its braces, or the braces after ^ and _ with the space before them that Hancom's editor writes. LaTeX is
never touched, so converting twice is converting once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from prefopt.texts.hwp_parser import Script, to_latex
from prefopt.texts.hwp_words import KEYWORDS

_CAPITALS = (
    "TIMES|DIV|DIVIDE|CDOTS?|LDOTS|LEQ|GEQ|NEQ|ANGLE|TRIANGLE|PLUSMINUS|MINUSPLUS|THEREFORE|BECAUSE|DEG|INF|SUM|PROD|INT|OINT|PRIME|RARROW"
    "|LRARROW|SUBSET|SUPSET|IDENTICAL|EMPTYSET|SMALLINTER|SMALLUNION|SQRT|OVER|CIRC|BULLET|SIM|EQUIV|CONG|FORALL|EXIST|PARTIAL|INTER|UNION|VERT"
)
_SIGN = re.compile(
    r"\}\s*(?:over|atop|OVER|ATOP)\s*\{|(?:int|oint)\s*\{(?=[^가-힣{}]{1,60}\}\s*d[a-z])"
    r"|(?<![\\A-Za-z\x22])(?:(?:sqrt|root|SQRT|ROOT|cases|CASES|[pbd]?matrix|[PBD]?MATRIX|eqalign|EQALIGN|[lr]?pile|[LR]?PILE|binom|BINOM|bar|BAR|vec|VEC|hat"
    r"|HAT|tilde|TILDE|dot|ddot|under|UNDER|arch|ARCH|rm|RM|it|IT|bold|BOLD)\s*\{"
    r"|(?:sum|SUM|int|INT|oint|OINT|prod|PROD|lim|LIM|Lim)\s*(?:[_^]\s*\{|(?:from|FROM)\s*\{)|(?:LEFT|RIGHT)\s*[()\[\]|{}.]|left\s*[(\[{|][^가-힣]{1,200}?\sright\s*[)\]}|]"
    rf"|(?:{_CAPITALS})(?![A-Za-z])(?=\s*[\dA-Za-z({{]))"
)
_SPACED_SCRIPT = re.compile(r"(?<=[A-Za-z0-9)}])\s[\^_]\s?\{")
_MAYBE = re.compile(r"[{]|left ?[(\[|]|LEFT|RIGHT|(?<![A-Za-z])[A-Z]{3}|\[수식|<eq>")
_LATEX = re.compile(r"\\[A-Za-z]")
_REGION = re.compile(
    r"\$\$([^$]{1,4000}+)\$\$|\$([^$]{1,4000}+)\$|\\\(([^$\\]{1,4000}+)\\\)|(\[수식\s?:([^\]$]{1,4000}+)\]|<eq>([^<>$]{1,4000}+)</eq>)"
)
_RUN = re.compile("[ -#%-~°×÷≤≥≠π∠△∞±·…⋯−∴∵→∈∪∩′α-ωΑ-Ω]+")
_LEAD = re.compile(r"(?:\s|\(\d{1,2}\)\s|\d{1,3}[.)]\s|[.,:;?)\]])*")
_ITEM = re.compile(r"\s\(\d\)\s")
_PRICE = re.compile(r"[\d,.]+\s*")
_ENGLISH = re.compile(r"([A-Za-z]{2,})[,.:]?\s+")
_ENGLISH_END = re.compile(r"\s([A-Za-z]{2,})$")
_POINTS = re.compile(r"[\[(<]\s?\d{0,2}(?:\.\d)?$")
_ENDS = " \t.,?:;"


def has_script(text: str) -> re.Match[str] | None:
    """The first sign of equation script in a text; None where there is none."""
    if not _may_have_script(text):
        return None
    return next((found for place in _places(text) if (found := _sign(text, place))), None)


def converted(text: str) -> Script:
    """The text with every equation script as LaTeX between dollar signs. Converting the result again changes nothing."""
    result = Script(text)
    if not _may_have_script(text):
        return result
    parts: list[str] = []
    position = 0
    for place in list(_places(text)):
        if not _sign(text, place):
            continue
        script = text[place.start : place.end]
        latex = to_latex(script)
        result.unknown += latex.unknown
        if latex.text == script and not place.is_marked:
            continue
        keeps = place.is_formula and not place.is_marked
        parts += [text[position : place.opened], latex.text if keeps else f"${latex.text}$" if latex.text else ""]
        position = place.closed
    result.text = "".join(parts) + text[position:]
    return result


@dataclass(frozen=True)
class _Place:
    """text[start:end] may be script; text[opened:closed] is that with the marks around it."""

    opened: int
    closed: int
    start: int
    end: int
    is_formula: bool = False
    is_marked: bool = False


def _may_have_script(text: str) -> bool:
    if not _MAYBE.search(text):
        return False
    return bool(_SIGN.search(text) or _SPACED_SCRIPT.search(text) or "[수식" in text or "<eq>" in text)


def _sign(text: str, place: _Place) -> re.Match[str] | None:
    """What shows that a place is script."""
    if _LATEX.search(text, place.start, place.end):
        return None
    if place.is_marked:
        return re.compile(r"\S").search(text, place.start, place.end)
    found = _SIGN.search(text, place.start, place.end)
    return found if found or place.is_formula else _SPACED_SCRIPT.search(text, place.start, place.end)


def _places(text: str) -> Iterator[_Place]:
    """Formulas between marks, and what stands between them without Hangul."""
    position = 0
    for region in _REGION.finditer(text):
        yield from _bare_places(text, position, region.start())
        group = next(g for g in (1, 2, 3, 5, 6) if region[g] is not None)
        is_marked = region[4] is not None
        outer = region.span() if is_marked else region.span(group)
        yield _Place(*outer, *region.span(group), is_formula=True, is_marked=is_marked)
        position = region.end()
    yield from _bare_places(text, position, len(text))


def _bare_places(text: str, position: int, limit: int) -> Iterator[_Place]:
    runs = [piece for run in _RUN.finditer(text, position, limit) for piece in _items(text, *run.span())]
    at = 0
    while at < len(runs):
        start, end = runs[at]
        depth = text.count("{", start, end) - text.count("}", start, end)
        further = at
        while depth > 0 and further + 1 < min(len(runs), at + 12) and runs[further + 1][0] - runs[further][1] <= 20:
            further += 1
            depth += text.count("{", *runs[further]) - text.count("}", *runs[further])
        if depth == 0 and further > at:
            at, end = further, runs[further][1]
        at += 1
        start, end = _trimmed(text, start, end)
        if start < end:
            yield _Place(start, end, start, end)


def _items(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of a run between item numbers: (1) … (2) …"""
    for item in _ITEM.finditer(text, start, end):
        if item.start() > start:
            yield start, item.start()
            start = item.start()
    yield start, end


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A run without numbers of items, English words, points and sentence marks at its ends."""
    if lead := _LEAD.match(text, start, end):
        start = lead.end()
    if text[start - 1 : start] == "$" and (price := _PRICE.match(text, start, end)):
        start = price.end()
    while (word := _ENGLISH.match(text, start, end)) and _is_english(word[1]):
        start = word.end()
    quote = text[start:end][:1]
    if quote in ("'", '"'):  # a quotation of the sentence, not of the script
        start += 1
        quoted = text[start:end].rstrip(_ENDS)
        end = start + len(quoted) - 1 if quoted.endswith(quote) else end
    while True:
        shorter = start + len(text[start:end].rstrip(_ENDS)) if text[end - 1 : end] in _ENDS else end
        if found := _POINTS.search(text, max(start, shorter - 6), shorter) or _last_word(text, start, shorter):
            shorter = found.start()
        if shorter >= end or shorter <= start:
            return start, max(start, shorter)
        end = shorter


def _last_word(text: str, start: int, end: int) -> re.Match[str] | None:
    word = _ENGLISH_END.search(text, max(start, end - 24), end)
    return word if word and _is_english(word[1]) else None


def _is_english(word: str) -> bool:
    if word.lower() in ("if", "for", "and", "or", "of", "in", "is", "the"):
        return True
    return not word.isupper() and word not in KEYWORDS and word.lower() not in KEYWORDS and len(word) > 2
