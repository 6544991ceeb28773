"""Add the statements of the curriculum, from a file of the user, to a taxonomy. The package ships codes and short names only."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from prefopt.errors import DataError
from prefopt.io.files import write_text
from prefopt.readers.csv_reader import CsvTable, read_csv
from prefopt.taxonomy import Taxonomy, normalize_code, parse_taxonomy
from prefopt.texts.folded import visible
from prefopt.texts.label_codes import split_code

CODES = ("code", "standard_code", "성취기준코드", "성취기준 코드", "코드")
STATEMENTS = ("statement", "standard_content", "content", "성취기준", "내용")


def read_statements(path: Path) -> dict[str, str]:
    """Read code (in the taxonomy's spelling) -> statement from a CSV file with columns named as in CODES and STATEMENTS, or with one
    column of both: [9수01-01] 소인수분해의 뜻을…

    Raises:
        DataError: with line: a column is missing, an empty cell, or a code with two statements.
    """
    table = read_csv(path, hint="give a CSV file with the columns code and statement")
    both = _column_of_both(table)
    code, statement = (both or _column(table.columns, known, path) for known in (CODES, STATEMENTS))
    statements: dict[str, str] = {}
    for row in table.rows:
        split = split_code(row.values[code]) if both else None
        key, text = split or (normalize_code(row.values[code]), visible(row.values[statement]).strip())
        if not key or not text:
            raise DataError("an empty code or statement", path=path, line=row.line, hint="fill in the cell or delete the row")
        if statements.setdefault(key, text) != text:
            raise DataError(f"{key} has a different statement above", path=path, line=row.line, hint="delete one of them")
    return statements


def _column_of_both(table: CsvTable) -> str | None:
    """The column with code and statement, where no other column has the codes."""
    names = [name for name in (*STATEMENTS, *CODES) if name in table.columns]
    alone = len(names) == 1 or not any(name in table.columns for name in CODES)
    return next((name for name in names if alone and table.rows and all(split_code(row.values[name]) for row in table.rows)), None)


def _column(columns: Sequence[str], known: Sequence[str], path: Path) -> str:
    name = next((k for k in known if k in columns), None)
    if name is None:
        raise DataError(f"no column {known[0]!r}; columns are {list(columns)}", path=path, line=1, hint=f"known names: {', '.join(known)}")
    return name


def with_statements(taxonomy: Taxonomy, statements: Path, out: Path) -> int:
    """Write the taxonomy with a column `statement`. Returns the number of statements in the file that belong to none of its labels.

    Raises:
        DataError: a label without a statement, or an unreadable file.
    """
    known = read_statements(statements)
    lacking = [label.id for label in taxonomy if label.code not in known]
    if lacking:
        shown = f"{', '.join(lacking[:5])}{' …' if len(lacking) > 5 else ''}"
        raise DataError(
            f"{len(lacking)} labels have no statement in the file: {shown}", path=statements, hint="check the revision of the file"
        )
    names = ["code", "name", "revision", *taxonomy.group_names, "levels", "name_en", "statement"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for label in taxonomy:
        own = [label.code, label.name, label.revision, *label.groups, "|".join(label.levels), label.name_en, known[label.code]]
        writer.writerow(own)
    parse_taxonomy(text.getvalue(), source=str(out))  # fail before writing a file that could not be read
    write_text(out, text.getvalue())
    codes = {label.code for label in taxonomy}
    return sum(code not in codes for code in known)
