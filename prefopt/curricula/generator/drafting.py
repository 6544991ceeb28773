"""How a family of problems is written: a function from seeded chance (Draw) to a Draft, marked with @family."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import TypeVar

from prefopt.curricula.generator import vocabulary
from prefopt.curricula.generator.josa import attach, final_sound, resolve

T = TypeVar("T")

# Endings of one meaning; a template writes the first, the problem shows any. Longer ones first.
_ENDINGS: Mapping[str, tuple[str, ...]] = {
    "입니까?": ("입니까?", "인가요?", "일까요?"),
    "합니까?": ("합니까?", "하나요?", "할까요?"),
    "됩니까?": ("됩니까?", "되나요?", "될까요?"),
    "있습니까?": ("있습니까?", "있나요?", "있을까요?"),
    "구하시오.": ("구하시오.", "구하세요.", "구해 보세요.", "구하여라."),
    "쓰시오.": ("쓰시오.", "쓰세요.", "써 보세요."),
    "고르시오.": ("고르시오.", "고르세요.", "골라 보세요."),
    "계산하시오.": ("계산하시오.", "계산하세요.", "계산해 보세요."),
}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """One drawn problem before a wording is chosen; particles still stand as markers.

    Attributes:
        texts: the same problem in three or more wordings; a (text, answer) where a wording asks for something else.
        answer: the computed answer with its unit.
        why: one sentence, ending in 다., that names what in the problem shows the standard.
        steps: the solution in one line.
        difficulty: 1 (one plain step) to 5 (several steps or large numbers).
    """

    texts: tuple[str | tuple[str, str], ...]
    answer: str
    why: str
    steps: str
    difficulty: int


@dataclass(frozen=True)
class Family:
    """A template: standard (bare code, e.g. 2수01-06), name within the standard, concepts, and how to draw it."""

    code: str
    name: str
    concepts: tuple[str, ...]
    draw: Callable[[Draw], Draft]


def family(code: str, name: str, *concepts: str) -> Callable[[Callable[[Draw], Draft]], Family]:
    """Mark a function as a family of problems of a standard."""

    def mark(draw: Callable[[Draw], Draft]) -> Family:
        return Family(code, name, concepts, draw)

    return mark


class Draw:
    """Seeded chance with the words of the stock. No name or thing is drawn twice for one problem."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._used: set[str] = set()

    def whole(self, low: int, high: int, avoid: Iterable[int] = ()) -> int:
        """A whole number in [low, high] that is not in `avoid`."""
        return self.rng.choice([n for n in range(low, high + 1) if n not in set(avoid)])

    def wholes(self, count: int, low: int, high: int) -> list[int]:
        """Different whole numbers in [low, high], in drawn order."""
        return self.rng.sample(range(low, high + 1), count)

    def pick(self, options: Sequence[T]) -> T:
        """Any of the options."""
        return self.rng.choice(options)

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """Different ones of the options, in drawn order."""
        return self.rng.sample(options, count)

    def shuffled(self, options: Iterable[T]) -> list[T]:
        """The options in another order."""
        found = list(options)
        self.rng.shuffle(found)
        return found

    def word(self, options: Sequence[str]) -> str:
        """A word of the stock that this problem does not use yet."""
        found = self.rng.choice([w for w in options if w not in self._used])
        self._used.add(found)
        return found.replace("_", " ")

    def name(self) -> str:
        """A child's name, ready for a particle: 서아, 민준이."""
        name = self.word(vocabulary.NAMES)
        return name + "이" if final_sound(name) else name

    def thing(self, *counters: str) -> tuple[str, str]:
        """A thing and its counter, e.g. ("연필", "자루"); of the given counters, or one that people carry, collect and put into boxes."""
        counter = self.rng.choice(counters or [c for c in vocabulary.THINGS if c not in ("명", "마리", "그루", "대")])
        return self.word(vocabulary.THINGS[counter].split()), counter

    def place(self) -> str:
        """A place, e.g. 도서관."""
        return self.word(vocabulary.PLACES)


def polish(text: str, rng: random.Random) -> str:
    """Set the particles and, at the end of the text, any ending of the same meaning."""
    text = resolve(text)
    for ending, forms in _ENDINGS.items():
        if text.endswith(ending):
            return text[: -len(ending)] + rng.choice(forms)
    return text


def reduced(numerator: int, denominator: int) -> str:
    """A fraction in lowest terms as text: 3/4, 2, 1과 1/2."""
    common = gcd(numerator, denominator)
    numerator, denominator = numerator // common, denominator // common
    whole, rest = divmod(numerator, denominator)
    if rest == 0:
        return str(whole)
    return f"{rest}/{denominator}" if whole == 0 else attach(str(whole), "과/와") + f" {rest}/{denominator}"


def decimal(units: int, places: int) -> str:
    """units / 10**places without needless zeros: decimal(1250, 3) -> "1.25"."""
    text = f"{units / 10**places:.{places}f}" if places else str(units)
    return re.sub(r"\.?0+$", "", text) if "." in text else text


def listed(values: Iterable[object]) -> str:
    """Values with commas: 3, 5, 8."""
    return ", ".join(str(v) for v in values)
