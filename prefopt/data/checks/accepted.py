"""Findings that people looked at and accepted: which rows, by whom, when and why, in a file that can be read and versioned.

An acceptance holds for the rows that were seen. It binds to their content, so other rows may come and go; a row that changes, and a new row
with a finding of the same kind, are reported again.
"""

from __future__ import annotations

import getpass
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import tomlkit

from prefopt.data.checks.check_types import Acceptance, Checked, Entry, Finding, Part
from prefopt.data.checks.finding_kinds import KINDS, Severity
from prefopt.data.checks.finding_ways import may_be_accepted, way_on
from prefopt.errors import ConfigError, DataError
from prefopt.frozen import Frozen
from prefopt.io.files import write_text
from prefopt.io.strict import StrictError, toml_values
from prefopt.io.toml_settings import validate
from prefopt.texts.folded import visible
from prefopt.texts.same_text import name_key

NAME = "accepted.toml"
_HEAD = """\
# Findings of `prefopt data check` that were reviewed and accepted. An entry holds for its rows as they were: a row that changes is
# reported again. Delete an entry to see its findings again.
"""


class _File(Frozen):
    accepted: tuple[Acceptance, ...] = ()


@dataclass(frozen=True)
class Group:
    """All findings of one kind in one file."""

    kind: str
    path: Path
    findings: tuple[Finding, ...]

    @property
    def severity(self) -> Severity:
        return KINDS[self.kind].severity

    @property
    def rows(self) -> tuple[str, ...]:
        """Fingerprints of the rows, sorted, each once."""
        return tuple(sorted({f.row for f in self.findings}))

    @property
    def id(self) -> str:
        """Name of exactly these findings: the same while their rows stay, whatever else the file holds."""
        content = "\n".join([self.kind, name_key(self.path.name), *self.rows])
        return f"{self.kind}-{hashlib.sha256(content.encode()).hexdigest()[:6]}"

    @property
    def may_be_accepted(self) -> bool:
        """Whether a person may accept them as they are."""
        return may_be_accepted(self.kind)

    def way_on(self, language: Literal["ko", "en"]) -> str:
        """What to do about them."""
        return way_on(self.kind, language, self.path)


def groups_of(findings: Iterable[Finding]) -> list[Group]:
    """Findings by kind and file: errors first, the larger groups first."""
    found: dict[tuple[str, Path], list[Finding]] = {}
    for finding in findings:
        found.setdefault((finding.kind, finding.path), []).append(finding)
    groups = [Group(kind, path, tuple(members)) for (kind, path), members in found.items()]
    return sorted(groups, key=lambda g: (g.severity != "error", -len(g.findings)))


def with_fingerprints(findings: Sequence[Finding], entries: Sequence[Entry], parts: Sequence[Part]) -> list[Finding]:
    """The findings with the fingerprints of their rows: of the values of the row and of the other row that the finding is about."""
    places = {(f.path, f.line) for f in findings} | {f.other for f in findings if f.other}
    values: dict[tuple[Path, int], list[object]] = {}
    for entry in entries:
        place = (parts[entry.part].path, entry.line)
        if place in places:
            values.setdefault(place, []).append(_values(entry))
    return [replace(f, row=_fingerprint(f, values)) for f in findings]


def _values(entry: Entry) -> list[object]:
    """What a finding may be about. Spellings of one text are one value, so an acceptance outlives another form of Unicode."""
    named = (entry.id, entry.label, entry.reason, entry.level, entry.family, *entry.concepts)
    return [" ".join(visible(entry.text).split()), entry.difficulty, *(value and visible(value) for value in named)]


def _fingerprint(finding: Finding, values: dict[tuple[Path, int], list[object]]) -> str:
    own, other = values.get((finding.path, finding.line)), values.get(finding.other) if finding.other else None
    content = json.dumps([finding.kind, own or finding.detail.en, other], ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def read_accepted(path: Path) -> tuple[Acceptance, ...]:
    """The acceptances of a file; none where it is missing.

    Raises:
        ConfigError: not TOML, or an entry that is not an acceptance.
    """
    if not path.exists():
        return ()
    try:
        text = path.read_text(encoding="utf-8-sig")
        raw = toml_values(text)
    except (UnicodeDecodeError, StrictError) as error:
        raise ConfigError(f"{path}: {error}", hint=f"edit {path}, or delete it to accept again") from None
    return validate(_File, raw, path, text).accepted


def set_aside(checked: Checked, acceptances: Sequence[Acceptance]) -> None:
    """Move accepted findings to checked.accepted, and name the acceptances that none of the findings matches any more."""
    found: list[Finding] = []
    matched: set[str] = set()
    for finding in checked.findings:
        covering = [a for a in acceptances if a.covers(finding)] if may_be_accepted(finding.kind) else []
        matched.update(a.id for a in covering)
        (checked.accepted if covering else found).append(finding)
    names = {name_key(Path(str(file["path"])).name) for file in checked.counts.get("files", [])}
    checked.findings = found
    checked.outdated = [a for a in acceptances if a.id not in matched and name_key(a.file) in names]


def accept(checked: Checked, ids: Sequence[str], because: str, path: Path) -> None:
    """Record the groups of findings with these ids as accepted, and move them to checked.accepted.

    Raises:
        ConfigError: no group of findings has such an id, or its kind cannot be accepted. Nothing is recorded then.
        DataError: the file cannot be written.
    """
    groups = {group.id: group for group in groups_of(checked.findings)}
    for name in ids:
        group = groups.get(name)
        if group is None:
            known = [g.id for g in groups.values() if g.may_be_accepted]
            hint = f"--accept {known[0]}" if known else "`prefopt data check` lists the findings with their ids"
            raise ConfigError(f"--accept {name!r}: no finding has this id now; {len(known)} can be accepted", hint=hint)
        if not group.may_be_accepted:
            why = f"--accept {name}: {KINDS[group.kind].en} cannot be accepted, as it would make a result wrong or give away personal data"
            raise ConfigError(why, hint=group.way_on("en"))
    chosen = [groups[name] for name in dict.fromkeys(ids)]
    made = [Acceptance(id=g.id, kind=g.kind, file=g.path.name, by=_user(), on=date.today(), because=because, rows=g.rows) for g in chosen]
    _append(path, made)
    set_aside(checked, [*read_accepted(path)])


def _append(path: Path, made: Sequence[Acceptance]) -> None:
    document = tomlkit.parse(path.read_text(encoding="utf-8-sig") if path.exists() else _HEAD)
    tables = document.setdefault("accepted", tomlkit.aot())
    for acceptance in made:
        table = tomlkit.table()
        table.add(tomlkit.comment(f"{KINDS[acceptance.kind].ko} ({len(acceptance.rows):,})"))
        for name, value in acceptance.model_dump().items():
            if name != "rows" and value != "":
                table.add(name, value)
        rows = tomlkit.array()
        rows.extend(acceptance.rows)
        table.add("rows", rows.multiline(len(acceptance.rows) > 6))
        tables.append(table)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, tomlkit.dumps(document))
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", path=path, hint="name another file: --accepted FILE") from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # no such user in a container
        return "unknown"
