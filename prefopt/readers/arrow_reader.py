"""Read Parquet and Arrow files and Hugging Face datasets saved to disk, a batch at a time, with pyarrow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefopt.io.row import Fault, Note, Row

BATCH = 1000  # rows in memory at once
_SMALL, _MAX_RATIO = 1 << 28, 1000  # bytes that any file may unpack to, and times its own size


def scan_parquet(path: Path) -> Iterator[Row | Fault]:
    """Stream the rows of a Parquet file; null values are left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            unpacked = sum(file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups))
            most = max(_SMALL, _MAX_RATIO * path.stat().st_size)
            if unpacked > most:
                raise ValueError(f"it unpacks to {unpacked >> 20:,} MiB; the limit for its size is {most >> 20:,} MiB")
            labels = _label_names(file.schema_arrow)
            for batch in file.iter_batches(batch_size=BATCH):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(number, _named(_without_nulls(values), labels))
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
            splits = json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
            if len(splits) > 1:
                shown = ", ".join(map(str, splits))[:100]
                yield Note(1, "splits-joined", f"all splits are read, one after the other: {shown}; for one, name its folder", (shown,))
            for name in splits:
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
            labels = _label_names(reader.schema)
            for batch in (reader.get_batch(i) for i in range(reader.num_record_batches)) if is_file else reader:
                for start in range(0, batch.num_rows, BATCH):
                    for values in batch.slice(start, BATCH).to_pylist():
                        number += 1
                        yield Row(number, _named(_without_nulls(values), labels))
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, UnicodeDecodeError) as error:
        yield Fault(number + 1, kind, f"{path.name} cannot be read: {_short(error)}")


def _label_names(schema: Any) -> dict[str, list[str]]:
    """Column -> names of its labels, for the columns that the `datasets` library stores as numbers of labels (ClassLabel)."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {name: found["names"] for name, found in features.items() if isinstance(found, dict) and found.get("_type") == "ClassLabel"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}  # not of that library


def _named(values: dict[str, Any], labels: dict[str, list[str]]) -> dict[str, Any]:
    """A row with the names of its labels; a number without a name, such as -1, is no label."""
    for column, names in labels.items():
        number = values.get(column)
        if isinstance(number, int):
            if 0 <= number < len(names):
                values[column] = names[number]
            else:
                del values[column]
    return values


def _without_nulls(value: Any) -> Any:
    """Drop null values at every depth: Arrow gives every struct all keys of the column, null where a row lacks them."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
