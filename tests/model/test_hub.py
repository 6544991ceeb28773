"""Models on the Hub: names, a cache as huggingface_hub lays it out, and downloads from a server that answers as the Hub does."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from prefopt.config import AdapterSettings, ModelSettings, ProjectConfig
from prefopt.errors import ModelError
from prefopt.model.adapters import AdapterCard, fresh_adapter, load_adapter, save_adapter
from prefopt.model.hub import HubModel, base_name, cached, hub_model, in_words, resolve, snapshot
from prefopt.model.identity import refuse_other_base
from prefopt.model.load import identity_of, load_base, model_folder
from prefopt.model.plan import Plan, plan_training
from prefopt.model.tiny import checkpoint_path
from prefopt.project.project import open_project
from prefopt.project.round_toml import freeze_round
from prefopt.rounds.frozen import take_up
from prefopt.rounds.order import STAGES
from prefopt.rounds.starting import _freeze
from tests.hub_server import Hub, commit_of, lay_out, serve

NAME = "maker/small"
FIRST, SECOND = commit_of(1), commit_of(2)
OTHER = "maker/other"
WANTED = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; the Hub is not asked (tests/conftest.py sets HF_HUB_OFFLINE)."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "hub"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The tiny model after a commit that changed a tensor."""
    folder = Path(shutil.copytree(checkpoint_path(), tmp_path / "other"))
    tensors = load_file(folder / "model.safetensors")
    save_file(tensors | {"model.norm.weight": torch.zeros_like(tensors["model.norm.weight"])}, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("openai/gpt-oss-20b", HubModel("openai/gpt-oss-20b", "main")),
        ("openai/gpt-oss-20b@" + FIRST, HubModel("openai/gpt-oss-20b", FIRST)),
        ("Qwen/Qwen3-0.6B@refs/pr/4", HubModel("Qwen/Qwen3-0.6B", "refs/pr/4")),
        *((path, None) for path in ("tiny", "gpt-oss-20b", "/models/base", "./models/base", "~/models", "a/b/c", "../x", "a/b@", "가/나")),
    ],
)
def test_names_on_the_hub_and_paths_are_told_apart(cache: Path, path: str, expected: HubModel | None) -> None:
    assert hub_model(path) == expected


def test_a_folder_of_that_name_wins(cache: Path, tmp_path: Path) -> None:
    lay_out(cache, NAME, checkpoint_path(), FIRST)
    folder = tmp_path / NAME
    shutil.copytree(checkpoint_path(), folder)
    assert model_folder(NAME) == folder.resolve()
    assert base_name(NAME) == (str(folder), None)


def test_a_mistyped_path_is_answered_with_the_one_beside_it(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "models" / "gpt-oss-tiny").mkdir(parents=True)
    with pytest.raises(ModelError, match="no such model folder") as found:
        model_folder("./models/gpt-oss-tony")
    assert 'did you mean "models/gpt-oss-tiny"?' in found.value.hint
    with pytest.raises(ModelError) as found:
        model_folder("gpt-oss-20b")
    assert '"openai/gpt-oss-20b"' in found.value.hint
    (tmp_path / "file.safetensors").write_text("")
    with pytest.raises(ModelError, match=r"a file, and model\.path is a folder"):
        model_folder(str(tmp_path / "file.safetensors"))


def test_a_model_in_the_cache_is_loaded_without_the_hub(cache: Path) -> None:
    lay_out(cache, NAME, checkpoint_path(), FIRST)
    by_commit = load_base(ModelSettings(path=f"{NAME}@{FIRST}", device="cpu"))
    by_branch = load_base(ModelSettings(path=NAME, device="cpu"))
    tiny = load_base(ModelSettings(path="tiny", device="cpu"))
    assert by_commit.fingerprint == by_branch.fingerprint == tiny.fingerprint
    assert by_commit.path == cache / "models--maker--small" / "snapshots" / FIRST
    assert base_name(NAME) == base_name(f"{NAME}@{FIRST}") == (NAME, FIRST)
    assert base_name("tiny") == (str(checkpoint_path()), None)
    assert "as last seen; HF_HUB_OFFLINE is set" in resolve(HubModel(NAME, "main")).note
    assert in_words(HubModel(NAME, FIRST)) == f"{NAME}@{FIRST}, in the cache"


def test_an_adapter_moves_between_the_cache_and_a_folder(cache: Path, tmp_path: Path) -> None:
    base = load_base(ModelSettings(path="tiny", device="cpu"))
    parts = dict(base.identity.parts)
    card = AdapterCard(parent=None, base=base.fingerprint, base_parts=parts, recipe="sft", round=0, seed=0, rank=2, alpha=4, experts=False)
    save_adapter(fresh_adapter(base, AdapterSettings(rank=2, alpha=4, experts=False), 0), tmp_path / "adapter", card)
    lay_out(cache, NAME, checkpoint_path(), FIRST)
    load_adapter(load_base(ModelSettings(path=NAME, device="cpu")), tmp_path / "adapter", trainable=False)


@pytest.mark.parametrize("name", [NAME, f"{NAME}@{FIRST}"])
def test_a_model_that_is_not_in_the_cache_is_refused_offline(cache: Path, name: str) -> None:
    with pytest.raises(ModelError, match=f"{NAME}@.*not complete in the cache .*HF_HUB_OFFLINE is set") as found:
        load_base(ModelSettings(path=name, device="cpu"))
    assert "HF_HUB_OFFLINE=0" in found.value.hint
    assert "not" in in_words(HubModel(NAME, FIRST))


@pytest.mark.parametrize("lost", ["config.json", "model.safetensors", "tokenizer.json"])
def test_an_incomplete_snapshot_is_not_used(cache: Path, lost: str) -> None:
    folder = lay_out(cache, NAME, checkpoint_path(), FIRST)
    if lost == "tokenizer.json":
        (folder / "tokenizer_config.json").unlink()
    (folder / lost).resolve().unlink()  # a link to nothing is left
    assert cached(HubModel(NAME, FIRST)) is None
    with pytest.raises(ModelError, match="not complete in the cache"):
        snapshot(HubModel(NAME, FIRST))


def weights(plan: Plan) -> dict[str, int]:
    return {part: plan.parts[part] for part in ("experts", "attention", "embeddings", "other", "adapter")}


def test_a_plan_is_made_from_the_cache(cache: Path) -> None:
    lay_out(cache, NAME, checkpoint_path(), FIRST)
    ours, tiny = (plan_training(ProjectConfig(), path, tokens=128, gpu_gib=24) for path in (NAME, "tiny"))
    assert weights(ours) == weights(tiny)


def test_rounds_keep_the_commit_although_the_branch_moves(cache: Path, other: Path, tmp_path: Path) -> None:
    lay_out(cache, NAME, checkpoint_path(), FIRST)
    (tmp_path / "prefopt.toml").write_text(f'[model]\npath = "{NAME}"\n')
    start = {"recipe": "sft"}
    first = _freeze(open_project(tmp_path), 0, {"round": 0, **start})
    lay_out(cache, NAME, other, SECOND)
    second = _freeze(open_project(tmp_path), 1, {"round": 1, "parent": 0, **start})
    assert first.config.model.path == second.config.model.path == f"{NAME}@{FIRST}"
    assert second.settings.model.path == NAME
    assert "HF_HUB_OFFLINE is set" in (first.folder / "round.toml").read_text()
    assert identity_of(model_folder(second.config.model.path)) == identity_of(checkpoint_path())
    assert identity_of(model_folder(NAME)) != identity_of(checkpoint_path())
    (tmp_path / "prefopt.toml").write_text(f'[model]\npath = "{NAME}@{SECOND}"\n')
    third = _freeze(open_project(tmp_path), 2, {"round": 2, "parent": 1, **start})
    assert (third.config.model.path, third.model_commit) == (f"{NAME}@{SECOND}", None)


@pytest.mark.parametrize(("now", "path", "commit"), [(OTHER, f"{OTHER}@{SECOND}", SECOND), ("tiny", "tiny", None)])
def test_another_model_takes_its_own_commit(cache: Path, other: Path, tmp_path: Path, now: str, path: str, commit: str | None) -> None:
    lay_out(cache, NAME, checkpoint_path(), FIRST)
    lay_out(cache, OTHER, other, SECOND)
    (tmp_path / "prefopt.toml").write_text(f'[model]\npath = "{NAME}"\n')
    assert _freeze(open_project(tmp_path), 0, {"round": 0, "recipe": "sft"}).config.model.path == f"{NAME}@{FIRST}"
    (tmp_path / "prefopt.toml").write_text(f'[model]\npath = "{now}"\n')
    rnd = take_up(open_project(tmp_path).round(0), STAGES["train"])
    assert (rnd.config.model.path, rnd.settings.model.path, rnd.model_commit) == (path, now, commit)


def test_a_round_of_a_folder_has_no_commit(tmp_path: Path) -> None:
    (tmp_path / "prefopt.toml").write_text("")
    rnd = freeze_round(open_project(tmp_path), 0, {"round": 0, "recipe": "sft"})
    assert (rnd.model_commit, rnd.config) == (None, rnd.settings)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A repository with more than a base needs."""
    folder = Path(shutil.copytree(checkpoint_path(), tmp_path / "files"))
    for name in ("original/model.safetensors", "metal/model.bin", "pytorch_model.bin", "consolidated.safetensors", "README.md", "run.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    return folder


@pytest.fixture
def hub(files: Path) -> Iterator[Hub]:
    with serve(Hub(repo=NAME, commits={FIRST: files}, refs={"main": FIRST})) as running:
        yield running


class Client:
    """Python in a process of its own, with the cache and the server of the test."""

    def __init__(self, hub: Hub, home: Path) -> None:
        self.hub, self.home = hub, home

    def start(self, code: str, **environment: str) -> subprocess.Popen[str]:
        lines = f"from prefopt.model.hub import *\nmodel = hub_model({NAME!r})\n{code}"
        env = (
            os.environ
            | {"HF_ENDPOINT": self.hub.url, "HF_HOME": str(self.home), "HF_HUB_OFFLINE": "0", "HF_TOKEN": "hf_secret"}
            | environment
        )
        return subprocess.Popen(
            [sys.executable, "-c", lines], env=env, cwd=self.home.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, code: str, **environment: str) -> str:
        """What the code prints; a ModelError is printed too."""
        guarded = (
            "try:\n" + "".join(f"    {line}\n" for line in code.splitlines()) + "except ModelError as error: print('ModelError', error)"
        )
        process = self.start(guarded, **environment)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert "hf_secret" not in out + err
        return out


@pytest.fixture
def client(hub: Hub, tmp_path: Path) -> Client:
    return Client(hub, tmp_path / "home")


def test_only_what_a_base_needs_is_downloaded_with_progress_and_once(client: Client, hub: Hub) -> None:
    assert f"{NAME}@{FIRST}, 4.6 MB of 4.6 MB to download" in client.run("print(in_words(model))")
    assert hub.downloaded() == set()
    out = client.run("print(snapshot(model, lambda *step: print(step)))\nprint(in_words(model))\nprint(base_name(str(model)))")
    assert hub.downloaded() == WANTED
    assert f"(4, 4, 'MB of {NAME}')" in out
    assert f"{NAME}@{FIRST}, in the cache" in out
    assert str(("maker/small", FIRST)) in out
    folder = client.home / "hub" / "models--maker--small" / "snapshots" / FIRST
    assert {path.name for path in folder.iterdir()} == WANTED
    assert identity_of(folder) == identity_of(checkpoint_path())
    asked = len(hub.requests)
    client.run(f"print(snapshot(model.at({FIRST!r})))", HF_HUB_DISABLE_TELEMETRY="1")
    assert [path for _, path, _ in hub.requests[asked:] if NAME in path] == [], "a commit in the cache needs no network"


def test_a_changed_base_in_the_cache_is_downloaded_again_as_the_hint_says(client: Client, hub: Hub) -> None:
    first = identity_of(folder := Path(client.run("print(snapshot(model))").strip()))
    tokenizer = (folder / "tokenizer.json").resolve()
    content = json.loads(tokenizer.read_bytes())
    content["model"]["merges"].pop()
    tokenizer.write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"tokenizer\.json: changed in") as found:
        refuse_other_base(Path("adapter"), first.id, first.parts, folder, identity_of(folder))
    shutil.rmtree(found.value.hint.removeprefix("delete ").partition(", and it is downloaded again")[0])
    assert identity_of(Path(client.run("print(snapshot(model))").strip())) == first


def test_a_connection_that_breaks_is_taken_up_where_it_broke(client: Client, hub: Hub, files: Path) -> None:
    save_file({"weight": torch.arange(8_000_000, dtype=torch.float32)}, files / "model.safetensors")
    hub.cut = 24_000_000  # the library writes blocks of 10 MiB
    folder = Path(client.run("print(snapshot(model))").strip())
    assert (folder / "model.safetensors").read_bytes() == (files / "model.safetensors").read_bytes()
    assert [span for _, path, span in hub.requests if path.endswith("model.safetensors") and span] == [f"bytes={20 * 2**20}-"]


def test_a_download_that_was_killed_keeps_its_complete_files(client: Client, hub: Hub) -> None:
    hub.stall = 4_000_000
    process = client.start("snapshot(model)")
    assert hub.stalled.wait(60)
    folder = client.home / "hub" / "models--maker--small" / "snapshots" / FIRST
    while len(list(folder.glob("*.json"))) < len(WANTED) - 1:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    hub.stall = None
    hub.go.set()
    assert "4.4 MB of 4.6 MB to download" in client.run("print(in_words(model))")
    hub.requests.clear()
    assert identity_of(Path(client.run("print(snapshot(model))").strip())) == identity_of(checkpoint_path())
    assert hub.downloaded() == {"model.safetensors"}


def test_a_branch_falls_back_to_the_commit_last_seen(client: Client, hub: Hub) -> None:
    client.run("snapshot(model)")
    hub.refusal = (503, "")
    out = client.run("print(resolve(model).note)\nprint(snapshot(model))")
    assert "commit 000000000000 as last seen; the Hub cannot be reached" in out
    assert FIRST in out


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ((403, "GatedRepo"), ["access is granted by its owners", f"accept its terms on https://huggingface.co/{NAME}", "hf auth login"]),
        ((401, "RepoNotFound"), ["there is no folder", "no public model of this name", "hf auth login"]),
        ((404, "RepoNotFound"), ["there is no folder", "correct model.path"]),
        ((404, "RevisionNotFound"), ["no revision 'main'", f'model.path = "{NAME}"']),
        ((403, ""), ["the Hub refused access (status 403)", "hf auth login"]),
        ((500, ""), ["the Hub answered with status 500", "repeat the command"]),
    ],
)
def test_a_refusal_of_the_hub_is_put_in_words(client: Client, hub: Hub, refusal: tuple[int, str], words: list[str]) -> None:
    hub.refusal = refusal
    out = client.run("print(snapshot(model))")
    assert out.startswith("ModelError")
    assert all(word in out for word in words), out


def test_a_hub_that_does_not_answer_is_put_in_words(client: Client) -> None:
    out = client.run("print(snapshot(model))", HF_ENDPOINT="http://127.0.0.1:9")
    assert "the Hub cannot be reached (Connect" in out
    assert "check the network connection" in out
    offline = client.run("print(snapshot(model))", HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in offline
    assert FIRST in client.run("print(snapshot(model))", HF_HUB_OFFLINE="0"), "as the hint says"


def test_a_repository_of_pickles_is_refused_before_their_download(client: Client, hub: Hub, files: Path) -> None:
    (files / "model.safetensors").unlink()
    out = client.run("print(snapshot(model))")
    assert "only pickle files (metal/model.bin, pytorch_model.bin); not downloaded" in out
    assert not any(name.endswith((".bin", ".safetensors")) for name in hub.downloaded())


def test_shards_of_an_index_are_downloaded(client: Client, hub: Hub, files: Path) -> None:
    tensors = load_file(files / "model.safetensors")
    names = sorted(tensors)
    weight_map = {}
    for number in range(3):
        file = f"model-{number + 1:05d}-of-00003.safetensors"
        save_file({name: tensors[name] for name in names[number::3]}, files / file)
        weight_map |= dict.fromkeys(names[number::3], file)
    (files / "model.safetensors").unlink()
    (files / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    folder = Path(client.run("print(snapshot(model))").strip())
    assert identity_of(folder) == identity_of(checkpoint_path())


def test_a_plan_downloads_no_weights(client: Client, hub: Hub) -> None:
    code = (
        "from prefopt.config import ProjectConfig\nfrom prefopt.model.plan import plan_training\n"
        f"print(plan_training(ProjectConfig(), {NAME!r}, tokens=128, gpu_gib=24).parts)"
    )
    found = client.run(code).strip().splitlines()[-1]
    tiny = plan_training(ProjectConfig(), "tiny", tokens=128, gpu_gib=24)
    assert all(f"'{part}': {size}," in found for part, size in weights(tiny).items())
    assert not any(path.endswith(".safetensors") and not span for method, path, span in hub.requests if method == "GET")


def test_names_of_tensors_come_from_the_index(client: Client, hub: Hub, files: Path) -> None:
    weight_map = {"a.weight": "model-00001-of-00001.safetensors"}
    (files / "model.safetensors").unlink()
    (files / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert client.run("print(tensor_names(model))") == "{'a.weight'}\n"


def test_a_model_at_a_commit_is_the_same_model() -> None:
    assert HubModel(NAME, "main").at(FIRST) == replace(HubModel(NAME, "main"), revision=FIRST)
    assert (HubModel(NAME, "main").commit, HubModel(NAME, FIRST).commit) == (None, FIRST)
