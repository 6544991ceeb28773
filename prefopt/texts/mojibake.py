"""Find characters that were written in one encoding and read in another, say which two, and what the text was.

The four ways in which Korean texts are garbled: a CP949 file (Korean Excel, HWP) read as Latin-1, a UTF-8 file read as Latin-1 or as
CP949, and text whose characters were replaced because an encoding lacks them. Reading the characters back in the wrong encoding and
again in the right one shows what was meant; where that gives Hangul, it is the proof.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

How = Literal["CP949 read as Latin-1", "UTF-8 read as Latin-1", "UTF-8 read as CP949", "UTF-8 encoded twice", "characters replaced"]


@dataclass(frozen=True)
class Garbled:
    """A garbled place of a text.

    Attributes:
        start: text[start:end] is garbled.
        end: see start.
        how: which encoding was taken for which.
        meant: what the place reads as in the right encoding, with U+FFFD for what is lost; "" where nothing can be recovered.
    """

    start: int
    end: int
    how: How
    meant: str


_HINT = re.compile("[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff\u4e00-\u9fff\uf900-\ufaff\ufffd\x80-\x9f]|\\?[?\u0080-\uffff]")
_REPLACED = re.compile("\ufffd+|占쏙옙|锟斤拷|ï¿½|\\?{5,}")
_WORDS_REPLACED = re.compile(r"(?<!\?)\?{2,}+(?:[^?\n]{1,4}+\?{2,}+)++")
_LOST = re.compile("\ufffd{2,}")
_HANGUL = re.compile("[가-힣]")
_LATIN = re.compile("[\u0080-\u00ff\u0152-\u2122]{2,}(?: ?[\u0080-\u00ff\u0152-\u2122]{2,}){0,40}")
_LETTER = re.compile("[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]")
_EAST = re.compile("[?\ufffd]?[\u0080-\uffff][?\u0080-\uffff]*")
_IDEOGRAPH = re.compile("[\u4e00-\u9fff\uf900-\ufaff]")
_LOST_LEAD = re.compile("[?\ufffd][가-힣ㄱ-ㅎ]")
_SIGNS = re.compile("[Ââ][\u0080-\u00bf\u0152-\u2122]{1,2}|[ÃÏÎ][\u0080-\u00bf\u0152-\u2122]")


def mojibake(text: str) -> Garbled | None:
    """The first garbled place; None where there is none. Linear in the length of the text."""
    if not _HINT.search(text):
        return None
    return _latin(text) or _utf8_as_cp949(text) or _replaced(text)


def _latin(text: str) -> Garbled | None:
    """CP949 or UTF-8 read as Latin-1, with Windows' characters for its controls."""
    for run in _LATIN.finditer(text):
        if not _LETTER.search(run[0]):
            continue
        raw = _latin_bytes(run[0])
        if raw is None:
            continue
        once = _decoded(raw, "utf-8")
        if once is not None and once != run[0]:
            twice = _decoded(_latin_bytes(once) or b"\xff", "utf-8")
            return Garbled(run.start(), run.end(), "UTF-8 encoded twice" if twice else "UTF-8 read as Latin-1", twice or once)
        korean = _decoded(raw, "cp949")
        if korean is not None and len(_HANGUL.findall(korean)) >= 2 and 3 * len(_HANGUL.findall(korean)) >= len(korean.replace(" ", "")):
            return Garbled(run.start(), run.end(), "CP949 read as Latin-1", korean)
        partly = raw.decode("utf-8", "replace")
        if len(_HANGUL.findall(partly)) >= 1 and partly.count("\ufffd") <= 2 * len(_HANGUL.findall(partly)):
            return Garbled(run.start(), run.end(), "UTF-8 read as Latin-1", _LOST.sub("\ufffd", partly))
    if sign := _SIGNS.search(text):
        raw = _latin_bytes(sign[0])
        meant = _decoded(raw, "utf-8") if raw is not None else None
        if meant is not None:
            return Garbled(sign.start(), sign.end(), "UTF-8 read as Latin-1", meant)
        if sign[0][0] in "Ãâ" and len(sign[0]) > 1 and not sign[0][1].isalpha():
            return Garbled(sign.start(), sign.end(), "UTF-8 read as Latin-1", "")
    return None


def _utf8_as_cp949(text: str) -> Garbled | None:
    """The first two bytes of a syllable read as an ideograph, or replaced by a question mark where CP949 has none."""
    for run in _EAST.finditer(text):
        part = run[0]
        if not (_IDEOGRAPH.search(part) or _LOST_LEAD.search(part)):
            continue
        raw = b"".join(b"\xff" if c in "?\ufffd" else _cp949(c) for c in part)
        meant = _with_leads(raw).decode("utf-8", "replace")
        found = len(_HANGUL.findall(meant))
        if found and 3 * found >= 0.6 * len(raw) and (found > 1 or not _HANGUL.search(part)) and _is_odd(part):
            shown = re.sub(rb"\xff+[\x80-\xbf]{0,2}", b"\xef\xbf\xbd", raw).decode("utf-8", "replace")
            return Garbled(run.start(), run.end(), "UTF-8 read as CP949", _LOST.sub("\ufffd", shown) if _HANGUL.search(shown) else "")
    return None


def _is_odd(part: str) -> bool:
    """Whether Korean does not write it: ideographs between syllables, or syllables outside of the 2,350 of KS X 1001."""
    return bool(_IDEOGRAPH.search(part)) or any(_decoded(_cp949(c), "euc_kr") is None for c in part if "가" <= c <= "힣")


def _with_leads(raw: bytes) -> bytes:
    """Bytes with a possible first byte of a syllable where it was lost, or with its first two, which Windows replaces together."""
    return re.sub(rb"\xff(?=[\x80-\xbf](?:[^\x80-\xbf]|$))", b"\xec\xbf", re.sub(rb"\xff(?=[\x80-\xbf]{2})", b"\xec", raw))


def _replaced(text: str) -> Garbled | None:
    if found := _REPLACED.search(text):
        return Garbled(found.start(), found.end(), "characters replaced", "")
    if not _HANGUL.search(text) and (found := _WORDS_REPLACED.search(text)) and found[0].count("?") > 4:
        return Garbled(found.start(), found.end(), "characters replaced", "")
    return None


def _latin_bytes(text: str) -> bytes | None:
    """The bytes behind characters of Latin-1 or Windows-1252; None for other characters."""
    raw = bytearray()
    for c in text:
        try:
            raw += bytes([ord(c)]) if ord(c) < 256 else c.encode("cp1252")
        except UnicodeEncodeError:
            return None
    return bytes(raw)


def _cp949(c: str) -> bytes:
    try:
        return c.encode("cp949")
    except UnicodeEncodeError:
        return b"\xff\xff"


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None
