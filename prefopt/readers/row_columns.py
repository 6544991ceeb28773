"""Which column of a row holds what, under the options of people and the known names of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefopt.readers.column_names import PROBLEM_COLUMNS, column_key
from prefopt.readers.options import ReadOptions


@dataclass(frozen=True)
class Plan:
    """Where the values of a row with certain columns go."""

    keys: tuple[tuple[str, str], ...]
    """Column, and the key that takes its value; an unknown column keeps its name."""
    joined: tuple[tuple[str, str], ...]
    """What stands before, and the column: they make the text."""
    clash: tuple[str, tuple[str, ...]] | None = None
    """A key that several columns mean, and these columns."""

    def values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row's values under their keys."""
        found = {key: row[column] for column, key in self.keys}
        parts = [(before, part) for before, column in self.joined if (part := _shown(row[column])).strip()]
        if parts:
            found["text"] = "".join(f"{before if i else ''}{part}" for i, (before, part) in enumerate(parts))
        return found


def _shown(value: Any) -> str:
    """A part of a text; a list is the choices of a problem."""
    if isinstance(value, list):
        return " ".join(f"{chr(0x2460 + i)} {choice}" for i, choice in enumerate(value))
    return "" if value is None else str(value)


class Columns:
    """The columns of one file under some options. Rows with the same columns are planned once.

    Args:
        options: which column is what.
        known: column_key of a name -> key.
    """

    def __init__(self, options: ReadOptions, known: Mapping[str, str] = PROBLEM_COLUMNS) -> None:
        self._options, self._known = options, known
        self._columns = {column: key for column, key in options.columns.items() if key in known.values()}
        self._plans: dict[tuple[str, ...], Plan] = {}
        self.met: set[str] = set()
        """Columns of the options that some row has."""

    def plan(self, names: tuple[str, ...]) -> Plan:
        """The plan of a row with these columns."""
        if (known := self._plans.get(names)) is None:
            known = self._plan(names)
            if len(self._plans) < 1000:  # rows of JSON can have any keys
                self._plans[names] = known
        return known

    @property
    def absent(self) -> tuple[str, ...]:
        """Columns of the options that no row has."""
        asked = (*self._columns, *(column for _, column in self._options.join), *self._options.ignored)
        return tuple(name for name in asked if name not in self.met)

    def _plan(self, names: tuple[str, ...]) -> Plan:
        options = self._options
        taken = {name for wanted in options.ignored for name in self._named(wanted, names)}
        joined = []
        for before, wanted in options.join:
            for name in self._named(wanted, names)[:1]:
                joined.append((before, name))
                taken.add(name)
        keys = {name: key for wanted, key in self._columns.items() for name in self._named(wanted, names)[:1] if name not in taken}
        given = {*keys.values(), *(["text"] if joined else [])}
        for name in names:
            if name not in taken and name not in keys:
                meant = self._known.get(column_key(name), name)
                keys[name] = name if meant in given else meant
        several = {key: tuple(n for n in names if keys.get(n) == key) for key in keys.values()}
        several |= {"text": (*(n for _, n in joined), *several["text"])} if joined and "text" in several else {}
        clash = next(((key, found) for key, found in several.items() if len(found) > 1), None)
        self.met |= {key for key in options.ignored if key in keys.values()}  # a key, whatever its column is called here
        kept = tuple((name, keys[name]) for name in names if name in keys and keys[name] not in options.ignored)
        return Plan(kept, tuple(joined), None if clash and clash[0] in options.ignored else clash)

    def _named(self, wanted: str, names: Sequence[str]) -> list[str]:
        """The columns that a name of the options means: the one written so, or those with another spelling of it, or with this meaning."""
        found = [wanted] if wanted in names else [name for name in names if column_key(name) == column_key(wanted)]
        found = found or [name for name in names if self._known.get(column_key(name)) == wanted]
        if found:
            self.met.add(wanted)
        return found
