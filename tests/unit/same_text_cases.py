"""Spellings of ten problems, made by rules: each is the same problem in other characters, with another layout, or beside its number."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import combinations

PROBLEMS = {
    "fruit": "바구니에 사과 7개와 배 12개가 있습니다. 과일은 모두 몇 개입니까?",
    "minus": "45 - 18의 값을 구하시오.",
    "choices": "다음 중 소수는 어느 것입니까? ① 9 ② 15 ③ 17 ④ 21 ⑤ 27",
    "equation": "이차방정식 $x^{2} - 5x + 6 = 0$의 두 근을 구하시오.",
    "fraction": "$\\frac{3}{4} + \\frac{1}{6}$을 계산하시오.",
    "decimal": "3.5 + 2.25는 얼마입니까?",
    "signs": "□ × 6 = 54에서 □에 알맞은 수를 구하시오.",
    "english": "Tom has 12 marbles and gives 5 to Ann. How many marbles are left?",
    "function": "일차함수 y = 2x - 3의 그래프가 점 (2, a)를 지날 때, a의 값은?",
    "inequality": "부등식 2x + 1 > 7을 만족하는 가장 작은 자연수를 구하시오.",
}
"""The spelling as printed in a book, by name."""


def _full_width(text: str) -> str:
    return re.sub(r"[0-9A-Za-z+=()?]", lambda m: chr(ord(m[0]) + 0xFEE0), text) if "\\" not in text else text


def _inside(character: str) -> Callable[[str], str]:
    """Put an invisible character after the first letter of every word."""
    return lambda text: re.sub(r"(?<![\w\\])[^\W\d_]", lambda m: m[0] + character, text)


def _formulas(opening: str, closing: str) -> Callable[[str], str]:
    """Delimiters around the formulas, or around the first number where there is none."""

    def rule(text: str) -> str:
        found = re.search(r"\$(.+?)\$", text) or re.search(r"(?<![\d.])(\d+(?:\.\d+)?)(?![\d.])", text)
        return text if found is None else f"{text[: found.start()]}{opening}{found[1]}{closing}{text[found.end() :]}"

    return rule


def _lines(text: str, mark: str) -> str:
    """A break after each sentence and before each choice."""
    return re.sub(r" (?=[①-⑤])", mark, re.sub(r"(?<=[다까?.]\.|\D\?) ", mark, text))


def _choices(mark: Callable[[int], str]) -> Callable[[str], str]:
    return lambda text: re.sub(r"[①-⑤]", lambda m: mark(ord(m[0]) - 0x245F), text)


def _ocr(text: str) -> str:
    """LaTeX with a space before and inside of each brace, as models of formulas write it."""
    return re.sub(r"([\^_])", r" \1 ", re.sub(r"\{", " { ", text).replace("}", " }")) if "\\" in text or "^" in text else text


RULES: dict[str, Callable[[str], str]] = {
    "NFD": lambda t: unicodedata.normalize("NFD", t),
    "full width": _full_width,
    "zero-width space": _inside("\u200b"),
    "soft hyphen": _inside("\u00ad"),
    "word joiner": _inside("\u2060"),
    "byte order mark": lambda t: "\ufeff" + t,
    "spaces around": lambda t: f"  {t} \t",
    "double spaces": lambda t: t.replace(" ", "  "),
    "no-break spaces": lambda t: t.replace(" ", "\xa0"),
    "ideographic spaces": lambda t: t.replace(" ", "\u3000"),
    "thin spaces": lambda t: t.replace(" ", "\u2009"),
    "nbsp": lambda t: t.replace(" ", "&nbsp;"),
    "CRLF": lambda t: _lines(t, "\r\n"),
    "old Mac lines": lambda t: _lines(t, "\r"),
    "lines": lambda t: _lines(t, "\n"),
    "line separators": lambda t: _lines(t, "\u2028"),
    "br": lambda t: _lines(t, "<br>"),
    "br with slash": lambda t: _lines(t, "<br />"),
    "paragraphs": lambda t: f"<p>{_lines(t, '</p><p>')}</p>",
    "bold": lambda t: re.sub(r"\d+", r"<b>\g<0></b>", t, count=1),
    "character references": lambda t: t.replace(">", "&gt;").replace("×", "&times;").replace("7", "&#55;"),
    "en dash": lambda t: t.replace("-", "–"),
    "minus sign": lambda t: t.replace("-", "−"),
    "no spaces around operators": lambda t: re.sub(r" ([-+×=>]) ", r"\1", t),
    "12. before": lambda t: f"12. {t}",
    "12) before": lambda t: f"12) {t}",
    "[12] before": lambda t: f"[12] {t}",
    "(12) before": lambda t: f"(12) {t}",
    "12번. before": lambda t: f"12번. {t}",
    "문제 12. before": lambda t: f"문제 12. {t}",
    "Q12. before": lambda t: f"Q12. {t}",
    "No. 12. before": lambda t: f"No. 12. {t}",
    "예제 3. before": lambda t: f"예제 3. {t}",
    "[문제 12] before": lambda t: f"[문제 12] {t}",
    "【12】 before": lambda t: f"【12】 {t}",
    "제12문 before": lambda t: f"제12문. {t}",
    "#12 before": lambda t: f"#12 {t}",
    "12번 and a line before": lambda t: f"12번\n{t}",
    "(2) of 문제 3 before": lambda t: f"문제 3. (2) {t}" if not t.startswith("-") else t,
    "12.(3점) before": lambda t: f"12. (3점) {t}",
    "ideographic full stop": lambda t: t.replace(". ", "。 "),
    "007. before": lambda t: f"07. {t}",
    "[3점] behind": lambda t: _with_points(t, "[3점]"),
    "(3점) behind": lambda t: _with_points(t, "(3점)"),
    "[배점 4] behind": lambda t: _with_points(t, "[배점 4]"),
    "[3.5점] behind": lambda t: _with_points(t, "[3.5점]"),
    "[4점] before": lambda t: f"[4점] {t}",
    "〔5점〕 behind": lambda t: _with_points(t, "〔5점〕"),
    "no final mark": lambda t: re.sub(r"[?.]$", "", t),
    "space before the final mark": lambda t: re.sub(r"([?.])$", r" \1", t),
    "dollars": _formulas("$", "$"),
    "double dollars": _formulas("$$", "$$"),
    "round delimiters": _formulas(r"\(", r"\)"),
    "square delimiters": _formulas(r"\[", r"\]"),
    "OCR spaces": _ocr,
    "double braces": lambda t: t.replace("^{2}", "^{{2}}").replace("\\frac{3}", "\\frac{{3}}"),
    "dfrac": lambda t: t.replace("\\frac", "\\dfrac"),
    "superscript": lambda t: t.replace("^{2}", "²"),
    "caret": lambda t: t.replace("^{2}", "^2"),
    "sup": lambda t: t.replace("^{2}", "<sup>2</sup>"),
    "(1) choices": _choices(lambda n: f"({n})"),
    "1) choices": _choices(lambda n: f"{n})"),
    "1. choices": _choices(lambda n: f"{n}."),
    "⑴ choices": _choices(lambda n: chr(0x2473 + n)),
    "❶ choices": _choices(lambda n: chr(0x2775 + n)),
    "choices without spaces": lambda t: re.sub(r" ?([①-⑤]) ?", r"\1", t),
    "choices in lines": lambda t: re.sub(r" (?=[①-⑤])", "\n", t),
    "choices behind tabs": lambda t: re.sub(r" (?=[①-⑤])", "\t", t),
}


def _with_points(text: str, points: str) -> str:
    """Points behind the question, before its choices."""
    return re.sub(r"\s(?=[①⑴❶])", f" {points} ", text, count=1) if re.search("[①⑴❶]", text) else f"{text} {points}"


PAIRED = (
    ("NFD", "full width", "zero-width space"),
    ("no-break spaces", "CRLF", "br"),
    ("en dash", "no spaces around operators"),
    ("[3점] behind", "(3점) behind"),
    ("(1) choices", "choices in lines"),
    ("dollars", "round delimiters"),
    ("12. before", "[12] before", "문제 12. before"),
    ("no final mark",),
)
"""Rules of different kinds, of which each two are applied one after the other."""


def _families() -> dict[str, list[tuple[str, str]]]:
    pairs = [(f"{a}, {b}", RULES[a], RULES[b]) for one, two in combinations(PAIRED, 2) for a in one for b in two]
    found: dict[str, list[tuple[str, str]]] = {}
    for name, text in PROBLEMS.items():
        made = {text: "as printed"}
        for rule, spell in RULES.items():
            made.setdefault(spell(text), rule)
        for rules, first, second in pairs:
            made.setdefault(second(first(text)), rules)
        found[name] = [(rule, spelling) for spelling, rule in made.items()]
    return found


FAMILIES = _families()
"""Name of a problem -> (rule, spelling) of all its spellings, the printed one first; no spelling twice."""

HELD_OUT = "3 + 4의 값은 얼마입니까?"
CHANGED = {
    "NFD": unicodedata.normalize("NFD", HELD_OUT),
    "full width": HELD_OUT.replace("3", "３").replace("4", "４"),
    "zero-width space": HELD_OUT.replace("값", "값\u200b"),
    "no question mark": HELD_OUT.removesuffix("?"),
    "number before": "12. " + HELD_OUT,
    "points behind": HELD_OUT + " [3점]",
    "dollars": HELD_OUT.replace("3 + 4", "$3$ + $4$"),
    "br": HELD_OUT.replace("은 ", "은<br>"),
    "no-break space": HELD_OUT.replace(" ", "\xa0"),
}
"""Nine trivial changes of a held-out text."""

SEEN_ALIKE = [
    HELD_OUT,
    unicodedata.normalize("NFD", HELD_OUT),
    HELD_OUT.replace("3", "３").replace("4", "４"),
    HELD_OUT.replace("값", "값\u200b"),
    f"  {HELD_OUT}  ",
    "\ufeff" + HELD_OUT,
    HELD_OUT.replace("은 ", "은\r\n"),
]
"""One visible sentence in seven spellings."""

NEAR_MISSES = [
    ("3번 버스가 12분마다 옵니다.", "버스가 12분마다 옵니다."),
    ("3번 문제를 맞힌 학생", "4번 문제를 맞힌 학생"),
    ("문제 3 개를 풀었다", "문제 4 개를 풀었다"),
    ("3.5 + 2", "5 + 2"),
    ("1. 25 + 3", "1.25 + 3"),
    ("1. 25 + 3", "125 + 3"),
    ("(3) + 5", "+ 5"),
    ("(3) × 5의 값", "× 5의 값"),
    ("3) × 5", "× 5"),
    ("2)12 18", "3)12 18"),
    ("5.□3 > 5.43", "□3 > 5.43"),
    ("3. 5. 에 만난 사람", "4. 5. 에 만난 사람"),
    ("시험에서 (10점)을 맞은 학생", "시험에서 을 맞은 학생"),
    ("시험에서 (10점)을 맞은 학생", "시험에서 (20점)을 맞은 학생"),
    ("(10점) 이상인 학생 수", "(20점) 이상인 학생 수"),
    ("과녁의 [3점] 칸에 맞힌 화살", "과녁의 [5점] 칸에 맞힌 화살"),
    ("국어 (10점) 수학 (20점)", "국어 (10점) 수학 (30점)"),
    ("점수는 수학 (20점)", "점수는 수학 (30점)"),
    ("국어 [10점] 수학 [20점]", "국어 [10점] 수학 [30점]"),
    ("$5 and $3", "5 and 3"),
    ("The price is $5. The tax is 3$.", "The price is 5. The tax is 3."),
    ("1.5 2.5 3.5 4.5", "① .5 ② .5 ③ .5 ④ .5"),
    ("(3점) 이상인 학생", "(4점) 이상인 학생"),
    ("제3문을 연 사람", "제4문을 연 사람"),
    ("#3번 방", "#4번 방"),
    ("문 12 개", "문 13 개"),
    ("[1] + [2]의 값", "[3] + [2]의 값"),
    ("2. 5. 8. 다음에 올 수", "3. 5. 8. 다음에 올 수"),
    ("10. 3 + 4", "10.3 + 4"),
    ("He has $5 and $3.", "He has 5 and 3."),
    ("5$, 3$", "5, 3"),
    ("x_1", "x1"),
    ("x₁", "x1"),
    ("3 5", "35"),
    ("3, 5", "35"),
    ("3, 5", "3 5"),
    ("3,5", "3.5"),
    ("3 .5", "3 5"),
    ("3. 5", "3 5"),
    ("x²", "x2"),
    ("x^{2n}", "x^{2}n"),
    ("x^{23}", "x^{2}3"),
    ("2³5", "2³⁵"),
    ("xᵃ", "xa"),
    ("㎠", "cm2"),
    ("x<sup>2</sup>", "x2"),
    ("5 - 3", "5 + 3"),
    ("-5 + 3", "5 + 3"),
    ("점 (3, -5)", "점 (3 - 5)"),
    ("5 - (-3)", "5 - 3"),
    ("정답은? ① 1 ② 2 ③ 3", "정답은? ① 2 ② 1 ③ 3"),
    ("정답은? ① 1 ② 2", "정답은? ㉠ 1 ㉡ 2"),
    ("ㄱ만", "ㄴ만"),
    ("㉠과 ㉡", "㉡과 ㉠"),
    ("㉠의 값", "ㄱ의 값"),
    ("①번과 1번", "1번과 1번"),
    ("½ + 1", "2 + 1"),
    ("3½", "31/2"),
    ("3½", "3/2"),
    ("|x - 3|", "x - 3"),
    ("<보기>에서 고르시오", "에서 고르시오"),
    ("a <b> c", "a c"),
    ("a <p> c", "a c"),
    ("a < b > c", "a c"),
    ("5! + 3", "5 + 3"),
    ("다음을 계산하시오: 5!", "다음을 계산하시오: 5"),
    ("① 3! ② 4!", "① 3 ② 4"),
    ("f'(x)의 값", "f(x)의 값"),
    ("점 A'", "점 A"),
    ("2·3의 값", "23의 값"),
    ("3~5의 합", "35의 합"),
    ("1, 2, 3, …, 10의 합", "1, 2, 3, 10의 합"),
    ("0.333…을 분수로", "0.333을 분수로"),
    ("값은 0.333…", "값은 0.333"),
    ("a, b의 값", "ab의 값"),
    ("5 ○ 3", "5 △ 3"),
    ("다음 ￼의 값", "다음 의 값"),
    ("12의 약수", "1의 약수"),
    ("다섯 사람", "여섯 사람"),
]
"""Two problems that differ, and must stay apart."""
