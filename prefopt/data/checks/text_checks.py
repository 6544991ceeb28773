"""Find faults of one text, and the language it is written in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from prefopt.data.checks.finding_details import Detail, detail
from prefopt.data.checks.text_marks import ESCAPE, html_mark, template_mark
from prefopt.texts.figures import missing_figure
from prefopt.texts.folded import visible
from prefopt.texts.formula_nesting import MAX_NESTING, too_nested
from prefopt.texts.hwp_equations import has_script
from prefopt.texts.hwp_words import KEYWORDS
from prefopt.texts.lost_formulas import lost_formula
from prefopt.texts.mojibake import Garbled, mojibake
from prefopt.texts.personal_data import excerpt, personal_data

TextFinding = tuple[str, Detail]
"""Kind of finding, and its detail."""

CONTROL_TOKEN = re.compile(
    r"<\|[A-Za-z_]{2,32}\|>|<\|?(?:start|end)_of_turn\|?>|</?s>|\[/?INST\]|<<?/?SYS>>?|<(?:bos|eos|pad|unk|mask)>|<start_of_image>|<\|reserved_\d+\|>"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile(r"[\u00ad\u115f\u1160\u200b-\u200f\u202a-\u202e\u2060-\u2064\u3164\ufeff\uffa0]")
_PICTURE = re.compile(r"!\[[^\]]{0,300}\]\([^)]{0,500}\)|<img\b|data:image/|https?://\S{1,500}\.(?:png|jpe?g|gif|svg)", re.I)
_GIVEN = r"[(\[$]?+\s*+(?:[-−+√\\①-⑳㉠-㉭]|[0-9A-Za-z]|[가-힣])"
_ANSWER = re.compile(
    rf"(?:정답|모범 ?답안|해답|answer)\s*+[:：=]\s*+{_GIVEN}|[\[(<【]\s*+(?:정답|해답|답)\s*+[\])>】]\s*+[:：]?+\s*+{_GIVEN}"
    rf"|(?:^|(?<=[\s.?]))답\s*+[:：=]\s*+{_GIVEN}|정답(?:은|이)?\s*+(?:[①-⑳]|[-−]?\d++(?![\d.]*+\s*+(?:개|가지|명|문항|점|%)))"
    r"|(?:성취기준|standard)\s*+[:：]",
    re.I,
)
_ERROR_CELL = re.compile(r"#(?:REF!|N/A|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!|GETTING_DATA|참조!|값!|이름\?)")
_CUT = re.compile(r"(?:,|\b(?:the|of|and|is)|[을를])$")
_CODE = re.compile(r"\[\d{1,2}[가-힣]{1,4}[ⅠⅡ\d]{0,2}-?\d{2}-\d{2}\]")
_JAMO, _KANA = re.compile(r"[\u1100-\u11ff]"), re.compile(r"[\u3041-\u30ff]")
_HANGUL, _OTHER = re.compile(r"[가-힣]+"), re.compile(r"[^\W\d_가-힣]+")
_LATEX = re.compile(
    r"\\(?:begin|end)\s*\{[^{}]{1,20}\}(?:\s*\{[lcr| ]{1,20}\})?"
    r"|\\(?:operatorname|mathrm|mathbf|mathbb|mathcal|textrm|rm)\s*\{[^{}가-힣]{0,40}\}"
    r"|\\[a-zA-Z]+|\$[^$가-힣]{1,600}\$|\[asy\][^\[]*(?:\[(?!/?asy\])[^\[]*)*\[/asy\]",
    re.S,
)
_SCRIPT = "|".join(sorted(word for word in KEYWORDS if len(word) > 2))
_POINTS_AND_SCRIPT = re.compile(rf"(?<![A-Za-z])(?:[A-Z]{{2,8}}|{_SCRIPT})(?![A-Za-z])")
_MATH_WORDS = re.compile(r"(?i)\\[a-z]+|(?<![a-z])(?:[a-z]{1,2}|sin|cos|tan|log|lim|max|min|kg|mg|km|cm|mm|ml)(?![a-z])")


UNFIT = frozenset(
    {"text-empty", "control-token", "control-character", "mojibake", "error-cell", "formula-lost", "formula-nested", "template-mark"}
)
"""Kinds of findings that make a problem unfit to be shown or labeled."""


def text_findings(text: str, where: str) -> Iterator[TextFinding]:
    """Faults of a problem's text or a reason; `where` (text, reason, concepts) names it in the detail."""
    for kind, pattern in (
        ("control-token", CONTROL_TOKEN),
        ("control-character", _CONTROL),
        ("invisible", _INVISIBLE),
        ("escape-literal", ESCAPE),
        ("error-cell", _ERROR_CELL),
    ):
        if found := pattern.search(text):
            yield kind, detail("contains", where=where, found=found[0], at=found.start() + 1)
    for kind, found in (("template-mark", template_mark(text)), ("markup", html_mark(text))):
        if found:
            yield kind, detail("contains", where=where, found=found[0], at=found.start() + 1)
    if (garbled := mojibake(text)) is not None:
        yield "mojibake", _garbled(text, garbled, where)
    if found := has_script(text):
        yield "hwp-equation", detail("contains", where=where, found=found[0], at=found.start() + 1)
    if _JAMO.search(text) and unicodedata.normalize("NFC", text) != text:
        yield "decomposed", detail("decomposed", where=where)


def unfit(text: str) -> list[TextFinding]:
    """Why a problem must not be shown to teachers or labeled: its text cannot be read as it was written. Empty where it can.

    The text may come from anywhere: letters are joined and invisible characters removed first, as the readers of files do.
    """
    text = visible(text)
    if not text.strip():
        return [("text-empty", detail("short text", count=0, text=""))]
    found = [finding for finding in text_findings(text, "text") if finding[0] in UNFIT]
    return found + [finding for finding in problem_findings(text) if finding[0] in UNFIT]


def problem_findings(text: str) -> Iterator[TextFinding]:
    """Faults that only a problem's text can have."""
    if len(text.strip()) < 5:
        yield "text-short", detail("short text", count=len(text.strip()), text=text.strip())
    elif _CUT.search(text.strip()):
        yield "text-cut", detail("cut off", end=text.strip()[-12:])
    if (hole := lost_formula(text)) is not None:
        yield "formula-lost", detail(f"lost {hole.why}", found=_around(text, hole.start, hole.end), at=hole.start + 1)
    if (nested := too_nested(text)) is not None:
        yield "formula-nested", detail("nested", at=nested[0] + 1, levels=nested[1], most=MAX_NESTING)
    if found := _PICTURE.search(text):
        yield "picture", detail("picture", found=found[0][:40])
    elif (place := missing_figure(text)) is not None:
        yield "figure-missing", detail("mentions", found=text[place[0] : place[1]][:40])
    if found := (_ANSWER.search(text) or _CODE.search(text)):
        yield "answer-given", detail("mentions", found=found[0][:30])


def _garbled(text: str, garbled: Garbled, where: str) -> Detail:
    """Which encoding was taken for which, and what the text reads as in the right one."""
    found = text[garbled.start : garbled.end][:20]
    if not garbled.meant:
        return detail("garbled", where=where, found=found, at=garbled.start + 1, how=garbled.how)
    meant = excerpt(garbled.meant, 20)
    return detail("garbled, meant", where=where, found=found, at=garbled.start + 1, how=garbled.how, meant=meant)


def _around(text: str, start: int, end: int) -> str:
    """A place of a text with what stands around it, or alone where that could be personal data."""
    margin = 0 if personal_data(text) else 12
    return text[max(0, start - margin) : end + margin][:40]


def language_of(text: str) -> str | None:
    """The language of a text by its script: ko, ja, zh, en, ru or other; None for numbers and formulas alone."""
    hangul = len(text) - len(_HANGUL.sub("", text))
    if hangul >= 3 and hangul > len(text) - len(_OTHER.sub("", text)) and not _KANA.search(text):
        return "ko"  # the usual case, without the loop over characters below
    counts: dict[str, int] = {}
    text = _LATEX.sub(" ", text)
    if hangul >= 3:
        text = _POINTS_AND_SCRIPT.sub(" ", text)
    for c in _MATH_WORDS.sub(" ", text):
        script = _script(c)
        if script:
            counts[script] = counts.get(script, 0) + 1
    if counts.get("ja", 0) >= 3:  # kana: then the ideographs are Japanese too
        return "ja"
    if not counts or max(counts.values()) < 3:
        return None
    return max(counts, key=lambda s: counts[s])


def _script(c: str) -> str:
    if "가" <= c <= "힣" or "\u1100" <= c <= "\u11ff" or "ㄱ" <= c <= "ㅣ":
        return "ko"
    if "\u3041" <= c <= "\u30ff":
        return "ja"
    if "\u4e00" <= c <= "\u9fff":
        return "zh"
    if c.isascii():
        return "en" if c.isalpha() else ""
    if not c.isalpha() or "\u0370" <= c <= "\u03ff" or "\u2100" <= c <= "\u2bff":
        return ""  # Greek and letter-like signs are mathematics here, not a language
    return "ru" if "\u0400" <= c <= "\u04ff" else "other"
