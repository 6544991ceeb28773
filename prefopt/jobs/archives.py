"""The two files of an adapter out of an archive that a service sends. Nothing else in it is written, and no path of it is followed."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from prefopt.errors import TrainingError
from prefopt.model.adapter_card import CONFIG, WEIGHTS

MOST_BYTES = {CONFIG: 2**20, WEIGHTS: 2**35}
"""Of each file: LoRA of rank 64 on all experts of gpt-oss-120b takes 20 GiB in float32."""
_BLOCK = 2**20
_ZSTANDARD = b"\x28\xb5\x2f\xfd"


def unpack_adapter(archive: Path, folder: Path, *, what: str) -> None:
    """Write adapter_config.json and adapter_model.safetensors of a tar, whatever folder they lie in: plain, gzip or Zstandard.

    Args:
        archive: the file.
        folder: to write into.
        what: it is, for errors.

    Raises:
        TrainingError: it is not such an archive or is truncated, does not have each of them once, or one is larger than MOST_BYTES.
    """
    seen: list[str] = []
    try:
        with _opened(archive) as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                source = tar.extractfile(member) if member.isfile() and name in MOST_BYTES else None
                if source is not None and name not in seen:
                    _copy(source, folder / name, MOST_BYTES[name], what)
                seen += [name] if source is not None else []
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise TrainingError(f"{what} is not a readable archive: {error}", hint="to fetch it again: prefopt round") from None
    for name in MOST_BYTES:
        if seen.count(name) != 1:
            raise TrainingError(
                f"{what} has {seen.count(name)} files called {name}, and an adapter has one",
                hint="look at the job at the service",
            )


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    with archive.open("rb") as file:
        is_zstandard = file.read(4) == _ZSTANDARD
    if not is_zstandard:
        with tarfile.open(archive, "r:*") as tar:
            yield tar
        return
    import pyarrow as pa  # half a second, for this kind alone

    with pa.input_stream(archive, compression="zstd") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        yield tar


def _copy(source: IO[bytes], target: Path, most: int, what: str) -> None:
    left = most
    with source, target.open("wb") as file:
        while block := source.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise TrainingError(
                    f"{target.name} of {what} has more than {most:,} bytes, which no adapter has", hint="look at the job at the service"
                )
            file.write(block)
