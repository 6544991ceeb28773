"""The reader of JSON Lines files that people write: faults have a line, and no value is lost in silence."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefopt.errors import DataError
from prefopt.io.jsonl_reader import read_jsonl, scan_jsonl
from prefopt.io.row import Fault, Row

FAULTS = {
    "cut off": ('{"id": "a"', "not-json"),
    "a list": ("[1]", "not-object"),
    "a repeated key": ('{"id": 1, "id": 2}', "key-repeated"),
    "NaN": ('{"id": NaN}', "not-finite"),
    "nested too deeply": ('{"id":' + "[" * 100_000, "not-json"),
    "a number of 5,000 digits": ('{"id": ' + "9" * 5000 + "}", "not-json"),
    "CP949": ('{"id": "가"}'.encode("cp949"), "not-utf8"),
    "a long line": ('{"id": "' + "a" * 1_000_001 + '"}', "line-too-long"),
}


def write(folder, lines):
    path = folder / "x.jsonl"
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
    return path


@pytest.mark.parametrize("name", FAULTS)
def test_a_scan_reports_a_fault_and_continues_while_a_read_stops(tmp_path, name):
    line, kind = FAULTS[name]
    path = write(tmp_path, ['\ufeff{"id": "a"}', "", line, '{"id": "b"}'])
    first, fault, last = scan_jsonl(path)
    assert (first, last) == (Row(1, {"id": "a"}), Row(4, {"id": "b"}))
    assert (fault.line, fault.kind) == (3, kind)
    with pytest.raises(DataError, match=r"x\.jsonl:3: ") as caught:
        list(read_jsonl(path, hint=""))
    assert caught.value.hint


def test_a_missing_file_stops_with_the_hint_of_the_caller(tmp_path):
    with pytest.raises(DataError, match="no such file") as caught:
        list(read_jsonl(tmp_path / "x.jsonl", hint="write one"))
    assert caught.value.hint == "write one"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=80) | st.text(alphabet='{}[]":,idanswer \n', max_size=60).map(str.encode))
def test_any_bytes_give_rows_or_faults(tmp_path, content):
    path = write(tmp_path, [content])
    assert all(isinstance(row, (Row, Fault)) and row.line >= 1 for row in scan_jsonl(path))
