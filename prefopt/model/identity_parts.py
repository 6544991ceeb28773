"""What the small files of a checkpoint say, without what has no effect: config.json, the tokenizer's files, template, generation settings.

A key counts where the code that reads it takes notice of it: an unknown key, or a key that states its own default, changes nothing. A value
is compared as the file has it, not as the library completes it, so an unchanged folder keeps its digests when a new version of
transformers adds a setting with a default. What this cannot see: a version that changes a default which the folder relies on (stage.json
records the versions), and one that changes a default which the folder states, which then counts as a change.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import transformers
from transformers import GenerationConfig, PreTrainedConfig, PreTrainedTokenizerFast

from prefopt.errors import ModelError
from prefopt.io.strict import json_value
from prefopt.model.checkpoint import VOLATILE
from prefopt.model.file_facts import facts_of
from prefopt.model.tokenizer import MAX_FILE

_NO_EFFECT = VOLATILE | {
    *("architectures", "auto_map", "finetuning_task", "id2label", "initializer_range", "label2id", "num_labels", "output_attentions"),
    *("output_hidden_states", "problem_type", "return_dict", "task_specific_params", "_from_model_config"),
}
"""Keys that transformers declares and that change no number of a causal LM. Dropout counts: it acts in training."""
_TOKENIZER_NO_EFFECT = {
    *("_commit_hash", "_name_or_path", "added_tokens_file", "auto_map", "backend", "chat_template", "is_local", "local_files_only"),
    *(
        "model_max_length",
        "name_or_path",
        "processor_class",
        "special_tokens_map_file",
        "tokenizer_file",
        "transformers_version",
        "verbose",
    ),
}
"""Keys of tokenizer_config.json that change no token. The template is a part of its own."""
_LIBRARY = Path(transformers.__file__).parent
_KIND = "tokenizer.json 1"


def digest_of(value: Any) -> str:
    """sha256 of plain values, independent of the order of keys and of how a JSON file was formatted."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def effective_config(raw: Mapping[str, Any], config: Any) -> dict[str, Any]:
    """The keys of config.json that decide what the model computes.

    A key is left out where the configuration is the same without it, and where transformers neither declares nor reads it.

    Args:
        raw: content of config.json, or of a nested configuration in it.
        config: the same, as transformers has read it.
    """
    kind = type(config)
    kept = {key: value for key, value in raw.items() if key not in _NO_EFFECT}
    nested = [key for key, inner in vars(config).items() if isinstance(inner, PreTrainedConfig) and isinstance(kept.get(key), dict)]
    try:
        resolved = _resolved(kind, kept)
    except Exception:  # transformers reads the file, and not these keys by themselves: then all of them count
        return {key: _plain(key, value) for key, value in kept.items()} | {"model_type": config.model_type}
    for key in sorted(kept):
        without = {name: value for name, value in kept.items() if name != key}
        try:
            other = _resolved(kind, without)
        except Exception:  # noqa: S112 - whatever a configuration raises without this key, the key counts
            continue
        changed = {name for name in resolved.keys() | other.keys() if resolved.get(name, ...) != other.get(name, ...)}
        unknown = changed == {key} and key not in other and not _is_read(key, _model_code(inspect.getfile(kind)))
        if not changed or unknown:
            kept, resolved = without, other
    kept |= {key: effective_config(kept[key], getattr(config, key)) for key in nested if key in kept}
    return {key: _plain(key, value) for key, value in kept.items()} | {"model_type": config.model_type}


def _resolved(kind: Any, raw: Mapping[str, Any]) -> dict[str, Any]:
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()  # it warns of what is missing here on purpose
    try:
        decode = getattr(kind, "_decode_special_floats", lambda value: value)  # {"__float__": "Infinity"}, as reading the file does
        values: dict[str, Any] = kind.from_dict(decode(json.loads(json.dumps(raw)))).to_dict()
    finally:
        transformers.logging.set_verbosity(level)
    return values


def effective_tokenizer(path: Path, tokenizer: PreTrainedTokenizerFast) -> str:
    """Digest of tokenizer.json, whole; where there is none, of what transformers builds from the other files."""
    file = path / "tokenizer.json"
    if not file.is_file():
        return digest_of(_plain_tokenizer(json.loads(tokenizer.backend_tokenizer.to_str())))
    facts = facts_of(file, _KIND, lambda f: {"digest": digest_of(_plain_tokenizer(read_json(f)))}, valid=lambda f: f.keys() == {"digest"})
    return facts["digest"]


def _plain_tokenizer(content: Any) -> Any:
    """tokenizer.json with merges as pairs, and without options of its model that are off: older versions do not write them."""
    model = content.get("model") if isinstance(content, dict) else None
    if not isinstance(model, dict):
        return content
    plain = {key: value for key, value in model.items() if value is not None and value is not False}
    if isinstance(model.get("merges"), list):
        plain["merges"] = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    return content | {"model": plain}


def effective_tokenizer_settings(path: Path, tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """The keys of tokenizer_config.json that decide tokens; with special_tokens_map.json and added_tokens.json, where they are read."""
    settings = read_json(path / "tokenizer_config.json", absent={})
    if "added_tokens_decoder" not in settings:  # otherwise transformers ignores the two other files
        settings |= read_json(path / "special_tokens_map.json", absent={})
        settings |= {"added_tokens.json": found} if (found := read_json(path / "added_tokens.json", absent={})) else {}
    kind = type(tokenizer)
    files = tuple(inspect.getfile(owner) for owner in kind.__mro__ if owner.__module__.startswith("transformers."))
    kept: dict[str, Any] = {}
    for key, value in settings.items():
        plain = _plain_token(_plain(key, value))
        read = key == "added_tokens.json" or key.endswith("_token") or _is_read(key, _tokenizer_code(files))
        if key not in _TOKENIZER_NO_EFFECT and read and plain != _default(kind, key):
            kept[key] = plain
    return kept


def effective_generation(path: Path) -> dict[str, Any]:
    """The fields of generation_config.json that transformers knows, without those that are at their defaults."""
    defaults = GenerationConfig().to_dict()
    raw = read_json(path / "generation_config.json", absent={})
    values = {key: _plain(key, value) for key, value in raw.items() if key in defaults.keys() - _NO_EFFECT}
    return {key: value for key, value in values.items() if value is not None and value != defaults[key]}


def read_json(file: Path, absent: dict[str, Any] | None = None) -> dict[str, Any]:
    """A JSON object from a file; a copy of `absent` where there is no such file. Raises ModelError if it is not one."""
    try:
        found = json_value(_bounded(file), is_finite=False)
    except FileNotFoundError:
        if absent is None:
            raise ModelError(f"{file} is missing", hint="copy it into the folder, or download the folder again") from None
        return dict(absent)
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: cannot be read: {error}", hint="copy or download it again") from None
    if not isinstance(found, dict):
        raise ModelError(f"{file}: not a JSON object", hint="copy or download it again")
    return found


def _bounded(file: Path) -> bytes:
    if file.stat().st_size > MAX_FILE:
        raise ValueError(f"{file.stat().st_size:,} bytes; at most {MAX_FILE:,} are read")
    return file.read_bytes()


def _plain(key: str, value: Any) -> Any:
    """A value in one form: 150000.0 as 150000, and the ids of end tokens as a sorted list (`2` and `[2]` are the same)."""
    if key.endswith("token_id") and isinstance(value, int | list):
        return sorted(set(value if isinstance(value, list) else [value]))
    if isinstance(value, dict):
        return {name: _plain(name, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain("", inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _plain_token(value: Any) -> Any:
    """A special token that strips nothing as its text alone: both forms are in use."""
    if isinstance(value, dict) and "content" in value and not any(value.get(flag) for flag in ("lstrip", "rstrip", "single_word")):
        return value["content"]
    return [_plain_token(inner) for inner in value] if isinstance(value, list) else value


def _default(kind: type, key: str) -> Any:
    """Default of a setting of a tokenizer's class: that of the first __init__ that names it, or the class attribute's."""
    for owner in kind.__mro__:
        parameters = inspect.signature(owner.__init__).parameters if "__init__" in vars(owner) else {}  # type: ignore[misc]  # of a class in the MRO
        if key in parameters and parameters[key].default is not inspect.Parameter.empty:
            return parameters[key].default
    return getattr(kind, key, None) if not callable(getattr(kind, key, None)) else None


def _is_read(key: str, code: str) -> bool:
    """Whether code names a key: as an attribute, as a parameter, or in quotation marks."""
    name = re.escape(key)
    return re.search(rf"""\.{name}\b|["']{name}["']|[(,]\s*{name}\s*[:=]""", code) is not None


@cache
def _model_code(configuration: str) -> str:
    """Source of the modeling code beside the file of a configuration, and of the library's parts that every model uses."""
    own = sorted(Path(configuration).parent.glob("modeling_*.py"))
    return _joined([*own, *(_LIBRARY / name for name in ("modeling_utils.py", "modeling_rope_utils.py", "masking_utils.py"))])


@cache
def _tokenizer_code(classes: tuple[str, ...]) -> str:
    """Source of a tokenizer's classes, and of what chooses among them."""
    return _joined([*map(Path, classes), _LIBRARY / "models" / "auto" / "tokenization_auto.py"])


def _joined(files: Iterable[Path]) -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in dict.fromkeys(files) if file.is_file())
