"""Which base a number depends on: a digest of every part of a checkpoint that decides one, and a refusal that names the changed file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from prefopt.errors import ModelError
from prefopt.model.checkpoint import Checkpoint, open_checkpoint, sampled_fingerprint
from prefopt.model.identity_parts import (
    digest_of,
    effective_config,
    effective_generation,
    effective_tokenizer,
    effective_tokenizer_settings,
    read_json,
)
from prefopt.model.tensor_digests import changed_tensors, tensor_digests, weights_digest


@dataclass(frozen=True)
class BaseIdentity:
    """Identity of a base. The same weights in other shards, a moved folder or a reformatted JSON file are the same base."""

    id: str
    """64 hex digits over all parts; what cards, caches and reports show."""
    parts: Mapping[str, str]
    """sha256 of each part: weights, config, tokenizer, tokenizer_config, chat_template, generation_config."""


def identify(checkpoint: Checkpoint, config: Any, tokenizer: PreTrainedTokenizerFast) -> BaseIdentity:
    """The identity of a checkpoint. Reads every tensor the first time, and after a file has changed.

    Args:
        checkpoint: the folder's weights.
        config: its config.json, as transformers has read it.
        tokenizer: its tokenizer.

    Raises:
        ModelError: a file cannot be read, or changed while it was read.
    """
    parts = {"weights": weights_digest(tensor_digests(checkpoint)), **parts_without_weights(checkpoint.path, config, tokenizer)}
    return BaseIdentity(digest_of(parts), parts)


def parts_without_weights(path: Path, config: Any, tokenizer: PreTrainedTokenizerFast) -> dict[str, str]:
    """The digests of all parts but the weights, of a folder that need not have any. Raises ModelError as `identify`."""
    return {
        "config": digest_of(effective_config(read_json(path / "config.json"), config)),
        "tokenizer": effective_tokenizer(path, tokenizer),
        "tokenizer_config": digest_of(effective_tokenizer_settings(path, tokenizer)),
        "chat_template": digest_of(tokenizer.chat_template),
        "generation_config": digest_of(effective_generation(path)),
    }


def refuse_other_base(adapter: Path, base: str, parts: Mapping[str, str], path: Path, identity: BaseIdentity) -> None:
    """Raise ModelError where an adapter was trained on another base, or on this one before a file of it changed.

    Args:
        adapter: named in the error.
        base: id of the base on the adapter's card.
        parts: of that base; empty on a card of an earlier version.
        path: folder of the base at hand.
        identity: of the base at hand.
    """
    if base == identity.id:
        return
    if not parts:
        _refuse_other_sample(adapter, base, path, identity)
        return
    changed = [name for name in sorted(parts.keys() | identity.parts.keys()) if parts.get(name) != identity.parts.get(name)]
    if not changed:
        return
    files = ", ".join(_file_of(part, path, parts) for part in changed)
    raise ModelError(
        f"{adapter}: {files}: changed in {path} since the adapter was trained (base {base[:12]} then, {identity.id[:12]} now)",
        hint=_hint(adapter, path),
    )


def _file_of(part: str, path: Path, parts: Mapping[str, str]) -> str:
    """The file or files of a folder that hold a part."""
    if part == "weights":
        return _changed_weights(path, parts.get("weights", ""))
    in_settings = not list(path.glob("*.jinja")) and "chat_template" in read_json(path / "tokenizer_config.json", absent={})
    return {
        "config": "config.json",
        "tokenizer": "tokenizer.json" if (path / "tokenizer.json").is_file() else ", ".join(_vocabularies(path)),
        "tokenizer_config": "tokenizer_config.json, or special_tokens_map.json beside it",
        "chat_template": "tokenizer_config.json (chat_template)" if in_settings else "chat_template.jinja",
        "generation_config": "generation_config.json",
    }.get(part, part)


def _vocabularies(path: Path) -> list[str]:
    """The files that a tokenizer without tokenizer.json is built from."""
    found = [name for name in ("tokenizer.model", "vocab.json", "vocab.txt", "merges.txt") if (path / name).is_file()]
    return found or ["tokenizer.json"]


def _changed_weights(path: Path, before: str) -> str:
    """The files of the changed tensors, where the earlier ones are known; otherwise all files of the weights."""
    checkpoint = open_checkpoint(path)
    changed = changed_tensors(before, tensor_digests(checkpoint))
    if changed is None:
        return f"{checkpoint.shards[0].name}{f' and {len(checkpoint.shards) - 1} more' if len(checkpoint.shards) > 1 else ''} (the weights)"
    files = sorted({checkpoint.shard_of[name].name for name in changed if name in checkpoint.shard_of}) or [checkpoint.shards[0].name]
    first = f"{changed[0]}{f' and {len(changed) - 1} more tensors' if len(changed) > 1 else ''}"
    return f"{', '.join(files[:3])}{f' and {len(files) - 3} more' if len(files) > 3 else ''} ({first})"


def _refuse_other_sample(adapter: Path, base: str, path: Path, identity: BaseIdentity) -> None:
    """As refuse_other_base, for a card of an earlier version: it has one digest, over samples of the weights and all keys of config.json.

    That digest is verified as it was made. It says nothing of the tokenizer; the next adapter trained from this one has a card that does.
    """
    found = sampled_fingerprint(open_checkpoint(path))
    if found != base:
        raise ModelError(
            f"{adapter}: made for the base {base[:12]}, and {path} is {identity.id[:12]} ({found[:12]} in the terms of earlier versions): "
            "the weights, their division into files, or config.json differ",
            hint=_hint(adapter, path),
        )


def _hint(adapter: Path, path: Path) -> str:
    """How to get the base back: the one that the adapter names, where that is another; a folder of huggingface_hub's cache is downloaded
    again only where it is not there.
    """
    named = str(read_json(adapter / "adapter_config.json", absent={}).get("base_model_name_or_path") or "")
    if named and Path(named).is_dir() and Path(named).resolve() != path.resolve():
        return f'set model.path = "{named}", which the adapter was trained on; for the other base, start a project: prefopt init FOLDER'
    repository = next((folder for folder in path.parents if folder.name.startswith("models--")), None)
    restore = "restore the folder as it was" if repository is None else f"delete {repository}, and it is downloaded again"
    return f"{restore}; to use the base as it is now, train the first adapter again: prefopt sft --again"
