"""The memory plan compared with measurements: bytes of loaded models, and the peak of real steps in TRL's trainer."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
import torch
from peft import PeftModel
from transformers import LlamaConfig, LlamaForCausalLM

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.errors import ModelError
from prefopt.model.adapters import fresh_adapter
from prefopt.model.counted import SHIPPED, Counted, digest
from prefopt.model.footprint import LiveBytes
from prefopt.model.load import load_base
from prefopt.model.plan import Machine, Run, card, changes, count, key_of_run, make_plan, refuse_too_large
from prefopt.presets import GIB, PRESETS
from tests.gptoss import make_checkpoint, make_tokenizer
from tools.count_plans import runs

ROOT = Path(__file__).resolve().parents[2]
CPU = Machine("this test", "cpu", 2**34)
ADAPTER = AdapterSettings(rank=4, alpha=8)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wide enough that activations are large compared with Python's own megabytes."""
    sizes = {"hidden_size": 256, "intermediate_size": 256, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64}
    return make_checkpoint(tmp_path_factory.mktemp("small") / "base", layers=6, **sizes)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("llama")
    torch.manual_seed(0)
    sizes = {"vocab_size": 640, "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 4}
    LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=4, num_key_value_heads=2)).save_pretrained(path)
    make_tokenizer().save_pretrained(path)
    return path


def weights(plan_parts: dict[str, int]) -> int:
    return sum(plan_parts[part] for part in ("experts", "attention", "embeddings", "other"))


@pytest.mark.parametrize("options", [{}, {"nf4_attention": True}, {"dtype": "bfloat16"}])
def test_planned_weights_equal_loaded_weights(small: Path, options: dict[str, object]) -> None:
    settings = ModelSettings(path=str(small), device="cpu", **options)
    base, plan = load_base(settings), make_plan(Run(settings, ADAPTER, 64), CPU)
    assert plan.parts["experts"] >= base.bytes_by_dtype["mxfp4"]  # plus the experts' biases
    assert weights(plan.parts) == pytest.approx(sum(base.bytes_by_dtype.values()), rel=0.002)
    trained = sum(p.numel() for p in fresh_adapter(base, ADAPTER, 0).parameters() if p.requires_grad)
    assert (plan.parts["adapter"], plan.parts["gradients and optimizer"]) == (4 * trained, 12 * trained)
    assert plan.formats["attention"] == ("nf4" if "nf4_attention" in options else str(options.get("dtype", "float32")))


def test_planned_adapters_follow_their_targets(llama: Path) -> None:
    settings = ModelSettings(path=str(llama), device="cpu", quantized=False)
    sizes = []
    for targets in ("attention", "all-linear", ("v_proj",)):
        adapter = AdapterSettings(rank=4, alpha=8, experts=False, targets=targets)
        model = fresh_adapter(load_base(settings), adapter, 0)
        sizes.append(4 * sum(p.numel() for p in model.parameters() if p.requires_grad))
        assert make_plan(Run(settings, adapter, 64), CPU).parts["adapter"] == sizes[-1]
    assert sizes[1] > sizes[0] > sizes[2] > 0


@pytest.mark.parametrize("quantized", [True, False, "auto"])
def test_planned_weights_of_another_causal_lm(llama: Path, quantized: bool | Literal["auto"]) -> None:
    settings = ModelSettings(path=str(llama), device="cpu", quantized=quantized)
    plan = make_plan(Run(settings, AdapterSettings(rank=4, alpha=8), 64), CPU)
    assert plan.run.adapter.experts is False
    assert weights(plan.parts) == pytest.approx(sum(load_base(settings).bytes_by_dtype.values()), rel=0.01)
    assert plan.formats["attention"] == ("nf4" if quantized is True else "float32")


@pytest.mark.parametrize(
    ("rows", "checkpointing", "attention"),
    [(3, True, "eager"), (1, False, "eager"), (3, True, "sdpa"), (1, False, "sdpa"), (3, False, "sdpa")],
)
def test_planned_activations_equal_measured_ones(small: Path, checkpointing: bool, rows: int, attention: str) -> None:
    """Compares with the tensors of a real step. The plan assumes even routing, so the counts differ a little."""
    settings = ModelSettings(path=str(small), device="cpu", attention=attention)
    plan = make_plan(Run(settings, ADAPTER, 192, rows, checkpointing=checkpointing), CPU)
    model: PeftModel = fresh_adapter(load_base(settings), ADAPTER, 0).train()
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    ids = torch.randint(3, 600, (rows, 192), generator=torch.Generator().manual_seed(0))
    decoder = model.get_base_model().get_decoder()
    decoder(input_ids=ids, use_cache=False).last_hidden_state.sum().backward()  # makes tables and gradients, which later steps reuse
    with LiveBytes() as live:
        hidden = decoder(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).last_hidden_state
        kept = live.now
        hidden.backward(torch.empty_like(hidden))
    layer = plan.parts["kept for backward"] + plan.parts["worst moment"]
    assert plan.parts["kept for backward"] == pytest.approx(kept, rel=0.05)
    if "logits" not in _worst(plan.formats["worst moment"]):
        assert layer == pytest.approx(live.peak, rel=0.1)


def _worst(text: str) -> str:
    """The larger candidate: "logits" or "layer"."""
    sizes = [float(word) for word in text.replace(",", "").split() if word.replace(".", "").isdigit()]
    return "logits" if sizes[1] > sizes[0] else "layer"


STEPS = """
import sys, warnings
warnings.simplefilter("ignore")
import prefopt.model
from pathlib import Path
from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
from prefopt.protocols import TrainingJob
from prefopt.records import Problem
from prefopt.taxonomy import builtin_taxonomy
import recipes.training, trl, transformers.models.gpt_oss.modeling_gpt_oss
from recipes.sft import Sft, SftConfig

def resident(field):
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(field))

def train(words, folder):
    text = "사과 " * words
    rows = [Problem(id=f"p{i}", text=text, label="[2수01-05]", level="B", difficulty=1, reason="더한다.") for i in range(4)]
    job = TrainingJob(Path(folder), ModelSettings(path=sys.argv[1], device="cpu"), AdapterSettings(rank=4, alpha=8),
                      PromptSettings(instructions="x", max_tokens=4096), AnswerSettings(), builtin_taxonomy(), None, rows)
    Sft().train(job, SftConfig(batch_size=4, gradient_accumulation_steps=1, num_train_epochs=1, reason_share=0, explain_share=0))

train(4, sys.argv[2] + "/a")
Path("/proc/self/clear_refs").write_text("5")
before = resident("VmRSS:")
train(int(sys.argv[3]), sys.argv[2] + "/b")
print("PEAK", resident("VmHWM:") - before)
"""


def test_planned_peak_is_the_resident_memory_of_a_run(small: Path, tmp_path: Path) -> None:
    """A whole SFT run with TRL in a process that returns freed memory at once; a first run has loaded all code."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    environment = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", STEPS, str(small), str(tmp_path), "60"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    measured = int(done.stdout.split("PEAK")[1])
    from prefopt.config import AnswerSettings, PromptSettings
    from prefopt.model.harmony import Renderer
    from prefopt.records import Answer, Problem
    from prefopt.taxonomy import builtin_taxonomy

    renderer = Renderer(make_tokenizer(), PromptSettings(instructions="x"), AnswerSettings(), builtin_taxonomy())
    problem = Problem(id="p", text="사과 " * 60, label="[2수01-05]", level="B", difficulty=1)
    answer = Answer(label="[2수01-05]", level="B", difficulty=1)
    tokens = len(renderer.prompt(problem, with_reason=False)) + len(renderer.completion(answer, with_reason=False))
    plan = make_plan(Run(ModelSettings(path=str(small), device="cpu"), ADAPTER, tokens, 4), CPU)
    planned = plan.total - plan.parts["reserve"]
    # planned for either engine: "prompt_sharing", which runs here, computes less of the last layer
    assert 0.95 * measured <= planned <= 1.2 * measured, (planned / 2**20, measured / 2**20, plan.parts)


def test_shapes_of_20b_and_120b_are_known_without_a_checkpoint() -> None:
    gib = {}
    for name, size in (("gpt-oss-20b", 24), ("gpt-oss-120b", 80)):
        plan = make_plan(Run(ModelSettings(path=name), AdapterSettings(rank=8, alpha=16), 2048), card(size))
        gib[name] = weights(plan.parts) / 2**30
        assert plan.fits
    assert gib["gpt-oss-20b"] == pytest.approx(12.8, abs=0.1)
    assert gib["gpt-oss-120b"] == pytest.approx(60.8, abs=0.1)


def test_a_run_that_does_not_fit_is_refused_with_settings_that_do() -> None:
    run = Run(ModelSettings(path="gpt-oss-20b"), AdapterSettings(rank=16, alpha=32), 2048, 8, "dpo")
    plan = make_plan(run, card(24))
    assert not plan.fits
    with pytest.raises(ModelError, match=r"needs \d+\.\d GiB, and a GPU of 24 GiB has 24.0 GiB\n.*recipes.dpo.batch_size = \d") as refused:
        refuse_too_large(plan)
    advised = re.search(r"batch_size = (\d+)", str(refused.value))
    assert advised
    batch = int(advised[1])
    fitting = Run(run.model, run.adapter, 2048, batch, "dpo")
    assert make_plan(fitting, card(24)).fits
    assert plan.largest_batch == batch
    assert changes(run, fitting) == [f"recipes.dpo.batch_size = {batch}"]


def test_the_command_prints_the_plan_and_loads_nothing(small: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(small, tmp_path / "headers")
    command = [sys.executable, "-m", "prefopt", "plan", str(folder), "--tokens", "128", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["total_bytes"] == sum(report["bytes"].values())
    assert report["fits"]
    assert report["largest_batch"] > 1
    shard = folder / "model.safetensors"
    shard.write_bytes(shard.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="truncated"):
        make_plan(Run(ModelSettings(path=str(folder)), ADAPTER, 128), CPU)


@pytest.mark.parametrize("name", ["gpu16", "gpu24", "gpu80"])
def test_a_preset_fits_into_its_gpu(name: str) -> None:
    """The two smallest presets and the one without gradient checkpointing, with the recipe that needs the most memory."""
    given = PRESETS[name]
    model, recipe = ModelSettings(path="gpt-oss-20b", **given["model"]), given["recipes"]["dpo"]
    run = Run(model, AdapterSettings(**given["adapter"]), 2048, recipe["batch_size"], "dpo", recipe["gradient_checkpointing"])
    assert make_plan(run, card(GIB[name])).fits


def test_what_is_shipped_is_what_is_counted() -> None:
    """The counts of the package are those of the libraries in use: `python -m tools.count_plans` makes them again."""
    shipped, checked = json.loads(SHIPPED.read_text(encoding="utf-8")), 0
    assert set(shipped) == {digest(str(key_of_run(run, machine))) for run, machine in runs()}
    for run, machine in runs():
        if (run.model.path, run.recipe, run.tokens, machine.name) in (
            ("tiny", "dpo", 2048, "main memory"),
            ("gpt-oss-20b", "sft", 512, card(24).name),
        ):
            assert Counted.model_validate(shipped[digest(str(key_of_run(run, machine)))]) == count(run, machine)
            checked += 1
    assert checked == 2
