"""What can be wrong with one text, whatever stands beside it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

Noted = tuple[str, str]  # kind of finding, detail

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
_ANSWER = re.compile(r"(?:정답|모범 ?답안|answer)\s*[:：=]\s*\S|(?:성취기준|standard)\s*[:：]", re.I)
_CUT = re.compile(r"(?:,|\b(?:the|of|and|is)|[을를])$")
_CODE = re.compile(r"\[\d{1,2}[가-힣]{1,4}[ⅠⅡ\d]{0,2}-?\d{2}-\d{2}\]")
_JAMO, _KANA = re.compile(r"[\u1100-\u11ff]"), re.compile(r"[\u3041-\u30ff]")
_HANGUL, _OTHER = re.compile(r"[가-힣]+"), re.compile(r"[^\W\d_가-힣]+")
_MATH_WORDS = re.compile(r"(?i)\\[a-z]+|(?<![a-z])(?:[a-z]{1,2}|sin|cos|tan|log|lim|max|min|kg|mg|km|cm|mm|ml)(?![a-z])")


def text_findings(text: str, where: str) -> Iterator[Noted]:
    """Kinds of findings of a problem's text or a reason; `where` names it in the detail."""
    for kind, pattern in (
        ("control-token", CONTROL_TOKEN),
        ("control-character", _CONTROL),
        ("invisible", _INVISIBLE),
        ("mojibake", _MOJIBAKE),
        ("template-mark", _TEMPLATE),
        ("markup", _HTML),
    ):
        if found := pattern.search(text):
            yield kind, f"{where} holds {found[0]!r} at character {found.start() + 1}"
    if _JAMO.search(text) and unicodedata.normalize("NFC", text) != text:
        yield "decomposed", f"{where} holds Hangul as separate letters"


def problem_findings(text: str) -> Iterator[Noted]:
    """What only a problem's text can have wrong."""
    if len(text.strip()) < 5:
        yield "text-short", f"text has {len(text.strip())} characters: {text.strip()!r}"
    elif _CUT.search(text.strip()):
        yield "text-cut", f"text ends in {text.strip()[-12:]!r}"
    if found := _PICTURE.search(text):
        yield "picture", f"text refers to {found[0][:40]!r}"
    if found := (_ANSWER.search(text) or _CODE.search(text)):
        yield "answer-given", f"text holds {found[0][:30]!r}"


def language_of(text: str) -> str | None:
    """ko, ja, zh, en or another script's name; None where only numbers and formulas stand."""
    hangul = len(text) - len(_HANGUL.sub("", text))
    if hangul >= 3 and hangul > len(text) - len(_OTHER.sub("", text)) and not _KANA.search(text):
        return "ko"  # most texts: three passes of a pattern in place of a look at each character
    counts: dict[str, int] = {}
    for c in _MATH_WORDS.sub(" ", text):
        script = _script(c)
        if script:
            counts[script] = counts.get(script, 0) + 1
    if counts.get("ja", 0) >= 3:  # kana; the ideographs beside them are Japanese too
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
        return ""  # Greek and letter-like signs are mathematics here
    return "ru" if "\u0400" <= c <= "\u04ff" else "other"
