"""Training recipes: preferences and a parent adapter in, an adapter out.

`sft`, `consensus`, `dpo`, `orpo` and `kto` are one recipe a file, to read from top to bottom and to copy (`prefopt recipes copy dpo
my_dpo.py`). The modules below are what they are made of. Their names without a leading underscore are public: a copied recipe imports
nothing else, and CHANGELOG.md lists what changes in them.

Without torch, so that options can be read quickly:

    options         the options that recipes share, and their base class
    tokenization    problems, pairs and judged answers -> rows of token ids; refuses what does not fit
    rehearsal       rows of earlier data, mixed in against forgetting
    validation      rows set aside
    sampler         which rows are trained together, by seed and epoch
    batching        how an update is cut into forward passes, and shared among processes
    schedule        how many updates a run makes, and the learning rate of each
    class_weights   KTO's weights of desirable and undesirable rows
    label_balance   weights that keep how often each label is taught
    sft_schedule    where a round starts, and the SFT stage's schedule for it

With torch, for the body of functions:

    training        a run: base and adapter, trainer arguments, training, the saved adapter
    prompt_sharing  the engine: transformers' Trainer over rows in which the prompt is computed once
    packing         such rows and their masks
    logprobs        log-probabilities of completion tokens without the logits of all positions
    losses          losses of pairs: those that TRL lacks, and those it shares
    metrics         what is logged
    reference       log-probabilities under the reference, computed once and cached
    invariants      what must hold before, during and after a run
    callbacks       metrics.jsonl, progress, and the reasons to stop
    checkpoints     complete checkpoints, and resuming from the newest
    limits          memory and disk
    distributed     the processes of a run
    determinism     kernels that give the same bits on every run
    trackers        TensorBoard, Weights & Biases and others, on this machine only
    trl_head        the model's own logits where TRL's fused head has others
    trl_weights     a weight per row, on TRL's own losses
"""

import prefopt.model  # noqa: F401 - sets how torch's threads wait, before a recipe imports torch

__all__ = [
    "batching",
    "callbacks",
    "checkpoints",
    "class_weights",
    "determinism",
    "distributed",
    "invariants",
    "label_balance",
    "limits",
    "logprobs",
    "losses",
    "metrics",
    "options",
    "packing",
    "prompt_sharing",
    "reference",
    "rehearsal",
    "sampler",
    "schedule",
    "sft_schedule",
    "tokenization",
    "trackers",
    "training",
    "trl_head",
    "trl_weights",
    "validation",
]
