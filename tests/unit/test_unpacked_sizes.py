"""A small file that unpacks to a large one is refused in words, before it fills the memory."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from prefopt.data.formats.row_writer import write_rows_to
from prefopt.io.row import Fault
from prefopt.readers.row_reader import scan


def _with(path: Path, part: str, begin: str, filling: str, megabytes: int) -> None:
    """Write a workbook again with one part made large."""
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            if name != part:
                packed.writestr(name, content)
        with packed.open(part, "w") as file:
            file.write(begin.encode())
            for _ in range(megabytes):
                file.write((filling * (2**20 // len(filling))).encode())


@pytest.mark.parametrize(
    ("part", "megabytes", "words"),
    [("xl/worksheets/sheet1.xml", 70, "unpacks to"), ("xl/styles.xml", 70, "unpacks to"), ("other.bin", 80, "unpacks to")],
)
def test_workbooks_that_grow_are_refused(part: str, megabytes: int, words: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    write_rows_to(path, [{"text": "1 + 1"}])
    _with(path, part, "<a>", "<b/>", megabytes)
    found = list(scan(path))
    assert [type(each) for each in found] == [Fault]
    assert words in found[0].detail


def test_a_mimetype_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed, packed.open("mimetype", "w") as file:
        for _ in range(40):
            file.write(b"a" * 2**20)
    assert isinstance(next(iter(scan(path))), Fault)


def test_parquet_that_grows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefopt.readers import arrow_reader

    path = tmp_path / "x.parquet"
    write_rows_to(path, [{"id": f"p{i}", "text": f"{i} + 1 = ?"} for i in range(1000)])
    assert len(list(scan(path))) == 1000
    monkeypatch.setattr(arrow_reader, "_SMALL", 1000)  # the rule, at a size that a test can afford
    monkeypatch.setattr(arrow_reader, "_MAX_RATIO", 0)
    (found,) = scan(path)
    assert isinstance(found, Fault)
    assert "unpacks to" in found.detail
