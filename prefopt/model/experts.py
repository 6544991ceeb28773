"""gpt-oss experts in four bits: frozen MXFP4 stacks that are dequantized while they are used, and LoRA on them.

On a CPU the forward pass dequantizes one expert after the other, and the backward pass dequantizes them again instead of keeping them. The
experts therefore take their MXFP4 bytes plus one expert in the compute dtype. On a CUDA device all experts of a stack are computed at once,
by prefopt.model.grouped or, where rows are few, by prefopt.model.fused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch
from peft.tuners.lora.layer import LoraLayer
from torch import Tensor, nn

from prefopt.errors import ModelError
from prefopt.model.activation import clamped_swiglu, fused_clamped_swiglu
from prefopt.model.expert_rows import ExpertRows, TokenRows
from prefopt.model.fused import fused_product
from prefopt.model.grouped import SCRATCH, grouped_product
from prefopt.model.mxfp4 import GROUP, dequantize, quantize

if TYPE_CHECKING:
    from peft import LoraConfig
    from transformers import GptOssConfig


FUSED_ROWS = 1024
"""Rows up to which experts are decoded while they are multiplied, where nothing was measured: by arithmetic, at a ninth of the products'
full rate, writing the weights of gpt-oss-20b out costs more than they do (benchmarks/gpu_arithmetic.py)."""

Way = Literal["loop", "grouped", "fused"]
"""How products are computed: one expert after the other, or all at once, from weights that are written out or decoded in registers."""


class _LoopedProduct(torch.autograd.Function):
    """x [rows, in], sorted by expert, times each expert's frozen W [in, out], plus x @ A.T @ B.

    Args of `apply`: x; the stack; rows of each expert; A [E, r, in] and B [E, r, out], or None twice. The low-rank product is computed in
    the dtype of A and B and added to the expert's rows of the result. The backward pass needs only x and x @ A.T; W gets no gradient.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, stack: ExpertStack, counts: Sequence[int], down: Tensor | None, up: Tensor | None) -> Tensor:
        out = x.new_empty(x.shape[0], stack.out_features)
        low: Any = None if down is None else down.new_empty(x.shape[0], down.shape[1])
        for expert, rows in _row_ranges(counts):
            torch.matmul(x[rows], stack.expert(expert, x.dtype), out=out[rows])
            if down is not None and up is not None:
                torch.matmul(x[rows].to(down.dtype), down[expert].t(), out=low[rows])
                _add_product(out[rows], low[rows], up[expert])
        ctx.stack, ctx.counts = stack, counts
        ctx.save_for_backward(*((x, low, down, up) if down is not None else ()))
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        kept: tuple[Any, ...] = ctx.saved_tensors or (None,) * 4
        x, low, down, up = kept
        # with y = x W + l B and l = x A.T:  dx = dy W.T + dl A,  dl = dy B.T,  dA = dl.T x,  dB = l.T dy
        by_x = grad.new_empty(grad.shape[0], ctx.stack.in_features)
        by_down: Any = None if down is None else torch.zeros_like(down)
        by_up: Any = None if up is None else torch.zeros_like(up)
        for expert, rows in _row_ranges(ctx.counts):
            torch.matmul(grad[rows], ctx.stack.expert(expert, grad.dtype).t(), out=by_x[rows])
            if down is not None:
                above = grad[rows].to(up.dtype)
                by_low = above @ up[expert].t()
                torch.matmul(by_low.t(), x[rows].to(down.dtype), out=by_down[expert])
                torch.matmul(low[rows].t(), above, out=by_up[expert])
                _add_product(by_x[rows], by_low, down[expert])
        return by_x, None, None, by_down, by_up


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """total += left @ right, with the product computed in the dtype of its factors."""
    if total.dtype == left.dtype:
        total.addmm_(left, right)
    else:
        total += left @ right  # the sum is rounded, once


def _row_ranges(counts: Sequence[int]) -> list[tuple[int, slice]]:
    """Every expert that has rows, with the range of its rows."""
    ranges = []
    start = 0
    for expert, count in enumerate(counts):
        if count:
            ranges.append((expert, slice(start, start + count)))
        start += count
    return ranges


class ExpertStack(nn.Module):
    """Frozen weights of all experts: [E, in, out] when dequantized, stored as MXFP4 blocks and scales (see prefopt.model.mxfp4)."""

    blocks: Tensor
    scales: Tensor
    way: Way | Literal["auto", "at_once"] = "auto"
    """How products are computed. at_once: fused up to fused_rows rows, then grouped; auto: at once on a CUDA device, else in a loop."""
    fused_rows: int = FUSED_ROWS
    scratch: int = SCRATCH
    """Bytes of weights that are written out at once; where all experts take more, some experts are computed at a time."""

    def __init__(self, blocks: Tensor, scales: Tensor) -> None:
        super().__init__()
        self.num_experts, self.out_features, groups, _ = blocks.shape
        self.in_features = groups * GROUP
        self.register_buffer("blocks", blocks)
        self.register_buffer("scales", scales)

    @property
    def weight(self) -> Tensor:
        """The stored bytes. PEFT reads device and dtype of a layer's `weight`; from uint8 it does not take over the dtype."""
        return self.blocks

    def expert(self, index: int, dtype: torch.dtype) -> Tensor:
        """Dequantized weights [in, out] of one expert."""
        return dequantize(self.blocks[index], self.scales[index], dtype)

    def way_for(self, x: Tensor, rows: int) -> Way:
        """How the product of so many rows is computed, on the device of x."""
        if self.way == "at_once" or (self.way == "auto" and x.is_cuda):
            return "fused" if rows <= self.fused_rows else "grouped"
        return "loop" if self.way == "auto" else self.way

    def forward(self, x: Tensor, rows: ExpertRows, down: Tensor | None = None, up: Tensor | None = None) -> Tensor:
        """Product of each row with its expert's weights.

        Args:
            x: [rows, in], sorted by expert.
            rows: the expert of each row.
            down: A [E, r, in] of a low-rank update; None for none.
            up: B [E, r, out] of the update.

        Returns:
            [rows, out].
        """
        way = self.way_for(x, len(x))
        if way != "loop":
            return (fused_product if way == "fused" else grouped_product)(x, self, rows, down, up)
        result: Tensor = _LoopedProduct.apply(x, self, rows.counts, down, up)  # type: ignore[no-untyped-call]  # torch declares apply untyped
        return result


class Mxfp4Experts(nn.Module):
    """Replacement for transformers' GptOssExperts with the same inputs and outputs; the weights are frozen and in four bits."""

    def __init__(self, config: GptOssConfig, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        experts, hidden, inner = config.num_local_experts, config.hidden_size, config.intermediate_size
        self.num_experts = experts
        self.alpha, self.limit = config.swiglu_alpha, config.swiglu_limit
        self.gate_up = _empty_stack(experts, hidden, 2 * inner, device)
        self.down = _empty_stack(experts, inner, hidden, device)
        self.gate_up_proj_bias = nn.Parameter(torch.empty(experts, 2 * inner, device=device, dtype=dtype), requires_grad=False)
        self.down_proj_bias = nn.Parameter(torch.empty(experts, hidden, device=device, dtype=dtype), requires_grad=False)

    def forward(self, hidden_states: Tensor, router_indices: Tensor, routing_weights: Tensor) -> Tensor:
        """Sum of each token's K experts, weighted: hidden_states [T, H], router_indices [T, K], routing_weights [T, K] -> [T, H].

        Rows are sorted by expert, put back, and summed over K in a fixed order, so every run gives the same bits, also on CUDA, where
        adding with atomics would not.
        """
        stack: ExpertStack = getattr(self.gate_up, "base_layer", self.gate_up)  # PEFT replaces the stack by a LoraExpertStack
        if stack.way_for(hidden_states, router_indices.numel()) != "loop":
            return self._at_once(hidden_states, router_indices, routing_weights)
        tokens, chosen = router_indices.shape
        expert_of_row, order = torch.sort(router_indices.reshape(-1), stable=True)
        rows = ExpertRows(expert_of_row, self.num_experts)
        # row order[i] of the K rows per token belongs to token order[i] // K
        gate_up = self.gate_up(hidden_states[order // chosen], rows)
        inner = clamped_swiglu(gate_up, self.gate_up_proj_bias, rows, self.alpha, self.limit)
        out = self.down(inner, rows) + self.down_proj_bias[expert_of_row]
        back = torch.empty_like(order)
        back[order] = torch.arange(order.shape[0], device=order.device)
        out = out[back].view(tokens, chosen, -1) * routing_weights.unsqueeze(-1)
        summed: Tensor = out.sum(dim=1)
        return summed.to(hidden_states.dtype)

    def _at_once(self, hidden_states: Tensor, router_indices: Tensor, routing_weights: Tensor) -> Tensor:
        """The same with few launches."""
        of_tokens = TokenRows.of_choices(router_indices, self.num_experts)
        gate_up = self.gate_up(of_tokens.spread(hidden_states), of_tokens.rows)
        activate = clamped_swiglu if gate_up.device.type == "cpu" else fused_clamped_swiglu
        inner = activate(gate_up, self.gate_up_proj_bias, of_tokens.rows, self.alpha, self.limit)
        return of_tokens.summed(self.down(inner, of_tokens.rows), self.down_proj_bias, routing_weights)


def _empty_stack(experts: int, inputs: int, outputs: int, device: torch.device) -> ExpertStack:
    if inputs % GROUP:
        raise ModelError(f"the input size of MXFP4 experts must be a multiple of {GROUP}, not {inputs}")
    shape = (experts, outputs, inputs // GROUP)
    blocks = torch.empty(*shape, GROUP // 2, dtype=torch.uint8, device=device)
    return ExpertStack(blocks, torch.empty(shape, dtype=torch.uint8, device=device))


def quantize_experts(model: nn.Module) -> nn.Module:
    """Quantize every GptOssExperts of a model in memory. To read a checkpoint, use `load_base`, which never holds both versions."""
    from transformers.models.gpt_oss.modeling_gpt_oss import GptOssExperts

    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, GptOssExperts):
                setattr(module, name, _quantized(child))
    return model


def _quantized(source: Any) -> Mxfp4Experts:
    bias = source.gate_up_proj_bias
    experts = Mxfp4Experts(source.config, bias.device, bias.dtype)
    for stack, weights in ((experts.gate_up, source.gate_up_proj), (experts.down, source.down_proj)):
        stack.blocks, stack.scales = quantize(weights.detach())
    experts.gate_up_proj_bias.data.copy_(source.gate_up_proj_bias.data)
    experts.down_proj_bias.data.copy_(source.down_proj_bias.data)
    return experts


class LoraExpertStack(nn.Module, LoraLayer):  # type: ignore[misc]  # peft has no types
    """LoRA on an ExpertStack: one A [r, in] and B [out, r] per expert, stored in the shapes of PEFT's `target_parameters`.

    lora_A.weight is [E * r, in] (expert-major), lora_B.weight is [out, r * E] (rank-major), both float32, as stock PEFT and vLLM read them.
    """

    # LoraLayer, a mixin without types, sets these: mostly a dictionary from an adapter's name to its value
    base_layer: Any
    lora_A: Any  # noqa: N815  # PEFT's name, and part of the keys on disk
    lora_B: Any  # noqa: N815  # as above
    lora_dropout: Any
    r: Any
    lora_alpha: Any
    scaling: Any
    use_dora: Any
    use_rslora: Any
    lora_bias: Any
    in_features: int
    out_features: int
    active_adapters: Any
    disable_adapters: Any
    get_base_layer: Any
    reset_lora_parameters: Any
    set_adapter: Any
    _move_adapter_to_device_of_base_layer: Any

    def __init__(
        self, base_layer: ExpertStack, adapter_name: str, config: LoraConfig, r: int = 0, lora_alpha: int = 1, **kwargs: Any
    ) -> None:
        super().__init__()
        LoraLayer.__init__(self, base_layer, **kwargs)
        self._active_adapter = adapter_name
        self.update_layer(adapter_name, r, lora_alpha=lora_alpha, config=config)

    def _get_in_out_features(self, module: Any) -> tuple[int, int]:
        """Sizes for LoraLayer, whose own version warns about layers that it does not know."""
        return module.in_features, module.out_features

    def update_layer(self, adapter_name: str, r: int, lora_alpha: int, config: LoraConfig, **kwargs: Any) -> None:
        """Add an adapter (called by PEFT). Raises ModelError for options that do not work on four-bit experts."""
        _refuse_variants(config)
        experts = self.get_base_layer().num_experts
        self.r[adapter_name] = r
        self.lora_alpha[adapter_name] = lora_alpha
        self.lora_dropout.update({adapter_name: nn.Identity()})
        self.use_dora[adapter_name] = False
        self.lora_bias[adapter_name] = False
        self.use_rslora[adapter_name] = config.use_rslora
        self.scaling[adapter_name] = lora_alpha / (math.sqrt(r) if config.use_rslora else r)
        self.lora_A[adapter_name] = nn.Linear(self.in_features, r * experts, bias=False, dtype=torch.float32)
        self.lora_B[adapter_name] = nn.Linear(r * experts, self.out_features, bias=False, dtype=torch.float32)
        self.reset_lora_parameters(adapter_name, config.init_lora_weights)
        self._move_adapter_to_device_of_base_layer(adapter_name)
        self.set_adapter(self.active_adapters, inference_mode=config.inference_mode)

    def forward(self, x: Tensor, rows: ExpertRows) -> Tensor:
        """ExpertStack.forward plus scaling * x @ A_e.T @ B_e.T of every active adapter."""
        names = [] if self.disable_adapters else [name for name in self.active_adapters if name in self.lora_A]
        result: Tensor = self.base_layer(x, rows, *self._by_expert(names))
        return result

    def _by_expert(self, names: Sequence[str]) -> tuple[Tensor, Tensor] | tuple[None, None]:
        """A [E, r, in] and scaling * B [E, r, out] of the named adapters, concatenated over their ranks."""
        if not names:
            return None, None
        experts = self.get_base_layer().num_experts
        downs = [self.lora_A[name].weight.view(experts, self.r[name], self.in_features) for name in names]
        ups = [self.lora_B[name].weight.view(self.out_features, self.r[name], experts).permute(2, 1, 0) for name in names]
        scaled = [up.contiguous() * self.scaling[name] for name, up in zip(names, ups, strict=True)]
        return (downs[0], scaled[0]) if len(names) == 1 else (torch.cat(downs, dim=1), torch.cat(scaled, dim=1))

    def merge(self, *args: Any, **kwargs: Any) -> None:
        """Not supported: the sum cannot be stored in four bits."""
        raise ModelError(
            "an adapter cannot be merged into MXFP4 experts without losing most of it",
            hint="write a merged checkpoint with prefopt.model.merge.merge_adapter",
        )

    unmerge = merge


def _refuse_variants(config: LoraConfig) -> None:
    options = {
        "lora_dropout": config.lora_dropout,
        "use_dora": config.use_dora,
        "lora_bias": config.lora_bias,
        "init_lora_weights": not isinstance(config.init_lora_weights, bool) and config.init_lora_weights != "gaussian",
    }
    for option, value in options.items():
        if value:
            raise ModelError(f"LoRA on experts does not work with {option}", hint="remove the option, or set adapter.experts = false")
