"""The labels that a problem can have, and the groups above them (grade band, domain …)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher, get_close_matches
from functools import cache, cached_property
from importlib import resources
from itertools import islice
from pathlib import Path

from prefopt.errors import DataError
from prefopt.io.spreadsheet import write_cells
from prefopt.readers.column_names import TAXONOMY_KEYS, by_spelling, column_key
from prefopt.readers.csv_reader import CsvTable, parse_csv
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.readers.tables import named_table, read_table
from prefopt.texts.folded import visible
from prefopt.texts.label_codes import Cell, Code, code_key, normalize_code, parse_code, read_cell, split_code
from prefopt.texts.same_text import key

__all__ = [
    "BUILTIN", "COLUMNS", "Label", "Reading", "Taxonomy", "builtin_taxonomy", "normalize_code", "open_taxonomy", "parse_taxonomy",
    "read_taxonomy", "taxonomy_csv",
]  # fmt: skip

_OWN_COLUMNS = TAXONOMY_KEYS
COLUMNS = by_spelling(
    TAXONOMY_KEYS,
    {
        "code": ("코드", "성취기준코드"),
        "name": ("이름", "성취기준명"),
        "levels": ("성취수준",),
        "name_en": ("영문명", "영어이름"),
        "statement": ("성취기준내용",),
    },
)
"""column_key of each accepted name of a column -> the column."""
_OTHERWISE = {
    "code": ("분류코드", "단원코드", "주제코드", "항목코드", "유형코드", "label_code", "id", "번호"),
    "name": (
        "분류명",
        "단원명",
        "주제명",
        "항목명",
        "유형명",
        "명칭",
        "label_name",
        "분류",
        "단원",
        "주제",
        "항목",
        "유형",
        "label",
        "title",
    ),
}
"""Names of columns that mean code or name where no other column does, the likelier ones first; elsewhere they are groups."""
BUILTIN = ("ko_math_2022", "ko_math_2022_high", "ko_math_2022_all")
_ONE_COLUMN = ("standard", "statement", "성취기준", "name")
"""Names of a column that may hold code and text, in a file without a column `code`."""
LONG_ENOUGH = 12  # characters of a statement that can be compared
ALIKE = 0.4  # similarity of two wordings of one statement


@dataclass(frozen=True)
class Label:
    """One class, identified by (revision, code): revisions reuse codes with other meanings."""

    id: str
    """What the model writes: the code, or "revision:code" in a taxonomy of several revisions."""
    code: str
    name: str
    revision: str
    groups: tuple[str, ...]
    """Groups above it, outermost first; parallel to Taxonomy.group_names."""
    levels: tuple[str, ...] = ()
    """Achievement levels that an answer may name, e.g. A, B, C."""
    name_en: str = ""
    """English name, where the file has one."""
    statement: str = ""
    """Statement of the curriculum, verbatim, where the file has it (`prefopt data taxonomy --statements`)."""


@dataclass(frozen=True)
class Reading:
    """What a cell with a label means in a taxonomy."""

    label: Label | None
    """The one label that it names by code, name or statement; None where it names none, several, or one of another revision."""
    cell: Cell
    codes: tuple[Code, ...]
    """The different codes that it names: those of the taxonomy, and what can only be a code."""
    candidates: tuple[Label, ...] = ()
    """Labels that it may mean: those of its codes, or of a code or name that several labels have."""


@dataclass(frozen=True)
class Taxonomy:
    """All labels in the order of the file: label i is column i of every posterior."""

    labels: tuple[Label, ...]
    group_names: tuple[str, ...] = ()
    source: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[Label]:
        return iter(self.labels)

    def __contains__(self, label_id: object) -> bool:
        return label_id in self._positions

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {label.id: i for i, label in enumerate(self.labels)}

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(label.id for label in self.labels)

    def index(self, label_id: str) -> int:
        """Position of a label. Raises KeyError for an unknown one."""
        return self._positions[label_id]

    def __getitem__(self, label_id: str) -> Label:
        return self.labels[self._positions[label_id]]

    def find(self, text: str) -> Label | None:
        """The label that a cell names: by id, by code in any usual spelling, alone or with its statement, or by its name or statement.

        None if there is none, several, or if the cell speaks of another revision.
        """
        return self.read(text).label

    def read(self, text: str) -> Reading:
        """As `find`, with everything that the cell says."""
        found = self._readings.get(text)
        if found is None:
            found = self._readings[text] = self._read(text)
        return found

    @cached_property
    def _readings(self) -> dict[str, Reading]:
        return {}

    def _read(self, text: str) -> Reading:
        if text in self._positions:
            return Reading(self[text], Cell(text, "", (), ""), ())
        cell = read_cell(text)
        codes = tuple(c for c in cell.codes if c.text in self._by_code or c.is_mathematics or c.text in cell.text)
        if len(codes) > 1:
            return Reading(None, cell, codes, tuple(label for c in codes for label in self._by_code.get(c.text, ())))
        whole = () if codes else self._by_code.get(code_key(text)) or self._by_name.get(key(text), ())
        if whole:  # also where a name or a code of one's own speaks of a year
            return Reading(whole[0] if len(whole) == 1 else None, cell, (), whole)
        named = self._by_code.get(codes[0].text, ()) if codes else ()
        named = named or self._by_code.get(code_key(cell.text)) or self._named(cell)
        matching = tuple(label for label in named if not cell.revision or label.revision == cell.revision)
        return Reading(matching[0] if len(matching) == 1 else None, cell, codes, matching or named)

    def _named(self, cell: Cell) -> tuple[Label, ...]:
        """Labels whose name or statement is the cell, or follows their code in it."""
        labels = self._by_name.get(key(cell.text), ()) if cell.text else ()
        if labels:
            return labels
        for at in (match.start() for match in islice(re.finditer(r"[\s:)\]]", cell.text), 8)):
            for label in self._by_code.get(code_key(cell.text[: at + 1]), ()):
                if label in self._by_name.get(key(cell.text[at + 1 :]), ()):
                    return (label,)
        return ()

    @cached_property
    def _by_code(self) -> dict[str, tuple[Label, ...]]:
        found: dict[str, tuple[Label, ...]] = {}
        for label in self.labels:
            for spelled in {code_key(label.code), code_key(label.id)} - {""}:
                found[spelled] = (*found.get(spelled, ()), label)
        return found

    @cached_property
    def _by_name(self) -> dict[str, tuple[Label, ...]]:
        found: dict[str, tuple[Label, ...]] = {}
        for label in self.labels:
            for spelled in {key(name) for name in (label.name, label.name_en, label.statement) if name} - {""}:
                found[spelled] = (*found.get(spelled, ()), label)
        return found

    def differs_from_statement(self, text: str) -> Label | str | None:
        """What contradicts the words beside a code: the other label whose name or statement they are, or the label's own statement, which
        they hardly resemble. None where nothing does, or no label is named."""
        found = self.read(text)
        words = key(found.cell.rest) if found.label is not None and found.codes else ""
        if found.label is None or not words:
            return None
        owners = self._by_name.get(words, ())
        if owners:
            return None if found.label in owners else owners[0]
        own = key(found.label.statement)
        is_statement = len(words) >= LONG_ENOUGH and own
        return found.label.statement if is_statement and SequenceMatcher(None, words, own, autojunk=False).ratio() < ALIKE else None

    def nearest(self, text: str, count: int = 3) -> list[str]:
        """Ids that a cell may mean, for error messages: of the same grade and subject, or with a similar name or spelling."""
        found = self.read(text)
        if found.candidates:
            return [label.id for label in found.candidates[:count]]
        if found.codes:
            return self._like(found.codes[0])[:count]
        by_name = get_close_matches(key(found.cell.text), self._by_name, n=count, cutoff=0.6) if len(found.cell.text) > 1 else []
        by_id = get_close_matches(normalize_code(text), self.ids, n=count, cutoff=0.5)
        return list(dict.fromkeys([*(label.id for name in by_name for label in self._by_name[name]), *by_id]))[:count]

    def _like(self, code: Code) -> list[str]:
        """Ids of the same grade, subject and course with a similar code, those of the same area first."""
        similar = []
        for label in self.labels:
            own = parse_code(label.code)
            ratio = SequenceMatcher(None, code.text, own.text).ratio() if own is not None and own.group == code.group else 0
            if own is not None and ratio >= 0.5:
                similar.append((own.area != code.area, -ratio, label.id))
        return [label_id for *_, label_id in sorted(similar)]

    def group_of(self, label_id: str, group: str) -> str:
        """Name of the group above a label, e.g. group_of("[2수01-05]", "domain")."""
        return self[label_id].groups[self.group_names.index(group)]


def read_taxonomy(path: Path, options: ReadOptions = AS_IT_IS) -> Taxonomy:
    """Read a taxonomy from a file of any kind (.csv, .xlsx, .json …) with the columns code and name, optionally revision, levels (A|B|C),
    name_en and statement; every other column is a group.

    Args:
        path: the file.
        options: columns with other names, ignored columns, sheet.

    Raises:
        DataError: with file and line: no such file, no table, a missing column, an empty code, name or group, a repeated label, fewer than
            two labels.
    """
    hint = f"give the path of your table of labels, with the columns code and name, or a built-in one: {', '.join(BUILTIN)}"
    return _taxonomy(read_table(path, COLUMNS, hint=hint, options=options), str(path))


def open_taxonomy(name: str | Path, options: ReadOptions = AS_IT_IS) -> Taxonomy:
    """A taxonomy by its file, or by the name of one that the package ships. Raises DataError as `read_taxonomy`."""
    if str(name) in BUILTIN and not Path(name).exists():
        return builtin_taxonomy(str(name))
    return read_taxonomy(Path(name), options)


@cache
def builtin_taxonomy(name: str = "ko_math_2022") -> Taxonomy:
    """A taxonomy shipped with the package: ko_math_2022 (grades 1 to 9), ko_math_2022_high, or ko_math_2022_all (both, 435 labels)."""
    files = ("ko_math_2022", "ko_math_2022_high") if name == "ko_math_2022_all" else (name,)
    folder = resources.files("prefopt.curricula")
    parts = [parse_taxonomy((folder / f"{file}.csv").read_text(encoding="utf-8"), source=f"{name}.csv") for file in files]
    return Taxonomy(tuple(label for part in parts for label in part), parts[0].group_names, f"{name}.csv")


def parse_taxonomy(text: str, source: str) -> Taxonomy:
    """Parse the text of a taxonomy file; `source` names it in errors. Raises DataError as `read_taxonomy`."""
    return _taxonomy(named_table(parse_csv(text, source), COLUMNS, source), source)


def taxonomy_csv(taxonomy: Taxonomy, statements: Mapping[str, str] | None = None) -> str:
    """The text of a taxonomy's file; `statements` (code -> statement) take the place of its own."""
    text = io.StringIO()
    rows = [["code", "name", "revision", *taxonomy.group_names, "levels", "name_en", "statement"]]
    for label in taxonomy:
        statement = label.statement if statements is None else statements[label.code]
        rows.append([label.code, label.name, label.revision, *label.groups, "|".join(label.levels), label.name_en, statement])
    write_cells(text, rows)
    return text.getvalue()


def _named_otherwise(table: CsvTable) -> CsvTable:
    """The table with its columns code and name, where they are called otherwise."""
    renamed: dict[str, str] = {}
    for wanted, names in _OTHERWISE.items():
        known = [column for name in names for column in table.columns if column_key(column) == column_key(name) and column not in renamed]
        if known and wanted not in table.columns:
            renamed[known[0]] = wanted
    if not renamed:
        return table
    rows = [replace(row, values={renamed.get(name, name): value for name, value in row.values.items()}) for row in table.rows]
    return CsvTable(tuple(renamed.get(name, name) for name in table.columns), tuple(rows))


def _taxonomy(table: CsvTable, source: str) -> Taxonomy:
    table = _named_otherwise(table)
    columns = list(table.columns)
    rows = [(row.line, _with_code({k: visible(v).strip() for k, v in row.values.items()})) for row in table.rows]
    found = {column for _, row in rows for column in row}
    for needed in ("code", "name"):
        if needed not in columns and not (rows and all(row.get(needed) for _, row in rows)):
            hint = f"name a column {needed}, or write code and text into one column: [9수01-01] 소인수분해"
            raise DataError(f"no column {needed!r}; columns are {columns}", path=source, line=1, hint=hint)
    group_names = tuple(c for c in columns if c not in _OWN_COLUMNS and c in found)
    several = len({row.get("revision", "") for _, row in rows}) > 1
    labels = [_label(row, group_names, several, source, line) for line, row in rows]
    _refuse_repeats(labels, [line for line, _ in rows], source)
    if len(labels) < 2:
        raise DataError(f"{len(labels)} labels: at least two are needed", path=source)
    return Taxonomy(tuple(labels), group_names, source)


def _with_code(row: dict[str, str]) -> dict[str, str]:
    """A row whose code stands before its name or statement in one cell, as "[9수01-01] 소인수분해의 뜻을…", in columns of their own."""
    column = next((c for c in ("code", *_ONE_COLUMN) if c in row), None)
    split = split_code(row[column]) if column is not None and (column == "code" or "code" not in row) else None
    if column is None or split is None:
        return row
    code, words = split
    kept = {k: v for k, v in row.items() if k != column}
    is_name = not kept.get("name")
    return {**kept, "code": code, **({"name": words} if is_name else {} if kept.get("statement") else {"statement": words})}


def _label(row: dict[str, str], group_names: Sequence[str], several: bool, source: str, line: int) -> Label:
    code, revision = normalize_code(row["code"]), row.get("revision", "")
    for column in ("code", "name", *group_names):
        if not row[column]:
            raise DataError(f"empty {column}", path=source, line=line, hint=f"fill in the {column}")
    if re.search(r'["\\\x00-\x1f]|<\|', code):
        raise DataError(f"code {code!r} contains a quote, a backslash, a control character or '<|'", path=source, line=line)
    return Label(
        id=f"{revision}:{code}" if several else code,
        code=code,
        name=row["name"],
        revision=revision,
        groups=tuple(row[g] for g in group_names),
        levels=tuple(level for level in row.get("levels", "").split("|") if level),
        name_en=row.get("name_en", ""),
        statement=row.get("statement", ""),
    )


def _refuse_repeats(labels: Sequence[Label], lines: Sequence[int], source: str) -> None:
    first: dict[str, int] = {}
    for label, line in zip(labels, lines, strict=True):
        if label.id in first:
            raise DataError(f"label {label.id} again; first on line {first[label.id]}", path=source, line=line, hint="delete one of them")
        first[label.id] = line
