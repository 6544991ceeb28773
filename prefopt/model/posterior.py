"""Exact log P(label | prompt) of every label of a taxonomy, with one forward pass per batch.

The tokens of all labels form a prefix tree. A row of the batch is [prompt | inner nodes of the tree | padding]. Each node attends to the
prompt and its own ancestors, at the position that it has in its label, so one prompt plus some hundred tokens replaces one prompt per
label. The tokens that all prompts begin with are computed once (posterior_prefix.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from prefopt.errors import ModelError
from prefopt.model.decoding import own_logits
from prefopt.model.head import Head
from prefopt.model.out_of_memory import FittingRows, memory_explained
from prefopt.model.packed import causal_lm, inputs_device, packed_hidden, text_config
from prefopt.model.posterior_prefix import SharedPrefix, common_prefix
from prefopt.model.support import Support, support_of
from prefopt.protocols import OnStep, ignore_steps

LOGIT_BYTES = 256 * 2**20
"""Size limit of the logits that exist at once."""
CPU_ATTENTION_BYTES = 8 * 2**20
"""Size limit of a layer's attention scores on a CPU. Beyond the caches, a larger batch takes twice as long per prompt."""


class LabelTree:
    """Prefix tree over the token sequences of labels.

    Args:
        sequences: tokens of each label with its closing token, so that none is a prefix of another.

    Attributes:
        tokens: token of each node [n].
        parents: parent of each node [n], -1 for the first tokens of labels; a parent comes before its children.
        depths: count of ancestors of each node [n].
        inner: nodes with children [m]; only these are inputs of the forward pass.
        paths: nodes of each label, in order.

    Raises:
        ModelError: a sequence is empty, appears twice, or is a prefix of another.
    """

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        self.tokens: list[int] = []
        self.parents: list[int] = []
        self.depths: list[int] = []
        self.children: dict[int, dict[int, int]] = {-1: {}}
        self.paths: list[list[int]] = [self._add(sequence) for sequence in sequences]
        self.inner = [node for node in range(len(self.tokens)) if self.children[node]]
        ends = [path[-1] if path else -1 for path in self.paths]
        if len(set(ends)) < len(ends) or any(self.children[end] for end in ends):
            raise ModelError("the tokens of one label equal or begin those of another, so the posterior would be wrong")

    def _add(self, sequence: Sequence[int]) -> list[int]:
        node, path = -1, []
        for depth, token in enumerate(sequence):
            if token not in self.children[node]:
                self.children[node][token] = len(self.tokens)
                self.children[len(self.tokens)] = {}
                self.tokens.append(token)
                self.parents.append(node)
                self.depths.append(depth)
            node = self.children[node][token]
            path.append(node)
        return path

    def __len__(self) -> int:
        return len(self.paths)

    def ancestry(self) -> Tensor:
        """bool [m, m]: whether inner node j is inner node i or one of its ancestors."""
        position = {node: i for i, node in enumerate(self.inner)}
        related = torch.zeros(len(self.inner), len(self.inner), dtype=torch.bool)
        for node, i in position.items():
            ancestor = node
            while ancestor >= 0:
                related[i, position[ancestor]] = True
                ancestor = self.parents[ancestor]
        return related


def label_log_likelihoods(
    model: nn.Module,
    prompts: Sequence[Sequence[int]],
    tree: LabelTree,
    *,
    batch_size: int,
    memory_mb: int = 0,
    free_bytes: int | None = None,
    share_prefix: bool = True,
    on_step: OnStep = ignore_steps,
) -> np.ndarray:
    """log P(label | prompt) of each prompt and label, natural logarithm: float64 [N, L].

    Prompts of similar length share a batch; the result is in the given order. A batch for which memory runs out is computed in halves.

    Args:
        model: a causal LM, with or without an adapter, including gpt-oss with sinks and sliding windows.
        prompts: token ids up to the start of a label.
        tree: the labels' tokens.
        batch_size: largest number of prompts per forward pass; long prompts on a CPU get smaller batches.
        memory_mb: MiB that a forward pass may use in addition to the weights (see bytes_of_row); long prompts get smaller batches.
            0 for no limit but free_bytes.
        free_bytes: bytes beside the weights, where they are known: batches are planned to fit into them. Not with memory_mb.
        share_prefix: compute the tokens that all prompts begin with only once.
        on_step: progress in prompts.

    Raises:
        ModelError: a likelihood is not finite; a single prompt needs more than memory_mb, or more memory than there is.
    """
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
    result = np.empty((len(prompts), len(tree)), dtype=np.float64)
    lm = causal_lm(model)
    support = support_of(lm, max(map(len, prompts), default=0) + max(map(len, tree.paths)) - 1)
    logit_bytes = _logit_bytes(memory_mb * 2**20 or free_bytes)
    if support.packed:
        for done, i in enumerate(order, 1):
            result[i] = one_by_one(lm, prompts[i], tree, logit_bytes).cpu().numpy()
            on_step(done, len(order), "scoring labels one by one")
        return _finite(result)
    with memory_explained("computing what all problems begin with", hint="shorten instructions under [prompt], or use a larger machine"):
        prefix = _prefix(support, prompts if share_prefix and not support.prefix else ())
    longest = max(map(len, prompts), default=0)
    fitting = FittingRows(lm, "scoring {} problems at once", alone=_alone(longest), hint="shorten the longest problem")
    done = 0
    while done < len(order):
        most = fitting.at_most(batch_size)
        longest = len(prompts[order[min(done + most, len(order)) - 1]])
        most = _rows_at_once(lm, longest - len(prefix) + len(tree.inner), len(prefix), most, memory_mb, free_bytes)
        rows = order[done : done + most]

        def score(count: int, rows: Sequence[int] = rows) -> np.ndarray:
            return np.asarray(_score([prompts[i] for i in rows[:count]], tree, support, prefix, logit_bytes).cpu())

        found, scored = fitting.run(score, len(rows))
        result[rows[:scored]] = found
        done += scored
        on_step(done, len(order), "scoring labels")
    return _finite(result)


def _alone(tokens: int) -> str:
    return f"scoring one problem (the longest prompt has {tokens} tokens) with its labels"


def _finite(result: np.ndarray) -> np.ndarray:
    if not np.isfinite(result).all():
        raise ModelError("a label's likelihood is not finite: the model or its adapter is broken")
    return result


@torch.no_grad()
def _prefix(support: Support, prompts: Sequence[Sequence[int]]) -> SharedPrefix:
    return SharedPrefix(support.decoder, common_prefix(prompts))


@torch.no_grad()
def one_by_one(model: Any, prompt: Sequence[int], tree: LabelTree, logit_bytes: int = LOGIT_BYTES) -> Tensor:
    """Log-likelihoods float64 [L] by the model's own forward pass of [prompt | label], without padding, masks or caches: slow, and right
    for any causal LM. Labels with the same number of tokens share a batch.

    Args:
        model: a causal LM of transformers.
        prompt: token ids up to the start of a label.
        tree: the labels' tokens.
        logit_bytes: size limit of the logits that exist at once.
    """
    device = inputs_device(model)
    vocabulary = int(model.get_input_embeddings().weight.shape[0])
    found = torch.empty(len(tree), dtype=torch.float64)
    by_length: dict[int, list[int]] = {}
    for label, path in enumerate(tree.paths):
        by_length.setdefault(len(path), []).append(label)
    for length, labels in sorted(by_length.items()):
        step = max(1, logit_bytes // (4 * vocabulary * (len(prompt) + length)))
        fitting = FittingRows(model, "scoring {} labels at once", alone=_alone(len(prompt)), hint="shorten the longest problem")
        start = 0
        while start < len(labels):
            batch = labels[start : start + fitting.at_most(step)]

            def score(count: int, batch: Sequence[int] = batch, length: int = length) -> Tensor:
                tokens = torch.tensor([[tree.tokens[node] for node in tree.paths[label]] for label in batch[:count]], device=device)
                rows = torch.cat([torch.tensor([list(prompt)], device=device).expand(count, -1), tokens[:, :-1]], dim=1)
                logits = own_logits(model, rows, length, use_cache=False)
                chosen = logits.log_softmax(-1).gather(2, tokens[:, :, None].to(logits.device))[:, :, 0]
                return chosen.double().sum(dim=1).cpu()

            scores, scored = fitting.run(score, len(batch))
            found[batch[:scored]] = scores
            start += scored
    return found


def _rows_at_once(model: Any, length: int, prefix: int, batch_size: int, memory_mb: int, free: int | None) -> int:
    """Batch size for rows of `length` tokens after the prefix. Raises ModelError as label_log_likelihoods."""
    if not memory_mb and free is not None:
        fused = model.config._attn_implementation != "eager"
        available = free - 3 * _logit_bytes(free)
        batch_size = max(1, min(batch_size, available // bytes_of_row(model, length, prefix, fused=fused)))
    if memory_mb:
        available = memory_mb * 2**20 - 3 * _logit_bytes(memory_mb * 2**20)
        batch_size = min(batch_size, available // bytes_of_row(model, length, prefix))
        if batch_size < 1:
            need = bytes_of_row(model, length, prefix) * 8 // (5 * 2**20) + 1  # 3/8 of memory_mb is for logits
            raise ModelError(
                f"a prompt of {length + prefix} tokens with its labels takes about {need} MiB, and posterior.memory_mb is {memory_mb}",
                hint="raise memory_mb under [posterior] in prefopt.toml, or shorten the problem",
            )
    if model.device.type != "cpu":
        return batch_size
    per_row = _number(text_config(model), "num_attention_heads", 1) * length * (length + prefix) * 4
    return max(1, min(batch_size, CPU_ATTENTION_BYTES // per_row))


def _logit_bytes(available: int | None) -> int:
    """Size limit of a block of logits; three copies of it exist at once, so it is at most 1/8 of the bytes that are available."""
    return LOGIT_BYTES if available is None else min(LOGIT_BYTES, available // 8)


def bytes_of_row(model: Any, length: int, prefix: int, *, fused: bool = False) -> int:
    """Upper limit of the bytes of one row in addition to the weights, from the shapes of eager attention and its masks.

    One layer's attention exists at a time: four copies of the scores (products, with sinks, after softmax, without sinks), and keys and
    values repeated for all heads. In addition: two masks with their inputs, and twelve copies of the hidden states.

    Args:
        model: a causal LM of transformers.
        length: tokens of the row after the prefix.
        prefix: tokens of the shared prefix.
        fused: the attention never stores scores; two further copies of the mask are counted in their place.
    """
    config, item = text_config(model), int(model.dtype.itemsize)
    heads, size = _number(config, "num_attention_heads", 1), _number(config, "hidden_size", 1)
    per_head = _number(config, "head_dim", size // heads)
    keys = length + prefix
    experts = _number(config, "num_experts_per_tok", 1)
    scores = (2 if fused else 4 * heads) * length * keys * item
    repeated = 4 * heads * keys * per_head * item
    masks = length * keys * (3 + 2 * item + 8)
    states = length * (12 * size + 4 * experts * _number(config, "intermediate_size", 4 * size)) * max(item, 4)
    return scores + repeated + masks + states


def _number(config: Any, name: str, otherwise: int) -> int:
    """A number of a config; the largest of a list with one for each layer."""
    value = getattr(config, name, None) or otherwise
    return int(max(value) if isinstance(value, (list, tuple)) else value)


@torch.no_grad()
def _score(prompts: Sequence[Sequence[int]], tree: LabelTree, support: Support, prefix: SharedPrefix, logit_bytes: int) -> Tensor:
    """Log-likelihoods float64 [B, L]; all prompts begin with the prefix and have at least one further token."""
    decoder, head = support.parts
    device = next(decoder.parameters()).device
    rests = [prompt[len(prefix) :] for prompt in prompts]
    ids, positions, visible = (x.to(device) for x in _rows(rests, tree, len(prefix)))
    before = torch.arange(len(prefix), device=device).expand(len(prompts), -1)
    lengths = torch.tensor([len(rest) for rest in rests])
    # column 0: the prompt's last token, which predicts the labels' first tokens; column 1 + i: inner node i
    columns = (lengths[:, None] - 1 + torch.arange(len(tree.inner) + 1)[None]).to(device)
    keys = torch.cat([before, positions], dim=1)
    hidden = packed_hidden(decoder, ids, positions, visible, columns, keys=keys, cache=prefix.cache())
    edges = _edge_log_probabilities(hidden, tree, head, logit_bytes)
    return torch.stack([edges[:, path].sum(dim=1) for path in tree.paths], dim=1)


def _rows(rests: Sequence[Sequence[int]], tree: LabelTree, before: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs for rows [rest of the prompt | inner nodes | padding], after `before` tokens of the prefix.

    Returns:
        Token ids [B, T], positions [B, T], and bool [B, T, before + T]: whether a query attends to a key.
    """
    nodes, longest = len(tree.inner), max(len(rest) for rest in rests)
    size = longest + nodes
    ids = torch.zeros(len(rests), size, dtype=torch.long)
    positions = torch.zeros(len(rests), size, dtype=torch.long)
    visible = torch.eye(size, dtype=torch.bool).repeat(len(rests), 1, 1)  # padding attends to itself: softmax needs a key
    tokens = torch.tensor([tree.tokens[n] for n in tree.inner], dtype=torch.long)
    depths = torch.tensor([tree.depths[n] for n in tree.inner], dtype=torch.long)
    ancestry = tree.ancestry()
    for row, rest in enumerate(rests):
        p = len(rest)
        ids[row, :p], ids[row, p : p + nodes] = torch.tensor(rest), tokens
        positions[row, :p], positions[row, p : p + nodes] = before + torch.arange(p), before + p + depths
        visible[row, :p, :p] = torch.ones(p, p, dtype=torch.bool).tril()
        visible[row, p : p + nodes, :p] = True
        visible[row, p : p + nodes, p : p + nodes] = ancestry
    shared = torch.ones(len(rests), size, before, dtype=torch.bool)
    return ids, positions, torch.cat([shared, visible], dim=2)


def _edge_log_probabilities(hidden: Tensor, tree: LabelTree, head: Head, logit_bytes: int) -> Tensor:
    """log P(token of a node | prompt and ancestors): hidden [B, 1 + m, H] of the prompt's end and the inner nodes -> float64 [B, n]."""
    row_of = {node: 1 + i for i, node in enumerate(tree.inner)} | {-1: 0}
    parents = torch.tensor([row_of[p] for p in tree.parents], device=hidden.device)
    tokens = torch.tensor(tree.tokens, device=hidden.device)
    edges = hidden.new_empty(hidden.shape[0], len(tree.tokens), dtype=torch.float64)
    step = max(1, logit_bytes // (4 * len(head) * hidden.shape[0]))
    for start in range(0, hidden.shape[1], step):
        logits = head.logits(hidden[:, start : start + step])
        chosen = torch.nonzero((parents >= start) & (parents < start + step)).squeeze(1)
        normalizer = torch.logsumexp(logits, dim=-1)
        rows = parents[chosen] - start
        edges[:, chosen] = (logits[:, rows, tokens[chosen]] - normalizer[:, rows]).double()
    return edges
