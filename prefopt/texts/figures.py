"""Find problems that speak of a figure, graph or table that their text does not hold.

A reference counts where it points: "오른쪽 그림과 같은", "다음 그래프에서", "그림 1", "[그림]", "q12.png". The words alone do not
("그림을 그렸습니다", "그림책", "표로 나타내었더니"), nor does a table or figure that the text holds: rows, a list of values, names to
choose from, code that draws.
"""

from __future__ import annotations

import re

_HINT = re.compile(
    r"그림|그래프|도표|표|도형|전개도|겨냥도|사진|지도|다이어그램|수직선|모눈|도면|약도|순서도|수형도|산점도|히스토그램|시계|부분"
    r"|figure|diagram|graph|table|picture|shown|\.(?:png|jpe?g|gif|svg|bmp|webp)",
    re.I,
)
_THING = (
    r"(?:입체 ?)?(?:그림|그래프|(?:막대|원|띠|꺾은선|그림)그래프|도표|표|도형|전개도|겨냥도|사진|지도|약도|도면|순서도|수형도"
    r"|산점도|히스토그램|벤 ?다이어그램|다이어그램|수직선|모눈종이|시계|삼각형|사각형"
    r"|상자그림|도수분포표|도수분포다각형|쌓기나무|악보|달력|영수증|메뉴판|안내판|포스터)"
)
_PARTICLE = r"(?:과|와|에서|에|은|는|이|가|의|를|을|처럼|로|으로)?(?![가-힣])"
_POINTING = re.compile(
    r"(?:^|(?<=[\s\"'“‘(.]))(?:"
    rf"(?:(?:(?:오른|왼)쪽|아래|위|옆)(?:의)?|(?:다음|주어진)(?:의)?)\s?(?:두 |세 |네 |직각)?{_THING}(?:들)?"
    r"(?:과|와|에서|에|은|는|이|가|의|를|을|처럼|로|으로|도|만|중)*(?![가-힣])"
    r"|(?:다음|아래|위)(?:은|는) .{2,40}(?:그림|그래프|표|도표|전개도|사진|지도|도형|수형도|산점도|히스토그램)(?:입니다|이다|로,|이며)"
    r"|(?:그림|그래프|표|도표|사진|도형)(?:과|와) 같(?:이|은)"
    r"|(?:그림|도표|사진|지도)에서(?![가-힣])"
    r"|(?:그림|도표|표|그래프|사진)\s?\d{1,2}(?:-\d)?(?![\d.]|\s?[장개명점권조칸번쪽원cm%의]|\s?가지)(?:은|는|과|와|에서)?"
    r"|벤 ?다이어그램(?:에서|과 같|의|을 보)|(?:그림|그래프|표|도표|사진|지도|달력|시계|수직선|다이어그램)(?:을|를) 보(?:고|면|아)"
    r"|(?:색칠한|어두운|빗금 친|빗금친) 부분"
    r")"
)
_MARK = re.compile(
    r"[\[<〈【]\s?(?:그림|사진|이미지|도형|그래프|도표|표|image|figure|table)[^\])>〉】\n]{0,12}[\]>〉】]"
    r"|\((?:그림|사진|도표|그래프|표)\s?(?:\d{1,2}|삽입|생략|참고|참조|없음)\)",
    re.I,
)
_FILE = re.compile(r"[\w가-힣()-]{1,60}\.(?:png|jpe?g|gif|svg|bmp|webp)(?![A-Za-z])", re.I)
_HWP = re.compile(r"(?:그림|표|사각형|타원|선|묶음 개체)입니다\.|원본 그림의 (?:이름|크기)")
_ENGLISH = re.compile(
    r"\b(?:figure|diagram|graph|table|picture|chart)s? (?:shown |given )?(?:below|above|at (?:the )?right)"
    r"|\bshown (?:below|above|in the (?:figure|diagram|picture|graph))"
    r"|\b(?:in|from) the (?:figure|diagram|picture)\b|\bpictured (?:below|above)",
    re.I,
)
_DRAWING = re.compile(r"\[asy\]|\\begin\s?\{(?:array|tabular|tikzpicture|matrix)|<table|<svg|\\includegraphics", re.I)
_VALUES = re.compile(r"(?:[가-힣A-Za-z)%]\s?:?\s?\(?\d[\d,./]*\)?[^\d\n,]{0,8}[,/|]\s?){2,}|(?<!\d)(?:\d++[^\d\n,]{0,6}, ?){3,}")
_NAMES = re.compile(r"[①㉠ㄱ]\.?\s*[가-힣□△○◇☆]|[가-힣], [가-힣]++ (?:중|가운데)|[○△□◇☆♡●■▲◎].{0,3}[○△□◇☆♡●■▲◎]")
_ITEMS = frozenset("㉠㉡㉢㉣㉤㉥①②③④⑤")
_DRAW = re.compile(r"\S{0,12}\s?(?:그리|그려|그린|그렸|만드|만들|나타내시|나타내어 보|나타내세|완성하)")


def missing_figure(text: str) -> tuple[int, int] | None:
    """Where a text points to a figure, graph or table that it does not hold; None where it does not point, or holds it."""
    if not _HINT.search(text):
        return None
    found = _pointing(text)
    if found is None or _holds(text):
        return None
    return found.span()


def _pointing(text: str) -> re.Match[str] | None:
    if marked := (_HWP.search(text) or _FILE.search(text) or _MARK.search(text)):
        return marked
    named = -1  # where names stand that have been found
    for found in _POINTING.finditer(text):
        before = text[max(0, found.start() - 4) : found.start()].rstrip()
        if before[-1:] in _ITEMS or before.endswith(("의", "잎", "그린", "그려진", "걸린", "만든")) or _DRAW.match(text, found.end()):
            continue
        if named < found.end():
            if (names := _NAMES.search(text, found.end())) is None:  # else the text names them: 다음 도형 중에서 … ㉠ 원 ㉡ 삼각형
                return found
            named = names.start()
    return _ENGLISH.search(text)


def _holds(text: str) -> bool:
    """Whether a text holds a table or a drawing of its own."""
    if _DRAWING.search(text) or text.count("|") > 5 or text.count("\t") > 3 or _VALUES.search(text):
        return True
    lines = [line for line in text.splitlines() if line.strip()]
    return len(lines) >= 3 and sum(any(c.isdigit() for c in line) for line in lines[1:]) >= 2 and len(lines[1]) < 60
