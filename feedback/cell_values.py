"""What people write into a cell: a rank, a yes or no, a label. None stands for a text that cannot be read with certainty."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from prefopt.taxonomy import Label, Taxonomy
from prefopt.texts.folded import fold
from prefopt.texts.same_text import name_key

_CIRCLES = frozenset("ㅇᄋ○◯〇⭕●◎⊙оο")  # the last two are Cyrillic and Greek
_TICKS = frozenset("✓✔☑✅√∨")
_CROSSES = frozenset("×✕✖✗✘╳❌☓⨯хχ")
YES = {"o", *_CIRCLES, "v", *_TICKS, "1", "예", "네", "넵", "y", "yes", "true", "참"}
NO = {"", "x", *_CROSSES, "0", "-", "아니오", "아니요", "아뇨", "n", "no", "false", "거짓"}
_WHOLE = re.compile(r"0*(\d{1,4})(?:\.0+)?")
_RANK = re.compile(
    r"#?(?:공동|동점|제|=)?\s*+[\[(<]?+\s*+(?P<rank>\d++(?:\.0++)?|[일이삼사一二三四]|하나|둘|셋|넷|첫|두|세|네|첫째|둘째|셋째|넷째|i{1,3}|iv|\d(?:st|nd|rd|th))\s*+"
    r"(?P<unit>위|등|번째|번|순위|순|째)?\s*+[\])>.]?+\s*+(?:공동|동점|=|\((?:공동|동점)\))?"
)
_WORDS = {
    **dict.fromkeys(("일", "一", "하나", "첫", "첫째", "i", "1st"), 1),
    **dict.fromkeys(("이", "二", "둘", "두", "둘째", "ii", "2nd"), 2),
    **dict.fromkeys(("삼", "三", "셋", "세", "셋째", "iii", "3rd"), 3),
    **dict.fromkeys(("사", "四", "넷", "네", "넷째", "iv", "4th"), 4),
}
_NEED_A_UNIT = {"첫", "두", "세", "네"}  # 네 alone also means yes
_CODE = re.compile(r"(?:[\[【〔(<]\s*+)?\d{1,2}\s*+[가-힣]{1,6}\s*+[0-9ⅠⅡⅢIVX]{0,3}\s*+-?\s*+\d{1,2}\s*+[-.]\s*+\d{1,2}(?:\s*+[\]】〕)>])?")


def rank_of(text: str, cards: int) -> int | None:
    """The rank that a cell says: 1, 1.0, 01, １, ①, 1위, 1등, 1번, 1순위, 첫째, 일, Ⅰ, 1=. None where it is no rank from 1 to `cards`."""
    match = _RANK.fullmatch(_plain(text))
    if match is None or (match["rank"] in _NEED_A_UNIT and match["unit"] not in ("번째", "째")):
        return None
    number = _WHOLE.fullmatch(match["rank"])
    rank = int(number[1]) if number else _WORDS.get(match["rank"], 0)
    return rank if 1 <= rank <= cards else None


def best_of(text: str, letters: Sequence[str]) -> str:
    """The letter of the card that a cell names: B, b, Ｂ, 카드 B, B번, (B). Of two cards both may be named: A=B. "" where it names none."""
    said = re.sub(r"카드|번|[\s()\[\].,=/·&+-]", "", _plain(text)).upper()
    if sorted(said) == list(letters) and len(letters) == 2:
        return "".join(letters)
    return said if said in letters and said else ""


def answer_of(text: str, *, cross_is_yes: bool | None) -> bool | None:
    """Whether a cell of a yes-or-no column says yes. O, ○, v, 예 and 1 are yes; X, ×, 0, -, 아니오 and an empty cell are no.

    Args:
        text: the cell.
        cross_is_yes: in sheets that ask for an x, as those of earlier versions do, x is yes; None where the sheet's words are not known.
    """
    said = _plain(text)
    said = {"1.0": "1", "0.0": "0"}.get(said, said)
    if cross_is_yes is not False and is_cross(text):
        return True if cross_is_yes and said == "x" else None
    return True if said in YES else False if said in NO else None


def is_cross(text: str) -> bool:
    """Whether a cell holds an X, which people also draw to mark something."""
    return _plain(text) in {"x", *_CROSSES}


def label_of_text(text: str, taxonomy: Taxonomy) -> Label | None:
    """The label that a cell names: its id or code in any usual spelling, its name, or what a card shows (code and name, the whole card)."""
    whole = fold(text).strip().removeprefix("'")
    first, _, more = whole.partition("\n")
    if _CODE.search(more) or any(taxonomy.find(line.strip()) for line in more.split("\n") if line.strip()):
        return None
    for part in dict.fromkeys((whole, first)):
        found = taxonomy.find(part.strip())
        if found is None or not _is_all_said(part, found):
            found = _by_words(taxonomy).get(_words_key(part))
        if found is not None:
            return found
    return _by_code_and_words(first, taxonomy)


def _is_all_said(text: str, label: Label) -> bool:
    """Whether a text says no more than a label's code and words of its own: "[2수01-01] 아님" says something else."""
    if _words_key(text) in (_words_key(label.id), _words_key(label.code)):
        return True
    behind = _words_key(re.sub(r"^.*\d\W*", "", text, flags=re.S))
    return not behind or any(_words_key(own).startswith(behind) for own in (label.name, label.statement) if own)


def _by_code_and_words(text: str, taxonomy: Taxonomy) -> Label | None:
    """The label whose code begins the text, where what follows are words of its own name or statement. Two codes name no label."""
    codes = [match[0] for match in _CODE.finditer(text)]
    if len(codes) != 1 or not text.startswith(codes[0]):
        return None
    label = taxonomy.find(codes[0].strip())
    rest = _words_key(text[len(codes[0]) :])
    if label is None or not any(_words_key(own).startswith(rest) for own in (label.name, label.statement) if own):
        return None
    return label


@lru_cache(maxsize=4)
def _by_words(taxonomy: Taxonomy) -> dict[str, Label]:
    """Key of what people copy or type -> the only label that it names."""
    found: dict[str, Label | None] = {}
    for label in taxonomy:
        for key in {_words_key(words) for words in _spellings(label)}:
            found[key] = None if key in found else label
    return {key: label for key, label in found.items() if key and label is not None}


def _spellings(label: Label) -> Iterator[str]:
    yield from (label.name, label.statement)
    for code in {label.id, label.code}:
        yield from (code, f"{code} {label.name}", f"{code} {label.statement}")


def _words_key(text: str) -> str:
    return re.sub(r"[\s.,:;·'\"]", "", name_key(text))


def _plain(text: str) -> str:
    """A short cell in one spelling: folded, circled digits as digits, no apostrophe that a spreadsheet puts before texts."""
    shown = "".join(_digit(c) for c in fold(text).strip().removeprefix("'"))
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", shown)).strip().casefold()


def _digit(c: str) -> str:
    """Circled and parenthesized digits (①, ❶, ⑴) as digits."""
    value = unicodedata.digit(c, None) if not c.isascii() else None
    return c if value is None else str(value)
