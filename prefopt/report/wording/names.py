"""Names of labels and groups in both languages."""

from __future__ import annotations

from collections.abc import Iterable

from prefopt.report.wording.fixed import GROUP_VALUES, GROUPS
from prefopt.report.wording.say import Say, both
from prefopt.taxonomy import Taxonomy


def label_name(taxonomy: Taxonomy, label: str) -> Say:
    """A label's name; in English where the taxonomy has it. "" for a label that the taxonomy lacks."""
    if label not in taxonomy:
        return both("")
    found = taxonomy[label]
    return Say(found.name, found.name_en or found.name)


def label_words(taxonomy: Taxonomy, label: str) -> Say:
    """Code and name."""
    name = label_name(taxonomy, label)
    return Say(f"{label} {name.ko}".strip(), f"{label} {name.en}".strip())


def group(name: str) -> Say:
    """A kind of group of the taxonomy; an unknown one stays as it is in the file."""
    return GROUPS.get(name, both(name))


def part(name: str) -> Say:
    """A part of a group, e.g. one domain: in English for the curriculum that comes with the package, else as it is in the file."""
    return GROUP_VALUES.get(name, both(name))


def joined(names: Iterable[Say], between: str = " · ") -> Say:
    """Names in a row."""
    kept = list(names)
    return Say(between.join(name.ko for name in kept), between.join(name.en for name in kept))
