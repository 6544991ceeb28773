"""What the memory plan counts on a model without data, kept by all that it depends on: a plan that was counted before needs no torch.

counted.json, made by tools/count_plans.py, has the runs of gpt-oss on usual GPUs; the user's cache gets every other one that was counted.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.io.strict import json_object
from prefopt.model.file_facts import keep, recall
from prefopt.records import Record

SHAPES = {
    "gpt-oss-20b": {"num_hidden_layers": 24, "num_local_experts": 32},
    "gpt-oss-120b": {"num_hidden_layers": 36, "num_local_experts": 128},
}
"""Models that are planned without a checkpoint; every other size is GptOssConfig's default."""
SHIPPED = Path(__file__).with_name("counted.json")
_KIND = "plan 1"
_TILE_TOKENS, _TILE_VOCABULARY = 4096, 32768  # of TRL 1.16's fused head
_LIBRARIES = ("torch", "transformers", "peft")
SCRATCH = 5 << 28
"""Bytes of weights that are written out at once, at most: all 32 experts of gpt-oss-20b in bfloat16, with ranks up to 512."""
_SHARE = 40  # of a card's memory, one part is for weights that are written out


def scratch_of(memory: int) -> int:
    """Bytes of weights that a card with this much memory writes out at once: all experts of gpt-oss-20b from 40 GiB on."""
    return min(SCRATCH, memory // _SHARE)


class StepBytes(Record):
    """Bytes of a step in addition to weights, gradients and optimizer."""

    forward: int
    """Kept between the forward and the backward pass."""
    peak: int
    """Maximum, without logits and without the gradients of the parameters."""


class LogitTile(Record):
    """Logits of a step: TRL's fused head makes them in tiles of at most 4,096 tokens and 32,768 words."""

    rows: int
    tokens: int
    vocabulary: int
    hidden: int
    element: int
    """Bytes of a hidden state's element."""
    float32_tiles: int
    """Further tiles in float32: the PyTorch version of the head keeps three, the Triton version none."""
    reserved: int
    """Columns of the tile: all that TRL allocates on a GPU, those it writes on a CPU, where untouched pages take no memory."""

    @classmethod
    def of(cls, lm: Any, *, rows: int, tokens: int, device: str) -> LogitTile:
        """The tile for `rows` rows of `tokens` tokens per example, on "cuda" or "cpu"."""
        vocabulary, hidden = lm.get_output_embeddings().weight.shape
        on_gpu = device == "cuda"
        return cls(
            rows=rows,
            tokens=tokens,
            vocabulary=vocabulary,
            hidden=hidden,
            element=lm.dtype.itemsize,
            float32_tiles=0 if on_gpu else 3,
            reserved=_TILE_VOCABULARY if on_gpu else min(vocabulary, _TILE_VOCABULARY),
        )

    def bytes(self, batch: int) -> int:
        """The tile and the hidden states' gradient in float32. Counts every position, although on a GPU only answers are scored."""
        scored = batch * self.rows * (self.tokens - 1)
        width = min(self.vocabulary, _TILE_VOCABULARY)
        tile = min(scored, _TILE_TOKENS) * self.reserved * self.element + self.float32_tiles * min(scored, _TILE_TOKENS) * width * 4
        return tile + scored * self.hidden * (4 + self.element)


class StepMemory(Record):
    """Bytes of a step above weights and optimizer."""

    kept: int
    """Kept by the forward pass for the backward pass."""
    layer: int
    """Further bytes at the peak of one layer's backward pass."""
    logits: int
    """Further bytes of the head."""

    @property
    def peak(self) -> int:
        """The head and a layer's backward pass follow one another, each while everything kept is still there."""
        return self.kept + max(self.layer, self.logits)


class Counted(Record):
    """What was counted of one run on one device; everything else of a plan is arithmetic."""

    weights: dict[str, int]
    """Bytes of the model's parts."""
    formats: dict[str, str]
    trained: int
    """Weights of the adapter."""
    experts: bool
    """Whether it adapts experts."""
    one: StepBytes
    """A step of one example."""
    two: StepBytes
    """A step of two."""
    tile: LogitTile

    def step(self, batch: int) -> StepMemory:
        """Memory of a step with `batch` examples: bytes are linear in the batch."""
        one, two = self.one, self.two
        forward = one.forward + (batch - 1) * (two.forward - one.forward)
        peak = one.peak + (batch - 1) * (two.peak - one.peak)
        return StepMemory(kept=forward, layer=peak - forward, logits=self.tile.bytes(batch))


def key_of(
    model: ModelSettings, adapter: AdapterSettings, *, rows: int, tokens: int, checkpointing: bool, device: str, scratch: int
) -> str | None:
    """All that a count depends on, as text; None for a model whose files are not at hand.

    Args:
        model: which base model, and how it is loaded.
        adapter: rank and targets.
        rows: of one example in a forward pass.
        tokens: of a row.
        checkpointing: whether gradient checkpointing is on.
        device: "cuda" or "cpu".
        scratch: bytes of experts that are written out at once.
    """
    if (shape := _shape(model.path)) is None:
        return None
    loaded = {name: getattr(model, name) for name in ("dtype", "quantized", "nf4_attention", "attention")}
    step = {"rows": rows, "tokens": tokens, "checkpointing": checkpointing, "device": device, "scratch": scratch}
    sizes = adapter.model_dump(mode="json", exclude={"alpha"})
    return json.dumps({"model": shape, **loaded, **sizes, **step}, sort_keys=True, separators=(",", ":"))


def known(key: str | None) -> Counted | None:
    """What was counted for a key: as shipped, or by this user before with the same libraries; None where it was not."""
    if key is None:
        return None
    found = _shipped().get(digest(key)) or (recall(_name(key)) or {}).get("counted")
    try:
        return Counted.model_validate(json_object(found) if isinstance(found, str) else found) if found else None
    except (ValidationError, ValueError):
        return None


def remember(key: str | None, counted: Counted) -> None:
    """Keep what was counted in the user's cache."""
    if key is not None:
        keep(_name(key), {"counted": counted.model_dump_json()})


def digest(key: str) -> str:
    """The name of a key in counted.json."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def is_gpt_oss(path: str) -> bool | None:
    """Whether a model has gpt-oss's architecture; None where its config.json is not at hand."""
    if path in SHAPES:
        return True
    folder = _folder(path)
    try:
        found = None if folder is None else json_object((folder / "config.json").read_bytes(), is_finite=False)
        return None if found is None else bool(found["model_type"] == "gpt_oss")
    except (OSError, ValueError, KeyError, TypeError):
        return None


@cache
def _shipped() -> dict[str, Any]:
    return json_object(SHIPPED.read_text(encoding="utf-8")) if SHIPPED.exists() else {}


def _name(key: str) -> str:
    used = [f"{name} {_version(name)}" for name in ("prefopt", *_LIBRARIES)]
    return f"plans/{hashlib.sha256(' '.join([_KIND, *used, key]).encode()).hexdigest()}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _folder(path: str) -> Path | None:
    from prefopt.model.tiny import checkpoint_path

    folder = checkpoint_path() if path == "tiny" else Path(path).expanduser()
    return folder if folder.is_dir() else None


def _shape(path: str) -> str | None:
    """What a model's tensors depend on: a name of SHAPES, or the content of config.json with the state of the files of weights."""
    if path in SHAPES:
        return path
    folder = _folder(path)
    try:
        if folder is None:
            return None
        files = [(file.name, file.stat()) for file in sorted(folder.glob("*.safetensors"))]
        states = [f"{name} {state.st_size} {0 if path == 'tiny' else state.st_mtime_ns}" for name, state in files]
        return hashlib.sha256("\n".join([(folder / "config.json").read_text(encoding="utf-8"), *states]).encode()).hexdigest()
    except (OSError, UnicodeDecodeError):
        return None
