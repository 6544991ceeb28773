"""What counts as the same base, and the file that a refusal names."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GptOssConfig, LlamaConfig, LlamaForCausalLM

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.errors import ModelError
from prefopt.model import file_facts, tensor_digests
from prefopt.model.adapter_card import CARD, AdapterCard, read_card
from prefopt.model.adapters import fresh_adapter, load_adapter, save_adapter
from prefopt.model.checkpoint import open_checkpoint, sampled_fingerprint
from prefopt.model.export import export_adapter
from prefopt.model.identity import identify, refuse_other_base
from prefopt.model.identity_parts import effective_config
from prefopt.model.load import identity_of, load_base, model_config
from prefopt.model.merge import merge_adapter
from prefopt.model.tiny import checkpoint_path
from prefopt.model.tokenizer import read_tokenizer
from tests.gptoss import make_tokenizer

TINY = checkpoint_path()
TENSORS = sorted(load_file(TINY / "model.safetensors"))
TEMPLATE = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the tiny gpt-oss, with a template."""
    path = Path(shutil.copytree(TINY, tmp_path / "base", copy_function=shutil.copyfile))
    (path / "chat_template.jinja").write_text(TEMPLATE)
    return path


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that was trained on `folder`."""
    root = tmp_path_factory.mktemp("adapter")
    base = Path(shutil.copytree(TINY, root / "base", copy_function=shutil.copyfile))
    (base / "chat_template.jinja").write_text(TEMPLATE)
    loaded = load_base(ModelSettings(path=str(base), device="cpu"))
    settings = AdapterSettings(rank=2, alpha=4, experts=True)
    card = AdapterCard(
        parent=None,
        base=loaded.identity.id,
        base_parts=dict(loaded.identity.parts),
        recipe="sft",
        round=0,
        seed=0,
        rank=2,
        alpha=4,
        experts=True,
    )
    save_adapter(fresh_adapter(loaded, settings, seed=0), root / "adapter", card)
    shutil.rmtree(base)
    return root / "adapter"


@pytest.fixture(scope="module")
def read() -> tuple[Any, Any]:
    """Configuration and tokenizer of the tiny gpt-oss with the template; reading them takes longer than hashing its weights."""
    tokenizer = read_tokenizer(TINY)
    tokenizer.chat_template = TEMPLATE
    return model_config(TINY), tokenizer


def refused(folder: Path, adapter: Path) -> str:
    """The message with which the adapter is refused on a base; fails where it is accepted."""
    card = read_card(adapter)
    with pytest.raises(ModelError) as found:
        refuse_other_base(adapter, card.base, card.base_parts, folder, identity_of(folder))
    return found.value.message


def loads(folder: Path, adapter: Path) -> None:
    load_adapter(load_base(ModelSettings(path=str(folder), device="cpu")), adapter, trainable=False)


def edit(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")


def change_tensor(folder: Path, name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors[name] = change(tensors[name].clone()).contiguous()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def zeroed(tensor: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(tensor) if tensor.any() else torch.ones_like(tensor)


def half_scaled(tensor: torch.Tensor) -> torch.Tensor:
    flat = tensor.flatten()
    flat[: (len(flat) + 1) // 2] = (flat[: (len(flat) + 1) // 2] * 1.5 + 1).to(flat.dtype)
    return flat.view(tensor.shape)


def one_element(tensor: torch.Tensor) -> torch.Tensor:
    flat = tensor.flatten()
    flat[-1] += 1
    return flat.view(tensor.shape)


@pytest.mark.parametrize("change", [zeroed, half_scaled, one_element])
@pytest.mark.parametrize("name", TENSORS)
def test_any_changed_tensor_is_refused_by_name(
    folder: Path, adapter: Path, read: tuple[Any, Any], name: str, change: Callable[..., torch.Tensor]
) -> None:
    change_tensor(folder, name, change)
    card = read_card(adapter)
    with pytest.raises(ModelError) as found:
        refuse_other_base(adapter, card.base, card.base_parts, folder, identify(open_checkpoint(folder), *read))
    assert f"{adapter}: model.safetensors ({name}): changed" in found.value.message


@pytest.mark.parametrize("name", ["model.layers.0.self_attn.v_proj.weight", "model.norm.weight", "model.layers.3.mlp.router.weight"])
def test_loading_and_merging_refuse_a_changed_tensor(folder: Path, adapter: Path, tmp_path: Path, name: str) -> None:
    change_tensor(folder, name, zeroed)
    with pytest.raises(ModelError, match=name):
        loads(folder, adapter)
    with pytest.raises(ModelError, match=name):
        merge_adapter(folder, adapter, tmp_path / "merged")


def test_the_weights_files_are_named_where_the_earlier_tensors_are_not_known(
    folder: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_tensor(folder, "model.norm.weight", zeroed)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    assert "model.safetensors (the weights): changed" in refused(folder, adapter)


def _no_merge(place: int) -> Callable[[Path], None]:
    return lambda folder: edit(folder / "tokenizer.json", lambda found: found["model"]["merges"].pop(place))


def _swapped_merges(folder: Path) -> None:
    edit(folder / "tokenizer.json", lambda found: found["model"]["merges"].insert(0, found["model"]["merges"].pop(5)))


def _set(file: str, **values: Any) -> Callable[[Path], None]:
    return lambda folder: edit(folder / file, lambda found: found.update(values))


def _template(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text(TEMPLATE.replace(": ", ":  "))


def _no_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_no_merge(0), "tokenizer.json"),
        (_no_merge(777), "tokenizer.json"),
        (_no_merge(-1), "tokenizer.json"),
        (_swapped_merges, "tokenizer.json"),
        (_template, "chat_template.jinja"),
        (_no_template, "chat_template.jinja"),
        (_set("config.json", sliding_window=128), "config.json"),
        (_set("config.json", swiglu_limit=5.0), "config.json"),
        (_set("config.json", swiglu_alpha=1.0), "config.json"),
        (_set("config.json", rms_norm_eps=1e-6), "config.json"),
        (_set("config.json", layer_types=["full_attention"] * 6), "config.json"),
        (_set("config.json", rope_parameters={"rope_theta": 10000.0, "rope_type": "default"}), "config.json"),
        (_set("config.json", num_experts_per_tok=1), "config.json"),
        (_set("config.json", attention_dropout=0.1), "config.json"),
        (_set("config.json", eos_token_id=4095), "config.json"),
        (_set("config.json", quantization_config={"quant_method": "mxfp4"}), "config.json"),
        (_set("generation_config.json", eos_token_id=[4089, 4095]), "generation_config.json"),
        (_set("generation_config.json", temperature=0.3), "generation_config.json"),
        (_set("tokenizer_config.json", eos_token="<|end|>"), "tokenizer_config.json"),
        (_set("tokenizer_config.json", pad_token="<|return|>"), "tokenizer_config.json"),
        (_set("tokenizer_config.json", split_special_tokens=True), "tokenizer_config.json"),
    ],
)
def test_a_changed_file_is_refused_by_name(folder: Path, adapter: Path, change: Callable[[Path], None], named: str) -> None:
    change(folder)
    assert f": {named}" in (message := refused(folder, adapter))
    assert "changed" in message
    assert message.count("json") + message.count("jinja") <= 2, "other files are named too"


def test_an_edited_template_in_tokenizer_config_is_named_there(folder: Path, adapter: Path, tmp_path: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    _set("tokenizer_config.json", chat_template=TEMPLATE)(folder)
    loads(folder, adapter)  # the same text in another place
    _set("tokenizer_config.json", chat_template=TEMPLATE + " ")(folder)
    assert ": tokenizer_config.json (chat_template): changed" in refused(folder, adapter)


def _shards(count: int) -> Callable[[Path], None]:
    def split(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        names = sorted(tensors, reverse=True)
        files = {f"model-{i + 1:05d}-of-{count:05d}.safetensors": names[i::count] for i in range(count)}
        for file, part in files.items():
            save_file({name: tensors[name] for name in part}, folder / file)
        (folder / "model.safetensors").unlink()
        weight_map = {name: file for file, part in files.items() for name in part}
        (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))

    return split


def _reformatted(folder: Path) -> None:
    for file in folder.glob("*.json"):
        content = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps(dict(reversed(content.items())), indent=7, ensure_ascii=True))


def _merges_as_text(folder: Path) -> None:
    edit(
        folder / "tokenizer.json",
        lambda t: t["model"].update(merges=[m if isinstance(m, str) else " ".join(m) for m in t["model"]["merges"]]),
    )


def _without(file: str, key: str) -> Callable[[Path], None]:
    return lambda folder: edit(folder / file, lambda found: found.pop(key))


def _moved(folder: Path) -> None:
    shutil.move(folder, folder.parent / "elsewhere")
    (folder.parent / "elsewhere").rename(folder)


@pytest.mark.parametrize(
    "change",
    [
        _shards(1),
        _shards(2),
        _shards(14),
        _reformatted,
        _merges_as_text,
        _moved,
        _set("config.json", note="of ours", model_name="x", extra={"a": 1}),
        _set("config.json", eos_token_id=[4088, 4095, 4089], dtype="float32", use_cache=False, transformers_version="4.55.0"),
        _set("config.json", attention_dropout=0, swiglu_limit=7.0, tie_word_embeddings=False, architectures=None),
        _without("config.json", "swiglu_limit"),
        _without("config.json", "layer_types"),
        _set("generation_config.json", note="of ours", transformers_version="4.55.0", top_k=None),
        _set("tokenizer_config.json", note="of ours", model_max_length=99, mask_token=None),
    ],
)
def test_the_same_base_written_otherwise_is_accepted(folder: Path, adapter: Path, change: Callable[[Path], None]) -> None:
    change(folder)
    loads(folder, adapter)


def test_one_eos_is_the_same_as_a_list_of_one(folder: Path) -> None:
    _set("config.json", eos_token_id=4095)(folder)
    _set("generation_config.json", eos_token_id=4095)(folder)
    one = identity_of(folder)
    _set("config.json", eos_token_id=[4095])(folder)
    _set("generation_config.json", eos_token_id=[4095])(folder)
    assert identity_of(folder) == one


def test_restoring_the_file_as_the_hint_says_makes_the_adapter_load(folder: Path, adapter: Path) -> None:
    kept = (folder / "tokenizer.json").read_bytes()
    _no_merge(3)(folder)
    with pytest.raises(ModelError) as found:
        loads(folder, adapter)
    assert "restore the folder as it was" in found.value.hint
    (folder / "tokenizer.json").write_bytes(kept)
    loads(folder, adapter)


def test_a_key_that_only_the_modeling_code_reads_counts(tmp_path: Path) -> None:
    """transformers keeps a key that a configuration does not declare; some models read such keys."""
    torch.manual_seed(0)
    sizes = {"vocab_size": 640, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(**sizes)).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    first = identity_of(tmp_path)
    _set("config.json", unheard_of=3)(tmp_path)
    assert identity_of(tmp_path) == first
    _set("config.json", quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True})(tmp_path)
    assert identity_of(tmp_path).parts["config"] != first.parts["config"]
    _without("config.json", "quantization_config")(tmp_path)
    _set("config.json", rope_theta=77.0)(tmp_path)
    _without("config.json", "rope_parameters")(tmp_path)
    assert identity_of(tmp_path).parts["config"] != first.parts["config"], "the older name of a setting"


def test_all_keys_count_where_they_cannot_be_tried_one_by_one() -> None:
    raw = {"num_hidden_layers": "four", "note": 1, "use_cache": True}
    assert effective_config(raw, GptOssConfig()) == {"num_hidden_layers": "four", "note": 1, "model_type": "gpt_oss"}


def test_a_tokenizer_without_tokenizer_json_is_compared_as_built(tmp_path: Path) -> None:
    torch.manual_seed(0)
    sizes = {"vocab_size": 640, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(**sizes)).save_pretrained(tmp_path)
    model = json.loads(make_tokenizer().backend_tokenizer.to_str())["model"]
    merges = [" ".join(pair) for pair in model["merges"]]
    (tmp_path / "vocab.json").write_text(json.dumps(model["vocab"]))
    (tmp_path / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "GPT2Tokenizer"}))
    first = identity_of(tmp_path)
    (tmp_path / "merges.txt").write_text("\n".join(["#version: 0.2", *merges[:-1]]))
    with pytest.raises(ModelError, match=r"vocab\.json, merges\.txt: changed"):
        refuse_other_base(Path("adapter"), first.id, first.parts, tmp_path, identity_of(tmp_path))


def test_an_export_of_an_adapter_on_a_changed_base_is_refused(folder: Path, adapter: Path, tmp_path: Path) -> None:
    change_tensor(folder, "model.norm.weight", zeroed)
    with pytest.raises(ModelError, match=r"model\.norm\.weight"):
        export_adapter(ModelSettings(path=str(folder), device="cpu"), adapter, tmp_path / "out")


def test_a_card_of_an_earlier_version_is_verified_as_it_was_made(folder: Path, adapter: Path, tmp_path: Path) -> None:
    old = Path(shutil.copytree(adapter, tmp_path / "old"))
    edit(old / CARD, lambda card: (card.pop("base_parts"), card.update(base=sampled_fingerprint(open_checkpoint(folder)))))
    loads(folder, old)
    change_tensor(folder, "lm_head.weight", zeroed)
    with pytest.raises(ModelError, match="in the terms of earlier versions"):
        loads(folder, old)


def settle() -> None:
    """Let the file system's clock move on, so that what was just written may be remembered."""
    time.sleep(2 * file_facts._TICK / 1e9)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were hashed."""
    names: list[str] = []
    real = tensor_digests._digests_of
    monkeypatch.setattr(tensor_digests, "_digests_of", lambda shard, pool: (names.append(shard.name), real(shard, pool))[1])
    return names


def test_a_file_is_hashed_again_when_its_size_times_or_inode_change(folder: Path, hashed: list[str]) -> None:
    file = folder / "model.safetensors"
    settle()
    first = identity_of(folder)
    assert identity_of(folder) == first
    assert hashed == [file.name]
    content = file.read_bytes()
    file.write_bytes(content)  # the same content, written later
    settle()
    assert identity_of(folder) == first
    assert len(hashed) == 2
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # the same size and the same modification time
    os.utime(file, ns=times)
    assert identity_of(folder) != first
    assert len(hashed) == 3


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_noticed(folder: Path) -> None:
    file = folder / "model.safetensors"
    settle()
    first = identity_of(folder)
    other = folder / "other"
    content = file.read_bytes()
    other.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.replace(file)
    assert identity_of(folder) != first


@pytest.mark.parametrize("damage", ["", "{", '{"path": 1}', "\x00\xff", '{"path": "", "state": [], "facts": {}}'])
def test_a_broken_cache_is_computed_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    settle()
    first = identity_of(folder)
    records = list((tmp_path / "cache").rglob("*.json"))
    assert len(records) == 3  # tensors of the file, tensors of the base, tokenizer
    for record in records:
        record.write_text(damage, encoding="latin-1")
    assert identity_of(folder) == first


def test_records_that_lost_a_tensor_are_computed_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    settle()
    first = identity_of(folder)
    for record in (tmp_path / "cache").rglob("*.json"):
        edit(record, lambda found: found["facts"].popitem())
    assert identity_of(folder) == first


@pytest.mark.parametrize("place", ["a file", "a folder without permission", "no home"])
def test_no_cache_is_needed(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    first = identity_of(folder)
    if place == "no home":
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    else:
        cache = tmp_path / "cache"
        cache.write_text("") if place == "a file" else cache.mkdir(mode=0o555)
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    assert identity_of(folder) == first


def test_several_at_once_find_the_same_and_leave_whole_records(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    settle()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(identity_of, [folder] * 8))
    assert found == [found[0]] * 8
    assert [json.loads(path.read_bytes()) for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_two_descriptions_of_the_weights_in_one_folder_are_refused(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    _shards(2)(folder)
    (folder / "model.safetensors").write_bytes(whole)
    with pytest.raises(ModelError, match="not clear which of them is the model") as found:
        open_checkpoint(folder)
    assert "remove" in found.value.hint
    (folder / "model.safetensors").unlink()
    open_checkpoint(folder)


def test_an_adapter_in_the_folder_of_a_base_is_refused(folder: Path, adapter: Path) -> None:
    shutil.copy(adapter / "adapter_config.json", folder)
    with pytest.raises(ModelError, match="holds an adapter"):
        open_checkpoint(folder)
