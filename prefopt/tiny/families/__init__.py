"""The families of problems, one module per band; each module is searched for what @family marked.

`further/` has those of the standards that the tiny model was not taught: they are generated only where they are asked for, so that the
problems of the demo and the tests stay what they are.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from prefopt.tiny.drafting import Family


def all_families() -> tuple[Family, ...]:
    """Every family that the tiny model was taught, in the order of the standards' codes and of the files."""
    return _families(__name__)


def further_families() -> tuple[Family, ...]:
    """Those of the other standards: with `all_families`, every standard of the curriculum has one."""
    return _families(f"{__name__}.further")


def _families(package: str) -> tuple[Family, ...]:
    found: list[Family] = []
    for module in sorted(iter_modules(import_module(package).__path__), key=lambda m: m.name):
        members = vars(import_module(f"{package}.{module.name}")).values()
        found += [member for member in members if isinstance(member, Family)]
    return tuple(sorted(found, key=lambda f: f.code))
