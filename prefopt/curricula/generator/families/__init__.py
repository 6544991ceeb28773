"""The families of problems, one module per part of a grade band. A function marked with @family is found by itself."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from prefopt.curricula.generator.drafting import Family


def all_families() -> tuple[Family, ...]:
    """All families, in the order of codes and files. Every standard of grades 1 to 9 has at least one."""
    found: list[Family] = []
    for module in sorted(iter_modules(__path__), key=lambda m: m.name):
        members = vars(import_module(f"{__name__}.{module.name}")).values()
        found += [member for member in members if isinstance(member, Family)]
    return tuple(sorted(found, key=lambda f: f.code))
