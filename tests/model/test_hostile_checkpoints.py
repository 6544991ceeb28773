"""Checkpoints that somebody made to hurt: words instead of tracebacks, and no template runs for ever."""

from __future__ import annotations

import json
import os
import shutil
import struct
from pathlib import Path
from time import monotonic

import pytest

from prefopt.config import ModelSettings
from prefopt.errors import ModelError
from prefopt.model import bounded
from prefopt.model.bounded import FailedError, bounded_text
from prefopt.model.load import load_base
from prefopt.model.tiny import checkpoint_path
from prefopt.model.tokenizer import read_tokenizer


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    shutil.copytree(checkpoint_path(), tmp_path / "tiny")
    for file in (tmp_path / "tiny").iterdir():
        file.chmod(0o644)
    return tmp_path / "tiny"


def _config(tiny: Path, **changed: object) -> None:
    file = tiny / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | changed), encoding="utf-8")


CONFIGS: dict[str, object] = {
    "layers": {"num_hidden_layers": 10**9},
    "no layers": {"num_hidden_layers": -1},
    "layers in words": {"num_hidden_layers": "many"},
    "half a head": {"num_attention_heads": 0},
    "heads": {"num_attention_heads": 7, "head_dim": None},
    "wide": {"hidden_size": 10**12},
    "vocabulary": {"vocab_size": 10**13},
    "experts": {"num_local_experts": 10**8},
    "type": {"model_type": "../../etc/passwd"},
    "no type": {"model_type": None},
    "list of a type": {"model_type": ["gpt_oss"]},
    "rope": {"rope_scaling": {"rope_type": "none of them"}, "rope_parameters": {"rope_type": "none of them"}},
    "layer types": {"layer_types": [1, None]},
    "nested": {"rope_parameters": [[[]]]},
}
TEXTS = {
    "no JSON": b"{",
    "binary": bytes(range(256)),
    "a list": b"[]",
    "deep": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "digits": b'{"hidden_size": ' + b"1" * 5000 + b"}",
    "a key twice": b'{"hidden_size": 64, "hidden_size": 32}',
    "empty": b"",
}


@pytest.mark.parametrize("name", CONFIGS)
def test_hostile_configurations_are_refused_in_words(tiny: Path, name: str) -> None:
    _config(tiny, **CONFIGS[name])  # type: ignore[arg-type]  # the dicts above
    with pytest.raises(ModelError):
        load_base(ModelSettings(path=str(tiny)))


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"])
@pytest.mark.parametrize("name", TEXTS)
def test_hostile_json_is_refused_in_words(tiny: Path, file: str, name: str) -> None:
    (tiny / file).write_bytes(TEXTS[name])
    if (file, name) == ("tokenizer_config.json", "a key twice"):
        return
    with pytest.raises(ModelError):
        load_base(ModelSettings(path=str(tiny)))


def _shard(header: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


SHARDS = {
    "empty": b"",
    "a huge header": struct.pack("<Q", 2**63) + b"{}",
    "a header of 100 GB": struct.pack("<Q", 10**11) + b"{}",
    "no JSON": _shard(b"{{{{"),
    "deep": _shard(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "a huge shape": _shard(b'{"a":{"dtype":"F32","shape":[9223372036854775807,9],"data_offsets":[0,4]}}', b"0000"),
    "offsets outside": _shard(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', b"0000"),
    "offsets backwards": _shard(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}', b"00000000"),
    "a type of no kind": _shard(b'{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}', b"0000"),
    "nothing": _shard(b"{}"),
    "another tensor": _shard(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', b"0000"),
    "pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
}


@pytest.mark.parametrize("name", SHARDS)
def test_hostile_weights_are_refused_in_words(tiny: Path, name: str) -> None:
    shard = next(tiny.glob("*.safetensors"))
    shard.write_bytes(SHARDS[name])
    with pytest.raises(ModelError):
        load_base(ModelSettings(path=str(tiny)))


def test_weights_of_another_shape_or_type_are_refused(tiny: Path) -> None:
    from safetensors.torch import load_file, save_file

    shard = next(tiny.glob("*.safetensors"))
    tensors = load_file(shard)
    for change in (lambda t: t.reshape(-1), lambda t: t[:1], lambda t: t.bool()):
        save_file({name: change(tensor).contiguous() for name, tensor in tensors.items()}, shard)
        with pytest.raises(ModelError):
            load_base(ModelSettings(path=str(tiny)))


TEMPLATES = {
    "endless": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "endless in three": "{% for a in range(9999) %}{% for b in range(999) %}{% for c in range(999) %}{% endfor %}{% endfor %}{% endfor %}",
    "doubling": "{% set n = namespace(x='aaaaaaaa') %}{% for a in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    "a long text": "{{ 'a' * 10000000000 }}",
    "a number": "{{ 10 ** (10 ** 9) }}",
    "much output": "{% for a in range(99999) %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }}{% endfor %}",
    "padding": "{{ '%0999999999d' % 1 }}",
    "recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "an error": "{{ messages[99].content.x }}",
    "division": "{{ 1 // 0 }}",
    "a type": "{{ 1 + 'a' }}",
    "syntax": "{% for %}",
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_hostile_templates_end_in_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefopt.config import AnswerSettings, PromptSettings
    from prefopt.model.chat import ChatRenderer
    from prefopt.taxonomy import builtin_taxonomy

    monkeypatch.setattr(bounded, "SECONDS", 1)
    tokenizer = read_tokenizer(checkpoint_path())
    tokenizer.chat_template = TEMPLATES[name] + "{{ messages[0].content }}"
    before = monotonic()
    with pytest.raises(ModelError, match="the chat template"):
        ChatRenderer(tokenizer, PromptSettings(), AnswerSettings(), builtin_taxonomy())
    assert monotonic() - before < 100


def test_a_bounded_function_gives_its_text_or_its_error() -> None:
    assert bounded_text(lambda: "가" * 1000, "it") == "가" * 1000
    assert bounded_text(lambda: str(os.getpid()), "it") != str(os.getpid())
    with pytest.raises(FailedError, match="ZeroDivisionError"):
        bounded_text(lambda: str(1 / 0), "it")
    with pytest.raises(ModelError, match="it does not end"):
        bounded_text(lambda: "a" * 1_000_001, "it")
    with pytest.raises(ModelError, match="it does not end"):
        bounded_text(lambda: os._exit(3), "it")  # type: ignore[arg-type]  # it returns nothing, ever
