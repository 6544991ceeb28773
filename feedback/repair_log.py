"""Bring what a damaged write-ahead log holds into the database. SQLite passes over everything from the first damaged frame on.

A page that a later frame holds again makes the damaged frame harmless; otherwise the page comes into the database as it reads, where the
digests of its rows show what is wrong (feedback/repair.py). The format is that of https://sqlite.org/walformat.html.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from feedback.server import digests

HEADER, FRAME = 32, 24


@dataclass
class _Frame:
    page: int
    size: int
    """Of the database in pages, where the frame ends a transaction; otherwise 0."""
    content: bytes


def replay(database: Path, log: Path) -> None:
    """Write every page of the log, up to its last whole transaction, into the database, and remove the log.

    Args:
        database: a copy of the damaged database.
        log: a copy of its log.
    """
    frames = _frames(log.read_bytes(), _page_size(database))
    last = max((number for number, frame in enumerate(frames) if frame.size), default=-1)
    with database.open("r+b") as file:
        for frame in frames[: last + 1]:
            file.seek((frame.page - 1) * len(frame.content))
            file.write(frame.content)
        if last >= 0:
            file.truncate(frames[last].size * len(frames[last].content))
    for ending in ("-wal", "-shm"):
        database.with_name(database.name + ending).unlink(missing_ok=True)


def _page_size(database: Path) -> int:
    with database.open("rb") as file:
        size = int.from_bytes(file.read(18)[16:18])
    return 65536 if size == 1 else max(size, 512)


def _frames(content: bytes, size: int) -> list[_Frame]:
    """The frames of the log's own generation; behind them may be those of an earlier one."""
    starts = range(HEADER, len(content) - size - FRAME + 1, size + FRAME)
    if len(starts) < 2:
        return []
    salt = content[16:24]
    if not any(content[start + 8 : start + 16] == salt for start in starts[:2]):  # of a damaged header
        salt = content[starts[0] + 8 : starts[0] + 16]
    frames, seed = [], content[24:32]
    for start in starts:
        head, page = content[start : start + FRAME], content[start + FRAME : start + FRAME + size]
        if head[8:12] != salt[:4] and head[12:16] != salt[4:]:
            break
        number, pages = struct.unpack(">II", _right_head(head, page, seed))
        frames.append(_Frame(number, pages, page))
        seed = head[16:24]
    return frames


def _right_head(head: bytes, page: bytes, seed: bytes) -> bytes:
    """The page's number and the size of the database, with one bit turned back if that makes the checksum right."""
    for order in "<>":
        known = digests.log_sum(head[:8] + page, seed, order) == head[16:24]
        if known:
            return head[:8]
    for order in "<>":
        for bit in range(64):
            changed = bytearray(head[:8])
            changed[bit // 8] ^= 1 << bit % 8
            if digests.log_sum(bytes(changed) + page, seed, order) == head[16:24]:
                return bytes(changed)
    return head[:8]
