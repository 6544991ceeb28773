"""Fused attention, placed layers and the memory plan on a CUDA device. Skipped without one, so CI does not run it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
import torch
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssAttention, GptOssRMSNorm

from benchmarks import gpt_oss_shape
from prefopt.config import AdapterSettings, ModelSettings
from prefopt.model.adapters import fresh_adapter
from prefopt.model.checkpoint import open_checkpoint
from prefopt.model.gptoss import fill_gpt_oss
from prefopt.model.identity import BaseIdentity
from prefopt.model.load import Base, load_base, model_config
from prefopt.model.plan import Machine, Run, counted_of, make_plan
from tests.gptoss import VOCABULARY, make_checkpoint

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
SIZES = {"hidden_size": 512, "intermediate_size": 512, "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 64}


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("wide") / "base", layers=6, window=128, **SIZES)


def test_fused_attention_on_cuda_equals_eager(wide: Path) -> None:
    ids = torch.randint(3, VOCABULARY, (2, 300), generator=torch.Generator().manual_seed(0)).cuda()
    logits = []
    for attention in ("eager", "sdpa"):
        model = load_base(ModelSettings(path=str(wide), device="cuda", dtype="float32", attention=attention)).model
        with torch.no_grad():
            logits.append(model(ids).logits)
    assert (logits[0] - logits[1]).abs().max() <= 1e-3


def test_layers_on_a_gpu_and_in_main_memory_compute_and_learn_the_same(wide: Path) -> None:
    """A GPU and the CPU represent two GPUs; each holds half of the layers."""
    ids = torch.randint(3, VOCABULARY, (2, 200), generator=torch.Generator().manual_seed(0))
    results = []
    for devices in ([torch.device("cuda")], [torch.device("cuda"), torch.device("cpu")]):
        lm = fill_gpt_oss(open_checkpoint(wide), model_config(wide), devices, torch.float32, free_bytes=[2**30] * len(devices))
        lm.requires_grad_(False).eval()
        model = fresh_adapter(Base(lm, None, wide, BaseIdentity("", {}), {}), AdapterSettings(rank=8, alpha=16), 0).train()  # type: ignore[arg-type]  # no text
        assert {p.device.type for p in model.parameters()} == {device.type for device in devices}
        logits = model(ids.cuda()).logits
        logits.square().mean().backward()
        results.append((logits.detach().cpu(), [p.grad.cpu() for p in model.parameters() if p.requires_grad]))
    assert (results[0][0] - results[1][0]).abs().max() <= 1e-3
    largest = max(gradient.abs().max() for gradient in results[0][1])
    assert all((a - b).abs().max() <= 1e-3 * largest for a, b in zip(results[0][1], results[1][1], strict=True))


def test_the_planned_peak_equals_the_allocated_peak(wide: Path) -> None:
    """Of a step without logits, which the plan counts apart: their tile may be the larger moment."""
    settings, adapter = ModelSettings(path=str(wide), device="cuda"), AdapterSettings(rank=8, alpha=16)
    before = torch.cuda.memory_allocated()
    model = fresh_adapter(load_base(settings), adapter, 0).train()
    machine = Machine(torch.cuda.get_device_name(), "cuda", torch.cuda.get_device_properties(0).total_memory, is_here=True)
    run = Run(settings, adapter, 1024, 4)  # after loading: the way of computing experts has then been measured for the card
    plan, step = make_plan(run, machine), counted_of(run, machine).step(4)
    model.gradient_checkpointing_enable({"use_reentrant": False})
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5)
    ids = torch.randint(3, VOCABULARY, (4, 1024), generator=torch.Generator().manual_seed(0)).cuda()
    for _ in range(2):
        torch.cuda.reset_peak_memory_stats()
        hidden = model.get_base_model().get_decoder()(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).last_hidden_state
        hidden.backward(torch.full_like(hidden, 1e-3))
        optimizer.step()
        optimizer.zero_grad()
    planned = plan.total - plan.parts["reserve"] - plan.parts["worst moment"] + step.layer
    assert planned == pytest.approx(torch.cuda.max_memory_allocated() - before, rel=0.1)


def test_the_benchmark_measures_a_model_that_computes_as_a_loaded_one(wide: Path) -> None:
    loaded = load_base(ModelSettings(path=str(wide), device="cuda")).model
    measured = gpt_oss_shape.ours(Namespace(shape="small", rank=8, attention_only=False), torch.device("cuda")).get_base_model()
    for kind in (GptOssAttention, GptOssRMSNorm):
        forwards = [{module.forward.__func__ for module in model.modules() if type(module) is kind} for model in (loaded, measured)]
        assert len(forwards[0]) == 1
        assert forwards[0] == forwards[1]
