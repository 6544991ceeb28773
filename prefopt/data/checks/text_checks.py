"""Find faults of one text, and the language it is written in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from prefopt.data.checks.finding_details import Detail, detail

TextFinding = tuple[str, Detail]
"""Kind of finding, and its detail."""

CONTROL_TOKEN = re.compile(
    r"<\|[A-Za-z_]{2,32}\|>|<\|?(?:start|end)_of_turn\|?>|</?s>|\[/?INST\]|<<?/?SYS>>?|<(?:bos|eos|pad|unk|mask)>|<start_of_image>|<\|reserved_\d+\|>"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile(r"[\u00ad\u115f\u1160\u200b-\u200f\u202a-\u202e\u2060-\u2064\u3164\ufeff\uffa0\ue000-\uf8ff]")
_MOJIBAKE = re.compile(r"\ufffd|占쏙옙|[ìíîêëå][\x80-\xbf\u0152-\u2122]|Ã[\x80-\xbf©¨¤]|â€|(?:[뷁쀀-쓿뒗맂븘젣]{2,}\?)")
_HTML = re.compile(
    r"</?(?:p|br|b|i|u|div|span|table|tr|td|sub|sup|img|font|strong|em|ul|li)\b[^<>]{0,200}/?>|&(?:nbsp|lt|gt|amp|quot|#\d{2,5});", re.I
)
_TEMPLATE = re.compile(r"\[[가-힣]{1,4}/[가-힣]{1,4}\]|\{\{[^{}]{1,40}\}\}|(?<![\\\w}^_{])\{[a-z_]{3,20}\}|\$\{[a-z_]+\}|%\([a-z_]+\)s")
_PICTURE = re.compile(
    r"!\[[^\]]*\]\([^)]*\)|<img\b|data:image/|https?://\S+\.(?:png|jpe?g|gif|svg)|\[(?:그림|사진|이미지|표 삽입|image)[^\]]{0,10}\]", re.I
)
_ERROR = re.compile(r"#(?:REF|VALUE|NAME|DIV/0|N/A|NUM|NULL)[!?]?")
_LOST = re.compile(r"(?<=[가-힣]) {2,}(?=[을를이가은는의]\s)|[①-⑤]\s*(?=[①-⑤])")
_ANSWER = re.compile(r"(?:정답|모범 ?답안|answer)\s*[:：=]\s*\S|(?:성취기준|standard)\s*[:：]", re.I)
_CUT = re.compile(r"(?:,|\b(?:the|of|and|is)|[을를])$")
_CODE = re.compile(r"\[\d{1,2}[가-힣]{1,4}[ⅠⅡ\d]{0,2}-?\d{2}-\d{2}\]")
_JAMO, _KANA = re.compile(r"[\u1100-\u11ff]"), re.compile(r"[\u3041-\u30ff]")
_HANGUL, _OTHER = re.compile(r"[가-힣]+"), re.compile(r"[^\W\d_가-힣]+")
_MATH_WORDS = re.compile(r"(?i)\\[a-z]+|(?<![a-z])(?:[a-z]{1,2}|sin|cos|tan|log|lim|max|min|kg|mg|km|cm|mm|ml)(?![a-z])")


def text_findings(text: str, where: str) -> Iterator[TextFinding]:
    """Faults of a problem's text or a reason; `where` (text, reason, concepts) names it in the detail."""
    for kind, pattern in (
        ("control-token", CONTROL_TOKEN),
        ("control-character", _CONTROL),
        ("invisible", _INVISIBLE),
        ("mojibake", _MOJIBAKE),
        ("template-mark", _TEMPLATE),
        ("markup", _HTML),
    ):
        if found := pattern.search(text):
            yield kind, detail("contains", where=where, found=found[0], at=found.start() + 1)
    if _JAMO.search(text) and unicodedata.normalize("NFC", text) != text:
        yield "decomposed", detail("decomposed", where=where)


def unfit(text: str) -> list[TextFinding]:
    """Why a problem must not be shown to teachers or labeled: its text cannot be read as it was written. Empty where it can."""
    found = [finding for finding in text_findings(text, "text") if finding[0] in ("control-token", "control-character", "mojibake")]
    for kind, pattern in (("error-cell", _ERROR), ("formula-lost", _LOST)):
        if hole := pattern.search(text):
            found.append((kind, detail("mentions", found=hole[0])))
    return found


def problem_findings(text: str) -> Iterator[TextFinding]:
    """Faults that only a problem's text can have."""
    if len(text.strip()) < 5:
        yield "text-short", detail("short text", count=len(text.strip()), text=text.strip())
    elif _CUT.search(text.strip()):
        yield "text-cut", detail("cut off", end=text.strip()[-12:])
    if found := _PICTURE.search(text):
        yield "picture", detail("picture", found=found[0][:40])
    if found := (_ANSWER.search(text) or _CODE.search(text)):
        yield "answer-given", detail("mentions", found=found[0][:30])


def language_of(text: str) -> str | None:
    """The language of a text by its script: ko, ja, zh, en, ru or other; None for numbers and formulas alone."""
    hangul = len(text) - len(_HANGUL.sub("", text))
    if hangul >= 3 and hangul > len(text) - len(_OTHER.sub("", text)) and not _KANA.search(text):
        return "ko"  # the usual case, without the loop over characters below
    counts: dict[str, int] = {}
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
