"""The records of `prefopt serve`: ids, lines that are whole or absent, and what is read back while another process writes."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from datetime import UTC, datetime

import pytest

from prefopt.errors import DataError, ProjectError
from prefopt.inuse.records import SecondAnswer
from prefopt.serve import journal
from prefopt.serve.journal import (
    Journal,
    day_of,
    find_prediction,
    find_second,
    read_corrections,
    read_lifted,
    read_predictions,
    server_lock,
)
from prefopt.serve.records import Correction, Lifted, ServedPrediction, new_id, share_of, time_of

AT = datetime(2026, 11, 27, 9, tzinfo=UTC)


def fixed_id(seconds: float, drawn: object) -> str:
    """An id of a time whose drawn part is the same in every run: the chance of an answer depends on it."""
    bits = hashlib.sha256(repr(drawn).encode()).digest()[:16]
    return new_id(seconds)[:10] + "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[byte % 32] for byte in bits)


def answer(number: int, **more: object) -> ServedPrediction:
    values = {
        "prediction": fixed_id(AT.timestamp() + number, (number, more)),
        "id": f"p{number}",
        "at": AT,
        "text": f"{number} + 9는?",
        "text_sha256": f"{number:064x}"[::-1],
        "label": "a",
        "name": "A",
        "probability": 0.9,
        "confidence": 0.9,
        "set": ("a",),
        "decision": "accept",
        "confident": True,
        "audit": False,
        "coverage": 1.0,
        "adapter": "f49382404713",
        "round": 3,
    }
    return ServedPrediction.model_validate(values | more)


def test_an_id_sorts_by_time_and_is_drawn():
    ids = [new_id(AT.timestamp() + second) for second in range(50)]
    assert ids == sorted(ids)
    assert len({new_id(AT.timestamp()) for _ in range(1000)}) == 1000
    assert time_of(ids[7]) == AT.timestamp() + 7
    assert day_of(ids[0]) == "20261127"
    assert share_of("01KB1Y8C000000000000000000") == pytest.approx(0.2298, abs=0.0001)  # the same in every process and version
    shares = [share_of(fixed_id(0, number)) for number in range(4000)]
    assert 0.015 < sum(share < 0.02 for share in shares) / 4000 < 0.0275


def test_lines_are_found_by_id_day_and_content(tmp_path):
    log = Journal(tmp_path / "serve")
    rows = [answer(i, audit=i == 2) for i in range(5)] + [answer(86_400)]
    log.add_predictions(rows)
    folder = log.folder
    assert [path.name for path in sorted(folder.glob("pred*"))] == ["predictions-20261127.jsonl", "predictions-20261128.jsonl"]
    assert list(read_predictions(folder)) == rows
    assert list(read_predictions(folder, "20261128")) == rows[5:]
    assert list(read_predictions(folder, holding=b'"audit":true')) == [rows[2]]
    assert find_prediction(folder, rows[3].prediction) == rows[3]
    assert find_prediction(folder, new_id(AT.timestamp())) is None
    assert find_prediction(folder, new_id(0)) is None
    second = SecondAnswer(prediction=rows[5].prediction, at=AT, arm="b", label="b", probability=0.5, adapter="bbb", round=2)
    log.add_seconds([second])
    assert find_second(folder, rows[5].prediction) == second
    assert find_second(folder, rows[4].prediction) is None
    word = Correction(prediction=rows[0].prediction, at=AT, label=None, by="kim", seen=True, right=False)
    log.add_correction(word)
    log.add_lifted(Lifted(at=AT, adapter="x", because="checked"))
    assert list(read_corrections(folder)) == [word]
    assert [row.because for row in read_lifted(folder)] == ["checked"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_line_that_a_crash_left_unfinished_is_removed_and_one_being_written_is_not_read(tmp_path):
    log = Journal(tmp_path / "serve")
    log.add_predictions([answer(1), answer(2)])
    path = log.folder / "predictions-20261127.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"prediction":"01')
    assert len(list(read_predictions(log.folder))) == 2
    Journal(log.folder)
    assert path.read_bytes() == whole
    path.write_bytes(b'{"prediction":"01' + b"x" * 200_000)
    Journal(log.folder)
    assert path.read_bytes() == b""
    path.write_bytes(whole + b"{}\n")
    with pytest.raises(DataError, match=r"predictions-20261127.jsonl:3"):
        list(read_predictions(log.folder))


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_disk_that_takes_no_more_leaves_no_part_of_a_line(tmp_path, monkeypatch, call):
    log = Journal(tmp_path / "serve")
    log.add_predictions([answer(1)])
    before = (log.folder / "predictions-20261127.jsonl").read_bytes()
    real = os.write

    def refuse(handle: int, *data: bytes) -> int:
        if data and len(data[0]) > 100:
            return real(handle, data[0][:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(journal.os, call, refuse)
        with pytest.raises(OSError, match=r"predictions-20261127\.jsonl"):
            log.add_predictions([answer(2)])
    assert (log.folder / "predictions-20261127.jsonl").read_bytes() == before
    log.add_predictions([answer(3)])
    assert [row.id for row in read_predictions(log.folder)] == ["p1", "p3"]


def test_one_process_serves_a_project(tmp_path):
    with server_lock(tmp_path / "serve"), pytest.raises(ProjectError, match=f"process {os.getpid()}"), server_lock(tmp_path / "serve"):
        pass
