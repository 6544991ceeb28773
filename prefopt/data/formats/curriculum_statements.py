"""Add the statements of the curriculum, from a file of the user, to a taxonomy. The package ships codes and short names only."""

from __future__ import annotations

from pathlib import Path

from prefopt.errors import DataError
from prefopt.io.files import write_text
from prefopt.readers.column_names import by_spelling
from prefopt.readers.csv_reader import CsvTable
from prefopt.readers.options import AS_IT_IS, ReadOptions
from prefopt.readers.tables import read_table
from prefopt.taxonomy import Taxonomy, normalize_code, parse_taxonomy, taxonomy_csv
from prefopt.texts.folded import visible
from prefopt.texts.label_codes import split_code

CODES = ("code", "standard_code", "성취기준코드", "성취기준 코드", "코드")
STATEMENTS = ("statement", "standard_content", "content", "성취기준", "내용")


def read_statements(path: Path, options: ReadOptions = AS_IT_IS) -> dict[str, str]:
    """Read code (in the taxonomy's spelling) -> statement from a file of any kind with columns named as in CODES and STATEMENTS, or with
    one column of both: [9수01-01] 소인수분해의 뜻을…

    Raises:
        DataError: with line: a column is missing, an empty cell, or a code with two statements.
    """
    known = by_spelling(("code", "statement"), {"code": CODES, "statement": STATEMENTS})
    table = read_table(path, known, hint="give a file with the columns code and statement", options=options)
    both = _column_of_both(table)
    for name, names in (("code", CODES), ("statement", STATEMENTS)):
        if both is None and name not in table.columns:
            raise DataError(
                f"no column {name!r}; columns are {list(table.columns)}",
                path=path,
                line=1,
                hint=f"known names: {', '.join(names)}; or name it: {options.naming(name, 'COLUMN')}",
            )
    code, statement = both or "code", both or "statement"
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
    names = [name for name in ("code", "statement") if name in table.columns]
    return names[0] if len(names) == 1 and table.rows and all(split_code(row.values[names[0]]) for row in table.rows) else None


def with_statements(taxonomy: Taxonomy, statements: Path, out: Path, options: ReadOptions = AS_IT_IS) -> int:
    """Write the taxonomy with a column `statement`. Returns the number of statements in the file that belong to none of its labels.

    Raises:
        DataError: a label without a statement, or an unreadable file.
    """
    known = read_statements(statements, options)
    lacking = [label.id for label in taxonomy if label.code not in known]
    if lacking:
        shown = f"{', '.join(lacking[:5])}{' …' if len(lacking) > 5 else ''}"
        raise DataError(
            f"{len(lacking)} labels have no statement in the file: {shown}", path=statements, hint="check the revision of the file"
        )
    text = taxonomy_csv(taxonomy, known)
    parse_taxonomy(text, source=str(out))  # fail before writing a file that could not be read
    write_text(out, text)
    codes = {label.code for label in taxonomy}
    return sum(code not in codes for code in known)
