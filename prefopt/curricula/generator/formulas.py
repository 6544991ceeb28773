"""Write mathematics as text: polynomials, prime powers, multiples of π, names of polygons."""

from __future__ import annotations

from fractions import Fraction
from math import gcd

from prefopt.curricula.generator.drafting import Draw, reduced

POLYGONS = {3: "삼각형", 4: "사각형", 5: "오각형", 6: "육각형", 7: "칠각형", 8: "팔각형", 9: "구각형", 10: "십각형"}


def polygon(n: int) -> str:
    """Name of a polygon of n sides (3-10)."""
    return POLYGONS[n]


def text_of(value: Fraction) -> str:
    """A fraction as written in an answer: 3/4, 2, 1과 1/2."""
    return reduced(value.numerator, value.denominator)


def two_denominators(d: Draw) -> tuple[Fraction, Fraction]:
    """Two proper fractions in lowest terms with different denominators."""
    while True:
        n, m = d.wholes(2, 2, 10)
        a, b = d.whole(1, n - 1), d.whole(1, m - 1)
        if gcd(a, n) == gcd(b, m) == 1 and Fraction(a, n) != Fraction(b, m):
            return Fraction(a, n), Fraction(b, m)


def factored(powers: dict[int, int]) -> str:
    """Prime powers as text: {2: 3, 5: 1} -> 2^3×5."""
    return "×".join(str(p) if e == 1 else f"{p}^{e}" for p, e in sorted(powers.items()))


def term(coefficient: int, letter: str, first: bool = False) -> str:
    """A term with its sign: term(-3, "x") -> -3x, term(1, "x") -> +x; `first` drops a plus sign."""
    if coefficient == 0:
        return ""
    size = "" if abs(coefficient) == 1 and letter else str(abs(coefficient))
    sign = "-" if coefficient < 0 else "" if first else "+"
    return f"{sign}{size}{letter}"


def polynomial(*coefficients: int, letter: str = "x") -> str:
    """A polynomial from the highest power down: polynomial(1, -3, 2) -> x^2-3x+2."""
    degree = len(coefficients) - 1
    out = ""
    for k, c in enumerate(coefficients):
        power = degree - k
        out += term(c, "" if power == 0 else letter if power == 1 else f"{letter}^{power}", first=not out)
    return out or "0"


def signed(n: int) -> str:
    """A number with its sign: +3, -5, 0."""
    return f"{n:+d}" if n else "0"


def pi_times(value: Fraction) -> str:
    """A multiple of π: 6π, π/2, 7π/3."""
    top = "π" if value.numerator == 1 else f"{value.numerator}π"
    return top if value.denominator == 1 else f"{top}/{value.denominator}"
