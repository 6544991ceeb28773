"""Every regular expression of prefopt, recipes and feedback, and texts that are hard for one: for tests of the time that they take.

An expression is found where it is compiled, used or kept: in the syntax tree of a module (with the module's own names put in), and in the
values of the modules that need no torch.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]  # the parser of re, which has no public name
from re import _parser as parser  # type: ignore[attr-defined]  # as above
from time import process_time
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parent.parent
PACKAGES = ("prefopt", "recipes", "feedback")
_FUNCTIONS = {"compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn", "template"}
_ANCHORED = {"match", "fullmatch"}
_HEAVY = ("prefopt.model", "recipes", "feedback.server", "prefopt.training", "prefopt.__main__")
_BUILT_FROM_VALUES = {"self.form", "pattern"}
"""Arguments of re.compile that stand for values of the module, which are found there."""
_MOST = 28
"""Beginnings of hard texts that are tried for an expression."""
_LARGE = 20
"""A repetition of at most so many characters costs a text no more than so many times its length."""


@dataclass(frozen=True)
class Expression:
    """A regular expression of ours."""

    where: str
    """File and line, or module and name."""
    pattern: str | bytes
    flags: int
    is_anchored: bool
    """Whether it is only tried at the start of a text."""

    @cached_property
    def compiled(self) -> re.Pattern[Any]:
        return re.compile(self.pattern, self.flags)

    def run(self, text: str) -> None:
        """Use the expression on a text as the product does."""
        shown: Any = text.encode("utf-8", "ignore") if isinstance(self.pattern, bytes) else text
        if self.is_anchored:
            self.compiled.match(shown)
            self.compiled.fullmatch(shown)
        else:
            for _ in self.compiled.finditer(shown):
                pass


def modules() -> Iterator[tuple[str, Path]]:
    """The name and file of every module of ours."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def expressions() -> tuple[list[Expression], list[str]]:
    """All expressions, each pattern once, and the places whose pattern was not found."""
    found: dict[tuple[str | bytes, int, bool], Expression] = {}
    unknown: list[str] = []
    for name, path in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = _names(name, tree)
        for each in _written(path, tree, names, unknown):
            found.setdefault((each.pattern, each.flags, each.is_anchored), each)
        if not name.startswith(_HEAVY):
            for where, pattern in _values(importlib.import_module(name)):
                uses = _uses(tree, where.split(".")[0].split("[")[0])
                each = Expression(f"{name}.{where}", pattern.pattern, pattern.flags & ~re.DEBUG, bool(uses) and uses <= _ANCHORED)
                found.setdefault((each.pattern, each.flags, each.is_anchored), each)
    return list(found.values()), unknown


def _names(name: str, tree: ast.Module) -> dict[str, Any]:
    """The values of a module's names: of the module itself, or, where importing it needs torch, of its constants."""
    if not name.startswith(_HEAVY):
        return dict(vars(importlib.import_module(name)))
    known: dict[str, Any] = {"re": re}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                known[node.targets[0].id] = _evaluated(node.value, known)
            except Exception:  # noqa: S112 - a value that is no constant is no part of a pattern
                continue
    return known


def _evaluated(node: ast.expr, names: dict[str, Any]) -> Any:
    return eval(compile(ast.Expression(node), "<pattern>", "eval"), {**names, "re": re})  # noqa: S307 - our own source


class _Stand(dict[str, Any]):
    """Names of a function, which have no value outside of it: a short word stands for each."""

    def __missing__(self, key: str) -> Any:
        import builtins

        return getattr(builtins, key) if hasattr(builtins, key) else "ab"


def _written(path: Path, tree: ast.Module, names: dict[str, Any], unknown: list[str]) -> Iterator[Expression]:
    targets = {id(n.value): n.targets[0].id for n in ast.walk(tree) if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re" and node.func.attr in _FUNCTIONS):
            continue
        where = f"{path.relative_to(ROOT)}:{node.lineno}"
        if ast.unparse(node.args[0]) in _BUILT_FROM_VALUES:
            continue
        flags = [k.value for k in node.keywords if k.arg == "flags"] + [
            a for a in node.args[1:] if re.search(r"\bre\.[A-Z]", ast.unparse(a))
        ][:1]
        try:
            pattern = _evaluated(node.args[0], _Stand(names))
            value = int(_evaluated(flags[0], names)) if flags else 0
            compiled = re.compile(pattern, value)
        except Exception:
            unknown.append(f"{where}: {ast.unparse(node.args[0])}")
            continue
        method = node.func.attr
        uses = _uses(tree, targets.get(id(node), "")) if method == "compile" else {method}
        yield Expression(where, compiled.pattern, compiled.flags, bool(uses) and uses <= _ANCHORED)


def _uses(tree: ast.Module, name: str) -> set[str]:
    """The methods of a pattern that a module calls by its name; none where the pattern is handed on."""
    uses: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            uses.add(node.attr)
    return uses


def _values(module: ModuleType) -> Iterator[tuple[str, re.Pattern[Any]]]:
    seen: set[int] = set()
    for name, value in list(vars(module).items()):
        if not name.startswith("__") and not isinstance(value, ModuleType):
            yield from _patterns_of(name, value, seen, 0)


def _patterns_of(where: str, value: Any, seen: set[int], depth: int) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield where, value
    if depth > 4 or isinstance(value, type | str | bytes | int | float) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, tuple | list | set | frozenset):
        for at, each in enumerate(value):
            yield from _patterns_of(f"{where}[{at}]", each, seen, depth + 1)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _patterns_of(f"{where}[{key!r}]", each, seen, depth + 1)
    elif dataclasses.is_dataclass(value):
        held = [f.name for f in dataclasses.fields(value)]
        held += [n for n, v in vars(type(value)).items() if isinstance(v, cached_property)]
        for name in held:
            yield from _patterns_of(f"{where}.{name}", getattr(value, name, None), seen, depth + 1)


def hard_texts(expression: Expression) -> Iterator[Callable[[int], str]]:
    """Texts of a given length that make an ambiguous expression try many ways: what it repeats, often, and an ending that fails."""
    tree = parser.parse(expression.pattern, expression.flags)
    beginnings: dict[tuple[str, str], None] = {}
    for prefix, body in _repetitions(tree, ""):
        samples = _samples(body)
        beginnings |= dict.fromkeys((prefix, each) for each in samples[:4])
        if prefix:
            beginnings |= dict.fromkeys(("", each) for each in [prefix, *(prefix + each for each in samples[:2])])
    beginnings |= dict.fromkeys(("", each) for each in [*" 0a", *_characters(tree)])
    for prefix, pump in list(beginnings)[:_MOST]:
        yield _Repeated(prefix, pump, "\x00")


@dataclass(frozen=True)
class _Repeated:
    prefix: str
    pump: str
    ending: str

    def __call__(self, length: int) -> str:
        return self.prefix + self.pump * (length // len(self.pump)) + self.ending


def _repetitions(tree: Any, before: str) -> Iterator[tuple[str, Any]]:
    """Every repetition of a pattern that has no small limit, with the shortest text that leads to it."""
    for op, value in tree:
        if op in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            if value[1] > _LARGE:
                yield before, value[2]
            yield from _repetitions(value[2], before)
        elif op is codes.SUBPATTERN:
            yield from _repetitions(value[3], before)
        elif op is codes.ATOMIC_GROUP:
            yield from _repetitions(value, before)
        elif op is codes.BRANCH:
            for each in value[1]:
                yield from _repetitions(each, before)
        elif op in (codes.ASSERT, codes.ASSERT_NOT):
            yield from _repetitions(value[1], before)
            if op is codes.ASSERT and value[0] < 0:
                before += _sample(value[1])
        before += _sample([(op, value)])


def _sample(tree: Any) -> str:
    """A short text that matches."""
    parts: list[str] = []
    for op, value in tree:
        if op is codes.LITERAL:
            parts.append(chr(value))
        elif op is codes.IN:
            parts.append(_of_class(value)[0])
        elif op in (codes.ANY, codes.NOT_LITERAL):
            parts.append("a" if op is codes.ANY or value != ord("a") else "b")
        elif op in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            parts.append(_sample(value[2]) * value[0])
        elif op is codes.SUBPATTERN:
            parts.append(_sample(value[3]))
        elif op is codes.ATOMIC_GROUP:
            parts.append(_sample(value))
        elif op is codes.BRANCH:
            parts.append(_sample(value[1][0]))
    return "".join(parts)


def _samples(tree: Any) -> list[str]:
    """A few texts that the body of a repetition matches: one of each of its ways."""
    only = list(tree)
    if len(only) == 1:
        op, value = only[0]
        if op is codes.IN:
            return _of_class(value)
        if op is codes.BRANCH:
            return list(dict.fromkeys(s for each in value[1] for s in _samples(each)))[:8]
        if op is codes.SUBPATTERN:
            return _samples(value[3])
    return [s for s in [_sample(tree)] if s]


_CATEGORIES = {
    codes.CATEGORY_DIGIT: ["0"],
    codes.CATEGORY_NOT_DIGIT: ["a", " "],
    codes.CATEGORY_SPACE: [" ", "\n"],
    codes.CATEGORY_NOT_SPACE: ["a", "."],
    codes.CATEGORY_WORD: ["a", "0", "가"],
    codes.CATEGORY_NOT_WORD: [" ", "."],
}


def _of_class(items: Any) -> list[str]:
    """A few characters of a class."""
    if items and items[0][0] is codes.NEGATE:
        matches = re.compile("".join(f"(?!{_shown(i)})" for i in items[1:]) + "[\\s\\S]")
        return [c for c in 'a0 가.([{<\\"$|-\n' if matches.match(c)] or ["\u2603"]
    found: list[str] = []
    for op, value in items:
        if op is codes.LITERAL:
            found.append(chr(value))
        elif op is codes.RANGE:
            found.append(chr(value[0]))
        elif op is codes.CATEGORY:
            found += _CATEGORIES[value]
    return list(dict.fromkeys(found))[:10]


def _shown(item: Any) -> str:
    op, value = item
    if op is codes.LITERAL:
        return re.escape(chr(value))
    if op is codes.RANGE:
        return f"[\\U{value[0]:08x}-\\U{value[1]:08x}]"
    return {"DIGIT": r"\d", "NOT_DIGIT": r"\D", "SPACE": r"\s", "NOT_SPACE": r"\S", "WORD": r"\w", "NOT_WORD": r"\W"}[
        str(value).removeprefix("CATEGORY_")
    ]


def _characters(tree: Any) -> list[str]:
    """The first literal characters of a pattern and one of each class: what may overlap with what is repeated."""
    found: dict[str, None] = {}

    def walk(part: Any) -> None:
        for op, value in part:
            if op is codes.LITERAL:
                found[chr(value)] = None
            elif op is codes.IN:
                found.update(dict.fromkeys(_of_class(value)[:2]))
            elif op in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
                walk(value[2])
            elif op is codes.SUBPATTERN:
                walk(value[3])
            elif op is codes.ATOMIC_GROUP:
                walk(value)
            elif op is codes.BRANCH:
                for each in value[1]:
                    walk(each)
            elif op in (codes.ASSERT, codes.ASSERT_NOT):
                walk(value[1])

    walk(tree)
    return [c for c in found if not ("가" <= c <= "힣")][:16] + [c for c in found if "가" <= c <= "힣"][:1]


def seconds(call: Callable[[str], object], text: str, times: int = 1) -> float:
    """The least processor time of several calls."""
    taken = []
    for _ in range(times):
        before = process_time()
        call(text)
        taken.append(process_time() - before)
    return min(taken)


def growth(call: Callable[[str], object], make: Callable[[int], str], *, size: int = 1024, steps: float = 150e-9) -> float:
    """How many times as long a text of twice the length takes: 2 is linear, 4 quadratic.

    Args:
        call: what is timed.
        make: gives a text of about so many characters.
        size: characters of a text.
        steps: seconds of a character; where even this is not taken, 1.0 is returned: a quadratic function of such a text takes longer.
    """
    for n in range(8, 40, 2):
        if seconds(call, make(n)) > 0.05 and seconds(call, make(n), 3) > 0.05:
            return float("inf")  # exponential: twice such a text would not end
    for n in (64, 256):  # small texts first, so that an exponential function ends the measurement, not the day
        if seconds(call, make(n)) > 0.05:
            size, steps = n, 0.0
            break
    once = seconds(call, make(size))
    if once < size * steps:
        return 1.0
    if once > 0.2:  # cubic, perhaps: shorter texts tell it, and end
        size //= 4
    ratio = _ratio(call, make, size)
    if ratio > 6:
        return ratio
    larger = 4 * size if once * ratio**3 < 1 else size  # eight times as much text of a cubic function takes minutes
    for _ in range(3):  # a repetition with a limit is quadratic below it; and another program can make one measurement look so
        if ratio < 2.7:
            break
        ratio = min(ratio, _ratio(call, make, larger))
    return ratio


def _ratio(call: Callable[[str], object], make: Callable[[int], str], size: int) -> float:
    return seconds(call, make(2 * size), 3) / max(seconds(call, make(size), 3), 1e-6)
