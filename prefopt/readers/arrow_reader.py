"""Read Parquet and Arrow files and Hugging Face datasets saved to disk, a batch at a time, with pyarrow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefopt.io.row import Fault, Row

BATCH = 1000  # rows in memory at once


def scan_parquet(path: Path) -> Iterator[Row | Fault]:
    """Stream the rows of a Parquet file; null values are left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(number, _without_nulls(values))
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, UnicodeDecodeError) as error:
        yield Fault(number + 1, "not-parquet", f"unreadable Parquet: {_short(error)}")


def scan_arrow(path: Path) -> Iterator[Row | Fault]:
    """Stream the rows of an Arrow file (.arrow; .feather is the same, version 1 of it excepted), in the file or the stream format."""
    with path.open("rb") as file:
        start = file.read(6)
    if start[:4] == b"FEA1":
        yield Fault(1, "not-arrow", "a Feather file of version 1: write it again with a newer program, or as Parquet")
        return
    yield from _batches(path, 0, "not-arrow", is_file=start == b"ARROW1")


def scan_dataset(folder: Path) -> Iterator[Row | Fault]:
    """Stream the rows of a dataset that `Dataset.save_to_disk` wrote; of a DatasetDict, all splits in turn.

    The Arrow files are read directly, without the `datasets` library and without running code from the folder.
    """
    offset = 0
    for part in _parts(folder):
        if isinstance(part, Fault):
            yield part
            continue
        for row in _batches(part, offset, "not-dataset", is_file=False):
            offset = row.line
            yield row


def _parts(folder: Path) -> Iterator[Path | Fault]:
    """The Arrow files of a dataset folder, in the order that its state.json gives."""
    try:
        if (folder / "dataset_dict.json").exists():
            for name in json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]:
                yield from _parts(folder / _plain(name))
            return
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        for entry in state["_data_files"]:
            yield folder / _plain(entry["filename"])
    except FileNotFoundError:
        yield Fault(1, "not-dataset", f"{folder} is not a dataset: it contains neither state.json nor dataset_dict.json")
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        yield Fault(1, "not-dataset", f"the dataset's state cannot be read: {type(error).__name__}: {error}")


def _plain(name: Any) -> str:
    """A file name without a path, which cannot leave its folder."""
    if not isinstance(name, str) or Path(name).name != name or name in ("", ".", ".."):
        raise ValueError(f"{name!r} is not a plain file name")
    return name


def _batches(path: Path, offset: int, kind: str, *, is_file: bool) -> Iterator[Row | Fault]:
    """Rows of an Arrow file or stream, numbered from offset + 1."""
    import pyarrow as pa

    number = offset
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source) as reader:
            for batch in (reader.get_batch(i) for i in range(reader.num_record_batches)) if is_file else reader:
                for start in range(0, batch.num_rows, BATCH):
                    for values in batch.slice(start, BATCH).to_pylist():
                        number += 1
                        yield Row(number, _without_nulls(values))
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, UnicodeDecodeError) as error:
        yield Fault(number + 1, kind, f"{path.name} cannot be read: {_short(error)}")


def _without_nulls(value: Any) -> Any:
    """Drop null values at every depth: Arrow gives every struct all keys of the column, null where a row lacks them."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
