"""The labels that a problem can have, and the groups above them (grade band, domain …)."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import resources
from pathlib import Path

from prefopt.errors import DataError
from prefopt.readers.column_names import TAXONOMY_KEYS, by_spelling
from prefopt.readers.csv_reader import CsvTable, parse_csv
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.readers.tables import named_table, read_table

_OWN_COLUMNS = TAXONOMY_KEYS
COLUMNS = by_spelling(TAXONOMY_KEYS, {"code": ("코드", "성취기준코드"), "name": ("이름", "성취기준명")})
"""column_key of each accepted name of a column -> the column."""
BUILTIN = ("ko_math_2022", "ko_math_2022_high", "ko_math_2022_all")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−－"), "-")


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


_CURRICULUM_CODE = re.compile(r"(\d{1,2}[가-힣]+)(\d|I{1,3})?-?(\d{2})-(\d{2})")
_ROMAN = {"I": "Ⅰ", "II": "Ⅱ", "III": "Ⅲ", "1": "Ⅰ", "2": "Ⅱ", "3": "Ⅲ"}
_ARABIC_COURSES = ("10공수", "10기수")  # 공통수학1 is written with a digit, 미적분Ⅰ with a Roman numeral


def normalize_code(code: str) -> str:
    """One spelling per code: NFKC, ASCII dashes, no spaces; curriculum codes in square brackets with the course number as the curriculum
    writes it (2수01-05 -> [2수01-05], 12미적1-01-01 -> [12미적Ⅰ-01-01], 10공수Ⅰ01-01 -> [10공수1-01-01])."""
    text = unicodedata.normalize("NFKC", code).translate(_DASHES)
    text = re.sub(r"\s+", " ", text).strip()
    match = _CURRICULUM_CODE.fullmatch(re.sub(r"[\s\[\]【】〔〕]", "", text))
    if match is None:
        return text
    subject, course, area, number = match.groups()
    if course is None:
        return f"[{subject}{area}-{number}]"
    numeral = str(len(course)) if subject in _ARABIC_COURSES and not course.isdigit() else course
    return f"[{subject}{numeral if subject in _ARABIC_COURSES else _ROMAN.get(numeral, numeral)}-{area}-{number}]"


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
        """The label with this id or code in any usual spelling; None if there is none or several revisions have the code."""
        if text in self._positions:
            return self[text]
        wanted = normalize_code(text)
        matching = [label for label in self.labels if label.code == wanted]
        return matching[0] if len(matching) == 1 else None

    def nearest(self, text: str, count: int = 3) -> list[str]:
        """Ids with the most similar spelling, for error messages."""
        return get_close_matches(normalize_code(text), self.ids, n=count, cutoff=0.5)

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
    return _taxonomy(read_table(path, COLUMNS, hint="`prefopt init FOLDER` creates one", options=options), str(path))


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
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["code", "name", "revision", *taxonomy.group_names, "levels", "name_en", "statement"])
    for label in taxonomy:
        statement = label.statement if statements is None else statements[label.code]
        writer.writerow([label.code, label.name, label.revision, *label.groups, "|".join(label.levels), label.name_en, statement])
    return text.getvalue()


def _taxonomy(table: CsvTable, source: str) -> Taxonomy:
    columns = list(table.columns)
    for needed in ("code", "name"):
        if needed not in columns:
            raise DataError(f"no column {needed!r}; columns are {columns}", path=source, line=1, hint=f"name a column {needed}")
    group_names = tuple(c for c in columns if c not in _OWN_COLUMNS)
    rows = [(row.line, {k: v.strip() for k, v in row.values.items()}) for row in table.rows]
    several = len({row.get("revision", "") for _, row in rows}) > 1
    labels = [_label(row, group_names, several, source, line) for line, row in rows]
    _refuse_repeats(labels, [line for line, _ in rows], source)
    if len(labels) < 2:
        raise DataError(f"{len(labels)} labels: at least two are needed", path=source)
    return Taxonomy(tuple(labels), group_names, source)


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
