"""Reading numbers, quantities and formulas out of the text of a generated problem: none of it is the generator's own code."""

from __future__ import annotations

import ast
import math
import operator
import re
from fractions import Fraction

WEEK = "월화수목금토일"
NATIVE_TENS = {"열": 10, "스물": 20, "서른": 30, "마흔": 40, "쉰": 50, "예순": 60, "일흔": 70, "여든": 80, "아흔": 90}
NATIVE_ONES = {"하나": 1, "둘": 2, "셋": 3, "넷": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9}
SINO = {"일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9}
PLACES = {"일": 1, "십": 10, "백": 100, "천": 1000, "만": 10**4, "십만": 10**5, "백만": 10**6, "천만": 10**7}
CORNERS = dict(zip("삼사오육칠팔구십", range(3, 11), strict=True))
_UNITS = {"km": 10**6, "m": 1000, "cm": 10, "mm": 1, "t": 10**6, "kg": 1000, "g": 1, "L": 1000, "mL": 1, "시간": 3600, "분": 60, "초": 1}
_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow}


def nums(text):
    """Whole numbers without sign, in order."""
    return [int(n) for n in re.findall(r"\d+", text)]


def ints(text):
    """Whole numbers with their minus signs, in order."""
    return [int(n) for n in re.findall(r"-?\d+", text)]


def first(answer):
    return ints(answer)[0]


def decs(text):
    """Decimals and whole numbers, exact."""
    return [Fraction(n) for n in re.findall(r"\d+(?:\.\d+)?", text)]


def fracs(text):
    """Fractions n/m, exact."""
    return [Fraction(n) for n in re.findall(r"\d+/\d+", text)]


def amount(answer):
    """A number of an answer with or without a unit: 5, 3.2 kg, 2/3, 1과 2/3 L."""
    whole, part = re.match(r"(?:(\d+)[과와] )?(\d+/\d+|\d+(?:\.\d+)?)", answer).groups()
    return Fraction(whole or 0) + Fraction(part)


def lowest(answer):
    """The fraction of an answer is in lowest terms and, beside a whole number, below 1."""
    top, bottom = (int(n) for n in re.search(r"(\d+)/(\d+)", answer).groups()) if "/" in answer else (0, 1)
    return math.gcd(top, bottom) == 1 and top < max(bottom, 1)


def size(text):
    """A quantity of several units in the smallest of its kind: 3 m 20 cm -> 3200 (mm), 2시간 5분 -> 7500 (s)."""
    return sum(int(n) * _UNITS[u] for n, u in re.findall(r"(\d+) ?(km|kg|mL|cm|mm|시간|m|g|L|t|분|초)(?![²³A-Za-z])", text))


def sizes(text, large, small):
    """Every quantity written in two units, in the smallest: sizes("3 m 20 cm와 1 m 5 cm", "m", "cm")."""
    return [size(f"{a} {large} {b} {small}") for a, b in re.findall(rf"(\d+) ?{large} (\d+) ?{small}", text)]


def native(word):
    """스물넷 -> 24."""
    tens = next((t for t in NATIVE_TENS if word.startswith(t)), "")
    return NATIVE_TENS.get(tens, 0) + NATIVE_ONES.get(word.removeprefix(tens), 0)


def sino(word):
    """이십삼만 -> 230000."""
    total, digit = 0, 0
    for sign in word.removesuffix("만"):
        if sign in SINO:
            digit = SINO[sign]
        else:
            total, digit = total + (digit or 1) * PLACES[sign], 0
    return (total + digit) * 10_000


def digit_value(text):
    """What the digit at the named place of the first number stands for: 5586에서 십의 자리 -> 80."""
    place = PLACES[re.search(r"(\S+)의 자리", text)[1]]
    return nums(text)[0] // place % 10 * place


def equations(text):
    """Are all equations a+b=c, a-b=c, a×b=c, a÷b=c of a text true, and there is one?"""
    found = re.findall(r"\d+(?:[-+×÷]\d+)+=\d+(?:[-+×÷]\d+)*", text)
    return bool(found) and all(at(e.split("=")[0]) == at(e.split("=")[1]) for e in found)


def at(formula, **letters):
    """Value of a formula at given numbers: at("3x^2-x+4", x=2); √ gives a float, the rest is exact."""
    text = formula.replace("^", "**").replace("×", "*").replace("÷", "/").replace("²", "**2").replace("π", "p")
    text = re.sub(r"√(\d+)", r"R(\1)", text).replace("√(", "R(")
    return _value(ast.parse(re.sub(r"(?<=[0-9a-z)])(?=[a-zR(])", "*", text), mode="eval").body, letters)


def _value(node, letters):
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, letters), _value(node.right, letters)
        return _OPERATORS[type(node.op)](left, right if not isinstance(node.op, ast.Pow) else int(right))
    if isinstance(node, ast.UnaryOp):
        return _value(node.operand, letters) * (-1 if isinstance(node.op, ast.USub) else 1)
    if isinstance(node, ast.Call):
        return math.sqrt(_value(node.args[0], letters))
    return Fraction(letters[node.id]) if isinstance(node, ast.Name) else Fraction(str(node.value))


def same(one, other, letters="x"):
    """Are two formulas the same function? Compared at more points than their degree."""
    points = [{letter: 7 * k + 3 * i - 11 for i, letter in enumerate(letters)} for k in range(9)]
    return all(at(one, **p) == at(other, **p) for p in points)


def corners(name):
    """Corners of a named polygon, or of the base of a prism or pyramid: 정육각형 -> 6, 팔각기둥 -> 8, 12각형 -> 12."""
    found = re.search(r"(\d+|[삼사오육칠팔구십])각", name)[1]
    return int(found) if found.isdigit() else CORNERS[found]
