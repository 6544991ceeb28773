"""What a family of problems is made of: a function from seeded random choices (Draw) to a Draft, marked with @family."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import TypeVar

from prefopt.curricula.generator import vocabulary
from prefopt.texts.josa import attach, final_sound, resolve

T = TypeVar("T")

# Endings with the same meaning: a template has the first one, a problem any of them. Longer endings come first.
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
    """A drawn problem before a wording is chosen; particles are markers such as [을/를].

    Attributes:
        texts: the problem in three or more wordings; (text, answer) for a wording that asks for something else.
        answer: the computed answer with its unit.
        why: one sentence, ending in 다., that names the evidence for the standard.
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
    """Seeded random choices. No name or thing is drawn twice for one problem."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._used: set[str] = set()

    def whole(self, low: int, high: int, avoid: Iterable[int] = ()) -> int:
        """An integer in [low, high] that is not in `avoid`."""
        return self.rng.choice([n for n in range(low, high + 1) if n not in set(avoid)])

    def wholes(self, count: int, low: int, high: int) -> list[int]:
        """Distinct integers in [low, high], in the order drawn."""
        return self.rng.sample(range(low, high + 1), count)

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return self.rng.choice(options)

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """Distinct options, in the order drawn."""
        return self.rng.sample(options, count)

    def shuffled(self, options: Iterable[T]) -> list[T]:
        """The options in random order."""
        shuffled = list(options)
        self.rng.shuffle(shuffled)
        return shuffled

    def word(self, options: Sequence[str]) -> str:
        """A word that this problem does not use yet; "_" in it stands for a space."""
        chosen = self.rng.choice([w for w in options if w not in self._used])
        self._used.add(chosen)
        return chosen.replace("_", " ")

    def name(self) -> str:
        """A child's name, ready for a particle: 서아, 민준이."""
        name = self.word(vocabulary.NAMES)
        return name + "이" if final_sound(name) else name

    def thing(self, *counters: str) -> tuple[str, str]:
        """A thing and its counter, e.g. ("연필", "자루"); of the given counters, or of those for things that people carry and collect."""
        counter = self.rng.choice(counters or [c for c in vocabulary.THINGS if c not in ("명", "마리", "그루", "대")])
        return self.word(vocabulary.THINGS[counter].split()), counter

    def place(self) -> str:
        """A place, e.g. 도서관."""
        return self.word(vocabulary.PLACES)


def polish(text: str, rng: random.Random) -> str:
    """Resolve the particles, and replace the ending of the text by one with the same meaning."""
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
    """units / 10**places without trailing zeros: decimal(1250, 3) -> "1.25"."""
    text = f"{units / 10**places:.{places}f}" if places else str(units)
    return text.rstrip("0").rstrip(".") if "." in text else text


def listed(values: Iterable[object]) -> str:
    """Values with commas: 3, 5, 8."""
    return ", ".join(str(v) for v in values)
