"""Read Excel workbooks: .xlsx, .xlsm and templates, .xls of Excel 97 to 2003, and pages of HTML that are named .xls.

`scan_xlsx` streams the rows under the names of the columns, and says what a sheet holds beside the values of its cells. `text_table` gives
the cells as a CSV file would.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path

from prefopt.errors import DataError
from prefopt.io.row import Fault, Note, Row
from prefopt.readers.column_names import is_column
from prefopt.readers.csv_reader import CsvTable
from prefopt.readers.file_signatures import signature
from prefopt.readers.html_book import open_html
from prefopt.readers.options import OTHER_SHEETS
from prefopt.readers.sheet_header import LOOK, Header, Known, filled_rows, find_header, plain
from prefopt.readers.sheet_rows import SheetRows
from prefopt.readers.workbook_cells import Sheet, letters
from prefopt.readers.workbook_findings import fault, note
from prefopt.readers.xls_book import open_xls
from prefopt.readers.xlsx_package import Package, Workbook
from prefopt.readers.xlsx_sheet import XlsxSheet
from prefopt.texts.same_text import name_key

SUFFIXES = (".xlsx", ".xlsm", ".xltx", ".xltm", ".xls", ".xlt")
"""Suffixes of the files that `scan_xlsx` reads."""
MAX_SHEET = 1 << 30  # bytes of an unpacked workbook; a small file can unpack to any size (zip bomb)
_SMALL, _MAX_RATIO = 1 << 26, 300  # bytes that any workbook may unpack to, and times its own size; Excel's own reach some 50 times


class _FaultError(Exception):
    """Carries the fault of a whole file."""

    def __init__(self, found: Fault) -> None:
        super().__init__(found.detail)
        self.found = found


def scan_xlsx(
    path: Path,
    sheet: str | None = None,
    *,
    ignored: Collection[str] = (),
    is_known: Callable[[str], bool] | None = None,
    other_sheets: str = OTHER_SHEETS,
) -> Iterator[Row | Fault | Note]:
    """Stream the rows of a workbook, its faults, and notes on what a person should know.

    A number is a number, a date ISO text, a formula its stored value. A merged cell counts for all its rows. Hidden rows and columns are
    read.

    Args:
        path: the workbook.
        sheet: name of a sheet in any spelling; "all" for every visible sheet with a table; None for the first visible sheet with a table.
        ignored: names of columns whose cells are not judged.
        is_known: whether a text is the name of a column, besides the usual names.
        other_sheets: what to type or write in order to read others.

    Raises:
        DataError: there is no sheet of this name.
    """

    def is_name(value: object) -> bool:
        return is_column(value) or (is_known is not None and isinstance(value, str) and is_known(value))

    number = 1
    try:
        with _opened(path) as (sheets, notes):
            yield from notes
            chosen = _chosen(path, sheets, sheet, is_name, other_sheets)
            yield from _unread(sheets, chosen, other_sheets)
            for one in chosen:
                for found in SheetRows(one, one.name if sheet == "all" else "", ignored, is_name):
                    number = found.line
                    yield found
    except (GeneratorExit, DataError):
        raise
    except _FaultError as error:
        yield error.found
    except Exception as error:  # a broken workbook raises anything: KeyError, ExpatError, zlib.error, struct.error, XLRDError …
        yield _unreadable(error, number)


def text_table(path: Path) -> CsvTable:
    """Read the first visible sheet with a table as `read_csv` reads a CSV file: every cell as text, an empty one as "".

    A column without a name that has values is named by its letter: "column F". Of an error, its name is the text.

    Raises:
        DataError: with file and row: not a workbook, no names of columns, a column that is repeated.
    """
    try:
        with _opened(path) as (sheets, _):
            for one in _chosen(path, sheets, None, is_column):
                return _texts(path, one)
    except DataError:
        raise
    except _FaultError as error:
        raise error.found.as_error(path) from None
    except Exception as error:  # as in scan_xlsx
        raise _unreadable(error, 1).as_error(path) from None
    raise DataError("the workbook has no rows", path=path, hint="save the table in the first sheet")


def _texts(path: Path, sheet: Sheet) -> CsvTable:
    rows = filled_rows(sheet)
    first = list(islice(rows, LOOK))
    header = find_header(first, sheet.sides)
    found = [(number, cells) for number, cells in chain(first, rows) if number > header.rows[-1]]
    _refuse_repeated(path, header)
    names = {column: f"column {letters(column)}" for _, cells in found for column in sorted(cells)} | header.names
    names = dict(sorted(names.items()))
    for first_row, column, last_row, _ in sheet.sides.merges:
        inside = [cells for number, cells in found if first_row <= number <= last_row]
        if first_row > header.rows[-1] and inside and column in inside[0]:
            for cells in inside[1:]:
                cells.setdefault(column, inside[0][column])
    return CsvTable(
        tuple(names.values()),
        tuple(Row(number, {name: plain(cells.get(column, "")) for column, name in names.items()}) for number, cells in found),
    )


def _refuse_repeated(path: Path, header: Header) -> None:
    seen: set[str] = set()
    for name in header.names.values():
        if name in seen:
            raise DataError(f"two columns are named {name!r}", path=path, line=header.rows[0], hint="rename or delete one of them")
        seen.add(name)


def _unreadable(error: Exception, line: int) -> Fault:
    name = type(error).__name__
    return fault("password", 1) if "encrypted" in str(error) else fault("not-excel", line, f"{name}: {str(error)[:200]}")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Sequence[Sheet], list[Note]]]:
    """The sheets of a workbook, and what is to say of the file. Raises _FaultError for a file that is no workbook."""
    kind, what = signature(path)
    suffix = path.suffix.lower()
    if kind == "password":
        raise _FaultError(fault("password", 1))
    if kind == "broken":
        raise _FaultError(fault("not-excel", 1, what))
    pages = open_html(path) if kind == "html" else []
    if kind == "other" or (kind == "html" and not pages):
        raise _FaultError(fault("other-kind", 1, what, suffix))
    is_right = kind == ("xls" if suffix in (".xls", ".xlt") else "xlsx")
    notes = [] if is_right else [note("suffix-differs", 1, what, suffix)]
    if kind == "html":
        yield pages, notes
        return
    if kind == "xls":
        yield open_xls(path), notes
        return
    package = Package(path)
    try:
        most = min(MAX_SHEET, max(_SMALL, _MAX_RATIO * path.stat().st_size))
        if package.unpacked > most:
            raise _FaultError(fault("file-too-long", 1, package.unpacked >> 20, most >> 20))
        book = Workbook(package)
        styles, texts = book.styles(), book.texts()
        yield [XlsxSheet(book, entry, styles, texts) for entry in book.sheets], notes
    finally:
        package.close()


def _chosen(path: Path, sheets: Sequence[Sheet], wanted: str | None, is_known: Known, other_sheets: str = OTHER_SHEETS) -> list[Sheet]:
    """The sheets to read."""
    if wanted == "all":
        return [sheet for sheet in sheets if not sheet.is_hidden and _has_table(sheet, is_known)]
    if wanted is None:
        filled = [sheet for sheet in sheets if sheet.sides.filled]
        shown = [sheet for sheet in filled if not sheet.is_hidden] or filled
        return [sheet for sheet in shown if _has_table(sheet, is_known)][:1] or shown[:1]
    found = [sheet for sheet in sheets if sheet.name == wanted] or [s for s in sheets if name_key(s.name) == name_key(wanted)]
    if not found:
        names = ", ".join(sheet.name for sheet in sheets)
        raise DataError(
            f"no sheet {wanted!r}; the workbook has {names}",
            path=path,
            hint=f"give one of these names, or all: {other_sheets.rpartition(' or ')[2]}",
        )
    return found[:1]


def _has_table(sheet: Sheet, is_known: Known) -> bool:
    """Whether a sheet has names of columns and a row below them: a cover page has not."""
    if sheet.sides.filled < 2:
        return False
    rows = list(islice(filled_rows(sheet), LOOK))
    header = find_header(rows, sheet.sides, is_known)
    return any(number > header.rows[-1] for number, _ in rows) and (len(header.names) > 1 or any(map(is_known, header.names.values())))


def _unread(sheets: Sequence[Sheet], chosen: Sequence[Sheet], other_sheets: str) -> Iterator[Note]:
    left = [sheet for sheet in sheets if sheet not in chosen and sheet.sides.filled]
    if left:
        shown = {is_hidden: [f"{s.name!r} ({s.sides.filled})" for s in left if s.is_hidden == is_hidden] for is_hidden in (False, True)}
        yield note("sheet-unread", 1, *(", ".join(names) or "nothing" for names in shown.values()), other_sheets)
